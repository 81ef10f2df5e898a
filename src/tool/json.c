#include "tool/json.h"

#include <inttypes.h>
#include <string.h>

void json_begin(struct json *json, FILE *file)
{
	*json = (struct json){ .file = file };
	fputc('{', file);
}

static void json_name(struct json *json, const char *name)
{
	fprintf(json->file, "%s\"%s\":", json->begun ? "," : "", name);
	json->begun = true;
}

/* The length of the UTF-8 character at text, or 0 if there is none (RFC 3629 section 4). */
static size_t utf8_length(const unsigned char *text)
{
	unsigned char low = 0x80;
	unsigned char high = 0xbf;
	size_t length;

	if (text[0] < 0x80)
		return 1;
	if (text[0] < 0xc2 || text[0] > 0xf4)
		return 0;
	length = text[0] < 0xe0 ? 2 : text[0] < 0xf0 ? 3 : 4;
	if (text[0] == 0xe0)
		low = 0xa0;
	if (text[0] == 0xed)
		high = 0x9f;
	if (text[0] == 0xf0)
		low = 0x90;
	if (text[0] == 0xf4)
		high = 0x8f;
	if (text[1] < low || text[1] > high)
		return 0;
	for (size_t i = 2; i < length; i++)
		if (text[i] < 0x80 || text[i] > 0xbf)
			return 0;
	return length;
}

/* Returns whether all of it was UTF-8. */
static bool json_put_string(FILE *file, const char *text)
{
	bool good = true;

	fputc('"', file);
	while (*text) {
		size_t length = utf8_length((const unsigned char *)text);
		unsigned char byte = (unsigned char)*text;

		if (length == 0) {
			fputs("\\ufffd", file);
			good = false;
			text++;
			continue;
		}
		if (byte < 0x20 || byte == 0x7f)
			fprintf(file, "\\u%04x", byte);
		else if (byte == '"' || byte == '\\')
			fprintf(file, "\\%c", byte);
		else
			fwrite(text, 1, length, file);
		text += length;
	}
	fputc('"', file);
	return good;
}

void json_text(struct json *json, const char *name, const char *text)
{
	json_name(json, name);
	if (json_put_string(json->file, text))
		return;
	fprintf(json->file, ",\"%s_hex\":\"", name);
	for (; *text; text++)
		fprintf(json->file, "%02x", (unsigned char)*text);
	fputc('"', json->file);
}

void json_number(struct json *json, const char *name, int64_t number)
{
	json_name(json, name);
	fprintf(json->file, "%" PRId64, number);
}

void json_bool(struct json *json, const char *name, bool value)
{
	json_name(json, name);
	fputs(value ? "true" : "false", json->file);
}

void json_end(struct json *json)
{
	fputs("}\n", json->file);
}
