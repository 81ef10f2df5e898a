/*
 * Hashes that outlive the server: in an extended attribute of the file itself, "user.sluice.hash."
 * and the name of the algorithm (--hash-xattr=on). Its value tells of which state of the file it is:
 *
 *   1 <inode> <size> <mtime seconds>.<nanoseconds> <written seconds>.<nanoseconds> <hash in hex>
 *
 * Setting an attribute changes the file's ctime, which therefore cannot be a part of it. Instead it
 * says when it was written, and is good only while the ctime is of that moment (a tenth of a second at
 * the most behind it): whatever happens to the inode later, a touch that sets the old mtime again
 * included, ends that. A copy or a restored file has another inode or ctime. Since a second attribute
 * changes the ctime as well, those of other algorithms that are still good are written anew with it.
 *
 * Who may write to the file may set its attributes, and so forge a hash of it: with on, a hash is as
 * trustworthy as everybody with the right to write. Files of DISK_REMOTE are left alone: their clock is
 * another.
 *
 * Thread: job threads; every call may block. Ownership: fd stays the caller's.
 */
#ifndef FS_HASH_XATTR_H
#define FS_HASH_XATTR_H

#include "fs/hash_cache.h"

/* Whether the file of fd, of this identity, has a good one: then it is in
 * ret_bytes[digest_bytes(kind)]. */
bool hash_xattr_read(int fd, const struct hash_identity *identity, enum digest_kind kind,
		     unsigned char *ret_bytes);

/* Writes one. Returns 0 or a negative errno: most often -EACCES, -EPERM, -EROFS or -EOPNOTSUPP, which
 * are nobody's fault. */
int hash_xattr_write(int fd, const struct hash_identity *identity, enum digest_kind kind,
		     const unsigned char *bytes);

#endif
