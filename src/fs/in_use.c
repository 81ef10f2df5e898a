#include "fs/in_use.h"

#include <errno.h>
#include <stdint.h>
#include <sys/random.h>

#include "sys/calls.h"

#define PLACES_FROM (INT64_C(1) << 61) /* beyond what any file system lets a file have */
#define PLACES (INT64_C(1) << 48)

static int in_use_lock(int fd, off_t start, off_t length)
{
	int r = calls->lock_range(fd, start, length);

	return r == -EAGAIN ? -EALREADY : 0; /* 0: or there are no locks */
}

int in_use_mark(int fd)
{
	uint64_t place = 0;

	if (getrandom(&place, sizeof(place), 0) != sizeof(place))
		return 0;
	return in_use_lock(fd, PLACES_FROM + (off_t)(place % PLACES), 1);
}

int in_use_claim(int fd)
{
	return in_use_lock(fd, PLACES_FROM, PLACES);
}
