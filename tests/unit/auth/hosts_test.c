#include "auth/hosts.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "config/config.h"

static char error[300];

static void names_are_found_in_any_case(void **state)
{
	struct config config = { .hosts = { { { "One.example", 11 }, "/tmp" },
					    { { "two.example", 11 }, NULL } },
				 .hosts_count = 2 };
	struct hosts *hosts;

	(void)state;
	assert_int_equal(hosts_load(&config, &hosts, error, sizeof(error)), 0);
	assert_true(hosts_are_named(hosts));
	assert_true(hosts_find(hosts, view_of("ONE.example"))->folder_fd >= 0);
	assert_true(hosts_find(hosts, view_of("two.example"))->folder_fd < 0);
	assert_null(hosts_find(hosts, view_of("two.exampl")));
	assert_null(hosts_find(hosts, view_of("two.examples")));
	hosts_free(hosts);
}

static void no_host_at_all_is_no_error(void **state)
{
	struct config config = { .hosts_count = 0 };
	struct hosts *hosts;

	(void)state;
	assert_int_equal(hosts_load(&config, &hosts, error, sizeof(error)), 0);
	assert_false(hosts_are_named(hosts));
	assert_null(hosts_find(hosts, view_of("a")));
	hosts_free(hosts);
}

static void a_folder_that_is_not_there_is_named(void **state)
{
	struct config config = { .hosts = { { { "one", 3 }, "/tmp" },
					    { { "two", 3 }, "/no/such" } },
				 .hosts_count = 2 };
	struct hosts *hosts = NULL;

	(void)state;
	assert_int_equal(hosts_load(&config, &hosts, error, sizeof(error)), -ENOENT);
	assert_non_null(strstr(error, "--host two: folder /no/such"));
	assert_null(hosts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_found_in_any_case),
		cmocka_unit_test(no_host_at_all_is_no_error),
		cmocka_unit_test(a_folder_that_is_not_there_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
