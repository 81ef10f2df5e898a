#include "support/edges.h"

#include <assert.h>
#include <sys/mman.h>
#include <unistd.h>

struct edges edges_new(size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t inner = (size + page - 1) / page * page;
	struct edges edges = { .mapped = inner + 2 * page };
	int r;

	edges.mapping = mmap(NULL, edges.mapped, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert(edges.mapping != MAP_FAILED);
	edges.start = (char *)edges.mapping + page;
	edges.end = edges.start + inner;
	r = mprotect(edges.start, inner, PROT_READ | PROT_WRITE);
	assert(r == 0);
	return edges;
}

void edges_free(struct edges *edges)
{
	munmap(edges->mapping, edges->mapped);
	*edges = (struct edges){ 0 };
}

unsigned edges_random(unsigned long *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return (unsigned)(*state >> 16);
}
