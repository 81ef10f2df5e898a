#include "content.h"

#include <string.h>

uint64_t content_mix(uint64_t value)
{
	value += 0x9e3779b97f4a7c15u;
	value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9u;
	value = (value ^ (value >> 27)) * 0x94d049bb133111ebu;
	return value ^ (value >> 31);
}

void content_fill(uint32_t number, uint64_t offset, unsigned char *buffer, size_t length)
{
	uint64_t base = content_mix(number);
	size_t done = 0;

	while (done < length) {
		uint64_t word = content_mix(base + (offset + done) / 8);
		size_t skip = (size_t)((offset + done) % 8);
		size_t part = 8 - skip < length - done ? 8 - skip : length - done;

		memcpy(buffer + done, (unsigned char *)&word + skip, part);
		done += part;
	}
}

/* 37 is odd, so its multiples modulo 64 are all numbers below 64. */
static unsigned text_line_length(unsigned line)
{
	return 32 + line * 37 % CONTENT_TEXT_LINES;
}

static void text_block(char *block)
{
	for (unsigned line = 0; line < CONTENT_TEXT_LINES; line++) {
		unsigned length = text_line_length(line);

		for (unsigned i = 0; i < length; i++)
			block[i] = (char)('a' + content_mix(line * 100 + i) % 26);
		block[length] = '\n';
		block += length + 1;
	}
}

void content_text(uint64_t offset, unsigned char *buffer, size_t length)
{
	char block[CONTENT_TEXT_BLOCK];

	text_block(block);
	for (size_t done = 0; done < length;) {
		size_t skip = (size_t)((offset + done) % sizeof(block));
		size_t part = sizeof(block) - skip < length - done ? sizeof(block) - skip
								   : length - done;

		memcpy(buffer + done, block + skip, part);
		done += part;
	}
}

size_t content_differs(uint32_t number, uint64_t offset, const unsigned char *buffer, size_t length)
{
	unsigned char expected[4096];
	size_t differing = 0;

	for (size_t done = 0; done < length;) {
		size_t part = length - done < sizeof(expected) ? length - done : sizeof(expected);

		content_fill(number, offset + done, expected, part);
		if (memcmp(expected, buffer + done, part) != 0)
			for (size_t i = 0; i < part; i++)
				differing += expected[i] != buffer[done + i];
		done += part;
	}
	return differing;
}

uint64_t content_small_size(uint32_t number)
{
	return 1024 + content_mix(~(uint64_t)number) % (15 * 1024 + 1);
}
