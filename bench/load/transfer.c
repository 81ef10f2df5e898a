#include "load.h"

#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include "content.h"

/* How much one readiness may discard: enough to empty any receive buffer. */
enum { DISCARD_BYTES = 16 << 20, BLOCKS_A_TURN = 64 };

static unsigned char stream[STREAM_BYTES];

static uint32_t random_below(struct load *load, uint32_t limit)
{
	load->random++;
	return (uint32_t)(content_mix(load->random) % limit);
}

static void choose_small(struct session *session)
{
	const struct options *options = &session->load->options;

	session->content = random_below(session->load, options->files);
	session->expect = content_small_size(session->content);
	session->use = options->verify ? DATA_VERIFY : DATA_DISCARD;
	snprintf(session->argument, sizeof(session->argument), "small/f%" PRIu32, session->content);
}

static void choose_upload(struct session *session)
{
	session->verb = "STOR";
	session->use = DATA_SEND;
	session->expect = session->load->options.size;
	snprintf(session->argument, sizeof(session->argument), "%.20s/u%u-%" PRIu64,
		 session->load->options.file, session->number, session->uploads++);
}

static void choose_one(struct session *session)
{
	const struct options *options = &session->load->options;

	session->expect = options->work == WORK_LIST ? 0 : options->expect;
	session->content = options->number;
	session->use = options->verify ? DATA_VERIFY : DATA_DISCARD;
	if (options->work == WORK_STALL)
		session->use = DATA_HOLD;
	if (options->work == WORK_LIST) {
		session->verb = options->verb;
		session->use = DATA_LINES;
	}
	snprintf(session->argument, sizeof(session->argument), "%s", options->file);
}

void transfer_choose(struct session *session)
{
	session->verb = "RETR";
	session->moved = 0;
	session->replied = false;
	session->drained = false;
	if (session->load->options.work == WORK_SMALL)
		choose_small(session);
	else if (session->load->options.work == WORK_STOR)
		choose_upload(session);
	else
		choose_one(session);
}

static void transfer_moved(struct session *session, size_t n)
{
	struct load *load = session->load;

	session->moved += n;
	load->report.bytes += n;
	load->bytes[session->number] += n;
}

static void transfer_drained(struct session *session)
{
	watch_close(&session->data);
	session->drained = true;
	transfer_finish(session);
}

/* Looks at n bytes in stream as the transfer's use demands. */
static void stream_use(struct session *session, size_t n)
{
	struct report *report = &session->load->report;

	if (session->use == DATA_VERIFY) {
		report->wrong_bytes += content_differs(session->content, session->moved, stream, n);
		return;
	}
	for (unsigned char *at = stream; (at = memchr(at, '\n', n - (size_t)(at - stream))); at++)
		report->entries++;
}

ssize_t transfer_receive(struct session *session, size_t most)
{
	ssize_t n;

	if (session->use == DATA_DISCARD) {
		n = recv(session->data.fd, NULL, most, MSG_TRUNC);
	} else {
		n = recv(session->data.fd, stream, most < sizeof(stream) ? most : sizeof(stream),
			 0);
		if (n > 0)
			stream_use(session, (size_t)n);
	}
	if (n > 0)
		transfer_moved(session, (size_t)n);
	return n;
}

/* The file has come, and the connection stays. */
static void transfer_came(struct session *session)
{
	session->drained = true;
	transfer_finish(session);
}

static void data_ended(struct session *session, ssize_t n)
{
	if (n == 0 && session->load->options.mode == 'B')
		session_error(session, "data connection: closed within a file");
	else if (n == 0)
		transfer_drained(session);
	else if (errno != EAGAIN && errno != EINTR)
		session_error(session, "data connection: %s", strerror(errno));
}

static void blocks_take(struct session *session)
{
	bool file_end = false;
	ssize_t n = 1;

	for (unsigned i = 0; i < BLOCKS_A_TURN && n > 0 && !file_end; i++)
		n = block_receive(session, &file_end);
	if (file_end)
		transfer_came(session);
	else if (n <= 0)
		data_ended(session, n);
}

static void data_take(struct session *session, size_t most)
{
	uint64_t left = session->http_length - session->moved;
	ssize_t n;

	if (session->load->options.http && left < most)
		most = (size_t)left;
	n = transfer_receive(session, most);
	if (n <= 0)
		data_ended(session, n);
	else if (session->load->options.http && session->moved >= session->http_length)
		transfer_came(session);
}

