#include "server/supervisor.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <sluice/translate.h>

#include "auth/hosts.h"
#include "auth/users.h"
#include "config/config.h"
#include "log/log.h"
#include "ring/ring.h"
#include "server/channel.h"
#include "server/engine.h"
#include "server/listeners.h"
#include "server/marker_secret.h"
#include "sys/capabilities.h"
#include "sys/service_manager.h"
#include "sys/system_user.h"

#define EXIT_WRONG_ARGUMENTS 2
#define BACKOFF_LEAST_MS 1000
#define BACKOFF_MOST_MS 30000
#define STOP_LIMIT_MS 5000 /* from CHANNEL_STOP to SIGKILL */
#define SEND_LIMIT_S 5	   /* a server process that reads no message for so long is stuck */
#define ERROR_LINE_MAX 500
#define USER_TEXT_MAX 64
#define BIT(n) (1U << (n))

/*
 * The server process as the supervisor sees it.
 *
 *              READY               SIGTERM                SIGTERM
 *   STARTING ---------> SERVING ------------> DRAINING ------------> STOPPING
 *    ^    |                |                     |                      |
 *    |    | (ready before) | dies                | ends                 | ends, or SIGKILL
 *    |    v                v                     v                      v
 *    +-- WAITING <---------+                    OVER <------------------+
 *
 * STARTING goes to DRAINING on SIGTERM too; WAITING, and a first start that fails, go to OVER.
 */
enum supervisor_state { STARTING, SERVING, WAITING, DRAINING, STOPPING, OVER };

static const struct {
	const char *name;
	unsigned next;
} states[] = {
	[STARTING] = { "starting", BIT(SERVING) | BIT(WAITING) | BIT(DRAINING) | BIT(OVER) },
	[SERVING] = { "serving", BIT(WAITING) | BIT(DRAINING) },
	[WAITING] = { "waiting", BIT(STARTING) | BIT(OVER) },
	[DRAINING] = { "draining", BIT(STOPPING) | BIT(OVER) },
	[STOPPING] = { "stopping", BIT(OVER) },
	[OVER] = { "over", 0 },
};

struct supervisor {
	const struct config *config;
	char **argv;
	struct system_user user; /* that --user names, if it was given */
	struct listeners listeners;
	enum supervisor_state state;
	int root;	/* O_PATH | O_DIRECTORY */
	int signals;	/* signalfd of SIGTERM, SIGINT and SIGCHLD */
	int channel;	/* to the server process, -1 when closed */
	pid_t child;	/* the server process, 0 when there is none */
	bool was_ready; /* once; from then on a death is answered by a new start */
	unsigned backoff_ms;
	int64_t started_ms;
	int64_t deadline_ms; /* of WAITING: the next start; of STOPPING: SIGKILL; else 0 */
	int64_t second;	     /* that requests_used counts */
	unsigned requests_used[CHANNEL_STATUS + 1];
	uint8_t marker_secret[MARKER_SECRET_BYTES];
	int status; /* of exit */
};

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void state_change(struct supervisor *supervisor, enum supervisor_state next)
{
	assert(states[supervisor->state].next & BIT(next));
	log_debug("supervisor: %s -> %s", states[supervisor->state].name, states[next].name);
	supervisor->state = next;
	supervisor->deadline_ms = 0;
}

/* --- Start ----------------------------------------------------------------------------------- */

static int root_open(struct supervisor *supervisor)
{
	const char *path = supervisor->config->root;

	supervisor->root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (supervisor->root >= 0)
		return 0;
	log_error("%s: cannot serve this: %s; name an existing folder", path, strerror(errno));
	return -EINVAL;
}

/* Who we are by now, for a line that says what that user may not do. */
static void user_describe(const struct config *config, char *ret_text, size_t text_bytes)
{
	if (config->user)
		snprintf(ret_text, text_bytes, "%s", config->user);
	else
		snprintf(ret_text, text_bytes, "%u", (unsigned)geteuid());
}

/* Asked once privileges are gone, for the server process will have no more of them. By its name, as
 * the folders of users and hosts are: what lies above it counts, too. */
