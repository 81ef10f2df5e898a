#include "server/channel.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Room for the descriptors of one message, aligned as cmsg(3) wants it. */
union descriptors {
	struct cmsghdr header;
	char bytes[CMSG_SPACE(CHANNEL_DESCRIPTORS_MAX * sizeof(int))];
};

static void descriptors_attach(struct msghdr *packet, union descriptors *room, const int *fds,
			       size_t count)
{
	struct cmsghdr *header;

	memset(room, 0, sizeof(*room));
	packet->msg_control = room;
	packet->msg_controllen = CMSG_SPACE(count * sizeof(int));
	header = CMSG_FIRSTHDR(packet);
	assert(header); /* there is room for one */
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(count * sizeof(int));
	memcpy(CMSG_DATA(header), fds, count * sizeof(int));
}

int channel_send(int channel, const struct channel_message *message, const int *fds, size_t count)
{
	struct iovec part = { (void *)message, sizeof(*message) };
	struct msghdr packet = { .msg_iov = &part, .msg_iovlen = 1 };
	union descriptors room;

	if (count > CHANNEL_DESCRIPTORS_MAX)
		return -E2BIG;
	if (count > 0)
		descriptors_attach(&packet, &room, fds, count);
	while (sendmsg(channel, &packet, MSG_NOSIGNAL) < 0) {
		if (errno != EINTR)
			return -errno;
	}
	return 0;
}

static size_t descriptors_take(struct msghdr *packet, int *fds)
{
	struct cmsghdr *header;
	size_t count = 0;

	for (header = CMSG_FIRSTHDR(packet); header; header = CMSG_NXTHDR(packet, header)) {
		size_t length_bytes = header->cmsg_len - CMSG_LEN(0);

		if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
			continue;
		memcpy(fds + count, CMSG_DATA(header), length_bytes);
		count += length_bytes / sizeof(int);
	}
	return count;
}

static void descriptors_close(const int *fds, size_t count)
{
	while (count > 0)
		close(fds[--count]);
}

static ssize_t packet_receive(int channel, struct msghdr *packet, int flags)
{
	ssize_t length;

	do {
		length = recvmsg(channel, packet, flags | MSG_CMSG_CLOEXEC);
	} while (length < 0 && errno == EINTR);
	return length < 0 ? -errno : length;
}

int channel_receive(int channel, int flags, struct channel_message *ret_message, int *ret_fds,
		    size_t *ret_count)
{
	struct channel_message message;
	struct iovec part = { &message, sizeof(message) };
	union descriptors room;
	struct msghdr packet = { .msg_iov = &part,
				 .msg_iovlen = 1,
				 .msg_control = &room,
				 .msg_controllen = sizeof(room) };
	int fds[CHANNEL_DESCRIPTORS_MAX];
	size_t count;
	ssize_t length;

	length = packet_receive(channel, &packet, flags);
	if (length <= 0)
		return length == -ECONNRESET ? 0 : (int)length;
	count = descriptors_take(&packet, fds);
	if (length != sizeof(message) || (packet.msg_flags & MSG_TRUNC) != 0) {
		descriptors_close(fds, count);
		return -EBADMSG;
	}
	if ((packet.msg_flags & MSG_CTRUNC) != 0) { /* at the limit: some of them, or none */
		descriptors_close(fds, count);
		count = 0;
	}
	message.text[CHANNEL_TEXT_MAX - 1] = '\0';
	*ret_message = message;
	memcpy(ret_fds, fds, count * sizeof(int));
	*ret_count = count;
	return 1;
}
