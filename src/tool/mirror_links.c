/*
 * Which of the folders that a listing shows are links to folders. MLSD may give the facts of what a
 * link leads to (RFC 3659 section 7.5.1.3); LIST shows links as such. What deletes must not go through
 * one, which may lead anywhere, so only what LIST calls a folder too is one for certain.
 *
 *   LIST folder                        -a if a folder's name has a dot in front; what that does not tell,
 *                                      LIST without it may
 *   PWD, CWD folder, LIST, CWD back    if LIST may not take the path as it is: some servers do with it what
 *                                      a shell would, and list another folder
 *
 * A refusal for good leaves the folders in doubt. Any other failure is the task's: it never means that
 * there are no links. If there is no way back, the session is given up.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tool/mirror_priv.h"

bool mirror_links_in_doubt(const struct mirror_worker *worker)
{
	for (size_t i = 0; i < worker->entries.count; i++)
		if (worker->entries.at[i].in_doubt)
			return true;
	return false;
}

/* In whatever order they come: a link stays one, though a line calls it a folder as well. */
static void on_line(void *context, const struct sluice_entry *line)
{
	struct mirror_worker *worker = context;
	struct mirror_entry *entry = mirror_entries_find(&worker->entries, line->name);

	if (!entry || entry->kind != SLUICE_FOLDER ||
	    (line->kind != SLUICE_LINK && line->kind != SLUICE_FOLDER))
		return;
	entry->kind = line->kind;
	entry->in_doubt = false;
}

static bool is_refused(const struct sluice_outcome *outcome)
{
	return outcome->error == -EREMOTEIO && outcome->code / 100 == 5 && outcome->connected;
}

static void end(struct mirror_worker *worker, const struct sluice_outcome *outcome)
{
	if (outcome->error < 0 && !is_refused(outcome))
		mirror_task_failed(worker, outcome);
	else
		worker->links_known(worker);
}

/* --- There and back ------------------------------------------------------------------------------ */

static void lose_session(struct mirror_worker *worker, const struct sluice_outcome *outcome)
{
	struct sluice_outcome lost = *outcome;

	lost.connected = false;
	mirror_task_failed(worker, &lost);
}

static void went_back(struct sluice_session *session, const struct sluice_outcome *outcome,
		      void *context)
{
	struct mirror_worker *worker = context;
	const struct sluice_outcome listed = { .error = worker->refusal.error,
					       .code = worker->refusal.code,
					       .text = worker->refusal.text,
					       .connected = true };

	(void)session;
	if (outcome->error < 0)
		lose_session(worker, outcome);
	else
		end(worker, &listed);
}

static void listed(struct mirror_worker *worker, const struct sluice_outcome *outcome)
{
	if (!*worker->back || !outcome->connected) {
		end(worker, outcome);
		return;
	}
	worker->refusal.error = outcome->error;
	worker->refusal.code = outcome->code;
	snprintf(worker->refusal.text, sizeof(worker->refusal.text), "%s", outcome->text);
	if (sluice_command(worker->session, "CWD", worker->back, went_back, worker) < 0)
		lose_session(worker, outcome);
}

/* --- LIST ---------------------------------------------------------------------------------------- */

static void plain_listed(struct sluice_session *session, const struct sluice_outcome *outcome,
			 void *context)
{
	(void)session;
	listed(context, outcome);
}

static int list_plain(struct mirror_worker *worker)
{
	return sluice_list_plain(worker->session, *worker->back ? "" : worker->remote, on_line,
				 plain_listed, worker);
}

static void all_listed(struct sluice_session *session, const struct sluice_outcome *outcome,
		       void *context)
{
	struct mirror_worker *worker = context;

	(void)session;
	worker->no_all |= is_refused(outcome);
	if ((outcome->error == 0 || is_refused(outcome)) && mirror_links_in_doubt(worker) &&
	    list_plain(worker) == 0)
		return;
	listed(worker, outcome);
}

static bool has_dotted_folder(const struct mirror_entries *entries)
{
	for (size_t i = 0; i < entries->count; i++)
		if (entries->at[i].in_doubt && *mirror_entry_name(entries, &entries->at[i]) == '.')
			return true;
	return false;
}

static void list(struct mirror_worker *worker)
{
	struct sluice_outcome outcome = { .text = "", .connected = true };

	if (!worker->no_all && has_dotted_folder(&worker->entries))
		outcome.error = sluice_list_all(worker->session,
						*worker->back ? "" : worker->remote, on_line,
						all_listed, worker);
	else
		outcome.error = list_plain(worker);
	if (outcome.error < 0)
		listed(worker, &outcome);
}

/* --- The folder of a path that LIST may not take as it is ---------------------------------------- */

static void folder_entered(struct sluice_session *session, const struct sluice_outcome *outcome,
			   void *context)
{
	(void)session;
	if (outcome->error < 0)
		end(context, outcome);
	else
		list(context);
}

/* The folder in the reply to PWD: in quotes, those within it twice (RFC 959, appendix II). */
static int read_folder(const char *text, char *ret_folder, size_t size_bytes)
{
	size_t length = 0;

	if (*text++ != '"')
		return -EPROTO;
	for (; *text && (*text != '"' || *++text == '"'); text++) {
		if (length + 1 == size_bytes)
			return -ENAMETOOLONG;
		ret_folder[length++] = *text;
	}
	ret_folder[length] = '\0';
	return length > 0 && text[-1] == '"' && (!*text || *text == ' ') ? 0 : -EPROTO;
}

static void place_told(struct sluice_session *session, const struct sluice_outcome *outcome,
		       void *context)
{
	struct mirror_worker *worker = context;

	if (outcome->error == 0 &&
	    read_folder(outcome->text, worker->back, sizeof(worker->back)) == 0 &&
	    sluice_command(session, "CWD", worker->remote, folder_entered, worker) == 0)
		return;
	end(worker, outcome);
}

void mirror_links_learn(struct mirror_worker *worker, void (*known)(struct mirror_worker *worker))
{
	struct mirror_entries *entries = &worker->entries;
	int r;

	/* Without MLSD it was LIST that has been asked. */
	if (sluice_session_has(worker->session, SLUICE_FEATURE_MLST))
		for (size_t i = 0; i < entries->count; i++)
			entries->at[i].in_doubt = entries->at[i].kind == SLUICE_FOLDER;
	if (!mirror_links_in_doubt(worker)) {
		known(worker);
		return;
	}
	mirror_entries_sort(entries);
	worker->links_known = known;
	worker->back[0] = '\0';
	if (!strpbrk(worker->remote, " \t*?[]{}\\~\"'")) {
		list(worker);
		return;
	}
	r = sluice_command(worker->session, "PWD", NULL, place_told, worker);
	if (r < 0) {
		mirror_fail(worker, worker->task->path, r);
		mirror_task_done(worker);
	}
}
