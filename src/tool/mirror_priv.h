/*
 * What the files of a mirror share.
 */
#ifndef TOOL_MIRROR_PRIV_H
#define TOOL_MIRROR_PRIV_H

#include "base/list.h"
#include "tool/mirror.h"
#include "tool/mirror_local.h"

/* The entries of a folder of the server. */
struct mirror_entry {
	size_t name; /* offsets in text */
	size_t target;
	int64_t size_bytes;
	int64_t modified_s;
	int mode;
	enum sluice_kind kind;
	bool time_is_exact;
	bool matched;  /* the other side has it too */
	bool in_doubt; /* a folder, or a link to one */
};

struct mirror_entries {
	struct mirror_entry *at;
	size_t count;
	size_t size;
	char *text;
	size_t text_bytes;
	size_t text_size;
	size_t *bytes;	 /* what all the mirror's entries take */
	bool links_seen; /* with their targets */
	int error;	 /* -ENOMEM, -E2BIG: not all are here */
};

/* bytes counts what this one and others take together. */
void mirror_entries_init(struct mirror_entries *entries, size_t *bytes);
void mirror_entries_clear(struct mirror_entries *entries);
void mirror_entries_free(struct mirror_entries *entries);
void mirror_entries_add(struct mirror_entries *entries, const struct sluice_entry *entry);

/* Makes mirror_entries_find possible. */
void mirror_entries_sort(struct mirror_entries *entries);
struct mirror_entry *mirror_entries_find(const struct mirror_entries *entries, const char *name);
const char *mirror_entry_name(const struct mirror_entries *entries,
			      const struct mirror_entry *entry);
const char *mirror_entry_target(const struct mirror_entries *entries,
				const struct mirror_entry *entry);

/* By how many seconds a time of a listing may be too early, as far as it tells: LIST has minutes, and of
 * what is older than half a year, days. */
int64_t mirror_time_slack_s(const struct mirror_entry *entry, int64_t now_s);

/* Whether a time of a listing and a local one are the same, as far as the listing tells. */
bool mirror_same_time(const struct mirror_entry *entry, int64_t local_s, int64_t now_s);

enum mirror_task_kind { MIRROR_FOLDER, MIRROR_FILE, MIRROR_REMOVE_FILE, MIRROR_REMOVE_FOLDER };

/* A folder of the server that goes once all that was in it is gone. */
struct mirror_removal {
	struct list link; /* of all there are, until the end */
	struct mirror_removal *parent;
	struct mirror_task *then; /* what takes its name, or NULL */
	size_t remaining;	  /* names in it, and one until its listing is done */
	char path[];
};

struct mirror_task {
	struct list link;
	enum mirror_task_kind kind;
	unsigned tries;
	int64_t size_bytes; /* of the model's file */
	int64_t modified_s;
	int64_t part_bytes; /* up: what an earlier run has stored already, or 0 */
	int mode;
	bool compares; /* by hash, before it moves: its size is that of the other side */
	bool time_is_exact;
	bool is_new;   /* up: a folder that the server does not have, or a file in one */
	bool replaces; /* up: a folder whose name a file or link has there, which goes first */
	bool keeps;    /* up: a folder that is perhaps behind a link: nothing in it is deleted */
	struct mirror_removal *removal; /* whose name this is, or that is to be listed */
	char path[];
};

struct mirror;

struct mirror_worker {
	struct mirror *mirror;
	unsigned index;
	struct sluice_session *session; /* NULL: none */
	struct mirror_task *task;	/* under way */
	unsigned failures;		/* openings in a row */
	bool was_open; /* it has had a session: it is opened again where that is lost */
	int fd;	       /* of the task's file, or -1 */
	uint32_t tag;
	bool hash_is_set;	/* by OPTS, in this session */
	bool plain_name;	/* up: the task's file is stored under its own name */
	bool plain_known;	/* up: plain_folder takes no name with a dot in front */
	bool folder_made;	/* up: the task's folder, by this run */
	bool no_all;		/* its session's server does not know LIST -a */
	sluice_done_fn *listed; /* after LIST -a, of the entries */
	void (*links_known)(struct mirror_worker *worker);
	const struct mirror_plain *plain; /* what LIST is under way for */
	bool plain_all;			  /* which tells all names */
	char mode;			  /* of its session */
	struct mirror_entries entries;
	struct mirror_entries links; /* down: of the same folder, by LIST */
	size_t links_listed;	     /* the names of that LIST */
	void (*compared)(struct mirror_worker *worker, bool same);
	char remote[SLUICE_ARGUMENT_MAX];
	char remote_part[SLUICE_ARGUMENT_MAX];
	char plain_folder[SLUICE_ARGUMENT_MAX];
	char back[SLUICE_ARGUMENT_MAX]; /* from the folder that is listed from within, or "" */
	struct { /* up: of a file, while what is left of it goes, or of a list, on the way back */
		int error;
		int code;
		char text[512]; /* cut if longer */
	} refusal;
};

