#include "ring/ring.h"

#include <errno.h>
#include <linux/openat2.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "ring/ring_priv.h"
#include "sys/calls.h"

void op_queue_put(struct op_queue *queue, struct op *op)
{
	op->next = NULL;
	if (queue->last)
		queue->last->next = op;
	else
		queue->first = op;
	queue->last = op;
}

void op_end(struct op *op, int result)
{
	op->pending = false;
	op->done(op, result);
}

void ring_finish(struct ring *ring, struct op *op, int result)
{
	op->result = result;
	op_queue_put(&ring->ready, op);
}

void ring_offload(struct ring *ring, struct op *op)
{
	int r = ring->config.offload(ring->config.context, ring, op);

	if (r < 0)
		ring_finish(ring, op, r);
}

void ring_read_clocks(struct ring *ring)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	ring->now_ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
	clock_gettime(CLOCK_REALTIME_COARSE, &now);
	ring->wall_s = now.tv_sec;
}

uint64_t ring_moment(const struct ring *ring)
{
	return ring->moment;
}

void ring_next_moment(struct ring *ring)
{
	ring->moment++;
}

uint64_t ring_now_ms(const struct ring *ring)
{
	return ring->now_ms;
}

int64_t ring_wall_s(const struct ring *ring)
{
	return ring->wall_s;
}

/* Ends what other threads have posted. */
static void ring_take_posted(struct ring *ring)
{
	struct op *op;

	pthread_mutex_lock(&ring->posted_lock);
	op = ring->posted.first;
	ring->posted = (struct op_queue){ NULL, NULL };
	pthread_mutex_unlock(&ring->posted_lock);
	while (op) {
		struct op *next = op->next;

		op_end(op, op->result);
		op = next;
	}
}

static void ring_on_wake(struct op *op, int result)
{
	struct ring *ring = (struct ring *)(void *)((char *)op - offsetof(struct ring, wake_op));
	uint64_t count;

	/* Whatever the poll said, and even if nothing can be read: the queues are looked at. */
	(void)result;
	(void)!read(ring->wake_fd, &count, sizeof(count));
	/* Cleared before the queues are looked at: what is posted from here on wakes us again. */
	atomic_store(&ring->wake_pending, false);
	ring_next_moment(ring); /* what is told now may have been done just now */
	ring_take_posted(ring);
	if (ring->config.woken)
		ring->config.woken(ring->config.context);
	if (!ring->stopping)
		ring_poll(ring, &ring->wake_op, ring->wake_fd, POLLIN);
}

void ring_wake(struct ring *ring)
{
	static const uint64_t one = 1;

	if (!atomic_exchange(&ring->wake_pending, true) &&
	    write(ring->wake_fd, &one, sizeof(one)) < 0)
		atomic_store(&ring->wake_pending, false);
}

void ring_post(struct ring *ring, struct op *op, int result)
{
	op->result = result;
	pthread_mutex_lock(&ring->posted_lock);
	op_queue_put(&ring->posted, op);
	pthread_mutex_unlock(&ring->posted_lock);
	ring_wake(ring);
}

int ring_new(const struct ring_config *config, struct ring **ret_ring)
{
	struct ring *ring = calloc(1, sizeof(*ring));
	int r;

	if (!ring)
		return -ENOMEM;
	ring->config = *config;
	list_init(&ring->yielded);
	list_init(&ring->turn);
	ring_read_clocks(ring);
	wheel_init(&ring->wheel, ring->now_ms);
	pthread_mutex_init(&ring->posted_lock, NULL);
	ring->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (ring->wake_fd < 0) {
		r = -errno;
		goto fail_ring;
	}
	r = config->engine == RING_ENGINE_URING ? ring_uring_open(ring) : ring_epoll_open(ring);
	if (r < 0)
		goto fail_wake;
	ring->wake_op.done = ring_on_wake;
	ring_poll(ring, &ring->wake_op, ring->wake_fd, POLLIN);
	*ret_ring = ring;
	return 0;

fail_wake:
	close(ring->wake_fd);
fail_ring:
	pthread_mutex_destroy(&ring->posted_lock);
	free(ring);
	return r;
}

void ring_free(struct ring *ring)
{
	if (!ring)
		return;
	ring->engine->close(ring);
	close(ring->wake_fd);
	pthread_mutex_destroy(&ring->posted_lock);
	free(ring);
}

/* Calls done of what has ended since; what ends meanwhile has its turn after the next wait. */
static void ring_end_ready(struct ring *ring)
{
	struct op *op = ring->ready.first;

	ring->ready = (struct op_queue){ NULL, NULL };
	while (op) {
		struct op *next = op->next;

		op_end(op, op->result);
		op = next;
	}
}

