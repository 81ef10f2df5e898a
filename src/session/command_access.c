/*
 * Access control (RFC 959 section 4.1.1): USER, PASS, ACCT, REIN, QUIT.
 */
#include <errno.h>
#include <string.h>

#include "auth/hosts.h"
#include "auth/users.h"
#include "log/log.h"
#include "session/language.h"
#include "session/session_priv.h"

static struct action *action_of_op(struct op *op)
{
	return (struct action *)(void *)((char *)op - offsetof(struct action, op));
}

static bool name_is_anonymous(struct view name)
{
	return view_is_word(name, "anonymous") || view_is_word(name, "ftp");
}

/* The front of a name that cannot log in, for the log. */
static void session_cut_name(struct session *session, struct view name)
{
	static const char cut[] = "…";
	size_t length = USER_NAME_MAX - sizeof(cut);

	if (name.length < length)
		length = name.length;
	memcpy(session->name, name.at, length);
	memcpy(session->name + length, cut, sizeof(cut));
}

/* Whatever the name, the answer is the same: nobody learns who exists (RFC 2577 section 6). */
void command_user(struct session *session, struct view argument)
{
	session_forget_user(session);
	session->anonymous = name_is_anonymous(argument);
	session->name_cut = argument.length >= USER_NAME_MAX ||
			    memchr(argument.at, '\0', argument.length) != NULL;
	if (session->name_cut) {
		session_cut_name(session, argument);
	} else {
		memcpy(session->name, argument.at, argument.length);
		session->name[argument.length] = '\0';
	}
	session_enter_state(session, SESSION_NAMED);
	if (session->anonymous && session->context->config->anonymous)
		session_reply(
			session, REPLY_331_NEED_PASSWORD,
			"Anonymous access: send your e-mail address, or anything, as password");
	else
		session_reply(session, REPLY_331_NEED_PASSWORD, "Password please");
}

static void refusal_due(struct wheel_timer *timer)
{
	struct action *action =
		(struct action *)(void *)((char *)timer - offsetof(struct action, refusal_timer));
	struct session *session = action->session;

	if (session->password_attempts < PASSWORD_ATTEMPTS_MAX)
		session_reply(session, REPLY_530_NOT_LOGGED_IN, "Login incorrect");
	else
		session_end(session, "Login incorrect, too many times; closing");
	session_command_end(session);
}

static void session_log_refused_login(const struct session *session)
{
	static struct log_limit limit = { .burst = LOGINS_REFUSED_LINES };
	unsigned times = log_limit_pass(&limit);
	char address[ADDRESS_TEXT_MAX];

	if (times == 0)
		return;
	address_format_host(&session->peer, address);
	log_warning("login failed: user \"%s\" from %s", session->name, address);
	if (times > 1)
		log_warning("%u more logins failed, which have no line", times - 1);
}

/* Who guesses waits for each answer, and longer for the next (RFC 2577 section 5); nobody else does,
 * for a timer is all that waits. The command ends with the answer. */
static void session_refuse_login(struct session *session)
{
	struct action *action = session->action ? session->action : session_command_begin(session);

	session_log_refused_login(session);
	session_enter_state(session, SESSION_GREETED);
	session->password_attempts++;
	if (!action) /* a 451 was the answer */
		return;
	action->refusal_timer.fire = refusal_due;
	ring_timer_set(session->context->ring, &action->refusal_timer,
		       (uint64_t)PASSWORD_DELAY_MS * session->password_attempts);
}

void session_cancel_refusal(struct session *session)
{
	struct action *action = session->action;

	if (!action || !wheel_timer_is_set(&action->refusal_timer))
		return;
	ring_timer_clear(session->context->ring, &action->refusal_timer);
	session_command_end(session);
}

