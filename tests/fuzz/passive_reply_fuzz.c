/* Fuzzes the texts of 227 and 229. */
#include "protocol/passive_reply.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct view text = { (const char *)data, size };
	struct host_port value = { 0 };
	uint16_t port = 0;

	if (passive_reply_parse(text, &value) == 0 && (value.family != AF_INET || value.port == 0))
		abort();
	if (passive_reply_parse_extended(text, &port) == 0 && port == 0)
		abort();
	return 0;
}
