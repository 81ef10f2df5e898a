/*
 * What put remembers of an upload until it is over, in .NAME.put.sluice beside the local file: which
 * file goes where, and what the server said of the name before. If the server has something else there
 * later, and the file here is the same, that is the beginning of it that a cut upload has left. Where no
 * note can be written, nothing is remembered.
 */
#ifndef TOOL_NOTE_H
#define TOOL_NOTE_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

struct stat;
struct url;

/* What a server says of a name: SIZE and MDTM, -1 and INT64_MIN where it says none. */
struct note_state {
	int64_t size_bytes;
	int64_t modified_s;
};

struct note {
	char path[PATH_MAX];
	char text[3072]; /* which file goes where */
};

/* Of the upload of path, a file with that stat, to url. */
void note_init(struct note *note, const char *path, const struct stat *local,
	       const struct url *url);

/* What the server said before the upload that was cut. False: there is no note of it. */
bool note_load(const struct note *note, struct note_state *ret_before);

void note_save(const struct note *note, const struct note_state *before);
void note_drop(const struct note *note);

#endif
