#include "transfer/passive_pool.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/list.h"
#include "net/address.h"
#include "sys/calls.h"

#define CLIENTS_BUCKETS 4096

struct waiter {
	struct list link;
	uint64_t session;
};

/* The free ports of one worker, the one that was given back first at the front. */
struct free_ports {
	uint16_t first; /* where its part of free_order begins */
	uint16_t size;
	uint16_t head; /* within the part */
	uint16_t count;
};

/* One client address that has, or had a moment ago, a reservation or a place in the line. */
struct client {
	struct list link; /* in its bucket */
	struct address address;
	struct list waiting; /* struct waiter, the oldest first */
	unsigned reserved;
	uint64_t *sessions;	 /* by port: who has it, or 0 */
	uint32_t *numbers;	 /* by port: of the reservation, or 0: it has not begun */
	uint16_t *free_order;	 /* the rings of free_ports */
	struct free_ports *free; /* by worker */
};

struct passive_pool {
	pthread_mutex_t lock;
	unsigned count;
	unsigned workers;
	uint64_t random;
	uint32_t last_number;
	passive_grant_fn *grant;
	void *context;
	struct list buckets[CLIENTS_BUCKETS];
	uint16_t ports[];
};

int passive_pool_new(const uint16_t *ports, unsigned count, unsigned workers,
		     passive_grant_fn *grant, void *context, struct passive_pool **ret_pool)
{
	struct passive_pool *pool = calloc(1, sizeof(*pool) + count * sizeof(pool->ports[0]));

	if (!pool)
		return -ENOMEM;
	pthread_mutex_init(&pool->lock, NULL);
	pool->count = count;
	pool->workers = workers;
	pool->grant = grant;
	pool->context = context;
	if (getrandom(&pool->random, sizeof(pool->random), 0) < 0 || pool->random == 0)
		pool->random = 1;
	for (unsigned i = 0; i < CLIENTS_BUCKETS; i++)
		list_init(&pool->buckets[i]);
	memcpy(pool->ports, ports, count * sizeof(pool->ports[0]));
	*ret_pool = pool;
	return 0;
}

static void client_free(struct client *client)
{
	struct list *link;

	while ((link = list_shift(&client->waiting)) != NULL)
		free(list_entry(link, struct waiter, link));
	list_remove(&client->link);
	free(client);
}

void passive_pool_free(struct passive_pool *pool)
{
	if (!pool)
		return;
	for (unsigned i = 0; i < CLIENTS_BUCKETS; i++)
		while (!list_empty(&pool->buckets[i]))
			/* NOLINTNEXTLINE: freeing it took it out of the bucket */
			client_free(list_entry(pool->buckets[i].next, struct client, link));
	pthread_mutex_destroy(&pool->lock);
	free(pool);
}

uint16_t passive_pool_port(const struct passive_pool *pool, unsigned index)
{
	return pool->ports[index];
}

unsigned passive_pool_count(const struct passive_pool *pool)
{
	return pool->count;
}

/* xorshift64: ports need to be hard to foresee (RFC 2577 section 8), seeded by the kernel. */
static unsigned pool_random(struct passive_pool *pool, unsigned below)
{
	pool->random ^= pool->random << 13;
	pool->random ^= pool->random >> 7;
	pool->random ^= pool->random << 17;
	return (unsigned)((pool->random >> 16) % below);
}

static struct list *pool_bucket(struct passive_pool *pool, const struct address *address)
{
	return &pool->buckets[address_hash_host(address) % CLIENTS_BUCKETS];
}

static struct client *pool_find(struct passive_pool *pool, const struct address *address)
{
	struct list *bucket = pool_bucket(pool, address);

	for (struct list *link = bucket->next; link != bucket; link = link->next) {
		struct client *client = list_entry(link, struct client, link);

		if (address_same_host(&client->address, address))
			return client;
	}
	return NULL;
}

static void free_ports_put(struct client *client, struct free_ports *ring, uint16_t port)
{
	client->free_order[ring->first + (ring->head + ring->count) % ring->size] = port;
	ring->count++;
}

/* Takes one of the half that was given back first; what stood before it moves up. */
static uint16_t free_ports_take(struct passive_pool *pool, struct client *client,
				struct free_ports *ring)
{
	uint16_t *order = client->free_order + ring->first;
	unsigned at = pool_random(pool, (ring->count + 1U) / 2);
	uint16_t port = order[(ring->head + at) % ring->size];

	for (; at > 0; at--)
		order[(ring->head + at) % ring->size] = order[(ring->head + at - 1) % ring->size];
	ring->head = (uint16_t)((ring->head + 1) % ring->size);
	ring->count--;
	return port;
}

/* A new client has used no port for longest: each worker's ring begins at a random one. */
static void client_fill(struct passive_pool *pool, struct client *client)
{
	unsigned first = 0;

	for (unsigned worker = 0; worker < pool->workers; worker++) {
		struct free_ports *ring = &client->free[worker];
		unsigned size = (pool->count + pool->workers - 1 - worker) / pool->workers;
		unsigned skip = size ? pool_random(pool, size) : 0;

		ring->first = (uint16_t)first;
		ring->size = (uint16_t)size;
		for (unsigned i = 0; i < size; i++)
			free_ports_put(client, ring,
				       (uint16_t)(worker + (i + skip) % size * pool->workers));
		first += size;
	}
}

static struct client *pool_add(struct passive_pool *pool, const struct address *address)
{
	size_t sessions_bytes = pool->count * sizeof(uint64_t);
	size_t free_bytes = pool->workers * sizeof(struct free_ports);
	size_t numbers_bytes = pool->count * sizeof(uint32_t);
	size_t order_bytes = pool->count * sizeof(uint16_t);
	size_t size_bytes =
		sizeof(struct client) + sessions_bytes + free_bytes + numbers_bytes + order_bytes;
	struct client *client = calls->allocate(size_bytes);
	char *after;

