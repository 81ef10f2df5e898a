#include "config/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define ARGUMENTS_MAX 100

static char error[500];

/* Reads "sluiced" and the given words, up to NULL. */
static enum config_result parse(struct config *config, ...)
{
	char *argv[ARGUMENTS_MAX] = { (char *)"sluiced" };
	va_list words;
	int argc = 1;

	va_start(words, config);
	while ((argv[argc] = va_arg(words, char *)) != NULL)
		argc++;
	va_end(words);
	error[0] = '\0';
	return config_parse(argc, argv, config, error, sizeof(error));
}

static void a_folder_alone_is_enough(void **state)
{
	struct config config;

	(void)state;
	assert_int_equal(parse(&config, "/srv", NULL), CONFIG_RUN);
	assert_string_equal(config.root, "/srv");
	assert_int_equal(config.listeners_count, 0);
	assert_int_equal(config.passive_low, 32000);
	assert_int_equal(config.passive_high, 32255);
	assert_in_range(config.workers, 1, WORKERS_LIMIT);
	assert_true(config.anonymous);
	assert_false(config.anonymous_write);
	assert_false(config.uploads_atomic);
	assert_false(config.foreign_data);
	assert_null(config.users_path);
	assert_null(config.user);
	assert_int_equal(config.idle_timeout_s, 300);
	assert_int_equal(config.login_timeout_s, 60);
	assert_int_equal(config.data_timeout_s, 120);
	assert_int_equal(config.sessions_max, 10000);
	assert_int_equal(config.sessions_per_address_max, 1000);
	assert_int_equal(config.ring, RING_AUTO);
	assert_false(config.verbose);
}

static void hosts_have_names_and_perhaps_folders(void **state)
{
	struct config config;

	(void)state;
	assert_int_equal(parse(&config, "/srv", "--host", "a.example.org", "--host=b=/srv/b=c",
			       NULL),
			 CONFIG_RUN);
	assert_int_equal(config.hosts_count, 2);
	assert_true(view_is(config.hosts[0].name, "a.example.org"));
	assert_null(config.hosts[0].folder);
	assert_true(view_is(config.hosts[1].name, "b"));
	assert_string_equal(config.hosts[1].folder, "/srv/b=c");
	assert_int_equal(parse(&config, "/srv", "--host", "a.b", "--host", "A.B=/x", NULL),
			 CONFIG_WRONG);
	assert_non_null(strstr(error, "given already"));
}

static void more_hosts_than_there_is_room_for_are_an_error(void **state)
{
	static char names[HOSTS_MAX + 1][16];
	char *argv[2 * HOSTS_MAX + 5] = { (char *)"sluiced", (char *)"/srv" };
	struct config config;
	int argc = 2;

	(void)state;
	for (int i = 0; i <= HOSTS_MAX; i++) {
		snprintf(names[i], sizeof(names[i]), "host%d", i);
		argv[argc++] = (char *)"--host";
		argv[argc++] = names[i];
	}
	assert_int_equal(config_parse(argc, argv, &config, error, sizeof(error)), CONFIG_WRONG);
	assert_non_null(strstr(error, "at most 64 names"));
	argv[argc - 2] = NULL;
	assert_int_equal(config_parse(argc - 2, argv, &config, error, sizeof(error)), CONFIG_RUN);
	assert_int_equal(config.hosts_count, HOSTS_MAX);
}

static void aliases_have_names_and_paths(void **state)
{
	struct config config;

	(void)state;
	assert_int_equal(parse(&config, "/srv", "--alias", "pub=/a/b=c d", "--alias=\xc3\xa4=/",
			       NULL),
			 CONFIG_RUN);
	assert_int_equal(config.aliases_count, 2);
	assert_string_equal(config_alias_find(&config, view_of("pub")), "/a/b=c d");
	assert_string_equal(config_alias_find(&config, view_of("\xc3\xa4")), "/");
	assert_null(config_alias_find(&config, view_of("pu")));
	assert_null(config_alias_find(&config, view_of("Pub")));
	assert_int_equal(parse(&config, "/srv", "--alias", "a=/b", "--alias", "a=/c", NULL),
			 CONFIG_WRONG);
	assert_non_null(strstr(error, "given already"));
}

