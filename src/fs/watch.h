/*
 * Which folders have changed since they were read, by inotify(7). One instance for the process; a
 * watcher (embedded in what was made of folders) joins the watches of all folders that it was made
 * of, before it reads them. The first change of any of them tells it, and ends the watch: what has
 * changed needs to be told no more, so a busy folder costs two events, not two million, and the
 * kernel's queue cannot overflow by what nobody asks about.
 *
 * A change is what the kernel reports of a folder and the names in it: names that come, go or are
 * exchanged, writing and truncation through these names, a writer's last close, attributes; and
 * that its file system is unmounted. That mounts of this process come or go counts as a change of
 * everything, for what is mounted on a name of a watched folder is not reported there.
 *
 * Nothing is reported, and so nothing here tells, of
 *   - what is done by another name of a file (a hard link elsewhere, the open file of a name that
 *     was taken away elsewhere), and that a file gets another name elsewhere,
 *   - stores through a shared mapping, until the mapping's file is closed,
 *   - writing by io_submit(2), until the file is closed,
 *   - what an overlay's or a network's other side does (fs/mounts.h: watchable).
 *
 * Thread:    any, with the owner's lock held; watches_add lets go of it while it asks the kernel,
 *            which may wait for a disk: job threads only. All other calls never wait.
 * Ownership: watchers belong to the caller, who forgets their watches before they go.
 */
#ifndef FS_WATCH_H
#define FS_WATCH_H

#include <pthread.h>

#include "base/list.h"

struct watches;

struct watcher {
	struct list uses; /* the watches that it has joined */
};

/* An instance with up to watches_max watches, protected by lock. changed is called, by
 * watches_drain and with the lock held, for a watcher that has just been taken out of all its
 * watches. Returns 0 or a negative errno (-EMFILE: the user's instances are used up). */
int watches_new(pthread_mutex_t *lock, unsigned watches_max,
		void (*changed)(struct watcher *watcher), struct watches **ret_watches);
void watches_free(struct watches *watches);

void watcher_init(struct watcher *watcher);

/* Has watcher join the watch of the folder path (no link at its end). From the return on each
 * change is told. Returns 0, -ENOSPC when there are too many watches, ours or the user's, or
 * another negative errno. */
int watches_add(struct watches *watches, struct watcher *watcher, const char *path);

/* Takes watcher out of all its watches. */
void watches_forget(struct watches *watches, struct watcher *watcher);

/* Takes in all changes that have happened before this call. Returns 0, or -EOVERFLOW: some were
 * lost, or mounts came or went, and everything must count as changed. */
int watches_drain(struct watches *watches);

/* Says in the log, once each in a process, what an operator can do about -EMFILE and -ENOSPC of
 * inotify(7); nothing of other errors. Without a lock. */
void watches_tell_shortage(int error);

/* Watches that are set. */
unsigned watches_count(const struct watches *watches);

#endif
