/*
 * The local tree is the model. How a file goes up stands in mirror_store.c; FTP cannot make
 * symbolic links.
 *
 * A file is the same if it has the same size and is not newer here than there: what was stored
 * has the time of its arrival, unless the server knows MFMT.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tool/mirror_priv.h"
#include "tool/part.h"

#define PERHAPS_A_LINK \
	"its folders stay with all that is in them: the server does not tell which are links"

/* Whether --delete holds in the worker's folder. */
static bool deletes(const struct mirror_worker *worker)
{
	return worker->mirror->options->remove && !worker->task->keeps;
}

static bool same_size_on_server(const struct mirror_entry *there, const struct stat *here)
{
	return there->kind == SLUICE_FILE && there->size_bytes == here->st_size;
}

static bool same_time_on_server(const struct mirror_entry *there, const struct stat *here,
				int64_t now_s)
{
	int64_t slack = mirror_time_slack_s(there, now_s);

	return there->modified_s == INT64_MIN || there->modified_s + slack >= here->st_mtim.tv_sec;
}

/* What an earlier run has stored of this version. */
static int64_t bytes_of_part(struct mirror_worker *worker, const char *path,
			     const struct stat *stat)
{
	char part[256];
	struct mirror_entry *entry;

	part_name(path, part_tag(path, stat->st_size, stat->st_mtim.tv_sec), part);
	entry = mirror_entries_find(&worker->entries, part);
	if (!entry || entry->size_bytes > stat->st_size)
		return 0;
	entry->matched = true;
	return entry->size_bytes > 0 ? entry->size_bytes : 0;
}

/* The folder of removal has one name less; when it has none, it goes itself. */
static void removal_step(struct mirror *mirror, struct mirror_removal *removal)
{
	struct mirror_task *task;

	if (!removal || --removal->remaining > 0)
		return;
	task = mirror_add(mirror, MIRROR_REMOVE_FOLDER, "", removal->path);
	if (task)
		task->removal = removal;
}

/* Returns what a removal of a folder is, or NULL. */
static struct mirror_removal *add_removal(struct mirror_worker *worker, const char *name,
					  bool is_folder, struct mirror_removal *parent)
{
	struct mirror *mirror = worker->mirror;
	struct mirror_task *task = mirror_add(mirror,
					      is_folder ? MIRROR_REMOVE_FOLDER : MIRROR_REMOVE_FILE,
					      worker->task->path, name);

	if (!task)
		return NULL;
	task->removal = parent;
	if (is_folder) {
		struct mirror_removal *removal =
			calloc(1, sizeof(*removal) + strlen(task->path) + 1);

		if (!removal)
			return NULL;
		list_append(&mirror->removals, &removal->link);
		strcpy(removal->path, task->path);
		removal->parent = parent;
		removal->remaining = 1;
		task->removal = removal;
		task->is_new = true; /* to be listed first */
	}
	if (parent)
		parent->remaining++;
	return is_folder ? task->removal : NULL;
}

/* A folder has the file's name: the task waits until that is gone. */
static void wait_for_removal(struct mirror_worker *worker, const char *name,
			     struct mirror_task *task)
{
	struct mirror_removal *removal = add_removal(worker, name, true, NULL);

	if (!removal)
		return;
	list_remove(&task->link);
	worker->mirror->tasks_count--;
	removal->then = task;
}

/* The removed folder's name is free for what waits for it. */
static void removal_done(struct mirror *mirror, struct mirror_removal *removal)
{
	if (!removal || !removal->then)
		return;
	mirror_queue(mirror, removal->then);
	removal->then = NULL;
}

static void compare_file(struct mirror_worker *worker, const char *name, const char *path,
			 const struct stat *stat, const struct mirror_entry *there)
{
	bool same_size = there && same_size_on_server(there, stat);
	bool compares = same_size && mirror_hash_decides(worker, there->modified_s);
	struct mirror_task *task;

	if (same_size && !compares && same_time_on_server(there, stat, worker->mirror->now_s)) {
		worker->mirror->counts.kept++;
		return;
	}
	if (there && there->kind == SLUICE_FOLDER && (!deletes(worker) || there->in_doubt)) {
		mirror_refuse(worker, path,
			      worker->mirror->options->remove
				      ? "a folder is there, perhaps by a link"
				      : "a folder is there; with --delete it would be replaced");
		return;
	}
	task = mirror_add(worker->mirror, MIRROR_FILE, worker->task->path, name);
	if (!task)
		return;
	if (there && there->kind == SLUICE_FOLDER)
		wait_for_removal(worker, name, task);
	task->size_bytes = stat->st_size;
	task->modified_s = stat->st_mtim.tv_sec;
	task->part_bytes = bytes_of_part(worker, path, stat);
	task->compares = compares;
	task->is_new = worker->folder_made;
	if (!compares)
		mirror_tell_found(worker->mirror, task);
}

