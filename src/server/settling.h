/*
 * A passive port that was given back unused: its connection may have come and wait to be accepted.
 * The worker that accepts on the port calls this; by the next turn of its ring all connections are
 * taken that came before, and the port is free (transfer/passive_pool.h).
 *
 * Thread: the worker's. Ownership: what it needs until then is its own.
 */
#ifndef SERVER_SETTLING_H
#define SERVER_SETTLING_H

struct address;
struct passive_pool;
struct ring;

/* Without memory the port is free at once. */
void settling_begin(struct ring *ring, struct passive_pool *passive, const struct address *client,
		    unsigned port);

#endif
