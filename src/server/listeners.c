#include "server/listeners.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "config/config.h"
#include "log/log.h"
#include "sys/capabilities.h"
#include "sys/service_manager.h"

#define FTP_PORT 21
#define UNPRIVILEGED_PORT 2121
#define INHERITED_FIRST 3 /* sd_listen_fds(3) */
#define CONTROL_BACKLOG 4096

static int option_set(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) < 0 ? -errno : 0;
}

/* A missing option of an old socket reads as 0. */
static int option_get(int fd, int level, int option)
{
	int value = 0;
	socklen_t length = sizeof(value);

	return getsockopt(fd, level, option, &value, &length) < 0 ? 0 : value;
}

/* A nonblocking TCP socket bound to *address. Returns it or a negative errno. */
static int socket_bind(const struct address *address)
{
	int fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int r;

	if (fd < 0)
		return -errno;
	r = option_set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (r == 0 && address->any.sa_family == AF_INET6)
		r = option_set(fd, IPPROTO_IPV6, IPV6_V6ONLY, !address_is_any(address));
	if (r == 0 && bind(fd, &address->any, address_length(address)) < 0)
		r = -errno;
	if (r < 0)
		goto fail_fd;
	return fd;

fail_fd:
	close(fd);
	return r;
}

static int socket_listen(const struct address *address, int backlog)
{
	int fd = socket_bind(address);

	/* With SO_REUSEADDR two sockets may bind one port; the second to listen is told here. */
	if (fd >= 0 && listen(fd, backlog) < 0) {
		int r = -errno;

		close(fd);
		return r;
	}
	return fd;
}

/* The one line about a port that could not be had: which, why, and what would help. */
static void bind_error_log(const struct address *address, const char *option, int error)
{
	char text[ADDRESS_TEXT_MAX];

	address_format(address, text);
	switch (error) {
	case -EADDRINUSE:
		log_error("%s is in use: end what holds it (ss -tanp shows it) or choose another "
			  "with %s",
			  text, option);
		break;
	case -EACCES:
		log_error("%s: no permission for ports below 1024: start as root or choose another "
			  "with %s",
			  text, option);
		break;
	case -EADDRNOTAVAIL:
		log_error("%s is no address of this machine (ip address shows them): choose "
			  "another with --listen ADDRESS:PORT",
			  text);
		break;
	case -EMFILE:
		log_error("%s: out of descriptors: raise the limit (ulimit -Hn) or choose fewer "
			  "ports with --passive-ports LOW-HIGH",
			  text);
		break;
	default:
		log_error("%s: cannot listen: %s", text, strerror(-error));
	}
}

/* Whether a socket of this name is for control connections: the name says so, or says nothing. A
 * unit without FileDescriptorName= gives its own, and other managers "unknown" or none. */
static bool name_means_control(const char *name)
{
	const char *suffix = name ? strrchr(name, '.') : NULL;

	return !name || *name == '\0' || strcmp(name, "control") == 0 ||
	       strcmp(name, "unknown") == 0 || (suffix && strcmp(suffix, ".socket") == 0);
}

/* What an inherited socket is not, or NULL when it is all that is needed. */
static const char *adoption_fault(int fd, const char *name)
{
	int domain = option_get(fd, SOL_SOCKET, SO_DOMAIN);

	if (!name_means_control(name))
		return "no such use (in a socket unit: FileDescriptorName=control, or none)";
	if (option_get(fd, SOL_SOCKET, SO_TYPE) != SOCK_STREAM ||
	    (domain != AF_INET && domain != AF_INET6))
		return "not a TCP socket";
	if (!option_get(fd, SOL_SOCKET, SO_ACCEPTCONN))
		return "not listening (in a socket unit: ListenStream=, Accept=no)";
	return NULL;
}

static int control_add(struct listeners *listeners, int fd)
{
	int r;

	if (listeners->control_count == LISTENERS_MAX)
		return -E2BIG;
	r = address_of_socket(fd, &listeners->addresses[listeners->control_count]);
	if (r < 0)
		return r;
	r = option_set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	if (r < 0)
		return r;
	listeners->control[listeners->control_count++] = fd;
	return 0;
}

int listeners_adopt(struct listeners *listeners, int fd, const char *name)
{
	const char *fault = adoption_fault(fd, name);
	int flags = fcntl(fd, F_GETFL);
	int r;

	if (!fault && listeners->control_count == LISTENERS_MAX)
		fault = "one socket too many";
	if (fault) {
		log_error("inherited descriptor %d%s%s: %s", fd, name ? ", " : "", name ? name : "",
			  fault);
		return -EINVAL;
	}
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		r = -errno;
	else
		r = control_add(listeners, fd);
	if (r < 0)
		log_error("inherited descriptor %d: %s", fd, strerror(-r));
	return r;
}

int listeners_bind_control(struct listeners *listeners, const struct address *address)
{
	struct address v4 = { .v4 = { .sin_family = AF_INET } };
	int fd = socket_listen(address, CONTROL_BACKLOG);
	int r;

	if (fd == -EAFNOSUPPORT && address_is_any(address)) {
		address_set_port(&v4, address_port(address));
		address = &v4;
		fd = socket_listen(address, CONTROL_BACKLOG);
	}
	r = fd < 0 ? fd : control_add(listeners, fd);
	if (r < 0)
		bind_error_log(address, "--listen ADDRESS:PORT", r);
	if (r < 0 && fd >= 0)
		close(fd);
	return r;
}