static bool ring_has_yielded(const struct ring *ring)
{
	return !list_empty(&ring->turn) || !list_empty(&ring->yielded);
}

static uint64_t clock_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* How long everything else took since some that had yielded were left without a turn. */
static uint64_t ring_others_us(const struct ring *ring, uint64_t now_us)
{
	uint64_t others_us = ring->yielded_us ? now_us - ring->yielded_us : 0;

	return others_us < RING_YIELDED_US_MAX ? others_us : RING_YIELDED_US_MAX;
}

/* Goes through those that have yielded, until end_us; from owed_us on until something has come for
 * others. Returns the time. */
static uint64_t ring_go_through_yielded(struct ring *ring, uint64_t now_us, uint64_t owed_us,
					uint64_t end_us)
{
	bool wanted = false;
	struct list *link;

	list_move_all(&ring->turn, &ring->yielded);
	while (now_us < end_us && !wanted && (link = list_shift(&ring->turn)) != NULL) {
		op_end(list_entry(link, struct op, yield.link), 0);
		now_us = clock_us();
		wanted = now_us >= owed_us && ring->engine->has_news &&
			 ring->engine->has_news(ring);
	}
	return now_us;
}

/* Those that a turn before has left come first. As long as everything else took they go on even if each
 * has had a turn: or commands without end would leave them next to nothing. */
static void ring_end_yielded(struct ring *ring)
{
	uint64_t began_us = clock_us();
	uint64_t owed_us = began_us + ring_others_us(ring, began_us);
	uint64_t now_us =
		ring_go_through_yielded(ring, began_us, owed_us, began_us + RING_YIELDED_US);

	while (ring_has_yielded(ring) && now_us < owed_us)
		now_us = ring_go_through_yielded(ring, now_us, owed_us, owed_us);
	ring->yielded_us = ring_has_yielded(ring) ? now_us : 0;
}

static void ring_end_turn(struct ring *ring)
{
	if (ring->config.turn_end)
		ring->config.turn_end(ring->config.context);
}

/* What the others have to say is said before that. */
static void ring_run_yielded(struct ring *ring)
{
	if (!ring_has_yielded(ring))
		return;
	ring_end_turn(ring);
	if (ring->engine->flush)
		ring->engine->flush(ring);
	ring_end_yielded(ring);
}

int ring_run(struct ring *ring)
{
	int r = 0;

	/* A stop may have come in the turn in which the ring was woken. */
	if (!op_pending(&ring->wake_op))
		ring_poll(ring, &ring->wake_op, ring->wake_fd, POLLIN);
	while (!ring->stopping && r >= 0) {
		int64_t wait_ms;

		ring_end_turn(ring);
		wait_ms = ring->ready.first || ring_has_yielded(ring)
				  ? 0
				  : wheel_wait_ms(&ring->wheel, ring->now_ms);
		r = ring->engine->wait(ring, wait_ms);
		ring_end_ready(ring);
		wheel_advance(&ring->wheel, ring->now_ms);
		ring_run_yielded(ring);
	}
	ring->stopping = false;
	return r < 0 ? r : 0;
}

void ring_stop(struct ring *ring)
{
	ring->stopping = true;
}

void ring_timer_set(struct ring *ring, struct wheel_timer *timer, uint64_t after_ms)
{
	wheel_set(&ring->wheel, timer, ring->now_ms + after_ms);
}

void ring_timer_clear(struct ring *ring, struct wheel_timer *timer)
{
	wheel_clear(&ring->wheel, timer);
}

/* Every operation begins here: the table of calls may let it fail before the engine sees it. */
static void ring_submit(struct ring *ring, struct op *op, enum op_kind kind, int fd)
{
	int r = calls->operation(op_name(kind));

	op->kind = (uint8_t)kind;
	op->fd = fd;
	op->pending = true;
	op->cancelled = false;
	if (r < 0)
		ring_finish(ring, op, r);
	else if (kind == OP_JOB)
		ring_offload(ring, op);
	else
		ring->engine->submit(ring, op);
}

void ring_accept(struct ring *ring, struct op *op, int listener, int flags)
{
	op->accept.flags = flags;
	ring_submit(ring, op, OP_ACCEPT, listener);
}

void ring_receive(struct ring *ring, struct op *op, int fd)
{
	ring_submit(ring, op, OP_RECEIVE, fd);
}

