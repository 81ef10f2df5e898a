#include "server/settling.h"

#include <stdlib.h>

#include "net/address.h"
#include "ring/ring.h"
#include "sys/calls.h"
#include "transfer/passive_pool.h"

struct settling {
	struct op op;
	struct passive_pool *passive;
	struct address client;
	unsigned port;
};

static void settling_over(struct op *op, int result)
{
	struct settling *settling = (struct settling *)(void *)op;

	(void)result;
	passive_pool_settle(settling->passive, &settling->client, settling->port);
	free(settling);
}

void settling_begin(struct ring *ring, struct passive_pool *passive, const struct address *client,
		    unsigned port)
{
	struct settling *settling = calls->allocate(sizeof(*settling));

	if (!settling) {
		passive_pool_settle(passive, client, port);
		return;
	}
	*settling = (struct settling){
		.op.done = settling_over, .passive = passive, .client = *client, .port = port
	};
	ring_yield(ring, &settling->op);
}
