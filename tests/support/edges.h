/*
 * Memory that ends where a mapping ends: one byte read or written before or behind it is a fault,
 * in any build, and whatever instruction did it.
 *
 * Thread:    any, each with its own.
 * Ownership: the caller's; new maps it, free unmaps it.
 */
#ifndef SUPPORT_EDGES_H
#define SUPPORT_EDGES_H

#include <stddef.h>

struct edges {
	char *start; /* a page without access lies before this */
	char *end;   /* and one here */
	void *mapping;
	size_t mapped;
};

/* At least size bytes between start and end. Ends the test when there is no memory. */
struct edges edges_new(size_t size);

void edges_free(struct edges *edges);

/* The next of a row of numbers that is the same in every run; *state may be anything but 0. */
unsigned edges_random(unsigned long *state);

#endif
