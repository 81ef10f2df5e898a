/*
 * Seats: something scarce that commands hold while they are at work, so many in all: turns of a few threads,
 * descriptors, or memory, of which each byte is a seat. A command takes the seats that it needs all at once, as a
 * party. One client address, or of IPv6 one network of 64 bits (address_site), has at most its share of
 * them, so that no client alone keeps the others out for as long as it likes; only while there is plenty it may
 * have more. Nobody waits for seats: who finds none is told so.
 *
 * Each command brings its party along, so taking seats needs no memory; how many an address has is counted
 * anew each time, unless there is plenty.
 *
 * Thread:    the worker's. Each has seats of its own for its own sessions, and so a client whose sessions
 *            are with several workers has a share with each; in return nothing here needs a lock.
 * Ownership: a party is its command's, and must give its seats before the command is gone.
 */
#ifndef SESSION_SEATS_H
#define SESSION_SEATS_H

#include <stddef.h>

#include "base/list.h"
#include "net/address.h"

struct seats {
	struct list parties;
	size_t taken;
	size_t max;
	size_t share;  /* of one address, */
	size_t plenty; /* once more than these are taken */
};

struct party {
	struct list link; /* while it has any */
	struct seats *seats;
	struct address site;
	size_t count;
};

/* max: of all addresses together. */
void seats_init(struct seats *seats, size_t max, size_t share, size_t plenty);

/* For a party that has none. Returns 0; -EUSERS: not so many are left; or -ETOOMANYREFS: so many are, but the
 * client's address would have more than its share. 0 seats are always there. */
int seats_take(struct seats *seats, const struct address *client, struct party *party,
	       size_t count);

/* Harmless on a party that is zeroed, or has given them already. */
void seats_give(struct party *party);

/* Some of a party's seats become those of another one of the same client, which is zeroed, or has others. */
void seats_move(struct party *from, struct party *to, size_t count);

#endif
