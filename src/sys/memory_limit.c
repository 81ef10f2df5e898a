#include "sys/memory_limit.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sys/kernel_value.h"

#define LINE_MAX_BYTES (PATH_MAX + 16)

/* The group of cgroup v2, as "/system.slice/sluiced.service"; the root's if none is named. */
static void group_read(const char *membership, char ret_group[static LINE_MAX_BYTES])
{
	static const char prefix[] = "0::";
	FILE *file = fopen(membership, "re");
	char line[LINE_MAX_BYTES];

	*ret_group = '\0';
	while (file && fgets(line, sizeof(line), file)) {
		if (strncmp(line, prefix, strlen(prefix)) != 0)
			continue;
		line[strcspn(line, "\n")] = '\0';
		strcpy(ret_group, line + strlen(prefix));
	}
	if (file)
		fclose(file);
}

/* A limit of one group, or limit if that is less; "max" is no number, and the root has no file. */
static unsigned long group_limit(const char *hierarchy, const char *group, const char *name,
				 unsigned long limit)
{
	char path[2 * LINE_MAX_BYTES];
	unsigned long value;

	snprintf(path, sizeof(path), "%s%s/%s", hierarchy, group, name);
	value = kernel_value_read(path, limit);
	return value < limit ? value : limit;
}

uint64_t memory_limit_within(const char *membership, const char *hierarchy)
{
	unsigned long limit =
		(unsigned long)sysconf(_SC_PHYS_PAGES) * (unsigned long)sysconf(_SC_PAGESIZE);
	char group[LINE_MAX_BYTES];
	char *end;

	group_read(membership, group);
	for (;;) {
		limit = group_limit(hierarchy, group, "memory.max", limit);
		limit = group_limit(hierarchy, group, "memory.high", limit);
		end = strrchr(group, '/');
		if (!end)
			return limit;
		*end = '\0';
	}
}

uint64_t memory_limit_bytes(void)
{
	return memory_limit_within("/proc/self/cgroup", "/sys/fs/cgroup");
}
