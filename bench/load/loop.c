#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <sluice/translate.h>

#include "content.h"

void watch_set(struct load *load, struct watch *watch, int operation, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = watch };

	if (epoll_ctl(load->epoll_fd, operation, watch->fd, &event) < 0) {
		perror("load: epoll_ctl");
		exit(1);
	}
}

void watch_close(struct watch *watch)
{
	if (watch->fd >= 0)
		close(watch->fd);
	watch->fd = -1;
}

/* Session i speaks from 127.0.0.(1 + i mod source_ips). */
static int source_bind(int fd, const struct load *load, unsigned number)
{
	struct sockaddr_in source = { .sin_family = AF_INET };
	int one = 1;

	if (load->options.source_ips <= 1 || load->options.server.ss_family != AF_INET)
		return 0;
	source.sin_addr.s_addr = htonl(0x7f000001u + number % load->options.source_ips);
	/* The port is chosen in connect, where only the pair of addresses has to be unique. */
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
	return bind(fd, (struct sockaddr *)&source, sizeof(source));
}

/* A reader that is slower than the server leaves its buffer full, and the kernel lets that grow by
 * chance, to 3 MB on some connections and not at all on others. Pinned, all readers are alike. Before
 * connect, since the window's scale is agreed on there; by force, where the limit for all is less. */
