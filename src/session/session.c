#include "session/session.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "fs/path.h"
#include "log/log.h"
#include "session/session_priv.h"
#include "transfer/passive_pool.h"

#define ACTIONS_KEPT_MAX 32 /* free ones of a worker; further ones go back to the system */
#define END_WAIT_MS 2000    /* for the client's end of a connection that we have ended */

void session_enter_state(struct session *session, enum session_state state)
{
	static const unsigned next[] = {
		[SESSION_GREETED] = 1 << SESSION_GREETED | 1 << SESSION_NAMED,
		[SESSION_NAMED] = 1 << SESSION_GREETED | 1 << SESSION_ACCOUNT |
				  1 << SESSION_LOGGED_IN,
		[SESSION_ACCOUNT] = 1 << SESSION_GREETED | 1 << SESSION_LOGGED_IN,
		[SESSION_LOGGED_IN] = 1 << SESSION_GREETED,
	};

	assert(next[session->state] & 1U << state);
	session->state = (uint8_t)state;
}

static struct session *session_of_receive(struct op *op)
{
	return (struct session *)(void *)((char *)op - offsetof(struct session, receive_op));
}

static struct session *session_of_idle_timer(struct wheel_timer *timer)
{
	return (struct session *)(void *)((char *)timer - offsetof(struct session, idle_timer));
}

/* Of what there are few: nobody has more than his part. */
static void few_init(struct seats *seats, size_t max)
{
	seats_init(seats, max, max / SEATS_PARTS, 0);
}

void session_context_init(struct session_context *context, size_t memory_bytes)
{
	size_t share = memory_bytes / SEATS_PARTS;

	few_init(&context->folder_sizes, FOLDER_SIZES_MAX);
	few_init(&context->patterns, LISTING_PATTERNS_MAX);
	few_init(&context->tree_listings, TREE_LISTINGS_MAX);
	few_init(&context->counting, COUNTING_MAX);
	few_init(&context->hashes, HASHES_MAX);
	if (share < TRANSFER_MEMORY_SHARE_MIN)
		share = TRANSFER_MEMORY_SHARE_MIN;
	seats_init(&context->memory, memory_bytes, share, memory_bytes / 2);
	for (unsigned i = 0; i < PASSWORD_QUEUES; i++)
		queue_init(&context->passwords[i], PASSWORD_CHECKS_MAX);
}

void session_context_fini(struct session_context *context)
{
	while (context->actions) {
		struct action *next = context->actions->next;

		free(context->actions);
		context->actions = next;
	}
	kept_files_fini(&context->kept);
	free(context->reply.at);
}

struct action *session_command_begin(struct session *session)
{
	struct session_context *context = session->context;
	struct action *action = context->actions;

	if (action) {
		context->actions = action->next;
		context->actions_free--;
	} else {
		action = calls->allocate(sizeof(*action));
	}
	if (!action) {
		session_reply(session, REPLY_451_LOCAL_ERROR,
			      "No memory for this now; try again later");
		return NULL;
	}
	/* The large buffers need no clearing; everything after them does. */
	action->session = session;
	memset(&action->op, 0, sizeof(action->op));
	memset(&action->transfers, 0, sizeof(*action) - offsetof(struct action, transfers));
	action->path[0] = '\0';
	action->other_length = 0;
	action->file = -1;
	action->restart = session->restart;
	action->representation = session->representation;
	action->range_end = session->range_end;
	action->request.ring = context->ring;
	action->request.disks = context->dtp.disks;
	action->request.tree = &session->tree;
	action->request.known = &context->known;
	action->request.kept = &context->kept;
	action->request.waiter = (struct queue_waiter){ .admitted = NULL };
	session->action = action;
	return action;
}

uint32_t session_idle_limit_s(const struct session *session)
{
	return session->idle_s ? session->idle_s : session->context->config->idle_timeout_s;
}

/* The login's time limit counts from the connection on, whatever else is said meanwhile. */
void session_is_active(struct session *session)
{
	if (session->state == SESSION_LOGGED_IN)
		session->active_ms = ring_now_ms(session->context->ring);
}

void session_command_end(struct session *session)
{
	struct session_context *context = session->context;
	struct action *action = session->action;

	for (; session->aborts > 0; session->aborts--)
		session_reply(session, REPLY_226_CLOSING_DATA, "Aborted");
	session->action = NULL;
	seats_give(&action->party);
	seats_give(&action->memory);
	session_is_active(session);
	if (context->actions_free >= ACTIONS_KEPT_MAX) {
		free(action);
	} else {
		action->next = context->actions;
		context->actions = action;
		context->actions_free++;
	}
	if (session->closing)
		session_end_if_quiet(session);
	else
		session_run(session);
}

