#include "fs/watched_folders.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>

#include "base/hash.h"
#include "fs/resolve.h"
#include "fs/watch.h"
#include "sys/calls.h"

#define EVENTS_BYTES 4096
#define READS_MAX 64 /* in a row: far more than all watches can say before they are read */

/* Of the folder itself. No IN_OPEN and IN_ACCESS: each download would end a watch. */
#define CHANGES_OF_NAMES                                                               \
	(IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB | IN_MODIFY | \
	 IN_CLOSE_WRITE | IN_DELETE_SELF | IN_MOVE_SELF)

/* Of those on the way to it. */
#define CHANGES_OF_PLACE (IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF)

#define ANY_WATCH (IN_ONLYDIR | IN_DONT_FOLLOW | IN_ONESHOT | IN_MASK_ADD)

void watched_folders_init(struct watched_folders *watched, struct ring *ring)
{
	watched->ring = ring;
	watched->inotify = -1;
	watched->mounts = -1;
	watched->changes = -1;
}

static void descriptor_close(int *fd)
{
	if (*fd >= 0)
		calls->close(*fd);
	*fd = -1;
}

static void watched_close(struct watched_folders *watched)
{
	descriptor_close(&watched->changes);
	descriptor_close(&watched->inotify);
	descriptor_close(&watched->mounts);
}

void watched_folders_fini(struct watched_folders *watched)
{
	if (watched->ring)
		watched_close(watched);
}

/* Whether a watch of the kernel's serves any folder. */
static bool watched_uses(const struct watched_folders *watched, int watch)
{
	for (int i = 0; i < WATCHED_FOLDERS_PLACES; i++) {
		const struct watched_folder *folder = &watched->folders[i];

		for (unsigned at = 0; at < folder->depth; at++)
			if (folder->watches[at] == watch)
				return true;
	}
	return false;
}

/* Takes back those that serve no folder; one that has fired is gone already. -1 is none. */
static void watched_drop(struct watched_folders *watched, const int *watches, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (watches[i] >= 0 && !watched_uses(watched, watches[i]))
			calls->inotify_rm_watch(watched->inotify, watches[i]);
}

/* The watch of a folder could not be had, or has been ended by a change; longer: than the last time. */
static void watched_pause(const struct watched_folders *watched, struct watched_folder *folder,
			  bool longer)
{
	uint64_t now_ms = ring_now_ms(watched->ring);

	if (folder->number && now_ms - folder->since_ms >= WATCHED_LASTS_MS)
		folder->pause_ms = 0;
	if (folder->pause_ms == 0)
		folder->pause_ms = WATCHED_PAUSE_MS;
	else if (longer)
		folder->pause_ms *= 2;
	if (folder->pause_ms > WATCHED_PAUSE_MS_MAX)
		folder->pause_ms = WATCHED_PAUSE_MS_MAX;
	folder->again_ms = now_ms + folder->pause_ms;
}

static void watched_end(struct watched_folders *watched, struct watched_folder *folder)
{
	unsigned depth = folder->depth;

	if (folder->number == 0)
		return;
	folder->number = 0;
	folder->visits = 0;
	folder->depth = 0;
	watched->count--;
	watched_drop(watched, folder->watches, depth);
}

void watched_folders_end_all(struct watched_folders *watched)
{
	for (int i = 0; i < WATCHED_FOLDERS_PLACES && watched->count > 0; i++)
		watched_end(watched, &watched->folders[i]);
}

/* Something was lost. */
static void watched_lose_all(struct watched_folders *watched)
{
	for (int i = 0; i < WATCHED_FOLDERS_PLACES; i++)
		if (watched->folders[i].number)
			watched_pause(watched, &watched->folders[i], true);
	watched_folders_end_all(watched);
}

