/* Fuzzes the line ends of TYPE A: every way gives the bytes of the scalar one, in rooms of exactly
 * the promised size, and what is sent comes back, cut where the first byte says. */
#include "sluice/translate.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct results {
	char *sent;
	char *stored;
	size_t sent_bytes;
	size_t stored_bytes;
};

/* text as a file, and as what comes from the network, in two buffers. */
static struct results convert(const char *text, size_t length, size_t cut)
{
	struct results results = { malloc(2 * length), malloc(length + 1), 0, 0 };
	char *first = malloc(cut + 1);
	char *second = malloc(length - cut + 1);
	bool carriage = false;
	size_t put;

	results.sent_bytes = ascii_to_network(text, length, results.sent);
	if (results.sent_bytes != length + ascii_count_lf(text, length))
		abort();
	results.stored_bytes = ascii_from_network(text, cut, false, &carriage, first);
	put = ascii_from_network(text + cut, length - cut, true, &carriage, second);
	memcpy(results.stored, first, results.stored_bytes);
	memcpy(results.stored + results.stored_bytes, second, put);
	results.stored_bytes += put;
	free(first);
	free(second);
	return results;
}

static void check_return(const struct results *results, const char *text, size_t length)
{
	char *back = malloc(results->sent_bytes + 1);
	bool carriage = false;
	size_t put = ascii_from_network(results->sent, results->sent_bytes, true, &carriage, back);

	if (put != length || memcmp(back, text, length) != 0)
		abort();
	free(back);
}

static void check_same(const struct results *one, const struct results *other)
{
	if (one->sent_bytes != other->sent_bytes || one->stored_bytes != other->stored_bytes ||
	    memcmp(one->sent, other->sent, one->sent_bytes) != 0 ||
	    memcmp(one->stored, other->stored, one->stored_bytes) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const ways[] = { "ssse3", "avx2", "neon" };
	struct results scalar;
	size_t length = size > 0 ? size - 1 : 0;
	char *text = malloc(length); /* exactly: what is read behind it must be seen */
	size_t cut = size > 0 ? data[0] % (length + 1) : 0;

	if (length > 0)
		memcpy(text, data + 1, length);
	translate_use_kernel("scalar");
	scalar = convert(text, length, cut);
	check_return(&scalar, text, length);
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		struct results vector;

		if (translate_use_kernel(ways[i]) < 0)
			continue;
		vector = convert(text, length, cut);
		check_same(&vector, &scalar);
		check_return(&vector, text, length);
		free(vector.sent);
		free(vector.stored);
	}
	free(scalar.sent);
	free(scalar.stored);
	free(text);
	return 0;
}