static void more_aliases_than_there_is_room_for_are_an_error(void **state)
{
	static char names[ALIASES_MAX + 1][32];
	char *argv[ALIASES_MAX + 4] = { (char *)"sluiced", (char *)"/srv" };
	struct config config;
	int argc = 2;

	(void)state;
	for (int i = 0; i <= ALIASES_MAX; i++) {
		snprintf(names[i], sizeof(names[i]), "--alias=name%d=/", i);
		argv[argc++] = names[i];
	}
	assert_int_equal(config_parse(argc, argv, &config, error, sizeof(error)), CONFIG_WRONG);
	assert_non_null(strstr(error, "at most 64 names"));
	argv[argc - 1] = NULL;
	assert_int_equal(config_parse(argc - 1, argv, &config, error, sizeof(error)), CONFIG_RUN);
	assert_int_equal(config.aliases_count, ALIASES_MAX);
}

static void every_option_reaches_its_field(void **state)
{
	struct config config;

	(void)state;
	assert_int_equal(parse(&config, "--root", "/srv", "--listen", "127.0.0.1:2121",
			       "--listen=[::1]:2122", "--passive-ports", "4000-4015", "--workers",
			       "3", "--anonymous-write", "--users", "/etc/users", "--user", "ftp",
			       "--uploads=atomic", "--idle-timeout=1", "--login-timeout=2",
			       "--data-timeout=3", "--max-sessions=4",
			       "--max-sessions-per-address=5", "--fxp=on", "--ring=epoll",
			       "--listing-cache=3M", "--transfer-memory=64M", "--verbose", NULL),
			 CONFIG_RUN);
	assert_string_equal(config.root, "/srv");
	assert_int_equal(config.listeners_count, 2);
	assert_int_equal(address_port(&config.listeners[0]), 2121);
	assert_int_equal(address_port(&config.listeners[1]), 2122);
	assert_int_equal(config.passive_low, 4000);
	assert_int_equal(config.passive_high, 4015);
	assert_int_equal(config.workers, 3);
	assert_true(config.anonymous_write);
	assert_string_equal(config.users_path, "/etc/users");
	assert_string_equal(config.user, "ftp");
	assert_true(config.uploads_atomic);
	assert_int_equal(config.idle_timeout_s, 1);
	assert_int_equal(config.login_timeout_s, 2);
	assert_int_equal(config.data_timeout_s, 3);
	assert_int_equal(config.sessions_max, 4);
	assert_int_equal(config.sessions_per_address_max, 5);
	assert_true(config.foreign_data);
	assert_int_equal(config.ring, RING_EPOLL);
	assert_int_equal(config.listing_cache_bytes, 3145728);
	assert_int_equal(config.transfer_memory_bytes, 67108864);
	assert_true(config.verbose);
}

static void words_have_more_than_one_value(void **state)
{
	struct config config;

	(void)state;
	assert_int_equal(parse(&config, "--ring", "uring", "--fxp", "off", "--uploads", "in-place",
			       "--users", "u", "--no-anonymous", "/srv", NULL),
			 CONFIG_RUN);
	assert_int_equal(config.ring, RING_URING);
	assert_false(config.foreign_data);
	assert_false(config.uploads_atomic);
	assert_false(config.anonymous);
}

