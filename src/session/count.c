/*
 * SIZE (RFC 3659 section 4) where it is not the file's own: what would be sent is counted in a job,
 * once for each file as it is. The last few counts of a worker are kept, but not of a file that could
 * change unseen (fs/written_back.h).
 */
#include <errno.h>
#include <time.h>

#include "fs/written_back.h"
#include "represent/count.h"
#include "session/session_priv.h"

static struct action *action_of_op(struct op *op)
{
	return (struct action *)(void *)((char *)op - offsetof(struct action, op));
}

static struct count_known known_of(const struct action *action)
{
	const struct representation *representation = &action->representation;

	return (struct count_known){
		.file = hash_identity_of(&action->request.stat),
		.type = representation->type,
		.format = representation->format,
		.structure = representation->structure,
		.mode = representation->mode == MODE_DEFLATE ? MODE_STREAM : representation->mode,
	};
}

static struct count_known *known_place(struct session_context *context,
				       const struct count_known *known)
{
	return &context->counts[(known->file.inode ^ known->type ^
				 (unsigned)(known->structure << 2)) %
				COUNTS_KNOWN];
}

static bool known_is(const struct count_known *a, const struct count_known *b)
{
	return hash_identity_equal(&a->file, &b->file) && a->type == b->type &&
	       a->format == b->format && a->structure == b->structure && a->mode == b->mode;
}

static bool is_lasting(const struct action *action)
{
	struct hash_identity identity = hash_identity_of(&action->request.stat);

	return written_back(action->count_file, &action->request.disk, &identity,
			    &action->count_looked_at);
}

static int count_work(struct op *op)
{
	struct action *action = action_of_op(op);

	action->count_lasting = is_lasting(action); /* before the first byte is read */
	action->counted = count_octets(&action->representation, action->count_file,
				       (int64_t)action->request.stat.stx_size);
	return 0;
}

static void count_done(struct op *op, int result)
{
	struct action *action = action_of_op(op);
	struct session *session = action->session;
	struct count_known known = known_of(action);

	if (result < 0)
		action->counted = result;
	known.octets = action->counted;
	if (known.octets >= 0 && action->count_lasting)
		*known_place(session->context, &known) = known;
	action->on_counted(session, action->counted);
}

void session_count(struct session *session, int file,
		   void (*counted)(struct session *session, int64_t octets))
{
	struct action *action = session->action;
	struct count_known wanted = known_of(action);
	const struct count_known *known = known_place(session->context, &wanted);

	action->count_file = file;
	action->on_counted = counted;
	clock_gettime(CLOCK_REALTIME, &action->count_looked_at);
	if (known_is(known, &wanted))
		counted(session, known->octets);
	else
		session_disk_read(action, &action->request.disk, count_work, count_done);
}
