#include "fs/listing_cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "fs/listing.h"
#include "fs/listing_draft.h"
#include "sys/calls.h"

#define NOW 1767225600LL /* 2026-01-01 00:00:00 */
#define HALF_YEAR 15778476
#define TEXT_MAX 1048576
#define QUIET_US 30000 /* after which a folder did not change just now */
#define PATHS 8

/* A tree with "file", "other" and the folder "sub", and a folder "beside" that is not in "in". */
static char tree[64];
static int root = -1;
static struct listing_cache *cache;
static struct listing_cache_limits limits;
static struct calls spoilt;
static const struct disk here = { .kind = DISK_LOCAL, .watchable = true };

static const char *path(const char *name)
{
	static char paths[PATHS][4200];
	static unsigned turn;
	char *result = paths[turn++ % PATHS];

	snprintf(result, sizeof(paths[0]), "%s/%s", tree, name);
	return result;
}

static void write_to(const char *name, const char *text)
{
	int fd = open(path(name), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void quiet(void)
{
	usleep(QUIET_US);
}

static int tree_make(void **state)
{
	(void)state;
	strcpy(tree, "/tmp/listing_cache_test.XXXXXX");
	if (!mkdtemp(tree) || mkdir(path("in"), 0755) < 0 || mkdir(path("in/sub"), 0755) < 0 ||
	    mkdir(path("beside"), 0755) < 0)
		return -1;
	write_to("in/file", "one");
	write_to("in/other", "two");
	write_to("beside/third", "three");
	quiet();
	root = open(tree, O_PATH | O_DIRECTORY | O_CLOEXEC);
	spoilt = calls_real;
	calls = &spoilt;
	limits = listing_cache_limits_of(1048576);
	limits.age_ms = 60000;
	return root < 0 ? -1 : listing_cache_new(&limits, &cache);
}

static int entry_remove(const char *name, const struct stat *stat, int flag, struct FTW *ftw)
{
	(void)stat;
	(void)flag;
	(void)ftw;
	return remove(name);
}

static int tree_remove(void **state)
{
	(void)state;
	calls = &calls_real;
	listing_cache_free(cache);
	close(root);
	return nftw(tree, entry_remove, 16, FTW_DEPTH | FTW_PHYS);
}

/* The cache once more, with other limits. */
static void cache_anew(void)
{
	listing_cache_free(cache);
	assert_int_equal(listing_cache_new(&limits, &cache), 0);
}

static struct listing_cache_counts counts(void)
{
	struct listing_cache_counts result;

	listing_cache_counts(cache, &result);
	return result;
}

/* What is asked for, with the folder still to be opened. */
static struct listing_request wish(enum listing_format format, unsigned facts)
{
	return (struct listing_request){
		.root = root,
		.folder_path = view_of("/in"),
		.format = format,
		.facts = facts,
		.prefix = view_of(""),
		.pattern = view_of(""),
		.rights = { .uid = geteuid(),
			    .gid = getegid(),
			    .may_write = true,
			    .folder_writable = true },
		.now_s = NOW,
	};
}

static int folder_open(const struct listing_request *request, struct statx *ret_stat)
{
	const struct open_how how = { .flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC,
				      .resolve = RESOLVE_IN_ROOT };
	int fd = calls_real.openat2(root, request->folder_path.at, &how);

	assert_true(fd >= 0);
	assert_int_equal(calls_real.statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_MNT_ID,
					  ret_stat),
			 0);
	return fd;
}

struct answer {
	bool kept; /* it came from the cache */
	size_t length;
	char text[TEXT_MAX];
};

static struct statx ignored;
static struct answer answer;
static struct answer fresh;

static void answer_from(struct cached_listing *listing, struct answer *ret_answer)
{
	off_t offset;
	off_t end;
	int fd = listing_cache_file(listing, &offset, &end);

	ret_answer->kept = true;
	ret_answer->length = (size_t)(end - offset);
	assert_int_equal(pread(fd, ret_answer->text, ret_answer->length, offset), end - offset);
}

static void (*meanwhile)(void); /* once, after the first lines */

static unsigned empty_fills; /* that had nothing yet */

static void answer_anew(const struct listing_request *request, struct answer *ret_answer)
{
	struct listing *listing;
	ssize_t r;

	ret_answer->kept = false;
	ret_answer->length = 0;
	assert_int_equal(listing_new(request, &listing), 0);
	while ((r = listing_fill(listing, ret_answer->text + ret_answer->length, 65536)) > 0 ||
	       r == -EINPROGRESS) {
		if (r == -EINPROGRESS) {
			empty_fills++;
			continue;
		}
		ret_answer->length += (size_t)r;
		assert_true(ret_answer->length + 65536 < TEXT_MAX);
		if (meanwhile) {
			meanwhile();
			meanwhile = NULL;
		}
	}
	assert_int_equal(r, 0);
	listing_free(listing);
}

/* Asks as a session does. */
static void ask_of(struct listing_cache *of, struct listing_request request,
		   const struct disk *disk, struct answer *ret_answer)
{
	struct cached_listing *listing;
	struct statx stat;

	request.folder = folder_open(&request, &stat);
	listing = listing_cache_take(of, &request, &stat, disk, &request.draft);
	if (!listing) {
		answer_anew(&request, ret_answer);
		return;
	}
	assert_null(request.draft);
	close(request.folder);
	answer_from(listing, ret_answer);
	listing_cache_give(listing);
}

/* Asks, holds the answer against one without a cache, and says whether it was kept. */
static bool ask(const struct listing_request *request)
{
	ask_of(cache, *request, &here, &answer);
	ask_of(NULL, *request, &here, &fresh);
	assert_int_equal(answer.length, fresh.length);
	assert_memory_equal(answer.text, fresh.text, fresh.length);
	return answer.kept;
}

#define KINDS 5

static struct listing_request wish_of_kind(size_t kind)
{
	switch (kind) {
	case 0:
		return wish(LISTING_LIST, 0);
	case 1:
		return wish(LISTING_NLST, 0);
	case 2:
		return wish(LISTING_MLSD, FACTS_ALL);
	case 3:
		return wish(LISTING_MLSD, FACT_TYPE);
	default:
		return wish(LISTING_MLSD, 0);
	}
}

static void what_was_asked_for_before_is_kept(void **state)
{
	(void)state;
	for (size_t kind = 0; kind < KINDS; kind++) {
		struct listing_request request = wish_of_kind(kind);

		assert_false(ask(&request));
		assert_true(ask(&request));
		assert_true(ask(&request));
	}
	assert_int_equal(counts().hits, 2 * KINDS);
	assert_int_equal(counts().misses, KINDS);
	assert_int_equal(counts().listings, KINDS);
	assert_int_equal(counts().watches, 2); /* of the folder, and the one in it */
}

static void an_empty_folder_is_kept(void **state)
{
	struct listing_request request = wish(LISTING_LIST, 0);

	(void)state;
	request.folder_path = view_of("/in/sub");
	assert_false(ask(&request));
	assert_true(ask(&request));
	assert_int_equal(answer.length, 0);
}

static void one_listing_is_not_given_for_another(void **state)
{
	struct listing_request requests[11];
	size_t count = 0;

	(void)state;
	for (; count < KINDS; count++)
		requests[count] = wish_of_kind(count);
	requests[count] = wish(LISTING_MLSD, FACTS_ALL);
	requests[count++].rights.may_write = false;
	requests[count] = wish(LISTING_MLSD, FACTS_ALL);
	requests[count++].rights.folder_writable = false;
	requests[count] = wish(LISTING_MLSD, FACTS_ALL);
	requests[count++].rights.uid = geteuid() + 1;
	requests[count] = wish(LISTING_NLST, 0);
	requests[count++].prefix = view_of("in/");
	requests[count] = wish(LISTING_NLST, 0);
	requests[count++].folder_path = view_of("/beside");
	requests[count] = wish(LISTING_MLSD, FACT_TYPE | FACT_SIZE);
	count++;
	assert_int_equal(count, 11);
	quiet();
	for (size_t i = 0; i < count; i++)
		assert_false(ask(&requests[i]));
	for (size_t i = 0; i < count; i++)
		assert_true(ask(&requests[i]));
}

/*
 * Changes.
 */

static void make_file(void)
{
	write_to("in/new", "");
}

static void make_folder(void)
{
	assert_int_equal(mkdir(path("in/new"), 0755), 0);
}

static void make_name(void)
{
	assert_int_equal(link(path("beside/third"), path("in/new")), 0);
}

static void remove_file(void)
{
	assert_int_equal(unlink(path("in/file")), 0);
}

static void rename_within(void)
{
	assert_int_equal(rename(path("in/file"), path("in/new")), 0);
}

static void rename_out(void)
{
	assert_int_equal(rename(path("in/file"), path("beside/new")), 0);
}

static void rename_in(void)
{
	assert_int_equal(rename(path("beside/third"), path("in/file")), 0);
}

static void exchange(void)
{
	assert_int_equal(renameat2(AT_FDCWD, path("in/file"), AT_FDCWD, path("beside/third"),
				   RENAME_EXCHANGE),
			 0);
}

static void append(void)
{
	write_to("in/file", "more");
}

static void cut(void)
{
	assert_int_equal(truncate(path("in/file"), 1), 0);
}

static void touch(void)
{
	const struct timespec times[2] = { { 1, 0 }, { 1, 0 } };

	assert_int_equal(utimensat(AT_FDCWD, path("in/file"), times, 0), 0);
}

static void change_mode(void)
{
	assert_int_equal(chmod(path("in/file"), 0600), 0);
}

static void change_mode_of_folder(void)
{
	assert_int_equal(chmod(path("in"), 0700), 0);
}

static void make_within(void)
{
	const struct timespec times[2] = { { 1, 0 }, { 1, 0 } };

	assert_int_equal(mkdir(path("in/sub/new"), 0755), 0); /* a link more of "sub" */
	assert_int_equal(utimensat(AT_FDCWD, path("in/sub"), times, 0), 0);
}

static void another_folder_of_that_name(void)
{
	assert_int_equal(rename(path("in"), path("gone")), 0);
	assert_int_equal(rename(path("beside"), path("in")), 0);
}

static void remove_and_make_anew(void)
{
	assert_int_equal(nftw(path("in"), entry_remove, 16, FTW_DEPTH | FTW_PHYS), 0);
	assert_int_equal(mkdir(path("in"), 0755), 0);
	write_to("in/new", "");
}

static void (*const changes[])(void) = {
	make_file,
	make_folder,
	make_name,
	remove_file,
	rename_within,
	rename_out,
	rename_in,
	exchange,
	append,
	cut,
	touch,
	change_mode,
	make_within,
	change_mode_of_folder,
	another_folder_of_that_name,
	remove_and_make_anew,
};

static void no_change_goes_unseen(void **state)
{
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		for (size_t kind = 0; kind < KINDS; kind++) {
			struct listing_request request = wish_of_kind(kind);

			ask(&request);
			assert_true(ask(&request));
		}
		changes[i]();
		for (size_t kind = 0; kind < KINDS; kind++) {
			struct listing_request request = wish_of_kind(kind);

			ask(&request);
		}
		quiet();
		for (size_t kind = 0; kind < KINDS; kind++) {
			struct listing_request request = wish_of_kind(kind);

			ask(&request);
		}
		assert_int_equal(tree_remove(state), 0);
		assert_int_equal(tree_make(state), 0);
	}
}

