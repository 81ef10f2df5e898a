/*
 * The state diagrams of RFC 959 section 6 as tables: which reply may follow which command. Only
 * the first digit of a reply counts.
 *
 *   B   begin                             S   success
 *   W   wait for the reply                F   failure: the server refused
 *   the unnamed boxes: what was sent      E   error: a reply that the diagram does not allow
 *   is half of it, the next command
 *   of the sequence follows
 *
 * Login, the largest one:
 *
 *          USER           PASS            ACCT
 *      B --------> W1 -3-> NEXT_2 ---> W2 -3-> NEXT_3 ---> W3
 *
 * A diagram with a 1yz stays where it waits: RFC 959 allows one, besides any number of 110 (restart
 * markers) after it. A digit other than 1 to 5 and a reply for which nobody waits are an E.
 *
 * Pure; a state is a value.
 */
#ifndef CLIENT_DIAGRAM_H
#define CLIENT_DIAGRAM_H

enum ftp_diagram {
	DIAGRAM_GROUP_1, /* one command, one reply */
	DIAGRAM_GROUP_2, /* one command, 1yz, one reply; also what a server says when connected to */
	DIAGRAM_RENAME,	 /* RNFR, RNTO */
	DIAGRAM_RESTART, /* REST, and the transfer after it */
	DIAGRAM_LOGIN,	 /* USER, PASS, ACCT */
};
#define DIAGRAM_COUNT 5

enum diagram_state {
	DIAGRAM_B,
	DIAGRAM_W1,
	DIAGRAM_NEXT_2, /* the unnamed box: the second command is to be sent */
	DIAGRAM_W2,
	DIAGRAM_NEXT_3,
	DIAGRAM_W3,
	DIAGRAM_S,
	DIAGRAM_F,
	DIAGRAM_E,
};
#define DIAGRAM_STATE_COUNT 9

/* The diagram in which verb (upper case) is sent. RETR, STOR and APPE are GROUP_2 unless the REST
 * before them has begun RESTART. Commands of later RFCs are where their replies put them, and
 * those that nobody knows are GROUP_1, like SITE. */
enum ftp_diagram diagram_of(const char *verb);

/* The state once the next command has been sent: W1 from B, W2 from NEXT_2, W3 from NEXT_3. No
 * command may be sent in another state. */
enum diagram_state diagram_send(enum diagram_state state);

/* The state after a reply that begins with digit (0 to 9). */
enum diagram_state diagram_next(enum ftp_diagram diagram, enum diagram_state state, int digit);

/* Whether the state is S, F or E. */
static inline int diagram_is_over(enum diagram_state state)
{
	return state >= DIAGRAM_S;
}

#endif
