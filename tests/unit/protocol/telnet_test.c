#include "protocol/telnet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define BYTES(text) (text), sizeof(text) - 1

/* Filters bytes in pieces of piece bytes, as their owner does; checks what is left and answered. */
static void filter(size_t piece, const char *bytes, size_t length, const char *left,
		   size_t left_length, const char *answers, size_t answers_length)
{
	struct telnet telnet = { 0 };
	char buffer[1024];
	char got[1024];
	size_t got_length = 0;
	char got_answers[1024];
	size_t got_answers_length = 0;

	for (size_t at = 0; at < length; at += piece) {
		size_t part = length - at < piece ? length - at : piece;
		char answer[TELNET_ANSWERS_MAX];
		size_t answer_length = 99;
		size_t kept;

		memcpy(buffer, bytes + at, part);
		kept = telnet_filter(&telnet, buffer, part, answer, &answer_length);
		assert_true(kept <= part);
		assert_true(answer_length <= TELNET_ANSWERS_MAX);
		while (telnet.interrupt && got_length > 0 && got[got_length - 1] != '\n')
			got_length--;
		telnet.interrupt = false;
		memcpy(got + got_length, buffer, kept);
		got_length += kept;
		memcpy(got_answers + got_answers_length, answer, answer_length);
		got_answers_length += answer_length;
	}
	assert_int_equal(got_length, left_length);
	assert_memory_equal(got, left, left_length);
	assert_int_equal(got_answers_length, answers_length);
	assert_memory_equal(got_answers, answers, answers_length);
}

/* The same in one packet, in pairs and byte by byte. */
#define FILTER(bytes, left, answers)                                     \
	do {                                                             \
		filter(1024, BYTES(bytes), BYTES(left), BYTES(answers)); \
		filter(2, BYTES(bytes), BYTES(left), BYTES(answers));    \
		filter(1, BYTES(bytes), BYTES(left), BYTES(answers));    \
	} while (0)

static void plain_text_stays_as_it_is(void **state)
{
	(void)state;
	FILTER("", "", "");
	FILTER("USER anonymous\r\nPASS \xc3\xa9\r\n", "USER anonymous\r\nPASS \xc3\xa9\r\n", "");
	FILTER("a\nb\rc\r\r\n", "a\nb\rc\r\r\n", "");
}

static void cr_nul_is_cr_and_other_nuls_stay(void **state)
{
	(void)state;
	FILTER("a\r\0b\r\n", "a\rb\r\n", "");
	FILTER("a\0b", "a\0b", "");
	FILTER("\r\0\0", "\r\0", "");
}

static void lf_behind_cr_nul_ends_no_line(void **state)
{
	(void)state;
	FILTER("DELE foo\r\0\nboo.bar\r\n", "DELE foo\rboo.bar\r\n", "");
	FILTER("a\r\0\r\n", "a\r\r\n", "");
	FILTER("a\r\0\n\n", "a\r\n", "");
	FILTER("a\r\0b\n", "a\rb\n", "");
}

static void will_is_answered_dont_and_do_is_answered_wont(void **state)
{
	(void)state;
	FILTER("\xff\xfb\x01NOOP\r\n", "NOOP\r\n", "\xff\xfe\x01");
	FILTER("NO\xff\xfd\x06OP\r\n", "NOOP\r\n", "\xff\xfc\x06");
	FILTER("\xff\xfb\xff\xff\xfd\xff", "", "\xff\xfe\xff\xff\xfc\xff");
}

static void wont_and_dont_are_not_answered(void **state)
{
	(void)state;
	FILTER("\xff\xfc\x01\xff\xfe\x03NOOP\r\n", "NOOP\r\n", "");
}

static void iac_iac_is_the_byte_255(void **state)
{
	(void)state;
	FILTER("CWD \xff\xff\r\n", "CWD \xff\r\n", "");
	FILTER("CWD \xff\xff\xff\xff\r\n", "CWD \xff\xff\r\n", "");
}

static void other_commands_are_taken_out(void **state)
{
	(void)state;
	FILTER("N\xff\xf1O\xff\xf6O\xff\xf9P\r\xff\xf1\n", "NOOP\r\n", "");
}

static void subnegotiations_are_taken_out(void **state)
{
	(void)state;
	FILTER("A\xff\xfa\x18\x01xterm\r\n\xff\xf0"
	       "B",
	       "AB", "");
	/* A doubled 255 and a stray command do not end one; a WILL in it is no request. */
	FILTER("A\xff\xfa\x18\xff\xff\xf0\xff\xfb\x01\xff\xf0"
	       "B",
	       "AB", "");
}

static void ip_takes_back_the_line_it_interrupts(void **state)
{
	(void)state;
	FILTER("\xff\xf4\xff\xf2"
	       "ABOR\r\n",
	       "ABOR\r\n", "");
	FILTER("NOOP\r\nRETR bi\xff\xf4\xff\xf2"
	       "ABOR\r\n",
	       "NOOP\r\nABOR\r\n", "");
	FILTER("RETR a\xff\xf4"
	       "RETR b\xff\xf4\xf2"
	       "ABOR\r\nNO\xff\xf2OP\r\n",
	       "ABOR\r\nNOOP\r\n", "");
	FILTER("A\xff\xf6"
	       "BOR\r\n",
	       "ABOR\r\n", "");
}

static void dm_that_lost_its_iac_is_taken_out_after_ip_alone(void **state)
{
	(void)state;
	FILTER("\xff\xf4\xf2"
	       "ABOR\r\n",
	       "ABOR\r\n", "");
	FILTER("\xf2"
	       "ABOR\r\n",
	       "\xf2"
	       "ABOR\r\n",
	       "");
	FILTER("\xff\xf4"
	       "A\xf2",
	       "A\xf2", "");
}

static void answers_of_one_packet_are_bounded(void **state)
{
	struct telnet telnet = { 0 };
	char answers[TELNET_ANSWERS_MAX];
	char bytes[3 * 100];
	size_t length;

	(void)state;
	for (size_t i = 0; i < 100; i++)
		memcpy(bytes + 3 * i, "\xff\xfd\x01", 3);
	assert_int_equal(telnet_filter(&telnet, bytes, sizeof(bytes), answers, &length), 0);
	assert_int_equal(length, 48);
	for (size_t i = 0; i < 16; i++)
		assert_memory_equal(answers + 3 * i, "\xff\xfc\x01", 3);
	/* The next packet is answered again. */
	memcpy(bytes, "\xff\xfb\x03", 3);
	assert_int_equal(telnet_filter(&telnet, bytes, 3, answers, &length), 0);
	assert_int_equal(length, 3);
	assert_memory_equal(answers, "\xff\xfe\x03", 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_text_stays_as_it_is),
		cmocka_unit_test(cr_nul_is_cr_and_other_nuls_stay),
		cmocka_unit_test(lf_behind_cr_nul_ends_no_line),
		cmocka_unit_test(will_is_answered_dont_and_do_is_answered_wont),
		cmocka_unit_test(wont_and_dont_are_not_answered),
		cmocka_unit_test(iac_iac_is_the_byte_255),
		cmocka_unit_test(other_commands_are_taken_out),
		cmocka_unit_test(subnegotiations_are_taken_out),
		cmocka_unit_test(ip_takes_back_the_line_it_interrupts),
		cmocka_unit_test(dm_that_lost_its_iac_is_taken_out_after_ip_alone),
		cmocka_unit_test(answers_of_one_packet_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
