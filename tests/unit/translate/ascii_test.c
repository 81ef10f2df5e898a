#include "sluice/translate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct {
	const char *file;
	const char *network;
} lines[] = {
	{ "", "" },
	{ "\n", "\r\n" },
	{ "a\nb", "a\r\nb" },
	{ "\n\n", "\r\n\r\n" },
	{ "\r\n", "\r\r\n" }, /* a CR of the file is sent as well */
	{ "\r", "\r" },
	{ "a\r\rb\n\r", "a\r\rb\r\n\r" },
	{ "\r\r\n\n\r", "\r\r\r\n\r\n\r" },
};

#define LINES (sizeof(lines) / sizeof(lines[0]))

static void every_lf_becomes_cr_lf(void **state)
{
	(void)state;
	for (size_t i = 0; i < LINES; i++) {
		char to[64];
		size_t length = ascii_to_network(lines[i].file, strlen(lines[i].file), to);

		assert_int_equal(length, strlen(lines[i].network));
		assert_memory_equal(to, lines[i].network, length);
	}
}

static void every_cr_lf_becomes_lf_wherever_it_is_split(void **state)
{
	(void)state;
	for (size_t i = 0; i < LINES; i++) {
		size_t length = strlen(lines[i].network);

		for (size_t first = 0; first <= length; first++)
			for (size_t second = first; second <= length; second++) {
				const char *from = lines[i].network;
				bool carriage = false;
				char to[64];
				size_t got;

				got = ascii_from_network(from, first, false, &carriage, to);
				got += ascii_from_network(from + first, second - first, false,
							  &carriage, to + got);
				got += ascii_from_network(from + second, length - second, false,
							  &carriage, to + got);
				got += ascii_from_network(from, 0, true, &carriage, to + got);
				assert_int_equal(got, strlen(lines[i].file));
				assert_memory_equal(to, lines[i].file, got);
				assert_false(carriage);
			}
	}
}

/* All texts of six bytes out of CR, LF and a letter, there and back. */
static void what_is_sent_comes_back(void **state)
{
	static const char letters[3] = "\r\nx";

	(void)state;
	for (unsigned number = 0; number < 729; number++) {
		char text[6], network[12], back[13];
		bool carriage = false;
		size_t length;

		for (unsigned i = 0, rest = number; i < 6; i++, rest /= 3)
			text[i] = letters[rest % 3];
		length = ascii_to_network(text, 6, network);
		length = ascii_from_network(network, length, true, &carriage, back);
		assert_int_equal(length, 6);
		assert_memory_equal(back, text, 6);
	}
}

static void a_cr_at_the_very_end_is_kept(void **state)
{
	bool carriage = false;
	char to[8];

	(void)state;
	assert_int_equal(ascii_from_network("a\r", 2, false, &carriage, to), 1);
	assert_true(carriage);
	assert_int_equal(ascii_from_network("", 0, true, &carriage, to), 1);
	assert_int_equal(to[0], '\r');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_lf_becomes_cr_lf),
		cmocka_unit_test(every_cr_lf_becomes_lf_wherever_it_is_split),
		cmocka_unit_test(what_is_sent_comes_back),
		cmocka_unit_test(a_cr_at_the_very_end_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
