#include "sluice/translate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Converts all of it, a fresh state, in a room of exactly the size that is promised to do. */
static size_t sent(const char *file, size_t length, char *ret_network)
{
	struct asa_state state = { 0 };
	char *room = malloc(2 * length + 2);
	size_t put = asa_to_network(&state, file, length, true, room);

	assert_true(put <= 2 * length + 2);
	assert_int_equal(state.at, 0);
	memcpy(ret_network, room, put);
	free(room);
	return put;
}

static size_t stored(const char *network, size_t length, char *ret_file)
{
	struct asa_state state = { 0 };
	char *room = malloc(length + 1);
	size_t put = asa_from_network(&state, network, length, true, room);

	assert_true(put <= length + 1);
	assert_int_equal(state.at, 0);
	memcpy(ret_file, room, put);
	free(room);
	return put;
}

static void movements_of_a_file_become_first_characters_and_back(void **state)
{
	static const struct {
		const char *file;
		const char *network;
	} pages[] = {
		{ "", "" },
		{ "one\ntwo\n", " one\n two\n" },
		{ "one\ntwo", " one\n two" },
		{ "one\n\ntwo\n", " one\n0two\n" },
		{ "\none\n", "0one\n" },
		{ "\n", " \n" },
		{ "one\n\n", " one\n \n" },
		{ "one\n\n\ntwo\n", " one\n0\n two\n" },
		{ "one\n\n\n\ntwo\n", " one\n0\n0two\n" },
		{ "\fone\n", "1one\n" },
		{ "one\n\ftwo\n", " one\n1two\n" },
		{ "one\n\n\ftwo\n", " one\n \n1two\n" },
		{ "\f", "1" },
		{ "\f\n", "1\n" },
		{ "\f\fone\n", "1\fone\n" }, /* an FF within a line stays there */
		{ "one\ftwo\n", " one\ftwo\n" },
		{ "one\r___\n", " one\n+___\n" },
		{ "one\r___\rxxx\n", " one\n+___\n+xxx\n" },
		{ "one\r\ntwo\r\n", " one\n+\n two\n+\n" },
		{ "one\r", " one\n+" },
		{ "\rone\n", " \n+one\n" },
		{ "\n\rone\n", "0\n+one\n" },
		{ "one\r\ftwo", " one\n+\ftwo" },
		{ "+1\n0\n", " +1\n 0\n" }, /* digits of the text are no controls */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
		size_t length = strlen(pages[i].file);
		char network[64], file[64];
		size_t put = sent(pages[i].file, length, network);

		assert_int_equal(put, strlen(pages[i].network));
		assert_memory_equal(network, pages[i].network, put);
		assert_int_equal(stored(network, put, file), length);
		assert_memory_equal(file, pages[i].file, length);
	}
}

