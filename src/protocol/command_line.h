/*
 * A command line: verb, one space, argument (RFC 959 section 5.3). Exactly one space belongs to
 * the syntax; further ones belong to the argument (RFC 2640 section 3.1). Lines end with CR LF;
 * a bare LF ends one too, since clients by hand send it, and a CR elsewhere is a byte of the
 * argument (which no path may contain).
 *
 * Pure; views into the caller's bytes.
 */
#ifndef PROTOCOL_COMMAND_LINE_H
#define PROTOCOL_COMMAND_LINE_H

#include "base/view.h"

#define COMMAND_VERB_MAX 7 /* XSHA512 */

struct command_line {
	char verb[COMMAND_VERB_MAX + 1]; /* upper case, NUL-terminated, never empty */
	struct view argument;		 /* what follows the first space, "" if none */
	bool has_argument; /* a space followed the verb, even if nothing followed the space */
};

/* The first line of bytes, without its line end, in *ret_line. Returns how many bytes it takes
 * with its end, or 0 if no line end is there yet. */
size_t command_line_find(struct view bytes, struct view *ret_line);

/* Takes a line apart. Returns 0, or -EINVAL for a line with a NUL, CR or LF anywhere in it (501),
 * or else -ENOENT for one that does not begin with a verb and a space, or only a verb (500): a letter
 * and up to six letters and digits behind it. RFC 959 section 5.3 has letters alone, four at the most;
 * what came later has MD5 and XSHA512. */
int command_line_parse(struct view line, struct command_line *ret_command);

#endif
