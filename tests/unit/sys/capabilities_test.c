#include "sys/capabilities.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
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

/* capset(2) fails with EPERM from here on. */
static int capset_refuse(void)
{
	struct sock_filter rules[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_capset, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = 4, .filter = rules };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0);
}

/* What is held before a refusal: text as cap_from_text(3) reads it. */
static int refused_with(const char *text)
{
	cap_t sets = cap_from_text(text);

	CHECK(sets && cap_set_proc(sets) == 0);
	cap_free(sets);
	CHECK(capset_refuse() == 0);
	return 0;
}

static int refused_with_bind(void)
{
	CHECK(refused_with("cap_net_bind_service=eip") == 0);
	CHECK(capabilities_keep_bind() == 0);
	CHECK(set_read("CapPrm") == 1ULL << CAP_NET_BIND_SERVICE);
	CHECK(capabilities_drop_all() == -EPERM);
	return 0;
}

static int refused_with_nothing(void)
{
	CHECK(refused_with("cap_net_bind_service=i") == 0);
	CHECK(capabilities_keep_bind() == 0);
	CHECK(capabilities_drop_all() == 0);
	CHECK(set_read("CapPrm") == 0);
	return 0;
}

static int refused_with_more(void)
{
	CHECK(refused_with("cap_net_bind_service,cap_chown=p") == 0);
	CHECK(capabilities_keep_bind() == -EPERM);
	CHECK(capabilities_drop_all() == -EPERM);
	return 0;
}

static void a_refused_capset_matters_only_to_who_holds_more(void **state)
{
	(void)state;
	if (!(set_read("CapPrm") & 1ULL << CAP_CHOWN))
		skip();
	assert_int_equal(in_child(refused_with_bind), 0);
	assert_int_equal(in_child(refused_with_nothing), 0);
	assert_int_equal(in_child(refused_with_more), 0);
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
		cmocka_unit_test(a_refused_capset_matters_only_to_who_holds_more),
		cmocka_unit_test(keep_bind_leaves_net_bind_service_alone),
	};

	return cmocka_run_group_tests_name("capabilities", tests, NULL, NULL);
}
