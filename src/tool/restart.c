#include "tool/restart.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool/represent.h"
#include "tool/tool.h"

#define FIRST_LINE "sluice restart 1"
#define FILE_BYTES_MAX 8192

/* The file that holds the markers, and what is in it. */
struct restart {
	char path[PATH_BYTES_MAX];
	char url[2048];
	char remote[RESTART_MARK_MAX];
	char local[RESTART_MARK_MAX];
	int64_t offset;
};

static void restart_init(struct restart *restart, const char *path, const struct url *url)
{
	const char *slash = strrchr(path, '/');
	int folder = slash ? (int)(slash - path) + 1 : 0;
	char where[1900];

	tool_show_url(url, where, sizeof(where));
	*restart = (struct restart){ .offset = 0 };
	snprintf(restart->url, sizeof(restart->url), "%s %.100s", where,
		 url->has_user ? url->user : "");
	snprintf(restart->path, sizeof(restart->path), "%.*s.%.200s.restart.sluice", folder, path,
		 path + folder);
}

/* The next line of *text, which it skips. False: there is none, or it is too long. */
static bool take_line(char **text, char *ret_line, size_t size_bytes)
{
	char *end = strchr(*text, '\n');

	if (!end || (size_t)(end - *text) >= size_bytes)
		return false;
	memcpy(ret_line, *text, (size_t)(end - *text));
	ret_line[end - *text] = '\0';
	*text = end + 1;
	return true;
}

static bool take_offset(const char *line, int64_t *ret_offset)
{
	char *end;

	errno = 0;
	*ret_offset = strtoll(line, &end, 10);
	return errno == 0 && end != line && *end == '\0' && *ret_offset >= 0;
}

/* False: there is nothing for this URL. */
static bool restart_load(struct restart *restart)
{
	int fd = open(restart->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	char bytes[FILE_BYTES_MAX];
	char line[sizeof(restart->url)];
	char *at = bytes;
	ssize_t length;

	if (fd < 0)
		return false;
	length = read(fd, bytes, sizeof(bytes) - 1);
	close(fd);
	bytes[length > 0 ? length : 0] = '\0';
	return take_line(&at, line, sizeof(line)) && strcmp(line, FIRST_LINE) == 0 &&
	       take_line(&at, line, sizeof(line)) && strcmp(line, restart->url) == 0 &&
	       take_line(&at, line, sizeof(line)) && take_offset(line, &restart->offset) &&
	       take_line(&at, restart->remote, sizeof(restart->remote)) &&
	       take_line(&at, restart->local, sizeof(restart->local));
}

static void restart_drop(const struct restart *restart)
{
	unlink(restart->path);
}

/* The old pair stays until the new one is whole. Where none can be kept, the next run begins at the
 * first byte. */
static void restart_save(const struct restart *restart)
{
	char path[sizeof(restart->path) + 8];
	int written;
	int fd;

	snprintf(path, sizeof(path), "%s.new", restart->path);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return;
	written = dprintf(fd, "%s\n%s\n%" PRId64 "\n%s\n%s\n", FIRST_LINE, restart->url,
			  restart->offset, restart->remote, restart->local);
	close(fd);
	if (written < 0 || rename(path, restart->path) < 0)
		unlink(path);
}

static void on_mark(void *context, const char *remote, const char *local, int64_t offset)
{
	struct restart *restart = ((struct tool *)context)->restart;

	snprintf(restart->remote, sizeof(restart->remote), "%s", remote);
	snprintf(restart->local, sizeof(restart->local), "%s", local);
	restart->offset = offset;
	restart_save(restart);
}

/* Whether markers are there that fit no more: the file here, the one there, or the representation
 * is another. */
static bool markers_are_stale(const struct sluice_transfer *transfer,
			      const struct tool_result *result)
{
	if (!transfer->local_marker || result->bytes > 0)
		return false;
	return result->error == -ESTALE || result->error == -EPROTOTYPE ||
	       result->error == -EINVAL ||
	       (result->error == -EREMOTEIO && (result->code == 501 || result->code == 504 ||
						result->code == 554 || result->code == 555));
}

static void transfer_once(struct tool *tool, struct sluice_session *session, const struct url *url,
			  bool sends, struct sluice_transfer *transfer,
			  struct tool_result *ret_result)
{
	int r;

	*ret_result = (struct tool_result){ .over = false };
	r = sends ? sluice_put(session, url->path, transfer, tool_on_done, ret_result)
		  : sluice_get(session, url->path, transfer, tool_on_done, ret_result);
	tool_wait(tool, r, ret_result);
}

/* Whether the server does not begin there, or at no byte but the first. */
static bool is_refused_there(const struct sluice_session *session,
			     const struct sluice_transfer *transfer,
			     const struct tool_result *result)
{
	return transfer->offset > 0 && !transfer->append && result->bytes == 0 &&
	       result->error == -EREMOTEIO && (result->code / 10 == 50 || result->code == 554) &&
	       sluice_session_is_free(session);
}

void restart_transfer(struct tool *tool, struct sluice_session *session, const struct url *url,
		      const char *path, bool sends, struct sluice_transfer *transfer,
		      struct tool_result *ret_result)
{
	struct restart restart;

	if (!represent_has_markers(&transfer->representation) || transfer->append) {
		transfer_once(tool, session, url, sends, transfer, ret_result);
		if (is_refused_there(session, transfer, ret_result)) {
			transfer->offset = tool->offset = 0;
			transfer_once(tool, session, url, sends, transfer, ret_result);
		}
		return;
	}
	restart_init(&restart, path, url);
	tool->restart = &restart;
	transfer->marked = on_mark;
	if (!tool->options.no_resume && restart_load(&restart)) {
		transfer->remote_marker = restart.remote;
		transfer->local_marker = restart.local;
		tool->offset = restart.offset;
	}
	transfer_once(tool, session, url, sends, transfer, ret_result);
	if (markers_are_stale(transfer, ret_result) && sluice_session_is_free(session)) {
		transfer->remote_marker = transfer->local_marker = NULL;
		tool->offset = 0;
		restart_drop(&restart);
		transfer_once(tool, session, url, sends, transfer, ret_result);
	}
	if (ret_result->error == 0)
		restart_drop(&restart);
	tool->restart = NULL;
}
