#include "fs/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/limits.h"
#include "fs/closing.h"
#include "fs/creation_mode.h"
#include "fs/path.h"
#include "sys/calls.h"

#define TREE_STAT_MASK (STATX_BASIC_STATS | STATX_BTIME | STATX_MNT_ID)
#define TREE_OPEN_FLAGS(flags) ((flags) | O_CLOEXEC | O_NOCTTY)
#define FOLDERS_TRIED_MAX 64 /* of a path, for the file system it leads to */

static struct tree_request *request_of_op(struct op *op)
{
	return (struct tree_request *)(void *)((char *)op - offsetof(struct tree_request, op));
}

static struct tree_request *request_of_waiter(struct queue_waiter *waiter)
{
	return (struct tree_request *)(void *)((char *)waiter -
					       offsetof(struct tree_request, waiter));
}

/* What the kernel knows already: never asks a file system across a network. */
static int tree_stat_known(int fd, unsigned mask, struct statx *ret_stat)
{
	return calls->statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, mask, ret_stat);
}

int tree_init(struct tree *tree, int root)
{
	struct statx stat;
	int r = tree_stat_known(root, STATX_MNT_ID, &stat);

	if (r < 0)
		return r;
	resolve_own_files(); /* so that it is there before the first session */
	tree->root = root;
	tree->disk = mounts_find(stat.stx_mnt_id);
	return 0;
}

int tree_may_enter(const struct disk *disk, int folder)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_CACHED };
	int fd;

	if (disk->kind == DISK_REMOTE)
		return 0;
	fd = calls->openat2(folder, ".", &how);
	if (fd >= 0)
		calls->close(fd);
	return fd < 0 ? fd : 0;
}

int tree_look_at_folder(const struct tree *tree, const char *path, struct statx *ret_stat)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC,
				.resolve = RESOLVE_FLAGS | RESOLVE_CACHED | RESOLVE_NO_XDEV };
	struct view parent = path_folder(view_of(path));
	char folder[PATH_BYTES_MAX];
	int fd;
	int r;

	memset(ret_stat, 0, sizeof(*ret_stat));
	memcpy(folder, parent.at, parent.length);
	folder[parent.length] = '\0';
	fd = tree->disk.kind == DISK_REMOTE ? -EAGAIN : calls->openat2(tree->root, folder, &how);
	if (fd < 0)
		return 0;
	r = tree_stat_known(fd, STATX_BASIC_STATS, ret_stat);
	if (r < 0)
		memset(ret_stat, 0, sizeof(*ret_stat));
	r = calls->may_write(fd);
	calls->close(fd);
	return r == 0 && path[1] == '\0' ? -EBUSY : r;
}

struct disk tree_locate(const struct tree *tree, const char *path)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC,
				.resolve = RESOLVE_FLAGS | RESOLVE_CACHED };
	char folder[PATH_BYTES_MAX];
	struct view rest = view_of(path);

	/* From the path itself on: it may be the very place where another file system begins. */
	for (int i = 0; i < FOLDERS_TRIED_MAX && rest.length > 1; i++, rest = path_folder(rest)) {
		struct statx stat;
		int fd;
		int r;

		memcpy(folder, rest.at, rest.length);
		folder[rest.length] = '\0';
		fd = calls->openat2(tree->root, folder, &how);
		if (fd < 0)
			continue;
		r = tree_stat_known(fd, STATX_MNT_ID, &stat);
		calls->close(fd);
		if (r == 0)
			return mounts_find(stat.stx_mnt_id);
	}
	return tree->disk;
}

static void tree_leave(struct tree_request *request)
{
	if (request->queue) {
		queue_leave(request->queue);
		request->queue = NULL;
	}
}

/* Whether a file is still to be opened. */
static bool tree_only_looked(const struct tree_request *request)
{
	return request->file && request->how.flags & O_PATH;
}

static void tree_prepare(struct tree_request *request, unsigned resolve)
{
	unsigned flags = (unsigned)request->open_flags;

	if (request->file && !request->looked_for && resolve_own_files() >= 0)
		flags |= O_PATH;
	if (flags & O_PATH) /* openat2 refuses flags that mean nothing */
		flags &= O_PATH | O_CLOEXEC | O_DIRECTORY | O_NOFOLLOW;
	request->how = (struct open_how){ .flags = flags, .resolve = RESOLVE_FLAGS | resolve };
}

