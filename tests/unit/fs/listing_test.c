#include "fs/listing.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/limits.h"
#include "sys/calls.h"

#define VIEW(text) ((struct view){ (text), sizeof(text) - 1 })
#define NOW 1767225600LL /* 2026-01-01 00:00:00 */
#define TEXT_MAX 16777216

/* A tree of its own for each test, its descriptor, and a table of calls to spoil. */
static char tree[] = "/tmp/listing_test.XXXXXX";
static int root = -1;
static struct calls spoilt;
static unsigned getdents_left; /* calls until getdents fails */
static unsigned statx_calls;
static unsigned folder_calls;	/* of close, with the folder's descriptor */
static const char *spoilt_name; /* statx of this one fails with spoilt_error */
static int spoilt_error;
static int watched_fd;
static char text[TEXT_MAX];

static void *spoilt_allocate(size_t size_bytes)
{
	(void)size_bytes;
	return NULL;
}

static ssize_t spoilt_getdents(int folder, void *buffer, size_t size_bytes)
{
	if (getdents_left == 0)
		return -EIO;
	getdents_left--;
	return calls_real.getdents(folder, buffer, size_bytes);
}

/* Says DT_UNKNOWN of everything, as some file systems do. */
static ssize_t untyped_getdents(int folder, void *buffer, size_t size_bytes)
{
	ssize_t length = calls_real.getdents(folder, buffer, size_bytes);

	for (ssize_t at = 0; at < length;) {
		struct dirent64 *entry = (struct dirent64 *)(void *)((char *)buffer + at);

		entry->d_type = DT_UNKNOWN;
		at += entry->d_reclen;
	}
	return length;
}

static int spoilt_statx(int folder, const char *path, int flags, unsigned mask,
			struct statx *ret_stat)
{
	__atomic_fetch_add(&statx_calls, 1, __ATOMIC_RELAXED);
	if (spoilt_name && strcmp(path, spoilt_name) == 0)
		return spoilt_error;
	return calls_real.statx(folder, path, flags, mask, ret_stat);
}

static ssize_t spoilt_readlinkat(int folder, const char *name, char *buffer, size_t size_bytes)
{
	(void)folder;
	(void)name;
	(void)buffer;
	(void)size_bytes;
	return -EACCES;
}

static int spoilt_close(int fd)
{
	if (fd == watched_fd)
		folder_calls++;
	return calls_real.close(fd);
}

static int tree_make(void **state)
{
	(void)state;
	strcpy(tree, "/tmp/listing_test.XXXXXX");
	if (!mkdtemp(tree))
		return -1;
	root = open(tree, O_PATH | O_DIRECTORY | O_CLOEXEC);
	spoilt = calls_real;
	spoilt.statx = spoilt_statx;
	calls = &spoilt;
	statx_calls = 0;
	spoilt_name = NULL;
	watched_fd = -1;
	folder_calls = 0;
	return root < 0;
}

static int entry_remove(const char *path, const struct stat *stat, int flag, struct FTW *ftw)
{
	(void)stat;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static int tree_remove(void **state)
{
	(void)state;
	calls = &calls_real;
	close(root);
	return nftw(tree, entry_remove, 16, FTW_DEPTH | FTW_PHYS);
}

static void make_file(const char *name, const char *content, int64_t modified_s)
{
	const struct timespec times[2] = { { modified_s, 0 }, { modified_s, 0 } };
	int folder = open(tree, O_PATH | O_DIRECTORY);
	int fd = openat(folder, name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, content, strlen(content)), strlen(content));
	assert_int_equal(fchmod(fd, 0644), 0);
	assert_int_equal(futimens(fd, times), 0);
	close(fd);
	close(folder);
}

