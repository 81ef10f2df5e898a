/*
 * Listing -> data connection. A job thread fills one half of the buffer with lines while the
 * other half is sent, so memory is bounded whatever the directory's size.
 */
#include <errno.h>

#include "base/limits.h"
#include "fs/listing.h"
#include "fs/tree_listing.h"
#include "transfer/transfer_priv.h"

#define HALF_BYTES (TRANSFER_BUFFER_BYTES / 2)

static void listing_fill_other(struct transfer *transfer);

static int listing_work(struct op *op)
{
	struct transfer *transfer = transfer_of_file_op(op);

	if (transfer->tree_listing)
		return (int)tree_listing_fill(transfer->tree_listing, transfer->fill_at,
					      HALF_BYTES);
	return (int)listing_fill(transfer->listing, transfer->fill_at, HALF_BYTES);
}

static void listing_on_filled(struct op *op, int result)
{
	struct transfer *transfer = transfer_of_file_op(op);

	transfer_leave_disk(transfer);
	transfer->filling = false;
	transfer->fruitless = result == -EINPROGRESS;
	if (transfer->tree_listing)
		transfer->disk = tree_listing_disk(transfer->tree_listing);
	else if (result < 0) /* it may never have begun */
		listing_dismiss(transfer->listing);
	if (transfer->ending) {
		transfer_end_pending(transfer);
	} else if (result == -EINPROGRESS) { /* those that wait for the disk come in between */
		listing_fill_other(transfer);
	} else if (result < 0) {
		transfer_fail_file(transfer, result);
	} else {
		transfer->source_ended = result == 0;
		transfer->next_bytes = (size_t)result;
		if (!op_pending(&transfer->socket_op)) /* else the socket is what it waits for */
			send_listing_turn(transfer);
	}
}

static int listing_help_work(struct op *op)
{
	listing_help(((struct transfer_help *)(void *)op)->transfer->listing);
	return 0;
}

static void listing_on_helped(struct op *op, int result)
{
	struct transfer *transfer = ((struct transfer_help *)(void *)op)->transfer;

	(void)result; /* the fill does without */
	if (transfer->ending)
		transfer_end_pending(transfer);
}

/* A second thread looks at entries of the fill that has just been posted. The help of the fill
 * before may still be on its way back, hence two. */
static void listing_get_help(struct transfer *transfer)
{
	for (int i = 0; i < 2; i++) {
		struct transfer_help *help = &transfer->help[i];

		if (!op_pending(&help->op)) {
			help->transfer = transfer;
			help->op.done = listing_on_helped;
			ring_job(transfer->dtp->ring, &help->op, listing_help_work);
			return;
		}
	}
}

static void listing_admitted(struct queue_waiter *waiter)
{
	struct transfer *transfer = transfer_of_waiter(waiter);
	bool large = transfer->listing && transfer->bytes > 0 && !transfer->fruitless &&
		     transfer->disk.kind != DISK_REMOTE;

	if (large)
		listing_expect(transfer->listing);
	transfer->file_op.done = listing_on_filled;
	ring_job(transfer->dtp->ring, &transfer->file_op, listing_work);
	if (large)
		listing_get_help(transfer);
}

/* Has the half that is not in hand filled. */
static void listing_fill_other(struct transfer *transfer)
{
	bool first = transfer->half != transfer->buffer;

	transfer->fill_at = transfer->buffer + (first ? 0 : HALF_BYTES);
	transfer->filling = true;
	transfer_enter_disk(transfer, DISK_READ, listing_admitted);
}

/* Takes in hand what has been filled. */
static void listing_take_half(struct transfer *transfer)
{
	transfer->half = transfer->fill_at;
	if (transfer->stages) {
		transfer->input = transfer->half;
		transfer->input_bytes = transfer->next_bytes;
	} else {
		transfer->chunk = transfer->half;
		transfer->chunk_bytes = transfer->next_bytes;
		transfer->chunk_done = 0;
	}
	transfer->next_bytes = 0;
	if (!transfer->source_ended)
		listing_fill_other(transfer);
}

/* With stages, whether there is more to be made of what is in hand. */
static bool listing_has_input(const struct transfer *transfer)
{
	return transfer->stages && !stages_ended(transfer->stages) &&
	       (transfer->input_bytes > 0 ||
		(transfer->source_ended && transfer->next_bytes == 0 && !transfer->filling));
}

/* A line that the owner has made is the whole listing. */
static void listing_begin(struct transfer *transfer)
{
	if (!transfer->stages || transfer->half)
		return;
	transfer->half = transfer->buffer;
	transfer->input = transfer->chunk;
	transfer->input_bytes = transfer->chunk_bytes;
	transfer->chunk_bytes = 0;
}

void send_listing_turn(struct transfer *transfer)
{
	if (!transfer_take_buffer(transfer))
		return;
	listing_begin(transfer);
	while (transfer_send_chunk(transfer)) {
		if (listing_has_input(transfer)) {
			bool last = transfer->source_ended && transfer->next_bytes == 0;

			if (!transfer_convert(transfer, last))
				return;
			continue;
		}
		if (transfer->filling)
			return; /* the job thread's turn */
		if (transfer->next_bytes == 0 && transfer->source_ended) {
			transfer_finish(transfer, TRANSFER_COMPLETE, 0);
			return;
		}
		listing_take_half(transfer);
	}
}
