/*
 * Commands by which client and server tell each other what they are, or what will come: CLNT, CSID,
 * PRET; and SMNT (RFC 959 section 4.1.1), for which there is nothing to do.
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

void session_pret(struct session *session, bool retrieves, struct view argument)
{
	if (retrieves)
		session_look_at(session, argument, O_PATH, pret_done);
	else
		session_reply(session, REPLY_200_OKAY, "Ready for that");
}