static void make_folder(const char *name)
{
	const struct timespec times[2] = { { NOW, 0 }, { NOW, 0 } };
	int folder = open(tree, O_PATH | O_DIRECTORY);

	assert_int_equal(mkdirat(folder, name, 0755), 0);
	assert_int_equal(fchmodat(folder, name, 0755, 0), 0);
	assert_int_equal(utimensat(folder, name, times, 0), 0);
	close(folder);
}

static void make_link(const char *target, const char *name)
{
	const struct timespec times[2] = { { NOW, 0 }, { NOW, 0 } };
	int folder = open(tree, O_PATH | O_DIRECTORY);

	assert_int_equal(symlinkat(target, folder, name), 0);
	assert_int_equal(utimensat(folder, name, times, AT_SYMLINK_NOFOLLOW), 0);
	close(folder);
}

static struct listing_request request_of(const char *folder_path, enum listing_format format,
					 unsigned facts)
{
	const struct open_how how = { .flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC,
				      .resolve = RESOLVE_IN_ROOT };
	struct listing_request request = {
		.folder = calls_real.openat2(root, folder_path, &how),
		.root = root,
		.folder_path = view_of(folder_path),
		.format = format,
		.facts = facts,
		.rights = { .uid = geteuid(),
			    .gid = getegid(),
			    .may_write = true,
			    .folder_writable = true },
		.now_s = NOW,
	};

	assert_true(request.folder >= 0);
	return request;
}

/* Fills text with the whole listing by buffers of size_bytes. Returns its length or an error. */
static ssize_t read_all(struct listing *listing, size_t size_bytes)
{
	size_t length = 0;
	ssize_t r;

	do {
		assert_true(length + size_bytes < TEXT_MAX);
		r = listing_fill(listing, text + length, size_bytes);
		if (r < 0)
			return r;
		length += (size_t)r;
		if (r > 0)
			assert_memory_equal(text + length - 2, "\r\n", 2);
	} while (r > 0);
	assert_int_equal(listing_fill(listing, text + length, size_bytes), 0);
	text[length] = '\0';
	return (ssize_t)length;
}

static uint64_t list(const struct listing_request *request, const char *wanted)
{
	struct listing *listing;
	uint64_t entries;

	assert_int_equal(listing_new(request, &listing), 0);
	assert_true(read_all(listing, 65536) >= 0);
	entries = listing_entries(listing);
	listing_free(listing);
	assert_string_equal(text, wanted);
	return entries;
}

static void an_empty_folder_has_no_line(void **state)
{
	struct listing_request request = request_of("/", LISTING_LIST, 0);

	(void)state;
	assert_int_equal(list(&request, ""), 0);
	request = request_of("/", LISTING_NLST, 0);
	assert_int_equal(list(&request, ""), 0);
	request = request_of("/", LISTING_MLSD, FACT_TYPE);
	assert_int_equal(list(&request, "type=cdir; .\r\n"), 1);
}

static void a_folder_is_listed_in_the_order_of_bytes(void **state)
{
	struct listing_request request = request_of("/", LISTING_NLST, 0);

	(void)state;
	make_file("b", "", NOW);
	make_file("a\xc3\xa9", "", NOW);
	make_file("Z", "", NOW);
	make_folder("ab");
	make_file("\xff\xfe", "", NOW);
	make_file("a b ", "", NOW);
	make_file("-l", "", NOW);
	assert_int_equal(list(&request, "-l\r\nZ\r\na b \r\nab\r\na\xc3\xa9\r\nb\r\n\xff\xfe\r\n"),
			 7);
	assert_int_equal(statx_calls, 0);
}

/* One of each kind but devices, which only root can make. */
static void make_kinds(void)
{
	const struct timespec times[2] = { { NOW, 0 }, { NOW, 0 } };
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char path[64];
	int fd;

	make_folder("folder");
	make_file("file", "12345", NOW - 60);
	make_file("old", "1", 0);
	make_link("file", "link");
	make_link("nowhere", "loose");
	snprintf(path, sizeof(path), "%s/pipe", tree);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/sock", tree);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	close(fd);
	assert_int_equal(chmod(address.sun_path, 0600), 0);
	assert_int_equal(utimensat(AT_FDCWD, address.sun_path, times, 0), 0);
}

