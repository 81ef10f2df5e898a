#include "protocol/reply_reader.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "protocol/reply_text.h"

#define VIEW(text) ((struct view){ (text), sizeof(text) - 1 })
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct reply_reader reader;

#define assert_view_is(view, wanted)                                        \
	do {                                                                \
		assert_int_equal((view).length, sizeof(wanted) - 1);        \
		assert_memory_equal((view).at, wanted, sizeof(wanted) - 1); \
	} while (0)

/* Takes all of bytes, which are one reply. */
static void take_one(struct view bytes)
{
	bool ready = false;

	assert_int_equal(reply_reader_take(&reader, bytes, &ready), bytes.length);
	assert_true(ready);
}

static int init(void **state)
{
	(void)state;
	reply_reader_init(&reader);
	return 0;
}

/* RFC 959 section 7. */
static void a_line_is_a_reply(void **state)
{
	(void)state;
	take_one(VIEW("220 Service ready\r\n"));
	assert_int_equal(reader.code, 220);
	assert_view_is(reader.text, "Service ready");
	take_one(VIEW("550 \r\n"));
	assert_int_equal(reader.code, 550);
	assert_int_equal(reader.text.length, 0);
}

/* RFC 959 section 4.2, its own example. */
static void many_lines_end_with_the_code_and_a_space(void **state)
{
	(void)state;
	take_one(VIEW("123-First line\r\n"
		      "Second line\r\n"
		      "  234 A line beginning with numbers\r\n"
		      "123 The last line\r\n"));
	assert_int_equal(reader.code, 123);
	assert_view_is(reader.text, "First line\n"
				    "Second line\n"
				    "  234 A line beginning with numbers\n"
				    "The last line");
}

static void another_code_within_does_not_end_a_reply(void **state)
{
	(void)state;
	take_one(VIEW("230-Hello\r\n220 not the end\r\n2300\r\n230\r\n230x\r\n\r\n 230 no\r\n"
		      "230 end\r\n"));
	assert_view_is(reader.text, "Hello\n220 not the end\n2300\n230\n230x\n\n 230 no\nend");
}

/* Pure-FTPd greets like this. */
static void the_code_is_taken_off_each_line_that_has_it(void **state)
{
	(void)state;
	take_one(VIEW("220---------- Welcome to Pure-FTPd ----------\r\n"
		      "220-You are user number 1 of 50 allowed.\r\n"
		      "221-another\r\n"
		      "220 You will be disconnected after 15 minutes of inactivity.\r\n"));
	assert_int_equal(reader.code, 220);
	assert_view_is(reader.text, "--------- Welcome to Pure-FTPd ----------\n"
				    "You are user number 1 of 50 allowed.\n"
				    "221-another\n"
				    "You will be disconnected after 15 minutes of inactivity.");
}

static void a_bare_lf_ends_a_line_and_a_nul_or_cr_does_not(void **state)
{
	(void)state;
	take_one(VIEW("211-a\n b\0c\rd\n211 end\n"));
	assert_view_is(reader.text, "a\n b\0c\rd\nend");
	take_one(VIEW("200 \r\r\n"));
	assert_view_is(reader.text, "\r");
}

static void a_code_alone_is_a_reply(void **state)
{
	(void)state;
	take_one(VIEW("200\r\n"));
	assert_int_equal(reader.code, 200);
	assert_int_equal(reader.text.length, 0);
}

static void the_bytes_of_the_next_reply_are_left(void **state)
{
	struct view bytes = VIEW("150 a\r\n226 b\r\n");
	bool ready;

	(void)state;
	assert_int_equal(reply_reader_take(&reader, bytes, &ready), 7);
	assert_true(ready);
	assert_int_equal(reader.code, 150);
	take_one(view_skip(bytes, 7));
	assert_int_equal(reader.code, 226);
	assert_view_is(reader.text, "b");
}

static void a_reply_may_come_byte_by_byte(void **state)
{
	struct view bytes = VIEW("211-Features:\r\n MDTM\r\n211 End\r\n");
	bool ready = true;

	(void)state;
	for (size_t i = 0; i < bytes.length; i++) {
		assert_int_equal(
			reply_reader_take(&reader, (struct view){ bytes.at + i, 1 }, &ready), 1);
		assert_int_equal(ready, i == bytes.length - 1);
	}
	assert_int_equal(reader.code, 211);
	assert_view_is(reader.text, "Features:\n MDTM\nEnd");
}

/* What our server writes; protocol/reply_text indents lines that begin like the last one. */
static void replies_of_our_server_are_read_back(void **state)
{
	char bytes[512];
	struct reply_text reply = { .at = bytes, .size_bytes = sizeof(bytes) };

	(void)state;
	reply_text_begin(&reply, 211, "Features:");
	reply_text_inner(&reply, "211 %s", "SIZE");
	reply_text_line(&reply, 211, "End");
	take_one((struct view){ bytes, reply.length });
	assert_int_equal(reader.code, 211);
	assert_view_is(reader.text, "Features:\n 211 SIZE\nEnd");

	reply.length = 0;
	reply_text_path(&reply, 257, VIEW("/a\"b\r\n200 c"), "created.");
	take_one((struct view){ bytes, reply.length });
	assert_int_equal(reader.code, 257);
	assert_view_is(reader.text, "\"/a\"\"b??200 c\" created.");
}

