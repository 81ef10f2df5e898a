#include "tool/mirror_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "sys/calls.h"
#include "tool/verify.h"

#define OPENINGS_MAX 3 /* of one worker's session in a row */

static void worker_next(struct mirror_worker *worker);
static void worker_open(struct mirror_worker *worker);

void mirror_say(struct mirror_worker *worker, enum mirror_event event, const char *path,
		uint64_t bytes, const char *why)
{
	const struct mirror_options *options = worker->mirror->options;

	options->say(options->context, event, worker->index, path, bytes, why);
}

void mirror_tell_found(const struct mirror *mirror, const struct mirror_task *task)
{
	const struct mirror_options *options = mirror->options;

	if (options->found)
		options->found(options->context, task->size_bytes);
}

void mirror_tell_begun(const struct mirror_worker *worker, int64_t offset)
{
	const struct mirror_options *options = worker->mirror->options;

	if (options->begun)
		options->begun(options->context, worker->index, worker->task->path,
			       worker->task->size_bytes, offset);
}

/* Once no folder waits or is being compared. */
static void tell_counted(struct mirror *mirror)
{
	const struct mirror_options *options = mirror->options;

	if (mirror->counted || !list_empty(&mirror->folders))
		return;
	for (unsigned i = 0; i < options->sessions; i++) {
		const struct mirror_task *task = mirror->workers[i].task;

		if (task && task->kind == MIRROR_FOLDER)
			return;
	}
	mirror->counted = true;
	if (options->counted)
		options->counted(options->context);
}

void mirror_fail(struct mirror_worker *worker, const char *path, int error)
{
	worker->mirror->counts.failed++;
	mirror_say(worker, MIRROR_FAILED, path, 0,
		   error == -E2BIG ? "more names than one run has room for; mirror its parts alone"
				   : strerror(-error));
}

int mirror_join(const char *folder, const char *name, char *ret_path)
{
	int depth = 0;
	int length =
		snprintf(ret_path, MIRROR_PATH_MAX, "%s%s%s", folder, *folder ? "/" : "", name);

	for (const char *at = folder; *at; at++)
		depth += *at == '/';
	if (length < 0 || length >= MIRROR_PATH_MAX)
		return -ENAMETOOLONG;
	return depth >= MIRROR_DEPTH_MAX ? -ELOOP : 0;
}

void mirror_refuse(struct mirror_worker *worker, const char *path, const char *why)
{
	worker->mirror->counts.failed++;
	mirror_say(worker, MIRROR_FAILED, path, 0, why);
}

static size_t task_bytes(const char *path)
{
	return sizeof(struct mirror_task) + strlen(path) + 1;
}

void mirror_queue(struct mirror *mirror, struct mirror_task *task)
{
	bool is_folder = task->kind == MIRROR_FOLDER || task->kind == MIRROR_REMOVE_FOLDER;

	list_append(is_folder ? &mirror->folders : &mirror->files, &task->link);
	mirror->tasks_count++;
	mirror->tasks_bytes += task_bytes(task->path);
}

struct mirror_task *mirror_add(struct mirror *mirror, enum mirror_task_kind kind,
			       const char *folder, const char *name)
{
	struct mirror_worker *anybody = &mirror->workers[0];
	char path[MIRROR_PATH_MAX] = "";
	struct mirror_task *task = NULL;
	int r = *name ? mirror_join(folder, name, path) : 0;

	if (r == 0 && (mirror->tasks_count == MIRROR_TASKS_MAX ||
		       mirror->tasks_bytes + task_bytes(path) > MIRROR_TASKS_BYTES_MAX))
		r = -E2BIG;
	if (r == 0)
		task = calls->allocate(task_bytes(path));
	if (!task) {
		mirror_fail(anybody, path, r < 0 ? r : -ENOMEM);
		return NULL;
	}
	memset(task, 0, sizeof(*task));
	task->kind = kind;
	task->modified_s = INT64_MIN;
	task->mode = -1;
	strcpy(task->path, path);
	mirror_queue(mirror, task);
	return task;
}

