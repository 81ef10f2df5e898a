/*
 * LIST of the worker's folder, for what MLSD does not tell: which of the names are links.
 *
 *   LIST folder                        after LIST -a where names with a dot in front matter; what that does
 *                                      not tell, LIST without it may
 *   PWD, CWD folder, LIST, CWD back    if LIST may not take the path as it is: some servers do with it what
 *                                      a shell would, and list another folder
 *
 *   LIST folder, all the same          if there is no way into it, and its user would rather have that
 *                                      (by_path)
 *
 * If there is no way back, the session is given up.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "protocol/folder_reply.h"
#include "tool/mirror_priv.h"

bool mirror_plain_refused(const struct sluice_outcome *outcome)
{
	return outcome->error == -EREMOTEIO && outcome->code / 100 == 5 && outcome->connected;
}

static void end(struct mirror_worker *worker, const struct sluice_outcome *outcome)
{
	worker->plain->done(worker, outcome);
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
	return sluice_list_plain(worker->session, *worker->back ? "" : worker->remote,
				 worker->plain->line, plain_listed, worker);
}

static void all_listed(struct sluice_session *session, const struct sluice_outcome *outcome,
		       void *context)
{
	struct mirror_worker *worker = context;
	bool refused = mirror_plain_refused(outcome);

	(void)session;
	worker->no_all |= refused;
	if ((refused || (outcome->error == 0 && worker->plain->lacks(worker))) &&
	    list_plain(worker) == 0)
		return;
	listed(worker, outcome);
}

static void list(struct mirror_worker *worker)
{
	struct sluice_outcome outcome = { .text = "", .connected = true };

	if (worker->plain_all && !worker->no_all)
		outcome.error = sluice_list_all(worker->session,
						*worker->back ? "" : worker->remote,
						worker->plain->line, all_listed, worker);
	else
		outcome.error = list_plain(worker);
	if (outcome.error < 0)
		listed(worker, &outcome);
}

/* --- The folder of a path that LIST may not take as it is ---------------------------------------- */

/* There is none into the folder. */
static void no_way(struct mirror_worker *worker, const struct sluice_outcome *outcome)
{
	worker->back[0] = '\0';
	if (worker->plain->by_path && outcome->connected && outcome->error != -EPROTO)
		list(worker);
	else
		end(worker, outcome);
}

static void folder_entered(struct sluice_session *session, const struct sluice_outcome *outcome,
			   void *context)
{
	(void)session;
	if (outcome->error < 0)
		no_way(context, outcome);
	else
		list(context);
}

static void place_told(struct sluice_session *session, const struct sluice_outcome *outcome,
		       void *context)
{
	struct mirror_worker *worker = context;

	if (outcome->error == 0 &&
	    folder_reply_parse(outcome->text, worker->back, sizeof(worker->back)) == 0 &&
	    sluice_command(session, "CWD", worker->remote, folder_entered, worker) == 0)
		return;
	no_way(worker, outcome);
}

int mirror_plain_list(struct mirror_worker *worker, const struct mirror_plain *plain, bool all)
{
	worker->plain = plain;
	worker->plain_all = all;
	worker->back[0] = '\0';
	if (strpbrk(worker->remote, " \t*?[]{}\\~\"'"))
		return sluice_command(worker->session, "PWD", NULL, place_told, worker);
	list(worker);
	return 0;
}
