/*
 * What a command needs while it runs longer than its handler: paths, the request to the file
 * system, the transfer. It is lent by the worker when the command begins and taken back at its
 * end, so that the thousands of idle sessions do not pay for it.
 *
 * Thread: the worker's; job threads touch the part that they were given, until they give it back.
 */
#ifndef SESSION_ACTION_H
#define SESSION_ACTION_H

#include "base/limits.h"
#include "fs/attributes.h"
#include "fs/closing.h"
#include "fs/hash_file.h"
#include "fs/listing.h"
#include "fs/tree.h"
#include "fs/upload.h"
#include "session/change.h"
#include "session/seats.h"
#include "transfer/transfer.h"

struct count;
struct folder_size;
struct session;
struct tree_listing;
struct users;
struct user;

struct action {		     /* NOLINT: in the order of its subjects, whatever that pads */
	struct action *next; /* among the free ones */
	struct session *session;
	struct tree_request request;
	struct op op; /* a job */
	char path[PATH_BYTES_MAX];
	char other[PATH_BYTES_MAX]; /* RNTO, or the argument as it came */
	size_t other_length;
	const char *alias; /* CWD: the path of that name, which has not been tried */

	/* A transfer, from the command on. */
	bool transfers;	   /* the transfer's reply is due: commands wait */
	bool moving;	   /* transfer_start was called */
	bool listing_stat; /* STAT of a path: the listing goes to the control connection */
	uint8_t listing_format;
	uint8_t listing_stage;
	char pattern[256];
	struct listing *listing;
	struct cached_listing *cached;	   /* which is sent in its place; lent */
	char *lines;			   /* STAT: a buffer of the dtp */
	struct tree_listing *tree_listing; /* SITE INDEX */
	bool uploads;
	bool upload_open;
	struct upload upload;
	uint8_t end_kind;
	int end_error;
	int file;
	int64_t restart;   /* where the transfer begins: REST, RANG */
	int64_t range_end; /* RANG, or 0 */
	bool restart_marked;
	struct marker marker; /* the same, REST with a marker */
	struct representation representation;
	struct transfer transfer;
	struct party memory; /* on that of transfers, until the command ends */

	/* SIZE, and a restart point within what is converted (count.c). */
	int count_file;
	struct count *count;
	bool count_begun;
	struct timespec count_looked_at;
	bool count_lasting; /* a change from now on gives the file another identity */
	void (*on_counted)(struct session *session, int64_t octets);
	struct change change; /* what SITE and others do on the disk */
	void (*on_part)(struct session *session, int result); /* unfinished.c */

	/* HASH and its kin (command_hash.c). */
	struct hash_file hash;
	uint8_t hash_form;
	uint8_t hash_reading; /* of the argument in other */
	bool hashing;	      /* with a seat and a buffer */
	bool hash_lines;      /* of a reply of several have been said */
	off_t hash_first;
	off_t hash_at; /* what hash.offset was after the last step */
	uint64_t hash_said_ms;
	uint64_t hash_progress_ms;

	struct party party; /* on seats of which a worker has few, until the command ends */

	/* A job that waits for its place (job.c). */
	struct queue_waiter waiter;
	struct queue *queue;
	bool work_must_run;   /* it closes what is open */
	uint8_t work_threads; /* enum op_threads */
	int (*work)(struct op *op);
	void (*work_done)(struct op *op, int result);

	/* MFMT, MFF */
	struct attributes attributes;
	bool attributes_of_mfmt;

	/* AVBL, DSIZ */
	uint64_t space_bytes;
	struct folder_size *folder_size;

	/* PASS */
	const struct users *users;
	const struct user *user;
	struct wheel_timer refusal_timer; /* a wrong password is answered late */
};

#endif
