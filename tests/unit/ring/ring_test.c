#include "ring/ring.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/test_ring.h"
#include "sys/calls.h"

#define BIG 3000000

static void pair(int ends[2])
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
}

static int listen_on_loopback(struct sockaddr_in *ret_address)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t length = sizeof(*ret_address);

	*ret_address = (struct sockaddr_in){ .sin_family = AF_INET,
					     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	assert_int_equal(bind(fd, (struct sockaddr *)ret_address, length), 0);
	assert_int_equal(listen(fd, 64), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)ret_address, &length), 0);
	return fd;
}

static int connect_to(const struct sockaddr_in *address)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (const struct sockaddr *)address, sizeof(*address)), 0);
	return fd;
}

static void tcp_pair(int ends[2])
{
	const int size_bytes = 65536;
	struct sockaddr_in address;
	int listener = listen_on_loopback(&address);

	setsockopt(listener, SOL_SOCKET, SO_SNDBUF, &size_bytes, sizeof(size_bytes));
	setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &size_bytes, sizeof(size_bytes));
	ends[1] = connect_to(&address);
	ends[0] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	assert_true(ends[0] >= 0);
	close(listener);
}

static int cancel_and_wait(struct waited *one)
{
	ring_cancel(test_ring, &one->op);
	while (op_pending(&one->op))
		wait_for_call(one, one->calls + 1);
	return one->result;
}

static void accept_brings_connection_after_connection(void **state)
{
	struct waited accepted = { 0 };
	struct sockaddr_in address;
	int listener = listen_on_loopback(&address);

	(void)state;
	ring_accept(test_ring, waited(&accepted), listener, SOCK_NONBLOCK);
	for (unsigned i = 1; i <= 20; i++) {
		int client = connect_to(&address);
		int fd = wait_for_call(&accepted, i);

		assert_true(fd >= 0);
		assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
		assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
		assert_true(op_pending(&accepted.op));
		close(fd);
		close(client);
	}
	assert_int_equal(cancel_and_wait(&accepted), -ECANCELED);
	ring_close_socket(test_ring, listener);
}

static void accept_without_nonblock_gives_blocking_sockets(void **state)
{
	struct waited accepted = { 0 };
	struct sockaddr_in address;
	int listener = listen_on_loopback(&address);
	int client = connect_to(&address);
	int fd;

	(void)state;
	ring_accept(test_ring, waited(&accepted), listener, 0);
	fd = wait_for_call(&accepted, 1);
	assert_false(fcntl(fd, F_GETFL) & O_NONBLOCK);
	assert_int_equal(cancel_and_wait(&accepted), -ECANCELED);
	close(fd);
	close(client);
	ring_close_socket(test_ring, listener);
}

static unsigned polls;

static void on_poll_after_accept(struct op *op, int result)
{
	assert_int_equal(op->kind, OP_POLL);
	assert_true(result & POLLIN);
	polls++;
	ring_stop(test_ring);
}

/* A listener that has done its work makes way for the connection that it brought. */
static void poll_as_soon_as_accept_is_over(struct op *op, int result)
{
	if (result >= 0) {
		close(result);
		ring_cancel(test_ring, op);
	}
	if (op_pending(op))
		return;
	op->done = on_poll_after_accept;
	ring_poll(test_ring, op, *(int *)(void *)(op + 1), POLLIN);
}

static void last_call_of_an_accept_may_begin_another_operation(void **state)
{
	struct {
		struct op op;
		int fd;
	} accepted = { .op.done = poll_as_soon_as_accept_is_over };
	struct sockaddr_in address;
	int listener = listen_on_loopback(&address);
	int ends[2];
	int peer;

	(void)state;
	polls = 0;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], "x", 1), 1);
	accepted.fd = ends[0];
	ring_accept(test_ring, &accepted.op, listener, 0);
	peer = connect_to(&address);
	run_for_ms(50);
	assert_int_equal(polls, 1);
	close(peer);
	ring_close_socket(test_ring, listener);
	ring_close_socket(test_ring, ends[0]);
	close(ends[1]);
}

static void a_ring_runs_again_after_a_stop(void **state)
{
	struct waited first = { 0 }, second = { 0 };

	(void)state;
	ring_yield(test_ring, waited(&first));
	assert_int_equal(ring_run(test_ring), 0);
	ring_yield(test_ring, waited(&second));
	assert_int_equal(ring_run(test_ring), 0);
	assert_int_equal(first.calls + second.calls, 2);
}

/* Operations that yield, each of which takes as long as all of them may together. */
#define BUSY 6

static struct op busy[BUSY];
static struct op timed;
static struct wheel_timer busy_timer;
static int busy_ends[2];
static unsigned busy_done, busy_done_at_poll, busy_done_at_timer;

static void on_busy_readable(struct op *op, int result)
{
	(void)op;
	assert_true(result & POLLIN);
	busy_done_at_poll = busy_done;
}

static void on_busy_timer(struct wheel_timer *timer)
{
	(void)timer;
	busy_done_at_timer = busy_done;
}

