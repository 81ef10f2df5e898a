/*
 * A table of calls that fail on demand: linked into sluiced it makes sluiced-faults, a server
 * whose n-th call of a kind fails, is cut short or comes late. Which, is said before the start by
 *
 *   SLUICE_FAULT=KIND:N:WHAT,...   KIND: a name of kinds[] below; N: which call, or * for each;
 *                                  WHAT: an errno name, "short" (one byte) or "late" (20 ms)
 *
 * and while it runs through the file that SLUICE_FAULT_TABLE names: an array of struct fault that
 * the server makes and shares. A test reads there how many calls there were and arms the next,
 * and how many bytes the ring has brought into memory or taken from it.
 *
 * Thread:    any; the counters are atomic, the rest is written by the test between dialogues.
 * Ownership: the table lives as long as the process. Only the server process has faults: its
 *            supervisor (no SLUICE_CHANNEL in its environment) works as ever.
 */
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "ring/op.h"
#include "sys/calls.h"

#define LATE_MS 20
#define EACH_CALL UINT32_MAX

enum kind {
	ALLOCATE,
	OPENAT2,
	STATX,
	UNLINKAT,
	RENAMEAT2,
	LINKAT,
	SYMLINKAT,
	MKDIRAT,
	GETDENTS,
	READLINKAT,
	MAY_WRITE,
	UTIMENSAT,
	FCHMODAT,
	FCHOWNAT,
	FSTATVFS,
	CLOSE,
	PREAD,
	PWRITE,
	PREAD_RESIDENT,
	SENDFILE,
	SPLICE,
	COPY_FILE_RANGE,
	CLONE,
	FALLOCATE,
	FTRUNCATE,
	FSYNC,
	FLOCK,
	LOCK_RANGE,
	FDATASYNC,
	WRITE_BACK,
	SEEK,
	GETXATTR,
	SETXATTR,
	SOCKET,
	ACCEPT,
	CONNECT,
	RECV,
	SEND,
	SHUTDOWN,
	MEMFD_CREATE,
	INOTIFY_INIT,
	INOTIFY_ADD_WATCH,
	INOTIFY_RM_WATCH,
	READ,
	RING_FIRST, /* operations, before the ring or a job thread gets them */
	KINDS = RING_FIRST + 14,
};

static const char *const kinds[KINDS] = {
	[ALLOCATE] = "allocate",
	[OPENAT2] = "openat2",
	[STATX] = "statx",
	[UNLINKAT] = "unlinkat",
	[RENAMEAT2] = "renameat2",
	[LINKAT] = "linkat",
	[SYMLINKAT] = "symlinkat",
	[MKDIRAT] = "mkdirat",
	[GETDENTS] = "getdents",
	[READLINKAT] = "readlinkat",
	[MAY_WRITE] = "may_write",
	[UTIMENSAT] = "utimensat",
	[FCHMODAT] = "fchmodat",
	[FCHOWNAT] = "fchownat",
	[FSTATVFS] = "fstatvfs",
	[CLOSE] = "close",
	[PREAD] = "pread",
	[PWRITE] = "pwrite",
	[PREAD_RESIDENT] = "pread_resident",
	[SENDFILE] = "sendfile",
	[SPLICE] = "splice",
	[COPY_FILE_RANGE] = "copy_file_range",
	[CLONE] = "clone",
	[FALLOCATE] = "fallocate",
	[FTRUNCATE] = "ftruncate",
	[FSYNC] = "fsync",
	[FLOCK] = "flock",
	[LOCK_RANGE] = "lock_range",
	[FDATASYNC] = "fdatasync",
	[WRITE_BACK] = "write_back",
	[SEEK] = "seek",
	[GETXATTR] = "getxattr",
	[SETXATTR] = "setxattr",
	[SOCKET] = "socket",
	[ACCEPT] = "accept",
	[CONNECT] = "connect",
	[RECV] = "recv",
	[SEND] = "send",
	[SHUTDOWN] = "shutdown",
	[MEMFD_CREATE] = "memfd_create",
	[INOTIFY_INIT] = "inotify_init",
	[INOTIFY_ADD_WATCH] = "inotify_add_watch",
	[INOTIFY_RM_WATCH] = "inotify_rm_watch",
	[READ] = "read",
	[RING_FIRST + 0] = "ring.accept",
	[RING_FIRST + 1] = "ring.recv",
	[RING_FIRST + 2] = "ring.send",
	[RING_FIRST + 3] = "ring.poll",
	[RING_FIRST + 4] = "ring.openat2",
	[RING_FIRST + 5] = "ring.statx",
	[RING_FIRST + 6] = "ring.close",
	[RING_FIRST + 7] = "ring.unlinkat",
	[RING_FIRST + 8] = "ring.renameat2",
	[RING_FIRST + 9] = "ring.mkdirat",
	[RING_FIRST + 10] = "ring.pread",
	[RING_FIRST + 11] = "ring.pwrite",
	[RING_FIRST + 12] = "ring.splice",
	[RING_FIRST + 13] = "ring.job",
};

