#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "client/client_priv.h"

/* What would log in, or set up or move data behind the back of what this session remembers. */
static const char *const refused_verbs[] = {
	"USER", "PASS", "ACCT", "REIN", "QUIT", "ABOR", "TYPE", "MODE", "STRU",
	"PORT", "PASV", "EPRT", "EPSV", "REST", "RETR", "STOR", "STOU", "APPE",
	"LIST", "NLST", "MLSD", "RNFR", "RNTO", "AUTH", "PROT", "CCC",	"PBSZ",
};

/* Puts the verb in upper case where commands are sent from. */
static int command_take_verb(struct sluice_session *session, const char *verb)
{
	size_t length = strlen(verb);

	if (length < 3 || length >= sizeof(session->verb))
		return -EINVAL;
	for (size_t i = 0; i <= length; i++) {
		if (verb[i] && !isalnum((unsigned char)verb[i]))
			return -EINVAL;
		session->verb[i] = (char)toupper((unsigned char)verb[i]);
	}
	for (size_t i = 0; i < sizeof(refused_verbs) / sizeof(refused_verbs[0]); i++)
		if (strcmp(session->verb, refused_verbs[i]) == 0)
			return -EINVAL;
	return 0;
}

static void command_on_reply(struct sluice_session *session, const struct reply *reply)
{
	errand_take_reply(session, reply);
	errand_end(session, 0);
}

static void command_send(struct sluice_session *session, const struct reply *refusal)
{
	if (refusal) {
		command_on_reply(session, refusal);
		return;
	}
	/* Of RANG only the first half: what it is for is another errand. */
	control_send(session,
		     strcmp(session->verb, "RANG") == 0 ? DIAGRAM_RESTART : DIAGRAM_GROUP_1,
		     DIAGRAM_B, session->verb, session->path[0] ? session->path : NULL,
		     command_on_reply);
}

/* What these say depends on TYPE, STRU and MODE (RFC 3659 section 4), and a file has one size that
 * matters. */
static bool command_counts_bytes(const char *verb)
{
	return strcmp(verb, "SIZE") == 0 || strcmp(verb, "HASH") == 0 || strcmp(verb, "RANG") == 0;
}

int sluice_command(struct sluice_session *session, const char *verb, const char *argument,
		   sluice_done_fn *done, void *context)
{
	static const struct representation image = { .type = TYPE_IMAGE,
						     .format = FORMAT_NON_PRINT,
						     .byte_bits = 8,
						     .structure = STRUCTURE_FILE,
						     .mode = MODE_STREAM };
	int r = errand_check(session);

	if (r == 0 && argument)
		r = control_check_argument(argument);
	if (r == 0)
		r = command_take_verb(session, verb);
	if (r < 0)
		return r;
	errand_begin(session, done, context);
	strcpy(session->path, argument ? argument : ""); /* NOLINT: checked above */
	if (command_counts_bytes(session->verb))
		parameters_set(session, &image, command_send);
	else
		command_send(session, NULL);
	session_settle(session);
	return 0;
}

static void rename_on_reply(struct sluice_session *session, const struct reply *reply)
{
	errand_take_reply(session, reply);
	if (reply->state != DIAGRAM_NEXT_2) {
		errand_end(session, 0);
		return;
	}
	session->errand.renaming = true;
	control_send(session, DIAGRAM_RENAME, reply->state, "RNTO", session->new_path,
		     rename_on_reply);
}

int sluice_rename(struct sluice_session *session, const char *from, const char *to,
		  sluice_done_fn *done, void *context)
{
	int r = errand_check(session);

	if (r == 0)
		r = control_check_argument(from);
	if (r == 0)
		r = control_check_argument(to);
	if (r < 0)
		return r;
	errand_begin(session, done, context);
	strcpy(session->new_path, to); /* NOLINT: checked above */
	control_send(session, DIAGRAM_RENAME, DIAGRAM_B, "RNFR", from, rename_on_reply);
	session_settle(session);
	return 0;
}