static uint64_t monotonic_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void on_busy(struct op *op, int result)
{
	uint64_t end_us = monotonic_us() + 4 * RING_YIELDED_US_MAX;

	assert_int_equal(result, 0);
	assert_ptr_equal(op, &busy[busy_done]); /* in their order */
	if (busy_done == 0) {
		timed.done = on_busy_readable;
		ring_poll(test_ring, &timed, busy_ends[0], POLLIN);
		assert_int_equal(write(busy_ends[1], "x", 1), 1);
		busy_timer.fire = on_busy_timer;
		ring_timer_set(test_ring, &busy_timer, 1);
	}
	while (monotonic_us() < end_us)
		continue;
	if (++busy_done == BUSY)
		ring_stop(test_ring);
}

static void what_yields_for_long_lets_others_be_handled_in_between(void **state)
{
	(void)state;
	busy_done = 0;
	busy_done_at_poll = busy_done_at_timer = BUSY;
	pair(busy_ends);
	for (int i = 0; i < BUSY; i++) {
		busy[i].done = on_busy;
		ring_yield(test_ring, &busy[i]);
	}
	assert_int_equal(ring_run(test_ring), 0);
	assert_int_equal(busy_done_at_poll, 1);
	assert_in_range(busy_done_at_timer, 1, 3);
	ring_close_socket(test_ring, busy_ends[0]);
	close(busy_ends[1]);
}

static void on_short(struct op *op, int result)
{
	(void)op;
	(void)result;
	if (busy_done == 0)
		assert_int_equal(write(busy_ends[1], "x", 1), 1);
	if (++busy_done == BUSY)
		ring_stop(test_ring);
}

/* All of them would take no time, but something has come in that of the first one. */
static void what_yields_for_short_lets_others_be_handled_when_they_come(void **state)
{
	(void)state;
	busy_done = 0;
	busy_done_at_poll = BUSY;
	pair(busy_ends);
	timed.done = on_busy_readable;
	ring_poll(test_ring, &timed, busy_ends[0], POLLIN);
	run_for_ms(5);
	for (int i = 0; i < BUSY; i++) {
		busy[i].done = on_short;
		ring_yield(test_ring, &busy[i]);
	}
	assert_int_equal(ring_run(test_ring), 0);
	assert_int_equal(busy_done_at_poll, 1);
	ring_close_socket(test_ring, busy_ends[0]);
	close(busy_ends[1]);
}

#define OTHERS_US (10 * (uint64_t)RING_YIELDED_US)

static struct op turns, others;
static unsigned in_a_row, most_in_a_row, others_done;

static void spin_us(uint64_t for_us)
{
	for (uint64_t end_us = monotonic_us() + for_us; monotonic_us() < end_us;)
		continue;
}

static void on_turn(struct op *op, int result)
{
	(void)result;
	spin_us(RING_YIELDED_US / 2);
	if (++in_a_row > most_in_a_row)
		most_in_a_row = in_a_row;
	if (others_done < 40)
		ring_yield(test_ring, op);
	else
		ring_stop(test_ring);
}

static void on_others(struct op *op, int result)
{
	(void)result;
	spin_us(OTHERS_US);
	in_a_row = 0;
	if (++others_done < 40)
		ring_poll(test_ring, op, busy_ends[0], POLLIN);
}

/* Eight that yield, each for half of the least time: of that alone a few would have their turn between two
 * of the others. */
static void what_yields_has_as_long_as_everything_else(void **state)
{
	struct op second = { .done = on_turn };
	struct op more[6];

	(void)state;
	most_in_a_row = others_done = in_a_row = 0;
	pair(busy_ends);
	assert_int_equal(write(busy_ends[1], "x", 1), 1);
	others.done = on_others;
	ring_poll(test_ring, &others, busy_ends[0], POLLIN);
	turns.done = on_turn;
	ring_yield(test_ring, &turns);
	ring_yield(test_ring, &second);
	for (int i = 0; i < 6; i++) {
		more[i].done = on_turn;
		ring_yield(test_ring, &more[i]);
	}
	do {
		ring_run(test_ring);
	} while (others_done < 40);
	run_for_ms(20); /* none is left */
	assert_true(most_in_a_row > 10);
	ring_close_socket(test_ring, busy_ends[0]);
	close(busy_ends[1]);
}

static struct waited behind;

static void cancel_one_behind(struct op *op, int result)
{
	(void)op;
	(void)result;
	ring_cancel(test_ring, &behind.op);
}

static void what_has_yielded_can_be_cancelled(void **state)
{
	struct waited last = { 0 };
	struct op first = { .done = cancel_one_behind };

	(void)state;
	behind = (struct waited){ 0 };
	ring_yield(test_ring, &first);
	ring_yield(test_ring, waited(&behind));
	ring_yield(test_ring, waited(&last));
	assert_int_equal(wait_for_call(&behind, 1), -ECANCELED);
	assert_int_equal(last.calls, 1);
	assert_int_equal(last.result, 0);
}

