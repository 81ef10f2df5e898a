#include "represent/count.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sluice/translate.h>

#include "base/limits.h"
#include "represent/stages.h"
#include "sys/calls.h"

#define MARK_HEADER_BYTES 3

bool count_is_size(const struct representation *representation)
{
	struct representation stream = *representation;

	if (representation->mode == MODE_DEFLATE)
		stream.mode = MODE_STREAM;
	return representation_is_plain(&stream) ||
	       (stream.type == TYPE_EBCDIC && stream.structure == STRUCTURE_FILE &&
		stream.mode == MODE_STREAM && stream.format != FORMAT_CARRIAGE);
}

struct counting {
	const struct representation *representation;
	struct stages *stages;
	int file;
	int64_t size_bytes;
	int64_t offset;
	int64_t next_mark;
	int64_t octets;
};

static void count_out(struct counting *counting)
{
	struct view out = stages_out(counting->stages);

	counting->octets += (int64_t)out.length;
	stages_take(counting->stages, out.length);
}

/* Text in MODE S grows by its line ends alone. */
static bool count_is_of_lines(const struct representation *representation)
{
	return representation->type == TYPE_ASCII && representation->mode == MODE_STREAM &&
	       representation->structure == STRUCTURE_FILE &&
	       representation->format != FORMAT_CARRIAGE;
}

static int count_part(struct counting *counting, struct view part, bool last)
{
	if (!counting->stages) {
		counting->octets += (int64_t)(part.length + ascii_count_lf(part.at, part.length));
		return 0;
	}
	while (part.length > 0 || (last && !stages_ended(counting->stages))) {
		size_t taken;
		int r = stages_run(counting->stages, part, last, &taken);

		if (r < 0)
			return r;
		part = view_skip(part, taken);
		count_out(counting);
	}
	return 0;
}

/* The marker that is sent here, if one is. */
static void count_mark(struct counting *counting)
{
	if (!representation_has_markers(counting->representation) ||
	    counting->offset < counting->next_mark || counting->offset == counting->size_bytes ||
	    !stages_settle(counting->stages))
		return;
	count_out(counting);
	counting->octets += MARK_HEADER_BYTES + RESTART_MARK_BYTES;
	counting->next_mark = counting->offset + MARK_EVERY_BYTES;
}

static int count_all(struct counting *counting, char *buffer)
{
	int r = 0;

	do {
		int64_t left = counting->size_bytes - counting->offset;
		size_t wanted = left < CONVERT_BYTES ? (size_t)left : CONVERT_BYTES;
		ssize_t got = 0;

		count_mark(counting);
		if (wanted > 0)
			got = calls->pread(counting->file, buffer, wanted, counting->offset);
		if (got < 0 || (got == 0 && wanted > 0))
			return got < 0 ? (int)got : -EIO;
		counting->offset += got;
		r = count_part(counting, (struct view){ buffer, (size_t)got },
			       counting->offset == counting->size_bytes);
	} while (r == 0 && counting->offset < counting->size_bytes);
	return r;
}

int64_t count_octets(const struct representation *representation, int file, int64_t size_bytes)
{
	struct representation counted = *representation;
	struct counting counting = { .representation = &counted,
				     .file = file,
				     .size_bytes = size_bytes,
				     .next_mark = MARK_EVERY_BYTES };
	char *buffer;
	char *memory = NULL;
	bool lines;
	int r = -ENOMEM;

	if (counted.mode == MODE_DEFLATE)
		counted.mode = MODE_STREAM;
	if (counted.structure == STRUCTURE_PAGE)
		return -EOPNOTSUPP;
	if (size_bytes > SIZE_COUNT_BYTES_MAX)
		return -EFBIG;
	lines = count_is_of_lines(&counted);
	buffer = calls->allocate(CONVERT_BYTES);
	if (!lines)
		memory = calls->allocate(TRANSFER_BUFFER_BYTES);
	if (memory)
		counting.stages = stages_new_sending(memory, TRANSFER_BUFFER_BYTES, &counted);
	if (buffer && (lines || memory))
		r = count_all(&counting, buffer);
	free(buffer);
	free(memory);
	return r < 0 ? r : counting.octets;
}
