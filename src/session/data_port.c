/*
 * The data connection up to the transfer (RFC 959 sections 3.2 and 3.3, RFC 1639, RFC 2428): PASV,
 * LPSV and EPSV reserve a permanent port for one transfer, PORT, LPRT and EPRT name one of the client's
 * for all that follow, and without any of them it is the default one, the client's own end of the
 * control connection.
 */
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "log/log.h"
#include "net/address.h"
#include "protocol/host_port.h"
#include "session/session_priv.h"
#include "transfer/passive_pool.h"

#define DATA_OWN_PORT_MS 2000 /* in which our own end's port may become free */
#define DATA_AGAIN_MS 100     /* after an active connection's pair of ports was not free */
#define KEPT_FRESH_MS 100 /* a connection that was kept before is looked at, if it still serves */
#define PORT_PRIVILEGED 1024 /* below: never connected to (RFC 2577 section 3) */

/* The drawing in session.h, edge by edge. */
static void session_enter_data_state(struct session *session, enum data_state state)
{
	static const unsigned next[] = {
		[DATA_NONE] = 1 << DATA_NONE | 1 << DATA_WAITING | 1 << DATA_PASSIVE |
			      1 << DATA_ACTIVE | 1 << DATA_CONNECTED,
		[DATA_WAITING] = 1 << DATA_NONE | 1 << DATA_PASSIVE,
		[DATA_PASSIVE] = 1 << DATA_NONE | 1 << DATA_CONNECTED,
		[DATA_ACTIVE] = 1 << DATA_NONE | 1 << DATA_CONNECTED,
		[DATA_CONNECTED] = 1 << DATA_NONE | 1 << DATA_CONNECTED,
	};

	assert(next[session->data_state] & 1U << state);
	if (session->data_wanted)
		session->context->unwant_data(session->context->server, session->data_port);
	session->data_wanted = false;
	session->data_state = (uint8_t)state;
}

static struct session *session_of_data_timer(struct wheel_timer *timer)
{
	return (struct session *)(void *)((char *)timer - offsetof(struct session, data_timer));
}

static struct session *session_of_data_op(struct op *op)
{
	return (struct session *)(void *)((char *)op - offsetof(struct session, data_op));
}

/* Whose connection to a passive port is ours: the client's, or, between servers, anybody's. */
static const struct address *session_reserver(const struct session *session)
{
	static const struct address anybody; /* AF_UNSPEC: equal to itself alone */

	return session->context->config->foreign_data ? &anybody : &session->peer;
}

const struct address *session_local(struct session *session)
{
	if (session->local.any.sa_family == AF_UNSPEC)
		address_of_socket(session->fd, &session->local);
	return &session->local;
}

static void session_forget_kept(struct session *session)
{
	session->data_kept = false;
	session->data_doubted = false;
	session->data_prompt = false;
	seats_give(&session->early_memory);
	free(session->early);
	session->early = NULL;
	session->early_bytes = 0;
}

void session_data_reset(struct session *session)
{
	struct passive_pool *pool = session->context->passive;

	ring_timer_clear(session->context->ring, &session->data_timer);
	if (session->data_state == DATA_WAITING)
		passive_pool_withdraw(pool, session_reserver(session), session->id);
	if (session->data_state == DATA_PASSIVE)
		passive_pool_release(pool, session_reserver(session), session->data_port,
				     session->id);
	if (session->data_state == DATA_CONNECTED) {
		ring_close_socket(session->context->ring, session->data_fd);
		session->data_fd = -1;
	}
	session_forget_kept(session);
	session_enter_data_state(session, DATA_NONE);
}

void session_doubt_data(struct session *session)
{
	session->data_doubted = session->data_kept;
}

void session_data_keep(struct session *session, int fd, char *early, size_t early_bytes)
{
	const int on = 1;

	/* The next file's first segment must not wait until this one's last is acknowledged. */
	if (!session->data_prompt)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	session->data_prompt = true;
	session->data_kept_ms = ring_now_ms(session->context->ring);
	session->data_fd = fd;
	session->data_kept = true;
	session->early = early;
	session->early_bytes = early_bytes;
	session_enter_data_state(session, DATA_CONNECTED);
}

