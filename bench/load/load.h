/*
 * A load generator for FTP servers: many sessions, one thread, one epoll.
 *
 * It must never be what limits a measurement, so received data is discarded inside the
 * kernel (MSG_TRUNC) unless it is to be compared, and what is sent comes from a memfd
 * whose pages go to the socket without a copy. What a run counts begins when every session
 * has logged in and ends at the same moment for all.
 *
 *   GREETING --> LOGIN --> TYPE --> MODE --> READY --> (workload)
 *
 *   transfers:  EPSV --> MOVING --> EPSV ...      login:  QUIT --> GREETING ...
 *   MODE B:     EPSV --> MOVING --> MOVING ...    plain, http:  MOVING, with no control connection
 *   ctrl:       PIPELINED
 *
 * What is said and heard on a control connection goes through the client library: replies through
 * protocol/reply_reader.h, the port of a 229 through protocol/passive_reply.h, and each reply is
 * held against the diagram of its command, client/diagram.h. The library's sessions themselves
 * hand every byte of a file to the program or to a descriptor, which is what must not happen here.
 *
 * Thread:    one.
 * Ownership: struct load owns all sessions; a session owns its two descriptors.
 */
#ifndef LOAD_LOAD_H
#define LOAD_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sys/types.h>

#include "base/view.h"
#include "client/diagram.h"
#include "options.h"
#include "protocol/reply_reader.h"
#include "protocol/telnet.h"
#include "report.h"

enum {
	CONTROL_BYTES = 65536, /* that one read of a control connection takes */
	DEPTH_MAX = 64,
	ERRORS_IN_A_ROW_MAX = 10,
	PACE_TICKS = 10, /* a paced reader reads every PACE_TICKS milliseconds */
	STREAM_BYTES = 256 * 1024
};

enum session_state {
	SESSION_GREETING,
	SESSION_LOGIN,
	SESSION_TYPE,
	SESSION_MODE,
	SESSION_READY,
	SESSION_EPSV,
	SESSION_MOVING,
	SESSION_PIPELINED,
	SESSION_QUIT,
	SESSION_DEAD /* gave up after too many errors */
};

/* Where a connection of http stands: to be made, asked and waiting, receiving. */
enum http_step { HTTP_CONNECT, HTTP_HEADER, HTTP_BODY };

enum data_use { DATA_DISCARD, DATA_VERIFY, DATA_LINES, DATA_HOLD, DATA_SEND };

/* Where a data connection of MODE B stands (RFC 959 section 3.4.2). */
struct block {
	unsigned char header[3]; /* descriptor, and the length in network byte order */
	unsigned header_bytes;	 /* that have come */
	unsigned left;		 /* bytes of the block that are still to come */
};

/* A descriptor in the epoll set and who is told about it. fd < 0: closed. */
struct watch {
	int fd;
	void (*on_ready)(struct watch *watch, uint32_t events);
};

struct session {
	struct load *load;
	struct watch control;
	struct watch data;
	unsigned number;
	enum session_state state;
	unsigned errors_in_a_row;
	bool logging_in; /* counted in load->logins_under_way */
	uint64_t began_ns;

	/* The control connection: where the command that waits for its reply stands in its diagram, and
	 * a reply that is not whole yet (else NULL). */
	enum ftp_diagram diagram;
	enum diagram_state waits;
	struct reply_reader *reader;
	struct telnet telnet;

	/* The transfer: what was asked for, and how far it is. */
	enum data_use use;
	char argument[64];
	const char *verb;
	uint32_t content;
	uint64_t moved;
	uint64_t expect; /* 0: not known */
	bool replied;	 /* 2xx seen */
	bool drained;	 /* the file has ended on the data connection */
	bool kept;	 /* MODE B: 250 seen, the data connection stays */
	uint64_t uploads;
	enum http_step http;
	uint64_t http_length; /* of the body */
	struct block block;

	/* Pipelined commands: when each was sent, oldest at tail. */
	uint64_t sent_ns[DEPTH_MAX];
	unsigned tail;
	unsigned in_flight;
	unsigned next_command;
};

