/*
 * The permanent passive ports: who may come to which. Every port listens all the time, for all
 * clients; a connection belongs to the session that has reserved (client address, port). The
 * local address is no part of the key: two sessions of one client simply get different ports.
 *
 * Each worker has a share of the ports (port i is worker i modulo workers'), so that what it finds
 * there is for its own sessions, as a rule. A session gets a port of its worker's share, at random
 * among the half that this address has not used for longest, or another worker's when those are all
 * reserved; when every port is, it waits in line for the next one that its address gives back. With
 * passive_pool_begin a reservation begins, once what had come to the port before has been taken.
 *
 * Thread:    any worker. One lock protects the table: a reservation may be made by one worker and
 *            claimed by another at any moment, and a message to the port's worker would put two
 *            hops before each PASV reply; the lock is held for well under a microsecond.
 * Ownership: the pool owns its table only; listeners belong to the server.
 */
#ifndef TRANSFER_PASSIVE_POOL_H
#define TRANSFER_PASSIVE_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct address;
struct passive_pool;

/* Tells the worker of a waiting session that it has port now (index in the pool). Called with
 * the pool's lock held, from whatever worker gave the port back: it must only post a message.
 * Returns false if that cannot be done; the port then goes to the next one in line. */
typedef bool passive_grant_fn(void *context, uint64_t session, unsigned port);

/* ports: port numbers, count of them. Returns 0 or -ENOMEM. */
int passive_pool_new(const uint16_t *ports, unsigned count, unsigned workers,
		     passive_grant_fn *grant, void *context, struct passive_pool **ret_pool);
void passive_pool_free(struct passive_pool *pool);

uint16_t passive_pool_port(const struct passive_pool *pool, unsigned index);
unsigned passive_pool_count(const struct passive_pool *pool);

/* Reserves a port of client for session (any nonzero number that its owner knows it by). Returns
 * the port's index, -EAGAIN if all are reserved and the session now waits in line, or -ENOMEM. */
int passive_pool_reserve(struct passive_pool *pool, unsigned worker, const struct address *client,
			 uint64_t session);

/* What has come to the port before is nobody's, and has been taken by now: from here on a connection is
 * the session's. Returns the reservation's number, which no other has, or 0 if it is not the session's
 * any more. */
uint32_t passive_pool_begin(struct passive_pool *pool, const struct address *client, unsigned port,
			    uint64_t session);

/* Gives a reservation back; does nothing if it was claimed meanwhile. */
void passive_pool_release(struct passive_pool *pool, const struct address *client, unsigned port,
			  uint64_t session);

/* Leaves the line; gives back what was granted meanwhile, whose message is still under way. */
void passive_pool_withdraw(struct passive_pool *pool, const struct address *client,
			   uint64_t session);

/* Whether the reservation that a grant spoke of is still the session's. */
bool passive_pool_holds(struct passive_pool *pool, const struct address *client, unsigned port,
			uint64_t session);

/* A connection from client came to port: whose is it? Ends the reservation and returns the session and
 * the reservation's number, or 0 if nobody reserved it, or has begun to. */
uint64_t passive_pool_claim(struct passive_pool *pool, const struct address *client, unsigned port,
			    uint32_t *ret_number);

#endif
