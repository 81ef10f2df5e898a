/*
 * The ring: where a worker waits, and the only room that knows io_uring. Everything that takes
 * time is an operation (ring/op.h) or a timer; everything else is done in the worker's turn.
 *
 * Two engines drive the same operations: io_uring, with the features found once at start, and
 * epoll where io_uring is forbidden or too old. With epoll, operations that wait for a disk go
 * to the job threads, which is also where OP_JOB goes under either.
 *
 * Nothing that waits for a peer ever enters the kernel's worker threads: sockets are received
 * from and polled, never spliced to by the ring.
 *
 * Thread: every call comes from the worker that owns the ring, except ring_post and ring_wake.
 */
#ifndef RING_RING_H
#define RING_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ring/op.h"
#include "ring/wheel.h"

struct statx;

#define RING_TOLD_MS 100 /* after which whoever has sent knows it, where nothing happens */
/* What has yielded goes on for so long, or as long as everything else took since it last did, till others
 * are looked at. */
#define RING_YIELDED_US 500
#define RING_YIELDED_US_MAX 5000

enum ring_engine_kind { RING_ENGINE_URING, RING_ENGINE_EPOLL };

/* What the kernel offers, asked once (ring_probe); a mask may hide some of it. */
struct ring_features {
	bool uring;
	bool defer_taskrun;	/* 6.1: completions only when we wait */
	bool buffer_ring;	/* 5.19: provided buffers without system calls */
	bool registered_ring;	/* 5.18: entering the ring without looking up its descriptor */
	bool multishot_accept;	/* 5.19 */
	bool multishot_receive; /* 6.0 */
	int error;		/* why uring is false */
};

struct ring_config {
	enum ring_engine_kind engine;
	struct ring_features features;
	/* Hands a blocking operation to job threads; they end it with ring_post. Returns 0, or
	 * -EAGAIN when their mailbox is full. */
	int (*offload)(void *context, struct ring *ring, struct op *op);
	/* Called in the ring's thread after ring_wake. */
	void (*woken)(void *context);
	/* Called at the end of every turn, before the ring waits. */
	void (*turn_end)(void *context);
	void *context;
};

/* Asks the kernel. mask is NULL, or a list of what counts as missing, for tests: "5.15" is all
 * that this kernel did not have, other words are the features as ring_describe names them, and
 * "io_uring", as "5.15,buffer-rings". Returns 0, or -EINVAL for a word that is unknown. */
int ring_probe(const char *mask, struct ring_features *ret_features);

/* One line about an engine and its features for the log. */
void ring_describe(const struct ring_config *config, char *ret_text, size_t size_bytes);

/* Made in the thread that will run it. Returns 0 or a negative errno. */
int ring_new(const struct ring_config *config, struct ring **ret_ring);
void ring_free(struct ring *ring);

/* Waits and calls done, fire and woken functions until ring_stop; may then be called again. Returns
 * 0 or a negative errno that no single operation could carry. */
int ring_run(struct ring *ring);
void ring_stop(struct ring *ring);

/* Another number each time that completions are taken from the kernel. While it is the same, all that is
 * handled had come before any of it was: what was found out for one request holds for the next. */
uint64_t ring_moment(const struct ring *ring);

/* Begins another moment: this thread may have changed what was found out in this one. */
void ring_next_moment(struct ring *ring);

/* Milliseconds of the monotonic clock, and seconds of the wall clock, as of this turn's start. */
uint64_t ring_now_ms(const struct ring *ring);
int64_t ring_wall_s(const struct ring *ring);

/* From any thread: ends op (one that was handed to a job thread) with result. */
void ring_post(struct ring *ring, struct op *op, int result);

/* From any thread: has the ring call woken, soon and at least once. */
void ring_wake(struct ring *ring);

/* Accepts on a listener until cancelled or an error, which is the last result (-EMFILE and its
 * like: try again in a while); each call of done brings a close-on-exec descriptor. flags: SOCK_NONBLOCK
 * for a data connection, which is spliced and sent to in the worker's turn, or 0 for a control
 * connection, on which only this ring waits. Whether the listener blocks is the engine's to set. */