static void accept_ends_when_no_descriptor_is_left(void **state)
{
	struct waited accepted = { 0 };
	struct rlimit limit, none;
	struct sockaddr_in address;
	int listener = listen_on_loopback(&address);
	int client = connect_to(&address);
	int fd;

	(void)state;
	getrlimit(RLIMIT_NOFILE, &limit);
	none = (struct rlimit){ .rlim_cur = 3, .rlim_max = limit.rlim_max };
	setrlimit(RLIMIT_NOFILE, &none);
	ring_accept(test_ring, waited(&accepted), listener, 0);
	fd = wait_for_call(&accepted, 1);
	setrlimit(RLIMIT_NOFILE, &limit);
	assert_int_equal(fd, -EMFILE);
	assert_false(op_pending(&accepted.op));
	ring_accept(test_ring, waited(&accepted), listener, 0); /* the connection still waits */
	fd = wait_for_call(&accepted, 2);
	assert_true(fd >= 0);
	cancel_and_wait(&accepted);
	close(fd);
	close(client);
	ring_close_socket(test_ring, listener);
}

/* What a receiver has got so far. */
struct receiver {
	struct op op;
	char *bytes;
	size_t length;
	size_t wanted;
	bool ended;
	int result;
};

static void receiver_done(struct op *op, int result)
{
	struct receiver *receiver = (struct receiver *)(void *)op;

	if (result > 0) {
		assert_int_equal(op->receive.bytes.length, result);
		assert_true(receiver->length + (size_t)result <= receiver->wanted);
		memcpy(receiver->bytes + receiver->length, op->receive.bytes.at, (size_t)result);
		receiver->length += (size_t)result;
		return;
	}
	receiver->result = result;
	receiver->ended = true;
	ring_stop(test_ring);
}

static char pattern_at(size_t at)
{
	return (char)(at * 7 % 251);
}

struct writer {
	int fd;
	size_t length;
	size_t piece;
};

static void *write_pattern(void *argument)
{
	const struct writer *writer = argument;
	char *bytes = malloc(writer->piece);

	for (size_t at = 0; at < writer->length; at += writer->piece) {
		for (size_t i = 0; i < writer->piece; i++)
			bytes[i] = pattern_at(at + i);
		for (size_t sent = 0; sent < writer->piece;)
			sent += (size_t)write(writer->fd, bytes + sent, writer->piece - sent);
	}
	free(bytes);
	shutdown(writer->fd, SHUT_WR);
	return NULL;
}

static void receive_all(size_t length, size_t piece)
{
	struct receiver receiver = { .op.done = receiver_done,
				     .bytes = malloc(length),
				     .wanted = length };
	struct writer writer = { .length = length, .piece = piece };
	pthread_t thread;
	int ends[2];

	tcp_pair(ends); /* as sessions have */
	writer.fd = ends[1];
	ring_receive(test_ring, &receiver.op, ends[0]);
	assert_int_equal(pthread_create(&thread, NULL, write_pattern, &writer), 0);
	run_until(&receiver.ended);
	pthread_join(thread, NULL);
	assert_int_equal(receiver.result, 0);
	assert_int_equal(receiver.length, length);
	for (size_t i = 0; i < length; i++)
		assert_true(receiver.bytes[i] == pattern_at(i));
	ring_close_socket(test_ring, ends[0]);
	close(ends[1]);
	free(receiver.bytes);
}

static void receive_brings_more_than_there_are_buffers(void **state)
{
	(void)state;
	receive_all(BIG, 100000);
}

static void receive_brings_small_packets_in_order(void **state)
{
	(void)state;
	receive_all(20000, 10);
}

/* More sessions have something to say at once than there are buffers. */
static void six_hundred_receivers_share_the_buffers(void **state)
{
	static struct receiver receivers[600];
	static char bytes[600][4];
	int ends[600][2];
	unsigned done = 0;

	(void)state;
	for (int i = 0; i < 600; i++) {
		receivers[i] = (struct receiver){ .op.done = receiver_done,
						  .bytes = bytes[i],
						  .wanted = 4 };
		pair(ends[i]);
		ring_receive(test_ring, &receivers[i].op, ends[i][0]);
		assert_int_equal(write(ends[i][1], &i, 4), 4);
		shutdown(ends[i][1], SHUT_WR);
	}
	for (int i = 0; i < 600; i++) {
		int got;

		run_until(&receivers[i].ended);
		memcpy(&got, bytes[i], 4);
		assert_int_equal(receivers[i].length, 4);
		done += got == i;
		ring_close_socket(test_ring, ends[i][0]);
		close(ends[i][1]);
	}
	assert_int_equal(done, 600);
}

static void *read_slowly(void *argument)
{
	const struct writer *reader = argument;
	char bytes[10000];
	size_t at = 0;
	ssize_t got;

	usleep(20000);
	while ((got = read(reader->fd, bytes, sizeof(bytes))) > 0)
		for (ssize_t i = 0; i < got; i++, at++)
			if (bytes[i] != pattern_at(at))
				return NULL;
	return (void *)(uintptr_t)at;
}

