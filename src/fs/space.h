/*
 * How much room there is on a disk, and how much a folder takes (AVBL and DSIZ of
 * draft-peterson-streamlined-ftp-command-extensions).
 *
 * A folder's files are added up in slices, so that neither a job thread nor the end of a session
 * waits for a tree of any size: what lies on other file systems is left out (a mount may hang), and so
 * are folders that the server may not read, which are no client's to fetch. Links are not followed; a
 * file with two names counts twice, as a client would fetch it.
 *
 * Thread:    space_available and folder_size_more block: in a job thread, one at a time. The others:
 *            the owner's, while none runs.
 * Ownership: a folder_size owns its descriptors, at most FOLDER_SIZE_DEPTH_MAX.
 */
#ifndef FS_SPACE_H
#define FS_SPACE_H

#include <stdint.h>

/* The bytes that the server's user may still write on the disk of path beneath root; 0 on one that is
 * mounted read-only. Returns 0 or a negative errno. Quotas are not asked for. */
int space_available(int root, const char *path, uint64_t *ret_bytes);

struct folder_size;

/* Of the folder of path beneath root, which are both borrowed as long as it lives. Returns 0 or
 * -ENOMEM; nothing is opened yet. */
int folder_size_new(int root, const char *path, struct folder_size **ret_size);

/* Adds up to FOLDER_SIZE_SLICE names. Returns 1 if there are more, 0 at the end, or a negative errno:
 * -EOVERFLOW past FOLDER_SIZE_NAMES_MAX names or FOLDER_SIZE_DEPTH_MAX folders within another. No
 * descriptor is open after 0 and after an error. */
int folder_size_more(struct folder_size *size);

/* What was added up so far, at most UINT64_MAX. */
uint64_t folder_size_bytes(const struct folder_size *size);

void folder_size_free(struct folder_size *size);

#endif