static void list_shows_every_kind_of_entry(void **state)
{
	struct listing_request request = request_of("/", LISTING_LIST, 0);

	(void)state;
	make_kinds();
	request.pattern = VIEW("[!f]*"); /* the size of a folder is the file system's matter */
	list(&request, "lrwxrwxrwx   1 ftp      ftp             4 Jan  1 00:00 link -> file\r\n"
		       "lrwxrwxrwx   1 ftp      ftp             7 Jan  1 00:00 loose -> nowhere\r\n"
		       "-rw-r--r--   1 ftp      ftp             1 Jan  1  1970 old\r\n"
		       "prw-------   1 ftp      ftp             0 Jan  1 00:00 pipe\r\n"
		       "srw-------   1 ftp      ftp             0 Jan  1 00:00 sock\r\n");
	request = request_of("/", LISTING_LIST, 0);
	request.pattern = VIEW("fi*");
	list(&request, "-rw-r--r--   1 ftp      ftp             5 Dec 31 23:59 file\r\n");
}

static const char *const kinds_mlsd = "type=cdir; .\r\n"
				      "type=file;size=5; file\r\n"
				      "type=dir; folder\r\n"
				      "type=file;size=5; link\r\n"
				      "type=OS.unix=slink; loose\r\n"
				      "type=file;size=1; old\r\n"
				      "type=OS.unix=fifo; pipe\r\n"
				      "type=OS.unix=socket; sock\r\n";

static void mlsd_shows_every_kind_of_entry(void **state)
{
	struct listing_request request = request_of("/", LISTING_MLSD, FACT_TYPE | FACT_SIZE);

	(void)state;
	make_kinds();
	assert_int_equal(list(&request, kinds_mlsd), 8);
}

static void unknown_types_are_looked_up(void **state)
{
	struct listing_request request = request_of("/", LISTING_MLSD, FACT_TYPE | FACT_SIZE);

	(void)state;
	make_kinds();
	spoilt.getdents = untyped_getdents;
	assert_int_equal(list(&request, kinds_mlsd), 8);

	request = request_of("/", LISTING_MLSD, FACT_TYPE);
	request.pattern = VIEW("[fl]*");
	statx_calls = 0;
	list(&request, "type=cdir; .\r\ntype=file; file\r\ntype=dir; folder\r\ntype=file; link\r\n"
		       "type=OS.unix=slink; loose\r\n");
	/* One each; link: its target too; loose: once more, for there is none. */
	assert_int_equal(statx_calls, 4 + 1 + 1);
}

static void a_type_alone_needs_no_statx_but_for_links(void **state)
{
	struct listing_request request = request_of("/", LISTING_MLSD, FACT_TYPE);

	(void)state;
	make_kinds();
	request.pattern = VIEW("[!l]*");
	list(&request, "type=cdir; .\r\ntype=file; file\r\ntype=dir; folder\r\ntype=file; old\r\n"
		       "type=OS.unix=fifo; pipe\r\ntype=OS.unix=socket; sock\r\n");
	assert_int_equal(statx_calls, 0);
	request = request_of("/", LISTING_MLSD, 0);
	request.pattern = VIEW("l*");
	list(&request, " .\r\n link\r\n loose\r\n");
	assert_int_equal(statx_calls, 0);
	request = request_of("/", LISTING_MLSD, FACT_TYPE);
	request.pattern = VIEW("l*");
	list(&request, "type=cdir; .\r\ntype=file; link\r\ntype=OS.unix=slink; loose\r\n");
	assert_int_equal(statx_calls, 1);
}

