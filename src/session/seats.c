#include "session/seats.h"

#include <errno.h>

#include "base/limits.h"

void seats_init(struct seats *seats, unsigned max)
{
	list_init(&seats->taken);
	seats->max = max;
	seats->share = max > SEATS_PARTS ? max / SEATS_PARTS : 1;
}

int seats_take(struct seats *seats, const struct address *client, struct seat *seat)
{
	struct address site = address_site(client);
	unsigned of_all = 0;
	unsigned of_site = 0;

	for (struct list *link = seats->taken.next; link != &seats->taken; link = link->next) {
		of_all++;
		of_site += address_same_host(&list_entry(link, struct seat, link)->site, &site);
	}
	if (of_site >= seats->share)
		return -ETOOMANYREFS;
	if (of_all >= seats->max)
		return -EUSERS;
	seat->site = site;
	list_append(&seats->taken, &seat->link);
	return 0;
}

void seat_give(struct seat *seat)
{
	if (seat->link.next)
		list_remove(&seat->link);
}
