/*
 * The argument of HOST (RFC 7151 section 3): a domain name (RFC 1123 section 2.1; what is beyond ASCII
 * comes as A-labels), an IPv4 address, or an IPv6 address in brackets. There is no port in it.
 *
 * Pure: bytes in, value out, callable from any thread.
 */
#ifndef PROTOCOL_HOST_NAME_H
#define PROTOCOL_HOST_NAME_H

#include <netinet/in.h>

#include "base/view.h"

#define HOST_NAME_MAX_LENGTH 253

struct host_name {
	int family; /* AF_INET, AF_INET6, or AF_UNSPEC for a domain name */
	union {
		struct in_addr v4; /* network byte order */
		struct in6_addr v6;
	};
};

/* Returns 0, or -EINVAL (501). Digits and dots alone are an address or nothing. */
int host_name_parse(struct view text, struct host_name *ret_name);

#endif
