/* Fuzzes url_parse: no part has what could end a command line, and each refusal has a reason. */
#include "client/url.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_field(const char *field, size_t size_bytes)
{
	size_t length = strnlen(field, size_bytes);

	if (length == size_bytes || strcspn(field, "\r\n") != length)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	const char *reason = NULL;
	struct url url;

	memcpy(text, data, size);
	text[size] = '\0';
	if (url_parse(text, &url, &reason) < 0) {
		if (!reason)
			abort();
	} else {
		check_field(url.user, sizeof(url.user));
		check_field(url.password, sizeof(url.password));
		check_field(url.host, sizeof(url.host));
		check_field(url.path, sizeof(url.path));
		if (url.host[0] == '\0' || url.port == 0 || !url_is(text) ||
		    (url.has_password && !url.has_user))
			abort();
	}
	free(text);
	return 0;
}