enum action { ACTION_NONE, ACTION_FAIL, ACTION_SHORT, ACTION_LATE };

struct fault {
	char name[24];
	atomic_uint calls; /* so far */
	atomic_uint at;	   /* which of them is met by the action; 0: none */
	uint32_t action;
	int32_t error;	     /* ACTION_FAIL: negative errno */
	atomic_ullong bytes; /* of ring operations: what their completions say */
};

static struct fault private_faults[KINDS];
static struct fault *faults = private_faults;

/* Counts a call. Returns 0, perhaps after a while and with less left of size_bytes (which may be
 * NULL), or the negative errno that takes the place of its result. */
static int fault_meet(enum kind kind, size_t *size_bytes)
{
	static const struct timespec late = { .tv_nsec = LATE_MS * 1000000L };
	struct fault *fault = &faults[kind];
	unsigned number = atomic_fetch_add(&fault->calls, 1) + 1;
	unsigned at = atomic_load(&fault->at);

	if (at != number && at != EACH_CALL)
		return 0;
	if (fault->action == ACTION_FAIL)
		return fault->error;
	if (fault->action == ACTION_SHORT && size_bytes && *size_bytes > 1)
		*size_bytes = 1;
	if (fault->action == ACTION_LATE)
		nanosleep(&late, NULL);
	return 0;
}

static void *faulty_allocate(size_t size_bytes)
{
	return fault_meet(ALLOCATE, NULL) < 0 ? NULL : calls_real.allocate(size_bytes);
}

static int faulty_openat2(int folder, const char *path, const struct open_how *how)
{
	int r = fault_meet(OPENAT2, NULL);

	return r < 0 ? r : calls_real.openat2(folder, path, how);
}

static int faulty_statx(int folder, const char *path, int flags, unsigned mask,
			struct statx *ret_stat)
{
	int r = fault_meet(STATX, NULL);

	return r < 0 ? r : calls_real.statx(folder, path, flags, mask, ret_stat);
}

static int faulty_unlinkat(int folder, const char *name, int flags)
{
	int r = fault_meet(UNLINKAT, NULL);

	return r < 0 ? r : calls_real.unlinkat(folder, name, flags);
}

static int faulty_renameat2(int from, const char *old, int to, const char *new, unsigned flags)
{
	int r = fault_meet(RENAMEAT2, NULL);

	return r < 0 ? r : calls_real.renameat2(from, old, to, new, flags);
}

static int faulty_linkat(int from, const char *old, int to, const char *new, int flags)
{
	int r = fault_meet(LINKAT, NULL);

	return r < 0 ? r : calls_real.linkat(from, old, to, new, flags);
}

static int faulty_symlinkat(const char *target, int folder, const char *name)
{
	int r = fault_meet(SYMLINKAT, NULL);

	return r < 0 ? r : calls_real.symlinkat(target, folder, name);
}

static int faulty_mkdirat(int folder, const char *name, mode_t mode)
{
	int r = fault_meet(MKDIRAT, NULL);

	return r < 0 ? r : calls_real.mkdirat(folder, name, mode);
}

static ssize_t faulty_getdents(int folder, void *buffer, size_t size_bytes)
{
	int r = fault_meet(GETDENTS, NULL);

	return r < 0 ? r : calls_real.getdents(folder, buffer, size_bytes);
}

static ssize_t faulty_readlinkat(int folder, const char *name, char *buffer, size_t size_bytes)
{
	int r = fault_meet(READLINKAT, NULL);

	return r < 0 ? r : calls_real.readlinkat(folder, name, buffer, size_bytes);
}

static int faulty_may_write(int folder)
{
	int r = fault_meet(MAY_WRITE, NULL);

	return r < 0 ? r : calls_real.may_write(folder);
}

static int faulty_utimensat(int folder, const char *path, const struct timespec *times, int flags)
{
	int r = fault_meet(UTIMENSAT, NULL);

	return r < 0 ? r : calls_real.utimensat(folder, path, times, flags);
}

