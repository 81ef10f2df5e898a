#include "options.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "content.h"

enum { MEBIBYTE = 1 << 20 };

struct subcommand {
	const char *name;
	enum workload work;
	unsigned sessions;
	uint64_t count;
	bool verify;
};

static const struct subcommand subcommands[] = {
	{ "retr", WORK_RETR, 1, 0, false },	    { "small", WORK_SMALL, 16, 0, false },
	{ "stor", WORK_STOR, 8, 0, false },	    { "login", WORK_LOGIN, 8, 0, false },
	{ "ctrl", WORK_CTRL, 16, 0, false },	    { "list", WORK_LIST, 1, 0, false },
	{ "idle", WORK_IDLE, 1000, 0, false },	    { "stall", WORK_STALL, 1000, 0, false },
	{ "many", WORK_SMALL, 1000, 100000, true }, { "probe", WORK_RETR, 1, 0, false },
	{ "fill", WORK_FILL, 1, 0, false },
};

static const struct option long_options[] = {
	{ "host", required_argument, NULL, 'h' },
	{ "port", required_argument, NULL, 'p' },
	{ "sessions", required_argument, NULL, 'n' },
	{ "seconds", required_argument, NULL, 's' },
	{ "count", required_argument, NULL, 'c' },
	{ "settle", required_argument, NULL, 'S' },
	{ "deadline", required_argument, NULL, 'd' },
	{ "pace", required_argument, NULL, 'r' },
	{ "receive-buffer", required_argument, NULL, 'b' },
	{ "expect", required_argument, NULL, 'e' },
	{ "file", required_argument, NULL, 'f' },
	{ "files", required_argument, NULL, 'k' },
	{ "entries", required_argument, NULL, 'E' },
	{ "tree", required_argument, NULL, 'T' },
	{ "size", required_argument, NULL, 'z' },
	{ "number", required_argument, NULL, 'N' },
	{ "verify", no_argument, NULL, 'v' },
	{ "plain", no_argument, NULL, 'P' },
	{ "http", no_argument, NULL, 'H' },
	{ "type", required_argument, NULL, 't' },
	{ "mode", required_argument, NULL, 'M' },
	{ "gate", no_argument, NULL, 'g' },
	{ "clock", required_argument, NULL, 'C' },
	{ "depth", required_argument, NULL, 'D' },
	{ "source-ips", required_argument, NULL, 'i' },
	{ "ramp", required_argument, NULL, 'm' },
	{ "verb", required_argument, NULL, 'V' },
	{ "remove-from", required_argument, NULL, 'R' },
	{ "user", required_argument, NULL, 'u' },
	{ "password", required_argument, NULL, 'w' },
	{ NULL, 0, NULL, 0 },
};

static const struct subcommand *subcommand_find(const char *name)
{
	for (size_t i = 0; i < sizeof(subcommands) / sizeof(subcommands[0]); i++)
		if (strcmp(subcommands[i].name, name) == 0)
			return &subcommands[i];
	return NULL;
}

static void options_defaults(const struct subcommand *subcommand, struct options *options)
{
	*options = (struct options){
		.command = subcommand->name,
		.work = subcommand->work,
		.sessions = subcommand->sessions,
		.count = subcommand->count,
		.verify = subcommand->verify,
		.file = subcommand->work == WORK_LIST	? "entries-100000"
			: subcommand->work == WORK_STOR ? "in"
							: "big.bin",
		.files = 1024,
		.size = subcommand->work == WORK_FILL ? 1024u * MEBIBYTE : 64u * MEBIBYTE,
		.number = CONTENT_BIG,
		.depth = 1,
		.source_ips = 1,
		.ramp = 64,
		.type = 'I',
		.mode = 'S',
		.verb = subcommand->work == WORK_LIST ? "LIST" : NULL,
		.user = "anonymous",
		.password = "x",
	};
}

static int address_parse(const char *host, unsigned port, struct options *options)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)&options->server;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&options->server;

	if (port == 0 || port > 65535)
		return -EINVAL;
	if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons((uint16_t)port);
		options->server_length = sizeof(*v4);
		return 0;
	}
	if (inet_pton(AF_INET6, host, &v6->sin6_addr) != 1)
		return -EINVAL;
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons((uint16_t)port);
	options->server_length = sizeof(*v6);
	return 0;
}

