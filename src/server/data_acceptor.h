/*
 * How a worker comes by the connections to the passive ports. A client connects before it sends its
 * RETR, as a rule, and the kernel completes that alone: so what has come is taken when a session wants
 * it, which is one system call and wakes nobody. Where it has not come, the port is watched until it
 * has.
 *
 * Connections that nobody wants yet, or ever, are looked for besides, on the worker's share of the
 * ports: at once where nothing has come for a while, else every WATCH_PAUSE_MS. So strangers are reset
 * soon, a backlog does not fill, and a session may be slow with its RETR.
 *
 * Thread:    the worker's.
 * Ownership: the structure is embedded and stays while the ring runs; an accepted descriptor is the
 *            callee's.
 */
#ifndef SERVER_DATA_ACCEPTOR_H
#define SERVER_DATA_ACCEPTOR_H

#include <stdbool.h>
#include <stdint.h>

#include "ring/ring.h"

struct passive_listeners;
struct port_watch;

struct data_acceptor {
	struct ring *ring;
	struct passive_listeners *listeners;
	unsigned worker;
	unsigned workers;
	/* A connection to port has come for session (or see passive_pool_claim). wanting is who asks
	 * in this very call, or 0: another session must not be run now. */
	void (*arrived)(void *context, uint64_t session, uint64_t wanting, unsigned port, int fd);
	void *context;

	struct port_watch *watches; /* by listener: of ports that are wanted */
	unsigned *wanted;	    /* by port: by how many sessions of this worker */
	struct wheel_timer pause_timer;
	bool pausing;
	int share; /* epoll: the listeners of the ports that are looked at besides */
	struct op share_op;
	struct wheel_timer share_timer;
};

/* The fields down to context are set. Returns 0 or a negative errno. */
int data_acceptor_open(struct data_acceptor *acceptor);

/* The ring runs no more. */
void data_acceptor_close(struct data_acceptor *acceptor);

/* session waits for its connection to port from now on: arrived is called for it, within this call or
 * later. Whatever ends its wait calls data_acceptor_unwant. */
void data_acceptor_want(struct data_acceptor *acceptor, uint64_t session, unsigned port);
void data_acceptor_unwant(struct data_acceptor *acceptor, unsigned port);

/* Takes what has come to port. Returns true if all of it has been taken. */
bool data_acceptor_take(struct data_acceptor *acceptor, unsigned port);

#endif