int mirror_name_remote(struct mirror_worker *worker, const char *path)
{
	const char *root = worker->mirror->options->remote;
	bool slash = *root && *path && root[strlen(root) - 1] != '/';
	int length = snprintf(worker->remote, sizeof(worker->remote), "%s%s%s", root,
			      slash ? "/" : "", path);

	return length < 0 || (size_t)length >= sizeof(worker->remote) ? -ENAMETOOLONG : 0;
}

void mirror_on_entry(void *context, const struct sluice_entry *entry)
{
	struct mirror_worker *worker = context;

	mirror_collect(worker, &worker->entries, entry);
}

void mirror_collect(struct mirror_worker *worker, struct mirror_entries *entries,
		    const struct sluice_entry *entry)
{
	bool goes_on = entries->error == 0;

	mirror_entries_add(entries, entry);
	if (goes_on && entries->error < 0)
		(void)sluice_abort(worker->session); /* the rest is of no use */
}

static void all_listed(struct sluice_session *session, const struct sluice_outcome *outcome,
		       void *context)
{
	struct mirror_worker *worker = context;
	bool refused = outcome->error == -EREMOTEIO && outcome->code / 100 == 5;

	worker->no_all |= refused;
	if (outcome->connected &&
	    (refused ||
	     (outcome->error == 0 && worker->entries.count == 0 && worker->entries.error == 0)) &&
	    sluice_list(session, worker->remote, mirror_on_entry, worker->listed, worker) == 0)
		return;
	worker->listed(session, outcome, worker);
}

int mirror_list(struct mirror_worker *worker, sluice_done_fn *done)
{
	mirror_entries_clear(&worker->entries);
	worker->listed = done;
	if (worker->no_all || sluice_session_has(worker->session, SLUICE_FEATURE_MLST))
		return sluice_list(worker->session, worker->remote, mirror_on_entry, done, worker);
	return sluice_list_all(worker->session, worker->remote, mirror_on_entry, all_listed,
			       worker);
}

void mirror_on_progress(void *context, uint64_t bytes)
{
	struct mirror_worker *worker = context;

	mirror_say(worker, MIRROR_PROGRESS, worker->task->path, bytes, "");
}

struct sluice_representation mirror_representation(const struct mirror_worker *worker,
						   int64_t offset)
{
	char mode = worker->mode;

	return (struct sluice_representation){
		.type = 'I', .mode = offset > 0 && (mode == 'B' || mode == 'C') ? 'S' : mode
	};
}

static void worker_choose_mode(struct mirror_worker *worker)
{
	const struct mirror_options *options = worker->mirror->options;
	bool deflates = options->compress &&
			sluice_session_has(worker->session, SLUICE_FEATURE_MODE_Z);
	struct sluice_representation listings;

	worker->mode = deflates ? 'Z' : options->mode;
	listings = mirror_representation(worker, 0);
	if (worker->mode)
		(void)sluice_session_list_as(worker->session, &listings);
}

/* The next task, or NULL. Files first: they make the list shorter. */
static struct mirror_task *take_task(struct mirror *mirror)
{
	struct list *link = list_shift(&mirror->files);
	struct mirror_task *task;

	if (!link)
		link = list_shift(&mirror->folders);
	if (!link)
		return NULL;
	task = list_entry(link, struct mirror_task, link);
	mirror->tasks_count--;
	mirror->tasks_bytes -= task_bytes(task->path);
	return task;
}

static void worker_drop_task(struct mirror_worker *worker)
{
	const struct mirror_options *options = worker->mirror->options;

	if (worker->fd >= 0)
		close(worker->fd);
	worker->fd = -1;
	free(worker->task);
	worker->task = NULL;
	if (options->ended)
		options->ended(options->context, worker->index);
}

static bool worker_is_idle(const struct mirror_worker *worker)
{
	return worker->session && !worker->task && sluice_session_is_free(worker->session);
}

