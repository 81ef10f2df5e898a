/*
 * Every way that this CPU offers against the scalar one, whose results are those of a loop written
 * once more here, and which ascii_test.c and table_test.c hold against values made by hand. Input
 * and output end, or begin, where access ends.
 */
#include "sluice/translate.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "support/edges.h"

#define LENGTH_MAX 300
#define ALIGNMENTS 32
#define GUARD 64

static const char *const ways[] = { "scalar", "ssse3", "avx2", "neon" };

#define WAYS (sizeof(ways) / sizeof(ways[0]))

static struct edges from;
static struct edges to;
static char expected[2 * LENGTH_MAX + GUARD];
static unsigned long seed;

/* What a buffer may be full of. Letters are drawn with equal chances, so that a text with many x
 * has few line ends. */
static const char *const alphabets[] = {
	"\n",
	"\r",
	"\r\n",
	"\r\nx",
	"\r\r\nx",
	"x\xc3\xa4",
	"\nxxxxxxxxxxxxxxx",
	"\r\nxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
	"\r\n\x8d\x8a\x0c\x0e\x09\x0b\xff\x80\x7f",
};

#define ALPHABETS (sizeof(alphabets) / sizeof(alphabets[0]))

static void fill(char *text, size_t length, const char *alphabet)
{
	for (size_t i = 0; i < length; i++)
		text[i] = alphabet[edges_random(&seed) % strlen(alphabet)];
}

/* Fills like lines that a file has, with pairs that are whole. */
static void fill_pairs(char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		text[i] = 'x';
	for (size_t i = edges_random(&seed) % 90; i + 1 < length;
	     i += 2 + edges_random(&seed) % 90) {
		text[i] = '\r';
		text[i + 1] = '\n';
	}
}

static size_t expect_to_network(const char *text, size_t length)
{
	size_t put = 0;

	for (size_t i = 0; i < length; i++) {
		if (text[i] == '\n')
			expected[put++] = '\r';
		expected[put++] = text[i];
	}
	return put;
}

static size_t expect_from_network(const char *text, size_t length, bool last, bool *carriage)
{
	size_t put = 0;

	for (size_t i = 0; i < length; i++) {
		if (*carriage && text[i] != '\n')
			expected[put++] = '\r';
		*carriage = text[i] == '\r';
		if (!*carriage)
			expected[put++] = text[i];
	}
	if (last && *carriage) {
		expected[put++] = '\r';
		*carriage = false;
	}
	return put;
}

/* Nothing before or behind the room has been touched; what lies beyond an edge faults by itself. */
static void check_guards(const char *room, size_t length)
{
	for (const char *at = room; at-- > to.start && at > room - GUARD;)
		assert_int_equal(*at, '#');
	for (const char *at = room + length; at < to.end && at < room + length + GUARD; at++)
		assert_int_equal(*at, '#');
}

static void guard(const char *room, size_t length)
{
	char *start = (char *)(uintptr_t)room - GUARD;
	char *end = (char *)(uintptr_t)room + length + GUARD;

	start = start < to.start ? to.start : start;
	end = end > to.end ? to.end : end;
	memset(start, '#', (size_t)(end - start));
}

static void check_to_network(const char *text, size_t length, char *room)
{
	size_t put = expect_to_network(text, length);

	guard(room, 2 * length);
	assert_int_equal(ascii_to_network(text, length, room), put);
	assert_memory_equal(room, expected, put);
	check_guards(room, 2 * length);
	assert_int_equal(ascii_count_lf(text, length), put - length);
}

static void check_from_network(const char *text, size_t length, char *room)
{
	for (unsigned flags = 0; flags < 4; flags++) {
		bool carriage = flags & 1;
		bool expected_carriage = carriage;
		size_t put = expect_from_network(text, length, flags & 2, &expected_carriage);

		guard(room, length + 1);
		assert_int_equal(ascii_from_network(text, length, flags & 2, &carriage, room), put);
		assert_memory_equal(room, expected, put);
		assert_int_equal(carriage, expected_carriage);
		check_guards(room, length + 1);
	}
}

/* Both directions, with input and output at the end of what may be touched, and at its start. */
static void check_at_edges(const char *text, size_t length)
{
	memcpy(from.end - length, text, length);
	check_to_network(from.end - length, length, to.end - 2 * length);
	check_from_network(from.end - length, length, to.end - length - 1);
	memcpy(from.start, text, length);
	check_to_network(from.start, length, to.start);
	check_from_network(from.start, length, to.start);
}

