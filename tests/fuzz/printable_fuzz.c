/* Fuzzes printable_text: what it makes has no control character and fits, and printed once more
 * stays as it is. */
#include "client/printable.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view text = { (const char *)data, size };
	char *printed = malloc(PRINTABLE_BYTES(size));
	char *again = malloc(PRINTABLE_BYTES(size));
	char *cut = malloc(size + 1);
	size_t length;

	length = printable_text(text, printed, PRINTABLE_BYTES(size));
	if (length >= PRINTABLE_BYTES(size) || strlen(printed) != length)
		abort();
	for (size_t i = 0; i < length; i++)
		if ((uint8_t)printed[i] < ' ' || printed[i] == 0x7f)
			abort();
	if (printable_text((struct view){ printed, length }, again, length + 1) != length ||
	    memcmp(printed, again, length) != 0)
		abort();
	if (printable_text(text, cut, size + 1) > size || memcmp(printed, cut, strlen(cut)) != 0)
		abort();
	free(cut);
	free(again);
	free(printed);
	return 0;
}
