#include "sys/memory_limit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define MIB 1048576

static char place[64];

static const char *path_of(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", place, name);
	return path;
}

static void write_file(const char *name, const char *text)
{
	FILE *file = fopen(path_of(name), "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	fclose(file);
}

/* What a process has that is in group, below place. */
static uint64_t limit_in(const char *group)
{
	char membership[256];
	char line[128];

	snprintf(line, sizeof(line), "4:memory:/other\n0::%s\n", group);
	write_file("membership", line);
	strcpy(membership, path_of("membership"));
	return memory_limit_within(membership, place);
}

static int setup(void **state)
{
	(void)state;
	strcpy(place, "/tmp/sluice-memory-XXXXXX");
	assert_non_null(mkdtemp(place));
	assert_int_equal(mkdir(path_of("slice"), 0700), 0);
	assert_int_equal(mkdir(path_of("slice/unit"), 0700), 0);
	return 0;
}

static int teardown(void **state)
{
	static const char *const files[] = { "slice/unit/memory.max", "slice/unit/memory.high",
					     "slice/memory.max", "memory.max", "membership" };

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		unlink(path_of(files[i]));
	rmdir(path_of("slice/unit"));
	rmdir(path_of("slice"));
	return rmdir(place);
}

static uint64_t machine(void)
{
	return (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void without_a_limit_it_is_the_machines_memory(void **state)
{
	(void)state;
	assert_int_equal(memory_limit_within("/nonexistent", "/nonexistent"), machine());
	assert_int_equal(limit_in("/slice/unit"), machine());
	write_file("slice/unit/memory.max", "max\n");
	assert_int_equal(limit_in("/slice/unit"), machine());
	assert_in_range(memory_limit_bytes(), MIB, machine());
}

static void the_least_limit_of_all_groups_above_counts(void **state)
{
	(void)state;
	write_file("slice/unit/memory.max", "67108864\n");
	assert_int_equal(limit_in("/slice/unit"), 64 * MIB);
	write_file("slice/unit/memory.high", "62914560\n");
	assert_int_equal(limit_in("/slice/unit"), 60 * MIB);
	write_file("slice/memory.max", "33554432\n");
	assert_int_equal(limit_in("/slice/unit"), 32 * MIB);
	assert_int_equal(limit_in("/slice"), 32 * MIB);
	assert_int_equal(limit_in("/"), machine());
}

/* In a container the own group is shown as the root. */
static void the_root_of_what_is_seen_may_have_one(void **state)
{
	(void)state;
	write_file("memory.max", "16777216\n");
	assert_int_equal(limit_in("/"), 16 * MIB);
	assert_int_equal(limit_in("/slice/unit"), 16 * MIB);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(without_a_limit_it_is_the_machines_memory, setup,
						teardown),
		cmocka_unit_test_setup_teardown(the_least_limit_of_all_groups_above_counts, setup,
						teardown),
		cmocka_unit_test_setup_teardown(the_root_of_what_is_seen_may_have_one, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
