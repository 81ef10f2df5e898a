/*
 * What the pipelines of this room share: how a transfer waits, goes on and ends.
 */
#ifndef TRANSFER_TRANSFER_PRIV_H
#define TRANSFER_TRANSFER_PRIV_H

#include "transfer/transfer.h"

/* One turn of each pipeline: moves what can be moved now, and sees to it that there is a next
 * turn, or ends the transfer. */
void send_file_turn(struct transfer *transfer);
void receive_file_turn(struct transfer *transfer);
void send_staged_turn(struct transfer *transfer);
void receive_staged_turn(struct transfer *transfer);
void send_listing_turn(struct transfer *transfer);

/* The turn of the pipeline that this transfer is. */
void transfer_turn(struct transfer *transfer);

/* Ends the transfer as soon as nothing is under way any more. Returns for convenience. */
void transfer_finish(struct transfer *transfer, enum transfer_end end, int error);

/* The same for an error of the data connection, of the file, or of the stages. */
void transfer_fail_data(struct transfer *transfer, int error);
void transfer_fail_file(struct transfer *transfer, int error);
void transfer_fail_stages(struct transfer *transfer, int error);

/* The last operation of a transfer that is ending has come back. */
void transfer_end_pending(struct transfer *transfer);

/* Bytes have gone over the data connection. */
void transfer_progress(struct transfer *transfer, size_t bytes);

/* The next turn comes when the socket can be written, or read. */
void transfer_wait_writable(struct transfer *transfer);
void transfer_wait_readable(struct transfer *transfer);

/* It comes when the others have had theirs: this one's share is used up, its socket is not full. */
void transfer_yield(struct transfer *transfer);

/* It comes now, if little is left; else when those have had theirs that were ready before. */
void transfer_go_on(struct transfer *transfer);

/* Takes a place in the queue of the file's disk and calls admitted (which finds the transfer by
 * transfer_of_waiter), at once or later. */
void transfer_enter_disk(struct transfer *transfer, enum disk_direction direction,
			 void (*admitted)(struct queue_waiter *waiter));
void transfer_leave_disk(struct transfer *transfer);

struct transfer *transfer_of_waiter(struct queue_waiter *waiter);
struct transfer *transfer_of_file_op(struct op *op);

/* Makes sure that the ring's operations on the file wait for the disk instead of failing. */
void transfer_let_file_block(struct transfer *transfer);

/* Whether bytes [offset, offset + length) are in the page cache: a hint, not a promise. */
bool transfer_is_resident(struct transfer *transfer, off_t offset, size_t length);

/* Lends a buffer, if the transfer has none. False: no memory, and the transfer has ended. */
bool transfer_take_buffer(struct transfer *transfer);
void transfer_give_buffer(struct transfer *transfer);

/* Pours what has been read or received into the stages. last: nothing follows it. Returns as stages_run. */
int transfer_pour(struct transfer *transfer, bool last);

/* Sending: pours what has been read into the stages and makes a chunk of what comes out, which
 * may be nothing. last: nothing follows it. False: the transfer has ended. */
bool transfer_convert(struct transfer *transfer, bool last);

/* What stands ready in the stages is the chunk; and the chunk has gone. */
void transfer_show_out(struct transfer *transfer);
void transfer_out_taken(struct transfer *transfer);

/* How many of size_bytes may still be received, before the transfer's end. */
size_t receive_room(const struct transfer *transfer, size_t size_bytes);

/* All that may come has come: waits for the end of the stream, and fails if it is not that. */
void receive_await_end(struct transfer *transfer);

/* Sends what is left of chunk. True when all of it is gone; false: the turn is over, and the transfer
 * may be, too. */
bool transfer_send_chunk(struct transfer *transfer);

/* Sends octets from *done on, which is the transfer's as well and counts up, with flags of send(2). The
 * same results. */
bool transfer_send(struct transfer *transfer, const void *octets, size_t length, size_t *done,
		   int flags);

#endif
