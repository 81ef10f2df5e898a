/*
 * The server-DTP's work: one transfer over one open data connection, as a pipeline
 * source -> stages -> sink. A transfer knows no session: it is handed a description and calls
 * back with a result, which lets a test or the bench drive it alone.
 *
 *   file -> data connection     send_file.c: within the kernel (splice, sendfile), or, when all pipes are
 *   data connection -> file     receive_file.c  taken, through a buffer for one operation of a disk
 *   either with stages between  send_staged.c, receive_staged.c: through buffers
 *   listing -> data connection  send_listing.c: filled by a job thread
 *
 * Thread:    the worker's, as all that it embeds.
 * Ownership: the owner provides the struct, zeroed, and keeps it until done. From transfer_start
 *            on the socket belongs to the transfer, which closes it before done (or gives it back,
 *            see kept); the file stays the owner's, who must not close it before done.
 */
#ifndef TRANSFER_TRANSFER_H
#define TRANSFER_TRANSFER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "fs/mounts.h"
#include "jobs/disk_queue.h"
#include "represent/block.h"
#include "represent/marker.h"
#include "ring/ring.h"

struct disk_queues;
struct kernel_pipe;
struct listing;
struct pipe_pool;
struct stages;
struct transfer;
struct tree_listing;

/* What the transfers of one worker share. */
struct dtp {
	struct ring *ring;
	struct disk_queues *disks;
	struct pipe_pool *pipes;
	void *buffers; /* free ones of TRANSFER_BUFFER_BYTES */
	unsigned buffers_free;
	unsigned sending;	 /* transfers to a data connection */
	size_t unsent_bytes_max; /* what all of them together may leave unsent in the kernel */
};

enum transfer_kind {
	TRANSFER_SEND_FILE,
	TRANSFER_RECEIVE_FILE,
	TRANSFER_SEND_LISTING,
};

/* How it ended; error is a negative errno where there is one. */
enum transfer_end {
	TRANSFER_COMPLETE,
	TRANSFER_ABORTED,     /* transfer_abort */
	TRANSFER_DATA_FAILED, /* the data connection: 426 */
	TRANSFER_TIMED_OUT,   /* no byte moved for timeout_ms: 426 */
	TRANSFER_FILE_FAILED, /* reading or writing: 451, 452, 552 */
	TRANSFER_TRUNCATED,   /* the file became shorter while it was sent: 451 */
	TRANSFER_MALFORMED,   /* what came is not of its mode or structure, see complaint: 451 */
};

struct transfer {
	/* The wish. */
	struct dtp *dtp;
	enum transfer_kind kind;
	const struct representation *representation; /* borrowed; NULL: as the file is */
	int socket;				     /* connected, nonblocking */
	int file;
	off_t offset; /* in the file: where the next byte comes from or goes to */
	off_t end; /* one past the last byte: sending, of the file; receiving, -EMSGSIZE if more comes; 0: no limit */
	off_t skip; /* sending with stages: so many octets of what is sent are left out (REST) */
	const struct marker
		*marker; /* restarting from one, or NULL; borrowed until it has started */
	struct marker_file marker_file; /* of the markers that are made */
	bool recent; /* sending: it was sent a moment ago, so if it is small it is in the page cache */
	bool keep;  /* the connection stays, where the end of the file is marked */
	bool lines; /* sending a file: it holds the lines of a listing, with their CR LF */
	struct disk disk;
	struct listing *listing;
	struct tree_listing *tree_listing; /* or this */
	uint64_t timeout_ms;
	void (*done)(struct transfer *transfer, enum transfer_end end, int error);
	/* Receiving, NULL or called instead of writing to the file, with what comes in its order: 0,
	 * or a negative errno that ends the transfer. It must not abort it. */
	int (*take)(struct transfer *transfer, const char *bytes, size_t length);
	/* Receiving: the data before the sender's marker is on the disk; ours is for REST. Or NULL. */
	void (*marked)(struct transfer *transfer, const char *theirs, const char *ours);
	/* NULL, or called in a job thread before the first of them: a negative errno, and none is told. */
	int (*before_marks)(struct transfer *transfer);

