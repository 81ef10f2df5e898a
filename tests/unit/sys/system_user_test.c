#include "sys/system_user.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "sys/capabilities.h"

static void a_user_of_the_system_is_found_by_name(void **state)
{
	struct system_user user;

	(void)state;
	assert_int_equal(system_user_find("root", &user), 0);
	assert_string_equal(user.name, "root");
	assert_int_equal(user.uid, 0);
	assert_int_equal(user.gid, 0);
}

static void an_unknown_name_is_told_and_leaves_the_result_alone(void **state)
{
	struct system_user user = { .name = "before", .uid = 5, .gid = 6 };

	(void)state;
	assert_int_equal(system_user_find("no-such-user", &user), -ENOENT);
	assert_string_equal(user.name, "before");
	assert_int_equal(user.uid, 5);
	assert_int_equal(user.gid, 6);
}

/* In a process of its own, for there is no way back. Returns its exit status. */
static int in_child(int (*function)(void))
{
	pid_t child = fork();
	int status;

	if (child == 0)
		_exit(function());
	assert_true(child > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int become_without_privilege(void)
{
	struct system_user user = { .name = "root" };

	return capabilities_drop_all() < 0 || system_user_become(&user) != -EPERM;
}

static void it_takes_the_right_to_change_users(void **state)
{
	(void)state;
#ifdef __SANITIZE_THREAD__
	skip(); /* its own thread keeps the capabilities, and the C library ends a process that is at odds */
#endif
	assert_int_equal(in_child(become_without_privilege), 0);
}

static int become_for_good(void)
{
	struct system_user user = { .name = "no-such-user", .uid = 12345, .gid = 12346 };
	uid_t uids[3];
	gid_t gids[3];

	if (system_user_become(&user) < 0 || capabilities_keep_bind() < 0)
		return 1;
	if (getresuid(&uids[0], &uids[1], &uids[2]) < 0 || getresgid(&gids[0], &gids[1], &gids[2]))
		return 2;
	for (int i = 0; i < 3; i++)
		if (uids[i] != user.uid || gids[i] != user.gid)
			return 3;
	if (getgroups(0, NULL) != 1) /* the user's own, as initgroups(3) does it */
		return 4;
	if (setresuid(0, 0, 0) == 0 || setresgid(0, 0, 0) == 0)
		return 5;
	return capabilities_may_bind_low() ? 0 : 6;
}

static void the_change_is_for_good_and_low_ports_stay(void **state)
{
	(void)state;
	if (geteuid() != 0 || !capabilities_may_bind_low())
		skip();
	assert_int_equal(in_child(become_for_good), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_user_of_the_system_is_found_by_name),
		cmocka_unit_test(an_unknown_name_is_told_and_leaves_the_result_alone),
		cmocka_unit_test(it_takes_the_right_to_change_users),
		cmocka_unit_test(the_change_is_for_good_and_low_ports_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
