/*
 * What kind of disk a descriptor lies on, by the mount id of statx(2) and /proc/self/mountinfo:
 * asking the file system itself (statfs) would hang on one that never answers.
 *
 * Thread: any; a table of all mounts is searched without waiting. Once a second, at the next
 * question, poll(2) tells whether mounts changed (ids are used again), and the table is made anew
 * if so, or if the id is unknown. One descriptor of the file stays open.
 */
#ifndef FS_MOUNTS_H
#define FS_MOUNTS_H

#include <stdbool.h>
#include <stdint.h>

enum disk_kind {
	DISK_MEMORY, /* tmpfs, ramfs: never waits for anything */
	DISK_LOCAL,  /* waits for a disk, but what is cached is answered at once */
	DISK_REMOTE, /* FUSE, NFS, CIFS, 9p, Ceph, AFS, automounts and what is unknown: any call may hang */
	DISK_FORBIDDEN, /* procfs, sysfs, cgroupfs and the like: not served */
};

struct disk {
	uint64_t id; /* equal for mounts of one file system: its st_dev as mountinfo says */
	enum disk_kind kind;
	bool watchable; /* inotify(7) tells of what changes in it: local, and no overlay of others */
};

/* Never blocks on the file system. An id that cannot be found is DISK_REMOTE with id mount_id. */
struct disk mounts_find(uint64_t mount_id);

/* A descriptor of the caller's own of which poll(2) says POLLPRI, once each time that mounts have come
 * or gone since this call; or a negative errno. */
int mounts_open(void);

#endif
