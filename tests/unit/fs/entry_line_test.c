#include "fs/entry_line.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/limits.h"
#include "sys/identity.h"

#define VIEW(text) ((struct view){ (text), sizeof(text) - 1 })
#define EMPTY ((struct view){ "", 0 })
#define NOW 1767225600LL /* 2026-01-01 00:00:00, 20454 days */

static char line[ENTRY_LINE_MAX + 1];

static struct statx stat_of(unsigned mode, uint64_t size_bytes, int64_t modified_s)
{
	struct statx stat = {
		.stx_mask = STATX_BASIC_STATS | STATX_BTIME,
		.stx_nlink = 1,
		.stx_uid = 1000,
		.stx_gid = 100,
		.stx_mode = (uint16_t)mode,
		.stx_ino = 0x1a2b,
		.stx_size = size_bytes,
		.stx_dev_major = 8,
		.stx_dev_minor = 1,
	};

	stat.stx_mtime.tv_sec = modified_s;
	stat.stx_btime.tv_sec = 951782400; /* 2000-02-29 00:00:00 */
	return stat;
}

static void assert_line(size_t length, const char *wanted)
{
	assert_int_equal(length, strlen(wanted));
	assert_memory_equal(line, wanted, length);
}

static void assert_list(unsigned mode, uint64_t size_bytes, int64_t modified_s, const char *wanted)
{
	struct statx stat = stat_of(mode, size_bytes, modified_s);

	assert_line(entry_line_list(&stat, VIEW("name"), EMPTY, NOW, line), wanted);
}

static void list_shows_the_columns_of_ls(void **state)
{
	(void)state;
	assert_list(0100644, 1234, NOW,
		    "-rw-r--r--   1 ftp      ftp          1234 Jan  1 00:00 name\r\n");
	assert_list(0040755, 4096, NOW - 60,
		    "drwxr-xr-x   1 ftp      ftp          4096 Dec 31 23:59 name\r\n");
	assert_list(0100000, 0, 0,
		    "----------   1 ftp      ftp             0 Jan  1  1970 name\r\n");
	assert_list(0100777, 12345678, NOW,
		    "-rwxrwxrwx   1 ftp      ftp      12345678 Jan  1 00:00 name\r\n");
	assert_list(0100644, UINT64_MAX, NOW,
		    "-rw-r--r--   1 ftp      ftp      18446744073709551615 Jan  1 00:00 name\r\n");
}

static void list_shows_the_number_of_links(void **state)
{
	struct statx stat = stat_of(0100644, 7, NOW);

	(void)state;
	stat.stx_nlink = 99;
	assert_line(entry_line_list(&stat, VIEW("n"), EMPTY, NOW, line),
		    "-rw-r--r--  99 ftp      ftp             7 Jan  1 00:00 n\r\n");
	stat.stx_nlink = 4294967295;
	assert_line(entry_line_list(&stat, VIEW("n"), EMPTY, NOW, line),
		    "-rw-r--r-- 4294967295 ftp      ftp             7 Jan  1 00:00 n\r\n");
}

