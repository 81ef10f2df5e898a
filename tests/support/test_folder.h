/*
 * A folder for one test: a root within it that is served, room beside the root for what must not be
 * reached, and a table of calls of the test's own.
 */
#ifndef SUPPORT_TEST_FOLDER_H
#define SUPPORT_TEST_FOLDER_H

#include <stdbool.h>
#include <sys/stat.h>

#include "sys/calls.h"

extern int test_root;		/* O_PATH; the folder "root" */
extern int test_outer;		/* the folder that holds it */
extern struct calls test_calls; /* calls_real, to be spoilt; in force */

/* cmocka's setup and teardown. */
int test_folder_setup(void **state);
int test_folder_teardown(void **state);

#define FOLDER_TEST(test) \
	cmocka_unit_test_setup_teardown(test, test_folder_setup, test_folder_teardown)

/* Makes a file of the root with text in it, or of size_bytes of a pattern. */
void put_text(const char *name, const char *text);
void put_pattern(const char *name, size_t size_bytes);

/* Compare a file of the root with that. */
void text_is(const char *name, const char *text);
void pattern_is(const char *name, size_t size_bytes);

bool is_there(const char *name);
struct stat stat_of(const char *name);

/* Names in a folder of the root, without "." and "..". */
int names_in(const char *name);

/* Open descriptors of this process. */
int descriptors(void);

#endif