/* Whether the client has ended, some time ago, the connection that was kept, so that it serves nothing any more. */
static bool session_kept_is_over(const struct session *session)
{
	char byte;
	ssize_t got;

	if (session->early)
		return session->data_doubted && session->action->uploads;
	if (!session->data_kept)
		return false;
	/* A download that fails harms nothing; an upload would cut its file first. */
	if (!session->action->uploads &&
	    ring_now_ms(session->context->ring) - session->data_kept_ms < KEPT_FRESH_MS)
		return false;
	got = calls->recv(session->data_fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
	if (got > 0)
		return session->data_doubted && session->action->uploads;
	return got != -EAGAIN;
}

static void session_reply_long_passive(struct session *session, uint16_t port)
{
	const struct address *local = session_local(session);
	struct host_port host_port = { .family = local->any.sa_family, .port = port };
	char text[HOST_PORT_TEXT_MAX];

	if (host_port.family == AF_INET)
		host_port.v4 = local->v4.sin_addr;
	else
		host_port.v6 = local->v6.sin6_addr;
	host_port_format_long(&host_port, text);
	session_reply(session, REPLY_228_LONG_PASSIVE, "Entering Long Passive Mode (%s)", text);
}

static void session_reply_passive(struct session *session)
{
	uint16_t port = passive_pool_port(session->context->passive, session->data_port);

	if (session->passive_form == PASSIVE_EXTENDED) {
		session_reply(session, REPLY_229_EXTENDED_PASSIVE,
			      "Entering Extended Passive Mode (|||%u|)", port);
	} else if (session->passive_form == PASSIVE_LONG) {
		session_reply_long_passive(session, port);
	} else {
		const uint8_t *host = (const void *)&session_local(session)->v4.sin_addr;

		session_reply(session, REPLY_227_PASSIVE,
			      "Entering Passive Mode (%u,%u,%u,%u,%u,%u)", host[0], host[1],
			      host[2], host[3], port >> 8, port & 0xff);
	}
}

static void session_refuse_passive(struct session *session)
{
	static struct log_limit limit = { .burst = 1 };

	log_session_warning(session, &limit, "data connections refused (425)",
			    "all passive ports (--passive-ports) are taken for their address");
	session_enter_data_state(session, DATA_NONE);
	session_reply(session, REPLY_425_CANNOT_OPEN_DATA,
		      "All passive ports are taken for your address; try again in a moment");
}

static void session_on_passive_timer(struct wheel_timer *timer)
{
	struct session *session = session_of_data_timer(timer);

	passive_pool_withdraw(session->context->passive, session_reserver(session), session->id);
	session_is_active(session);
	session_refuse_passive(session);
	session_run(session);
}

void session_data_give_up(struct session *session)
{
	if (session->data_state == DATA_WAITING)
		session_reply(session, REPLY_425_CANNOT_OPEN_DATA, "No data connection: %s",
			      session_text(session, "Given up"));
	session_data_reset(session);
}

/* A reservation that nobody uses is not kept for ever. */
static void session_on_unused_timer(struct wheel_timer *timer)
{
	struct session *session = session_of_data_timer(timer);

	session_data_reset(session);
	session->passive_expired = true;
}

static void session_take_port(struct session *session, unsigned port)
{
	struct session_context *context = session->context;
	int r;

	session_enter_data_state(session, DATA_PASSIVE);
	session->data_port = port;
	r = context->begin_reservation(context->server, session_reserver(session), session->id,
				       port, &session->data_reservation);
	if (r < 0) {
		session_data_reset(session);
		session_reply(session, REPLY_425_CANNOT_OPEN_DATA, "No data connection: %s",
			      session_text(session, session_data_error(-r)));
		return;
	}
	session->data_timer.fire = session_on_unused_timer;
	ring_timer_set(context->ring, &session->data_timer,
		       1000ULL * context->config->data_timeout_s);
	session_reply_passive(session);
}

static void session_enter_passive(struct session *session, enum passive_form form)
{
	struct session_context *context = session->context;
	int port;

	session_data_reset(session);
	session->data_peer = (struct address){ 0 };
	session->passive_expired = false;
	session->passive_form = (uint8_t)form;
	port = passive_pool_reserve(context->passive, context->worker, session_reserver(session),
				    session->id);
	if (port >= 0) {
		session_take_port(session, (unsigned)port);
	} else if (port == -EAGAIN) {
		session_enter_data_state(session, DATA_WAITING);
		session->data_timer.fire = session_on_passive_timer;
		ring_timer_set(context->ring, &session->data_timer, PASSIVE_WAIT_MS);
	} else {
		session_refuse_passive(session);
	}
}

void session_on_grant(struct session *session, unsigned port)
{
	/* It may have stopped waiting, and waited anew, while the message was under way. */
	if (session->data_state != DATA_WAITING ||
	    !passive_pool_holds(session->context->passive, session_reserver(session), port,
				session->id))
		return;
	session_is_active(session);
	session_take_port(session, port);
	session_run(session);
}

void command_pasv(struct session *session, struct view argument)
{
	(void)argument;
	if (session->peer.any.sa_family != AF_INET)
		session_reply(session, REPLY_502_NOT_IMPLEMENTED,
			      "PASV is for IPv4 and this connection is IPv6; use EPSV");
	else
		session_enter_passive(session, PASSIVE_SHORT);
}

static void session_refuse_family(struct session *session, bool is_long)
{
	bool is_v4 = session->peer.any.sa_family == AF_INET;

	if (is_long)
		session_reply(session, REPLY_521_ADDRESS_FAMILY,
			      "Supported address families are (%d)", is_v4 ? 4 : 6);
	else
		session_reply(session, REPLY_522_NETWORK_PROTOCOL,
			      "Network protocol not supported, use (%d)", is_v4 ? 1 : 2);
}

/* Of RFC 2428's table of address families, which is the one of IANA: up to 65535. */
static bool is_protocol_number(struct view argument)
{
	size_t digits = 0;

	while (digits < argument.length && argument.at[digits] >= '0' && argument.at[digits] <= '9')
		digits++;
	return digits == argument.length && digits >= 1 && digits <= 5;
}

void command_epsv(struct session *session, struct view argument)
{
	int family = session->peer.any.sa_family;

	if (view_is_word(argument, "ALL")) {
		session->epsv_all = true;
		session_reply(session, REPLY_200_OKAY, "From now on only EPSV");
	} else if (argument.length == 0 || view_is(argument, family == AF_INET ? "1" : "2")) {
		session_enter_passive(session, PASSIVE_EXTENDED);
	} else if (is_protocol_number(argument)) {
		/* The address of the data connection is that of the control connection. */
		session_refuse_family(session, false);
	} else {
		session_reply(session, REPLY_501_SYNTAX_ARGUMENT,
			      "EPSV takes 1, 2, ALL or nothing");
	}
}

void command_lpsv(struct session *session, struct view argument)
{
	(void)argument;
	session_enter_passive(session, PASSIVE_LONG);
}

/* A data connection is of the control connection's IP version; each standard has its own words. */
static void session_enter_active(struct session *session, const struct host_port *host_port,
				 bool is_long)
{
	struct address peer = { 0 };

	peer.any.sa_family = (sa_family_t)host_port->family;
	if (host_port->family == AF_INET)
		peer.v4.sin_addr = host_port->v4;
	else
		peer.v6.sin6_addr = host_port->v6;
	address_set_port(&peer, host_port->port);
	address_unmap(&peer);
	if (peer.any.sa_family != session->peer.any.sa_family) {
		session_refuse_family(session, is_long);
		return;
	}
	if (host_port->port < PORT_PRIVILEGED) {
		session_reply(session, REPLY_504_PARAMETER_NOT_IMPLEMENTED,
			      "Ports below %d are never connected to", PORT_PRIVILEGED);
	} else if (!session->context->config->foreign_data &&
		   !address_same_host(&peer, &session->peer)) {
		session_reply(session, REPLY_504_PARAMETER_NOT_IMPLEMENTED,
			      "Data connections with third hosts are not allowed here");
	} else {
		session_data_reset(session);
		session->passive_expired = false;
		session->data_peer = peer;
		session_enter_data_state(session, DATA_ACTIVE);
		session_reply(session, REPLY_200_OKAY, "The data connection will go there");
	}
}

void command_port(struct session *session, struct view argument)
{
	struct host_port host_port;

	if (host_port_parse(argument, &host_port) == 0)
		session_enter_active(session, &host_port, false);
	else
		session_reply(session, REPLY_501_SYNTAX_ARGUMENT,
			      "PORT takes six numbers from 0 to 255, as in PORT 127,0,0,1,200,1");
}

void command_eprt(struct session *session, struct view argument)
{
	struct host_port host_port;
	int r = host_port_parse_extended(argument, &host_port);

	if (r == 0)
		session_enter_active(session, &host_port, false);
	else if (r == -EAFNOSUPPORT)
		session_refuse_family(session, false);
	else
		session_reply(session, REPLY_501_SYNTAX_ARGUMENT,
			      "EPRT takes protocol, address and port, as in EPRT |2|::1|6446|");
}

void command_lprt(struct session *session, struct view argument)
{
	struct host_port host_port;
	int r = host_port_parse_long(argument, &host_port);

	if (r == 0)
		session_enter_active(session, &host_port, true);
	else if (r == -EAFNOSUPPORT)
		session_refuse_family(session, true);
	else
		session_reply(session, REPLY_501_SYNTAX_ARGUMENT,
			      "LPRT takes family, address and port, as in "
			      "LPRT 4,4,127,0,0,1,2,200,1");
}

/* The connection that a transfer waits for did not come about. */
const char *session_data_error(int error)
{
	switch (error) {
	case ECONNREFUSED:
		return "nobody listens at that port";
	case ETIMEDOUT:
		return "the other end does not answer";
	case EHOSTUNREACH:
	case ENETUNREACH:
		return "no route leads to that address";
	case EADDRINUSE:
		return "the server's own data port is somebody else's; send PASV";
	case EADDRNOTAVAIL:
		return "an earlier connection between the same two ports is not over; name another "
		       "port, or send PASV";
	case ECONNRESET:
	case EPIPE:
		return "the other end broke it off";
	case EAGAIN:
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
		return "the server has no room for it now; try again later";
	default:
		return strerror(error);
	}
}

static void session_data_failed(struct session *session, const char *why)
{
	session_data_reset(session);
	if (session->data_fd >= 0)
		ring_close_socket(session->context->ring, session->data_fd);
	session->data_fd = -1;
	session->opening = false;
	session_transfer_not_opened(session, why);
}

static void session_on_open_timer(struct wheel_timer *timer)
{
	struct session *session = session_of_data_timer(timer);

	session->active_asked = false; /* the supervisor has had its time */
	session_data_cancel(session);
}

static void session_data_succeeded(struct session *session)
{
	if (session->closing || session->aborts > 0) { /* it came too late */
		session_data_failed(session, "Given up");
		return;
	}
	ring_timer_clear(session->context->ring, &session->data_timer);
	session_enter_data_state(session, DATA_CONNECTED);
	session->opening = false;
	session_transfer_opened(session);
}

/* connect(2) has ended, one way or the other. */
static void session_on_connected(struct op *op, int result)
{
	struct session *session = session_of_data_op(op);
	socklen_t length = sizeof(result);
	int error = 0;

	if (result >= 0 && getsockopt(session->data_fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0)
		error = errno;
	if (result < 0 || error)
		session_data_failed(session, error ? session_data_error(error) : "Given up");
	else
		session_data_succeeded(session);
}

static void session_set_open_timer(struct session *session)
{
	struct ring *ring = session->context->ring;
	uint64_t now_ms = ring_now_ms(ring);
	uint64_t deadline_ms = session->data_deadline_ms;

	session->data_timer.fire = session_on_open_timer;
	ring_timer_set(ring, &session->data_timer, deadline_ms > now_ms ? deadline_ms - now_ms : 0);
}

static void session_data_dial(struct session *session);
static void session_data_taken(struct session *session, int r);

/* Asks for a socket bound to our end of the control connection, with the port below it. */
static void session_data_ask(struct session *session)
{
	struct session_context *context = session->context;
	struct address local = *session_local(session);
	int r;

	if (session->active_asked)
		return; /* the answer to an earlier question is still to come */
	address_set_port(&local, (uint16_t)(address_port(&local) - 1));
	r = context->active_socket(context->server, session->id, &local);
	session->active_asked = r == 0;
	if (r == -EAGAIN)
		session_data_taken(session, r);
	else if (r < 0)
		session_data_failed(session, session_data_error(-r));
}

static void session_on_again_timer(struct wheel_timer *timer)
{
	struct session *session = session_of_data_timer(timer);

	session_set_open_timer(session);
	if (session->data_fd >= 0)
		session_data_dial(session);
	else
		session_data_ask(session);
}

/* What connects is taken (r). Two ports make one connection at a time, and for some time after it
 * none (TIME-WAIT; RFC 959 section 3.3): a client that stays with its port, or with the default one,
 * gets its next file when that time is over (EADDRNOTAVAIL). Our own port's being somebody else's may
 * be for good, and is waited for but a moment. */
static void session_data_taken(struct session *session, int r)
{
	struct ring *ring = session->context->ring;
	uint64_t began_ms =
		session->data_deadline_ms - 1000ULL * session->context->config->data_timeout_s;
	uint64_t until_ms = began_ms + DATA_OWN_PORT_MS;

	if (r == -EADDRNOTAVAIL || until_ms > session->data_deadline_ms)
		until_ms = session->data_deadline_ms;
	if (ring_now_ms(ring) + DATA_AGAIN_MS > until_ms) {
		session_data_failed(session, session_data_error(-r));
		return;
	}
	session->data_timer.fire = session_on_again_timer;
	ring_timer_set(ring, &session->data_timer, DATA_AGAIN_MS);
}

static void session_data_dial(struct session *session)
{
	int r = calls->connect(session->data_fd, &session->data_peer.any,
			       address_length(&session->data_peer));

	session->data_op.done = session_on_connected;
	if (r == -EINPROGRESS)
		ring_poll(session->context->ring, &session->data_op, session->data_fd, POLLOUT);
	else if (r == -EADDRNOTAVAIL)
		session_data_taken(session, r);
	else if (r < 0)
		session_data_failed(session, session_data_error(-r));
	else
		session_data_succeeded(session);
}

void session_on_active_socket(struct session *session, int fd_or_error)
{
	/* What was asked for by a transfer that has been given up serves the next one as well: the
	 * socket is bound to the same address. If there is none, it is closed. */
	session->active_asked = false;
	if (!session->opening || session->data_state != DATA_ACTIVE || session->data_fd >= 0) {
		if (fd_or_error >= 0)
			calls->close(fd_or_error);
		return;
	}
	if (fd_or_error == -EADDRINUSE) {
		session_data_taken(session, fd_or_error);
		return;
	}
	if (fd_or_error < 0) {
		session_data_failed(session, session_data_error(-fd_or_error));
		return;
	}
	session->data_fd = fd_or_error;
	session_set_open_timer(session); /* it may be that of another try */
	session_data_dial(session);
}

static void session_data_connect(struct session *session)
{
	if (session_local(session)->any.sa_family != session->data_peer.any.sa_family)
		session_data_failed(session, "The address is of the other IP version");
	else
		session_data_ask(session);
}

/* Without PASV, PORT and their like the client listens at the port last named, which is remembered
 * (RFC 959 section 4.1.2), or, where none was, where its control connection is (section 3.3). False:
 * it cannot mean that, and the transfer has been refused. */
static bool session_use_default_port(struct session *session)
{
	if (session->passive_expired) {
		session_data_failed(
			session, "the passive port was not used in time; send EPSV or PASV again");
		return false;
	}
	if (session->data_peer.any.sa_family == AF_UNSPEC) {
		if (address_port(&session->peer) < PORT_PRIVILEGED) {
			session_data_failed(session,
					    "ports below 1024 are never connected to; send PORT");
			return false;
		}
		session->data_peer = session->peer;
	}
	session_enter_data_state(session, DATA_ACTIVE);
	return true;
}

/* Whether the transfer would lose what has come early: it takes nothing of it, and then closes. */
static bool session_early_is_in_the_way(const struct session *session)
{
	const struct action *action = session->action;

	return session->early && !representation_keeps_connection(&action->representation) &&
	       (!action->uploads || representation_is_plain(&action->representation));
}

bool session_data_is_kept(struct session *session)
{
	if (session->data_state == DATA_CONNECTED &&
	    (session_kept_is_over(session) || session_early_is_in_the_way(session)))
		session_data_reset(session);
	return session->data_kept;
}

void session_data_expect(struct session *session)
{
	if (session->data_state != DATA_PASSIVE || session->data_wanted)
		return;
	session->data_wanted = true;
	session->context->want_data(session->context->server, session->id, session->data_port);
}

void session_data_open(struct session *session)
{
	session->opening = true;
	if (session->data_state == DATA_CONNECTED) {
		session_data_succeeded(session);
		return;
	}
	session->data_deadline_ms = ring_now_ms(session->context->ring) +
				    1000ULL * session->context->config->data_timeout_s;
	session_set_open_timer(session);
	if (session->data_state == DATA_PASSIVE) {
		session_data_expect(session);
		return;
	}
	if (session->data_state == DATA_NONE && !session_use_default_port(session))
		return;
	session_data_connect(session);
}

int session_data_take(struct session *session)
{
	int fd = session->data_fd;

	session->data_fd = -1;
	session->data_prompt = session->data_kept;
	session->data_kept = false;
	if (session->action->uploads)
		session->data_doubted = false;
	session_enter_data_state(session, DATA_NONE);
	return fd;
}

void session_data_cancel(struct session *session)
{
	if (!session->opening)
		return;
	if (op_pending(&session->data_op)) {
		ring_cancel(session->context->ring, &session->data_op);
		return; /* session_on_connected will hear of it */
	}
	session_data_reset(session);
	session_data_failed(session, "No data connection in time");
}

bool session_on_data_connection(struct session *session, uint32_t reservation, int fd)
{
	if (session->closing || session->data_state != DATA_PASSIVE ||
	    session->data_reservation != reservation)
		return false;
	session->data_fd = fd;
	session_enter_data_state(session, DATA_CONNECTED);
	if (session->opening)
		session_data_succeeded(session);
	else
		ring_timer_clear(session->context->ring, &session->data_timer);
	return true;
}
