#include "fs/listing.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "fs/glob.h"
#include "fs/listing_draft.h"
#include "fs/resolve.h"
#include "fs/upload.h"
#include "sys/calls.h"

#define NAME_BYTES_MAX 1024 /* FUSE allows longer names than NAME_MAX */
#define RECORD_BYTES_MAX 2048
#define RECORD_ALIGNMENT 8
#define RECORDS_MAX (LISTING_SORT_BYTES / (3 * RECORD_ALIGNMENT))

/* The records of a small folder fill one space. Those of a large one come by halves of it: one is
 * read while helpers look at the entries of the other. */
#define HALF_BYTES (LISTING_SORT_BYTES / 2)

#define LOOK_FLAGS (AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC)
#define LIST_MASK (STATX_TYPE | STATX_MODE | STATX_NLINK | STATX_SIZE | STATX_MTIME)

/* What getdents64 writes (getdents64(2)), at least 24 bytes each. */
struct record {
	uint64_t inode;
	int64_t next;
	uint16_t length;
	uint8_t type;
	char name[];
};

/* The lines of entries are made in groups, by whichever thread is free, and put in their order.
 * Lines beyond GROUP_TEXT_BYTES, of long names, are left to listing_fill. */
#define GROUP_RECORDS 16
#define GROUP_TEXT_BYTES 3072
#define GROUPS_AHEAD 32
#define ORDER_MAX 8192 /* a power of two that holds all records and the holes of two reads */
#define ORDER_HOLE UINT16_MAX

struct group {
	bool made;
	uint16_t records; /* whose lines are in text: the first ones of the group */
	uint16_t lines;
	uint16_t length;
	char text[GROUP_TEXT_BYTES];
};
_Static_assert(GROUP_TEXT_BYTES <= ENTRY_LINE_MAX, "there is room for a group where a line fits");

struct listing {
	/* Protects what stands between here and the next comment. listing_fill and listing_help
	 * take it for each group; they share records of one read, so a message to another thread
	 * and back for each would cost as much as the work. */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool expected;	/* a listing_fill will come, or is there */
	size_t written; /* index of the group that is being written */
	size_t claimed; /* index of the first group that nobody makes yet */
	size_t count;	/* index after the last record that was read; a whole number of groups */
	int helpers_folder; /* the folder once more, or negative */

	/* Of listing_fill alone, or of no change while others are there. */
	struct listing_request request; /* its views point into text */
	bool begun;			/* records were read */
	bool ended;			/* there are no more records than those in order */
	ssize_t error; /* of getdents64; stays, and is told after what came before */
	uint64_t entries;
	size_t at;	    /* index of the next record */
	size_t half;	    /* the one that is read next */
	size_t half_end[2]; /* index after its last record: from there on it is free */

	/* From what was read last, the wanted records are chosen, by this fill or a later one. */
	bool first;	    /* it was the first read, which fills both halves */
	bool all;	    /* it was the whole folder, which can be put in order */
	size_t choose_at;   /* offset of the next record */
	size_t choose_end;  /* behind the last one */
	size_t chosen;	    /* index after the last wanted one; count follows in the end */
	size_t names;	    /* that this fill has looked at */
	uint64_t steps;	    /* comparisons with the pattern, of all fills */
	uint64_t steps_end; /* up to which this one may go */
	_Alignas(RECORD_ALIGNMENT) char records[LISTING_SORT_BYTES];

	/* Wanted records by index modulo ORDER_MAX: offset in units of RECORD_ALIGNMENT, or a hole
	 * that makes a group full. */
	uint16_t order[ORDER_MAX];
	struct group groups[GROUPS_AHEAD]; /* one belongs to whoever claimed it, until made */
	char text[];
};
_Static_assert(LISTING_SORT_BYTES / RECORD_ALIGNMENT < ORDER_HOLE, "an offset fits order[]");
_Static_assert(RECORDS_MAX + 2 * GROUP_RECORDS <= ORDER_MAX, "all records fit order[]");
_Static_assert((ORDER_MAX & (ORDER_MAX - 1)) == 0, "an index may count on past ORDER_MAX");

static struct view text_copy(char **at, struct view text)
{
	struct view copy = { *at, text.length };

	if (text.length > 0)
		memcpy(*at, text.at, text.length);
	*at += text.length;
	return copy;
}

size_t listing_bytes_max(void)
{
	return sizeof(struct listing) + 3 * PATH_BYTES_MAX; /* of the folder, a prefix, a pattern */
}