static int faulty_fchmodat(int folder, const char *path, mode_t mode)
{
	int r = fault_meet(FCHMODAT, NULL);

	return r < 0 ? r : calls_real.fchmodat(folder, path, mode);
}

static int faulty_fchownat(int folder, const char *path, uid_t uid, gid_t gid, int flags)
{
	int r = fault_meet(FCHOWNAT, NULL);

	return r < 0 ? r : calls_real.fchownat(folder, path, uid, gid, flags);
}

static int faulty_fstatvfs(int fd, struct statvfs *ret_disk)
{
	int r = fault_meet(FSTATVFS, NULL);

	return r < 0 ? r : calls_real.fstatvfs(fd, ret_disk);
}

/* As on Linux: the descriptor is closed, whatever close(2) says. */
static int faulty_close(int fd)
{
	int r = fault_meet(CLOSE, NULL);
	int closed = calls_real.close(fd);

	return r < 0 ? r : closed;
}

static ssize_t faulty_pread(int fd, void *buffer, size_t size_bytes, off_t offset)
{
	int r = fault_meet(PREAD, &size_bytes);

	return r < 0 ? r : calls_real.pread(fd, buffer, size_bytes, offset);
}

static ssize_t faulty_pwrite(int fd, const void *buffer, size_t size_bytes, off_t offset)
{
	int r = fault_meet(PWRITE, &size_bytes);

	return r < 0 ? r : calls_real.pwrite(fd, buffer, size_bytes, offset);
}

static ssize_t faulty_pread_resident(int fd, void *buffer, size_t size_bytes, off_t offset)
{
	int r = fault_meet(PREAD_RESIDENT, &size_bytes);

	return r < 0 ? r : calls_real.pread_resident(fd, buffer, size_bytes, offset);
}

static ssize_t faulty_sendfile(int out, int in, off_t *offset, size_t size_bytes)
{
	int r = fault_meet(SENDFILE, &size_bytes);

	return r < 0 ? r : calls_real.sendfile(out, in, offset, size_bytes);
}

static ssize_t faulty_splice(int in, off_t *in_offset, int out, off_t *out_offset,
			     size_t size_bytes, unsigned flags)
{
	int r = fault_meet(SPLICE, &size_bytes);

	return r < 0 ? r : calls_real.splice(in, in_offset, out, out_offset, size_bytes, flags);
}

static ssize_t faulty_copy_file_range(int from, off_t from_offset, int to, off_t to_offset,
				      size_t size_bytes)
{
	int r = fault_meet(COPY_FILE_RANGE, &size_bytes);

	return r < 0 ? r : calls_real.copy_file_range(from, from_offset, to, to_offset, size_bytes);
}

static int faulty_clone(int to, int from)
{
	int r = fault_meet(CLONE, NULL);

	return r < 0 ? r : calls_real.clone(to, from);
}

static int faulty_fallocate(int fd, int mode, off_t offset, off_t size_bytes)
{
	int r = fault_meet(FALLOCATE, NULL);

	return r < 0 ? r : calls_real.fallocate(fd, mode, offset, size_bytes);
}

static int faulty_ftruncate(int fd, off_t size_bytes)
{
	int r = fault_meet(FTRUNCATE, NULL);

	return r < 0 ? r : calls_real.ftruncate(fd, size_bytes);
}

static int faulty_lock_range(int fd, off_t start, off_t length)
{
	int r = fault_meet(LOCK_RANGE, NULL);

	return r < 0 ? r : calls_real.lock_range(fd, start, length);
}

static int faulty_flock(int fd, int operation)
{
	int r = fault_meet(FLOCK, NULL);

	return r < 0 ? r : calls_real.flock(fd, operation);
}

static int faulty_fsync(int fd)
{
	int r = fault_meet(FSYNC, NULL);

	return r < 0 ? r : calls_real.fsync(fd);
}

static int faulty_fdatasync(int fd)
{
	int r = fault_meet(FDATASYNC, NULL);

	return r < 0 ? r : calls_real.fdatasync(fd);
}

static int faulty_write_back(int fd)
{
	int r = fault_meet(WRITE_BACK, NULL);

	return r < 0 ? r : calls_real.write_back(fd);
}

static off_t faulty_seek(int fd, off_t offset, int whence)
{
	int r = fault_meet(SEEK, NULL);

	return r < 0 ? r : calls_real.seek(fd, offset, whence);
}

static ssize_t faulty_getxattr(int fd, const char *name, void *value, size_t size_bytes)
{
	int r = fault_meet(GETXATTR, NULL);

	return r < 0 ? r : calls_real.getxattr(fd, name, value, size_bytes);
}

