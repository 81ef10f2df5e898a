/*
 * The server's tree is the model. A folder is listed by MLSD where there is one, whose times are
 * exact, and then by LIST, which alone shows symbolic links as such: RFC 3659 leaves it to the
 * server whether the facts of a link are its target's. A file comes into a part beside it, which an
 * interrupted run leaves and the next one goes on with, and gets its name when it is whole.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "tool/mirror_priv.h"
#include "tool/part.h"

#define FOLDER_IN_THE_WAY "a folder is there; with --delete it would be replaced"

/* What the model has as something else must not be a folder. Returns 1: there is none any more. */
static int clear_folder(struct mirror_worker *worker, const char *path)
{
	struct mirror *mirror = worker->mirror;
	struct stat stat;
	int r = 0;

	if (mirror_local_stat(&mirror->local, path, &stat) < 0 || !S_ISDIR(stat.st_mode))
		return 1;
	if (!mirror->options->remove) {
		mirror_refuse(worker, path, FOLDER_IN_THE_WAY);
		return 0;
	}
	if (!mirror->options->dry_run)
		r = mirror_local_remove(&mirror->local, path);
	if (r < 0) {
		mirror_fail(worker, path, r);
		return 0;
	}
	mirror->counts.removed++;
	mirror_say(worker, MIRROR_REMOVED, path, 0, "");
	return 1;
}

static void make_link(struct mirror_worker *worker, const char *path, const char *target)
{
	struct mirror *mirror = worker->mirror;
	char present[MIRROR_PATH_MAX];
	int r = 0;

	if (mirror_local_read_link(&mirror->local, path, present) == 0 &&
	    strcmp(present, target) == 0)
		return;
	if (!clear_folder(worker, path))
		return;
	if (!mirror->options->dry_run)
		r = mirror_local_make_link(&mirror->local, target, path);
	if (r < 0) {
		mirror_fail(worker, path, r);
		return;
	}
	mirror->counts.links++;
	mirror_say(worker, MIRROR_LINKED, path, 0, target);
}

/* What the two sides' sizes and times say: the same, another, or that hashes must decide. */
enum verdict { FILE_SAME, FILE_OTHER, FILE_HASH };

static enum verdict judge_file(struct mirror_worker *worker, const struct mirror_entry *entry,
			       const char *path)
{
	struct mirror *mirror = worker->mirror;
	struct stat stat;

	if (mirror_local_stat(&mirror->local, path, &stat) < 0 || !S_ISREG(stat.st_mode) ||
	    (entry->size_bytes >= 0 && stat.st_size != entry->size_bytes))
		return FILE_OTHER;
	if (mirror_hash_decides(worker, entry->modified_s))
		return FILE_HASH;
	return mirror_same_time(entry, stat.st_mtim.tv_sec, mirror->now_s) ? FILE_SAME : FILE_OTHER;
}

static void add_file(struct mirror_worker *worker, const struct mirror_entry *entry,
		     const char *name, const char *path)
{
	enum verdict verdict = judge_file(worker, entry, path);
	struct mirror_task *task;

	if (verdict == FILE_SAME) {
		worker->mirror->counts.kept++;
		return;
	}
	task = mirror_add(worker->mirror, MIRROR_FILE, worker->task->path, name);
	if (!task)
		return;
	task->size_bytes = entry->size_bytes;
	task->modified_s = entry->modified_s;
	task->time_is_exact = entry->time_is_exact;
	task->mode = entry->mode;
	task->compares = verdict == FILE_HASH;
	if (!task->compares)
		mirror_tell_found(worker->mirror, task);
}

static void compare_entry(struct mirror_worker *worker, const struct mirror_entry *entry)
{
	const char *name = mirror_entry_name(&worker->entries, entry);
	const char *target = mirror_entry_target(&worker->entries, entry);
	const struct mirror_entry *link = mirror_entries_find(&worker->links, name);
	char path[MIRROR_PATH_MAX];
	int r = mirror_join(worker->task->path, name, path);
	enum sluice_kind kind = link ? SLUICE_LINK : entry->kind;

	if (link)
		target = mirror_entry_target(&worker->links, link);
	if (r < 0) {
		mirror_fail(worker, path, r);
	} else if (kind == SLUICE_LINK && *target) {
		make_link(worker, path, target);
	} else if (kind == SLUICE_FOLDER) {
		mirror_add(worker->mirror, MIRROR_FOLDER, worker->task->path, name);
	} else if (kind == SLUICE_FILE) {
		add_file(worker, entry, name, path);
	} else {
		worker->mirror->counts.skipped++;
		mirror_say(worker, MIRROR_SKIPPED, path, 0,
			   kind == SLUICE_LINK ? "a link whose target the server does not tell"
					       : "neither a file nor a folder");
	}
}

