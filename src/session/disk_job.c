/*
 * A command's job that names or closes files, or reads one. It waits for its place in the queue of
 * the disk that it will ask, as every operation on names does (fs/tree.h): a file system that never
 * answers holds a few job threads and leaves the others to other disks.
 */
#include <errno.h>

#include "session/session_priv.h"

static void disk_job_done(struct op *op, int result)
{
	struct action *action = (struct action *)(void *)((char *)op - offsetof(struct action, op));

	queue_leave(action->queue);
	action->work_done(op, result); /* may be the last that is seen of the action */
}

static void disk_job_admitted(struct queue_waiter *waiter)
{
	struct action *action =
		(struct action *)(void *)((char *)waiter - offsetof(struct action, waiter));

	action->op.done = disk_job_done;
	ring_job(action->session->context->ring, &action->op, action->work);
}

static void disk_job_enter(struct action *action, const struct disk *disk,
			   enum disk_direction direction, int (*work)(struct op *op),
			   void (*done)(struct op *op, int result))
{
	action->work = work;
	action->work_done = done;
	action->queue = disk_queues_find(action->request.disks, disk->id, direction);
	action->waiter.admitted = disk_job_admitted;
	if (queue_enter(action->queue, &action->waiter))
		disk_job_admitted(&action->waiter);
}

void session_disk_job(struct action *action, const struct disk *disk, int (*work)(struct op *op),
		      void (*done)(struct op *op, int result))
{
	action->work_must_run = false;
	disk_job_enter(action, disk, DISK_NAMES, work, done);
}

void session_disk_read(struct action *action, const struct disk *disk, int (*work)(struct op *op),
		       void (*done)(struct op *op, int result))
{
	action->work_must_run = false;
	disk_job_enter(action, disk, DISK_READ, work, done);
}

void session_disk_job_surely(struct action *action, const struct disk *disk,
			     int (*work)(struct op *op), void (*done)(struct op *op, int result))
{
	action->work_must_run = true;
	disk_job_enter(action, disk, DISK_NAMES, work, done);
}

void session_cancel_waiting(struct session *session)
{
	struct action *action = session->action;

	if (!action || tree_cancel(&action->request) || action->work_must_run ||
	    !queue_waits(&action->waiter))
		return;
	queue_withdraw(&action->waiter);
	action->work_done(&action->op, -ECANCELED);
}