static void list_shows_types_and_special_bits_as_ls_does(void **state)
{
	static const struct {
		unsigned mode;
		const char *text;
	} modes[] = {
		{ 0020660, "crw-rw----" }, { 0060660, "brw-rw----" }, { 0010644, "prw-r--r--" },
		{ 0140755, "srwxr-xr-x" }, { 0104755, "-rwsr-xr-x" }, { 0104644, "-rwSr--r--" },
		{ 0102755, "-rwxr-sr-x" }, { 0102644, "-rw-r-Sr--" }, { 0041777, "drwxrwxrwt" },
		{ 0041776, "drwxrwxrwT" }, { 0107000, "---S--S--T" }, { 0000000, "?---------" },
		{ 0100123, "---x-w--wx" }, { 0100456, "-r--r-xrw-" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		struct statx stat = stat_of(modes[i].mode, 0, NOW);

		entry_line_list(&stat, VIEW("x"), EMPTY, NOW, line);
		assert_memory_equal(line, modes[i].text, 10);
	}
}

static void list_shows_no_size_of_devices_and_pipes(void **state)
{
	(void)state;
	assert_list(0020660, 77, NOW,
		    "crw-rw----   1 ftp      ftp             0 Jan  1 00:00 name\r\n");
	assert_list(0010644, 77, NOW,
		    "prw-r--r--   1 ftp      ftp             0 Jan  1 00:00 name\r\n");
}

static void list_shows_the_year_of_what_is_old_or_of_the_future(void **state)
{
	(void)state;
	/* Half a mean year are 15778476 s: 182 days, 14:54:36. */
	assert_list(0100644, 1, NOW - 15778476,
		    "-rw-r--r--   1 ftp      ftp             1 Jul  2 09:05 name\r\n");
	assert_list(0100644, 1, NOW - 15778477,
		    "-rw-r--r--   1 ftp      ftp             1 Jul  2  2025 name\r\n");
	assert_list(0100644, 1, NOW + 61,
		    "-rw-r--r--   1 ftp      ftp             1 Jan  1  2026 name\r\n");
	assert_list(0100644, 1, -1,
		    "-rw-r--r--   1 ftp      ftp             1 Dec 31  1969 name\r\n");
	assert_list(0100644, 1, INT64_MAX,
		    "-rw-r--r--   1 ftp      ftp             1 Dec 31  9999 name\r\n");
	assert_list(0100644, 1, INT64_MIN,
		    "-rw-r--r--   1 ftp      ftp             1 Jan  1  0000 name\r\n");
}

static void list_shows_the_time_of_what_changed_while_it_was_made(void **state)
{
	(void)state;
	assert_list(0100644, 1, NOW + 1,
		    "-rw-r--r--   1 ftp      ftp             1 Jan  1 00:00 name\r\n");
	assert_list(0100644, 1, NOW + 60,
		    "-rw-r--r--   1 ftp      ftp             1 Jan  1 00:01 name\r\n");
}

static void a_line_is_kept_until_its_date_looks_otherwise(void **state)
{
	struct statx stat = stat_of(0100644, 1, NOW);

	(void)state;
	assert_int_equal(entry_line_list_until(&stat, NOW), NOW + 15778476);
	assert_int_equal(entry_line_list_until(&stat, NOW - 60), NOW + 15778476);
	assert_int_equal(entry_line_list_until(&stat, NOW - 61), NOW - 61);
	assert_int_equal(entry_line_list_until(&stat, NOW + 15778477), INT64_MAX);
}

static void list_shows_the_target_of_a_link(void **state)
{
	struct statx stat = stat_of(0120777, 6, NOW);

	(void)state;
	assert_line(entry_line_list(&stat, VIEW("a"), VIEW("../b c"), NOW, line),
		    "lrwxrwxrwx   1 ftp      ftp             6 Jan  1 00:00 a -> ../b c\r\n");
	assert_line(entry_line_list(&stat, VIEW("a"), EMPTY, NOW, line),
		    "lrwxrwxrwx   1 ftp      ftp             6 Jan  1 00:00 a\r\n");
}

static void a_name_cannot_forge_a_line(void **state)
{
	struct statx stat = stat_of(0120777, 6, NOW);
	const struct entry_rights rights = { 0 };

	(void)state;
	assert_line(entry_line_list(&stat, VIEW("a\r\nb"), VIEW("\nc\r"), NOW, line),
		    "lrwxrwxrwx   1 ftp      ftp             6 Jan  1 00:00 a??b -> ?c?\r\n");
	assert_line(entry_line_name(VIEW("d\n/"), VIEW("a\r\nb"), line), "d?/a??b\r\n");
	assert_line(entry_line_facts(&stat, VIEW("a\r\nb"), NULL, 0, &rights, line), " a??b\r\n");
}

static void other_bytes_of_a_name_stay(void **state)
{
	(void)state;
	assert_line(entry_line_name(EMPTY, VIEW("\xff\xfe \t;\x01\xc3"), line),
		    "\xff\xfe \t;\x01\xc3\r\n");
	assert_line(entry_line_name(VIEW("sub/"), VIEW(" x "), line), "sub/ x \r\n");
}

static void the_longest_names_fit_a_line(void **state)
{
	static char bytes[PATH_BYTES_MAX + 100];
	struct statx stat = stat_of(0120777, UINT64_MAX, INT64_MAX);
	const struct view longest = { bytes, sizeof(bytes) };
	const struct entry_rights rights = {
		.uid = 1000, .gid = 100, .may_write = true, .folder_writable = true
	};

	(void)state;
	memset(bytes, 'x', sizeof(bytes));
	memset(line, '#', sizeof(line));
	stat.stx_nlink = UINT32_MAX;
	stat.stx_uid = UINT32_MAX;
	stat.stx_gid = UINT32_MAX;
	assert_true(entry_line_list(&stat, longest, longest, NOW, line) <= ENTRY_LINE_MAX);
	assert_true(entry_line_name(longest, longest, line) <= ENTRY_LINE_MAX);
	stat.stx_ino = UINT64_MAX;
	stat.stx_dev_major = UINT32_MAX;
	stat.stx_mode = 0147777;
	assert_true(entry_line_facts(&stat, longest, NULL, FACTS_ALL, &rights, line) <=
		    ENTRY_LINE_MAX);
	assert_int_equal(line[ENTRY_LINE_MAX], '#');
}

static void facts_come_in_one_order_and_only_as_wanted(void **state)
{
	struct statx stat = stat_of(0100640, 25730, 0);
	const struct entry_rights rights = {
		.uid = 1000, .gid = 100, .may_write = true, .folder_writable = true
	};

	(void)state;
	assert_line(entry_line_facts(&stat, VIEW(" n"), NULL, FACTS_ALL, &rights, line),
		    "type=file;size=25730;modify=19700101000000;create=20000229000000;perm=adfrw;"
		    "unique=800001.1a2b;UNIX.mode=0640;UNIX.owner=1000;UNIX.group=100;  n\r\n");
	assert_line(entry_line_facts(&stat, VIEW("n"), NULL, FACTS_STANDARD, &rights, line),
		    "type=file;size=25730;modify=19700101000000;perm=adfrw;unique=800001.1a2b;"
		    "UNIX.mode=0640; n\r\n");
	assert_line(entry_line_facts(&stat, VIEW("n"), NULL, FACT_UNIX_MODE | FACT_TYPE, &rights,
				     line),
		    "type=file;UNIX.mode=0640; n\r\n");
	assert_line(entry_line_facts(&stat, VIEW("n"), NULL, FACT_SIZE, &rights, line),
		    "size=25730; n\r\n");
	assert_line(entry_line_facts(&stat, VIEW("n"), NULL, 0, &rights, line), " n\r\n");
}

static void facts_clamp_times(void **state)
{
	struct statx stat = stat_of(0100640, 0, -1);
	const struct entry_rights rights = { 0 };

	(void)state;
	assert_line(entry_line_facts(&stat, VIEW("n"), NULL, FACT_MODIFY, &rights, line),
		    "modify=19691231235959; n\r\n");
	stat.stx_mtime.tv_sec = INT64_MAX;
	assert_line(entry_line_facts(&stat, VIEW("n"), NULL, FACT_MODIFY, &rights, line),
		    "modify=99991231235959; n\r\n");
}

static void facts_name_every_type(void **state)
{
	static const struct {
		unsigned mode;
		const char *line;
	} types[] = {
		{ 0100644, "type=file;size=9; n\r\n" },	   { 0040755, "type=dir; n\r\n" },
		{ 0120777, "type=OS.unix=slink; n\r\n" },  { 0020660, "type=OS.unix=chr; n\r\n" },
		{ 0060660, "type=OS.unix=blk; n\r\n" },	   { 0010644, "type=OS.unix=fifo; n\r\n" },
		{ 0140755, "type=OS.unix=socket; n\r\n" }, { 0000000, " n\r\n" },
	};
	const struct entry_rights rights = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		struct statx stat = stat_of(types[i].mode, 9, NOW);

		assert_line(entry_line_facts(&stat, VIEW("n"), NULL, FACT_TYPE | FACT_SIZE, &rights,
					     line),
			    types[i].line);
	}
}

