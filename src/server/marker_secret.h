/*
 * What restart markers are signed with (represent/marker.h): 32 random octets that only the supervisor
 * reads, and hands to each of its server processes. They are kept in "marker-key" in the first folder
 * of $STATE_DIRECTORY, as systemd sets it for StateDirectory=, so that markers outlive the server;
 * without one they are good as long as the supervisor lives.
 *
 * Read before the supervisor becomes another user (--user): the folder belongs to who started it.
 *
 * Thread: the supervisor's, before it serves.
 */
#ifndef SERVER_MARKER_SECRET_H
#define SERVER_MARKER_SECRET_H

#include <stdint.h>

#include "represent/marker.h"

/* Reads it, or makes it; a file that others could read or have written is replaced. Returns 0, also
 * where it cannot be kept, which is logged; or a negative errno: there is no randomness. */
int marker_secret_open(uint8_t ret_secret[static MARKER_SECRET_BYTES]);

#endif
