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
#define DESCRIPTORS_PER_KEPT 8 /* of those that the process may have, one is for these tables */

static struct list *kept_chain(struct kept_files *kept, uint64_t path)
{
	return &kept->chains[(path >> 1 ^ path >> 33) % KEPT_FILES_CHAINS];
}

static struct kept_file *kept_find(struct kept_files *kept, uint64_t path)
{
	struct list *chain = kept_chain(kept, path);

	for (struct list *link = chain->next; link != chain; link = link->next) {
		struct kept_file *file = list_entry(link, struct kept_file, chain);

		if (file->path == path)
			return file;
	}
	return NULL;
}

static int kept_take(struct kept_files *kept, struct kept_file *file)
{
	list_remove(&file->link);
	list_remove(&file->chain);
	list_append(&kept->unused, &file->link);
	kept->count--;
	return file->fd;
}

static void kept_close(struct kept_files *kept, struct kept_file *file)
{
	static const struct disk local = { .kind = DISK_LOCAL };

	file_close(&local, kept->ring, kept_take(kept, file));
}

static struct kept_file *kept_oldest(struct kept_files *kept)
{
	return list_empty(&kept->oldest) ? NULL
					 : list_entry(kept->oldest.next, struct kept_file, link);
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
	struct kept_file *file;

	for (int i = 0; (file = kept_oldest(kept)); i++) {
		uint64_t due_ms = file->since_ms + KEPT_FILE_MS;

		if (due_ms > now_ms || i == CLOSED_IN_A_TURN) {
			ring_timer_set(kept->ring, timer, due_ms > now_ms ? due_ms - now_ms : 0);
			return;
		}
		kept_close(kept, file);
	}
	kept_close_folder(kept);
	watched_folders_end_all(&kept->watched);
}

void kept_files_close_all(struct kept_files *kept)
{
	struct kept_file *file;

	kept_close_folder(kept);
	watched_folders_end_all(&kept->watched);
	while ((file = kept_oldest(kept)))
		kept_close(kept, file);
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
	list_init(&kept->oldest);
	list_init(&kept->unused);
	for (int i = 0; i < KEPT_FILES_MAX; i++)
		list_append(&kept->unused, &kept->files[i].link);
	for (int i = 0; i < KEPT_FILES_CHAINS; i++)
		list_init(&kept->chains[i]);
	kept->folder.fd = -1;
	kept->timer.fire = kept_on_timer;
	kept->mounts_op.done = kept_on_mounts;
	kept->mounts = mounts_open();
	if (kept->mounts < 0)
		return;
	kept->max = kept_max(workers);
	ring_poll(ring, &kept->mounts_op, kept->mounts, POLLPRI);
}

void kept_files_fini(struct kept_files *kept)
{
	struct kept_file *file;

	if (!kept->ring)
		return;
	kept_close_folder(kept);
	while ((file = kept_oldest(kept)))
		calls->close(kept_take(kept, file));
	ring_timer_clear(kept->ring, &kept->timer);
	watched_folders_fini(&kept->watched);
	if (kept->mounts >= 0)
		calls->close(kept->mounts);
}

static bool kept_is_same(const struct statx *before, const struct statx *now)
{
	return now->stx_ino == before->stx_ino && now->stx_mnt_id == before->stx_mnt_id &&
	       now->stx_ctime.tv_sec == before->stx_ctime.tv_sec &&
	       now->stx_ctime.tv_nsec == before->stx_ctime.tv_nsec &&
	       now->stx_mode == before->stx_mode;
}

/* The folder of a path's last name, or -errno. It stays the table's. */
static int kept_walk(struct kept_files *kept, int root, struct view path)
{
	struct open_how how = { .flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
				.resolve = RESOLVE_FLAGS | RESOLVE_CACHED | RESOLVE_NO_XDEV };
	struct kept_folder *folder = &kept->folder;
	uint64_t moment = ring_moment(kept->ring);

	if (folder->fd >= 0 && folder->root == root && folder->moment == moment &&
	    strlen(folder->path) == path.length && memcmp(folder->path, path.at, path.length) == 0)
		return folder->fd;
	kept_close_folder(kept);
	if (path.length >= sizeof(folder->path))
		return -ENAMETOOLONG;
	memcpy(folder->path, path.at, path.length);
	folder->path[path.length] = '\0';
	folder->root = root;
	folder->moment = moment;
	folder->fd = calls->openat2(root, folder->path, &how);
	return folder->fd;
}

static bool kept_ask(struct kept_files *kept, const struct tree *tree, struct view folder,
		     const char *name, unsigned mask, struct statx *ret_stat)
{
	int fd = folder.length > 1 ? kept_walk(kept, tree->root, folder) : tree->root;

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
	struct kept_file *file = kept_find(kept, hash);
	uint32_t watch;

	if (!file)
		return -ENOENT;
	watch = watched_folders_visit(&kept->watched, tree, folder);
	if (kept_is_known(kept, file, watch, name)) {
		*ret_stat = file->stat;
		*ret_note = file->note;
		return kept_take(kept, file);
	}
	if (kept_ask(kept, tree, folder, name, mask, ret_stat) &&
	    kept_is_same(&file->stat, ret_stat)) {
		kept_note_down(kept, watch, name, ret_stat, ret_note);
		return kept_take(kept, file);
	}
	kept_close(kept, file);
	return -ENOENT;
}

bool kept_files_keep(struct kept_files *kept, uint64_t hash, const struct statx *stat,
		     const struct kept_note *note, int fd)
{
	struct kept_file *file;
	struct list *unused = NULL;

	if (kept->count < kept->max && stat->stx_size <= KEPT_FILE_BYTES_MAX &&
	    !kept_find(kept, hash))
		unused = list_shift(&kept->unused);
	if (!unused)
		return false;
	file = list_entry(unused, struct kept_file, link);
	if (kept->count++ == 0)
		ring_timer_set(kept->ring, &kept->timer, KEPT_FILE_MS);
	file->path = hash;
	file->since_ms = ring_now_ms(kept->ring);
	file->fd = fd;
	file->note = *note;
	file->stat = *stat;
	list_append(&kept->oldest, &file->link);
	list_append(kept_chain(kept, hash), &file->chain);
	return true;
}