static int root_check(const struct supervisor *supervisor)
{
	const struct config *config = supervisor->config;
	int from = config->user ? AT_FDCWD : supervisor->root;
	int fd =
		openat(from, config->user ? config->root : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char user[USER_TEXT_MAX];

	if (fd >= 0) {
		close(fd);
		return 0;
	}
	user_describe(config, user, sizeof(user));
	log_error("%s: cannot be read by user %s: %s; chmod o+rx, or %s", config->root, user,
		  strerror(errno), config->user ? "name its owner" : "start as its owner");
	return -EACCES;
}

/* For good: from here on there is nobody left who owns what root owns. */
static int user_become(const struct supervisor *supervisor)
{
	const char *name = supervisor->config->user;
	int r = name ? system_user_become(&supervisor->user) : 0;

	if (r == -EPERM)
		log_error("--user %s: this needs the right to change users; start as root, or as "
			  "%s without it",
			  name, name);
	else if (r < 0)
		log_error("--user %s: cannot run as this user: %s", name, strerror(-r));
	return r;
}

/* The server process loads the users for itself; here an operator's mistake ends the start. */
static int users_file_check(const struct config *config)
{
	char error[ERROR_LINE_MAX];
	struct users *users;

	if (!config->users_path)
		return 0;
	if (users_load(config->users_path, &users, error, sizeof(error)) < 0) {
		log_error("%s", error);
		return -EINVAL;
	}
	users_free(users);
	return 0;
}

/* Likewise. */
static int hosts_check(const struct config *config)
{
	char error[ERROR_LINE_MAX];
	struct hosts *hosts;

	if (hosts_load(config, &hosts, error, sizeof(error)) < 0) {
		log_error("%s", error);
		return -EINVAL;
	}
	hosts_free(hosts);
	return 0;
}

/* Likewise. */
static int engine_check(const struct config *config)
{
	struct ring_config ring;

	return engine_choose(config, &ring);
}

#define DESCRIPTORS_BESIDE 256 /* of listeners, rings, pipes and what is kept */

/* One descriptor per connection, transfer and file: as many as the operator allows at all. */
static void descriptors_raise(const struct config *config)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur < config->sessions_max + DESCRIPTORS_BESIDE)
		log_warning(
			"%u sessions (--max-sessions) need more than the %llu descriptors that a "
			"process may have here (ulimit -Hn, LimitNOFILE=)",
			(unsigned)config->sessions_max, (unsigned long long)limit.rlim_cur);
}

/* Kernels from 6.14 on count the rings of all processes of a user as memory that it has locked, and 8 MiB,
 * which is usual, are those of 70 workers. */
static void locked_memory_raise(void)
{
	struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };

	if (setrlimit(RLIMIT_MEMLOCK, &limit) == 0 || getrlimit(RLIMIT_MEMLOCK, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_MEMLOCK, &limit);
}

/* SIGCHLD, SIGTERM and SIGINT are read, not handled; SIGPIPE must not end us. */
static int signals_open(struct supervisor *supervisor)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGCHLD);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_DFL); /* ignored by whoever started us, it would tell no status */
	sigprocmask(SIG_BLOCK, &set, NULL);
	supervisor->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (supervisor->signals >= 0)
		return 0;
	log_error("signals: %s", strerror(errno));
	return -EMFILE;
}

static const char *rights_text(const struct config *config)
{
	if (!config->anonymous)
		return "writable by users, closed to anonymous ones";
	if (config->anonymous_write)
		return "writable by everybody, anonymous users too";
	return config->users_path ? "read-only to anonymous users, writable by others"
				  : "read-only to anonymous users";
}

