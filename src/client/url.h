/*
 * ftp://[user[:password]@]host[:port]/path[;type=a|i|d|e] (RFC 1738 section 3.2, RFC 3986).
 *
 * The path is relative to the folder in which a login begins; one that begins with %2F or a second
 * "/" is absolute. "?" belongs to the path, since FTP has no queries; "#" is refused, since a
 * fragment would be dropped without a word where a name was meant.
 *
 * Pure. A URL is plain memory of its own; it holds a password, so its owner clears it with
 * explicit_bzero and shows the fields, never the text it came from.
 */
#ifndef CLIENT_URL_H
#define CLIENT_URL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/limits.h"

struct url {
	char user[LOGIN_FIELD_MAX]; /* each decoded, never with CR, LF or another NUL in it */
	char password[LOGIN_FIELD_MAX];
	bool has_user;
	bool has_password; /* an empty one may be given */
	char host
		[HOST_NAME_BYTES_MAX]; /* an IPv6 address without its brackets, perhaps with %zone */
	bool is_ipv6;		       /* host is an IPv6 address */
	uint16_t port;		       /* 21 unless given */
	char path[PATH_BYTES_MAX];     /* as commands take it: "pub/x", "/etc/motd", "" (here) */
	/* 'A', 'I', 'D' (a listing of names), 'E' (which RFC 1738 does not have), or 0: not given. */
	char type;
};

/* Whether text begins with "ftp://": else an argument is a local path. */
bool url_is(const char *text);

/* Takes a URL apart. Returns 0, or -EINVAL with *ret_reason telling in a few words what is wrong
 * ("the port is not a number of 1 to 65535"); the words are constant and quote nothing. */
int url_parse(const char *text, struct url *ret_url, const char **ret_reason);

#endif
