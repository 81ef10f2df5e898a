#include "protocol/command_line.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define VIEW(text) ((struct view){ (text), sizeof(text) - 1 })

static void find_takes_the_first_line_without_its_end(void **state)
{
	struct view line;

	(void)state;
	assert_int_equal(command_line_find(VIEW("NOOP\r\nQUIT\r\n"), &line), 6);
	assert_true(view_is(line, "NOOP"));
	assert_int_equal(command_line_find(VIEW("NOOP\nQUIT\r\n"), &line), 5);
	assert_true(view_is(line, "NOOP"));
	assert_int_equal(command_line_find(VIEW("\r\n"), &line), 2);
	assert_true(view_is(line, ""));
	assert_int_equal(command_line_find(VIEW("\n"), &line), 1);
	assert_true(view_is(line, ""));
}

static void find_leaves_a_cr_that_ends_nothing(void **state)
{
	struct view line;

	(void)state;
	assert_int_equal(command_line_find(VIEW("A\rB\r\r\n"), &line), 6);
	assert_true(view_is(line, "A\rB\r"));
}

static void find_waits_for_a_line_end(void **state)
{
	struct view line = { "x", 1 };

	(void)state;
	assert_int_equal(command_line_find(VIEW(""), &line), 0);
	assert_int_equal(command_line_find((struct view){ NULL, 0 }, &line), 0);
	assert_int_equal(command_line_find(VIEW("NOOP"), &line), 0);
	assert_int_equal(command_line_find(VIEW("NOOP\r"), &line), 0);
	assert_true(view_is(line, "x"));
}

static void parse_takes_verb_and_argument_apart(void **state)
{
	struct command_line command;

	(void)state;
	assert_int_equal(command_line_parse(VIEW("reTr a b"), &command), 0);
	assert_string_equal(command.verb, "RETR");
	assert_true(command.has_argument);
	assert_true(view_is(command.argument, "a b"));
	assert_int_equal(command_line_parse(VIEW("cwd \xff\xfe\t"), &command), 0);
	assert_string_equal(command.verb, "CWD");
	assert_true(view_is(command.argument, "\xff\xfe\t"));
	assert_int_equal(command_line_parse(VIEW("z"), &command), 0);
	assert_string_equal(command.verb, "Z");
}

static void verbs_have_up_to_seven_letters_and_digits(void **state)
{
	struct command_line command;

	(void)state;
	assert_int_equal(command_line_parse(VIEW("xsha512 a"), &command), 0);
	assert_string_equal(command.verb, "XSHA512");
	assert_true(view_is(command.argument, "a"));
	assert_int_equal(command_line_parse(VIEW("Md5"), &command), 0);
	assert_string_equal(command.verb, "MD5");
	assert_int_equal(command_line_parse(VIEW("a09"), &command), 0);
	assert_string_equal(command.verb, "A09");
}

static void one_space_alone_belongs_to_the_syntax(void **state)
{
	struct command_line command;

	(void)state;
	assert_int_equal(command_line_parse(VIEW("CWD  a "), &command), 0);
	assert_true(view_is(command.argument, " a "));
	assert_int_equal(command_line_parse(VIEW("LIST "), &command), 0);
	assert_true(command.has_argument);
	assert_int_equal(command.argument.length, 0);
	assert_int_equal(command_line_parse(VIEW("LIST"), &command), 0);
	assert_false(command.has_argument);
	assert_int_equal(command.argument.length, 0);
}

static void parse_refuses_what_begins_with_no_verb(void **state)
{
	static const struct view lines[] = {
		VIEW(""),	  VIEW(" "),	      VIEW(" NOOP"),  VIEW("12"),
		VIEW("ABCDEFGH"), VIEW("NO-OP"),      VIEW("NOOP\t"), VIEW("5MD"),
		VIEW("\xc3\xa9"), VIEW("ABCDEFGH x"), VIEW("@"),      VIEW("["),
		VIEW("`"),	  VIEW("{"),	      VIEW("A/"),     VIEW("A:"),
		VIEW("XSHA5123"),
	};
	struct command_line command = { .verb = "KEPT" };

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		assert_int_equal(command_line_parse(lines[i], &command), -ENOENT);
	assert_string_equal(command.verb, "KEPT");
}

static void parse_refuses_nul_cr_and_lf_anywhere(void **state)
{
	static const struct view lines[] = {
		VIEW("CWD a\0b"), VIEW("CWD a\rb"), VIEW("CWD a\nb"),
		VIEW("\0"),	  VIEW("NOOP\r"),   VIEW("ABCDE\0"),
	};
	struct command_line command = { .verb = "KEPT" };

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		assert_int_equal(command_line_parse(lines[i], &command), -EINVAL);
	assert_string_equal(command.verb, "KEPT");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(find_takes_the_first_line_without_its_end),
		cmocka_unit_test(find_leaves_a_cr_that_ends_nothing),
		cmocka_unit_test(find_waits_for_a_line_end),
		cmocka_unit_test(parse_takes_verb_and_argument_apart),
		cmocka_unit_test(verbs_have_up_to_seven_letters_and_digits),
		cmocka_unit_test(one_space_alone_belongs_to_the_syntax),
		cmocka_unit_test(parse_refuses_what_begins_with_no_verb),
		cmocka_unit_test(parse_refuses_nul_cr_and_lf_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
