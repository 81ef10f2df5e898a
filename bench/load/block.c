#include <errno.h>
#include <sys/socket.h>

#include "load.h"

enum { BLOCK_EOF = 64, BLOCK_RESTART = 16 };

/* Takes what has come of a header. Returns as recv does, and -1 with EAGAIN while it is not whole. */
static ssize_t block_header(struct session *session)
{
	struct block *block = &session->block;
	ssize_t n = recv(session->data.fd, block->header + block->header_bytes,
			 sizeof(block->header) - block->header_bytes, 0);

	if (n <= 0)
		return n;
	block->header_bytes += (unsigned)n;
	if (block->header_bytes < sizeof(block->header)) {
		errno = EAGAIN;
		return -1;
	}
	block->left = (unsigned)block->header[1] << 8 | block->header[2];
	return n;
}

/* Takes what has come of a block's bytes. Those of a restart marker are not the file's. */
static ssize_t block_bytes(struct session *session)
{
	struct block *block = &session->block;
	ssize_t n = block->header[0] & BLOCK_RESTART
			    ? recv(session->data.fd, NULL, block->left, MSG_TRUNC)
			    : transfer_receive(session, block->left);

	if (n > 0)
		block->left -= (unsigned)n;
	return n;
}

ssize_t block_receive(struct session *session, bool *ret_file_end)
{
	struct block *block = &session->block;
	ssize_t n = 1;

	*ret_file_end = false;
	if (block->header_bytes < sizeof(block->header))
		n = block_header(session);
	if (n > 0 && block->left > 0)
		n = block_bytes(session);
	if (n <= 0 || block->left > 0)
		return n;
	block->header_bytes = 0;
	*ret_file_end = block->header[0] & BLOCK_EOF;
	return n;
}