static void no_bytes_are_no_reply(void **state)
{
	bool ready = true;

	(void)state;
	assert_int_equal(reply_reader_take(&reader, (struct view){ NULL, 0 }, &ready), 0);
	assert_false(ready);
}

static void what_is_no_reply_is_refused(void **state)
{
	static const struct view lines[] = {
		VIEW("\r\n"),		VIEW("22\r\n"),	      VIEW("HTTP/1.1 400 Bad Request\r\n"),
		VIEW("2200 x\r\n"),	VIEW("220x\r\n"),     VIEW("220\tx\r\n"),
		VIEW(" 220 x\r\n"),	VIEW("099 x\r\n"),    VIEW("000 x\r\n"),
		VIEW("600 x\r\n"),	VIEW("2a0 x\r\n"),    VIEW("-20 x\r\n"),
		VIEW("\x80\x80\x80\n"), VIEW("22\xb2 x\r\n"), VIEW("220\0x\r\n"),
	};

	(void)state;
	for (size_t i = 0; i < COUNT(lines); i++) {
		bool ready = true;

		reply_reader_init(&reader);
		assert_int_equal(reply_reader_take(&reader, lines[i], &ready), -EPROTO);
		assert_true(ready);
	}
}

static void a_line_is_bounded(void **state)
{
	static char line[REPLY_LINE_MAX + 2];
	bool ready;

	(void)state;
	memset(line, 'x', sizeof(line));
	memcpy(line, "200 ", 4);
	line[REPLY_LINE_MAX] = '\n';
	take_one((struct view){ line, REPLY_LINE_MAX + 1 });
	assert_int_equal(reader.text.length, REPLY_LINE_MAX - 4);

	line[REPLY_LINE_MAX] = 'x';
	line[REPLY_LINE_MAX + 1] = '\n';
	assert_int_equal(reply_reader_take(&reader, (struct view){ line, sizeof(line) }, &ready),
			 -EPROTO);

	reply_reader_init(&reader);
	assert_int_equal(reply_reader_take(&reader, (struct view){ line, REPLY_LINE_MAX }, &ready),
			 REPLY_LINE_MAX);
	assert_false(ready);
	assert_int_equal(reply_reader_take(&reader, VIEW("x"), &ready), -EPROTO);
}

/* Each line but the first is kept with one LF before it. */
static void a_reply_is_bounded(void **state)
{
	size_t lines = REPLY_READ_MAX / 8;
	bool ready;

	(void)state;
	take_one(VIEW("200 before\r\n"));
	assert_int_equal(reply_reader_take(&reader, VIEW("211-\r\n"), &ready), 6);
	for (size_t i = 0; i < lines - 1; i++)
		assert_int_equal(reply_reader_take(&reader, VIEW("1234567\r\n"), &ready), 9);
	/* One LF of the first line, 8 bytes of each other one: 7 are left. */
	assert_int_equal(reply_reader_take(&reader, VIEW("211 123"), &ready), 7);
	assert_int_equal(reply_reader_take(&reader, VIEW("4"), &ready), -EPROTO);

	reply_reader_init(&reader);
	assert_int_equal(reply_reader_take(&reader, VIEW("211-\n"), &ready), 5);
	for (size_t i = 0; i < REPLY_READ_MAX - 1; i++)
		assert_int_equal(reply_reader_take(&reader, VIEW("\n"), &ready), 1);
	assert_int_equal(reply_reader_take(&reader, VIEW("\n"), &ready), -EPROTO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_line_is_a_reply, init),
		cmocka_unit_test_setup(many_lines_end_with_the_code_and_a_space, init),
		cmocka_unit_test_setup(another_code_within_does_not_end_a_reply, init),
		cmocka_unit_test_setup(the_code_is_taken_off_each_line_that_has_it, init),
		cmocka_unit_test_setup(a_bare_lf_ends_a_line_and_a_nul_or_cr_does_not, init),
		cmocka_unit_test_setup(a_code_alone_is_a_reply, init),
		cmocka_unit_test_setup(the_bytes_of_the_next_reply_are_left, init),
		cmocka_unit_test_setup(a_reply_may_come_byte_by_byte, init),
		cmocka_unit_test_setup(replies_of_our_server_are_read_back, init),
		cmocka_unit_test_setup(no_bytes_are_no_reply, init),
		cmocka_unit_test_setup(what_is_no_reply_is_refused, init),
		cmocka_unit_test_setup(a_line_is_bounded, init),
		cmocka_unit_test_setup(a_reply_is_bounded, init),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