/* Looks at the folder within, in which something then happens. */
static int hasty_statx(int folder, const char *name, int flags, unsigned mask,
		       struct statx *ret_stat)
{
	int r = calls_real.statx(folder, name, flags, mask, ret_stat);

	if (strcmp(name, "sub") == 0) {
		spoilt.statx = calls_real.statx;
		make_within();
	}
	return r;
}

static void what_changes_before_it_is_watched_is_looked_at_again(void **state)
{
	struct listing_request request = wish(LISTING_LIST, 0);

	(void)state;
	spoilt.statx = hasty_statx;
	assert_false(ask(&request));
	ask(&request);
	assert_true(ask(&request));
}

static void what_changes_while_it_is_listed_is_not_kept(void **state)
{
	struct listing_request request = wish(LISTING_LIST, 0);

	(void)state;
	meanwhile = append;
	ask_of(cache, request, &here, &answer);
	assert_false(ask(&request));
	assert_true(ask(&request));
	assert_int_equal(counts().bytes, 4096);
}

static ssize_t silent_read(int fd, void *buffer, size_t size_bytes)
{
	(void)fd;
	(void)buffer;
	(void)size_bytes;
	return -EAGAIN;
}

static void the_times_of_the_folder_tell_as_well(void **state)
{
	struct listing_request request = wish(LISTING_NLST, 0);

	(void)state;
	spoilt.read = silent_read;
	ask(&request);
	assert_true(ask(&request));
	make_file();
	assert_false(ask(&request));
	assert_int_equal(counts().changed, 1);
}

