#include "sys/kernel_value.h"

#include <stdio.h>
#include <stdlib.h>

unsigned long kernel_value_read(const char *path, unsigned long fallback)
{
	FILE *file = fopen(path, "re");
	unsigned long value = fallback;
	char text[64];
	char *end;

	if (!file)
		return fallback;
	if (fgets(text, sizeof(text), file)) {
		value = strtoul(text, &end, 10);
		if (end == text)
			value = fallback;
	}
	fclose(file);
	return value;
}
