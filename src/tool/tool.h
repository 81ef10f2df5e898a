/*
 * sluice(1): what its subcommands share. A subcommand is a file of this room with one function in
 * the table of tool.c; it gets its options read and its arguments counted.
 *
 * Most of them do one thing after the other: tool_wait() runs the client until the errand that was
 * begun with tool_on_done has ended. What runs many sessions at once has callbacks of its own.
 *
 * Thread: one. Secrets: passwords and an account are taken out of argv before anything else is done.
 */
#ifndef TOOL_TOOL_H
#define TOOL_TOOL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "client/url.h"
#include "sluice/client.h"
#include "tool/bars.h"

/* Documented in sluice(1). */
enum tool_exit {
	TOOL_DONE = 0,
	TOOL_FAILED = 1, /* something, at the server or here */
	TOOL_WRONG_ARGUMENTS = 2,
	TOOL_CANNOT_CONNECT = 3,
	TOOL_NOT_LOGGED_IN = 4,
	TOOL_PROTOCOL_ERROR = 5,
	TOOL_NOT_VERIFIED = 6,
};

struct tool_options {
	const char *user;
	const char *password_path;
	const char *account;
	const char *netrc_path;
	const char *output;
	bool no_netrc;
	bool ascii;
	bool compress;
	struct sluice_representation representation; /* what was said of it */
	const char *ebcdic;
	bool quiet;
	bool json;
	bool verbose;
	bool long_listing;
	bool parents;
	bool append;
	bool verify;
	bool no_resume;
	const char *jobs;
	bool deletes;
	bool dry_run;
	bool by_hash;
	enum sluice_data data;
	enum sluice_family family;
	enum sluice_ring ring;
	unsigned timeout_s;
};

struct getting;
struct restart;

struct tool {
	const char *command; /* its name */
	struct tool_options options;
	struct sluice_client *client;
	enum tool_exit exit_code; /* the first that was not TOOL_DONE */
	bool terminal;		  /* stderr is one: progress may be redrawn there */
	struct bars bars;

	/* The transfer that is under way, for its progress. */
	const char *path;
	int64_t size_bytes;
	int64_t offset; /* where it began */
	uint64_t began_ms;
	struct bars_rate rate;
	struct restart *restart; /* its markers, see restart.h */
	struct getting *getting; /* see get.c */

	/* The first line of --password-file, once it has been read. */
	bool password_is_read;
	char password[LOGIN_FIELD_MAX];

	/* The session that was opened last, for further URLs of the same place. */
	struct sluice_session *session;
	struct url at;
};

/* An outcome that outlives its callback. */
struct tool_result {
	bool over;
	int error;
	int code;
	uint64_t bytes;
	uint64_t unsafe;
	bool connected;
	char text[1024]; /* cut if longer */
};

/* The context of a listing: its entries, then its end. */
struct tool_listing {
	struct tool_result result;
	struct tool *tool;
};

/* main() of sluice(1). */
int tool_main(int argc, char **argv);

/* The subcommands: argv[0 .. argc) are what is left after the options. */
void tool_get(struct tool *tool, int argc, char **argv);
void tool_put(struct tool *tool, int argc, char **argv);
void tool_cat(struct tool *tool, int argc, char **argv);
void tool_ls(struct tool *tool, int argc, char **argv);
void tool_rm(struct tool *tool, int argc, char **argv);
void tool_mkdir(struct tool *tool, int argc, char **argv);
void tool_mv(struct tool *tool, int argc, char **argv);
void tool_copy(struct tool *tool, int argc, char **argv);
void tool_mirror(struct tool *tool, int argc, char **argv);

/* A sluice_done_fn whose context is a struct tool_result. */
void tool_on_done(struct sluice_session *session, const struct sluice_outcome *outcome,
		  void *context);

/* The same with a struct tool_listing. */
void tool_on_listed(struct sluice_session *session, const struct sluice_outcome *outcome,
		    void *context);

/* Runs the client until result is over. begun: what the call that began the errand returned; if it
 * is negative, that is the result. Returns result->error. */
int tool_wait(struct tool *tool, int begun, struct tool_result *result);

