/*
 * The arguments and replies that name a data port: PORT and PASV, "h1,h2,h3,h4,p1,p2" (RFC 959
 * sections 4.1.2 and 5.3.2), LPRT and LPSV "family,4,h1,h2,h3,h4,2,p1,p2" (RFC 1639), EPRT
 * "|protocol|address|port|" and EPSV (RFC 2428).
 *
 * Pure: bytes in, value out, callable from any thread. Whether the address may be used is
 * decided in session/ (bounce attack, RFC 2577 section 3).
 */
#ifndef PROTOCOL_HOST_PORT_H
#define PROTOCOL_HOST_PORT_H

#include <netinet/in.h>
#include <stdint.h>

#include "base/view.h"

struct host_port {
	int family; /* AF_INET or AF_INET6 */
	union {
		struct in_addr v4; /* network byte order, as in a sockaddr */
		struct in6_addr v6;
	};
	uint16_t port; /* host byte order */
};

/* Reads exactly one host-port of PORT. Returns 0, or -EINVAL (501). */
int host_port_parse(struct view text, struct host_port *ret_host_port);

/* Reads the argument of EPRT, whatever its delimiter of 33 to 126. Returns 0, -EINVAL (501), or
 * -EAFNOSUPPORT for three fields of which the first is a number other than 1 and 2 (522). */
int host_port_parse_extended(struct view text, struct host_port *ret_host_port);

/* Reads the argument of LPRT: family (4 or 6: the version of IP), length and bytes of the address,
 * length and bytes of the port. Returns 0, -EINVAL (501), or -EAFNOSUPPORT for numbers in that order
 * of another family (521). */
int host_port_parse_long(struct view text, struct host_port *ret_host_port);

#define HOST_PORT_TEXT_MAX 96

/* Writes the same, NUL-terminated, for the reply to LPSV. */
void host_port_format_long(const struct host_port *host_port, char *ret_text);

#endif
