#include "tool/json.h"

#include <inttypes.h>
#include <string.h>

#include "client/printable.h"

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

static void put_escaped(FILE *file, uint32_t point)
{
	if (point < 0x10000)
		fprintf(file, "\\u%04x", point);
	else
		fprintf(file, "\\u%04x\\u%04x", 0xd7c0 + (point >> 10), 0xdc00 + (point & 0x3ff));
}

/* Returns whether all of it was UTF-8. What could steer a terminal is escaped, too: people look at it. */
static bool json_put_string(FILE *file, const char *text)
{
	struct view rest = { text, strlen(text) };
	bool good = true;
	uint32_t point;
	size_t length;

	fputc('"', file);
	for (; rest.length > 0; rest = view_skip(rest, length)) {
		if (!printable_read(rest, &length, &point)) {
			fputs("\\ufffd", file);
			good = false;
		} else if (point == '"' || point == '\\') {
			fprintf(file, "\\%c", (int)point);
		} else if (!printable_is_shown(point)) {
			put_escaped(file, point);
		} else {
			fwrite(rest.at, 1, length, file);
		}
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
