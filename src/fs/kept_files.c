#include "fs/kept_files.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/resource.h>

#include "fs/closing.h"
#include "fs/mounts.h"
#include "fs/path.h"
#include "fs/resolve.h"
#include "sys/calls.h"

#define CLOSED_IN_A_TURN 64
#define CACHE_LINE_BYTES 64
#define DESCRIPTORS_PER_KEPT 8 /* of those that the process may have, one is for these tables */

/* Where a path is kept, or could be. */
struct kept_place {
	struct kept_row *row; /* NULL: nowhere */
	unsigned at;
};

static struct kept_row *kept_row(struct kept_files *kept, uint64_t path)
{
	return &kept->rows[(path >> 1 ^ path >> 33) % KEPT_FILES_ROWS];
}

/* The place in the path's row that has what is sought: the path, or 0. */
static struct kept_place kept_find(struct kept_files *kept, uint64_t path, uint64_t sought)
{
	struct kept_row *row = kept_row(kept, path);

	for (unsigned at = 0; at < KEPT_FILES_IN_ROW; at++)
		if (row->path[at] == sought)
			return (struct kept_place){ row, at };
	return (struct kept_place){ NULL, 0 };
}

static struct kept_file *kept_file(struct kept_files *kept, struct kept_place place)
{
	return &kept->files[place.row->file[place.at]];
}

static int kept_take(struct kept_files *kept, struct kept_place place)
{
	uint16_t number = place.row->file[place.at];

	place.row->path[place.at] = 0;
	kept->since_ms[number] = 0;
	kept->count--;
	kept->unused[KEPT_FILES_MAX - kept->count - 1] = number;
	return kept->files[number].fd;
}

static void kept_close(struct kept_files *kept, struct kept_place place)
{
	static const struct disk local = { .kind = DISK_LOCAL };

	file_close(&local, kept->ring, kept_take(kept, place));
}

static void kept_close_number(struct kept_files *kept, unsigned number)
{
	uint64_t path = kept->files[number].path;

	kept_close(kept, kept_find(kept, path, path));
}

static void kept_close_folder(struct kept_files *kept)
{
	if (kept->folder.fd >= 0)
		calls->close(kept->folder.fd);
	kept->folder.fd = -1;
}

static void kept_on_timer(struct wheel_timer *timer)
{
	struct kept_files *kept = list_entry(timer, struct kept_files, timer);
	uint64_t now_ms = ring_now_ms(kept->ring);
	uint64_t after_ms = KEPT_FILE_MS;
	unsigned closed = 0;

	for (unsigned i = 0; i < KEPT_FILES_MAX && kept->count > 0; i++) {
		uint64_t age_ms = now_ms - kept->since_ms[i];

		if (kept->since_ms[i] == 0)
			continue;
		if (age_ms < KEPT_FILE_MS) {
			if (KEPT_FILE_MS - age_ms < after_ms)
				after_ms = KEPT_FILE_MS - age_ms;
		} else if (closed++ < CLOSED_IN_A_TURN) {
			kept_close_number(kept, i);
		}
	}
	if (kept->count > 0) {
		bool goes_on = closed > CLOSED_IN_A_TURN;

		ring_timer_set(kept->ring, timer,
			       goes_on			  ? 0
			       : after_ms > KEPT_SWEEP_MS ? after_ms
							  : KEPT_SWEEP_MS);
		return;
	}
	kept_close_folder(kept);
	watched_folders_end_all(&kept->watched);
}

static void kept_each(struct kept_files *kept,
		      void (*each)(struct kept_files *kept, unsigned number))
{
	for (unsigned i = 0; i < KEPT_FILES_MAX && kept->count > 0; i++)
		if (kept->since_ms[i])
			each(kept, i);
}

void kept_files_close_all(struct kept_files *kept)
{
	kept_close_folder(kept);
	watched_folders_end_all(&kept->watched);
	kept_each(kept, kept_close_number);
}

