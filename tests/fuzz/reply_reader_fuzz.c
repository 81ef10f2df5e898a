/* Fuzzes reply_reader_take: the replies of a stream do not depend on where it is split, and none
 * is over its bounds. */
#include "protocol/reply_reader.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct reply_reader whole;
static struct reply_reader split;

static void check_bounds(const struct reply_reader *reader)
{
	if (reader->code < 100 || reader->code > 599 || reader->text.length > REPLY_READ_MAX)
		abort();
}

/* One reply, byte by byte. Returns the bytes it took, or an error. */
static ssize_t take_split(struct view bytes, bool *ret_ready)
{
	*ret_ready = false;
	for (size_t i = 0; i < bytes.length; i++) {
		ssize_t r = reply_reader_take(&split, (struct view){ bytes.at + i, 1 }, ret_ready);

		if (r < 0)
			return r;
		if (*ret_ready)
			return (ssize_t)i + 1;
	}
	return (ssize_t)bytes.length;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view rest = { (const char *)data, size };
	bool ready = true;

	reply_reader_init(&whole);
	reply_reader_init(&split);
	while (ready && rest.length > 0) {
		bool split_ready = false;
		ssize_t r = reply_reader_take(&whole, rest, &ready);

		if (take_split(rest, &split_ready) != r)
			abort();
		if (r < 0)
			return 0;
		if (split_ready != ready)
			abort();
		if (ready) {
			check_bounds(&whole);
			if (split.code != whole.code || split.text.length != whole.text.length ||
			    memcmp(split.text.at, whole.text.at, whole.text.length) != 0)
				abort();
		}
		rest = view_skip(rest, (size_t)r);
	}
	return 0;
}
