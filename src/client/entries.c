/*
 * Listings: lines out of the data connection's bytes, one entry at a time. A line is all that is
 * kept, so the longest listing takes no more memory than the shortest.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "client/client_priv.h"
#include "protocol/remote_entry.h"

struct line_reader {
	bool plain; /* LIST is wanted */
	bool all;   /* with -a, which stands before the path already */
	bool facts; /* MLSD */
	size_t length;
	char line[SLUICE_LISTING_LINE_MAX];
	char name[SLUICE_LISTING_LINE_MAX + 1];
	char target[SLUICE_LISTING_LINE_MAX + 1];
};

void list_free(struct line_reader *lines)
{
	free(lines);
}

static const char *view_copy(struct view view, char *ret_text)
{
	memcpy(ret_text, view.at, view.length);
	ret_text[view.length] = '\0';
	return ret_text;
}

static enum sluice_kind kind_of(enum remote_kind kind)
{
	switch (kind) {
	case REMOTE_FILE:
		return SLUICE_FILE;
	case REMOTE_FOLDER:
		return SLUICE_FOLDER;
	case REMOTE_LINK:
		return SLUICE_LINK;
	default:
		return SLUICE_OTHER;
	}
}

static void list_hand_on(struct sluice_session *session, const struct remote_entry *remote)
{
	struct line_reader *lines = session->errand.lines;
	struct sluice_entry entry = { .kind = kind_of(remote->kind),
				      .target = "",
				      .size_bytes = remote->size_bytes,
				      .modified_s = remote->modified_s,
				      .mode = remote->mode,
				      .time_is_exact = remote->time_is_exact };

	if (remote->kind == REMOTE_CDIR || remote->kind == REMOTE_PDIR ||
	    view_is(remote->name, ".") || view_is(remote->name, ".."))
		return;
	if (!remote_name_is_safe(remote->name)) {
		session->errand.unsafe++;
		return;
	}
	entry.name = view_copy(remote->name, lines->name);
	if (remote->target.length > 0 && !memchr(remote->target.at, '\0', remote->target.length))
		entry.target = view_copy(remote->target, lines->target);
	session->errand.entry(session->errand.transfer.context, &entry);
}

static void list_take_line(struct sluice_session *session)
{
	struct line_reader *lines = session->errand.lines;
	struct view line = { lines->line, lines->length };
	struct remote_entry remote;
	int r;

	lines->length = 0;
	if (line.length > 0 && line.at[line.length - 1] == '\r')
		line.length--;
	if (line.length == 0)
		return;
	r = lines->facts
		    ? remote_entry_parse_facts(line, &remote)
		    : remote_entry_parse_list(line, ring_wall_s(session->client->ring), &remote);
	if (r == 0)
		list_hand_on(session, &remote);
}

int list_take(struct sluice_session *session, const char *bytes, size_t length, bool last)
{
	struct line_reader *lines = session->errand.lines;

	while (length > 0 && !session->gone && !session->errand.cancelled) {
		const char *end = memchr(bytes, '\n', length);
		size_t part = end ? (size_t)(end - bytes) : length;

		if (part > sizeof(lines->line) - lines->length)
			return -EPROTO;
		memcpy(lines->line + lines->length, bytes, part);
		lines->length += part;
		bytes += part + (end ? 1 : 0);
		length -= part + (end ? 1 : 0);
		if (end)
			list_take_line(session);
	}
	if (last && lines->length > 0)
		list_take_line(session);
	return 0;
}

static void list_begin(struct sluice_session *session)
{
	bool facts = sluice_session_has(session, SLUICE_FEATURE_MLST) && !session->data.no_mlsd &&
		     !session->errand.lines->plain;

	session->errand.lines->facts = facts;
	session->errand.lines->length = 0;
	/* Most servers take what begins with "-" for options of ls. */
	if (!facts && !session->errand.lines->all && session->path[0] == '-') {
		size_t length = strlen(session->path);

		if (length + 3 <= sizeof(session->path)) {
			memmove(session->path + 2, session->path, length + 1);
			memcpy(session->path, "./", 2);
		}
	}
	move_begin(session, facts ? "MLSD" : "LIST", session->lists_as ? &session->listing : NULL);
}

struct representation list_representation(const struct sluice_session *session)
{
	return representation_of_listing(&session->parameters.at_server,
					 session->errand.lines->facts);
}

int sluice_session_list_as(struct sluice_session *session,
			   const struct sluice_representation *representation)
{
	int r = representation ? parameters_take(session->client, representation, &session->listing)
			       : 0;

	if (r == 0)
		session->lists_as = representation != NULL;
	return r;
}

bool list_on_refusal(struct sluice_session *session, int code)
{
	struct errand *errand = &session->errand;

	if (!errand->lines || !errand->lines->facts || errand->abort_waits ||
	    (code != 500 && code != 502))
		return false;
	session->data.no_mlsd = true;
	errand->again = list_begin;
	return true;
}

static int list_prepare(struct sluice_session *session, const char *path, bool plain,
			void (*entry)(void *context, const struct sluice_entry *entry),
			sluice_done_fn *done, void *context)
{
	struct line_reader *lines;
	int r = errand_check(session);

	if (r == 0 && path && *path)
		r = control_check_argument(path);
	if (r < 0)
		return r;
	lines = malloc(sizeof(*lines));
	if (!lines)
		return -ENOMEM;
	errand_begin(session, done, context);
	session->errand.lines = lines;
	lines->plain = plain;
	lines->all = false;
	session->errand.entry = entry;
	session->errand.transfer.fd = -1;
	session->errand.transfer.context = context;
	strcpy(session->path, path ? path : ""); /* NOLINT: checked above */
	return 0;
}

static int list_errand(struct sluice_session *session, const char *path, bool plain,
		       void (*entry)(void *context, const struct sluice_entry *entry),
		       sluice_done_fn *done, void *context)
{
	int r = list_prepare(session, path, plain, entry, done, context);

	if (r == 0)
		list_begin(session);
	return r;
}

int sluice_list(struct sluice_session *session, const char *path,
		void (*entry)(void *context, const struct sluice_entry *entry),
		sluice_done_fn *done, void *context)
{
	return list_errand(session, path, false, entry, done, context);
}

int sluice_list_all(struct sluice_session *session, const char *path,
		    void (*entry)(void *context, const struct sluice_entry *entry),
		    sluice_done_fn *done, void *context)
{
	char argument[SLUICE_ARGUMENT_MAX];
	int length = snprintf(argument, sizeof(argument), "-a%s%s%s", path && *path ? " " : "",
			      path && *path == '-' ? "./" : "", path ? path : "");
	int r;

	if ((size_t)length >= sizeof(argument))
		return -EINVAL;
	r = list_prepare(session, argument, true, entry, done, context);
	if (r < 0)
		return r;
	session->errand.lines->all = true;
	list_begin(session);
	return 0;
}

int sluice_list_plain(struct sluice_session *session, const char *path,
		      void (*entry)(void *context, const struct sluice_entry *entry),
		      sluice_done_fn *done, void *context)
{
	return list_errand(session, path, true, entry, done, context);
}
