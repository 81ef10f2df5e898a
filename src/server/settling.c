#include "server/settling.h"

#include <stddef.h>
#include <stdlib.h>

#include "net/address.h"
#include "ring/ring.h"
#include "sys/calls.h"
#include "transfer/passive_pool.h"

#define LOOK_MS 20
#define LOOKS_MAX 500 /* 10 s: a port to which connections come all the time is not lost by them */

struct settling {
	struct wheel_timer timer;
	struct list link;
	struct settlings *settlings;
	struct address client;
	unsigned port;
	unsigned looks;
};

void settlings_init(struct settlings *settlings)
{
	list_init(&settlings->under_way);
}

void settlings_fini(struct settlings *settlings)
{
	struct list *link;

	while ((link = list_shift(&settlings->under_way)) != NULL)
		free(list_entry(link, struct settling, link));
}

static void settling_on_timer(struct wheel_timer *timer)
{
	struct settling *settling =
		(struct settling *)(void *)((char *)timer - offsetof(struct settling, timer));
	struct settlings *settlings = settling->settlings;

	if (!settlings->take(settlings->context, settling->port) && settling->looks++ < LOOKS_MAX) {
		ring_timer_set(settlings->ring, &settling->timer, LOOK_MS);
		return;
	}
	passive_pool_settle(settlings->passive, &settling->client, settling->port);
	list_remove(&settling->link);
	free(settling);
}

void settling_begin(struct settlings *settlings, const struct address *client, unsigned port)
{
	struct settling *settling = NULL;

	if (!settlings->take(settlings->context, port))
		settling = calls->allocate(sizeof(*settling));
	if (!settling) {
		passive_pool_settle(settlings->passive, client, port);
		return;
	}
	*settling = (struct settling){ .timer.fire = settling_on_timer,
				       .settlings = settlings,
				       .client = *client,
				       .port = port };
	list_append(&settlings->under_way, &settling->link);
	ring_timer_set(settlings->ring, &settling->timer, LOOK_MS);
}
