#include "auth/users.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

/* The first vector of the SHA-crypt specification, for "Hello world!"; OpenSSL computes the same. */
#define SHA512                                                                                    \
	"$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdF" \
	"CoEOfaS35inz1"
/* Of the right form and length; of no known password. */
#define BCRYPT "$2b$05$abcdefghijklmnopqrstuuZ7Of0lRXyRbTSQPKKcSFrpPFlGIqWvu"
/* yescrypt of "wonderful", made by libxcrypt's Python binding. */
#define YESCRYPT "$y$j9T$sluicesaltsluicesalt$IoUNYMa2BxV1MOI9dATLpHg9fkagKItF.h9Ni.ekWX5"

static char error[500];
static char path[] = "/tmp/sluice-users-XXXXXX";

static int file_make(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	return fd < 0 ? -1 : close(fd);
}

static int file_remove(void **state)
{
	(void)state;
	return unlink(path);
}

static void file_write(const char *bytes, size_t length)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);

	assert_int_equal(write(fd, bytes, length), length);
	close(fd);
}

static int load(const char *text, struct users **ret_users)
{
	file_write(text, strlen(text));
	error[0] = '\0';
	return users_load(path, ret_users, error, sizeof(error));
}

static struct users *loaded(const char *text)
{
	struct users *users;

	assert_int_equal(load(text, &users), 0);
	return users;
}

/* Expects an error whose line begins with the file, then what. */
static void refused(const char *text, const char *what)
{
	struct users *users = NULL;

	assert_int_equal(load(text, &users), -EINVAL);
	assert_null(users);
	assert_memory_equal(error, path, strlen(path));
	assert_non_null(strstr(error, what));
	assert_null(strchr(error, '\n'));
}

static void a_sha512_hash_admits_its_password_alone(void **state)
{
	struct users *users = loaded("ann:" SHA512 ":/tmp\n");
	const struct user *user = users_check(users, "ann", "Hello world!");

	(void)state;
	assert_non_null(user);
	assert_string_equal(user->name, "ann");
	assert_string_equal(user->folder, "/tmp");
	assert_null(users_check(users, "ann", "hello world!"));
	assert_null(users_check(users, "ann", "Hello world! "));
	assert_null(users_check(users, "ann", ""));
	assert_null(users_check(users, "ann", SHA512));
	users_free(users);
}

static void a_yescrypt_hash_admits_its_password_alone(void **state)
{
	struct users *users = loaded("bob:" YESCRYPT ":/tmp");

	(void)state;
	assert_non_null(users_check(users, "bob", "wonderful"));
	assert_null(users_check(users, "bob", "wonderfuL"));
	users_free(users);
}

static void each_user_has_a_password_of_his_own(void **state)
{
	struct users *users = loaded("zoe:" YESCRYPT ":/\nann:" SHA512 ":/tmp\n");

	(void)state;
	assert_non_null(users_check(users, "zoe", "wonderful"));
	assert_non_null(users_check(users, "ann", "Hello world!"));
	assert_null(users_check(users, "ann", "wonderful"));
	assert_null(users_check(users, "Ann", "Hello world!"));
	assert_null(users_check(users, "", "wonderful"));
	assert_null(users_check(users, "max", "wonderful"));
	users_free(users);
}

static void the_folder_of_a_user_is_open(void **state)
{
	struct users *users = loaded("ann:" SHA512 ":/tmp\n");
	const struct user *user = users_check(users, "ann", "Hello world!");
	struct stat by_fd;
	struct stat by_name;

	(void)state;
	assert_int_equal(fstat(user->folder_fd, &by_fd), 0);
	assert_int_equal(stat("/tmp", &by_name), 0);
	assert_int_equal(by_fd.st_ino, by_name.st_ino);
	assert_int_equal(fcntl(user->folder_fd, F_GETFD), FD_CLOEXEC);
	users_free(users);
}

static void empty_lines_and_comments_are_skipped(void **state)
{
	struct users *users = loaded("\n# ann:nothing\n\nann:" SHA512 ":/tmp\n\n#");

	(void)state;
	assert_non_null(users_check(users, "ann", "Hello world!"));
	users_free(users);
}

