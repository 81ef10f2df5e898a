/* Fuzzes hash_argument_parse and octet_range_parse: a path lies within the argument or the buffer, and
 * numbers are in order and leave room for one more. */
#include "protocol/hash_argument.h"

#include <stdlib.h>
#include <string.h>

#include "protocol/octet_range.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view argument = { (const char *)data, size };
	char *buffer = malloc(size + 1);
	int64_t first = 0;
	int64_t last = 0;

	for (int i = 0; buffer && i < 2 * HASH_READINGS; i++) {
		struct hash_argument read;

		if (hash_argument_parse(argument, (enum hash_reading)(i / 2), i % 2, buffer,
					&read) < 0)
			continue;
		if (read.path.length == 0 || read.path.length > size || read.first < 0 ||
		    read.last == INT64_MAX || (read.last >= 0 && read.last < read.first) ||
		    (i % 2 == 0 && (read.first != 0 || read.last != -1)))
			abort();
		memmove(buffer, read.path.at, read.path.length);
	}
	free(buffer);
	if (octet_range_parse(argument, &first, &last) == 0 &&
	    (first < 0 || last < 0 || first == INT64_MAX || last == INT64_MAX))
		abort();
	return 0;
}
