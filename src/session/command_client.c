/*
 * Commands by which client and server tell each other what they are, or what will come: CLNT, CSID,
 * PRET; SMNT (RFC 959 section 4.1.1), for which there is nothing to do; and AUTH, PBSZ and PROT
 * (RFC 2228 section 3), which need TLS.
 */
#include <fcntl.h>

#include "log/log.h"
#include "session/session_priv.h"

void command_clnt(struct session *session, struct view argument)
{
	if (log_verbose()) {
		char address[ADDRESS_TEXT_MAX];

		address_format_host(&session->peer, address);
		log_debug("client program: \"%.*s\" at %s", (int)argument.length, argument.at,
			  address);
	}
	session_reply(session, REPLY_200_OKAY, "Noted");
}

void command_csid(struct session *session, struct view argument)
{
	(void)argument;
	session_reply(session, REPLY_200_OKAY,
		      "Name=sluice; Version=%s; OS=Linux; CaseSensitive=1; DirSep=/;",
		      SLUICE_VERSION);
}

void command_smnt(struct session *session, struct view argument)
{
	(void)argument;
	session_reply(
		session, REPLY_202_SUPERFLUOUS,
		"There is one tree of folders, and all of it is there already; CWD goes there");
}

/* Not 504, by which another mechanism might do, nor 534, by which there would be one that is not
 * allowed. Clients that can do without TLS go on with USER. */
void command_auth(struct session *session, struct view argument)
{
	(void)argument;
	session_reply(session, REPLY_502_NOT_IMPLEMENTED, "There is no TLS here; log in without");
}

/* PBSZ and PROT, which come after the security exchange that AUTH begins. */
void command_prot(struct session *session, struct view argument)
{
	(void)argument;
	session_reply(session, REPLY_503_BAD_SEQUENCE,
		      "Nothing is protected before AUTH, and there is no TLS here");
}

static void pret_done(struct tree_request *request, int result)
{
	struct action *action =
		(struct action *)(void *)((char *)request - offsetof(struct action, request));
	struct session *session = action->session;
	int r = result < 0 ? result : resolve_check_file(&request->stat);

	if (result >= 0)
		file_close(&request->disk, session->context->ring, result);
	if (r < 0)
		session_reply_error(session, r, action->path);
	else
		session_reply(session, REPLY_200_OKAY, "Ready for that");
	session_command_end(session);
}

void session_pret(struct session *session, const char *refusal, bool retrieves,
		  struct view argument)
{
	if (!session_can_do(session, refusal))
		return;
	if (retrieves)
		session_look_at(session, argument, O_PATH, pret_done);
	else
		session_reply(session, REPLY_200_OKAY, "Ready for that");
}