static void what_changed_just_now_is_not_kept(void **state)
{
	struct listing_request request = wish(LISTING_NLST, 0);

	(void)state;
	write_to("in/new", "");
	assert_false(ask(&request));
	assert_false(ask(&request));
	quiet();
	assert_false(ask(&request));
	assert_true(ask(&request));
}

/*
 * What no watch tells of.
 */

/* Whether the second answer of a kind is kept. */
static bool is_kept(size_t kind)
{
	struct listing_request request = wish_of_kind(kind);

	quiet();
	assert_false(ask(&request));
	return ask(&request);
}

static void sizes_of_files_with_several_names_are_not_kept(void **state)
{
	(void)state;
	assert_int_equal(link(path("in/file"), path("beside/name")), 0);
	assert_false(is_kept(0));
	assert_true(is_kept(1));
	assert_false(is_kept(2));
	assert_true(is_kept(3));
	assert_int_equal(unlink(path("beside/name")), 0); /* of which the folder knows nothing */
	assert_true(is_kept(0));
}

static void facts_of_what_links_point_to_are_not_kept(void **state)
{
	struct listing_request request = wish(LISTING_LIST, 0);

	(void)state;
	assert_int_equal(symlink("/beside/third", path("in/link")), 0);
	assert_true(is_kept(0));
	assert_true(is_kept(1));
	assert_false(is_kept(2));
	assert_false(is_kept(3));
	assert_true(is_kept(4));

	/* Known for its links, such a folder is not tried again before it changes. */
	assert_int_equal(counts().misses, KINDS);
	assert_int_equal(counts().passed, 2);
	assert_int_equal(unlink(path("in/link")), 0);
	assert_true(is_kept(3));

	assert_int_equal(symlink("/beside", path("in/link")), 0);
	quiet();
	ask(&request);
	assert_true(ask(&request));
	assert_int_equal(unlink(path("in/link")), 0);
	assert_int_equal(symlink("/elsewhere", path("in/link")), 0);
	assert_false(ask(&request));
}