static void send_larger_than_the_socket_buffer_arrives_whole(void **state)
{
	struct waited sent = { 0 };
	struct writer reader;
	char *bytes = malloc(BIG);
	pthread_t thread;
	void *read_bytes;
	int ends[2];

	(void)state;
	for (size_t i = 0; i < BIG; i++)
		bytes[i] = pattern_at(i);
	pair(ends);
	reader.fd = ends[1];
	assert_int_equal(pthread_create(&thread, NULL, read_slowly, &reader), 0);
	assert_int_equal(ring_send(test_ring, waited(&sent), ends[0], bytes, BIG), -EINPROGRESS);
	assert_int_equal(wait_for_call(&sent, 1), 0);
	ring_close_socket(test_ring, ends[0]);
	pthread_join(thread, &read_bytes);
	assert_int_equal((uintptr_t)read_bytes, BIG);
	close(ends[1]);
	free(bytes);
}

static void a_small_send_is_done_at_once(void **state)
{
	struct waited sent = { 0 };
	int ends[2];

	(void)state;
	pair(ends);
	assert_int_equal(ring_send(test_ring, waited(&sent), ends[0], "220 \r\n", 6), 0);
	assert_false(op_pending(&sent.op));
	close(ends[1]);
	assert_int_equal(ring_send(test_ring, waited(&sent), ends[0], "x", 1), -EPIPE);
	assert_int_equal(sent.calls, 0);
	ring_close_socket(test_ring, ends[0]);
}

/* With buffers much smaller than BIG. */
/* What an engine does at once counts as told. */
static void gather(struct waited *sent, int fd, const char *bytes, size_t length)
{
	int r = ring_send_gathered(test_ring, waited(sent), fd, bytes, length);

	if (r == -EINPROGRESS)
		return;
	sent->calls++;
	sent->result = r;
}

static void a_gathered_send_that_is_taken_in_parts_arrives_whole(void **state)
{
	struct waited sent = { 0 };
	struct writer reader;
	char *bytes = malloc(BIG);
	size_t before = 0;
	pthread_t thread;
	void *read_bytes;
	int ends[2];
	ssize_t r;

	(void)state;
	for (size_t i = 0; i < BIG; i++)
		bytes[i] = pattern_at(i);
	for (int full = 0; full < 2; full++) { /* takes a part first, or nothing at all */
		tcp_pair(ends);
		before = 0;
		while (full && (r = send(ends[0], bytes + before, 1000, MSG_DONTWAIT)) > 0)
			before += (size_t)r;
		reader.fd = ends[1];
		assert_int_equal(pthread_create(&thread, NULL, read_slowly, &reader), 0);
		sent = (struct waited){ 0 };
		gather(&sent, ends[0], bytes + before, BIG - before);
		assert_int_equal(sent.calls, 0);
		assert_int_equal(wait_for_call(&sent, 1), 0);
		ring_close_socket(test_ring, ends[0]);
		pthread_join(thread, &read_bytes);
		assert_int_equal((uintptr_t)read_bytes, BIG);
		assert_int_equal(sent.calls, 1);
		close(ends[1]);
	}
	free(bytes);
}

#define GATHER_SOCKETS 40
#define GATHER_EACH 45 /* all together more than the ring has entries */

static void each_of_many_gathered_sends_is_told_once(void **state)
{
	static struct waited sent[GATHER_SOCKETS][GATHER_EACH];
	static char text[GATHER_EACH][8];
	char got[sizeof(text)];
	int ends[GATHER_SOCKETS][2];

	(void)state;
	memset(sent, 0, sizeof(sent));
	for (int i = 0; i < GATHER_SOCKETS; i++) {
		pair(ends[i]);
		if (i % 7 == 3)
			close(ends[i][1]);
	}
	for (int n = 0; n < GATHER_EACH; n++) {
		snprintf(text[n], sizeof(text[n]), "%07d", n % 1000);
		for (int i = 0; i < GATHER_SOCKETS; i++)
			gather(&sent[i][n], ends[i][0], text[n], sizeof(text[n]));
	}
	for (int i = 0; i < GATHER_SOCKETS; i++) {
		for (int n = 0; n < GATHER_EACH; n++) {
			assert_int_equal(wait_for_call(&sent[i][n], 1), i % 7 == 3 ? -EPIPE : 0);
			assert_false(op_pending(&sent[i][n].op));
		}
		if (i % 7 == 3)
			continue;
		assert_int_equal(recv(ends[i][1], got, sizeof(got), MSG_WAITALL), sizeof(got));
		assert_memory_equal(got, text, sizeof(text));
		close(ends[i][1]);
	}
	run_for_ms(20);
	for (int i = 0; i < GATHER_SOCKETS; i++) {
		for (int n = 0; n < GATHER_EACH; n++)
			assert_int_equal(sent[i][n].calls, 1);
		ring_close_socket(test_ring, ends[i][0]);
	}
}

#define STORM 1000
#define STORM_EACH 3
#define STORM_SOCKETS 20 /* none of which is full */

static struct waited storm_sends[STORM][STORM_EACH];
static struct op storm_polls[STORM];
static int storm_open[STORM_SOCKETS][2];
static int storm_broken;

