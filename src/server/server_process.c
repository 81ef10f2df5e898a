#include "server/server_process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sluice/translate.h>

#include "auth/hosts.h"
#include "auth/users.h"
#include "base/limits.h"
#include "config/config.h"
#include "fs/hash_cache.h"
#include "fs/listing_cache.h"
#include "jobs/disk_queue.h"
#include "jobs/jobs.h"
#include "log/log.h"
#include "net/address.h"
#include "represent/marker.h"
#include "server/admission.h"
#include "server/channel.h"
#include "server/engine.h"
#include "server/worker.h"
#include "sys/capabilities.h"
#include "transfer/passive_pool.h"

#define HASHING_NICENESS 10
#define ERROR_LINE_MAX 500

/* SLUICE_DRAIN_LIMIT_MS is for tests, which have no minute. */
static uint64_t server_drain_limit_ms(void)
{
	const char *text = getenv("SLUICE_DRAIN_LIMIT_MS");

	return text ? strtoul(text, NULL, 10) : DRAIN_LIMIT_MS;
}

/* What accepted control connections inherit: urgent data stays in the stream, where Telnet's
 * Synch is looked for, and a peer that has vanished is noticed. */
static void server_prepare_control(int fd)
{
	static const int one = 1;

	setsockopt(fd, SOL_SOCKET, SO_OOBINLINE, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
}

static int server_add_control(struct server *server, const int *fds, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (server->control_count == sizeof(server->control) / sizeof(server->control[0]))
			return -E2BIG;
		server_prepare_control(fds[i]);
		server->control[server->control_count++] = fds[i];
	}
	return 0;
}

static int server_add_passive(struct server *server, const int *fds, size_t count)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < count; i++) {
		struct address address;

		r = address_of_socket(fds[i], &address);
		if (r == 0)
			r = passive_listeners_add(
				&server->passive_listeners, fds[i],
				(unsigned)(address_port(&address) - server->config->passive_low));
	}
	return r;
}

/* Takes the sockets over, up to CHANNEL_START, which brings the root folder. */
static int server_take_over(struct server *server)
{
	for (;;) {
		struct channel_message message;
		int fds[CHANNEL_DESCRIPTORS_MAX];
		size_t count = 0;
		int r = channel_receive(server->channel, 0, &message, fds, &count);

		if (r <= 0)
			return r < 0 ? r : -EPIPE;
		if (message.kind > CHANNEL_START) /* drained before it began */
			return -EINTR;
		if (count == 0) /* each of these brings some, unless we may open no more */
			return -EMFILE;
		if (message.kind == CHANNEL_START) {
			server->root = fds[0];
			memcpy(server->marker_secret, message.text, MARKER_SECRET_BYTES);
			return 0;
		}
		r = message.kind == CHANNEL_CONTROL_LISTENERS
			    ? server_add_control(server, fds, count)
			    : server_add_passive(server, fds, count);
		if (r < 0)
			return r;
	}
}

static int server_make_passive_pool(struct server *server)
{
	const struct config *config = server->config;
	unsigned count = config->passive_high - config->passive_low + 1U;
	uint16_t ports[PASSIVE_PORTS_MAX];
	int r;

	for (unsigned i = 0; i < count; i++)
		ports[i] = (uint16_t)(config->passive_low + i);
	r = passive_pool_new(ports, count, server->workers_count, worker_grant, server,
			     &server->passive);
	if (r == 0)
		r = passive_listeners_open(&server->passive_listeners, server->passive,
					   config->foreign_data);
	return r;
}

static int server_choose_engine(struct server *server)
{
	char text[200];
	int r = engine_choose(server->config, &server->ring);

	if (r < 0)
		return r;
	ring_describe(&server->ring, text, sizeof(text));
	log_info("engine: %s", text);
	log_info("text: %s", translate_kernel_name());
	return 0;
}

static int server_load_users(struct server *server)
{
	char error[ERROR_LINE_MAX];
	struct users *users;
	int r;

	if (!server->config->users_path)
		return 0;
	r = users_load(server->config->users_path, &users, error, sizeof(error));
	if (r < 0) {
		log_error("%s", error);
		return r;
	}
	server->users = users;
	return 0;
}

/* The tables of TYPE E. */
static int server_load_ebcdic(struct server *server)
{
	static struct translate_ebcdic ebcdic;
	const char *page = server->config->ebcdic_page ? server->config->ebcdic_page : "1047";
	int r = translate_ebcdic_load(page, &ebcdic);

	if (r < 0)
		log_error("--ebcdic %s: the code page %s", page, translate_ebcdic_error(r));
	else if (server->config->ebcdic_page)
		log_info("TYPE E: code page %s, files in %s; %u of its 256 bytes stand for others",
			 page, ebcdic.text, ebcdic.others);
	server->ebcdic = &ebcdic;
	return r;
}

