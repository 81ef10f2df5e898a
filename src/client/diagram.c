#include "client/diagram.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#define WAITS_MAX 3

/* The figures of RFC 959 section 6, for W1, W2 and W3: where 1yz, 2yz, 3yz, 4yz and 5yz lead. N is
 * the unnamed box below, W the state itself. */
static const char figures[DIAGRAM_COUNT][WAITS_MAX][6] = {
	[DIAGRAM_GROUP_1] = { "ESEFF" },
	[DIAGRAM_GROUP_2] = { "WSEFF" },
	[DIAGRAM_RENAME] = { "EENFF", "ESEFF" },
	[DIAGRAM_RESTART] = { "EENFF", "WSEFF" },
	[DIAGRAM_LOGIN] = { "ESNFF", "ESNFF", "ESEFF" },
};

/* What is not here is of group 1: ABOR ALLO AUTH CDUP CWD DELE EPRT EPSV FEAT HASH HELP HOST LANG
 * MDTM MFMT MKD MLST MODE NOOP OPTS PASV PBSZ PORT PROT PWD QUIT RMD SITE SIZE SMNT STAT STRU SYST
 * TYPE. */
static const struct {
	char verb[5];
	enum ftp_diagram diagram;
} verbs[] = {
	{ "APPE", DIAGRAM_GROUP_2 }, { "LIST", DIAGRAM_GROUP_2 }, { "MLSD", DIAGRAM_GROUP_2 },
	{ "NLST", DIAGRAM_GROUP_2 }, { "REIN", DIAGRAM_GROUP_2 }, { "RETR", DIAGRAM_GROUP_2 },
	{ "STOR", DIAGRAM_GROUP_2 }, { "STOU", DIAGRAM_GROUP_2 }, { "RNFR", DIAGRAM_RENAME },
	{ "RNTO", DIAGRAM_RENAME },  { "RANG", DIAGRAM_RESTART }, { "REST", DIAGRAM_RESTART },
	{ "USER", DIAGRAM_LOGIN },   { "PASS", DIAGRAM_LOGIN },	  { "ACCT", DIAGRAM_LOGIN },
};

enum ftp_diagram diagram_of(const char *verb)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(verbs[i].verb, verb) == 0)
			return verbs[i].diagram;
	return DIAGRAM_GROUP_1;
}

enum diagram_state diagram_send(enum diagram_state state)
{
	assert(state == DIAGRAM_B || state == DIAGRAM_NEXT_2 || state == DIAGRAM_NEXT_3);
	return state + 1;
}

/* The line of the figure for a state that waits, or "" for another. */
static const char *figure_line(enum ftp_diagram diagram, enum diagram_state state)
{
	switch (state) {
	case DIAGRAM_W1:
		return figures[diagram][0];
	case DIAGRAM_W2:
		return figures[diagram][1];
	case DIAGRAM_W3:
		return figures[diagram][2];
	default:
		return "";
	}
}

enum diagram_state diagram_next(enum ftp_diagram diagram, enum diagram_state state, int digit)
{
	const char *line = figure_line(diagram, state);

	if (digit < 1 || (size_t)digit > strlen(line))
		return DIAGRAM_E;
	switch (line[digit - 1]) {
	case 'W':
		return state;
	case 'N':
		return state + 1;
	case 'S':
		return DIAGRAM_S;
	case 'F':
		return DIAGRAM_F;
	default:
		return DIAGRAM_E;
	}
}
