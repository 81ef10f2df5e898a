/*
 * The channel between the supervisor and its server process: a SOCK_SEQPACKET pair, one struct
 * channel_message a packet, descriptors beside it. Its kinds are the whole vocabulary of the
 * privileged side (server/supervisor.c holds the table: request, when allowed, how often,
 * function); whatever else the server process writes ends it.
 *
 * Thread: send from any (a packet is atomic); receive from one thread of each side.
 * Ownership: sending descriptors leaves the sender's copies open; received ones belong to the
 * receiver, close-on-exec.
 */
#ifndef SERVER_CHANNEL_H
#define SERVER_CHANNEL_H

#include <stddef.h>
#include <stdint.h>

#include "net/address.h"

#define CHANNEL_DESCRIPTORS_MAX 250 /* the kernel takes 253 in one message */
#define CHANNEL_TEXT_MAX 200

enum channel_kind {
	/* supervisor -> server process */
	CHANNEL_CONTROL_LISTENERS = 1, /* descriptors: listening sockets of control connections */
	CHANNEL_PASSIVE_LISTENERS,     /* descriptors: listening sockets of the passive range */
	CHANNEL_START, /* all have come: serve; descriptor: the root folder, text: the markers' secret */
	CHANNEL_DRAIN,		     /* SIGTERM: no new sessions, end when the transfers have */
	CHANNEL_STOP,		     /* second SIGTERM: end at once */
	CHANNEL_ACTIVE_SOCKET_READY, /* answer to 16: result 0 with a descriptor, or -errno */

	/* server process -> supervisor */
	CHANNEL_ACTIVE_SOCKET = 16, /* a socket bound to address, an own one with port L-1 */
	CHANNEL_READY,		    /* serving: systemd may be told */
	CHANNEL_STATUS,		    /* text for systemd's STATUS= */
};

struct channel_message {
	uint32_t kind;
	int32_t result;
	uint64_t tag; /* of a request, given back in its answer */
	struct address address;
	char text[CHANNEL_TEXT_MAX];
};

/* Sends one message with count descriptors. Returns 0 or a negative errno (-EAGAIN when a
 * nonblocking channel is full). */
int channel_send(int channel, const struct channel_message *message, const int *fds, size_t count);

/* Receives one message; *ret_count descriptors in ret_fds[CHANNEL_DESCRIPTORS_MAX], all that were
 * sent or, when this process may open no more, none. flags as for recvmsg(2). Returns 1, 0 when
 * the other side is gone, or a negative errno; -EBADMSG is one packet, which is dropped. */
int channel_receive(int channel, int flags, struct channel_message *ret_message, int *ret_fds,
		    size_t *ret_count);

#endif