/* Runs a check in every way that there is. */
static void in_every_way(void (*check)(void))
{
	unsigned done = 0;

	for (size_t i = 0; i < WAYS; i++) {
		int r = translate_use_kernel(ways[i]);

		if (r == -ENOTSUP)
			continue;
		assert_int_equal(r, 0);
		assert_string_equal(translate_kernel_name(), ways[i]);
		seed = 88172645463325252;
		check();
		done++;
	}
	assert_true(done >= 1);
}

static void check_random_texts(void)
{
	char text[LENGTH_MAX];

	for (size_t length = 0; length <= LENGTH_MAX; length++)
		for (unsigned i = 0; i < 3 * (ALPHABETS + 1); i++) {
			if (i % (ALPHABETS + 1) == ALPHABETS)
				fill_pairs(text, length);
			else
				fill(text, length, alphabets[i % (ALPHABETS + 1)]);
			check_at_edges(text, length);
		}
}

static void every_length_of_random_text_is_right_and_stays_in_its_room(void **state)
{
	(void)state;
	in_every_way(check_random_texts);
}

static void check_alignments(void)
{
	for (size_t in = 0; in < ALIGNMENTS; in++)
		for (size_t length = 0; length <= LENGTH_MAX; length++) {
			size_t out = (in * 7 + length) % ALIGNMENTS;
			char *text = from.start + GUARD + in;

			if (length % 2 != 0)
				fill_pairs(text, length);
			else
				fill(text, length, alphabets[(in + length / 2) % ALPHABETS]);
			check_to_network(text, length, to.start + GUARD + out);
			check_from_network(text, length, to.start + GUARD + out);
		}
}

static void every_alignment_is_right_and_stays_in_its_room(void **state)
{
	(void)state;
	in_every_way(check_alignments);
}

/* One CR, CR LF, LF or CR CR LF at each place of each length, and so at every edge of every block. */
static void check_places(void)
{
	static const char *const ends[] = { "\r", "\n", "\r\n", "\r\r\n" };
	char text[LENGTH_MAX];

	for (size_t length = 0; length <= LENGTH_MAX; length += length < 140 ? 1 : 40)
		for (size_t place = 0; place < length; place++)
			for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
				size_t bytes = strlen(ends[i]);

				memset(text, 'x', length);
				bytes = bytes < length - place ? bytes : length - place;
				memcpy(text + place, ends[i], bytes);
				check_at_edges(text, length);
			}
}

static void a_line_end_at_every_place_is_found(void **state)
{
	(void)state;
	in_every_way(check_places);
}

/* Two line ends at each distance, for blocks that hold more than one. */
static void check_two_ends(void)
{
	char text[130];

	for (size_t first = 0; first < 66; first++)
		for (size_t second = first + 1; second < sizeof(text); second++) {
			memset(text, 'x', sizeof(text));
			text[first] = '\n';
			text[second] = '\n';
			check_at_edges(text, sizeof(text));
			if (first > 0)
				text[first - 1] = '\r';
			text[second - 1] = '\r';
			check_at_edges(text, sizeof(text));
		}
}

static void two_line_ends_in_one_block_are_both_found(void **state)
{
	(void)state;
	in_every_way(check_two_ends);
}

static void check_splits(void)
{
	char text[LENGTH_MAX];
	char whole[LENGTH_MAX + 1];
	bool carriage = false;
	size_t put;

	fill(text, sizeof(text), "\r\n\r\nx");
	put = ascii_from_network(text, sizeof(text), true, &carriage, whole);
	for (size_t split = 0; split <= sizeof(text); split++) {
		char pieces[LENGTH_MAX + 2];
		size_t got = ascii_from_network(text, split, false, &carriage, pieces);

		got += ascii_from_network(text + split, sizeof(text) - split, true, &carriage,
					  pieces + got);
		assert_int_equal(got, put);
		assert_memory_equal(pieces, whole, put);
	}
}

static void where_a_text_is_cut_does_not_matter(void **state)
{
	(void)state;
	in_every_way(check_splits);
}

/* More than a counter of one byte can hold. */
static void check_many_lf(void)
{
	static char text[100000];

	memset(text, '\n', sizeof(text));
	assert_int_equal(ascii_count_lf(text, sizeof(text)), sizeof(text));
	assert_int_equal(ascii_count_lf(text + 1, sizeof(text) - 2), sizeof(text) - 2);
}

