/*
 * Opening a session: the host's addresses from a job thread, a connection to one of them after
 * the other, the greeting, the login as RFC 959's last diagram has it, and FEAT (RFC 2389).
 */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "client/client_priv.h"
#include "sluice/ftp.h"
#include "sys/calls.h"

/* A name look-up. It cannot be cancelled, so it outlives a session that gives it up. */
struct resolve {
	struct op op;
	struct sluice_client *client;
	struct sluice_session *session; /* NULL: given up */
	char *host;
	int family;
	int flags;
	int error; /* of getaddrinfo */
	struct address addresses[SLUICE_ADDRESSES_MAX];
	unsigned count;
};

/* In a job thread, or (for an address written as numbers) in ours. */
static int resolve_work(struct op *op)
{
	struct resolve *resolve = (struct resolve *)(void *)op;
	const struct addrinfo hints = { .ai_family = resolve->family,
					.ai_socktype = SOCK_STREAM,
					.ai_flags = resolve->flags };
	struct addrinfo *found = NULL;

	resolve->error = getaddrinfo(resolve->host, NULL, &hints, &found);
	if (resolve->error)
		return 0;
	for (struct addrinfo *at = found; at && resolve->count < SLUICE_ADDRESSES_MAX;
	     at = at->ai_next) {
		if (at->ai_addrlen > sizeof(struct address))
			continue;
		memcpy(&resolve->addresses[resolve->count++], at->ai_addr, at->ai_addrlen);
	}
	freeaddrinfo(found);
	return 0;
}

static void resolve_free(struct resolve *resolve)
{
	free(resolve->host);
	free(resolve);
}

static void session_on_addresses(struct sluice_session *session, const struct resolve *resolve)
{
	memcpy(session->addresses, resolve->addresses, sizeof(resolve->addresses));
	session->addresses_count = resolve->count;
	for (unsigned i = 0; i < resolve->count; i++)
		address_set_port(&session->addresses[i], session->port);
	if (resolve->count == 0) {
		errand_set_text(session, view_of(resolve->error ? gai_strerror(resolve->error)
								: "no address"));
		session_lose(session, -ENOENT);
	} else {
		session_try_next_address(session);
	}
}

static void resolve_on_done(struct op *op, int result)
{
	struct resolve *resolve = (struct resolve *)(void *)op;
	struct sluice_session *session = resolve->session;
	struct sluice_client *client = resolve->client;

	client->resolving--;
	if (session) {
		session->resolve = NULL;
		if (result < 0)
			session_lose(session, result);
		else
			session_on_addresses(session, resolve);
		session_settle(session);
	}
	resolve_free(resolve);
	if (client->sessions_count == 0 && client->resolving == 0)
		ring_stop(client->ring);
}

void session_give_up_resolving(struct sluice_session *session)
{
	session->resolve->session = NULL;
	session->resolve = NULL;
	session_lose(session, -ETIMEDOUT);
}

static int family_of(enum sluice_family family)
{
	return family == SLUICE_FAMILY_IPV4   ? AF_INET
	       : family == SLUICE_FAMILY_IPV6 ? AF_INET6
					      : AF_UNSPEC;
}

void session_begin_opening(struct sluice_session *session)
{
	struct resolve *resolve = calloc(1, sizeof(*resolve));

	if (resolve)
		resolve->host = strdup(session->host);
	if (!resolve || !resolve->host) {
		free(resolve);
		session_lose(session, -ENOMEM);
		session_settle(session);
		return;
	}
	resolve->client = session->client;
	resolve->session = session;
	resolve->family = family_of(session->family);
	resolve->flags = AI_NUMERICHOST;
	resolve_work(&resolve->op);
	if (resolve->error == 0) {
		session_on_addresses(session, resolve);
		resolve_free(resolve);
		session_settle(session);
		return;
	}
	resolve->flags = AI_ADDRCONFIG;
	session->resolve = resolve;
	session->client->resolving++;
	resolve->op.done = resolve_on_done;
	ring_job(session->client->ring, &resolve->op, resolve_work);
}

