#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "auth/users.h"
#include "session/action.h"
#include "support/test_session.h"

/* The hash of addresses has no key here: all share one queue. */
static struct queue *const queue = &test_context.passwords[0];
static struct queue_waiter others[PASSWORD_CHECKS_MAX]; /* passwords of the same address */
static struct users *users;

/* An empty file: nobody is known. */
static void load_users(void)
{
	char path[] = "/tmp/sluice-users-XXXXXX";
	char error[500];
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(users_load(path, &users, error, sizeof(error)), 0);
	close(fd);
	unlink(path);
}

/* A password is sent that waits for others of its address. */
static void begin_to_wait(void)
{
	load_users();
	test_session_begin(1);
	test_context.users = users;
	for (int i = 0; i < PASSWORD_CHECKS_MAX; i++)
		assert_true(queue_enter(queue, &others[i]));
	client_reads("220 sluice ready\r\n");
	client_asks("USER ann", "331");
	client_sends("PASS secret\r\n");
	for (int i = 0; i < 1000 && list_empty(&queue->waiting); i++)
		run_for_ms(1);
	assert_false(list_empty(&queue->waiting));
}

static void a_password_is_checked_when_its_address_has_a_place(void **state)
{
	(void)state;
	begin_to_wait();
	assert_string_equal(test_session.action->path, "secret");
	queue_leave(queue);
	assert_true(list_empty(&queue->waiting));
	assert_memory_equal(client_reads("\r\n"), "530", 3);
	assert_int_equal(queue->inflight, PASSWORD_CHECKS_MAX - 1);
	client_asks("NOOP", "200");
	users_free(users);
}

static void who_leaves_waits_no_longer_and_leaves_no_password_behind(void **state)
{
	(void)state;
	begin_to_wait();
	client_leaves();
	assert_true(list_empty(&queue->waiting));
	assert_int_equal(queue->inflight, PASSWORD_CHECKS_MAX);
	for (const struct action *action = test_context.actions; action; action = action->next)
		assert_string_not_equal(action->path, "secret");
	users_free(users);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SESSION_TEST(a_password_is_checked_when_its_address_has_a_place),
		SESSION_TEST(who_leaves_waits_no_longer_and_leaves_no_password_behind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
