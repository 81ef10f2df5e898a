/*
 * sluice ls: a folder's entries, as they come: names, lines as ls -l has them, or JSON.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "client/printable.h"
#include "protocol/time_value.h"
#include "tool/json.h"
#include "tool/represent.h"
#include "tool/tool.h"

static const char *const kinds[] = { "file", "folder", "link", "other" };

static void format_mode(const struct sluice_entry *entry, char *ret_text)
{
	static const char letters[] = "rwxrwxrwx";

	ret_text[0] = "-dl?"[entry->kind];
	for (int i = 0; i < 9; i++)
		ret_text[i + 1] = entry->mode < 0	      ? '?'
				  : entry->mode & (0400 >> i) ? letters[i]
							      : '-';
	ret_text[10] = '\0';
}

/* "2026-01-31 12:34:56", UTC; without seconds where the server did not say. */
static void format_time(const struct sluice_entry *entry, char *ret_text, size_t size_bytes)
{
	struct calendar at;

	if (entry->modified_s == INT64_MIN) {
		snprintf(ret_text, size_bytes, "?");
		return;
	}
	time_value_calendar(entry->modified_s, &at);
	snprintf(ret_text, size_bytes, "%04d-%02d-%02d %02d:%02d", at.year, at.month, at.day,
		 at.hour, at.minute);
	if (entry->time_is_exact)
		snprintf(ret_text + 16, size_bytes - 16, ":%02d", at.second);
}

static void show_json(const struct sluice_entry *entry)
{
	char time[40];
	char mode[8];
	struct json json;

	json_begin(&json, stdout);
	json_text(&json, "name", entry->name);
	json_text(&json, "type", kinds[entry->kind]);
	if (entry->size_bytes >= 0)
		json_number(&json, "size", entry->size_bytes);
	if (entry->modified_s != INT64_MIN) {
		format_time(entry, time, sizeof(time));
		json_text(&json, "modified", time);
		json_bool(&json, "modified_exact", entry->time_is_exact);
	}
	if (entry->mode >= 0) {
		snprintf(mode, sizeof(mode), "%04o", (unsigned)entry->mode & 07777);
		json_text(&json, "mode", mode);
	}
	if (entry->target[0])
		json_text(&json, "target", entry->target);
	json_end(&json);
}

static void show_long(const struct sluice_entry *entry)
{
	char size[24] = "?";
	char mode[16];
	char time[40];

	format_mode(entry, mode);
	format_time(entry, time, sizeof(time));
	if (entry->size_bytes >= 0)
		snprintf(size, sizeof(size), "%" PRId64, entry->size_bytes);
	printf("%s %12s %-19s ", mode, size, time);
}

static void ls_entry(void *context, const struct sluice_entry *entry)
{
	const struct tool *tool = ((struct tool_listing *)context)->tool;
	char safe[PRINTABLE_BYTES(SLUICE_LISTING_LINE_MAX)];

	if (tool->options.json) {
		show_json(entry);
		return;
	}
	if (tool->options.long_listing)
		show_long(entry);
	printable_text(view_of(entry->name), safe, sizeof(safe));
	fputs(safe, stdout);
	if (entry->kind == SLUICE_FOLDER)
		putchar('/');
	if (tool->options.long_listing && entry->target[0]) {
		printable_text(view_of(entry->target), safe, sizeof(safe));
		printf(" -> %s", safe);
	}
	putchar('\n');
}

void tool_ls_one(struct tool *tool, const struct url *url)
{
	struct tool_listing listing = { .tool = tool };
	struct sluice_session *session = tool_open(tool, url);
	int r;

	if (!session)
		return;
	represent_list(tool, url, session);
	r = sluice_list(session, url->path, ls_entry, tool_on_listed, &listing);
	if (tool_wait(tool, r, &listing.result) < 0)
		tool_fail(tool, url, &listing.result);
	if (listing.result.unsafe > 0)
		tool_say(tool, TOOL_FAILED, "%llu names left out: they could lead elsewhere",
			 (unsigned long long)listing.result.unsafe);
}

void tool_ls(struct tool *tool, int argc, char **argv)
{
	struct url url;

	for (int i = 0; i < argc; i++)
		if (tool_read_url(tool, argv[i], &url))
			tool_ls_one(tool, &url);
	explicit_bzero(&url, sizeof(url));
}
