#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "base/limits.h"
#include "client/client_priv.h"
#include "jobs/disk_queue.h"
#include "jobs/jobs.h"
#include "transfer/pipe_pool.h"

#define CLIENT_THREADS_MAX 16
#define END_PATIENCE_MS 2000 /* for what cannot be cancelled: a name look-up, a disk */

static int client_offload(void *context, struct ring *ring, struct op *op)
{
	struct sluice_client *client = context;

	return jobs_post(client->jobs, ring, op);
}

static int client_make_ring(struct sluice_client *client)
{
	struct ring_config config = { .offload = client_offload, .context = client };

	ring_probe(client->options.ring_mask, &config.features);
	if (client->options.ring == SLUICE_RING_URING && !config.features.uring)
		return -EOPNOTSUPP;
	config.engine = config.features.uring && client->options.ring != SLUICE_RING_EPOLL
				? RING_ENGINE_URING
				: RING_ENGINE_EPOLL;
	return ring_new(&config, &client->ring);
}

/* How many reads and writes a disk may have in flight: one that hangs leaves pipes for others. */
static unsigned client_disk_operations(const struct sluice_client *client)
{
	unsigned half = pipe_pool_count(client->dtp.pipes) / 2;

	if (half < 1)
		return 1;
	return half < DISK_OPERATIONS_MAX ? half : DISK_OPERATIONS_MAX;
}

static int marker_error;

static void client_make_key(void)
{
	marker_error = marker_key_init_of_machine();
}

/* The key of restart markers is one for the process, however many clients there are. */
static int client_init_markers(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, client_make_key);
	return marker_error;
}

int sluice_client_new(const struct sluice_options *options, struct sluice_client **ret_client)
{
	struct sluice_client *client = calloc(1, sizeof(*client));
	int r;

	if (!client)
		return -ENOMEM;
	if (options)
		client->options = *options;
	if (client->options.timeout_s == 0)
		client->options.timeout_s = SLUICE_TIMEOUT_DEFAULT_S;
	client->timeout_ms = client->options.timeout_s * 1000ULL;
	client->copy_timeout_ms = options && options->timeout_s > 0
					  ? client->timeout_ms
					  : SLUICE_COPY_TIMEOUT_DEFAULT_S * 1000ULL;
	list_init(&client->sessions);
	signal(SIGPIPE, SIG_IGN); /* NOLINT: splice and sendfile have no MSG_NOSIGNAL */

	r = client_init_markers();
	if (r == 0)
		r = parameters_load(client);
	if (r < 0)
		goto fail_client;
	r = jobs_new("job", CLIENT_THREADS_MAX, 0, &client->jobs);
	if (r < 0)
		goto fail_client;
	r = client_make_ring(client);
	if (r < 0)
		goto fail_jobs;
	r = dtp_init(&client->dtp, client->ring, NULL, 1);
	if (r < 0)
		goto fail_ring;
	r = disk_queues_new(DISK_OPERATIONS_MAX, client_disk_operations(client), &client->disks);
	if (r < 0)
		goto fail_dtp;
	client->dtp.disks = client->disks;
	*ret_client = client;
	return 0;

fail_dtp:
	dtp_fini(&client->dtp);
fail_ring:
	ring_free(client->ring);
fail_jobs:
	jobs_free(client->jobs);
fail_client:
	free(client);
	return r;
}

struct patience {
	struct wheel_timer timer;
	struct sluice_client *client;
	bool over;
};

static void client_on_patience(struct wheel_timer *timer)
{
	struct patience *patience = (struct patience *)(void *)timer;

	patience->over = true;
	ring_stop(patience->client->ring);
}

/* Runs until nothing of any session is left, or patience is. Returns whether nothing is. */
static bool client_drain(struct sluice_client *client)
{
	struct patience patience = { .timer.fire = client_on_patience, .client = client };

	ring_timer_set(client->ring, &patience.timer, END_PATIENCE_MS);
	while ((client->sessions_count > 0 || client->resolving > 0) && !patience.over)
		if (ring_run(client->ring) < 0)
			break;
	ring_timer_clear(client->ring, &patience.timer);
	return client->sessions_count == 0 && client->resolving == 0;
}

void sluice_client_free(struct sluice_client *client)
{
	struct list *link;

	if (!client)
		return;
	for (link = client->sessions.next; link != &client->sessions;) {
		struct sluice_session *session = list_entry(link, struct sluice_session, link);

		link = link->next;
		sluice_session_cut(session);
	}
	if (!client_drain(client))
		return; /* something hangs in a disk or a look-up: it ends with the process */
	dtp_fini(&client->dtp);
	disk_queues_free(client->disks);
	/* A thread that has told the ring of its last job may still be waking it. */
	jobs_free(client->jobs);
	ring_free(client->ring);
	free(client);
}

int sluice_client_run(struct sluice_client *client)
{
	int r = 0;

	client->stopped = false;
	while (client->under_way > 0 && !client->stopped && r == 0)
		r = ring_run(client->ring);
	return r;
}

void sluice_client_stop(struct sluice_client *client)
{
	client->stopped = true;
	ring_stop(client->ring);
}
