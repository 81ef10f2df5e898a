/*
 * sluice cat, and get --output -: files to standard output, whatever it is.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "tool/represent.h"
#include "tool/tool.h"

static int cat_take(void *context, const char *bytes, size_t length)
{
	(void)context;
	while (length > 0) {
		ssize_t put = write(STDOUT_FILENO, bytes, length);

		if (put < 0 && errno == EPIPE)
			_exit(TOOL_FAILED); /* nobody reads on: the end that SIGPIPE is elsewhere */
		if (put < 0 && errno != EINTR)
			return -errno;
		if (put > 0) {
			bytes += put;
			length -= (size_t)put;
		}
	}
	return 0;
}

void tool_cat_one(struct tool *tool, const struct url *url)
{
	struct tool_result result = { .over = false };
	struct sluice_transfer transfer = { .fd = -1, .take = cat_take };
	struct sluice_session *session;

	if (url->type == 'D') {
		tool_ls_one(tool, url);
		return;
	}
	session = tool_open(tool, url);
	if (!session)
		return;
	transfer.representation = represent_choose(tool, url, session);
	tool_wait(tool, sluice_get(session, url->path, &transfer, tool_on_done, &result), &result);
	if (result.error < 0)
		tool_fail(tool, url, &result);
}

void tool_cat(struct tool *tool, int argc, char **argv)
{
	struct url url;

	for (int i = 0; i < argc; i++)
		if (tool_read_url(tool, argv[i], &url))
			tool_cat_one(tool, &url);
	explicit_bzero(&url, sizeof(url));
}
