/*
 * A data connection that outlives its transfer: in MODE B, C and Z the end of a file is marked, and a
 * 250 instead of a 226 says that the server keeps it too (RFC 959 sections 3.3 and 4.2).
 */
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "client/client_priv.h"
#include "sys/calls.h"

void kept_store(struct sluice_session *session, int fd, char *early, size_t early_bytes)
{
	const int on = 1;

	/* The next file's first segment must not wait until this one's last is acknowledged. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	session->kept.fd = fd;
	session->kept.early = early;
	session->kept.early_bytes = early_bytes;
}

void kept_forget(struct sluice_session *session)
{
	if (session->kept.fd >= 0)
		ring_close_socket(session->client->ring, session->kept.fd);
	session->kept.fd = -1;
	free(session->kept.early);
	session->kept.early = NULL;
	session->kept.early_bytes = 0;
}

/* Whether the server has ended it. */
static bool kept_is_over(const struct kept *kept)
{
	char byte;
	ssize_t got;

	if (kept->early)
		return false;
	got = calls->recv(kept->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
	return got == 0 || (got < 0 && got != -EAGAIN);
}

int kept_take(struct sluice_session *session)
{
	int fd;

	if (session->kept.fd >= 0 && kept_is_over(&session->kept))
		kept_forget(session);
	fd = session->kept.fd;
	session->kept.fd = -1;
	return fd;
}
