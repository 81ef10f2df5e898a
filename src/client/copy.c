/*
 * The third-party transfer (RFC 959 section 5.2): one server listens, the other connects to it,
 * and this side only says so.
 *
 *   TYPE, STRU and MODE on both
 *   EPSV or PASV on the listener    it refuses: the other one listens
 *   EPRT or PORT on the connector   it refuses: the same
 *   REST on both, if it does not begin at the first byte
 *   STOR on one, RETR on the other
 *
 * STOR goes first: what it refuses is not read for nothing. Where the receiving server connects,
 * its 1yz is waited for before RETR is sent; where it listens it may say nothing before there is a
 * connection, which comes of RETR. If one half fails, the other is aborted.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/client_priv.h"
#include "protocol/passive_reply.h"
#include "sluice/ftp.h"

/* One server's part. */
struct copy_half {
	struct sluice_session *session; /* NULL: it was cut */
	const char *verb;
	bool moving;	   /* its STOR or RETR has been sent */
	bool over;	   /* its final reply has come, or never will */
	bool aborting;	   /* ABOR has been sent, and not been answered */
	uint64_t quiet_ms; /* while bytes may have moved */
};

struct copy {
	struct copy_half source; /* its session tells the outcome */
	struct copy_half target;
	struct copy_half *listener;
	struct copy_half *connector;
	struct sluice_session **at;
	int64_t offset;
	struct representation representation;
	bool turned; /* the target listens: the source would not, or the target not connect */
	bool extended;
	bool failed; /* what follows has the reason */
	int failure;
	int code;
	char text[1024]; /* of the reply that decided it; "": none, cut if longer */
};

static struct copy_half *half_of(struct sluice_session *session)
{
	struct copy *copy = session->errand.copy;

	return copy->source.session == session ? &copy->source : &copy->target;
}

static struct copy_half *other_half(struct copy *copy, const struct copy_half *half)
{
	return half == &copy->source ? &copy->target : &copy->source;
}

bool copy_may_wait(struct sluice_session *session)
{
	struct copy *copy = session->errand.copy;
	struct copy_half *half = half_of(session);

	if (half->over)
		return !other_half(copy, half)->over;
	/* What the target has said is its last word: the source has sent all before that. */
	if (!copy->source.moving || !copy->target.moving || copy->target.over || copy->failed)
		return false;
	half->quiet_ms += session->client->timeout_ms;
	return half->quiet_ms < session->client->copy_timeout_ms;
}

static void half_end(const struct copy *copy, struct sluice_session *session)
{
	struct errand *errand = &session->errand;

	errand->copy = NULL;
	errand->lost = NULL;
	errand->failure = 0; /* of its own: the first of both decides */
	errand->code = copy->code;
	errand_end(session, copy->failure);
}

void copy_settle(struct sluice_session *session)
{
	struct copy *copy = session->errand.copy;
	struct sluice_session *other = other_half(copy, half_of(session))->session;

	if (!copy->source.over || !copy->target.over || copy->source.aborting ||
	    copy->target.aborting)
		return;
	if (copy->source.session && copy->text[0])
		errand_set_text(copy->source.session, view_of(copy->text));
	half_end(copy, session);
	if (other)
		half_end(copy, other);
	free(copy);
	if (other)
		session_settle(other);
}

static void copy_on_abort_reply(struct sluice_session *session, const struct reply *reply)
{
	(void)reply;
	half_of(session)->aborting = false;
}

/* Ends a half that need not go on. What it has been asked is answered first. */
static void half_stop(struct copy_half *half)
{
	if (half->over || half->aborting)
		return;
	if (!half->moving) {
		half->over = half->session->commands_count == 0;
		return;
	}
	half->aborting = true;
	control_abort(half->session, copy_on_abort_reply);
}

static void half_lose(struct copy_half *half)
{
	if (!half->over && half->session)
		session_lose(half->session, -ETIMEDOUT);
}

static void copy_take_text(struct copy *copy, int code, struct view text)
{
	copy->code = code;
	snprintf(copy->text, sizeof(copy->text), "%.*s", (int)text.length, text.at);
}

/* The first half that fails decides the outcome. */
static void copy_fail(struct copy_half *half, int error, const struct reply *reply)
{
	struct copy *copy = half->session->errand.copy;

	if (!copy->failed) {
		copy->failed = true;
		copy->failure = error;
		if (copy->at)
			*copy->at = half->session;
		if (reply)
			copy_take_text(copy, reply->code, reply->text);
	}
	half_stop(half);
	if (error == -ETIMEDOUT)
		half_lose(other_half(copy, half)); /* it has had its time, too */
	else
		half_stop(other_half(copy, half));
}

