/* Fuzzes the arguments of PORT and EPRT. */
#include "protocol/host_port.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct view text = { (const char *)data, size };
	struct host_port value = { 0 };

	if (host_port_parse(text, &value) == 0 && value.family != AF_INET)
		abort();
	if (host_port_parse_extended(text, &value) == 0 && value.family != AF_INET &&
	    value.family != AF_INET6)
		abort();
	return 0;
}
