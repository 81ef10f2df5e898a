/*
 * Where a file that comes from a server goes. As a rule to a part beside its name (part.h), which gets
 * the name when it is whole: until then what has the name already stays as it is. Where that cannot be
 * (no regular file, another owner's, one with several names, a folder in which nothing can be made, or
 * markers that belong to the file itself), bytes go to the file under its name; even so it is not
 * touched before the server has agreed to send.
 *
 * Thread: one. Ownership: the descriptors are the arrival's from begin to end.
 */
#ifndef TOOL_ARRIVAL_H
#define TOOL_ARRIVAL_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "tool/part.h"

struct arrival {
	char path[PATH_MAX]; /* where links have led */
	char part[PART_NAME_MAX];
	const char *name; /* the last one of path */
	int folder;	  /* -1: the bytes go to the file itself */
	int fd;
	bool existed; /* a file of that name */
	bool made;    /* the file that fd is of, by us */
	struct stat old;
};

/* Finds out what path is: existed and old. Returns 0 or -errno. */
int arrival_look(struct arrival *arrival, const char *path);

/* Opens the part for tag, or with in_place the file itself. *ret_size_bytes: what the part has
 * already. Returns 0 or a negative errno; -EBUSY: another run writes to it. */
int arrival_begin(struct arrival *arrival, uint32_t tag, bool in_place, int64_t *ret_size_bytes);

/* What comes next is the first byte: nothing that is there is kept. Returns 0 or -errno. */
int arrival_cut(struct arrival *arrival);

/* complete: the file gets its time (INT64_MIN: now) and its name. Else what has come stays if
 * keep is set and there is any. Returns 0 or a negative errno. */
int arrival_end(struct arrival *arrival, bool complete, bool keep, int64_t modified_s);

#endif
