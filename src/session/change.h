/*
 * What a command changes on the disk in job threads, one piece of work after the other: SITE and
 * its commands, RMDA, COMB. Between two pieces other commands of the disk have their turn, and
 * ABOR and the end of the session are seen.
 *
 * Thread:    the worker's; work and finish run in a job thread, one at a time.
 * Ownership: embedded in the action of the command; state is freed with it.
 */
#ifndef SESSION_CHANGE_H
#define SESSION_CHANGE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct action;

struct change {
	/* The wish. Does a piece of the work. Returns 0 when all of it is done, -EINPROGRESS when
	 * more is left, or another negative errno. */
	int (*work)(struct action *action);
	/* Ends the work, in any case and once; result is work's, or -ECANCELED. Returns the result
	 * of the whole. NULL: there is nothing to end. */
	int (*finish)(struct action *action, int result);
	/* Answers, if not NULL: 0 or a negative errno. Else code and text do, or the error. */
	void (*answer)(struct action *action, int result);
	int code;
	const char *text;

	/* What work needs besides the action's path and other. */
	void *state; /* from calls->allocate */
	unsigned mode;
	gid_t group;
	int64_t accessed_s;
	int64_t modified_s;

	/* Within. */
	bool placed;	 /* the action's request.disk is where it waits */
	bool parts_stay; /* COMB: joined, but something is left */
	bool finished;
	int result;
};

/* Says that the change touches path too. It waits in one queue, that of a disk across a network if
 * any of the paths leads to one: what that hangs must hold no place of another disk. */
void session_change_touches(struct action *action, const char *path);

/* Begins the change of action->change, which touches action->path at least. */
void session_change_begin(struct action *action);

/* The same with ABOR and STAT answered meanwhile, as for a transfer: for what may take long. */
void session_change_begin_long(struct action *action);

#endif
