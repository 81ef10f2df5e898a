#include "tool/note.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tool/tool.h"

void note_init(struct note *note, const char *path, const struct stat *local, const struct url *url)
{
	const char *slash = strrchr(path, '/');
	int folder = slash ? (int)(slash - path) + 1 : 0;
	char where[1900];

	tool_show_url(url, where, sizeof(where));
	snprintf(note->path, sizeof(note->path), "%.*s.%.200s.put.sluice", folder, path,
		 path + folder);
	snprintf(note->text, sizeof(note->text),
		 "sluice put 1\n%s %.100s\n%.255s %" PRIu64 " %" PRId64 " %" PRId64 ".%09ld\n",
		 where, url->has_user ? url->user : "", path + folder, (uint64_t)local->st_ino,
		 (int64_t)local->st_size, (int64_t)local->st_mtim.tv_sec, local->st_mtim.tv_nsec);
}

bool note_load(const struct note *note, struct note_state *ret_before)
{
	int fd = open(note->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	size_t length = strlen(note->text);
	char bytes[sizeof(note->text) + 64];
	ssize_t got;

	if (fd < 0)
		return false;
	got = read(fd, bytes, sizeof(bytes) - 1);
	close(fd);
	bytes[got > 0 ? got : 0] = '\0';
	return strncmp(bytes, note->text, length) == 0 &&
	       sscanf(bytes + length, "%" SCNd64 " %" SCNd64, &ret_before->size_bytes, /* NOLINT */
		      &ret_before->modified_s) == 2;
}

void note_save(const struct note *note, const struct note_state *before)
{
	int fd = open(note->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return;
	if (dprintf(fd, "%s%" PRId64 " %" PRId64 "\n", note->text, before->size_bytes,
		    before->modified_s) < 0)
		unlink(note->path);
	close(fd);
}

void note_drop(const struct note *note)
{
	unlink(note->path);
}
