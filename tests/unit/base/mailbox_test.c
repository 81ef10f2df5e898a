#include "base/mailbox.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define WRITERS 8
#define MESSAGES_EACH 20000
#define CAPACITY 64

struct message {
	uint32_t writer;
	uint32_t number;
	uint64_t check; /* of both, to see a torn copy */
};

static struct mailbox *mailbox_make(size_t messages_max, size_t message_bytes)
{
	struct mailbox *mailbox;

	assert_int_equal(mailbox_new(messages_max, message_bytes, &mailbox), 0);
	return mailbox;
}

static void messages_come_out_in_the_order_they_were_posted(void **state)
{
	struct mailbox *mailbox = mailbox_make(3, sizeof(int));
	int out;

	(void)state;
	/* More rounds than slots, so that the ring wraps around at every place. */
	for (int round = 0; round < 10; round++) {
		for (int i = 0; i < 2; i++)
			assert_true(mailbox_post(mailbox, &(int){ 2 * round + i }) >= 0);
		for (int i = 0; i < 2; i++) {
			assert_true(mailbox_take(mailbox, &out));
			assert_int_equal(out, 2 * round + i);
		}
	}
	mailbox_free(mailbox);
}

static void post_tells_whether_the_mailbox_was_empty(void **state)
{
	struct mailbox *mailbox = mailbox_make(4, sizeof(int));
	int out;

	(void)state;
	assert_int_equal(mailbox_post(mailbox, &(int){ 1 }), 1);
	assert_int_equal(mailbox_post(mailbox, &(int){ 2 }), 0);
	assert_true(mailbox_take(mailbox, &out));
	assert_int_equal(mailbox_post(mailbox, &(int){ 3 }), 0);
	assert_true(mailbox_take(mailbox, &out));
	assert_true(mailbox_take(mailbox, &out));
	assert_int_equal(mailbox_post(mailbox, &(int){ 4 }), 1);
	mailbox_free(mailbox);
}

static void a_full_mailbox_refuses_and_keeps_what_it_has(void **state)
{
	struct mailbox *mailbox = mailbox_make(2, sizeof(int));
	int out;

	(void)state;
	mailbox_post(mailbox, &(int){ 1 });
	mailbox_post(mailbox, &(int){ 2 });
	assert_int_equal(mailbox_post(mailbox, &(int){ 3 }), -EAGAIN);
	assert_true(mailbox_take(mailbox, &out));
	assert_int_equal(out, 1);
	assert_true(mailbox_take(mailbox, &out));
	assert_int_equal(out, 2);
	assert_false(mailbox_take(mailbox, &out));
	mailbox_free(mailbox);
}

static void a_closed_mailbox_gives_out_its_rest_and_takes_nothing(void **state)
{
	struct mailbox *mailbox = mailbox_make(2, sizeof(int));
	int out;

	(void)state;
	mailbox_post(mailbox, &(int){ 1 });
	mailbox_close(mailbox);
	assert_int_equal(mailbox_post(mailbox, &(int){ 2 }), -EAGAIN);
	assert_true(mailbox_wait(mailbox, &out));
	assert_int_equal(out, 1);
	assert_false(mailbox_wait(mailbox, &out));
	mailbox_free(mailbox);
}

static void *wait_for_one(void *mailbox)
{
	int out;

	return (void *)(uintptr_t)mailbox_wait(mailbox, &out);
}

static void closing_wakes_a_sleeping_reader(void **state)
{
	struct mailbox *mailbox = mailbox_make(2, sizeof(int));
	pthread_t reader;
	void *got;

	(void)state;
	assert_int_equal(pthread_create(&reader, NULL, wait_for_one, mailbox), 0);
	mailbox_close(mailbox);
	pthread_join(reader, &got);
	assert_null(got);
	mailbox_free(mailbox);
}

struct writer {
	struct mailbox *mailbox;
	uint32_t name;
	unsigned found_empty; /* posts that were told to wake the reader */
};

static void *write_messages(void *argument)
{
	struct writer *writer = argument;

	for (uint32_t number = 0; number < MESSAGES_EACH; number++) {
		struct message message = { writer->name, number,
					   (uint64_t)writer->name << 32 | number };
		int r;

		while ((r = mailbox_post(writer->mailbox, &message)) == -EAGAIN)
			sched_yield();
		writer->found_empty += r == 1;
	}
	return NULL;
}

static void message_check(const struct message *message, uint32_t *next)
{
	assert_in_range(message->writer, 0, WRITERS - 1);
	assert_true(message->check == ((uint64_t)message->writer << 32 | message->number));
	assert_int_equal(message->number, next[message->writer]++);
}

static void many_writers_lose_and_reorder_nothing(void **state)
{
	struct mailbox *mailbox = mailbox_make(CAPACITY, sizeof(struct message));
	struct writer writers[WRITERS];
	pthread_t threads[WRITERS];
	uint32_t next[WRITERS] = { 0 };
	struct message message;
	unsigned found_empty = 0;

	(void)state;
	for (uint32_t i = 0; i < WRITERS; i++) {
		writers[i] = (struct writer){ mailbox, i, 0 };
		assert_int_equal(pthread_create(&threads[i], NULL, write_messages, &writers[i]), 0);
	}
	for (unsigned i = 0; i < WRITERS * MESSAGES_EACH; i++) {
		assert_true(mailbox_wait(mailbox, &message));
		message_check(&message, next);
	}
	for (unsigned i = 0; i < WRITERS; i++) {
		pthread_join(threads[i], NULL);
		found_empty += writers[i].found_empty;
	}
	assert_true(found_empty >= 1);
	assert_false(mailbox_take(mailbox, &message));
	mailbox_free(mailbox);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_come_out_in_the_order_they_were_posted),
		cmocka_unit_test(post_tells_whether_the_mailbox_was_empty),
		cmocka_unit_test(a_full_mailbox_refuses_and_keeps_what_it_has),
		cmocka_unit_test(a_closed_mailbox_gives_out_its_rest_and_takes_nothing),
		cmocka_unit_test(closing_wakes_a_sleeping_reader),
		cmocka_unit_test(many_writers_lose_and_reorder_nothing),
	};

	return cmocka_run_group_tests_name("mailbox", tests, NULL, NULL);
}