static bool storm_is_broken(size_t i)
{
	return i % 50 == 7;
}

static void storm_on_poll(struct op *op, int result)
{
	size_t i = (size_t)(op - storm_polls);
	int fd = storm_is_broken(i) ? storm_broken : storm_open[i % STORM_SOCKETS][0];

	(void)result;
	for (int n = 0; n < STORM_EACH; n++)
		gather(&storm_sends[i][n], fd, "x", 1);
}

/* More than the ring has entries, handed in between two batches of completions of one turn. */
static void gathered_sends_that_fill_the_ring_within_a_turn_are_told_once(void **state)
{
	int broken[2];
	int ready[2];

	(void)state;
	memset(storm_sends, 0, sizeof(storm_sends));
	memset(storm_polls, 0, sizeof(storm_polls));
	for (size_t i = 0; i < STORM_SOCKETS; i++)
		pair(storm_open[i]);
	pair(broken);
	pair(ready);
	close(broken[1]);
	storm_broken = broken[0];
	for (size_t i = 0; i < STORM; i++) {
		storm_polls[i].done = storm_on_poll;
		ring_poll(test_ring, &storm_polls[i], ready[0], POLLIN);
	}
	assert_int_equal(send(ready[1], "x", 1, 0), 1);
	run_for_ms(250);
	for (size_t i = 0; i < STORM; i++) {
		for (int n = 0; n < STORM_EACH; n++) {
			assert_int_equal(storm_sends[i][n].calls, 1);
			assert_int_equal(storm_sends[i][n].result, storm_is_broken(i) ? -EPIPE : 0);
		}
	}
	for (size_t i = 0; i < STORM_SOCKETS; i++) {
		ring_close_socket(test_ring, storm_open[i][0]);
		close(storm_open[i][1]);
	}
	ring_close_socket(test_ring, ready[0]);
	ring_close_socket(test_ring, storm_broken);
	close(ready[1]);
}

/* Whose failure is told among more completions than their queue holds. */
static void a_gathered_send_is_told_once_where_completions_run_over(void **state)
{
	static struct waited fillers[3000];
	struct waited failed = { 0 }, sent = { 0 };
	int good[2], broken[2], ready[2];

	(void)state;
	memset(fillers, 0, sizeof(fillers));
	pair(good);
	pair(broken);
	pair(ready);
	close(broken[1]);
	assert_int_equal(send(ready[1], "x", 1, 0), 1);
	gather(&failed, broken[0], "x", 1);
	gather(&sent, good[0], "x", 1);
	for (size_t i = 0; i < 3000; i++)
		ring_poll(test_ring, waited(&fillers[i]), ready[0], POLLIN);
	run_for_ms(250);
	for (size_t i = 0; i < 3000; i++)
		assert_int_equal(fillers[i].calls, 1);
	assert_int_equal(sent.calls, 1);
	assert_int_equal(failed.calls, 1);
	assert_int_equal(failed.result, -EPIPE);
	ring_close_socket(test_ring, good[0]);
	ring_close_socket(test_ring, broken[0]);
	ring_close_socket(test_ring, ready[0]);
	close(good[1]);
	close(ready[1]);
}

static void a_gathered_send_is_told_where_nothing_else_happens(void **state)
{
	struct waited sent = { 0 };
	int ends[2];

	(void)state;
	pair(ends);
	gather(&sent, ends[0], "220 \r\n", 6);
	assert_int_equal(wait_for_call(&sent, 1), 0);
	ring_close_socket(test_ring, ends[0]);
	close(ends[1]);
}

static void a_gathered_send_is_cancelled_where_nobody_reads(void **state)
{
	struct waited sent = { 0 };
	char *bytes = calloc(1, BIG * 4);
	int ends[2];

	(void)state;
	tcp_pair(ends);
	gather(&sent, ends[0], bytes, BIG * 4);
	ring_hurry(test_ring);
	run_for_ms(20);
	assert_int_equal(sent.calls, 0);
	assert_int_equal(cancel_and_wait(&sent), -ECANCELED);
	sent = (struct waited){ 0 };
	gather(&sent, ends[0], bytes, BIG * 4); /* before the kernel has seen it */
	assert_int_equal(cancel_and_wait(&sent), -ECANCELED);
	ring_close_socket(test_ring, ends[0]);
	close(ends[1]);
	free(bytes);
}

static int closed_in_turn;

static void close_and_stop(struct op *op, int result)
{
	(void)op;
	(void)result;
	ring_close_socket(test_ring, closed_in_turn);
	ring_stop(test_ring);
}

static void a_socket_is_closed_in_the_turn_in_which_the_ring_stops(void **state)
{
	struct op op = { .done = close_and_stop };
	int ends[2];
	char byte;

	(void)state;
	pair(ends);
	closed_in_turn = ends[0];
	ring_yield(test_ring, &op);
	assert_int_equal(ring_run(test_ring), 0);
	assert_int_equal(recv(ends[1], &byte, 1, MSG_DONTWAIT), 0);
	close(ends[1]);
}

