/*
 * Seats: how many commands of a kind may be at work at a time, where each holds something that is scarce
 * (buffers, descriptors, turns of a few threads). One client address, or of IPv6 one network of 64 bits
 * (address_site), has at most its share of them, so that no client alone keeps the others out for as
 * long as it likes. Nobody waits for a seat: who finds none is told so.
 *
 * Each command brings its seat along, so taking one needs no memory. There are so few that who holds
 * how many is counted anew each time.
 *
 * Thread:    the worker's. Each has seats of its own for its own sessions, and so a client whose sessions
 *            are with several workers has a share with each; in return nothing here needs a lock.
 * Ownership: a seat is its command's, and must be given before the command is gone.
 */
#ifndef SESSION_SEATS_H
#define SESSION_SEATS_H

#include "base/list.h"
#include "net/address.h"

struct seats {
	struct list taken; /* struct seat */
	unsigned max;
	unsigned share; /* of one address */
};

struct seat {
	struct list link;
	struct address site;
};

/* max: of all addresses together; each may take a part of them (SEATS_PARTS), and one at least. */
void seats_init(struct seats *seats, unsigned max);

/* Returns 0; -EUSERS: all are taken; or -ETOOMANYREFS: the client's address has its share. */
int seats_take(struct seats *seats, const struct address *client, struct seat *seat);

/* Harmless on one that is zeroed, or was given already. */
void seat_give(struct seat *seat);

#endif
