/*
 * One file goes up: to a part beside its name, which an interrupted run leaves and the next one goes
 * on with, and which is renamed when it is whole.
 *
 *   what is there of the part    the listing tells; where it may not, SIZE does
 *   STOR part                    550 or 553 from the beginning: STOR name, see below
 *   RNFR part, RNTO name         RNTO refused for good: DELE name first
 *   MFMT name
 *
 * A refused part can mean that the server takes no name with a dot in front, or that nothing can be
 * written there at all. Only the name itself tells which: if that can be stored where the part could
 * not, the rest of this folder is stored in the same way. A part's bytes never go on under another
 * name than the part's.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tool/mirror_priv.h"
#include "tool/part.h"

#define ASKS_FROM_BYTES (1 << 20) /* a smaller file is sent again as quickly as it is asked for */

static int store(struct mirror_worker *worker);

static int folder_bytes_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? (int)(slash - path) + 1 : 0;
}

static int name_part(struct mirror_worker *worker)
{
	char part[256];
	int length;

	part_name(worker->remote, worker->tag, part);
	length = snprintf(worker->remote_part, sizeof(worker->remote_part), "%.*s%s",
			  folder_bytes_of(worker->remote), worker->remote, part);
	return (size_t)length < sizeof(worker->remote_part) ? 0 : -ENAMETOOLONG;
}

/* Whether this session has found that the file's folder takes no part. */
static bool is_in_plain_folder(const struct mirror_worker *worker)
{
	size_t bytes = (size_t)folder_bytes_of(worker->remote);

	return worker->plain_known && strlen(worker->plain_folder) == bytes &&
	       memcmp(worker->plain_folder, worker->remote, bytes) == 0;
}

static void note_plain_folder(struct mirror_worker *worker)
{
	worker->plain_known = true;
	snprintf(worker->plain_folder, sizeof(worker->plain_folder), "%.*s",
		 folder_bytes_of(worker->remote), worker->remote);
}

static void fail(struct mirror_worker *worker, int error)
{
	mirror_fail(worker, worker->task->path, error);
	mirror_task_done(worker);
}

static void file_done(struct mirror_worker *worker)
{
	struct mirror *mirror = worker->mirror;

	mirror->counts.moved++;
	mirror->counts.moved_bytes += (uint64_t)worker->task->size_bytes;
	mirror_say(worker, MIRROR_STORED, worker->task->path, (uint64_t)worker->task->size_bytes,
		   "");
	mirror_task_done(worker);
}

static void time_set(struct sluice_session *session, const struct sluice_outcome *outcome,
		     void *context)
{
	(void)session;
	(void)outcome; /* the file is there; its time is a matter of the next comparison */
	file_done(context);
}

static void set_time(struct mirror_worker *worker)
{
	char argument[SLUICE_ARGUMENT_MAX];
	time_t modified = worker->task->modified_s;
	struct tm parts;
	int length;

	if (!sluice_session_has(worker->session, SLUICE_FEATURE_MFMT) ||
	    !gmtime_r(&modified, &parts)) {
		file_done(worker);
		return;
	}
	length = snprintf(argument, sizeof(argument), "%04d%02d%02d%02d%02d%02d %s",
			  (parts.tm_year + 1900) % 10000, parts.tm_mon + 1, parts.tm_mday,
			  parts.tm_hour, parts.tm_min, parts.tm_sec, worker->remote);
	if (length < 0 || (size_t)length >= sizeof(argument) ||
	    sluice_command(worker->session, "MFMT", argument, time_set, worker) < 0)
		file_done(worker);
}

static void part_renamed(struct sluice_session *session, const struct sluice_outcome *outcome,
			 void *context)
{
	struct mirror_worker *worker = context;

	(void)session;
	if (outcome->error < 0)
		mirror_task_failed(worker, outcome);
	else
		set_time(worker);
}

static void old_removed(struct sluice_session *session, const struct sluice_outcome *outcome,
			void *context)
{
	struct mirror_worker *worker = context;
	int r;

	if (!outcome->connected) {
		mirror_task_failed(worker, outcome);
		return;
	}
	r = sluice_rename(session, worker->remote_part, worker->remote, part_renamed, worker);
	if (r < 0)
		fail(worker, r);
}

/* Some servers do not rename onto a name that exists: it goes first, once it is known that the part can be
 * renamed at all. */
static void part_renamed_at_once(struct sluice_session *session,
				 const struct sluice_outcome *outcome, void *context)
{
	struct mirror_worker *worker = context;

	if (outcome->error == -EREMOTEIO && outcome->code / 100 == 5 && outcome->renaming &&
	    sluice_command(session, "DELE", worker->remote, old_removed, worker) == 0)
		return;
	part_renamed(session, outcome, context);
}

/* --- A file that could not be stored ---------------------------------------------------------- */

static void tell_refusal(struct mirror_worker *worker, const struct sluice_outcome *now)
{
	const struct sluice_outcome outcome = {
		.error = now->connected ? worker->refusal.error : now->error,
		.code = now->connected ? worker->refusal.code : now->code,
		.text = worker->refusal.text,
		.connected = now->connected
	};

	mirror_task_failed(worker, &outcome);
}

static void empty_part_removed(struct sluice_session *session, const struct sluice_outcome *outcome,
			       void *context)
{
	(void)session;
	tell_refusal(context, outcome); /* whether there was one or not */
}

