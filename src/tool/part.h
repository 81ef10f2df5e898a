/*
 * Parts: what has come of a file so far lies beside its name, as ".NAME.<tag>.sluice", until it is
 * whole. The tag is a number for one version of the file, so that a part is gone on with only for
 * the version that it is of. Of a long name the beginning stands there, with a hash of all of it.
 *
 * Pure, but for those that are given a folder. A part that is written to here is locked (flock), so
 * that two runs do not write one and nobody removes it as a forgotten one.
 */
#ifndef TOOL_PART_H
#define TOOL_PART_H

#include <stdbool.h>
#include <stdint.h>

#define PART_SUFFIX ".sluice"
#define PART_NAME_MAX 256
#define PART_OPENS_MAX 8 /* of one that others complete before it is locked */

/* Of path's last name, into ret_name[PART_NAME_MAX]. */
void part_name(const char *path, uint32_t tag, char *ret_name);

/* A number for one version of the file at path, of which the last name counts. */
uint32_t part_tag(const char *path, int64_t size_bytes, int64_t modified_s);

/* The same with a text (a URL) that belongs to it. */
uint32_t part_tag_of(const char *text, int64_t size_bytes, int64_t modified_s);

/* Whether name is of the form of a part's; and whether it is a part of that file. */
bool part_is(const char *name);
bool part_is_of(const char *name, const char *file_name);

/* Of the part that was opened as name in folder. -EBUSY: another run writes it, and has done so for a tenth
 * of a second. -ESTALE: it has another name by now, or none: what was the part is whole. */
int part_lock(int folder, const char *name, int fd);

/* Removes what earlier runs left in a folder of other versions of a name, unless it is written to. */
void part_remove_others(int folder, const char *name, const char *keep);

#endif
