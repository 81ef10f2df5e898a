/*
 * sluice get: files from a server. A file comes to a part beside its name (arrival.h), whose own name
 * tells of which version it is, and an interrupted get goes on with that. What has the name already is
 * gone on with only if a hash proves it to be the beginning of the server's file. In MODE B and C
 * markers tell where to go on, see restart.h.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "tool/arrival.h"
#include "tool/represent.h"
#include "tool/restart.h"
#include "tool/tool.h"
#include "tool/verify.h"

/* One file on its way. */
struct getting {
	struct tool *tool;
	struct sluice_session *session;
	const struct url *url;
	const char *path;
	struct arrival arrival;
	struct sluice_transfer transfer;
	int64_t size_bytes; /* the server's, or -1 */
	int64_t modified_s; /* or INT64_MIN */
	bool resumes;
};

/* Asked for only where somebody wants to know: it is a round trip. */
static void ask_version(struct getting *getting)
{
	struct tool *tool = getting->tool;

	getting->size_bytes = -1;
	getting->modified_s = INT64_MIN;
	if (getting->resumes)
		tool_remote_version(tool, getting->session, getting->url->path,
				    &getting->size_bytes, &getting->modified_s);
	else if (tool->terminal || tool->options.json)
		getting->size_bytes = tool_remote_size(tool, getting->session, getting->url->path);
}

static bool is_beginning(const struct getting *getting)
{
	return verify_beginning(getting->tool, getting->session, getting->url->path, getting->path,
				getting->arrival.old.st_size, getting->size_bytes) == VERIFY_SAME;
}

/* Whether the file is here, whole: a get has given it the server's time, or hashes say so. */
static bool is_whole(const struct getting *getting)
{
	const struct arrival *arrival = &getting->arrival;

	return getting->resumes && getting->size_bytes >= 0 && arrival->existed &&
	       S_ISREG(arrival->old.st_mode) && arrival->old.st_size == getting->size_bytes &&
	       (arrival->old.st_mtim.tv_sec == getting->modified_s || is_beginning(getting));
}

static bool is_begun(const struct getting *getting)
{
	const struct arrival *arrival = &getting->arrival;

	return getting->resumes && arrival->existed && S_ISREG(arrival->old.st_mode) &&
	       arrival->old.st_size > 0 && arrival->old.st_size < getting->size_bytes &&
	       represent_restarts_by_number(&getting->transfer.representation) &&
	       is_beginning(getting);
}

static int on_accepted(void *context)
{
	struct getting *getting = ((struct tool *)context)->getting;
	bool anew = getting->transfer.offset == 0 && !getting->transfer.local_marker;

	/* What is longer than the server's file, or older, is not kept. */
	return anew ? arrival_cut(&getting->arrival) : 0;
}

/* Opens what is written to. Returns 0 or a negative errno. */
static int begin_arrival(struct getting *getting)
{
	const struct sluice_representation *representation = &getting->transfer.representation;
	bool begun = is_begun(getting);
	bool in_place = begun || represent_has_markers(representation);
	char where[2048];
	int64_t have;
	int r;

	tool_show_url(getting->url, where, sizeof(where));
	r = arrival_begin(&getting->arrival,
			  part_tag_of(where, getting->size_bytes, getting->modified_s), in_place,
			  &have);
	if (r < 0)
		return r;
	if (begun)
		have = getting->arrival.old.st_size;
	getting->transfer.fd = getting->arrival.fd;
	/* Without a time a part may be another file's that was as large; a beginning has been compared. */
	if (getting->resumes && getting->size_bytes >= 0 && have <= getting->size_bytes &&
	    (begun || getting->modified_s != INT64_MIN) &&
	    represent_restarts_by_number(representation))
		getting->transfer.offset = have;
	return 0;
}

static void get_file(struct getting *getting)
{
	struct sluice_transfer *transfer = &getting->transfer;
	struct tool *tool = getting->tool;
	struct tool_result result = { .over = false };
	int r = begin_arrival(getting);
	bool keeps = represent_has_markers(&transfer->representation) ||
		     (getting->size_bytes >= 0 &&
		      represent_restarts_by_number(&transfer->representation));

	if (r < 0) {
		tool_say(tool, TOOL_FAILED, "%s: %s", getting->path,
			 r == -EBUSY ? "another run receives it" : strerror(-r));
		arrival_end(&getting->arrival, false, true, INT64_MIN);
		return;
	}
	transfer->accepted = on_accepted;
	tool->getting = getting;
	tool_transfer_begin(tool, getting->path, getting->size_bytes, transfer);
	restart_transfer(tool, getting->session, getting->url, getting->path, false, transfer,
			 &result);
	tool->getting = NULL;
	r = arrival_end(&getting->arrival, result.error == 0, keeps, getting->modified_s);
	if (r < 0)
		result.error = r;
	tool_transfer_end(tool, getting->url, &result);
	if (result.error == 0 && tool->options.verify)
		verify_local(tool, getting->session, getting->url, getting->path);
}

static void get_into(struct tool *tool, struct sluice_session *session, const struct url *url,
		     const char *path)
{
	struct getting getting = { .tool = tool, .session = session, .url = url, .path = path };
	int r = arrival_look(&getting.arrival, path);

	if (r < 0) {
		tool_say(tool, TOOL_FAILED, "%s: %s", path, strerror(-r));
		return;
	}
	getting.transfer.representation = represent_choose(tool, url, session);
	getting.resumes = !tool->options.no_resume &&
			  represent_is_image(&getting.transfer.representation) &&
			  !(getting.arrival.existed && !S_ISREG(getting.arrival.old.st_mode));
	ask_version(&getting);
	if (!is_whole(&getting)) {
		get_file(&getting);
		return;
	}
	tool_transfer_kept(tool, path, "");
	if (tool->options.verify)
		verify_local(tool, session, url, path);
}

static void get_one(struct tool *tool, const struct url *url)
{
	const char *path = tool->options.output ? tool->options.output : tool_base_name(url->path);
	struct sluice_session *session;

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
	if (tool->options.verify && strcmp(path, "-") == 0) {
		tool_say(tool, TOOL_WRONG_ARGUMENTS,
			 "--verify compares a file, and standard output is none");
		return;
	}
	if (url->type == 'D' || strcmp(path, "-") == 0) {
		tool_cat_one(tool, url);
		return;
	}
	session = tool_open(tool, url);
	if (!session)
		return;
	get_into(tool, session, url, path);
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
