#include "transfer/memory_share.h"

#include <assert.h>
#include <errno.h>

#include "base/limits.h"
#include "sys/memory_limit.h"

void memory_share_init(struct memory_share *share, size_t server_bytes, unsigned workers)
{
	if (server_bytes == 0)
		server_bytes = memory_limit_bytes() / TRANSFER_MEMORY_PART;
	*share = (struct memory_share){ .max_bytes = server_bytes / workers };
	if (share->max_bytes < TRANSFER_MEMORY_WORKER_MIN)
		share->max_bytes = TRANSFER_MEMORY_WORKER_MIN;
}

int memory_share_take(struct memory_share *share, size_t bytes)
{
	if (bytes > share->max_bytes - share->taken_bytes)
		return -ENOBUFS;
	share->taken_bytes += bytes;
	return 0;
}

void memory_share_give(struct memory_share *share, size_t bytes)
{
	assert(bytes <= share->taken_bytes);
	share->taken_bytes -= bytes;
}
