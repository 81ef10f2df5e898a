/*
 * Errands that move data: TYPE, the data connection, REST, and the command itself. Its final reply
 * and the end of the data connection may come in either order; the errand ends when both are there.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "client/client_priv.h"

void move_settle(struct sluice_session *session)
{
	struct errand *errand = &session->errand;

	if (!errand->final || errand->abort_waits || session->data.state != DATA_OVER)
		return;
	if (errand->again) {
		void (*again)(struct sluice_session * session) = errand->again;

		errand->again = NULL;
		errand->moving = errand->preliminary = errand->final = errand->refused = false;
		errand->data_error = 0;
		again(session);
		return;
	}
	errand_end(session, 0);
}

void move_on_reply(struct sluice_session *session, const struct reply *reply)
{
	struct errand *errand = &session->errand;

	if (reply->state == DIAGRAM_F) {
		errand->final = true;
		if (!list_on_refusal(session, reply->code))
			errand_take_reply(session, reply);
		data_drop(session);
	} else if (reply->state == DIAGRAM_S) {
		errand->final = true;
		errand_take_reply(session, reply);
		if (errand->sends && session->data.state < DATA_MOVING)
			data_drop(session); /* it says that it has what was never sent */
	} else {
		errand->preliminary = true;
		data_start_if_ready(session);
	}
	move_settle(session);
}

void move_on_data_over(struct sluice_session *session, int error, bool established)
{
	struct errand *errand = &session->errand;

	if (error < 0 && errand->data_error == 0)
		errand->data_error = error;
	/* The server waits for a connection that will never be, or we cannot go on: not every server
	 * notices at once that nobody reads. */
	if (error < 0 && (!established || errand->failure) && errand->moving && !errand->final)
		move_abort(session);
	move_settle(session);
}

static void move_on_abort_reply(struct sluice_session *session, const struct reply *reply)
{
	(void)reply;
	session->errand.abort_waits = false;
	move_settle(session);
}

void move_abort(struct sluice_session *session)
{
	struct errand *errand = &session->errand;

	if (errand->moving && !errand->final && !errand->abort_waits) {
		errand->abort_waits = true;
		control_abort(session, move_on_abort_reply);
	}
	data_drop(session);
}

static void move_send(struct sluice_session *session, enum ftp_diagram diagram,
		      enum diagram_state state)
{
	struct errand *errand = &session->errand;

	if (errand->cancelled || session->data.state == DATA_OVER) {
		errand_end(session, 0);
		return;
	}
	errand->moving = true;
	control_send(session, diagram, state, session->verb,
		     session->path[0] ? session->path : NULL, move_on_reply);
}

static void move_on_rest(struct sluice_session *session, const struct reply *reply)
{
	if (reply->state == DIAGRAM_NEXT_2) {
		move_send(session, DIAGRAM_RESTART, reply->state);
		return;
	}
	errand_take_reply(session, reply);
	errand_end(session, 0);
}

static void move_on_ready(struct sluice_session *session)
{
	const struct sluice_transfer *transfer = &session->errand.transfer;
	char offset[24];

	if (transfer->offset == 0 || transfer->append) {
		move_send(session, DIAGRAM_GROUP_2, DIAGRAM_B);
		return;
	}
	snprintf(offset, sizeof(offset), "%" PRId64, transfer->offset);
	control_send(session, DIAGRAM_RESTART, DIAGRAM_B, "REST", offset, move_on_rest);
}

static void move_on_type(struct sluice_session *session, const struct reply *reply)
{
	if (reply->state == DIAGRAM_S) {
		session->type = session->type_wanted;
		session->typed(session);
		return;
	}
	errand_take_reply(session, reply);
	errand_end(session, 0);
}

void move_set_type(struct sluice_session *session, char type,
		   void (*typed)(struct sluice_session *session))
{
	const char argument[2] = { type, '\0' };

	if (type == 0 || session->type == type) {
		typed(session);
		return;
	}
	session->type_wanted = type;
	session->typed = typed;
	control_send(session, DIAGRAM_GROUP_1, DIAGRAM_B, "TYPE", argument, move_on_type);
}

static void move_on_typed(struct sluice_session *session)
{
	data_prepare(session, move_on_ready);
}

void move_begin(struct sluice_session *session, const char *verb, char type)
{
	snprintf(session->verb, sizeof(session->verb), "%s", verb);
	session->errand.moves = true;
	move_set_type(session, type, move_on_typed);
	session_settle(session);
}

static int transfer_check(const struct sluice_transfer *transfer, bool sends)
{
	struct stat stat;

	if (transfer->offset < 0 || (transfer->type && !strchr("AI", transfer->type)) ||
	    (transfer->type == 'A' && transfer->offset > 0))
		return -EINVAL;
	if (transfer->fd < 0)
		return transfer->take && !sends ? 0 : -EBADF;
	if (fstat(transfer->fd, &stat) < 0)
		return -errno;
	return sends && !S_ISREG(stat.st_mode) ? -ESPIPE : 0;
}

/* Whether the kernel alone can move what comes into the file. */
static bool is_spliceable(int fd)
{
	struct stat stat;

	if (fd < 0 || fstat(fd, &stat) < 0)
		return false;
	return S_ISREG(stat.st_mode) ||
	       (S_ISCHR(stat.st_mode) && stat.st_rdev == makedev(1, 3)); /* /dev/null */
}

static int move_file(struct sluice_session *session, const char *verb, bool sends, const char *path,
		     const struct sluice_transfer *transfer, sluice_done_fn *done, void *context)
{
	int r = errand_check(session);

	if (r == 0)
		r = control_check_argument(path);
	if (r == 0)
		r = transfer_check(transfer, sends);
	if (r < 0)
		return r;
	errand_begin(session, done, context);
	session->errand.sends = sends;
	session->errand.transfer = *transfer;
	session->errand.takes = !sends && !is_spliceable(transfer->fd);
	strcpy(session->path, path); /* NOLINT: checked above */
	move_begin(session, verb, transfer->type ? transfer->type : 'I');
	return 0;
}

int sluice_get(struct sluice_session *session, const char *path,
	       const struct sluice_transfer *transfer, sluice_done_fn *done, void *context)
{
	return move_file(session, "RETR", false, path, transfer, done, context);
}

int sluice_put(struct sluice_session *session, const char *path,
	       const struct sluice_transfer *transfer, sluice_done_fn *done, void *context)
{
	return move_file(session, transfer->append ? "APPE" : "STOR", true, path, transfer, done,
			 context);
}

int sluice_abort(struct sluice_session *session)
{
	struct errand *errand = &session->errand;

	if (!errand->under_way || errand->ending || (!errand->moves && !errand->copy))
		return -EINVAL;
	errand->cancelled = true;
	if (errand->copy)
		copy_on_abort(session);
	else
		move_abort(session);
	session_settle(session);
	return 0;
}
