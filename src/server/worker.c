#include "server/worker.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/mailbox.h"
#include "config/config.h"
#include "jobs/disk_queue.h"
#include "jobs/jobs.h"
#include "log/log.h"
#include "represent/marker.h"
#include "server/acceptor.h"
#include "server/admission.h"
#include "server/channel.h"
#include "server/data_acceptor.h"
#include "session/session.h"
#include "sys/calls.h"
#include "sys/identity.h"
#include "transfer/passive_pool.h"
#include "transfer/pipe_pool.h"

#define STATUS_INTERVAL_MS 5000
#define CHANNEL_BATCH 64

enum worker_message_kind {
	WORKER_SESSION,	      /* fd: a control connection, counted in already */
	WORKER_DATA,	      /* session, reservation, fd: the data connection that it is for */
	WORKER_GRANT,	      /* session, port: what it waited for */
	WORKER_ACTIVE_SOCKET, /* session, fd or negative errno */
};

struct worker_message {
	uint32_t kind;
	int fd;
	uint64_t session;
	unsigned port;
	uint32_t reservation;
	struct address peer; /* WORKER_SESSION */
};

struct worker {
	struct server *server;
	unsigned index;
	pthread_t thread;
	struct ring *ring;
	struct disk_queues *disks;
	struct mailbox *mailbox;
	struct session_context context;

	/* The table of sessions: slots that are free are chained through free_next. */
	struct session *sessions;
	uint32_t *generations; /* odd: the slot is in use */
	uint32_t *free_next;   /* slot + 1 */
	uint32_t free_first;
	uint32_t slots_used; /* slots from here on were never used */

	struct acceptor *acceptors;
	unsigned acceptors_count;
	struct data_acceptor data;
	struct op channel_op;		 /* worker 0 reads the channel */
	struct wheel_timer status_timer; /* worker 0 */
	struct wheel_timer drain_timer;
	bool draining; /* no new control connections, and sessions end as soon as they can */
	bool limit_reached;
	uint64_t strangers;    /* data connections that nobody had reserved */
	unsigned status_shown; /* sessions + 1; 0: none yet */

	sem_t started;
	sem_t released;
	sem_t ended;
	int start_result;
};

static struct worker *worker_of(void *context)
{
	return context;
}

/*
 * Sessions by number: generation << 40 | worker << 32 | slot. A number of a session that is gone
 * finds nothing, even if its slot is in use again.
 */
static uint64_t session_number(const struct worker *worker, uint32_t slot)
{
	return (uint64_t)(worker->generations[slot] & 0xffffff) << 40 |
	       (uint64_t)worker->index << 32 | slot;
}

static unsigned session_number_worker(uint64_t number)
{
	return (unsigned)(number >> 32 & 0xff);
}

static struct session *worker_find(struct worker *worker, uint64_t number)
{
	uint32_t slot = (uint32_t)number;

	if (slot >= worker->slots_used || !(worker->generations[slot] & 1) ||
	    session_number(worker, slot) != number)
		return NULL;
	return &worker->sessions[slot];
}

static bool worker_post(struct server *server, unsigned index, const struct worker_message *message)
{
	struct worker *worker = server->workers[index];

	if (mailbox_post(worker->mailbox, message) < 0)
		return false;
	ring_wake(worker->ring);
	return true;
}

bool worker_grant(void *context, uint64_t session, unsigned port)
{
	const struct worker_message message = { .kind = WORKER_GRANT,
						.session = session,
						.port = port };

	return worker_post(context, session_number_worker(session), &message);
}

static void server_tell(struct server *server, enum server_order order)
{
	int before = atomic_load(&server->order);

	while (before < (int)order &&
	       !atomic_compare_exchange_weak(&server->order, &before, (int)order))
		;
	for (unsigned i = 0; i < server->workers_count; i++)
		ring_wake(server->workers[i]->ring);
}

/* Drained is when nobody comes in any more and nobody is left, with any worker: one without
 * sessions may still be the one that finds the data connections of another's, or reads the channel. */
static void server_stop_if_drained(struct server *server)
{
	if (atomic_load(&server->control_open) == 0 && admission_count(server->admission) == 0)
		server_tell(server, SERVER_STOP);
}

