#include "auth/hosts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "config/config.h"

struct hosts {
	size_t count;
	struct host hosts[HOSTS_MAX];
};

static int host_open(const struct config_host *wanted, struct host *ret_host, char *ret_error,
		     size_t error_bytes)
{
	int fd = -1;

	if (wanted->folder)
		fd = open(wanted->folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (wanted->folder && (fd < 0 || faccessat(fd, ".", X_OK, 0) < 0)) {
		int r = -errno;

		snprintf(ret_error, error_bytes, "--host %.*s: folder %s%s: %s",
			 (int)wanted->name.length, wanted->name.at, wanted->folder,
			 fd < 0 ? "" : " cannot be entered", strerror(-r));
		if (fd >= 0)
			close(fd);
		return r;
	}
	*ret_host = (struct host){ .name = wanted->name, .folder_fd = fd };
	return 0;
}

int hosts_load(const struct config *config, struct hosts **ret_hosts, char *ret_error,
	       size_t error_bytes)
{
	struct hosts *hosts = calloc(1, sizeof(*hosts));
	int r = 0;

	if (!hosts) {
		snprintf(ret_error, error_bytes, "--host: out of memory");
		return -ENOMEM;
	}
	for (size_t i = 0; i < config->hosts_count && r == 0; i++) {
		r = host_open(&config->hosts[i], &hosts->hosts[i], ret_error, error_bytes);
		if (r == 0)
			hosts->count++;
	}
	if (r < 0) {
		hosts_free(hosts);
		return r;
	}
	*ret_hosts = hosts;
	return 0;
}

void hosts_free(struct hosts *hosts)
{
	if (!hosts)
		return;
	for (size_t i = 0; i < hosts->count; i++)
		if (hosts->hosts[i].folder_fd >= 0)
			close(hosts->hosts[i].folder_fd);
	free(hosts);
}

bool hosts_are_named(const struct hosts *hosts)
{
	return hosts->count > 0;
}

const struct host *hosts_find(const struct hosts *hosts, struct view name)
{
	for (size_t i = 0; i < hosts->count; i++) {
		struct view known = hosts->hosts[i].name;

		if (known.length == name.length && strncasecmp(known.at, name.at, name.length) == 0)
			return &hosts->hosts[i];
	}
	return NULL;
}
