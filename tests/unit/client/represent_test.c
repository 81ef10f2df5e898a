/*
 * TYPE, STRU and MODE as the user-FTP sets them, data connections that are kept, restart markers.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/test_client.h"

static const struct sluice_representation block = { .mode = 'B' };

static int get_as(int fd, struct sluice_representation representation)
{
	const struct sluice_transfer transfer = { .fd = fd, .representation = representation };

	return run(sluice_get(session, "a", &transfer, on_done, NULL));
}

static int put_as(int fd, struct sluice_representation representation)
{
	const struct sluice_transfer transfer = { .fd = fd, .representation = representation };

	return run(sluice_put(session, "a", &transfer, on_done, NULL));
}

static int take_as(struct sluice_representation representation)
{
	const struct sluice_transfer transfer = { .fd = -1,
						  .take = on_take,
						  .representation = representation };

	return run(sluice_get(session, "a", &transfer, on_done, NULL));
}

static void parameters_are_sent_where_they_change(void **state)
{
	static const char *const script[] = { "LOGIN",
					      "C: TYPE L 36",
					      "S: 200 ok",
					      "EPSV",
					      "C: RETR a",
					      "S: 150 now",
					      "D: one",
					      "S: 226 ok",
					      "C: TYPE A T",
					      "S: 200 ok",
					      "C: STRU R",
					      "S: 200 ok",
					      "EPSV",
					      "C: RETR a",
					      "S: 150 now",
					      "D: x\377\001\377\002",
					      "S: 226 ok",
					      "C: TYPE A",
					      "S: 200 ok",
					      "EPSV",
					      "C: RETR a",
					      "S: 150 now",
					      "D: y\377\003",
					      "S: 226 ok",
					      "C: TYPE I",
					      "S: 200 ok",
					      "C: STRU F",
					      "S: 200 ok",
					      "C: SIZE a",
					      "S: 213 3",
					      NULL };

	(void)state;
	begin(script);
	assert_int_equal(take_as((struct sluice_representation){ .type = 'L', .byte_bits = 36 }),
			 0);
	assert_int_equal(take_as((struct sluice_representation){
				 .type = 'A', .format = 'T', .structure = 'R' }),
			 0);
	assert_int_equal(take_as((struct sluice_representation){ .type = 'A', .structure = 'R' }),
			 0);
	assert_string_equal(taken, "onex\ny\n");
	assert_int_equal(command("SIZE", "a"), 0);
	finish();
}

static void a_refused_parameter_ends_the_errand_and_is_asked_for_again(void **state)
{
	static const char *const script[] = { "LOGIN",	   "C: TYPE I",	 "S: 200 ok", "C: MODE B",
					      "S: 504 no", "C: MODE B",	 "S: 501 no", "EPSV",
					      "C: RETR a", "S: 150 now", "D: plain",  "S: 226 ok",
					      NULL };

	(void)state;
	begin(script);
	assert_int_equal(take_as(block), -EREMOTEIO);
	assert_int_equal(last.code, 504);
	assert_string_equal(last.text, "no");
	assert_int_equal(take_as(block), -EREMOTEIO);
	assert_int_equal(last.code, 501);
	assert_int_equal(take_as((struct sluice_representation){ .type = 'I' }), 0);
	assert_string_equal(taken, "plain");
	finish();
}

static void what_cannot_be_moved_is_not_begun(void **state)
{
	static const struct {
		struct sluice_representation representation;
		int64_t offset;
		int error;
	} cases[] = {
		{ { .type = 'X' }, 0, -EINVAL },
		{ { .type = 'A', .format = 'X' }, 0, -EINVAL },
		{ { .structure = 'X' }, 0, -EINVAL },
		{ { .mode = 'X' }, 0, -EINVAL },
		{ { .type = 'A', .structure = 'P' }, 0, -EINVAL },
		{ { .type = 'L', .byte_bits = 36, .structure = 'R' }, 0, -EINVAL },
		{ { .structure = 'P' }, 0, -ESPIPE },
		{ { .type = 'A' }, 1, -EINVAL },
		{ { .mode = 'B' }, 1, -EINVAL },
		{ { .structure = 'R' }, 1, -EINVAL },
	};
	static const char *const script[] = { "LOGIN", NULL };

	(void)state;
	begin(script);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct sluice_transfer transfer = { .fd = -1,
							  .take = on_take,
							  .offset = cases[i].offset,
							  .representation =
								  cases[i].representation };

		assert_int_equal(sluice_get(session, "a", &transfer, on_done, NULL),
				 cases[i].error);
	}
	finish();
}

static void a_connection_that_both_keep_serves_the_next_errands(void **state)
{
	static const char *const script[] = {
		"LOGIN",     "C: TYPE I", "S: 200 ok",	"C: MODE B", "S: 200 ok", "EPSV",
		"C: RETR a", "S: 150 ok", "K: one",	"S: 250 ok", "C: STOR a", "S: 125 go",
		"L: own",    "S: 250 ok", "C: RETR a",	"S: 125 go", "S: 250 ok", "K: two",
		"C: RETR a", "S: 550 no", "C: RETR a",	"S: 125 go", "K: three",  "S: 226 ok",
		"E:",	     "EPSV",	  "C: RETR a",	"S: 150 ok", "K: four",	  "S: 250 ok",
		"C: MODE S", "S: 200 ok", "C: RETR a",	"S: 125 go", "D: five",	  "S: 226 ok",
		"EPSV",	     "C: RETR a", "S: 150 now", "D: six",    "S: 226 ok", NULL
	};
	int fd = file_with("own");

	(void)state;
	begin(script);
	assert_int_equal(take_as(block), 0);
	assert_int_equal(last.code, 250);
	assert_int_equal(put_as(fd, block), 0);
	close(fd);
	fd = file_with("");
	assert_int_equal(get_as(fd, block), 0);
	assert_string_equal(content_of(fd), "two");
	assert_int_equal(take_as(block), -EREMOTEIO); /* what is refused leaves it where it is */
	assert_int_equal(take_as(block), 0);
	assert_int_equal(take_as(block), 0);
	assert_int_equal(take_as((struct sluice_representation){ .type = 'I' }), 0);
	assert_int_equal(take_as((struct sluice_representation){ .type = 'I' }), 0);
	assert_string_equal(taken, "onethreefourfivesix");
	finish();
}