static void first_line_log(const struct supervisor *supervisor)
{
	const struct listeners *listeners = &supervisor->listeners;
	const struct config *config = supervisor->config;
	char where[LISTENERS_MAX * (ADDRESS_TEXT_MAX + 2)];
	size_t used = 0;

	for (size_t i = 0; i < listeners->control_count; i++) {
		char text[ADDRESS_TEXT_MAX];

		address_format(&listeners->addresses[i], text);
		used += (size_t)snprintf(where + used, sizeof(where) - used, "%s%s",
					 i > 0 ? ", " : "", text);
	}
	log_info("serving %s on %s, %s; passive ports %u-%u", config->root, where,
		 rights_text(config), (unsigned)config->passive_low,
		 (unsigned)config->passive_high);
	if (config->user)
		log_info("both processes run as user %s", config->user);
	else if (geteuid() == 0)
		log_info("the server process is root without capabilities, who reads and changes "
			 "what root owns; --user NAME makes it somebody else");
}

/* Everything that needs privilege first, then everything that must do without. */
static int supervisor_open(struct supervisor *supervisor)
{
	int r = root_open(supervisor);

	descriptors_raise(supervisor->config);
	locked_memory_raise();
	if (r == 0)
		r = listeners_open(&supervisor->listeners, supervisor->config);
	if (r < 0)
		return r;
	/* The state belongs to who starts us, as the manager of services made it. */
	r = marker_secret_open(supervisor->marker_secret);
	if (r == 0)
		r = user_become(supervisor);
	if (r < 0)
		return r;
	r = capabilities_keep_bind();
	if (r < 0) {
		log_error("capabilities cannot be dropped: %s", strerror(-r));
		return r;
	}
	r = root_check(supervisor);
	if (r == 0)
		r = users_file_check(supervisor->config);
	if (r == 0)
		r = hosts_check(supervisor->config);
	if (r == 0)
		r = engine_check(supervisor->config);
	if (r == 0)
		r = signals_open(supervisor);
	return r;
}

static void channel_close(struct supervisor *supervisor)
{
	if (supervisor->channel >= 0)
		close(supervisor->channel);
	supervisor->channel = -1;
}

static void supervisor_close(struct supervisor *supervisor)
{
	channel_close(supervisor);
	if (supervisor->signals >= 0)
		close(supervisor->signals);
	if (supervisor->root >= 0)
		close(supervisor->root);
	listeners_close(&supervisor->listeners);
}

/* --- The server process ---------------------------------------------------------------------- */

/* In the child: the same program once more. It learns of signals over the channel alone, so that
 * Ctrl-C in a terminal, which reaches both, drains as SIGTERM does. */
static _Noreturn void child_exec(char **argv, int channel)
{
	char number[16];
	sigset_t none;

	sigemptyset(&none);
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	sigprocmask(SIG_SETMASK, &none, NULL);
	snprintf(number, sizeof(number), "%d", channel);
	setenv("SLUICE_CHANNEL", number, 1);
	unsetenv("NOTIFY_SOCKET"); /* news goes through the supervisor */
	fcntl(channel, F_SETFD, 0);
	execv("/proc/self/exe", argv);
	log_error("cannot start the server process: %s%s", strerror(errno),
		  errno == EACCES ? "; whom it runs as needs to execute this program" : "");
	_exit(127);
}

static int descriptors_send(int channel, enum channel_kind kind, const int *fds, size_t count)
{
	struct channel_message message = { .kind = kind };
	int r = 0;

	while (r == 0 && count > 0) {
		size_t batch = count < CHANNEL_DESCRIPTORS_MAX ? count : CHANNEL_DESCRIPTORS_MAX;

		r = channel_send(channel, &message, fds, batch);
		fds += batch;
		count -= batch;
	}
	return r;
}

static int child_equip(const struct supervisor *supervisor)
{
	const struct listeners *listeners = &supervisor->listeners;
	struct channel_message start = { .kind = CHANNEL_START };
	int channel = supervisor->channel;
	int r;

	memcpy(start.text, supervisor->marker_secret, MARKER_SECRET_BYTES);
	r = descriptors_send(channel, CHANNEL_CONTROL_LISTENERS, listeners->control,
			     listeners->control_count);
	if (r == 0)
		r = descriptors_send(channel, CHANNEL_PASSIVE_LISTENERS, listeners->passive,
				     listeners->passive_count);
	if (r == 0)
		r = channel_send(channel, &start, &supervisor->root, 1);
	explicit_bzero(start.text, sizeof(start.text));
	return r;
}

