/* Fuzzes hash_xattr_read with attributes as somebody else may have written them: behind what tells of
 * the file as it is, or anything at all. */
#include "fs/hash_xattr.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sys/calls.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define STATE "1 12 34 56.000000078 "

static const uint8_t *value;
static size_t value_bytes;

static ssize_t getxattr_of_input(int fd, const char *name, void *ret_value, size_t size)
{
	bool behind = value_bytes > 0 && value[0] != '1';
	size_t before = behind ? strlen(STATE) : 0;
	size_t bytes = value_bytes < size - before ? value_bytes : size - before;

	(void)fd;
	(void)name;
	memcpy(ret_value, STATE, before);
	memcpy((char *)ret_value + before, value, bytes);
	return (ssize_t)(before + bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct hash_identity identity = { .inode = 12,
						       .size_bytes = 34,
						       .modified_s = 56,
						       .modified_ns = 78,
						       .changed_s = 90,
						       .changed_ns = 12 };
	static struct calls scripted;
	unsigned char bytes[DIGEST_BYTES_MAX];
	char hex[2 * DIGEST_BYTES_MAX + 1];

	scripted = calls_real;
	scripted.getxattr = getxattr_of_input;
	calls = &scripted;
	value = data;
	value_bytes = size;
	for (int kind = 0; kind < DIGEST_KINDS; kind++) {
		if (!hash_xattr_read(-1, &identity, (enum digest_kind)kind, bytes))
			continue;
		digest_format(bytes, digest_bytes((enum digest_kind)kind), false, hex);
		if (size < strlen(hex))
			abort();
	}
	return 0;
}
