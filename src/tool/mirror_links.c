/*
 * Which of the folders that a listing shows are links to folders. MLSD may give the facts of what a
 * link leads to (RFC 3659 section 7.5.1.3); LIST shows links as such. What deletes must not go through
 * one, which may lead anywhere, so only what LIST calls a folder too is one for certain.
 *
 * A refusal for good leaves the folders in doubt. Any other failure is the task's: it never means that
 * there are no links.
 */
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

static void listed(struct mirror_worker *worker, const struct sluice_outcome *outcome)
{
	if (outcome->error < 0 && !mirror_plain_refused(outcome))
		mirror_task_failed(worker, outcome);
	else
		worker->links_known(worker);
}

static bool has_dotted_folder(const struct mirror_entries *entries)
{
	for (size_t i = 0; i < entries->count; i++)
		if (entries->at[i].in_doubt && *mirror_entry_name(entries, &entries->at[i]) == '.')
			return true;
	return false;
}

void mirror_links_learn(struct mirror_worker *worker, void (*known)(struct mirror_worker *worker))
{
	static const struct mirror_plain plain = { .line = on_line,
						   .lacks = mirror_links_in_doubt,
						   .done = listed };
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
	r = mirror_plain_list(worker, &plain, has_dotted_folder(entries));
	if (r < 0) {
		mirror_fail(worker, worker->task->path, r);
		mirror_task_done(worker);
	}
}
