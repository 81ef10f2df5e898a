#include "log/log.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define LINE_MAX_BYTES 4096

/* Stderr is a pipe while a test runs; saved_stderr is the real one. */
static int pipe_ends[2];
static int saved_stderr;

static int stderr_to_pipe(void **state)
{
	(void)state;
	saved_stderr = dup(STDERR_FILENO);
	if (pipe(pipe_ends) < 0)
		return -1;
	dup2(pipe_ends[1], STDERR_FILENO);
	unsetenv("JOURNAL_STREAM");
	log_start(false);
	return 0;
}

static int stderr_back(void **state)
{
	(void)state;
	dup2(saved_stderr, STDERR_FILENO);
	close(saved_stderr);
	close(pipe_ends[0]);
	close(pipe_ends[1]);
	return 0;
}

/* What one write(2) brought, after the time if there is one. */
static const char *line_read(char *line)
{
	ssize_t length = read(pipe_ends[0], line, LINE_MAX_BYTES - 1);

	assert_true(length > 0);
	line[length] = '\0';
	return line[0] == '<' ? line : strchr(line, ' ') + 1;
}

static void journal_is_the_pipe(void)
{
	char stream[64];
	struct stat stat;

	fstat(STDERR_FILENO, &stat);
	snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)stat.st_dev,
		 (unsigned long long)stat.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
}

static void a_line_names_its_time_and_level(void **state)
{
	char line[LINE_MAX_BYTES];

	(void)state;
	log_warning("disk %d is full", 7);
	assert_string_equal(line_read(line), "warning: disk 7 is full\n");
	assert_int_equal(line[4], '-');
	assert_int_equal(line[10], 'T');
	assert_int_equal(line[23], 'Z');
}

static void the_journal_gets_a_level_in_front(void **state)
{
	char line[LINE_MAX_BYTES];

	(void)state;
	journal_is_the_pipe();
	log_start(false);
	log_error("broken");
	assert_string_equal(line_read(line), "<3>broken\n");
	log_info("well");
	assert_string_equal(line_read(line), "<6>well\n");
}

static void a_journal_that_is_not_our_stderr_gets_no_level(void **state)
{
	char line[LINE_MAX_BYTES];

	(void)state;
	setenv("JOURNAL_STREAM", "1:1", 1);
	log_start(false);
	log_error("broken");
	assert_string_equal(line_read(line), "error: broken\n");
}

static void debug_lines_appear_only_when_wanted(void **state)
{
	char line[LINE_MAX_BYTES];

	(void)state;
	log_debug("hidden");
	assert_false(log_verbose());
	log_start(true);
	assert_true(log_verbose());
	log_debug("shown");
	assert_string_equal(line_read(line), "debug: shown\n");
}

static void bytes_of_a_client_cannot_forge_a_line(void **state)
{
	char line[LINE_MAX_BYTES];

	(void)state;
	log_info("%s", "a\nerror: b\r\x1b[2J\x7f");
	assert_string_equal(line_read(line), "info: a\\x0aerror: b\\x0d\\x1b[2J\\x7f\n");
}

/* Fills the pipe, and takes all that is in it. */
static void pipe_fill(void)
{
	int flags = fcntl(pipe_ends[1], F_GETFL);

	fcntl(pipe_ends[1], F_SETFL, flags | O_NONBLOCK);
	while (write(pipe_ends[1], "x", 1) == 1)
		continue;
	fcntl(pipe_ends[1], F_SETFL, flags);
}

static void pipe_drain(void)
{
	int flags = fcntl(pipe_ends[0], F_GETFL);
	char bytes[LINE_MAX_BYTES];

	fcntl(pipe_ends[0], F_SETFL, flags | O_NONBLOCK);
	while (read(pipe_ends[0], bytes, sizeof(bytes)) > 0)
		continue;
	fcntl(pipe_ends[0], F_SETFL, flags);
}

static void nobody_waits_for_a_reader_who_does_not_read(void **state)
{
	char line[LINE_MAX_BYTES];

	(void)state;
	pipe_fill();
	alarm(30); /* a line that blocks ends the test */
	for (int i = 0; i < 3; i++)
		log_info("lost");
	alarm(0);
	pipe_drain();
	log_info("shown");
	assert_non_null(strstr(line_read(line),
			       "warning: 3 lines of the log were lost: it took no more\n"));
	assert_non_null(strstr(line, "info: shown\n"));
	log_info("again");
	assert_string_equal(line_read(line), "info: again\n");
}

static void what_happens_often_has_few_lines(void **state)
{
	struct log_limit limit = { .burst = 2 };

	(void)state;
	assert_int_equal(log_limit_pass(&limit), 1);
	assert_int_equal(log_limit_pass(&limit), 1);
	for (int i = 0; i < 5; i++)
		assert_int_equal(log_limit_pass(&limit), 0);
	limit.until_s = 0; /* the minute is over */
	assert_int_equal(log_limit_pass(&limit), 6);
	assert_int_equal(log_limit_pass(&limit), 1);
	assert_int_equal(log_limit_pass(&limit), 0);
}

static void a_backslash_is_not_mistaken_for_an_escape(void **state)
{
	char line[LINE_MAX_BYTES];

	(void)state;
	log_info("%s", "a\\x0a");
	assert_string_equal(line_read(line), "info: a\\x5cx0a\n");
}

static void utf8_passes_and_what_is_not_is_escaped(void **state)
{
	char line[LINE_MAX_BYTES];

	(void)state;
	log_info("%s", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x8c\x8a");
	assert_string_equal(line_read(line), "info: \xc3\xa4\xe2\x82\xac\xf0\x9f\x8c\x8a\n");
	/* Latin-1, a C1 control, an overlong slash, a surrogate, beyond U+10FFFF, cut short. */
	log_info("%s", "\xe4 \xc2\x9b \xc0\xaf \xed\xa0\x80 \xf4\x90\x80\x80 \xe2\x82");
	assert_string_equal(line_read(line), "info: \\xe4 \\xc2\\x9b \\xc0\\xaf \\xed\\xa0\\x80 "
					     "\\xf4\\x90\\x80\\x80 \\xe2\\x82\n");
}

static void a_long_line_is_cut_at_1000_bytes(void **state)
{
	char text[3000];
	char line[LINE_MAX_BYTES];
	const char *got;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	log_info("%s", text);
	got = line_read(line) + strlen("info: ");
	assert_in_range(strlen(got), 990, 1001);
	assert_int_equal(got[strlen(got) - 1], '\n');

	memset(text, '\n', sizeof(text) - 1);
	log_info("%s", text);
	got = line_read(line) + strlen("info: ");
	assert_in_range(strlen(got), 990, 1001);
}

#define LOG_TEST(name) cmocka_unit_test_setup_teardown(name, stderr_to_pipe, stderr_back)

int main(void)
{
	const struct CMUnitTest tests[] = {
		LOG_TEST(a_line_names_its_time_and_level),
		LOG_TEST(the_journal_gets_a_level_in_front),
		LOG_TEST(a_journal_that_is_not_our_stderr_gets_no_level),
		LOG_TEST(debug_lines_appear_only_when_wanted),
		LOG_TEST(bytes_of_a_client_cannot_forge_a_line),
		LOG_TEST(nobody_waits_for_a_reader_who_does_not_read),
		LOG_TEST(what_happens_often_has_few_lines),
		LOG_TEST(a_backslash_is_not_mistaken_for_an_escape),
		LOG_TEST(utf8_passes_and_what_is_not_is_escaped),
		LOG_TEST(a_long_line_is_cut_at_1000_bytes),
	};

	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