int listing_new(const struct listing_request *request, struct listing **ret_listing)
{
	size_t text_bytes =
		request->pattern.length + request->prefix.length + request->folder_path.length;
	struct listing *listing;
	char *at;

	listing = calls->allocate(sizeof(*listing) + text_bytes);
	if (!listing) {
		calls->close(request->folder);
		listing_draft_abandon(request->draft);
		return -ENOMEM;
	}
	memset(listing, 0, offsetof(struct listing, records)); /* the rest is written, then read */
	pthread_mutex_init(&listing->lock, NULL);
	pthread_cond_init(&listing->changed, NULL);
	listing->helpers_folder = -1;
	listing->request = *request;
	at = listing->text;
	listing->request.pattern = text_copy(&at, request->pattern);
	listing->request.prefix = text_copy(&at, request->prefix);
	listing->request.folder_path = text_copy(&at, request->folder_path);
	*ret_listing = listing;
	return 0;
}

void listing_free(struct listing *listing)
{
	if (!listing)
		return;
	listing_draft_abandon(listing->request.draft);
	calls->close(listing->request.folder);
	if (listing->helpers_folder >= 0)
		calls->close(listing->helpers_folder);
	pthread_cond_destroy(&listing->changed);
	pthread_mutex_destroy(&listing->lock);
	free(listing);
}

uint64_t listing_entries(const struct listing *listing)
{
	return listing->entries;
}

static const struct record *record_at(const struct listing *listing, size_t offset)
{
	return (const struct record *)(const void *)(listing->records + offset);
}

/* The record of an index, or NULL for a hole. */
static const struct record *record_of(const struct listing *listing, size_t index)
{
	uint16_t place = listing->order[index % ORDER_MAX];

	return place == ORDER_HOLE ? NULL : record_at(listing, (size_t)place * RECORD_ALIGNMENT);
}

