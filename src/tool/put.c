/*
 * sluice put: files to a server. What the server has already is gone on with if it is the beginning of
 * our file: a hash proves that, or, where the server tells none, a note that an upload of this very file
 * was cut (note.h). In MODE B and C markers tell where to go on, see restart.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tool/note.h"
#include "tool/represent.h"
#include "tool/restart.h"
#include "tool/tool.h"
#include "tool/verify.h"

#define NOTES_FROM_BYTES (1 << 20) /* a smaller file is sent again as quickly as it is asked for */

/* One file on its way. */
struct putting {
	struct tool *tool;
	struct sluice_session *session;
	const struct url *url;
	const char *path;
	struct stat local;
	struct note note;
	bool notes;
	struct sluice_transfer transfer;
};

static struct note_state ask_state(const struct putting *putting)
{
	struct note_state state = { .modified_s = INT64_MIN };

	state.size_bytes = tool_remote_size(putting->tool, putting->session, putting->url->path);
	if (state.size_bytes >= 0 && !tool_remote_time(putting->tool, putting->session,
						       putting->url->path, &state.modified_s))
		state.modified_s = INT64_MIN;
	return state;
}

/* Whether a note says that what the server has is what an upload of this file has left. */
static bool is_noted(const struct putting *putting, const struct note_state *now)
{
	struct note_state before;

	return putting->notes && note_load(&putting->note, &before) &&
	       (before.size_bytes != now->size_bytes || before.modified_s != now->modified_s);
}

/* Where to begin. -1: the server has all of it. */
static int64_t put_offset(struct putting *putting)
{
	const struct sluice_representation *representation = &putting->transfer.representation;
	bool by_number = represent_restarts_by_number(representation);
	struct tool *tool = putting->tool;
	enum verify_answer answer;
	struct note_state now;

	if (tool->options.no_resume || tool->options.append || !represent_is_image(representation))
		return 0;
	now = ask_state(putting);
	if (now.size_bytes > 0 && now.size_bytes <= putting->local.st_size &&
	    (by_number || now.size_bytes == putting->local.st_size)) {
		answer = verify_beginning(tool, putting->session, putting->url->path, putting->path,
					  now.size_bytes, now.size_bytes);
		if (answer == VERIFY_SAME && now.size_bytes == putting->local.st_size)
			return -1;
		if (by_number && (answer == VERIFY_SAME ||
				  (answer == VERIFY_UNKNOWN && is_noted(putting, &now))))
			return now.size_bytes;
	}
	if (putting->notes)
		note_save(&putting->note, &now);
	return 0;
}

static void put_from(struct putting *putting)
{
	struct sluice_transfer *transfer = &putting->transfer;
	struct tool *tool = putting->tool;
	struct tool_result result = { .over = false };

	transfer->offset = put_offset(putting);
	if (transfer->offset < 0) {
		tool_transfer_kept(tool, putting->path, "at the server ");
	} else {
		tool_transfer_begin(tool, putting->path, putting->local.st_size, transfer);
		restart_transfer(tool, putting->session, putting->url, putting->path, true,
				 transfer, &result);
		tool_transfer_end(tool, putting->url, &result);
	}
	if (putting->notes && (result.error == 0 || (transfer->offset == 0 && result.bytes == 0)))
		note_drop(&putting->note);
	if (result.error == 0 && tool->options.verify)
		verify_local(tool, putting->session, putting->url, putting->path);
}

static void put_file(struct tool *tool, struct sluice_session *session, const struct url *url,
		     const char *path, int fd)
{
	struct putting putting = { .tool = tool,
				   .session = session,
				   .url = url,
				   .path = path,
				   .transfer = { .fd = fd, .append = tool->options.append } };

	if (fstat(fd, &putting.local) < 0 || !S_ISREG(putting.local.st_mode)) {
		tool_say(tool, TOOL_FAILED, "%s: not a regular file", path);
		return;
	}
	putting.transfer.representation = represent_choose(tool, url, session);
	putting.notes = !tool->options.append && putting.local.st_size >= NOTES_FROM_BYTES &&
			represent_restarts_by_number(&putting.transfer.representation);
	note_init(&putting.note, path, &putting.local, url);
	put_from(&putting);
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
		put_file(tool, session, &url, path, fd);
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
			if (!tool_refuse_url(tool, argv[i]))
				put_one(tool, argv[i], &url);
	explicit_bzero(&url, sizeof(url));
}
