/* A listing by jobs of bounded work, of folders that are made up: where it is cut changes nothing. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/limits.h"
#include "fs/glob.h"
#include "fs/listing.h"
#include "sys/calls.h"

#define NAMES_MAX 65536
#define NAME_LENGTH 100
#define RECORD_BYTES 120 /* of such a name: 1092 records fit LISTING_SORT_BYTES */
#define FIT_NAMES (LISTING_SORT_BYTES / RECORD_BYTES)
#define TEXT_MAX 8388608
#define EACH 0 /* which names a pattern wants: each, or one of so many */

/* The folder: name n begins with 'w' if it is wanted, and its digits are in no order. */
static unsigned names; /* of the folder */
static unsigned names_read;
static unsigned reads_left; /* until getdents fails */
static bool endless;
static bool hidden; /* all of them are parts of uploads */
static char names_text[NAMES_MAX][NAME_LENGTH + 1];

/* What a comparison costs. */
static unsigned name_steps;
static unsigned names_compared;
static unsigned costly_name; /* this one takes too many */

static struct calls spoilt;
static char text[TEXT_MAX];
static char wanted_text[TEXT_MAX];

/* In the place of fs/glob.c, whose comparisons are tested elsewhere; so they can be of any number. */
int glob_matches(struct view pattern, struct view name, uint64_t *steps)
{
	char pattern_text[256];

	assert_true(pattern.length < sizeof(pattern_text));
	memcpy(pattern_text, pattern.at, pattern.length);
	pattern_text[pattern.length] = '\0';
	*steps += name_steps;
	if (names_compared++ == costly_name)
		return -E2BIG;
	return fnmatch(pattern_text, name.at, FNM_PERIOD) == 0;
}

/* As many records as fit, at most those of what is left of the folder. */
static ssize_t made_up_getdents(int folder, void *buffer, size_t size_bytes)
{
	size_t length = 0;

	(void)folder;
	if (reads_left-- == 0)
		return -EIO;
	while (length + RECORD_BYTES <= size_bytes && (endless || names_read < names)) {
		struct dirent64 *entry = (struct dirent64 *)(void *)((char *)buffer + length);

		memset(entry, 0, RECORD_BYTES);
		entry->d_ino = 1;
		entry->d_reclen = RECORD_BYTES;
		entry->d_type = DT_REG;
		strcpy(entry->d_name, names_text[names_read++ % NAMES_MAX]);
		length += RECORD_BYTES;
	}
	return (ssize_t)length;
}

static int made_up_statx(int folder, const char *path, int flags, unsigned mask,
			 struct statx *ret_stat)
{
	(void)folder;
	(void)path;
	(void)flags;
	(void)mask;
	memset(ret_stat, 0, sizeof(*ret_stat));
	ret_stat->stx_mode = S_IFREG | 0644;
	ret_stat->stx_nlink = 1;
	return 0;
}

static void begin_reading(void)
{
	names_read = 0;
	reads_left = UINT32_MAX;
	names_compared = 0;
}

static int setup(void **state)
{
	(void)state;
	spoilt = calls_real;
	spoilt.getdents = made_up_getdents;
	spoilt.statx = made_up_statx;
	calls = &spoilt;
	endless = hidden = false;
	name_steps = 1;
	costly_name = UINT32_MAX;
	begin_reading();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	calls = &calls_real;
	return 0;
}

/* A folder of count names, of which each every-th from the last one back is wanted. */
static void make_folder(unsigned count, unsigned every)
{
	names = count;
	for (unsigned i = 0; i < NAMES_MAX; i++) {
		bool wanted = every == EACH || (i < count && (count - 1 - i) % every == 0);

		if (hidden)
			snprintf(names_text[i], sizeof(names_text[0]), ".%077u.%016x.part", i, i);
		else
			snprintf(names_text[i], sizeof(names_text[0]), "%c%08x%091u",
				 wanted ? 'w' : 'o', i * 2654435761U, i);
	}
}

