/* Fuzzes glob_matches: the first line is the pattern, what follows it the name. */
#include "fs/glob.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view name = { (const char *)data, size };
	struct view pattern = { (const char *)data, 0 };
	uint64_t steps = 0;

	while (pattern.length < size && data[pattern.length] != '\n')
		pattern.length++;
	name = view_skip(name, pattern.length < size ? pattern.length + 1 : size);
	if (glob_is_pattern(pattern))
		glob_matches(pattern, name, &steps);
	else
		glob_matches(name, pattern, &steps);
	return 0;
}
