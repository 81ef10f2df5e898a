/*
 * The user-FTP as a library: the user-PI and the user-DTP of RFC 959's model, for sluice(1), the
 * tests, the benchmarks and other programs. It needs only libc.
 *
 *   struct sluice_client    one ring, in which everything happens: any number of sessions
 *   struct sluice_session   one control connection to one server, logged in
 *   an errand               what a session is asked to do: one command, or the whole sequence of
 *                           commands that a transfer takes; one at a time for each session
 *
 * Every function that begins an errand returns at once: 0 when it is under way, or a negative
 * errno when it cannot begin (nothing has then been sent, and done is not called):
 *
 *   -EBUSY     the session has an errand under way
 *   -ENOTCONN  the control connection is gone: close the session and open another
 *   -EINVAL    an argument holds CR, LF or NUL, is empty or longer than SLUICE_ARGUMENT_MAX
 *   -ENOMEM    no memory
 *
 * Its end is told by one call of done, from within sluice_client_run, never from within the call
 * that began it. By then the session is free for the next errand, which done may begin; done may
 * also close or cut this session or any other.
 *
 * Thread:    one. All calls for one client come from the thread that runs it.
 * Ownership: a client owns its sessions until they are closed or cut. Strings and structs handed
 *            in are copied; files stay the caller's, who keeps them open until done.
 * Signals:   SIGPIPE is ignored from sluice_client_new on (splice(2) cannot be told otherwise).
 *
 * Bytes from a server are never trusted: replies, names and listings are bounded, and text is
 * handed on as it came, so a program that shows it on a terminal makes it printable first.
 */
#ifndef SLUICE_CLIENT_H
#define SLUICE_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SLUICE_ARGUMENT_MAX 4096     /* bytes of a path or another argument, NUL included */
#define SLUICE_ADDRESSES_MAX 16	     /* of one host; further ones are not tried */
#define SLUICE_LISTING_LINE_MAX 8192 /* bytes of a line of a listing; longer ones: -EPROTO */
#define SLUICE_TIMEOUT_DEFAULT_S 60
#define SLUICE_COPY_TIMEOUT_DEFAULT_S 43200
#define SLUICE_PROGRESS_MS 200

struct sluice_client;
struct sluice_session;

/* --- The client -------------------------------------------------------------------------------- */

enum sluice_ring { SLUICE_RING_AUTO, SLUICE_RING_URING, SLUICE_RING_EPOLL };

struct sluice_options {
	enum sluice_ring ring; /* AUTO: io_uring where it is allowed */
	/* NULL, or "5.15": features of the ring that this kernel did not have are not used. */
	const char *ring_mask;
	/* Without a reply, or without a byte of a transfer, for so long: -ETIMEDOUT. A restart marker
	 * counts if bytes have moved since the last one. 0: the default, which is longer while bytes move
	 * between two servers (sluice_copy): of these nothing is seen. */
	unsigned timeout_s;
	/* NULL, or called with every command line (code 0; what follows PASS and ACCT is "****") and
	 * every reply (its code, and its lines separated by LF without it). length bytes, no NUL. */
	void (*trace)(void *context, struct sluice_session *session, int code, const char *text,
		      size_t length);
	void *trace_context;
	/* The EBCDIC code page of TYPE E, as translate.h names them. NULL: 1047. */
	const char *ebcdic;
};

/* Makes a client. options may be NULL. Returns 0, -EOPNOTSUPP (SLUICE_RING_URING, and this system
 * has no io_uring for us), what translate_ebcdic_load says of options->ebcdic, or another negative
 * errno. */
int sluice_client_new(const struct sluice_options *options, struct sluice_client **ret_client);

/* Cuts all sessions and frees the client; not from within a callback. NULL is allowed. */
void sluice_client_free(struct sluice_client *client);

/* Runs until no errand is under way in any session, or sluice_client_stop was called. May be
 * called again. Returns 0 or a negative errno of the ring itself. */
int sluice_client_run(struct sluice_client *client);

/* Has sluice_client_run return soon, errands under way or not; they go on when it is called again. */
void sluice_client_stop(struct sluice_client *client);

/* --- Errands and how they end ------------------------------------------------------------------ */