static struct listing *begin_listing(enum listing_format format, const char *pattern)
{
	struct listing_request request = {
		.folder = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC),
		.root = -1,
		.folder_path = view_of("/"),
		.format = format,
		.pattern = view_of(pattern),
	};
	struct listing *listing;

	assert_true(request.folder >= 0);
	assert_int_equal(listing_new(&request, &listing), 0);
	return listing;
}

/* Fills text by buffers of size_bytes, with so many helpers, and counts the fills. Returns how the
 * listing ended. */
static int fill_all(struct listing *listing, size_t size_bytes, unsigned helpers,
		    void *(*help)(void *), unsigned *ret_fills)
{
	size_t length = 0;
	ssize_t r;

	*ret_fills = 0;
	do {
		pthread_t threads[2];

		listing_expect(listing);
		for (unsigned i = 0; i < helpers; i++)
			assert_int_equal(pthread_create(&threads[i], NULL, help, listing), 0);
		assert_true(length + size_bytes < TEXT_MAX);
		r = listing_fill(listing, text + length, size_bytes);
		length += r > 0 ? (size_t)r : 0;
		for (unsigned i = 0; i < helpers; i++)
			pthread_join(threads[i], NULL);
		++*ret_fills;
	} while (r > 0 || r == -EINPROGRESS);
	text[length] = '\0';
	assert_int_equal(listing_fill(listing, text + length, size_bytes), r); /* it stays */
	return (int)r;
}

static int text_compare(const void *left, const void *right)
{
	return strcmp(*(char *const *)left, *(char *const *)right);
}

/* What the names of the folder's first count that are wanted come to, in their order. */
static void make_wanted_text(unsigned count)
{
	static char *lines[NAMES_MAX];
	unsigned wanted = 0;
	size_t length = 0;

	for (unsigned i = 0; i < count; i++)
		if (names_text[i][0] == 'w')
			lines[wanted++] = names_text[i];
	/* What is read until no further record of 2048 bytes is sure to fit is all, or not. */
	if ((size_t)names * RECORD_BYTES < LISTING_SORT_BYTES - 2048)
		qsort(lines, wanted, sizeof(lines[0]), text_compare);
	for (unsigned i = 0; i < wanted; i++)
		length += (size_t)sprintf(wanted_text + length, "%s\r\n", lines[i]);
	wanted_text[length] = '\0';
}

static void a_fill_looks_at_so_many_names(void **state)
{
	struct listing *listing = begin_listing(LISTING_NLST, "w*");

	(void)state;
	make_folder(3 * LISTING_SLICE_NAMES + 5, 1);
	for (unsigned i = 0; i < NAMES_MAX; i++)
		names_text[i][0] = 'o';
	for (unsigned i = 1; i <= 3; i++) {
		assert_int_equal(listing_fill(listing, text, 65536), -EINPROGRESS);
		assert_int_equal(names_compared, i * LISTING_SLICE_NAMES);
	}
	assert_int_equal(listing_fill(listing, text, 65536), 0);
	assert_int_equal(names_compared, names);
	listing_free(listing);
}

static void a_fill_makes_so_many_comparisons(void **state)
{
	struct listing *listing = begin_listing(LISTING_NLST, "w*");
	unsigned fills;

	(void)state;
	make_folder(5000, 5000);
	name_steps = GLOB_STEPS_MAX;
	for (unsigned i = 1; i <= 10; i++) {
		assert_int_equal(listing_fill(listing, text, 65536), -EINPROGRESS);
		assert_int_equal(names_compared, i * (LISTING_SLICE_STEPS / GLOB_STEPS_MAX));
	}
	assert_int_equal(fill_all(listing, 65536, 0, NULL, &fills), 0);
	assert_int_equal(strlen(text), NAME_LENGTH + 2);
	assert_memory_equal(text, names_text[4999], NAME_LENGTH);
	listing_free(listing);
}

