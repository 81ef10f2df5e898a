/*
 * What the sessions of one worker may hold of memory, together, for transfers that go through buffers:
 * all but TYPE I and MODE S, and listings that are made. A client that stalls keeps its buffers, and
 * thousands of them would take more than the machine has. So what a transfer may come to need is counted
 * before it is promised (150), all at once: one that has begun is never short of it, and one that finds
 * too little left is refused before anything moves.
 *
 * It counts, and allocates nothing. Each worker has its part of the server's, so that nothing is shared
 * between threads.
 *
 * Thread: the worker's.
 */
#ifndef TRANSFER_MEMORY_SHARE_H
#define TRANSFER_MEMORY_SHARE_H

#include <stddef.h>

struct memory_share {
	size_t max_bytes;
	size_t taken_bytes;
};

/* The part of one of several workers in server_bytes; 0: in a part of what the machine has (base/limits.h). */
void memory_share_init(struct memory_share *share, size_t server_bytes, unsigned workers);

/* Returns 0, or -ENOBUFS: too little is left, and nothing is taken. What is taken is given back in any pieces. */
int memory_share_take(struct memory_share *share, size_t bytes);
void memory_share_give(struct memory_share *share, size_t bytes);

#endif