static int mounted_statx(int folder, const char *name, int flags, unsigned mask,
			 struct statx *ret_stat)
{
	int r = calls_real.statx(folder, name, flags, mask, ret_stat);

	if (strcmp(name, "sub") == 0)
		ret_stat->stx_attributes |= STATX_ATTR_MOUNT_ROOT;
	return r;
}

/* The folder itself may be watched; to walk into a mount may take for ever. */
static int no_watch_within(int fd, const char *name, uint32_t mask)
{
	assert_null(strstr(name, "/sub"));
	return calls_real.inotify_add_watch(fd, name, mask);
}

static int refused_statx(int folder, const char *name, int flags, unsigned mask,
			 struct statx *ret_stat)
{
	if (strcmp(name, "file") == 0)
		return -EIO;
	return calls_real.statx(folder, name, flags, mask, ret_stat);
}

static void neither_are_mounts_nor_what_cannot_be_looked_at(void **state)
{
	(void)state;
	spoilt.statx = mounted_statx;
	spoilt.inotify_add_watch = no_watch_within;
	assert_false(is_kept(0));
	assert_true(is_kept(1));
	spoilt.statx = refused_statx;
	assert_false(is_kept(2));
}

static void a_disk_that_does_not_tell_is_not_kept(void **state)
{
	const struct disk there = { .kind = DISK_REMOTE };
	struct listing_request request = wish(LISTING_NLST, 0);

	(void)state;
	for (int i = 0; i < 3; i++) {
		ask_of(cache, request, &there, &answer);
		assert_false(answer.kept);
	}
	assert_int_equal(counts().passed, 3);
	assert_int_equal(counts().listings, 0);
}

static void nor_is_what_has_a_pattern_or_a_long_prefix(void **state)
{
	struct listing_request request = wish(LISTING_NLST, 0);
	char prefix[400];

	(void)state;
	memset(prefix, '/', sizeof(prefix));
	request.pattern = view_of("*");
	assert_false(ask(&request));
	assert_false(ask(&request));
	request.pattern = view_of("");
	request.prefix = (struct view){ prefix, sizeof(prefix) };
	assert_false(ask(&request));
	assert_false(ask(&request));
}

static void sizes_and_times_grow_old_and_names_do_not(void **state)
{
	struct listing_request list = wish(LISTING_LIST, 0);
	struct listing_request names = wish(LISTING_NLST, 0);

	(void)state;
	limits.age_ms = 100;
	cache_anew();
	ask(&list);
	ask(&names);
	assert_true(ask(&list));
	usleep(130000);
	assert_false(ask(&list));
	assert_true(ask(&names));
	assert_int_equal(counts().expired, 1);
	assert_true(ask(&list));
}

static void a_date_that_is_due_for_its_other_form_is_made_anew(void **state)
{
	const struct timespec times[2] = { { NOW, 0 }, { NOW, 0 } };
	struct listing_request request = wish(LISTING_LIST, 0);

	(void)state;
	assert_int_equal(utimensat(AT_FDCWD, path("in/file"), times, 0), 0);
	assert_int_equal(utimensat(AT_FDCWD, path("in/other"), times, 0), 0);
	assert_int_equal(utimensat(AT_FDCWD, path("in/sub"), times, 0), 0);
	request.now_s = NOW - 65; /* from the future */
	assert_false(ask(&request));
	request.now_s = NOW - 61;
	assert_true(ask(&request));
	request.now_s = NOW - 60; /* a minute ahead is no future */
	assert_false(ask(&request));
	request.now_s = NOW + HALF_YEAR;
	assert_true(ask(&request));
	request.now_s = NOW + HALF_YEAR + 1;
	assert_false(ask(&request));
	request.now_s = NOW + 2 * HALF_YEAR;
	assert_true(ask(&request));
	request.now_s = NOW; /* the clock was set */
	assert_false(ask(&request));
}