static void names_that_nobody_sees_count(void **state)
{
	struct listing *listing = begin_listing(LISTING_NLST, "");

	(void)state;
	hidden = true;
	make_folder(2 * LISTING_SLICE_NAMES + 1, EACH);
	assert_int_equal(listing_fill(listing, text, 65536), -EINPROGRESS);
	assert_int_equal(listing_fill(listing, text, 65536), -EINPROGRESS);
	assert_int_equal(listing_fill(listing, text, 65536), 0);
	listing_free(listing);
}

static void a_listing_makes_so_many_comparisons_in_all(void **state)
{
	struct listing *listing = begin_listing(LISTING_NLST, "w*");
	unsigned fills;

	(void)state;
	make_folder(NAMES_MAX, NAMES_MAX);
	names_text[NAMES_MAX - 1][0] = 'o';
	strcpy(names_text[0], "w"); /* the line before the error is told */
	endless = true;
	reads_left = 100; /* of 546 names each: more than enough */
	name_steps = 50000;
	assert_int_equal(fill_all(listing, 65536, 0, NULL, &fills), -E2BIG);
	assert_string_equal(text, "w\r\n");
	assert_int_equal(names_compared, LISTING_STEPS_MAX / 50000);
	assert_in_range(fills, LISTING_STEPS_MAX / LISTING_SLICE_STEPS,
			LISTING_STEPS_MAX / LISTING_SLICE_STEPS + 2);
	listing_free(listing);
}

static void list_at_cost(unsigned steps, size_t size_bytes, int wanted_end, unsigned reads)
{
	struct listing *listing = begin_listing(LISTING_NLST, "w*");
	unsigned fills;

	begin_reading();
	reads_left = reads;
	name_steps = steps;
	assert_int_equal(fill_all(listing, size_bytes, 0, NULL, &fills), wanted_end);
	assert_string_equal(text, wanted_text);
	assert_true(fills >= (uint64_t)names_compared * steps / (2 * LISTING_SLICE_STEPS));
	listing_free(listing);
}

/* Lists the folder at several sizes of slices and of buffers, and holds it against wanted_text. */
static void list_in_slices(int wanted_end, unsigned reads)
{
	/* Comparisons for a name: a slice is all names, hundreds, nine, or one. */
	static const unsigned costs[] = { 0, 1500, LISTING_SLICE_STEPS / 9, LISTING_SLICE_STEPS };
	static const size_t sizes[] = { ENTRY_LINE_MAX, 20001, 131072 };

	for (size_t cost = 0; cost < 4; cost++)
		for (size_t size = 0; size < 3; size++)
			/* Not so many that the listing's comparisons are used up. */
			if ((uint64_t)costs[cost] * names <= LISTING_STEPS_MAX)
				list_at_cost(costs[cost], sizes[size], wanted_end, reads);
}

static const unsigned folders[] = {
	0, 1, 15, 16, 17,
	/* One space, and one more than is sure to fit it. */
	(LISTING_SORT_BYTES - 2048) / RECORD_BYTES, (LISTING_SORT_BYTES - 2048) / RECORD_BYTES + 1,
	FIT_NAMES, FIT_NAMES + 1,
	/* And a half, and two, and one name more. */
	FIT_NAMES + 65536 / RECORD_BYTES, FIT_NAMES + 65536 / RECORD_BYTES + 1,
	FIT_NAMES + 2 * (65536 / RECORD_BYTES), FIT_NAMES + 2 * (65536 / RECORD_BYTES) + 1, 5000
};

static void where_a_listing_is_cut_changes_nothing(void **state)
{
	static const unsigned everies[] = { EACH, 1, 2, 16, 700, NAMES_MAX /* the last alone */ };

	(void)state;
	for (size_t folder = 0; folder < sizeof(folders) / sizeof(folders[0]); folder++)
		for (size_t i = 0; i < sizeof(everies) / sizeof(everies[0]); i++) {
			make_folder(folders[folder], everies[i]);
			make_wanted_text(names);
			list_in_slices(0, UINT32_MAX);
		}
}

