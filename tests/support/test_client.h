/*
 * A client with one session at a server that plays a script, for the unit tests of client/: what its
 * callbacks are told is kept here. TEST_ON_ENGINES puts one test thrice into a cmocka table: on
 * io_uring, on io_uring with the features of Linux 5.15, and on epoll.
 *
 * Ownership: one client at a time, made and freed by setup and teardown.
 */
#ifndef SUPPORT_TEST_CLIENT_H
#define SUPPORT_TEST_CLIENT_H

#include "sluice/client.h"
#include "support/fake_server.h"

#define PATIENCE_S 20

extern struct sluice_client *client;
extern struct sluice_session *session;
extern struct fake_server server;

/* The outcome that was told last. */
extern struct last {
	unsigned ends; /* how many have been told */
	int error;
	int code;
	char text[20000];
	uint64_t bytes;
	uint64_t unsafe;
	bool connected;
	bool renaming;
} last;

extern char names[4096]; /* of a listing's entries, each with the letter of its kind and a space */
extern char taken[4096]; /* by on_take */
extern char dialogue[8192];

/* cmocka's setup and teardown; *state is the engine's name. The impatient one waits a second. */
int setup(void **state);
int setup_impatient(void **state);
int teardown(void **state);

#define TEST_ON(test, engine)                                                            \
	{                                                                                \
#test " on " #engine, test, setup, teardown, (void *)(uintptr_t) #engine \
	}
#define TEST_ON_ENGINES(test) TEST_ON(test, uring), TEST_ON(test, uring515), TEST_ON(test, epoll)

/* Callbacks for an errand: they keep what they are told. */
void on_done(struct sluice_session *done, const struct sluice_outcome *outcome, void *context);
void on_entry(void *context, const struct sluice_entry *entry);
int on_take(void *context, const char *at, size_t length);

/* Runs the errand that begun has begun. Returns its error. */
int run(int begun);

struct sluice_target target_of(const struct fake_server *fake);
int open_session(const struct sluice_target *target);

/* A session that is logged in at a server that plays script from there on. */
void begin(const char *const *script);

/* Cuts the session; fails the test if its dialogue did not go as written. */
void finish(void);

/* A file without a name; its content, and its end. */
int file_with(const char *content);
const char *content_of(int fd);

/* One errand each, run to its end. Return its error. get and put move the path "a". */
int command(const char *verb, const char *argument);
int get(int fd, int64_t offset, char type);
int put(int fd, int64_t offset, char type, bool append);
int list(const char *path);

#endif