static void a_kept_connection_that_is_gone_is_not_used(void **state)
{
	static const char *const script[] = { "LOGIN",	   "C: TYPE I", "S: 200 ok", "C: MODE B",
					      "S: 200 ok", "EPSV",	"C: RETR a", "S: 150 ok",
					      "K: one",	   "S: 250 ok", "C: NOOP",   "R:",
					      "S: 200 ok", "EPSV",	"C: RETR a", "S: 150 ok",
					      "K: two",	   "S: 250 ok", NULL };

	(void)state;
	begin(script);
	assert_int_equal(take_as(block), 0);
	assert_int_equal(command("NOOP", NULL), 0);
	assert_int_equal(take_as(block), 0);
	assert_string_equal(taken, "onetwo");
	finish();
}

static void a_kept_connection_that_is_lost_meanwhile_is_made_again_once(void **state)
{
	static const char *const script[] = {
		"LOGIN",     "C: TYPE I", "S: 200 ok", "C: MODE B", "S: 200 ok", "EPSV",
		"C: RETR a", "S: 150 ok", "K: one",    "S: 250 ok", "C: RETR a", "R:",
		"S: 425 no", "EPSV",	  "C: RETR a", "S: 150 ok", "K: two",	 "S: 250 ok",
		"C: RETR a", "S: 125 go", "R:",	       "S: 250 ok", "EPSV",	 "C: RETR a",
		"S: 150 ok", "K: three",  "S: 250 ok", "C: STOR a", "R:",	 "S: 425 no",
		"EPSV",	     "C: STOR a", "S: 150 ok", "L: own",    "S: 250 ok", "C: STOR a",
		"R:",	     "S: 425 no", "EPSV",      "C: STOR a", "S: 425 no", NULL
	};
	int fd = file_with("own");

	(void)state;
	begin(script);
	assert_int_equal(take_as(block), 0);
	assert_int_equal(take_as(block), 0);
	assert_int_equal(take_as(block), 0);
	assert_string_equal(taken, "onetwothree");
	assert_int_equal(put_as(fd, block), 0);
	assert_int_equal(put_as(fd, block), -EREMOTEIO); /* the second attempt is the last */
	assert_int_equal(last.code, 425);
	close(fd);
	finish();
}

