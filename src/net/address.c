#include "net/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* Reads a decimal number of 1 to max that is all of text, or returns -EINVAL. */
static long number_parse(const char *text, long max)
{
	char *end;
	long number;

	if (text[0] < '0' || text[0] > '9')
		return -EINVAL;
	errno = 0;
	number = strtol(text, &end, 10);
	return errno == 0 && *end == '\0' && number >= 1 && number <= max ? number : -EINVAL;
}

/* The interface that a scope names, by name or number (RFC 4007 section 11.2), or -EINVAL. */
static long scope_parse(const char *scope)
{
	unsigned index = if_nametoindex(scope);

	return index > 0 ? (long)index : number_parse(scope, INT32_MAX);
}

static int host_parse_v6(char *host, struct address *address)
{
	char *scope = strchr(host, '%');
	long index = 0;

	if (scope) {
		*scope++ = '\0';
		index = scope_parse(scope);
	}
	if (index < 0 || inet_pton(AF_INET6, host, &address->v6.sin6_addr) != 1)
		return -EINVAL;
	address->v6.sin6_family = AF_INET6;
	address->v6.sin6_scope_id = (uint32_t)index;
	return 0;
}

/* host is what stands before the last colon, without a NUL's worth of anything else. */
static int host_parse(char *host, size_t length, struct address *address)
{
	if (length == 0 || strcmp(host, "*") == 0) {
		address->v6.sin6_family = AF_INET6; /* the address within is zero: [::] */
		return 0;
	}
	if (host[0] == '[' && host[length - 1] == ']') {
		host[length - 1] = '\0';
		return host_parse_v6(host + 1, address);
	}
	address->v4.sin_family = AF_INET;
	return inet_pton(AF_INET, host, &address->v4.sin_addr) == 1 ? 0 : -EINVAL;
}

int address_parse(const char *text, struct address *ret_address)
{
	struct address address = { .v6 = { .sin6_family = AF_UNSPEC } };
	const char *colon = strrchr(text, ':');
	char host[ADDRESS_TEXT_MAX];
	size_t length;
	long port;
	int r;

	if (!colon || (size_t)(colon - text) >= sizeof(host))
		return -EINVAL;
	length = (size_t)(colon - text);
	memcpy(host, text, length);
	host[length] = '\0';
	port = number_parse(colon + 1, UINT16_MAX);
	if (port < 0)
		return -EINVAL;
	r = host_parse(host, length, &address);
	if (r < 0)
		return r;
	address_set_port(&address, (uint16_t)port);
	address_unmap(&address);
	*ret_address = address;
	return 0;
}

void address_format(const struct address *address, char *ret_text)
{
	char host[ADDRESS_TEXT_MAX];

	address_format_host(address, host);
	snprintf(ret_text, ADDRESS_TEXT_MAX,
		 address->any.sa_family == AF_INET6 ? "[%.54s]:%u" : "%.54s:%u", host,
		 (unsigned)address_port(address));
}

void address_format_host(const struct address *address, char *ret_text)
{
	size_t used;

	if (address->any.sa_family == AF_INET) {
		inet_ntop(AF_INET, &address->v4.sin_addr, ret_text, ADDRESS_TEXT_MAX);
		return;
	}
	inet_ntop(AF_INET6, &address->v6.sin6_addr, ret_text, ADDRESS_TEXT_MAX);
	used = strlen(ret_text);
	if (address->v6.sin6_scope_id != 0)
		snprintf(ret_text + used, ADDRESS_TEXT_MAX - used, "%%%u",
			 (unsigned)address->v6.sin6_scope_id);
}

socklen_t address_length(const struct address *address)
{
	return address->any.sa_family == AF_INET ? sizeof(address->v4) : sizeof(address->v6);
}

uint16_t address_port(const struct address *address)
{
	return ntohs(address->any.sa_family == AF_INET ? address->v4.sin_port
						       : address->v6.sin6_port);
}

