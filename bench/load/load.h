/*
 * A load generator for FTP servers: many sessions, one thread, one epoll.
 *
 * It must never be what limits a measurement, so received data is discarded inside the
 * kernel (MSG_TRUNC) unless it is to be compared, and what is sent comes from a memfd
 * whose pages go to the socket without a copy. What a run counts begins when every session
 * has logged in and ends at the same moment for all.
 *
 *   CLOSED --> GREETING --> USER --> PASS --> TYPE --> READY --> (workload) --> CLOSED
 *
 *   transfers:  EPSV --> MOVING --> EPSV ...      login:  QUIT --> CLOSED --> GREETING ...
 *   ctrl:       PIPELINED                         plain, http:  MOVING, with no control connection
 *
 * Thread:    one.
 * Ownership: struct load owns all sessions; a session owns its two descriptors.
 */
#ifndef LOAD_LOAD_H
#define LOAD_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "options.h"
#include "report.h"

enum {
	LINE_BYTES = 600,
	DEPTH_MAX = 64,
	ERRORS_IN_A_ROW_MAX = 10,
	PACE_TICKS = 10, /* a paced reader reads every PACE_TICKS milliseconds */
	STREAM_BYTES = 256 * 1024
};

enum session_state {
	SESSION_CLOSED,
	SESSION_GREETING,
	SESSION_USER,
	SESSION_PASS,
	SESSION_TYPE,
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

	/* The control connection: an unfinished line, and the code of an unfinished reply. */
	char line[LINE_BYTES];
	size_t line_length;
	int multiline_code;

	/* The transfer: what was asked for, and how far it is. */
	enum data_use use;
	char argument[64];
	const char *verb;
	uint32_t content;
	uint64_t moved;
	uint64_t expect; /* 0: not known */
	bool begun;	 /* 1xx seen */
	bool replied;	 /* 2xx seen */
	bool drained;	 /* the data connection has ended */
	uint64_t uploads;
	enum http_step http;
	uint64_t http_length; /* of the body */

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
	int epoll_fd;
	int upload_fd; /* memfd with the content of uploads, pages touched */
	int remove_fd; /* folder of options.remove_from, or -1 */
	struct watch gate;
	struct watch ticker;
	unsigned tick;
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

/* session.c: the control connection */

/* Opens the control connection; the login follows by itself. */
void session_open(struct session *session);

/* Begins the session's next operation. */
void session_next(struct session *session);

/* Counts what went wrong, ends the operation, and goes on with the next or gives up. */
void session_error(struct session *session, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Sends one command line. */
void session_command(struct session *session, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* transfer.c: the data connection */

/* Chooses what the next transfer is and resets its counters. */
void transfer_choose(struct session *session);

/* Connects to the server's data port. Returns 0 or a negative errno. */
int transfer_open(struct session *session, unsigned port);

/* The part of a paced reader that is due by now. */
void transfer_tick(struct session *session);

/* Checks the sizes of a transfer whose data and reply have both come, counts it, and goes
 * on. Does nothing while one is missing. */
void transfer_finish(struct session *session);

/* http.c: a download by GET, on a connection that stays for the next one */

/* Asks for session->argument. Returns 0 or a negative errno. */
int http_get(struct session *session);

/* The connection stands, or the header of the answer has come. */
void http_on_ready(struct session *session);

#endif