struct view session_folder(const struct session *session)
{
	return session->folder ? view_of(session->folder) : view_of("/");
}

bool session_path(struct session *session, struct view argument, char *ret_path)
{
	int r = path_join(session_folder(session), argument, ret_path);

	if (r >= 0 && upload_is_hidden_name(path_name((struct view){ ret_path, (size_t)r }).at)) {
		session_reply(session, session->name_refusal,
			      "No such file: the name is one of an unfinished upload");
		return false;
	}
	if (r >= 0)
		return true;
	if (r == -EINVAL)
		session_reply(session, REPLY_501_SYNTAX_ARGUMENT,
			      "A path cannot contain NUL, CR or LF");
	else
		session_reply(session, session->name_refusal, "The path is longer than %d bytes",
			      PATH_BYTES_MAX - 1);
	return false;
}

struct action *session_command_begin_on(struct session *session, struct view argument)
{
	struct action *action = session_command_begin(session);

	if (action && !session_path(session, argument, action->path)) {
		session_command_end(session);
		return NULL;
	}
	return action;
}

void session_look_at(struct session *session, struct view argument, int flags,
		     void (*done)(struct tree_request *request, int result))
{
	struct action *action = session_command_begin_on(session, argument);

	if (action)
		session_look(action, flags, done);
}

void session_look(struct action *action, int flags,
		  void (*done)(struct tree_request *request, int result))
{
	int r;

	action->request.done = done;
	r = tree_open(&action->request, action->path, flags);
	if (r != -EINPROGRESS)
		done(&action->request, r);
}

bool session_has_given_up(const struct session *session)
{
	return session->closing || session->aborts > 0;
}

void session_refuse_command(struct session *session, int error)
{
	if (session_explain_part(session, error))
		return;
	if (session->aborts > 0)
		session_reply(session, REPLY_426_TRANSFER_ABORTED, "Transfer aborted");
	else
		session_reply_error(session, error, session->action->path);
	session_command_end(session);
}

void session_forget_restart(struct session *session)
{
	session->restart = 0;
	session->range_end = 0;
	free(session->restart_mark);
	session->restart_mark = NULL;
}

void session_default_parameters(struct session *session)
{
	representation_init(&session->representation);
	session->representation.text_as_is = session->context->config->ascii_as_is;
	session->representation.ebcdic = session->context->ebcdic;
	session->facts = FACTS_STANDARD;
	session->hash_kind = DIGEST_SHA256;
	session->epsv_all = false;
	session->data_peer = (struct address){ 0 };
	session->passive_expired = false;
}

void session_forget_user(struct session *session)
{
	if (session->state == SESSION_LOGGED_IN) { /* another login, another limit */
		session_is_active(session);
		ring_timer_set(session->context->ring, &session->idle_timer,
			       1000ULL * session->context->config->login_timeout_s);
	}
	session_forget_restart(session);
	session->allocate_bytes = 0;
	session->idle_s = 0;
	session->creation_mask = 0;
	free(session->folder);
	free(session->rename_from);
	session->folder = NULL;
	session->rename_from = NULL;
	session->user = NULL;
	session->name[0] = '\0';
	session->anonymous = false;
	session->may_write = false;
	session_enter_state(session, SESSION_GREETED);
}

void session_reinitialize(struct session *session)
{
	session_forget_user(session);
	session_data_reset(session);
	session_default_parameters(session);
}

void session_receive(struct session *session)
{
	session->paused = false;
	ring_receive(session->context->ring, &session->receive_op, session->fd);
}

void session_pause(struct session *session)
{
	if (op_pending(&session->receive_op))
		ring_cancel(session->context->ring, &session->receive_op);
}

/* A client may have ended its own side alone: what has been answered is said, and what waits behind
 * a reply that is under way has its turn. */
void session_end_of_input(struct session *session)
{
	if (session->context->replying == session)
		session_flush(session->context);
	session->input_over = !session->closing && session_awaits_output(session);
	if (session->input_over)
		return;
	session->shut = true; /* nothing more will come: nothing is waited for */
	session_end(session, NULL);
}

static void session_on_receive(struct op *op, int result)
{
	struct session *session = session_of_receive(op);

	if (result > 0) {
		if (!session->closing)
			session_input(session, op->receive.bytes);
		return;
	}
	if (result == -ECANCELED && !session->closing) {
		session->paused = true;
		session_run(session);
		return;
	}
	if (result == 0) {
		session_end_of_input(session);
		return;
	}
	session->shut = true; /* nothing more will come: nothing is waited for */
	session_end(session, NULL);
}

