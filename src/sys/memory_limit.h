/*
 * How much memory this process may have, for defaults that follow from it.
 *
 * Thread: any.
 */
#ifndef SYS_MEMORY_LIMIT_H
#define SYS_MEMORY_LIMIT_H

#include <stdint.h>

/* All of the machine's, or what its control group leaves it (memory.max and memory.high of cgroup v2, also of
 * the groups above), if that is less. */
uint64_t memory_limit_bytes(void);

/* The same of a process whose groups stand in the file membership (/proc/self/cgroup) and lie below hierarchy:
 * for tests. */
uint64_t memory_limit_within(const char *membership, const char *hierarchy);

#endif