static void an_empty_file_has_no_user(void **state)
{
	struct users *users = loaded("");

	(void)state;
	assert_null(users_check(users, "ann", ""));
	users_free(users);
}

static void a_folder_may_hold_colons_and_spaces(void **state)
{
	char folder[] = "/tmp/sluice a:b-XXXXXX";
	char line[300];
	struct users *users;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(line, sizeof(line), "ann:%s:%s\n", SHA512, folder);
	users = loaded(line);
	assert_string_equal(users_check(users, "ann", "Hello world!")->folder, folder);
	users_free(users);
	rmdir(folder);
}

static void an_account_stands_behind_the_folder(void **state)
{
	struct users *users = loaded("ann:" SHA512 ":/tmp:staff\nbob:" SHA512 ":/tmp\n");
	const struct user *ann = users_check(users, "ann", "Hello world!");

	(void)state;
	assert_string_equal(ann->folder, "/tmp");
	assert_string_equal(ann->account, "staff");
	assert_true(users_check_account(ann, view_of("staff")));
	assert_false(users_check_account(ann, view_of("staf")));
	assert_false(users_check_account(ann, view_of("staffs")));
	assert_false(users_check_account(ann, view_of("")));
	assert_false(users_check_account(ann, (struct view){ "staff\0x", 7 }));
	assert_null(users_check(users, "bob", "Hello world!")->account);
	users_free(users);
	refused("ann:" SHA512 ":/no/such/place:staff\n", ":1: user ann: folder /no/such/place");
	refused("ann:" SHA512 ":/tmp:\n", ":1: user ann: folder /tmp:");
}

static void wrong_lines_are_named_by_number(void **state)
{
	(void)state;
	refused("ann\n", ":1: expected name:hash:folder");
	refused("\n#\nann:" SHA512 "\n", ":3: expected name:hash:folder");
	refused("ann:" SHA512 ":\n", ":1: expected name:hash:folder");
	refused(":" SHA512 ":/tmp\n", ":1: expected name:hash:folder");
	refused(" \n", ":1: expected name:hash:folder");
	refused("a:" SHA512 ":/tmp\nann:" SHA512 ":/no/such/place\n",
		":2: user ann: folder /no/such/place");
	refused("ann:" SHA512 ":/dev/null\n", ":1: user ann: folder /dev/null");
	refused("ann:" SHA512 ":/tmp\nbob:" SHA512 ":/\nann:" YESCRYPT ":/\n",
		":3: user ann is on line 1");
}

static void what_is_no_whole_hash_is_refused(void **state)
{
	(void)state;
	refused("ann:secret:/tmp\n", ":1: user ann: expected a crypt(3) hash");
	refused("ann::/tmp\n", "expected a crypt(3) hash");
	refused("ann:*:/tmp\n", "expected a crypt(3) hash");
	refused("ann:!" SHA512 ":/tmp\n", "expected a crypt(3) hash");
	refused("ann:$6$saltstring:/tmp\n", "expected a crypt(3) hash");
	refused("ann:$6$saltstring$short:/tmp\n", "expected a crypt(3) hash");
	refused("ann:$unknown$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjlO:/tmp\n",
		"expected a crypt(3) hash");
}

/* A hash of full length, but for its last characters: nobody's password is any more. */
static void a_hash_that_was_cut_is_refused(void **state)
{
	static const char *const hashes[] = { SHA512, YESCRYPT, SHA512 "x", BCRYPT, BCRYPT "x" };
	char line[400];

	(void)state;
	for (size_t i = 0; i < sizeof(hashes) / sizeof(hashes[0]); i++) {
		size_t last = strlen(hashes[i]);

		if (hashes[i][last - 1] != 'x')
			last--;
		snprintf(line, sizeof(line), "ann:%.*s:/tmp\n", (int)last, hashes[i]);
		refused(line, ":1: user ann: expected a crypt(3) hash");
	}
	users_free(loaded("ann:" BCRYPT ":/tmp\n"));
}