static void mlsd_follows_links_within_the_tree_alone(void **state)
{
	struct listing_request request;

	(void)state;
	make_folder("sub");
	make_folder("etc");
	make_file("etc/ours", "123", NOW);
	make_link("/etc/ours", "sub/absolute");
	make_link("../../../../etc/ours", "sub/climbs");
	make_link("/etc/passwd", "sub/foreign");
	make_link("../etc", "sub/folder");
	make_link("loop", "sub/loop");
	make_link("/proc/self/fd/0", "sub/magic");
	make_link("absolute", "sub/twice");
	request = request_of("/sub", LISTING_MLSD, FACT_TYPE | FACT_SIZE);
	list(&request, "type=cdir; .\r\n"
		       "type=file;size=3; absolute\r\n"
		       "type=file;size=3; climbs\r\n"
		       "type=dir; folder\r\n"
		       "type=OS.unix=slink; foreign\r\n"
		       "type=OS.unix=slink; loop\r\n"
		       "type=OS.unix=slink; magic\r\n"
		       "type=file;size=3; twice\r\n");
}

static unsigned walks_given_up; /* that the kernel will give up yet */

static int restless_openat2(int folder, const char *path, const struct open_how *how)
{
	if (!(how->resolve & RESOLVE_IN_ROOT) || walks_given_up == 0)
		return calls_real.openat2(folder, path, how);
	walks_given_up--;
	return -EAGAIN;
}

static void a_walk_that_the_kernel_gives_up_is_begun_again(void **state)
{
	struct listing_request request = request_of("/", LISTING_MLSD, FACT_TYPE);

	(void)state;
	make_file("file", "", NOW);
	make_link("file", "link");
	spoilt.openat2 = restless_openat2;
	walks_given_up = 3;
	list(&request, "type=cdir; .\r\ntype=file; file\r\ntype=file; link\r\n");
}

static void a_link_in_a_folder_too_deep_to_name_leads_nowhere(void **state)
{
	static char deep[PATH_BYTES_MAX + 2000];
	struct listing_request request = request_of("/", LISTING_MLSD, FACT_TYPE);

	(void)state;
	make_file("file", "", NOW);
	make_link("file", "link");
	memset(deep, 'x', sizeof(deep));
	deep[0] = '/';
	request.folder_path = (struct view){ deep, sizeof(deep) };
	list(&request, "type=cdir; .\r\ntype=file; file\r\ntype=OS.unix=slink; link\r\n");
	request = request_of("/", LISTING_MLSD, FACT_TYPE);
	request.folder_path = (struct view){ deep, PATH_BYTES_MAX };
	list(&request, "type=cdir; .\r\ntype=file; file\r\ntype=OS.unix=slink; link\r\n");
}

static void names_with_a_leading_dot_are_names(void **state)
{
	struct listing_request request = request_of("/", LISTING_NLST, 0);

	(void)state;
	make_file(".a", "", NOW);
	make_file("..b", "", NOW);
	make_file("c", "", NOW);
	list(&request, "..b\r\n.a\r\nc\r\n");
	request = request_of("/", LISTING_MLSD, FACT_TYPE);
	list(&request, "type=cdir; .\r\ntype=file; ..b\r\ntype=file; .a\r\ntype=file; c\r\n");
	/* A pattern that names the dot wants it; another one does not. */
	request = request_of("/", LISTING_NLST, 0);
	request.pattern = VIEW(".*");
	list(&request, "..b\r\n.a\r\n");
	request = request_of("/", LISTING_NLST, 0);
	request.pattern = VIEW("*");
	list(&request, "c\r\n");
}

static void names_cannot_forge_lines_nor_lose_bytes(void **state)
{
	struct listing_request request = request_of("/", LISTING_NLST, 0);
	char name[256];
	char wanted[1024];

	(void)state;
	memset(name, 'n', 255);
	name[255] = '\0';
	make_file(name, "", NOW);
	make_file("a\r\nrw-r--r--", "", NOW);
	make_file("\xff\xf4 -> \"", "", NOW);
	snprintf(wanted, sizeof(wanted), "a??rw-r--r--\r\n%s\r\n\xff\xf4 -> \"\r\n", name);
	list(&request, wanted);
	request = request_of("/", LISTING_NLST, 0);
	request.prefix = VIEW("sub dir/");
	snprintf(wanted, sizeof(wanted),
		 "sub dir/a??rw-r--r--\r\nsub dir/%s\r\nsub dir/\xff\xf4 -> \"\r\n", name);
	list(&request, wanted);
}