struct sluice_outcome {
	/*
	 * 0            done
	 * -EREMOTEIO   the server refused: code and text say what it said
	 * -EACCES      the server does not let this user log in: code and text say why
	 * -EPROTO      a reply that RFC 959's state diagrams do not allow, or no reply at all: text
	 *              holds both sides' last lines
	 * -ECANCELED   sluice_abort
	 * -ETIMEDOUT, -ECONNREFUSED, -ECONNRESET, -EHOSTUNREACH, ...: a connection
	 * -ENOENT      sluice_session_open: no such host (text says what the resolver said)
	 * -EBADMSG     what came is not of its MODE or STRU; text says why
	 * -EILSEQ      it is, but no file can hold it; text says why
	 * other        the local file: reading (-EIO) or writing (-ENOSPC)
	 */
	int error;
	int code;	  /* of the reply that decided it, or 0 */
	const char *text; /* of that reply, lines separated by LF; NUL-terminated; never NULL */
	uint64_t bytes;	  /* over the data connection */
	uint64_t unsafe;  /* names that a listing left out, since they could lead elsewhere */
	bool connected;	  /* the session can have another errand */
	bool renaming;	  /* sluice_rename: RNFR was accepted, so that the reply is RNTO's */
};

typedef void sluice_done_fn(struct sluice_session *session, const struct sluice_outcome *outcome,
			    void *context);

/* --- Sessions ---------------------------------------------------------------------------------- */

/* How data connections come about (RFC 959 section 5.2, RFC 2428). */
enum sluice_data {
	SLUICE_DATA_AUTO, /* EPSV; PASV if the server does not know it and we are on IPv4 */
	SLUICE_DATA_EPSV,
	SLUICE_DATA_PASV,	  /* IPv4 only */
	SLUICE_DATA_ACTIVE,	  /* PORT on IPv4, EPRT on IPv6 */
	SLUICE_DATA_DEFAULT_PORT, /* no command: the server connects to our control port (section 3.3) */
};

enum sluice_family { SLUICE_FAMILY_ANY, SLUICE_FAMILY_IPV4, SLUICE_FAMILY_IPV6 };

struct sluice_target {
	const char *host;     /* name or address; no brackets */
	uint16_t port;	      /* 0: 21 */
	const char *user;     /* NULL: "anonymous" */
	const char *password; /* NULL: "anonymous@" for anonymous, "" for others */
	const char *account;  /* NULL: none; a server that asks for one refuses the login */
	enum sluice_data data;
	enum sluice_family family;
};

/*
 * Opens a session: resolves the host, connects to its addresses in turn, takes the greeting (120
 * and then 220 too), logs in by USER, PASS and ACCT as far as the server asks (RFC 959 section 6,
 * the last diagram), and asks what it can do (FEAT).
 * *ret_session is there at once, but its first errand is this one: done tells its end.
 *
 * Errors of the outcome beside those above: -EACCES. Whatever the outcome, the session stays until
 * it is closed or cut.
 */
int sluice_session_open(struct sluice_client *client, const struct sluice_target *target,
			sluice_done_fn *done, void *context, struct sluice_session **ret_session);

/* QUIT, its reply, and the end of the connection: the last errand of a session, which is gone when
 * done (may be NULL) returns. The outcome's error is 0 if the server said 221. A session that is
 * not connected any more is closed in the same way, with -ENOTCONN. Returns 0 or -EBUSY. */
int sluice_session_close(struct sluice_session *session, sluice_done_fn *done, void *context);

/* Ends the connection at once, without a word and without any callback; the session is gone. */
void sluice_session_cut(struct sluice_session *session);

enum sluice_feature {
	SLUICE_FEATURE_MLST, /* and MLSD */
	SLUICE_FEATURE_SIZE,
	SLUICE_FEATURE_MDTM,
	SLUICE_FEATURE_REST, /* REST STREAM */
	SLUICE_FEATURE_UTF8,
	SLUICE_FEATURE_TVFS,
	SLUICE_FEATURE_MFMT,
	SLUICE_FEATURE_HASH,
	SLUICE_FEATURE_XSHA256,
	SLUICE_FEATURE_XSHA512,
	SLUICE_FEATURE_XSHA1,
	SLUICE_FEATURE_XMD5,
	SLUICE_FEATURE_EPSV,
	SLUICE_FEATURE_MODE_Z,
	SLUICE_FEATURE_RANG,	    /* RANG STREAM */
	SLUICE_FEATURE_MODE_Z_KEEP, /* OPTS MODE Z KEEP ON */
	SLUICE_FEATURES,
};