/* Those that MLSD leaves out, as some servers do where they lead nowhere. */
static void make_other_links(struct mirror_worker *worker)
{
	for (size_t i = 0; i < worker->links.count; i++) {
		const struct mirror_entry *link = &worker->links.at[i];
		const char *name = mirror_entry_name(&worker->links, link);
		char path[MIRROR_PATH_MAX];
		int r;

		if (mirror_entries_find(&worker->entries, name))
			continue;
		r = mirror_join(worker->task->path, name, path);
		if (r < 0)
			mirror_fail(worker, path, r);
		else
			make_link(worker, path, mirror_entry_target(&worker->links, link));
	}
}

/* Whether a part is of a version that the server has: it is gone on with. */
static bool is_live_part(const struct mirror_worker *worker, const char *name)
{
	char part[PART_NAME_MAX];

	for (size_t i = 0; i < worker->entries.count; i++) {
		const struct mirror_entry *entry = &worker->entries.at[i];
		const char *file = mirror_entry_name(&worker->entries, entry);

		if (entry->kind != SLUICE_FILE || !part_is_of(name, file))
			continue;
		part_name(file, part_tag(file, entry->size_bytes, entry->modified_s), part);
		return strcmp(name, part) == 0;
	}
	return false;
}

/* --delete: one name of the local folder. */
static int remove_unless_listed(void *context, const char *name)
{
	struct mirror_worker *worker = context;
	struct mirror *mirror = worker->mirror;
	char path[MIRROR_PATH_MAX];
	int r;

	if (mirror_entries_find(&worker->entries, name) ||
	    mirror_entries_find(&worker->links, name) ||
	    (part_is(name) && is_live_part(worker, name)))
		return 0;
	r = mirror_join(worker->task->path, name, path);
	if (r == 0 && !mirror->options->dry_run)
		r = mirror_local_remove(&mirror->local, path);
	if (r < 0) {
		mirror_fail(worker, path, r);
		return 0;
	}
	mirror->counts.removed++;
	mirror_say(worker, MIRROR_REMOVED, path, 0, "");
	return 0;
}

/* Where only LIST is known, some servers list a folder that is not there, or that they may not
 * read, as an empty one, or as ls lists a file: by its own name alone. */
static bool listing_is_sure(const struct mirror_worker *worker)
{
	const struct mirror_entries *entries = &worker->entries;
	const char *slash = strrchr(worker->remote, '/');
	const char *own_name = slash ? slash + 1 : worker->remote;

	return sluice_session_has(worker->session, SLUICE_FEATURE_MLST) || entries->count > 1 ||
	       (entries->count == 1 &&
		strcmp(mirror_entry_name(entries, entries->at), own_name) != 0);
}

static int keep_all(void *context, const char *name)
{
	struct mirror_worker *worker = context;

	if (mirror_entries_find(&worker->entries, name) ||
	    mirror_entries_find(&worker->links, name) || part_is(name))
		return 0;
	worker->mirror->counts.failed++;
	mirror_say(worker, MIRROR_FAILED, worker->task->path, 0,
		   "nothing is deleted in it: the server lists it as it may list a folder that it "
		   "cannot read");
	return -ENOTEMPTY; /* said once */
}

static void remove_the_rest(struct mirror_worker *worker)
{
	mirror_local_each(&worker->mirror->local, worker->task->path,
			  listing_is_sure(worker) ? remove_unless_listed : keep_all, worker);
}