/* All is done when nobody has a task and none waits: the sessions say goodbye, one that is still being
 * opened when it is open. */
static void mirror_end_if_done(struct mirror *mirror)
{
	bool waits = !list_empty(&mirror->files) || !list_empty(&mirror->folders);
	bool somebody = false;

	for (unsigned i = 0; i < mirror->options->sessions; i++) {
		const struct mirror_worker *worker = &mirror->workers[i];

		if (worker->task)
			return;
		somebody |= worker->session != NULL;
	}
	if (mirror->ended || (waits && somebody))
		return;
	mirror->ended = true;
	for (unsigned i = 0; i < mirror->options->sessions; i++) {
		struct mirror_worker *worker = &mirror->workers[i];

		if (worker->session)
			sluice_session_close(worker->session, NULL, NULL);
		worker->session = NULL;
	}
}

static void mirror_wake(struct mirror *mirror)
{
	for (unsigned i = 0; i < mirror->options->sessions; i++)
		if (worker_is_idle(&mirror->workers[i]))
			worker_next(&mirror->workers[i]);
	tell_counted(mirror);
	mirror_end_if_done(mirror);
}

static void worker_next(struct mirror_worker *worker)
{
	struct mirror *mirror = worker->mirror;
	int r = 1;

	while (r != 0 && (worker->task = take_task(mirror))) {
		r = mirror_name_remote(worker, worker->task->path);
		if (r == 0)
			r = mirror->options->up ? mirror_up_begin(worker)
						: mirror_down_begin(worker);
		if (r < 0)
			mirror_fail(worker, worker->task->path, r);
		if (r != 0)
			worker_drop_task(worker);
	}
}

void mirror_task_done(struct mirror_worker *worker)
{
	worker_drop_task(worker);
	mirror_wake(worker->mirror);
}

void mirror_task_failed(struct mirror_worker *worker, const struct sluice_outcome *outcome)
{
	struct mirror *mirror = worker->mirror;
	struct mirror_task *task = worker->task;
	/* 4yz: "the user-process is encouraged to try again" (RFC 959 section 4.2). */
	bool again = !outcome->connected ||
		     (outcome->error == -EREMOTEIO && outcome->code / 100 == 4);

	if (!again || ++task->tries >= MIRROR_TRIES) {
		mirror->counts.failed++;
		mirror_say(worker, outcome->error == -EPROTO ? MIRROR_BROKEN : MIRROR_FAILED,
			   task->path, 0,
			   *outcome->text ? outcome->text : strerror(-outcome->error));
		worker_drop_task(worker);
	} else {
		mirror_queue(mirror, task);
		worker->task = NULL;
		worker_drop_task(worker);
	}
	if (!outcome->connected) {
		sluice_session_cut(worker->session);
		worker->session = NULL;
		worker_open(worker);
	}
	mirror_wake(mirror);
}

static void worker_opened(struct sluice_session *session, const struct sluice_outcome *outcome,
			  void *context)
{
	struct mirror_worker *worker = context;
	struct mirror *mirror = worker->mirror;

	if (mirror->ended && outcome->error == 0) { /* the others have done all meanwhile */
		sluice_session_close(session, NULL, NULL);
		return;
	}
	if (mirror->ended) {
		sluice_session_cut(session);
		return;
	}
	if (outcome->error == 0 && mirror->options->by_hash && !verify_algorithm(session)) {
		mirror->counts.error = -EOPNOTSUPP;
		snprintf(mirror->counts.why, sizeof(mirror->counts.why),
			 "the server tells no hash (HASH, XSHA256, …); --by=time does without");
		worker->session = NULL;
		sluice_session_close(session, NULL, NULL);
		mirror_wake(mirror);
		return;
	}
	if (outcome->error == 0) {
		worker->failures = 0;
		worker->was_open = true;
		worker_choose_mode(worker);
		mirror_wake(mirror);
		return;
	}
	if (mirror->counts.error == 0) {
		mirror->counts.error = outcome->error;
		mirror->counts.code = outcome->code;
		snprintf(mirror->counts.why, sizeof(mirror->counts.why), "%s",
			 *outcome->text ? outcome->text : strerror(-outcome->error));
	}
	sluice_session_cut(session);
	worker->session = NULL;
	if (worker->was_open)
		worker_open(worker);
	mirror_wake(mirror);
}

