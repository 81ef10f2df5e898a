#include "protocol/host_port.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Reads a number of at most digits_max digits at *at and moves *at past it. Returns it if it is
 * at most limit, or -EINVAL. */
static int number_parse(struct view text, size_t digits_max, int limit, size_t *at)
{
	size_t start = *at;
	int number = 0;

	while (*at < text.length && *at - start < digits_max && text.at[*at] >= '0' &&
	       text.at[*at] <= '9')
		number = 10 * number + (text.at[(*at)++] - '0');

	return *at > start && number <= limit ? number : -EINVAL;
}

int host_port_parse(struct view text, struct host_port *ret_host_port)
{
	uint64_t value = 0; /* the six numbers as one 48-bit integer */
	size_t at = 0;

	for (int i = 0; i < 6; i++) {
		int number;

		if (i > 0 && (at == text.length || text.at[at++] != ','))
			return -EINVAL;
		/* Section 5.3.2 says 1 through 255; 10.0.0.1 shows that 0 is meant as well. */
		number = number_parse(text, 3, 255, &at);
		if (number < 0)
			return number;
		value = value << 8 | (uint64_t)number;
	}
	if (at != text.length)
		return -EINVAL;

	*ret_host_port = (struct host_port){
		.family = AF_INET,
		.v4 = { htonl((uint32_t)(value >> 16)) },
		.port = (uint16_t)value,
	};
	return 0;
}

/* Cuts the field before the next delimiter off *rest. Returns 0, or -EINVAL without one. */
static int field_cut(struct view *rest, char delimiter, struct view *ret_field)
{
	const char *end = rest->length > 0 ? memchr(rest->at, delimiter, rest->length) : NULL;
	size_t length;

	if (!end)
		return -EINVAL;
	length = (size_t)(end - rest->at);
	*ret_field = (struct view){ rest->at, length };
	*rest = view_skip(*rest, length + 1);
	return 0;
}

/* The number that is the whole field, or -EINVAL. */
static int field_number(struct view field, size_t digits_max, int limit)
{
	size_t at = 0;
	int number;

	number = number_parse(field, digits_max, limit, &at);
	return number >= 0 && at != field.length ? -EINVAL : number;
}

static int address_parse(struct view text, struct host_port *ret_host_port)
{
	char copy[INET6_ADDRSTRLEN];
	void *address;

	if (text.length >= sizeof(copy) || memchr(text.at, '\0', text.length))
		return -EINVAL;
	memcpy(copy, text.at, text.length);
	copy[text.length] = '\0';

	address = ret_host_port->family == AF_INET ? (void *)&ret_host_port->v4
						   : (void *)&ret_host_port->v6;
	return inet_pton(ret_host_port->family, copy, address) == 1 ? 0 : -EINVAL;
}

int host_port_parse_extended(struct view text, struct host_port *ret_host_port)
{
	struct host_port host_port = { 0 };
	struct view protocol;
	struct view address;
	struct view port;
	char delimiter;
	int number;

	if (text.length == 0 || text.at[0] < 33 || text.at[0] > 126)
		return -EINVAL;
	delimiter = text.at[0];
	text = view_skip(text, 1);
	if (field_cut(&text, delimiter, &protocol) < 0 ||
	    field_cut(&text, delimiter, &address) < 0 || field_cut(&text, delimiter, &port) < 0 ||
	    text.length > 0)
		return -EINVAL;

	number = field_number(protocol, 5, 65535); /* the address family numbers of IANA */
	if (number < 0)
		return number;
	if (number != 1 && number != 2)
		return -EAFNOSUPPORT;
	host_port.family = number == 1 ? AF_INET : AF_INET6;

	number = field_number(port, 5, 65535);
	if (number < 0)
		return number;
	host_port.port = (uint16_t)number;

	if (address_parse(address, &host_port) < 0)
		return -EINVAL;
	*ret_host_port = host_port;
	return 0;
}

#define LONG_IPV4 4 /* the versions of IP, which RFC 1639 section 2 takes as families */
#define LONG_IPV6 6
#define LONG_BYTES_MAX 16 /* of an address or a port */

/* Reads a length and so many bytes behind it, each with a comma before it but the first number.
 * Returns the length, or -EINVAL. */
static int bytes_parse(struct view text, size_t *at, uint8_t *ret_bytes)
{
	int length;

	if (*at == text.length || text.at[(*at)++] != ',')
		return -EINVAL;
	length = number_parse(text, 3, LONG_BYTES_MAX, at);
	for (int i = 0; i < length; i++) {
		int number;

		if (*at == text.length || text.at[(*at)++] != ',')
			return -EINVAL;
		number = number_parse(text, 3, 255, at);
		if (number < 0)
			return number;
		ret_bytes[i] = (uint8_t)number;
	}
	return length;
}

int host_port_parse_long(struct view text, struct host_port *ret_host_port)
{
	struct host_port host_port = { 0 };
	uint8_t address[LONG_BYTES_MAX];
	uint8_t port[LONG_BYTES_MAX];
	size_t at = 0;
	int family = number_parse(text, 3, 255, &at);
	int address_bytes = family < 0 ? family : bytes_parse(text, &at, address);
	int port_bytes = address_bytes < 0 ? address_bytes : bytes_parse(text, &at, port);

	if (port_bytes < 0 || at != text.length)
		return -EINVAL;
	if (family != LONG_IPV4 && family != LONG_IPV6)
		return -EAFNOSUPPORT;
	if (address_bytes != (family == LONG_IPV4 ? 4 : 16) || port_bytes != 2)
		return -EINVAL;
	host_port.family = family == LONG_IPV4 ? AF_INET : AF_INET6;
	memcpy(family == LONG_IPV4 ? (void *)&host_port.v4 : (void *)&host_port.v6, address,
	       (size_t)address_bytes);
	host_port.port = (uint16_t)(port[0] << 8 | port[1]);
	*ret_host_port = host_port;
	return 0;
}

void host_port_format_long(const struct host_port *host_port, char *ret_text)
{
	bool is_v4 = host_port->family == AF_INET;
	const uint8_t *address = is_v4 ? (const void *)&host_port->v4
				       : (const void *)&host_port->v6;
	int length = is_v4 ? 4 : 16;
	char *at = ret_text;

	at += sprintf(at, "%d,%d", is_v4 ? LONG_IPV4 : LONG_IPV6, length);
	for (int i = 0; i < length; i++)
		at += sprintf(at, ",%u", address[i]);
	sprintf(at, ",2,%d,%d", host_port->port >> 8, host_port->port & 0xff);
}