static void lines_of_others_are_stored_with_the_same_meaning(void **state)
{
	static const struct {
		const char *network;
		const char *file;
	} pages[] = {
		{ "+one\n", "\rone\n" },
		{ "1one\n \n two\n0three\n", "\fone\n\ntwo\n\nthree\n" },
		{ "\n\n one\n", "\n\none\n" },
		{ " one\nXtwo\n-three\n", "one\ntwo\nthree\n" },
		{ " one\n\n", "one\n\n" },
		{ "1\n1\n", "\f\n\f\n" },
		{ " one\n+two\n+three", "one\rtwo\rthree" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
		char file[64];
		size_t put = stored(pages[i].network, strlen(pages[i].network), file);

		assert_int_equal(put, strlen(pages[i].file));
		assert_memory_equal(file, pages[i].file, put);
	}
}

/* All files of up to seven bytes out of LF, CR, FF, a control and a letter. */
static void every_file_comes_back_as_it_was(void **state)
{
	static const char letters[] = { '\n', '\r', '\f', '0', 'x' };

	(void)state;
	for (unsigned length = 0, count = 1; length <= 7; length++, count *= 5)
		for (unsigned number = 0; number < count; number++) {
			char file[7], network[16], back[17];
			size_t put;

			for (unsigned i = 0, rest = number; i < length; i++, rest /= 5)
				file[i] = letters[rest % 5];
			put = sent(file, length, network);
			assert_null(memchr(network, '\r', put));
			assert_int_equal(stored(network, put, back), length);
			assert_memory_equal(back, file, length);
		}
}

typedef size_t direction(struct asa_state *state, const char *from, size_t length, bool last,
			 char *to);

/* Cut at two places, then byte by byte, and ended by an empty buffer as well. */
static void check_splits(direction *convert, const char *from, size_t length, size_t room)
{
	char whole[64], pieces[64];
	struct asa_state at = { 0 };
	size_t put = convert(&at, from, length, true, whole);
	size_t got = 0;

	for (size_t first = 0; first <= length; first++)
		for (size_t second = first; second <= length; second++) {
			got = convert(&at, from, first, false, pieces);
			got += convert(&at, from + first, second - first, false, pieces + got);
			got += convert(&at, from + second, length - second, true, pieces + got);
			assert_int_equal(got, put);
			assert_memory_equal(pieces, whole, put);
		}
	got = 0;
	for (size_t i = 0; i < length; i++) {
		size_t byte = convert(&at, from + i, 1, false, pieces + got);

		assert_true(byte <= room);
		got += byte;
	}
	got += convert(&at, from, 0, true, pieces + got);
	assert_int_equal(got, put);
	assert_memory_equal(pieces, whole, put);
}

static void where_a_file_is_cut_does_not_matter(void **state)
{
	static const char *const texts[] = {
		"one\n\n\ftwo\r__\n\n\n",  "\n\r\f\n\n\f\r\r\n0", "\f\n\n\n\r",
		" one\n+two\n0\n1\n\n\nx", "+\n+\n1\n0\n0\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		check_splits(asa_to_network, texts[i], strlen(texts[i]), 4);
		check_splits(asa_from_network, texts[i], strlen(texts[i]), 2);
	}
}

/* Each buffer alone keeps to the room that the header promises, whatever came before it. */
static void one_buffer_needs_no_more_room_than_is_promised(void **state)
{
	static const char letters[] = { '\n', '\r', '\f', '0', '+', 'x' };

	(void)state;
	for (unsigned number = 0; number < 6 * 6 * 6 * 6 * 6; number++)
		for (size_t split = 0; split <= 5; split++) {
			struct asa_state to = { 0 }, from = { 0 };
			char text[5], room[16];

			for (unsigned i = 0, rest = number; i < 5; i++, rest /= 6)
				text[i] = letters[rest % 6];
			asa_to_network(&to, text, split, false, room);
			assert_true(asa_to_network(&to, text + split, 5 - split, true, room) <=
				    2 * (5 - split) + 2);
			asa_from_network(&from, text, split, false, room);
			assert_true(asa_from_network(&from, text + split, 5 - split, true, room) <=
				    5 - split + 1);
		}
}

/* With the line ends of the network in between, as a transfer has it. */
static void carriage_control_goes_with_the_line_ends_of_both_types(void **state)
{
	static const char file[] = "\fTitle\r_____\n\n\nText\r\n\nEnd";
	struct translate_ebcdic ebcdic;
	struct asa_state asa = { 0 };
	char lines[128], network[128], back[128];
	bool carriage = false;
	size_t length = asa_to_network(&asa, file, sizeof(file) - 1, true, lines);
	size_t put = ascii_to_network(lines, length, network);

	(void)state;
	assert_memory_equal(network, "1Title\r\n+_____\r\n0\r\n Text\r\n+\r\n0End", put);
	put = ascii_from_network(network, put, true, &carriage, back);
	assert_int_equal(stored(back, put, network), sizeof(file) - 1);
	assert_memory_equal(network, file, sizeof(file) - 1);

	assert_int_equal(translate_ebcdic_load("1047", &ebcdic), 0);
	translate_table_apply(&ebcdic.to_network, lines, length, network);
	assert_memory_equal(network, "\xf1\xe3\x89\xa3\x93\x85\x15\x4e", 8);
	translate_table_apply(&ebcdic.from_network, network, length, back);
	assert_memory_equal(back, lines, length);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(movements_of_a_file_become_first_characters_and_back),
		cmocka_unit_test(lines_of_others_are_stored_with_the_same_meaning),
		cmocka_unit_test(every_file_comes_back_as_it_was),
		cmocka_unit_test(where_a_file_is_cut_does_not_matter),
		cmocka_unit_test(one_buffer_needs_no_more_room_than_is_promised),
		cmocka_unit_test(carriage_control_goes_with_the_line_ends_of_both_types),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
