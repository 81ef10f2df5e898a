/* Fuzzes time_value_parse: what it accepts comes back from time_value_format. */
#include "protocol/time_value.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct view text = { (const char *)data, size };
	char back[TIME_VALUE_LENGTH];
	int64_t seconds;

	if (time_value_parse(text, &seconds) < 0)
		return 0;
	time_value_format(seconds, back);
	if (memcmp(text.at + 12, "60", 2) != 0 && memcmp(text.at, back, sizeof(back)) != 0)
		abort();
	return 0;
}