static void compare_folder(struct mirror_worker *worker)
{
	struct mirror *mirror = worker->mirror;
	const char *path = worker->task->path;
	struct stat stat;
	int r = 0;

	mirror_entries_sort(&worker->entries);
	mirror_entries_sort(&worker->links);
	if (*path && mirror_local_stat(&mirror->local, path, &stat) < 0) {
		r = mirror->options->dry_run ? 0 : mirror_local_make_folder(&mirror->local, path);
		if (r == 0)
			mirror_say(worker, MIRROR_MADE, path, 0, "");
	} else if (*path && !S_ISDIR(stat.st_mode) && !mirror->options->dry_run) {
		r = mirror_local_make_folder(&mirror->local, path);
	}
	if (r < 0) {
		mirror_fail(worker, path, r);
		return;
	}
	mirror->counts.folders++;
	for (size_t i = 0; i < worker->entries.count; i++)
		compare_entry(worker, &worker->entries.at[i]);
	make_other_links(worker);
	if (mirror->options->remove && mirror->local.root >= 0)
		remove_the_rest(worker);
}

static void links_listed(struct mirror_worker *worker, const struct sluice_outcome *outcome)
{
	if (outcome->connected && worker->links.error < 0) {
		mirror_fail(worker, worker->task->path, worker->links.error);
	} else if (outcome->error < 0 && !mirror_plain_refused(outcome)) {
		mirror_task_failed(worker, outcome); /* no list is not no links */
		return;
	} else {
		compare_folder(worker);
	}
	mirror_task_done(worker);
}

/* Of the second listing only the links count. */
static void on_link(void *context, const struct sluice_entry *entry)
{
	struct mirror_worker *worker = context;

	worker->links_listed++;
	if (entry->kind == SLUICE_LINK && *entry->target)
		mirror_collect(worker, &worker->links, entry);
}

static bool no_name_is_listed(const struct mirror_worker *worker)
{
	return worker->links_listed == 0;
}

static int list_links(struct mirror_worker *worker)
{
	static const struct mirror_plain plain = {
		.line = on_link, .lacks = no_name_is_listed, .by_path = true, .done = links_listed
	};

	mirror_entries_clear(&worker->links);
	worker->links_listed = 0;
	return mirror_plain_list(worker, &plain, true);
}

static void top_entered(struct sluice_session *session, const struct sluice_outcome *outcome,
			void *context)
{
	struct mirror_worker *worker = context;

	(void)session;
	if (outcome->error < 0) {
		mirror_task_failed(worker, outcome);
		return;
	}
	compare_folder(worker);
	mirror_task_done(worker);
}

static void folder_listed(struct sluice_session *session, const struct sluice_outcome *outcome,
			  void *context)
{
	struct mirror_worker *worker = context;
	bool is_top = !*worker->task->path && *worker->remote;

	if (outcome->connected && worker->entries.error < 0) {
		mirror_fail(worker, worker->task->path, worker->entries.error);
		mirror_task_done(worker);
		return;
	}
	if (outcome->error < 0) {
		mirror_task_failed(worker, outcome);
		return;
	}
	if (outcome->unsafe > 0) {
		worker->mirror->counts.failed++;
		mirror_say(worker, MIRROR_FAILED, worker->task->path, 0,
			   "names in it are left out: they could lead elsewhere");
	}
	mirror_entries_clear(&worker->links);
	/* Whether it is there at all. With nothing in it, no name will be sought from another
	 * folder than that of the login. */
	if (is_top && worker->entries.count == 0 &&
	    sluice_command(session, "CWD", worker->remote, top_entered, worker) == 0)
		return;
	if (worker->entries.count > 0 && !worker->entries.links_seen &&
	    sluice_session_has(session, SLUICE_FEATURE_MLST)) {
		int r = list_links(worker);

		if (r < 0) { /* no list is not no links */
			mirror_fail(worker, worker->task->path, r);
			mirror_task_done(worker);
		}
		return;
	}
	compare_folder(worker);
	mirror_task_done(worker);
}

