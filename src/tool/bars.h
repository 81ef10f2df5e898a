/*
 * What a terminal shows of transfers under way: a line for each session that moves a file (name, bar,
 * per cent, bytes, rate, time left) and, for several, one for all of them. Lines are redrawn in place,
 * never more than the terminal has rows for and never as wide as it is, and go without a trace. Whatever
 * else is printed comes after bars_clear; the next drawing is then below it.
 *
 * Thread: one. Ownership: plain memory of the caller's.
 */
#ifndef TOOL_BARS_H
#define TOOL_BARS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define BARS_MAX 64
#define BARS_NAME_BYTES 256 /* more of a name fits into no line */

/* How fast something moves, as a mean in which what is new counts more. */
struct bars_rate {
	uint64_t bytes; /* at the last look */
	uint64_t at_ms;
	bool known;
	double bytes_per_s;
};

struct bar {
	bool active;
	char name[BARS_NAME_BYTES];
	int64_t size_bytes; /* -1: unknown, or of no use */
	int64_t offset;	    /* where it began */
	uint64_t bytes;	    /* since then */
	struct bars_rate rate;
};

/* Of all sessions together. */
struct bars_total {
	bool shown;
	uint64_t files;	     /* that have moved */
	uint64_t bytes;	     /* of them */
	uint64_t left_bytes; /* of files that are still to move, those under way among them */
	bool counted;	     /* no more will be found: the time left can be told */
};

struct bars {
	struct bar bar[BARS_MAX];
	struct bars_total total;
	struct bars_rate rate; /* of all */
	unsigned lines;	       /* that stand on the terminal now */
	uint64_t drawn_ms;
};

uint64_t bars_now_ms(void);

/* A file begins to move, has moved so far, or does not move any more. */
void bars_begin(struct bars *bars, unsigned index, const char *name, int64_t size_bytes,
		int64_t offset);
void bars_move(struct bars *bars, unsigned index, uint64_t bytes);
void bars_end(struct bars *bars, unsigned index);

/* Draws on a terminal, unless that was done a moment ago. */
void bars_draw(struct bars *bars, FILE *terminal);
void bars_clear(struct bars *bars, FILE *terminal);

/* "1.4 GiB": three digits that matter. */
void bars_format_bytes(double bytes, char *ret_text, size_t size_bytes);

/* Takes note of what has moved until now. */
void bars_take_rate(struct bars_rate *rate, uint64_t bytes);

/* One line of at most width columns, with NUL, for a bar and for the total. What has no room is left out:
 * bytes first, then the bar, the time left, and the rate. */
void bars_line(const struct bar *bar, unsigned width, char *ret_line, size_t size_bytes);
void bars_total_line(const struct bars *bars, unsigned hidden, unsigned width, char *ret_line,
		     size_t size_bytes);

#endif
