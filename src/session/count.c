/*
 * SIZE (RFC 3659 section 4) where it is not the file's own: what would be sent is counted in jobs of a
 * slice each, once for each file as it is. The last few counts of a worker are kept, but not of a
 * file that could change unseen (fs/written_back.h).
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
		.byte_bits = representation->byte_bits,
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
	       a->format == b->format && a->byte_bits == b->byte_bits &&
	       a->structure == b->structure && a->mode == b->mode;
}

static bool is_lasting(const struct action *action)
{
	struct hash_identity identity = hash_identity_of(&action->request.stat);

	return written_back(action->count_file, &action->request.disk, &identity,
			    &action->count_looked_at);
}

static void count_done(struct op *op, int result);

static int count_work(struct op *op)
{
	struct action *action = action_of_op(op);

	if (!action->count_begun) { /* before the first byte is read */
		action->count_begun = true;
		action->count_lasting = is_lasting(action);
	}
	return count_step(action->count, COUNT_SLICE_BYTES);
}

static void count_continue(struct action *action)
{
	session_disk_read(action, &action->request.disk, count_work, count_done);
}

static void count_end(struct action *action, int64_t octets)
{
	struct session *session = action->session;
	struct count_known known = known_of(action);

	count_free(action->count);
	seats_give(&action->party); /* a transfer may follow, however long */
	known.octets = octets;
	if (octets >= 0 && action->count_lasting)
		*known_place(session->context, &known) = known;
	action->on_counted(session, octets);
}

/* Others that wait for the disk come in between two slices. */
static void count_done(struct op *op, int result)
{
	struct action *action = action_of_op(op);

	if (result != -EINPROGRESS)
		count_end(action, result < 0 ? result : count_octets(action->count));
	else if (session_has_given_up(action->session))
		count_end(action, -ECANCELED);
	else
		count_continue(action);
}

static int count_begin(struct action *action)
{
	const struct session *session = action->session;
	int r = seats_take(&session->context->counting, &session->peer, &action->party, 1);

	if (r < 0)
		return r;
	r = count_new(&action->representation, action->count_file,
		      (int64_t)action->request.stat.stx_size, &action->count);
	if (r < 0)
		seats_give(&action->party);
	return r;
}

void session_count(struct session *session, int file,
		   void (*counted)(struct session *session, int64_t octets))
{
	struct action *action = session->action;
	struct count_known wanted = known_of(action);
	const struct count_known *known = known_place(session->context, &wanted);
	int r;

	action->count_file = file;
	action->on_counted = counted;
	action->count_begun = false;
	clock_gettime(CLOCK_REALTIME, &action->count_looked_at);
	if (known_is(known, &wanted)) {
		counted(session, known->octets);
		return;
	}
	r = count_begin(action);
	if (r < 0)
		counted(session, r);
	else
		count_continue(action);
}