/* Both ends block; ours not for ever, as it is the operator's signals that would wait. */
static int channel_open(int ret_pair[2])
{
	struct timeval limit = { .tv_sec = SEND_LIMIT_S };

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret_pair) < 0)
		return -errno;
	setsockopt(ret_pair[0], SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	return 0;
}

static int child_fork(struct supervisor *supervisor)
{
	int pair[2];
	pid_t child;
	int r = channel_open(pair);

	if (r < 0)
		return r;
	child = fork();
	if (child == 0)
		child_exec(supervisor->argv, pair[1]);
	r = child < 0 ? -errno : 0;
	close(pair[1]);
	if (r < 0) {
		close(pair[0]);
		return r;
	}
	supervisor->child = child;
	supervisor->channel = pair[0];
	return 0;
}

/* The next start comes after the back-off; a first one that fails is the end. */
static void start_again_later(struct supervisor *supervisor)
{
	if (!supervisor->was_ready) {
		supervisor->status = 1;
		state_change(supervisor, OVER);
		return;
	}
	state_change(supervisor, WAITING);
	supervisor->deadline_ms = now_ms() + supervisor->backoff_ms;
	log_info("starting a new server process in %u s", supervisor->backoff_ms / 1000);
	supervisor->backoff_ms *= 2;
	if (supervisor->backoff_ms > BACKOFF_MOST_MS)
		supervisor->backoff_ms = BACKOFF_MOST_MS;
}

/* A server process that died while it was being equipped is reported by SIGCHLD, not here. */
static void child_start(struct supervisor *supervisor)
{
	int r = child_fork(supervisor);

	supervisor->started_ms = now_ms();
	if (r < 0) {
		log_error("cannot start the server process: %s", strerror(-r));
		start_again_later(supervisor);
		return;
	}
	r = child_equip(supervisor);
	if (r < 0 && r != -EPIPE && r != -ECONNRESET) {
		log_error("cannot equip the server process: %s", strerror(-r));
		kill(supervisor->child, SIGKILL);
	}
}

static void child_end_log(int status)
{
	if (WIFSIGNALED(status))
		log_error("the server process was killed by signal %d (%s)", WTERMSIG(status),
			  strsignal(WTERMSIG(status)));
	else
		log_error("the server process ended with status %d", WEXITSTATUS(status));
}

static void child_ended(struct supervisor *supervisor, int status)
{
	supervisor->child = 0;
	channel_close(supervisor);
	if (supervisor->state == STOPPING || (supervisor->state == DRAINING && status == 0)) {
		state_change(supervisor, OVER);
		return;
	}
	child_end_log(status);
	if (supervisor->state == DRAINING) {
		supervisor->status = 1;
		state_change(supervisor, OVER);
		return;
	}
	if (now_ms() - supervisor->started_ms > 2 * BACKOFF_MOST_MS)
		supervisor->backoff_ms = BACKOFF_LEAST_MS; /* it had been well for a while */
	start_again_later(supervisor);
}

/* --- Requests of the server process ---------------------------------------------------------- */

static void active_socket_answer(struct supervisor *supervisor,
				 const struct channel_message *request, int result)
{
	struct channel_message answer = { .kind = CHANNEL_ACTIVE_SOCKET_READY,
					  .result = result < 0 ? result : 0,
					  .tag = request->tag };
	int r;

	r = channel_send(supervisor->channel, &answer, &result, result >= 0);
	if (r < 0)
		log_warning("the server process takes no answer: %s", strerror(-r));
}

static void request_active_socket(struct supervisor *supervisor,
				  const struct channel_message *request)
{
	int fd = listeners_active_socket(&supervisor->listeners, &request->address);

	active_socket_answer(supervisor, request, fd);
	if (fd >= 0)
		close(fd);
}

static void active_socket_refuse(struct supervisor *supervisor,
				 const struct channel_message *request)
{
	active_socket_answer(supervisor, request, -EAGAIN);
}

