/*
 * What the two engines share: the ring's queues, and the table by which it drives an engine.
 */
#ifndef RING_RING_PRIV_H
#define RING_RING_PRIV_H

#include <pthread.h>
#include <stdatomic.h>

#include "ring/ring.h"

#define RING_RECEIVE_BYTES 2048 /* one provided buffer: a packet of command lines */
#define RING_RECEIVE_BUFFERS 256
#define RING_ENTRIES 1024

struct op_queue {
	struct op *first;
	struct op *last;
};

struct ring_engine {
	void (*submit)(struct ring *ring, struct op *op);
	void (*cancel)(struct ring *ring, struct op *op);
	void (*forget)(struct ring *ring, int fd); /* a socket is about to be closed */
	void (*flush)(struct ring *ring); /* gathered sends begin now; NULL: there are none */
	/* Whether something has completed, as far as that can be seen without a system call; NULL: it
	 * cannot. */
	bool (*has_news)(const struct ring *ring);
	/* Waits up to timeout_ms (-1: for ever), reads the clocks, and ends what has completed. */
	int (*wait)(struct ring *ring, int64_t timeout_ms);
	void (*close)(struct ring *ring);
};

struct ring {
	const struct ring_engine *engine;
	struct ring_config config;
	void *state; /* the engine's own */
	struct wheel wheel;
	uint64_t now_ms;
	uint64_t moment; /* counts what completes together */
	int64_t wall_s;
	struct op_queue ready; /* ended within a call; done comes in the next turn */
	struct list yielded;   /* operations; see ring_yield */
	struct list turn;      /* those of them whose turn it is, in parts */
	uint64_t yielded_us;   /* of the clock, when some of them were left; 0: none were */
	bool stopping;
	bool gathers; /* see ring_gathers */
	bool hurried; /* see ring_hurry; till all gathered sends have been told */

	int wake_fd;
	struct op wake_op;
	atomic_bool wake_pending; /* a write to wake_fd is under way: no second one is needed */

	pthread_mutex_t posted_lock; /* protects posted: job threads write, the owner takes all */
	struct op_queue posted;
};

int ring_uring_open(struct ring *ring);
int ring_epoll_open(struct ring *ring);

/* What ring_now_ms and ring_wall_s tell from here on. */
void ring_read_clocks(struct ring *ring);

/* Has done called with result in the next turn. */
void ring_finish(struct ring *ring, struct op *op, int result);

/* Hands op to the job threads. */
void ring_offload(struct ring *ring, struct op *op);

void op_queue_put(struct op_queue *queue, struct op *op);

/* Marks a one-time operation as ended and calls done. */
void op_end(struct op *op, int result);

#endif
