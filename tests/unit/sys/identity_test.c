#include "sys/identity.h"

#include <grp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static void the_process_has_its_user_and_group(void **state)
{
	const struct identity *identity = identity_of_process();

	(void)state;
	assert_int_equal(identity->uid, geteuid());
	assert_int_equal(identity->gid, getegid());
	assert_true(identity_has_group(identity, getegid()));
}

static void the_process_has_its_supplementary_groups(void **state)
{
	const struct identity *identity = identity_of_process();
	int count = getgroups(0, NULL);
	gid_t *groups;

	(void)state;
	assert_true(count >= 0);
	groups = calloc((size_t)count + 1, sizeof(*groups));
	assert_non_null(groups);
	assert_int_equal(getgroups(count, groups), count);
	for (int i = 0; i < count; i++)
		assert_true(identity_has_group(identity, groups[i]));
	free(groups);
}

static void other_groups_are_not_ours(void **state)
{
	static const struct identity identity = { .gid = 5,
						  .groups = { 7, 100, 300 },
						  .groups_count = 3 };

	(void)state;
	assert_true(identity_has_group(&identity, 5));
	assert_true(identity_has_group(&identity, 7));
	assert_true(identity_has_group(&identity, 300));
	assert_false(identity_has_group(&identity, 0));
	assert_false(identity_has_group(&identity, 101));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_process_has_its_user_and_group),
		cmocka_unit_test(the_process_has_its_supplementary_groups),
		cmocka_unit_test(other_groups_are_not_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