/* A step's reply has come, and the copy is not to go on: this half has said its last word. */
static bool copy_has_failed(struct copy_half *half)
{
	if (!half->session->errand.copy->failed)
		return false;
	half->over = true;
	return true;
}

/* A control connection is lost. */
static void copy_on_lost(struct sluice_session *session)
{
	struct copy_half *half = half_of(session);
	struct copy *copy = session->errand.copy;

	half->over = true;
	half->aborting = false;
	if (!copy->failed && session->errand.text)
		copy_take_text(copy, 0, view_of(session->errand.text));
	copy_fail(half, session->errand.failure, NULL);
}

void copy_on_cut(struct sluice_session *session)
{
	struct copy_half *half = half_of(session);
	struct sluice_session *other = other_half(session->errand.copy, half)->session;

	half->over = true;
	half->aborting = false;
	copy_fail(half, -ECANCELED, NULL);
	half->session = NULL;
	session->errand.lost = NULL;
	session->errand.copy = NULL;
	if (other)
		session_settle(other);
}

void copy_on_abort(struct sluice_session *session)
{
	copy_fail(half_of(session), -ECANCELED, NULL);
}

static void copy_send_retr(struct copy *copy);

static void copy_on_moving(struct sluice_session *session, const struct reply *reply)
{
	struct copy_half *half = half_of(session);
	struct copy *copy = session->errand.copy;

	copy->source.quiet_ms = copy->target.quiet_ms = 0;
	if (reply->state == DIAGRAM_F) {
		half->over = true;
		copy_fail(half, -EREMOTEIO, reply);
		return;
	}
	if (reply->state == DIAGRAM_S) {
		half->over = true;
		session->kept.elsewhere = reply->code == REPLY_250_FILE_ACTION_OKAY;
		if (!copy->source.moving) /* it has stored what nobody has sent */
			copy_fail(half, -EPROTO, reply);
		else if (half == &copy->target && !copy->failed)
			copy_take_text(copy, reply->code, reply->text);
		return;
	}
	if (half == &copy->target && !copy->source.moving && !copy->failed)
		copy_send_retr(copy);
}

static void half_move(struct copy_half *half, int64_t offset)
{
	bool restarts = offset > 0;

	half->moving = true;
	control_send(half->session, restarts ? DIAGRAM_RESTART : DIAGRAM_GROUP_2,
		     restarts ? DIAGRAM_NEXT_2 : DIAGRAM_B, half->verb, half->session->path,
		     copy_on_moving);
}

static void copy_send_retr(struct copy *copy)
{
	half_move(&copy->source, copy->offset);
}

static void copy_move(struct copy *copy)
{
	half_move(&copy->target, copy->offset);
	if (copy->listener == &copy->target && !copy->failed)
		copy_send_retr(copy);
}

/* REST on the source, then on the target. */
static void copy_on_rest(struct sluice_session *session, const struct reply *reply)
{
	struct copy_half *half = half_of(session);
	struct copy *copy = session->errand.copy;
	char offset[24];

	if (copy_has_failed(half))
		return;
	if (reply->state != DIAGRAM_NEXT_2) {
		copy_fail(half, -EREMOTEIO, reply);
		return;
	}
	if (half == &copy->target) {
		copy_move(copy);
		return;
	}
	snprintf(offset, sizeof(offset), "%" PRId64, copy->offset);
	control_send(copy->target.session, DIAGRAM_RESTART, DIAGRAM_B, "REST", offset,
		     copy_on_rest);
}

static void copy_on_connected(struct copy *copy)
{
	char offset[24];

	if (copy->offset == 0) {
		copy_move(copy);
		return;
	}
	snprintf(offset, sizeof(offset), "%" PRId64, copy->offset);
	control_send(copy->source.session, DIAGRAM_RESTART, DIAGRAM_B, "REST", offset,
		     copy_on_rest);
}

static void copy_listen(struct copy *copy);

/* The other way round, if that has not been tried. */
static bool copy_turn(struct copy *copy)
{
	if (copy->turned)
		return false;
	copy->turned = true;
	copy->listener = &copy->target;
	copy->connector = &copy->source;
	copy_listen(copy);
	return true;
}

