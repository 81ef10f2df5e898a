/* Fuzzes the text of 257: a folder lies within its buffer, and is shorter than what it came in. */
#include "protocol/folder_reply.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size);
	char *folder = malloc(16);

	if (!text || !folder)
		abort();
	if (folder_reply_parse(text, folder, 16) == 0 &&
	    (*folder == '\0' || strlen(folder) + 2 > strlen(text)))
		abort();
	free(folder);
	free(text);
	return 0;
}
