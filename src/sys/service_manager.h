/*
 * What a service manager gives and wants: listening sockets by LISTEN_FDS, LISTEN_PID and
 * LISTEN_FDNAMES, and news by NOTIFY_SOCKET (sd_listen_fds(3), sd_notify(3)). The protocol is
 * two environment variables and a datagram, so it needs no library.
 *
 * Thread: main, before any other.
 */
#ifndef SYS_SERVICE_MANAGER_H
#define SYS_SERVICE_MANAGER_H

#include <stddef.h>

/* The sockets that were passed, 3 to 3 + count; close-on-exec is set on each and the variables
 * are removed. ret_names, if not NULL, gets LISTEN_FDNAMES (caller frees) or NULL. Returns the
 * count, 0 when none were passed to this process, or -EINVAL for variables that make no sense. */
int service_manager_listeners(char **ret_names);

/* Sends state, as "READY=1" or "STATUS=…", if a service manager listens. Errors are ignored:
 * news that nobody takes must not stop a server. */
void service_manager_notify(const char *state);

#endif
