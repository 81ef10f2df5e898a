/*
 * MODE B (RFC 959 section 3.4.2): blocks of at most 65535 octets behind a header of three, a
 * descriptor and the count.
 */
#include <errno.h>
#include <string.h>

#include "represent/stages_priv.h"

void block_header(unsigned char ret_header[static BLOCK_HEADER_BYTES], unsigned descriptor,
		  size_t octets)
{
	ret_header[0] = (unsigned char)descriptor;
	ret_header[1] = (unsigned char)(octets >> 8);
	ret_header[2] = (unsigned char)octets;
}

/* Data of a block, at to; room bytes there. Returns the descriptor's bits that end it. */
static unsigned block_fill(struct stage *stage, struct stage_step *step, size_t room,
			   unsigned char *to, size_t *ret_count)
{
	size_t count = 0;

	while (step->from_bytes > 0 && count < room) {
		unsigned char byte = *step->from;

		if (!stage->records) {
			count = step->from_bytes < room ? step->from_bytes : room;
			memcpy(to, step->from, count);
			step_taken(step, count);
			break;
		}
		step_taken(step, 1);
		if (!stage->is.block.escaped && byte == RECORD_ESCAPE) {
			stage->is.block.escaped = true;
			continue;
		}
		if (stage->is.block.escaped && byte != RECORD_ESCAPE) {
			stage->is.block.escaped = false;
			*ret_count = count;
			return (byte & RECORD_EOR ? DESCRIPTOR_EOR : 0U) |
			       (byte & RECORD_EOF ? DESCRIPTOR_EOF : 0U);
		}
		stage->is.block.escaped = false;
		to[count++] = byte;
	}
	*ret_count = count;
	return !stage->records && step->last && step->from_bytes == 0 ? DESCRIPTOR_EOF : 0;
}

int stage_block_out(struct stage *stage, struct stage_step *step)
{
	unsigned descriptor = 0;

	while (step->to_bytes >= STAGE_ROOM_MIN / 2 && !(descriptor & DESCRIPTOR_EOF)) {
		size_t room = step->to_bytes - BLOCK_HEADER_BYTES;
		size_t count;

		if (room > BLOCK_BYTES_MAX)
			room = BLOCK_BYTES_MAX;
		descriptor = block_fill(stage, step, room, step->to + BLOCK_HEADER_BYTES, &count);
		if (count == 0 && descriptor == 0)
			break;
		block_header(step->to, descriptor, count);
		step_given(step, BLOCK_HEADER_BYTES + count);
	}
	return descriptor & DESCRIPTOR_EOF ? STAGE_ENDED : STAGE_GOES_ON;
}

size_t stage_block_mark(const char *text, unsigned char *to)
{
	size_t length = strlen(text);

	block_header(to, DESCRIPTOR_MARK, length);
	memcpy(to + BLOCK_HEADER_BYTES, text, length); /* NOLINT: bytes, not a string */
	return BLOCK_HEADER_BYTES + length;
}

/* The whole header has come. */
static int block_begin(struct stage *stage, struct stage_step *step)
{
	const unsigned char *header = stage->is.block.header;

	stage->is.block.descriptor = header[0];
	stage->is.block.left = (size_t)header[1] << 8 | header[2];
	stage->is.block.mark_bytes = 0;
	if (header[0] & 0x0f)
		return stage_complain(step, -EBADMSG,
				      "a block's descriptor has bits that mean nothing");
	if (header[0] & DESCRIPTOR_EOR && !stage->records)
		return stage_complain(step, -EBADMSG, "a block ends a record, but STRU is F");
	return STAGE_GOES_ON;
}

/* The last octet of the block has come, and there is room for an escape. */
static int block_end(struct stage *stage, struct stage_step *step)
{
	unsigned descriptor = stage->is.block.descriptor;

	stage->is.block.header_bytes = 0;
	if (stage->records && descriptor & (DESCRIPTOR_EOR | DESCRIPTOR_EOF)) {
		step_put(step, RECORD_ESCAPE);
		step_put(step, (unsigned char)((descriptor & DESCRIPTOR_EOR ? RECORD_EOR : 0) |
					       (descriptor & DESCRIPTOR_EOF ? RECORD_EOF : 0)));
	}
	if (descriptor & DESCRIPTOR_MARK) {
		if (stage->is.block.mark_bytes == 0)
			return stage_complain(step, -EBADMSG, "a restart marker is empty");
		stage->ended = descriptor & DESCRIPTOR_EOF; /* behind the marker */
		step->stages->event = STAGES_MARK;
		return STAGE_EVENT;
	}
	return descriptor & DESCRIPTOR_EOF ? STAGE_ENDED : STAGE_GOES_ON;
}

static int block_data(struct stage *stage, struct stage_step *step)
{
	size_t count = stage->is.block.left;

	if (count > step->from_bytes)
		count = step->from_bytes;
	if (stage->is.block.descriptor & DESCRIPTOR_MARK) {
		for (size_t i = 0; i < count; i++)
			if (!stage_take_mark(step->stages, stage->is.block.mark_bytes++,
					     step->from[i]))
				return stage_complain(step, -EBADMSG,
						      "a restart marker is not of up to 63 "
						      "printable characters");
	} else if (!stage->records) {
		if (count > step->to_bytes)
			count = step->to_bytes;
		memcpy(step->to, step->from, count);
		step_given(step, count);
	} else {
		if (count > step->to_bytes / 2)
			count = step->to_bytes / 2;
		for (size_t i = 0; i < count; i++) {
			if (step->from[i] == RECORD_ESCAPE)
				step_put(step, RECORD_ESCAPE);
			step_put(step, step->from[i]);
		}
	}
	step_taken(step, count);
	stage->is.block.left -= count;
	return STAGE_GOES_ON;
}

int stage_block_in(struct stage *stage, struct stage_step *step)
{
	int r = STAGE_GOES_ON;

	while (r == STAGE_GOES_ON && step->to_bytes >= 4) {
		if (stage->is.block.header_bytes < BLOCK_HEADER_BYTES) {
			if (step->from_bytes == 0)
				break;
			stage->is.block.header[stage->is.block.header_bytes++] = *step->from;
			step_taken(step, 1);
			if (stage->is.block.header_bytes == BLOCK_HEADER_BYTES)
				r = block_begin(stage, step);
		} else if (stage->is.block.left == 0) {
			r = block_end(stage, step);
		} else if (step->from_bytes == 0) {
			break;
		} else {
			r = block_data(stage, step);
		}
	}
	if (r == STAGE_GOES_ON && step->last && step->from_bytes == 0 && step->to_bytes >= 4)
		return -ENODATA;
	return r;
}
