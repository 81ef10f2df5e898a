/*
 * How a transfer goes: a line that is redrawn, where stderr is a terminal; a line on stdout about
 * how it ended; with --json an object for either.
 */
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "client/printable.h"
#include "tool/json.h"
#include "tool/represent.h"
#include "tool/tool.h"

#define RATE_WEIGHT 0.2 /* of the last look, in the rate that is shown */

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* "1.4 GiB": three digits that matter. */
static void format_bytes(double bytes, char *ret_text, size_t size_bytes)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB" };
	size_t unit = 0;

	while (bytes >= 1000 && unit + 1 < sizeof(units) / sizeof(units[0])) {
		bytes /= 1024;
		unit++;
	}
	snprintf(ret_text, size_bytes, bytes < 10 && unit > 0 ? "%.1f %s" : "%.0f %s", bytes,
		 units[unit]);
}

static void format_eta(double seconds, char *ret_text, size_t size_bytes)
{
	uint64_t s = seconds < 360000 ? (uint64_t)(seconds + 0.5) : 359999;

	if (s >= 3600)
		snprintf(ret_text, size_bytes, "%" PRIu64 ":%02" PRIu64 ":%02" PRIu64, s / 3600,
			 s / 60 % 60, s % 60);
	else
		snprintf(ret_text, size_bytes, "%" PRIu64 ":%02" PRIu64, s / 60, s % 60);
}

static void take_rate(struct tool *tool, uint64_t bytes)
{
	uint64_t now = now_ms();
	double rate;

	if (now <= tool->shown_ms || bytes < tool->shown_bytes)
		return;
	rate = (double)(bytes - tool->shown_bytes) * 1000 / (double)(now - tool->shown_ms);
	tool->rate_bytes_per_s =
		tool->shown_bytes == 0
			? rate
			: RATE_WEIGHT * rate + (1 - RATE_WEIGHT) * tool->rate_bytes_per_s;
	tool->shown_bytes = bytes;
	tool->shown_ms = now;
}

static void show_json(struct tool *tool, uint64_t bytes)
{
	struct json json;

	json_begin(&json, stdout);
	json_text(&json, "event", "progress");
	json_text(&json, "file", tool->path);
	json_number(&json, "bytes", tool->offset + (int64_t)bytes);
	if (tool->size_bytes >= 0)
		json_number(&json, "size", tool->size_bytes);
	json_number(&json, "bytes_per_second", (int64_t)tool->rate_bytes_per_s);
	json_end(&json);
	fflush(stdout);
}

static void show_line(struct tool *tool, uint64_t bytes)
{
	double done = (double)tool->offset + (double)bytes;
	double left = (double)tool->size_bytes - done;
	char name[PRINTABLE_BYTES(40)];
	char amount[24];
	char rate[24];
	char eta[24] = "";

	printable_text((struct view){ tool->path, strnlen(tool->path, 40) }, name, sizeof(name));
	format_bytes(done, amount, sizeof(amount));
	format_bytes(tool->rate_bytes_per_s, rate, sizeof(rate));
	fprintf(stderr, "\r\033[K%s  %s", name, amount);
	if (tool->size_bytes > 0)
		fprintf(stderr, "  %3.0f %%", done * 100 / (double)tool->size_bytes);
	fprintf(stderr, "  %s/s", rate);
	if (tool->size_bytes > 0 && left >= 0 && tool->rate_bytes_per_s > 0) {
		format_eta(left / tool->rate_bytes_per_s, eta, sizeof(eta));
		fprintf(stderr, "  %s left", eta);
	}
	fflush(stderr);
	tool->progress_shown = true;
}

static void on_progress(void *context, uint64_t bytes)
{
	struct tool *tool = context;

	take_rate(tool, bytes);
	if (tool->options.json)
		show_json(tool, bytes);
	else
		show_line(tool, bytes);
}

void tool_transfer_begin(struct tool *tool, const char *path, int64_t size_bytes,
			 struct sluice_transfer *transfer)
{
	tool->path = path;
	tool->offset = transfer->offset;
	tool->size_bytes = represent_shows_progress(&transfer->representation) ? size_bytes : -1;
	tool->began_ms = now_ms();
	tool->shown_ms = tool->began_ms;
	tool->shown_bytes = 0;
	tool->rate_bytes_per_s = 0;
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
	json_number(&json, "milliseconds", (int64_t)(now_ms() - tool->began_ms));
	if (result->error) {
		json_number(&json, "code", result->code);
		json_text(&json, "error",
			  result->text[0] ? result->text : strerror(-result->error));
	}
	json_end(&json);
}

void tool_transfer_end(struct tool *tool, const struct url *url, const struct tool_result *result)
{
	double seconds = (double)(now_ms() - tool->began_ms) / 1000;
	char amount[24];
	char rate[24];

	if (tool->options.json)
		tell_json(tool, result);
	if (result->error < 0) {
		tool_fail(tool, url, result);
		return;
	}
	format_bytes((double)result->bytes, amount, sizeof(amount));
	format_bytes((double)result->bytes / (seconds > 0.001 ? seconds : 0.001), rate,
		     sizeof(rate));
	tool_tell(tool, "%s: %s%s, %s/s", tool->path, amount, tool->offset ? " more" : "", rate);
}
