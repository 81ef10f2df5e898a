#include "fill.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "content.h"
#include "options.h"

enum { FILL_CHUNK_BYTES = 1 << 20 };

static int fill_write(int fd, uint32_t number, uint64_t size)
{
	static unsigned char chunk[FILL_CHUNK_BYTES];

	for (uint64_t done = 0; done < size;) {
		size_t part = size - done < sizeof(chunk) ? (size_t)(size - done) : sizeof(chunk);
		ssize_t n;

		content_fill(number, done, chunk, part);
		n = write(fd, chunk, part);
		if (n < 0)
			return -errno;
		done += (uint64_t)n;
	}
	return 0;
}

/* A file of the right size is taken as made: the name appears by rename only when whole. */
static int fill_file(int folder, const char *name, uint32_t number, uint64_t size)
{
	struct stat status;
	int fd;
	int r;

	if (fstatat(folder, name, &status, 0) == 0 && (uint64_t)status.st_size == size)
		return 0;
	fd = openat(folder, ".partial", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	r = fill_write(fd, number, size);
	close(fd);
	if (r == 0 && renameat(folder, ".partial", folder, name) < 0)
		r = -errno;
	return r;
}

static int fill_folder(int parent, const char *name)
{
	int fd;

	if (mkdirat(parent, name, 0755) < 0 && errno != EEXIST)
		return -errno;
	fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int fill_small(int root, unsigned files)
{
	int folder = fill_folder(root, "small");
	int r = folder < 0 ? folder : 0;
	char name[32];

	for (uint32_t i = 0; r == 0 && i < files; i++) {
		snprintf(name, sizeof(name), "f%" PRIu32, i);
		r = fill_file(folder, name, i, content_small_size(i));
	}
	if (folder >= 0)
		close(folder);
	return r;
}

/* Sizes differ so that a listing has to say something, but nothing is allocated for them. */
static int fill_entries(int root, unsigned entries)
{
	int folder = fill_folder(root, "many");
	int r = folder < 0 ? folder : 0;
	char name[32];

	for (unsigned i = 0; r == 0 && i < entries; i++) {
		int fd;

		snprintf(name, sizeof(name), "entry-%06u.txt", i);
		fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
		if (fd < 0 && errno == EEXIST)
			continue;
		if (fd < 0 || ftruncate(fd, (off_t)content_small_size(i)) < 0)
			r = -errno;
		if (fd >= 0)
			close(fd);
	}
	if (folder >= 0)
		close(folder);
	return r;
}

int fill_tree(const struct options *options)
{
	int root = open(options->file, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = root < 0 ? -errno : 0;

	if (r == 0)
		r = fill_file(root, "big.bin", CONTENT_BIG, options->size);
	if (r == 0)
		r = fill_file(root, "cold.bin", CONTENT_COLD, options->size / 4);
	if (r == 0)
		r = fill_file(root, "hot.bin", CONTENT_HOT, 64 * 1024);
	if (r == 0)
		r = fill_small(root, options->files);
	if (r == 0)
		r = fill_entries(root, options->entries);
	if (r < 0)
		fprintf(stderr, "load: fill %s: %s\n", options->file, strerror(-r));
	if (root >= 0)
		close(root);
	return r;
}