static void hard_links_share_the_unique_fact(void **state)
{
	struct listing_request request = request_of("/", LISTING_MLSD, FACT_UNIQUE);
	char path[64];
	char other[64];
	char *first;
	char *second;
	char *third;
	struct listing *listing;

	(void)state;
	make_file("a", "", NOW);
	make_file("c", "", NOW);
	snprintf(path, sizeof(path), "%s/a", tree);
	snprintf(other, sizeof(other), "%s/b", tree);
	assert_int_equal(link(path, other), 0);
	assert_int_equal(listing_new(&request, &listing), 0);
	assert_true(read_all(listing, 65536) > 0);
	listing_free(listing);
	assert_non_null(strtok(text, "\n"));
	first = strtok(NULL, " ");
	assert_string_equal(strtok(NULL, "\n"), "a\r");
	second = strtok(NULL, " ");
	assert_string_equal(strtok(NULL, "\n"), "b\r");
	third = strtok(NULL, " ");
	assert_string_equal(first, second);
	assert_string_not_equal(first, third);
	assert_memory_equal(first, "unique=", 7);
}

static void list_and_mlsd_agree_about_the_time(void **state)
{
	struct listing_request request = request_of("/", LISTING_LIST, 0);

	(void)state;
	make_file("a", "", 1764558245); /* 2025-12-01 03:04:05 */
	list(&request, "-rw-r--r--   1 ftp      ftp             0 Dec  1 03:04 a\r\n");
	request = request_of("/", LISTING_MLSD, FACT_MODIFY);
	request.pattern = VIEW("?");
	spoilt_name = "";
	spoilt_error = -EACCES; /* the folder's own time is of no use here */
	list(&request, " .\r\nmodify=20251201030405; a\r\n");
}

static void what_vanished_is_left_out(void **state)
{
	struct listing_request request = request_of("/", LISTING_LIST, 0);

	(void)state;
	make_file("a", "", NOW);
	make_file("b", "", NOW);
	make_link("a", "l");
	spoilt_name = "a";
	spoilt_error = -ENOENT;
	request.pattern = VIEW("[ab]");
	assert_int_equal(
		list(&request, "-rw-r--r--   1 ftp      ftp             0 Jan  1 00:00 b\r\n"), 1);
	request = request_of("/", LISTING_MLSD, FACT_TYPE | FACT_SIZE);
	assert_int_equal(list(&request, "type=cdir; .\r\ntype=file;size=0; b\r\n"
					"type=file;size=0; l\r\n"),
			 3);
}

static void what_cannot_be_looked_at_is_listed_with_what_is_known(void **state)
{
	struct listing_request request = request_of("/", LISTING_LIST, 0);

	(void)state;
	make_file("a", "12", NOW);
	spoilt_name = "a";
	spoilt_error = -EACCES;
	list(&request, "----------   1 ftp      ftp             0 Jan  1  1970 a\r\n");
	request = request_of("/", LISTING_MLSD, FACT_TYPE | FACT_SIZE);
	spoilt_error = -EIO;
	list(&request, "type=cdir; .\r\ntype=file; a\r\n");
	spoilt.getdents = untyped_getdents;
	request = request_of("/", LISTING_LIST, 0);
	list(&request, "?---------   1 ftp      ftp             0 Jan  1  1970 a\r\n");
}

