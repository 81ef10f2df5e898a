/*
 * A directory as a stream of lines in bounded memory: getdents64 and statx, asking for no more
 * than the format needs, until the caller's buffer is full, and on from there at the next call.
 * A directory whose names fit in LISTING_SORT_BYTES is listed in the order of its names' bytes;
 * a larger one in the order of the file system, for sorting would need memory without a bound.
 * Nothing is cut silently: an error in the middle is an error of the call.
 *
 * A call is bounded work also where no line comes of it: it looks at LISTING_SLICE_NAMES names, and
 * makes about LISTING_SLICE_STEPS comparisons with a pattern. Between two calls others have the job
 * thread and the disk, and who has given up is heard.
 *
 * Three quarters of the time of a large listing go to statx, which reads one entry a call and
 * cannot be batched. listing_help lets a second job thread share the making of lines.
 *
 * A listing that may be asked for again comes with a draft (fs/listing_cache.h): all that is filled
 * is appended to it, and its end publishes it.
 *
 * Thread:    listing_fill and listing_help block, so they run in job threads: one for fill, any
 *            number for help. All other calls: the owner's, while neither runs but for expect.
 * Ownership: the listing owns the folder's descriptor and the draft from listing_new on, also when
 *            that fails.
 *            A listing that was helped has a second one.
 */
#ifndef FS_LISTING_H
#define FS_LISTING_H

#include <stdint.h>
#include <sys/types.h>

#include "fs/listing_request.h"

#define LISTING_SORT_BYTES 131072

struct listing;

/* What a listing takes of memory, at most. */
size_t listing_bytes_max(void);

/* Returns 0, or -ENOMEM. Nothing is read yet: of a folder that cannot be read, the first
 * listing_fill gives no line, but the error. */
int listing_new(const struct listing_request *request, struct listing **ret_listing);

/* Fills buffer with whole lines; size_bytes is at least ENTRY_LINE_MAX. Returns the bytes written,
 * 0 at the end, -EINPROGRESS if it has none yet and is to be called again, or another negative
 * errno, which stays: of getdents64, or -E2BIG of the pattern. An entry that vanished meanwhile is
 * left out; one that cannot be looked at is listed with what is known. MLSD
 * begins with a cdir entry ".". LIST has no "total" line. Names with a leading dot are names, but
 * for "." and "..", and a pattern must name the dot (fs/glob.h). Symbolic links: LIST shows
 * "name -> target"; the facts of MLSD are those of what it points to, resolved within the tree; a
 * link that leads nowhere in it has type=OS.unix=slink. */
ssize_t listing_fill(struct listing *listing, char *buffer, size_t size_bytes);

/* Says, before listing_fill is handed to a job thread, that listing_help shall wait for it. Worth
 * it from the second fill on, and not for a DISK_REMOTE, where it would hang two threads. A
 * listing whose format needs no statx has no use for help, which then returns at once. */
void listing_expect(struct listing *listing);

/* Makes lines for the listing_fill that is expected or runs, and a bounded number for the one
 * after it, and returns. Hand it over after listing_fill: it may wait for that to begin. The
 * listing must live until both have returned. */
void listing_help(struct listing *listing);

/* The listing_fill that was expected does not come after all: whoever helps returns. */
void listing_dismiss(struct listing *listing);

/* Entries written so far. */
uint64_t listing_entries(const struct listing *listing);

void listing_free(struct listing *listing);

#endif