/*
 * Bounds.
 */

static struct cached_listing *take(struct listing_request *request)
{
	struct cached_listing *listing;
	struct statx stat;
	int fd = folder_open(request, &stat);

	listing = listing_cache_take(cache, request, &stat, &here, &request->draft);
	close(fd);
	return listing;
}

/* Of the pages that the file in memory has, in which the listing of a request lies. */
static uint64_t memory_with(struct listing_request *request)
{
	struct cached_listing *listing = take(request);
	struct stat stat;
	off_t offset;
	off_t end;

	assert_non_null(listing);
	assert_int_equal(fstat(listing_cache_file(listing, &offset, &end), &stat), 0);
	listing_cache_give(listing);
	return (uint64_t)stat.st_blocks * 512;
}

/* Files whose names make an NLST of about so many bytes of the folder. */
static void fill(const char *folder, size_t bytes)
{
	char name[300];

	for (size_t i = 0; i * 202 < bytes; i++) {
		snprintf(name, sizeof(name), "%s/%0200zu", folder, i);
		write_to(name, "");
	}
	quiet();
}

static void a_listing_that_is_too_large_is_not_kept(void **state)
{
	struct listing_request request = wish(LISTING_NLST, 0);

	(void)state;
	limits.bytes_max = 65536;
	limits.listing_max = 32768;
	cache_anew();
	fill("in", 40000);
	assert_false(ask(&request));
	assert_false(ask(&request));
	assert_false(ask(&request));
	assert_int_equal(counts().bytes, 0);
	assert_int_equal(counts().misses, 1);
	assert_int_equal(counts().passed, 2);

	for (int i = 0; i < 100; i++) { /* until it is small enough */
		char name[300];

		snprintf(name, sizeof(name), "in/%0200d", i);
		assert_int_equal(unlink(path(name)), 0);
	}
	quiet();
	assert_false(ask(&request));
	assert_true(ask(&request));
}

static void what_was_not_used_for_the_longest_time_makes_room(void **state)
{
	static const char *const folders[] = { "/in", "/in/sub", "/beside" };
	struct listing_request requests[3];

	(void)state;
	limits.bytes_max = 65536;
	limits.listing_max = 32768;
	cache_anew();
	for (size_t i = 0; i < 3; i++) {
		requests[i] = wish(LISTING_NLST, 0);
		requests[i].folder_path = view_of(folders[i]);
		fill(folders[i] + 1, 25000);
	}
	assert_false(ask(&requests[0]));
	assert_false(ask(&requests[1]));
	assert_true(ask(&requests[0]));
	assert_false(ask(&requests[2])); /* in the place of the second one */
	assert_int_equal(counts().evicted, 1);
	assert_true(ask(&requests[0]));
	assert_true(ask(&requests[2]));
	assert_false(ask(&requests[1]));
	assert_true(counts().bytes <= limits.bytes_max);
	assert_true(memory_with(&requests[1]) <= limits.bytes_max);
}

static void what_is_lent_stays_as_it_was(void **state)
{
	struct listing_request request = wish(LISTING_NLST, 0);
	struct cached_listing *listing;

	(void)state;
	fill("in", 5000);
	ask(&request);
	listing = take(&request);
	assert_non_null(listing);
	answer_from(listing, &fresh);
	for (int i = 0; i < 5; i++) {
		make_file();
		assert_int_equal(unlink(path("in/new")), 0);
		quiet();
		assert_false(ask(&request));
		assert_true(ask(&request));
	}
	ask_of(NULL, request, &here, &fresh);
	answer_from(listing, &answer);
	assert_int_equal(answer.length, fresh.length);
	assert_memory_equal(answer.text, fresh.text, fresh.length);
	assert_int_equal(counts().listings, 2);
	assert_int_equal(counts().bytes, 2 * 8192);
	listing_cache_give(listing);
	assert_int_equal(counts().listings, 1);
	assert_int_equal(counts().bytes, 8192);
	assert_int_equal(memory_with(&request), 8192);
}

static void what_is_lent_is_not_evicted_and_counts(void **state)
{
	struct listing_request request = wish(LISTING_NLST, 0);
	struct listing_request other = wish(LISTING_NLST, 0);
	struct cached_listing *listing;

	(void)state;
	limits.bytes_max = 32768;
	limits.listing_max = 32768;
	cache_anew();
	other.folder_path = view_of("/beside");
	fill("in", 25000);
	fill("beside", 25000);
	ask(&request);
	listing = take(&request);
	assert_false(ask(&other));
	assert_false(ask(&other));
	assert_true(counts().bytes <= limits.bytes_max);
	assert_true(ask(&request));
	listing_cache_give(listing);
	assert_false(ask(&other));
	assert_true(ask(&other));
}

