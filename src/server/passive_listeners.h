/*
 * The listening sockets of the passive ports, which all workers share: each port has one for every
 * address of the server. A connection is accepted and its reservation claimed in one step, under the
 * port's lock: whoever has found under it that nothing waits knows that nothing is on its way to a
 * session either.
 *
 * Thread:    accept and waits from any worker; the rest before they are started.
 * Ownership: the sockets belong to the server process for its whole life; an accepted one to the
 *            caller.
 */
#ifndef SERVER_PASSIVE_LISTENERS_H
#define SERVER_PASSIVE_LISTENERS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct passive_pool;

struct passive_listener {
	int fd;
	unsigned port; /* its index in the pool */
};

/* A zeroed one has none. */
struct passive_listeners {
	struct passive_listener *all; /* once opened, port by port */
	unsigned count;
	unsigned ports;
	unsigned *first;	/* by port: where its listeners begin; at ports: count */
	pthread_mutex_t *locks; /* by port */
	struct passive_pool *pool;
	bool foreign; /* connections between servers: a reservation is anybody's */
};

/* A connection, and whose it is. */
struct arrival {
	int fd; /* does not block */
	unsigned port;
	uint64_t session; /* 0: nobody's */
	uint32_t number;  /* of its reservation */
};

/* Adds a listener that does not block. Returns 0 or -ENOMEM. */
int passive_listeners_add(struct passive_listeners *listeners, int fd, unsigned port);

/* All have been added. Returns 0, -ENOMEM, -ERANGE where a port is not the pool's, or -E2BIG where one
 * has more than LISTENERS_MAX. */
int passive_listeners_open(struct passive_listeners *listeners, struct passive_pool *pool,
			   bool foreign);
void passive_listeners_close(struct passive_listeners *listeners);

/* Takes the connection that waits longest at a listener (its index in all). Returns 0; -EAGAIN if none
 * waits; or another negative errno (-EMFILE and its like), and it waits on. */
int passive_listeners_accept(struct passive_listeners *listeners, unsigned index,
			     struct arrival *ret_arrival);

/* Waits until what another worker is just accepting at port is claimed. */
void passive_listeners_pass(struct passive_listeners *listeners, unsigned port);

/* Returns the index of a listener of port at which a connection waits, or -EAGAIN. */
int passive_listeners_waits(struct passive_listeners *listeners, unsigned port);

#endif
