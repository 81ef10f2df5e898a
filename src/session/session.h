/*
 * The server-PI: one control connection, from the 220 to its end, and all that it owns. A
 * session lives in one worker for its whole life; nothing in it needs a lock.
 *
 *              USER                  PASS
 *   GREETED ---------> NAMED -------------------> LOGGED_IN
 *      ^ ^_______________|  \                         ^ |
 *      | |  wrong password   \___ 332 __> ACCOUNT ____| |  ACCT, of who has one
 *      | |___________________ wrong account ___|  230   |
 *      |________________________________________________|   REIN; USER, which then names another
 *
 * Between commands an idle session is this struct and nothing else: input comes from the ring's
 * buffers, replies leave through the worker's, and what a command needs is lent while it runs
 * (session/action.h).
 *
 * Thread:    the worker's.
 * Ownership: the slot belongs to the server's table; everything in it to the session, from
 *            session_start until host->ended is called.
 */
#ifndef SESSION_SESSION_H
#define SESSION_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/limits.h"
#include "base/queue.h"
#include "fs/hash_cache.h"
#include "fs/tree.h"
#include "net/address.h"
#include "protocol/reply_text.h"
#include "protocol/telnet.h"
#include "ring/ring.h"
#include "session/seats.h"
#include "transfer/transfer.h"

struct action;
struct config;
struct listing_cache;
struct host;
struct hosts;
struct identity;
struct hash_cache;
struct passive_pool;
struct session;
struct user;
struct users;

#define COUNTS_KNOWN 256

/* What a file has under a representation (count.c). */
struct count_known {
	struct hash_identity file; /* inode 0: none */
	uint8_t type;
	uint8_t format;
	uint8_t byte_bits;
	uint8_t structure;
	uint8_t mode;
	int64_t octets;
};

/* What the sessions of one worker share, and how they reach the server. */
struct session_context {
	struct ring *ring;
	const struct config *config;
	const struct users *users; /* NULL: none */
	const struct hosts *hosts;
	struct dtp dtp;
	struct seats memory; /* bytes, of transfers through buffers */
	struct passive_pool *passive;
	struct listing_cache *listings; /* NULL: none are kept */
	struct tree tree;		/* for anonymous users */
	unsigned worker;
	unsigned workers;
	const struct translate_ebcdic *ebcdic; /* NULL: TYPE E is off */
	const struct identity *identity;       /* of this process, for the facts of listings */
	bool draining;

	/* The server's part. */
	void *server;
	/* Asks the supervisor for a socket bound to local; session_on_active_socket is called, with
	 * the session's id. Returns 0 or a negative errno. */
	int (*active_socket)(void *server, uint64_t session, const struct address *local);
	/* The reservation of a port begins, once what has come to it before has been taken: its number.
	 * Returns 0 or a negative errno. */
	int (*begin_reservation)(void *server, const struct address *client, uint64_t session,
				 unsigned port, uint32_t *ret_number);
	/* A session waits for its connection to a passive port, until session_on_data_connection is
	 * called for it (within the call, if it has come already), or no longer. */
	void (*want_data)(void *server, uint64_t session, unsigned port);
	void (*unwant_data)(void *server, unsigned port);
	void (*ended)(void *server, struct session *session);

	/* Replies made in this turn, all of one session. */
	struct session *replying;
	struct reply_text reply;
	struct action *actions; /* free ones */
	unsigned actions_free;
	struct seats folder_sizes;		 /* of DSIZ */
	struct seats patterns;			 /* of LIST, NLST and STAT */
	struct seats tree_listings;		 /* of SITE INDEX */
	struct seats counting;			 /* of count.c */
	struct seats hashes;			 /* of HASH and its kin */
	struct queue passwords[PASSWORD_QUEUES]; /* being checked (job.c) */
	uint64_t transfers;
	struct count_known counts[COUNTS_KNOWN];
	struct known_files known;
	struct kept_files kept;
	struct hash_cache *hash_cache; /* of all workers */
};

enum session_state { SESSION_GREETED, SESSION_NAMED, SESSION_ACCOUNT, SESSION_LOGGED_IN };

/*
 * The data connection as the server-PI sees it before a transfer (RFC 959 sections 3.2, 3.3).
 *
 *           PASV, EPSV            granted              accepted
 *   NONE ---------------> WAITING --------> PASSIVE -----------> CONNECTED ---> the transfer's,
 *     | \___________________________________^                   ^                 NONE again
 *     |       granted at once                                   | connected
 *     +--- PORT, EPRT, or a default of these -> ACTIVE ---------+
 *     |                                                         |
 *     +---------------- kept by the transfer before ------------+
 *
 * Each returns to NONE when the wait ends, another one of these commands comes, or the session
 * ends.
 */
enum data_state { DATA_NONE, DATA_WAITING, DATA_PASSIVE, DATA_ACTIVE, DATA_CONNECTED };

/* The reply of PASV, EPSV or LPSV. */
enum passive_form { PASSIVE_SHORT, PASSIVE_EXTENDED, PASSIVE_LONG };

struct session { /* NOLINT: in the order of its subjects, whatever that pads */
	struct session_context *context;
	uint64_t id; /* never zero, of no other session of this server process */
	int fd;
	struct address peer;
	struct address local; /* session_local: asked for when first needed */

