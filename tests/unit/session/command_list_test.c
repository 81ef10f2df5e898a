#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/limits.h"
#include "fs/glob.h"
#include "session/action.h"
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

static void abor_ends_the_stat_of_a_pattern(void **state)
{
	const char aborted[] = "212-Status:\r\n"
			       " Not complete: aborted\r\n"
			       "212 End, with an error\r\n"
			       "226 Aborted\r\n"
			       "257 ";
	unsigned before = atomic_load(&reads);
	const char *reply;

	(void)state;
	log_in();
	spoilt.getdents = endless_getdents;
	name_steps = 0;
	client_sends("STAT b*\r\nPWD\r\n");
	for (int i = 0; i < 10000 && atomic_load(&reads) < before + 100; i++)
		run_for_ms(1);
	client_sends("STAT\r\nABOR\r\n");
	reply = client_reads("211 End\r\n");
	calls = &calls_real;
	assert_memory_equal(reply, aborted, strlen(aborted));
}

/* A session that has said enough looks at no more before others have had their turn. */
static void abor_behind_any_number_of_replies_is_seen(void **state)
{
	char commands[40 * 6 + 32] = "";

	(void)state;
	log_in();
	spoilt.getdents = endless_getdents;
	name_steps = 0;
	for (int helps = 0; helps < 40; helps++) {
		for (int i = 0; i < helps; i++)
			strcpy(commands + (size_t)i * 6, "HELP\r\n");
		strcpy(commands + (size_t)helps * 6, "STAT b*\r\nABOR\r\n");
		client_sends(commands);
		client_reads("226 Aborted\r\n");
	}
	calls = &calls_real;
}

static void patterns_have_seats(void **state)
{
	struct party held = { 0 };

	(void)state;
	log_in();
	assert_int_equal(seats_take(&test_context.patterns, &test_session.peer, &held,
				    LISTING_PATTERNS_MAX / SEATS_PARTS),
			 0);
	client_asks("STAT b*", "450 Too many commands like this one are at work for your address;");
	client_asks("STAT b", "550");
	seats_give(&held);
	client_sends("STAT b*\r\n");
	client_reads("212 End\r\n");
	assert_int_equal(test_context.patterns.taken, 0);
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

static atomic_bool reading, may_read;

static ssize_t patient_getdents(int folder, void *buffer, size_t size_bytes)
{
	atomic_store(&reading, true);
	while (!atomic_load(&may_read))
		usleep(1000);
	return calls_real.getdents(folder, buffer, size_bytes);
}

static ssize_t no_send(int fd, const void *bytes, size_t length, int flags)
{
	(void)fd;
	(void)bytes;
	(void)length;
	(void)flags;
	return -ECONNRESET;
}

static void on_admitted(struct queue_waiter *waiter)
{
	(void)waiter;
}

/* The next job of the STAT would have to wait, and nobody is there to read its lines. */
static void a_reset_in_the_middle_of_a_stat_ends_it_behind_others_that_wait(void **state)
{
	struct queue_waiter others[2 * DISK_OPERATIONS_MAX] = { { .admitted = on_admitted } };
	struct queue *queue;
	unsigned taken = 0;

	(void)state;
	log_in();
	client_asks("MKD d", "257");
	atomic_store(&reading, false);
	atomic_store(&may_read, false);
	spoilt.getdents = patient_getdents;
	client_sends("STAT /\r\n");
	for (int i = 0; i < 10000 && !atomic_load(&reading); i++)
		run_for_ms(1);
	queue = disk_queues_find(test_context.dtp.disks, test_session.action->request.disk.id,
				 DISK_NAMES);
	do
		others[taken].admitted = on_admitted;
	while (queue_enter(queue, &others[taken++]));
	spoilt.send = no_send;
	atomic_store(&may_read, true);
	for (int i = 0; i < 10000 && !test_session_ended; i++)
		run_for_ms(1);
	assert_true(test_session_ended);
	while (taken-- > 0)
		queue_leave(queue);
	assert_int_equal(queue->inflight, 0);
	calls = &calls_real;
	assert_int_equal(unlinkat(test_context.tree.root, "d", AT_REMOVEDIR), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SESSION_TEST(a_client_that_leaves_ends_the_stat_of_a_pattern),
		SESSION_TEST(a_reset_in_the_middle_of_a_stat_ends_it_behind_others_that_wait),
		SESSION_TEST(abor_ends_the_stat_of_a_pattern),
		SESSION_TEST(abor_behind_any_number_of_replies_is_seen),
		SESSION_TEST(patterns_have_seats),
		SESSION_TEST(a_pattern_that_is_too_costly_ends_the_stat_in_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