static void the_number_of_listings_is_bounded(void **state)
{
	(void)state;
	limits.listings_max = 2;
	cache_anew();
	for (size_t round = 0; round < 3; round++)
		for (size_t kind = 0; kind < KINDS; kind++) {
			struct listing_request request = wish_of_kind(kind);

			ask(&request);
			assert_true(counts().listings <= 2);
		}
	assert_true(counts().evicted > 0);
	assert_true(counts().bytes <= 2 * 4096);
}

static void watches_are_bounded(void **state)
{
	(void)state;
	assert_int_equal(mkdir(path("in/one more"), 0755), 0);
	limits.folders_max = 1;
	cache_anew();
	assert_false(is_kept(0));
	assert_true(is_kept(1));
	assert_int_equal(counts().watches, 1);
	limits.folders_max = 100;
	limits.watches_max = 2;
	cache_anew();
	assert_false(is_kept(0));
	assert_int_equal(counts().watches, 0);
	limits.watches_max = 3;
	cache_anew();
	assert_true(is_kept(0));
}

static void a_draft_too_old_to_be_published_makes_room(void **state)
{
	struct listing_request slow = wish(LISTING_LIST, 0);
	struct listing_request quick = wish(LISTING_NLST, 0);
	struct listing *listing;
	static char buffer[65536];

	(void)state;
	limits.bytes_max = 32768;
	limits.listing_max = 32768;
	limits.age_ms = 50;
	cache_anew();
	fill("in", 15000);
	assert_null(take(&slow));
	assert_non_null(slow.draft);
	slow.folder = folder_open(&slow, &ignored);
	assert_int_equal(listing_new(&slow, &listing), 0);
	assert_true(listing_fill(listing, buffer, sizeof(buffer)) > 16384);
	assert_false(ask(&quick)); /* no room yet */
	assert_false(ask(&quick));
	usleep(80000);
	assert_false(ask(&quick));
	assert_true(ask(&quick));
	assert_true(counts().bytes <= limits.bytes_max);
	while (listing_fill(listing, buffer, sizeof(buffer)) > 0)
		;
	listing_free(listing);
	assert_int_equal(counts().listings, 1);
	assert_true(ask(&quick));
}

static void a_listing_that_is_given_up_leaves_nothing(void **state)
{
	static char buffer[16384];
	struct listing_request request = wish(LISTING_NLST, 0);
	struct listing *listing;

	(void)state;
	fill("in", 30000);
	assert_null(take(&request));
	request.folder = folder_open(&request, &ignored);
	assert_int_equal(listing_new(&request, &listing), 0);
	assert_true(listing_fill(listing, buffer, sizeof(buffer)) > 0);
	assert_true(counts().bytes > 0);
	assert_int_equal(counts().watches, 1);
	listing_free(listing);
	assert_int_equal(counts().bytes, 0);
	assert_int_equal(counts().listings, 0);
	assert_int_equal(counts().watches, 0);
}

static unsigned hidden_reads; /* that show parts of uploads, before those that show the folder */

static ssize_t hidden_getdents(int folder, void *buffer, size_t size_bytes)
{
	size_t length = 0;

	if (hidden_reads == 0)
		return calls_real.getdents(folder, buffer, size_bytes);
	hidden_reads--;
	for (; length + 56 <= size_bytes; length += 56) {
		struct dirent64 *entry = (struct dirent64 *)(void *)((char *)buffer + length);

		memset(entry, 0, 56);
		entry->d_ino = 1;
		entry->d_reclen = 56;
		entry->d_type = DT_REG;
		strcpy(entry->d_name, ".file.0123456789abcdef.part");
	}
	return (ssize_t)length;
}

static void a_listing_that_is_long_without_a_line_is_kept(void **state)
{
	struct listing_request request = wish(LISTING_NLST, 0);

	(void)state;
	assert_false(ask(&request));
	write_to("in/new", "");
	quiet();
	empty_fills = 0;
	hidden_reads = 40;
	spoilt.getdents = hidden_getdents;
	ask_of(cache, request, &here, &answer);
	assert_int_equal(hidden_reads, 0);
	assert_true(empty_fills >= 2);
	assert_true(ask(&request));
}

static void of_two_that_are_made_at_once_one_is_kept(void **state)
{
	static char buffer[65536];
	struct listing_request first = wish(LISTING_NLST, 0);
	struct listing_request second = wish(LISTING_NLST, 0);
	struct listing *one;
	struct listing *other;

	(void)state;
	assert_null(take(&first));
	assert_null(take(&second));
	first.folder = folder_open(&first, &ignored);
	second.folder = folder_open(&second, &ignored);
	assert_int_equal(listing_new(&first, &one), 0);
	assert_int_equal(listing_new(&second, &other), 0);
	while (listing_fill(one, buffer, sizeof(buffer)) +
		       listing_fill(other, buffer, sizeof(buffer)) >
	       0)
		;
	listing_free(one);
	listing_free(other);
	assert_int_equal(counts().listings, 1);
	assert_int_equal(counts().bytes, 4096);
	first.draft = NULL;
	assert_true(ask(&first));
}

