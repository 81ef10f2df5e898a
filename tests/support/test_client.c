#include "support/test_client.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct sluice_client *client;
struct sluice_session *session;
struct fake_server server;
struct last last;
char names[4096];
char taken[4096];
char dialogue[8192];

void on_done(struct sluice_session *done, const struct sluice_outcome *outcome, void *context)
{
	(void)done;
	(void)context;
	last.ends++;
	last.error = outcome->error;
	last.code = outcome->code;
	last.bytes = outcome->bytes;
	last.unsafe = outcome->unsafe;
	last.connected = outcome->connected;
	last.renaming = outcome->renaming;
	snprintf(last.text, sizeof(last.text), "%s", outcome->text);
}

static void on_trace(void *context, struct sluice_session *of, int reply, const char *line,
		     size_t length)
{
	size_t end = strlen(dialogue);

	(void)context;
	(void)of;
	snprintf(dialogue + end, sizeof(dialogue) - end, "%d %.*s\n", reply, (int)length, line);
}

static int setup_with(void **state, unsigned timeout_s)
{
	const char *engine = *state;
	const struct sluice_options options = {
		.ring = strcmp(engine, "epoll") == 0 ? SLUICE_RING_EPOLL : SLUICE_RING_URING,
		.ring_mask = strcmp(engine, "uring515") == 0 ? "5.15" : NULL,
		.timeout_s = timeout_s,
		.trace = on_trace,
	};

	session = NULL;
	last.ends = 0;
	names[0] = taken[0] = dialogue[0] = '\0';
	return sluice_client_new(&options, &client);
}

int setup(void **state)
{
	return setup_with(state, 0);
}

int setup_impatient(void **state)
{
	return setup_with(state, 1);
}

int teardown(void **state)
{
	(void)state;
	sluice_client_free(client);
	return 0;
}

/* Runs the errand that begun has begun. Returns its error. */
int run(int begun)
{
	unsigned before = last.ends;

	assert_int_equal(begun, 0);
	alarm(PATIENCE_S);
	assert_int_equal(sluice_client_run(client), 0);
	alarm(0);
	assert_int_equal(last.ends, before + 1);
	return last.error;
}

struct sluice_target target_of(const struct fake_server *fake)
{
	return (struct sluice_target){ .host = "127.0.0.1", .port = fake->port };
}

int open_session(const struct sluice_target *target)
{
	return run(sluice_session_open(client, target, on_done, NULL, &session));
}

/* A session that is logged in at a server that plays script from there on. */
void begin(const char *const *script)
{
	struct sluice_target target;

	fake_server_start(&server, script);
	target = target_of(&server);
	assert_int_equal(open_session(&target), 0);
	assert_true(last.connected);
}

/* Cuts the session: what it has said went as written. */
void finish(void)
{
	const char *wrong;

	sluice_session_cut(session);
	wrong = fake_server_join(&server);
	if (wrong)
		fail_msg("%s", wrong);
}

int file_with(const char *content)
{
	char path[] = "/tmp/sluice-client-XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	unlink(path);
	assert_int_equal(write(fd, content, strlen(content)), strlen(content));
	return fd;
}

const char *content_of(int fd)
{
	static char content[4096];
	ssize_t length = pread(fd, content, sizeof(content) - 1, 0);

	assert_true(length >= 0);
	content[length] = '\0';
	close(fd);
	return content;
}

int command(const char *verb, const char *argument)
{
	return run(sluice_command(session, verb, argument, on_done, NULL));
}

int get(int fd, int64_t offset, char type)
{
	const struct sluice_transfer transfer = { .fd = fd,
						  .offset = offset,
						  .representation.type = type };

	return run(sluice_get(session, "a", &transfer, on_done, NULL));
}

int put(int fd, int64_t offset, char type, bool append)
{
	const struct sluice_transfer transfer = {
		.fd = fd, .offset = offset, .representation.type = type, .append = append
	};

	return run(sluice_put(session, "a", &transfer, on_done, NULL));
}

void on_entry(void *context, const struct sluice_entry *entry)
{
	size_t end = strlen(names);

	(void)context;
	snprintf(names + end, sizeof(names) - end, "%s%c ", entry->name, "fdlo"[entry->kind]);
}

int list(const char *path)
{
	return run(sluice_list(session, path, on_entry, on_done, NULL));
}

int on_take(void *context, const char *at, size_t length)
{
	size_t end = strlen(taken);

	(void)context;
	if (length > sizeof(taken) - 1 - end)
		return -ENOSPC;
	memcpy(taken + end, at, length);
	taken[end + length] = '\0';
	return 0;
}