struct load {
	struct options options;
	struct report report;
	struct session *sessions;
	uint64_t *bytes; /* of each session */
	struct reply_reader *spare_reader;
	int epoll_fd;
	int upload_fd; /* memfd with the content of uploads, pages touched */
	int remove_fd; /* folder of options.remove_from, or -1 */
	struct watch gate;
	struct watch ticker;
	uint64_t tick;	 /* the last one that was due, in milliseconds of the clock */
	unsigned opened; /* sessions that have begun to log in */
	unsigned logins_under_way;
	unsigned ready; /* sessions logged in, or given up */
	unsigned begun; /* stall: downloads that have begun */
	unsigned dead;
	uint64_t claimed; /* operations begun, against options.count */
	uint64_t random;
	bool running; /* operations count */
	bool settled; /* nothing that was counted before is left */
	bool held;    /* idle and stall: ready was printed */
	bool over;
};

/* loop.c */

/* Runs the whole subcommand and prints its line. Returns the exit status. */
int load_run(struct load *load);

/* Adds watch->fd to the epoll set, or changes what is waited for. */
void watch_set(struct load *load, struct watch *watch, int operation, uint32_t events);
void watch_close(struct watch *watch);

/* Opens a socket to the server (another port of it where port is not 0) from the session's
 * source address and begins to connect. Returns the descriptor or a negative errno. */
int load_connect(struct load *load, const struct session *session, unsigned port);

/* Told by sessions: one more is ready (or has given up before it was); one download has
 * begun; one session has given up. */
void load_session_ready(struct load *load);
void load_session_begun(struct load *load);
void load_session_dead(struct load *load);

/* Takes one operation of options.count. False when there is none left. */
bool load_claim(struct load *load);

/* control.c: the control connection */

/* Begins to connect and waits for the greeting. */
void control_open(struct session *session);

/* Sends one command line, the next one of a diagram or the first of another. */
void control_command(struct session *session, enum ftp_diagram diagram, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Sends lines that no diagram is asked about. */
void control_send(struct session *session, const char *text, size_t length);

/* session.c: what is said and what is answered */

/* Opens the control connection; the login follows by itself. */
void session_open(struct session *session);

/* Begins the session's next operation. */
void session_next(struct session *session);

/* Counts what went wrong, ends the operation, and goes on with the next or gives up. */
void session_error(struct session *session, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Told by control.c: one whole reply; the replies of one read were all taken; the connection has
 * ended (error: 0 or a positive errno). */
void session_reply(struct session *session, int code, struct view text);
void session_replied(struct session *session);
void session_ended(struct session *session, int error);

/* transfer.c: the data connection */

/* Chooses what the next transfer is and resets its counters. */
void transfer_choose(struct session *session);

/* Connects to the server's data port. Returns 0 or a negative errno. */
int transfer_open(struct session *session, unsigned port);

/* The reply says whether the server has closed its data connection (226) or keeps it (250). */
void transfer_replied(struct session *session, int code);

/* Receives at most `most` bytes of the file from the data connection, looks at them where asked
 * for, and counts them. Returns as recv does. */
ssize_t transfer_receive(struct session *session, size_t most);

/* The part of a paced reader that is due by now. */
void transfer_tick(struct session *session);

/* Checks the sizes of a transfer whose data and reply have both come, counts it, and goes
 * on. Does nothing while one is missing. */
void transfer_finish(struct session *session);

/* block.c: MODE B */

/* Takes what has come of the next block of the data connection. Returns as recv does: 0 at the end
 * of the connection, -1 with EAGAIN while nothing more has come. *ret_file_end tells whether that
 * block was the last one of its file. */
ssize_t block_receive(struct session *session, bool *ret_file_end);

/* http.c: a download by GET, on a connection that stays for the next one */

/* Asks for session->argument. Returns 0 or a negative errno. */
int http_get(struct session *session);

/* The connection stands, or the header of the answer has come. */
void http_on_ready(struct session *session);

#endif
