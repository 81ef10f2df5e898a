#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "reference.h"

struct mode {
	const char *name;
	bool sends;
	bool splices;
	void (*serve)(const struct settings *settings);
	void (*send)(const struct settings *settings, int fd);
};

static const struct mode modes[] = {
	{ "send-sendfile-blocking", true, false, blocking_serve, NULL },
	{ "send-splice-blocking", true, true, blocking_serve, NULL },
	{ "send-sendfile-event", true, false, event_serve, NULL },
	{ "send-splice-event", true, true, event_serve, NULL },
	{ "receive-write-blocking", false, false, blocking_serve, NULL },
	{ "receive-splice-blocking", false, true, blocking_serve, NULL },
	{ "receive-write-event", false, false, event_serve, NULL },
	{ "receive-splice-event", false, true, event_serve, NULL },
	{ "send-text-blocking", true, false, blocking_serve, text_send },
	{ "send-listing-blocking", true, false, blocking_serve, listing_send },
	{ "dialogue", true, false, dialogue_serve, NULL },
};

static const struct option long_options[] = {
	{ "port", required_argument, NULL, 'p' },
	{ "file", required_argument, NULL, 'f' },
	{ "folder", required_argument, NULL, 'd' },
	{ "threads", required_argument, NULL, 't' },
	{ "lowat", required_argument, NULL, 'l' },
	{ "together", no_argument, NULL, 'T' },
	{ NULL, 0, NULL, 0 },
};

static const struct mode *mode_find(const char *name)
{
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (strcmp(modes[i].name, name) == 0)
			return &modes[i];
	fprintf(stderr, "reference: the first argument is a mode:");
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		fprintf(stderr, " %s", modes[i].name);
	fprintf(stderr, "\n");
	exit(2);
}

static void file_take(struct settings *settings, const char *path)
{
	struct stat status;

	settings->file_fd = open(path, O_RDONLY | O_CLOEXEC);
	if (settings->file_fd < 0 || fstat(settings->file_fd, &status) < 0)
		die(path);
	settings->file_bytes = status.st_size;
}

static void folder_take(struct settings *settings, const char *path)
{
	settings->folder_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (settings->folder_fd < 0)
		die(path);
}

static void option_take(struct settings *settings, int letter)
{
	switch (letter) {
	case 'p':
		settings->port = (unsigned)strtoul(optarg, NULL, 10);
		break;
	case 'f':
		file_take(settings, optarg);
		break;
	case 'd':
		folder_take(settings, optarg);
		break;
	case 't':
		settings->threads = (unsigned)strtoul(optarg, NULL, 10);
		break;
	case 'l':
		settings->notsent_lowat_bytes = atoi(optarg);
		break;
	case 'T':
		settings->together = true;
		break;
	default:
		exit(2);
	}
}

int main(int argc, char **argv)
{
	struct settings settings = { .port = 2200, .threads = 2, .file_fd = -1, .folder_fd = -1 };
	const struct mode *mode = mode_find(argc > 1 ? argv[1] : "");
	struct rlimit files;
	int letter;

	settings.sends = mode->sends;
	settings.splices = mode->splices;
	settings.send = mode->send;
	while ((letter = getopt_long(argc - 1, argv + 1, "", long_options, NULL)) != -1)
		option_take(&settings, letter);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	signal(SIGPIPE, SIG_IGN);
	mode->serve(&settings);
}
