#include "fs/glob.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "base/limits.h"

static uint64_t steps; /* of all comparisons */

static int compare(struct view pattern, struct view name)
{
	return glob_matches(pattern, name, &steps);
}

static bool matches(const char *pattern, const char *name)
{
	return compare(view_of(pattern), view_of(name)) == 1;
}

static void a_pattern_has_a_star_a_question_mark_or_a_bracket(void **state)
{
	(void)state;
	assert_true(glob_is_pattern(view_of("a*")));
	assert_true(glob_is_pattern(view_of("?")));
	assert_true(glob_is_pattern(view_of("a[")));
	assert_false(glob_is_pattern(view_of("a]b\\{}")));
	assert_false(glob_is_pattern(view_of("")));
}

static void plain_bytes_match_themselves(void **state)
{
	(void)state;
	assert_true(matches("", ""));
	assert_true(matches("abc", "abc"));
	assert_false(matches("abc", "ab"));
	assert_false(matches("ab", "abc"));
	assert_false(matches("abc", "abC"));
	assert_true(matches("\xff\xc3", "\xff\xc3"));
	assert_false(matches("", "a"));
	assert_false(matches("a", ""));
}

static void a_star_matches_any_bytes(void **state)
{
	(void)state;
	assert_true(matches("*", ""));
	assert_true(matches("*", "abc"));
	assert_true(matches("a*c", "ac"));
	assert_true(matches("a*c", "abcbc"));
	assert_false(matches("a*c", "abcb"));
	assert_true(matches("**a**", "bab"));
	assert_true(matches("*.tar.*", "x.tar.tar.gz"));
	assert_true(matches("a*b*c*d", "a1b2b3c4c5d"));
	assert_false(matches("a*b*c*d", "a1c2b3d"));
	assert_true(matches("*\n*", "a\nb"));
}

static void a_question_mark_matches_one_byte(void **state)
{
	(void)state;
	assert_true(matches("?", "a"));
	assert_true(matches("a?c", "a\xff"
				   "c"));
	assert_false(matches("?", ""));
	assert_false(matches("?", "ab"));
	assert_true(matches("?*", "a"));
	assert_false(matches("?*", ""));
}

static void a_set_matches_one_of_its_bytes(void **state)
{
	(void)state;
	assert_true(matches("[abc]", "b"));
	assert_false(matches("[abc]", "d"));
	assert_true(matches("x[a-c0-9]y", "x7y"));
	assert_false(matches("x[a-c0-9]y", "xdy"));
	assert_true(matches("[!a-c]", "d"));
	assert_false(matches("[!a-c]", "a"));
	assert_true(matches("[^a]", "b"));
	assert_true(matches("[]a]", "]"));
	assert_true(matches("[!]]", "a"));
	assert_false(matches("[!]]", "]"));
	assert_true(matches("[a-]", "-"));
	assert_true(matches("[-a]", "-"));
	assert_true(matches("[a\\]b]", "]"));
	assert_true(matches("[\x80-\xff]", "\xc3"));
	assert_false(matches("[\x80-\xff]", "a"));
	assert_false(matches("[c-a]", "b"));
	assert_true(matches("*[0-9]", "file7"));
	assert_false(matches("[abc]", ""));
}

static void an_open_set_is_a_bracket(void **state)
{
	(void)state;
	assert_true(matches("[abc", "[abc"));
	assert_false(matches("[abc", "a"));
	assert_true(matches("[", "["));
	assert_true(matches("[]", "[]"));
	assert_true(matches("[!", "[!"));
	assert_true(matches("[a-", "[a-"));
	assert_true(matches("[\\", "[\\"));
}

static void a_backslash_takes_the_meaning(void **state)
{
	(void)state;
	assert_true(matches("a\\*b", "a*b"));
	assert_false(matches("a\\*b", "axb"));
	assert_true(matches("\\?", "?"));
	assert_false(matches("\\?", "a"));
	assert_true(matches("\\[a]", "[a]"));
	assert_true(matches("\\\\", "\\"));
	assert_true(matches("\\a", "a"));
	assert_true(matches("a\\", "a\\"));
}

static void a_leading_dot_must_be_named(void **state)
{
	(void)state;
	assert_false(matches("*", ".a"));
	assert_false(matches("?a", ".a"));
	assert_false(matches("[.]a", ".a"));
	assert_false(matches("[!x]a", ".a"));
	assert_true(matches(".*", ".a"));
	assert_true(matches("\\.*", ".a"));
	assert_true(matches("a*b", "a.b"));
	assert_true(matches("*.c", "a.c"));
	assert_false(matches("", "."));
}

static void no_pattern_takes_long(void **state)
{
	char pattern[4096];
	char name[256];
	clock_t start = clock();

	(void)state;
	memset(name, 'a', sizeof(name));
	for (size_t i = 0; i < sizeof(pattern); i++)
		pattern[i] = i % 2 ? 'a' : '*';
	pattern[sizeof(pattern) - 1] = 'b';
	assert_int_equal(0, compare((struct view){ pattern, sizeof(pattern) },
				    (struct view){ name, sizeof(name) }));

	steps = 0;
	/* A star, and then a set that takes 4,094 comparisons for each place it is tried at. */
	memset(pattern, 'b', sizeof(pattern));
	pattern[0] = '*';
	pattern[1] = '[';
	pattern[sizeof(pattern) - 1] = ']';
	assert_int_equal(-E2BIG, compare((struct view){ pattern, sizeof(pattern) },
					 (struct view){ name, sizeof(name) }));
	assert_in_range(steps, GLOB_STEPS_MAX, GLOB_STEPS_MAX + sizeof(pattern));
	assert_true((double)(clock() - start) / CLOCKS_PER_SEC < 0.5);
}

static void comparisons_are_added_up(void **state)
{
	(void)state;
	steps = 0;
	assert_false(matches("ax", "abc"));
	assert_int_equal(steps, 2);
	assert_true(matches("*c", "abc"));
	assert_int_equal(steps, 2 + 3);
	assert_true(matches("[a-c]", "b")); /* the set, and its one range */
	assert_int_equal(steps, 5 + 2);
	assert_false(matches("*", ".a"));
	assert_int_equal(steps, 7);
}

static void the_longest_names_match_within_the_bound(void **state)
{
	char name[255];

	(void)state;
	memset(name, 'a', sizeof(name));
	assert_int_equal(1, compare(view_of("*a*a*a*a*"), (struct view){ name, sizeof(name) }));
	name[254] = 'z';
	assert_int_equal(1, compare(view_of("*aaaaaaaaaaz"), (struct view){ name, sizeof(name) }));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pattern_has_a_star_a_question_mark_or_a_bracket),
		cmocka_unit_test(plain_bytes_match_themselves),
		cmocka_unit_test(a_star_matches_any_bytes),
		cmocka_unit_test(a_question_mark_matches_one_byte),
		cmocka_unit_test(a_set_matches_one_of_its_bytes),
		cmocka_unit_test(an_open_set_is_a_bracket),
		cmocka_unit_test(a_backslash_takes_the_meaning),
		cmocka_unit_test(a_leading_dot_must_be_named),
		cmocka_unit_test(no_pattern_takes_long),
		cmocka_unit_test(comparisons_are_added_up),
		cmocka_unit_test(the_longest_names_match_within_the_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