static void a_link_that_cannot_be_read_has_no_arrow(void **state)
{
	struct listing_request request = request_of("/", LISTING_LIST, 0);

	(void)state;
	make_link("abc", "l");
	spoilt.readlinkat = spoilt_readlinkat;
	list(&request, "lrwxrwxrwx   1 ftp      ftp             3 Jan  1 00:00 l\r\n");
}

static void the_listing_owns_the_folder(void **state)
{
	struct listing_request request = request_of("/", LISTING_LIST, 0);
	struct listing *listing = NULL;

	(void)state;
	spoilt.close = spoilt_close;
	watched_fd = request.folder;
	assert_int_equal(listing_new(&request, &listing), 0);
	assert_int_equal(folder_calls, 0);
	listing_free(listing);
	assert_int_equal(folder_calls, 1);
	listing_free(NULL);

	request = request_of("/", LISTING_LIST, 0);
	watched_fd = request.folder;
	spoilt.allocate = spoilt_allocate;
	listing = NULL;
	assert_int_equal(listing_new(&request, &listing), -ENOMEM);
	assert_null(listing);
	assert_int_equal(folder_calls, 2);
}

static size_t allocated_bytes;

static void *allocate_counted(size_t size_bytes)
{
	allocated_bytes += size_bytes;
	return malloc(size_bytes);
}

static void a_listing_takes_no_more_memory_than_is_said_of_it(void **state)
{
	static char path[PATH_BYTES_MAX];
	static char pattern[256];
	struct listing_request request = request_of("/", LISTING_NLST, 0);
	struct listing *listing;

	(void)state;
	make_file("a", "", NOW);
	memset(path, '/', sizeof(path) - 1);
	memset(pattern, '*', sizeof(pattern) - 1);
	request.folder_path = view_of(path);
	request.prefix = view_of(path);
	request.pattern = view_of(pattern);
	spoilt.allocate = allocate_counted;
	allocated_bytes = 0;
	assert_int_equal(listing_new(&request, &listing), 0);
	assert_int_equal(read_all(listing, 65536), strlen(path) + strlen("a\r\n"));
	listing_free(listing);
	assert_in_range(allocated_bytes, 1, listing_bytes_max());
}

/* Names of 200 bytes: 224 with what getdents64 adds, so that 585 of them fit LISTING_SORT_BYTES. */
static void make_many(unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		char name[256];

		snprintf(name, sizeof(name), "%08x%0192u", i * 2654435761U, i);
		make_file(name, "", NOW);
	}
}

/* Counts the lines of text and whether their first eight bytes never go down. */
static unsigned count_lines(bool *ret_sorted)
{
	const char *last = "";
	unsigned lines = 0;

	*ret_sorted = true;
	for (const char *at = text; *at; at = strchr(at, '\n') + 1) {
		if (lines > 0 && strncmp(last, at, 8) > 0)
			*ret_sorted = false;
		last = at;
		lines++;
	}
	return lines;
}

static void every_entry_comes_once_whatever_the_buffer(void **state)
{
	static unsigned char seen[2000];
	bool sorted;

	(void)state;
	make_many(2000);
	for (size_t size = ENTRY_LINE_MAX; size < 300000; size = size * 3 - 1) {
		struct listing_request request = request_of("/", LISTING_NLST, 0);
		struct listing *listing;

		assert_int_equal(listing_new(&request, &listing), 0);
		assert_int_equal(read_all(listing, size), 2000 * 202);
		assert_int_equal(listing_entries(listing), 2000);
		listing_free(listing);
		assert_int_equal(count_lines(&sorted), 2000);
		memset(seen, 0, sizeof(seen));
		for (size_t i = 0; i < 2000; i++)
			seen[strtoul(text + i * 202 + 190, NULL, 10)]++;
		for (size_t i = 0; i < 2000; i++)
			assert_int_equal(seen[i], 1);
	}
}

