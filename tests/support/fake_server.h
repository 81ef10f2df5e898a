/*
 * A server that plays a script, in a thread of its own: for what no real server would say. One
 * control connection, then the thread ends. Each step is a string:
 *
 *   "S: 220 hello"   sends this line (CR LF is added); "B: bytes" sends them as they are
 *   "C: SIZE a"      receives this line; "C: SIZE *" one that begins so; Telnet signals are left out
 *   "EPSV", "PASV"   receives the command, listens, and replies; the 227 names a foreign address
 *   "PORT"           receives PORT or EPRT and replies 200
 *   "D: text"        sends text on the data connection (accepted or made now) and closes it
 *   "T: text"        receives exactly this text there, up to its end
 *   "R:"             resets it
 *   "E:"             waits for its end, which may be a reset
 *   "K: text"        sends text there as a file's last block in MODE B and leaves it open
 *   "L: text"        receives exactly such a block there and leaves it open
 *   "M: mark"        sends a restart marker there, in a block
 *   "P: text"        sends text there and leaves it open
 *   "X:"             closes the control connection
 *   "LOGIN"          greeting, anonymous login, FEAT with MLST, SIZE and REST
 *   "QUIT"           receives it and replies
 *
 * Ownership: the caller's struct; fake_server_join ends what start has begun.
 */
#ifndef SUPPORT_FAKE_SERVER_H
#define SUPPORT_FAKE_SERVER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct fake_server {
	const char *const *script; /* ends with NULL */
	uint16_t port;
	ssize_t bytes_left; /* on the control connection, then everything is closed; -1: no limit */
	int listener;
	int control;
	int data_listener;
	int data;
	bool has_peer;
	uint16_t peer_port;
	char error[400]; /* "" if all went as written */
	pthread_t thread;
};

/* Listens on a port of 127.0.0.1 and begins to play. */
void fake_server_start(struct fake_server *server, const char *const *script);

/* The same, going away after so many bytes of replies. */
void fake_server_start_limited(struct fake_server *server, const char *const *script,
			       ssize_t bytes_left);

/* Waits for the end. Returns what went otherwise than written, or NULL. */
const char *fake_server_join(struct fake_server *server);

#endif
