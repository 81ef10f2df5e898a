#include "fs/upload_origin.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "sys/calls.h"

#define ATTRIBUTE "user.sluice.upload"
#define VALUE_MAX 128
#define NOTES_MAX 256 /* in the table; the oldest is replaced */

/* How the file was left; open: not yet. */
struct note {
	uint64_t number;
	bool open;
	int64_t changed_s;
	uint32_t changed_ns;
	uint64_t size_bytes;
	int64_t limit;
};

static struct {
	pthread_mutex_t lock; /* never held over a call that may wait for a disk */
	struct {
		uint64_t device;
		uint64_t inode;
		struct note note; /* number 0: of no origin */
	} notes[NOTES_MAX];
	unsigned next; /* to be replaced */
	unsigned used;
} table = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* --- In the table ------------------------------------------------------------------------------ */

static uint64_t device_of(const struct statx *stat)
{
	return (uint64_t)stat->stx_dev_major << 32 | stat->stx_dev_minor;
}

static struct note *table_find(const struct statx *stat)
{
	for (unsigned i = 0; i < table.used; i++)
		if (table.notes[i].inode == stat->stx_ino &&
		    table.notes[i].device == device_of(stat))
			return &table.notes[i].note;
	return NULL;
}

static bool table_read(const struct statx *stat, struct note *ret_note)
{
	const struct note *kept;

	pthread_mutex_lock(&table.lock);
	kept = table_find(stat);
	if (kept)
		*ret_note = *kept;
	pthread_mutex_unlock(&table.lock);
	return kept != NULL;
}

static struct note *table_make_room(const struct statx *stat)
{
	unsigned at = table.next;

	table.next = (at + 1) % NOTES_MAX;
	if (table.used < NOTES_MAX)
		table.used++;
	table.notes[at].device = device_of(stat);
	table.notes[at].inode = stat->stx_ino;
	return &table.notes[at].note;
}

/* makes: also if there is none of the file. */
static void table_write(const struct statx *stat, const struct note *note, bool makes)
{
	struct note *place;

	pthread_mutex_lock(&table.lock);
	place = table_find(stat);
	if (!place && makes)
		place = table_make_room(stat);
	if (place)
		*place = *note;
	pthread_mutex_unlock(&table.lock);
}

/* --- With the file ----------------------------------------------------------------------------- */

/* Numbers behind a "1 ", which is the form's. */
static size_t note_format(const struct note *note, char *ret_text)
{
	return (size_t)snprintf(ret_text, VALUE_MAX,
				"1 %" PRIu64 " %d %" PRId64 " %" PRIu32 " %" PRIu64 " %" PRId64,
				note->number, note->open, note->changed_s, note->changed_ns,
				note->size_bytes, note->limit);
}

static bool note_parse(const char *text, struct note *ret_note)
{
	int open;

	if (sscanf(text, /* NOLINT: what is out of range is another number, and good for nothing */
		   "1 %" SCNu64 " %d %" SCNd64 " %" SCNu32 " %" SCNu64 " %" SCNd64,
		   &ret_note->number, &open, &ret_note->changed_s, &ret_note->changed_ns,
		   &ret_note->size_bytes, &ret_note->limit) != 6)
		return false;
	ret_note->open = open != 0;
	return true;
}

static bool note_read(int fd, const struct disk *disk, const struct statx *stat,
		      struct note *ret_note)
{
	char text[VALUE_MAX];
	ssize_t length;

	if (table_read(stat, ret_note))
		return ret_note->number != 0;
	if (disk->kind == DISK_REMOTE)
		return false;
	length = calls->getxattr(fd, ATTRIBUTE, text, sizeof(text) - 1);
	if (length < 0)
		return false;
	text[length] = '\0';
	return note_parse(text, ret_note) && ret_note->number != 0;
}

/* In the table only what cannot be with the file, for what is there counts. */
static void note_write(int fd, const struct disk *disk, const struct statx *stat,
		       const struct note *note)
{
	char text[VALUE_MAX];
	bool is_kept = disk->kind != DISK_REMOTE &&
		       calls->setxattr(fd, ATTRIBUTE, text, note_format(note, text)) == 0;

	table_write(stat, note, !is_kept);
}

/* --- Origins ----------------------------------------------------------------------------------- */

static int origin_stat(int fd, struct statx *ret_stat)
{
	return calls->statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, ret_stat);
}

static void note_how_left(const struct statx *stat, struct note *note)
{
	note->open = false;
	note->changed_s = stat->stx_mtime.tv_sec;
	note->changed_ns = stat->stx_mtime.tv_nsec;
	note->size_bytes = stat->stx_size;
}

static bool note_is_true(const struct note *note, const struct statx *stat)
{
	return note->open ||
	       (note->changed_s == stat->stx_mtime.tv_sec &&
		note->changed_ns == stat->stx_mtime.tv_nsec && note->size_bytes == stat->stx_size);
}

uint64_t upload_origin_new(void)
{
	uint64_t number = 0;

	return getrandom(&number, sizeof(number), 0) == sizeof(number) ? number : 0;
}

struct upload_origin upload_origin_read(int fd, const struct disk *disk)
{
	struct upload_origin origin = { 0 };
	struct statx stat;
	struct note note;

	if (origin_stat(fd, &stat) < 0)
		return origin;
	if (note_read(fd, disk, &stat, &note) && note_is_true(&note, &stat)) {
		origin.number = note.number;
		origin.limit = note.open ? INT64_MAX : (off_t)note.limit;
	}
	return origin;
}

int upload_origin_begin(int fd, const struct disk *disk, uint64_t number)
{
	const struct note begun = { .number = number, .open = true };
	struct statx stat;
	struct note note;
	int r = number ? origin_stat(fd, &stat) : -EOPNOTSUPP;

	if (r < 0)
		return r;
	if (note_read(fd, disk, &stat, &note) && note.number != number)
		return -EBUSY;
	note_write(fd, disk, &stat, &begun);
	return 0;
}

void upload_origin_end(int fd, const struct disk *disk, const struct upload_origin *origin)
{
	struct statx stat;
	struct note note;

	/* In this order: who stores the file anew forgets its origin before he cuts it, so either that
	 * is seen here, or what is noted is not how the file is left. */
	if (origin_stat(fd, &stat) < 0)
		return;
	if (note_read(fd, disk, &stat, &note) && note.number == origin->number) {
		note_how_left(&stat, &note);
		note.limit = origin->limit;
		note_write(fd, disk, &stat, &note);
	}
}

void upload_origin_forget(int fd, const struct disk *disk, const struct statx *stat)
{
	const struct note nothing = { 0 };
	struct note note;

	if (note_read(fd, disk, stat, &note))
		note_write(fd, disk, stat, &nothing);
}
