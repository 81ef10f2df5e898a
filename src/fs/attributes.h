/*
 * What a client may change of a file or folder besides its bytes and its name: the time of its last
 * change, its mode and its group (MFMT and MFF of draft-somers-ftp-mfxx). All is set or nothing: what
 * was set before something failed is set back.
 *
 * Thread:    attributes_parse and attributes_format are pure; attributes_apply blocks, so it runs in a
 *            job thread.
 * Ownership: values only.
 */
#ifndef FS_ATTRIBUTES_H
#define FS_ATTRIBUTES_H

#include <stdint.h>

#include "base/view.h"

struct attributes {
	unsigned facts; /* which: FACT_MODIFY, FACT_UNIX_MODE, FACT_UNIX_GROUP (fs/entry_line.h) */
	int64_t modified_s;
	uint32_t modified_ns;
	uint32_t mode; /* 0 to 0777 */
	uint32_t group;
};

/* Reads a time of RFC 3659 section 2.3, its fraction too, into attributes. Returns 0 or -EINVAL. */
int attributes_parse_time(struct view text, struct attributes *attributes);

/* Reads "fact=value;fact=value;", the names in any case. The last semicolon may be missing, as ncftp
 * sends it: a value ends with the text as well. Returns 0; -EINVAL for bad syntax, a value that
 * cannot be, or a fact said twice (501); -EDOM for a group that is no number (501); -ERANGE for a mode
 * with set-user-ID, set-group-ID or sticky bits (504); -EOPNOTSUPP for a fact that nobody knows or
 * that cannot be changed (504). */
int attributes_parse(struct view text, struct attributes *ret_attributes);

#define ATTRIBUTES_TEXT_MAX 128

/* "modify=20260102030405;UNIX.mode=0644;UNIX.group=100;", of what is in facts, NUL-terminated. A
 * fraction is written as far as it is not zero. */
void attributes_format(const struct attributes *attributes, char *ret_text);

/* Sets them on path beneath root, links resolved inside it (fs/resolve.h), and fills in the time that
 * the file system has kept, which may be coarser. A folder keeps its set-group-ID and sticky bits, a
 * file has none afterwards. Returns 0 or a negative errno, then with nothing changed: -ENXIO for what
 * is neither file nor folder, -EACCES on procfs and its like, -EPERM for what is not the server's. */
int attributes_apply(int root, const char *path, struct attributes *attributes);

#endif