static void a_type_given_takes_the_place_of_the_entrys(void **state)
{
	struct statx stat = stat_of(0040755, 9, NOW);
	const struct entry_rights rights = { 0 };

	(void)state;
	assert_line(entry_line_facts(&stat, VIEW("."), "cdir", FACT_TYPE | FACT_SIZE, &rights,
				     line),
		    "type=cdir; .\r\n");
	stat = (struct statx){ 0 };
	assert_line(entry_line_facts(&stat, VIEW("."), "cdir", FACTS_ALL, &rights, line),
		    "type=cdir; .\r\n");
	assert_line(entry_line_facts(&stat, VIEW("."), "cdir", FACT_SIZE, &rights, line), " .\r\n");
}

static void what_statx_did_not_tell_is_left_out(void **state)
{
	struct statx stat = stat_of(0100644, 9, NOW);
	const struct entry_rights rights = { 0 };

	(void)state;
	stat.stx_mask = STATX_BASIC_STATS; /* a file system without times of birth */
	assert_line(entry_line_facts(&stat, VIEW("n"), NULL, FACT_SIZE | FACT_CREATE, &rights,
				     line),
		    "size=9; n\r\n");
	stat.stx_mask = STATX_TYPE;
	assert_line(entry_line_facts(&stat, VIEW("n"), NULL, FACTS_ALL, &rights, line),
		    "type=file; n\r\n");
	stat.stx_mask = STATX_TYPE | STATX_SIZE | STATX_MODE;
	assert_line(entry_line_facts(&stat, VIEW("n"), NULL, FACTS_ALL, &rights, line),
		    "type=file;size=9;UNIX.mode=0644; n\r\n");
	stat.stx_mask = 0;
	assert_line(entry_line_facts(&stat, VIEW("n"), NULL, FACTS_ALL, &rights, line), " n\r\n");
}

