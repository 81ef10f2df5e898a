/*
 * Paths become descriptors here, beneath a root and never outside it (openat2 with
 * RESOLVE_IN_ROOT). A "..", met while anything at all is renamed or mounted, makes the kernel give
 * such a walk up with EAGAIN, since it can no longer tell what is beneath; the walk is then simply
 * begun again, a few times.
 *
 * Thread:    any; these calls block.
 * Ownership: a descriptor that is returned is the caller's.
 */
#ifndef FS_RESOLVE_H
#define FS_RESOLVE_H

#include <linux/openat2.h>
#include <sys/types.h>

#define RESOLVE_FLAGS (RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS)

/* How often a walk is begun before its -EAGAIN is told. */
#define RESOLVE_TRIES_MAX 8

/* Opens path with open(2) flags (O_CLOEXEC is added; mode is for O_CREAT, else 0). Returns a
 * descriptor or a negative errno. */
int resolve_open(int root, const char *path, int flags, mode_t mode);

#endif
