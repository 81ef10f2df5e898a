/*
 * --verify: whether a file is the same here and at a server, by a hash of all of it: HASH where
 * FEAT lists it, else XSHA256 and its like. Of those that both know, the first of SHA-256,
 * SHA-512, SHA-1 and MD5 is taken; the last two tell of damage on the way, not of malice.
 *
 * Thread: the tool's; reading the local file blocks it.
 */
#ifndef TOOL_VERIFY_H
#define TOOL_VERIFY_H

#include <stdbool.h>

struct sluice_session;
struct tool;
struct url;

/* True if the local file at path has the hash that the server tells of url's. False: it has not, or
 * that cannot be told; it has been said which, and the exit code is TOOL_NOT_VERIFIED. */
bool verify_local(struct tool *tool, struct sluice_session *session, const struct url *url,
		  const char *path);

/* The same of two servers' files. */
bool verify_between(struct tool *tool, struct sluice_session *one, const struct url *one_url,
		    struct sluice_session *other, const struct url *other_url);

#endif
