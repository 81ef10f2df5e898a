/*
 * Accepting on one listener of control connections, connection after connection, until it is closed.
 * An error (too many open files) is a pause and not the end: whoever waits in the backlog is served
 * later.
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
	bool closing;

	/* The owner's: */
	void (*accepted)(struct acceptor *acceptor, int fd);
	void (*closed)(struct acceptor *acceptor);
	void *owner;
};

/* Begins. The owner's fields are set, the others zero but fd. */
void acceptor_start(struct acceptor *acceptor, struct ring *ring);

/* Closes the listener, now or soon, and calls closed then. */
void acceptor_close(struct acceptor *acceptor);

/* A line of the log about accept's error (positive errno), once a minute for all listeners together. */
void acceptor_tell_of_pause(int error);

#endif