static void worker_open(struct mirror_worker *worker)
{
	struct mirror *mirror = worker->mirror;

	if (worker->failures++ >= OPENINGS_MAX)
		return;
	worker->hash_is_set = false;
	worker->no_all = false;
	/* If that cannot begin, the worker has none, as before. */
	(void)sluice_session_open(mirror->client, mirror->options->target, worker_opened, worker,
				  &worker->session);
}

/* What waits when the last session is lost is not done. Where nothing was, the reason is the caller's
 * to tell. */
static void mirror_drop_rest(struct mirror *mirror)
{
	unsigned long long dropped = 0;
	struct mirror_task *task;
	char why[sizeof(mirror->counts.why) + 80];

	while ((task = take_task(mirror))) {
		dropped++;
		free(task);
	}
	mirror->counts.failed += dropped;
	if (dropped == 0 || mirror->counts.folders == 0)
		return;
	snprintf(why, sizeof(why), "%llu files and folders are left: the last session is lost: %s",
		 dropped, mirror->counts.why);
	mirror_say(&mirror->workers[0], MIRROR_FAILED, mirror->options->local, 0, why);
}

static int mirror_begin(struct mirror *mirror)
{
	int r = mirror_local_open(&mirror->local, mirror->options->local,
				  !mirror->options->up && !mirror->options->dry_run);

	if (r == -ENOENT && mirror->options->dry_run && !mirror->options->up)
		r = 0; /* it would be made, and has nothing yet */
	mirror->counts.local = r < 0;
	if (r < 0)
		return r;
	if (!mirror_add(mirror, MIRROR_FOLDER, "", ""))
		return -ENOMEM;
	for (unsigned i = 0; i < mirror->options->sessions; i++)
		worker_open(&mirror->workers[i]);
	return sluice_client_run(mirror->client);
}

int mirror_run(struct sluice_client *client, const struct mirror_options *options,
	       struct mirror_counts *ret_counts)
{
	struct mirror *mirror = calloc(1, sizeof(*mirror));
	struct list *link;
	int r;

	*ret_counts = (struct mirror_counts){ .error = -ENOMEM };
	if (!mirror)
		return -ENOMEM;
	mirror->client = client;
	mirror->options = options;
	mirror->now_s = time(NULL);
	mirror->local.root = -1;
	mirror->local.folder = -1;
	list_init(&mirror->files);
	list_init(&mirror->folders);
	list_init(&mirror->removals);
	for (unsigned i = 0; i < MIRROR_SESSIONS_MAX; i++) {
		struct mirror_worker *worker = &mirror->workers[i];

		*worker = (struct mirror_worker){ .mirror = mirror, .index = i, .fd = -1 };
		mirror_entries_init(&worker->entries, &mirror->entries_bytes);
		mirror_entries_init(&worker->links, &mirror->entries_bytes);
	}
	r = mirror_begin(mirror);
	mirror_drop_rest(mirror);
	for (unsigned i = 0; i < MIRROR_SESSIONS_MAX; i++) {
		mirror_entries_free(&mirror->workers[i].entries);
		mirror_entries_free(&mirror->workers[i].links);
	}
	while ((link = list_shift(&mirror->removals))) {
		struct mirror_removal *removal = list_entry(link, struct mirror_removal, link);

		free(removal->then);
		free(removal);
	}
	mirror_local_close(&mirror->local);
	*ret_counts = mirror->counts;
	if (r < 0)
		ret_counts->error = r;
	else if (mirror->counts.folders > 0)
		ret_counts->error = 0; /* one session of several was enough */
	free(mirror);
	return ret_counts->error;
}