static void add_folder(struct mirror_worker *worker, const char *name, const char *path,
		       const struct mirror_entry *there)
{
	bool replaces = there && (there->kind == SLUICE_FILE ||
				  (there->kind == SLUICE_LINK && deletes(worker)));
	struct mirror_task *task;

	if (replaces && !deletes(worker)) {
		mirror_refuse(worker, path, "a file is there; with --delete it would be replaced");
		return;
	}
	task = mirror_add(worker->mirror, MIRROR_FOLDER, worker->task->path, name);
	if (!task)
		return;
	task->is_new = !there || replaces;
	task->replaces = replaces;
	task->keeps = worker->task->keeps || (there && there->in_doubt);
}

static int compare_name(void *context, const char *name)
{
	struct mirror_worker *worker = context;
	struct mirror *mirror = worker->mirror;
	struct mirror_entry *there = mirror_entries_find(&worker->entries, name);
	char path[MIRROR_PATH_MAX];
	struct stat stat = { 0 };
	int r = mirror_join(worker->task->path, name, path);

	if (part_is(name))
		return 0;
	if (there) /* whatever it is, and also if that cannot be told */
		there->matched = true;
	if (r == 0)
		r = mirror_local_stat(&mirror->local, path, &stat);
	if (r < 0) {
		mirror_fail(worker, path, r);
		return 0;
	}
	if (S_ISDIR(stat.st_mode)) {
		add_folder(worker, name, path, there);
	} else if (S_ISREG(stat.st_mode)) {
		compare_file(worker, name, path, &stat, there);
	} else {
		mirror->counts.skipped++;
		mirror_say(worker, MIRROR_SKIPPED, path, 0,
			   S_ISLNK(stat.st_mode) ? "FTP cannot make symbolic links"
						 : "neither a file nor a folder");
	}
	return 0;
}

/* Parts of other versions go always, and all that the model does not have with --delete, but for folders that
 * may be links. */
static void remove_the_rest(struct mirror_worker *worker)
{
	for (size_t i = 0; i < worker->entries.count; i++) {
		const struct mirror_entry *entry = &worker->entries.at[i];
		const char *name = mirror_entry_name(&worker->entries, entry);
		bool is_folder = entry->kind == SLUICE_FOLDER;

		if (!entry->matched && !entry->in_doubt &&
		    (deletes(worker) || (part_is(name) && !is_folder)))
			add_removal(worker, name, is_folder, NULL);
	}
}

static void compare_folder(struct mirror_worker *worker)
{
	struct mirror *mirror = worker->mirror;
	int r;

	mirror_entries_sort(&worker->entries);
	mirror->counts.folders++;
	if (mirror_links_in_doubt(worker))
		mirror_refuse(worker, worker->task->path, PERHAPS_A_LINK);
	r = mirror_local_each(&mirror->local, worker->task->path, compare_name, worker);
	if (r < 0)
		mirror_fail(worker, worker->task->path, r);
	else
		remove_the_rest(worker);
	mirror_task_done(worker);
}

static void folder_made(struct sluice_session *session, const struct sluice_outcome *outcome,
			void *context)
{
	struct mirror_worker *worker = context;

	(void)session;
	if (outcome->error < 0) {
		mirror_task_failed(worker, outcome);
		return;
	}
	mirror_say(worker, MIRROR_MADE, worker->task->path, 0, "");
	mirror_entries_clear(&worker->entries);
	worker->folder_made = true;
	compare_folder(worker);
}

static void obstacle_removed(struct sluice_session *session, const struct sluice_outcome *outcome,
			     void *context)
{
	struct mirror_worker *worker = context;
	int r;

	if (outcome->error < 0) {
		mirror_task_failed(worker, outcome);
		return;
	}
	worker->task->replaces = false;
	worker->mirror->counts.removed++;
	mirror_say(worker, MIRROR_REMOVED, worker->task->path, 0, "");
	r = sluice_command(session, "MKD", worker->remote, folder_made, worker);
	if (r < 0) {
		mirror_fail(worker, worker->task->path, r);
		mirror_task_done(worker);
	}
}

static int make_folder(struct mirror_worker *worker)
{
	int r;

	if (worker->task->replaces && !worker->mirror->options->dry_run)
		return sluice_command(worker->session, "DELE", worker->remote, obstacle_removed,
				      worker);
	if (!worker->mirror->options->dry_run)
		return sluice_command(worker->session, "MKD", worker->remote, folder_made, worker);
	mirror_say(worker, MIRROR_MADE, worker->task->path, 0, "");
	mirror_entries_clear(&worker->entries);
	mirror_entries_sort(&worker->entries);
	worker->mirror->counts.folders++;
	r = mirror_local_each(&worker->mirror->local, worker->task->path, compare_name, worker);
	return r < 0 ? r : 1;
}

