#include "sys/umask.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UMASK_UNKNOWN 022

static unsigned umask_read(void)
{
	FILE *file = fopen("/proc/self/status", "re");
	unsigned mask = UMASK_UNKNOWN;
	char line[128];

	if (!file)
		return mask;
	while (fgets(line, sizeof(line), file))
		if (strncmp(line, "Umask:", 6) == 0)
			mask = (unsigned)strtoul(line + 6, NULL, 8) & 0777;
	fclose(file);
	return mask;
}

unsigned umask_of_process(void)
{
	/* Nobody changes it; atomic, because every thread may be the first to ask. */
	static atomic_int known = -1;
	int mask = atomic_load(&known);

	if (mask < 0) {
		mask = (int)umask_read();
		atomic_store(&known, mask);
	}
	return (unsigned)mask;
}
