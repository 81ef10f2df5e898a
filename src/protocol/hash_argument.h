/*
 * What XCRC, XMD5, XSHA and their kin are asked about: a path, and perhaps a part of the file. No RFC
 * has them, and clients write them as the server that they were first made for wanted it:
 *
 *   path with spaces              Cerberus, WinSCP where a name has no space
 *   "path with spaces"            WinSCP, CuteFTP; a quote within is doubled (RFC 959 appendix II)
 *   "path" first last             Serv-U, GlobalSCAPE, SmartFTP; also with commas or semicolons between
 *   path first last, path first
 *
 * As a name may look like any of these, an argument is read in one way after the other until there is
 * such a file. HASH and MD5 have no numbers, but WinSCP quotes there as well.
 *
 * Pure: bytes in, value out, callable from any thread.
 */
#ifndef PROTOCOL_HASH_ARGUMENT_H
#define PROTOCOL_HASH_ARGUMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/view.h"

enum hash_reading {
	HASH_READING_PLAIN,  /* all of it is the path */
	HASH_READING_QUOTED, /* a path in quotes, and perhaps numbers */
	HASH_READING_TWO,    /* a path and two numbers */
	HASH_READING_ONE,    /* a path and one */
	HASH_READINGS,
};

struct hash_argument {
	struct view path; /* in the argument, or in the caller's buffer */
	int64_t first;
	int64_t last; /* inclusive; -1: to the end */
};

/* Reads argument in that way; numbers: there may be some. buffer has room for the argument. Returns 0,
 * -ENOENT if it cannot be read so, or -EINVAL if it can but first is greater than last. */
int hash_argument_parse(struct view argument, enum hash_reading reading, bool numbers, char *buffer,
			struct hash_argument *ret_argument);

#endif
