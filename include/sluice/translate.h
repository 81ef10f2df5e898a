/*
 * What TYPE and its format do to the bytes of a file on their way (RFC 959 section 3.1.1): line
 * ends, character codes and carriage control, as functions from bytes to bytes. A client needs the
 * same ones as a server, so this header stands alone: it needs only libc.
 *
 *   TYPE    sending a file                              storing one
 *   A N, T  ascii_to_network                            ascii_from_network
 *   E N, T  translate_table_apply(to_network)           translate_table_apply(from_network)
 *   A C     asa_to_network, ascii_to_network            ascii_from_network, asa_from_network
 *   E C     asa_to_network, ...apply(to_network)        ...apply(from_network), asa_from_network
 *
 * Form T (section 3.1.1.5.2) is form N here: the format effectors CR, LF, NL, VT and FF are
 * characters of the file, a printer acts upon them, and the rule about line ends is the same.
 *
 * Bytes over 127 pass through TYPE A as they are, be they ISO 8859-1 or UTF-8.
 *
 * Everything but translate_ebcdic_load is pure: no descriptor, no clock, no allocation, and what is
 * carried from one buffer to the next lies with the caller. A buffer may begin and end anywhere, at
 * any address; the result does not depend on where a file is cut. No byte is read or written
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

/*
 * TYPE E: a file in an ISO 8859 code with LF is sent in EBCDIC with NL, 0x15, as the end of a line
 * (section 3.1.1.2). A code page puts LF at 0x25 and NEL (0x85 in ISO 8859-1) at 0x15; here the two
 * are exchanged, as z/OS does it, so that LF is NL and everything still comes back as it was.
 * Line ends are thus part of the table, and a file keeps its length.
 *
 * Both codes have 256 bytes, and each byte of one has its byte of the other, whatever it means: no byte
 * of a file is lost. Equal characters are each other's; those bytes whose characters the other code
 * does not have, and those without any, are paired in their order.
 */
#define TRANSLATE_TEXT_NAME_MAX 32
struct translate_ebcdic {
	struct translate_table to_network;   /* the file's code, LF -> EBCDIC, NL */
	struct translate_table from_network; /* its inverse */
	char text[TRANSLATE_TEXT_NAME_MAX];  /* the name of the file's code */
	unsigned others; /* how many bytes are not each other's by their characters */
};

#define TRANSLATE_EBCDIC_DEFAULT "1047" /* what z/OS has for text; needs no iconv(3) */

/* The tables of an EBCDIC page: a number of three or more digits, perhaps after "IBM" or "CP"
 * (with or without a hyphen), or another name that iconv(3) knows; case does not matter. Behind a colon
 * there may be the name of the file's code, as in "870:ISO-8859-2"; else it is ISO 8859-1 if the page
 * has its characters, or the part of ISO 8859 with most of the page's. For the time of starting: all
 * pages but 1047 are read through iconv, which may open files.
 *
 * Returns 0 and fills *ret_ebcdic, or
 *   -ENOENT   iconv does not know it, or its module is not installed,
 *   -EMSGSIZE not every character is one byte,
 *   -EDOM     it is no EBCDIC: space, digits and line ends lie elsewhere,
 *   -EPROTOTYPE the file's code is unknown, has characters of several bytes, or not ASCII's 128,
 *   or what iconv_open says else, such as -ENOMEM. */
int translate_ebcdic_load(const char *page, struct translate_ebcdic *ret_ebcdic);

/* Such an error as an end for the sentence "code page X ...". Static memory. */
const char *translate_ebcdic_error(int error);

/*
 * Form C, carriage control (section 3.1.1.5.3, RFC 740 appendix C): the first character of a line
 * on the network moves the paper before the rest of the line is printed. In the file, the movement
 * is in characters between the lines:
 *
 *   first   moves the paper              in the file
 *   space   to the next line             a line
 *   0       by two lines                 an empty line, then a line
 *   1       to the top of the next page  a line that begins with FF
 *   +       not at all: prints over      CR where the end of the line before would be
 *
 * Both sides of these functions have LF as the end of a line; CR LF or NL come in by the functions
 * above, which see no CR that is not theirs. Two empty lines become one "0" line.
 *
 * Every file whatever comes back byte for byte: an FF elsewhere than at the beginning of a line
 * stays in the text, CR LF is a line overprinted with an empty one, and the last line has an LF
 * there if it has one here. What came from elsewhere is stored with the same meaning, but may be
 * sent otherwise: two lines of space for one of 0, and space for a first character that is none of
 * the four, which is not printed either; a line without a first character is an empty line.
 */
struct asa_state {
	uint8_t at; /* where in a line the last buffer ended; 0 at the start of a file */
};

/* A file -> lines with a first character. last: no more comes. to has room for 2 * length + 2
 * bytes and does not overlap. Returns the bytes written; after last, *state is as at the start. */
size_t asa_to_network(struct asa_state *state, const char *from, size_t length, bool last,
		      char *to);

/* Lines with a first character -> a file. last: no more comes. to has room for length + 1 bytes
 * and does not overlap. Returns the bytes written; after last, *state is as at the start. */
size_t asa_from_network(struct asa_state *state, const char *from, size_t length, bool last,
			char *to);

/* Which way was chosen: "scalar", "ssse3", "avx2" or "neon". */
const char *translate_kernel_name(void);

/* Goes that way from now on; for tests and measurements. Returns 0, or -EINVAL for a name that is
 * none of these, or -ENOTSUP where this CPU does not have it. */
int translate_use_kernel(const char *name);

#endif
