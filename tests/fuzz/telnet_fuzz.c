/* Fuzzes telnet_filter: any packet, split at any byte, leaves what it leaves in one piece, once the
 * owner has taken interrupted lines back. */
#include "protocol/telnet.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct telnet whole = { 0 };
	struct telnet split = { 0 };
	char answers[TELNET_ANSWERS_MAX];
	size_t length;
	size_t left;
	size_t at = 0;
	char *bytes = malloc(size + 1);
	char *pieces = malloc(size + 1);
	char *byte = malloc(1);

	memcpy(bytes, data, size);
	left = telnet_filter(&whole, bytes, size, answers, &length);
	if (left > size || length > sizeof(answers))
		abort();
	for (size_t i = 0; i < size; i++) {
		*byte = (char)data[i];
		if (telnet_filter(&split, byte, 1, answers, &length) == 1)
			pieces[at++] = *byte;
		while (split.interrupt && at > 0 && pieces[at - 1] != '\n')
			at--;
		split.interrupt = false;
	}
	if (at != left || memcmp(bytes, pieces, left) != 0 || whole.state != split.state)
		abort();
	free(byte);
	free(pieces);
	free(bytes);
	return 0;
}
