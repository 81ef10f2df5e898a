/* Fuzzes words_parse: what it makes fits the buffer, in order, and is no more than came. */
#include "protocol/words.h"

#include <stdint.h>
#include <stdlib.h>

#define WORDS_MAX 4

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view words[WORDS_MAX];
	char *bytes = malloc(size + 1);
	const char *at = bytes;
	int count;

	if (!bytes)
		return 0;
	count = words_parse((struct view){ (const char *)data, size }, bytes, words, WORDS_MAX);
	for (int i = 0; i < count; i++) {
		if (words[i].at != at || words[i].length > size)
			abort();
		at += words[i].length;
	}
	if (count > WORDS_MAX || at > bytes + size)
		abort();
	free(bytes);
	return 0;
}
