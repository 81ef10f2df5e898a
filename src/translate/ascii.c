#include "translate/ascii.h"

#include <string.h>

size_t ascii_to_network(const char *from, size_t length, char *to)
{
	const char *end = from + length;
	char *start = to;

	while (from < end) {
		const char *line_end = memchr(from, '\n', (size_t)(end - from));
		size_t count = (size_t)((line_end ? line_end : end) - from);

		memcpy(to, from, count);
		to += count;
		from += count;
		if (line_end) {
			*to++ = '\r';
			*to++ = '\n';
			from++;
		}
	}
	return (size_t)(to - start);
}

size_t ascii_from_network(const char *from, size_t length, bool last, bool *carriage, char *to)
{
	const char *end = from + length;
	char *start = to;

	while (from < end) {
		const char *next;
		size_t count;

		if (*carriage && *from != '\n')
			*to++ = '\r';
		*carriage = false;
		next = memchr(from, '\r', (size_t)(end - from));
		count = (size_t)((next ? next : end) - from);
		memcpy(to, from, count);
		to += count;
		from += count;
		if (next) {
			*carriage = true;
			from++;
		}
	}
	if (last && *carriage) {
		*to++ = '\r';
		*carriage = false;
	}
	return (size_t)(to - start);
}
