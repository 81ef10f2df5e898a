/*
 * What a run has counted, and the one JSON line that says so.
 *
 * Latencies are kept one by one, in tenths of a microsecond, and sorted at the end: the
 * tail is what is asked for, and a histogram would round exactly there.
 */
#ifndef LOAD_REPORT_H
#define LOAD_REPORT_H

#include <stddef.h>
#include <stdint.h>

enum { REPORT_ERROR_TEXTS = 4, REPORT_TEXT_BYTES = 160, REPORT_LATENCIES_MAX = 1 << 25 };

struct options;

struct report {
	uint64_t operations; /* finished without an error */
	uint64_t bytes;
	uint64_t entries;
	uint64_t wrong_bytes;
	uint64_t errors;
	uint64_t replies_425;
	char error_texts[REPORT_ERROR_TEXTS][REPORT_TEXT_BYTES]; /* the first different ones */
	uint32_t *latencies; /* grown as needed, at most REPORT_LATENCIES_MAX */
	size_t latency_count;
	size_t latency_room;
	uint64_t started_ns;
	uint64_t ended_ns;
	double cpu_started_s;
};

/* Monotonic time, in which this program was not stopped: where report_clock_open has been called,
 * what the file there says at the moment, 8 bytes in host order, is taken off. */
uint64_t report_now_ns(void);

/* Has the clock stand still as the file at path says. Returns 0 or a negative errno. */
int report_clock_open(const char *path);

/* Forgets what was counted: the run begins now. */
void report_start(struct report *report);

/* Counts one finished operation that began at began_ns. */
void report_operation(struct report *report, uint64_t began_ns);

/* Counts an error and keeps its text while there is room. */
void report_error(struct report *report, const char *text);

/* Prints the line of the whole run. bytes[0 .. sessions) are those of each session. */
void report_print(struct report *report, const struct options *options, const uint64_t *bytes);

/* Prints the line that says that `sessions` sessions stand ready. */
void report_print_ready(const struct report *report, unsigned sessions);

#endif
