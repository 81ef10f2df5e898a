/*
 * What the files of the user-PI share.
 *
 *   client.c     the ring, its sessions, running and ending
 *   session.c    a session's life: what is pending, what ends it, when its memory goes
 *   open.c       resolving, connecting, greeting, login, FEAT
 *   control.c    commands out, replies in, each held against its diagram (client/diagram.h)
 *   data_port.c  how a data connection comes about
 *   data.c       what moves over it
 *   kept.c       one that outlives its transfer
 *   parameters.c TYPE, STRU and MODE
 *   errand.c     what all errands share: their beginning and their end
 *   move.c       get, put, abort
 *   entries.c    MLSD and LIST
 *   command.c    single commands, renaming
 *   copy.c       the third-party transfer
 *
 * Everything ends in session_settle(): an operation that completes changes the session and calls
 * it, and it alone closes, reports and frees, once nothing is pending that stands in the way.
 */
#ifndef CLIENT_CLIENT_PRIV_H
#define CLIENT_CLIENT_PRIV_H

#include "sluice/client.h"
#include "sluice/translate.h"

#include "base/list.h"
#include "client/diagram.h"
#include "net/address.h"
#include "protocol/reply_reader.h"
#include "protocol/telnet.h"
#include "ring/ring.h"
#include "transfer/transfer.h"

#define COMMANDS_MAX 4 /* sent and not answered: ABOR behind a transfer is the second */
#define OUTPUT_MAX (4 * SLUICE_ARGUMENT_MAX) /* bytes of commands that the socket has not taken */
#define FEATURE_TEXT_MAX 128
#define COMMAND_SHOWN_MAX 256 /* of the last command, in the text of a protocol error */

struct copy;
struct line_reader;
struct resolve;
struct sluice_session;

struct sluice_client {
	struct ring *ring;
	struct jobs *jobs;
	struct disk_queues *disks;
	struct dtp dtp;
	struct list sessions;
	unsigned sessions_count;
	unsigned resolving; /* jobs that are out, also of sessions that are gone */
	unsigned under_way; /* errands */
	bool stopped;
	bool running;
	uint64_t timeout_ms;
	uint64_t copy_timeout_ms; /* of what moves between two servers */
	struct sluice_options options;
	struct translate_ebcdic ebcdic;
	bool ebcdic_loaded; /* when it was asked for, or first needed */
};

/* A reply to a command, as its handler gets it. text lives for the time of the call. */
struct reply {
	int code;
	struct view text;
	enum diagram_state
		state; /* S, F, NEXT_2, NEXT_3, or W: 1yz, the final one is still to come */
};

typedef void replied_fn(struct sluice_session *session, const struct reply *reply);

/* A command that has been sent and not been answered finally. */
struct command {
	enum ftp_diagram diagram;
	enum diagram_state state; /* where it waits */
	replied_fn *replied;
};

/*
 * The data connection as the user-DTP sees it.
 *
 *              PASV, EPSV            connected           1yz or at once
 *   NONE -----------------> CONNECTING ------> CONNECTED --------------> MOVING
 *    | \                        |                ^ ^                        |
 *    |  \ one that was kept ----+----------------+ |                        |
 *    |  PORT, EPRT, default     |                  |                        |
 *    +------------------> LISTENING ---------------+                        |
 *    ^                          | failed           | dropped                | end, failed
 *    +------- (next errand) -- OVER <--------------+------------------------+
 */
enum data_state {
	DATA_NONE,
	DATA_LISTENING,
	DATA_CONNECTING,
	DATA_CONNECTED,
	DATA_MOVING,
	DATA_OVER,
};

struct data {
	enum data_state state;
	int fd;		       /* listener or connection, or -1 */
	struct op op;	       /* connect, accept, or the turn after a drop that had to wait */
	int accepted;	       /* while the listener is not closed yet, or -1 */
	bool extended;	       /* EPSV was sent last, not PASV */
	bool was_kept;	       /* it served an errand before this one */
	bool handing_on;       /* a callback of the transfer's is under way: it cannot end now */
	bool dropped;	       /* meanwhile */
	bool transfer_started; /* until its done */
	struct representation representation;
	struct transfer transfer;
	struct wheel_timer progress_timer;
	bool no_epsv; /* the server does not know it */
	bool no_mlsd;
	void (*ready)(struct sluice_session *session);
};

/* See kept.c. */
struct kept {
	int fd;	     /* -1: none */
	char *early; /* what came behind the end of the file that came last */
	size_t early_bytes;
	bool elsewhere; /* the server keeps one to another server */
};

