#include "client/diagram.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Shorter names, so that a table reads like its figure. */
enum {
	B = DIAGRAM_B,
	W1 = DIAGRAM_W1,
	N2 = DIAGRAM_NEXT_2,
	W2 = DIAGRAM_W2,
	N3 = DIAGRAM_NEXT_3,
	W3 = DIAGRAM_W3,
	S = DIAGRAM_S,
	F = DIAGRAM_F,
	E = DIAGRAM_E,
};

/* A figure of RFC 959 section 6: where the digits 1 to 5 lead from each of its states. Each other
 * digit leads to E, and so does each reply where the figure has no arrow. */
struct figure {
	int next[DIAGRAM_STATE_COUNT][5];
};

static void assert_figure(enum ftp_diagram diagram, const struct figure *figure)
{
	for (int state = 0; state < DIAGRAM_STATE_COUNT; state++)
		for (int digit = 0; digit <= 9; digit++)
			assert_int_equal(diagram_next(diagram, (enum diagram_state)state, digit),
					 digit >= 1 && digit <= 5 ? figure->next[state][digit - 1]
								  : E);
}

static void group_1_allows_one_reply_of_2_4_or_5(void **state)
{
	static const struct figure figure = { {
		[B] = { E, E, E, E, E },
		[W1] = { E, S, E, F, F },
		[N2] = { E, E, E, E, E },
		[W2] = { E, E, E, E, E },
		[N3] = { E, E, E, E, E },
		[W3] = { E, E, E, E, E },
		[S] = { E, E, E, E, E },
		[F] = { E, E, E, E, E },
		[E] = { E, E, E, E, E },
	} };

	(void)state;
	assert_figure(DIAGRAM_GROUP_1, &figure);
}

static void group_2_waits_on_after_1yz(void **state)
{
	static const struct figure figure = { {
		[B] = { E, E, E, E, E },
		[W1] = { W1, S, E, F, F },
		[N2] = { E, E, E, E, E },
		[W2] = { E, E, E, E, E },
		[N3] = { E, E, E, E, E },
		[W3] = { E, E, E, E, E },
		[S] = { E, E, E, E, E },
		[F] = { E, E, E, E, E },
		[E] = { E, E, E, E, E },
	} };

	(void)state;
	assert_figure(DIAGRAM_GROUP_2, &figure);
}

static void rename_needs_3yz_between_its_commands(void **state)
{
	static const struct figure figure = { {
		[B] = { E, E, E, E, E },
		[W1] = { E, E, N2, F, F },
		[N2] = { E, E, E, E, E },
		[W2] = { E, S, E, F, F },
		[N3] = { E, E, E, E, E },
		[W3] = { E, E, E, E, E },
		[S] = { E, E, E, E, E },
		[F] = { E, E, E, E, E },
		[E] = { E, E, E, E, E },
	} };

	(void)state;
	assert_figure(DIAGRAM_RENAME, &figure);
}

static void restart_needs_3yz_and_allows_1yz_after_its_second_command(void **state)
{
	static const struct figure figure = { {
		[B] = { E, E, E, E, E },
		[W1] = { E, E, N2, F, F },
		[N2] = { E, E, E, E, E },
		[W2] = { W2, S, E, F, F },
		[N3] = { E, E, E, E, E },
		[W3] = { E, E, E, E, E },
		[S] = { E, E, E, E, E },
		[F] = { E, E, E, E, E },
		[E] = { E, E, E, E, E },
	} };

	(void)state;
	assert_figure(DIAGRAM_RESTART, &figure);
}

static void login_succeeds_after_each_of_its_commands(void **state)
{
	static const struct figure figure = { {
		[B] = { E, E, E, E, E },
		[W1] = { E, S, N2, F, F },
		[N2] = { E, E, E, E, E },
		[W2] = { E, S, N3, F, F },
		[N3] = { E, E, E, E, E },
		[W3] = { E, S, E, F, F },
		[S] = { E, E, E, E, E },
		[F] = { E, E, E, E, E },
		[E] = { E, E, E, E, E },
	} };

	(void)state;
	assert_figure(DIAGRAM_LOGIN, &figure);
}

static void a_command_leads_to_a_wait(void **state)
{
	(void)state;
	assert_int_equal(diagram_send(DIAGRAM_B), W1);
	assert_int_equal(diagram_send(DIAGRAM_NEXT_2), W2);
	assert_int_equal(diagram_send(DIAGRAM_NEXT_3), W3);
}

static void success_failure_and_error_are_the_end(void **state)
{
	(void)state;
	for (int i = 0; i < DIAGRAM_STATE_COUNT; i++)
		assert_int_equal(diagram_is_over((enum diagram_state)i),
				 i == S || i == F || i == E);
}

/* The lists below the figures of RFC 959 section 6, then commands of later RFCs. */
static void every_command_has_its_diagram(void **state)
{
	static const struct {
		enum ftp_diagram diagram;
		const char *verbs[40];
	} lists[] = {
		{ DIAGRAM_GROUP_1,
		  { "ABOR", "ALLO", "DELE", "CWD",  "CDUP", "SMNT", "HELP", "MODE", "NOOP",
		    "PASV", "QUIT", "SITE", "PORT", "SYST", "STAT", "RMD",  "MKD",  "PWD",
		    "STRU", "TYPE", "FEAT", "OPTS", "SIZE", "MDTM", "MLST", "EPSV", "EPRT",
		    "HASH", "MFMT", "LANG", "HOST", "AUTH", "PBSZ", "PROT", "",	    "XYZZY" } },
		{ DIAGRAM_GROUP_2,
		  { "APPE", "LIST", "NLST", "REIN", "RETR", "STOR", "STOU", "MLSD" } },
		{ DIAGRAM_RENAME, { "RNFR", "RNTO" } },
		{ DIAGRAM_RESTART, { "REST", "RANG" } },
		{ DIAGRAM_LOGIN, { "USER", "PASS", "ACCT" } },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(lists); i++)
		for (size_t j = 0; lists[i].verbs[j]; j++)
			assert_int_equal(diagram_of(lists[i].verbs[j]), lists[i].diagram);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(group_1_allows_one_reply_of_2_4_or_5),
		cmocka_unit_test(group_2_waits_on_after_1yz),
		cmocka_unit_test(rename_needs_3yz_between_its_commands),
		cmocka_unit_test(restart_needs_3yz_and_allows_1yz_after_its_second_command),
		cmocka_unit_test(login_succeeds_after_each_of_its_commands),
		cmocka_unit_test(a_command_leads_to_a_wait),
		cmocka_unit_test(success_failure_and_error_are_the_end),
		cmocka_unit_test(every_command_has_its_diagram),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