/* The last of its sessions has ended. */
static void worker_is_empty(struct worker *worker)
{
	assert(worker->context.memory.taken == 0);
	kept_files_close_all(&worker->context.kept); /* nobody is there to want them */
}

static void worker_on_ended(void *context, struct session *session)
{
	struct worker *worker = worker_of(context);
	uint32_t slot = (uint32_t)(session - worker->sessions);

	if (admission_leave(worker->server->admission, &session->peer, worker->index) == 0)
		worker_is_empty(worker);
	worker->generations[slot]++;
	worker->free_next[slot] = worker->free_first;
	worker->free_first = slot + 1;
	server_stop_if_drained(worker->server);
}

static uint32_t worker_take_slot(struct worker *worker)
{
	uint32_t slot;

	if (worker->free_first) {
		slot = worker->free_first - 1;
		worker->free_first = worker->free_next[slot];
	} else {
		slot = worker->slots_used++;
	}
	assert(slot < worker->server->config->sessions_max); /* admission counts them */
	worker->generations[slot]++;
	return slot;
}

static void worker_begin_session(struct worker *worker, int fd, const struct address *peer)
{
	uint32_t slot = worker_take_slot(worker);
	struct session *session = &worker->sessions[slot];

	memset(session, 0, sizeof(*session));
	session->context = &worker->context;
	session->id = session_number(worker, slot);
	session->fd = fd;
	session->peer = *peer;
	session_start(session);
	if (worker->draining)
		session_drain(session);
}

static void worker_tell_of_refusal(const struct worker *worker, const struct address *peer,
				   int error)
{
	static struct log_limit of_share = { .burst = 1 }, of_all = { .burst = 1 };
	const struct config *config = worker->server->config;
	unsigned times = log_limit_pass(error == -EDQUOT ? &of_share : &of_all);
	char address[ADDRESS_TEXT_MAX];

	if (times == 0)
		return;
	address_format_host(peer, address);
	if (error == -EDQUOT)
		log_warning("connections refused: %u; %s has all its %u sessions "
			    "(--max-sessions-per-address)",
			    times, address, config->sessions_per_address_max);
	else if (error == -EUSERS)
		log_warning(
			"connections refused: %u; all %u sessions (--max-sessions) are there; the "
			"last one was from %s",
			times, config->sessions_max, address);
	else
		log_warning("connections refused: %u; %s; the last one was from %s", times,
			    error == -ENOBUFS ? "a worker does not keep up" : strerror(-error),
			    address);
}

/* A connection that is refused is told why before it is closed. */
static void worker_refuse(const struct worker *worker, const struct address *peer, int fd,
			  int error)
{
	static const char full[] = "421 Too many sessions at this moment; try again later\r\n";
	static const char share[] = "421 Too many sessions from your address\r\n";
	static const char stopping[] = "421 The server is being stopped; come back in a moment\r\n";
	const char *text = error == -EDQUOT ? share : error == -ESHUTDOWN ? stopping : full;

	if (error != -ESHUTDOWN)
		worker_tell_of_refusal(worker, peer, error);
	calls->send(fd, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL);
	calls->close(fd);
}

static void worker_on_control(struct worker *worker, int fd)
{
	struct server *server = worker->server;
	struct worker_message message = { .kind = WORKER_SESSION, .fd = fd };
	int index;

	if (address_of_peer(fd, &message.peer) < 0) { /* it is gone already */
		calls->close(fd);
		return;
	}
	index = worker->draining ? -ESHUTDOWN
				 : admission_enter(server->admission, &message.peer, worker->index);
	if (index < 0) {
		worker_refuse(worker, &message.peer, fd, index);
	} else if ((unsigned)index == worker->index) {
		worker_begin_session(worker, fd, &message.peer);
	} else if (!worker_post(server, (unsigned)index, &message)) {
		admission_leave(server->admission, &message.peer, (unsigned)index);
		worker_refuse(worker, &message.peer, fd, -ENOBUFS);
	}
}