/* Whether the server said so in reply to FEAT (RFC 2389). */
bool sluice_session_has(const struct sluice_session *session, enum sluice_feature feature);

/* What followed HASH in the reply to FEAT ("SHA-256*;SHA-1"), or "". */
const char *sluice_session_hashes(const struct sluice_session *session);

/* Whether it can have an errand: connected, logged in, and none under way. */
bool sluice_session_is_free(const struct sluice_session *session);

/* --- Errands ----------------------------------------------------------------------------------- */

/* Any command that moves no data and has one final reply (groups 1 and 3 of section 6's diagrams:
 * CWD, DELE, MKD, SIZE, MDTM, HASH, SITE, ...). argument may be NULL. A reply of the kind 1yz or
 * 3yz that the command's diagram does not allow is a protocol error. The outcome of success has
 * the reply's code and text. SIZE, HASH and RANG (whose 350 is a success) are asked for in TYPE I, STRU F
 * and MODE S. -EINVAL also for a verb that is not 3 to 8 letters or digits, and for one that would
 * set up or move data, or log in (PORT, RETR, REST, RNFR, USER, ...). */
int sluice_command(struct sluice_session *session, const char *verb, const char *argument,
		   sluice_done_fn *done, void *context);

/* RNFR and RNTO. */
int sluice_rename(struct sluice_session *session, const char *from, const char *to,
		  sluice_done_fn *done, void *context);

/*
 * How a file looks on the data connection (RFC 959 section 3). TYPE, STRU and MODE are sent where
 * they change; what the server refuses of them (504) ends the errand. Zeros are TYPE I, STRU F and
 * MODE S: the file as it is.
 *
 * What files of this system are under each of them is the same here as at sluiced(8): lines of text
 * end with LF (and CR LF or NL on the way), a line is a record, and pages keep holes.
 */
struct sluice_representation {
	char type;		 /* 'A', 'E', 'I', or 'L' */
	char format;		 /* of A and E: 'N', 'T' or 'C'; 0: 'N' */
	unsigned char byte_bits; /* of L: 1 to 255; 0: 8 */
	char structure;		 /* 'F', 'R', or 'P' (neither with A, E, nor with fd -1) */
	/* 'S', 'B', 'C', or 'Z'. In B and C, and in Z if its reply to FEAT offers that, the server may
	 * keep the data connection (250), which then serves the next errand of the session that moves
	 * data, without a new one. */
	char mode;
};

struct sluice_transfer {
	/* The local file; -1: take is called with what comes (get only). Put wants a regular file; get
	 * writes to anything, and blocks the client while a pipe or a terminal is full. */
	int fd;
	/* Where in the file it begins, and what REST says if it is not 0. Only where octets of the
	 * file are octets on the way: TYPE I, L and E (not format C), STRU F, MODE S and Z; else
	 * only 0 is allowed, or -EINVAL. */
	int64_t offset;
	struct sluice_representation representation;
	bool append; /* put: APPE; offset then counts in the local file alone, without REST */
	/* MODE B and C, NULL or both: REST says remote_marker, and local_marker tells where in the
	 * local file that is (offset is not looked at). -ESTALE: the local file is not the one that
	 * it was made for, -EPROTOTYPE: the representation is not. A server that cannot go on there
	 * says 554 or 555. */
	const char *remote_marker;
	const char *local_marker;
	/* NULL, or called (MODE B and C, with a file) when both sides have all that lies before a
	 * place, offset in the local file, with what is needed to go on there. */
	void (*marked)(void *context, const char *remote_marker, const char *local_marker,
		       int64_t offset);
	/* get: NULL, or called once, when the server has agreed to send (1yz) and before the first byte
	 * goes to the file: until then nothing of it has been touched. A negative errno ends the
	 * errand. It may be called again if the data connection has to be opened anew. */
	int (*accepted)(void *context);
	/* NULL, or called every SLUICE_PROGRESS_MS with the bytes so far, moving or not. */
	void (*progress)(void *context, uint64_t bytes);
	/* get with fd -1: length bytes of the file in order. Nonzero, a negative errno,
	 * ends the transfer with that error. It blocks the whole client for as long as it takes. */
	int (*take)(void *context, const char *bytes, size_t length);
	void *context; /* of accepted, progress, take and marked */
};

