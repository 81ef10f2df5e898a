#include "represent/count.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sluice/translate.h>

#include "base/limits.h"
#include "represent/block.h"
#include "represent/page_source.h"
#include "represent/stages.h"
#include "sys/calls.h"

bool count_is_size(const struct representation *representation)
{
	return representation_keeps_length(representation) &&
	       !representation_has_markers(representation);
}

/* Whether it follows from the size, as that of what has its headers at known places does. */
static bool count_is_of_size(const struct representation *representation)
{
	return representation_keeps_length(representation) && representation->mode == MODE_BLOCK;
}

struct count {
	struct representation representation;
	struct stages *stages; /* NULL: nothing but line ends is counted */
	char *memory;	       /* of the stages */
	int file;
	int64_t size_bytes;
	int64_t offset;
	int64_t next_mark;
	int64_t read_bytes; /* by pages: holes are not read */
	bool by_pages;
	bool described; /* by pages: what has to be said of the size has been */
	int64_t octets;
};

static void count_out(struct count *count)
{
	struct view out = stages_out(count->stages);

	count->octets += (int64_t)out.length;
	stages_take(count->stages, out.length);
}

/* Text in MODE S grows by its line ends alone. */
static bool count_is_of_lines(const struct representation *representation)
{
	return representation->type == TYPE_ASCII && representation->mode == MODE_STREAM &&
	       representation->structure == STRUCTURE_FILE &&
	       !representation_has_carriage(representation);
}

static int count_part(struct count *count, struct view part, bool last)
{
	if (!count->stages) {
		count->octets += (int64_t)(part.length + ascii_count_lf(part.at, part.length));
		return 0;
	}
	while (part.length > 0 || (last && !stages_ended(count->stages))) {
		size_t taken;
		int r = stages_run(count->stages, part, last, &taken);

		if (r < 0)
			return r;
		part = view_skip(part, taken);
		count_out(count);
	}
	return 0;
}

/* The marker that is sent here, if one is. */
static void count_mark(struct count *count)
{
	if (!representation_has_markers(&count->representation) ||
	    count->offset < count->next_mark || count->offset == count->size_bytes ||
	    !stages_settle(count->stages))
		return;
	count_out(count);
	count->octets += BLOCK_HEADER_BYTES + RESTART_MARK_BYTES;
	count->next_mark = count->offset + MARK_EVERY_BYTES;
}

/* What a file of this size is among headers and markers: its content, which is no matter, is taken to
 * be that of buffer. */
static int count_by_size(struct count *count, const char *buffer)
{
	int64_t wholes = count->size_bytes > 0 ? (count->size_bytes - 1) / CONVERT_BYTES : 0;
	int64_t between_marks = (MARK_EVERY_BYTES + CONVERT_BYTES - 1) / CONVERT_BYTES;
	int64_t mark_octets = wholes / between_marks * (BLOCK_HEADER_BYTES + RESTART_MARK_BYTES);
	size_t rest = (size_t)(count->size_bytes - wholes * CONVERT_BYTES);
	int r = wholes > 0 ? count_part(count, (struct view){ buffer, CONVERT_BYTES }, false) : 0;

	if (r == 0 && (__builtin_mul_overflow(count->octets, wholes, &count->octets) ||
		       __builtin_add_overflow(count->octets, mark_octets, &count->octets) ||
		       count->octets > INT64_MAX - 2 * CONVERT_BYTES))
		r = -EFBIG;
	return r == 0 ? count_part(count, (struct view){ buffer, rest }, true) : r;
}

/* The next pages that hold data. Returns as count_step. */
static int count_pages(struct count *count, char *buffer)
{
	const struct representation *representation = &count->representation;
	off_t at = 0;
	ssize_t got = 0;
	int r;

	if (count->size_bytes > 0 && !count->described &&
	    page_source_describes(representation, count->file, count->size_bytes))
		stages_describe(count->stages, count->size_bytes);
	count->described = true;
	count_mark(count);
	if (count->size_bytes > 0)
		got = page_source_read(representation, count->file, count->offset,
				       count->size_bytes, buffer, CONVERT_BYTES, &at);
	if (got < 0 || (got == 0 && at < count->size_bytes))
		return got < 0 ? (int)got : -EIO;
	count->offset = at + got;
	count->read_bytes += got;
	if (count->read_bytes > SIZE_COUNT_BYTES_MAX)
		return -EFBIG;
	stages_set_position(count->stages, at);
	r = count_part(count, (struct view){ buffer, (size_t)got },
		       count->offset == count->size_bytes);
	return r == 0 && count->offset < count->size_bytes ? -EINPROGRESS : r;
}

/* What is in buffer at a time. Returns as count_step. */
static int count_buffer(struct count *count, char *buffer)
{
	int64_t left = count->size_bytes - count->offset;
	size_t wanted = left < CONVERT_BYTES ? (size_t)left : CONVERT_BYTES;
	ssize_t got = 0;
	int r;

	count_mark(count);
	if (wanted > 0)
		got = calls->pread(count->file, buffer, wanted, count->offset);
	if (got < 0 || (got == 0 && wanted > 0))
		return got < 0 ? (int)got : -EIO;
	count->offset += got;
	r = count_part(count, (struct view){ buffer, (size_t)got },
		       count->offset == count->size_bytes);
	return r == 0 && count->offset < count->size_bytes ? -EINPROGRESS : r;
}

int count_step(struct count *count, int64_t slice_bytes)
{
	int64_t begun = count->offset;
	char *buffer = calls->allocate(CONVERT_BYTES);
	int r = buffer ? -EINPROGRESS : -ENOMEM;

	if (buffer && count_is_of_size(&count->representation)) {
		memset(buffer, 0, CONVERT_BYTES);
		r = count_by_size(count, buffer);
	}
	while (r == -EINPROGRESS) {
		r = count->by_pages ? count_pages(count, buffer) : count_buffer(count, buffer);
		if (count->offset - begun >= slice_bytes)
			break;
	}
	free(buffer);
	return r;
}

int64_t count_octets(const struct count *count)
{
	return count->octets;
}

/* The stages that a file passes on its way, unless it is simpler than that. */
static int count_stages(struct count *count)
{
	if (count_is_of_lines(&count->representation))
		return 0;
	count->memory = calls->allocate(TRANSFER_BUFFER_BYTES);
	if (!count->memory)
		return -ENOMEM;
	count->stages =
		stages_new_sending(count->memory, TRANSFER_BUFFER_BYTES, &count->representation);
	return 0;
}

int count_new(const struct representation *representation, int file, int64_t size_bytes,
	      struct count **ret_count)
{
	struct count *count;

	if (size_bytes > SIZE_COUNT_BYTES_MAX && representation->structure != STRUCTURE_PAGE &&
	    !count_is_of_size(representation))
		return -EFBIG;
	count = calls->allocate(sizeof(*count));
	if (!count)
		return -ENOMEM;
	*count = (struct count){ .representation = *representation,
				 .file = file,
				 .size_bytes = size_bytes,
				 .by_pages = representation->structure == STRUCTURE_PAGE,
				 .next_mark = MARK_EVERY_BYTES };
	if (count->representation.mode == MODE_DEFLATE)
		count->representation.mode = MODE_STREAM;
	if (count_stages(count) < 0) {
		count_free(count);
		return -ENOMEM;
	}
	*ret_count = count;
	return 0;
}

void count_free(struct count *count)
{
	free(count->memory);
	free(count);
}
