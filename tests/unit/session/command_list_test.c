#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"
#include "fs/glob.h"
#include "support/test_session.h"
#include "sys/calls.h"

static struct calls spoilt;
static atomic_uint reads; /* of endless_getdents, in a job thread */

static unsigned name_steps; /* comparisons that a name costs */

/* In the place of fs/glob.c: a pattern that no name matches, at any cost. */
bool glob_is_pattern(struct view text)
{
	return memchr(text.at, '*', text.length) != NULL;
}

int glob_matches(struct view pattern, struct view name, uint64_t *steps)
{
	(void)pattern;
	(void)name;
	*steps += name_steps;
	return 0;
}

static void log_in(void)
{
	test_config.anonymous = true;
	test_session_begin(1);
	client_reads("220 sluice ready\r\n");
	client_asks("USER ftp", "331");
	client_asks("PASS x", "230");
	spoilt = calls_real;
	calls = &spoilt;
}

/* A folder that never ends. */
static ssize_t endless_getdents(int folder, void *buffer, size_t size_bytes)
{
	static const struct {
		uint64_t inode;
		int64_t next;
		uint16_t length;
		uint8_t type;
		char name[13];
	} record = { 1, 1, sizeof(record), 1 /* DT_FIFO */, "pipe" };
	size_t length = 0;

	(void)folder;
	atomic_fetch_add(&reads, 1);
	for (; length + sizeof(record) <= size_bytes; length += sizeof(record))
		memcpy((char *)buffer + length, &record, sizeof(record));
	return (ssize_t)length;
}

static void a_client_that_leaves_ends_the_stat_of_a_pattern(void **state)
{
	unsigned before = atomic_load(&reads);

	(void)state;
	log_in();
	spoilt.getdents = endless_getdents;
	name_steps = 0;
	client_sends("STAT b*\r\n");
	for (int i = 0; i < 10000 && atomic_load(&reads) < before + 200; i++)
		run_for_ms(1);
	assert_true(atomic_load(&reads) >= before + 200);
	client_leaves();
	calls = &calls_real;
}

static void a_pattern_that_is_too_costly_ends_the_stat_in_words(void **state)
{
	const char *reply;

	(void)state;
	log_in();
	spoilt.getdents = endless_getdents;
	name_steps = GLOB_STEPS_MAX;
	client_sends("STAT b*\r\n");
	reply = client_reads("212 End, with an error\r\n");
	assert_non_null(strstr(reply, "Not complete: The pattern takes too long to compare"));
	calls = &calls_real;
	client_asks("NOOP", "200");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SESSION_TEST(a_client_that_leaves_ends_the_stat_of_a_pattern),
		SESSION_TEST(a_pattern_that_is_too_costly_ends_the_stat_in_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
