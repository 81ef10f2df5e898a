/*
 * Every socket that the server listens on, and the only code that binds one. All are bound once,
 * at start, and stay open for the life of the supervisor: control listeners (inherited from the
 * service manager, or bound here) and the whole passive range on every address that control
 * connections come in on. A socket, bind, listen and close for each PASV would cost several
 * times as much and exhaust ports.
 *
 * Accepted connections inherit what is set here: nonblocking is not among it, but TCP_NODELAY is,
 * for control connections.
 *
 * A failure is logged here, as one line that names the address and says what to do, because the
 * caller no longer knows which of some hundred ports it was.
 *
 * Thread:    main of the supervisor.
 * Ownership: the structure owns the descriptors until listeners_close.
 */
#ifndef SERVER_LISTENERS_H
#define SERVER_LISTENERS_H

#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"
#include "net/address.h"

struct listeners {
	int control[LISTENERS_MAX];
	struct address addresses[LISTENERS_MAX]; /* of control, in the same order */
	size_t control_count;
	int *passive;
	size_t passive_count;
};

struct config;

/* Opens all that config and the service manager want: inherited sockets, the addresses of
 * --listen, or the standard address when there is neither; then the passive range. Returns 0, or
 * a negative errno after a log line; what was opened until then is the caller's to close. */
int listeners_open(struct listeners *listeners, const struct config *config);

/* Takes over a socket of the service manager, which must be a listening TCP socket; name is
 * "control", or one that says nothing: NULL, empty, "unknown" or a socket unit's own. fd is owned by *listeners on success. Returns 0, or a negative errno after a log line. */
int listeners_adopt(struct listeners *listeners, int fd, const char *name);

/* Binds and listens for control connections on *address; [::] takes IPv4 as well, and where the
 * machine has no IPv6, 0.0.0.0 is bound in its place. Returns 0, or a negative errno after a log
 * line. */
int listeners_bind_control(struct listeners *listeners, const struct address *address);

/* Binds and listens on the ports low to high of every distinct host among the control listeners;
 * a wildcard covers the hosts of its kind. Returns 0, or a negative errno after a log line. */
int listeners_bind_passive(struct listeners *listeners, uint16_t low, uint16_t high);

/* A socket for an active data connection from *address (RFC 959 section 3.2: from port L-1). Only
 * an address that control connections come in on, and only with the port before theirs. Returns
 * a nonblocking descriptor that the caller owns, -EPERM for any other address, or what socket(2)
 * or bind(2) say (-EADDRINUSE, -EACCES). Logs nothing: the answer goes to the asker. */
int listeners_active_socket(const struct listeners *listeners, const struct address *address);

/* Closes the control listeners, so that new clients are refused instead of left waiting. */
void listeners_close_control(struct listeners *listeners);

/* Closes everything and frees what is owned. */
void listeners_close(struct listeners *listeners);

#endif
