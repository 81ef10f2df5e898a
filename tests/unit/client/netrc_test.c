#include "client/netrc.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define VIEW(text) ((struct view){ (text), sizeof(text) - 1 })
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct netrc_login login;

static int find(const char *text, const char *host, const char *user)
{
	memset(&login, 0, sizeof(login));
	return netrc_find(view_of(text), host, user, &login);
}

static void assert_login(const char *user, const char *password)
{
	assert_int_equal(login.has_user, user != NULL);
	assert_string_equal(login.user, user ? user : "");
	assert_int_equal(login.has_password, password != NULL);
	assert_string_equal(login.password, password ? password : "");
	assert_false(login.is_exposed);
}

static const char several[] = "machine one login a password 1\n"
			      "machine two\n"
			      "\tlogin b\n"
			      "\tpassword 2\n"
			      "\taccount c\n"
			      "machine two login d password 4\n"
			      "machine three password 3\r\n"
			      "default login anonymous password me@here\n"
			      "machine four login e password 5\n";

static void a_machine_is_found(void **state)
{
	(void)state;
	assert_int_equal(find(several, "one", NULL), 0);
	assert_login("a", "1");
	assert_false(login.has_account);
	assert_int_equal(find(several, "TWO", NULL), 0);
	assert_login("b", "2");
	assert_true(login.has_account);
	assert_string_equal(login.account, "c");
}

static void a_user_chooses_among_the_logins_of_a_machine(void **state)
{
	(void)state;
	assert_int_equal(find(several, "two", "d"), 0);
	assert_login("d", "4");
	assert_false(login.has_account);
	assert_int_equal(find(several, "three", "whoever"), 0);
	assert_login(NULL, "3");
	assert_int_equal(find(several, "two", "x"), -ENOENT);
}

static void default_is_any_machine_that_was_not_named_before(void **state)
{
	(void)state;
	assert_int_equal(find(several, "five", NULL), 0);
	assert_login("anonymous", "me@here");
	assert_int_equal(find(several, "four", NULL), 0);
	assert_login("anonymous", "me@here");
	assert_int_equal(find(several, "four", "e"), 0);
	assert_login("e", "5");
}

static void none_is_found_where_none_is(void **state)
{
	(void)state;
	assert_int_equal(find("", "one", NULL), -ENOENT);
	assert_int_equal(find("# machine one login a\n", "one", NULL), -ENOENT);
	assert_int_equal(find("machine onetwo login a", "one", NULL), -ENOENT);
	assert_int_equal(netrc_find((struct view){ NULL, 0 }, "one", NULL, &login), -ENOENT);
}

static void a_word_may_have_quotes_and_backslashes(void **state)
{
	(void)state;
	assert_int_equal(find("machine one login \"a b\" password \"q\\\"\\\\ #\"", "one", NULL),
			 0);
	assert_login("a b", "q\"\\ #");
	assert_int_equal(find("machine one login a\\ b password q\\\\\"#", "one", NULL), 0);
	assert_login("a b", "q\\\"#");
	assert_int_equal(find("machine one login \"\" password \"\"\n", "one", NULL), 0);
	assert_login("", "");
	assert_int_equal(find("machine one password machine login login", "one", NULL), 0);
	assert_login("login", "machine");
}

static void comments_are_skipped(void **state)
{
	(void)state;
	assert_int_equal(find("# password x\nmachine one # login y\n # z\n#\nlogin a password #1#",
			      "one", NULL),
			 0);
	assert_login("a", "#1#");
}

static void macros_are_skipped(void **state)
{
	(void)state;
	assert_int_equal(find("machine one login a password 1\n"
			      "macdef init\n"
			      "machine two login macro\n"
			      "\tcd /pub\n"
			      "\n"
			      "machine two login b password 2\n",
			      "two", NULL),
			 0);
	assert_login("b", "2");
	assert_int_equal(
		find("macdef init\r\nquote machine\r\n\r\nmachine two login b", "two", NULL), 0);
	assert_login("b", NULL);
	assert_int_equal(find("macdef none\n\nmachine two login b", "two", NULL), 0);
	assert_int_equal(find("macdef init\nmachine two login b", "two", NULL), -ENOENT);
	assert_int_equal(find("macdef init", "two", NULL), -ENOENT);
}

static void what_is_no_netrc_is_refused(void **state)
{
	static const struct view texts[] = {
		VIEW("machine"),
		VIEW("machine one login"),
		VIEW("machine one login a password"),
		VIEW("machine one account"),
		VIEW("machine one nonsense"),
		VIEW("<html>"),
		VIEW("macdef"),
		VIEW("machine one login \"a"),
		VIEW("machine one login a\\"),
		VIEW("machine one login \"a\nb\""),
		VIEW("machine one login a\\\nb"),
		VIEW("machine one login \"a\rb\""),
		VIEW("machine one login a\0b"),
		VIEW("\0"),
	};

	(void)state;
	login.has_user = true;
	for (size_t i = 0; i < COUNT(texts); i++)
		assert_int_equal(netrc_find(texts[i], "one", NULL, &login), -EINVAL);
	assert_true(login.has_user);
	/* What comes after the login that is sought does not matter. */
	assert_int_equal(find("machine one login a machine two nonsense", "one", NULL), 0);
}

