#include "base/list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct member {
	int number;
	struct list link;
};

static void members_come_out_in_the_order_they_joined(void **state)
{
	struct member members[3] = { { .number = 0 }, { .number = 1 }, { .number = 2 } };
	struct list list;

	(void)state;
	list_init(&list);
	for (int i = 0; i < 3; i++)
		list_append(&list, &members[i].link);
	for (int i = 0; i < 3; i++)
		assert_int_equal(list_entry(list_shift(&list), struct member, link)->number, i);
	assert_true(list_empty(&list));
	assert_null(list_shift(&list));
}

static void a_member_in_the_middle_can_leave(void **state)
{
	struct member members[3] = { { .number = 0 }, { .number = 1 }, { .number = 2 } };
	struct list list;

	(void)state;
	list_init(&list);
	for (int i = 0; i < 3; i++)
		list_append(&list, &members[i].link);
	list_remove(&members[1].link);
	assert_ptr_equal(list_shift(&list), &members[0].link);
	assert_ptr_equal(list_shift(&list), &members[2].link);
}

static void all_of_another_list_join_behind(void **state)
{
	struct member members[4] = {
		{ .number = 0 }, { .number = 1 }, { .number = 2 }, { .number = 3 }
	};
	struct list list;
	struct list other;

	(void)state;
	list_init(&list);
	list_init(&other);
	list_move_all(&list, &other);
	assert_true(list_empty(&list));
	list_append(&other, &members[0].link);
	list_move_all(&list, &other); /* to an empty one */
	assert_true(list_empty(&other));
	list_append(&list, &members[1].link);
	list_append(&other, &members[2].link);
	list_append(&other, &members[3].link);
	list_move_all(&list, &other);
	assert_true(list_empty(&other));
	list_remove(&members[2].link);
	assert_ptr_equal(list_shift(&list), &members[0].link);
	assert_ptr_equal(list_shift(&list), &members[1].link);
	assert_ptr_equal(list_shift(&list), &members[3].link);
	assert_true(list_empty(&list));
}

static void removing_twice_is_harmless(void **state)
{
	struct member member = { .number = 0 };
	struct list list;

	(void)state;
	list_init(&list);
	list_append(&list, &member.link);
	list_remove(&member.link);
	list_remove(&member.link);
	assert_true(list_empty(&list));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members_come_out_in_the_order_they_joined),
		cmocka_unit_test(a_member_in_the_middle_can_leave),
		cmocka_unit_test(all_of_another_list_join_behind),
		cmocka_unit_test(removing_twice_is_harmless),
	};

	return cmocka_run_group_tests_name("list", tests, NULL, NULL);
}