static void assert_perm(unsigned mode, uint32_t uid, uint32_t gid, bool may_write,
			bool folder_writable, const char *wanted)
{
	struct statx stat = stat_of(mode, 0, NOW);
	const struct entry_rights rights = {
		.uid = uid, .gid = gid, .may_write = may_write, .folder_writable = folder_writable
	};

	assert_line(entry_line_facts(&stat, VIEW("n"), NULL, FACT_PERM, &rights, line), wanted);
}

static void perm_of_a_file_follows_the_class_of_the_process(void **state)
{
	(void)state;
	/* Owner, group, other: one class alone counts, even if another would grant more. */
	assert_perm(0100600, 1000, 100, true, true, "perm=adfrw; n\r\n");
	assert_perm(0100066, 1000, 100, true, true, "perm=df; n\r\n");
	assert_perm(0100060, 7, 100, true, true, "perm=adfrw; n\r\n");
	assert_perm(0100606, 7, 100, true, true, "perm=df; n\r\n");
	assert_perm(0100004, 7, 7, true, true, "perm=dfr; n\r\n");
	assert_perm(0100002, 7, 7, true, true, "perm=adfw; n\r\n");
	/* Root has no rights of its own without capabilities. */
	assert_perm(0100640, 0, 0, true, true, "perm=df; n\r\n");
}

static void perm_of_a_folder_follows_the_class_of_the_process(void **state)
{
	(void)state;
	assert_perm(0040700, 1000, 100, true, true, "perm=cdeflmp; n\r\n");
	assert_perm(0040500, 1000, 100, true, true, "perm=defl; n\r\n");
	assert_perm(0040755, 7, 7, true, false, "perm=el; n\r\n");
	assert_perm(0040711, 7, 7, true, false, "perm=e; n\r\n");
	assert_perm(0040744, 7, 7, true, false, "perm=l; n\r\n");
	/* Names can be made only where the folder can be entered. */
	assert_perm(0040600, 1000, 100, true, true, "perm=dfl; n\r\n");
}

static void perm_grants_no_change_to_a_session_that_only_reads(void **state)
{
	(void)state;
	assert_perm(0100666, 1000, 100, false, true, "perm=r; n\r\n");
	assert_perm(0040777, 1000, 100, false, true, "perm=el; n\r\n");
	assert_perm(0100000, 1000, 100, false, true, "perm=; n\r\n");
}

static void perm_knows_supplementary_groups(void **state)
{
	static const struct identity identity = { .groups = { 7, 100, 300 }, .groups_count = 3 };
	struct statx stat = stat_of(0100640, 0, NOW);
	struct entry_rights rights = { .uid = 5, .gid = 6, .identity = &identity };

	(void)state;
	assert_line(entry_line_facts(&stat, VIEW("n"), NULL, FACT_PERM, &rights, line),
		    "perm=r; n\r\n");
	stat.stx_gid = 99;
	assert_line(entry_line_facts(&stat, VIEW("n"), NULL, FACT_PERM, &rights, line),
		    "perm=; n\r\n");
}