static void watched_fire(struct watched_folders *watched, int watch)
{
	for (int i = 0; i < WATCHED_FOLDERS_PLACES; i++) {
		struct watched_folder *folder = &watched->folders[i];

		for (unsigned at = 0; at < folder->depth; at++) {
			if (folder->watches[at] == watch) {
				watched_pause(watched, folder, at == folder->depth - 1);
				watched_end(watched, folder);
				break;
			}
		}
	}
}

/* Returns what read(2) does. */
static ssize_t watched_read(struct watched_folders *watched)
{
	_Alignas(struct inotify_event) char events[EVENTS_BYTES];
	ssize_t length = calls->read(watched->inotify, events, sizeof(events));

	for (ssize_t at = 0; at < length;) {
		const struct inotify_event *event =
			(const struct inotify_event *)(const void *)(events + at);

		if (event->mask & IN_Q_OVERFLOW)
			watched_lose_all(watched);
		else
			watched_fire(watched, event->wd);
		at += (ssize_t)(sizeof(*event) + event->len);
	}
	return length;
}

/* Returns -EAGAIN once nothing is left. */
static ssize_t watched_read_all(struct watched_folders *watched)
{
	ssize_t r = 0;

	for (int reads = 0; reads < READS_MAX && r >= 0; reads++)
		r = watched_read(watched);
	return r;
}

/* Takes in what has happened before this moment. */
static void watched_refresh(struct watched_folders *watched)
{
	uint64_t moment = ring_moment(watched->ring);
	struct epoll_event events[2];
	int n;

	if (watched->count == 0 || watched->moment == moment)
		return;
	watched->moment = moment;
	n = epoll_wait(watched->changes, events, 2, 0);
	if (n == 0)
		return;
	for (int i = 0; i < n; i++)
		if (events[i].data.fd == watched->mounts)
			watched_folders_end_all(watched);
	if (watched_read_all(watched) != -EAGAIN || n < 0)
		watched_lose_all(watched);
}

