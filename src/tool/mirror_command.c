/*
 * sluice mirror: which side is which, and what is said about it. What is done stands in mirror.h.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tool/json.h"
#include "tool/mirror.h"
#include "tool/tool.h"

#define MIRROR_SESSIONS_DEFAULT 4

struct show {
	struct tool *tool;
	uint64_t left_bytes
		[MIRROR_SESSIONS_MAX]; /* of the file under way, by session, when it began */
};

static const struct {
	const char *name;  /* in JSON */
	const char *words; /* before the path */
} events[] = {
	[MIRROR_FETCHED] = { "fetched", "get " }, [MIRROR_STORED] = { "stored", "put " },
	[MIRROR_MADE] = { "made", "mkdir " },	  [MIRROR_LINKED] = { "linked", "link " },
	[MIRROR_REMOVED] = { "removed", "rm " },  [MIRROR_SKIPPED] = { "skipped", "skip " },
	[MIRROR_FAILED] = { "failed", "" },	  [MIRROR_BROKEN] = { "failed", "" },
	[MIRROR_PROGRESS] = { "progress", "" },
};

static bool draws(const struct tool *tool)
{
	return tool->terminal && !tool->options.quiet && !tool->options.json;
}

static void show_draw(struct show *show)
{
	if (draws(show->tool))
		bars_draw(&show->tool->bars, stderr);
}

static void on_found(void *context, int64_t size_bytes)
{
	struct show *show = context;

	if (size_bytes > 0)
		show->tool->bars.total.left_bytes += (uint64_t)size_bytes;
}

static void take_left(struct show *show, uint64_t bytes)
{
	struct bars_total *total = &show->tool->bars.total;

	total->left_bytes -= bytes < total->left_bytes ? bytes : total->left_bytes;
}

static void on_begun(void *context, unsigned session, const char *path, int64_t size_bytes,
		     int64_t offset)
{
	struct show *show = context;

	/* What is there already is not moved again. */
	take_left(show, (uint64_t)offset);
	show->left_bytes[session] = size_bytes > offset ? (uint64_t)(size_bytes - offset) : 0;
	bars_begin(&show->tool->bars, session, path, size_bytes, offset);
	show_draw(show);
}

static void on_ended(void *context, unsigned session)
{
	struct show *show = context;

	show->left_bytes[session] = 0;
	bars_end(&show->tool->bars, session);
	show_draw(show);
}

static void on_counted(void *context)
{
	((struct show *)context)->tool->bars.total.counted = true;
}

/* What has moved is not left, nor is what has failed. */
static void show_count(struct show *show, enum mirror_event event, unsigned session)
{
	struct bars_total *total = &show->tool->bars.total;
	uint64_t bytes = show->left_bytes[session];

	if (event == MIRROR_FETCHED || event == MIRROR_STORED) {
		total->files++;
		total->bytes += bytes;
	} else if (event != MIRROR_FAILED && event != MIRROR_BROKEN) {
		return;
	}
	take_left(show, bytes);
	show->left_bytes[session] = 0;
	bars_end(&show->tool->bars, session);
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

	if (event == MIRROR_PROGRESS)
		bars_move(&tool->bars, session, bytes);
	show_count(show, event, session);
	if (tool->options.json)
		show_json(event, path, bytes, why);
	if (event == MIRROR_FAILED)
		tool_say(tool, TOOL_FAILED, "%s: %s", *path ? path : ".", why);
	else if (event == MIRROR_BROKEN)
		tool_fail_protocol(tool, *path ? path : ".", why);
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
	struct show show = { .tool = tool };
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
					  .found = on_found,
					  .begun = on_begun,
					  .ended = on_ended,
					  .counted = on_counted,
					  .context = &show };
	struct mirror_counts counts;

	tool->bars.total.shown = true;
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
	bars_clear(&tool->bars, stderr);
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
