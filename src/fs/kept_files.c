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
}

void kept_files_close_all(struct kept_files *kept)
{
	struct kept_file *file;

	kept_close_folder(kept);
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
	if (kept->mounts >= 0)
		calls->close(kept->mounts);
}

static bool kept_is_same(const struct kept_file *file, const struct statx *stat)
{
	return stat->stx_ino == file->inode && stat->stx_mnt_id == file->mount &&
	       stat->stx_ctime.tv_sec == file->changed_s &&
	       stat->stx_ctime.tv_nsec == file->changed_ns && stat->stx_mode == file->mode;
}

/* The folder of a path's last name, or -errno. It stays the table's. */
static int kept_walk(struct kept_files *kept, int root, struct view path)
{
	struct open_how how = { .flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
				.resolve = RESOLVE_FLAGS | RESOLVE_CACHED | RESOLVE_NO_XDEV };
	struct kept_folder *folder = &kept->folder;
	uint64_t moment = ring_moment(kept->ring);
	unsigned names_gone = calls_names_gone();

	if (folder->fd >= 0 && folder->root == root && folder->moment == moment &&
	    folder->names_gone == names_gone && strlen(folder->path) == path.length &&
	    memcmp(folder->path, path.at, path.length) == 0)
		return folder->fd;
	kept_close_folder(kept);
	if (path.length >= sizeof(folder->path))
		return -ENAMETOOLONG;
	memcpy(folder->path, path.at, path.length);
	folder->path[path.length] = '\0';
	folder->root = root;
	folder->moment = moment;
	folder->names_gone = names_gone;
	folder->fd = calls->openat2(root, folder->path, &how);
	return folder->fd;
}

static bool kept_ask(struct kept_files *kept, int root, const char *path, unsigned mask,
		     struct statx *ret_stat)
{
	struct view folder = path_folder(view_of(path));
	int fd = folder.length > 1 ? kept_walk(kept, root, folder) : root;

	return fd >= 0 && calls->statx(fd, strrchr(path, '/') + 1,
				       AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT | AT_SYMLINK_NOFOLLOW,
				       mask, ret_stat) == 0;
}

int kept_files_lend(struct kept_files *kept, uint64_t hash, int root, const char *path,
		    unsigned mask, struct statx *ret_stat)
{
	struct kept_file *file = kept_find(kept, hash);

	if (!file)
		return -ENOENT;
	if (kept_ask(kept, root, path, mask, ret_stat) && kept_is_same(file, ret_stat))
		return kept_take(kept, file);
	kept_close(kept, file);
	return -ENOENT;
}

bool kept_files_keep(struct kept_files *kept, uint64_t hash, const struct statx *stat, int fd)
{
	struct kept_file *file;

	if (kept->count >= kept->max || stat->stx_size > KEPT_FILE_BYTES_MAX ||
	    kept_find(kept, hash))
		return false;
	file = list_entry(list_shift(&kept->unused), struct kept_file, link);
	if (kept->count++ == 0)
		ring_timer_set(kept->ring, &kept->timer, KEPT_FILE_MS);
	*file = (struct kept_file){
		.path = hash,
		.since_ms = ring_now_ms(kept->ring),
		.inode = stat->stx_ino,
		.changed_s = stat->stx_ctime.tv_sec,
		.mount = stat->stx_mnt_id,
		.changed_ns = stat->stx_ctime.tv_nsec,
		.mode = stat->stx_mode,
		.fd = fd,
	};
	list_append(&kept->oldest, &file->link);
	list_append(kept_chain(kept, hash), &file->chain);
	return true;
}