	/* What came of it, beside done's arguments. */
	const char *complaint; /* TRANSFER_MALFORMED: what was wrong, a literal */
	off_t file_end;	       /* receiving: one past the last octet written */
	bool described;	       /* no: what the sender said that the file's size is (STRU P) */
	bool kept;	       /* the socket is open, and the owner's again */
	/* Octets that came before their transfer: handed in by the owner for the first, handed out
	 * for the next; malloc'ed. */
	char *early;
	size_t early_bytes;

	/* Progress, for STAT. */
	uint64_t bytes; /* over the data connection */

	/* Within. */
	struct op socket_op;
	struct op file_op;
	struct transfer_help {
		struct op op;
		struct transfer *transfer;
	} help[2]; /* listing: a second thread shares the work of a fill */
	struct queue_waiter waiter;
	struct queue *queue; /* while it has a place there */
	struct wheel_timer timer;
	uint64_t progress_ms;
	uint64_t taken_bytes; /* that the peer has acknowledged, at the last look */
	struct kernel_pipe *pipe;
	size_t window_bytes;
	size_t take_bytes;  /* what the socket takes of a window, on average */
	size_t turn_bytes;  /* and in a turn */
	uint64_t turn_ms;   /* when the last one was */
	size_t lowat_bytes; /* its share of that, as last set */
	off_t resident_end; /* up to there the file was in the page cache */
	uint64_t resident_ms;
	off_t probe_step;   /* how closely the page cache is asked */
	bool file_blocking; /* O_NONBLOCK is off, as operations of the ring need it */
	bool filling;	    /* listing: a job thread is at it */
	bool fruitless;	    /* listing: the last fill has given no line yet */
	bool looked_at_end; /* sending pages: whether read_at is one */
	bool marks_begun;   /* before_marks has been called */
	bool source_ended;
	bool ending;
	uint8_t end_kind;
	int end_error;
	char *buffer; /* lent, of TRANSFER_BUFFER_BYTES */
	char *chunk;  /* what is to be sent or written */
	size_t chunk_bytes;
	size_t chunk_done;
	size_t next_bytes; /* listing: filled in the other half of the buffer */
	char *fill_at;
	struct stages *stages;	  /* in a second buffer, or NULL */
	struct stages_area spare; /* receiving: where the chunk is, while it is written behind */
	int late_error; /* receiving: it ends with this once all that came before is written */
	bool late_is_of_data; /* which is of the data connection, else of the stages */
	const char *input;    /* of the buffer, what the stages have not taken */
	size_t input_bytes;
	off_t next_mark; /* sending: the next marker is due from this offset on */
	off_t marked_at; /* receiving: up to here the data is on the disk; also for the owner in done */
	unsigned char header[BLOCK_HEADER_BYTES]; /* sending a file as one block, of MODE B */
	size_t header_bytes;			  /* of it; 0: there is none */
	size_t header_done;
	off_t read_at; /* sending pages: where the input is from; the end: in a hole */
	char *half;    /* listing: of the buffer, the one in hand */
};

/* What it may come to hold of memory besides what its owner brings, once all of the wish is filled in that says
 * how the file or listing looks: kind, representation, offset, end, skip, marker, lines. */
size_t transfer_memory_bytes(const struct transfer *transfer);

/* Begins. done may be called within this call, if a small file goes out at once. */
void transfer_start(struct transfer *transfer);

/* Ends it: done is called with TRANSFER_ABORTED, now or as soon as the disk lets go. */
void transfer_abort(struct transfer *transfer);

/* The part of one worker of several in the memory for transfers through buffers; server_bytes 0: in a part of
 * what the machine has (base/limits.h). */
size_t dtp_memory_bytes(size_t server_bytes, unsigned workers);

/* pipes for this worker of several; disks is borrowed. Returns 0 or a negative errno. */
int dtp_init(struct dtp *dtp, struct ring *ring, struct disk_queues *disks, unsigned workers);
void dtp_fini(struct dtp *dtp);

/* A buffer of TRANSFER_BUFFER_BYTES, or NULL when there is no memory. */
char *dtp_take_buffer(struct dtp *dtp);
void dtp_give_buffer(struct dtp *dtp, char *buffer);

#endif