static void bytes_have_units(void **state)
{
	static const struct {
		const char *text;
		size_t bytes;
	} known[] = {
		{ "off", 0 },	     { "1048576", 1048576 },	 { "1024K", 1048576 },
		{ "48M", 50331648 }, { "1024G", 1099511627776 },
	};
	struct config config;

	(void)state;
	assert_int_equal(parse(&config, "/srv", NULL), CONFIG_RUN);
	assert_int_equal(config.listing_cache_bytes, LISTING_CACHE_BYTES);
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		assert_int_equal(parse(&config, "--listing-cache", known[i].text, "/srv", NULL),
				 CONFIG_RUN);
		assert_int_equal(config.listing_cache_bytes, known[i].bytes);
	}
	assert_int_equal(config.transfer_memory_bytes, 0);
	assert_int_equal(parse(&config, "--transfer-memory=4M", "--transfer-memory=auto", "/srv",
			       NULL),
			 CONFIG_RUN);
	assert_int_equal(config.transfer_memory_bytes, 0);
}

static void bounds_belong_to_the_range(void **state)
{
	struct config config;

	(void)state;
	assert_int_equal(parse(&config, "--workers", "64", "--max-sessions", "1000000",
			       "--passive-ports", "65535-65535", "/", NULL),
			 CONFIG_RUN);
	assert_int_equal(config.workers, 64);
	assert_int_equal(config.sessions_max, 1000000);
	assert_int_equal(config.passive_low, 65535);
	assert_int_equal(parse(&config, "--passive-ports=1-1024", "/", NULL), CONFIG_RUN);
}

static void wrong_values_are_one_line_that_says_what_would_be_right(void **state)
{
	static const char *const wrong[][3] = {
		/* option, value, what the line must say */
		{ "--workers", "0", "from 1 to 64" },
		{ "--workers", "65", "from 1 to 64" },
		{ "--workers", "-1", "from 1 to 64" },
		{ "--workers", "+1", "from 1 to 64" },
		{ "--workers", "2x", "from 1 to 64" },
		{ "--workers", "", "from 1 to 64" },
		{ "--workers", "18446744073709551617", "from 1 to 64" },
		{ "--max-sessions", "1000001", "from 1 to 1000000" },
		{ "--idle-timeout", "0", "from 1 to" },
		{ "--login-timeout", "1.5", "from 1 to" },
		{ "--data-timeout", "1s", "from 1 to" },
		{ "--max-sessions-per-address", "0", "from 1 to" },
		{ "--listing-cache", "0", "off, or from 1M to 1024G" },
		{ "--listing-cache", "on", "off, or from" },
		{ "--listing-cache", "M", "off, or from" },
		{ "--listing-cache", "1023K", "off, or from" },
		{ "--listing-cache", "1025G", "off, or from" },
		{ "--listing-cache", "64MB", "off, or from" },
		{ "--listing-cache", "4294967296G", "off, or from" },
		{ "--transfer-memory", "4095K", "auto, or from 4M to 1024G" },
		{ "--transfer-memory", "off", "auto, or from" },
		{ "--listen", "2121", "ADDRESS:PORT" },
		{ "--alias", "", "NAME=PATH" },
		{ "--alias", "pub", "NAME=PATH" },
		{ "--alias", "pub=", "NAME=PATH" },
		{ "--alias", "pub=folder", "NAME=PATH" },
		{ "--alias", "=/folder", "NAME=PATH" },
		{ "--alias", "..=/folder", "NAME=PATH" },
		{ "--alias", "a/b=/folder", "NAME=PATH" },
		{ "--alias", "a b=/folder", "NAME=PATH" },
		{ "--alias",
		  "12345678901234567890123456789012345678901234567890123456789012345=/folder",
		  "NAME=PATH" },
		{ "--host", "", "NAME=DIR" },
		{ "--host", "=/srv", "NAME=DIR" },
		{ "--host", "a.example=", "NAME=DIR" },
		{ "--host", "127.0.0.1=/srv", "NAME=DIR" },
		{ "--host", "a.example:21=/srv", "NAME=DIR" },
		{ "--listen", "127.0.0.1", "ADDRESS:PORT" },
		{ "--listen", "127.0.0.1:0", "ADDRESS:PORT" },
		{ "--listen", "127.0.0.1:32100", "--passive-ports 32000-32255" },
		{ "--passive-ports", "50000", "LOW-HIGH" },
		{ "--passive-ports", "5-4", "LOW-HIGH" },
		{ "--passive-ports", "0-4", "LOW-HIGH" },
		{ "--passive-ports", "5-", "LOW-HIGH" },
		{ "--passive-ports", "-5", "LOW-HIGH" },
		{ "--passive-ports", "5-6-7", "LOW-HIGH" },
		{ "--passive-ports", "65535-65536", "LOW-HIGH" },
		{ "--passive-ports", "1-1025", "1024 ports" },
		{ "--fxp", "yes", "off|on" },
		{ "--fxp", "", "off|on" },
		{ "--fxp", "off|on", "off|on" },
		{ "--uploads", "atom", "in-place|atomic" },
		{ "--ring", "io_uring", "auto|uring|epoll" },
		{ "--users", "", "FILE" },
		{ "--user", "", "NAME" },
		{ "--root", "", "DIR" },
		{ "--root", "/elsewhere", "already" },
	};
	struct config config;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(parse(&config, "/srv", wrong[i][0], wrong[i][1], NULL),
				 CONFIG_WRONG);
		assert_non_null(strstr(error, wrong[i][0]));
		assert_non_null(strstr(error, wrong[i][2]));
		assert_null(strchr(error, '\n'));
	}
}