struct mirror {
	struct sluice_client *client;
	const struct mirror_options *options;
	struct mirror_local local;
	struct list files; /* tasks that move or remove */
	struct list folders;
	struct list removals;
	size_t tasks_count;
	size_t tasks_bytes;
	size_t entries_bytes;
	int64_t now_s;
	bool ended;
	bool counted; /* no more files will be found, which has been told */
	struct mirror_counts counts;
	struct mirror_worker workers[MIRROR_SESSIONS_MAX];
};

/* mirror.c */

/* Puts a task at the end of its list. */
void mirror_queue(struct mirror *mirror, struct mirror_task *task);

/* Words of our own about what has failed. */
void mirror_refuse(struct mirror_worker *worker, const char *path, const char *why);

/* A new task, at the end of its list. NULL: no memory, or too many; it is counted as failed. */
struct mirror_task *mirror_add(struct mirror *mirror, enum mirror_task_kind kind,
			       const char *folder, const char *name);

/* "folder/name" into ret_path[MIRROR_PATH_MAX]; -ENAMETOOLONG, or -ELOOP beyond the depth. */
int mirror_join(const char *folder, const char *name, char *ret_path);

/* The path as the server knows it, into the worker's buffers. 0 or -ENAMETOOLONG. */
int mirror_name_remote(struct mirror_worker *worker, const char *path);

void mirror_say(struct mirror_worker *worker, enum mirror_event event, const char *path,
		uint64_t bytes, const char *why);
void mirror_fail(struct mirror_worker *worker, const char *path, int error);

/* The worker's task is over, failed or not: its file is closed, and the next one is begun. */
void mirror_task_done(struct mirror_worker *worker);

/* The same after an errand that failed: said, or taken up again if the connection was lost
 * or the refusal is a transient one. */
void mirror_task_failed(struct mirror_worker *worker, const struct sluice_outcome *outcome);

/* For those who show progress: a task is a file that will move; the worker's has begun to. */
void mirror_tell_found(const struct mirror *mirror, const struct mirror_task *task);
void mirror_tell_begun(const struct mirror_worker *worker, int64_t offset);

/* Lists the worker's folder into its entries, with the names that have a dot in front: where there is no
 * MLSD, servers leave these out unless LIST has -a, which is no standard, so that what is refused or empty
 * is listed without. Returns as sluice_list does. */
int mirror_list(struct mirror_worker *worker, sluice_done_fn *done);

/* Adds one of a listing, which is given up where there is no room for it. */
void mirror_collect(struct mirror_worker *worker, struct mirror_entries *entries,
		    const struct sluice_entry *entry);

/* Collects the entries of a listing. */
void mirror_on_entry(void *context, const struct sluice_entry *entry);
void mirror_on_progress(void *context, uint64_t bytes);

/* mirror_plain.c */

/* What LIST of a folder is wanted for. */
struct mirror_plain {
	void (*line)(void *worker, const struct sluice_entry *line);
	bool (*lacks)(const struct mirror_worker *worker); /* what LIST -a has not told */
	bool by_path; /* where there is no way into the folder LIST is asked for its path */
	void (*done)(struct mirror_worker *worker, const struct sluice_outcome *outcome);
};

/* Begins LIST of the worker's folder, whatever its name; all: with the names that have a dot in front, where
 * LIST -a tells them. Returns 0, and done is called, perhaps at once, unless the task has failed; or a negative
 * errno. */
int mirror_plain_list(struct mirror_worker *worker, const struct mirror_plain *plain, bool all);

/* For good: the server does not tell. */
bool mirror_plain_refused(const struct sluice_outcome *outcome);

/* mirror_links.c */

/* Learns which folders among the worker's entries are links, and calls known, perhaps at once: those become
 * entries of that kind, and what the server does not tell is in doubt. What fails for now fails the task. */
void mirror_links_learn(struct mirror_worker *worker, void (*known)(struct mirror_worker *worker));
bool mirror_links_in_doubt(const struct mirror_worker *worker);

/* mirror_hash.c */

/* Whether hashes decide about a file of equal size whose time at the server is this: with --by=hash, or
 * where there is no time, and the server tells hashes. */
bool mirror_hash_decides(const struct mirror_worker *worker, int64_t modified_s);

/* Compares the worker's file (fd, open for reading) with the server's. Returns 0, and compared is called
 * later; or a negative errno. An error that the server may mend later is told as the task's. */
int mirror_hash_begin(struct mirror_worker *worker,
		      void (*compared)(struct mirror_worker *worker, bool same));

/* How a file moves from an offset on: in MODE B and C no number tells where to begin. */
struct sluice_representation mirror_representation(const struct mirror_worker *worker,
						   int64_t offset);

/* Begins the worker's task: 0 when an errand is under way, 1 if it is done already, -errno if it
 * cannot be done. */
int mirror_down_begin(struct mirror_worker *worker);
int mirror_up_begin(struct mirror_worker *worker);

/* The same of a file that goes up (mirror_store.c). */
int mirror_store_begin(struct mirror_worker *worker);

#endif
