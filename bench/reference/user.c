/* What has to pass through user space: text with its line ends converted, and listings. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reference.h"

enum { TEXT_BYTES = 256 * 1024, LISTING_BYTES = 64 * 1024, LINE_BYTES = 300 };

/* Copies text[0 .. length) to converted with LF as CR LF. Returns the new length. */
static size_t line_ends_convert(const char *text, size_t length, char *converted)
{
	const char *end = text + length;
	char *at = converted;

	while (text < end) {
		const char *line_end = memchr(text, '\n', (size_t)(end - text));
		size_t part = (size_t)((line_end ? line_end : end) - text);

		memcpy(at, text, part);
		at += part;
		if (line_end)
			*at++ = '\r', *at++ = '\n';
		text += part + (line_end != NULL);
	}
	return (size_t)(at - converted);
}

/* All of it: a program that is stopped within a call goes on with the rest. */
static bool whole_send(int fd, const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t n = send(fd, bytes, length, MSG_NOSIGNAL);

		if (n <= 0)
			return false;
		bytes += n;
		length -= (size_t)n;
	}
	return true;
}

void text_send(const struct settings *settings, int fd)
{
	char *text = malloc(TEXT_BYTES);
	char *converted = malloc(2 * TEXT_BYTES);
	off_t at = 0;
	ssize_t n;

	while (text && converted && (n = pread(settings->file_fd, text, TEXT_BYTES, at)) > 0) {
		size_t length = line_ends_convert(text, (size_t)n, converted);

		if (!whole_send(fd, converted, length))
			break;
		at += n;
	}
	free(converted);
	free(text);
}

void listing_send(const struct settings *settings, int fd)
{
	int folder = openat(settings->folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *entries = folder < 0 ? NULL : fdopendir(folder);
	char *lines = malloc(LISTING_BYTES);
	size_t length = 0;
	struct dirent *entry;

	while (entries && lines && (entry = readdir(entries))) {
		struct statx facts;

		if (statx(folder, entry->d_name, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &facts) <
		    0)
			die(entry->d_name);
		length += (size_t)(stpcpy(stpcpy(lines + length, entry->d_name), "\r\n") -
				   (lines + length));
		if (length < LISTING_BYTES - LINE_BYTES)
			continue;
		if (!whole_send(fd, lines, length))
			break;
		length = 0;
	}
	if (length > 0 && !whole_send(fd, lines, length))
		errno = 0; /* the reader has gone */
	free(lines);
	if (entries)
		closedir(entries);
}