/*
 * What fails.
 */

static ssize_t lost_read(int fd, void *buffer, size_t size_bytes)
{
	struct inotify_event *event = buffer;

	(void)fd;
	(void)size_bytes;
	*event = (struct inotify_event){ .wd = -1, .mask = IN_Q_OVERFLOW };
	spoilt.read = calls_real.read;
	return sizeof(*event);
}

static void events_that_were_lost_empty_the_cache(void **state)
{
	(void)state;
	for (size_t kind = 0; kind < KINDS; kind++)
		assert_true(is_kept(kind));
	spoilt.read = lost_read;
	for (size_t kind = 0; kind < KINDS; kind++)
		assert_true(is_kept(kind)); /* after it was made anew */
	assert_int_equal(counts().emptied, 1);
}

static void *no_memory(size_t size_bytes)
{
	(void)size_bytes;
	return NULL;
}

static int no_watch(int fd, const char *name, uint32_t mask)
{
	(void)fd;
	(void)name;
	(void)mask;
	return -ENOSPC;
}

static ssize_t no_room(int fd, const void *buffer, size_t size_bytes, off_t offset)
{
	(void)fd;
	(void)buffer;
	(void)size_bytes;
	(void)offset;
	return -ENOSPC;
}

static ssize_t short_write(int fd, const void *buffer, size_t size_bytes, off_t offset)
{
	return calls_real.pwrite(fd, buffer, size_bytes > 7 ? 7 : size_bytes, offset);
}

static int no_hole(int fd, int mode, off_t offset, off_t size_bytes)
{
	(void)fd;
	(void)mode;
	(void)offset;
	(void)size_bytes;
	return -EIO;
}

static void without_memory_or_watches_nothing_is_kept_and_all_is_listed(void **state)
{
	struct listing_request request = wish(LISTING_LIST, 0);

	(void)state;
	spoilt.inotify_add_watch = no_watch;
	assert_false(is_kept(0));
	spoilt = calls_real;
	spoilt.pwrite = no_room;
	assert_false(is_kept(0));
	assert_int_equal(counts().bytes, 0);
	spoilt = calls_real;
	spoilt.allocate = no_memory;
	assert_null(take(&request));
	assert_null(request.draft);
	spoilt = calls_real;
	spoilt.pwrite = short_write;
	assert_true(is_kept(0));
}

static void a_place_whose_pages_stay_is_not_used_again(void **state)
{
	struct listing_request request = wish(LISTING_NLST, 0);
	struct cached_listing *listing;
	off_t before;
	off_t after;
	off_t end;

	(void)state;
	ask(&request);
	listing = take(&request);
	listing_cache_file(listing, &before, &end);
	listing_cache_give(listing);
	spoilt.fallocate = no_hole;
	make_file();
	quiet();
	ask(&request);
	listing = take(&request);
	assert_non_null(listing);
	listing_cache_file(listing, &after, &end);
	assert_int_not_equal(before, after);
	listing_cache_give(listing);
	assert_int_equal(counts().bytes, 2 * 4096);
}

/* While the first bytes are written, something changes, and others take that in. */
static ssize_t slow_pwrite(int fd, const void *buffer, size_t size_bytes, off_t offset)
{
	struct listing_request other = wish(LISTING_NLST, 0);

	spoilt.pwrite = calls_real.pwrite;
	make_file();
	other.folder_path = view_of("/beside");
	ask(&other);
	assert_true(ask(&other));
	return calls_real.pwrite(fd, buffer, size_bytes, offset);
}

static void what_is_spoilt_while_it_is_written_leaves_no_page(void **state)
{
	struct listing_request request = wish(LISTING_LIST, 0);

	(void)state;
	spoilt.pwrite = slow_pwrite;
	ask_of(cache, request, &here, &answer);
	assert_int_equal(counts().listings, 1);
	assert_int_equal(counts().bytes, 4096);
	request = wish(LISTING_NLST, 0);
	request.folder_path = view_of("/beside");
	assert_int_equal(memory_with(&request), 4096);
}

static int no_file(const char *name, unsigned flags)
{
	(void)name;
	(void)flags;
	return -EMFILE;
}

static int old_file(const char *name, unsigned flags)
{
	return flags & ~1U ? -EINVAL : calls_real.memfd_create(name, flags);
}

static int no_inotify(int flags)
{
	(void)flags;
	return -EMFILE;
}