/* From the look on to the open, which has the look's number for a name. */
static void tree_prepare_file(struct tree_request *request)
{
	resolve_number(request->fd, request->look);
	request->how = (struct open_how){ .flags = (unsigned)(request->open_flags & ~O_NOFOLLOW) };
}

/* The end of the long way of an open. */
static void tree_open_end(struct tree_request *request, int result)
{
	tree_leave(request);
	if (result < 0 && request->fd >= 0) {
		file_close(&request->disk, request->ring, request->fd);
		request->fd = -1;
	}
	request->opened(request, result < 0 ? result : request->fd);
}

static void tree_on_open(struct op *op, int result);

/* The open of what was looked at (fs/resolve.h). */
static void tree_open_looked_at(struct tree_request *request)
{
	tree_prepare_file(request);
	request->op.done = tree_on_open;
	ring_open(request->ring, &request->op, resolve_own_files(), request->look, &request->how);
}

static void tree_check(struct tree_request *request, int result)
{
	if (result >= 0) {
		request->disk = mounts_find(request->stat.stx_mnt_id);
		if (request->disk.kind == DISK_FORBIDDEN)
			result = -EACCES;
		else if (request->file)
			result = resolve_check_file(&request->stat);
	}
	if (result >= 0 && tree_only_looked(request))
		tree_open_looked_at(request);
	else
		tree_open_end(request, result);
}

static void tree_on_stat(struct op *op, int result)
{
	tree_check(request_of_op(op), result);
}

static void tree_open_admitted(struct queue_waiter *waiter);

static void tree_on_open(struct op *op, int result)
{
	struct tree_request *request = request_of_op(op);

	if (result == -EAGAIN && request->fd < 0 && --request->tries_left > 0) {
		tree_open_admitted(&request->waiter);
		return;
	}
	if (request->fd >= 0) /* the look, which has done its service */
		calls->close(request->fd);
	request->fd = result;
	if (result < 0) {
		tree_open_end(request, result);
		return;
	}
	if (request->disk.kind == DISK_REMOTE) {
		op->done = tree_on_stat;
		ring_stat(request->ring, op, result, "", AT_EMPTY_PATH, TREE_STAT_MASK,
			  &request->stat);
		return;
	}
	tree_check(request, tree_stat_known(result, TREE_STAT_MASK, &request->stat));
}

static void tree_open_admitted(struct queue_waiter *waiter)
{
	struct tree_request *request = request_of_waiter(waiter);

	request->op.done = tree_on_open;
	ring_open(request->ring, &request->op, request->tree->root, request->path, &request->how);
}

static int tree_open_slowly(struct tree_request *request)
{
	request->looked_for = false;
	request->path_hash = 0; /* known are paths of the root's own file system */
	tree_prepare(request, 0);
	request->tries_left = RESOLVE_TRIES_MAX;
	request->disk = tree_locate(request->tree, request->path);
	if (request->disk.kind == DISK_FORBIDDEN)
		return -EACCES;
	request->queue = disk_queues_find(request->disks, request->disk.id, DISK_NAMES);
	request->waiter.admitted = tree_open_admitted;
	if (queue_enter(request->queue, &request->waiter))
		tree_open_admitted(&request->waiter);
	return -EINPROGRESS;
}

/* Looks at what was opened and, if it was only looked at before, opens it. */
static int tree_check_cached(struct tree_request *request)
{
	int look = request->fd;
	int r = tree_stat_known(look, TREE_STAT_MASK, &request->stat);

	if (r == 0 && request->file)
		r = resolve_check_file(&request->stat);
	if (r < 0 || !tree_only_looked(request))
		return r;
	tree_prepare_file(request);
	request->fd = calls->openat2(resolve_own_files(), request->look, &request->how);
	calls->close(look);
	return request->fd;
}

/* Whether the path has led to a regular file a moment ago (fs/known_files.h). */
static bool tree_looks_up_known(const struct tree_request *request)
{
	return request->path_hash &&
	       known_files_has(request->known, request->path_hash, ring_now_ms(request->ring));
}