static int changes_add(int changes, int fd, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.fd = fd };

	return epoll_ctl(changes, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

/* Makes what watches are made with. Returns 0 or a negative errno. */
static int watched_open(struct watched_folders *watched)
{
	int r;

	if (watched->changes >= 0)
		return 0;
	watched->inotify = calls->inotify_init(IN_NONBLOCK | IN_CLOEXEC);
	if (watched->inotify < 0)
		return watched->inotify;
	watched->mounts = mounts_open();
	watched->changes = epoll_create1(EPOLL_CLOEXEC);
	r = watched->mounts < 0 ? watched->mounts : watched->changes < 0 ? -errno : 0;
	if (r == 0)
		r = changes_add(watched->changes, watched->inotify, EPOLLIN);
	if (r == 0)
		r = changes_add(watched->changes, watched->mounts, EPOLLPRI);
	if (r < 0)
		watched_close(watched);
	return r;
}

/* Watches the folder that a path of so many octets leads to; last: the path ends there. Returns a
 * watch or a negative errno. */
static int watched_add(struct watched_folders *watched, int root, const char *path, size_t length,
		       bool last)
{
	struct open_how how = { .flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
				.resolve = RESOLVE_FLAGS | RESOLVE_CACHED | RESOLVE_NO_XDEV |
					   RESOLVE_NO_SYMLINKS };
	char own[sizeof("/proc/self/fd/2147483647/.")];
	char part[WATCHED_PATH_BYTES_MAX];
	int watch;
	int fd;

	memcpy(part, path, length);
	part[length] = '\0';
	fd = calls->openat2(root, part, &how);
	if (fd < 0)
		return fd;
	snprintf(own, sizeof(own), "/proc/self/fd/%d/.", fd);
	watch = calls->inotify_add_watch(watched->inotify, own,
					 ANY_WATCH | (last ? CHANGES_OF_NAMES : CHANGES_OF_PLACE));
	calls->close(fd);
	return watch;
}

/* Folders of a path, with the root. */
static int watched_depth(const char *path)
{
	int depth = path[1] == '\0' ? 1 : 2;

	for (const char *at = path + 1; *at; at++)
		depth += *at == '/';
	return depth;
}

/* Watches the folders of a path, from the root on. Returns how many, or a negative errno. */
static int watched_add_all(struct watched_folders *watched, int root, const char *path,
			   int *ret_watches)
{
	const char *end = path + 1;
	int depth = 0;

	for (;;) {
		int watch = watched_add(watched, root, path, (size_t)(end - path), *end == '\0');

		if (watch < 0)
			return watch;
		ret_watches[depth++] = watch;
		if (*end == '\0')
			return depth;
		end = strchrnul(depth == 1 ? end : end + 1, '/');
	}
}

/*
 * What is walked to twice, and has been watched since the first time, is where it was the second time;
 * and from then on each change is told.
 */
static void watched_begin(struct watched_folders *watched, struct watched_folder *folder, int root)
{
	int first[WATCHED_DEPTH_MAX];
	int second[WATCHED_DEPTH_MAX];
	int r = watched_depth(folder->path) > WATCHED_DEPTH_MAX ? -ENAMETOOLONG
								: watched_open(watched);

	memset(first, 0xff, sizeof(first));
	memset(second, 0xff, sizeof(second));
	if (r == 0)
		r = watched_add_all(watched, root, folder->path, first);
	if (r >= 0)
		r = watched_add_all(watched, root, folder->path, second);
	if (r >= 0 && memcmp(first, second, sizeof(first)) == 0) {
		memcpy(folder->watches, first, sizeof(first));
		folder->depth = (unsigned)r;
		watched->last_number += watched->last_number == UINT32_MAX ? 2 : 1;
		folder->number = watched->last_number;
		folder->since_ms = ring_now_ms(watched->ring);
		watched->count++;
		return;
	}
	watches_tell_shortage(r);
	watched_pause(watched, folder, true);
	if (watched->inotify < 0)
		return;
	watched_drop(watched, first, WATCHED_DEPTH_MAX);
	watched_drop(watched, second, WATCHED_DEPTH_MAX);
	/* While nothing is watched nobody reads what those have said. */
	watched_read_all(watched);
}

static bool watched_is(const struct watched_folder *place, const struct tree *tree,
		       struct view folder)
{
	return place->root == tree->root && strncmp(place->path, folder.at, folder.length) == 0 &&
	       place->path[folder.length] == '\0';
}

static struct watched_folder *watched_place(struct watched_folders *watched,
					    const struct tree *tree, struct view folder)
{
	uint64_t hash = hash_octets((unsigned)tree->root, folder.at, folder.length);

	return &watched->folders[(hash ^ hash >> 32) % WATCHED_FOLDERS_PLACES];
}

/* Whether the place is the folder's, or has become it. */
static bool watched_take(struct watched_folders *watched, struct watched_folder *place,
			 const struct tree *tree, struct view folder)
{
	if (watched_is(place, tree, folder))
		return true;
	if (place->visits > 0)
		place->visits--;
	if (place->visits > 0 || ring_now_ms(watched->ring) < place->again_ms)
		return false;
	watched_end(watched, place);
	place->root = tree->root;
	place->again_ms = 0;
	place->pause_ms = 0;
	memcpy(place->path, folder.at, folder.length);
	place->path[folder.length] = '\0';
	return true;
}

uint32_t watched_folders_visit(struct watched_folders *watched, const struct tree *tree,
			       struct view folder)
{
	struct watched_folder *place;

	if (!tree->disk.watchable || folder.length >= WATCHED_PATH_BYTES_MAX)
		return 0;
	watched_refresh(watched);
	place = watched_place(watched, tree, folder);
	if (!watched_take(watched, place, tree, folder))
		return 0;
	if (place->visits < WATCHED_VISITS_MAX)
		place->visits++;
	if (place->number == 0 && place->visits >= WATCHED_FROM &&
	    ring_now_ms(watched->ring) >= place->again_ms)
		watched_begin(watched, place, tree->root);
	return place->number;
}
