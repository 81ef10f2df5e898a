/*
 * The file that an upload writes. In three steps, each of which may block and so runs in a job
 * thread: upload_check before the 150 (nothing is changed yet, or a STOU name taken), upload_open
 * once the data connection exists (only now is an old file cut), upload_finish before the 226.
 *
 * In-place: what arrived stays under its name. Atomic: the bytes go to a hidden name beside it,
 * ".NAME.<16 hex digits>.part" where the digits are of the owner, which becomes NAME at the end;
 * after a cut it stays, and REST, APPE and SIZE of the same owner go on with it; DELE of NAME removes
 * it, and a folder that holds nothing else goes with what it holds. Others' and forgotten ones are
 * removed a day after their last change, when an upload comes to the folder, but for those that an
 * upload has open.
 *
 * Thread:    check, open and finish in a job thread, one at a time; the rest in the worker.
 * Ownership: the descriptors are the upload's from check to finish (fd is lent to the transfer).
 */
#ifndef FS_UPLOAD_H
#define FS_UPLOAD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/limits.h"
#include "fs/mounts.h"
#include "fs/upload_origin.h"
#include "fs/writer.h"

struct statx;

struct upload {
	/* The wish. */
	int root;		   /* of the served tree, borrowed */
	char path[PATH_BYTES_MAX]; /* of path_join */
	bool unique;		   /* STOU: a name that is not there yet, from path's last name */
	bool append;		   /* APPE: from the end on */
	off_t offset; /* REST: from here on, and what is behind it goes; 0: the file is made anew */
	bool from_marker;    /* REST: with a marker, of the origin that upload_check finds */
	bool scattered;	     /* parts come in any order: nothing goes that is behind offset */
	off_t range_end;     /* RANG: nothing is cut, and the transfer ends here; 0: none */
	off_t reserve_bytes; /* ALLO, or 0 */
	bool atomic;
	uint64_t owner; /* whose partial file it is, for atomic */
	unsigned mask;	/* of the session (fs/creation_mode.h), or 0 */

	/* What came of it. */
	char name[256];	  /* the last name, the one chosen for STOU */
	char hidden[256]; /* the name written to, "" if it is name itself */
	int folder;	  /* descriptor, or -1 */
	int fd;		  /* for writing from upload_open on, or -1 */
	int source;	  /* what is copied to the hidden file, or -1 */
	int copied_from; /* the same once it is; open, so that it stays in use (fs/in_use.h), or -1 */
	off_t copied;
	off_t size_bytes; /* when it was checked */
	off_t start;	  /* where the first byte goes */
	off_t end;	  /* set by the owner before upload_finish: after the last byte */
	bool exact;	  /* likewise: the file's size is to be end, whatever was written */
	uint64_t device;  /* of the file that is gone on with, and from upload_open on of fd */
	uint64_t inode;	  /* 0: there is none yet */
	/* From a marker, of the file that is gone on with; from upload_open on this upload's. Its
	 * limit is set by the owner before upload_finish: where the last marker was. */
	struct upload_origin origin;
	struct disk disk;     /* of the folder; of the file once it is known */
	bool made;	      /* by upload_check (STOU) */
	bool exists;	      /* there is a file of that name */
	bool locked;	      /* the hidden file is ours */
	bool partial;	      /* it holds what came with an earlier upload */
	bool reserved;	      /* blocks, by upload_open */
	bool noted;	      /* the origin, with the file */
	struct writer writer; /* of fd */
};

/* Whether it can be done (and device, inode, size_bytes of what there is): 0, or -EISDIR, -ENOENT,
 * -EACCES, -EROFS, -ENXIO (not a file), -ENOSPC (for ALLO), -EALREADY: another upload appends to
 * it, or brings a file of that name, …; on failure nothing is open. */
int upload_check(struct upload *upload);

/* Makes or opens the file, reserves space, cuts it; a failure leaves what was there. -EINPROGRESS:
 * a part of the old file has been copied, and this is called again for the next one. -ERANGE: the
 * offset is past its end, or what is appended to has become shorter (554); -EALREADY: another upload
 * has come between, or COMB joins it; -EKEYREJECTED: the file is no longer of the marker's origin. */
int upload_open(struct upload *upload);

/* Before the first marker is answered: notes the origin with the file. Returns 0 or a negative errno:
 * no marker can be answered. */
int upload_note_origin(struct upload *upload);

/* Closes all; complete: gives the file its name. Returns 0, or what the file system had to say at
 * the last moment. Also right after a failed upload_open. */
int upload_finish(struct upload *upload, bool complete);

/* Looks at the owner's partial file of path. Returns 0 or a negative errno: -EEXIST while there is a file
 * of that name, which is what SIZE is about then. Job thread. */
int upload_partial_stat(int root, const char *path, uint64_t owner, struct statx *ret_stat);

/* Removes it. Returns 0 or a negative errno: -ENOENT, or -EALREADY while an upload writes there. Job
 * thread. */
int upload_partial_remove(int root, const char *path, uint64_t owner);

/* Removes a folder that holds nothing but at most UPLOAD_PARTS_REMOVED_MAX partial files, whosever they
 * are, with them. Returns 0 or a negative errno: -ENOTEMPTY, with nothing removed, if it holds anything
 * else; -EALREADY if an upload writes there. Job thread. */
#define UPLOAD_PARTS_REMOVED_MAX 10000
int upload_remove_folder(int root, const char *path);

/* Whether name is of the form of a partial file's, which no listing shows. */
bool upload_is_hidden_name(const char *name);

/* Which partial files belong together: a hash of a user name or a client's address. */
uint64_t upload_owner(const void *bytes, size_t length);

#endif