static void poll_tells_when_a_socket_can_be_read(void **state)
{
	struct waited polled = { 0 };
	int ends[2];

	(void)state;
	pair(ends);
	ring_poll(test_ring, waited(&polled), ends[0], POLLOUT);
	assert_true(wait_for_call(&polled, 1) & POLLOUT);
	ring_poll(test_ring, waited(&polled), ends[0], POLLIN);
	run_for_ms(30);
	assert_int_equal(polled.calls, 1);
	assert_int_equal(write(ends[1], "x", 1), 1);
	assert_true(wait_for_call(&polled, 2) & POLLIN);
	run_for_ms(30);
	assert_int_equal(polled.calls, 2); /* once */
	ring_close_socket(test_ring, ends[0]);
	close(ends[1]);
}

static void everything_that_waits_for_a_peer_can_be_cancelled(void **state)
{
	struct waited accepted = { 0 }, received = { 0 }, sent = { 0 }, polled = { 0 };
	struct sockaddr_in address;
	int listener = listen_on_loopback(&address);
	char *bytes = calloc(1, BIG);
	int one[2], other[2];

	(void)state;
	pair(one);
	pair(other);
	ring_accept(test_ring, waited(&accepted), listener, 0);
	ring_receive(test_ring, waited(&received), one[0]);
	assert_int_equal(ring_send(test_ring, waited(&sent), one[0], bytes, BIG), -EINPROGRESS);
	ring_poll(test_ring, waited(&polled), other[0], POLLIN);
	run_for_ms(20);
	assert_int_equal(cancel_and_wait(&accepted), -ECANCELED);
	assert_int_equal(cancel_and_wait(&received), -ECANCELED);
	assert_int_equal(cancel_and_wait(&sent), -ECANCELED);
	assert_int_equal(cancel_and_wait(&polled), -ECANCELED);
	assert_int_equal(accepted.calls + received.calls + sent.calls + polled.calls, 4);
	ring_cancel(test_ring, &polled.op); /* of what is over: nothing */
	run_for_ms(20);
	assert_int_equal(polled.calls, 1);
	ring_close_socket(test_ring, listener);
	ring_close_socket(test_ring, one[0]);
	ring_close_socket(test_ring, other[0]);
	close(one[1]);
	close(other[1]);
	free(bytes);
}

static void cancel_does_not_end_within_the_call(void **state)
{
	struct waited polled = { 0 };
	int ends[2];

	(void)state;
	pair(ends);
	ring_poll(test_ring, waited(&polled), ends[0], POLLIN);
	ring_cancel(test_ring, &polled.op);
	assert_int_equal(polled.calls, 0);
	assert_true(op_pending(&polled.op));
	assert_int_equal(wait_for_call(&polled, 1), -ECANCELED);
	ring_close_socket(test_ring, ends[0]);
	close(ends[1]);
}

/* A descriptor's number that is used again has nothing left of its last life. */
static void a_closed_sockets_number_can_be_waited_for_again(void **state)
{
	(void)state;
	for (int i = 0; i < 50; i++) {
		struct waited polled = { 0 };
		int ends[2];

		pair(ends);
		ring_poll(test_ring, waited(&polled), ends[0], POLLIN);
		run_for_ms(1);
		assert_int_equal(polled.calls, 0);
		assert_int_equal(write(ends[1], "x", 1), 1);
		assert_true(wait_for_call(&polled, 1) > 0);
		ring_close_socket(test_ring, ends[0]);
		close(ends[1]);
	}
}

static void names_are_made_looked_at_and_removed(void **state)
{
	const struct open_how how = { .flags = O_RDWR | O_CREAT | O_CLOEXEC, .mode = 0600 };
	char path[] = "/tmp/ring_test.XXXXXX";
	struct waited one = { 0 };
	struct statx stat;
	char back[5];
	int folder;
	int fd;

	(void)state;
	assert_non_null(mkdtemp(path));
	folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ring_mkdir(test_ring, waited(&one), folder, "sub", 0700);
	assert_int_equal(wait_for_call(&one, 1), 0);
	ring_mkdir(test_ring, &one.op, folder, "sub", 0700);
	assert_int_equal(wait_for_call(&one, 2), -EEXIST);
	ring_open(test_ring, &one.op, folder, "sub/file", &how);
	fd = wait_for_call(&one, 3);
	assert_true(fd >= 0);
	ring_write(test_ring, &one.op, fd, "hello", 5, 10);
	assert_int_equal(wait_for_call(&one, 4), 5);
	ring_read(test_ring, &one.op, fd, back, 5, 10);
	assert_int_equal(wait_for_call(&one, 5), 5);
	assert_memory_equal(back, "hello", 5);
	ring_read(test_ring, &one.op, fd, back, 5, 15);
	assert_int_equal(wait_for_call(&one, 6), 0);
	ring_rename(test_ring, &one.op, folder, "sub/file", folder, "other", 0);
	assert_int_equal(wait_for_call(&one, 7), 0);
	ring_stat(test_ring, &one.op, folder, "other", 0, STATX_SIZE, &stat);
	assert_int_equal(wait_for_call(&one, 8), 0);
	assert_int_equal(stat.stx_size, 15);
	ring_unlink(test_ring, &one.op, folder, "other", 0);
	assert_int_equal(wait_for_call(&one, 9), 0);
	ring_unlink(test_ring, &one.op, folder, "sub", AT_REMOVEDIR);
	assert_int_equal(wait_for_call(&one, 10), 0);
	ring_open(test_ring, &one.op, folder, "nothing", &(struct open_how){ .flags = O_RDONLY });
	assert_int_equal(wait_for_call(&one, 11), -ENOENT);
	ring_close(test_ring, &one.op, fd);
	assert_int_equal(wait_for_call(&one, 12), 0);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	close(folder);
	rmdir(path);
}