static void request_ready(struct supervisor *supervisor, const struct channel_message *request)
{
	(void)request;
	supervisor->was_ready = true;
	if (supervisor->state != STARTING)
		return; /* SIGTERM came first */
	state_change(supervisor, SERVING);
	service_manager_notify("READY=1");
}

/* A line feed would begin another assignment of sd_notify(3), and the text comes from the side
 * that strangers talk to. */
static void request_status(struct supervisor *supervisor, const struct channel_message *request)
{
	char state[CHANNEL_TEXT_MAX + 8];

	(void)supervisor;
	snprintf(state, sizeof(state), "STATUS=%.*s", CHANNEL_TEXT_MAX - 1, request->text);
	for (char *at = state; *at; at++) {
		if ((unsigned char)*at < ' ' || *at == 0x7f)
			*at = ' ';
	}
	service_manager_notify(state);
}

/* All that the server process may ask for: when, how often, and what is done. Whoever asks for
 * anything else is no longer the program that was started, and ends. */
static const struct request {
	enum channel_kind kind;
	unsigned states;
	unsigned per_second;
	void (*run)(struct supervisor *, const struct channel_message *);
	void (*refuse)(struct supervisor *, const struct channel_message *); /* once too often */
} requests[] = {
	{ CHANNEL_ACTIVE_SOCKET, BIT(SERVING) | BIT(DRAINING) | BIT(STOPPING), 50000,
	  request_active_socket, active_socket_refuse },
	{ CHANNEL_READY, BIT(STARTING) | BIT(DRAINING) | BIT(STOPPING), 1, request_ready, NULL },
	{ CHANNEL_STATUS, BIT(STARTING) | BIT(SERVING) | BIT(DRAINING) | BIT(STOPPING), 10,
	  request_status, NULL },
};

#define REQUESTS_COUNT (sizeof(requests) / sizeof(requests[0]))

static const struct request *request_find(const struct supervisor *supervisor, uint32_t kind)
{
	for (size_t i = 0; i < REQUESTS_COUNT; i++) {
		if (requests[i].kind == kind && (requests[i].states & BIT(supervisor->state)))
			return &requests[i];
	}
	return NULL;
}

/* Whether this request may still come within this second. */
static bool request_is_timely(struct supervisor *supervisor, const struct request *request)
{
	int64_t second = now_ms() / 1000;

	if (second != supervisor->second)
		memset(supervisor->requests_used, 0, sizeof(supervisor->requests_used));
	supervisor->second = second;
	return supervisor->requests_used[request->kind]++ < request->per_second;
}

static void request_take(struct supervisor *supervisor, const struct channel_message *message)
{
	const struct request *request = request_find(supervisor, message->kind);

	if (!request) {
		log_error("the server process asked for what it may not (%u while %s); it is ended",
			  (unsigned)message->kind, states[supervisor->state].name);
		kill(supervisor->child, SIGKILL);
		channel_close(supervisor);
	} else if (request_is_timely(supervisor, request)) {
		request->run(supervisor, message);
	} else if (request->refuse) {
		request->refuse(supervisor, message);
	}
}

/* One message; poll comes back for the next, so that signals are never behind many of them. */
static void on_channel(struct supervisor *supervisor)
{
	struct channel_message message;
	int fds[CHANNEL_DESCRIPTORS_MAX];
	size_t count;
	int r = channel_receive(supervisor->channel, MSG_DONTWAIT, &message, fds, &count);

	if (r == -EAGAIN)
		return;
	if (r <= 0) {
		channel_close(supervisor); /* it ends; SIGCHLD says how */
		return;
	}
	while (count > 0)
		close(fds[--count]); /* nothing that may be asked for brings one */
	request_take(supervisor, &message);
}

/* --- Signals --------------------------------------------------------------------------------- */

/* Sends an order that has no descriptors. A server process that is gone needs none. */
static void order_send(struct supervisor *supervisor, enum channel_kind kind)
{
	struct channel_message message = { .kind = kind };

	if (supervisor->channel >= 0)
		channel_send(supervisor->channel, &message, NULL, 0);
}

