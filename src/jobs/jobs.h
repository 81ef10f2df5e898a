/*
 * Job threads: for what blocks and has no operation of the kernel's ring (reading directories,
 * password hashes), and for all that waits for a disk where there is no ring. A job is an
 * operation (ring/op.h); jobs_post runs it in one of the threads and posts its result to the
 * ring it came from. Threads are started as jobs wait, up to a limit, and stay.
 *
 * Thread:    post from any worker. A job thread owns nothing between jobs.
 * Ownership: what a job points at stays with its poster, untouched until the result is posted.
 */
#ifndef JOBS_JOBS_H
#define JOBS_JOBS_H

#include <stddef.h>

struct jobs;
struct op;
struct ring;

/* A pool of up to threads_max threads; niceness (0 to 19) lowers their priority below the process's. name
 * is what ps(1) calls each, at most 15 bytes that stay the caller's. Returns 0 or a negative errno. */
int jobs_new(const char *name, unsigned threads_max, int niceness, struct jobs **ret_jobs);

/* Runs what has been posted, then ends the threads and frees the pool. A thread that hangs in a
 * disk is not waited for longer than a second: then the pool is left to the end of the process. */
void jobs_free(struct jobs *jobs);

/* Hands over op. Returns 0, or -EAGAIN when JOB_QUEUE_MAX jobs wait already. */
int jobs_post(struct jobs *jobs, struct ring *ring, struct op *op);

#endif
