/* Fuzzes carriage control: every file comes back as it was, there is room enough, and neither
 * direction cares where its input is cut, be it a file, lines of ours or lines of anybody. */
#include "sluice/translate.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef size_t direction(struct asa_state *state, const char *from, size_t length, bool last,
			 char *to);

/* Converts at once, in a room of exactly what is promised, and compares it with byte by byte. */
static char *convert(direction *function, size_t room, const char *from, size_t length,
		     size_t *ret_put)
{
	struct asa_state whole = { 0 };
	struct asa_state bytes = { 0 };
	char *to = malloc(room);
	char *pieces = malloc(room + 4);
	size_t put = function(&whole, from, length, true, to);
	size_t got = 0;

	for (size_t i = 0; i < length; i++)
		got += function(&bytes, from + i, 1, false, pieces + got);
	got += function(&bytes, from, 0, true, pieces + got);
	if (put > room || got != put || memcmp(to, pieces, put) != 0)
		abort();
	free(pieces);
	*ret_put = put;
	return to;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *file = (const char *)data;
	size_t length;
	size_t back_length;
	char *lines = convert(asa_to_network, 2 * size + 2, file, size, &length);
	char *back = convert(asa_from_network, length + 1, lines, length, &back_length);

	if (back_length != size || (size > 0 && memcmp(back, file, size) != 0))
		abort();
	free(lines);
	free(back);
	free(convert(asa_from_network, size + 1, file, size, &length));
	return 0;
}