static void on_termination(struct supervisor *supervisor)
{
	switch (supervisor->state) {
	case STARTING:
	case SERVING:
		state_change(supervisor, DRAINING);
		order_send(supervisor, CHANNEL_DRAIN);
		listeners_close_control(&supervisor->listeners);
		log_info(
			"draining: no new sessions, transfers may finish; another signal ends them");
		service_manager_notify("STOPPING=1\nSTATUS=draining");
		break;
	case DRAINING:
		state_change(supervisor, STOPPING);
		order_send(supervisor, CHANNEL_STOP);
		supervisor->deadline_ms = now_ms() + STOP_LIMIT_MS;
		log_info("stopping at once");
		break;
	case WAITING:
		service_manager_notify("STOPPING=1");
		state_change(supervisor, OVER);
		break;
	case STOPPING:
	case OVER:
		break;
	}
}

static void on_child(struct supervisor *supervisor)
{
	int status;

	if (supervisor->child > 0 && waitpid(supervisor->child, &status, WNOHANG) > 0)
		child_ended(supervisor, status);
}

static void on_signals(struct supervisor *supervisor)
{
	struct signalfd_siginfo info;

	while (read(supervisor->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGCHLD)
			on_child(supervisor);
		else
			on_termination(supervisor);
	}
}

static void on_deadline(struct supervisor *supervisor)
{
	supervisor->deadline_ms = 0;
	if (supervisor->state == WAITING) {
		state_change(supervisor, STARTING);
		child_start(supervisor);
	} else if (supervisor->state == STOPPING) {
		log_warning("the server process did not end in %d s and is killed",
			    STOP_LIMIT_MS / 1000);
		kill(supervisor->child, SIGKILL);
	}
}

/* --- The loop -------------------------------------------------------------------------------- */

static int wait_ms(const struct supervisor *supervisor)
{
	int64_t left = supervisor->deadline_ms - now_ms();

	if (supervisor->deadline_ms == 0)
		return -1;
	return left > 0 ? (int)left : 0;
}

static void supervisor_turn(struct supervisor *supervisor)
{
	struct pollfd watched[] = {
		{ .fd = supervisor->channel, .events = POLLIN }, /* -1 is passed over */
		{ .fd = supervisor->signals, .events = POLLIN },
	};

	poll(watched, 2, wait_ms(supervisor));
	/* The channel first: a READY in front of a death counts. */
	if (watched[0].revents)
		on_channel(supervisor);
	if (watched[1].revents)
		on_signals(supervisor);
	if (wait_ms(supervisor) == 0)
		on_deadline(supervisor);
}

/* Whether the server process will find its code page: what it would say comes too late. */
static bool ebcdic_is_known(const struct config *config)
{
	struct translate_ebcdic ebcdic;
	int r = config->ebcdic_page ? translate_ebcdic_load(config->ebcdic_page, &ebcdic) : 0;

	if (r < 0)
		log_error("--ebcdic %s: the code page %s", config->ebcdic_page,
			  translate_ebcdic_error(r));
	return r == 0;
}

/* Looked up once: later on the names may no longer be readable to us. */
static bool user_is_known(const struct config *config, struct system_user *ret_user)
{
	int r = config->user ? system_user_find(config->user, ret_user) : 0;

	if (r == -ENOENT)
		log_error("--user %s: there is no such user on this system", config->user);
	else if (r < 0)
		log_error("--user %s: cannot be looked up: %s", config->user, strerror(-r));
	return r == 0;
}

int supervisor_run(const struct config *config, char **argv)
{
	struct supervisor supervisor = { .config = config,
					 .argv = argv,
					 .root = -1,
					 .signals = -1,
					 .channel = -1,
					 .backoff_ms = BACKOFF_LEAST_MS };

	if (!ebcdic_is_known(config) || !user_is_known(config, &supervisor.user))
		return EXIT_WRONG_ARGUMENTS;
	if (supervisor_open(&supervisor) < 0) {
		supervisor_close(&supervisor);
		return 1;
	}
	first_line_log(&supervisor);
	child_start(&supervisor);
	while (supervisor.state != OVER)
		supervisor_turn(&supervisor);
	supervisor_close(&supervisor);
	return supervisor.status;
}
