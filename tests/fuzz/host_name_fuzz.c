/* Fuzzes host_name_parse: what it accepts has no byte that would end a line or a name. */
#include "protocol/host_name.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct view text = { (const char *)data, size };
	struct host_name name;

	if (host_name_parse(text, &name) < 0)
		return 0;
	if (size > HOST_NAME_MAX_LENGTH || memchr(data, '\0', size) || memchr(data, ' ', size))
		abort();
	return 0;
}
