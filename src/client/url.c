#include "client/url.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stddef.h>

#include "base/view.h"

#define SCHEME "ftp://"
#define PORT_DEFAULT 21

bool url_is(const char *text)
{
	return strncasecmp(text, SCHEME, sizeof(SCHEME) - 1) == 0;
}

/*
 * Each function returns NULL, or what is wrong.
 */

static int hex_digit(char byte)
{
	if (byte >= '0' && byte <= '9')
		return byte - '0';
	if (byte >= 'a' && byte <= 'f')
		return byte - 'a' + 10;
	if (byte >= 'A' && byte <= 'F')
		return byte - 'A' + 10;
	return -EINVAL;
}

/* The byte of "%XX" at the start of text, or -EINVAL. */
static int escape_parse(struct view text)
{
	int high;
	int low;

	if (text.length < 3)
		return -EINVAL;
	high = hex_digit(text.at[1]);
	low = hex_digit(text.at[2]);
	return high < 0 || low < 0 ? -EINVAL : 16 * high + low;
}

/* Decodes text into ret_field[0 .. size_bytes), with a NUL; over_long is what is wrong if it does
 * not fit. What no command can carry is refused, and raw control characters, which no URL has. */
static const char *decode(struct view text, char *ret_field, size_t size_bytes,
			  const char *over_long)
{
	size_t at = 0;

	while (text.length > 0) {
		int byte = (unsigned char)*text.at;
		size_t length = 1;

		if (byte < ' ' || byte == 0x7f)
			return "a control character is written %XX";
		if (byte == '%') {
			byte = escape_parse(text);
			length = 3;
		}
		if (byte < 0)
			return "after % come two hexadecimal digits; % itself is written %25";
		if (byte == '\0' || byte == '\r' || byte == '\n')
			return "FTP can carry no NUL and no line end";
		if (at + 1 == size_bytes)
			return over_long;
		ret_field[at++] = (char)byte;
		text = view_skip(text, length);
	}
	ret_field[at] = '\0';
	return NULL;
}

static const char *login_parse(struct view text, struct url *url)
{
	const char *colon = text.length > 0 ? memchr(text.at, ':', text.length) : NULL;
	struct view user = { text.at, colon ? (size_t)(colon - text.at) : text.length };
	const char *reason;

	url->has_user = true;
	reason = decode(user, url->user, sizeof(url->user), "the user is too long");
	if (reason || !colon)
		return reason;
	url->has_password = true;
	return decode(view_skip(text, user.length + 1), url->password, sizeof(url->password),
		      "the password is too long");
}

static bool is_name_byte(char byte)
{
	return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
	       (byte >= '0' && byte <= '9') || byte == '-' || byte == '.' || byte == '_' ||
	       (unsigned char)byte >= 0x80; /* an internationalized name */
}

static bool is_name(const char *text)
{
	for (size_t i = 0; text[i]; i++)
		if (!is_name_byte(text[i]))
			return false;
	return text[0] != '\0';
}

/* What stands between the brackets: an address, perhaps with a zone (RFC 6874). */
static const char *ipv6_parse(struct view text, struct url *url)
{
	char address[INET6_ADDRSTRLEN];
	struct in6_addr unused;
	size_t length;
	const char *reason;

	url->is_ipv6 = true;
	reason = decode(text, url->host, sizeof(url->host), "the host is too long");
	if (reason)
		return reason;

	length = strcspn(url->host, "%");
	if (length >= sizeof(address))
		return "between the brackets stands no IPv6 address";
	memcpy(address, url->host, length);
	address[length] = '\0';
	if (inet_pton(AF_INET6, address, &unused) != 1 ||
	    (url->host[length] == '%' && !is_name(url->host + length + 1)))
		return "between the brackets stands no IPv6 address";
	return NULL;
}

