/*
 * A session without a server around it: on one end of a socket pair, served by test_ring, with a
 * folder, a passive pool and a configuration of the test's own.
 *
 * Ownership: one at a time, made by test_session_begin and taken apart by test_session_end.
 */
#ifndef SUPPORT_TEST_SESSION_H
#define SUPPORT_TEST_SESSION_H

#include "config/config.h"
#include "session/session.h"
#include "support/test_ring.h"

#define TEST_SESSION_ID 7

extern struct session test_session;
extern struct session_context test_context;
extern struct config test_config; /* change it between setup and begin */
extern bool test_session_ended;
extern bool test_session_no_room; /* no reservation begins */
extern int test_session_wants;	  /* whether it waits for its connection to a passive port */

/* cmocka's setup and teardown, around those of test_ring. */
int test_session_setup(void **state);
int test_session_teardown(void **state);

#define SESSION_TEST_ON(test, engine)                                                  \
	{                                                                              \
#test " on " #engine, test, test_session_setup, test_session_teardown, \
			(void *)(uintptr_t) #engine                                    \
	}
#define SESSION_TEST(test) SESSION_TEST_ON(test, uring), SESSION_TEST_ON(test, epoll)

/* Starts the session; passive_ports may be 0. */
void test_session_begin(unsigned passive_ports);

/* The client's end: sends bytes; reads until the text ends with end, and returns all of it (for
 * the time until the next call). */
void client_sends(const char *text);
const char *client_reads(const char *end);

/* Sends a line and compares the whole reply's first four characters. */
void client_asks(const char *line, const char *code);

/* Closes the client's end and waits until the session is over. */
void client_leaves(void);

#endif