/* sluice_command, and waits. */
int tool_command(struct tool *tool, struct sluice_session *session, const char *verb,
		 const char *argument, struct tool_result *result);

/* What SIZE says, or -1. */
int64_t tool_remote_size(struct tool *tool, struct sluice_session *session, const char *path);

/* What MDTM says: seconds since 1970. False: nothing. */
bool tool_remote_time(struct tool *tool, struct sluice_session *session, const char *path,
		      int64_t *ret_modified_s);

/* Both, by MLST where that is known: -1 and INT64_MIN if they are not told. */
void tool_remote_version(struct tool *tool, struct sluice_session *session, const char *path,
			 int64_t *ret_size_bytes, int64_t *ret_modified_s);

/* One URL's file, or what is listed there, on standard output. */
void tool_cat_one(struct tool *tool, const struct url *url);
void tool_ls_one(struct tool *tool, const struct url *url);

/* Before and after a transfer of path, a local file: progress where somebody looks, and a line or
 * a JSON object about how it ended. size_bytes: of the whole file, -1 if unknown. */
void tool_transfer_begin(struct tool *tool, const char *path, int64_t size_bytes,
			 struct sluice_transfer *transfer);
void tool_transfer_end(struct tool *tool, const struct url *url, const struct tool_result *result);

/* Tells of a file that need not be moved, since all of it is there: here, or at the server. */
void tool_transfer_kept(struct tool *tool, const char *path, const char *where);

/* Copies of arguments, malloc'ed, or NULL without memory; where the process list shows them, the secret
 * is taken out, or a URL's password. */
char *tool_take_secret(char *argument);
char *tool_take_argument(char *argument);

/* Refuses an argument that must be a file of this machine, and is a URL. False: it is none. */
bool tool_refuse_url(struct tool *tool, char *argument);

/* Reads an argument that must be a URL. False: it is none, which has been said. */
bool tool_read_url(struct tool *tool, char *argument, struct url *ret_url);

/* Opens a session at url's place with the login that URL, options and netrc give, or takes the one
 * that is open there. NULL: it failed, which has been said. */
struct sluice_session *tool_open(struct tool *tool, const struct url *url);

/* The same without taking one that is open: for several sessions at one place. */
struct sluice_session *tool_open_new(struct tool *tool, const struct url *url);

/* Fills in what sluice_session_open wants, for those who open many at once. The strings live as
 * long as url and login. False: it failed, which has been said. */
struct tool_login {
	char user[LOGIN_FIELD_MAX];
	char password[LOGIN_FIELD_MAX];
	char account[LOGIN_FIELD_MAX];
};
bool tool_target(struct tool *tool, const struct url *url, struct tool_login *login,
		 struct sluice_target *ret_target);

/* QUIT on the session that tool_open has opened last, if any. */
void tool_close(struct tool *tool);

/* The same for any session. */
void tool_close_session(struct tool *tool, struct sluice_session *session);

/* A URL that is empty or ends with a slash names a folder: what comes there keeps the last name of
 * path. False: there is none, which has been said. */
bool tool_add_name(struct tool *tool, const char *path, struct url *url);

/* "sluice: what: why" on stderr and the exit code that fits, for an errand that has failed. */
void tool_fail(struct tool *tool, const struct url *url, const struct tool_result *result);

/* The same of what breaks the protocol: said are the last lines of both sides. */
void tool_fail_protocol(struct tool *tool, const char *where, const char *said);

/* The same for a session that could not be opened. */
void tool_fail_open(struct tool *tool, const struct url *url, const struct tool_result *result);

/* "sluice: ..." on stderr, made printable; sets the exit code. */
void tool_say(struct tool *tool, enum tool_exit code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* One line on stdout about something that was done: nothing with --quiet or --json. */
void tool_tell(struct tool *tool, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* "ftp://host/path" without login, printable, with NUL. */
void tool_show_url(const struct url *url, char *ret_text, size_t size_bytes);

/* What follows the last slash of a URL's path: a name that is safe here, or NULL. */
const char *tool_base_name(const char *path);

#endif
