#include "sluice/translate.h"

#include "translate/translate_priv.h"

size_t ascii_to_network(const char *from, size_t length, char *to)
{
	return translate_kernels->lf_to_crlf(from, length, to);
}

size_t ascii_from_network(const char *from, size_t length, bool last, bool *carriage, char *to)
{
	char *start = to;

	if (length > 0) {
		if (*carriage && *from != '\n')
			*to++ = '\r';
		*carriage = from[length - 1] == '\r';
		to += translate_kernels->crlf_to_lf(from, length - *carriage, to);
	}
	if (last && *carriage) {
		*to++ = '\r';
		*carriage = false;
	}
	return (size_t)(to - start);
}

uint64_t ascii_count_lf(const char *from, size_t length)
{
	return translate_kernels->count_lf(from, length);
}