/* Takes note of a path that leads to a regular file. */
static void tree_note_known(struct tree_request *request)
{
	uint64_t now_ms;

	if (!request->file || !request->known)
		return;
	now_ms = ring_now_ms(request->ring);
	if (!request->looked_for)
		known_files_note(request->known, request->path_hash, 0, now_ms);
	else
		request->recent = known_files_read(request->known, request->path_hash,
						   request->stat.stx_ino, now_ms);
}

void tree_note_read(struct tree_request *request)
{
	uint64_t now_ms = ring_now_ms(request->ring);

	if (!request->known || !request->path_hash)
		return;
	/* What is kept says so itself, and the table only has to know it when it is kept no more. */
	if (now_ms - request->note.read_ms >= KNOWN_FILE_MS / 2)
		known_files_note(request->known, request->path_hash, request->stat.stx_ino, now_ms);
	request->note.read_ms = now_ms;
}

/* A file that is still open. */
static int tree_open_kept(struct tree_request *request)
{
	if (!request->kept || !request->path_hash ||
	    request->open_flags != TREE_OPEN_FLAGS(TREE_READ))
		return -ENOENT;
	return kept_files_lend(request->kept, request->path_hash, request->tree, request->path,
			       TREE_STAT_MASK, &request->stat, &request->note);
}

void tree_give(struct tree_request *request, int fd)
{
	if (!request->kept || !request->path_hash || request->disk.kind == DISK_REMOTE ||
	    request->open_flags != TREE_OPEN_FLAGS(TREE_READ) ||
	    !kept_files_keep(request->kept, request->path_hash, &request->stat, &request->note, fd))
		file_close(&request->disk, request->ring, fd);
}

/* Opens what is cached on the root's own file system. */
static int tree_open_cached(struct tree_request *request)
{
	int r;

	if (request->tree->disk.kind == DISK_REMOTE)
		return -EAGAIN;
	if (request->file && request->known)
		request->path_hash = known_files_hash(request->tree->root, request->path);
	request->disk = request->tree->disk;
	request->fd = tree_open_kept(request);
	if (request->fd >= 0) {
		request->recent = ring_now_ms(request->ring) - request->note.read_ms <
				  KNOWN_FILE_MS;
		return request->fd;
	}
	request->looked_for = tree_looks_up_known(request);
	tree_prepare(request, RESOLVE_NO_XDEV | RESOLVE_CACHED);
	request->fd = calls->openat2(request->tree->root, request->path, &request->how);
	if (request->fd < 0)
		return request->fd;
	r = tree_check_cached(request);
	if (r < 0 && request->fd >= 0)
		calls->close(request->fd);
	if (r < 0)
		request->fd = -1;
	else
		tree_note_known(request);
	return r < 0 ? r : request->fd;
}

/* The open of both tree_open and the changes; opened is called after -EINPROGRESS alone. */
static int tree_open_for(struct tree_request *request, const char *path, int flags,
			 void (*opened)(struct tree_request *request, int result))
{
	int r;

	request->path = path;
	request->opened = opened;
	request->fd = -1;
	request->queue = NULL;
	request->path_hash = 0;
	request->note.watch = 0;
	request->note.read_ms = 0;
	request->recent = false;
	request->looked_for = false;
	request->open_flags = TREE_OPEN_FLAGS(flags);
	request->file = !(flags & (O_PATH | O_DIRECTORY));
	r = tree_open_cached(request);
	if (r == -EAGAIN || r == -EXDEV)
		r = tree_open_slowly(request);
	return r;
}

static void tree_opened(struct tree_request *request, int result)
{
	request->done(request, result);
}

int tree_open(struct tree_request *request, const char *path, int flags)
{
	return tree_open_for(request, path, flags, tree_opened);
}

/*
 * Changes go through the descriptors of their folders: open the folder (the second one too, for a
 * rename), wait for a place in its file system's queue, have the ring do it.
 */
static void tree_change_end(struct tree_request *request, int result)
{
	tree_leave(request);
	if (request->fd >= 0)
		calls->close(request->fd);
	if (request->parent >= 0)
		calls->close(request->parent);
	request->done(request, result);
}

static void tree_on_changed(struct op *op, int result)
{
	tree_change_end(request_of_op(op), result);
}

