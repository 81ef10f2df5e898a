#include "jobs/jobs.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/mailbox.h"
#include "ring/ring.h"

struct job_message {
	struct ring *ring;
	struct op *op;
};

struct jobs {
	struct mailbox *mailbox;
	const char *name;
	int niceness;
	unsigned threads_max;
	pthread_mutex_t lock; /* protects the counts: whether a post must start a thread */
	pthread_cond_t ended;
	unsigned threads;
	unsigned waiting; /* jobs posted and not yet taken */
	unsigned idle;	  /* threads without a job */
};

static void jobs_count(struct jobs *jobs, int waiting, int idle)
{
	pthread_mutex_lock(&jobs->lock);
	jobs->waiting = (unsigned)((int)jobs->waiting + waiting);
	jobs->idle = (unsigned)((int)jobs->idle + idle);
	pthread_mutex_unlock(&jobs->lock);
}

static void *jobs_thread(void *argument)
{
	struct jobs *jobs = argument;
	struct job_message message;

	pthread_setname_np(pthread_self(), jobs->name);
	if (jobs->niceness)
		setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid),
			    getpriority(PRIO_PROCESS, 0) + jobs->niceness);
	while (mailbox_wait(jobs->mailbox, &message)) {
		int result;

		jobs_count(jobs, -1, -1);
		result = op_execute(message.op);
		jobs_count(jobs, 0, 1);
		ring_post(message.ring, message.op, result);
	}
	pthread_mutex_lock(&jobs->lock);
	jobs->threads--;
	pthread_cond_signal(&jobs->ended);
	pthread_mutex_unlock(&jobs->lock);
	return NULL;
}

/* Starts one more thread; the lock is held. */
static int jobs_start_thread(struct jobs *jobs)
{
	pthread_attr_t attributes;
	pthread_t thread;
	int r;

	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes, 256 * 1024);
	r = -pthread_create(&thread, &attributes, jobs_thread, jobs);
	pthread_attr_destroy(&attributes);
	if (r == 0) {
		jobs->threads++;
		jobs->idle++;
	}
	return r;
}

int jobs_new(const char *name, unsigned threads_max, int niceness, struct jobs **ret_jobs)
{
	struct jobs *jobs = calloc(1, sizeof(*jobs));
	int r;

	if (!jobs)
		return -ENOMEM;
	r = mailbox_new(JOB_QUEUE_MAX, sizeof(struct job_message), &jobs->mailbox);
	if (r < 0) {
		free(jobs);
		return r;
	}
	jobs->threads_max = threads_max;
	jobs->name = name;
	jobs->niceness = niceness;
	pthread_mutex_init(&jobs->lock, NULL);
	pthread_cond_init(&jobs->ended, NULL);
	*ret_jobs = jobs;
	return 0;
}

void jobs_free(struct jobs *jobs)
{
	struct timespec until;
	bool all_ended;

	if (!jobs)
		return;
	mailbox_close(jobs->mailbox);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec++;
	pthread_mutex_lock(&jobs->lock);
	while (jobs->threads > 0)
		if (pthread_cond_timedwait(&jobs->ended, &jobs->lock, &until) == ETIMEDOUT)
			break;
	all_ended = jobs->threads == 0;
	pthread_mutex_unlock(&jobs->lock);
	if (!all_ended)
		return;
	pthread_cond_destroy(&jobs->ended);
	pthread_mutex_destroy(&jobs->lock);
	mailbox_free(jobs->mailbox);
	free(jobs);
}

int jobs_post(struct jobs *jobs, struct ring *ring, struct op *op)
{
	struct job_message message = { ring, op };
	int r = 0;

	pthread_mutex_lock(&jobs->lock);
	jobs->waiting++;
	if (jobs->waiting > jobs->idle && jobs->threads < jobs->threads_max)
		r = jobs_start_thread(jobs);
	if (jobs->threads > 0)
		r = mailbox_post(jobs->mailbox, &message);
	if (r < 0)
		jobs->waiting--;
	pthread_mutex_unlock(&jobs->lock);
	return r < 0 ? -EAGAIN : 0;
}
