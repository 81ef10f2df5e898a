#include "sys/calls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <unistd.h>

#define BUFFER_BYTES_MIN 65536
#define PAGE_BYTES ((size_t)4096)

/* A call's result, or the negative errno in its place. */
#define RESULT(call)                                            \
	({                                                      \
		__typeof__(call) result = (call);               \
		result < 0 ? (__typeof__(call))-errno : result; \
	})

/* Buffers begin with a page, as what is copied to them from the page cache does: some processors copy
 * a third slower where the two lie differently. */
static void *real_allocate(size_t size_bytes)
{
	if (size_bytes >= BUFFER_BYTES_MIN && size_bytes <= SIZE_MAX - PAGE_BYTES)
		return aligned_alloc(PAGE_BYTES,
				     (size_bytes + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES);
	return malloc(size_bytes);
}

static int real_openat2(int folder, const char *path, const struct open_how *how)
{
	return (int)RESULT(syscall(SYS_openat2, folder, path, how, sizeof(*how)));
}

static int real_statx(int folder, const char *path, int flags, unsigned mask,
		      struct statx *ret_stat)
{
	return RESULT(statx(folder, path, flags, mask, ret_stat));
}

static int real_unlinkat(int folder, const char *name, int flags)
{
	return RESULT(unlinkat(folder, name, flags));
}

static int real_renameat2(int from, const char *old, int to, const char *new, unsigned flags)
{
	return RESULT(renameat2(from, old, to, new, flags));
}

static int real_linkat(int from, const char *old, int to, const char *new, int flags)
{
	return RESULT(linkat(from, old, to, new, flags));
}

static int real_symlinkat(const char *target, int folder, const char *name)
{
	return RESULT(symlinkat(target, folder, name));
}

static int real_mkdirat(int folder, const char *name, mode_t mode)
{
	return RESULT(mkdirat(folder, name, mode));
}

static ssize_t real_getdents(int folder, void *buffer, size_t size_bytes)
{
	return RESULT(syscall(SYS_getdents64, folder, buffer, size_bytes));
}

static ssize_t real_readlinkat(int folder, const char *name, char *buffer, size_t size_bytes)
{
	return RESULT(readlinkat(folder, name, buffer, size_bytes));
}

static int real_may_write(int folder)
{
	return RESULT(faccessat(folder, ".", W_OK | X_OK, AT_EACCESS));
}

static int real_utimensat(int folder, const char *path, const struct timespec *times, int flags)
{
	return RESULT(utimensat(folder, path, times, flags));
}

static int real_fchmodat(int folder, const char *path, mode_t mode)
{
	return RESULT(fchmodat(folder, path, mode, 0));
}

static int real_fchownat(int folder, const char *path, uid_t uid, gid_t gid, int flags)
{
	return RESULT(fchownat(folder, path, uid, gid, flags));
}

static int real_fstatvfs(int fd, struct statvfs *ret_disk)
{
	return RESULT(fstatvfs(fd, ret_disk));
}

static int real_close(int fd)
{
	return RESULT(close(fd));
}

static int real_memfd_create(const char *name, unsigned flags)
{
	return RESULT(memfd_create(name, flags));
}

static int real_inotify_init(int flags)
{
	return RESULT(inotify_init1(flags));
}

static int real_inotify_add_watch(int fd, const char *path, uint32_t mask)
{
	return RESULT(inotify_add_watch(fd, path, mask));
}

static int real_inotify_rm_watch(int fd, int number)
{
	return RESULT(inotify_rm_watch(fd, number));
}

static ssize_t real_read(int fd, void *buffer, size_t size_bytes)
{
	return RESULT(read(fd, buffer, size_bytes));
}

static ssize_t real_pread(int fd, void *buffer, size_t size_bytes, off_t offset)
{
	return RESULT(pread(fd, buffer, size_bytes, offset));
}

static ssize_t real_pwrite(int fd, const void *buffer, size_t size_bytes, off_t offset)
{
	return RESULT(pwrite(fd, buffer, size_bytes, offset));
}

static ssize_t real_pread_resident(int fd, void *buffer, size_t size_bytes, off_t offset)
{
	struct iovec part = { buffer, size_bytes };

	return RESULT(preadv2(fd, &part, 1, offset, RWF_NOWAIT));
}

static ssize_t real_sendfile(int out, int in, off_t *offset, size_t size_bytes)
{
	return RESULT(sendfile(out, in, offset, size_bytes));
}

static ssize_t real_splice(int in, off_t *in_offset, int out, off_t *out_offset, size_t size_bytes,
			   unsigned flags)
{
	return RESULT(splice(in, in_offset, out, out_offset, size_bytes, flags));
}

static ssize_t real_copy_file_range(int from, off_t from_offset, int to, off_t to_offset,
				    size_t size_bytes)
{
	return RESULT(copy_file_range(from, &from_offset, to, &to_offset, size_bytes, 0));
}

static int real_clone(int to, int from)
{
	return RESULT(ioctl(to, FICLONE, from));
}

static int real_fallocate(int fd, int mode, off_t offset, off_t size_bytes)
{
	return RESULT(fallocate(fd, mode, offset, size_bytes));
}

static int real_ftruncate(int fd, off_t size_bytes)
{
	return RESULT(ftruncate(fd, size_bytes));
}

static off_t real_seek(int fd, off_t offset, int whence)
{
	return RESULT(lseek(fd, offset, whence));
}

static int real_lock_range(int fd, off_t start, off_t length)
{
	int flags = fcntl(fd, F_GETFL);
	struct flock lock = { .l_type = (flags & O_ACCMODE) == O_RDONLY ? F_RDLCK : F_WRLCK,
			      .l_whence = SEEK_SET,
			      .l_start = start,
			      .l_len = length };
	int r = RESULT(fcntl(fd, F_OFD_SETLK, &lock));

	return r == -EACCES ? -EAGAIN : r; /* POSIX leaves the choice */
}

static int real_flock(int fd, int operation)
{
	return RESULT(flock(fd, operation));
}

static int real_fsync(int fd)
{
	return RESULT(fsync(fd));
}

static int real_fdatasync(int fd)
{
	return RESULT(fdatasync(fd));
}

static int real_write_back(int fd)
{
	return RESULT(sync_file_range(fd, 0, 0,
				      SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
					      SYNC_FILE_RANGE_WAIT_AFTER));
}

static ssize_t real_getxattr(int fd, const char *name, void *value, size_t size_bytes)
{
	return RESULT(fgetxattr(fd, name, value, size_bytes));
}

static int real_setxattr(int fd, const char *name, const void *value, size_t size_bytes)
{
	return RESULT(fsetxattr(fd, name, value, size_bytes, 0));
}

static int real_socket(int family, int type, int protocol)
{
	return RESULT(socket(family, type, protocol));
}

static int real_accept(int listener, struct sockaddr *ret_peer, socklen_t *length, int flags)
{
	return RESULT(accept4(listener, ret_peer, length, flags));
}

static int real_connect(int fd, const struct sockaddr *address, socklen_t length)
{
	return RESULT(connect(fd, address, length));
}

static ssize_t real_recv(int fd, void *buffer, size_t size_bytes, int flags)
{
	return RESULT(recv(fd, buffer, size_bytes, flags));
}

static ssize_t real_send(int fd, const void *buffer, size_t size_bytes, int flags)
{
	return RESULT(send(fd, buffer, size_bytes, flags));
}

static int real_shutdown(int fd, int how)
{
	return RESULT(shutdown(fd, how));
}

static int real_operation(const char *name)
{
	(void)name;
	return 0;
}

const struct calls calls_real = {
	.allocate = real_allocate,
	.openat2 = real_openat2,
	.statx = real_statx,
	.unlinkat = real_unlinkat,
	.renameat2 = real_renameat2,
	.linkat = real_linkat,
	.symlinkat = real_symlinkat,
	.mkdirat = real_mkdirat,
	.getdents = real_getdents,
	.readlinkat = real_readlinkat,
	.may_write = real_may_write,
	.utimensat = real_utimensat,
	.fchmodat = real_fchmodat,
	.fchownat = real_fchownat,
	.fstatvfs = real_fstatvfs,
	.close = real_close,
	.memfd_create = real_memfd_create,
	.inotify_init = real_inotify_init,
	.inotify_add_watch = real_inotify_add_watch,
	.inotify_rm_watch = real_inotify_rm_watch,
	.read = real_read,
	.pread = real_pread,
	.pwrite = real_pwrite,
	.pread_resident = real_pread_resident,
	.sendfile = real_sendfile,
	.splice = real_splice,
	.copy_file_range = real_copy_file_range,
	.clone = real_clone,
	.fallocate = real_fallocate,
	.ftruncate = real_ftruncate,
	.fsync = real_fsync,
	.flock = real_flock,
	.lock_range = real_lock_range,
	.fdatasync = real_fdatasync,
	.write_back = real_write_back,
	.seek = real_seek,
	.getxattr = real_getxattr,
	.setxattr = real_setxattr,
	.socket = real_socket,
	.accept = real_accept,
	.connect = real_connect,
	.recv = real_recv,
	.send = real_send,
	.shutdown = real_shutdown,
	.operation = real_operation,
};

const struct calls *calls = &calls_real;
