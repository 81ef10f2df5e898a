/*
 * The ways to do what is hot in sluice/translate.h, one table each. A kernel works on one buffer
 * from beginning to end and carries nothing over; ascii.c and table.c do the rest.
 *
 * Thread: any; the tables are constant, and what points at one changes only before main().
 */
#ifndef TRANSLATE_TRANSLATE_PRIV_H
#define TRANSLATE_TRANSLATE_PRIV_H

#include <stddef.h>
#include <stdint.h>

struct translate_kernels {
	const char *name;

	/* LF -> CR LF, as ascii_to_network. */
	size_t (*lf_to_crlf)(const char *from, size_t length, char *to);

	/* Leaves out each CR that has an LF behind it within the buffer. to has room for length bytes
	 * and does not overlap. Returns the bytes written. */
	size_t (*crlf_to_lf)(const char *from, size_t length, char *to);

	uint64_t (*count_lf)(const char *from, size_t length);

	/* As translate_table_apply. */
	void (*apply)(const uint8_t map[256], const uint8_t *from, size_t length, uint8_t *to);
};

extern const struct translate_kernels translate_scalar;
#if defined(__x86_64__)
extern const struct translate_kernels translate_ssse3;
extern const struct translate_kernels translate_avx2;
#elif defined(__aarch64__)
extern const struct translate_kernels translate_neon;
#endif

/* What was chosen. */
extern const struct translate_kernels *translate_kernels;

/* A vector of LINE_MASK bytes loaded from line_mask + LINE_MASK - p + 1 is 0 before element p and
 * 0xff from there on; from one byte earlier, 0xff begins behind element p. p <= LINE_MASK, which
 * stands for no element. */
#define LINE_MASK 32
extern const uint8_t line_mask[2 * LINE_MASK + 1];

#endif
