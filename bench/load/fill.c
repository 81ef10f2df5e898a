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

enum { FILL_CHUNK_BYTES = 1 << 20, FILL_FOLDER_FILES = 100 };

static void fill_chunk(uint32_t number, uint64_t offset, unsigned char *chunk, size_t length)
{
	if (number == CONTENT_TEXT)
		content_text(offset, chunk, length);
	else
		content_fill(number, offset, chunk, length);
}

static int fill_write(int fd, uint32_t number, uint64_t size)
{
	static unsigned char chunk[FILL_CHUNK_BYTES];

	for (uint64_t done = 0; done < size;) {
		size_t part = size - done < sizeof(chunk) ? (size_t)(size - done) : sizeof(chunk);
		ssize_t n;

		fill_chunk(number, done, chunk, part);
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

/* An entry's file has a size, so that a listing has to say something, but no blocks. */
static int fill_entry(int folder, unsigned number)
{
	char name[32];
	int fd;
	int r = 0;

	snprintf(name, sizeof(name), "entry-%06u.txt", number);
	fd = openat(folder, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0 || ftruncate(fd, (off_t)content_small_size(number)) < 0)
		r = -errno;
	if (fd >= 0)
		close(fd);
	return r;
}

/* The folder is taken as made where a file beside it says so: a million look-ups take long. */
static int fill_entries(int root, unsigned entries)
{
	char name[32];
	char mark[40];
	int folder;
	int r;

	snprintf(name, sizeof(name), "entries-%u", entries);
	snprintf(mark, sizeof(mark), ".%s-made", name);
	if (entries == 0 || faccessat(root, mark, F_OK, 0) == 0)
		return 0;
	folder = fill_folder(root, name);
	r = folder < 0 ? folder : 0;
	for (unsigned i = 0; r == 0 && i < entries; i++)
		r = fill_entry(folder, i);
	if (folder >= 0)
		close(folder);
	return r < 0 ? r : fill_file(root, mark, 0, 0);
}

/* Files of the small ones' contents, FILL_FOLDER_FILES to a folder. */
static int fill_folders(int folder, unsigned files)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < files; i += FILL_FOLDER_FILES) {
		char name[32];
		int below;

		snprintf(name, sizeof(name), "d%u", i / FILL_FOLDER_FILES);
		below = fill_folder(folder, name);
		r = below < 0 ? below : 0;
		for (uint32_t j = i; r == 0 && j < files && j < i + FILL_FOLDER_FILES; j++) {
			snprintf(name, sizeof(name), "f%" PRIu32, j);
			r = fill_file(below, name, j, content_small_size(j));
		}
		if (below >= 0)
			close(below);
	}
	return r;
}

/* Taken as made where a file beside it says so. */
static int fill_deep(int root, unsigned files)
{
	char name[32];
	char mark[40];
	int folder;
	int r;

	snprintf(name, sizeof(name), "tree-%u", files);
	snprintf(mark, sizeof(mark), ".%s-made", name);
	if (files == 0 || faccessat(root, mark, F_OK, 0) == 0)
		return 0;
	folder = fill_folder(root, name);
	r = folder < 0 ? folder : fill_folders(folder, files);
	if (folder >= 0)
		close(folder);
	return r < 0 ? r : fill_file(root, mark, 0, 0);
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
		r = fill_file(root, "text.txt", CONTENT_TEXT, CONTENT_TEXT_BYTES);
	if (r == 0)
		r = fill_small(root, options->files);
	if (r == 0)
		r = fill_entries(root, options->entries);
	if (r == 0)
		r = fill_deep(root, options->tree);
	if (r < 0)
		fprintf(stderr, "load: fill %s: %s\n", options->file, strerror(-r));
	if (root >= 0)
		close(root);
	return r;
}
