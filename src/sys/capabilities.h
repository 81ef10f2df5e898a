/*
 * Capabilities, by libcap. The supervisor keeps CAP_NET_BIND_SERVICE if it has it and nothing
 * else; the server process keeps nothing, and no_new_privs, so that nothing it executes could.
 *
 * Thread: the only one of its process; capabilities are per thread, so all later ones inherit.
 */
#ifndef SYS_CAPABILITIES_H
#define SYS_CAPABILITIES_H

#include <stdbool.h>

/* Whether this process may bind ports below 1024 of its network namespace. */
bool capabilities_may_bind_low(void);

/* Makes effective whatever is permitted. Returns 0 or a negative errno. */
int capabilities_make_effective(void);

/* Drops everything but CAP_NET_BIND_SERVICE (bounding set included where that is allowed). Returns
 * 0 or a negative errno: -EPERM when capset(2) is refused though there is more to drop. */
int capabilities_keep_bind(void);

/* Drops every capability from every set and sets no_new_privs. Returns 0 or a negative errno. */
int capabilities_drop_all(void);

#endif
