/*
 * One errand after the other: begun, waited for, its outcome kept.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/remote_entry.h"
#include "protocol/time_value.h"
#include "tool/tool.h"

void tool_on_done(struct sluice_session *session, const struct sluice_outcome *outcome,
		  void *context)
{
	struct tool_result *result = context;

	(void)session;
	result->over = true;
	result->error = outcome->error;
	result->code = outcome->code;
	result->bytes = outcome->bytes;
	result->unsafe = outcome->unsafe;
	result->connected = outcome->connected;
	snprintf(result->text, sizeof(result->text), "%s", outcome->text);
}

int tool_wait(struct tool *tool, int begun, struct tool_result *result)
{
	int r = begun;

	while (r == 0 && !result->over)
		r = sluice_client_run(tool->client);
	if (r < 0)
		result->error = r;
	return result->error;
}

int tool_command(struct tool *tool, struct sluice_session *session, const char *verb,
		 const char *argument, struct tool_result *result)
{
	*result = (struct tool_result){ .over = false };
	return tool_wait(tool, sluice_command(session, verb, argument, tool_on_done, result),
			 result);
}

void tool_on_listed(struct sluice_session *session, const struct sluice_outcome *outcome,
		    void *context)
{
	struct tool_listing *listing = context;

	tool_on_done(session, outcome, &listing->result);
}

int64_t tool_remote_size(struct tool *tool, struct sluice_session *session, const char *path)
{
	struct tool_result result;
	char *end;
	long long size;

	if (tool_command(tool, session, "SIZE", path, &result) < 0)
		return -1;
	errno = 0;
	size = strtoll(result.text, &end, 10);
	return errno || end == result.text || size < 0 ? -1 : size;
}

bool tool_remote_time(struct tool *tool, struct sluice_session *session, const char *path,
		      int64_t *ret_modified_s)
{
	struct tool_result result;
	struct view text;

	if (tool_command(tool, session, "MDTM", path, &result) < 0)
		return false;
	text = (struct view){ result.text, strcspn(result.text, " \n") };
	return time_value_parse(text, ret_modified_s) == 0;
}

/* The line of facts in a reply to MLST: the one that begins with a space (RFC 3659 section 7.2). */
static bool find_facts(const char *text, struct remote_entry *ret_entry)
{
	const char *line = strstr(text, "\n ");

	if (!line)
		return false;
	line += 2;
	return remote_entry_parse_facts((struct view){ line, strcspn(line, "\n") }, ret_entry) == 0;
}

void tool_remote_version(struct tool *tool, struct sluice_session *session, const char *path,
			 int64_t *ret_size_bytes, int64_t *ret_modified_s)
{
	struct remote_entry entry;
	struct tool_result result;

	*ret_size_bytes = -1;
	*ret_modified_s = INT64_MIN;
	if (sluice_session_has(session, SLUICE_FEATURE_MLST) &&
	    tool_command(tool, session, "MLST", path, &result) == 0 &&
	    find_facts(result.text, &entry) && entry.kind == REMOTE_FILE && entry.size_bytes >= 0) {
		*ret_size_bytes = entry.size_bytes;
		if (entry.time_is_exact)
			*ret_modified_s = entry.modified_s;
		return;
	}
	*ret_size_bytes = tool_remote_size(tool, session, path);
	if (*ret_size_bytes >= 0 && !tool_remote_time(tool, session, path, ret_modified_s))
		*ret_modified_s = INT64_MIN;
}
