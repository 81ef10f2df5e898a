#include "protocol/words.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static char bytes[64];
static struct view words[3];

static int parse(const char *text)
{
	return words_parse(view_of(text), bytes, words, 3);
}

static void words_are_between_spaces(void **state)
{
	(void)state;
	assert_int_equal(parse("one  two "), 2);
	assert_true(view_is(words[0], "one"));
	assert_true(view_is(words[1], "two"));
	assert_int_equal(parse(""), 0);
	assert_int_equal(parse("   "), 0);
	assert_int_equal(parse(" a"), 1);
	assert_true(view_is(words[0], "a"));
}

static void marks_hold_spaces_and_two_marks_are_one(void **state)
{
	(void)state;
	assert_int_equal(parse("\"a b\" \"say \"\"c\"\"\" d\"e"), 3);
	assert_true(view_is(words[0], "a b"));
	assert_true(view_is(words[1], "say \"c\""));
	assert_true(view_is(words[2], "d\"e"));
	assert_int_equal(parse("\"\" \"\"\"\""), 2);
	assert_int_equal(words[0].length, 0);
	assert_true(view_is(words[1], "\""));
}

static void a_mark_that_is_not_closed_or_closed_in_a_word_is_an_error(void **state)
{
	(void)state;
	assert_int_equal(parse("\"a"), -EINVAL);
	assert_int_equal(parse("a \""), -EINVAL);
	assert_int_equal(parse("\"a\"b"), -EINVAL);
	assert_int_equal(parse("\"a\"b\""), -EINVAL);
	assert_int_equal(parse("\"a\"\""), -EINVAL);
}

static void more_words_than_there_is_room_for_are_an_error(void **state)
{
	(void)state;
	assert_int_equal(parse("a b c"), 3);
	assert_int_equal(parse("a b c "), 3);
	assert_int_equal(parse("a b c d"), -E2BIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_are_between_spaces),
		cmocka_unit_test(marks_hold_spaces_and_two_marks_are_one),
		cmocka_unit_test(a_mark_that_is_not_closed_or_closed_in_a_word_is_an_error),
		cmocka_unit_test(more_words_than_there_is_room_for_are_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
