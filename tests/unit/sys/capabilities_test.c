#include "sys/capabilities.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* What is dropped never comes back, so each test drops in a child. */
static int in_child(int (*check)(void))
{
	pid_t child = fork();
	int status;

	if (child == 0)
		_exit(check());
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

#define CHECK(condition)                 \
	do {                             \
		if (!(condition))        \
			return __LINE__; \
	} while (0)

/* The set of /proc/self/status that label names, as "CapEff", or all bits on an error. */
static unsigned long long set_read(const char *label)
{
	FILE *file = fopen("/proc/self/status", "re");
	unsigned long long bits = ~0ULL;
	char line[200];

	while (file && fgets(line, sizeof(line), file)) {
		if (strncmp(line, label, strlen(label)) == 0)
			sscanf(line + strlen(label) + 1, "%llx", &bits);
	}
	if (file)
		fclose(file);
	return bits;
}

static int drop_all(void)
{
	bool was_privileged = set_read("CapEff") & 1ULL << CAP_SETPCAP;

	CHECK(capabilities_drop_all() == 0);
	CHECK(set_read("CapEff") == 0);
	CHECK(set_read("CapPrm") == 0);
	CHECK(set_read("CapInh") == 0);
	CHECK(set_read("CapAmb") == 0);
	CHECK(!was_privileged || set_read("CapBnd") == 0);
	CHECK(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
	CHECK(capabilities_drop_all() == 0);
	return 0;
}

static int keep_bind(void)
{
	unsigned long long bind = 1ULL << CAP_NET_BIND_SERVICE;
	unsigned long long had = set_read("CapPrm");

	CHECK(capabilities_keep_bind() == 0);
	CHECK(set_read("CapPrm") == (had & bind));
	CHECK(set_read("CapEff") == (had & bind));
	CHECK(set_read("CapInh") == 0);
	CHECK(!(had & 1ULL << CAP_SETPCAP) || set_read("CapBnd") == (had & bind));
	CHECK(!(had & bind) || capabilities_may_bind_low());
	return 0;
}

static void drop_all_leaves_nothing_in_any_set(void **state)
{
	(void)state;
	assert_int_equal(in_child(drop_all), 0);
}

static void keep_bind_leaves_net_bind_service_alone(void **state)
{
	(void)state;
	assert_int_equal(in_child(keep_bind), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(drop_all_leaves_nothing_in_any_set),
		cmocka_unit_test(keep_bind_leaves_net_bind_service_alone),
	};

	return cmocka_run_group_tests_name("capabilities", tests, NULL, NULL);
}
