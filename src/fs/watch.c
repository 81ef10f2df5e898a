#include "fs/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>

#include "base/limits.h"
#include "log/log.h"
#include "sys/calls.h"

#define MOUNTINFO_PATH "/proc/self/mountinfo"
#define EVENTS_BYTES 65536
#define READS_MAX 64 /* several times the kernel's queue; more is as good as lost */
#define BUCKETS 1024
#define TRIES_MAX 4 /* of an addition that other threads' changes come between */

/* No IN_OPEN and IN_ACCESS: each download would end a watch. */
#define CHANGES                                                                         \
	(IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB | IN_MODIFY |  \
	 IN_CLOSE_WRITE | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR | IN_DONT_FOLLOW | \
	 IN_ONESHOT)

struct watch {
	struct watch *next; /* of its bucket */
	struct list users;  /* struct use */
	int number;	    /* the kernel's, which uses none again for long */
	bool fired;	    /* the kernel has ended it */
};

struct use {
	struct list of_watch;
	struct list of_watcher;
	struct watch *watch;
	struct watcher *watcher;
};

struct watches {
	pthread_mutex_t *lock;
	void (*changed)(struct watcher *watcher);
	int fd;
	int mounts; /* poll(2) on it tells that mounts changed */
	unsigned count;
	unsigned count_max;

	/* Counts what makes the answer of inotify_add_watch worthless if it comes while the lock is
	 * let go: an event, which may be of the watch that is not in the table yet, or its last; and
	 * the removal of a watch, which may be the same. */
	uint64_t turns;
	struct watch *buckets[BUCKETS];
	_Alignas(struct inotify_event) char events[EVENTS_BYTES];
};

int watches_new(pthread_mutex_t *lock, unsigned watches_max,
		void (*changed)(struct watcher *watcher), struct watches **ret_watches)
{
	static const struct open_how how = { .flags = O_RDONLY | O_CLOEXEC };
	struct watches *watches = calls->allocate(sizeof(*watches));
	int r;

	if (!watches)
		return -ENOMEM;
	memset(watches, 0, offsetof(struct watches, events));
	watches->lock = lock;
	watches->changed = changed;
	watches->count_max = watches_max;
	watches->fd = calls->inotify_init(IN_NONBLOCK | IN_CLOEXEC);
	if (watches->fd < 0) {
		r = watches->fd;
		watches_tell_shortage(r);
		goto fail_memory;
	}
	watches->mounts = calls->openat2(AT_FDCWD, MOUNTINFO_PATH, &how);
	if (watches->mounts < 0) {
		r = watches->mounts;
		goto fail_fd;
	}
	*ret_watches = watches;
	return 0;

fail_fd:
	calls->close(watches->fd);
fail_memory:
	free(watches);
	return r;
}

static struct watch **watches_place(struct watches *watches, int number)
{
	struct watch **place = &watches->buckets[(unsigned)number % BUCKETS];

	while (*place && (*place)->number != number)
		place = &(*place)->next;
	return place;
}

/* Takes a watch out of the table. */
static void watches_remove(struct watches *watches, struct watch *watch)
{
	*watches_place(watches, watch->number) = watch->next;
	watches->count--;
}

void watches_free(struct watches *watches)
{
	if (!watches)
		return;
	calls->close(watches->fd);
	calls->close(watches->mounts);
	free(watches);
}

void watcher_init(struct watcher *watcher)
{
	list_init(&watcher->uses);
}

/* Ends a watch that nobody needs. */
static void watches_end(struct watches *watches, int number)
{
	calls->inotify_rm_watch(watches->fd, number); /* fails where the kernel has ended it */
	watches->turns++;
}

static void use_end(struct watches *watches, struct use *use)
{
	struct watch *watch = use->watch;

	list_remove(&use->of_watch);
	list_remove(&use->of_watcher);
	free(use);
	if (!list_empty(&watch->users) || watch->fired)
		return;
	watches_end(watches, watch->number);
	watches_remove(watches, watch);
	free(watch);
}

void watches_forget(struct watches *watches, struct watcher *watcher)
{
	while (!list_empty(&watcher->uses))
		use_end(watches, list_entry(watcher->uses.next, struct use, of_watcher));
}

/* The watch of the kernel's number, made if it is new. NULL: no memory. */
static struct watch *watches_find(struct watches *watches, int number)
{
	struct watch **place = watches_place(watches, number);
	struct watch *watch = *place;

