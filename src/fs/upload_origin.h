/*
 * Whether what a restart marker of an upload is about is still there: of which upload the front of a
 * file is, and up to where. Each upload that begins anew has a number of its own, its origin; one
 * that goes on from a marker keeps that of the marker. It is noted with the file when its first
 * marker is answered, together with how the file is left at the end (size, time of the last
 * change, the last place of a marker): a file that anybody writes to afterwards is of no origin.
 *
 * The note is an extended attribute of the file, "user.sluice.upload", so it is found again whatever
 * becomes of the server; where there are none, or on a network file system, it is one of a bounded
 * table of this process, and the oldest goes first. A note of an upload that never came to its end,
 * for the server was killed, says nothing of how the file was left: until the file is stored anew here,
 * its markers are good.
 *
 * Thread: job threads, several at a time; two uploads to one file at once leave a note of one or none.
 * Ownership: fd stays the caller's.
 */
#ifndef FS_UPLOAD_ORIGIN_H
#define FS_UPLOAD_ORIGIN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "fs/mounts.h"

struct statx;

struct upload_origin {
	uint64_t number; /* 0: of none */
	off_t limit;	 /* its octets are from the front up to here */
};

/* A number for an upload that begins anew; 0: there is no randomness. */
uint64_t upload_origin_new(void);

/* Of a file as it is now. */
struct upload_origin upload_origin_read(int fd, const struct disk *disk);

/* Notes that an upload of this origin writes the file. -EBUSY: another one does, or has since. */
int upload_origin_begin(int fd, const struct disk *disk, uint64_t number);

/* Notes how it is left, unless it is of another origin by now. */
void upload_origin_end(int fd, const struct disk *disk, const struct upload_origin *origin);

/* The file is about to be written without a marker: it is of no origin any more. */
void upload_origin_forget(int fd, const struct disk *disk, const struct statx *stat);

#endif