void ring_accept(struct ring *ring, struct op *op, int listener, int flags);

/* Receives until cancelled, the end (0) or an error. Each call of done has bytes in
 * op->receive.bytes, for the time of the call. */
void ring_receive(struct ring *ring, struct op *op, int fd);

/* Sends all of bytes. Returns 0 if the socket took them at once, in which case done is never
 * called, -EINPROGRESS if done will be (with 0 or a negative errno), or another negative errno. */
int ring_send(struct ring *ring, struct op *op, int fd, const char *bytes, size_t length);

/* The same with all that the turn has to send, in one call, where ring_gathers: then it is always
 * -EINPROGRESS. What the socket takes whole wakes nobody: done is called with 0 before anything else
 * of a later turn, within RING_TOLD_MS at the latest, or in the next turn after ring_hurry. */
int ring_send_gathered(struct ring *ring, struct op *op, int fd, const char *bytes, size_t length);

/* Whether gathered sends are more than ring_send under another name: io_uring of Linux 6.1. */
bool ring_gathers(const struct ring *ring);

/* Somebody goes on when a gathered send is done: the next turn does not wait for anything else. */
void ring_hurry(struct ring *ring);

/* Waits once for poll(2) events of a socket or pipe, or for POLLPRI of a file that says so when it
 * changes; result: the events. */
void ring_poll(struct ring *ring, struct op *op, int fd, uint32_t events);

/* Calls done with 0 when all that has happened meanwhile has been handled: in the order of these calls, for
 * RING_YIELDED_US (and RING_YIELDED_US_MAX at most), or until something has happened, where io_uring tells
 * of that by itself; the rest waits until what has happened since then has been handled, too. For what moves bytes or executes commands without end: however much of it there
 * is, it delays no other command, connection or timer by more than that and one of these calls. */
void ring_yield(struct ring *ring, struct op *op);

/* The calls of these names (openat2, statx, close, unlinkat, renameat2, mkdirat, pread, pwrite,
 * splice), without blocking the worker. splice must have a file at one end and a pipe at the
 * other. */
void ring_open(struct ring *ring, struct op *op, int folder, const char *path,
	       const struct open_how *how);
void ring_stat(struct ring *ring, struct op *op, int folder, const char *path, int flags,
	       unsigned mask, struct statx *ret_stat);
void ring_close(struct ring *ring, struct op *op, int fd);
void ring_unlink(struct ring *ring, struct op *op, int folder, const char *name, int flags);
void ring_rename(struct ring *ring, struct op *op, int folder, const char *name, int new_folder,
		 const char *new_name, unsigned flags);
void ring_mkdir(struct ring *ring, struct op *op, int folder, const char *name, mode_t mode);
void ring_read(struct ring *ring, struct op *op, int fd, void *buffer, size_t size_bytes,
	       off_t offset);
void ring_write(struct ring *ring, struct op *op, int fd, const void *buffer, size_t size_bytes,
		off_t offset);
void ring_splice(struct ring *ring, struct op *op, int in, off_t in_offset, int out,
		 off_t out_offset, size_t size_bytes);

/* Runs work in a job thread, of those for what is quick, or of others; result: what it returned, or
 * -EAGAIN when too many jobs wait. */
void ring_job(struct ring *ring, struct op *op, int (*work)(struct op *op));
void ring_job_of(struct ring *ring, struct op *op, enum op_threads threads,
		 int (*work)(struct op *op));

/* Ends a pending accept, receive, send, poll or yield with -ECANCELED, soon, not within this call (a
 * result that is already on its way may come instead). What a disk is doing cannot be stopped. */
void ring_cancel(struct ring *ring, struct op *op);

/* Closes a socket on which no operation is pending, at once. */
void ring_close_socket(struct ring *ring, int fd);

/* Fires once, after_ms from now (at least one tick of the wheel); setting again moves it. */
void ring_timer_set(struct ring *ring, struct wheel_timer *timer, uint64_t after_ms);
void ring_timer_clear(struct ring *ring, struct wheel_timer *timer);

#endif
