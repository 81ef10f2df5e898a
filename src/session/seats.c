#include "session/seats.h"

#include <assert.h>
#include <errno.h>

void seats_init(struct seats *seats, size_t max, size_t share, size_t plenty)
{
	*seats = (struct seats){ .max = max, .share = share, .plenty = plenty };
	list_init(&seats->parties);
}

static size_t seats_of_site(const struct seats *seats, const struct address *site)
{
	size_t count = 0;

	for (struct list *link = seats->parties.next; link != &seats->parties; link = link->next) {
		const struct party *party = list_entry(link, struct party, link);

		if (address_same_host(&party->site, site))
			count += party->count;
	}
	return count;
}

int seats_take(struct seats *seats, const struct address *client, struct party *party, size_t count)
{
	struct address site;

	assert(party->count == 0);
	if (count == 0)
		return 0;
	site = address_site(client);
	if (count > seats->max - seats->taken)
		return -EUSERS;
	if (seats->taken + count > seats->plenty &&
	    (count > seats->share || seats_of_site(seats, &site) > seats->share - count))
		return -ETOOMANYREFS;
	*party = (struct party){ .seats = seats, .site = site, .count = count };
	list_append(&seats->parties, &party->link);
	seats->taken += count;
	return 0;
}

void seats_give(struct party *party)
{
	if (party->count == 0)
		return;
	party->seats->taken -= party->count;
	party->count = 0;
	list_remove(&party->link);
}

void seats_move(struct party *from, struct party *to, size_t count)
{
	assert(count <= from->count);
	if (count == 0)
		return;
	if (to->count == 0) {
		*to = (struct party){ .seats = from->seats, .site = from->site };
		list_append(&to->seats->parties, &to->link);
	}
	to->count += count;
	from->count -= count;
	if (from->count == 0)
		list_remove(&from->link);
}
