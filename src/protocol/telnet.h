/*
 * The Telnet side of a control connection (RFC 959 section 2.3, RFC 1123 section 4.1.2.12,
 * RFC 854): option requests are refused, commands and subnegotiations are taken out wherever
 * they stand, IAC IAC is the byte 255, CR NUL is CR. What is left are the bytes of command lines.
 * A LF behind CR NUL is part of a name (RFC 2640 section 3.1) and ends no line; it is taken out as well,
 * for the CR that stays is what no name may have here.
 * IP takes back the line that it interrupts: ABOR begins a new one.
 * A DM right after IP is taken out without its IAC too: that one is sent as urgent data, and gets
 * lost where urgent data is not received inline.
 *
 * Pure: no I/O, no memory of its own; the state carries over from one packet to the next.
 */
#ifndef PROTOCOL_TELNET_H
#define PROTOCOL_TELNET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TELNET_ANSWERS_MAX 48 /* bytes; further requests of one packet stay unanswered */

struct telnet {
	uint8_t state; /* zero at the start of a connection */
	uint8_t verb;  /* WILL, WONT, DO or DONT while its option is awaited */
	bool interrupt; /* IP came within a line that began before these bytes; the owner clears it */
};

/* Filters bytes[0 .. length) in place and returns how many are left. Puts answers (DONT, WONT)
 * into ret_answers[TELNET_ANSWERS_MAX], and their length into *ret_answers_length. */
size_t telnet_filter(struct telnet *telnet, char *bytes, size_t length, char *ret_answers,
		     size_t *ret_answers_length);

#endif
