/* Fuzzes the lines of listings: what an entry says lies within its line, and within its bounds. */
#include "protocol/remote_entry.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_view(struct view line, struct view part)
{
	if (part.length > 0 && (part.at < line.at || part.at + part.length > line.at + line.length))
		abort();
}

static void check_entry(struct view line, const struct remote_entry *entry)
{
	check_view(line, entry->name);
	check_view(line, entry->target);
	check_view(line, entry->mode_text);
	if (entry->name.length == 0 || entry->size_bytes < REMOTE_SIZE_UNKNOWN ||
	    entry->mode < REMOTE_MODE_UNKNOWN || entry->mode > 07777 || entry->kind > REMOTE_PDIR)
		abort();
	if (entry->time_is_exact && entry->modified_s == REMOTE_TIME_UNKNOWN)
		abort();
	remote_name_is_safe(entry->name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view line = { (const char *)data, size };
	struct remote_entry entry;

	if (remote_entry_parse_facts(line, &entry) == 0)
		check_entry(line, &entry);
	if (remote_entry_parse_list(line, 1795694400, &entry) == 0)
		check_entry(line, &entry);
	return 0;
}
