#include "represent/count.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/limits.h"
#include "sys/calls.h"

#define FILE_BYTES (10 * CONVERT_BYTES + 16960) /* ten buffers and a piece */

static struct representation representation;
static int file;

/* Lines of 0 to 99 characters. */
static int setup(void **state)
{
	char *text = malloc(FILE_BYTES);

	(void)state;
	memset(text, 'x', FILE_BYTES);
	for (int at = 0, length = 0; at < FILE_BYTES; at += length, length = (length + 7) % 100 + 1)
		text[at] = '\n';
	file = memfd_create("counted", MFD_CLOEXEC);
	assert_int_equal(write(file, text, FILE_BYTES), FILE_BYTES);
	free(text);
	representation_init(&representation);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	calls = &calls_real;
	close(file);
	return 0;
}

/* Counts size_bytes of the file by slices. Returns the octets or an error. */
static int64_t counted_of(int64_t size_bytes, int64_t slice_bytes, int *ret_steps)
{
	struct count *count;
	int64_t octets;
	int r = count_new(&representation, file, size_bytes, &count);

	if (r < 0)
		return r;
	*ret_steps = 0;
	do {
		r = count_step(count, slice_bytes);
		++*ret_steps;
	} while (r == -EINPROGRESS);
	octets = count_octets(count);
	count_free(count);
	return r < 0 ? r : octets;
}

static int64_t counted(int64_t slice_bytes, int *ret_steps)
{
	return counted_of(FILE_BYTES, slice_bytes, ret_steps);
}

static void slices_add_up_to_the_whole(void **state)
{
	static const uint8_t structures[] = { STRUCTURE_FILE, STRUCTURE_RECORD };
	static const uint8_t modes[] = { MODE_STREAM, MODE_BLOCK, MODE_COMPRESSED, MODE_DEFLATE };
	static const uint8_t types[] = { TYPE_ASCII, TYPE_IMAGE };

	(void)state;
	for (size_t i = 0; i < sizeof(modes) * sizeof(structures) * sizeof(types); i++) {
		int64_t whole;
		int steps;

		representation_init(&representation);
		representation.mode = modes[i % 4];
		representation.structure = structures[i / 4 % 2];
		representation.type = types[i / 8];
		if (representation.type == TYPE_IMAGE &&
		    representation.structure == STRUCTURE_FILE &&
		    representation.mode != MODE_COMPRESSED) /* nothing is read of these */
			continue;
		whole = counted(FILE_BYTES, &steps);
		assert_int_equal(steps, 1);
		assert_int_equal(counted(1, &steps), whole);
		assert_int_equal(steps, 11);
		assert_int_equal(counted(CONVERT_BYTES + 1, &steps), whole);
		assert_int_equal(steps, 6);
	}
}

static void a_line_end_of_text_is_two_octets(void **state)
{
	int64_t lines = 0;
	int steps;
	char *text = malloc(FILE_BYTES);

	(void)state;
	assert_int_equal(pread(file, text, FILE_BYTES, 0), FILE_BYTES);
	for (int at = 0; at < FILE_BYTES; at++)
		lines += text[at] == '\n';
	free(text);
	assert_true(lines > 10000);
	assert_int_equal(counted(CONVERT_BYTES, &steps), FILE_BYTES + lines);
}

static void what_cannot_be_counted_is_refused_at_once(void **state)
{
	struct count *count = NULL;

	(void)state;
	assert_int_equal(count_new(&representation, file, SIZE_COUNT_BYTES_MAX + 1, &count),
			 -EFBIG);
	assert_null(count);
}

/* Of MODE B: three octets for each 65535 of a buffer's worth or the rest of it, and a marker wherever a
 * buffer ends that is 4 MiB or more from the last one. */
static int64_t octets_in_blocks(int64_t size_bytes)
{
	int64_t octets = size_bytes;
	int64_t next_mark = MARK_EVERY_BYTES;
	int64_t at = 0;

	do {
		int64_t piece = size_bytes - at < CONVERT_BYTES ? size_bytes - at : CONVERT_BYTES;

		octets += 3 * (piece / 65535 + (piece % 65535 > 0 || piece == 0));
		at += piece;
		if (at < size_bytes && at >= next_mark) {
			octets += 3 + RESTART_MARK_BYTES;
			next_mark = at + MARK_EVERY_BYTES;
		}
	} while (at < size_bytes);
	return octets;
}