static void a_file_whose_end_is_not_marked_is_not_whole(void **state)
{
	static const char *const script[] = { "LOGIN",	   "C: TYPE I", "S: 200 ok", "C: MODE B",
					      "S: 200 ok", "EPSV",	"C: RETR a", "S: 150 ok",
					      "M: mark",   "D: ",	"S: 250 ok", NULL };

	(void)state;
	begin(script);
	assert_int_equal(take_as(block), -ECONNRESET);
	finish();
}

static void what_is_of_no_mode_is_said_and_aborted(void **state)
{
	static const char *const script[] = { "LOGIN",	   "C: TYPE I", "S: 200 ok", "C: MODE B",
					      "S: 200 ok", "EPSV",	"C: RETR a", "S: 150 ok",
					      "P: \017ab", "C: ABOR",	"S: 426 no", "S: 226 ok",
					      NULL };

	(void)state;
	begin(script);
	assert_int_equal(take_as(block), -EBADMSG);
	assert_non_null(strstr(last.text, "descriptor"));
	finish();
}

static void listings_come_in_the_mode_and_mlsd_in_stream(void **state)
{
	static const char *const script[] = { "LOGIN",
					      "C: TYPE I",
					      "S: 200 ok",
					      "C: MODE B",
					      "S: 200 ok",
					      "EPSV",
					      "C: RETR a",
					      "S: 150 ok",
					      "K: one",
					      "S: 250 ok",
					      "C: LIST",
					      "S: 125 go",
					      "K: -rw-r--r-- 1 a a 3 Jan  1 2020 b\r\n",
					      "S: 250 ok",
					      "C: MLSD",
					      "S: 125 go",
					      "D: type=file; c\r\n",
					      "S: 226 ok",
					      NULL };

	(void)state;
	begin(script);
	assert_int_equal(take_as(block), 0);
	assert_int_equal(run(sluice_list_plain(session, NULL, on_entry, on_done, NULL)), 0);
	assert_int_equal(list(NULL), 0);
	assert_string_equal(names, "bf cf ");
	finish();
}

static void listings_have_a_representation_of_their_own(void **state)
{
	static const char *const script[] = { "LOGIN",
					      "C: TYPE A",
					      "S: 200 ok",
					      "C: STRU R",
					      "S: 200 ok",
					      "EPSV",
					      "C: LIST",
					      "S: 150 ok",
					      "D: -rw-r--r-- 1 a a 3 "
					      "Jan  1 2020 b\377\003",
					      "S: 226 ok",
					      NULL };
	const struct sluice_representation records = { .type = 'A', .structure = 'R' };

	(void)state;
	begin(script);
	assert_int_equal(sluice_session_list_as(session, &records), 0);
	assert_int_equal(run(sluice_list_plain(session, NULL, on_entry, on_done, NULL)), 0);
	assert_string_equal(names, "bf ");
	finish();
}

/* The latest marker that was told of. */
static char remote_marker[64];
static char local_marker[64];
static int64_t marked_offset;
static unsigned marks;

static void on_mark(void *context, const char *remote, const char *local, int64_t offset)
{
	(void)context;
	snprintf(remote_marker, sizeof(remote_marker), "%s", remote);
	snprintf(local_marker, sizeof(local_marker), "%s", local);
	marked_offset = offset;
	marks++;
}

static void on_mark_abort(void *context, const char *remote, const char *local, int64_t offset)
{
	on_mark(context, remote, local, offset);
	assert_int_equal(sluice_abort(session), 0);
}

