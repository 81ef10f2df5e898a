#include "fs/known_files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct known_files known;

static void a_path_is_known_for_a_while(void **state)
{
	uint64_t path = known_files_hash(3, "/a");

	(void)state;
	assert_false(known_files_has(&known, path, 5000));
	known_files_note(&known, path, 0, 5000);
	assert_true(known_files_has(&known, path, 5000 + KNOWN_FILE_MS - 1));
	assert_false(known_files_has(&known, path, 5000 + KNOWN_FILE_MS));
	assert_false(known_files_read(&known, path, 7, 5001));
}

static void what_was_read_is_known_by_its_inode(void **state)
{
	uint64_t path = known_files_hash(3, "/b");

	(void)state;
	known_files_note(&known, path, 7, 5000);
	assert_true(known_files_read(&known, path, 7, 5001));
	assert_false(known_files_read(&known, path, 8, 5001));
	assert_false(known_files_read(&known, path, 7, 5000 + KNOWN_FILE_MS));
}

static void another_root_is_another_path(void **state)
{
	(void)state;
	known_files_note(&known, known_files_hash(3, "/c"), 0, 5000);
	assert_false(known_files_has(&known, known_files_hash(4, "/c"), 5000));
	assert_false(known_files_has(&known, known_files_hash(3, "/d"), 5000));
}

/* Odd numbers (known_files_hash) of one row. */
static uint64_t path_of_a_row(uint64_t number)
{
	return (number * KNOWN_FILES_ROWS) << 1 | 1;
}

static void a_row_holds_several_and_gives_up_its_oldest(void **state)
{
	(void)state;
	for (uint64_t i = 1; i <= KNOWN_FILES_IN_ROW; i++)
		known_files_note(&known, path_of_a_row(i), 0, 10000 + i);
	for (uint64_t i = 1; i <= KNOWN_FILES_IN_ROW; i++)
		assert_true(known_files_has(&known, path_of_a_row(i), 10010));
	known_files_note(&known, path_of_a_row(1), 7, 10010); /* no second place for it */
	known_files_note(&known, path_of_a_row(100), 0, 10011);
	assert_true(known_files_read(&known, path_of_a_row(1), 7, 10011));
	assert_false(known_files_has(&known, path_of_a_row(2), 10011));
	assert_true(known_files_has(&known, path_of_a_row(3), 10011));
	assert_true(known_files_has(&known, path_of_a_row(100), 10011));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_path_is_known_for_a_while),
		cmocka_unit_test(what_was_read_is_known_by_its_inode),
		cmocka_unit_test(another_root_is_another_path),
		cmocka_unit_test(a_row_holds_several_and_gives_up_its_oldest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
