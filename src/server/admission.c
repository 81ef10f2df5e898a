#include "server/admission.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/list.h"
#include "net/address.h"
#include "sys/calls.h"

#define BUCKETS 4096

/* A client's address, or the IPv6 network of 64 bits in which it is. */
struct host {
	struct list link;
	struct address site;
	unsigned sessions;
};

struct admission {
	pthread_mutex_t lock; /* protects all numbers */
	unsigned workers;
	unsigned sessions_max;
	unsigned per_address_max;
	unsigned sessions;
	unsigned of_worker[WORKERS_LIMIT];
	struct list buckets[BUCKETS];
};

int admission_new(unsigned workers, unsigned sessions_max, unsigned per_address_max,
		  struct admission **ret_admission)
{
	struct admission *admission = calloc(1, sizeof(*admission));

	if (!admission)
		return -ENOMEM;
	pthread_mutex_init(&admission->lock, NULL);
	admission->workers = workers;
	admission->sessions_max = sessions_max;
	admission->per_address_max = per_address_max;
	for (unsigned i = 0; i < BUCKETS; i++)
		list_init(&admission->buckets[i]);
	*ret_admission = admission;
	return 0;
}

void admission_free(struct admission *admission)
{
	struct list *link;

	if (!admission)
		return;
	for (unsigned i = 0; i < BUCKETS; i++)
		while ((link = list_shift(&admission->buckets[i])) != NULL)
			free(list_entry(link, struct host, link));
	pthread_mutex_destroy(&admission->lock);
	free(admission);
}

static struct host *host_find(struct admission *admission, const struct address *site)
{
	struct list *bucket = &admission->buckets[address_hash_host(site) % BUCKETS];

	for (struct list *link = bucket->next; link != bucket; link = link->next) {
		struct host *host = list_entry(link, struct host, link);

		if (address_same_host(&host->site, site))
			return host;
	}
	return NULL;
}

static struct host *host_add(struct admission *admission, const struct address *site)
{
	struct host *host = calls->allocate(sizeof(*host));

	if (!host)
		return NULL;
	host->site = *site;
	host->sessions = 0;
	list_append(&admission->buckets[address_hash_host(site) % BUCKETS], &host->link);
	return host;
}

static int admission_choose(struct admission *admission, unsigned self)
{
	unsigned fewest = self;

	for (unsigned i = 0; i < admission->workers; i++)
		if (admission->of_worker[i] < admission->of_worker[fewest])
			fewest = i;
	admission->of_worker[fewest]++;
	admission->sessions++;
	return (int)fewest;
}

static int admission_enter_locked(struct admission *admission, const struct address *peer,
				  unsigned self)
{
	struct address site = address_site(peer);
	struct host *host;

	if (admission->sessions >= admission->sessions_max)
		return -EUSERS;
	host = host_find(admission, &site);
	if (!host)
		host = host_add(admission, &site);
	if (!host)
		return -ENOMEM;
	if (host->sessions >= admission->per_address_max)
		return -EDQUOT;
	host->sessions++;
	return admission_choose(admission, self);
}

int admission_enter(struct admission *admission, const struct address *peer, unsigned self)
{
	int r;

	pthread_mutex_lock(&admission->lock);
	r = admission_enter_locked(admission, peer, self);
	pthread_mutex_unlock(&admission->lock);
	return r;
}

unsigned admission_leave(struct admission *admission, const struct address *peer, unsigned worker)
{
	struct address site = address_site(peer);
	struct host *host;
	unsigned left;

	pthread_mutex_lock(&admission->lock);
	admission->sessions--;
	left = --admission->of_worker[worker];
	host = host_find(admission, &site);
	if (host && --host->sessions == 0) {
		list_remove(&host->link);
		free(host);
	}
	pthread_mutex_unlock(&admission->lock);
	return left;
}

unsigned admission_count(struct admission *admission)
{
	unsigned count;

	pthread_mutex_lock(&admission->lock);
	count = admission->sessions;
	pthread_mutex_unlock(&admission->lock);
	return count;
}
