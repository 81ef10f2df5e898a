/*
 * A worker: a thread of the control pool with a ring, a table of sessions and a mailbox. It
 * accepts on its share of the control listeners and hands each connection to the worker with the
 * fewest sessions; it takes from passive ports what its sessions want (server/data_acceptor.h) and
 * hands what it finds besides to the worker whose session it is; and it runs its own sessions and
 * their transfers.
 *
 * Thread:    worker_start and worker_join from the main thread; all else within the worker, but
 *            worker_post, which any worker calls.
 * Ownership: the worker owns its ring, table and mailbox; the server what they share. Listeners
 *            and the channel belong to the server process for its whole life.
 */
#ifndef SERVER_WORKER_H
#define SERVER_WORKER_H

#include <stdatomic.h>
#include <stdint.h>

#include "represent/marker.h"
#include "ring/ring.h"
#include "server/passive_listeners.h"

struct address;
struct admission;
struct config;
struct hash_cache;
struct jobs;
struct listing_cache;
struct passive_pool;
struct server;
struct hosts;
struct users;
struct worker;

/* What all workers are told; a later order takes the place of an earlier one. */
enum server_order {
	SERVER_SERVE,
	SERVER_DRAIN, /* no new sessions; each ends when its transfer has, or at the limit */
	SERVER_STOP,
};

/* What all workers share. */
struct server {
	const struct config *config;
	const struct users *users;
	const struct translate_ebcdic *ebcdic;
	const struct hosts *hosts;
	struct ring_config ring;
	struct jobs *jobs;
	struct jobs *hashing;
	struct jobs *passwords;
	struct admission *admission;
	struct passive_pool *passive;
	struct listing_cache *listings; /* NULL: none are kept */
	struct hash_cache *hash_cache;
	uint8_t marker_secret[MARKER_SECRET_BYTES];
	int channel;
	int root;
	int control[64];
	unsigned control_count;
	uint64_t drain_limit_ms;
	/* Any worker writes these and all read them. Not messages: a mailbox may be full, and an
	 * order must arrive. */
	atomic_int order;
	atomic_bool failed;	/* a worker could not go on */
	atomic_bool pipes_told; /* the log says that pipes are small */
	atomic_bool rings_told; /* that some workers have no io_uring */
	atomic_uint
		control_open; /* listeners that SERVER_DRAIN has not closed yet, of all workers */
	struct passive_listeners passive_listeners;
	unsigned workers_count;
	struct worker *workers[64];
};

/* Starts worker index and waits until its ring is there. Returns 0 or a negative errno. */
int worker_start(struct server *server, unsigned index);

/* Lets a started worker accept: not before all are started, for each may have to reach any. */
void worker_release(struct worker *worker);

/* Waits for its end: all workers end with SERVER_STOP. */
void worker_join(struct worker *worker);

/* A free port of the passive range was granted to a session (see passive_grant_fn). */
bool worker_grant(void *server, uint64_t session, unsigned port);

#endif
