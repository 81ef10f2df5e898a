#include "protocol/remote_entry.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "fs/entry_line.h"

#define VIEW(text) ((struct view){ (text), sizeof(text) - 1 })
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define NOW_S 1795694400 /* 2026-11-26 12:00:00 */

static void assert_view_is(struct view view, const char *wanted)
{
	assert_int_equal(view.length, strlen(wanted));
	if (view.length > 0)
		assert_memory_equal(view.at, wanted, view.length);
}

static struct remote_entry facts(const char *line)
{
	struct remote_entry entry;

	assert_int_equal(remote_entry_parse_facts(view_of(line), &entry), 0);
	return entry;
}

static struct remote_entry list(const char *line)
{
	struct remote_entry entry;

	assert_int_equal(remote_entry_parse_list(view_of(line), NOW_S, &entry), 0);
	return entry;
}

/* RFC 3659 section 7.7.3 to 7.7.5. */
static void facts_read_the_examples_of_the_rfc(void **state)
{
	static const struct {
		const char *line;
		enum remote_kind kind;
		const char *name;
	} examples[] = {
		{ "Type=cdir;Perm=el;Unique=keVO1+ZF4; test", REMOTE_CDIR, "test" },
		{ "Type=pdir;Perm=e;Unique=keVO1+d?3; ..", REMOTE_PDIR, ".." },
		{ "Type=OS.unix=slink:/foobar;Perm=;Unique=keVO1+4G4; foobar", REMOTE_LINK,
		  "foobar" },
		{ "Type=OS.unix=chr-13/29;Perm=;Unique=keVO1+5G4; device", REMOTE_OTHER, "device" },
		{ "Type=OS.unix=blk-11/108;Perm=;Unique=keVO1+6G4; block", REMOTE_OTHER, "block" },
		{ "Type=file;Perm=awr;Unique=keVO1+8G4; writable", REMOTE_FILE, "writable" },
		{ "Type=dir;Perm=cpmel;Unique=keVO1+7G4; promiscuous", REMOTE_FOLDER,
		  "promiscuous" },
		{ "Type=file;Perm=r;Unique=keVO1+EG4; two words", REMOTE_FILE, "two words" },
		{ "Type=file;Perm=r;Unique=keVO1+IH4;  leading space", REMOTE_FILE,
		  " leading space" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(examples); i++) {
		struct remote_entry entry = facts(examples[i].line);

		assert_int_equal(entry.kind, examples[i].kind);
		assert_view_is(entry.name, examples[i].name);
		assert_int_equal(entry.size_bytes, REMOTE_SIZE_UNKNOWN);
		assert_true(entry.modified_s == REMOTE_TIME_UNKNOWN);
		assert_int_equal(entry.mode, REMOTE_MODE_UNKNOWN);
		assert_false(entry.time_is_exact);
	}
	assert_view_is(facts(examples[2].line).target, "/foobar");
}

static void facts_have_size_time_and_mode(void **state)
{
	struct remote_entry entry;

	(void)state;
	entry = facts("type=file;size=1024990;modify=19990112033045;UNIX.mode=0644; /tmp/x.tar.gz");
	assert_int_equal(entry.size_bytes, 1024990);
	assert_int_equal(entry.modified_s, 916111845);
	assert_true(entry.time_is_exact);
	assert_int_equal(entry.mode, 0644);
	assert_view_is(entry.name, "/tmp/x.tar.gz");
	assert_view_is(entry.mode_text, "");

	entry = facts("SIZE=9223372036854775807;MODIFY=19990929003355.237;unix.MODE=04755; x");
	assert_true(entry.size_bytes == INT64_MAX);
	assert_int_equal(entry.modified_s, 938565235);
	assert_int_equal(entry.mode, 04755);
	assert_int_equal(entry.kind, REMOTE_OTHER);
}

/* pyftpdlib, ProFTPD, Pure-FTPd ("sizd" is the size of a folder). */
static void facts_read_the_lines_of_every_server(void **state)
{
	static const struct {
		const char *line;
		enum remote_kind kind;
		int64_t size_bytes;
		int mode;
		const char *name;
	} lines[] = {
		{ "modify=20260102030405;perm=r;size=5;type=file;unique=fe00ga75e55; two  words",
		  REMOTE_FILE, 5, REMOTE_MODE_UNKNOWN, "two  words" },
		{ "modify=20260102030405;perm=el;size=4096;type=dir;unique=fe00ga75e57; folder",
		  REMOTE_FOLDER, 4096, REMOTE_MODE_UNKNOWN, "folder" },
		{ "modify=20260102030405;perm=adfr;size=1;type=file;unique=FE00UA75E54;"
		  "UNIX.group=0;UNIX.groupname=nogroup;UNIX.mode=0644;UNIX.owner=0;"
		  "UNIX.ownername=nobody;  leading",
		  REMOTE_FILE, 1, 0644, " leading" },
		{ "modify=20260102030405;perm=fle;type=cdir;unique=FE00UA75E58;UNIX.group=0;"
		  "UNIX.groupname=nogroup;UNIX.mode=0755;UNIX.owner=0;UNIX.ownername=nobody; .",
		  REMOTE_CDIR, REMOTE_SIZE_UNKNOWN, 0755, "." },
		{ "type=pdir;sizd=4096;modify=20260102030405;UNIX.mode=0755;unique=fe00ga75e58; ..",
		  REMOTE_PDIR, REMOTE_SIZE_UNKNOWN, 0755, ".." },
		{ "type=file;size=1;modify=20260102030405;UNIX.mode=0751;unique=fe00ga75e52; -rf",
		  REMOTE_FILE, 1, 0751, "-rf" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(lines); i++) {
		struct remote_entry entry = facts(lines[i].line);

		assert_int_equal(entry.kind, lines[i].kind);
		assert_int_equal(entry.size_bytes, lines[i].size_bytes);
		assert_int_equal(entry.mode, lines[i].mode);
		assert_int_equal(entry.modified_s, 1767323045);
		assert_true(entry.time_is_exact);
		assert_view_is(entry.name, lines[i].name);
	}
}

static void facts_know_links_of_every_server(void **state)
{
	struct remote_entry entry;

	(void)state;
	entry = facts("type=OS.unix=slink; a");
	assert_int_equal(entry.kind, REMOTE_LINK);
	assert_view_is(entry.target, "");
	entry = facts("type=OS.unix=symlink; a");
	assert_int_equal(entry.kind, REMOTE_LINK);
	entry = facts(
		"type=OS.unix=slink:../to here;size=10;UNIX.mode=0777; a link"); /* Pure-FTPd */
	assert_int_equal(entry.kind, REMOTE_LINK);
	assert_view_is(entry.target, "../to here");
	assert_int_equal(entry.mode, 0777);
	assert_view_is(entry.name, "a link");
	entry = facts("type=os.UNIX=slink:../b=c; a");
	assert_int_equal(entry.kind, REMOTE_LINK);
	assert_view_is(entry.target, "../b=c");
	assert_int_equal(facts("type=OS.unix=slinky; a").kind, REMOTE_OTHER);
	assert_int_equal(facts("type=OS.unix=socket; a").kind, REMOTE_OTHER);
}

static void facts_may_be_none(void **state)
{
	(void)state;
	assert_view_is(facts(" name").name, "name");
	assert_view_is(facts("  name").name, " name");
	assert_view_is(facts("; name").name, "name");
	assert_view_is(facts("type; name").name, "name");
	assert_int_equal(facts(" name").kind, REMOTE_OTHER);
}

static void a_fact_that_cannot_be_is_unknown(void **state)
{
	struct remote_entry entry;

	(void)state;
	entry = facts("type=file;size=-1;modify=20260230000000;UNIX.mode=0999; x");
	assert_int_equal(entry.size_bytes, REMOTE_SIZE_UNKNOWN);
	assert_true(entry.modified_s == REMOTE_TIME_UNKNOWN);
	assert_false(entry.time_is_exact);
	assert_int_equal(entry.mode, REMOTE_MODE_UNKNOWN);
	entry = facts("type=file;size=9223372036854775808;modify=19100;UNIX.mode=; x");
	assert_int_equal(entry.size_bytes, REMOTE_SIZE_UNKNOWN);
	assert_true(entry.modified_s == REMOTE_TIME_UNKNOWN);
	assert_int_equal(entry.mode, REMOTE_MODE_UNKNOWN);
	assert_int_equal(facts("size=; x").size_bytes, REMOTE_SIZE_UNKNOWN);
	assert_int_equal(facts("size=0x10; x").size_bytes, REMOTE_SIZE_UNKNOWN);
}

static void lines_of_another_form_have_no_facts(void **state)
{
	static const struct view lines[] = {
		VIEW(""),
		VIEW(" "),
		VIEW("name"),
		VIEW("type=file; "),
		VIEW("type=file;name"),
		VIEW("type=file name"),
		VIEW("type=file;\tname"),
		VIEW("-rw-r--r--   1 ftp      ftp          1234 Jan  2 03:04 name"),
	};
	struct remote_entry entry = { .size_bytes = 7 };

	(void)state;
	for (size_t i = 0; i < COUNT(lines); i++)
		assert_int_equal(remote_entry_parse_facts(lines[i], &entry), -EINVAL);
	assert_int_equal(remote_entry_parse_facts((struct view){ NULL, 0 }, &entry), -EINVAL);
	assert_int_equal(entry.size_bytes, 7);
}

static void list_reads_the_layout_of_every_server(void **state)
{
	static const char *const lines[] = {
		"-rw-r--r--    1 1000     1000         1234 Jan 02 03:04 name",	      /* vsftpd */
		"-rw-r--r--   1 ftp      ftp          1234 Jan  2 03:04 name",	      /* ProFTPD */
		"-rw-r--r--    1 0          0                1234 Jan  2 03:04 name", /* Pure-FTPd */
		"-rw-r--r--   1 root     root         1234 Jan 02 03:04 name", /* pyftpdlib */
		"-rw-r--r-- 1 ftp 1234 Jan 2 3:04 name",		       /* one column */
		"-rw-r--r-- 1234 Jan 2 03:04 name",			       /* none */
		"-rw-r--r--+ 1 Domain Users Domain Admins 1234 Jan  2 03:04 name",
		"-rw-r--r--. 1 May Feb 1234 Jan  2 03:04 name",
		"-rw-r--r--@ 1 7 Jan 1234 jan  2 03:04 name",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(lines); i++) {
		struct remote_entry entry = list(lines[i]);

		assert_int_equal(entry.kind, REMOTE_FILE);
		assert_view_is(entry.name, "name");
		assert_view_is(entry.target, "");
		assert_view_is(entry.mode_text, "-rw-r--r--");
		assert_int_equal(entry.mode, 0644);
		assert_int_equal(entry.size_bytes, 1234);
		assert_int_equal(entry.modified_s, 1767323040); /* 2026-01-02 03:04 */
		assert_false(entry.time_is_exact);
	}
}

static void list_keeps_each_space_of_a_name(void **state)
{
	struct remote_entry entry;

	(void)state;
	assert_view_is(list("-rw-r--r-- 1 a b 1 Jan  2  2026 two  words ").name, "two  words ");
	assert_view_is(list("-rw-r--r-- 1 a b 1 Jan  2 03:04  leading").name, " leading");
	assert_view_is(list("-rw-r--r-- 1 a b 1 Jan  2 03:04 5 Feb  3 04:05 x").name,
		       "5 Feb  3 04:05 x");
	entry = list("-rw-r--r-- 1 a b 1 Jan  2 03:04 a -> b");
	assert_view_is(entry.name, "a -> b");
	assert_view_is(entry.target, "");
}

static void list_knows_each_kind(void **state)
{
	struct remote_entry entry;

	(void)state;
	entry = list("lrwxrwxrwx 1 a b 8 Jan  2 03:04 a link -> ../to here");
	assert_int_equal(entry.kind, REMOTE_LINK);
	assert_view_is(entry.name, "a link");
	assert_view_is(entry.target, "../to here");
	entry = list("lrwxrwxrwx 1 a b 8 Jan  2 03:04 link");
	assert_int_equal(entry.kind, REMOTE_LINK);
	assert_view_is(entry.target, "");

	entry = list("drwxr-xr-x 2 a b 4096 Jan  2 03:04 pub");
	assert_int_equal(entry.kind, REMOTE_FOLDER);
	assert_int_equal(list("drwxr-xr-x 2 a b 4096 Jan  2 03:04 .").kind, REMOTE_CDIR);
	assert_int_equal(list("drwxr-xr-x 2 a b 4096 Jan  2 03:04 ..").kind, REMOTE_PDIR);

	entry = list("crw-rw-rw- 1 root root 1, 3 Jan  2 03:04 null");
	assert_int_equal(entry.kind, REMOTE_OTHER);
	assert_view_is(entry.name, "null");
	assert_int_equal(entry.size_bytes, REMOTE_SIZE_UNKNOWN);
	assert_int_equal(list("prw-rw-rw- 1 a b 0 Jan  2 03:04 fifo").kind, REMOTE_OTHER);
	assert_int_equal(list("srw-rw-rw- 1 a b 0 Jan  2 03:04 socket").kind, REMOTE_OTHER);
}

static void list_reads_each_mode(void **state)
{
	static const struct {
		const char *line;
		int mode;
	} modes[] = {
		{ "---------- 1 a b 1 Jan  2 03:04 x", 0 },
		{ "-rwxrwxrwx 1 a b 1 Jan  2 03:04 x", 0777 },
		{ "-rwsr-sr-t 1 a b 1 Jan  2 03:04 x", 07755 },
		{ "-rwSr-Sr-T 1 a b 1 Jan  2 03:04 x", 07644 },
		{ "drwxrwxrwt 1 a b 1 Jan  2 03:04 x", 01777 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(modes); i++)
		assert_int_equal(list(modes[i].line).mode, modes[i].mode);
}

/* As seen from noon of 26 November 2026. */
static void a_date_without_a_year_is_the_last_one(void **state)
{
	static const struct {
		const char *line;
		int64_t seconds;
	} dates[] = {
		{ "-rw-r--r-- 1 a b 1 Nov 26 15:04 x", 1795705440 }, /* a server east of here */
		{ "-rw-r--r-- 1 a b 1 Nov 27 12:00 x", 1795780800 },
		{ "-rw-r--r-- 1 a b 1 Nov 27 12:01 x", 1764244860 }, /* 2025 */
		{ "-rw-r--r-- 1 a b 1 Nov 28  2025 x", 1764288000 },
		{ "-rw-r--r-- 1 a b 1 Feb 29 03:04 x", 1709175840 }, /* 2024 */
	};
	struct remote_entry entry;

	(void)state;
	for (size_t i = 0; i < COUNT(dates); i++)
		assert_int_equal(list(dates[i].line).modified_s, dates[i].seconds);

	/* At 2026-01-02 00:00:00, one minute before midnight of 31 December was two days ago, or
	 * will be in a year. */
	assert_int_equal(remote_entry_parse_list(view_of("-rw-r--r-- 1 a b 1 Dec 31 23:59 x"),
						 1767312000, &entry),
			 0);
	assert_int_equal(entry.modified_s, 1767225540);
	/* At 2025-12-31 23:59, 1 January of a server further east is that of the next year. */
	assert_int_equal(remote_entry_parse_list(view_of("-rw-r--r-- 1 a b 1 Jan  1 01:59 x"),
						 1767225540, &entry),
			 0);
	assert_int_equal(entry.modified_s, 1767232740);
	assert_true(list("-rw-r--r-- 1 a b 1 Feb 30 03:04 x").modified_s == REMOTE_TIME_UNKNOWN);
	assert_true(list("-rw-r--r-- 1 a b 1 Feb 29  2025 x").modified_s == REMOTE_TIME_UNKNOWN);
}

static void list_reads_the_layout_of_ms_dos(void **state)
{
	struct remote_entry entry;

	(void)state;
	entry = list("02-03-26  03:04PM       <DIR>          my folder");
	assert_int_equal(entry.kind, REMOTE_FOLDER);
	assert_view_is(entry.name, "my folder");
	assert_int_equal(entry.size_bytes, REMOTE_SIZE_UNKNOWN);
	assert_int_equal(entry.modified_s, 1770131040);
	assert_int_equal(entry.mode, REMOTE_MODE_UNKNOWN);
	assert_view_is(entry.mode_text, "");
	assert_false(entry.time_is_exact);
	assert_view_is(list("02-03-26  03:04PM       <DIR>           x").name, " x");

	entry = list("02-03-2026  03:04PM             12345678 my file");
	assert_int_equal(entry.kind, REMOTE_FILE);
	assert_view_is(entry.name, "my file");
	assert_int_equal(entry.size_bytes, 12345678);
	assert_int_equal(entry.modified_s, 1770131040);
	assert_int_equal(list("02-03-26  15:04  1 x").modified_s, 1770131040);
	assert_int_equal(list("02-03-26  12:04AM  1 x").modified_s, 1770077040);
	assert_int_equal(list("02-03-26  12:04PM  1 x").modified_s, 1770120240);
	assert_int_equal(list("02-03-96  03:04PM  1 x").modified_s, 823359840);
}

static void what_is_no_entry_is_refused(void **state)
{
	static const struct view lines[] = {
		VIEW(""),
		VIEW("total 4"),
		VIEW("/pub:"),
		VIEW("ls: cannot open directory"),
		VIEW("-rw-r--r--"),
		VIEW("-rw-r--r-- "),
		VIEW("-rw-r--r-- 1 a b 1 Jan  2 03:04"),
		VIEW("-rw-r--r-- 1 a b 1 Jan  2 03:04 "),
		VIEW("-rw-r--r-- 1 a b 1 Jan  2 24:00 x"),
		VIEW("-rw-r--r-- 1 a b 1 Jan  2 03:60 x"),
		VIEW("-rw-r--r-- 1 a b 1 Jan  2 03:4 x"),
		VIEW("-rw-r--r-- 1 a b 1 Jan  0 03:04 x"),
		VIEW("-rw-r--r-- 1 a b 1 Jan 32 03:04 x"),
		VIEW("-rw-r--r-- 1 a b 1 Jab  2 03:04 x"),
		VIEW("-rw-r--r-- 1 a b c Jan  2 03:04 x"),
		VIEW("-rw-r--r-- 1 a b 1 Jan  2 19100 x"),
		VIEW("-rq-r--r-- 1 a b 1 Jan  2 03:04 x"),
		VIEW("xrw-r--r-- 1 a b 1 Jan  2 03:04 x"),
		VIEW("-rw-r--r--1 a b 1 Jan  2 03:04 x"),
		VIEW("-rw-r--r-- 1 2 3 4 5 6 7 8 9 10 11 12 13 1 Jan  2 03:04 x"),
		VIEW("lrwxrwxrwx 1 a b 1 Jan  2 03:04  -> x"),
		VIEW("02-03-26  03:04PM       <DIR>"),
		VIEW("02-03-26  03:04PM       <DIR>          "),
		VIEW("02-03-26  03:04PM  x y"),
		VIEW("02-03-26  13:04PM  1 y"),
		VIEW("02-03-26  00:04AM  1 y"),
		VIEW("02-03-26  03:04XM  1 y"),
		VIEW("2-3-26  03:04PM  1 y"),
		VIEW("02-03  03:04PM  1 y"),
		VIEW("02-03-26  PM  1 y"),
	};
	struct remote_entry entry = { .size_bytes = 7 };

	(void)state;
	for (size_t i = 0; i < COUNT(lines); i++)
		assert_int_equal(remote_entry_parse_list(lines[i], NOW_S, &entry), -EINVAL);
	assert_int_equal(remote_entry_parse_list((struct view){ NULL, 0 }, NOW_S, &entry), -EINVAL);
	assert_int_equal(entry.size_bytes, 7);
}

static void lines_of_our_server_are_read_back(void **state)
{
	static const struct statx stat = {
		.stx_mask = STATX_BASIC_STATS,
		.stx_mode = S_IFREG | 0640,
		.stx_nlink = 1,
		.stx_size = 1234567890123,
		.stx_mtime = { .tv_sec = 1767323045 }, /* 2026-01-02 03:04:05 */
	};
	static const struct statx link = {
		.stx_mask = STATX_BASIC_STATS,
		.stx_mode = S_IFLNK | 0777,
		.stx_nlink = 1,
		.stx_size = 3,
		.stx_mtime = { .tv_sec = 1767323045 },
	};
	static const struct entry_rights rights = { 0 };
	char line[ENTRY_LINE_MAX];
	struct remote_entry entry;
	size_t length;

	(void)state;
	length = entry_line_facts(&stat, VIEW(" two  words"), NULL, FACTS_ALL, &rights, line);
	assert_int_equal(remote_entry_parse_facts((struct view){ line, length - 2 }, &entry), 0);
	assert_int_equal(entry.kind, REMOTE_FILE);
	assert_view_is(entry.name, " two  words");
	assert_int_equal(entry.size_bytes, 1234567890123);
	assert_int_equal(entry.modified_s, 1767323045);
	assert_int_equal(entry.mode, 0640);

	length = entry_line_list(&stat, VIEW(" two  words"), VIEW(""), 1767323100, line);
	assert_int_equal(
		remote_entry_parse_list((struct view){ line, length - 2 }, 1767323100, &entry), 0);
	assert_int_equal(entry.kind, REMOTE_FILE);
	assert_view_is(entry.name, " two  words");
	assert_int_equal(entry.size_bytes, 1234567890123);
	assert_int_equal(entry.modified_s, 1767323040);
	assert_int_equal(entry.mode, 0640);

	/* A year later, of the time of the day nothing is left. */
	length = entry_line_list(&link, VIEW("a"), VIEW("b/c"), 1767323100 + 31536000, line);
	assert_int_equal(remote_entry_parse_list((struct view){ line, length - 2 }, NOW_S, &entry),
			 0);
	assert_int_equal(entry.kind, REMOTE_LINK);
	assert_view_is(entry.name, "a");
	assert_view_is(entry.target, "b/c");
	assert_int_equal(entry.modified_s, 1767312000);
}

static void a_name_that_leaves_its_folder_is_not_safe(void **state)
{
	static const struct view unsafe[] = {
		VIEW(""),   VIEW("."),	VIEW(".."),   VIEW("/"),    VIEW("a/b"),
		VIEW("/a"), VIEW("a/"), VIEW("../a"), VIEW("a\0b"), VIEW("..\0"),
	};
	static const struct view safe[] = {
		VIEW("a"), VIEW("..."), VIEW("..a"),  VIEW(".a"),
		VIEW(" "), VIEW("-rf"), VIEW("\xff"),
	};

	(void)state;
	for (size_t i = 0; i < COUNT(unsafe); i++)
		assert_false(remote_name_is_safe(unsafe[i]));
	for (size_t i = 0; i < COUNT(safe); i++)
		assert_true(remote_name_is_safe(safe[i]));
	assert_false(remote_name_is_safe((struct view){ NULL, 0 }));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(facts_read_the_examples_of_the_rfc),
		cmocka_unit_test(facts_have_size_time_and_mode),
		cmocka_unit_test(facts_read_the_lines_of_every_server),
		cmocka_unit_test(facts_know_links_of_every_server),
		cmocka_unit_test(facts_may_be_none),
		cmocka_unit_test(a_fact_that_cannot_be_is_unknown),
		cmocka_unit_test(lines_of_another_form_have_no_facts),
		cmocka_unit_test(list_reads_the_layout_of_every_server),
		cmocka_unit_test(list_keeps_each_space_of_a_name),
		cmocka_unit_test(list_knows_each_kind),
		cmocka_unit_test(list_reads_each_mode),
		cmocka_unit_test(a_date_without_a_year_is_the_last_one),
		cmocka_unit_test(list_reads_the_layout_of_ms_dos),
		cmocka_unit_test(what_is_no_entry_is_refused),
		cmocka_unit_test(lines_of_our_server_are_read_back),
		cmocka_unit_test(a_name_that_leaves_its_folder_is_not_safe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