static void session_on_idle_timer(struct wheel_timer *timer)
{
	struct session *session = session_of_idle_timer(timer);
	const struct config *config = session->context->config;
	bool logged_in = session->state == SESSION_LOGGED_IN;
	uint64_t limit_ms =
		1000ULL * (logged_in ? session_idle_limit_s(session) : config->login_timeout_s);
	uint64_t idle_ms = ring_now_ms(session->context->ring) - session->active_ms;

	if (session->closing) {
		session->shut = true;
		session_end_if_quiet(session);
		return;
	}
	/* A STAT whose lines the client does not read is the client's idleness. */
	if (session_is_busy(session) && !(session_is_telling(session) && session_unsent(session)))
		idle_ms = 0;
	if (idle_ms < limit_ms)
		ring_timer_set(session->context->ring, timer, limit_ms - idle_ms);
	else
		session_end(session, logged_in ? "No command for too long; closing"
					       : "No login in time; closing");
}

void session_start(struct session *session)
{
	struct session_context *context = session->context;

	session->data_fd = -1;
	session->active_ms = ring_now_ms(context->ring);
	session->receive_op.done = session_on_receive;
	session->idle_timer.fire = session_on_idle_timer;
	session_default_parameters(session);
	ring_timer_set(context->ring, &session->idle_timer,
		       1000ULL * context->config->login_timeout_s);
	session_reply(session, REPLY_220_SERVICE_READY, "sluice ready");
	session_receive(session);
}

/* Frees all; the slot is the server's again. */
static void session_free(struct session *session)
{
	struct session_context *context = session->context;

	ring_timer_clear(context->ring, &session->idle_timer);
	ring_timer_clear(context->ring, &session->data_timer);
	if (context->replying == session) {
		context->replying = NULL;
		context->reply.length = 0;
	}
	session_data_reset(
		session); /* a transfer may have left its connection since the end began */
	session_forget_restart(session);
	ring_close_socket(context->ring, session->fd);
	free(session->folder);
	free(session->rename_from);
	free(session->held);
	free(session->sending);
	free(session->out);
	session->held = NULL;
	session->held_bytes = 0;
	session->sending = NULL;
	session->sending_bytes = 0;
	session->out = NULL;
	session->out_bytes = 0;
	session->id = 0; /* whoever still has it on the stack sees that it is over */
	context->ended(context->server, session);
}

void session_end_if_quiet(struct session *session)
{
	struct ring *ring = session->context->ring;

	if (session->id == 0 || !session->closing || session->action || session->running)
		return;
	/* The last reply is on its way: the client's end is waited for, so that a reset does not
	 * overtake it. */
	if (!session->shut)
		return;
	ring_cancel(ring, &session->receive_op);
	ring_cancel(ring, &session->send_op);
	ring_cancel(ring, &session->data_op);
	if (!op_pending(&session->receive_op) && !op_pending(&session->send_op) &&
	    !op_pending(&session->data_op))
		session_free(session);
}

void session_shut_output(struct session *session)
{
	shutdown(session->fd, session->quit ? SHUT_RDWR : SHUT_WR);
}

/* Our last word is said: the client hears that no more will come. */
static void session_end_output(struct session *session)
{
	struct session_context *context = session->context;

	if (context->replying == session)
		session_flush(context);
	if (!session_awaits_output(session))
		session_shut_output(session);
	ring_timer_set(context->ring, &session->idle_timer, END_WAIT_MS);
}

void session_end(struct session *session, const char *reply)
{
	bool running = session->running;

	if (session->closing) {
		session_end_if_quiet(session);
		return;
	}
	session->running = true; /* what ends within must not free the session under our feet */
	if (reply)
		session_reply(session, REPLY_421_SERVICE_NOT_AVAILABLE, "%s",
			      session_text(session, reply));
	session->closing = true;
	session_data_cancel(session);
	session_data_reset(session);
	if (session->action && session->action->moving)
		transfer_abort(&session->action->transfer);
	else if (session_is_telling(session))
		session_stat_continue(session);
	session_cancel_waiting(session);
	session_cancel_refusal(session);
	if (!session->shut)
		session_end_output(session);
	session->running = running;
	session_end_if_quiet(session);
}

void session_drain(struct session *session)
{
	if (!session->closing && !session->action) /* a port that it waits for would be of no use */
		session_end(session, "The server is being stopped; come back in a moment");
}
