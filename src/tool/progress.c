/*
 * How a transfer goes: a bar (bars.h), where stderr is a terminal; a line on stdout about how it ended;
 * with --json an object for either.
 */
#include <inttypes.h>
#include <string.h>

#include "tool/json.h"
#include "tool/represent.h"
#include "tool/tool.h"

static void show_json(struct tool *tool, uint64_t bytes)
{
	struct json json;

	json_begin(&json, stdout);
	json_text(&json, "event", "progress");
	json_text(&json, "file", tool->path);
	json_number(&json, "bytes", tool->offset + (int64_t)bytes);
	if (tool->size_bytes >= 0)
		json_number(&json, "size", tool->size_bytes);
	json_number(&json, "bytes_per_second", (int64_t)tool->rate.bytes_per_s);
	json_end(&json);
	fflush(stdout);
}

static void on_progress(void *context, uint64_t bytes)
{
	struct tool *tool = context;

	bars_take_rate(&tool->rate, bytes);
	if (tool->options.json) {
		show_json(tool, bytes);
		return;
	}
	bars_move(&tool->bars, 0, bytes);
	bars_draw(&tool->bars, stderr);
}

void tool_transfer_begin(struct tool *tool, const char *path, int64_t size_bytes,
			 struct sluice_transfer *transfer)
{
	tool->path = path;
	tool->offset = transfer->offset;
	tool->size_bytes = represent_shows_progress(&transfer->representation) ? size_bytes : -1;
	tool->began_ms = bars_now_ms();
	tool->rate = (struct bars_rate){ .known = false };
	bars_take_rate(&tool->rate, 0);
	bars_begin(&tool->bars, 0, path, tool->size_bytes, tool->offset);
	transfer->context = tool;
	if (tool->options.json || (tool->terminal && !tool->options.quiet))
		transfer->progress = on_progress;
}

static void tell_json(struct tool *tool, const struct tool_result *result)
{
	struct json json;

	json_begin(&json, stdout);
	json_text(&json, "event", result->error ? "failed" : "done");
	json_text(&json, "file", tool->path);
	json_number(&json, "bytes", (int64_t)result->bytes);
	json_number(&json, "offset", tool->offset);
	json_number(&json, "milliseconds", (int64_t)(bars_now_ms() - tool->began_ms));
	if (result->error) {
		json_number(&json, "code", result->code);
		json_text(&json, "error",
			  result->text[0] ? result->text : strerror(-result->error));
	}
	json_end(&json);
}

void tool_transfer_kept(struct tool *tool, const char *path, const char *where)
{
	struct json json;

	tool_tell(tool, "%s: whole %salready", path, where);
	if (!tool->options.json)
		return;
	json_begin(&json, stdout);
	json_text(&json, "event", "done");
	json_text(&json, "file", path);
	json_number(&json, "bytes", 0);
	json_bool(&json, "kept", true);
	json_end(&json);
}

void tool_transfer_end(struct tool *tool, const struct url *url, const struct tool_result *result)
{
	double seconds = (double)(bars_now_ms() - tool->began_ms) / 1000;
	char amount[24];
	char rate[24];

	bars_end(&tool->bars, 0);
	bars_clear(&tool->bars, stderr);
	if (tool->options.json)
		tell_json(tool, result);
	if (result->error < 0) {
		tool_fail(tool, url, result);
		return;
	}
	bars_format_bytes((double)result->bytes, amount, sizeof(amount));
	bars_format_bytes((double)result->bytes / (seconds > 0.001 ? seconds : 0.001), rate,
			  sizeof(rate));
	tool_tell(tool, "%s: %s%s, %s/s", tool->path, amount, tool->offset ? " more" : "", rate);
}
