/*
 * sluiced(8): arguments -> configuration -> supervisor. The supervisor starts this same program
 * again, with the same arguments and SLUICE_CHANNEL in the environment, as the server process.
 */
#include <stdio.h>
#include <stdlib.h>

#include "config/config.h"
#include "log/log.h"
#include "server/server_process.h"
#include "server/supervisor.h"

#define EXIT_WRONG_ARGUMENTS 2

static int run(const struct config *config, char **argv)
{
	const char *channel = getenv("SLUICE_CHANNEL");
	int fd = channel ? (int)strtol(channel, NULL, 10) : -1;

	log_start(config->verbose);
	unsetenv("SLUICE_CHANNEL"); /* nothing that is started from here is a server process */
	return channel ? server_process_run(config, fd) : supervisor_run(config, argv);
}

int main(int argc, char **argv)
{
	struct config config;
	char error[500];

	switch (config_parse(argc, argv, &config, error, sizeof(error))) {
	case CONFIG_HELP:
		config_print_help();
		return 0;
	case CONFIG_VERSION:
		puts("sluiced " SLUICE_VERSION);
		return 0;
	case CONFIG_RUN:
		return run(&config, argv);
	case CONFIG_WRONG:
		break;
	}
	fprintf(stderr, "sluiced: %s\n", error);
	return EXIT_WRONG_ARGUMENTS;
}
