/*
 * How a data connection comes about (RFC 959 section 3.2, RFC 2428).
 *
 * The address in a 227 is not looked at: the connection goes to the host that the control
 * connection goes to, so that no server can send us elsewhere (RFC 2577 section 3, seen from the
 * other side).
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>

#include "client/client_priv.h"
#include "protocol/passive_reply.h"
#include "sys/calls.h"

static void data_connected(struct sluice_session *session)
{
	session->data.state = DATA_CONNECTED;
	session_touch(session);
	data_start_if_ready(session);
}

static void data_on_connect(struct op *op, int result)
{
	struct sluice_session *session = list_entry(op, struct sluice_session, data.op);
	socklen_t length = sizeof(int);
	int error = 0;

	if (result < 0)
		error = -result;
	else if (getsockopt(session->data.fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0)
		error = errno;
	if (error == ECONNRESET) /* it was there, and is gone: the server knows */
		session->data.state = DATA_CONNECTED;
	if (session->errand.ending)
		error = ECANCELED;
	if (error)
		data_over(session, -error);
	else
		data_connected(session);
	session_settle(session);
}

/* Connects to port at the server's host. The command that moves need not wait for that: whatever
 * comes of it, its reply tells. */
static void data_connect(struct sluice_session *session, uint16_t port)
{
	struct data *data = &session->data;
	struct address to = session->peer;
	int r;

	address_set_port(&to, port);
	r = calls->socket(to.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (r >= 0) {
		data->fd = r;
		r = calls->connect(data->fd, &to.any, address_length(&to));
	}
	if (r < 0 && r != -EINPROGRESS) {
		data_close(session);
		errand_end(session, r);
		return;
	}
	data->state = DATA_CONNECTING;
	data->op.done = data_on_connect;
	ring_poll(session->client->ring, &data->op, data->fd, POLLOUT);
	data->ready(session);
}

/* A connection to our listener. Only the server's host may come. */
static void data_on_accept(struct op *op, int result)
{
	struct sluice_session *session = list_entry(op, struct sluice_session, data.op);
	struct data *data = &session->data;
	struct address peer;

	if (result >= 0) {
		if (op->cancelled || data->accepted >= 0 || address_of_peer(result, &peer) < 0 ||
		    !address_same_host(&peer, &session->peer)) {
			calls->close(result);
		} else {
			data->accepted = result;
			ring_cancel(session->client->ring, op);
		}
	}
	if (op_pending(op))
		return;
	/* The listener has done its work. */
	data_close(session);
	data->fd = data->accepted;
	data->accepted = -1;
	if (data->fd < 0 || session->errand.ending)
		data_over(session, result < 0 ? result : -ECANCELED);
	else
		data_connected(session);
	session_settle(session);
}

static void data_on_port_reply(struct sluice_session *session, const struct reply *reply)
{
	if (reply->state == DIAGRAM_F) {
		errand_take_reply(session, reply);
		errand_end(session, 0);
		return;
	}
	session->kept.elsewhere = false;
	session->data.ready(session);
}

static int data_make_listener(struct sluice_session *session, uint16_t port)
{
	static const int one = 1;
	struct address here = session->local;
	int r;
	int fd;

	address_set_port(&here, port);
	fd = calls->socket(here.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return fd;
	if (port > 0)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	r = bind(fd, &here.any, address_length(&here)) < 0 || listen(fd, 4) < 0 ? -errno : fd;
	if (r < 0)
		calls->close(fd);
	return r;
}

void data_format_port(const struct address *address, bool extended, char *ret_text,
		      size_t size_bytes)
{
	const unsigned char *host = (const unsigned char *)&address->v4.sin_addr;
	unsigned port = address_port(address);
	char text[ADDRESS_TEXT_MAX];

	if (extended) {
		address_format_host(address, text);
		snprintf(ret_text, size_bytes, "|%d|%s|%u|",
			 address->any.sa_family == AF_INET ? 1 : 2, text, port);
	} else {
		snprintf(ret_text, size_bytes, "%u,%u,%u,%u,%u,%u", host[0], host[1], host[2],
			 host[3], port >> 8, port & 255);
	}
}

static void data_listen(struct sluice_session *session)
{
	/* A connection that the server keeps to another one would be taken in its place. */
	bool is_default = session->data_mode == SLUICE_DATA_DEFAULT_PORT &&
			  !session->kept.elsewhere;
	bool extended = session->local.any.sa_family != AF_INET;
	struct data *data = &session->data;
	char argument[ADDRESS_TEXT_MAX + 16];
	struct address here;
	int r;

	r = data_make_listener(session, is_default ? address_port(&session->local) : 0);
	if (r >= 0) {
		data->fd = r;
		r = address_of_socket(data->fd, &here);
	}
	if (r < 0) {
		data_close(session);
		errand_end(session, r);
		return;
	}
	data->state = DATA_LISTENING;
	data->accepted = -1;
	data->op.done = data_on_accept;
	ring_accept(session->client->ring, &data->op, data->fd, SOCK_NONBLOCK);
	if (is_default) {
		data->ready(session);
		return;
	}
	data_format_port(&here, extended, argument, sizeof(argument));
	control_send(session, DIAGRAM_GROUP_1, DIAGRAM_B, extended ? "EPRT" : "PORT", argument,
		     data_on_port_reply);
}

static void data_on_passive_reply(struct sluice_session *session, const struct reply *reply)
{
	struct host_port there;
	uint16_t port;
	int r;

	if (reply->state == DIAGRAM_F) {
		errand_take_reply(session, reply);
		errand_end(session, 0);
		return;
	}
	if (session->data.extended) {
		r = passive_reply_parse_extended(reply->text, &port);
	} else {
		r = passive_reply_parse(reply->text, &there);
		port = r == 0 ? there.port : 0;
	}
	if (r < 0 || port == 0) {
		control_protocol_error(session);
		return;
	}
	data_connect(session, port);
}

static void data_send_pasv(struct sluice_session *session)
{
	session->data.extended = false;
	control_send(session, DIAGRAM_GROUP_1, DIAGRAM_B, "PASV", NULL, data_on_passive_reply);
}

static void data_on_epsv_reply(struct sluice_session *session, const struct reply *reply)
{
	bool unknown = reply->state == DIAGRAM_F && reply->code / 100 == 5;

	if (unknown && session->data_mode == SLUICE_DATA_AUTO &&
	    session->peer.any.sa_family == AF_INET) {
		session->data.no_epsv = true;
		data_send_pasv(session);
		return;
	}
	data_on_passive_reply(session, reply);
}

void data_prepare(struct sluice_session *session, void (*ready)(struct sluice_session *session))
{
	struct data *data = &session->data;
	int kept = kept_take(session);

	data->state = DATA_NONE;
	data->transfer.bytes = 0;
	data->transfer.kept = false;
	data->was_kept = kept >= 0;
	data->ready = ready;
	if (data->was_kept) {
		data->fd = kept;
		data->state = DATA_CONNECTED;
		ready(session);
		return;
	}
	switch (session->data_mode) {
	case SLUICE_DATA_ACTIVE:
	case SLUICE_DATA_DEFAULT_PORT:
		data_listen(session);
		return;
	case SLUICE_DATA_PASV:
		data_send_pasv(session);
		return;
	default:
		if (data->no_epsv) {
			data_send_pasv(session);
			return;
		}
		data->extended = true;
		control_send(session, DIAGRAM_GROUP_1, DIAGRAM_B, "EPSV", NULL, data_on_epsv_reply);
	}
}
