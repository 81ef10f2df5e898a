/* Fuzzes the arguments of PORT, EPRT and LPRT; what LPRT accepts is the same once written and read again. */
#include "protocol/host_port.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_long(struct view text)
{
	struct host_port value = { 0 };
	struct host_port again = { 0 };
	char back[HOST_PORT_TEXT_MAX];

	if (host_port_parse_long(text, &value) < 0)
		return;
	host_port_format_long(&value, back);
	if (strlen(back) >= sizeof(back) || host_port_parse_long(view_of(back), &again) < 0)
		abort();
	if (again.family != value.family || again.port != value.port)
		abort();
	if (memcmp(&again.v6, &value.v6, value.family == AF_INET ? 4 : 16) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct view text = { (const char *)data, size };
	struct host_port value = { 0 };

	if (host_port_parse(text, &value) == 0 && value.family != AF_INET)
		abort();
	if (host_port_parse_extended(text, &value) == 0 && value.family != AF_INET &&
	    value.family != AF_INET6)
		abort();
	fuzz_long(text);
	return 0;
}