static void kept_on_mounts(struct op *op, int result)
{
	struct kept_files *kept = list_entry(op, struct kept_files, mounts_op);

	kept_files_close_all(kept);
	if (result < 0) {
		kept->max = 0;
		return;
	}
	ring_poll(kept->ring, op, kept->mounts, POLLPRI);
}

static unsigned kept_max(unsigned workers)
{
	struct rlimit limit;
	rlim_t share;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return 0;
	share = limit.rlim_cur / DESCRIPTORS_PER_KEPT / workers;
	return share < KEPT_FILES_MAX ? (unsigned)share : KEPT_FILES_MAX;
}

void kept_files_init(struct kept_files *kept, struct ring *ring, unsigned workers)
{
	kept->ring = ring;
	watched_folders_init(&kept->watched, ring);
	for (uint16_t i = 0; i < KEPT_FILES_MAX; i++)
		kept->unused[i] = (uint16_t)(KEPT_FILES_MAX - 1 - i);
	kept->folder.fd = -1;
	kept->timer.fire = kept_on_timer;
	kept->mounts_op.done = kept_on_mounts;
	kept->mounts = mounts_open();
	if (kept->mounts < 0)
		return;
	kept->max = kept_max(workers);
	ring_poll(ring, &kept->mounts_op, kept->mounts, POLLPRI);
}

/* The ring runs no more, and no job either. */
static void kept_close_here(struct kept_files *kept, unsigned number)
{
	uint64_t path = kept->files[number].path;

	calls->close(kept_take(kept, kept_find(kept, path, path)));
}

void kept_files_fini(struct kept_files *kept)
{
	if (!kept->ring)
		return;
	kept_close_folder(kept);
	kept_each(kept, kept_close_here);
	ring_timer_clear(kept->ring, &kept->timer);
	watched_folders_fini(&kept->watched);
	if (kept->mounts >= 0)
		calls->close(kept->mounts);
}

static bool kept_is_same(const struct kept_file *file, const struct statx *now)
{
	struct statx kept;
	const struct statx *before = &kept;

	memcpy(&kept, file->stat, sizeof(file->stat));
	return now->stx_ino == before->stx_ino && now->stx_mnt_id == before->stx_mnt_id &&
	       now->stx_ctime.tv_sec == before->stx_ctime.tv_sec &&
	       now->stx_ctime.tv_nsec == before->stx_ctime.tv_nsec &&
	       now->stx_mode == before->stx_mode;
}

/* The folder of a path's last name, or -errno. It stays the table's. Under the same watch it leads to
 * the same folder. */
static int kept_walk(struct kept_files *kept, int root, struct view path, uint32_t watch)
{
	struct open_how how = { .flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
				.resolve = RESOLVE_FLAGS | RESOLVE_CACHED | RESOLVE_NO_XDEV };
	struct kept_folder *folder = &kept->folder;
	uint64_t moment = ring_moment(kept->ring);

	if (folder->fd >= 0 && folder->root == root &&
	    (folder->moment == moment ||
	     (watch && folder->watch == watch &&
	      ring_now_ms(kept->ring) - folder->since_ms < KEPT_ASKED_MS)) &&
	    strlen(folder->path) == path.length && memcmp(folder->path, path.at, path.length) == 0)
		return folder->fd;
	kept_close_folder(kept);
	if (path.length >= sizeof(folder->path))
		return -ENAMETOOLONG;
	memcpy(folder->path, path.at, path.length);
	folder->path[path.length] = '\0';
	folder->root = root;
	folder->watch = watch;
	folder->since_ms = ring_now_ms(kept->ring);
	folder->moment = moment;
	folder->fd = calls->openat2(root, folder->path, &how);
	return folder->fd;
}

static bool kept_ask(struct kept_files *kept, const struct tree *tree, struct view folder,
		     uint32_t watch, const char *name, unsigned mask, struct statx *ret_stat)
{
	int fd = folder.length > 1 ? kept_walk(kept, tree->root, folder, watch) : tree->root;

	return fd >= 0 &&
	       calls->statx(fd, name, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT | AT_SYMLINK_NOFOLLOW,
			    mask, ret_stat) == 0;
}