static void perm_of_what_lies_in_a_sticky_folder_is_its_owners(void **state)
{
	struct entry_rights rights = { .uid = 1000, .gid = 7, .may_write = true };
	struct statx folder = stat_of(0041777, 0, NOW);
	struct statx stat = stat_of(0100666, 0, NOW);

	(void)state;
	folder.stx_uid = 0;
	entry_rights_of_folder(&rights, 0, &folder);
	assert_line(entry_line_facts(&stat, VIEW("n"), NULL, FACT_PERM, &rights, line),
		    "perm=adfrw; n\r\n");
	stat.stx_uid = 1;
	assert_line(entry_line_facts(&stat, VIEW("n"), NULL, FACT_PERM, &rights, line),
		    "perm=arw; n\r\n");
	folder.stx_uid = 1000; /* whose folder it is may remove anything */
	entry_rights_of_folder(&rights, 0, &folder);
	assert_line(entry_line_facts(&stat, VIEW("n"), NULL, FACT_PERM, &rights, line),
		    "perm=adfrw; n\r\n");
}

static void perm_of_what_cannot_change_is_to_be_read(void **state)
{
	struct entry_rights rights = { .uid = 1000, .gid = 7, .may_write = true };
	struct statx folder = stat_of(0040777, 0, NOW);
	struct statx stat = stat_of(0100666, 0, NOW);

	(void)state;
	entry_rights_of_folder(&rights, -EROFS, &folder);
	assert_line(entry_line_facts(&stat, VIEW("n"), NULL, FACT_PERM, &rights, line),
		    "perm=r; n\r\n");
	assert_line(entry_line_facts(&folder, VIEW("n"), NULL, FACT_PERM, &rights, line),
		    "perm=el; n\r\n");
	entry_rights_of_folder(&rights, -EACCES, &folder);
	assert_line(entry_line_facts(&stat, VIEW("n"), NULL, FACT_PERM, &rights, line),
		    "perm=arw; n\r\n");
	entry_rights_of_folder(&rights, 0, &folder);
	stat.stx_attributes = STATX_ATTR_IMMUTABLE;
	assert_line(entry_line_facts(&stat, VIEW("n"), NULL, FACT_PERM, &rights, line),
		    "perm=r; n\r\n");
	stat.stx_attributes = STATX_ATTR_APPEND;
	assert_line(entry_line_facts(&stat, VIEW("n"), NULL, FACT_PERM, &rights, line),
		    "perm=r; n\r\n");
}

static void perm_of_a_pipe_is_to_be_removed_and_renamed(void **state)
{
	(void)state;
	assert_perm(0010666, 1000, 100, true, true, "perm=df; n\r\n");
	assert_perm(0120777, 1000, 100, true, true, "perm=df; n\r\n");
	assert_perm(0020666, 1000, 100, true, false, "perm=; n\r\n");
}

static void unique_is_equal_for_hard_links_alone(void **state)
{
	struct statx stat = stat_of(0100644, 0, NOW);
	const struct entry_rights rights = { 0 };

	(void)state;
	stat.stx_ino = 0;
	stat.stx_dev_major = 0;
	stat.stx_dev_minor = 0x2c;
	assert_line(entry_line_facts(&stat, VIEW("n"), NULL, FACT_UNIQUE, &rights, line),
		    "unique=2c.0; n\r\n");
	stat.stx_ino = 0xfedcba9876543210;
	stat.stx_dev_major = 0x103;
	stat.stx_dev_minor = 0;
	assert_line(entry_line_facts(&stat, VIEW("n"), NULL, FACT_UNIQUE, &rights, line),
		    "unique=10300000.fedcba9876543210; n\r\n");
}

static void mode_has_four_octal_digits(void **state)
{
	struct statx stat = stat_of(0041777, 0, NOW);
	const struct entry_rights rights = { 0 };

	(void)state;
	assert_line(entry_line_facts(&stat, VIEW("n"), NULL, FACT_UNIX_MODE, &rights, line),
		    "UNIX.mode=1777; n\r\n");
}

