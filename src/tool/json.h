/*
 * JSON objects, one a line (RFC 8259): for what sluice(1) says with --json. Bytes that are no UTF-8
 * become U+FFFD in the text; a field with "_hex" behind its name then has them all, so that no name
 * is lost.
 */
#ifndef TOOL_JSON_H
#define TOOL_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct json {
	FILE *file;
	bool begun; /* a field stands there already */
};

void json_begin(struct json *json, FILE *file);
void json_text(struct json *json, const char *name, const char *text);
void json_number(struct json *json, const char *name, int64_t number);
void json_bool(struct json *json, const char *name, bool value);
void json_end(struct json *json);

#endif
