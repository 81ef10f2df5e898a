/*
 * What sluice(1) says, and which exit code follows from it.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "client/printable.h"
#include "tool/tool.h"

#define LINE_MAX_BYTES 2048

static void tool_set_exit(struct tool *tool, enum tool_exit code)
{
	if (tool->exit_code == TOOL_DONE)
		tool->exit_code = code;
}

/* Takes progress lines away before another one is written. */
static void tool_clear_progress(struct tool *tool)
{
	bars_clear(&tool->bars, stderr);
}

static void print_safe(FILE *file, const char *before, const char *line)
{
	char safe[PRINTABLE_BYTES(2 * LINE_MAX_BYTES + 64)];

	printable_text(view_of(line), safe, sizeof(safe));
	fprintf(file, "%s%s\n", before, safe);
}

void tool_say(struct tool *tool, enum tool_exit code, const char *format, ...)
{
	char line[2 * LINE_MAX_BYTES + 64];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	tool_set_exit(tool, code);
	tool_clear_progress(tool);
	print_safe(stderr, "sluice: ", line);
}

void tool_tell(struct tool *tool, const char *format, ...)
{
	char line[2 * LINE_MAX_BYTES + 64];
	va_list arguments;

	if (tool->options.quiet || tool->options.json)
		return;
	va_start(arguments, format);
	vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	tool_clear_progress(tool);
	print_safe(stdout, "", line);
}

void tool_show_url(const struct url *url, char *ret_text, size_t size_bytes)
{
	char port[8] = "";

	if (url->port != 21)
		snprintf(port, sizeof(port), ":%u", url->port);
	snprintf(ret_text, size_bytes, "ftp://%s%s%s%s/%s%.1024s", url->is_ipv6 ? "[" : "",
		 url->host, url->is_ipv6 ? "]" : "", port, url->path[0] == '/' ? "%2F" : "",
		 url->path[0] == '/' ? url->path + 1 : url->path);
}

/* All lines in one. */
static void protocol_words(const char *said, char *ret_text, size_t size_bytes)
{
	size_t length =
		(size_t)snprintf(ret_text, size_bytes, "the server breaks the protocol: %s", said);

	for (size_t i = 0; i < length && i < size_bytes; i++)
		if (ret_text[i] == '\n')
			ret_text[i] = ';';
}

/* A reply of several lines is told by its last one, which sums it up; a protocol error by all. */
static void result_words(const struct tool_result *result, char *ret_text, size_t size_bytes)
{
	const char *text = result->text;
	const char *last = strrchr(text, '\n');

	if (result->error == -EPROTO) {
		protocol_words(text, ret_text, size_bytes);
	} else if ((result->error == -EREMOTEIO || result->error == -EACCES) && result->code) {
		snprintf(ret_text, size_bytes, "%d %s", result->code,
			 last && last[1] ? last + 1 : text);
	} else if ((result->error == -EBADMSG || result->error == -EILSEQ) && text[0]) {
		snprintf(ret_text, size_bytes, "what came is not as it must be: %s", text);
	} else if (result->error == -ENOENT && text[0]) {
		snprintf(ret_text, size_bytes, "%s", text); /* the resolver's */
	} else if (result->error == -EOVERFLOW) {
		snprintf(ret_text, size_bytes,
			 "the file has more pages than a logical byte can number; use --type=L32");
	} else {
		snprintf(ret_text, size_bytes, "%s", strerror(-result->error));
	}
}

void tool_fail(struct tool *tool, const struct url *url, const struct tool_result *result)
{
	char where[LINE_MAX_BYTES];
	char words[LINE_MAX_BYTES];

	tool_show_url(url, where, sizeof(where));
	result_words(result, words, sizeof(words));
	tool_say(tool, result->error == -EPROTO ? TOOL_PROTOCOL_ERROR : TOOL_FAILED, "%s: %s",
		 where, words);
}

void tool_fail_protocol(struct tool *tool, const char *where, const char *said)
{
	char words[LINE_MAX_BYTES];

	protocol_words(said, words, sizeof(words));
	tool_say(tool, TOOL_PROTOCOL_ERROR, "%s: %s", where, words);
}

void tool_fail_open(struct tool *tool, const struct url *url, const struct tool_result *result)
{
	char words[LINE_MAX_BYTES];

	result_words(result, words, sizeof(words));
	if (result->error == -EACCES)
		tool_say(tool, TOOL_NOT_LOGGED_IN, "%s: not logged in: %s", url->host, words);
	else if (result->error == -EPROTO)
		tool_say(tool, TOOL_PROTOCOL_ERROR, "%s: %s", url->host, words);
	else if (result->error == -EOPNOTSUPP)
		tool_say(tool, TOOL_NOT_VERIFIED, "%s: %s", url->host, result->text);
	else
		tool_say(tool, TOOL_CANNOT_CONNECT, "%s, port %u: %s", url->host, url->port, words);
}

const char *tool_base_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;

	return *name && strcmp(name, ".") != 0 && strcmp(name, "..") != 0 ? name : NULL;
}