/* --- Login ------------------------------------------------------------------------------------- */

static const struct {
	const char *word;
	enum sluice_feature feature;
} features[] = {
	{ "MLST", SLUICE_FEATURE_MLST },       { "SIZE", SLUICE_FEATURE_SIZE },
	{ "MDTM", SLUICE_FEATURE_MDTM },       { "REST", SLUICE_FEATURE_REST },
	{ "UTF8", SLUICE_FEATURE_UTF8 },       { "TVFS", SLUICE_FEATURE_TVFS },
	{ "MFMT", SLUICE_FEATURE_MFMT },       { "HASH", SLUICE_FEATURE_HASH },
	{ "XSHA256", SLUICE_FEATURE_XSHA256 }, { "XSHA512", SLUICE_FEATURE_XSHA512 },
	{ "XSHA1", SLUICE_FEATURE_XSHA1 },     { "XMD5", SLUICE_FEATURE_XMD5 },
	{ "EPSV", SLUICE_FEATURE_EPSV },       { "RANG", SLUICE_FEATURE_RANG },
};

/* Of MODE there may be a line for each, "MODE Z" and others. */
static bool feature_is_mode_z(struct view word, struct view rest)
{
	return view_is_word(word, "MODE") && rest.length > 0 && (rest.at[0] & ~0x20) == 'Z' &&
	       (rest.length == 1 || rest.at[1] == ' ' || rest.at[1] == ';');
}

static bool feature_is_mode_z_keep(struct view word, struct view rest)
{
	return view_is_word(word, "OPTS") && view_is_word(rest, "MODE Z KEEP");
}

/* One line of the reply to FEAT: a space, a feature, and its parameters. */
static void session_take_feature(struct sluice_session *session, struct view line)
{
	struct view word;
	struct view rest;

	while (line.length > 0 && line.at[0] == ' ')
		line = view_skip(line, 1);
	word = line;
	for (word.length = 0; word.length < line.length && line.at[word.length] != ' ';)
		word.length++;
	rest = view_skip(line, word.length < line.length ? word.length + 1 : word.length);
	if (feature_is_mode_z(word, rest))
		session->features |= 1U << SLUICE_FEATURE_MODE_Z;
	if (feature_is_mode_z_keep(word, rest))
		session->features |= 1U << SLUICE_FEATURE_MODE_Z_KEEP;
	for (size_t i = 0; i < sizeof(features) / sizeof(features[0]); i++) {
		if (!view_is_word(word, features[i].word))
			continue;
		session->features |= 1U << features[i].feature;
		if (features[i].feature == SLUICE_FEATURE_HASH)
			snprintf(session->hashes, sizeof(session->hashes), "%.*s",
				 rest.length < FEATURE_TEXT_MAX ? (int)rest.length
								: FEATURE_TEXT_MAX,
				 rest.at);
	}
}

static void session_on_feat(struct sluice_session *session, const struct reply *reply)
{
	struct view rest = reply->text;

	/* The first and the last line are words for people. */
	while (reply->state == DIAGRAM_S && rest.length > 0) {
		const char *end = memchr(rest.at, '\n', rest.length);
		struct view line = { rest.at, end ? (size_t)(end - rest.at) : rest.length };

		if (line.at != reply->text.at && end)
			session_take_feature(session, line);
		rest = view_skip(rest, line.length + (end ? 1 : 0));
	}
	session->logged_in = true;
	errand_end(session, 0);
}

static void session_on_login(struct sluice_session *session, const struct reply *reply)
{
	errand_take_reply(session, reply);
	session->login = reply->state;
	/* The diagram tells by the first digit what the code tells of USER as well: no password. */
	if (reply->code == REPLY_332_NEED_ACCOUNT)
		session->login = DIAGRAM_NEXT_3;
	switch (session->login) {
	case DIAGRAM_NEXT_2:
		control_send(session, DIAGRAM_LOGIN, session->login, "PASS", session->password,
			     session_on_login);
		break;
	case DIAGRAM_NEXT_3:
		if (session->account)
			control_send(session, DIAGRAM_LOGIN, session->login, "ACCT",
				     session->account, session_on_login);
		else
			session_lose(session, -EACCES);
		break;
	case DIAGRAM_S:
		control_send(session, DIAGRAM_GROUP_1, DIAGRAM_B, "FEAT", NULL, session_on_feat);
		break;
	default:
		session_lose(session, -EACCES);
		break;
	}
}

