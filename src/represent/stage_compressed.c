/*
 * MODE C (RFC 959 section 3.4.3): literal strings, repeated bytes and fillers; 0x00 and a
 * descriptor before the string that ends a record or the file. So the last string that was made
 * is held back until it is known what follows it.
 *
 * A record or a file can be empty, but of the strings only repetitions can be of nothing: an empty
 * one goes out as no fillers, 0xc0. Of others a descriptor may also be followed by the next
 * descriptor, or by the end of the connection; silence is neither, for the string may be late.
 */
#include <errno.h>
#include <string.h>

#include "represent/stages_priv.h"

#define WINDOW_MAX 4096
#define CODE_REPEATED 0x80
#define CODE_FILLER 0xc0
#define RUN_MIN 3	  /* a shorter one costs nothing within a literal string */
#define FILLER_RUN_MIN 2  /* the same of fillers */
#define STEP_ROOM_MIN 512 /* for a window's least, what is held and a descriptor */

enum compressed_state { EXPECT_CODE, EXPECT_DESCRIPTOR, EXPECT_LITERAL, EXPECT_REPEATED };

static void put_bytes(struct stage_step *step, const unsigned char *bytes, size_t count)
{
	memcpy(step->to, bytes, count);
	step_given(step, count);
}

static void put_descriptor(struct stage_step *step, unsigned descriptor)
{
	step_put(step, 0);
	step_put(step, (unsigned char)descriptor);
}

/* What is held goes out, with its descriptor if it has one. */
static void put_held(struct stage *stage, struct stage_step *step, unsigned descriptor)
{
	uint8_t *held = &stage->is.compressed.string_bytes;

	if (descriptor)
		put_descriptor(step, descriptor);
	if (descriptor && *held == 0)
		step_put(step, CODE_FILLER);
	put_bytes(step, stage->is.compressed.string, *held);
	*held = 0;
}

static void hold(struct stage *stage, struct stage_step *step, unsigned char code,
		 const unsigned char *bytes, size_t count)
{
	put_held(stage, step, 0);
	stage->is.compressed.string[0] = code;
	memcpy(stage->is.compressed.string + 1, bytes, count);
	stage->is.compressed.string_bytes = (uint8_t)(1 + count);
}

static size_t run_length(const unsigned char *bytes, size_t count)
{
	size_t length = 1;

	while (length < count && length < COMPRESSED_RUN_MAX && bytes[length] == bytes[0])
		length++;
	return length;
}

static bool is_run(const struct stage *stage, const unsigned char *bytes, size_t count)
{
	return run_length(bytes, count) >=
	       (size_t)(bytes[0] == stage->filler ? FILLER_RUN_MIN : RUN_MIN);
}

/* Strings of the bytes of a window, the last of which is held. */
static void compress_window(struct stage *stage, struct stage_step *step,
			    const unsigned char *bytes, size_t count)
{
	while (count > 0) {
		size_t length;

		if (is_run(stage, bytes, count)) {
			bool filler = bytes[0] == stage->filler;

			length = run_length(bytes, count);
			hold(stage, step,
			     (unsigned char)((filler ? CODE_FILLER : CODE_REPEATED) | length),
			     bytes, filler ? 0 : 1);
		} else {
			length = 1;
			while (length < count && length < COMPRESSED_LITERAL_MAX &&
			       !is_run(stage, bytes + length, count - length))
				length++;
			hold(stage, step, (unsigned char)length, bytes, length);
		}
		bytes += length;
		count -= length;
	}
}

/* Takes data up to an escape's code into window. Returns the descriptor's bits that end it. */
static unsigned window_fill(struct stage *stage, struct stage_step *step, size_t room,
			    unsigned char *window, size_t *ret_count)
{
	size_t count = 0;

	while (step->from_bytes > 0 && count < room) {
		unsigned char byte = *step->from;

		step_taken(step, 1);
		if (!stage->records) {
			window[count++] = byte;
			continue;
		}
		if (!stage->is.compressed.escaped && byte == RECORD_ESCAPE) {
			stage->is.compressed.escaped = true;
			continue;
		}
		if (stage->is.compressed.escaped && byte != RECORD_ESCAPE) {
			stage->is.compressed.escaped = false;
			*ret_count = count;
			return (byte & RECORD_EOR ? DESCRIPTOR_EOR : 0U) |
			       (byte & RECORD_EOF ? DESCRIPTOR_EOF : 0U);
		}
		stage->is.compressed.escaped = false;
		window[count++] = byte;
	}
	*ret_count = count;
	return !stage->records && step->last && step->from_bytes == 0 ? DESCRIPTOR_EOF : 0;
}

int stage_compressed_out(struct stage *stage, struct stage_step *step)
{
	unsigned descriptor = 0;

	while (step->to_bytes >= STEP_ROOM_MIN && !(descriptor & DESCRIPTOR_EOF)) {
		unsigned char window[WINDOW_MAX];
		size_t room = (step->to_bytes - STEP_ROOM_MIN / 2) / 2;
		size_t count;

		if (room > WINDOW_MAX)
			room = WINDOW_MAX;
		descriptor = window_fill(stage, step, room, window, &count);
		if (count == 0 && descriptor == 0)
			break;
		compress_window(stage, step, window, count);
		if (descriptor)
			put_held(stage, step, descriptor);
	}
	if (step->settle && step->to_bytes >= STEP_ROOM_MIN)
		put_held(stage, step, 0);
	return descriptor & DESCRIPTOR_EOF ? STAGE_ENDED : STAGE_GOES_ON;
}

