/*
 * The kernel pipes of a worker, through which splice(2) moves file pages to a data connection and
 * back without copying them into user space. Each is made once and lent out for the time of one
 * operation, never for that of a transfer: a stalled client holds none. An unprivileged user has
 * few large pipes over all its processes, so all workers of two generations together take at
 * most half of them, with smaller pipes where there are many workers.
 *
 * Thread:    the worker's.
 * Ownership: the pool owns the descriptors; take lends a pipe, give ends the loan. A pipe given
 *            back with bytes in it is emptied first: they would head somebody else's file.
 */
#ifndef TRANSFER_PIPE_POOL_H
#define TRANSFER_PIPE_POOL_H

#include <stddef.h>

struct pipe_pool;

struct kernel_pipe {
	int read_end;
	int write_end;
	size_t size_bytes; /* how much it takes */
	size_t filled_bytes;
	struct kernel_pipe *next; /* in the pool */
};

/* workers: how many share the budget. Returns 0 or a negative errno. */
int pipe_pool_new(unsigned workers, struct pipe_pool **ret_pool);
void pipe_pool_free(struct pipe_pool *pool);

/* How many pipes there are in all, lent ones too. */
unsigned pipe_pool_count(const struct pipe_pool *pool);

/* How much the smallest one takes, and what each was to take: that is more where the user's processes
 * have as many pages in pipes as they may (fs.pipe-user-pages-soft). */
size_t pipe_pool_smallest_bytes(const struct pipe_pool *pool, size_t *ret_wanted_bytes);

/* An empty pipe, or NULL when all are lent: the caller then goes through a buffer. */
struct kernel_pipe *pipe_pool_take(struct pipe_pool *pool);
void pipe_pool_give(struct pipe_pool *pool, struct kernel_pipe *pipe);

/* The pipe for splicing within a turn: always there and empty, NULL only when this system gives
 * no pipe of 256 KiB, below which sendfile(2) is cheaper. */
struct kernel_pipe *pipe_pool_turn_pipe(struct pipe_pool *pool);

/* Throws away what is in a pipe, without reading it into user space. */
void pipe_pool_empty(struct pipe_pool *pool, struct kernel_pipe *pipe);

#endif