int ring_send(struct ring *ring, struct op *op, int fd, const char *bytes, size_t length)
{
	ssize_t sent = calls->send(fd, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (sent < 0 && sent != -EAGAIN && sent != -EINTR)
		return (int)sent;
	if (sent == (ssize_t)length)
		return 0;
	op->send.at = bytes;
	op->send.length = length;
	op->send.sent = sent < 0 ? 0 : (size_t)sent;
	op->send.gathered = false;
	ring_submit(ring, op, OP_SEND, fd);
	return -EINPROGRESS;
}

bool ring_gathers(const struct ring *ring)
{
	return ring->gathers;
}

int ring_send_gathered(struct ring *ring, struct op *op, int fd, const char *bytes, size_t length)
{
	if (!ring->gathers)
		return ring_send(ring, op, fd, bytes, length);
	op->send.at = bytes;
	op->send.length = length;
	op->send.sent = 0;
	op->send.gathered = true;
	ring_submit(ring, op, OP_SEND, fd);
	return -EINPROGRESS;
}

void ring_hurry(struct ring *ring)
{
	ring->hurried = true;
}

void ring_poll(struct ring *ring, struct op *op, int fd, uint32_t events)
{
	op->poll.events = events;
	ring_submit(ring, op, OP_POLL, fd);
}

void ring_yield(struct ring *ring, struct op *op)
{
	op->kind = OP_YIELD;
	op->fd = -1;
	op->pending = true;
	op->cancelled = false;
	list_append(&ring->yielded, &op->yield.link);
}

void ring_open(struct ring *ring, struct op *op, int folder, const char *path,
	       const struct open_how *how)
{
	op->open.path = path;
	op->open.how = how;
	ring_submit(ring, op, OP_OPEN, folder);
}

void ring_stat(struct ring *ring, struct op *op, int folder, const char *path, int flags,
	       unsigned mask, struct statx *ret_stat)
{
	op->stat.path = path;
	op->stat.ret_stat = ret_stat;
	op->stat.flags = flags;
	op->stat.mask = mask;
	ring_submit(ring, op, OP_STAT, folder);
}

void ring_close(struct ring *ring, struct op *op, int fd)
{
	ring_submit(ring, op, OP_CLOSE, fd);
}

void ring_unlink(struct ring *ring, struct op *op, int folder, const char *name, int flags)
{
	op->name.name = name;
	op->name.flags = flags;
	ring_submit(ring, op, OP_UNLINK, folder);
}

void ring_rename(struct ring *ring, struct op *op, int folder, const char *name, int new_folder,
		 const char *new_name, unsigned flags)
{
	op->rename.name = name;
	op->rename.new_name = new_name;
	op->rename.new_folder = new_folder;
	op->rename.flags = flags;
	ring_submit(ring, op, OP_RENAME, folder);
}

void ring_mkdir(struct ring *ring, struct op *op, int folder, const char *name, mode_t mode)
{
	op->name.name = name;
	op->name.flags = (int)mode;
	ring_submit(ring, op, OP_MKDIR, folder);
}

void ring_read(struct ring *ring, struct op *op, int fd, void *buffer, size_t size_bytes,
	       off_t offset)
{
	op->data.buffer = buffer;
	op->data.size_bytes = size_bytes;
	op->data.offset = offset;
	ring_submit(ring, op, OP_READ, fd);
}

void ring_write(struct ring *ring, struct op *op, int fd, const void *buffer, size_t size_bytes,
		off_t offset)
{
	op->data.buffer = (void *)(uintptr_t)buffer; /* OP_WRITE only reads it */
	op->data.size_bytes = size_bytes;
	op->data.offset = offset;
	ring_submit(ring, op, OP_WRITE, fd);
}

void ring_splice(struct ring *ring, struct op *op, int in, off_t in_offset, int out,
		 off_t out_offset, size_t size_bytes)
{
	op->splice.out = out;
	op->splice.flags = 0;
	op->splice.size_bytes = size_bytes;
	op->splice.in_offset = in_offset;
	op->splice.out_offset = out_offset;
	ring_submit(ring, op, OP_SPLICE, in);
}

void ring_job(struct ring *ring, struct op *op, int (*work)(struct op *op))
{
	ring_job_of(ring, op, OP_THREADS_QUICK, work);
}

void ring_job_of(struct ring *ring, struct op *op, enum op_threads threads,
		 int (*work)(struct op *op))
{
	op->job.work = work;
	op->job.threads = (uint8_t)threads;
	ring_submit(ring, op, OP_JOB, -1);
}

void ring_cancel(struct ring *ring, struct op *op)
{
	if (!op->pending || op->cancelled)
		return;
	op->cancelled = true;
	if (op->kind == OP_YIELD) {
		list_remove(&op->yield.link);
		ring_finish(ring, op, -ECANCELED);
	} else if (op->kind <= OP_POLL) {
		ring->engine->cancel(ring, op);
	}
}

void ring_close_socket(struct ring *ring, int fd)
{
	ring->engine->forget(ring, fd);
	calls->close(fd);
}