	if (watch)
		return watch;
	watch = calls->allocate(sizeof(*watch));
	if (!watch)
		return NULL;
	*watch = (struct watch){ .number = number };
	list_init(&watch->users);
	*place = watch;
	watches->count++;
	return watch;
}

/* Returns 0 or -ENOMEM, with the watch ended if it is nobody's. */
static int watches_join(struct watches *watches, struct watcher *watcher, int number)
{
	struct use *use = calls->allocate(sizeof(*use));
	struct watch *watch = use ? watches_find(watches, number) : NULL;

	if (!watch) {
		free(use);
		if (!*watches_place(watches, number))
			watches_end(watches, number);
		return -ENOMEM;
	}
	*use = (struct use){ .watch = watch, .watcher = watcher };
	list_append(&watch->users, &use->of_watch);
	list_append(&watcher->uses, &use->of_watcher);
	return 0;
}

void watches_tell_shortage(int error)
{
	static atomic_flag told_of[2] = { ATOMIC_FLAG_INIT, ATOMIC_FLAG_INIT };

	if ((error != -EMFILE && error != -ENOSPC) ||
	    atomic_flag_test_and_set(&told_of[error == -EMFILE]))
		return;
	log_warning(
		"folders cannot be watched: there is no inotify %s left for this user (sysctl "
		"fs.inotify.%s); all is served as before, but what is asked for often costs more",
		error == -EMFILE ? "instance, or descriptor," : "watch",
		error == -EMFILE ? "max_user_instances" : "max_user_watches");
}

int watches_add(struct watches *watches, struct watcher *watcher, const char *path)
{
	for (int tries = 0; tries < TRIES_MAX; tries++) {
		uint64_t turns = watches->turns;
		int number;

		if (watches->count >= watches->count_max)
			return -ENOSPC;
		pthread_mutex_unlock(watches->lock);
		number = calls->inotify_add_watch(watches->fd, path, CHANGES);
		watches_tell_shortage(number);
		pthread_mutex_lock(watches->lock);
		if (number < 0)
			return number;
		if (turns == watches->turns)
			return watches_join(watches, watcher, number);
		if (!*watches_place(watches, number))
			watches_end(watches, number);
	}
	return -EAGAIN;
}

/* Tells all users of a watch. */
static void watches_fire(struct watches *watches, struct watch *watch)
{
	watches_remove(watches, watch);
	watch->fired = true;
	while (!list_empty(&watch->users)) {
		struct use *use = list_entry(watch->users.next, struct use, of_watch);
		struct watcher *watcher = use->watcher;

		watches_forget(watches, watcher);
		watches->changed(watcher);
	}
	free(watch);
}

/* Returns 0 or -EOVERFLOW. */
static int watches_take_event(struct watches *watches, const struct inotify_event *event)
{
	struct watch *watch;

	if (event->mask & IN_Q_OVERFLOW)
		return -EOVERFLOW;
	watch = *watches_place(watches, event->wd);
	watches->turns++;
	if (watch)
		watches_fire(watches, watch);
	return 0;
}

static int watches_take_events(struct watches *watches, size_t length)
{
	int result = 0;

	for (size_t at = 0; at < length;) {
		const struct inotify_event *event =
			(const struct inotify_event *)(const void *)(watches->events + at);

		if (watches_take_event(watches, event) < 0)
			result = -EOVERFLOW;
		at += sizeof(*event) + event->len;
	}
	return result;
}

static bool mounts_changed(const struct watches *watches)
{
	struct pollfd question = { .fd = watches->mounts, .events = POLLPRI };

	return poll(&question, 1, 0) != 0; /* an error is no news that all is well */
}

int watches_drain(struct watches *watches)
{
	int result = mounts_changed(watches) ? -EOVERFLOW : 0;
	ssize_t r = 0;

	for (int reads = 0; reads < READS_MAX && r >= 0; reads++) {
		r = calls->read(watches->fd, watches->events, sizeof(watches->events));
		if (r > 0 && watches_take_events(watches, (size_t)r) < 0)
			result = -EOVERFLOW;
	}
	if (r != -EAGAIN)
		result = -EOVERFLOW;
	if (result < 0)
		watches->turns++;
	return result;
}

unsigned watches_count(const struct watches *watches)
{
	return watches->count;
}
