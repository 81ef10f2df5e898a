/*
 * Who may come in, and to which worker: the numbers of sessions in all, of one address and of
 * each worker. Whoever accepts a connection asks here and hands the connection at once to the
 * worker with the fewest sessions; left to the kernel, two rings on one listener put a hundred of
 * a hundred connections on one of them.
 *
 * Thread:    any worker. One lock protects the numbers: two acceptors that read them at the same
 *            moment would both choose the same worker. It is held for a hash look-up.
 */
#ifndef SERVER_ADMISSION_H
#define SERVER_ADMISSION_H

#include <stdint.h>

struct address;
struct admission;

/* Returns 0 or -ENOMEM. */
int admission_new(unsigned workers, unsigned sessions_max, unsigned per_address_max,
		  struct admission **ret_admission);
void admission_free(struct admission *admission);

/* Counts a session of peer in. Returns the worker to give it to, which is self if no other has
 * fewer sessions (that saves waking one), -EUSERS when the server is full,
 * -EDQUOT when the address (of IPv6: its /64) has its share, or -ENOMEM. */
int admission_enter(struct admission *admission, const struct address *peer, unsigned self);

/* Counts it out. Returns how many the worker has left. */
unsigned admission_leave(struct admission *admission, const struct address *peer, unsigned worker);

/* Sessions in all. */
unsigned admission_count(struct admission *admission);

#endif
