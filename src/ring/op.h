/*
 * An operation: what one thread asked the kernel, or a job thread, to do for it. Whoever waits
 * on it embeds it, and cannot go away while it is pending. The ring fills nothing in but the
 * result, and calls done exactly once for each operation, save the two kinds that go on by
 * themselves (accept, receive), whose last call is the one after which op_pending is false.
 *
 * Thread: the ring's. Ownership: the embedder's; all that an operation points at stays with the
 * embedder and must not change until done.
 */
#ifndef RING_OP_H
#define RING_OP_H

#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/list.h"
#include "base/view.h"

struct open_how;
struct ring;
struct statx;

enum op_kind {
	OP_ACCEPT,
	OP_RECEIVE,
	OP_SEND,
	OP_POLL,
	OP_YIELD,
	OP_OPEN,
	OP_STAT,
	OP_CLOSE,
	OP_UNLINK,
	OP_RENAME,
	OP_MKDIR,
	OP_READ,
	OP_WRITE,
	OP_SPLICE,
	OP_JOB,
	OP_KINDS,
};

/* Who runs a job. What computes for long has threads of its own. */
enum op_threads { OP_THREADS_QUICK, OP_THREADS_HASHES, OP_THREADS_PASSWORDS };

struct op {
	/* result: what the call would return, or a negative errno; -ECANCELED after ring_cancel. */
	void (*done)(struct op *op, int result);
	struct op *next; /* in the ring's queues */
	uint8_t kind;
	bool pending;	/* handed in, done not yet called for the last time */
	bool cancelled; /* ring_cancel was called */
	int fd;
	int result; /* while queued */
	union {
		struct {
			int flags; /* of the new descriptor: SOCK_NONBLOCK or 0 */
		} accept;
		struct {
			uint32_t events;
		} poll;
		struct {
			struct list link; /* the ring's */
		} yield;
		struct {
			struct view
				bytes; /* lent for the time of the call of done; may be changed */
		} receive;
		struct {
			const char *at;
			size_t length;
			size_t sent;
			struct list link; /* the engine's, while it is gathered */
			bool gathered;
		} send;
		struct {
			const char *path;
			const struct open_how *how;
		} open;
		struct {
			const char *path;
			struct statx *ret_stat;
			int flags;
			unsigned mask;
		} stat;
		struct {
			const char *name;
			int flags; /* or mode, for OP_MKDIR */
		} name;
		struct {
			const char *name;
			const char *new_name;
			int new_folder;
			unsigned flags;
		} rename;
		struct {
			void *buffer;
			size_t size_bytes;
			off_t offset;
		} data;
		struct {
			int out;
			unsigned flags;
			size_t size_bytes;
			off_t in_offset; /* -1: none, as for a pipe */
			off_t out_offset;
		} splice;
		struct {
			int (*work)(struct op *op); /* runs in a job thread */
			uint8_t threads;	    /* enum op_threads: of which kind they are */
		} job;
	};
};

/* Whether done is still to come. */
static inline bool op_pending(const struct op *op)
{
	return op->pending;
}

/* Does a blocking operation (OP_OPEN to OP_JOB) here and now and returns its result: what a job
 * thread runs for an engine without a kernel ring. */
int op_execute(struct op *op);

/* The name of a kind as the table of calls knows it. */
const char *op_name(enum op_kind kind);

#endif