static void session_on_greeting(struct sluice_session *session, const struct reply *reply)
{
	errand_take_reply(session, reply);
	if (reply->state == DIAGRAM_S)
		control_send(session, DIAGRAM_LOGIN, DIAGRAM_B, "USER", session->user,
			     session_on_login);
	else if (reply->state == DIAGRAM_F)
		session_lose(session, -EREMOTEIO);
}

/* --- Connecting -------------------------------------------------------------------------------- */

/* The ring receives from a socket that blocks; a nonblocking one would say EAGAIN at once. */
static int session_connected(struct sluice_session *session)
{
	static const int one = 1;
	static const int idle_s = 60;
	int r = address_of_socket(session->fd, &session->local);

	if (r == 0)
		r = address_of_peer(session->fd, &session->peer);
	if (r < 0)
		return r;
	setsockopt(session->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	/* During a long transfer nothing is said here, and what lies between forgets connections. */
	setsockopt(session->fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
	setsockopt(session->fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof(idle_s));
	setsockopt(session->fd, IPPROTO_TCP, TCP_KEEPINTVL, &idle_s, sizeof(idle_s));
	fcntl(session->fd, F_SETFL, fcntl(session->fd, F_GETFL) & ~O_NONBLOCK);
	control_start(session, session_on_greeting);
	return 0;
}

static void session_connect_failed(struct sluice_session *session, int error)
{
	session->connect_error = error;
	if (session->fd >= 0)
		ring_close_socket(session->client->ring, session->fd);
	session->fd = -1;
}

static void session_on_connect(struct op *op, int result)
{
	struct sluice_session *session = list_entry(op, struct sluice_session, connect_op);
	socklen_t length = sizeof(int);
	int error = 0;

	if (session->lost) {
		session_settle(session);
		return;
	}
	if (result < 0)
		error = result == -ECANCELED ? ETIMEDOUT : -result;
	else if (getsockopt(session->fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0)
		error = errno;
	if (error == 0)
		error = -session_connected(session);
	if (error != 0) {
		session_connect_failed(session, -error);
		session_try_next_address(session);
	}
	session_settle(session);
}

/* A socket that another may share its port with: the default data port is this port as well. */
static int session_make_socket(struct sluice_session *session, const struct address *to)
{
	static const int one = 1;
	struct address any = *to;
	int fd = calls->socket(to->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0 || session->data_mode != SLUICE_DATA_DEFAULT_PORT)
		return fd;
	address_set_port(&any, 0);
	if (to->any.sa_family == AF_INET)
		any.v4.sin_addr.s_addr = INADDR_ANY;
	else
		any.v6.sin6_addr = in6addr_any;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
	    bind(fd, &any.any, address_length(&any)) < 0) {
		int r = -errno;

		calls->close(fd);
		return r;
	}
	return fd;
}

/* Connects to the next address. Returns 0, or the error of the last one, with which the session is
 * then lost. */
int session_try_next_address(struct sluice_session *session)
{
	while (session->address_next < session->addresses_count) {
		const struct address *to = &session->addresses[session->address_next++];
		int r = session_make_socket(session, to);

		if (r >= 0) {
			session->fd = r;
			r = calls->connect(session->fd, &to->any, address_length(to));
		}
		session_touch(session);
		if (r == -EINPROGRESS || r == 0) {
			session->connect_op.done = session_on_connect;
			ring_poll(session->client->ring, &session->connect_op, session->fd,
				  POLLOUT);
			return 0;
		}
		session_connect_failed(session, r);
	}
	session_lose(session, session->connect_error);
	return session->connect_error;
}