/* See parameters.c. */
struct parameters {
	struct representation at_server;
	bool type_is_set; /* until then it is what servers begin with, if they follow section 5.1 */
	bool keep_asked; /* whether the connection stays in MODE Z, too; at_server has the answer */
	struct representation wanted;
	const char *verb; /* on its way */
	void (*done)(struct sluice_session *session, const struct reply *refusal);
};

struct errand {
	bool under_way; /* from its beginning to the call of done */
	bool ending;	/* its outcome is decided */
	bool reporting; /* end_op is out */
	bool closes;	/* the session goes when done returns */
	sluice_done_fn *done;
	void *context;

	/* The outcome, in the order in which they decide it. */
	int failure;	/* ours: a file, the control connection, a protocol error */
	bool cancelled; /* by sluice_abort */
	bool refused;
	int data_error;
	int code;
	char *text;
	uint64_t bytes;

	/* A transfer or listing. */
	bool moves;
	bool sends;	  /* to the server */
	bool takes;	  /* what comes passes through us: it goes to a function, or to no file */
	bool moving;	  /* the command that moves has been sent */
	bool preliminary; /* 1yz came */
	bool final;	  /* 2yz came, or what refused */
	bool abort_waits; /* for the reply to ABOR */
	bool has_marker;
	struct marker marker;	 /* where it begins */
	struct marker_file file; /* that markers of this side are of */
	uint64_t unsafe;
	bool renaming;	       /* RNFR was accepted */
	uint64_t bytes_marked; /* when a 110 last counted as a sign of life */
	void (*again)(struct sluice_session *session); /* once the data connection is over */
	struct sluice_transfer transfer;
	struct copy *copy;
	struct line_reader *lines;
	void (*entry)(void *context, const struct sluice_entry *entry);

	/* Called instead of ending the errand when the connection is lost; NULL: it just ends. */
	void (*lost)(struct sluice_session *session);
};

struct sluice_session { /* NOLINT: in the order of its subjects, whatever that pads */
	struct sluice_client *client;
	struct list link;

	/* The target. */
	char *host;
	char *user;
	char *password;
	char *account;
	uint16_t port;
	enum sluice_data data_mode;
	enum sluice_family family;

	/* Opening. */
	struct resolve *resolve; /* while its job is out */
	struct address addresses[SLUICE_ADDRESSES_MAX];
	unsigned addresses_count;
	unsigned address_next;
	int connect_error;
	struct op connect_op;

	/* The control connection. */
	int fd;
	struct address peer;
	struct address local;
	struct op receive_op;
	struct op send_op;
	struct op end_op;
	struct wheel_timer timer;
	struct telnet telnet;
	struct command commands[COMMANDS_MAX]; /* in the order sent */
	unsigned commands_count;
	size_t output_bytes;
	size_t sending_bytes; /* of them, with the ring */
	char last_command[COMMAND_SHOWN_MAX];
	char last_reply[COMMAND_SHOWN_MAX];
	bool logged_in;
	bool lost;	/* no more to be sent or received */
	bool dismissed; /* by 421 */
	bool gone;	/* closed or cut: freed as soon as nothing is pending */
	unsigned held;	/* calls within which it must not be freed */

	struct parameters parameters;
	bool lists_as; /* listings have a representation of their own */
	struct representation listing;
	uint32_t features; /* bits of sluice_feature */
	char hashes[FEATURE_TEXT_MAX];
	enum diagram_state login; /* where the login stands */

	struct data data;
	struct kept kept;
	struct errand errand;

	/* From here on not zeroed at the start: touched only as far as they are used. */
	char verb[9]; /* of the errand */
	char path[SLUICE_ARGUMENT_MAX];
	char new_path[SLUICE_ARGUMENT_MAX];
	char output[OUTPUT_MAX];
	struct reply_reader reader;
};

/* --- session.c */

/* Does whatever is due: closes, reports, frees. The session may be gone when it returns. */
void session_settle(struct sluice_session *session);

/* The control connection is at its end: so is the errand under way, with this error. */
void session_lose(struct sluice_session *session, int error);

/* Something has happened: the time without it begins anew. */
void session_touch(struct sluice_session *session);

/* --- open.c */

void session_give_up_resolving(struct sluice_session *session);
void session_begin_opening(struct sluice_session *session);
int session_try_next_address(struct sluice_session *session);

/* --- control.c */

/* Sends "verb argument" (argument may be NULL) as the command that follows state in diagram
 * (DIAGRAM_B for the first), and has replied called with each reply. Failing loses the session. */
void control_send(struct sluice_session *session, enum ftp_diagram diagram,
		  enum diagram_state state, const char *verb, const char *argument,
		  replied_fn *replied);

/* ABOR behind whatever is waiting, with the Telnet signals before it. */
void control_abort(struct sluice_session *session, replied_fn *replied);

