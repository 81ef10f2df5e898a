#include "transfer/pipe_pool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "sys/calls.h"
#include "sys/kernel_value.h"

#define PIPE_BYTES_MAX (1024U * 1024)
#define PIPE_BYTES_WORTH (256U * 1024) /* below, sendfile costs less */
#define PIPE_BYTES_MIN (64U * 1024)
#define PIPES_MAX 16 /* of one worker */
#define PIPES_WANTED 5
#define BUDGET_PAGES_DEFAULT 16384
#define GENERATIONS 2 /* an upgrade has two server processes for a while */

struct pipe_pool {
	int null;
	unsigned count;
	size_t wanted_bytes; /* of each pipe */
	struct kernel_pipe *free;
	struct kernel_pipe turn;
	struct kernel_pipe pipes[PIPES_MAX];
};

static size_t pipe_budget_bytes(void)
{
	unsigned long pages =
		kernel_value_read("/proc/sys/fs/pipe-user-pages-soft", BUDGET_PAGES_DEFAULT);

	if (pages == 0) /* no limit */
		pages = BUDGET_PAGES_DEFAULT * 16;
	return pages * 4096 / 2;
}

static int pipe_open(struct kernel_pipe *pipe, size_t size_bytes)
{
	int ends[2];
	int size;

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	fcntl(ends[0], F_SETPIPE_SZ, (int)size_bytes);
	size = fcntl(ends[0], F_GETPIPE_SZ);
	*pipe = (struct kernel_pipe){ .read_end = ends[0],
				      .write_end = ends[1],
				      .size_bytes = size < 4096 ? 4096 : (size_t)size };
	return 0;
}

static void pipe_close(struct kernel_pipe *pipe)
{
	close(pipe->read_end);
	close(pipe->write_end);
}

int pipe_pool_new(unsigned workers, struct pipe_pool **ret_pool)
{
	struct pipe_pool *pool = calloc(1, sizeof(*pool));
	size_t share = pipe_budget_bytes() / GENERATIONS / workers;
	size_t size_bytes = PIPE_BYTES_MAX;
	size_t wanted;
	int r;

	if (!pool)
		return -ENOMEM;
	while (size_bytes > PIPE_BYTES_MIN && share / size_bytes < PIPES_WANTED)
		size_bytes /= 2;
	wanted = share / size_bytes;
	wanted = wanted < PIPES_WANTED ? PIPES_WANTED : wanted > PIPES_MAX ? PIPES_MAX : wanted;
	pool->wanted_bytes = size_bytes;
	pool->null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	r = pool->null < 0 ? -errno : pipe_open(&pool->turn, size_bytes);
	while (r == 0 && pool->count < wanted - 1) {
		r = pipe_open(&pool->pipes[pool->count], size_bytes);
		if (r == 0)
			pipe_pool_give(pool, &pool->pipes[pool->count++]);
	}
	if (r < 0) {
		pipe_pool_free(pool);
		return r;
	}
	*ret_pool = pool;
	return 0;
}

void pipe_pool_free(struct pipe_pool *pool)
{
	if (!pool)
		return;
	for (unsigned i = 0; i < pool->count; i++)
		pipe_close(&pool->pipes[i]);
	if (pool->turn.size_bytes)
		pipe_close(&pool->turn);
	if (pool->null >= 0)
		close(pool->null);
	free(pool);
}

unsigned pipe_pool_count(const struct pipe_pool *pool)
{
	return pool->count;
}

size_t pipe_pool_smallest_bytes(const struct pipe_pool *pool, size_t *ret_wanted_bytes)
{
	size_t smallest = pool->turn.size_bytes;

	for (unsigned i = 0; i < pool->count; i++)
		if (pool->pipes[i].size_bytes < smallest)
			smallest = pool->pipes[i].size_bytes;
	*ret_wanted_bytes = pool->wanted_bytes;
	return smallest;
}

struct kernel_pipe *pipe_pool_take(struct pipe_pool *pool)
{
	struct kernel_pipe *pipe = pool->free;

	if (pipe)
		pool->free = pipe->next;
	return pipe;
}

void pipe_pool_give(struct pipe_pool *pool, struct kernel_pipe *pipe)
{
	pipe_pool_empty(pool, pipe);
	pipe->next = pool->free;
	pool->free = pipe;
}

struct kernel_pipe *pipe_pool_turn_pipe(struct pipe_pool *pool)
{
	return pool->turn.size_bytes >= PIPE_BYTES_WORTH ? &pool->turn : NULL;
}

void pipe_pool_empty(struct pipe_pool *pool, struct kernel_pipe *pipe)
{
	while (pipe->filled_bytes > 0) {
		ssize_t dropped = calls->splice(pipe->read_end, NULL, pool->null, NULL,
						pipe->filled_bytes, SPLICE_F_NONBLOCK);

		if (dropped > 0) {
			pipe->filled_bytes -= (size_t)dropped;
			continue;
		}
		/* It cannot be emptied: another pipe takes its place, or a smaller one. */
		pipe_close(pipe);
		if (pipe_open(pipe, pipe->size_bytes) < 0)
			abort();
	}
}
