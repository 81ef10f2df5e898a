/*
 * At most a few operations at a time for each file system and direction; the rest wait here, in
 * that file system's own queue, never among the kernel's or our threads. So a mount that hangs
 * holds its own share of the threads and no more, and touches nobody else.
 *
 * Thread:    the worker's that owns the set of queues.
 * Ownership: the queues are the set's; of waiters base/queue.h tells.
 */
#ifndef JOBS_DISK_QUEUE_H
#define JOBS_DISK_QUEUE_H

#include <stdint.h>

#include "base/queue.h"

enum disk_direction { DISK_NAMES, DISK_READ, DISK_WRITE, DISK_DIRECTIONS };

struct disk_queues; /* of one worker, for all file systems seen */

/* How many operations a file system may have in flight in each direction with each of so many
 * workers, and how many job threads there are then (base/limits.h has the arithmetic). */
unsigned disk_operations_max(unsigned workers);
unsigned disk_job_threads_max(unsigned workers);

/* How many operations on names, and how many reads and writes each, a file system may have in
 * flight. Returns 0 or -ENOMEM. */
int disk_queues_new(unsigned names_max, unsigned data_max, struct disk_queues **ret_queues);
void disk_queues_free(struct disk_queues *queues);

/* The queue of a file system (its identity as fs/mounts.h gives it), which lives as long as the
 * set. With more than 256 file systems the queues are shared by some. */
struct queue *disk_queues_find(struct disk_queues *queues, uint64_t disk,
			       enum disk_direction direction);

#endif