/* Each of a different length, and so many that neither a thread's share nor the fill ends evenly. */
static void lines_of_every_length_come_whole(void **state)
{
	struct listing_request request = request_of("/", LISTING_LIST, 0);
	struct listing *listing;
	char target[4001];
	char name[256];
	const char *at;

	(void)state;
	memset(target, 't', sizeof(target) - 1);
	for (unsigned i = 0; i < 60; i++) {
		memset(name, 'n', sizeof(name) - 1);
		snprintf(name, sizeof(name), "%03u", i);
		name[3] = 'n';
		name[4 + 4 * i] = '\0';
		target[67 * i + 1] = '\0';
		i % 3 == 0 ? make_link(target, name) : make_file(name, "", 0);
		target[67 * i + 1] = 't';
	}
	assert_int_equal(listing_new(&request, &listing), 0);
	assert_true(read_all(listing, ENTRY_LINE_MAX) > 0);
	assert_int_equal(listing_entries(listing), 60);
	listing_free(listing);
	at = text;
	for (unsigned i = 0; i < 60; i++) {
		const char *end = strstr(at, "\r\n");
		size_t length = 4 + 4 * i + (i % 3 == 0 ? 4 + 67 * i + 1 : 0);

		assert_non_null(end);
		assert_int_equal(strtoul(end - length, NULL, 10), i);
		assert_int_equal(end[-(ptrdiff_t)length - 1], ' ');
		at = end + 2;
	}
	assert_string_equal(at, "");
}

static void a_folder_that_fits_is_sorted(void **state)
{
	struct listing_request request = request_of("/", LISTING_NLST, 0);
	struct listing *listing;
	bool sorted;

	(void)state;
	make_many(570);
	assert_int_equal(listing_new(&request, &listing), 0);
	assert_true(read_all(listing, ENTRY_LINE_MAX) > 0);
	listing_free(listing);
	assert_int_equal(count_lines(&sorted), 570);
	assert_true(sorted);
}

static void an_error_in_the_middle_is_told_after_the_lines_before_it(void **state)
{
	struct listing *listing;
	bool was_ok = false;

	(void)state;
	make_many(2000);
	spoilt.getdents = spoilt_getdents;
	for (unsigned n = 0; !was_ok; n++) {
		struct listing_request request = request_of("/", LISTING_NLST, 0);
		size_t length = 0;
		ssize_t r;

		getdents_left = n;
		assert_int_equal(listing_new(&request, &listing), 0);
		do {
			r = listing_fill(listing, text, 65536);
			length += r > 0 ? (size_t)r : 0;
		} while (r > 0);
		was_ok = r == 0;
		assert_int_equal(length, 202 * listing_entries(listing));
		if (was_ok) {
			assert_int_equal(listing_entries(listing), 2000);
			assert_true(n > 2);
		} else {
			assert_int_equal(r, -EIO);
			assert_int_equal(listing_fill(listing, text, 65536), -EIO);
			assert_true(listing_entries(listing) <= 2000); /* the end is a call too */
			if (n == 0)
				assert_int_equal(length, 0);
		}
		listing_free(listing);
	}
}

static void a_folder_that_cannot_be_read_has_no_line(void **state)
{
	struct listing_request request = request_of("/", LISTING_MLSD, FACTS_ALL);
	struct listing *listing;

	(void)state;
	spoilt.getdents = spoilt_getdents;
	getdents_left = 0;
	assert_int_equal(listing_new(&request, &listing), 0);
	assert_int_equal(listing_fill(listing, text, 65536), -EIO);
	assert_int_equal(listing_entries(listing), 0);
	listing_free(listing);
}

static void *help(void *listing)
{
	listing_help(listing);
	return NULL;
}