/* Without it, listings are made anew each time. */
static void server_make_listing_cache(struct server *server)
{
	struct listing_cache_limits limits =
		listing_cache_limits_of(server->config->listing_cache_bytes);
	int r;

	if (limits.bytes_max == 0)
		return;
	r = listing_cache_new(&limits, &server->listings);
	if (r < 0)
		log_warning("listings are not kept: %s", strerror(-r));
}

static void server_tell_of_listings(struct server *server)
{
	struct listing_cache_counts counts;

	if (!server->listings)
		return;
	listing_cache_counts(server->listings, &counts);
	if (counts.hits + counts.misses + counts.passed == 0)
		return;
	log_info("listings: %llu sent from memory, %llu made to be kept, %llu others; "
		 "dropped: %llu changed, %llu old, %llu for room; emptied %llu times",
		 (unsigned long long)counts.hits, (unsigned long long)counts.misses,
		 (unsigned long long)counts.passed, (unsigned long long)counts.changed,
		 (unsigned long long)counts.expired, (unsigned long long)counts.evicted,
		 (unsigned long long)counts.emptied);
}

static int server_load_hosts(struct server *server)
{
	char error[ERROR_LINE_MAX];
	struct hosts *hosts;
	int r = hosts_load(server->config, &hosts, error, sizeof(error));

	if (r < 0) {
		log_error("%s", error);
		return r;
	}
	server->hosts = hosts;
	return 0;
}

static int server_make(struct server *server)
{
	int r = server_choose_engine(server);

	if (r == 0)
		r = server_load_users(server);
	if (r == 0)
		r = server_load_ebcdic(server);
	if (r == 0)
		r = marker_key_init(server->marker_secret);
	if (r == 0)
		r = server_load_hosts(server);
	if (r == 0)
		r = address_hash_init();
	if (r == 0)
		r = admission_new(server->workers_count, server->config->sessions_max,
				  server->config->sessions_per_address_max, &server->admission);
	if (r == 0)
		r = server_make_passive_pool(server);
	if (r == 0)
		r = jobs_new("job", disk_job_threads_max(server->workers_count), 0, &server->jobs);
	if (r == 0)
		r = jobs_new("hash", HASHING_THREADS_MAX, HASHING_NICENESS, &server->hashing);
	if (r == 0)
		r = jobs_new("password", PASSWORD_THREADS_MAX, HASHING_NICENESS,
			     &server->passwords);
	if (r == 0)
		r = hash_cache_new(HASH_CACHE_ENTRIES, &server->hash_cache);
	if (r == 0)
		server_make_listing_cache(server);
	return r;
}

static int server_start_workers(struct server *server)
{
	int r = 0;

	for (unsigned i = 0; i < server->workers_count && r == 0; i++)
		r = worker_start(server, i);
	return r;
}

/* Starts to serve. */
static int server_start(struct server *server)
{
	const struct channel_message ready = { .kind = CHANNEL_READY };
	int r;

	atomic_init(&server->control_open, server->control_count);
	r = server_start_workers(server);

	/* Before the first session: the supervisor binds sockets for a server that is ready alone. */
	if (r == 0)
		r = channel_send(server->channel, &ready, NULL, 0);
	if (r < 0)
		return r;
	for (unsigned i = 0; i < server->workers_count; i++)
		worker_release(server->workers[i]);
	return 0;
}

static void server_wait(struct server *server)
{
	for (unsigned i = 0; i < server->workers_count; i++)
		worker_join(server->workers[i]);
}

int server_process_run(const struct config *config, int channel)
{
	static struct server server;
	int r;

	server.config = config;
	server.channel = channel;
	server.workers_count = config->workers;
	server.drain_limit_ms = server_drain_limit_ms();
	prctl(PR_SET_NAME, "sluiced"); /* else ps shows the name of what was executed, "exe" */
	signal(SIGPIPE, SIG_IGN);      /* splice and sendfile have no MSG_NOSIGNAL */
	signal(SIGXFSZ, SIG_IGN);      /* over RLIMIT_FSIZE: EFBIG is one client's 552 */
	r = capabilities_drop_all();
	if (r == 0)
		r = server_take_over(&server);
	if (r == -EINTR || r == -EPIPE)
		return 0;
	/* No worker waits for the supervisor: what it cannot take now is refused (425). */
	if (r == 0 && fcntl(channel, F_SETFL, O_NONBLOCK) < 0)
		r = -errno;
	if (r == 0)
		r = server_make(&server);
	if (r == 0)
		r = server_start(&server);
	if (r < 0) {
		log_error("the server process cannot start: %s", strerror(-r));
		return 1;
	}
	server_wait(&server);
	server_tell_of_listings(&server);
	/* What is left ends with the process: a job may hang in a disk that never answers. */
	return atomic_load(&server.failed);
}
