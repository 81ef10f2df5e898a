/*
 * Passive ports that were given back unused: a connection may have come and wait to be accepted. The
 * worker in whose share the port is takes all that have come, and the port is free
 * (transfer/passive_pool.h). Where they cannot all be taken now, that is when none waits any more.
 *
 * Thread: the worker's. Ownership: the structure is embedded; what each port needs is its own.
 */
#ifndef SERVER_SETTLING_H
#define SERVER_SETTLING_H

#include <stdbool.h>

#include "base/list.h"

struct address;
struct passive_pool;
struct ring;

struct settlings {
	struct ring *ring;
	struct passive_pool *passive;
	bool (*take)(void *context, unsigned port); /* what has come; false: some of it waits on */
	void *context;
	struct list under_way;
};

/* The other fields are set. */
void settlings_init(struct settlings *settlings);

/* The ring runs no more. */
void settlings_fini(struct settlings *settlings);

/* Without memory the port is free at once. */
void settling_begin(struct settlings *settlings, const struct address *client, unsigned port);

#endif
