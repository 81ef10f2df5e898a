/*
 * SITE INDEX: a whole tree in one listing, over one data connection. Its lines are those of MLSD,
 * with paths from the folder on in the place of names; the facts are those of OPTS MLST.
 */
#include <errno.h>
#include <fcntl.h>

#include "fs/tree_listing.h"
#include "session/session_priv.h"

/* 0, or a negative errno for the refusal. */
static int index_admit(struct session *session)
{
	struct action *action = session->action;
	int r;

	if (session_has_given_up(session))
		return -ECANCELED;
	r = seats_take(&session->context->tree_listings, &session->peer, &action->party, 1);
	if (r < 0)
		return r;
	action->transfer.kind = TRANSFER_SEND_LISTING;
	return session_take_memory(session, 0);
}

static void index_opened(struct tree_request *request, int result)
{
	struct action *action =
		(struct action *)(void *)((char *)request - offsetof(struct action, request));
	struct session *session = action->session;
	int r = result < 0 ? result : index_admit(session);

	if (result >= 0 && r < 0)
		file_close(&request->disk, session->context->ring, result);
	if (r == 0) {
		const struct tree_listing_request wanted = { .folder = result,
							     .facts = session->facts,
							     .rights = session_rights_to_itself(
								     session),
							     .disk = request->disk };

		r = tree_listing_new(&wanted, &action->tree_listing);
	}
	if (r < 0) {
		session_refuse_command(session, r);
		return;
	}
	action->transfer.disk = request->disk;
	session_transfer_begin(session, "Here comes the tree");
}

void site_index(struct session *session, struct view argument)
{
	struct action *action = session_command_begin_on(session, argument);

	if (!action)
		return;
	/* As MLSD goes out (RFC 3659 section 7.2). */
	action->representation = representation_of_listing(&session->representation, true);
	action->transfers = true;
	session_look(action, O_RDONLY | O_DIRECTORY, index_opened);
}