size_t stage_compressed_mark(const char *text, unsigned char *to)
{
	size_t length = strlen(text);

	to[0] = 0;
	to[1] = DESCRIPTOR_MARK;
	to[2] = (unsigned char)length;
	memcpy(to + 3, text, length);
	return 3 + length;
}

/* The string that the descriptor is about has ended. */
static int string_end(struct stage *stage, struct stage_step *step)
{
	unsigned descriptor = stage->is.compressed.described ? stage->is.compressed.descriptor : 0;

	stage->is.compressed.described = false;
	stage->is.compressed.state = EXPECT_CODE;
	if (stage->records && descriptor & (DESCRIPTOR_EOR | DESCRIPTOR_EOF)) {
		step_put(step, RECORD_ESCAPE);
		step_put(step, (unsigned char)((descriptor & DESCRIPTOR_EOR ? RECORD_EOR : 0) |
					       (descriptor & DESCRIPTOR_EOF ? RECORD_EOF : 0)));
	}
	if (descriptor & DESCRIPTOR_MARK) {
		if (stage->is.compressed.mark_bytes == 0)
			return stage_complain(step, -EBADMSG, "a restart marker is empty");
		stage->ended = descriptor & DESCRIPTOR_EOF; /* behind the marker */
		step->stages->event = STAGES_MARK;
		return STAGE_EVENT;
	}
	return descriptor & DESCRIPTOR_EOF ? STAGE_ENDED : STAGE_GOES_ON;
}

/* Bytes of data, or of a marker. */
static int give_data(struct stage *stage, struct stage_step *step, unsigned char byte, size_t count)
{
	bool mark = stage->is.compressed.described &&
		    stage->is.compressed.descriptor & DESCRIPTOR_MARK;

	for (; count > 0; count--) {
		if (mark) {
			if (!stage_take_mark(step->stages, stage->is.compressed.mark_bytes++, byte))
				return stage_complain(step, -EBADMSG,
						      "a restart marker is not of up to 63 "
						      "printable characters");
			continue;
		}
		if (stage->records && byte == RECORD_ESCAPE)
			step_put(step, RECORD_ESCAPE);
		step_put(step, byte);
	}
	return STAGE_GOES_ON;
}

static int take_code(struct stage *stage, struct stage_step *step, unsigned char code)
{
	int r;

	if (code == 0) {
		stage->is.compressed.state = EXPECT_DESCRIPTOR;
		return STAGE_GOES_ON;
	}
	if (code < CODE_REPEATED) {
		stage->is.compressed.left = code;
		stage->is.compressed.state = EXPECT_LITERAL;
		return STAGE_GOES_ON;
	}
	stage->is.compressed.left = code & COMPRESSED_RUN_MAX;
	if (code < CODE_FILLER) {
		stage->is.compressed.state = EXPECT_REPEATED;
		return STAGE_GOES_ON;
	}
	r = give_data(stage, step, stage->filler, stage->is.compressed.left);
	return r < 0 ? r : string_end(stage, step);
}

static int take_descriptor(struct stage *stage, struct stage_step *step, unsigned char descriptor)
{
	int r = STAGE_GOES_ON;

	if (stage->is.compressed.described) /* the one before was an empty string's */
		r = string_end(stage, step);
	if (r < 0)
		return r;
	if (descriptor & 0x0f)
		return stage_complain(step, -EBADMSG, "a descriptor has bits that mean nothing");
	if (descriptor & DESCRIPTOR_EOR && !stage->records)
		return stage_complain(step, -EBADMSG, "a descriptor ends a record, but STRU is F");
	stage->is.compressed.described = true;
	stage->is.compressed.descriptor = descriptor;
	stage->is.compressed.mark_bytes = 0;
	stage->is.compressed.state = EXPECT_CODE;
	return r;
}

static bool awaits_last_string(const struct stage *stage)
{
	return stage->is.compressed.state == EXPECT_CODE && stage->is.compressed.described &&
	       stage->is.compressed.descriptor & DESCRIPTOR_EOF;
}

static int take_byte(struct stage *stage, struct stage_step *step)
{
	unsigned char byte = *step->from;
	int r;

	/* The last string was empty; this begins what comes next on the connection. */
	if (byte == 0 && awaits_last_string(stage))
		return string_end(stage, step);
	step_taken(step, 1);
	switch (stage->is.compressed.state) {
	case EXPECT_CODE:
		return take_code(stage, step, byte);
	case EXPECT_DESCRIPTOR:
		return take_descriptor(stage, step, byte);
	case EXPECT_LITERAL:
		r = give_data(stage, step, byte, 1);
		break;
	default:
		r = give_data(stage, step, byte, stage->is.compressed.left);
		stage->is.compressed.left = 1;
	}
	if (r < 0 || --stage->is.compressed.left > 0)
		return r;
	return string_end(stage, step);
}

int stage_compressed_in(struct stage *stage, struct stage_step *step)
{
	int r = STAGE_GOES_ON;

	while (r == STAGE_GOES_ON && step->from_bytes > 0 &&
	       step->to_bytes >= 2 * COMPRESSED_RUN_MAX + 4)
		r = take_byte(stage, step);
	if (r == STAGE_GOES_ON && step->last && step->from_bytes == 0 && step->to_bytes >= 4)
		return awaits_last_string(stage) ? string_end(stage, step) : -ENODATA;
	return r;
}