static void a_cut_get_goes_on_at_the_marker_of_the_server(void **state)
{
	static const char *const script[] = { "LOGIN",	   "C: TYPE I",	  "S: 200 ok",
					      "C: MODE B", "S: 200 ok",	  "EPSV",
					      "C: RETR a", "S: 150 now",  "M: first",
					      "C: ABOR",   "S: 426 cut",  "S: 226 ok",
					      "E:",	   "EPSV",	  "C: REST first",
					      "S: 350 ok", "C: RETR a",	  "S: 150 ok",
					      "K: rest",   "S: 250 fine", NULL };
	struct sluice_transfer transfer = { .representation = block, .marked = on_mark_abort };
	int fd = file_with("");

	(void)state;
	begin(script);
	transfer.fd = fd;
	marks = 0;
	assert_int_equal(run(sluice_get(session, "a", &transfer, on_done, NULL)), -ECANCELED);
	assert_int_equal(marks, 1);
	assert_string_equal(remote_marker, "first");
	assert_int_equal(marked_offset, 0);
	transfer.marked = NULL;
	transfer.remote_marker = remote_marker;
	transfer.local_marker = local_marker;
	assert_int_equal(run(sluice_get(session, "a", &transfer, on_done, NULL)), 0);
	assert_string_equal(content_of(fd), "rest");
	finish();
}

static void a_marker_is_of_one_file_and_representation(void **state)
{
	static const char *const script[] = { "LOGIN",	   "C: TYPE I",	 "S: 200 ok",  "C: MODE B",
					      "S: 200 ok", "EPSV",	 "C: RETR a",  "S: 150 ok",
					      "M: first",  "K: content", "S: 250 yes", NULL };
	struct sluice_transfer transfer = { .representation = block, .marked = on_mark };
	int other = file_with("");
	int fd = file_with("");

	(void)state;
	begin(script);
	transfer.fd = fd;
	assert_int_equal(run(sluice_get(session, "a", &transfer, on_done, NULL)), 0);
	transfer.local_marker = local_marker;
	assert_int_equal(sluice_get(session, "a", &transfer, on_done, NULL), -EINVAL);
	transfer.remote_marker = "first\r\nDELE a";
	assert_int_equal(sluice_get(session, "a", &transfer, on_done, NULL), -EINVAL);
	transfer.remote_marker = "first";
	transfer.fd = other;
	assert_int_equal(sluice_get(session, "a", &transfer, on_done, NULL), -ESTALE);
	transfer.fd = fd;
	transfer.representation.type = 'A';
	assert_int_equal(sluice_get(session, "a", &transfer, on_done, NULL), -EPROTOTYPE);
	transfer.representation = (struct sluice_representation){ .mode = 'S' };
	assert_int_equal(sluice_get(session, "a", &transfer, on_done, NULL), -EINVAL);
	close(fd);
	close(other);
	finish();
}

static void marks_that_are_none_of_ours_are_not_told(void **state)
{
	static const char *const script[] = {
		"LOGIN",
		"C: TYPE I",
		"S: 200 ok",
		"C: MODE B",
		"S: 200 ok",
		"EPSV",
		"C: STOR a",
		"S: 150 ok",
		"L: content",
		"S: 110 MARK x = y",
		"S: 110 MARK S0000000000400000000000000000000049000046a9899b4754f7d444 = y",
		"S: 110 hello",
		"S: 110 MARK  = y",
		"S: 250 ok",
		NULL
	};
	struct sluice_transfer transfer = { .representation = block, .marked = on_mark };
	int fd = file_with("content");

	(void)state;
	begin(script);
	transfer.fd = fd;
	marks = 0;
	assert_int_equal(run(sluice_put(session, "a", &transfer, on_done, NULL)), 0);
	assert_int_equal(marks, 0);
	close(fd);
	finish();
}

static void cut_when_marked(void *context, const char *remote, const char *local, int64_t offset)
{
	(void)context;
	(void)remote;
	(void)local;
	(void)offset;
	sluice_session_cut(session);
}