/* Takes the options whose value is a number. Returns false where letter is none of them. */
static bool number_take(int letter, struct options *options)
{
	uint64_t value = optarg ? strtoull(optarg, NULL, 10) : 0;

	switch (letter) {
	case 'n':
		options->sessions = (unsigned)value;
		return true;
	case 's':
		options->seconds = strtod(optarg, NULL);
		return true;
	case 'S':
		options->settle_s = strtod(optarg, NULL);
		options->settles = true;
		return true;
	case 'c':
		options->count = value;
		return true;
	case 'd':
		options->deadline_s = strtod(optarg, NULL);
		return true;
	case 'r':
		options->pace_bytes_per_s = value;
		return true;
	case 'b':
		options->receive_buffer_bytes = value < INT_MAX ? (int)value : INT_MAX;
		return true;
	case 'e':
		options->expect = value;
		return true;
	case 'k':
		options->files = (unsigned)value;
		return true;
	case 'E':
		options->entries = (unsigned)value;
		return true;
	case 'T':
		options->tree = (unsigned)value;
		return true;
	case 'z':
		options->size = value;
		return true;
	case 'N':
		options->number = (uint32_t)value;
		return true;
	case 'D':
		options->depth = (unsigned)value;
		return true;
	case 'i':
		options->source_ips = (unsigned)value;
		return true;
	case 'm':
		options->ramp = (unsigned)value;
		return true;
	default:
		return false;
	}
}

static bool text_take(int letter, struct options *options)
{
	switch (letter) {
	case 'f':
		options->file = optarg;
		return true;
	case 'v':
		options->verify = true;
		return true;
	case 'P':
		options->plain = true;
		return true;
	case 'H':
		options->http = options->plain = true;
		return true;
	case 't':
		options->type = *optarg;
		return true;
	case 'M':
		options->mode = *optarg;
		return true;
	case 'g':
		options->gate = true;
		return true;
	case 'C':
		options->clock = optarg;
		return true;
	case 'V':
		options->verb = optarg;
		return true;
	case 'R':
		options->remove_from = optarg;
		return true;
	case 'u':
		options->user = optarg;
		return true;
	case 'w':
		options->password = optarg;
		return true;
	default:
		return false;
	}
}

static bool options_sensible(const struct options *options)
{
	return options->sessions > 0 && options->depth > 0 && options->depth <= 64 &&
	       options->source_ips > 0 && options->source_ips < 250 && options->ramp > 0 &&
	       options->files > 0 && options->size > 0 && options->type && options->mode &&
	       strchr("AEI", options->type) && strchr("SBZ", options->mode) &&
	       (options->mode == 'S' || options->work != WORK_STOR);
}

/* Every run ends: by seconds, by count, and by the deadline in any case. What has no meaning here
 * is taken back. */
static void options_bound(struct options *options)
{
	if (options->seconds <= 0 && options->count == 0)
		options->seconds = 2;
	/* Without a control connection there is no mode to ask for. */
	if (options->plain)
		options->mode = 'S';
	if (options->deadline_s <= 0)
		options->deadline_s = options->settle_s + options->seconds + 120;
}

int options_parse(int argc, char **argv, struct options *ret_options)
{
	const struct subcommand *subcommand = argc > 1 ? subcommand_find(argv[1]) : NULL;
	const char *host = "127.0.0.1";
	unsigned port = 2121;
	int letter;

	if (!subcommand) {
		fprintf(stderr, "load: the first argument is one of");
		for (size_t i = 0; i < sizeof(subcommands) / sizeof(subcommands[0]); i++)
			fprintf(stderr, " %s", subcommands[i].name);
		fprintf(stderr, "\n");
		return -EINVAL;
	}
	options_defaults(subcommand, ret_options);
	while ((letter = getopt_long(argc - 1, argv + 1, "n:", long_options, NULL)) != -1) {
		if (letter == 'h')
			host = optarg;
		else if (letter == 'p')
			port = (unsigned)strtoul(optarg, NULL, 10);
		else if (!number_take(letter, ret_options) && !text_take(letter, ret_options))
			return -EINVAL;
	}
	options_bound(ret_options);
	if (address_parse(host, port, ret_options) < 0 || !options_sensible(ret_options)) {
		fprintf(stderr, "load: an address, a port or a number is out of range\n");
		return -EINVAL;
	}
	return 0;
}
