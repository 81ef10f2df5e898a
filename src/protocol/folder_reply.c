#include "protocol/folder_reply.h"

#include <errno.h>

int folder_reply_parse(const char *text, char *ret_folder, size_t size_bytes)
{
	size_t length = 0;

	if (*text++ != '"')
		return -EPROTO;
	for (; *text != '"' || text[1] == '"'; text++) {
		if (*text == '\0')
			return -EPROTO;
		if (*text == '"') /* of two */
			text++;
		if (length + 1 >= size_bytes)
			return -ENAMETOOLONG;
		ret_folder[length++] = *text;
	}
	if (length == 0 || (text[1] != '\0' && text[1] != ' '))
		return -EPROTO;
	ret_folder[length] = '\0';
	return 0;
}