static void octets_in_blocks_follow_from_the_size(void **state)
{
	static const int64_t sizes[] = { 0,
					 1,
					 65535,
					 65536,
					 CONVERT_BYTES - 1,
					 CONVERT_BYTES,
					 CONVERT_BYTES + 1,
					 26 * CONVERT_BYTES,
					 26 * CONVERT_BYTES + 1,
					 52 * CONVERT_BYTES,
					 52 * CONVERT_BYTES + 1,
					 1LL << 32,
					 (1LL << 36) + 12345 };
	int steps;

	(void)state;
	representation.type = TYPE_IMAGE;
	representation.mode = MODE_BLOCK;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		assert_int_equal(counted_of(sizes[i], 1, &steps), octets_in_blocks(sizes[i]));
		assert_int_equal(steps, 1);
	}
	assert_int_equal(counted_of(INT64_MAX, 1, &steps), -EFBIG);
	representation.type = TYPE_ASCII;
	assert_int_equal(counted_of(1LL << 32, 1, &steps), -EFBIG);
	representation.text_as_is = true;
	assert_int_equal(counted_of(1LL << 32, 1, &steps), octets_in_blocks(1LL << 32));
}

static off_t seek_in_no_holes(int fd, off_t offset, int whence)
{
	(void)fd;
	(void)offset;
	(void)whence;
	return -EINVAL;
}

/* TYPE L 32: 2048 octets behind a header of 16; 16 of the last page's; where the file ends with a hole a
 * page comes first that says how long it is. */
static void only_pages_with_data_count(void **state)
{
	struct calls spoilt = calls_real;
	const int64_t end = 1LL << 40;
	int steps;

	(void)state;
	representation.type = TYPE_LOCAL;
	representation.byte_bits = 32;
	representation.structure = STRUCTURE_PAGE;
	assert_int_equal(ftruncate(file, 0), 0);
	assert_int_equal(counted_of(0, 1, &steps), 16);
	assert_int_equal(ftruncate(file, end), 0);
	assert_int_equal(counted_of(end, 1, &steps), 16 + 20 + 16);
	assert_int_equal(pwrite(file, "x", 1, end - 1), 1);
	assert_int_equal(counted_of(end, 1, &steps), 2 * (16 + 2048) + 16);
	assert_int_equal(ftruncate(file, 4000), 0);
	assert_int_equal(ftruncate(file, 4096), 0);
	spoilt.seek = seek_in_no_holes;
	calls = &spoilt;
	assert_int_equal(counted_of(4096, 1, &steps), 2 * (16 + 2048) + 16);
	assert_int_equal(counted_of(4097, 1, &steps), -EIO);
}

static void pages_with_too_much_data_are_not_counted(void **state)
{
	const int64_t end = SIZE_COUNT_BYTES_MAX + 4096;
	struct calls spoilt = calls_real;
	int steps;

	(void)state;
	representation.type = TYPE_LOCAL;
	representation.byte_bits = 32;
	representation.structure = STRUCTURE_PAGE;
	assert_int_equal(ftruncate(file, end), 0);
	spoilt.seek = seek_in_no_holes;
	calls = &spoilt;
	assert_int_equal(counted_of(end, 1 << 20, &steps), -EFBIG);
	assert_true(steps > 100);
}

static void a_file_that_becomes_shorter_is_no_count(void **state)
{
	struct count *count;

	(void)state;
	assert_int_equal(count_new(&representation, file, FILE_BYTES, &count), 0);
	assert_int_equal(count_step(count, CONVERT_BYTES), -EINPROGRESS);
	assert_int_equal(ftruncate(file, CONVERT_BYTES + 1), 0);
	assert_int_equal(count_step(count, FILE_BYTES), -EIO);
	count_free(count);
}

static int allocations_left;

static void *little_memory(size_t size_bytes)
{
	return allocations_left-- > 0 ? calls_real.allocate(size_bytes) : NULL;
}

static void without_memory_there_is_no_count(void **state)
{
	struct calls spoilt = calls_real;
	int steps;

	(void)state;
	spoilt.allocate = little_memory;
	calls = &spoilt;
	representation.structure = STRUCTURE_RECORD; /* itself, its stages, and a buffer a step */
	for (int left = 0; left < 3; left++) {
		allocations_left = left;
		assert_int_equal(counted(FILE_BYTES, &steps), -ENOMEM);
	}
	allocations_left = 3;
	assert_true(counted(FILE_BYTES, &steps) > 0);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(slices_add_up_to_the_whole),
		TEST(a_line_end_of_text_is_two_octets),
		TEST(what_cannot_be_counted_is_refused_at_once),
		TEST(octets_in_blocks_follow_from_the_size),
		TEST(only_pages_with_data_count),
		TEST(pages_with_too_much_data_are_not_counted),
		TEST(a_file_that_becomes_shorter_is_no_count),
		TEST(without_memory_there_is_no_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