static const char *port_parse(struct view text, struct url *url)
{
	int port = 0;

	if (text.length == 0) /* RFC 3986 section 3.2.3 */
		return NULL;
	for (size_t i = 0; i < text.length; i++) {
		if (text.at[i] < '0' || text.at[i] > '9' || port > UINT16_MAX)
			return "the port is not a number of 1 to 65535";
		port = 10 * port + (text.at[i] - '0');
	}
	if (port < 1 || port > UINT16_MAX)
		return "the port is not a number of 1 to 65535";
	url->port = (uint16_t)port;
	return NULL;
}

static const char *host_parse(struct view text, struct url *url)
{
	const char *reason;
	const char *end;
	struct view host;

	if (text.length > 0 && *text.at == '[') {
		end = memchr(text.at, ']', text.length);
		if (!end)
			return "the bracket of an IPv6 address is not closed";
		host = (struct view){ text.at + 1, (size_t)(end - text.at) - 1 };
		text = view_skip(text, host.length + 2);
		reason = ipv6_parse(host, url);
	} else {
		end = text.length > 0 ? memchr(text.at, ':', text.length) : NULL;
		host = (struct view){ text.at, end ? (size_t)(end - text.at) : text.length };
		text = view_skip(text, host.length);
		reason = decode(host, url->host, sizeof(url->host), "the host is too long");
		if (!reason && host.length == 0)
			return "the host is missing";
		if (!reason && !is_name(url->host))
			return "the host has a character that no name of a host has";
	}
	if (reason || text.length == 0)
		return reason;
	if (*text.at != ':')
		return "after the host comes a port or a path";
	if (!url->is_ipv6 && memrchr(text.at, ':', text.length) != text.at)
		return "an IPv6 address is written in brackets";
	return port_parse(view_skip(text, 1), url);
}

/* Cuts ";type=i" off the end of *path. */
static const char *type_cut(struct view *path, struct url *url)
{
	const char *semicolon = path->length > 0 ? memrchr(path->at, ';', path->length) : NULL;
	struct view parameter;

	if (!semicolon)
		return NULL;
	parameter = view_skip(*path, (size_t)(semicolon - path->at));
	if (parameter.length < 6 || !view_is_word((struct view){ parameter.at, 6 }, ";type="))
		return NULL;
	path->length -= parameter.length;

	parameter = view_skip(parameter, 6);
	if (view_is_word(parameter, "a"))
		url->type = 'A';
	else if (view_is_word(parameter, "i"))
		url->type = 'I';
	else if (view_is_word(parameter, "d"))
		url->type = 'D';
	else if (view_is_word(parameter, "e"))
		url->type = 'E';
	else
		return "the type is none of a, i, d and e";
	return NULL;
}

static const char *path_parse(struct view text, struct url *url)
{
	const char *reason;

	if (text.length > 0 && memchr(text.at, '#', text.length))
		return "# in a path is written %23";
	reason = type_cut(&text, url);
	return reason ? reason : decode(text, url->path, sizeof(url->path), "the path is too long");
}

static const char *parts_parse(struct view text, struct url *url)
{
	const char *slash = text.length > 0 ? memchr(text.at, '/', text.length) : NULL;
	struct view authority = { text.at, slash ? (size_t)(slash - text.at) : text.length };
	struct view path = view_skip(text, slash ? authority.length + 1 : text.length);
	/* The last one, since people write user names of the form "name@domain" as they are. */
	const char *at = authority.length > 0 ? memrchr(authority.at, '@', authority.length) : NULL;
	const char *reason = NULL;

	if (at) {
		struct view login = { authority.at, (size_t)(at - authority.at) };

		authority = view_skip(authority, login.length + 1);
		reason = login_parse(login, url);
	}
	if (!reason)
		reason = host_parse(authority, url);
	if (!reason)
		reason = path_parse(path, url);
	return reason;
}

int url_parse(const char *text, struct url *ret_url, const char **ret_reason)
{
	struct url url = { .port = PORT_DEFAULT };
	const char *reason = "it does not begin with " SCHEME;

	if (url_is(text))
		reason = parts_parse(view_of(text + sizeof(SCHEME) - 1), &url);
	if (reason)
		*ret_reason = reason;
	else
		*ret_url = url;
	explicit_bzero(&url, sizeof(url));
	return reason ? -EINVAL : 0;
}