static void facts_have_names_in_any_case(void **state)
{
	(void)state;
	for (unsigned fact = 1; fact <= FACTS_ALL; fact <<= 1)
		assert_int_equal(fact_of_name(view_of(fact_name((enum fact)fact))), fact);
	assert_string_equal(fact_name(FACT_UNIX_MODE), "UNIX.mode");
	assert_int_equal(fact_of_name(VIEW("MODIFY")), FACT_MODIFY);
	assert_int_equal(fact_of_name(VIEW("unix.MODE")), FACT_UNIX_MODE);
	assert_int_equal(fact_of_name(VIEW("typ")), 0);
	assert_int_equal(fact_of_name(VIEW("types")), 0);
	assert_int_equal(fact_of_name(EMPTY), 0);
	assert_null(fact_name((enum fact)(FACTS_ALL + 1)));
}

static void mask_asks_for_no_more_than_the_facts_need(void **state)
{
	(void)state;
	assert_int_equal(entry_line_mask(0), 0);
	assert_int_equal(entry_line_mask(FACT_TYPE), 0);
	assert_int_equal(entry_line_mask(FACT_SIZE), STATX_TYPE | STATX_SIZE);
	assert_int_equal(entry_line_mask(FACT_TYPE | FACT_MODIFY), STATX_TYPE | STATX_MTIME);
	assert_int_equal(entry_line_mask(FACT_PERM),
			 STATX_TYPE | STATX_MODE | STATX_UID | STATX_GID);
	assert_int_equal(entry_line_mask(FACT_UNIQUE), STATX_TYPE | STATX_INO);
	assert_int_equal(entry_line_mask(FACT_UNIX_MODE), STATX_TYPE | STATX_MODE);
	assert_int_equal(entry_line_mask(FACT_CREATE), STATX_TYPE | STATX_BTIME);
	assert_int_equal(entry_line_mask(FACT_UNIX_OWNER), STATX_TYPE | STATX_UID);
	assert_int_equal(entry_line_mask(FACT_UNIX_GROUP), STATX_TYPE | STATX_GID);
	assert_int_equal(entry_line_mask(FACTS_ALL), STATX_TYPE | STATX_SIZE | STATX_MTIME |
							     STATX_BTIME | STATX_MODE | STATX_UID |
							     STATX_GID | STATX_INO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(list_shows_the_columns_of_ls),
		cmocka_unit_test(list_shows_the_number_of_links),
		cmocka_unit_test(list_shows_types_and_special_bits_as_ls_does),
		cmocka_unit_test(list_shows_no_size_of_devices_and_pipes),
		cmocka_unit_test(list_shows_the_year_of_what_is_old_or_of_the_future),
		cmocka_unit_test(list_shows_the_time_of_what_changed_while_it_was_made),
		cmocka_unit_test(a_line_is_kept_until_its_date_looks_otherwise),
		cmocka_unit_test(list_shows_the_target_of_a_link),
		cmocka_unit_test(a_name_cannot_forge_a_line),
		cmocka_unit_test(other_bytes_of_a_name_stay),
		cmocka_unit_test(the_longest_names_fit_a_line),
		cmocka_unit_test(facts_come_in_one_order_and_only_as_wanted),
		cmocka_unit_test(facts_clamp_times),
		cmocka_unit_test(facts_name_every_type),
		cmocka_unit_test(a_type_given_takes_the_place_of_the_entrys),
		cmocka_unit_test(what_statx_did_not_tell_is_left_out),
		cmocka_unit_test(perm_of_a_file_follows_the_class_of_the_process),
		cmocka_unit_test(perm_of_a_folder_follows_the_class_of_the_process),
		cmocka_unit_test(perm_grants_no_change_to_a_session_that_only_reads),
		cmocka_unit_test(perm_knows_supplementary_groups),
		cmocka_unit_test(perm_of_what_lies_in_a_sticky_folder_is_its_owners),
		cmocka_unit_test(perm_of_what_cannot_change_is_to_be_read),
		cmocka_unit_test(perm_of_a_pipe_is_to_be_removed_and_renamed),
		cmocka_unit_test(unique_is_equal_for_hard_links_alone),
		cmocka_unit_test(mode_has_four_octal_digits),
		cmocka_unit_test(facts_have_names_in_any_case),
		cmocka_unit_test(mask_asks_for_no_more_than_the_facts_need),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
