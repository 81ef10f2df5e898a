#include "base/view.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void view_is_compares_every_byte(void **state)
{
	(void)state;
	assert_true(view_is(view_of("retr"), "retr"));
	assert_false(view_is(view_of("retr"), "RETR"));
	assert_false(view_is(view_of("retr"), "ret"));
	assert_false(view_is(view_of("ret"), "retr"));
	assert_false(view_is((struct view){ "a\0b", 3 }, "a"));
}

static void view_is_word_ignores_the_case_of_letters(void **state)
{
	(void)state;
	assert_true(view_is_word(view_of("Type"), "TYPE"));
	assert_false(view_is_word(view_of("Type "), "TYPE"));
	assert_false(view_is_word((struct view){ "type\0", 5 }, "TYPE"));
}

static void view_skip_leaves_the_rest(void **state)
{
	(void)state;
	assert_true(view_is(view_skip(view_of("abc"), 1), "bc"));
	assert_int_equal(view_skip(view_of("abc"), 3).length, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(view_is_compares_every_byte),
		cmocka_unit_test(view_is_word_ignores_the_case_of_letters),
		cmocka_unit_test(view_skip_leaves_the_rest),
	};

	return cmocka_run_group_tests_name("view", tests, NULL, NULL);
}
