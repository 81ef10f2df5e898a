/*
 * Paths become descriptors here, beneath a root and never outside it (openat2 with
 * RESOLVE_IN_ROOT). A "..", met while anything at all is renamed or mounted, makes the kernel give
 * such a walk up with EAGAIN, since it can no longer tell what is beneath; the walk is then simply
 * begun again, a few times.
 *
 * What is to be read or written is looked at first (O_PATH), and opened only if it is a regular
 * file: the open alone would let go who waits at a FIFO, or start a device. The open goes through
 * the look's descriptor, by its link in /proc/self/fd, so that nothing can come in between. Where
 * there is no /proc, the file is opened at once and looked at then.
 *
 * Thread:    any; these calls block.
 * Ownership: a descriptor that is returned is the caller's.
 */
#ifndef FS_RESOLVE_H
#define FS_RESOLVE_H

#include <linux/openat2.h>
#include <sys/types.h>

struct statx;

#define RESOLVE_FLAGS (RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS)

/* How often a walk is begun before its -EAGAIN is told. */
#define RESOLVE_TRIES_MAX 8

/* Opens path with open(2) flags (O_CLOEXEC is added; mode is for O_CREAT, else 0). Returns a
 * descriptor or a negative errno. */
int resolve_open(int root, const char *path, int flags, mode_t mode);

/* The same of a regular file that is there (no O_CREAT), with the errors of the next one. */
int resolve_open_file(int root, const char *path, int flags, struct statx *ret_stat);

/* Looks at an open descriptor (STATX_BASIC_STATS and STATX_MNT_ID) and whether it is a regular
 * file: -EISDIR, -ENXIO; -EACCES on procfs, sysfs and their like. */
int resolve_stat_file(int fd, struct statx *ret_stat);

/* Whether it is a regular file: 0, -EISDIR, or -ENXIO. */
int resolve_check_file(const struct statx *stat);

/* The folder /proc/self/fd, which stays open, or a negative errno. The name in it of what fd leads
 * to is fd as a number: opened with no RESOLVE flags, that is the second step. */
int resolve_own_files(void);

#define RESOLVE_NUMBER_BYTES 12
void resolve_number(int fd, char *ret_number);

#endif
