/*
 * The command line of load: a subcommand and options, each with a default that suits the
 * subcommand. Read once at start; constant afterwards.
 */
#ifndef LOAD_OPTIONS_H
#define LOAD_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/* What every session does after its login. */
enum workload {
	WORK_RETR,  /* one file over and over */
	WORK_SMALL, /* random files of a list */
	WORK_STOR,
	WORK_LOGIN,
	WORK_CTRL,
	WORK_LIST,
	WORK_IDLE,
	WORK_STALL,
	WORK_FILL /* makes the files; no server needed */
};

struct options {
	const char *command; /* the subcommand as typed */
	enum workload work;
	struct sockaddr_storage server;
	socklen_t server_length;
	unsigned sessions;
	double seconds;		   /* 0: until count is reached */
	uint64_t count;		   /* 0: until the seconds are over */
	double settle_s;	   /* of running before anything counts */
	bool settles;		   /* and a line that says so */
	double deadline_s;	   /* for everything, the logins included */
	uint64_t pace_bytes_per_s; /* per session; 0: as fast as it comes */
	int receive_buffer_bytes;  /* of every connection; 0: as the kernel tunes it */
	uint64_t expect;  /* bytes of the file, or entries of the listing; 0: not checked */
	const char *file; /* path on the server; of fill: local directory */
	unsigned files;	  /* small files f0 .. f<files - 1> */
	unsigned entries; /* of fill: in a folder entries-<N>; 0: none */
	unsigned tree;	  /* of fill: files below a folder tree-<N>; 0: none */
	uint64_t size;	  /* of an upload; of fill: of big.bin */
	uint32_t number;  /* which content the file of retr has, with verify */
	bool verify;
	bool plain; /* no control connection: connect, then only read or only write */
	bool http;  /* GET over connections that stay, instead of RETR; plain as well */
	char type;  /* I, A or E */
	char mode;  /* S, B or Z; of S and Z every transfer has a data connection of its own */
	bool gate;  /* start when a line comes on stdin, end when stdin closes */
	const char *clock; /* file: for how many nanoseconds this program has been stopped */
	unsigned depth;
	unsigned source_ips;
	unsigned ramp;		 /* logins under way at a time */
	const char *verb;	 /* of list: LIST, MLSD or NLST; of ctrl: one with file, or NULL */
	const char *remove_from; /* local folder where finished uploads are unlinked */
	const char *user;
	const char *password;
};

/* Reads the command line into *ret_options. Returns 0, or -EINVAL after a line on stderr. */
int options_parse(int argc, char **argv, struct options *ret_options);

#endif