static int faulty_setxattr(int fd, const char *name, const void *value, size_t size_bytes)
{
	int r = fault_meet(SETXATTR, NULL);

	return r < 0 ? r : calls_real.setxattr(fd, name, value, size_bytes);
}

static int faulty_socket(int family, int type, int protocol)
{
	int r = fault_meet(SOCKET, NULL);

	return r < 0 ? r : calls_real.socket(family, type, protocol);
}

static int faulty_accept(int listener, struct sockaddr *ret_peer, socklen_t *length, int flags)
{
	int r = fault_meet(ACCEPT, NULL);

	return r < 0 ? r : calls_real.accept(listener, ret_peer, length, flags);
}

static int faulty_connect(int fd, const struct sockaddr *address, socklen_t length)
{
	int r = fault_meet(CONNECT, NULL);

	return r < 0 ? r : calls_real.connect(fd, address, length);
}

static ssize_t faulty_recv(int fd, void *buffer, size_t size_bytes, int flags)
{
	int r = fault_meet(RECV, &size_bytes);

	return r < 0 ? r : calls_real.recv(fd, buffer, size_bytes, flags);
}

static ssize_t faulty_send(int fd, const void *buffer, size_t size_bytes, int flags)
{
	int r = fault_meet(SEND, &size_bytes);

	return r < 0 ? r : calls_real.send(fd, buffer, size_bytes, flags);
}

static int faulty_shutdown(int fd, int how)
{
	int r = fault_meet(SHUTDOWN, NULL);

	return r < 0 ? r : calls_real.shutdown(fd, how);
}

static int faulty_memfd_create(const char *name, unsigned flags)
{
	int r = fault_meet(MEMFD_CREATE, NULL);

	return r < 0 ? r : calls_real.memfd_create(name, flags);
}

static int faulty_inotify_init(int flags)
{
	int r = fault_meet(INOTIFY_INIT, NULL);

	return r < 0 ? r : calls_real.inotify_init(flags);
}

static int faulty_inotify_add_watch(int fd, const char *path, uint32_t mask)
{
	int r = fault_meet(INOTIFY_ADD_WATCH, NULL);

	return r < 0 ? r : calls_real.inotify_add_watch(fd, path, mask);
}

static int faulty_inotify_rm_watch(int fd, int number)
{
	int r = fault_meet(INOTIFY_RM_WATCH, NULL);

	return r < 0 ? r : calls_real.inotify_rm_watch(fd, number);
}

/* Never cut short: of inotify(7), less than an event is an error. */
static ssize_t faulty_read(int fd, void *buffer, size_t size_bytes)
{
	int r = fault_meet(READ, NULL);

	return r < 0 ? r : calls_real.read(fd, buffer, size_bytes);
}

/* The kind of a ring operation, or KINDS. */
static enum kind kind_of_operation(const char *name)
{
	enum kind kind = RING_FIRST;

	while (kind < KINDS && strcmp(kinds[kind] + strlen("ring."), name) != 0)
		kind++;
	return kind;
}

static int faulty_operation(const char *name)
{
	enum kind kind = kind_of_operation(name);

	return kind < KINDS ? fault_meet(kind, NULL) : 0;
}

static void bytes_count(const struct io_uring_cqe *cqe)
{
	const struct op *op = io_uring_cqe_get_data(cqe);
	bool in_memory = op && (op->kind == OP_RECEIVE || op->kind == OP_SEND ||
				op->kind == OP_READ || op->kind == OP_WRITE);

	if (in_memory && cqe->res > 0)
		atomic_fetch_add(&faults[kind_of_operation(op_name(op->kind))].bytes,
				 (unsigned)cqe->res);
}

unsigned __real_io_uring_peek_batch_cqe(struct io_uring *ring, struct io_uring_cqe **cqes,
					unsigned count);
unsigned __wrap_io_uring_peek_batch_cqe(struct io_uring *ring, struct io_uring_cqe **cqes,
					unsigned count);

/* The linker lets the ring take its completions here (--wrap): no system call shows them, and no
 * entry of the table sees what a receive without end has brought. */
unsigned __wrap_io_uring_peek_batch_cqe(struct io_uring *ring, struct io_uring_cqe **cqes,
					unsigned count)
{
	count = __real_io_uring_peek_batch_cqe(ring, cqes, count);
	for (unsigned i = 0; i < count; i++)
		bytes_count(cqes[i]);
	return count;
}

