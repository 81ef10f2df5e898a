/*
 * A mirror: one folder tree made like another, down from a server or up to it, by several sessions
 * at once. Only what differs in size or time moves, or in size or hash; what moves appears whole under
 * its name.
 *
 * Work is a list of tasks: folders to be compared, files to be moved, names to be removed. Each
 * session takes the next task when it is free; comparing a folder makes further tasks. Files go
 * before folders, so that the list stays as short as the tree allows. A task whose connection is
 * lost, or that the server cannot do now (4yz), is taken up again, by this session, another or a
 * new one, MIRROR_TRIES times.
 *
 *   mirror.c          tasks, sessions, the beginning and the end
 *   mirror_down.c     what a task means when the server's tree is the model
 *   mirror_up.c       when the local tree is
 *   mirror_store.c    how one of its files goes up
 *   mirror_entries.c  the entries of a folder of the server, by name
 *   mirror_plain.c    LIST of such a folder, for what MLSD does not tell
 *   mirror_links.c    which of its folders are links
 *   mirror_local.c    the local tree
 *   mirror_hash.c     whether a file of equal size is the same
 *
 * Thread:    one, the client's. Ownership: mirror_run owns all that it makes.
 */
#ifndef TOOL_MIRROR_H
#define TOOL_MIRROR_H

#include <sluice/client.h>

#define MIRROR_SESSIONS_MAX 64
#define MIRROR_TASKS_MAX 4000000 /* waiting; a tree with more is refused: -E2BIG */
#define MIRROR_TASKS_BYTES_MAX (1UL << 30)
#define MIRROR_ENTRIES_MAX 4000000	     /* of one folder: -E2BIG */
#define MIRROR_ENTRIES_BYTES_MAX (1UL << 29) /* of all that are being compared at one time */
#define MIRROR_TRIES 3

enum mirror_event {
	MIRROR_FETCHED,
	MIRROR_STORED,
	MIRROR_MADE,	 /* a folder */
	MIRROR_LINKED,	 /* a symbolic link */
	MIRROR_REMOVED,	 /* by --delete */
	MIRROR_SKIPPED,	 /* why says why, e.g. a link that FTP cannot make */
	MIRROR_FAILED,	 /* why says why */
	MIRROR_BROKEN,	 /* the server breaks the protocol; why is what both sides said last */
	MIRROR_PROGRESS, /* of a file that moves: bytes so far */
};

struct mirror_options {
	const struct sluice_target *target;
	const char *remote; /* path of the server's folder; "" is the one after the login */
	const char *local;
	bool up;
	bool remove; /* --delete: what the model does not have */
	bool dry_run;
	bool by_hash;  /* --by=hash: files of equal size are compared by it, whatever their times */
	bool compress; /* MODE Z where the server offers it */
	char mode;     /* of files and listings; 0: S */
	unsigned sessions;
	/* path is relative to the mirrored folder; session counts from 0. */
	void (*say)(void *context, enum mirror_event event, unsigned session, const char *path,
		    uint64_t bytes, const char *why);
	/* A file is to move, has begun to (where, behind what there is already), or does not any more, moved
	 * or not; and no more files will be found. Each may be NULL. */
	void (*found)(void *context, int64_t size_bytes);
	void (*begun)(void *context, unsigned session, const char *path, int64_t size_bytes,
		      int64_t offset);
	void (*ended)(void *context, unsigned session);
	void (*counted)(void *context);
	void *context;
};

struct mirror_counts {
	uint64_t moved; /* files */
	uint64_t moved_bytes;
	uint64_t kept; /* files that were the same */
	uint64_t folders;
	uint64_t links;
	uint64_t removed;
	uint64_t skipped;
	uint64_t failed;
	/* What kept the whole from beginning: of the local folder, or of the first login. */
	int error;
	int code; /* of the server's reply, or 0 */
	bool local;
	char why[512];
};

/* Runs client until the mirror is done. Returns 0, or counts->error. */
int mirror_run(struct sluice_client *client, const struct mirror_options *options,
	       struct mirror_counts *ret_counts);

#endif