static void refused_part_sized(struct sluice_session *session, const struct sluice_outcome *outcome,
			       void *context)
{
	struct mirror_worker *worker = context;

	if (outcome->error == 0 && strtoll(outcome->text, NULL, 10) == 0 &&
	    sluice_command(session, "DELE", worker->remote_part, empty_part_removed, worker) == 0)
		return;
	tell_refusal(worker, outcome);
}

/* A part with something in it stays, to be gone on with; an empty one goes. */
static void refused(struct mirror_worker *worker, const struct sluice_outcome *outcome)
{
	int r = -EINVAL;

	worker->refusal.error = outcome->error;
	worker->refusal.code = outcome->code;
	snprintf(worker->refusal.text, sizeof(worker->refusal.text), "%s", outcome->text);
	if (!worker->plain_name && outcome->connected && worker->task->part_bytes == 0)
		r = outcome->bytes == 0
			    ? sluice_command(worker->session, "DELE", worker->remote_part,
					     empty_part_removed, worker)
			    : sluice_command(worker->session, "SIZE", worker->remote_part,
					     refused_part_sized, worker);
	if (r < 0)
		mirror_task_failed(worker, outcome);
}

/* Refused before a byte moved: the part may be another one by now, or REST not be known; 550 and 553
 * can be about its name. */
static bool is_tried_otherwise(struct mirror_worker *worker, const struct sluice_outcome *outcome)
{
	struct mirror_task *task = worker->task;

	if (outcome->error != -EREMOTEIO || outcome->bytes > 0 || outcome->code / 100 != 5)
		return false;
	if (!worker->plain_name && task->part_bytes > 0)
		task->part_bytes = 0;
	else if (!worker->plain_name && (outcome->code == 550 || outcome->code == 553))
		worker->plain_name = true;
	else
		return false;
	return store(worker) == 0;
}

static void file_stored(struct sluice_session *session, const struct sluice_outcome *outcome,
			void *context)
{
	struct mirror_worker *worker = context;
	int r;

	if (is_tried_otherwise(worker, outcome))
		return;
	if (outcome->error < 0) {
		refused(worker, outcome);
		return;
	}
	if (worker->plain_name) {
		note_plain_folder(worker);
		set_time(worker);
		return;
	}
	r = sluice_rename(session, worker->remote_part, worker->remote, part_renamed_at_once,
			  worker);
	if (r < 0)
		fail(worker, r);
}

static int store(struct mirror_worker *worker)
{
	int64_t offset = worker->plain_name ? 0 : worker->task->part_bytes;
	const struct sluice_transfer transfer = { .fd = worker->fd,
						  .offset = offset,
						  .representation =
							  mirror_representation(worker, offset),
						  .progress = mirror_on_progress,
						  .context = worker };

	mirror_tell_begun(worker, offset);
	return sluice_put(worker->session,
			  worker->plain_name ? worker->remote : worker->remote_part, &transfer,
			  file_stored, worker);
}

/* --- What there is already --------------------------------------------------------------------- */

static void part_sized(struct sluice_session *session, const struct sluice_outcome *outcome,
		       void *context)
{
	struct mirror_worker *worker = context;
	struct mirror_task *task = worker->task;
	long long size_bytes = 0;
	int r;

	(void)session;
	if (!outcome->connected) {
		mirror_task_failed(worker, outcome);
		return;
	}
	if (outcome->error == 0)
		size_bytes = strtoll(outcome->text, NULL, 10);
	task->part_bytes = size_bytes > 0 && size_bytes <= task->size_bytes ? size_bytes : 0;
	r = store(worker);
	if (r < 0)
		fail(worker, r);
}

/* A part can be there though no listing shows it: names with a dot in front are hidden by some
 * servers, unfinished files by others. Or it came about in this run, before a connection was lost. */
static bool asks_for_part(const struct mirror_worker *worker)
{
	const struct mirror_task *task = worker->task;

	return !worker->plain_name && task->size_bytes >= ASKS_FROM_BYTES &&
	       (task->tries > 0 || (task->part_bytes == 0 && !task->is_new)) &&
	       sluice_session_has(worker->session, SLUICE_FEATURE_SIZE);
}

static void file_compared(struct mirror_worker *worker, bool same)
{
	int r = 1;

	worker->task->compares = false;
	close(worker->fd);
	worker->fd = -1;
	if (same) {
		worker->mirror->counts.kept++;
	} else {
		mirror_tell_found(worker->mirror, worker->task);
		r = mirror_store_begin(worker);
	}
	if (r < 0)
		mirror_fail(worker, worker->task->path, r);
	if (r != 0)
		mirror_task_done(worker);
}

int mirror_store_begin(struct mirror_worker *worker)
{
	struct mirror *mirror = worker->mirror;
	struct mirror_task *task = worker->task;
	int r;

	if (task->compares) {
		worker->fd = mirror_local_open_file(&mirror->local, task->path);
		return worker->fd < 0 ? worker->fd : mirror_hash_begin(worker, file_compared);
	}
	if (mirror->options->dry_run) {
		mirror->counts.moved++;
		mirror_say(worker, MIRROR_STORED, task->path, 0, "");
		return 1;
	}
	worker->fd = mirror_local_open_file(&mirror->local, task->path);
	if (worker->fd < 0)
		return worker->fd;
	worker->tag = part_tag(task->path, task->size_bytes, task->modified_s);
	worker->plain_name = is_in_plain_folder(worker);
	r = name_part(worker);
	if (r < 0)
		return r;
	if (asks_for_part(worker))
		return sluice_command(worker->session, "SIZE", worker->remote_part, part_sized,
				      worker);
	return store(worker);
}