void address_set_port(struct address *address, uint16_t port)
{
	if (address->any.sa_family == AF_INET)
		address->v4.sin_port = htons(port);
	else
		address->v6.sin6_port = htons(port);
}

void address_unmap(struct address *address)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET };

	if (address->any.sa_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&address->v6.sin6_addr))
		return;
	v4.sin_port = address->v6.sin6_port;
	memcpy(&v4.sin_addr, &address->v6.sin6_addr.s6_addr[12], sizeof(v4.sin_addr));
	*address = (struct address){ .v4 = v4 };
}

/* A link-local address is a host only together with its link; one whose link was never said (as
 * in EPRT) counts as being on whichever link is asked about. */
static bool same_scope(uint32_t one, uint32_t other)
{
	return one == other || one == 0 || other == 0;
}

bool address_same_host(const struct address *one, const struct address *other)
{
	struct address a = *one;
	struct address b = *other;

	address_unmap(&a);
	address_unmap(&b);
	if (a.any.sa_family != b.any.sa_family)
		return false;
	if (a.any.sa_family == AF_INET)
		return a.v4.sin_addr.s_addr == b.v4.sin_addr.s_addr;
	return IN6_ARE_ADDR_EQUAL(&a.v6.sin6_addr, &b.v6.sin6_addr) &&
	       same_scope(a.v6.sin6_scope_id, b.v6.sin6_scope_id);
}

bool address_is_any(const struct address *address)
{
	struct address host = *address;

	address_unmap(&host);
	if (host.any.sa_family == AF_INET)
		return host.v4.sin_addr.s_addr == htonl(INADDR_ANY);
	return IN6_IS_ADDR_UNSPECIFIED(&host.v6.sin6_addr);
}

struct address address_site(const struct address *address)
{
	struct address site = *address;

	address_unmap(&site);
	if (site.any.sa_family == AF_INET6 && !IN6_IS_ADDR_LINKLOCAL(&site.v6.sin6_addr))
		memset(site.v6.sin6_addr.s6_addr + 8, 0, 8);
	return site;
}

#define HOST_WORDS 4

/* Written before there are other threads. */
static uint64_t hash_key[HOST_WORDS + 1];

int address_hash_init(void)
{
	return getrandom(hash_key, sizeof(hash_key), 0) == sizeof(hash_key) ? 0 : -errno;
}

/* Multiply and shift, of a vector: with a random key any two hosts have the same hash, or the same low
 * bits of it, as rarely as by chance (Dietzfelbinger 1996). */
uint32_t address_hash_host(const struct address *address)
{
	struct address host = *address;
	uint32_t words[HOST_WORDS] = { 0 };
	uint64_t sum = hash_key[HOST_WORDS];

	address_unmap(&host);
	if (host.any.sa_family == AF_INET)
		words[0] = host.v4.sin_addr.s_addr;
	else
		memcpy(words, &host.v6.sin6_addr, sizeof(words));
	for (int i = 0; i < HOST_WORDS; i++)
		sum += hash_key[i] * words[i];
	return (uint32_t)(sum >> 32);
}

static int address_ask(int fd, int (*ask)(int, struct sockaddr *, socklen_t *),
		       struct address *ret_address)
{
	struct address address = { .v6 = { .sin6_family = AF_UNSPEC } };
	socklen_t length = sizeof(address);

	if (ask(fd, &address.any, &length) < 0)
		return -errno;
	if (address.any.sa_family != AF_INET && address.any.sa_family != AF_INET6)
		return -EAFNOSUPPORT;
	address_unmap(&address);
	*ret_address = address;
	return 0;
}

int address_of_peer(int fd, struct address *ret_address)
{
	return address_ask(fd, getpeername, ret_address);
}

int address_of_socket(int fd, struct address *ret_address)
{
	return address_ask(fd, getsockname, ret_address);
}
