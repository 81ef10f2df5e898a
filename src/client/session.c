#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client/client_priv.h"
#include "sys/calls.h"

static void session_free(struct sluice_session *session)
{
	struct sluice_client *client = session->client;

	ring_timer_clear(client->ring, &session->timer);
	ring_timer_clear(client->ring, &session->data.progress_timer);
	list_remove(&session->link);
	client->sessions_count--;
	free(session->errand.text);
	list_free(session->errand.lines);
	kept_forget(session);
	if (session->password)
		explicit_bzero(session->password, strlen(session->password));
	explicit_bzero(session->output, sizeof(session->output)); /* PASS has been in it */
	free(session->host);
	free(session->user);
	free(session->password);
	free(session->account);
	free(session);
	if (client->sessions_count == 0)
		ring_stop(client->ring); /* sluice_client_free may wait for that */
}

static bool control_is_quiet(const struct sluice_session *session)
{
	return !op_pending(&session->connect_op) && !op_pending(&session->receive_op) &&
	       !op_pending(&session->send_op);
}

/* Closes a control connection that is at its end. */
static void session_close_control(struct sluice_session *session)
{
	struct ring *ring = session->client->ring;

	ring_cancel(ring, &session->connect_op);
	ring_cancel(ring, &session->receive_op);
	ring_cancel(ring, &session->send_op);
	if (session->fd < 0 || !control_is_quiet(session))
		return;
	ring_close_socket(ring, session->fd);
	session->fd = -1;
}

void session_settle(struct sluice_session *session)
{
	struct errand *errand = &session->errand;

	if (errand->copy)
		copy_settle(session);
	if (session->lost)
		session_close_control(session);
	if (errand->ending && !errand->reporting && data_is_quiet(session) && !session->gone)
		errand_report(session);
	if (session->gone && session->held == 0 && session->fd < 0 && control_is_quiet(session) &&
	    data_is_quiet(session) && !op_pending(&session->end_op))
		session_free(session);
}

/* Whether the server has said all, and only the data connection is still to end. */
static bool session_only_moves(const struct sluice_session *session)
{
	const struct errand *errand = &session->errand;

	return errand->under_way && !errand->ending && errand->final && !errand->refused &&
	       !errand->abort_waits && !session->gone;
}

void session_lose(struct sluice_session *session, int error)
{
	struct errand *errand = &session->errand;

	if (session->lost)
		return;
	session->lost = true;
	session->commands_count = 0;
	kept_forget(session);
	if (session->fd >= 0)
		shutdown(session->fd, SHUT_RDWR);
	if (session_only_moves(session))
		return;
	ring_timer_clear(session->client->ring, &session->timer);
	if (errand->under_way && !errand->ending) {
		if (session->dismissed && errand->refused)
			error = 0; /* 421 has been the errand's reply, and says more */
		if (errand->failure == 0)
			errand->failure = error;
		if (errand->lost)
			errand->lost(session);
		else
			errand_end(session, error);
	}
	data_drop(session);
}

static void session_on_timer(struct wheel_timer *timer)
{
	struct sluice_session *session = list_entry(timer, struct sluice_session, timer);

	if (!session->errand.under_way || session->errand.ending)
		return;
	/* What moves has a time-out of its own. */
	if (session->data.state == DATA_MOVING ||
	    (session->errand.copy && copy_may_wait(session))) {
		session_touch(session);
		return;
	}
	session->held++;
	if (session->resolve)
		session_give_up_resolving(session);
	else if (op_pending(&session->connect_op))
		ring_cancel(session->client->ring, &session->connect_op);
	else if (session->lost)
		errand_end(session, -ETIMEDOUT);
	else
		session_lose(session, -ETIMEDOUT);
	session->held--;
	session_settle(session);
}

void session_touch(struct sluice_session *session)
{
	session->timer.fire = session_on_timer;
	ring_timer_set(session->client->ring, &session->timer, session->client->timeout_ms);
}

void sluice_session_cut(struct sluice_session *session)
{
	struct sluice_client *client = session->client;

	if (session->gone)
		return;
	session->gone = true;
	session->held++;
	if (session->errand.under_way) {
		session->errand.done = NULL;
		if (session->errand.copy)
			copy_on_cut(session);
		session->errand.under_way = false;
		client->under_way--;
		if (client->under_way == 0)
			ring_stop(client->ring);
	}
	session_lose(session, -ECANCELED);
	data_drop(session); /* it may have outlived the control connection */
	if (session->resolve)
		session_give_up_resolving(session);
	session->held--;
	session_settle(session);
}

static char *copy_or_default(const char *text, const char *otherwise)
{
	return strdup(text ? text : otherwise);
}

static bool session_take_target(struct sluice_session *session, const struct sluice_target *target)
{
	bool anonymous = !target->user || strcmp(target->user, "anonymous") == 0;

	session->port = target->port ? target->port : 21;
	session->data_mode = target->data;
	session->family = target->family;
	session->host = strdup(target->host);
	session->user = copy_or_default(target->user, "anonymous");
	session->password = copy_or_default(target->password, anonymous ? "anonymous@" : "");
	session->account = target->account ? strdup(target->account) : NULL;
	return session->host && session->user && session->password &&
	       (session->account || !target->account);
}

static int target_check(const struct sluice_target *target)
{
	if (!target->host || !*target->host || control_check_argument(target->host) < 0)
		return -EINVAL;
	if ((target->user && control_check_argument(target->user) < 0) ||
	    (target->password && *target->password &&
	     control_check_argument(target->password) < 0) ||
	    (target->account && control_check_argument(target->account) < 0))
		return -EINVAL;
	return 0;
}

int sluice_session_open(struct sluice_client *client, const struct sluice_target *target,
			sluice_done_fn *done, void *context, struct sluice_session **ret_session)
{
	struct sluice_session *session;
	int r = target_check(target);

	if (r < 0)
		return r;
	session = malloc(sizeof(*session));
	if (!session)
		return -ENOMEM;
	memset(session, 0, offsetof(struct sluice_session, verb));
	session->client = client;
	session->fd = -1;
	session->data.fd = -1;
	session->kept.fd = -1;
	parameters_init(&session->parameters);
	reply_reader_init(&session->reader);
	list_append(&client->sessions, &session->link);
	client->sessions_count++;
	if (!session_take_target(session, target)) {
		session_free(session);
		return -ENOMEM;
	}
	errand_begin(session, done, context);
	session_begin_opening(session);
	*ret_session = session;
	return 0;
}

static void session_on_quit(struct sluice_session *session, const struct reply *reply)
{
	errand_take_reply(session, reply);
	errand_end(session, 0);
}

int sluice_session_close(struct sluice_session *session, sluice_done_fn *done, void *context)
{
	if (session->errand.under_way)
		return -EBUSY;
	errand_begin(session, done, context);
	session->errand.closes = true;
	if (session->lost || !session->logged_in)
		errand_end(session, -ENOTCONN);
	else
		control_send(session, DIAGRAM_GROUP_1, DIAGRAM_B, "QUIT", NULL, session_on_quit);
	session_settle(session);
	return 0;
}

bool sluice_session_has(const struct sluice_session *session, enum sluice_feature feature)
{
	return session->features >> feature & 1;
}

const char *sluice_session_hashes(const struct sluice_session *session)
{
	return session->hashes;
}

bool sluice_session_is_free(const struct sluice_session *session)
{
	return session->logged_in && !session->lost && !session->errand.under_way;
}
