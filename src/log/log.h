/*
 * Log lines to stderr, one per event, for a person at three in the morning and for the journal
 * (with a "<level>" prefix when JOURNAL_STREAM names our stderr). Bytes of a client are written
 * escaped, so that nobody can forge a line or drive a terminal.
 *
 * Nobody waits for whoever reads them: where stderr takes no more for the moment lines are lost, and a
 * line says how many once it does.
 *
 * Thread: any; a line is one write(2).
 */
#ifndef LOG_LOG_H
#define LOG_LOG_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Decides once, before the first thread: where to, and whether debug lines (--verbose) appear. */
void log_start(bool verbose);

/* Whether debug lines are written: asked before the costly making of one. */
bool log_verbose(void);

/* Copies text as lines have it: control characters, backslashes and what is no UTF-8 escaped, cut
 * to a string of size_bytes. Returns its length. */
size_t log_escape(const char *text, char *ret_text, size_t size_bytes);

/* What anybody can make happen as often as they like: `burst` lines of it in a minute. Static, with burst set
 * and all else 0; for any thread. */
struct log_limit {
	unsigned burst;
	unsigned said; /* in this minute */
	unsigned left_out;
	uint64_t until_s;
};

/* Whether a line may be written: for how many events it stands, all since the last line counted in, or 0.
 * Of those that nothing follows the number is not told. */
unsigned log_limit_pass(struct log_limit *limit);

/* One line; a newline is added, control characters are escaped, over 1,000 bytes are cut. */
void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
