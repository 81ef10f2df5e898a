/*
 * How a worker comes by the connections to the passive ports. A client connects before it sends its
 * RETR, as a rule, and the kernel completes that alone: so what has come is taken when a session wants
 * it, which is one system call and wakes nobody. Where it has not come, the port is watched until it
 * has.
 *
 * Connections that nobody wants yet, or ever, are looked for besides, on the worker's share of the
 * ports: at once where nothing has come for a while, else every SHARE_PAUSE_MS, and again and again
 * while many come. So strangers are reset soon, no backlog fills, and a session may be slow with its
 * RETR. What has come to a port before it is reserved is taken before the reservation begins.
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

struct arrival;
struct passive_listeners;
struct port_watch;

#define DATA_ACCEPTOR_READY 64

struct data_acceptor {
	struct ring *ring;
	struct passive_listeners *listeners;
	unsigned worker;
	unsigned workers;
	/* A connection has come. now: its session may be run in this call; else another one's command
	 * is being executed. */
	void (*arrived)(void *context, const struct arrival *arrival, bool now);
	void *context;

	struct port_watch *watches; /* by listener: of ports that are wanted */
	unsigned *wanted;	    /* by port: by how many sessions of this worker */
	struct wheel_timer pause_timer;
	bool pausing;
	int share;	 /* epoll: the listeners of the ports that are looked at besides */
	uint64_t looked; /* the moment of the ring in which the next two were found out */
	unsigned ready_count;
	uint32_t ready[DATA_ACCEPTOR_READY]; /* those of the share at which something waited */
	struct op share_op;
	struct wheel_timer share_timer;
};

/* The fields down to context are set. Returns 0 or a negative errno. */
int data_acceptor_open(struct data_acceptor *acceptor);

/* The ring runs no more. */
void data_acceptor_close(struct data_acceptor *acceptor);

/* Takes what had come to port before this call. Returns 0, or a negative errno: some of it waits on. */
int data_acceptor_clear(struct data_acceptor *acceptor, unsigned port);

/* session waits for its connection to port from now on: arrived is called for it, within this call or
 * later. Whatever ends its wait calls data_acceptor_unwant. */
void data_acceptor_want(struct data_acceptor *acceptor, uint64_t session, unsigned port);
void data_acceptor_unwant(struct data_acceptor *acceptor, unsigned port);

#endif
