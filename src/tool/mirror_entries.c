#include "tool/mirror_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MINUTE_S 60
#define DAY_S 86400
#define KEPT_BYTES (1 << 20)	  /* of a list that is filled again */
#define HALF_YEAR_S (180 * DAY_S) /* older times of LIST have a day and no minute */

void mirror_entries_init(struct mirror_entries *entries, size_t *bytes)
{
	*entries = (struct mirror_entries){ .bytes = bytes };
}

/* What a large folder took is given back: others may need it. */
void mirror_entries_clear(struct mirror_entries *entries)
{
	if (entries->size * sizeof(*entries->at) + entries->text_size > KEPT_BYTES)
		mirror_entries_free(entries);
	entries->count = 0;
	entries->text_bytes = 0;
	entries->links_seen = false;
	entries->error = 0;
}

void mirror_entries_free(struct mirror_entries *entries)
{
	free(entries->at);
	free(entries->text);
	*entries->bytes -= entries->size * sizeof(*entries->at) + entries->text_size;
	mirror_entries_init(entries, entries->bytes);
}

/* Makes room by doubling. Returns 0, -ENOMEM or -E2BIG. */
static int make_room(struct mirror_entries *entries, void **at, size_t *size, size_t wanted,
		     size_t unit)
{
	size_t larger = *size ? *size : 64;
	void *memory;

	if (wanted <= *size)
		return 0;
	while (larger < wanted)
		larger *= 2;
	if (*entries->bytes + (larger - *size) * unit > MIRROR_ENTRIES_BYTES_MAX)
		return -E2BIG;
	memory = reallocarray(*at, larger, unit);
	if (!memory)
		return -ENOMEM;
	*entries->bytes += (larger - *size) * unit;
	*at = memory;
	*size = larger;
	return 0;
}

static size_t put_text(struct mirror_entries *entries, const char *text)
{
	size_t at = entries->text_bytes;
	size_t length = strlen(text) + 1;

	memcpy(entries->text + at, text, length);
	entries->text_bytes += length;
	return at;
}

void mirror_entries_add(struct mirror_entries *entries, const struct sluice_entry *entry)
{
	size_t text_bytes = entries->text_bytes + strlen(entry->name) + strlen(entry->target) + 2;

	if (entries->error == 0 && entries->count == MIRROR_ENTRIES_MAX)
		entries->error = -E2BIG;
	if (entries->error == 0)
		entries->error = make_room(entries, (void **)&entries->at, &entries->size,
					   entries->count + 1, sizeof(*entries->at));
	if (entries->error == 0)
		entries->error = make_room(entries, (void **)&entries->text, &entries->text_size,
					   text_bytes, 1);
	if (entries->error < 0)
		return;
	entries->links_seen |= entry->kind == SLUICE_LINK && *entry->target;
	entries->at[entries->count++] =
		(struct mirror_entry){ .name = put_text(entries, entry->name),
				       .target = put_text(entries, entry->target),
				       .size_bytes = entry->size_bytes,
				       .modified_s = entry->modified_s,
				       .mode = entry->mode,
				       .kind = entry->kind,
				       .time_is_exact = entry->time_is_exact };
}

static int entry_compare(const void *left, const void *right, void *text)
{
	const struct mirror_entry *first = left;
	const struct mirror_entry *second = right;

	return strcmp((const char *)text + first->name, (const char *)text + second->name);
}

void mirror_entries_sort(struct mirror_entries *entries)
{
	if (entries->count > 0)
		qsort_r(entries->at, entries->count, sizeof(*entries->at), entry_compare,
			entries->text);
}

struct mirror_entry *mirror_entries_find(const struct mirror_entries *entries, const char *name)
{
	size_t low = 0;
	size_t high = entries->count;

	while (low < high) {
		size_t middle = (low + high) / 2;
		int order = strcmp(name, entries->text + entries->at[middle].name);

		if (order == 0)
			return &entries->at[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

const char *mirror_entry_name(const struct mirror_entries *entries,
			      const struct mirror_entry *entry)
{
	return entries->text + entry->name;
}

const char *mirror_entry_target(const struct mirror_entries *entries,
				const struct mirror_entry *entry)
{
	return entries->text + entry->target;
}

int64_t mirror_time_slack_s(const struct mirror_entry *entry, int64_t now_s)
{
	return entry->time_is_exact			 ? 0
	       : entry->modified_s > now_s - HALF_YEAR_S ? MINUTE_S - 1
							 : DAY_S - 1;
}

bool mirror_same_time(const struct mirror_entry *entry, int64_t local_s, int64_t now_s)
{
	int64_t apart = entry->modified_s - local_s;
	int64_t allowed = mirror_time_slack_s(entry, now_s);

	if (entry->modified_s == INT64_MIN)
		return true; /* nothing is known: the size decides */
	return apart <= allowed && apart >= -allowed;
}
