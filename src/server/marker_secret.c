#include "server/marker_secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log/log.h"

#define SECRET_NAME "marker-key"

/* The first folder of the variable, or -ENOENT. */
static int state_open(void)
{
	const char *folders = getenv("STATE_DIRECTORY");
	char path[4096];
	int fd;

	if (!folders || !*folders)
		return -ENOENT;
	if (snprintf(path, sizeof(path), "%.*s", (int)strcspn(folders, ":"), folders) >=
	    (int)sizeof(path))
		return -ENAMETOOLONG;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* 0; -ENOENT; -EKEYREJECTED: it is no secret, or may be known to others. */
static int secret_read(int folder, uint8_t *ret_secret)
{
	uint8_t read_bytes[MARKER_SECRET_BYTES];
	struct stat stat;
	int r = 0;
	int fd = openat(folder, SECRET_NAME, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return errno == ELOOP ? -EKEYREJECTED : -errno;
	if (fstat(fd, &stat) < 0)
		r = -errno;
	else if (!S_ISREG(stat.st_mode) || stat.st_uid != geteuid() || (stat.st_mode & 077) != 0 ||
		 stat.st_size != MARKER_SECRET_BYTES ||
		 read(fd, read_bytes, sizeof(read_bytes)) != sizeof(read_bytes))
		r = -EKEYREJECTED;
	close(fd);
	if (r == 0)
		memcpy(ret_secret, read_bytes, MARKER_SECRET_BYTES);
	return r;
}

/* Whole or not at all: a name of its own first. */
static int secret_write(int folder, const uint8_t *secret)
{
	char name[64];
	int r = 0;
	int fd;

	snprintf(name, sizeof(name), SECRET_NAME ".%ld", (long)getpid());
	unlinkat(folder, name, 0);
	fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	if (write(fd, secret, MARKER_SECRET_BYTES) != MARKER_SECRET_BYTES)
		r = -EIO;
	if (r == 0 && (fsync(fd) < 0 || renameat(folder, name, folder, SECRET_NAME) < 0))
		r = -errno;
	close(fd);
	if (r < 0)
		unlinkat(folder, name, 0);
	return r;
}

static int secret_keep(int folder, uint8_t *secret)
{
	int r = secret_read(folder, secret);

	if (r == -EKEYREJECTED)
		log_warning("the key of restart markers is not one of ours alone: it is replaced, "
			    "and earlier markers are not accepted any more");
	return r == -ENOENT || r == -EKEYREJECTED ? secret_write(folder, secret) : r;
}

int marker_secret_open(uint8_t ret_secret[static MARKER_SECRET_BYTES])
{
	int folder;
	int r;

	if (getrandom(ret_secret, MARKER_SECRET_BYTES, 0) != MARKER_SECRET_BYTES)
		return -errno;
	folder = state_open();
	if (folder == -ENOENT && !getenv("STATE_DIRECTORY"))
		return 0;
	r = folder < 0 ? folder : secret_keep(folder, ret_secret);
	if (r < 0)
		log_warning(
			"the key of restart markers cannot be kept in $STATE_DIRECTORY: %s; they "
			"are good until this server ends",
			strerror(-r));
	if (folder >= 0)
		close(folder);
	return 0;
}
