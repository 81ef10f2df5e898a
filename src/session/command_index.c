/*
 * SITE INDEX: a whole tree in one listing, over one data connection. Its lines are those of MLSD,
 * with paths from the folder on in the place of names; the facts are those of OPTS MLST.
 */
#include <errno.h>
#include <fcntl.h>

#include "fs/tree_listing.h"
#include "session/session_priv.h"

/* Takes the folder over. */
static int index_begin(struct action *action, int folder)
{
	struct session *session = action->session;
	const struct tree_listing_request wanted = { .folder = folder,
						     .facts = session->facts,
						     .rights = session_rights_to_itself(session),
						     .disk = action->request.disk };
	int r = seats_take(&session->context->tree_listings, &session->peer, &action->seat);

	if (r < 0) {
		file_close(&action->request.disk, session->context->ring, folder);
		return r;
	}
	return tree_listing_new(&wanted, &action->tree_listing);
}

static void index_opened(struct tree_request *request, int result)
{
	struct action *action =
		(struct action *)(void *)((char *)request - offsetof(struct action, request));
	struct session *session = action->session;

	if (result >= 0 && session_has_given_up(session)) {
		file_close(&request->disk, session->context->ring, result);
		result = -ECANCELED;
	}
	if (result >= 0)
		result = index_begin(action, result);
	if (result < 0) {
		session_refuse_command(session, result);
		return;
	}
	action->transfer.disk = request->disk;
	action->transfer.kind = TRANSFER_SEND_LISTING;
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