static void many_lf_are_counted(void **state)
{
	(void)state;
	in_every_way(check_many_lf);
}

static void check_table(const struct translate_table *table, const char *text, size_t length,
			char *room)
{
	for (size_t i = 0; i < length; i++)
		expected[i] = (char)table->map[(uint8_t)text[i]];
	guard(room, length);
	translate_table_apply(table, text, length, room);
	assert_memory_equal(room, expected, length);
	check_guards(room, length);
	memcpy(room, text, length);
	translate_table_apply(table, room, length, room);
	assert_memory_equal(room, expected, length);
	check_guards(room, length);
}

static void make_table(struct translate_table *ret_table)
{
	for (unsigned i = 0; i < 256; i++)
		ret_table->map[i] = (uint8_t)edges_random(&seed);
}

static void check_table_lengths(void)
{
	struct translate_table table;

	make_table(&table);
	for (size_t length = 0; length <= LENGTH_MAX; length++)
		for (unsigned i = 0; i < 40; i++) {
			char *text = i % 2 ? from.end - length : from.start + i;

			for (size_t k = 0; k < length; k++)
				text[k] = (char)(edges_random(&seed) & (i % 4 < 2 ? 127 : 255));
			check_table(&table, text, length,
				    i % 8 < 4 ? to.end - length : to.start + i);
		}
}

static void a_table_is_right_for_every_length_in_place_as_well(void **state)
{
	(void)state;
	in_every_way(check_table_lengths);
}

/* Each byte in each element of a block, among bytes of 7 bits and among others. */
static void check_table_bytes(void)
{
	struct translate_table table;
	char text[160];

	make_table(&table);
	for (unsigned byte = 0; byte < 256; byte++)
		for (size_t place = 0; place < sizeof(text); place++)
			for (int around = 0x41; around <= 0xc1; around += 0x80) {
				memset(text, around, sizeof(text));
				text[place] = (char)byte;
				check_table(&table, text, sizeof(text), to.end - sizeof(text));
			}
}

static void a_table_takes_every_byte_at_every_place(void **state)
{
	(void)state;
	in_every_way(check_table_bytes);
}

static void a_way_that_is_unknown_or_of_another_cpu_is_refused(void **state)
{
	(void)state;
	assert_int_equal(translate_use_kernel("scalar"), 0);
	assert_int_equal(translate_use_kernel("mmx"), -EINVAL);
	assert_int_equal(translate_use_kernel(""), -EINVAL);
#if defined(__x86_64__)
	assert_int_equal(translate_use_kernel("neon"), -ENOTSUP);
#else
	assert_int_equal(translate_use_kernel("avx2"), -ENOTSUP);
#endif
	assert_string_equal(translate_kernel_name(), "scalar");
}

/* Runs first: nobody has chosen otherwise yet. */
static void the_best_way_that_the_cpu_has_is_chosen_at_start(void **state)
{
	const char *best = "scalar";

	(void)state;
#if defined(__x86_64__)
	if (__builtin_cpu_supports("ssse3"))
		best = "ssse3";
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi"))
		best = "avx2";
#elif defined(__aarch64__)
	best = "neon";
#endif
	assert_string_equal(translate_kernel_name(), best);
	printf("chosen: %s\n", best);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_best_way_that_the_cpu_has_is_chosen_at_start),
		cmocka_unit_test(every_length_of_random_text_is_right_and_stays_in_its_room),
		cmocka_unit_test(every_alignment_is_right_and_stays_in_its_room),
		cmocka_unit_test(a_line_end_at_every_place_is_found),
		cmocka_unit_test(two_line_ends_in_one_block_are_both_found),
		cmocka_unit_test(where_a_text_is_cut_does_not_matter),
		cmocka_unit_test(many_lf_are_counted),
		cmocka_unit_test(a_table_is_right_for_every_length_in_place_as_well),
		cmocka_unit_test(a_table_takes_every_byte_at_every_place),
		cmocka_unit_test(a_way_that_is_unknown_or_of_another_cpu_is_refused),
	};
	int failed;

	from = edges_new(LENGTH_MAX + 2 * GUARD);
	to = edges_new(2 * LENGTH_MAX + 4 * GUARD);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	edges_free(&from);
	edges_free(&to);
	return failed;
}