static void splice_moves_between_file_and_pipe(void **state)
{
	char path[] = "/tmp/ring_test.XXXXXX";
	struct waited one = { 0 };
	int fd = mkstemp(path);
	char back[6];
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(fd, "0123456789", 10), 10);
	ring_splice(test_ring, waited(&one), fd, 4, ends[1], -1, 100);
	assert_int_equal(wait_for_call(&one, 1), 6);
	ring_splice(test_ring, &one.op, ends[0], -1, fd, 20, 6);
	assert_int_equal(wait_for_call(&one, 2), 6);
	assert_int_equal(pread(fd, back, 6, 20), 6);
	assert_memory_equal(back, "456789", 6);
	ring_splice(test_ring, &one.op, fd, 100, ends[1], -1, 100);
	assert_int_equal(wait_for_call(&one, 3), 0);
	close(fd);
	close(ends[0]);
	close(ends[1]);
	unlink(path);
}

static pthread_t job_thread;

static int job_work(struct op *op)
{
	(void)op;
	__atomic_store_n(&job_thread, pthread_self(),
			 __ATOMIC_RELAXED); /* many may do so at once */
	return 42;
}

static void a_job_runs_in_another_thread(void **state)
{
	struct waited one = { 0 };

	(void)state;
	ring_job(test_ring, waited(&one), job_work);
	assert_int_equal(wait_for_call(&one, 1), 42);
	assert_false(pthread_equal(job_thread, pthread_self()));
	ring_job_of(test_ring, &one.op, OP_THREADS_HASHES, job_work);
	assert_int_equal(one.op.job.threads, OP_THREADS_HASHES);
	assert_int_equal(wait_for_call(&one, 2), 42);
}

static void a_job_that_finds_no_place_ends_with_eagain(void **state)
{
	struct waited one = { 0 };

	(void)state;
	test_ring_jobs_full = true;
	ring_job(test_ring, waited(&one), job_work);
	assert_int_equal(one.calls, 0);
	assert_int_equal(wait_for_call(&one, 1), -EAGAIN);
}

static void *wake_often(void *argument)
{
	(void)argument;
	for (int i = 0; i < 1000; i++)
		ring_wake(test_ring);
	return NULL;
}

static void a_wake_from_any_thread_is_heard(void **state)
{
	pthread_t threads[3];
	unsigned before;

	(void)state;
	for (int i = 0; i < 3; i++)
		pthread_create(&threads[i], NULL, wake_often, NULL);
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	run_for_ms(20);
	assert_true(test_ring_woken >= 1);
	before = test_ring_woken;
	ring_wake(test_ring);
	run_for_ms(20);
	assert_true(test_ring_woken > before);
}

static void a_thousand_jobs_all_come_back(void **state)
{
	static struct waited many[1000];

	(void)state;
	memset(many, 0, sizeof(many));
	for (int i = 0; i < 1000; i++)
		ring_job(test_ring, waited(&many[i]), job_work);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(wait_for_call(&many[i], 1), 42);
}

static bool fired;

static void on_fire(struct wheel_timer *timer)
{
	(void)timer;
	fired = true;
	ring_stop(test_ring);
}

static void a_timer_fires_when_it_is_due(void **state)
{
	struct wheel_timer timer = { .fire = on_fire };
	uint64_t start = ring_now_ms(test_ring);

	(void)state;
	fired = false;
	ring_timer_set(test_ring, &timer, 60);
	run_until(&fired);
	assert_in_range(ring_now_ms(test_ring) - start, 60, 1000);
	fired = false;
	ring_timer_set(test_ring, &timer, 20);
	ring_timer_clear(test_ring, &timer);
	run_for_ms(60);
	assert_false(fired);
}

/* How many threads the kernel has started for this process's rings. */
static unsigned kernel_threads(void)
{
	DIR *folder = opendir("/proc/self/task");
	struct dirent *entry;
	unsigned count = 0;

	assert_non_null(folder);
	while ((entry = readdir(folder)) != NULL) {
		char path[300];
		char name[16] = "";
		int fd;

		snprintf(path, sizeof(path), "/proc/self/task/%s/comm", entry->d_name);
		fd = open(path, O_RDONLY);
		if (fd >= 0 && read(fd, name, sizeof(name) - 1) > 0)
			count += strncmp(name, "iou-wrk", 7) == 0;
		close(fd);
	}
	closedir(folder);
	return count;
}

