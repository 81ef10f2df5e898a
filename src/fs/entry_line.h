/*
 * One entry of a listing as a line: the layout of ls -l that every client can read (UTC, C
 * locale, one word in the owner columns), the bare name of NLST, or the facts of RFC 3659.
 *
 * Pure; called 100,000 times for a large directory, so it formats by hand. Names are written as
 * they are but for CR and LF, which become '?': a name cannot forge a line.
 */
#ifndef FS_ENTRY_LINE_H
#define FS_ENTRY_LINE_H

#include <stdint.h>
#include <sys/stat.h>

#include "base/view.h"

struct identity;

/* Facts of MLST and MLSD, in the order in which they are written; enabled by OPTS MLST. Owner and
 * group are numbers: a look-up of their names could block, and which accounts the machine has is
 * nobody's business. */
enum fact {
	FACT_TYPE = 1 << 0,
	FACT_SIZE = 1 << 1,
	FACT_MODIFY = 1 << 2,
	FACT_CREATE = 1 << 3, /* where the file system knows it */
	FACT_PERM = 1 << 4,
	FACT_UNIQUE = 1 << 5,
	FACT_UNIX_MODE = 1 << 6,
	FACT_UNIX_OWNER = 1 << 7,
	FACT_UNIX_GROUP = 1 << 8,
};
#define FACTS_ALL 0x1ffU

/* Until OPTS MLST says otherwise: what clients show or compare. */
#define FACTS_STANDARD \
	(FACT_TYPE | FACT_SIZE | FACT_MODIFY | FACT_PERM | FACT_UNIQUE | FACT_UNIX_MODE)

/* The name of a fact as FEAT and OPTS write it ("UNIX.mode"), and back (any case; 0 if unknown). */
const char *fact_name(enum fact fact);
unsigned fact_of_name(struct view name);

/* What perm says depends on more than the entry: what the session may do, and what the kernel lets
 * the server process do, which opens the files. Access control lists are not asked for: that would
 * be one more call for each entry, and their mask is what the group's bits show. */
struct entry_rights {
	uint32_t uid; /* of the server process */
	uint32_t gid;
	bool may_write;			 /* the session may upload and change */
	bool folder_writable;		 /* the folder that holds the entry can be written by uid */
	bool folder_sticky;		 /* and only what is uid's can be removed from it */
	bool read_only;			 /* the file system takes no writes at all */
	const struct identity *identity; /* for supplementary groups; NULL: there are none */
};

/* Fills in what they owe to the folder that holds the entry: may_write is 0 or the negative errno of
 * asking whether names can be made in it; of stat, mode and owner are looked at. */
void entry_rights_of_folder(struct entry_rights *rights, int may_write, const struct statx *stat);

#define ENTRY_LINE_MAX (256 + 2 * 4096) /* facts or columns, a name, " -> " and a target */

/* "-rw-r--r--   1 ftp      ftp          1234 Jan  2 03:04 name -> target\r\n". The year stands in
 * place of the time for what is older than half a year, or more than a minute ahead, at now_s. target is
 * "" for all but symbolic links. The size of devices, FIFOs and sockets is 0. Returns the length;
 * ret_line has ENTRY_LINE_MAX bytes, of name and target at most PATH_BYTES_MAX each are used. */
size_t entry_line_list(const struct statx *stat, struct view name, struct view target,
		       int64_t now_s, char *ret_line);

/* The last second at which entry_line_list, called with it for now_s, still writes the same line as
 * at now_s; INT64_MAX: it always will. */
int64_t entry_line_list_until(const struct statx *stat, int64_t now_s);

/* "prefixname\r\n", of NLST. Returns the length. */
size_t entry_line_name(struct view prefix, struct view name, char *ret_line);

/* "type=file;size=1;modify=20260102030405;perm=r; name\r\n" with the facts wanted (a mask), type
 * overriding "file"/"dir" if not NULL ("cdir", "pdir"). Facts that stat does not hold (see its
 * stx_mask) are left out, and so is the size of all but files, and the type of what has none. A
 * perm of "d" says what RFC 3659 section 7.5.5 says of a folder: that it may be removed, not that
 * it is empty. Returns the length. */
size_t entry_line_facts(const struct statx *stat, struct view name, const char *type,
			unsigned facts, const struct entry_rights *rights, char *ret_line);

/* The statx mask that these facts need, STATX_TYPE always in it: 0 when type alone, or nothing,
 * is wanted. */
unsigned entry_line_mask(unsigned facts);

#endif
