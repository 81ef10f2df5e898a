/*
 * What a server says in the texts of 227 and 229: where it listens for the data connection.
 *
 * RFC 959 shows 227 without saying where in the text the numbers stand; RFC 1123 section 4.1.2.6
 * tells to search for them, so parentheses are not needed. RFC 2428 section 3 fixes 229 exactly.
 *
 * Pure: bytes in, value out. Whether the address may be used is decided in client/.
 */
#ifndef PROTOCOL_PASSIVE_REPLY_H
#define PROTOCOL_PASSIVE_REPLY_H

#include <stdint.h>

#include "base/view.h"
#include "protocol/host_port.h"

/* Finds the first "h1,h2,h3,h4,p1,p2" in the text of a 227 (code not included). Returns 0, or
 * -EPROTO if there is none, or its port is 0. */
int passive_reply_parse(struct view text, struct host_port *ret_host_port);

/* Finds the first "(|||port|)" in the text of a 229, whatever its delimiter of 33 to 126. Returns
 * 0, or -EPROTO if there is none, or its port is 0. */
int passive_reply_parse_extended(struct view text, uint16_t *ret_port);

#endif