static void session_log_in(struct session *session)
{
	session_enter_state(session, SESSION_LOGGED_IN);
	if (session->user)
		session->password_attempts = 0; /* else guesses between anonymous logins went on */
	ring_timer_set(session->context->ring, &session->idle_timer,
		       1000ULL * session->context->config->idle_timeout_s);
	if (log_verbose()) {
		char address[ADDRESS_TEXT_MAX];

		address_format_host(&session->peer, address);
		log_debug("login: user \"%s\" from %s", session->name, address);
	}
	session_reply(session, REPLY_230_LOGGED_IN,
		      session->may_write ? "Logged in" : "Logged in; access is read-only");
}

static void session_log_in_anonymous(struct session *session)
{
	const struct host *host = session->host;
	int r = 0;

	session->tree = session->context->tree;
	if (host && host->folder_fd >= 0)
		r = tree_init(&session->tree, host->folder_fd);
	if (r < 0) {
		session_end(session, "The folder of this host cannot be reached");
		return;
	}
	session->may_write = session->context->config->anonymous_write;
	session_log_in(session);
}

static int password_work(struct op *op)
{
	struct action *action = action_of_op(op);

	action->user = users_check(action->users, action->session->name, action->path);
	return 0;
}

static void password_done(struct op *op, int result)
{
	struct action *action = action_of_op(op);
	struct session *session = action->session;

	explicit_bzero(action->path, sizeof(action->path)); /* also if nobody has checked it */
	if (session->closing) {
		session_command_end(session);
		return;
	}
	session->user = action->user;
	if (result == 0 && session->user)
		result = tree_init(&session->tree, session->user->folder_fd);
	if (result == -EAGAIN) {
		session_end(session, "Too many logins at this moment; try again later");
	} else if (result < 0 || !session->user) {
		session->user = NULL;
		session_refuse_login(session);
		return;
	} else if (session->user->account) {
		session_enter_state(session, SESSION_ACCOUNT);
		session_reply(session, REPLY_332_NEED_ACCOUNT, "Account please, with ACCT");
	} else {
		session->may_write = true;
		session_log_in(session);
	}
	session_command_end(session);
}

/* A password hash takes milliseconds on purpose: a job thread of low priority computes it, which the
 * hashes of files do not keep busy, nor the passwords of one address alone. */
static void session_check_password(struct session *session, struct view password)
{
	struct action *action = session_command_begin(session);

	if (!action)
		return;
	memcpy(action->path, password.at, password.length);
	action->path[password.length] = '\0';
	action->users = session->context->users;
	session_password_job(action, password_work, password_done);
}

void command_pass(struct session *session, struct view argument)
{
	if (session->anonymous && session->context->config->anonymous)
		session_log_in_anonymous(session);
	else if (!session->context->users || session->name_cut || argument.length >= PATH_BYTES_MAX)
		session_refuse_login(session);
	else
		session_check_password(session, argument);
}

static void session_check_account(struct session *session, struct view account)
{
	if (users_check_account(session->user, account)) {
		session->may_write = true;
		session_log_in(session);
	} else {
		session->user = NULL;
		session_refuse_login(session);
	}
}

void command_acct(struct session *session, struct view argument)
{
	if (session->state == SESSION_ACCOUNT)
		session_check_account(session, argument);
	else if (session->state == SESSION_LOGGED_IN)
		session_reply(session, REPLY_202_SUPERFLUOUS, "No account is needed here");
	else
		session_reply(session, REPLY_503_BAD_SEQUENCE,
			      "ACCT comes after USER and PASS, if these ask for it");
}

void command_rein(struct session *session, struct view argument)
{
	(void)argument;
	session_reinitialize(session);
	session->host = NULL;
	session->language = LANGUAGE_ENGLISH;
	session_reply(session, REPLY_220_SERVICE_READY, "Ready for a new user");
}

void command_quit(struct session *session, struct view argument)
{
	(void)argument;
	session_reply(session, REPLY_221_CLOSING_CONTROL, "Goodbye");
	session->quit = true;
	session_end(session, NULL);
}
