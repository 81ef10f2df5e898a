/* Fuzzes marker_parse: what it accepts is written the same but for the signature, which is nobody's. */
#include "represent/marker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SIGNATURE_CHARACTERS 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct view text = { (const char *)data, size };
	struct representation representation;
	const struct marker_file file = { .inode = 1 };
	char back[RESTART_MARK_MAX] = "";
	struct marker marker;

	if (marker_parse(text, &marker) < 0)
		return 0;
	if (size != RESTART_MARK_BYTES)
		abort();
	representation_init(&representation);
	representation.type = marker.type;
	representation.format = marker.format;
	representation.byte_bits = marker.byte_bits;
	representation.structure = marker.structure;
	if (marker_check(&marker, &representation, &file) != -ESTALE)
		abort();
	marker_format(&representation, &file, marker.offset, marker.state, back);
	if (memcmp(back, data, size - SIGNATURE_CHARACTERS) != 0)
		abort();
	if (marker_parse(view_of(back), &marker) < 0 ||
	    marker_check(&marker, &representation, &file) < 0)
		abort();
	return 0;
}
