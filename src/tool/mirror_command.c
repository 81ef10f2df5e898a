/*
 * sluice mirror: which side is which, and what is said about it. What is done stands in mirror.h.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tool/json.h"
#include "tool/mirror.h"
#include "tool/tool.h"

#define MIRROR_SESSIONS_DEFAULT 4
#define REDRAW_MS 200

struct show {
	struct tool *tool;
	uint64_t began_ms;
	uint64_t drawn_ms;
	uint64_t done_bytes;
	uint64_t files;
	uint64_t moving[MIRROR_SESSIONS_MAX]; /* of the file under way, by session */
};

static const struct {
	const char *name;  /* in JSON */
	const char *words; /* before the path */
} events[] = {
	[MIRROR_FETCHED] = { "fetched", "get " }, [MIRROR_STORED] = { "stored", "put " },
	[MIRROR_MADE] = { "made", "mkdir " },	  [MIRROR_LINKED] = { "linked", "link " },
	[MIRROR_REMOVED] = { "removed", "rm " },  [MIRROR_SKIPPED] = { "skipped", "skip " },
	[MIRROR_FAILED] = { "failed", "" },	  [MIRROR_PROGRESS] = { "progress", "" },
};

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* One line for all sessions: what has moved, how fast, and how many files that was. */
static void show_draw(struct show *show)
{
	uint64_t at_ms = now_ms();
	uint64_t bytes = show->done_bytes;
	unsigned active = 0;
	double seconds;

	if (!show->tool->terminal || show->tool->options.quiet || show->tool->options.json ||
	    at_ms - show->drawn_ms < REDRAW_MS)
		return;
	for (unsigned i = 0; i < MIRROR_SESSIONS_MAX; i++) {
		bytes += show->moving[i];
		active += show->moving[i] > 0;
	}
	show->drawn_ms = at_ms;
	seconds = (double)(at_ms - show->began_ms + 1) / 1000;
	fprintf(stderr, "\r\033[K%llu files, %.1f MB, %.1f MB/s, %u moving",
		(unsigned long long)show->files, (double)bytes / 1e6, (double)bytes / 1e6 / seconds,
		active);
	show->tool->progress_shown = true;
}

static void show_json(enum mirror_event event, const char *path, uint64_t bytes, const char *why)
{
	struct json json;

	json_begin(&json, stdout);
	json_text(&json, "event", events[event].name);
	json_text(&json, "path", path);
	if (event == MIRROR_FETCHED || event == MIRROR_STORED || event == MIRROR_PROGRESS)
		json_number(&json, "bytes", (int64_t)bytes);
	if (event == MIRROR_LINKED)
		json_text(&json, "target", why);
	else if (*why)
		json_text(&json, "why", why);
	json_end(&json);
}

static void on_event(void *context, enum mirror_event event, unsigned session, const char *path,
		     uint64_t bytes, const char *why)
{
	struct show *show = context;
	struct tool *tool = show->tool;

	show->moving[session] = event == MIRROR_PROGRESS ? bytes : 0;
	if (event == MIRROR_FETCHED || event == MIRROR_STORED) {
		show->files++;
		show->done_bytes += bytes;
	}
	if (tool->options.json)
		show_json(event, path, bytes, why);
	if (event == MIRROR_FAILED)
		tool_say(tool, TOOL_FAILED, "%s: %s", *path ? path : ".", why);
	else if (event == MIRROR_LINKED)
		tool_tell(tool, "link %s -> %s", path, why);
	else if (event != MIRROR_PROGRESS)
		tool_tell(tool, "%s%s%s%s", events[event].words, path, *why ? ": " : "", why);
	show_draw(show);
}

static void tell_end(struct tool *tool, const struct mirror_counts *counts)
{
	struct json json;

	if (tool->options.json) {
		json_begin(&json, stdout);
		json_text(&json, "event", "done");
		json_number(&json, "moved", (int64_t)counts->moved);
		json_number(&json, "moved_bytes", (int64_t)counts->moved_bytes);
		json_number(&json, "kept", (int64_t)counts->kept);
		json_number(&json, "folders", (int64_t)counts->folders);
		json_number(&json, "links", (int64_t)counts->links);
		json_number(&json, "removed", (int64_t)counts->removed);
		json_number(&json, "skipped", (int64_t)counts->skipped);
		json_number(&json, "failed", (int64_t)counts->failed);
		json_end(&json);
	}
	tool_tell(tool,
		  "%llu files moved (%.1f MB), %llu the same, %llu folders, %llu links, "
		  "%llu removed, %llu skipped, %llu failed",
		  (unsigned long long)counts->moved, (double)counts->moved_bytes / 1e6,
		  (unsigned long long)counts->kept, (unsigned long long)counts->folders,
		  (unsigned long long)counts->links, (unsigned long long)counts->removed,
		  (unsigned long long)counts->skipped, (unsigned long long)counts->failed);
}

static void mirror_url(struct tool *tool, const struct url *url, const char *local, bool up,
		       unsigned sessions)
{
	struct show show = { .tool = tool, .began_ms = now_ms() };
	struct sluice_target target;
	struct tool_login login;
	struct mirror_options options = { .target = &target,
					  .remote = url->path,
					  .local = local,
					  .up = up,
					  .remove = tool->options.deletes,
					  .dry_run = tool->options.dry_run,
					  .by_hash = tool->options.by_hash,
					  .compress = tool->options.compress,
					  .mode = tool->options.representation.mode,
					  .sessions = sessions,
					  .say = on_event,
					  .context = &show };
	struct mirror_counts counts;

	if (!tool_target(tool, url, &login, &target))
		return;
	if (mirror_run(tool->client, &options, &counts) < 0) {
		struct tool_result result = { .error = counts.error, .code = counts.code };

		memcpy(result.text, counts.why, sizeof(counts.why));
		if (counts.local)
			tool_say(tool, TOOL_FAILED, "%s: %s", local, strerror(-counts.error));
		else
			tool_fail_open(tool, url, &result);
	} else {
		tell_end(tool, &counts);
	}
	explicit_bzero(&login, sizeof(login));
}

static bool is_url(const char *argument)
{
	return strncasecmp(argument, "ftp://", 6) == 0;
}

void tool_mirror(struct tool *tool, int argc, char **argv)
{
	long sessions = MIRROR_SESSIONS_DEFAULT;
	bool up = is_url(argv[argc - 1]);
	struct url url;
	char *end = NULL;

	if (tool->options.jobs)
		sessions = strtol(tool->options.jobs, &end, 10);
	if (sessions < 1 || sessions > MIRROR_SESSIONS_MAX || (end && *end)) {
		tool_say(tool, TOOL_WRONG_ARGUMENTS, "--jobs takes a number from 1 to %d",
			 MIRROR_SESSIONS_MAX);
		return;
	}
	if (up == is_url(argv[0])) {
		tool_say(tool, TOOL_WRONG_ARGUMENTS,
			 "mirror takes a URL and a folder: the first is the model, the second is "
			 "made like it");
		return;
	}
	if (tool_read_url(tool, argv[up], &url))
		mirror_url(tool, &url, argv[!up], up, (unsigned)sessions);
	explicit_bzero(&url, sizeof(url));
}