/* Whether the passive ports of one host take the connections to other as well: [::] is
 * dual-stack and takes all, 0.0.0.0 every IPv4 one. */
static bool host_covers(const struct address *host, const struct address *other)
{
	if (address_same_host(host, other))
		return true;
	return address_is_any(host) &&
	       (host->any.sa_family == AF_INET6 || other->any.sa_family == AF_INET);
}

/* Whether the control listener at index needs no passive ports of its own: another one, or an
 * earlier one for the same host, covers it. */
static bool host_is_covered(const struct listeners *listeners, size_t index)
{
	const struct address *host = &listeners->addresses[index];

	for (size_t i = 0; i < listeners->control_count; i++) {
		const struct address *other = &listeners->addresses[i];

		if (i != index && host_covers(other, host) &&
		    (i < index || !address_same_host(other, host)))
			return true;
	}
	return false;
}

static int passive_bind_host(struct listeners *listeners, struct address address, uint16_t low,
			     uint16_t high)
{
	for (unsigned port = low; port <= high; port++) {
		int fd;

		address_set_port(&address, (uint16_t)port);
		fd = socket_listen(&address, PASSIVE_BACKLOG);
		if (fd < 0) {
			bind_error_log(&address, "--passive-ports LOW-HIGH", fd);
			return fd;
		}
		listeners->passive[listeners->passive_count++] = fd;
	}
	return 0;
}

/* One that was inherited, or that nobody has chosen: of the others config.c tells. */
static bool control_lies_within(const struct listeners *listeners, uint16_t low, uint16_t high)
{
	for (size_t i = 0; i < listeners->control_count; i++) {
		unsigned port = address_port(&listeners->addresses[i]);

		if (port < low || port > high)
			continue;
		log_error("port %u, where clients log in, lies within --passive-ports %u-%u: "
			  "choose others",
			  port, (unsigned)low, (unsigned)high);
		return true;
	}
	return false;
}

int listeners_bind_passive(struct listeners *listeners, uint16_t low, uint16_t high)
{
	size_t ports = (size_t)(high - low) + 1;
	int r = 0;

	if (control_lies_within(listeners, low, high))
		return -EINVAL;
	listeners->passive = calloc(listeners->control_count * ports, sizeof(int));
	if (!listeners->passive) {
		log_error("passive ports: out of memory");
		return -ENOMEM;
	}
	for (size_t i = 0; r == 0 && i < listeners->control_count; i++) {
		if (!host_is_covered(listeners, i))
			r = passive_bind_host(listeners, listeners->addresses[i], low, high);
	}
	return r;
}

/* Cuts the first name off a list "control:data". NULL when the list has come to its end. */
static const char *name_next(char **names)
{
	return *names ? strsep(names, ":") : NULL;
}

static int listeners_inherit(struct listeners *listeners)
{
	char *names = NULL;
	int count = service_manager_listeners(&names);
	char *rest = names;
	int r = 0;

	if (count < 0)
		log_error("LISTEN_FDS and LISTEN_PID make no sense: start sluiced from a socket "
			  "unit, or without them");
	for (int i = 0; r == 0 && i < count; i++)
		r = listeners_adopt(listeners, INHERITED_FIRST + i, name_next(&rest));
	free(names);
	return count < 0 ? count : r;
}

static int listeners_bind_standard(struct listeners *listeners)
{
	struct address any = { .v6 = { .sin6_family = AF_INET6 } };

	address_set_port(&any, capabilities_may_bind_low() ? FTP_PORT : UNPRIVILEGED_PORT);
	return listeners_bind_control(listeners, &any);
}

int listeners_open(struct listeners *listeners, const struct config *config)
{
	int r = listeners_inherit(listeners);

	for (size_t i = 0; r == 0 && i < config->listeners_count; i++)
		r = listeners_bind_control(listeners, &config->listeners[i]);
	if (r == 0 && listeners->control_count == 0)
		r = listeners_bind_standard(listeners);
	if (r == 0)
		r = listeners_bind_passive(listeners, config->passive_low, config->passive_high);
	return r;
}

/* Whether some control connection may have come in on this host and the port after this one. */
static bool active_is_allowed(const struct listeners *listeners, const struct address *address)
{
	unsigned port = address_port(address);

	if (port == 0 || address_is_any(address))
		return false;
	for (size_t i = 0; i < listeners->control_count; i++) {
		const struct address *control = &listeners->addresses[i];

		if (address_port(control) == port + 1 && host_covers(control, address))
			return true;
	}
	return false;
}

int listeners_active_socket(const struct listeners *listeners, const struct address *address)
{
	sa_family_t family = address->any.sa_family;

	if (family != AF_INET && family != AF_INET6)
		return -EPERM;
	return active_is_allowed(listeners, address) ? socket_bind(address) : -EPERM;
}

void listeners_close_control(struct listeners *listeners)
{
	for (size_t i = 0; i < listeners->control_count; i++) {
		if (listeners->control[i] >= 0)
			close(listeners->control[i]);
		listeners->control[i] = -1; /* its address still allows active connections */
	}
}

void listeners_close(struct listeners *listeners)
{
	listeners_close_control(listeners);
	while (listeners->passive_count > 0) {
		int fd = listeners->passive[--listeners->passive_count];

		/* A server process that has just ended may still hold it: the kernel takes a ring down
		 * behind its back. Listening it would keep the port from who is started next. */
		shutdown(fd, SHUT_RDWR);
		close(fd);
	}
	free(listeners->passive);
	*listeners = (struct listeners){ .passive = NULL };
}