static void wrong_arguments_name_what_is_wrong(void **state)
{
	struct config config;

	(void)state;
	assert_int_equal(parse(&config, NULL), CONFIG_WRONG);
	assert_non_null(strstr(error, "which folder"));
	assert_int_equal(parse(&config, "/a", "/b", NULL), CONFIG_WRONG);
	assert_non_null(strstr(error, "/b"));
	assert_int_equal(parse(&config, "--root", "/a", "/b", NULL), CONFIG_WRONG);
	assert_int_equal(parse(&config, "--frobnicate", "/a", NULL), CONFIG_WRONG);
	assert_non_null(strstr(error, "--frobnicate"));
	assert_int_equal(parse(&config, "--work", "2", "/a", NULL), CONFIG_WRONG);
	assert_int_equal(parse(&config, "-v", "/a", NULL), CONFIG_WRONG);
	assert_int_equal(parse(&config, "--verbose=1", "/a", NULL), CONFIG_WRONG);
	assert_non_null(strstr(error, "takes no value"));
	assert_int_equal(parse(&config, "/a", "--workers", NULL), CONFIG_WRONG);
	assert_non_null(strstr(error, "--workers"));
	assert_int_equal(parse(&config, "--no-anonymous", "/a", NULL), CONFIG_WRONG);
	assert_non_null(strstr(error, "--users"));
	assert_int_equal(parse(&config, "--no-anonymous", "--anonymous-write", "--users=u", "/a",
			       NULL),
			 CONFIG_WRONG);
}

static void a_wrong_argument_leaves_the_config_untouched(void **state)
{
	struct config config = { .root = "before" };

	(void)state;
	assert_int_equal(parse(&config, "/after", "--workers=x", NULL), CONFIG_WRONG);
	assert_string_equal(config.root, "before");
}

static void one_address_too_many_is_refused(void **state)
{
	char *argv[LISTENERS_MAX + 4] = { (char *)"sluiced", (char *)"/srv" };
	struct config config;
	int argc = 2;

	(void)state;
	while (argc < LISTENERS_MAX + 2)
		argv[argc++] = (char *)"--listen=:21";
	assert_int_equal(config_parse(argc, argv, &config, error, sizeof(error)), CONFIG_RUN);
	argv[argc++] = (char *)"--listen=:21";
	assert_int_equal(config_parse(argc, argv, &config, error, sizeof(error)), CONFIG_WRONG);
	assert_non_null(strstr(error, "at most 32"));
}

