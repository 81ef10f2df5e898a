/*
 * sluice put: files to a server. What the server has already is gone on with, if it is shorter than
 * our file and not older: it can then only be the beginning of it that an earlier put left. In MODE B
 * and C markers tell that, see restart.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tool/represent.h"
#include "tool/restart.h"
#include "tool/tool.h"
#include "tool/verify.h"

/* Where to begin. -1: the server has all of it. */
static int64_t put_offset(struct tool *tool, struct sluice_session *session, const struct url *url,
			  const struct sluice_representation *representation,
			  const struct stat *local)
{
	int64_t modified_s;
	int64_t size;

	if (tool->options.no_resume || tool->options.append || !represent_is_image(representation))
		return 0;
	size = tool_remote_size(tool, session, url->path);
	if (size <= 0 || size > local->st_size)
		return 0;
	/* A file that was changed here since then is another one. */
	if (!tool_remote_time(tool, session, url->path, &modified_s) ||
	    modified_s < local->st_mtime)
		return 0;
	if (size == local->st_size)
		return -1;
	return represent_restarts_by_number(representation) ? size : 0;
}

static void put_from(struct tool *tool, struct sluice_session *session, const struct url *url,
		     const char *path, int fd)
{
	struct tool_result result = { .over = false };
	struct sluice_transfer transfer = { .fd = fd, .append = tool->options.append };
	struct stat local;

	if (fstat(fd, &local) < 0 || !S_ISREG(local.st_mode)) {
		tool_say(tool, TOOL_FAILED, "%s: not a regular file", path);
		return;
	}
	transfer.representation = represent_choose(tool, url, session);
	transfer.offset = put_offset(tool, session, url, &transfer.representation, &local);
	if (transfer.offset < 0) {
		tool_tell(tool, "%s: whole at the server already", path);
		if (tool->options.verify)
			verify_local(tool, session, url, path);
		return;
	}
	tool_transfer_begin(tool, path, local.st_size, &transfer);
	restart_transfer(tool, session, url, path, true, &transfer, &result);
	tool_transfer_end(tool, url, &result);
	if (result.error == 0 && tool->options.verify)
		verify_local(tool, session, url, path);
}

static void put_one(struct tool *tool, const char *path, const struct url *to)
{
	struct sluice_session *session;
	struct url url = *to;
	int fd;

	if (!tool_add_name(tool, path, &url))
		return;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0) {
		tool_say(tool, TOOL_FAILED, "%s: %s", path, strerror(errno));
		return;
	}
	session = tool_open(tool, &url);
	if (session)
		put_from(tool, session, &url, path, fd);
	close(fd);
	explicit_bzero(&url, sizeof(url));
}

void tool_put(struct tool *tool, int argc, char **argv)
{
	struct url url;

	if (!tool_read_url(tool, argv[argc - 1], &url))
		return;
	if (argc > 2 && url.path[0] && url.path[strlen(url.path) - 1] != '/')
		tool_say(tool, TOOL_WRONG_ARGUMENTS,
			 "several files need a URL that ends with a slash");
	else
		for (int i = 0; i < argc - 1; i++)
			put_one(tool, argv[i], &url);
	explicit_bzero(&url, sizeof(url));
}