	struct op receive_op;
	struct op send_op;
	struct wheel_timer idle_timer;
	struct wheel_timer data_timer; /* PASV waiting, a data connection awaited */
	uint64_t data_deadline_ms;     /* of a data connection awaited */
	uint64_t active_ms;	       /* when the last command came, or the last transfer ended */
	struct telnet telnet;

	uint8_t state;
	uint8_t language; /* of replies: enum language */
	uint8_t data_state;
	uint8_t password_attempts;
	bool closing;	  /* nothing is executed any more */
	bool quit;	  /* the client wants it so, and will send nothing more */
	bool shut;	  /* our side is ended; the client's end is awaited */
	bool running;	  /* session_run is on the stack */
	bool said_enough; /* for one turn: see session_give_way */
	bool input_over;  /* the client has ended its side while a reply was under way */
	bool paused;	  /* reading is stopped until held input is executed */
	bool discarding;  /* the rest of a line that was too long */
	bool opening;	  /* a transfer waits for its data connection */
	bool anonymous;
	bool may_write;
	bool epsv_all;
	uint8_t passive_form; /* of the passive reply that is due: enum passive_form */
	bool active_asked;    /* the supervisor owes us a socket */
	bool passive_expired; /* the last passive port was not used in time */
	bool copies;	      /* rename_from came with SITE CPFR */
	bool mdtm_sets;	      /* MDTM came with what looks like a time to set */
	uint16_t aborts;      /* ABORs whose 226 follows the transfer's 426 */
	bool name_cut;	      /* the name of USER did not fit */

	/* Parameters (RFC 959 section 5.3.1). */
	struct representation representation;
	uint8_t hash_kind;	/* OPTS HASH */
	uint16_t facts;		/* a mask of enum fact */
	int64_t restart;	/* REST with a number or RANG, or 0 */
	int64_t range_end;	/* RANG: one past the last byte; 0: none */
	char *restart_mark;	/* REST with a marker, or NULL */
	uint16_t name_refusal;	/* 550, or 553 for commands that bring a new name */
	int64_t allocate_bytes; /* ALLO, or 0 */
	uint32_t idle_s;	/* SITE IDLE, or 0 */
	uint16_t creation_mask; /* SITE UMASK (fs/creation_mode.h), or 0 */

	char name[USER_NAME_MAX];
	const struct user *user; /* NULL: anonymous, or the password has not been told yet */
	const struct host *host; /* of HOST; NULL: the root of all */
	struct tree tree;
	char *folder;	   /* the working folder; NULL: "/" */
	char *rename_from; /* RNFR or SITE CPFR; NULL: none */

	bool data_kept;	   /* DATA_CONNECTED: it is the one of the transfer before */
	bool data_doubted; /* what has come on it may be of an upload that was refused */
	bool data_prompt;  /* and its small segments are not held back */
	uint64_t data_kept_ms;
	char *early; /* what has come on it beyond the end of that */
	size_t early_bytes;
	struct party early_memory;
	unsigned data_port;	   /* DATA_PASSIVE: index in the pool */
	uint32_t data_reservation; /* DATA_PASSIVE: its number */
	bool data_wanted;	   /* DATA_PASSIVE: its connection is waited for */
	int data_fd;		   /* DATA_CONNECTED, or being connected */
	struct address data_peer;  /* where the client listens; AF_UNSPEC: it has not said */
	struct op data_op;	   /* connecting */

	struct action *action; /* of the command that is being executed */

	/* Input that could not be executed yet, and replies that could not be sent: lent. */
	struct view input; /* what is left of a packet, while session_run looks at it */
	char *held;
	uint32_t held_bytes;
	uint32_t held_size_bytes;
	uint32_t held_looked_at; /* while ABOR may be ahead: up to here commands wait */
	uint16_t commands_waiting;
	uint16_t commands_dropped;
	char *sending;		/* the ring's while send_op is pending */
	uint32_t sending_bytes; /* 1 with nothing to send: it gives way to others */
	uint32_t out_bytes;	/* what stands behind it */
	uint32_t out_size_bytes;
	char *out;
};

/* Begins a session on fd, in a zeroed slot whose context, id, fd and peer are set. */
void session_start(struct session *session);

/* Ends it, with reply (421) if not NULL. At once, or as soon as what is under way lets go. */
void session_end(struct session *session, const char *reply);

/* SIGTERM: an idle session ends, one that transfers after that. */
void session_drain(struct session *session);

/* From the server: what session->data_state waits for has come. Each takes the descriptor over. False: the
 * connection is of a reservation that is no more, and stays the caller's. */
void session_on_grant(struct session *session, unsigned port);
bool session_on_data_connection(struct session *session, uint32_t reservation, int fd);
void session_on_active_socket(struct session *session, int fd_or_error);

/* At the end of a worker's turn, and where another session speaks: sends what replies there are, with
 * those of the others in this turn. */
void session_flush_gathered(struct session_context *context);

/* Prepares what sessions share, in a zeroed context of which the server fills in the rest; frees what it
 * lends. memory_bytes: for transfers (dtp_memory_bytes). */
void session_context_init(struct session_context *context, size_t memory_bytes);
void session_context_fini(struct session_context *context);

#endif