static void help_changes_nothing_but_the_time(void **state)
{
	static char alone[TEXT_MAX / 4];

	(void)state;
	make_many(2000);
	make_link("nowhere", "loose");
	for (unsigned helpers = 0; helpers <= 3; helpers++) {
		struct listing_request request = request_of("/", LISTING_MLSD, FACTS_ALL);
		struct listing *listing;
		size_t length = 0;
		ssize_t r;

		assert_int_equal(listing_new(&request, &listing), 0);
		do {
			pthread_t threads[3];

			listing_expect(listing);
			for (unsigned i = 0; i < helpers; i++)
				assert_int_equal(pthread_create(&threads[i], NULL, help, listing),
						 0);
			r = listing_fill(listing, text + length, 40000);
			assert_true(r >= 0);
			length += (size_t)r;
			for (unsigned i = 0; i < helpers; i++)
				pthread_join(threads[i], NULL);
		} while (r > 0);
		text[length] = '\0';
		assert_int_equal(listing_entries(listing), 2002);
		listing_free(listing);
		if (helpers == 0)
			memcpy(alone, text, length + 1);
		else
			assert_string_equal(text, alone);
	}
}

static void help_that_nobody_needs_returns_at_once(void **state)
{
	struct listing_request request = request_of("/", LISTING_LIST, 0);
	struct listing *listing;

	(void)state;
	assert_int_equal(listing_new(&request, &listing), 0);
	listing_help(listing);
	listing_expect(listing);
	assert_int_equal(listing_fill(listing, text, 65536), 0);
	listing_help(listing);
	listing_free(listing);

	request = request_of("/", LISTING_NLST, 0);
	assert_int_equal(listing_new(&request, &listing), 0);
	listing_expect(listing);
	listing_help(listing);
	listing_free(listing);
}

static void a_folder_removed_meanwhile_is_an_error(void **state)
{
	struct listing_request request;
	struct listing *listing;
	char path[64];

	(void)state;
	make_folder("sub");
	request = request_of("/sub", LISTING_LIST, 0);
	snprintf(path, sizeof(path), "%s/sub", tree);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(listing_new(&request, &listing), 0);
	assert_int_equal(listing_fill(listing, text, 65536), -ENOENT);
	listing_free(listing);
}

#define TREE_TEST(test) cmocka_unit_test_setup_teardown(test, tree_make, tree_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TREE_TEST(an_empty_folder_has_no_line),
		TREE_TEST(a_folder_is_listed_in_the_order_of_bytes),
		TREE_TEST(list_shows_every_kind_of_entry),
		TREE_TEST(mlsd_shows_every_kind_of_entry),
		TREE_TEST(unknown_types_are_looked_up),
		TREE_TEST(a_type_alone_needs_no_statx_but_for_links),
		TREE_TEST(mlsd_follows_links_within_the_tree_alone),
		TREE_TEST(a_walk_that_the_kernel_gives_up_is_begun_again),
		TREE_TEST(a_link_in_a_folder_too_deep_to_name_leads_nowhere),
		TREE_TEST(names_with_a_leading_dot_are_names),
		TREE_TEST(names_cannot_forge_lines_nor_lose_bytes),
		TREE_TEST(hard_links_share_the_unique_fact),
		TREE_TEST(list_and_mlsd_agree_about_the_time),
		TREE_TEST(what_vanished_is_left_out),
		TREE_TEST(what_cannot_be_looked_at_is_listed_with_what_is_known),
		TREE_TEST(a_link_that_cannot_be_read_has_no_arrow),
		TREE_TEST(the_listing_owns_the_folder),
		TREE_TEST(a_listing_takes_no_more_memory_than_is_said_of_it),
		TREE_TEST(every_entry_comes_once_whatever_the_buffer),
		TREE_TEST(lines_of_every_length_come_whole),
		TREE_TEST(a_folder_that_fits_is_sorted),
		TREE_TEST(an_error_in_the_middle_is_told_after_the_lines_before_it),
		TREE_TEST(a_folder_that_cannot_be_read_has_no_line),
		TREE_TEST(help_changes_nothing_but_the_time),
		TREE_TEST(help_that_nobody_needs_returns_at_once),
		TREE_TEST(a_folder_removed_meanwhile_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
