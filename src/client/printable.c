#include "client/printable.h"

#define ESCAPED_LENGTH 4 /* \xNN */

bool printable_read(struct view text, size_t *ret_length, uint32_t *ret_point)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 }; /* by length */
	uint8_t first = (uint8_t)text.at[0];
	uint32_t point;
	size_t length;

	*ret_length = 1;
	*ret_point = first;
	if (first < 0x80)
		return true;
	if (first < 0xc2 || first > 0xf4)
		return false;
	length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
	if (text.length < length)
		return false;

	point = first & (0x7fU >> length);
	for (size_t i = 1; i < length; i++) {
		uint8_t byte = (uint8_t)text.at[i];

		if ((byte & 0xc0) != 0x80)
			return false;
		point = point << 6 | (byte & 0x3f);
	}
	if (point < least[length] || (point >= 0xd800 && point <= 0xdfff) || point > 0x10ffff)
		return false;

	*ret_length = length;
	*ret_point = point;
	return true;
}

bool printable_is_shown(uint32_t point)
{
	static const struct {
		uint32_t first;
		uint32_t last;
	} hidden[] = {
		{ 0x00, 0x1f },	      /* C0 */
		{ 0x7f, 0x9f },	      /* DEL, C1 */
		{ 0x061c, 0x061c },   /* Arabic letter mark */
		{ 0x200e, 0x200f },   /* left-to-right and right-to-left mark */
		{ 0x2028, 0x202e },   /* line and paragraph separator, embeddings and overrides */
		{ 0x2066, 0x206f },   /* isolates, and shaping controls of old */
		{ 0xfff9, 0xfffb },   /* interlinear annotation */
		{ 0xe0000, 0xe007f }, /* tags: text that nobody sees */
	};

	for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++)
		if (point >= hidden[i].first && point <= hidden[i].last)
			return false;
	return true;
}

static void escape(char byte, char *ret_text)
{
	static const char digits[] = "0123456789abcdef";

	ret_text[0] = '\\';
	ret_text[1] = 'x';
	ret_text[2] = digits[(uint8_t)byte >> 4];
	ret_text[3] = digits[(uint8_t)byte & 0xf];
}

size_t printable_text(struct view text, char *ret_text, size_t size_bytes)
{
	size_t at = 0;

	while (text.length > 0) {
		uint32_t point;
		size_t length;
		bool is_shown = printable_read(text, &length, &point) && printable_is_shown(point);
		size_t needed = is_shown ? length : ESCAPED_LENGTH * length;

		if (needed > size_bytes - 1 - at)
			break;
		if (is_shown)
			memcpy(ret_text + at, text.at, length);
		else
			for (size_t i = 0; i < length; i++)
				escape(text.at[i], ret_text + at + ESCAPED_LENGTH * i);
		at += needed;
		text = view_skip(text, length);
	}
	ret_text[at] = '\0';
	return at;
}