static void copy_on_port(struct sluice_session *session, const struct reply *reply)
{
	struct copy_half *half = half_of(session);
	struct copy *copy = session->errand.copy;

	if (copy_has_failed(half))
		return;
	if (reply->state == DIAGRAM_S)
		copy_on_connected(copy);
	else if (!copy_turn(copy))
		copy_fail(half, -EREMOTEIO, reply);
}

/* The address is that of the listener's control connection, whatever its reply says: no server
 * sends another to a third one. */
static void copy_connect(struct copy *copy, uint16_t port)
{
	struct address there = copy->listener->session->peer;
	bool extended = there.any.sa_family != AF_INET;
	char argument[ADDRESS_TEXT_MAX + 16];

	address_set_port(&there, port);
	data_format_port(&there, extended, argument, sizeof(argument));
	control_send(copy->connector->session, DIAGRAM_GROUP_1, DIAGRAM_B,
		     extended ? "EPRT" : "PORT", argument, copy_on_port);
}

static void copy_on_passive(struct sluice_session *session, const struct reply *reply)
{
	struct copy_half *half = half_of(session);
	struct copy *copy = session->errand.copy;
	struct host_port there = { .port = 0 };
	int r;

	if (copy_has_failed(half))
		return;
	if (reply->state == DIAGRAM_F) {
		if (!copy_turn(copy))
			copy_fail(half, -EREMOTEIO, reply);
		return;
	}
	r = copy->extended ? passive_reply_parse_extended(reply->text, &there.port)
			   : passive_reply_parse(reply->text, &there);
	if (r < 0)
		control_protocol_error(session);
	else
		copy_connect(copy, there.port);
}

/* PASV on IPv4, which every server knows; EPSV names no address anyway. */
static void copy_listen(struct copy *copy)
{
	struct sluice_session *session = copy->listener->session;

	copy->extended = session->peer.any.sa_family != AF_INET;
	control_send(session, DIAGRAM_GROUP_1, DIAGRAM_B, copy->extended ? "EPSV" : "PASV", NULL,
		     copy_on_passive);
}

/* The source's parameters first, then the target's, then the port. */
static void copy_on_set(struct sluice_session *session, const struct reply *refusal)
{
	struct copy_half *half = half_of(session);
	struct copy *copy = session->errand.copy;

	if (copy_has_failed(half))
		return;
	if (refusal)
		copy_fail(half, -EREMOTEIO, refusal);
	else if (half == &copy->source)
		parameters_set(copy->target.session, &copy->representation, copy_on_set);
	else
		copy_listen(copy);
}

static void copy_take_half(struct copy *copy, struct copy_half *half,
			   struct sluice_session *session, const char *verb, const char *path)
{
	half->session = session;
	half->verb = verb;
	session->errand.copy = copy;
	session->errand.lost = copy_on_lost;
	kept_forget(session);	     /* the server forgets it, too */
	strcpy(session->path, path); /* NOLINT: checked before */
}

int sluice_copy(struct sluice_session *from, const char *from_path, struct sluice_session *to,
		const char *to_path, const struct sluice_representation *wish, int64_t offset,
		struct sluice_session **at, sluice_done_fn *done, void *context)
{
	static const struct sluice_representation as_it_is = { .type = 'I' };
	struct representation representation;
	struct copy *copy;
	int r = from == to || from->client != to->client || offset < 0 ? -EINVAL : 0;

	if (r == 0)
		r = parameters_take(from->client, wish ? wish : &as_it_is, &representation);
	if (r == 0 && offset > 0 && !parameters_count_octets(&representation))
		r = -EINVAL;
	if (r == 0)
		r = errand_check(from);
	if (r == 0)
		r = errand_check(to);
	if (r == 0)
		r = control_check_argument(from_path);
	if (r == 0)
		r = control_check_argument(to_path);
	if (r < 0)
		return r;
	copy = calloc(1, sizeof(*copy));
	if (!copy)
		return -ENOMEM;
	copy->representation = representation;
	copy->offset = offset;
	copy->at = at;
	copy->listener = &copy->source;
	copy->connector = &copy->target;
	errand_begin(from, done, context);
	errand_begin(to, NULL, NULL);
	copy_take_half(copy, &copy->source, from, "RETR", from_path);
	copy_take_half(copy, &copy->target, to, "STOR", to_path);
	parameters_set(from, &copy->representation, copy_on_set);
	session_settle(from);
	return 0;
}