static const struct calls calls_faulty = {
	.allocate = faulty_allocate,
	.openat2 = faulty_openat2,
	.statx = faulty_statx,
	.unlinkat = faulty_unlinkat,
	.renameat2 = faulty_renameat2,
	.linkat = faulty_linkat,
	.symlinkat = faulty_symlinkat,
	.mkdirat = faulty_mkdirat,
	.getdents = faulty_getdents,
	.readlinkat = faulty_readlinkat,
	.may_write = faulty_may_write,
	.utimensat = faulty_utimensat,
	.fchmodat = faulty_fchmodat,
	.fchownat = faulty_fchownat,
	.fstatvfs = faulty_fstatvfs,
	.close = faulty_close,
	.pread = faulty_pread,
	.pwrite = faulty_pwrite,
	.pread_resident = faulty_pread_resident,
	.sendfile = faulty_sendfile,
	.splice = faulty_splice,
	.copy_file_range = faulty_copy_file_range,
	.clone = faulty_clone,
	.fallocate = faulty_fallocate,
	.ftruncate = faulty_ftruncate,
	.fsync = faulty_fsync,
	.flock = faulty_flock,
	.lock_range = faulty_lock_range,
	.fdatasync = faulty_fdatasync,
	.write_back = faulty_write_back,
	.seek = faulty_seek,
	.getxattr = faulty_getxattr,
	.setxattr = faulty_setxattr,
	.socket = faulty_socket,
	.accept = faulty_accept,
	.connect = faulty_connect,
	.recv = faulty_recv,
	.send = faulty_send,
	.shutdown = faulty_shutdown,
	.memfd_create = faulty_memfd_create,
	.inotify_init = faulty_inotify_init,
	.inotify_add_watch = faulty_inotify_add_watch,
	.inotify_rm_watch = faulty_inotify_rm_watch,
	.read = faulty_read,
	.operation = faulty_operation,
};

static _Noreturn void faults_refuse(const char *what, const char *why)
{
	fprintf(stderr, "sluiced-faults: %s: %s\n", what, why);
	exit(2);
}

static int errno_of_name(const char *name)
{
	for (int error = 1; error < 140; error++) {
		const char *known = strerrorname_np(error);

		if (known && strcmp(known, name) == 0)
			return error;
	}
	faults_refuse(name, "no name of an errno");
}

/* One KIND:N:WHAT of the environment. */
static void faults_arm(const char *kind, const char *number, const char *what)
{
	for (int i = 0; i < KINDS; i++) {
		struct fault *fault = &faults[i];

		if (strcmp(kinds[i], kind) != 0)
			continue;
		atomic_store(&fault->at, strcmp(number, "*") == 0
						 ? EACH_CALL
						 : (unsigned)strtoul(number, NULL, 10));
		fault->action = strcmp(what, "short") == 0  ? ACTION_SHORT
				: strcmp(what, "late") == 0 ? ACTION_LATE
							    : ACTION_FAIL;
		if (fault->action == ACTION_FAIL)
			fault->error = -errno_of_name(what);
		return;
	}
	faults_refuse(kind, "no kind of call");
}

static void faults_parse(char *text)
{
	char *rest = NULL;

	for (char *one = strtok_r(text, ",", &rest); one; one = strtok_r(NULL, ",", &rest)) {
		char *within = NULL;
		const char *kind = strtok_r(one, ":", &within);
		const char *number = strtok_r(NULL, ":", &within);
		const char *what = strtok_r(NULL, ":", &within);

		if (!kind || !number || !what)
			faults_refuse("SLUICE_FAULT", "KIND:N:WHAT,...");
		faults_arm(kind, number, what);
	}
}

static void faults_share(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	void *memory;

	if (fd < 0 || ftruncate(fd, sizeof(private_faults)) < 0)
		faults_refuse(path, strerror(errno));
	memory = mmap(NULL, sizeof(private_faults), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED)
		faults_refuse(path, strerror(errno));
	close(fd);
	faults = memory;
}

__attribute__((constructor)) static void faults_start(void)
{
	const char *table = getenv("SLUICE_FAULT_TABLE");
	const char *wanted = getenv("SLUICE_FAULT");
	char *copy;

	if (!getenv("SLUICE_CHANNEL"))
		return;
	if (table)
		faults_share(table);
	for (int i = 0; i < KINDS; i++)
		memcpy(faults[i].name, kinds[i], strlen(kinds[i]));
	copy = wanted ? strdup(wanted) : NULL;
	if (copy)
		faults_parse(copy);
	free(copy);
	calls = &calls_faulty;
}
