/*
 * An internet address with a port, IPv4 or IPv6, as a value. An IPv4-mapped IPv6 address counts
 * as the IPv4 address that it is (RFC 4291 section 2.5.5.2): a client of a dual-stack listener
 * is the same client as one of an IPv4 listener.
 *
 * Pure values but for the key of their hash; callable from any thread.
 */
#ifndef NET_ADDRESS_H
#define NET_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct address {
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	};
};

#define ADDRESS_TEXT_MAX 64 /* "[" + INET6_ADDRSTRLEN + scope + "]:65535" + NUL */

/* Reads "1.2.3.4:21", "[::1]:21" or ":21" and "*:21" (both [::], dual-stack). Port 0 is refused.
 * Returns 0 or -EINVAL. */
int address_parse(const char *text, struct address *ret_address);

/* Writes "1.2.3.4:21" or "[::1]:21" with NUL into ret_text[ADDRESS_TEXT_MAX]. */
void address_format(const struct address *address, char *ret_text);

/* The same without port and brackets. */
void address_format_host(const struct address *address, char *ret_text);

/* The size of the sockaddr within, for bind(2) and connect(2). */
socklen_t address_length(const struct address *address);

/* Port in host byte order. */
uint16_t address_port(const struct address *address);
void address_set_port(struct address *address, uint16_t port);

/* Turns an IPv4-mapped IPv6 address into the IPv4 address; leaves others alone. */
void address_unmap(struct address *address);

/* Whether both name the same host, ports aside, IPv4-mapped counting as IPv4. */
bool address_same_host(const struct address *one, const struct address *other);

/* What one customer of a provider has at least: an IPv4 address, or an IPv6 network of 64 bits, as the
 * address of its front. A link-local address, of a network that all share, is left as it is. */
struct address address_site(const struct address *address);

/* Whether it is 0.0.0.0 or ::. */
bool address_is_any(const struct address *address);

/* Draws the key of address_hash_host, once, before there are other threads: who has many addresses, as
 * everybody with IPv6 has, could else choose those that fall into one chain of a table. Each server
 * process has tables of its own, and a key. Returns 0 or a negative errno. */
int address_hash_init(void);

/* A hash of the host alone, equal for addresses of the same host; the same for all before
 * address_hash_init. */
uint32_t address_hash_host(const struct address *address);

/* The peer's and the own address of a socket, unmapped. Return 0 or a negative errno. */
int address_of_peer(int fd, struct address *ret_address);
int address_of_socket(int fd, struct address *ret_address);

#endif