static void receive_buffer_pin(int fd, int bytes)
{
	if (bytes > 0 && setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
}

int load_connect(struct load *load, const struct session *session, unsigned port)
{
	struct sockaddr_storage to = load->options.server;
	int fd = socket(to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int one = 1;

	if (fd < 0)
		return -errno;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	receive_buffer_pin(fd, load->options.receive_buffer_bytes);
	/* sin_port and sin6_port are the same two bytes. */
	if (port != 0)
		((struct sockaddr_in *)&to)->sin_port = htons((uint16_t)port);
	if (source_bind(fd, load, session->number) < 0 ||
	    (connect(fd, (struct sockaddr *)&to, load->options.server_length) < 0 &&
	     errno != EINPROGRESS)) {
		int error = errno;

		close(fd);
		return -error;
	}
	return fd;
}

bool load_claim(struct load *load)
{
	if (!load->running || (load->options.count && load->claimed >= load->options.count))
		return false;
	load->claimed++;
	return true;
}

static bool holds(const struct load *load)
{
	return load->options.work == WORK_IDLE || load->options.work == WORK_STALL;
}

static void load_start(struct load *load)
{
	if (load->running || load->over)
		return;
	load->running = true;
	report_start(&load->report);
	for (unsigned i = 0; i < load->options.sessions; i++)
		session_next(&load->sessions[i]);
}

/* All sessions stand: the ones that hold say so later, the gated ones now. */
static void load_all_ready(struct load *load)
{
	if (load->options.work == WORK_STALL) {
		load_start(load);
		return;
	}
	if (load->options.work == WORK_IDLE) {
		load->running = true;
		load->held = true;
		report_start(&load->report);
	}
	if (load->options.gate || holds(load))
		report_print_ready(&load->report, load->options.sessions - load->dead);
	if (!load->options.gate && !holds(load))
		load_start(load);
}

static void load_open_more(struct load *load)
{
	while (load->opened < load->options.sessions &&
	       load->logins_under_way < load->options.ramp) {
		struct session *session = &load->sessions[load->opened++];

		session->logging_in = true;
		load->logins_under_way++;
		session_open(session);
	}
}

void load_session_ready(struct load *load)
{
	if (++load->ready == load->options.sessions)
		load_all_ready(load);
}

static void stall_check(struct load *load)
{
	if (load->options.work != WORK_STALL || load->held || !load->running ||
	    load->begun + load->dead < load->options.sessions)
		return;
	load->held = true;
	report_print_ready(&load->report, load->begun);
}

void load_session_begun(struct load *load)
{
	load->begun++;
	stall_check(load);
}

void load_session_dead(struct load *load)
{
	if (++load->dead == load->options.sessions)
		load->over = true;
	stall_check(load);
}

static void gate_on_ready(struct watch *watch, uint32_t events)
{
	struct load *load = (struct load *)((char *)watch - offsetof(struct load, gate));
	char line[64];
	ssize_t n = read(watch->fd, line, sizeof(line));

	(void)events;
	if (n > 0 && !holds(load)) {
		load_start(load);
		return;
	}
	if (n <= 0)
		load->over = true;
}

/* Every millisecond the sessions of one phase, so that the readers do not read in step. */
static void ticker_on_ready(struct watch *watch, uint32_t events)
{
	struct load *load = (struct load *)((char *)watch - offsetof(struct load, ticker));
	uint64_t expirations;
	uint64_t now_ms = report_now_ns() / 1000000;

	(void)events;
	if (read(watch->fd, &expirations, sizeof(expirations)) < 0)
		return;
	/* By the clock, which stands still while this program is stopped; the timer does not. */
	for (; load->tick < now_ms; load->tick++)
		for (uint64_t i = load->tick % PACE_TICKS; i < load->options.sessions;
		     i += PACE_TICKS)
			transfer_tick(&load->sessions[i]);
}

static void ticker_open(struct load *load)
{
	struct itimerspec every = { .it_interval.tv_nsec = 1000000, .it_value.tv_nsec = 1000000 };

	load->ticker.fd = -1;
	if (load->options.pace_bytes_per_s == 0)
		return;
	load->ticker.fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	load->ticker.on_ready = ticker_on_ready;
	load->tick = report_now_ns() / 1000000;
	timerfd_settime(load->ticker.fd, 0, &every, NULL);
	watch_set(load, &load->ticker, EPOLL_CTL_ADD, EPOLLIN);
}

/* The next of what is uploaded: in TYPE A the lines of text.txt, again and again, as a network wants them.
 * Returns the octets, of which there may be more than length. */
static size_t upload_fill(char type, uint64_t done, unsigned char *chunk, size_t length)
{
	unsigned char text[CONTENT_TEXT_BLOCK];

	if (type != 'A') {
		content_fill(CONTENT_UPLOAD, done, chunk, length);
		return length;
	}
	content_text(0, text, sizeof(text));
	return ascii_to_network((char *)text, sizeof(text), (char *)chunk);
}

/* The memory is written here, so that no page is new when the measurement runs. */
static int upload_open(const struct load *load)
{
	static unsigned char chunk[STREAM_BYTES];
	int fd = memfd_create("upload", MFD_CLOEXEC);

	for (uint64_t done = 0; fd >= 0 && done < load->options.size;) {
		uint64_t left = load->options.size - done;
		size_t part = left < sizeof(chunk) ? (size_t)left : sizeof(chunk);

		size_t filled = upload_fill(load->options.type, done, chunk, part);

		part = filled < part ? filled : part;
		if (write(fd, chunk, part) != (ssize_t)part) {
			close(fd);
			return -1;
		}
		done += part;
	}
	return fd;
}

static int load_prepare(struct load *load)
{
	const struct options *options = &load->options;
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	load->sessions = calloc(options->sessions, sizeof(*load->sessions));
	load->bytes = calloc(options->sessions, sizeof(*load->bytes));
	load->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	load->upload_fd = options->work == WORK_STOR ? upload_open(load) : -1;
	load->remove_fd = options->remove_from
				  ? open(options->remove_from, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
				  : -1;
	if (!load->sessions || !load->bytes || load->epoll_fd < 0 ||
	    (options->work == WORK_STOR && load->upload_fd < 0) ||
	    (options->remove_from && load->remove_fd < 0)) {
		perror("load: preparing");
		return -1;
	}
	for (unsigned i = 0; i < options->sessions; i++)
		load->sessions[i] = (struct session){ .load = load,
						      .number = i,
						      .control.fd = -1,
						      .data.fd = -1,
						      .waits = DIAGRAM_S };
	ticker_open(load);
	load->gate = (struct watch){ .fd = STDIN_FILENO, .on_ready = gate_on_ready };
	if (options->gate || holds(load))
		watch_set(load, &load->gate, EPOLL_CTL_ADD, EPOLLIN);
	return 0;
}

/* The moment at which the run has settled; then that at which it ends in any case: after the
 * seconds, or at the deadline before. */
static uint64_t load_end_ns(const struct load *load, uint64_t began_ns)
{
	uint64_t end = began_ns + (uint64_t)(load->options.deadline_s * 1e9);
	uint64_t timed = load->report.started_ns + (uint64_t)(load->options.seconds * 1e9);

	if (load->running && !load->settled && load->options.settles)
		return load->report.started_ns + (uint64_t)(load->options.settle_s * 1e9);
	if (load->running && load->options.seconds > 0 && !holds(load) && timed < end)
		return timed;
	return end;
}

static bool load_counted_out(const struct load *load)
{
	uint64_t done = load->report.operations + load->report.errors;

	return load->running && load->options.count > 0 && done >= load->options.count;
}

static void load_turn(struct load *load, uint64_t end_ns)
{
	struct epoll_event events[256];
	uint64_t now = report_now_ns();
	int timeout_ms = now < end_ns ? (int)((end_ns - now) / 1000000 + 1) : 0;
	int n = epoll_wait(load->epoll_fd, events, 256, timeout_ms < 1000 ? timeout_ms : 1000);

	for (int i = 0; i < n && !load->over; i++) {
		struct watch *watch = events[i].data.ptr;

		watch->on_ready(watch, events[i].events);
	}
}

/* Buffers are full and windows open now as they will be at the end: what is counted from here
 * on is the steady state. Errors stay. */
static void load_settle(struct load *load)
{
	load->settled = true;
	memset(load->bytes, 0, load->options.sessions * sizeof(*load->bytes));
	printf("{\"settled\": true}\n");
	fflush(stdout);
	/* Whoever stops this program goes on with it when it is its turn. */
	if (load->options.clock)
		raise(SIGSTOP);
	report_start(&load->report);
}

static void load_loop(struct load *load)
{
	uint64_t began_ns = report_now_ns();

	while (!load->over) {
		uint64_t end_ns = load_end_ns(load, began_ns);

		if (load_counted_out(load))
			break;
		if (report_now_ns() >= end_ns) {
			if (!load->running || load->settled || !load->options.settles)
				break;
			load_settle(load);
			continue;
		}
		if (load->ready < load->options.sessions && load->opened < load->options.sessions)
			load_open_more(load);
		load_turn(load, end_ns);
	}
	load->over = true;
	load->report.ended_ns = report_now_ns();
	if (!load->running) {
		report_error(&load->report, "the run ended before every session was ready");
		load->report.started_ns = load->report.ended_ns;
	}
}

/* After the result the sessions stay open until stdin closes, so that whoever measures
 * the server can read its counters before the sessions' ends are part of them. */
static void load_linger(const struct load *load)
{
	char line[64];

	if (load->options.gate && !holds(load))
		while (read(STDIN_FILENO, line, sizeof(line)) > 0)
			continue;
}

int load_run(struct load *load)
{
	int error = load->options.clock ? report_clock_open(load->options.clock) : 0;

	if (error < 0) {
		fprintf(stderr, "load: %s: %s\n", load->options.clock, strerror(-error));
		return 1;
	}
	if (load_prepare(load) < 0)
		return 1;
	/* Logins are the workload of login, and plain has none. */
	if (load->options.work == WORK_LOGIN || load->options.plain) {
		load->ready = load->opened = load->options.sessions;
		for (unsigned i = 0; i < load->options.sessions; i++)
			load->sessions[i].state = SESSION_READY;
		load_all_ready(load);
	}
	load_loop(load);
	report_print(&load->report, &load->options, load->bytes);
	load_linger(load);
	return load->report.errors || load->report.wrong_bytes ? 3 : 0;
}
