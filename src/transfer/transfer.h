/*
 * The server-DTP's work: one transfer over one open data connection, as a pipeline
 * source -> stages -> sink. A transfer knows no session: it is handed a description and calls
 * back with a result, which lets a test or the bench drive it alone.
 *
 *   file -> data connection     send_file.c: within the kernel (splice, sendfile)
 *   data connection -> file     receive_file.c: within the kernel (splice)
 *   either with a stage between send_staged.c, receive_staged.c: through a buffer
 *   listing -> data connection  send_listing.c: filled by a job thread
 *
 * Thread:    the worker's, as all that it embeds.
 * Ownership: the owner provides the struct, zeroed, and keeps it until done. From transfer_start
 *            on the socket belongs to the transfer, which closes it before done; the file stays
 *            the owner's, who must not close it before done.
 */
#ifndef TRANSFER_TRANSFER_H
#define TRANSFER_TRANSFER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "fs/mounts.h"
#include "jobs/disk_queue.h"
#include "ring/ring.h"

struct disk_queues;
struct kernel_pipe;
struct listing;
struct pipe_pool;
struct transfer;

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
};

struct transfer {
	/* The wish. */
	struct dtp *dtp;
	enum transfer_kind kind;
	bool text;  /* TYPE A: lines are translated */
	int socket; /* connected, nonblocking */
	int file;
	off_t offset; /* in the file: where the next byte comes from or goes to */
	off_t end; /* one past the last byte: sending, of the file; receiving, -EOVERFLOW if more comes; 0: no limit */
	off_t skip; /* sending text: so many bytes of what is sent are left out (REST) */
	struct disk disk;
	struct listing *listing;
	uint64_t timeout_ms;
	void (*done)(struct transfer *transfer, enum transfer_end end, int error);

	/* Progress, for STAT. */
	uint64_t bytes; /* over the data connection */

	/* Within. */
	struct op socket_op;
	struct op file_op;
	struct transfer_help {
		struct op op;
		struct transfer *transfer;
	} help[2]; /* listing: a second thread shares the work of a fill */
	struct disk_waiter waiter;
	struct disk_queue *queue; /* while it has a place there */
	struct wheel_timer timer;
	uint64_t progress_ms;
	uint64_t taken_bytes; /* that the peer has acknowledged, at the last look */
	struct kernel_pipe *pipe;
	size_t window_bytes;
	size_t take_bytes;  /* what the socket takes in a turn, on average */
	size_t lowat_bytes; /* its share of that, as last set */
	off_t probe_step;   /* how closely the page cache is asked */
	bool file_blocking; /* O_NONBLOCK is off, as operations of the ring need it */
	bool carriage;	    /* a CR is held, receiving text */
	bool source_ended;
	bool ending;
	uint8_t end_kind;
	int end_error;
	char *buffer; /* lent, of TRANSFER_BUFFER_BYTES */
	char *chunk;  /* what is to be sent or written, within buffer */
	size_t chunk_bytes;
	size_t chunk_done;
	size_t next_bytes; /* listing: filled in the other half of the buffer */
	bool filling;	   /* listing: a job thread is at it */
	char *fill_at;
	off_t read_bytes; /* staged sending: of the file, in chunk */
};

/* Begins. done may be called within this call, if a small file goes out at once. */
void transfer_start(struct transfer *transfer);

/* Ends it: done is called with TRANSFER_ABORTED, now or as soon as the disk lets go. */
void transfer_abort(struct transfer *transfer);

/* pipes for this worker of several; disks is borrowed. Returns 0 or a negative errno. */
int dtp_init(struct dtp *dtp, struct ring *ring, struct disk_queues *disks, unsigned workers);
void dtp_fini(struct dtp *dtp);

/* A buffer of TRANSFER_BUFFER_BYTES, or NULL when there is no memory. */
char *dtp_take_buffer(struct dtp *dtp);
void dtp_give_buffer(struct dtp *dtp, char *buffer);

#endif
