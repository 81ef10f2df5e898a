#include "client/url.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct url url;

static void parse(const char *text)
{
	const char *reason = NULL;

	assert_int_equal(url_parse(text, &url, &reason), 0);
	assert_null(reason);
}

static void assert_path(const char *text, const char *path)
{
	parse(text);
	assert_string_equal(url.path, path);
}

/* RFC 1738 section 3.2.2. */
static void a_path_is_relative_unless_it_begins_with_an_escaped_slash(void **state)
{
	(void)state;
	assert_path("ftp://myname@host.dom/%2Fetc/motd", "/etc/motd");
	assert_string_equal(url.user, "myname");
	assert_true(url.has_user);
	assert_false(url.has_password);
	assert_string_equal(url.host, "host.dom");
	assert_false(url.is_ipv6);
	assert_int_equal(url.port, 21);
	assert_int_equal(url.type, 0);
	assert_path("ftp://myname@host.dom/etc/motd", "etc/motd");
	assert_path("ftp://myname@host.dom//etc/motd", "/etc/motd");
	assert_path("ftp://host", "");
	assert_path("ftp://host/", "");
	assert_path("ftp://host//", "/");
	assert_path("ftp://host/%2f", "/");
	assert_path("FTP://host/pub/", "pub/");
}

static void a_path_is_decoded(void **state)
{
	(void)state;
	assert_path("ftp://host/a%20b%25c%3b%23", "a b%c;#");
	assert_path("ftp://host/%C3%A4%ff", "\xc3\xa4\xff");
	assert_path("ftp://host/what?is=this&that:@", "what?is=this&that:@");
	assert_path("ftp://host/a b\xc3\xa4", "a b\xc3\xa4");
	assert_path("ftp://host/%1b", "\x1b");
	assert_path("ftp://host/a@b:c", "a@b:c");
}

/* RFC 1738 section 3.1: an empty user or password is not the same as none. */
static void a_login_may_be_empty_or_none(void **state)
{
	(void)state;
	parse("ftp://@host.com/");
	assert_true(url.has_user);
	assert_string_equal(url.user, "");
	assert_false(url.has_password);
	parse("ftp://host.com/");
	assert_false(url.has_user);
	parse("ftp://foo:@host.com/");
	assert_string_equal(url.user, "foo");
	assert_true(url.has_password);
	assert_string_equal(url.password, "");
}

static void a_login_is_decoded(void **state)
{
	(void)state;
	parse("ftp://me%40example.org:a%3Ab%2fc%40:d@host:2121/x");
	assert_string_equal(url.user, "me@example.org");
	assert_string_equal(url.password, "a:b/c@:d");
	assert_string_equal(url.host, "host");
	assert_int_equal(url.port, 2121);
	parse("ftp://me@example.org:secret@host/x");
	assert_string_equal(url.user, "me@example.org");
	assert_string_equal(url.password, "secret");
	assert_string_equal(url.host, "host");
}

static void a_host_may_be_an_address(void **state)
{
	(void)state;
	parse("ftp://192.0.2.1:65535/");
	assert_string_equal(url.host, "192.0.2.1");
	assert_int_equal(url.port, 65535);
	parse("ftp://u@[2001:db8::1]:1/x");
	assert_string_equal(url.host, "2001:db8::1");
	assert_true(url.is_ipv6);
	assert_int_equal(url.port, 1);
	assert_string_equal(url.path, "x");
	parse("ftp://[::ffff:192.0.2.1]");
	assert_string_equal(url.host, "::ffff:192.0.2.1");
	parse("ftp://[fe80::1%25eth0]/"); /* RFC 6874 */
	assert_string_equal(url.host, "fe80::1%eth0");
	parse("ftp://host:/x"); /* RFC 3986 section 3.2.3 */
	assert_int_equal(url.port, 21);
}

