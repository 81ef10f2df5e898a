#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ring/ring.h"

static void a_mask_hides_what_it_names(void **state)
{
	struct ring_features all;
	struct ring_features left;

	(void)state;
	assert_int_equal(ring_probe(NULL, &all), 0);
	assert_int_equal(ring_probe("buffer-rings,multishot-accept", &left), 0);
	assert_false(left.buffer_ring);
	assert_false(left.multishot_accept);
	assert_int_equal(left.uring, all.uring);
	assert_int_equal(left.defer_taskrun, all.defer_taskrun);
	assert_int_equal(left.registered_ring, all.registered_ring);
	assert_int_equal(left.multishot_receive, all.multishot_receive);
}

static void linux_5_15_has_none_of_the_newer_features(void **state)
{
	struct ring_features all;
	struct ring_features left;

	(void)state;
	assert_int_equal(ring_probe(NULL, &all), 0);
	assert_int_equal(ring_probe("5.15", &left), 0);
	assert_int_equal(left.uring, all.uring);
	assert_false(left.defer_taskrun);     /* 6.1 */
	assert_false(left.buffer_ring);	      /* 5.19 */
	assert_false(left.registered_ring);   /* 5.18 */
	assert_false(left.multishot_accept);  /* 5.19 */
	assert_false(left.multishot_receive); /* 6.0 */
}

static void a_masked_io_uring_has_a_reason(void **state)
{
	struct ring_features left;

	(void)state;
	assert_int_equal(ring_probe("5.15,io_uring", &left), 0);
	assert_false(left.uring);
	assert_true(left.error < 0);
}

static void an_unknown_word_is_refused(void **state)
{
	static const char *const wrong[] = { "", "5.14", "5.15,", ",5.15", "buffer-ring", "5.15 " };
	struct ring_features untouched = { .error = 77 };

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(ring_probe(wrong[i], &untouched), -EINVAL);
	assert_int_equal(untouched.error, 77);
}

static void the_log_line_names_every_feature(void **state)
{
	struct ring_config config = {
		.engine = RING_ENGINE_URING,
		.features = { .uring = true, .buffer_ring = true, .multishot_receive = true }
	};
	char text[200];

	(void)state;
	ring_describe(&config, text, sizeof(text));
	assert_string_equal(text, "io_uring: deferred-task-work no, buffer-rings yes, "
				  "registered-ring no, multishot-accept no, multishot-receive yes");
}

static void the_log_line_of_epoll_says_why(void **state)
{
	struct ring_config config = { .engine = RING_ENGINE_EPOLL, .features = { .uring = true } };
	char text[200];

	(void)state;
	ring_describe(&config, text, sizeof(text));
	assert_string_equal(text, "epoll and job threads: io_uring not wanted");
	config.features = (struct ring_features){ .error = -EPERM };
	ring_describe(&config, text, sizeof(text));
	assert_string_equal(text, "epoll and job threads: io_uring Operation not permitted");
}

static void a_line_that_is_too_long_is_cut(void **state)
{
	struct ring_config config = { .engine = RING_ENGINE_URING };
	char text[20];

	(void)state;
	ring_describe(&config, text, sizeof(text));
	assert_string_equal(text, "io_uring: deferred-");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_mask_hides_what_it_names),
		cmocka_unit_test(linux_5_15_has_none_of_the_newer_features),
		cmocka_unit_test(a_masked_io_uring_has_a_reason),
		cmocka_unit_test(an_unknown_word_is_refused),
		cmocka_unit_test(the_log_line_names_every_feature),
		cmocka_unit_test(the_log_line_of_epoll_says_why),
		cmocka_unit_test(a_line_that_is_too_long_is_cut),
	};

	return cmocka_run_group_tests_name("probe", tests, NULL, NULL);
}
