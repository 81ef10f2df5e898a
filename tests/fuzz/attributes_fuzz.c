/* Fuzzes attributes_parse: what it accepts is the same once it was written and read again. */
#include "fs/attributes.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct view text = { (const char *)data, size };
	char back[ATTRIBUTES_TEXT_MAX];
	struct attributes again;
	struct attributes first;

	if (attributes_parse(text, &first) < 0)
		return 0;
	attributes_format(&first, back);
	if (strlen(back) >= sizeof(back) || attributes_parse(view_of(back), &again) < 0)
		abort();
	if (again.facts != first.facts || again.mode != first.mode || again.group != first.group)
		abort();
	if (again.modified_s != first.modified_s || again.modified_ns != first.modified_ns)
		abort();
	return 0;
}
