/*
 * Virtual hosts (--host NAME[=DIR]): the names that HOST (RFC 7151) may give, and which folder
 * anonymous users of each are in. Users of the users file have their own folder on every host.
 *
 * Thread: loaded in the main thread, read-only afterwards.
 * Ownership: the table owns the folders' descriptors; names belong to the configuration.
 */
#ifndef AUTH_HOSTS_H
#define AUTH_HOSTS_H

#include <stddef.h>

#include "base/view.h"

struct config;
struct hosts;

struct host {
	struct view name;
	int folder_fd; /* O_PATH | O_DIRECTORY, or negative: the root of all */
};

/* Opens the folders of all hosts of the configuration, which may be none. Returns 0, or a negative
 * errno with one line in ret_error that names host and folder. */
int hosts_load(const struct config *config, struct hosts **ret_hosts, char *ret_error,
	       size_t error_bytes);

void hosts_free(struct hosts *hosts);

/* Whether there are any: if not, every name means the one root. */
bool hosts_are_named(const struct hosts *hosts);

/* The host of a name, in any case, or NULL. */
const struct host *hosts_find(const struct hosts *hosts, struct view name);

#endif