static void a_session_may_be_cut_when_a_marker_is_told(void **state)
{
	static const char *const script[] = { "LOGIN",	   "C: TYPE I", "S: 200 ok", "C: MODE B",
					      "S: 200 ok", "EPSV",	"C: RETR a", "S: 150 ok",
					      "M: first",  "E:",	NULL };
	struct sluice_transfer transfer = { .representation = block, .marked = cut_when_marked };

	(void)state;
	begin(script);
	transfer.fd = file_with("");
	assert_int_equal(sluice_get(session, "a", &transfer, on_done, NULL), 0);
	assert_int_equal(sluice_client_run(client), 0);
	sluice_client_free(client);
	client = NULL;
	assert_null(fake_server_join(&server));
	close(transfer.fd);
}

static void mode_z_is_known_from_feat(void **state)
{
	static const char *const script[] = {
		"S: 220 hello",
		"C: USER anonymous",
		"S: 230 welcome",
		"C: FEAT",
		"B: 211-Features\r\n MODE B\r\n MODE Z\r\n211 End\r\n",
		NULL
	};
	struct sluice_target target;

	(void)state;
	fake_server_start(&server, script);
	target = target_of(&server);
	assert_int_equal(open_session(&target), 0);
	assert_true(sluice_session_has(session, SLUICE_FEATURE_MODE_Z));
	assert_false(sluice_session_has(session, SLUICE_FEATURE_MLST));
	finish();
}

static void a_server_that_offers_to_keep_is_asked_once_and_may_refuse(void **state)
{
	static const char *const script[] = {
		"S: 220 hello",
		"C: USER anonymous",
		"S: 230 welcome",
		"C: FEAT",
		"B: 211-Features\r\n MODE Z\r\n OPTS MODE Z KEEP\r\n211 End\r\n",
		"C: TYPE I",
		"S: 200 ok",
		"C: MODE Z",
		"S: 200 ok",
		"C: OPTS MODE Z KEEP ON",
		"S: 501 no",
		"EPSV",
		"C: RETR a",
		"S: 550 no",
		"EPSV",
		"C: RETR a",
		"S: 550 no",
		NULL
	};
	const struct sluice_representation deflated = { .mode = 'Z' };
	struct sluice_target target;

	(void)state;
	fake_server_start(&server, script);
	target = target_of(&server);
	assert_int_equal(open_session(&target), 0);
	assert_true(sluice_session_has(session, SLUICE_FEATURE_MODE_Z_KEEP));
	assert_int_equal(take_as(deflated), -EREMOTEIO);
	assert_int_equal(last.code, 550);
	assert_int_equal(take_as(deflated), -EREMOTEIO);
	assert_int_equal(last.code, 550);
	finish();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_ON_ENGINES(parameters_are_sent_where_they_change),
		TEST_ON_ENGINES(a_refused_parameter_ends_the_errand_and_is_asked_for_again),
		TEST_ON_ENGINES(what_cannot_be_moved_is_not_begun),
		TEST_ON_ENGINES(a_connection_that_both_keep_serves_the_next_errands),
		TEST_ON_ENGINES(a_kept_connection_that_is_gone_is_not_used),
		TEST_ON_ENGINES(a_kept_connection_that_is_lost_meanwhile_is_made_again_once),
		TEST_ON_ENGINES(a_file_whose_end_is_not_marked_is_not_whole),
		TEST_ON_ENGINES(what_is_of_no_mode_is_said_and_aborted),
		TEST_ON_ENGINES(listings_come_in_the_mode_and_mlsd_in_stream),
		TEST_ON_ENGINES(listings_have_a_representation_of_their_own),
		TEST_ON_ENGINES(a_cut_get_goes_on_at_the_marker_of_the_server),
		TEST_ON_ENGINES(a_marker_is_of_one_file_and_representation),
		TEST_ON_ENGINES(marks_that_are_none_of_ours_are_not_told),
		TEST_ON_ENGINES(a_session_may_be_cut_when_a_marker_is_told),
		TEST_ON_ENGINES(mode_z_is_known_from_feat),
		TEST_ON_ENGINES(a_server_that_offers_to_keep_is_asked_once_and_may_refuse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
