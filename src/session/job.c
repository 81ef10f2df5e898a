/*
 * A command's job, which waits for its place in a queue first:
 *
 *   on a disk     in the queue of the disk that it will ask, as every operation on names does
 *                 (fs/tree.h): a file system that never answers holds a few job threads and leaves the
 *                 others to other disks
 *   a password    in the queue of the client's address: who sends many passwords at once waits for his
 *                 own, and nobody else does
 *
 * Addresses are spread over a fixed number of the latter by a hash that nobody can foretell, so there is
 * nothing to allocate or to clean up; those that share a queue by chance wait for each other.
 */
#include <errno.h>

#include "session/session_priv.h"

static void job_done(struct op *op, int result)
{
	struct action *action = (struct action *)(void *)((char *)op - offsetof(struct action, op));

	queue_leave(action->queue);
	action->work_done(op, result); /* may be the last that is seen of the action */
}

static void job_admitted(struct queue_waiter *waiter)
{
	struct action *action =
		(struct action *)(void *)((char *)waiter - offsetof(struct action, waiter));

	action->op.done = job_done;
	ring_job_of(action->session->context->ring, &action->op,
		    (enum op_threads)action->work_threads, action->work);
}

static void job_enter(struct action *action, struct queue *queue, int (*work)(struct op *op),
		      void (*done)(struct op *op, int result))
{
	action->work = work;
	action->work_done = done;
	action->queue = queue;
	action->waiter.admitted = job_admitted;
	if (queue_enter(queue, &action->waiter))
		job_admitted(&action->waiter);
}

static void disk_job_enter(struct action *action, const struct disk *disk,
			   enum disk_direction direction, int (*work)(struct op *op),
			   void (*done)(struct op *op, int result))
{
	action->work_threads = OP_THREADS_QUICK;
	job_enter(action, disk_queues_find(action->request.disks, disk->id, direction), work, done);
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

void session_password_job(struct action *action, int (*work)(struct op *op),
			  void (*done)(struct op *op, int result))
{
	struct session_context *context = action->session->context;
	struct address site = address_site(&action->session->peer);

	action->work_must_run = false;
	action->work_threads = OP_THREADS_PASSWORDS;
	job_enter(action, &context->passwords[address_hash_host(&site) % PASSWORD_QUEUES], work,
		  done);
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