static void the_line_of_what_is_no_keyword_is_told(void **state)
{
	(void)state;
	assert_int_equal(find("# a comment\nmachine one\n\tlogin a\n# another\n\tnonsense b\n",
			      "two", NULL),
			 -EINVAL);
	assert_int_equal(login.line, 5);
}

static void a_port_is_skipped(void **state)
{
	(void)state;
	assert_int_equal(find("machine one login a port 2121 password 1\n", "one", NULL), 0);
	assert_login("a", "1");
}

static void a_word_is_bounded(void **state)
{
	char text[2 * LOGIN_FIELD_MAX];
	int length;

	(void)state;
	length = snprintf(text, sizeof(text), "machine one password %0*d", LOGIN_FIELD_MAX - 1, 0);
	assert_int_equal(find(text, "one", NULL), 0);
	assert_int_equal(strlen(login.password), LOGIN_FIELD_MAX - 1);
	text[length] = '0';
	text[length + 1] = '\0';
	assert_int_equal(find(text, "one", NULL), -EINVAL);
}

static char folder[] = "/tmp/netrc_test.XXXXXX";
static char path[64];

/* A netrc of size_bytes in which one login stands. */
static void file_write(mode_t mode, size_t size_bytes)
{
	static const char text[] = "machine one login a password 1 account 2\n";
	char *bytes = malloc(size_bytes);
	int fd;

	memset(bytes, '\n', size_bytes);
	memcpy(bytes, text, sizeof(text) - 1);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, size_bytes), size_bytes);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
	free(bytes);
}

static int look_up(const char *file)
{
	memset(&login, 0, sizeof(login));
	return netrc_look_up(file, "one", NULL, &login);
}

static int group_setup(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/.netrc", folder);
	return setenv("HOME", folder, 1) | unsetenv("NETRC");
}

static int group_teardown(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(folder);
}

static void the_file_is_the_one_named_or_that_of_the_environment(void **state)
{
	(void)state;
	assert_int_equal(look_up(path), -ENOENT);
	assert_int_equal(look_up(NULL), -ENOENT);
	file_write(0600, 100);
	assert_int_equal(look_up(path), 0);
	assert_login("a", "1");
	assert_int_equal(look_up(NULL), 0);
	assert_login("a", "1");

	setenv("NETRC", "/dev/null", 1);
	assert_int_equal(look_up(NULL), -ENOENT);
	setenv("HOME", "/nowhere", 1);
	setenv("NETRC", path, 1);
	assert_int_equal(look_up(NULL), 0);
	unsetenv("NETRC");
	assert_int_equal(look_up(NULL), -ENOENT);
	unsetenv("HOME");
	assert_int_equal(look_up(NULL), -ENOENT);
	setenv("HOME", folder, 1);
	assert_int_equal(look_up(folder), -EISDIR);
}

static void secrets_that_others_may_read_are_not_used(void **state)
{
	static const mode_t modes[] = { 0640, 0604, 0644, 0444 };

	(void)state;
	for (size_t i = 0; i < COUNT(modes); i++) {
		file_write(modes[i], 100);
		assert_int_equal(look_up(path), 0);
		assert_true(login.has_user);
		assert_string_equal(login.user, "a");
		assert_false(login.has_password);
		assert_string_equal(login.password, "");
		assert_false(login.has_account);
		assert_string_equal(login.account, "");
		assert_true(login.is_exposed);
		unlink(path);
	}
	file_write(0400, 100);
	assert_int_equal(look_up(path), 0);
	assert_login("a", "1");
	unlink(path);
}

static void a_file_is_bounded(void **state)
{
	(void)state;
	file_write(0600, NETRC_BYTES_MAX);
	assert_int_equal(look_up(path), 0);
	file_write(0600, NETRC_BYTES_MAX + 1);
	assert_int_equal(look_up(path), -EFBIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_machine_is_found),
		cmocka_unit_test(a_user_chooses_among_the_logins_of_a_machine),
		cmocka_unit_test(default_is_any_machine_that_was_not_named_before),
		cmocka_unit_test(none_is_found_where_none_is),
		cmocka_unit_test(a_word_may_have_quotes_and_backslashes),
		cmocka_unit_test(comments_are_skipped),
		cmocka_unit_test(macros_are_skipped),
		cmocka_unit_test(what_is_no_netrc_is_refused),
		cmocka_unit_test(the_line_of_what_is_no_keyword_is_told),
		cmocka_unit_test(a_port_is_skipped),
		cmocka_unit_test(a_word_is_bounded),
		cmocka_unit_test(the_file_is_the_one_named_or_that_of_the_environment),
		cmocka_unit_test(secrets_that_others_may_read_are_not_used),
		cmocka_unit_test(a_file_is_bounded),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