/* Begins to receive on a connection that has just come about; the greeting goes to replied. */
void control_start(struct sluice_session *session, replied_fn *replied);

/* The last reply is none that its command can have: both sides' last lines are the outcome's. */
void control_protocol_error(struct sluice_session *session);

/* 0, or -EINVAL for what no argument of a command can be. */
int control_check_argument(const char *argument);

/* --- errand.c */

/* 0, -EBUSY or -ENOTCONN. */
int errand_check(const struct sluice_session *session);
void errand_begin(struct sluice_session *session, sluice_done_fn *done, void *context);

/* Ends it as soon as its data connection is quiet. error: ours, or 0 for what replies have said. */
void errand_end(struct sluice_session *session, int error);

/* Remembers code and text of a reply, for the outcome; a refusal decides it. */
void errand_take_reply(struct sluice_session *session, const struct reply *reply);
void errand_set_text(struct sluice_session *session, struct view text);

/* Calls done; the session's memory stays. */
void errand_report(struct sluice_session *session);

/* --- data_port.c */

/* Makes the port known to both sides, then calls ready; or ends the errand. */
void data_prepare(struct sluice_session *session, void (*ready)(struct sluice_session *session));

/* The argument of PORT, or extended, of EPRT. */
void data_format_port(const struct address *address, bool extended, char *ret_text,
		      size_t size_bytes);

/* --- data.c */

/* Closes whatever descriptor there is. */
void data_close(struct sluice_session *session);

/* The data connection is at its end, one way or the other: 0 for the end of the stream. */
void data_over(struct sluice_session *session, int error);

/* Begins to move, if there is a connection and it may. */
void data_start_if_ready(struct sluice_session *session);

/* The server has refused before anything moved: a connection that was kept stays for the next
 * errand. False: this is none. */
bool data_put_back(struct sluice_session *session);

/* Gives up whatever there is. Over at once, or when data_is_quiet. */
void data_drop(struct sluice_session *session);
bool data_is_quiet(const struct sluice_session *session);
uint64_t data_bytes(const struct sluice_session *session);

/* --- kept.c */

/* Takes the descriptor, and early, which is malloc'ed or NULL. */
void kept_store(struct sluice_session *session, int fd, char *early, size_t early_bytes);
void kept_forget(struct sluice_session *session);

/* The connection for the next transfer, which must be given early as well; -1: there is none. */
int kept_take(struct sluice_session *session);

/* --- parameters.c */

void parameters_init(struct parameters *parameters);

/* The code page that was asked for. Returns 0 or an error of translate_ebcdic_load. */
int parameters_load(struct sluice_client *client);

/* A wish as the stages know it. Returns 0, -EINVAL or an error of translate_ebcdic_load. */
int parameters_take(struct sluice_client *client, const struct sluice_representation *wish,
		    struct representation *ret_representation);

/* Whether octets of the file are octets on the way, so that a number can be REST's argument. */
bool parameters_count_octets(const struct representation *representation);

/* Sends what is not as wanted, then calls done, with a refusal or NULL. */
void parameters_set(struct sluice_session *session, const struct representation *wanted,
		    void (*done)(struct sluice_session *session, const struct reply *refusal));

/* --- move.c */

/* Replies to the command that moves, and the end of what moved, in either order. */
void move_on_reply(struct sluice_session *session, const struct reply *reply);
void move_on_data_over(struct sluice_session *session, int error, bool established);
void move_settle(struct sluice_session *session);

/* ABOR, if there is something to be aborted that has not been; and the data connection dropped. */
void move_abort(struct sluice_session *session);

/* An errand that moves: its parameters (NULL: as they are), the data connection, verb and path. */
void move_begin(struct sluice_session *session, const char *verb,
		const struct representation *wanted);

/* --- copy.c */

void copy_on_abort(struct sluice_session *session);
void copy_on_cut(struct sluice_session *session);

/* Ends the errands of both sessions, once neither server has anything more to say. */
void copy_settle(struct sluice_session *session);

/* The session's time is over. Whether the copy goes on waiting: bytes may move between the servers,
 * of which nothing is seen here, or this one has said all and the other has not. */
bool copy_may_wait(struct sluice_session *session);

/* --- entries.c */

/* MLSD was refused as unknown. Returns whether the errand goes on with LIST. */
bool list_on_refusal(struct sluice_session *session, int code);

/* How the listing under way comes. */
struct representation list_representation(const struct sluice_session *session);

/* Bytes of a listing. Returns 0 or a negative errno that ends it. */
int list_take(struct sluice_session *session, const char *bytes, size_t length, bool last);
void list_free(struct line_reader *lines);

#endif
