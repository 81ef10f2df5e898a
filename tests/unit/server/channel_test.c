#include "server/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct ends {
	int one;
	int other;
};

static int pair_open(void **state)
{
	static struct ends ends;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -1;
	ends = (struct ends){ pair[0], pair[1] };
	*state = &ends;
	return 0;
}

static int pair_close(void **state)
{
	struct ends *ends = *state;

	close(ends->one);
	if (ends->other >= 0)
		close(ends->other);
	return 0;
}

static int descriptors_open(void)
{
	int count = 0;

	for (int fd = 0; fd < 2048; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static void a_message_arrives_whole(void **state)
{
	struct ends *ends = *state;
	struct channel_message sent = { .kind = CHANNEL_ACTIVE_SOCKET,
					.tag = 1ULL << 40,
					.text = "text" };
	struct channel_message got;
	int fds[CHANNEL_DESCRIPTORS_MAX];
	size_t count = 99;

	assert_int_equal(address_parse("192.0.2.1:20", &sent.address), 0);
	assert_int_equal(channel_send(ends->one, &sent, NULL, 0), 0);
	assert_int_equal(channel_receive(ends->other, 0, &got, fds, &count), 1);
	assert_memory_equal(&sent, &got, sizeof(got));
	assert_int_equal(count, 0);
}

static bool same_file(int one, int other)
{
	struct stat a;
	struct stat b;

	return fstat(one, &a) == 0 && fstat(other, &b) == 0 && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

static void descriptors_come_in_order_and_close_on_exec(void **state)
{
	struct ends *ends = *state;
	struct channel_message message = { .kind = CHANNEL_CONTROL_LISTENERS };
	int sent[2] = { open("/", O_PATH | O_CLOEXEC), open("/tmp", O_PATH | O_CLOEXEC) };
	int got[CHANNEL_DESCRIPTORS_MAX];
	size_t count;

	assert_int_equal(channel_send(ends->one, &message, sent, 2), 0);
	assert_int_equal(channel_receive(ends->other, 0, &message, got, &count), 1);
	assert_int_equal(count, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_int_not_equal(got[i], sent[i]);
		assert_true(same_file(got[i], sent[i]));
		assert_int_equal(fcntl(got[i], F_GETFD), FD_CLOEXEC);
		close(got[i]);
		close(sent[i]);
	}
}

static void a_full_batch_of_descriptors_passes(void **state)
{
	struct ends *ends = *state;
	struct channel_message message = { .kind = CHANNEL_PASSIVE_LISTENERS };
	int fds[CHANNEL_DESCRIPTORS_MAX + 1] = { 0 };
	size_t count;
	int before = descriptors_open();

	assert_int_equal(channel_send(ends->one, &message, fds, CHANNEL_DESCRIPTORS_MAX + 1),
			 -E2BIG);
	assert_int_equal(channel_send(ends->one, &message, fds, CHANNEL_DESCRIPTORS_MAX), 0);
	assert_int_equal(channel_receive(ends->other, 0, &message, fds, &count), 1);
	assert_int_equal(count, CHANNEL_DESCRIPTORS_MAX);
	while (count > 0)
		close(fds[--count]);
	assert_int_equal(descriptors_open(), before);
}

static void the_end_of_the_other_side_is_0(void **state)
{
	struct ends *ends = *state;
	struct channel_message message = { .kind = CHANNEL_READY };
	int fds[CHANNEL_DESCRIPTORS_MAX];
	size_t count;

	close(ends->other);
	ends->other = -1;
	assert_int_equal(channel_receive(ends->one, 0, &message, fds, &count), 0);
	assert_int_equal(channel_send(ends->one, &message, NULL, 0), -EPIPE);
}

static void an_empty_channel_does_not_block_when_told_so(void **state)
{
	struct ends *ends = *state;
	struct channel_message message;
	int fds[CHANNEL_DESCRIPTORS_MAX];
	size_t count;

	assert_int_equal(channel_receive(ends->one, MSG_DONTWAIT, &message, fds, &count), -EAGAIN);
}

static void a_full_nonblocking_channel_is_eagain(void **state)
{
	struct ends *ends = *state;
	struct channel_message message = { .kind = CHANNEL_STATUS };
	int r = 0;

	fcntl(ends->one, F_SETFL, O_NONBLOCK);
	for (int i = 0; r == 0 && i < 100000; i++)
		r = channel_send(ends->one, &message, NULL, 0);
	assert_int_equal(r, -EAGAIN);
}

/* What a server process that was taken over might write. */
static void a_packet_of_another_size_is_refused_and_leaks_nothing(void **state)
{
	struct ends *ends = *state;
	struct channel_message message = { .kind = CHANNEL_READY };
	char bytes[sizeof(message) + 1] = { 0 };
	int fds[CHANNEL_DESCRIPTORS_MAX];
	size_t count = 99;

	send(ends->one, bytes, 1, 0);
	assert_int_equal(channel_receive(ends->other, 0, &message, fds, &count), -EBADMSG);
	send(ends->one, bytes, sizeof(bytes), 0);
	assert_int_equal(channel_receive(ends->other, 0, &message, fds, &count), -EBADMSG);
	assert_int_equal(message.kind, CHANNEL_READY);
	assert_int_equal(count, 99);
}

static void short_packet_with_descriptor_send(int channel, int fd)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} room = { .header = { .cmsg_len = CMSG_LEN(sizeof(int)),
			       .cmsg_level = SOL_SOCKET,
			       .cmsg_type = SCM_RIGHTS } };
	struct iovec part = { (char *)"x", 1 };
	struct msghdr packet = { .msg_iov = &part,
				 .msg_iovlen = 1,
				 .msg_control = &room,
				 .msg_controllen = sizeof(room) };

	memcpy(CMSG_DATA(&room.header), &fd, sizeof(fd));
	assert_int_equal(sendmsg(channel, &packet, 0), 1);
}

static void descriptors_of_a_refused_packet_are_closed(void **state)
{
	struct ends *ends = *state;
	struct channel_message message;
	int fds[CHANNEL_DESCRIPTORS_MAX];
	size_t count;
	int before = descriptors_open();

	short_packet_with_descriptor_send(ends->one, 0);
	assert_int_equal(channel_receive(ends->other, 0, &message, fds, &count), -EBADMSG);
	assert_int_equal(descriptors_open(), before);
}

/* Room for one descriptor of two. */
static void a_message_comes_without_descriptors_when_no_more_may_be_opened(void **state)
{
	struct ends *ends = *state;
	struct channel_message sent = { .kind = CHANNEL_ACTIVE_SOCKET_READY, .tag = 959 };
	struct channel_message got = { .kind = 0 };
	int fds[CHANNEL_DESCRIPTORS_MAX] = { 0, 0 };
	size_t count = 99;
	int before = descriptors_open();
	int highest = dup(0); /* the lowest number that is free */
	struct rlimit limit;
	struct rlimit full;
	int r;

	close(highest);
	getrlimit(RLIMIT_NOFILE, &limit);
	full = (struct rlimit){ .rlim_cur = (rlim_t)highest + 1, .rlim_max = limit.rlim_max };
	assert_int_equal(channel_send(ends->one, &sent, fds, 2), 0);
	setrlimit(RLIMIT_NOFILE, &full);
	r = channel_receive(ends->other, 0, &got, fds, &count);
	setrlimit(RLIMIT_NOFILE, &limit);
	assert_int_equal(r, 1);
	assert_int_equal(got.kind, CHANNEL_ACTIVE_SOCKET_READY);
	assert_int_equal(got.tag, 959);
	assert_int_equal(count, 0);
	assert_int_equal(descriptors_open(), before);
}

static void a_text_without_its_end_gets_one(void **state)
{
	struct ends *ends = *state;
	struct channel_message message = { .kind = CHANNEL_STATUS };
	int fds[CHANNEL_DESCRIPTORS_MAX];
	size_t count;

	memset(message.text, 'x', sizeof(message.text));
	assert_int_equal(channel_send(ends->one, &message, NULL, 0), 0);
	assert_int_equal(channel_receive(ends->other, 0, &message, fds, &count), 1);
	assert_int_equal(strlen(message.text), CHANNEL_TEXT_MAX - 1);
}

#define CHANNEL_TEST(name) cmocka_unit_test_setup_teardown(name, pair_open, pair_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CHANNEL_TEST(a_message_arrives_whole),
		CHANNEL_TEST(descriptors_come_in_order_and_close_on_exec),
		CHANNEL_TEST(a_full_batch_of_descriptors_passes),
		CHANNEL_TEST(the_end_of_the_other_side_is_0),
		CHANNEL_TEST(an_empty_channel_does_not_block_when_told_so),
		CHANNEL_TEST(a_full_nonblocking_channel_is_eagain),
		CHANNEL_TEST(a_packet_of_another_size_is_refused_and_leaks_nothing),
		CHANNEL_TEST(descriptors_of_a_refused_packet_are_closed),
		CHANNEL_TEST(a_message_comes_without_descriptors_when_no_more_may_be_opened),
		CHANNEL_TEST(a_text_without_its_end_gets_one),
	};

	return cmocka_run_group_tests_name("channel", tests, NULL, NULL);
}
