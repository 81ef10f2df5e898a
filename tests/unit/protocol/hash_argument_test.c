#include "protocol/hash_argument.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static char buffer[256];
static struct hash_argument read_as;

static int parse(const char *text, enum hash_reading reading)
{
	return hash_argument_parse(view_of(text), reading, true, buffer, &read_as);
}

static void reads_as(const char *text, enum hash_reading reading, const char *path, int64_t first,
		     int64_t last)
{
	assert_int_equal(parse(text, reading), 0);
	assert_true(view_is(read_as.path, path));
	assert_int_equal(read_as.first, first);
	assert_int_equal(read_as.last, last);
}

static void plain_is_the_argument_itself(void **state)
{
	static const char *const texts[] = { "a", "a b 1 2", "\"a\"", " ", "\"", "a,1" };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		reads_as(texts[i], HASH_READING_PLAIN, texts[i], 0, -1);
	assert_int_equal(parse("", HASH_READING_PLAIN), -ENOENT);
}

static void quotes_hold_a_path_and_numbers_may_follow(void **state)
{
	(void)state;
	reads_as("\"a b\"", HASH_READING_QUOTED, "a b", 0, -1);
	reads_as("\"a b\" 5", HASH_READING_QUOTED, "a b", 5, -1);
	reads_as("\"a b\" 5 9", HASH_READING_QUOTED, "a b", 5, 9);
	reads_as("\"a\", 5, 9", HASH_READING_QUOTED, "a", 5, 9);
	reads_as("\"a\";5;9", HASH_READING_QUOTED, "a", 5, 9);
	reads_as("\"say \"\"a\"\"\" 0 0", HASH_READING_QUOTED, "say \"a\"", 0, 0);
	reads_as("\"a 1 2\"", HASH_READING_QUOTED, "a 1 2", 0, -1);
	reads_as("\"\"\"\"", HASH_READING_QUOTED, "\"", 0, -1);
}

static void what_is_not_quoted_whole_is_not_read_so(void **state)
{
	static const char *const texts[] = {
		"a",	   "\"",	"\"\"",	       "\"a",
		"a\"",	   "\"a\"b",	"\"a\"5",      "\"a\" ",
		"\"a\" x", "\"a\" 5 x", "\"a\" 1 2 3", "\"a\"\" 5",
		" \"a\"",  "\"\" 5",	"\"a\" -1",    "\"a\" 5 99999999999999999999",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(parse(texts[i], HASH_READING_QUOTED), -ENOENT);
}

static void numbers_may_follow_a_bare_path(void **state)
{
	(void)state;
	reads_as("a 5 9", HASH_READING_TWO, "a", 5, 9);
	reads_as("a b 5 9", HASH_READING_TWO, "a b", 5, 9);
	reads_as("a;5;9", HASH_READING_TWO, "a", 5, 9);
	reads_as("a, 5, 9", HASH_READING_TWO, "a", 5, 9);
	reads_as("1 2 3", HASH_READING_TWO, "1", 2, 3);
	reads_as("a 5", HASH_READING_ONE, "a", 5, -1);
	reads_as("a 5 9", HASH_READING_ONE, "a 5", 9, -1);
	assert_int_equal(parse("a 5", HASH_READING_TWO), -ENOENT);
	assert_int_equal(parse("1 2", HASH_READING_TWO), -ENOENT);
	assert_int_equal(parse("a5", HASH_READING_ONE), -ENOENT);
	assert_int_equal(parse("5", HASH_READING_ONE), -ENOENT);
	assert_int_equal(parse(" 5", HASH_READING_ONE), -ENOENT);
	assert_int_equal(parse("a x", HASH_READING_ONE), -ENOENT);
	assert_int_equal(parse("", HASH_READING_TWO), -ENOENT);
}

static void a_last_before_the_first_is_wrong(void **state)
{
	(void)state;
	assert_int_equal(parse("\"a\" 5 4", HASH_READING_QUOTED), -EINVAL);
	assert_int_equal(parse("a 5 4", HASH_READING_TWO), -EINVAL);
	reads_as("a 5 5", HASH_READING_TWO, "a", 5, 5);
}

static void without_numbers_there_are_none(void **state)
{
	(void)state;
	assert_int_equal(hash_argument_parse(view_of("\"a b\""), HASH_READING_QUOTED, false, buffer,
					     &read_as),
			 0);
	assert_true(view_is(read_as.path, "a b"));
	assert_int_equal(hash_argument_parse(view_of("\"a b\" 5"), HASH_READING_QUOTED, false,
					     buffer, &read_as),
			 -ENOENT);
	assert_int_equal(hash_argument_parse(view_of("a 5 9"), HASH_READING_TWO, false, buffer,
					     &read_as),
			 -ENOENT);
	assert_int_equal(hash_argument_parse(view_of("a 5"), HASH_READING_ONE, false, buffer,
					     &read_as),
			 -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_is_the_argument_itself),
		cmocka_unit_test(quotes_hold_a_path_and_numbers_may_follow),
		cmocka_unit_test(what_is_not_quoted_whole_is_not_read_so),
		cmocka_unit_test(numbers_may_follow_a_bare_path),
		cmocka_unit_test(a_last_before_the_first_is_wrong),
		cmocka_unit_test(without_numbers_there_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
