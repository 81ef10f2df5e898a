/*
 * One line of a listing as a server sent it: facts (MLSD and MLST, RFC 3659 section 7), or what
 * LIST shows, for which there is no standard: the layout of ls -l (vsftpd, ProFTPD, Pure-FTPd,
 * pyftpdlib and ours), or that of MS-DOS (IIS).
 *
 * Pure; lines come without their line end, and the views of an entry lie within the line. Nothing
 * here is trusted: a name may be anything, see remote_name_is_safe.
 */
#ifndef PROTOCOL_REMOTE_ENTRY_H
#define PROTOCOL_REMOTE_ENTRY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/view.h"

enum remote_kind {
	REMOTE_FILE,
	REMOTE_FOLDER,
	REMOTE_LINK,
	REMOTE_OTHER, /* a device, a socket, or what the server did not say */
	REMOTE_CDIR,  /* the folder that is listed */
	REMOTE_PDIR,  /* a folder above it */
};

#define REMOTE_SIZE_UNKNOWN (-1)
#define REMOTE_TIME_UNKNOWN INT64_MIN
#define REMOTE_MODE_UNKNOWN (-1)

struct remote_entry {
	enum remote_kind kind;
	struct view name;      /* never empty; of MLST, a path */
	struct view target;    /* of a link, as far as the line tells, or empty */
	struct view mode_text; /* "-rw-r--r--" as ls -l has it, or empty */
	int64_t size_bytes;    /* or REMOTE_SIZE_UNKNOWN */
	int64_t modified_s;    /* seconds since 1970, or REMOTE_TIME_UNKNOWN */
	int mode;	       /* 0 to 07777, or REMOTE_MODE_UNKNOWN */
	bool time_is_exact;    /* to the second and in UTC. Else it lacks seconds, or even the time
				* of the day, and is read as if the server's clock were in UTC. */
};

/* Reads "fact=value;fact=value; name". Of the line of an MLST reply, the space at its start must
 * have been taken off. A fact that is unknown, or has a value that cannot be, is as if it were not
 * there. Returns 0, or -EINVAL for a line of another form. */
int remote_entry_parse_facts(struct view line, struct remote_entry *ret_entry);

/* Reads a line of LIST. A date without a year is the last such one before tomorrow, as seen from
 * now_s. Returns 0, or -EINVAL for what is no entry ("total 4", an empty line). */
int remote_entry_parse_list(struct view line, int64_t now_s, struct remote_entry *ret_entry);

/* Whether name is one component that stays in the folder in which it is made: not empty, "." or
 * "..", without "/" and NUL. */
bool remote_name_is_safe(struct view name);

#endif
