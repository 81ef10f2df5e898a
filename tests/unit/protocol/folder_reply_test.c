#include "protocol/folder_reply.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* How servers say it, and what RFC 959 (appendix II) asks of names with quotation marks. */
static void the_folder_is_between_the_marks(void **state)
{
	static const struct {
		const char *text;
		const char *folder;
	} replies[] = {
		{ "\"/\" is the current directory", "/" },
		{ "\"/pub/a b\"", "/pub/a b" },
		{ "\"/a\"\"b\" is current", "/a\"b" },
		{ "\"\"\"\"", "\"" },
		{ "\"/a\"\"\"", "/a\"" },
	};
	char folder[64];

	(void)state;
	for (size_t i = 0; i < COUNT(replies); i++) {
		assert_int_equal(folder_reply_parse(replies[i].text, folder, sizeof(folder)), 0);
		assert_string_equal(folder, replies[i].folder);
	}
}

static void what_has_no_folder_in_marks_is_refused(void **state)
{
	static const char *const texts[] = { "",      "/pub is current", "\"",
					     "\"\"",  "\"/pub",		 "\"/a\"b",
					     "\"\"x", "\"/a\"\"",	 " \"/pub\"" };
	char folder[64];

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++)
		assert_int_equal(folder_reply_parse(texts[i], folder, sizeof(folder)), -EPROTO);
}

static void a_folder_without_room_is_refused(void **state)
{
	char folder[5] = "....";

	(void)state;
	assert_int_equal(folder_reply_parse("\"/abc\" ok", folder, sizeof(folder)), 0);
	assert_string_equal(folder, "/abc");
	assert_int_equal(folder_reply_parse("\"/abcd\" ok", folder, sizeof(folder)), -ENAMETOOLONG);
	assert_int_equal(folder_reply_parse("\"/\"", folder, 1), -ENAMETOOLONG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_folder_is_between_the_marks),
		cmocka_unit_test(what_has_no_folder_in_marks_is_refused),
		cmocka_unit_test(a_folder_without_room_is_refused),
	};

	return cmocka_run_group_tests_name("folder_reply", tests, NULL, NULL);
}
