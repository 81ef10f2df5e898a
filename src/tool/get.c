/*
 * sluice get: files from a server. What is there already is gone on with, if it can be the
 * beginning of the same file: shorter than the server's, and not older. In MODE B and C markers
 * tell that, see restart.h.
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

/* Where to begin. -1: the file is there already, whole. */
static int64_t get_offset(struct tool *tool, struct sluice_session *session, const struct url *url,
			  const struct sluice_representation *representation, int fd,
			  int64_t *ret_size)
{
	struct stat local;
	int64_t modified_s;
	int64_t size;
	/* Asked for only where somebody wants to know: it is a round trip. */
	bool asks = !tool->options.no_resume && represent_is_image(representation) &&
		    fstat(fd, &local) == 0 && S_ISREG(local.st_mode) && local.st_size > 0;

	if (!asks && !tool->terminal && !tool->options.json)
		return 0;
	size = tool_remote_size(tool, session, url->path);
	*ret_size = size;
	if (!asks)
		return 0;
	if (size < local.st_size)
		return 0;
	/* A server's file that was changed since ours was begun is another one. */
	if (tool_remote_time(tool, session, url->path, &modified_s) && modified_s > local.st_mtime)
		return 0;
	if (size == local.st_size)
		return -1;
	return represent_restarts_by_number(representation) ? local.st_size : 0;
}

static void get_into(struct tool *tool, struct sluice_session *session, const struct url *url,
		     const char *path, int fd, bool created)
{
	struct tool_result result = { .over = false };
	struct sluice_transfer transfer = { .fd = fd };
	int64_t size = -1;

	transfer.representation = represent_choose(tool, url, session);
	transfer.offset = get_offset(tool, session, url, &transfer.representation, fd, &size);
	if (transfer.offset < 0) {
		tool_tell(tool, "%s: whole already", path);
		if (tool->options.verify)
			verify_local(tool, session, url, path);
		return;
	}
	tool_transfer_begin(tool, path, size, &transfer);
	restart_transfer(tool, session, url, path, false, &transfer, &result);
	tool_transfer_end(tool, url, &result);
	if (result.error == 0 && tool->options.verify)
		verify_local(tool, session, url, path);
	if (result.error < 0 && created && result.bytes == 0)
		unlink(path); /* nothing to go on with */
}

static void get_one(struct tool *tool, const struct url *url)
{
	const char *path = tool->options.output ? tool->options.output : tool_base_name(url->path);
	struct sluice_session *session;
	bool created = true;
	int fd;

	if (url->type == 'D' && !path)
		path = "-";
	if (!path) {
		tool_say(tool, TOOL_WRONG_ARGUMENTS, "%s: a URL of a file ends with its name",
			 url->path);
		return;
	}
	if (url->type == 'D' && tool->options.output && strcmp(path, "-") != 0) {
		tool_say(tool, TOOL_WRONG_ARGUMENTS, "a listing goes to standard output");
		return;
	}
	if (url->type == 'D' || strcmp(path, "-") == 0) {
		tool_cat_one(tool, url);
		return;
	}
	session = tool_open(tool, url);
	if (!session)
		return;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0 && errno == EEXIST) {
		created = false;
		fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
	}
	if (fd < 0) {
		tool_say(tool, TOOL_FAILED, "%s: %s", path, strerror(errno));
		return;
	}
	get_into(tool, session, url, path, fd, created);
	close(fd);
}

void tool_get(struct tool *tool, int argc, char **argv)
{
	struct url url;

	if (tool->options.output && argc > 1) {
		tool_say(tool, TOOL_WRONG_ARGUMENTS, "--output is for one URL");
		return;
	}
	for (int i = 0; i < argc; i++)
		if (tool_read_url(tool, argv[i], &url))
			get_one(tool, &url);
	explicit_bzero(&url, sizeof(url));
}