static void a_folder_of_which_nothing_is_wanted_ends(void **state)
{
	(void)state;
	for (size_t folder = 0; folder < sizeof(folders) / sizeof(folders[0]); folder++) {
		make_folder(folders[folder], 1);
		for (unsigned i = 0; i < names; i++)
			names_text[i][0] = 'o';
		make_wanted_text(names);
		list_in_slices(0, UINT32_MAX);
	}
}

static void a_name_that_takes_too_long_is_told_after_the_lines_before_it(void **state)
{
	static const unsigned places[] = { 0, 1, 15, 16, 999, FIT_NAMES, FIT_NAMES + 1, 2999 };

	(void)state;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		for (unsigned count = 1000; count <= 3000; count += 2000) {
			make_folder(count, 3);
			costly_name = places[i] < count ? places[i] : count - 1;
			make_wanted_text(costly_name);
			list_in_slices(-E2BIG, UINT32_MAX);
		}
}

/* Names that were read, before the read that fails. */
static unsigned names_before(unsigned reads)
{
	return reads < 2 ? 0 : FIT_NAMES + (reads - 2) * (65536 / RECORD_BYTES);
}

static void an_error_of_the_disk_is_told_after_the_lines_before_it(void **state)
{
	(void)state;
	make_folder(5000, 3);
	/* The first read leaves room for no record of 2048 bytes, so it is one call. */
	for (unsigned reads = 0; reads < 9; reads++) {
		make_wanted_text(reads == 0 ? 0 : names_before(reads + 1));
		list_in_slices(-EIO, reads);
	}
}

static void mlsd_begins_with_its_folder_and_does_not_repeat_it(void **state)
{
	struct listing *listing = begin_listing(LISTING_MLSD, "w*");
	unsigned fills;
	char wanted[NAME_LENGTH + 16];

	(void)state;
	make_folder(500, 500);
	name_steps = LISTING_SLICE_STEPS / 10;
	assert_int_equal(fill_all(listing, 65536, 0, NULL, &fills), 0);
	assert_true(fills > 50);
	snprintf(wanted, sizeof(wanted), " .\r\n %s\r\n", names_text[499]);
	assert_string_equal(text, wanted);
	assert_int_equal(listing_entries(listing), 2);
	listing_free(listing);
}

static void *help(void *listing)
{
	listing_help(listing);
	return NULL;
}

static void help_comes_and_goes_with_each_slice(void **state)
{
	unsigned fills;

	(void)state;
	make_folder(5000, 3);
	for (unsigned helpers = 0; helpers <= 2; helpers++) {
		struct listing *listing = begin_listing(LISTING_LIST, "w*");

		begin_reading();
		name_steps = LISTING_SLICE_STEPS / 40;
		assert_int_equal(fill_all(listing, 20001, helpers, help, &fills), 0);
		assert_true(fills >= 5000 / 40);
		assert_int_equal(listing_entries(listing), 1667);
		listing_free(listing);
		if (helpers == 0)
			strcpy(wanted_text, text);
		else
			assert_string_equal(text, wanted_text);
	}
}

#define SLICE_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SLICE_TEST(a_fill_looks_at_so_many_names),
		SLICE_TEST(a_fill_makes_so_many_comparisons),
		SLICE_TEST(names_that_nobody_sees_count),
		SLICE_TEST(a_listing_makes_so_many_comparisons_in_all),
		SLICE_TEST(where_a_listing_is_cut_changes_nothing),
		SLICE_TEST(a_folder_of_which_nothing_is_wanted_ends),
		SLICE_TEST(a_name_that_takes_too_long_is_told_after_the_lines_before_it),
		SLICE_TEST(an_error_of_the_disk_is_told_after_the_lines_before_it),
		SLICE_TEST(mlsd_begins_with_its_folder_and_does_not_repeat_it),
		SLICE_TEST(help_comes_and_goes_with_each_slice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