static void what_the_kernel_refuses_is_said(void **state)
{
	struct listing_cache *none = NULL;

	(void)state;
	spoilt.memfd_create = no_file;
	assert_int_equal(listing_cache_new(&limits, &none), -EMFILE);
	spoilt.memfd_create = old_file;
	spoilt.inotify_init = no_inotify;
	assert_int_equal(listing_cache_new(&limits, &none), -EMFILE);
	spoilt.inotify_init = calls_real.inotify_init;
	spoilt.allocate = no_memory;
	assert_int_equal(listing_cache_new(&limits, &none), -ENOMEM);
	assert_null(none);
	spoilt.allocate = calls_real.allocate;
	assert_int_equal(listing_cache_new(&limits, &none), 0);
	listing_cache_free(none);
}

/*
 * Many at a time: each answer must have at least as many names as there were when it was asked for,
 * and no more than there were afterwards.
 */

#define ASKING_THREADS 3
#define FILES_MADE 300

static atomic_int files_made;
static atomic_bool wrong;

static void *thread_ask(void *argument)
{
	struct answer *own = malloc(sizeof(*own));
	struct listing_request request = wish(LISTING_NLST, 0);

	(void)argument;
	request.folder_path = view_of("/beside");
	while (atomic_load(&files_made) < FILES_MADE) {
		int before = atomic_load(&files_made);
		int lines = 0;

		ask_of(cache, request, &here, own);
		for (size_t i = 0; i < own->length; i++)
			lines += own->text[i] == '\n';
		if (lines < before + 1 || lines > atomic_load(&files_made) + 2)
			atomic_store(&wrong, true);
	}
	free(own);
	return NULL;
}

static void threads_that_ask_see_what_was_there_before(void **state)
{
	pthread_t threads[ASKING_THREADS];

	(void)state;
	atomic_store(&files_made, 0);
	for (size_t i = 0; i < ASKING_THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, thread_ask, NULL), 0);
	for (int i = 0; i < FILES_MADE; i++) {
		char name[32];

		snprintf(name, sizeof(name), "beside/%d", i);
		write_to(name, "");
		atomic_fetch_add(&files_made, 1);
		usleep(i % 10 == 0 ? QUIET_US : 100);
	}
	for (size_t i = 0; i < ASKING_THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_false(atomic_load(&wrong));
	assert_true(counts().hits > 0);
}

#define TREE_TEST(test) cmocka_unit_test_setup_teardown(test, tree_make, tree_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TREE_TEST(what_was_asked_for_before_is_kept),
		TREE_TEST(an_empty_folder_is_kept),
		TREE_TEST(one_listing_is_not_given_for_another),
		TREE_TEST(no_change_goes_unseen),
		TREE_TEST(what_changes_before_it_is_watched_is_looked_at_again),
		TREE_TEST(what_changes_while_it_is_listed_is_not_kept),
		TREE_TEST(the_times_of_the_folder_tell_as_well),
		TREE_TEST(what_changed_just_now_is_not_kept),
		TREE_TEST(sizes_of_files_with_several_names_are_not_kept),
		TREE_TEST(facts_of_what_links_point_to_are_not_kept),
		TREE_TEST(neither_are_mounts_nor_what_cannot_be_looked_at),
		TREE_TEST(a_disk_that_does_not_tell_is_not_kept),
		TREE_TEST(nor_is_what_has_a_pattern_or_a_long_prefix),
		TREE_TEST(sizes_and_times_grow_old_and_names_do_not),
		TREE_TEST(a_date_that_is_due_for_its_other_form_is_made_anew),
		TREE_TEST(a_listing_that_is_too_large_is_not_kept),
		TREE_TEST(what_was_not_used_for_the_longest_time_makes_room),
		TREE_TEST(what_is_lent_stays_as_it_was),
		TREE_TEST(what_is_lent_is_not_evicted_and_counts),
		TREE_TEST(the_number_of_listings_is_bounded),
		TREE_TEST(watches_are_bounded),
		TREE_TEST(a_draft_too_old_to_be_published_makes_room),
		TREE_TEST(a_listing_that_is_given_up_leaves_nothing),
		TREE_TEST(a_listing_that_is_long_without_a_line_is_kept),
		TREE_TEST(of_two_that_are_made_at_once_one_is_kept),
		TREE_TEST(events_that_were_lost_empty_the_cache),
		TREE_TEST(without_memory_or_watches_nothing_is_kept_and_all_is_listed),
		TREE_TEST(what_is_spoilt_while_it_is_written_leaves_no_page),
		TREE_TEST(a_place_whose_pages_stay_is_not_used_again),
		TREE_TEST(what_the_kernel_refuses_is_said),
		TREE_TEST(threads_that_ask_see_what_was_there_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
