/*
 * Bare references: the system calls that a transfer cannot do without, and nothing else.
 * What a server costs above the cheapest of them is what its protocol, its checks and its
 * bookkeeping cost.
 *
 *   send-{sendfile,splice}-{blocking,event}     a connection gets the file, then the end
 *   receive-{write,splice}-{blocking,event}     a connection's bytes become a file, which
 *                                               bears the peer's port: p<port>
 *   send-text-blocking                          text with its line ends converted
 *   send-listing-blocking                       a statx and a name for each entry of a folder
 *   dialogue                                    EPSV, RETR, 150, data, 226 and the small
 *                                               commands in fixed words
 *
 * Blocking is a thread for each connection; event is a fixed number of threads with an
 * epoll each, to which the main thread deals connections in turn.
 */
#ifndef REFERENCE_REFERENCE_H
#define REFERENCE_REFERENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WINDOW_BYTES = 1 << 20 };

struct settings {
	bool sends;    /* else receives */
	bool splices;  /* else sendfile, or recv and write */
	unsigned port; /* on every address of the benchmark's own network */
	unsigned threads;
	int notsent_lowat_bytes; /* TCP_NOTSENT_LOWAT of data connections; 0: not set */
	bool together;		 /* dialogue: 150 and 226 in one send, after the data */
	int file_fd;		 /* what is sent */
	int64_t file_bytes;
	int folder_fd; /* where received files go; root of the dialogue; what is listed */
	void (*send)(const struct settings *settings, int fd); /* of blocking, where not NULL */
};

/* Returns a listening socket on every address, port 0 being any port; ends the program when
 * there is none. */
int listener_open(unsigned port, int flags);

/* Sets what every data connection of the references has set. */
void data_socket_prepare(const struct settings *settings, int fd);

/* Opens the file of one received connection. Returns a descriptor, or -1. */
int received_file_open(const struct settings *settings, int connection);

/* A pipe of WINDOW_BYTES; ends the program when there is none. */
void window_pipe_open(int ret_pipe[2]);

/* Each sends to one connection all that its mode has to send. */
void text_send(const struct settings *settings, int fd);
void listing_send(const struct settings *settings, int fd);

/* Prints what failed and why, and ends the program. */
void die(const char *what) __attribute__((noreturn));

/* Each serves for ever. */
void blocking_serve(const struct settings *settings) __attribute__((noreturn));
void event_serve(const struct settings *settings) __attribute__((noreturn));
void dialogue_serve(const struct settings *settings) __attribute__((noreturn));

#endif
