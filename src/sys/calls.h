/*
 * The one table of operations: every call that names or moves data goes through it. The product
 * runs with calls_real; tests put a table in its place whose n-th open fails, whose sends are
 * short or whose disk is full, and so walk every error path without a special machine.
 *
 * Every entry returns what the call returns, or a negative errno; none touches errno for its
 * caller. The table is chosen before the first thread starts and never changes afterwards.
 */
#ifndef SYS_CALLS_H
#define SYS_CALLS_H

#include <linux/openat2.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>

struct statvfs;
struct timespec;

struct calls {
	/* Memory that a client's wish may ask for, a large one from a page's beginning on; freed by free(3).
	 * NULL when there is none. */
	void *(*allocate)(size_t size_bytes);

	/* Names. */
	int (*openat2)(int folder, const char *path, const struct open_how *how);
	int (*statx)(int folder, const char *path, int flags, unsigned mask,
		     struct statx *ret_stat);
	int (*unlinkat)(int folder, const char *name, int flags);
	int (*renameat2)(int from, const char *old, int to, const char *new, unsigned flags);
	int (*linkat)(int from, const char *old, int to, const char *new, int flags);
	int (*symlinkat)(const char *target, int folder, const char *name);
	int (*mkdirat)(int folder, const char *name, mode_t mode);
	ssize_t (*getdents)(int folder, void *buffer, size_t size_bytes);
	ssize_t (*readlinkat)(int folder, const char *name, char *buffer, size_t size_bytes);
	int (*may_write)(int folder); /* faccessat(2): 0 if names in folder may be made */
	int (*utimensat)(int folder, const char *path, const struct timespec *times, int flags);
	int (*fchmodat)(int folder, const char *path, mode_t mode);
	int (*fchownat)(int folder, const char *path, uid_t uid, gid_t gid, int flags);
	int (*fstatvfs)(int fd, struct statvfs *ret_disk);
	int (*close)(int fd);

	/* Memory with a descriptor, and inotify(7). */
	int (*memfd_create)(const char *name, unsigned flags);
	int (*inotify_init)(int flags);
	int (*inotify_add_watch)(int fd, const char *path, uint32_t mask);
	int (*inotify_rm_watch)(int fd, int number);
	ssize_t (*read)(int fd, void *buffer, size_t size_bytes);

	/* File contents. */
	ssize_t (*pread)(int fd, void *buffer, size_t size_bytes, off_t offset);
	ssize_t (*pwrite)(int fd, const void *buffer, size_t size_bytes, off_t offset);
	ssize_t (*pread_resident)(int fd, void *buffer, size_t size_bytes,
				  off_t offset); /* RWF_NOWAIT */
	ssize_t (*sendfile)(int out, int in, off_t *offset, size_t size_bytes);
	ssize_t (*splice)(int in, off_t *in_offset, int out, off_t *out_offset, size_t size_bytes,
			  unsigned flags);
	ssize_t (*copy_file_range)(int from, off_t from_offset, int to, off_t to_offset,
				   size_t size_bytes);
	int (*clone)(int to, int from); /* FICLONE: the whole file, by sharing its blocks */
	int (*fallocate)(int fd, int mode, off_t offset, off_t size_bytes);
	int (*ftruncate)(int fd, off_t size_bytes);
	int (*fsync)(int fd);
	int (*flock)(int fd, int operation);
	/* F_OFD_SETLK of length octets: for others to read or, where fd is for writing, for none.
	 * -EAGAIN: they are locked. */
	int (*lock_range)(int fd, off_t start, off_t length);
	int (*fdatasync)(int fd);
	int (*write_back)(int fd); /* sync_file_range(2): the pages alone, all of them */
	off_t (*seek)(int fd, off_t offset, int whence); /* lseek(2): SEEK_DATA, SEEK_HOLE */
	ssize_t (*getxattr)(int fd, const char *name, void *value, size_t size_bytes);
	int (*setxattr)(int fd, const char *name, const void *value, size_t size_bytes);

	/* Sockets. */
	int (*socket)(int family, int type, int protocol);
	int (*accept)(int listener, struct sockaddr *ret_peer, socklen_t *length, int flags);
	int (*connect)(int fd, const struct sockaddr *address, socklen_t length);
	ssize_t (*recv)(int fd, void *buffer, size_t size_bytes, int flags);
	ssize_t (*send)(int fd, const void *buffer, size_t size_bytes, int flags);
	int (*shutdown)(int fd, int how);

	/* Asked before an operation is handed to the ring or a job thread: 0 lets it go on, a
	 * negative errno takes the place of its result. name is the operation's, as "openat2". */
	int (*operation)(const char *name);
};

extern const struct calls calls_real;
extern const struct calls *calls;

#endif