/* RETR path: the file is not made shorter if it was longer; that is the caller's to do. (In STRU P
 * a size that the server describes is the file's in the end.)
 *
 * Of this and sluice_put, -EINVAL also for a representation that no file can be moved in; -ESPIPE:
 * for STRU P, and for put, the local file is no regular one; for put, -EOVERFLOW: the file has more
 * pages than a logical byte can number; and for TYPE E what
 * translate_ebcdic_load says. */
int sluice_get(struct sluice_session *session, const char *path,
	       const struct sluice_transfer *transfer, sluice_done_fn *done, void *context);

/* STOR (or APPE) path: from offset to the end that the file has when the errand begins. */
int sluice_put(struct sluice_session *session, const char *path,
	       const struct sluice_transfer *transfer, sluice_done_fn *done, void *context);

enum sluice_kind { SLUICE_FILE, SLUICE_FOLDER, SLUICE_LINK, SLUICE_OTHER };

struct sluice_entry {
	enum sluice_kind kind;
	const char
		*name; /* one safe component: never "", ".", ".." or with a slash; NUL-terminated */
	const char *target; /* of a symbolic link if the listing shows it, or "" */
	int64_t size_bytes; /* -1: unknown */
	int64_t modified_s; /* seconds since 1970; INT64_MIN: unknown */
	int mode;	    /* permission bits, or -1: unknown */
	bool time_is_exact; /* UTC with seconds (MLSD); LIST has minutes or a day of who knows what zone */
};

/*
 * The entries of a folder (path NULL or "": the current one), one call of entry for each as it
 * comes: MLSD where FEAT or an earlier success says so, else LIST; LIST as well if MLSD is refused
 * by 500 or 502. "." and ".." are left out. outcome.bytes counts the listing's bytes.
 */
int sluice_list(struct sluice_session *session, const char *path,
		void (*entry)(void *context, const struct sluice_entry *entry),
		sluice_done_fn *done, void *context);

/* The same by LIST, even where MLSD is known: whether the facts of a symbolic link are its own or
 * those of what it leads to is left to the server (RFC 3659 section 7.5.1.3); LIST shows links. */
int sluice_list_plain(struct sluice_session *session, const char *path,
		      void (*entry)(void *context, const struct sluice_entry *entry),
		      sluice_done_fn *done, void *context);

/* The same by LIST -a, for names with a dot in front, which LIST leaves out at many servers. No standard
 * knows -a: some refuse it, or look for a file of that name and list nothing. */
int sluice_list_all(struct sluice_session *session, const char *path,
		    void (*entry)(void *context, const struct sluice_entry *entry),
		    sluice_done_fn *done, void *context);

/* Has the listings to come move in this representation: in TYPE A if it is I or L, and MLSD always in
 * TYPE I, STRU F and MODE S or Z (RFC 3659 section 7.2). NULL: in whatever was set last, which is
 * how a session begins. Returns 0 or an error of sluice_get's. */
int sluice_session_list_as(struct sluice_session *session,
			   const struct sluice_representation *representation);

/*
 * The third-party transfer of RFC 959 section 5.2: from's server sends to_path's bytes to to's
 * server, nothing through this machine. EPSV or PASV on one, EPRT or PORT on the other, STOR and
 * RETR; if from will not listen, or to will not connect elsewhere, the other way round. The same
 * TYPE, STRU and MODE on both (representation NULL: I, F and S; of E both have code pages of their
 * own); REST on both if offset is not 0, where that is allowed for a transfer. done is called once,
 * with the session from; both sessions are under way until then. Of an error, code and text are
 * those of the server that refused, and *at, if not NULL, says which (it must live until done).
 */
int sluice_copy(struct sluice_session *from, const char *from_path, struct sluice_session *to,
		const char *to_path, const struct sluice_representation *representation,
		int64_t offset, struct sluice_session **at, sluice_done_fn *done, void *context);

/* Ends the transfer, listing or copy under way: ABOR, with the Telnet signals that go before it
 * (RFC 959 section 4.1.3), and both its replies. The errand's done is called with -ECANCELED, or
 * with success if it had succeeded already. Returns 0, or -EINVAL if none is under way. */
int sluice_abort(struct sluice_session *session);

#endif
