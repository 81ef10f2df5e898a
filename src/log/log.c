#include "log/log.h"

#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define TEXT_MAX 1000  /* bytes of one line's text, escapes included */
#define PREFIX_MAX 48  /* time and level, or "<level>" */
#define LIMIT_S 60     /* see struct log_limit */
#define ESCAPE_BYTES 4 /* "\x1b" */

/* Set by log_start before the first thread, read-only afterwards. */
static bool verbose_wanted;
static bool journal_reads;

static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER; /* lost, and all log_limits */
static unsigned lost; /* lines, since the last one that was written */

static const struct {
	const char *name;
	char journal; /* sd-daemon(3): the syslog level */
} levels[] = {
	[LOG_LEVEL_ERROR] = { "error", '3' },
	[LOG_LEVEL_WARNING] = { "warning", '4' },
	[LOG_LEVEL_INFO] = { "info", '6' },
	[LOG_LEVEL_DEBUG] = { "debug", '7' },
};

/* Whether JOURNAL_STREAM ("device:inode") names our stderr; a child of a service whose stderr
 * was redirected inherits the variable but not the journal (systemd.exec(5)). */
static bool journal_is_stderr(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	char ours[64];
	struct stat stat;

	if (!stream || fstat(STDERR_FILENO, &stat) < 0)
		return false;
	snprintf(ours, sizeof(ours), "%llu:%llu", (unsigned long long)stat.st_dev,
		 (unsigned long long)stat.st_ino);
	return strcmp(stream, ours) == 0;
}

void log_start(bool verbose)
{
	verbose_wanted = verbose;
	journal_reads = journal_is_stderr();
}

bool log_verbose(void)
{
	return verbose_wanted;
}

/* The length of the printable UTF-8 character at text, or 0 for what must be escaped: control
 * characters (C0, DEL, C1), a backslash (so that escapes are unambiguous), invalid bytes. */
static size_t character_length(const unsigned char *text)
{
	static const unsigned least[] = { 0, 0, 0xa0, 0x800, 0x10000 };
	unsigned code;
	size_t length;

	if (text[0] < 0x80)
		return text[0] >= 0x20 && text[0] != 0x7f && text[0] != '\\';
	length = text[0] >= 0xf0 ? 4 : text[0] >= 0xe0 ? 3 : 2;
	if (text[0] < 0xc2 || text[0] > 0xf4)
		return 0;
	code = text[0] & (0x7fU >> length);
	for (size_t i = 1; i < length; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (text[i] & 0x3fU);
	}
	return code >= least[length] && code <= 0x10ffff && code >> 11 != 0x1b ? length : 0;
}

size_t log_escape(const char *text, char *ret_text, size_t size_bytes)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *at = (const unsigned char *)text;
	size_t used = 0;

	while (*at != '\0' && used + ESCAPE_BYTES < size_bytes) {
		size_t length = character_length(at);

		if (length > 0) {
			memcpy(ret_text + used, at, length);
			used += length;
			at += length;
		} else {
			char escape[ESCAPE_BYTES] = { '\\', 'x', digits[*at >> 4],
						      digits[*at & 15] };

			memcpy(ret_text + used, escape, ESCAPE_BYTES);
			used += ESCAPE_BYTES;
			at++;
		}
	}
	ret_text[used] = '\0';
	return used;
}

/* The journal has its own clock; a file or a terminal gets the time in UTC. */
static size_t prefix_write(enum log_level level, char *line)
{
	struct timespec now;
	struct tm utc;
	size_t used;

	if (journal_reads)
		return (size_t)snprintf(line, PREFIX_MAX, "<%c>", levels[level].journal);
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	used = strftime(line, PREFIX_MAX, "%Y-%m-%dT%H:%M:%S", &utc);
	used += (size_t)snprintf(line + used, PREFIX_MAX - used,
				 ".%03dZ %s: ", (int)(now.tv_nsec / 1000000), levels[level].name);
	return used;
}

/* Writes a line, or counts it as lost; with the lock held. A pipe that can be written takes a line of a
 * page and less whole, a socket or terminal has room for one as well. */
static void line_write(const char *line, size_t length)
{
	struct pollfd wanted = { .fd = STDERR_FILENO, .events = POLLOUT };

	if (poll(&wanted, 1, 0) == 0 || write(STDERR_FILENO, line, length) < 0)
		lost++;
}

/* Says that lines were lost, if so; with the lock held. */
static void lost_write(void)
{
	char line[PREFIX_MAX + 100];
	unsigned before = lost;
	size_t used;

	if (lost == 0)
		return;
	used = prefix_write(LOG_LEVEL_WARNING, line);
	used += (size_t)snprintf(line + used, sizeof(line) - used,
				 "%u lines of the log were lost: it took no more\n", before);
	line_write(line, used);
	lost = lost == before ? 0 : before;
}

static void log_line(enum log_level level, const char *format, va_list arguments)
{
	char line[PREFIX_MAX + TEXT_MAX + 1];
	char text[TEXT_MAX + 1];
	size_t used;

	vsnprintf(text, sizeof(text), format, arguments);
	used = prefix_write(level, line);
	used += log_escape(text, line + used, TEXT_MAX + 1);
	line[used++] = '\n';
	pthread_mutex_lock(&log_lock);
	lost_write();
	line_write(line, used);
	pthread_mutex_unlock(&log_lock);
}

unsigned log_limit_pass(struct log_limit *limit)
{
	struct timespec now;
	unsigned events = 0;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	pthread_mutex_lock(&log_lock);
	if ((uint64_t)now.tv_sec >= limit->until_s) {
		events = limit->left_out + 1;
		limit->until_s = (uint64_t)now.tv_sec + LIMIT_S;
		limit->said = 1;
		limit->left_out = 0;
	} else if (limit->said < limit->burst) {
		events = 1;
		limit->said++;
	} else {
		limit->left_out++;
	}
	pthread_mutex_unlock(&log_lock);
	return events;
}

void log_error(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	log_line(LOG_LEVEL_ERROR, format, arguments);
	va_end(arguments);
}

void log_warning(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	log_line(LOG_LEVEL_WARNING, format, arguments);
	va_end(arguments);
}

void log_info(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	log_line(LOG_LEVEL_INFO, format, arguments);
	va_end(arguments);
}

void log_debug(const char *format, ...)
{
	va_list arguments;

	if (!verbose_wanted)
		return;
	va_start(arguments, format);
	log_line(LOG_LEVEL_DEBUG, format, arguments);
	va_end(arguments);
}
