/*
 * sluice rm, mkdir and mv: what changes names at a server.
 */
#include <errno.h>
#include <string.h>

#include "protocol/folder_reply.h"
#include "tool/tool.h"

/* Whether the last component of path names something: not "", ".", "..", nor the root. */
static bool names_something(struct tool *tool, const struct url *url)
{
	if (tool_base_name(url->path))
		return true;
	tool_say(tool, TOOL_WRONG_ARGUMENTS, "%s: it ends with no name", url->path);
	return false;
}

static void strip_slashes(struct url *url)
{
	size_t length = strlen(url->path);

	while (length > 1 && url->path[length - 1] == '/')
		url->path[--length] = '\0';
}

/* A folder is removed if the URL ends with a slash. */
static void remove_one(struct tool *tool, struct url *url)
{
	size_t length = strlen(url->path);
	bool folder = length > 0 && url->path[length - 1] == '/';
	struct sluice_session *session;
	struct tool_result result;

	strip_slashes(url);
	if (!names_something(tool, url))
		return;
	session = tool_open(tool, url);
	if (session && tool_command(tool, session, folder ? "RMD" : "DELE", url->path, &result) < 0)
		tool_fail(tool, url, &result);
}

void tool_rm(struct tool *tool, int argc, char **argv)
{
	struct url url;

	for (int i = 0; i < argc; i++)
		if (tool_read_url(tool, argv[i], &url))
			remove_one(tool, &url);
	explicit_bzero(&url, sizeof(url));
}

/* Makes each folder above that can be made; those that exist are refused, as they should be. */
static void make_parents(struct tool *tool, struct sluice_session *session, const char *path)
{
	struct tool_result result;
	char part[PATH_BYTES_MAX];

	for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		snprintf(part, sizeof(part), "%.*s", (int)(slash - path), path);
		tool_command(tool, session, "MKD", part, &result);
		if (!result.connected)
			return;
	}
}

static bool is_folder(struct tool *tool, struct sluice_session *session, const char *path)
{
	struct tool_result here;
	struct tool_result result;
	char back[PATH_BYTES_MAX];

	/* CWD tells, on every server; and the way back is what PWD has said. */
	return tool_command(tool, session, "PWD", NULL, &here) == 0 &&
	       folder_reply_parse(here.text, back, sizeof(back)) == 0 &&
	       tool_command(tool, session, "CWD", path, &result) == 0 &&
	       tool_command(tool, session, "CWD", back, &result) == 0;
}

static void make_one(struct tool *tool, struct url *url)
{
	struct sluice_session *session;
	struct tool_result result;

	strip_slashes(url);
	if (!names_something(tool, url))
		return;
	session = tool_open(tool, url);
	if (!session)
		return;
	if (tool->options.parents)
		make_parents(tool, session, url->path);
	if (tool_command(tool, session, "MKD", url->path, &result) == 0)
		return;
	if (tool->options.parents && result.connected && is_folder(tool, session, url->path))
		return;
	tool_fail(tool, url, &result);
}

void tool_mkdir(struct tool *tool, int argc, char **argv)
{
	struct url url;

	for (int i = 0; i < argc; i++)
		if (tool_read_url(tool, argv[i], &url))
			make_one(tool, &url);
	explicit_bzero(&url, sizeof(url));
}

/* Whether the second URL wants a login of its own. */
static bool is_of_another_user(const struct tool *tool, const struct url *from,
			       const struct url *to)
{
	const char *user = from->has_user ? from->user : tool->options.user;

	return (to->has_user && (!user || strcmp(to->user, user) != 0)) ||
	       (to->has_password && from->has_password &&
		strcmp(to->password, from->password) != 0);
}

void tool_mv(struct tool *tool, int argc, char **argv)
{
	struct tool_result result = { .over = false };
	struct sluice_session *session;
	struct url from;
	struct url to;

	(void)argc;
	if (!tool_read_url(tool, argv[0], &from) || !tool_read_url(tool, argv[1], &to))
		return;
	if (strcasecmp(from.host, to.host) != 0 || from.port != to.port) {
		tool_say(tool, TOOL_WRONG_ARGUMENTS,
			 "a server renames its own files only; see sluice copy");
		return;
	}
	if (is_of_another_user(tool, &from, &to)) {
		tool_say(
			tool, TOOL_WRONG_ARGUMENTS,
			"one user renames in one login: the second URL has another one than the first");
		return;
	}
	session = tool_open(tool, &from);
	if (session &&
	    tool_wait(tool, sluice_rename(session, from.path, to.path, tool_on_done, &result),
		      &result) < 0)
		tool_fail(tool, &from, &result);
	explicit_bzero(&from, sizeof(from));
	explicit_bzero(&to, sizeof(to));
}
