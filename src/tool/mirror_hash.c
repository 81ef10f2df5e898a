/*
 * Whether a local file is the server's, of which only the size is known to be the same: OPTS HASH once
 * for a session, if another algorithm is set, then HASH or one of its older kin. The local file is read
 * when the server's answer is there, and meanwhile the other sessions wait: one thread does all.
 */
#include <errno.h>
#include <string.h>

#include "tool/mirror_priv.h"
#include "tool/verify.h"

bool mirror_hash_decides(const struct mirror_worker *worker, int64_t modified_s)
{
	return worker->mirror->options->by_hash ||
	       (modified_s == INT64_MIN && verify_algorithm(worker->session));
}

static void hash_told(struct sluice_session *session, const struct sluice_outcome *outcome,
		      void *context)
{
	const struct algorithm *algorithm = verify_algorithm(session);
	struct mirror_worker *worker = context;
	char there[DIGEST_HEX_MAX];
	char here[DIGEST_HEX_MAX];
	int r;

	if (!outcome->connected || outcome->error == -ETIMEDOUT ||
	    (outcome->error == -EREMOTEIO && outcome->code / 100 == 4)) {
		mirror_task_failed(worker, outcome);
		return;
	}
	/* Refused for good, or nonsense: then the file is moved. */
	if (outcome->error < 0 || !algorithm ||
	    !verify_find_hash(outcome->text, algorithm, there)) {
		worker->compared(worker, false);
		return;
	}
	r = verify_hash_file(worker->fd, algorithm, here);
	worker->compared(worker, r == 0 && strcmp(here, there) == 0);
}

static void algorithm_set(struct sluice_session *session, const struct sluice_outcome *outcome,
			  void *context)
{
	struct mirror_worker *worker = context;

	if (outcome->error == 0) {
		worker->hash_is_set = true;
		if (sluice_command(session, "HASH", worker->remote, hash_told, worker) == 0)
			return;
	}
	if (outcome->error < 0)
		mirror_task_failed(worker, outcome);
	else
		worker->compared(worker, false);
}

int mirror_hash_begin(struct mirror_worker *worker,
		      void (*compared)(struct mirror_worker *worker, bool same))
{
	const struct algorithm *algorithm = verify_algorithm(worker->session);
	char option[VERIFY_OPTION_MAX] = "";
	const char *verb;

	if (!algorithm)
		return -EOPNOTSUPP;
	worker->compared = compared;
	verb = verify_verb(worker->session, algorithm, option);
	if (*option && !worker->hash_is_set)
		return sluice_command(worker->session, "OPTS", option, algorithm_set, worker);
	return sluice_command(worker->session, verb, worker->remote, hash_told, worker);
}