/* The last close of a file without a name gives its blocks back, in the thread that closes it. */
static void a_close_is_done_by_another_thread(void **state)
{
	struct waited closed = { 0 };

	(void)state;
	assert_int_equal(kernel_threads(), 0);
	ring_close(test_ring, waited(&closed), open("/", O_RDONLY));
	assert_int_equal(wait_for_call(&closed, 1), 0);
	assert_int_equal(kernel_threads(), 1);
}

static int refuse_statx(const char *name)
{
	return strcmp(name, "statx") == 0 ? -EIO : 0;
}

static void the_table_of_calls_may_refuse_an_operation(void **state)
{
	struct calls spoilt = calls_real;
	struct waited one = { 0 };
	struct statx stat;

	(void)state;
	spoilt.operation = refuse_statx;
	calls = &spoilt;
	ring_stat(test_ring, waited(&one), AT_FDCWD, "/", 0, STATX_TYPE, &stat);
	assert_true(op_pending(&one.op));
	assert_int_equal(one.calls, 0);
	assert_int_equal(wait_for_call(&one, 1), -EIO);
	calls = &calls_real;
	ring_stat(test_ring, &one.op, AT_FDCWD, "/", 0, STATX_TYPE, &stat);
	assert_int_equal(wait_for_call(&one, 2), 0);
}

static void every_kind_has_the_name_of_its_call(void **state)
{
	(void)state;
	for (int kind = 0; kind < OP_KINDS; kind++)
		assert_non_null(op_name((enum op_kind)kind));
	assert_string_equal(op_name(OP_OPEN), "openat2");
	assert_string_equal(op_name(OP_SPLICE), "splice");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		/* First: others have threads started. */
		TEST_ON(a_close_is_done_by_another_thread, uring),
		TEST_ON_ENGINES(accept_brings_connection_after_connection),
		TEST_ON_ENGINES(accept_without_nonblock_gives_blocking_sockets),
		TEST_ON_ENGINES(last_call_of_an_accept_may_begin_another_operation),
		TEST_ON_ENGINES(a_ring_runs_again_after_a_stop),
		TEST_ON_ENGINES(what_yields_for_long_lets_others_be_handled_in_between),
		TEST_ON(what_yields_for_short_lets_others_be_handled_when_they_come, uring),
		TEST_ON(what_yields_for_short_lets_others_be_handled_when_they_come, uring515),
		TEST_ON_ENGINES(what_yields_has_as_long_as_everything_else),
		TEST_ON_ENGINES(what_has_yielded_can_be_cancelled),
		TEST_ON_ENGINES(accept_ends_when_no_descriptor_is_left),
		TEST_ON_ENGINES(receive_brings_more_than_there_are_buffers),
		TEST_ON_ENGINES(receive_brings_small_packets_in_order),
		TEST_ON_ENGINES(six_hundred_receivers_share_the_buffers),
		TEST_ON_ENGINES(send_larger_than_the_socket_buffer_arrives_whole),
		TEST_ON_ENGINES(a_small_send_is_done_at_once),
		TEST_ON_ENGINES(a_gathered_send_that_is_taken_in_parts_arrives_whole),
		TEST_ON_ENGINES(each_of_many_gathered_sends_is_told_once),
		TEST_ON(gathered_sends_that_fill_the_ring_within_a_turn_are_told_once, uring),
		TEST_ON(a_gathered_send_is_told_once_where_completions_run_over, uring),
		TEST_ON_ENGINES(a_gathered_send_is_told_where_nothing_else_happens),
		TEST_ON_ENGINES(a_gathered_send_is_cancelled_where_nobody_reads),
		TEST_ON_ENGINES(a_socket_is_closed_in_the_turn_in_which_the_ring_stops),
		TEST_ON_ENGINES(poll_tells_when_a_socket_can_be_read),
		TEST_ON_ENGINES(everything_that_waits_for_a_peer_can_be_cancelled),
		TEST_ON_ENGINES(cancel_does_not_end_within_the_call),
		TEST_ON_ENGINES(a_closed_sockets_number_can_be_waited_for_again),
		TEST_ON_ENGINES(names_are_made_looked_at_and_removed),
		TEST_ON_ENGINES(splice_moves_between_file_and_pipe),
		TEST_ON_ENGINES(a_job_runs_in_another_thread),
		TEST_ON_ENGINES(a_job_that_finds_no_place_ends_with_eagain),
		TEST_ON_ENGINES(a_wake_from_any_thread_is_heard),
		TEST_ON_ENGINES(a_thousand_jobs_all_come_back),
		TEST_ON_ENGINES(a_timer_fires_when_it_is_due),
		TEST_ON_ENGINES(the_table_of_calls_may_refuse_an_operation),
		cmocka_unit_test(every_kind_has_the_name_of_its_call),
	};
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max < 4096 ? limit.rlim_max : 4096;
	setrlimit(RLIMIT_NOFILE, &limit);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