	if (!client)
		return NULL;
	after = (char *)(client + 1);
	memset(client, 0, size_bytes);
	client->address = *address;
	client->sessions = (void *)after;
	client->free = (void *)(after + sessions_bytes);
	client->numbers = (void *)(after + sessions_bytes + free_bytes);
	client->free_order = (void *)(after + sessions_bytes + free_bytes + numbers_bytes);
	list_init(&client->waiting);
	list_append(pool_bucket(pool, address), &client->link);
	client_fill(pool, client);
	return client;
}

static int client_wait(struct client *client, uint64_t session)
{
	struct waiter *waiter = calls->allocate(sizeof(*waiter));

	if (!waiter)
		return -ENOMEM;
	waiter->session = session;
	list_append(&client->waiting, &waiter->link);
	return -EAGAIN;
}

static int client_reserve(struct passive_pool *pool, struct client *client, unsigned worker,
			  uint64_t session)
{
	for (unsigned i = 0; i < pool->workers; i++) {
		struct free_ports *ring = &client->free[(worker + i) % pool->workers];

		if (ring->count > 0) {
			uint16_t port = free_ports_take(pool, client, ring);

			client->sessions[port] = session;
			client->numbers[port] = 0;
			client->reserved++;
			return port;
		}
	}
	return client_wait(client, session);
}

int passive_pool_reserve(struct passive_pool *pool, unsigned worker, const struct address *client,
			 uint64_t session)
{
	struct client *found;
	int r = -ENOMEM;

	pthread_mutex_lock(&pool->lock);
	found = pool_find(pool, client);
	if (!found)
		found = pool_add(pool, client);
	if (found)
		r = client_reserve(pool, found, worker % pool->workers, session);
	pthread_mutex_unlock(&pool->lock);
	return r;
}

/* A port is free again: the oldest waiter's, or its worker's ring's. */
static void client_give_back(struct passive_pool *pool, struct client *client, unsigned port)
{
	struct list *link;

	client->sessions[port] = 0;
	client->numbers[port] = 0;
	while ((link = list_shift(&client->waiting)) != NULL) {
		struct waiter *waiter = list_entry(link, struct waiter, link);
		uint64_t session = waiter->session;

		free(waiter);
		if (pool->grant(pool->context, session, port)) {
			client->sessions[port] = session;
			return;
		}
	}
	client->reserved--;
	free_ports_put(client, &client->free[port % pool->workers], (uint16_t)port);
}

/* What order the ports were used in is forgotten with the last reservation only if many other
 * clients need the memory; a bucket keeps the client that used it last. */
static void pool_forget_idle(struct passive_pool *pool, struct client *used)
{
	struct list *bucket = pool_bucket(pool, &used->address);
	struct list *next;

	for (struct list *link = bucket->next; link != bucket; link = next) {
		struct client *client = list_entry(link, struct client, link);

		next = link->next;
		if (client != used && client->reserved == 0 && list_empty(&client->waiting))
			client_free(client);
	}
}

uint32_t passive_pool_begin(struct passive_pool *pool, const struct address *client, unsigned port,
			    uint64_t session)
{
	uint32_t number = 0;
	struct client *found;

	pthread_mutex_lock(&pool->lock);
	found = pool_find(pool, client);
	if (found && found->sessions[port] == session) {
		pool->last_number += pool->last_number == UINT32_MAX ? 2 : 1;
		number = found->numbers[port] = pool->last_number;
	}
	pthread_mutex_unlock(&pool->lock);
	return number;
}

void passive_pool_release(struct passive_pool *pool, const struct address *client, unsigned port,
			  uint64_t session)
{
	struct client *found;

	pthread_mutex_lock(&pool->lock);
	found = pool_find(pool, client);
	if (found && found->sessions[port] == session) {
		client_give_back(pool, found, port);
		pool_forget_idle(pool, found);
	}
	pthread_mutex_unlock(&pool->lock);
}

static bool client_leave_line(struct client *client, uint64_t session)
{
	for (struct list *link = client->waiting.next; link != &client->waiting;
	     link = link->next) {
		struct waiter *waiter = list_entry(link, struct waiter, link);

		if (waiter->session == session) {
			list_remove(link);
			free(waiter);
			return true;
		}
	}
	return false;
}

void passive_pool_withdraw(struct passive_pool *pool, const struct address *client,
			   uint64_t session)
{
	struct client *found;

	pthread_mutex_lock(&pool->lock);
	found = pool_find(pool, client);
	if (found && !client_leave_line(found, session))
		for (unsigned port = 0; port < pool->count; port++)
			if (found->sessions[port] == session)
				client_give_back(pool, found, port);
	pthread_mutex_unlock(&pool->lock);
}

bool passive_pool_holds(struct passive_pool *pool, const struct address *client, unsigned port,
			uint64_t session)
{
	struct client *found;
	bool holds;

	pthread_mutex_lock(&pool->lock);
	found = pool_find(pool, client);
	holds = found && found->sessions[port] == session;
	pthread_mutex_unlock(&pool->lock);
	return holds;
}

uint64_t passive_pool_claim(struct passive_pool *pool, const struct address *client, unsigned port,
			    uint32_t *ret_number)
{
	uint64_t session = 0;
	struct client *found;

	pthread_mutex_lock(&pool->lock);
	found = pool_find(pool, client);
	if (found && found->numbers[port] != 0) {
		session = found->sessions[port];
		*ret_number = found->numbers[port];
		client_give_back(pool, found, port);
		pool_forget_idle(pool, found);
	}
	pthread_mutex_unlock(&pool->lock);
	return session;
}
