/*
 * Accepting on one listener, connection after connection, until it is closed. An error (too many
 * open files) is a pause and not the end: whoever waits in the backlog is served later.
 *
 * Thread:    the worker's whose ring it is.
 * Ownership: the structure is embedded, and stays until closed has been called; the listener is
 *            the acceptor's from acceptor_start on, an accepted descriptor the callee's.
 */
#ifndef SERVER_ACCEPTOR_H
#define SERVER_ACCEPTOR_H

#include <stdbool.h>

#include "ring/ring.h"

struct acceptor {
	struct op op;
	struct wheel_timer timer; /* the pause */
	struct ring *ring;
	int fd;
	int flags; /* of accepted sockets, see ring_accept */
	bool closing;

	/* The owner's: */
	void (*accepted)(struct acceptor *acceptor, int fd);
	void (*closed)(struct acceptor *acceptor);
	void *owner;
	int port; /* index in the passive pool, or -1: control connections */
};

/* Begins. The owner's fields are set, the others zero but fd and flags. */
void acceptor_start(struct acceptor *acceptor, struct ring *ring);

/* Whether a connection has come that is not accepted. */
bool acceptor_waits(const struct acceptor *acceptor);

/* Closes the listener, now or soon, and calls closed then. */
void acceptor_close(struct acceptor *acceptor);

#endif