static void tree_remove_admitted(struct queue_waiter *waiter)
{
	struct tree_request *request = request_of_waiter(waiter);

	request->op.done = tree_on_changed;
	ring_unlink(request->ring, &request->op, request->fd, request->name, request->flags);
}

static void tree_make_folder_admitted(struct queue_waiter *waiter)
{
	struct tree_request *request = request_of_waiter(waiter);

	request->op.done = tree_on_changed;
	ring_mkdir(request->ring, &request->op, request->fd, request->name, NEW_FOLDER_MODE);
}

static void tree_rename_admitted(struct queue_waiter *waiter)
{
	struct tree_request *request = request_of_waiter(waiter);

	request->op.done = tree_on_changed;
	ring_rename(request->ring, &request->op, request->parent, request->name, request->fd,
		    request->new_name, 0);
}

/* The folder is open: on to the file system's queue, with what admitted will do there. */
static void tree_change(struct tree_request *request, int result,
			void (*admitted)(struct queue_waiter *waiter))
{
	if (result < 0) {
		tree_change_end(request, result);
		return;
	}
	request->queue = disk_queues_find(request->disks, request->disk.id, DISK_NAMES);
	request->waiter.admitted = admitted;
	if (queue_enter(request->queue, &request->waiter))
		admitted(&request->waiter);
}

static void tree_remove_opened(struct tree_request *request, int result)
{
	tree_change(request, result, tree_remove_admitted);
}

static void tree_make_folder_opened(struct tree_request *request, int result)
{
	tree_change(request, result, tree_make_folder_admitted);
}

static void tree_rename_opened(struct tree_request *request, int result)
{
	tree_change(request, result, tree_rename_admitted);
}

/* Takes a path apart into its folder (into request->folder) and its last name. */
static int tree_split(struct tree_request *request, const char *path, char *ret_name)
{
	struct view folder = path_folder(view_of(path));
	struct view name = path_name(view_of(path));

	if (name.length == 0)
		return -EBUSY; /* the root itself */
	if (name.length > 255)
		return -ENAMETOOLONG;
	memcpy(ret_name, name.at, name.length);
	ret_name[name.length] = '\0';
	memcpy(request->folder, folder.at, folder.length);
	request->folder[folder.length] = '\0';
	return 0;
}

/* Opens the folder in request->folder and goes on with opened. done is called in any case. */
static int tree_open_folder(struct tree_request *request,
			    void (*opened)(struct tree_request *request, int result))
{
	int r = tree_open_for(request, request->folder, O_PATH | O_DIRECTORY, opened);

	if (r >= 0) {
		opened(request, r);
		r = -EINPROGRESS;
	}
	return r;
}

int tree_remove(struct tree_request *request, const char *path, int flags)
{
	int r = tree_split(request, path, request->name);

	request->parent = -1;
	request->flags = flags;
	return r < 0 ? r : tree_open_folder(request, tree_remove_opened);
}

int tree_make_folder(struct tree_request *request, const char *path)
{
	int r = tree_split(request, path, request->name);

	request->parent = -1;
	/* What is there already is said so, also of the root. */
	return r == -EBUSY ? -EEXIST
	       : r < 0	   ? r
			   : tree_open_folder(request, tree_make_folder_opened);
}

static void tree_rename_parent_opened(struct tree_request *request, int result)
{
	int r = result;

	if (result >= 0) {
		request->parent = result;
		request->fd = -1;
		r = tree_split(request, request->new_path, request->new_name);
	}
	if (r >= 0)
		r = tree_open_folder(request, tree_rename_opened);
	if (r < 0 && r != -EINPROGRESS)
		tree_change_end(request, r);
}

int tree_rename(struct tree_request *request, const char *path, const char *new_path)
{
	int r = tree_split(request, path, request->name);

	request->parent = -1;
	request->new_path = new_path;
	return r < 0 ? r : tree_open_folder(request, tree_rename_parent_opened);
}

bool tree_cancel(struct tree_request *request)
{
	if (!queue_waits(&request->waiter))
		return false;
	queue_withdraw(&request->waiter);
	request->queue = NULL; /* no place was taken */
	if (request->waiter.admitted == tree_open_admitted)
		tree_open_end(request, -ECANCELED);
	else
		tree_change_end(request, -ECANCELED);
	return true;
}