/* Returns 1, 0, or -E2BIG: of the name (fs/glob.h), or of all names together. */
static int listing_wants(struct listing *listing, const char *name)
{
	const struct listing_request *request = &listing->request;

	if (name[0] == '.') {
		if (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'))
			return 0;
		if (upload_is_hidden_name(name))
			return 0;
	}
	if (request->pattern.length == 0)
		return 1;
	if (listing->steps >= LISTING_STEPS_MAX)
		return -E2BIG;
	return glob_matches(request->pattern, view_of(name), &listing->steps);
}

static int record_compare(const void *left, const void *right, void *records)
{
	const uint16_t *first = left;
	const uint16_t *second = right;
	const struct listing *listing = records;

	return strcmp(record_at(listing, (size_t)*first * RECORD_ALIGNMENT)->name,
		      record_at(listing, (size_t)*second * RECORD_ALIGNMENT)->name);
}

/* Looks at the next record: is it wanted? */
static void listing_choose_next(struct listing *listing)
{
	const struct record *record = record_at(listing, listing->choose_at);
	int wanted = listing_wants(listing, record->name);

	if (wanted < 0) { /* what cannot be decided is not left out in silence */
		listing->error = wanted;
		listing->ended = true;
		listing->choose_at = listing->choose_end;
		return;
	}
	if (wanted)
		listing->order[listing->chosen++ % ORDER_MAX] =
			(uint16_t)(listing->choose_at / RECORD_ALIGNMENT);
	listing->choose_at += record->length;
	listing->names++;
}

/* Those of the last read are chosen: lets helpers make their lines. */
static void listing_publish(struct listing *listing)
{
	if (listing->all)
		qsort_r(listing->order, listing->chosen, sizeof(listing->order[0]), record_compare,
			listing);
	while (listing->chosen % GROUP_RECORDS != 0)
		listing->order[listing->chosen++ % ORDER_MAX] = ORDER_HOLE;
	listing->half_end[listing->half ^ 1] = listing->chosen;
	if (listing->first)
		listing->half_end[listing->half] = listing->chosen;

	pthread_mutex_lock(&listing->lock);
	listing->count = listing->chosen;
	pthread_cond_broadcast(&listing->changed);
	pthread_mutex_unlock(&listing->lock);
}

static bool listing_is_choosing(const struct listing *listing)
{
	return listing->choose_at < listing->choose_end;
}

/* Chooses from the last read. False: this fill has looked at enough, and the next one goes on. */
static bool listing_choose(struct listing *listing)
{
	if (!listing_is_choosing(listing))
		return true;
	while (listing_is_choosing(listing)) {
		if (listing->names >= LISTING_SLICE_NAMES || listing->steps >= listing->steps_end)
			return false;
		listing_choose_next(listing);
	}
	listing_publish(listing);
	return true;
}

static ssize_t listing_getdents(struct listing *listing, size_t start, size_t size_bytes)
{
	ssize_t r;

	r = calls->getdents(listing->request.folder, listing->records + start, size_bytes);
	if (r < 0) {
		listing->error = r;
		listing->ended = true;
	}
	return r;
}

/* Reads until the end, or until the next record may not fit. */
static void listing_begin(struct listing *listing)
{
	size_t length = 0;
	ssize_t r;

	listing->begun = true;
	do {
		r = listing_getdents(listing, length, sizeof(listing->records) - length);
		if (r < 0)
			return;
		length += (size_t)r;
	} while (r > 0 && sizeof(listing->records) - length >= RECORD_BYTES_MAX);

	listing->ended = r == 0;
	listing->first = true;
	listing->all = listing->ended;
	listing->choose_end = length;
}

/* Reads into a half whose records are written. */
static void listing_read_half(struct listing *listing)
{
	size_t start = listing->half * HALF_BYTES;
	ssize_t r = listing_getdents(listing, start, HALF_BYTES);

	if (r < 0)
		return;
	listing->ended = r == 0;
	listing->first = false;
	listing->all = false;
	listing->choose_at = start;
	listing->choose_end = start + (size_t)r;
	listing->half ^= 1;
}

/* Reads into each half whose records are written, and chooses from what it reads. */
static void listing_read_on(struct listing *listing)
{
	while (listing_choose(listing) && !listing->ended &&
	       listing->at >= listing->half_end[listing->half])
		listing_read_half(listing);
}

/* Looks at what a symbolic link of the folder points to, which the kernel keeps inside the tree.
 * Returns 0, or an error for a link that leads to nothing there. */
static int link_look(struct listing *listing, struct view name, unsigned mask,
		     struct statx *ret_stat)
{
	const struct view folder = listing->request.folder_path;
	char path[PATH_BYTES_MAX + NAME_BYTES_MAX];
	int fd;
	int r;

	if (folder.length + 1 + name.length >= sizeof(path))
		return -ENAMETOOLONG;
	memcpy(path, folder.at, folder.length);
	path[folder.length] = '/';
	memcpy(path + folder.length + 1, name.at, name.length);
	path[folder.length + 1 + name.length] = '\0';

	fd = resolve_open(listing->request.root, path, O_PATH, 0);
	if (fd < 0)
		return fd;
	r = calls->statx(fd, "", AT_EMPTY_PATH | LOOK_FLAGS, mask, ret_stat);
	calls->close(fd);
	return r;
}

/* Looks at an entry whose line will tell of more than its type, and has the draft know. Returns 0
 * or an error. */
static int record_look_closely(struct cached_listing *draft, int folder,
			       const struct record *record, unsigned mask, struct statx *ret_stat)
{
	int r = calls->statx(folder, record->name, LOOK_FLAGS, mask, ret_stat);

	if (r == 0 && listing_draft_look(draft, folder, record->name, ret_stat))
		r = calls->statx(folder, record->name, LOOK_FLAGS, mask, ret_stat);
	if (r < 0)
		listing_draft_spoil(draft, false);
	return r;
}

/* Looks at the entry of record as far as mask says, or takes the kernel's word for its type. What
 * cannot be looked at keeps that type. Returns 0, or -ENOENT for an entry that is gone. */
static int record_look(struct listing *listing, int folder, const struct record *record,
		       unsigned mask, struct statx *ret_stat)
{
	int r = 0;

	if (mask != 0)
		r = record_look_closely(listing->request.draft, folder, record, mask, ret_stat);
	else if (record->type == DT_UNKNOWN)
		r = calls->statx(folder, record->name, LOOK_FLAGS, STATX_TYPE, ret_stat);
	if ((r == 0 && (mask != 0 || record->type == DT_UNKNOWN)) || r == -ENOENT)
		return r;
	memset(ret_stat, 0, sizeof(*ret_stat));
	ret_stat->stx_mode = (uint16_t)DTTOIF(record->type);
	ret_stat->stx_mask = record->type == DT_UNKNOWN ? 0 : STATX_TYPE;
	ret_stat->stx_nlink = 1;
	return 0;
}

/* Looks at an entry as far as its facts need, and at what a link points to in its place. Returns
 * 0, or -ENOENT for an entry that is gone. */
static int record_look_facts(struct listing *listing, int folder, const struct record *record,
			     struct statx *ret_stat)
{
	unsigned mask = entry_line_mask(listing->request.facts);
	int r;

	if (listing->request.facts == 0) {
		memset(ret_stat, 0, sizeof(*ret_stat));
		return 0;
	}
	if (record->type != DT_LNK) {
		r = record_look(listing, folder, record, mask, ret_stat);
		if (r < 0 || !S_ISLNK(ret_stat->stx_mode))
			return r;
	}
	listing_draft_spoil(listing->request.draft, true);
	if (link_look(listing, view_of(record->name), mask | STATX_TYPE, ret_stat) == 0)
		return 0;
	return record_look(listing, folder, record, mask, ret_stat);
}

static size_t line_list(struct listing *listing, int folder, const struct record *record,
			char *line)
{
	struct view target = { "", 0 };
	char link[PATH_BYTES_MAX];
	struct statx stat;
	ssize_t r;

	if (record_look(listing, folder, record, LIST_MASK, &stat) < 0)
		return 0;
	if (S_ISLNK(stat.stx_mode)) {
		r = calls->readlinkat(folder, record->name, link, sizeof(link));
		if (r > 0)
			target = (struct view){ link, (size_t)r };
		else
			listing_draft_spoil(listing->request.draft, false);
	}
	listing_draft_until(listing->request.draft,
			    entry_line_list_until(&stat, listing->request.now_s));
	return entry_line_list(&stat, view_of(record->name), target, listing->request.now_s, line);
}

static size_t line_facts(struct listing *listing, int folder, const struct record *record,
			 char *line)
{
	const struct listing_request *request = &listing->request;
	struct statx stat;

	if (record_look_facts(listing, folder, record, &stat) < 0)
		return 0;
	return entry_line_facts(&stat, view_of(record->name), NULL, request->facts,
				&request->rights, line);
}

/* Makes the line of a record, which has ENTRY_LINE_MAX bytes. Returns its length, 0 for an entry
 * that is gone and for a hole. */
static size_t listing_line(struct listing *listing, int folder, const struct record *record,
			   char *line)
{
	if (!record)
		return 0;
	switch (listing->request.format) {
	case LISTING_LIST:
		return line_list(listing, folder, record, line);
	case LISTING_NLST:
		return entry_line_name(listing->request.prefix, view_of(record->name), line);
	case LISTING_MLSD:
		return line_facts(listing, folder, record, line);
	}
	return 0;
}

static struct group *group_of(struct listing *listing, size_t index)
{
	return &listing->groups[index / GROUP_RECORDS % GROUPS_AHEAD];
}

/* Makes the lines of the group at index first, as many as fit. */
static void group_make(struct listing *listing, int folder, size_t first, struct group *group)
{
	char line[ENTRY_LINE_MAX];

	group->records = 0;
	group->lines = 0;
	group->length = 0;
	for (size_t i = 0; i < GROUP_RECORDS; i++) {
		size_t length = listing_line(listing, folder, record_of(listing, first + i), line);

		if (group->length + length > GROUP_TEXT_BYTES)
			return;
		memcpy(group->text + group->length, line, length);
		group->length = (uint16_t)(group->length + length);
		group->lines = (uint16_t)(group->lines + (length > 0));
		group->records++;
	}
}

/* Whether there is a group that nobody makes yet, not too far ahead of what is written. */
static bool listing_has_group(const struct listing *listing)
{
	return listing->claimed != listing->count &&
	       listing->claimed - listing->written < GROUP_RECORDS * GROUPS_AHEAD;
}

/* Makes that group by way of folder. Called, and returns, with the lock held. Returns false if
 * there is none. */
static bool listing_make_group(struct listing *listing, int folder)
{
	size_t first = listing->claimed;
	struct group *group = group_of(listing, first);

	if (!listing_has_group(listing))
		return false;
	listing->claimed += GROUP_RECORDS;
	group->made = false;

	pthread_mutex_unlock(&listing->lock);
	group_make(listing, folder, first, group);
	pthread_mutex_lock(&listing->lock);
	group->made = true;
	pthread_cond_broadcast(&listing->changed);
	return true;
}

/* Sees to it that the group at listing->at is made: by making it, or others as long as somebody
 * else does. */
static struct group *listing_turn_to_group(struct listing *listing)
{
	struct group *group = group_of(listing, listing->at);

	pthread_mutex_lock(&listing->lock);
	listing->written = listing->at;
	while (listing->claimed <= listing->at || !group->made)
		if (!listing_make_group(listing, listing->request.folder))
			pthread_cond_wait(&listing->changed, &listing->lock);
	pthread_mutex_unlock(&listing->lock);
	return group;
}

void listing_expect(struct listing *listing)
{
	bool looks = listing->request.format == LISTING_LIST ||
		     (listing->request.format == LISTING_MLSD &&
		      entry_line_mask(listing->request.facts) != 0);

	pthread_mutex_lock(&listing->lock);
	listing->expected = looks; /* without statx there is nothing to share */
	pthread_mutex_unlock(&listing->lock);
}

/* The folder by a description of the helpers' own: with one for all, each look would fetch the
 * count of its users from the other CPU. The lock is held. */
static int listing_helpers_folder(struct listing *listing)
{
	static const struct open_how how = { .flags = O_PATH | O_DIRECTORY | O_CLOEXEC };

	if (listing->helpers_folder < 0)
		listing->helpers_folder = calls->openat2(listing->request.folder, ".", &how);
	return listing->helpers_folder < 0 ? listing->request.folder : listing->helpers_folder;
}

void listing_help(struct listing *listing)
{
	int folder;

	pthread_mutex_lock(&listing->lock);
	folder = listing_helpers_folder(listing);
	/* Also once the fill is done: the next one then begins with lines that are made already. */
	while (listing_make_group(listing, folder) || listing->expected)
		if (listing->expected && !listing_has_group(listing))
			pthread_cond_wait(&listing->changed, &listing->lock);
	pthread_mutex_unlock(&listing->lock);
}

void listing_dismiss(struct listing *listing)
{
	pthread_mutex_lock(&listing->lock);
	listing->expected = false;
	pthread_cond_broadcast(&listing->changed);
	pthread_mutex_unlock(&listing->lock);
}

/* The entry of the folder itself (RFC 3659 section 7.5.1.1); a full path in it would look like a
 * folder within to some clients. */
static size_t listing_line_cdir(struct listing *listing, char *line)
{
	const struct listing_request *request = &listing->request;
	unsigned mask = entry_line_mask(request->facts);
	struct statx stat;

	memset(&stat, 0, sizeof(stat));
	if (mask != 0 &&
	    calls->statx(request->folder, "", AT_EMPTY_PATH | LOOK_FLAGS, mask, &stat) < 0) {
		memset(&stat, 0, sizeof(stat));
		listing_draft_spoil(request->draft, false);
	}
	return entry_line_facts(&stat, view_of("."), "cdir", request->facts, &request->own_rights,
				line);
}

/* Writes the lines of a group, or one line of the rest that was left of it. Returns their length,
 * at most ENTRY_LINE_MAX. */
static size_t listing_write(struct listing *listing, char *buffer)
{
	size_t length;

	if (listing->at % GROUP_RECORDS == 0) {
		const struct group *group = listing_turn_to_group(listing);

		if (group->records > 0) {
			memcpy(buffer, group->text, group->length);
			listing->at += group->records;
			listing->entries += group->lines;
			return group->length;
		}
	}
	length = listing_line(listing, listing->request.folder, record_of(listing, listing->at),
			      buffer);
	listing->at++;
	listing->entries += length > 0;
	return length;
}

/* Writes lines until the buffer or the listing ends. Returns their length. */
static size_t listing_lines(struct listing *listing, char *buffer, size_t size_bytes)
{
	size_t length = 0;

	while (size_bytes - length >= ENTRY_LINE_MAX) {
		listing_read_on(listing);
		if (listing->at == listing->count)
			break;
		length += listing_write(listing, buffer + length);
	}
	return length;
}

/* Has the draft keep what was filled, which is r bytes, or nothing (more, or yet), or an error. */
static void listing_keep(struct listing *listing, const char *buffer, ssize_t r)
{
	struct cached_listing *draft = listing->request.draft;

	if (r == -EINPROGRESS)
		return;
	if (r > 0) {
		listing_draft_append(draft, buffer, (size_t)r);
		return;
	}
	if (r == 0)
		listing_draft_publish(draft);
	else
		listing_draft_abandon(draft);
	listing->request.draft = NULL;
}

ssize_t listing_fill(struct listing *listing, char *buffer, size_t size_bytes)
{
	size_t length = 0;
	ssize_t r;

	listing->names = 0;
	listing->steps_end = listing->steps + LISTING_SLICE_STEPS;
	if (!listing->begun) {
		listing_draft_begin(listing->request.draft, listing->request.folder);
		listing_begin(listing);
		/* Whoever cannot read the folder gets no line of it. */
		if (listing->error == 0 && listing->request.format == LISTING_MLSD) {
			length = listing_line_cdir(listing, buffer);
			listing->entries++;
		}
	}
	length += listing_lines(listing, buffer + length, size_bytes - length);
	listing_dismiss(listing);
	r = length > 0			   ? (ssize_t)length
	    : listing_is_choosing(listing) ? -EINPROGRESS
					   : listing->error;
	listing_keep(listing, buffer, r);
	return r;
}