static void file_fetched(struct sluice_session *session, const struct sluice_outcome *outcome,
			 void *context)
{
	struct mirror_worker *worker = context;
	struct mirror *mirror = worker->mirror;
	struct mirror_task *task = worker->task;
	struct stat stat;
	int r;

	(void)session;
	if (outcome->error < 0) {
		if (fstat(worker->fd, &stat) == 0 && stat.st_size == 0) /* nothing to go on with */
			mirror_local_remove_part(&mirror->local, task->path, worker->tag);
		mirror_task_failed(worker, outcome);
		return;
	}
	/* The listing was another version's, or the server's 226 was not true: the next run will
	 * compare again, this one does not call it whole. */
	if (fstat(worker->fd, &stat) == 0 && task->size_bytes >= 0 &&
	    stat.st_size != task->size_bytes) {
		mirror_local_remove_part(&mirror->local, task->path, worker->tag);
		mirror->counts.failed++;
		mirror_say(worker, MIRROR_FAILED, task->path, 0,
			   "its size is not what the listing said; it may be changing");
		mirror_task_done(worker);
		return;
	}
	if (!clear_folder(worker, task->path)) { /* only now that the other one is whole */
		mirror_task_done(worker);
		return;
	}
	r = mirror_local_settle_part(&mirror->local, task->path, worker->tag, worker->fd,
				     task->modified_s, task->mode);
	if (r < 0) {
		mirror_fail(worker, task->path, r);
	} else {
		mirror->counts.moved++;
		mirror->counts.moved_bytes += outcome->bytes;
		mirror_say(worker, MIRROR_FETCHED, task->path, outcome->bytes, "");
	}
	mirror_task_done(worker);
}

static int begin_file(struct mirror_worker *worker);

/* The local file is as it should be: it gets the time, too, that the next comparison looks at. */
static void file_is_the_same(struct mirror_worker *worker)
{
	struct mirror *mirror = worker->mirror;
	const struct mirror_task *task = worker->task;
	int r = 0;

	if (task->time_is_exact && task->modified_s != INT64_MIN && !mirror->options->dry_run)
		r = mirror_local_set_time(&mirror->local, task->path, task->modified_s);
	if (r < 0)
		mirror_fail(worker, task->path, r);
	else
		mirror->counts.kept++;
	mirror_task_done(worker);
}

static void file_compared(struct mirror_worker *worker, bool same)
{
	int r;

	if (same) {
		file_is_the_same(worker);
		return;
	}
	worker->task->compares = false;
	mirror_tell_found(worker->mirror, worker->task);
	close(worker->fd);
	worker->fd = -1;
	r = begin_file(worker);
	if (r < 0)
		mirror_fail(worker, worker->task->path, r);
	if (r != 0)
		mirror_task_done(worker);
}

/* Returns what begin_file does, or 1 if there is nothing to compare. */
static int begin_comparison(struct mirror_worker *worker)
{
	struct mirror_task *task = worker->task;

	worker->fd = mirror_local_open_file(&worker->mirror->local, task->path);
	if (worker->fd < 0) {
		task->compares = false;
		mirror_tell_found(worker->mirror, task);
		return 1;
	}
	return mirror_hash_begin(worker, file_compared);
}

static int begin_file(struct mirror_worker *worker)
{
	struct mirror *mirror = worker->mirror;
	struct mirror_task *task = worker->task;
	struct sluice_transfer transfer = { .progress = mirror_on_progress, .context = worker };
	struct stat stat;

	if (task->compares) {
		int r = begin_comparison(worker);

		if (r <= 0)
			return r;
	}
	if (mirror->options->dry_run) {
		if (!clear_folder(worker, task->path))
			return 1;
		mirror->counts.moved++;
		mirror_say(worker, MIRROR_FETCHED, task->path, 0, "");
		return 1;
	}
	if (!mirror->options->remove && mirror_local_stat(&mirror->local, task->path, &stat) == 0 &&
	    S_ISDIR(stat.st_mode)) {
		mirror_refuse(worker, task->path, FOLDER_IN_THE_WAY);
		return 1;
	}
	worker->tag = part_tag(task->path, task->size_bytes, task->modified_s);
	worker->fd =
		mirror_local_open_part(&mirror->local, task->path, worker->tag, &transfer.offset);
	if (worker->fd < 0)
		return worker->fd;
	/* Too much of it can only be a mistake; without a size it cannot be told, and without a time
	 * it may be another file's that was as large. */
	if (task->size_bytes < 0 || transfer.offset > task->size_bytes ||
	    task->modified_s == INT64_MIN) {
		if (ftruncate(worker->fd, 0) < 0)
			return -errno;
		transfer.offset = 0;
	}
	mirror_tell_begun(worker, transfer.offset);
	transfer.fd = worker->fd;
	transfer.representation = mirror_representation(worker, transfer.offset);
	return sluice_get(worker->session, worker->remote, &transfer, file_fetched, worker);
}

int mirror_down_begin(struct mirror_worker *worker)
{
	if (worker->task->kind == MIRROR_FILE)
		return begin_file(worker);
	return mirror_list(worker, folder_listed);
}