static void two_dashes_end_the_options(void **state)
{
	struct config config;

	(void)state;
	assert_int_equal(parse(&config, "--verbose", "--", "--odd", NULL), CONFIG_RUN);
	assert_string_equal(config.root, "--odd");
	assert_int_equal(parse(&config, "--", "-x", "-y", NULL), CONFIG_WRONG);
}

static void help_and_version_need_no_folder(void **state)
{
	struct config config;

	(void)state;
	assert_int_equal(parse(&config, "--help", NULL), CONFIG_HELP);
	assert_int_equal(parse(&config, "--version", "--nonsense", NULL), CONFIG_VERSION);
	assert_int_equal(parse(&config, "--nonsense", "--version", NULL), CONFIG_WRONG);
}

/* Stdout goes to a file while the help is printed. */
static void help_print(char *text, size_t size)
{
	FILE *file = tmpfile();
	int saved = dup(STDOUT_FILENO);
	ssize_t length;

	fflush(stdout);
	dup2(fileno(file), STDOUT_FILENO);
	config_print_help();
	fflush(stdout);
	dup2(saved, STDOUT_FILENO);
	close(saved);
	length = pread(fileno(file), text, size - 1, 0);
	assert_true(length > 0);
	text[length] = '\0';
	fclose(file);
}

static void help_lists_every_option_with_its_default(void **state)
{
	static const char *const wanted[] = {
		"--root DIR",
		"--listen ADDRESS:PORT",
		"--passive-ports LOW-HIGH",
		"32000-32255",
		"--workers N",
		"--anonymous-write",
		"--no-anonymous",
		"--users FILE",
		"--user NAME",
		"--uploads in-place|atomic",
		"--idle-timeout SECONDS",
		"300",
		"--login-timeout",
		"60",
		"--data-timeout",
		"120",
		"--max-sessions N",
		"10000",
		"--max-sessions-per-address",
		"--fxp off|on",
		"--listing-cache BYTES|off",
		"50331648",
		"--transfer-memory BYTES|auto",
		"--ring auto|uring|epoll",
		"--verbose",
		"--version",
		"--help",
	};
	char text[10000];

	(void)state;
	help_print(text, sizeof(text));
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		assert_non_null(strstr(text, wanted[i]));
}

static void an_argument_cannot_make_a_second_line(void **state)
{
	struct config config;

	(void)state;
	assert_int_equal(parse(&config, "--workers", "1\n2\x1b[m", "/srv", NULL), CONFIG_WRONG);
	assert_non_null(strstr(error, "--workers 1\\x0a2\\x1b[m: expected"));
	assert_int_equal(parse(&config, "--ring\r\n", "/srv", NULL), CONFIG_WRONG);
	assert_null(strpbrk(error, "\r\n"));
	assert_int_equal(parse(&config, "/srv\n", "/other\n", NULL), CONFIG_WRONG);
	assert_null(strpbrk(error, "\r\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_argument_cannot_make_a_second_line),
		cmocka_unit_test(a_folder_alone_is_enough),
		cmocka_unit_test(hosts_have_names_and_perhaps_folders),
		cmocka_unit_test(more_hosts_than_there_is_room_for_are_an_error),
		cmocka_unit_test(aliases_have_names_and_paths),
		cmocka_unit_test(more_aliases_than_there_is_room_for_are_an_error),
		cmocka_unit_test(every_option_reaches_its_field),
		cmocka_unit_test(words_have_more_than_one_value),
		cmocka_unit_test(bytes_have_units),
		cmocka_unit_test(bounds_belong_to_the_range),
		cmocka_unit_test(wrong_values_are_one_line_that_says_what_would_be_right),
		cmocka_unit_test(wrong_arguments_name_what_is_wrong),
		cmocka_unit_test(a_wrong_argument_leaves_the_config_untouched),
		cmocka_unit_test(one_address_too_many_is_refused),
		cmocka_unit_test(two_dashes_end_the_options),
		cmocka_unit_test(help_and_version_need_no_folder),
		cmocka_unit_test(help_lists_every_option_with_its_default),
	};

	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
