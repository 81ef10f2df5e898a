/*
 * What TYPE and its format do to the bytes of a file on their way (RFC 959 section 3.1.1): line
 * ends and character codes, as functions from bytes to bytes. A client needs the
 * same ones as a server, so this header stands alone: it needs only libc.
 *
 *   TYPE    sending a file                              storing one
 *   A N, T  ascii_to_network                            ascii_from_network
 *
 * Form T (section 3.1.1.5.2) is form N here: the format effectors CR, LF, NL, VT and FF are
 * characters of the file, a printer acts upon them, and the rule about line ends is the same.
 *
 * Bytes over 127 pass through TYPE A as they are, be they ISO 8859-1 or UTF-8.
 *
 * Everything is pure: no descriptor, no clock, no allocation, and what is carried from one buffer to
 * the next lies with the caller. A buffer may begin and end anywhere, at any address; the result does not depend on where a file is cut. No byte is read or written
 * outside of what is named here. Ways to do it (scalar, SSSE3, AVX2, NEON) are chosen once, before
 * main(), for the CPU that there is, and give the same bytes.
 *
 * Thread:    any. Only translate_use_kernel must not run beside others; it is for tests.
 * Ownership: the caller's memory throughout.
 */
#ifndef SLUICE_TRANSLATE_H
#define SLUICE_TRANSLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * TYPE A: every LF of the file becomes CR LF and back (section 3.1.1.1). Strict and invertible: a
 * CR that stands before an LF in the file is sent as well, and comes back as it was.
 */

/* LF -> CR LF. to has room for 2 * length bytes and does not overlap. Returns the bytes written,
 * which are length + ascii_count_lf(from, length). */
size_t ascii_to_network(const char *from, size_t length, char *to);

/* CR LF -> LF. *carriage carries a CR at the end of one buffer over to the next (false at the
 * start); last: no more comes, so a CR that is held is written. to has room for length + 1 bytes
 * and does not overlap. Returns the bytes written. */
size_t ascii_from_network(const char *from, size_t length, bool last, bool *carriage, char *to);

/* How many LF there are: by so much a file grows in TYPE A, which SIZE has to know exactly (RFC
 * 3659 section 4). In TYPE E a file keeps its size, as NL is one character. */
uint64_t ascii_count_lf(const char *from, size_t length);

/*
 * Any code of 256 characters: byte b becomes map[b].
 */
struct translate_table {
	uint8_t map[256];
};

/* to[i] = map[from[i]] for i in 0 .. length - 1. to may be from; otherwise they do not overlap.
 * Quickest where bytes are below 128. */
void translate_table_apply(const struct translate_table *table, const char *from, size_t length,
			   char *to);

/* Which way was chosen: "scalar", "ssse3", "avx2" or "neon". */
const char *translate_kernel_name(void);

/* Goes that way from now on; for tests and measurements. Returns 0, or -EINVAL for a name that is
 * none of these, or -ENOTSUP where this CPU does not have it. */
int translate_use_kernel(const char *name);

#endif
