/* Fuzzes octet_range_parse: the numbers of what it accepts are read back from their decimal form. */
#include "protocol/octet_range.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct view text = { (const char *)data, size };
	char back[64];
	int64_t again[2];
	int64_t first;
	int64_t last;

	if (octet_range_parse(text, &first, &last) < 0)
		return 0;
	if (first < 0 || last < 0 || first == INT64_MAX || last == INT64_MAX)
		abort();
	snprintf(back, sizeof(back), "%lld %lld", (long long)first, (long long)last);
	if (octet_range_parse(view_of(back), &again[0], &again[1]) < 0 || again[0] != first ||
	    again[1] != last)
		abort();
	return 0;
}
