#include "protocol/reply_text.h"

#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"

#define VIEW(text) ((struct view){ (text), sizeof(text) - 1 })

static char buffer[REPLY_MAX + 1];

static struct reply_text reply_of(size_t size_bytes)
{
	memset(buffer, '#', sizeof(buffer));
	return (struct reply_text){ buffer, 0, size_bytes };
}

static void assert_reply(const struct reply_text *reply, const char *wanted)
{
	assert_int_equal(reply->length, strlen(wanted));
	assert_memory_equal(reply->at, wanted, reply->length);
	assert_true(reply->length <= reply->size_bytes);
	assert_int_equal(reply->at[reply->size_bytes], '#');
}

static void a_line_is_code_space_text_crlf(void **state)
{
	struct reply_text reply = reply_of(512);

	(void)state;
	reply_text_line(&reply, 226, "Done, %d bytes of %s.", 12, "a");
	reply_text_line(&reply, 200, "%s", "");
	assert_reply(&reply, "226 Done, 12 bytes of a.\r\n200 \r\n");
}

static void a_longer_reply_has_a_first_line_inner_lines_and_a_last(void **state)
{
	struct reply_text reply = reply_of(512);

	(void)state;
	reply_text_begin(&reply, 211, "Features:");
	assert_true(reply_text_inner(&reply, "%s", "SIZE"));
	assert_true(reply_text_inner(&reply, "211 %s", "End"));
	reply_text_line(&reply, 211, "End");
	assert_reply(&reply, "211-Features:\r\n SIZE\r\n 211 End\r\n211 End\r\n");
}

static void cr_and_lf_cannot_forge_a_line(void **state)
{
	struct reply_text reply = reply_of(1024);

	(void)state;
	reply_text_line(&reply, 550, "%s: no.", "a\r\n226 Done");
	reply_text_begin(&reply, 213, "%s", "x\ny");
	assert_true(reply_text_inner(&reply, "%s", "\r\n213 End"));
	reply_text_path(&reply, 257, VIEW("/\r\n257 \"/b\""), "is\rhere");
	reply_text_name(&reply, 150, "FILE: ", VIEW("c\r\nd"), "\n!");
	assert_reply(&reply, "550 a??226 Done: no.\r\n"
			     "213-x?y\r\n ??213 End\r\n"
			     "257 \"/??257 \"\"/b\"\"\" is?here\r\n"
			     "150 FILE: c??d?!\r\n");
}

static void iac_is_doubled(void **state)
{
	struct reply_text reply = reply_of(512);

	(void)state;
	reply_text_line(&reply, 550, "%s",
			"\xff"
			"a\xff");
	reply_text_path(&reply, 257, VIEW("/\xff"), "x");
	reply_text_name(&reply, 150, "", VIEW("\xff"), "");
	assert_reply(&reply, "550 \xff\xff"
			     "a\xff\xff\r\n257 \"/\xff\xff\" x\r\n150 \xff\xff\r\n");
}

static void quotes_are_doubled_within_quotes_alone(void **state)
{
	struct reply_text reply = reply_of(512);

	(void)state;
	reply_text_path(&reply, 257, VIEW("/a\"b\"\""), "is \"it\"");
	reply_text_name(&reply, 250, "", VIEW("a\"b"), "");
	reply_text_line(&reply, 200, "\"");
	assert_reply(&reply, "257 \"/a\"\"b\"\"\"\"\" is \"it\"\r\n250 a\"b\r\n200 \"\r\n");
}

static void what_does_not_fit_is_cut_before_the_line_end(void **state)
{
	struct reply_text reply = reply_of(10);

	(void)state;
	reply_text_line(&reply, 200, "abcdefgh");
	assert_reply(&reply, "200 abcd\r\n");
	reply_text_line(&reply, 200, "x");
	assert_reply(&reply, "200 abcd\r\n");

	reply = reply_of(6);
	reply_text_line(&reply, 200, "abcdefgh");
	assert_reply(&reply, "200 \r\n");
	reply = reply_of(5);
	reply_text_line(&reply, 200, "abcdefgh");
	assert_reply(&reply, "");
	reply = reply_of(10);
	reply_text_path(&reply, 257, VIEW("/abcdefgh"), "x");
	assert_reply(&reply, "257 \"/ab\r\n");
	reply = reply_of(10);
	reply_text_name(&reply, 257, "abc", VIEW("defgh"), "x");
	assert_reply(&reply, "257 abcd\r\n");
}

static void an_escape_is_never_cut_in_two(void **state)
{
	struct reply_text reply = reply_of(9);

	(void)state;
	reply_text_line(&reply, 200,
			"ab\xff"
			"c");
	assert_reply(&reply, "200 ab\r\n"); /* nor does what follows it close the gap */
	reply = reply_of(9);
	reply_text_path(&reply, 257, VIEW("a\"b"), "");
	assert_reply(&reply, "257 \"a\r\n");
}

static void the_last_line_of_a_full_reply_always_fits(void **state)
{
	struct reply_text reply = reply_of(REPLY_MAX);
	size_t lines = 0;

	(void)state;
	reply_text_begin(&reply, 213, "Status");
	while (reply_text_inner(&reply, "%050d", 1))
		lines++;
	/* 12 bytes, then lines of 53, then 128 kept. */
	assert_int_equal(lines, (REPLY_MAX - 12 - REPLY_TEXT_KEPT) / 53);
	assert_false(reply_text_inner(&reply, "%050d", 1));
	assert_int_equal(reply.length, 12 + 53 * lines);
	reply_text_line(&reply, 213, "End");
	assert_memory_equal(reply.at + reply.length - 9, "213 End\r\n", 9);
	assert_int_equal(reply.at[REPLY_MAX], '#');
}

static void a_text_longer_than_any_reply_is_cut(void **state)
{
	struct reply_text reply = reply_of(REPLY_MAX);

	(void)state;
	reply_text_line(&reply, 200, "%020000d", 1);
	assert_true(reply.length <= REPLY_MAX && reply.length > REPLY_MAX - 8);
	assert_memory_equal(reply.at + reply.length - 3, "0\r\n", 3);
	assert_int_equal(reply.at[REPLY_MAX], '#');
	assert_false(reply_text_inner(&reply, "%020000d", 1));
}

static void any_path_fits_a_reply(void **state)
{
	struct reply_text reply = reply_of(REPLY_MAX);
	char path[PATH_BYTES_MAX - 1];

	(void)state;
	memset(path, '"', sizeof(path));
	reply_text_path(&reply, 257, (struct view){ path, sizeof(path) }, "created");
	assert_int_equal(reply.length, 4 + 1 + 2 * sizeof(path) + 1 + 1 + 7 + 2);
	assert_memory_equal(reply.at + reply.length - 11, "\" created\r\n", 11);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_is_code_space_text_crlf),
		cmocka_unit_test(a_longer_reply_has_a_first_line_inner_lines_and_a_last),
		cmocka_unit_test(cr_and_lf_cannot_forge_a_line),
		cmocka_unit_test(iac_is_doubled),
		cmocka_unit_test(quotes_are_doubled_within_quotes_alone),
		cmocka_unit_test(what_does_not_fit_is_cut_before_the_line_end),
		cmocka_unit_test(an_escape_is_never_cut_in_two),
		cmocka_unit_test(the_last_line_of_a_full_reply_always_fits),
		cmocka_unit_test(a_text_longer_than_any_reply_is_cut),
		cmocka_unit_test(any_path_fits_a_reply),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