static void data_give(struct session *session)
{
	off_t at = (off_t)session->moved;
	ssize_t n = sendfile(session->data.fd, session->load->upload_fd, &at,
			     (size_t)(session->expect - session->moved));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		session_error(session, "data connection: %s", n ? strerror(errno) : "no content");
		return;
	}
	transfer_moved(session, (size_t)n);
	if (session->moved < session->expect)
		return;
	if (!session->load->options.plain) {
		transfer_drained(session);
		return;
	}
	/* The end of a plain upload is known when the server has closed its side as well. */
	shutdown(session->data.fd, SHUT_WR);
	watch_set(session->load, &session->data, EPOLL_CTL_MOD, EPOLLIN);
}

static void data_on_ready(struct watch *watch, uint32_t events)
{
	struct session *session =
		(struct session *)((char *)watch - offsetof(struct session, data));

	(void)events;
	if (watch->fd < 0)
		return;
	if (session->load->options.http && session->http != HTTP_BODY)
		http_on_ready(session);
	else if (session->use == DATA_HOLD)
		load_session_begun(session->load);
	else if (session->use == DATA_SEND && session->moved < session->expect)
		data_give(session);
	else if (session->state != SESSION_MOVING || session->drained)
		watch_close(
			&session->data); /* it was kept, and the server has thought better of it */
	else if (session->load->options.mode == 'B')
		blocks_take(session);
	else
		data_take(session, DISCARD_BYTES);
}

static uint32_t data_events(const struct session *session)
{
	if (session->use == DATA_SEND || session->load->options.http)
		return EPOLLOUT;
	/* Of a stalled download only the first byte is awaited, and never read. */
	return session->use == DATA_HOLD ? EPOLLIN | EPOLLONESHOT : EPOLLIN;
}

static unsigned local_port(int fd)
{
	struct sockaddr_storage address;
	socklen_t length = sizeof(address);

	/* sin_port and sin6_port are the same two bytes. */
	if (getsockname(fd, (struct sockaddr *)&address, &length) < 0)
		return 0;
	return ntohs(((struct sockaddr_in *)&address)->sin_port);
}

int transfer_open(struct session *session, unsigned port)
{
	int fd = load_connect(session->load, session, port);

	if (fd < 0)
		return fd;
	session->data.fd = fd;
	session->data.on_ready = data_on_ready;
	session->block = (struct block){ 0 };
	/* A bare reference names what it receives by the sender's port. */
	if (session->use == DATA_SEND && session->load->options.plain)
		snprintf(session->argument, sizeof(session->argument), "p%u", local_port(fd));
	/* A paced reader looks at its socket by the clock alone, once the file is coming. */
	if (session->load->options.pace_bytes_per_s == 0 || session->load->options.http)
		watch_set(session->load, &session->data, EPOLL_CTL_ADD, data_events(session));
	return 0;
}

void transfer_tick(struct session *session)
{
	uint64_t pace = session->load->options.pace_bytes_per_s;
	uint64_t due;

	if (session->data.fd < 0 || session->state != SESSION_MOVING)
		return;
	if (session->load->options.http && session->http != HTTP_BODY)
		return;
	due = (uint64_t)((double)pace * (double)(report_now_ns() - session->began_ns) / 1e9);
	if (due > session->moved)
		data_take(session, (size_t)(due - session->moved));
}

void transfer_replied(struct session *session, int code)
{
	session->replied = true;
	session->kept = code == 250;
	transfer_finish(session);
}

/* An upload is unlinked once it was acknowledged, so that a small tmpfs holds any number. */
static void upload_remove(const struct session *session)
{
	if (session->use == DATA_SEND && session->load->remove_fd >= 0 &&
	    unlinkat(session->load->remove_fd, session->argument, 0) < 0)
		report_error(&session->load->report, "an acknowledged upload is not in its folder");
}

void transfer_finish(struct session *session)
{
	if (!session->drained || (!session->replied && !session->load->options.plain))
		return;
	if (session->load->options.mode == 'B' && !session->kept)
		watch_close(&session->data);
	if (session->expect && session->moved != session->expect) {
		session_error(session, "%s %s: %" PRIu64 " bytes instead of %" PRIu64,
			      session->verb, session->argument, session->moved, session->expect);
		return;
	}
	report_operation(&session->load->report, session->began_ns);
	session->errors_in_a_row = 0;
	upload_remove(session);
	session_next(session);
}
