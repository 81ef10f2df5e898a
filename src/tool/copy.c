/*
 * sluice copy: from one server to another, nothing through this machine (RFC 959 section 5.2).
 */
#include <string.h>

#include "tool/represent.h"
#include "tool/tool.h"
#include "tool/verify.h"

/* Where to begin: behind what the target has, if hashes prove that it is the beginning. -1: it has
 * all of it. */
static int64_t copy_offset(struct tool *tool, struct sluice_session *from, const char *from_path,
			   struct sluice_session *to, const char *to_path,
			   const struct sluice_representation *representation)
{
	int64_t size;
	int64_t have;

	if (tool->options.no_resume || !represent_is_image(representation))
		return 0;
	have = tool_remote_size(tool, to, to_path);
	if (have <= 0)
		return 0;
	size = tool_remote_size(tool, from, from_path);
	if (have > size || (have < size && !represent_restarts_by_number(representation)) ||
	    verify_beginning_between(tool, from, from_path, size, to, to_path, have) != VERIFY_SAME)
		return 0;
	return have == size ? -1 : have;
}

/* The same at both: --compress where both offer MODE Z. */
static struct sluice_representation copy_representation(const struct tool *tool,
							const struct sluice_session *from,
							const struct url *from_url,
							const struct sluice_session *to)
{
	struct sluice_representation chosen = represent_choose(tool, from_url, from);

	if (tool->options.compress && !sluice_session_has(to, SLUICE_FEATURE_MODE_Z))
		chosen.mode = 0;
	return chosen;
}

static void copy_between(struct tool *tool, struct sluice_session *from, const struct url *from_url,
			 struct sluice_session *to, const struct url *to_url)
{
	struct tool_result result = { .over = false };
	struct sluice_session *at = from;
	const struct sluice_representation representation =
		copy_representation(tool, from, from_url, to);
	int64_t offset = copy_offset(tool, from, from_url->path, to, to_url->path, &representation);
	int r;

	if (offset < 0) {
		tool_tell(tool, "%s: whole at the other server already", to_url->path);
	} else {
		r = sluice_copy(from, from_url->path, to, to_url->path, &representation, offset,
				&at, tool_on_done, &result);
		if (tool_wait(tool, r, &result) < 0) {
			tool_fail(tool, at == to ? to_url : from_url, &result);
			return;
		}
		tool_tell(tool, "%s: copied%s", to_url->path, offset ? ", the rest of it" : "");
	}
	if (tool->options.verify)
		verify_between(tool, from, from_url, to, to_url);
}

void tool_copy(struct tool *tool, int argc, char **argv)
{
	struct sluice_session *from;
	struct sluice_session *to;
	struct url from_url;
	struct url to_url;

	(void)argc;
	if (!tool_read_url(tool, argv[0], &from_url) || !tool_read_url(tool, argv[1], &to_url))
		return;
	if (!tool_add_name(tool, from_url.path, &to_url))
		return;
	from = tool_open(tool, &from_url);
	to = from ? tool_open_new(tool, &to_url) : NULL;
	if (to) {
		copy_between(tool, from, &from_url, to, &to_url);
		tool_close_session(tool, to);
	}
	explicit_bzero(&from_url, sizeof(from_url));
	explicit_bzero(&to_url, sizeof(to_url));
}