/* Whether nothing has happened since the path was asked about under the watch of its folder. */
static bool kept_is_known(const struct kept_files *kept, const struct kept_file *file,
			  uint32_t watch, const char *name)
{
	return watch && file->note.watch == watch && strcmp(file->note.name, name) == 0 &&
	       ring_now_ms(kept->ring) - file->note.asked_ms < KEPT_ASKED_MS;
}

static void kept_note_down(const struct kept_files *kept, uint32_t watch, const char *name,
			   const struct statx *stat, struct kept_note *ret_note)
{
	size_t size = strlen(name) + 1;

	ret_note->watch = stat->stx_nlink == 1 && size <= sizeof(ret_note->name) ? watch : 0;
	if (ret_note->watch == 0)
		return;
	ret_note->asked_ms = ring_now_ms(kept->ring);
	memcpy(ret_note->name, name, size);
}

int kept_files_lend(struct kept_files *kept, uint64_t hash, const struct tree *tree,
		    const char *path, unsigned mask, struct statx *ret_stat,
		    struct kept_note *ret_note)
{
	struct view folder = path_folder(view_of(path));
	const char *name = strrchr(path, '/') + 1;
	struct kept_place place = kept_find(kept, hash, hash);
	struct kept_file *file;
	uint32_t watch;

	if (!place.row)
		return -ENOENT;
	file = kept_file(kept, place);
	/* While the folder is looked at, it comes into the processor's cache. */
	for (size_t at = 0; at < sizeof(*file); at += CACHE_LINE_BYTES)
		__builtin_prefetch((const char *)file + at);
	watch = watched_folders_visit(&kept->watched, tree, folder);
	if (kept_is_known(kept, file, watch, name)) {
		memcpy(ret_stat, file->stat, sizeof(file->stat));
		*ret_note = file->note;
		return kept_take(kept, place);
	}
	if (kept_ask(kept, tree, folder, watch, name, mask, ret_stat) &&
	    kept_is_same(file, ret_stat)) {
		ret_note->read_ms = file->note.read_ms;
		kept_note_down(kept, watch, name, ret_stat, ret_note);
		return kept_take(kept, place);
	}
	kept_close(kept, place);
	return -ENOENT;
}

/* A free place in the path's row, which there is or is made. */
static struct kept_place kept_room(struct kept_files *kept, uint64_t path)
{
	struct kept_place place = kept_find(kept, path, 0);
	struct kept_row *row = kept_row(kept, path);

	if (place.row)
		return place;
	place.row = row;
	for (unsigned at = 1; at < KEPT_FILES_IN_ROW; at++)
		if (kept->since_ms[row->file[at]] < kept->since_ms[row->file[place.at]])
			place.at = at;
	kept_close(kept, place);
	return place;
}

bool kept_files_keep(struct kept_files *kept, uint64_t hash, const struct statx *stat,
		     const struct kept_note *note, int fd)
{
	struct kept_place place = { NULL, 0 };
	struct kept_file *file;

	if (kept->count < kept->max && stat->stx_size <= KEPT_FILE_BYTES_MAX &&
	    !kept_find(kept, hash, hash).row)
		place = kept_room(kept, hash);
	if (!place.row)
		return false;
	place.row->path[place.at] = hash;
	place.row->file[place.at] = kept->unused[KEPT_FILES_MAX - kept->count - 1];
	if (kept->count++ == 0)
		ring_timer_set(kept->ring, &kept->timer, KEPT_FILE_MS);
	kept->since_ms[place.row->file[place.at]] = ring_now_ms(kept->ring);
	file = kept_file(kept, place);
	file->path = hash;
	file->fd = fd;
	file->note = *note;
	memcpy(file->stat, stat, sizeof(file->stat));
	return true;
}
