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
#include <stdint.h>

#include "fs/digest.h"

#define VERIFY_OPTION_MAX 32

struct algorithm;
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

enum verify_answer { VERIFY_SAME, VERIFY_OTHER, VERIFY_UNKNOWN };

/* Whether the first bytes here and at the server are the same, asked without a word about it: the local
 * file has that many (or path is longer), and the server's, which has of_bytes, as many at least.
 * VERIFY_UNKNOWN: the server does not tell, or it would take too long. */
enum verify_answer verify_beginning(struct tool *tool, struct sluice_session *session,
				    const char *remote, const char *path, int64_t bytes,
				    int64_t of_bytes);

/* The same of two servers' files: all of to_path, and the first bytes of from_path. */
enum verify_answer verify_beginning_between(struct tool *tool, struct sluice_session *from,
					    const char *from_path, int64_t of_bytes,
					    struct sluice_session *to, const char *to_path,
					    int64_t bytes);

/* The parts of it, for those who wait for many replies at once (mirror_hash.c). Which algorithm to use
 * with a server; NULL: it tells no hash. */
const struct algorithm *verify_algorithm(const struct sluice_session *session);

/* The verb that asks, with a path, and what OPTS must set before, once for the session, or "", into
 * ret_option[VERIFY_OPTION_MAX]. */
const char *verify_verb(const struct sluice_session *session, const struct algorithm *algorithm,
			char *ret_option);

/* The hash that a reply holds, and that of what is to be read from fd, in lower case into
 * ret_hex[DIGEST_HEX_MAX]. The second returns 0 or a negative errno. */
bool verify_find_hash(const char *text, const struct algorithm *algorithm, char *ret_hex);
int verify_hash_file(int fd, const struct algorithm *algorithm, char *ret_hex);

#endif