/* Nobody waits for this connection: a reset, so that the other side knows at once. */
static void worker_reset(int fd)
{
	const struct linger reset = { .l_onoff = 1, .l_linger = 0 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	calls->close(fd);
}

static void worker_give_data(struct worker *worker, uint64_t number, uint32_t reservation, int fd)
{
	struct session *session = worker_find(worker, number);

	if (!session || !session_on_data_connection(session, reservation, fd))
		worker_reset(fd);
}

static void worker_on_data(void *context, const struct arrival *arrival, bool now)
{
	struct worker *worker = context;
	const struct worker_message message = { .kind = WORKER_DATA,
						.session = arrival->session,
						.reservation = arrival->number,
						.fd = arrival->fd };
	unsigned index = session_number_worker(arrival->session);

	if (arrival->session == 0) {
		worker->strangers++;
		worker_reset(arrival->fd);
	} else if (index == worker->index && now) {
		worker_give_data(worker, arrival->session, arrival->number, arrival->fd);
	} else if (!worker_post(worker->server, index, &message)) {
		worker_reset(arrival->fd);
	}
}

static int worker_begin_reservation(void *context, const struct address *client, uint64_t session,
				    unsigned port, uint32_t *ret_number)
{
	struct worker *worker = worker_of(context);
	uint32_t number;
	int r = data_acceptor_clear(&worker->data, port);

	if (r < 0)
		return r;
	number = passive_pool_begin(worker->server->passive, client, port, session);
	if (number == 0)
		return -ECANCELED;
	*ret_number = number;
	return 0;
}

static void worker_want_data(void *context, uint64_t session, unsigned port)
{
	data_acceptor_want(&worker_of(context)->data, session, port);
}

static void worker_unwant_data(void *context, unsigned port)
{
	data_acceptor_unwant(&worker_of(context)->data, port);
}

/* The control listeners close when the server drains; passive ones never do. */
static void worker_on_closed(struct acceptor *acceptor)
{
	struct worker *worker = acceptor->owner;

	atomic_fetch_sub(&worker->server->control_open, 1);
	server_stop_if_drained(worker->server);
}

static void worker_on_accepted(struct acceptor *acceptor, int fd)
{
	worker_on_control(acceptor->owner, fd);
}

static void worker_add_acceptor(struct worker *worker, int fd)
{
	struct acceptor *acceptor = &worker->acceptors[worker->acceptors_count++];

	acceptor->owner = worker;
	acceptor->accepted = worker_on_accepted;
	acceptor->closed = worker_on_closed;
	acceptor->fd = fd;
	acceptor_start(acceptor, worker->ring);
}

/* This worker's share: each control listener is accepted on by one worker, so that none is woken for
 * another's connection. */
static int worker_accept_all(struct worker *worker)
{
	struct server *server = worker->server;

	worker->acceptors = calloc(server->control_count + 1, sizeof(*worker->acceptors));
	if (!worker->acceptors)
		return -ENOMEM;
	for (unsigned i = 0; i < server->control_count; i++)
		if (i % server->workers_count == worker->index)
			worker_add_acceptor(worker, server->control[i]);
	return 0;
}

/* Asks each session in use; it may end within the call. */
static void worker_for_each(struct worker *worker, void (*ask)(struct session *session))
{
	for (uint32_t slot = 0; slot < worker->slots_used; slot++)
		if (worker->generations[slot] & 1)
			ask(&worker->sessions[slot]);
}

static void session_stop(struct session *session)
{
	session_end(session, "The server is being stopped");
}

static void worker_on_drain_limit(struct wheel_timer *timer)
{
	struct worker *worker =
		(struct worker *)(void *)((char *)timer - offsetof(struct worker, drain_timer));

	if (worker->limit_reached) { /* something hangs in a disk: it ends with the process */
		server_tell(worker->server, SERVER_STOP);
		return;
	}
	worker->limit_reached = true;
	ring_timer_set(worker->ring, &worker->drain_timer, STATUS_INTERVAL_MS);
	worker_for_each(worker, session_stop);
}

static void worker_drain(struct worker *worker)
{
	if (worker->draining)
		return;
	worker->draining = true;
	worker->context.draining = true;
	worker->drain_timer.fire = worker_on_drain_limit;
	ring_timer_set(worker->ring, &worker->drain_timer, worker->server->drain_limit_ms);
	for (unsigned i = 0; i < worker->acceptors_count; i++)
		acceptor_close(&worker->acceptors[i]);
	worker_for_each(worker, session_drain);
}

static void worker_on_message(struct worker *worker, const struct worker_message *message)
{
	struct session *session = NULL;

	if (message->kind == WORKER_GRANT || message->kind == WORKER_ACTIVE_SOCKET)
		session = worker_find(worker, message->session);
	switch (message->kind) {
	case WORKER_SESSION:
		worker_begin_session(worker, message->fd, &message->peer);
		break;
	case WORKER_DATA:
		worker_give_data(worker, message->session, message->reservation, message->fd);
		break;
	case WORKER_GRANT:
		if (session)
			session_on_grant(session, message->port);
		break;
	case WORKER_ACTIVE_SOCKET:
		if (session)
			session_on_active_socket(session, message->fd);
		else if (message->fd >= 0)
			calls->close(message->fd);
		break;
	}
}

static void worker_on_woken(void *context)
{
	struct worker *worker = worker_of(context);
	struct worker_message message;

	while (mailbox_take(worker->mailbox, &message))
		worker_on_message(worker, &message);
	switch (atomic_load(&worker->server->order)) {
	case SERVER_DRAIN:
		worker_drain(worker);
		break;
	case SERVER_STOP:
		ring_stop(worker->ring);
		break;
	default:
		break;
	}
}

static void worker_on_turn_end(void *context)
{
	session_flush_gathered(&worker_of(context)->context);
}

static int worker_offload(void *context, struct ring *ring, struct op *op)
{
	struct server *server = worker_of(context)->server;
	enum op_threads threads = op->kind == OP_JOB ? op->job.threads : OP_THREADS_QUICK;

	return jobs_post(threads == OP_THREADS_HASHES	   ? server->hashing
			 : threads == OP_THREADS_PASSWORDS ? server->passwords
							   : server->jobs,
			 ring, op);
}

/* The channel (worker 0): what the supervisor says, and its end. */
static void worker_on_channel_message(struct server *server, const struct channel_message *message,
				      const int *fds, size_t count)
{
	struct worker_message answer = { .kind = WORKER_ACTIVE_SOCKET, .session = message->tag };

	switch (message->kind) {
	case CHANNEL_DRAIN:
		server_tell(server, SERVER_DRAIN);
		break;
	case CHANNEL_STOP:
		server_tell(server, SERVER_STOP);
		break;
	case CHANNEL_ACTIVE_SOCKET_READY:
		answer.fd = message->result < 0 ? message->result : count ? fds[0] : -EMFILE;
		if (!worker_post(server, session_number_worker(message->tag), &answer) &&
		    answer.fd >= 0)
			calls->close(answer.fd);
		break;
	default:
		break;
	}
}

static void worker_on_channel(struct op *op, int result)
{
	struct worker *worker =
		(struct worker *)(void *)((char *)op - offsetof(struct worker, channel_op));
	struct channel_message message;
	int fds[CHANNEL_DESCRIPTORS_MAX];
	size_t count = 0;

	/* Whatever the poll said, the channel itself tells whether the supervisor is there. */
	result = 1;
	for (int i = 0; i < CHANNEL_BATCH && result > 0; i++) {
		result = channel_receive(worker->server->channel, MSG_DONTWAIT, &message, fds,
					 &count);
		if (result > 0)
			worker_on_channel_message(worker->server, &message, fds, count);
	}
	if (result == 0 || (result < 0 && result != -EAGAIN && result != -EBADMSG)) {
		log_error("the supervisor is gone; stopping");
		server_tell(worker->server, SERVER_STOP);
		return;
	}
	ring_poll(worker->ring, op, worker->server->channel, POLLIN);
}

static int worker_active_socket(void *context, uint64_t session, const struct address *local)
{
	const struct channel_message message = { .kind = CHANNEL_ACTIVE_SOCKET,
						 .tag = session,
						 .address = *local };

	return channel_send(worker_of(context)->server->channel, &message, NULL, 0);
}

static void worker_on_status(struct wheel_timer *timer)
{
	struct worker *worker =
		(struct worker *)(void *)((char *)timer - offsetof(struct worker, status_timer));
	struct channel_message message = { .kind = CHANNEL_STATUS };
	unsigned count = admission_count(worker->server->admission);

	if (count + 1 != worker->status_shown) {
		worker->status_shown = count + 1;
		snprintf(message.text, sizeof(message.text), "%u session%s", count,
			 count == 1 ? "" : "s");
		channel_send(worker->server->channel, &message, NULL, 0);
	}
	ring_timer_set(worker->ring, timer, STATUS_INTERVAL_MS);
}

/* Memory that costs nothing until it is touched. */
static void *worker_map(size_t count, size_t size_bytes)
{
	void *memory = mmap(NULL, count * size_bytes, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

static int worker_make_table(struct worker *worker)
{
	size_t count = worker->server->config->sessions_max;

	static_assert(sizeof(struct session) <= 1024, "a session is one slot of at most 1 KiB");
	worker->sessions = worker_map(count, sizeof(*worker->sessions));
	worker->generations = worker_map(count, sizeof(*worker->generations));
	worker->free_next = worker_map(count, sizeof(*worker->free_next));
	if (!worker->sessions || !worker->generations || !worker->free_next)
		return -ENOMEM;
	return mailbox_new(MAILBOX_MESSAGES, sizeof(struct worker_message), &worker->mailbox);
}

/* Once for all workers: with small pipes all goes on, at a higher price. */
static void worker_tell_of_pipes(struct worker *worker)
{
	size_t wanted;
	size_t smallest = pipe_pool_smallest_bytes(worker->context.dtp.pipes, &wanted);

	if (smallest < wanted && !atomic_exchange(&worker->server->pipes_told, true))
		log_warning(
			"pipes of %zu KiB instead of %zu KiB: fs.pipe-user-pages-soft (for all "
			"processes of this user) or fs.pipe-max-size allows no more; large files "
			"and uploads cost more CPU time",
			smallest / 1024, wanted / 1024);
}

static int worker_make_context(struct worker *worker)
{
	struct session_context *context = &worker->context;
	struct server *server = worker->server;
	unsigned disk_max = disk_operations_max(server->workers_count);
	unsigned pipes;
	int r;

	session_context_init(context, dtp_memory_bytes(server->config->transfer_memory_bytes,
						       server->workers_count));
	r = dtp_init(&context->dtp, worker->ring, NULL, server->workers_count);
	if (r < 0)
		return r;
	worker_tell_of_pipes(worker);
	/* A disk that hangs must leave pipes for the others. */
	pipes = pipe_pool_count(context->dtp.pipes) / 2;
	r = disk_queues_new(disk_max,
			    pipes < 1	       ? 1
			    : pipes > disk_max ? disk_max
					       : pipes,
			    &worker->disks);
	if (r < 0)
		return r;
	context->dtp.disks = worker->disks;
	context->ring = worker->ring;
	context->config = server->config;
	context->users = server->users;
	context->ebcdic = server->ebcdic;
	context->hosts = server->hosts;
	context->passive = server->passive;
	context->listings = server->listings;
	context->hash_cache = server->hash_cache;
	context->worker = worker->index;
	context->workers = server->workers_count;
	context->identity = identity_of_process();
	context->server = worker;
	context->active_socket = worker_active_socket;
	context->begin_reservation = worker_begin_reservation;
	context->want_data = worker_want_data;
	context->unwant_data = worker_unwant_data;
	context->ended = worker_on_ended;
	context->reply.size_bytes = 2 * REPLY_MAX;
	context->reply.at = malloc(context->reply.size_bytes);
	if (!context->reply.at)
		return -ENOMEM;
	kept_files_init(&context->kept, worker->ring, server->workers_count);
	return tree_init(&context->tree, server->root);
}

/* Where io_uring may lock no more memory, epoll is chosen, unless the operator has. */
static int worker_make_ring(struct worker *worker, struct ring_config *config)
{
	struct server *server = worker->server;
	int r = ring_new(config, &worker->ring);

	if (r != -ENOMEM || config->engine != RING_ENGINE_URING)
		return r;
	if (server->config->ring == RING_URING) {
		log_error(
			"--ring=uring: the rings of %u workers are more than this user may lock of memory "
			"(ulimit -l, LimitMEMLOCK=); use fewer --workers, or --ring=auto",
			server->workers_count);
		return r;
	}
	if (!server->rings_told)
		log_warning(
			"workers from number %u on are driven by epoll: their rings are more than this "
			"user may lock of memory (ulimit -l, LimitMEMLOCK=)",
			worker->index + 1);
	server->rings_told = true;
	config->engine = RING_ENGINE_EPOLL;
	return ring_new(config, &worker->ring);
}

/* All descriptors that it cannot do without: a server that is ready needs none but for clients, and for
 * watches of folders, without which it does. */
static int worker_open(struct worker *worker)
{
	struct ring_config config = worker->server->ring;
	int r;

	config.offload = worker_offload;
	config.woken = worker_on_woken;
	config.turn_end = worker_on_turn_end;
	config.context = worker;
	r = worker_make_ring(worker, &config);
	if (r == 0)
		r = worker_make_context(worker);
	worker->data = (struct data_acceptor){ .ring = worker->ring,
					       .listeners = &worker->server->passive_listeners,
					       .worker = worker->index,
					       .workers = worker->server->workers_count,
					       .arrived = worker_on_data,
					       .context = worker };
	return r < 0 ? r : data_acceptor_open(&worker->data);
}

/* In the worker's thread, once all workers are there. */
static int worker_begin(struct worker *worker)
{
	if (worker->index == 0) {
		worker->channel_op.done = worker_on_channel;
		ring_poll(worker->ring, &worker->channel_op, worker->server->channel, POLLIN);
		worker->status_timer.fire = worker_on_status;
		worker_on_status(&worker->status_timer);
	}
	return worker_accept_all(worker);
}

static void worker_close(struct worker *worker)
{
	if (worker->strangers)
		log_info("%llu data connections came that nobody had reserved",
			 (unsigned long long)worker->strangers);
	dtp_fini(&worker->context.dtp);
	session_context_fini(&worker->context);
	disk_queues_free(worker->disks);
	free(worker->acceptors);
	data_acceptor_close(&worker->data);
}

/* Clients and ports would be dealt to a worker that is not there any more: the others stop as
 * well, and the supervisor starts anew. */
static void worker_fail(struct worker *worker, int error)
{
	log_error("worker %u cannot go on: %s; the server process ends", worker->index + 1,
		  strerror(-error));
	atomic_store(&worker->server->failed, true);
	server_tell(worker->server, SERVER_STOP);
}

static void *worker_thread(void *argument)
{
	struct worker *worker = argument;
	char name[16];
	int r;

	snprintf(name, sizeof(name), "worker %u", (worker->index + 1) % 1000);
	pthread_setname_np(pthread_self(), name);
	r = worker_open(worker);
	worker->start_result = r;
	sem_post(&worker->started);
	if (r < 0)
		return NULL;
	/* Others may post as soon as they accept, and find every worker's ring and mailbox: the
	 * main thread starts the last one before any accepts. */
	sem_wait(&worker->released);
	r = worker_begin(worker);
	if (r == 0)
		r = ring_run(worker->ring);
	if (r < 0)
		worker_fail(worker, r);
	worker_close(worker);
	marker_thread_end();
	sem_post(&worker->ended);
	return NULL;
}

int worker_start(struct server *server, unsigned index)
{
	struct worker *worker = calloc(1, sizeof(*worker));
	int r;

	if (!worker)
		return -ENOMEM;
	worker->server = server;
	worker->index = index;
	sem_init(&worker->started, 0, 0);
	sem_init(&worker->released, 0, 0);
	sem_init(&worker->ended, 0, 0);
	r = worker_make_table(worker);
	if (r == 0)
		r = -pthread_create(&worker->thread, NULL, worker_thread, worker);
	if (r < 0)
		return r; /* the process is about to end */
	sem_wait(&worker->started);
	server->workers[index] = worker;
	return worker->start_result;
}

void worker_release(struct worker *worker)
{
	sem_post(&worker->released);
}

/* Not pthread_join: a thread ends only after all that its ring has in flight, and what hangs in a
 * disk that never answers is ended by the end of the process alone. */
void worker_join(struct worker *worker)
{
	sem_wait(&worker->ended);
	pthread_detach(worker->thread);
}