static void top_made(struct sluice_session *session, const struct sluice_outcome *outcome,
		     void *context)
{
	struct mirror_worker *worker = context;

	(void)session;
	if (!outcome->connected) {
		mirror_task_failed(worker, outcome);
		return;
	}
	if (outcome->error == 0)
		mirror_say(worker, MIRROR_MADE, worker->task->path, 0, "");
	compare_folder(worker);
}

static void folder_listed(struct sluice_session *session, const struct sluice_outcome *outcome,
			  void *context)
{
	struct mirror_worker *worker = context;
	bool is_top = !*worker->task->path && *worker->remote;
	int r;

	/* Some servers list a folder that is not there as an empty one. One that is refuses MKD. */
	if (outcome->error == 0 && is_top && worker->entries.count == 0 &&
	    worker->entries.error == 0 && !worker->mirror->options->dry_run &&
	    sluice_command(session, "MKD", worker->remote, top_made, worker) == 0)
		return;
	if (outcome->connected && worker->entries.error < 0) {
		mirror_fail(worker, worker->task->path, worker->entries.error);
		mirror_task_done(worker);
		return;
	}
	/* 550 as a rule, but 501 of pyftpdlib. */
	if (outcome->error == -EREMOTEIO && outcome->code / 100 == 5 && is_top) {
		r = make_folder(worker);
		if (r < 0)
			mirror_fail(worker, worker->task->path, r);
		if (r != 0)
			mirror_task_done(worker);
	} else if (outcome->error < 0) {
		mirror_task_failed(worker, outcome);
	} else if (deletes(worker)) {
		mirror_links_learn(worker, compare_folder);
	} else {
		compare_folder(worker);
	}
}

static void name_removed(struct sluice_session *session, const struct sluice_outcome *outcome,
			 void *context)
{
	struct mirror_worker *worker = context;
	struct mirror_task *task = worker->task;
	struct mirror_removal *removal = task->removal;

	(void)session;
	if (outcome->error < 0) {
		mirror_task_failed(worker, outcome);
		return;
	}
	worker->mirror->counts.removed++;
	mirror_say(worker, MIRROR_REMOVED, task->path, 0, "");
	if (task->kind == MIRROR_REMOVE_FOLDER)
		removal_done(worker->mirror, removal);
	removal_step(worker->mirror,
		     task->kind == MIRROR_REMOVE_FOLDER ? removal->parent : removal);
	mirror_task_done(worker);
}

static void remove_all(struct mirror_worker *worker)
{
	struct mirror_removal *removal = worker->task->removal;

	if (mirror_links_in_doubt(worker)) {
		mirror_refuse(worker, worker->task->path, PERHAPS_A_LINK);
		mirror_task_done(worker);
		return;
	}
	for (size_t i = 0; i < worker->entries.count; i++)
		add_removal(worker, mirror_entry_name(&worker->entries, &worker->entries.at[i]),
			    worker->entries.at[i].kind == SLUICE_FOLDER, removal);
	removal_step(worker->mirror, removal);
	mirror_task_done(worker);
}

static void doomed_listed(struct sluice_session *session, const struct sluice_outcome *outcome,
			  void *context)
{
	struct mirror_worker *worker = context;

	(void)session;
	if (outcome->connected && worker->entries.error < 0) {
		mirror_fail(worker, worker->task->path, worker->entries.error);
		mirror_task_done(worker);
	} else if (outcome->error < 0) {
		mirror_task_failed(worker, outcome);
	} else {
		mirror_links_learn(worker, remove_all);
	}
}

static int begin_removal(struct mirror_worker *worker)
{
	struct mirror_task *task = worker->task;

	if (worker->mirror->options->dry_run) {
		worker->mirror->counts.removed++;
		mirror_say(worker, MIRROR_REMOVED, task->path, 0, "");
		if (task->kind == MIRROR_REMOVE_FOLDER)
			removal_done(worker->mirror, task->removal);
		return 1;
	}
	if (task->kind == MIRROR_REMOVE_FILE)
		return sluice_command(worker->session, "DELE", worker->remote, name_removed,
				      worker);
	if (!task->is_new)
		return sluice_command(worker->session, "RMD", worker->remote, name_removed, worker);
	return mirror_list(worker, doomed_listed);
}

int mirror_up_begin(struct mirror_worker *worker)
{
	switch (worker->task->kind) {
	case MIRROR_FILE:
		return mirror_store_begin(worker);
	case MIRROR_REMOVE_FILE:
	case MIRROR_REMOVE_FOLDER:
		return begin_removal(worker);
	case MIRROR_FOLDER:
		break;
	}
	worker->folder_made = false;
	if (worker->task->is_new)
		return make_folder(worker);
	return mirror_list(worker, folder_listed);
}