static void a_name_that_cannot_log_in_is_refused(void **state)
{
	char line[400];

	(void)state;
	snprintf(line, sizeof(line), "%064d:" SHA512 ":/tmp\n", 7);
	refused(line, ":1: expected a name of at most 63 bytes");
	snprintf(line, sizeof(line), "%063d:" SHA512 ":/tmp\n", 7);
	users_free(loaded(line));
}

static void lines_may_end_with_cr_lf(void **state)
{
	struct users *users =
		loaded("# a file of another system\r\n\r\nann:" SHA512 ":/tmp:acct\r\n");
	const struct user *user = users_check(users, "ann", "Hello world!");

	(void)state;
	assert_non_null(user);
	assert_string_equal(user->folder, "/tmp");
	assert_string_equal(user->account, "acct");
	users_free(users);
}

static void a_nul_byte_is_refused(void **state)
{
	static const char text[] = "ann:" SHA512 ":/tmp\0\n";
	struct users *users;

	(void)state;
	file_write(text, sizeof(text) - 1);
	assert_int_equal(users_load(path, &users, error, sizeof(error)), -EINVAL);
	assert_non_null(strstr(error, ":1: a NUL byte"));
}

static void a_file_that_cannot_be_read_is_named(void **state)
{
	struct users *users;

	(void)state;
	assert_int_equal(users_load("/no/such/place", &users, error, sizeof(error)), -ENOENT);
	assert_non_null(strstr(error, "/no/such/place"));
	assert_int_equal(users_load("/tmp", &users, error, sizeof(error)), -EISDIR);
}

static void a_file_over_1_mib_is_refused(void **state)
{
	size_t length = (1 << 20) + 1;
	char *text = malloc(length);
	struct users *users;

	(void)state;
	memset(text, '#', length);
	file_write(text, length - 1);
	assert_int_equal(users_load(path, &users, error, sizeof(error)), 0);
	users_free(users);
	file_write(text, length);
	assert_int_equal(users_load(path, &users, error, sizeof(error)), -EFBIG);
	free(text);
}

static double seconds_of_check(const struct users *users, const char *name)
{
	struct timespec start;
	struct timespec end;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &start);
	for (int i = 0; i < 5; i++)
		assert_null(users_check(users, name, "wrong"));
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
	return (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) * 1e-9;
}

static void an_unknown_name_costs_as_much_as_a_wrong_password(void **state)
{
	struct users *users = loaded("ann:" SHA512 ":/tmp\n");
	double known = seconds_of_check(users, "ann");
	double unknown = seconds_of_check(users, "max");

	(void)state;
	/* Without a hash computed for it, the ratio would be below a thousandth. */
	assert_true(unknown > known / 4);
	users_free(users);
}

static void freeing_nothing_is_harmless(void **state)
{
	(void)state;
	users_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sha512_hash_admits_its_password_alone),
		cmocka_unit_test(a_yescrypt_hash_admits_its_password_alone),
		cmocka_unit_test(each_user_has_a_password_of_his_own),
		cmocka_unit_test(the_folder_of_a_user_is_open),
		cmocka_unit_test(empty_lines_and_comments_are_skipped),
		cmocka_unit_test(an_empty_file_has_no_user),
		cmocka_unit_test(a_folder_may_hold_colons_and_spaces),
		cmocka_unit_test(an_account_stands_behind_the_folder),
		cmocka_unit_test(wrong_lines_are_named_by_number),
		cmocka_unit_test(what_is_no_whole_hash_is_refused),
		cmocka_unit_test(a_hash_that_was_cut_is_refused),
		cmocka_unit_test(a_name_that_cannot_log_in_is_refused),
		cmocka_unit_test(lines_may_end_with_cr_lf),
		cmocka_unit_test(a_nul_byte_is_refused),
		cmocka_unit_test(a_file_that_cannot_be_read_is_named),
		cmocka_unit_test(a_file_over_1_mib_is_refused),
		cmocka_unit_test(an_unknown_name_costs_as_much_as_a_wrong_password),
		cmocka_unit_test(freeing_nothing_is_harmless),
	};

	return cmocka_run_group_tests_name("users", tests, file_make, file_remove);
}
