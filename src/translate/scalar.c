/*
 * Byte by byte: what every other way is compared with, what finishes a buffer that is no multiple
 * of a vector, and what serves a CPU that has none of the others.
 */
#include "translate/translate_priv.h"

static size_t scalar_lf_to_crlf(const char *from, size_t length, char *to)
{
	char *start = to;

	for (size_t i = 0; i < length; i++) {
		if (from[i] == '\n')
			*to++ = '\r';
		*to++ = from[i];
	}
	return (size_t)(to - start);
}

static size_t scalar_crlf_to_lf(const char *from, size_t length, char *to)
{
	char *start = to;

	for (size_t i = 0; i < length; i++)
		if (from[i] != '\r' || i + 1 == length || from[i + 1] != '\n')
			*to++ = from[i];
	return (size_t)(to - start);
}

static uint64_t scalar_count_lf(const char *from, size_t length)
{
	uint64_t count = 0;

	for (size_t i = 0; i < length; i++)
		count += from[i] == '\n';
	return count;
}

static void scalar_apply(const uint8_t map[256], const uint8_t *from, size_t length, uint8_t *to)
{
	for (size_t i = 0; i < length; i++)
		to[i] = map[from[i]];
}

const struct translate_kernels translate_scalar = {
	.name = "scalar",
	.lf_to_crlf = scalar_lf_to_crlf,
	.crlf_to_lf = scalar_crlf_to_lf,
	.count_lf = scalar_count_lf,
	.apply = scalar_apply,
};
