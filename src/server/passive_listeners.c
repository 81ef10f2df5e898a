#include "server/passive_listeners.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/limits.h"
#include "net/address.h"
#include "sys/calls.h"
#include "transfer/passive_pool.h"

int passive_listeners_add(struct passive_listeners *listeners, int fd, unsigned port)
{
	struct passive_listener *all =
		realloc(listeners->all, (listeners->count + 1) * sizeof(*all));

	if (!all)
		return -ENOMEM;
	listeners->all = all;
	all[listeners->count++] = (struct passive_listener){ .fd = fd, .port = port };
	return 0;
}

static int listener_compare(const void *one, const void *other)
{
	const struct passive_listener *a = one;
	const struct passive_listener *b = other;

	if (a->port != b->port)
		return a->port < b->port ? -1 : 1;
	return a->fd < b->fd ? -1 : a->fd > b->fd; /* as they were bound */
}

int passive_listeners_open(struct passive_listeners *listeners, struct passive_pool *pool,
			   bool foreign)
{
	unsigned at = 0;

	listeners->pool = pool;
	listeners->foreign = foreign;
	listeners->ports = passive_pool_count(pool);
	listeners->first = calloc(listeners->ports + 1, sizeof(*listeners->first));
	listeners->locks = calloc(listeners->ports, sizeof(*listeners->locks));
	if (!listeners->first || !listeners->locks)
		return -ENOMEM;
	if (listeners->count > 0)
		qsort(listeners->all, listeners->count, sizeof(*listeners->all), listener_compare);
	for (unsigned port = 0; port < listeners->ports; port++) {
		pthread_mutex_init(&listeners->locks[port], NULL);
		listeners->first[port] = at;
		while (at < listeners->count && listeners->all[at].port == port)
			at++;
		if (at - listeners->first[port] > LISTENERS_MAX)
			return -E2BIG;
	}
	listeners->first[listeners->ports] = at;
	return at == listeners->count ? 0 : -ERANGE;
}

void passive_listeners_close(struct passive_listeners *listeners)
{
	for (unsigned port = 0; listeners->locks && port < listeners->ports; port++)
		pthread_mutex_destroy(&listeners->locks[port]);
	free(listeners->locks);
	free(listeners->first);
	free(listeners->all);
	*listeners = (struct passive_listeners){ .all = NULL };
}

/* What the kernel says of a connection that ended before it could be taken is nobody's matter: the
 * next one. */
static int listener_accept(int fd, struct address *ret_peer)
{
	socklen_t length;
	int r;

	do {
		length = sizeof(*ret_peer);
		*ret_peer = (struct address){ 0 };
		r = calls->accept(fd, &ret_peer->any, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
	} while (r == -ECONNABORTED || r == -EINTR || r == -EPROTO);
	address_unmap(ret_peer);
	return r;
}

int passive_listeners_accept(struct passive_listeners *listeners, unsigned index,
			     struct arrival *ret_arrival)
{
	static const struct address anybody;
	unsigned port = listeners->all[index].port;
	struct arrival arrival = { .port = port };
	struct address peer;

	pthread_mutex_lock(&listeners->locks[port]);
	arrival.fd = listener_accept(listeners->all[index].fd, &peer);
	if (arrival.fd >= 0)
		arrival.session = passive_pool_claim(listeners->pool,
						     listeners->foreign ? &anybody : &peer, port,
						     &arrival.number);
	pthread_mutex_unlock(&listeners->locks[port]);
	if (arrival.fd < 0)
		return arrival.fd;
	*ret_arrival = arrival;
	return 0;
}

void passive_listeners_pass(struct passive_listeners *listeners, unsigned port)
{
	pthread_mutex_lock(&listeners->locks[port]);
	pthread_mutex_unlock(&listeners->locks[port]);
}

int passive_listeners_waits(struct passive_listeners *listeners, unsigned port)
{
	struct pollfd questions[LISTENERS_MAX];
	unsigned first = listeners->first[port];
	unsigned count = listeners->first[port + 1] - first;
	int waiting;

	for (unsigned i = 0; i < count; i++)
		questions[i] =
			(struct pollfd){ .fd = listeners->all[first + i].fd, .events = POLLIN };
	pthread_mutex_lock(&listeners->locks[port]);
	waiting = poll(questions, count, 0);
	pthread_mutex_unlock(&listeners->locks[port]);
	for (unsigned i = 0; i < count && waiting > 0; i++)
		if (questions[i].revents)
			return (int)(first + i);
	return -EAGAIN;
}