static void a_type_is_cut_off_the_end(void **state)
{
	static const struct {
		const char *text;
		const char *path;
		char type;
	} types[] = {
		{ "ftp://host/x;type=a", "x", 'A' },
		{ "ftp://host/x;type=i", "x", 'I' },
		{ "ftp://host/x;TYPE=D", "x", 'D' },
		{ "ftp://host/x;type=e", "x", 'E' },
		{ "ftp://host/;type=d", "", 'D' },
		{ "ftp://host/a;type=i;type=a", "a;type=i", 'A' },
		{ "ftp://host/a;b", "a;b", 0 },
		{ "ftp://host/a;typ", "a;typ", 0 },
		{ "ftp://host/a%3btype=i", "a;type=i", 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(types); i++) {
		assert_path(types[i].text, types[i].path);
		assert_int_equal(url.type, types[i].type);
	}
}

static void what_is_wrong_is_told(void **state)
{
	static const struct {
		const char *text;
		const char *word; /* of the reason */
	} urls[] = {
		{ "", "ftp://" },
		{ "ftp:/host", "ftp://" },
		{ "http://host/", "ftp://" },
		{ " ftp://host/", "ftp://" },
		{ "ftp://", "host" },
		{ "ftp:///x", "host" },
		{ "ftp://u:p@/x", "host" },
		{ "ftp://:21/x", "host" },
		{ "ftp://ho st/", "host" },
		{ "ftp://host?x", "host" },
		{ "ftp://ho%2fst/", "host" },
		{ "ftp://2001:db8::1/", "brackets" },
		{ "ftp://[::1/", "bracket" },
		{ "ftp://[]/", "IPv6" },
		{ "ftp://[192.0.2.1]/", "IPv6" },
		{ "ftp://[::1%25]/", "IPv6" },
		{ "ftp://[::1%25a/b]/", "bracket" },
		{ "ftp://[00000000000000000000000000000000000000000000000::1]/", "IPv6" },
		{ "ftp://[::1]x/", "after the host" },
		{ "ftp://host:0/", "port" },
		{ "ftp://host:65536/", "port" },
		{ "ftp://host:4294967317/", "port" },
		{ "ftp://host:2a/", "port" },
		{ "ftp://host:-1/", "port" },
		{ "ftp://host/a#b", "%23" },
		{ "ftp://host/a;type=x", "type" },
		{ "ftp://host/a;type=", "type" },
		{ "ftp://host/a;type=ii", "type" },
		{ "ftp://host/a;type=i/b", "type" },
		{ "ftp://host/a%", "%25" },
		{ "ftp://host/a%2", "%25" },
		{ "ftp://host/a%2g", "%25" },
		{ "ftp://host/a%-1", "%25" },
		{ "ftp://host/a%00b", "NUL" },
		{ "ftp://host/a%0d%0aDELE%20b", "line end" },
		{ "ftp://u%0aDELE@host/", "line end" },
		{ "ftp://u:p%0d@host/", "line end" },
		{ "ftp://host/a\nb", "control" },
		{ "ftp://host/a\x7f", "control" },
	};

	(void)state;
	memset(&url, 7, sizeof(url));
	for (size_t i = 0; i < COUNT(urls); i++) {
		const char *reason = NULL;

		assert_int_equal(url_parse(urls[i].text, &url, &reason), -EINVAL);
		assert_non_null(reason);
		assert_non_null(strstr(reason, urls[i].word));
	}
	assert_int_equal(url.port, 0x0707);
}

/* Parses a URL of before, length times 'a', and after. */
static int parse_long(const char *before, size_t length, const char *after, const char **ret_reason)
{
	static char text[PATH_BYTES_MAX + 64];
	size_t at = strlen(before);

	memcpy(text, before, at);
	memset(text + at, 'a', length);
	strcpy(text + at + length, after);
	return url_parse(text, &url, ret_reason);
}

static void each_part_is_bounded(void **state)
{
	static const struct {
		const char *before;
		size_t limit;
		const char *after;
		const char *word; /* of the reason */
	} parts[] = {
		{ "ftp://", LOGIN_FIELD_MAX, "@host/", "user" },
		{ "ftp://u:", LOGIN_FIELD_MAX, "@host/", "password" },
		{ "ftp://", HOST_NAME_BYTES_MAX, "/", "host" },
		{ "ftp://host/", PATH_BYTES_MAX, "", "path" },
		{ "ftp://[::1%25", HOST_NAME_BYTES_MAX - 4, "]/", "host" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(parts); i++) {
		const char *reason = NULL;

		assert_int_equal(parse_long(parts[i].before, parts[i].limit - 1, parts[i].after,
					    &reason),
				 0);
		assert_int_equal(parse_long(parts[i].before, parts[i].limit, parts[i].after,
					    &reason),
				 -EINVAL);
		assert_non_null(strstr(reason, parts[i].word));
	}
}

static void a_url_is_told_from_a_path(void **state)
{
	(void)state;
	assert_true(url_is("ftp://host"));
	assert_true(url_is("Ftp://"));
	assert_false(url_is("ftp:/host"));
	assert_false(url_is("./ftp://host"));
	assert_false(url_is("ftps://host"));
	assert_false(url_is(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_path_is_relative_unless_it_begins_with_an_escaped_slash),
		cmocka_unit_test(a_path_is_decoded),
		cmocka_unit_test(a_login_may_be_empty_or_none),
		cmocka_unit_test(a_login_is_decoded),
		cmocka_unit_test(a_host_may_be_an_address),
		cmocka_unit_test(a_type_is_cut_off_the_end),
		cmocka_unit_test(what_is_wrong_is_told),
		cmocka_unit_test(each_part_is_bounded),
		cmocka_unit_test(a_url_is_told_from_a_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
