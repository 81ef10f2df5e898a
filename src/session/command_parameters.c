/*
 * Transfer parameters (RFC 959 section 4.1.2) and small service commands: TYPE, MODE, STRU, REST,
 * ALLO, OPTS, NOOP, SYST, STAT, PWD.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "session/session_priv.h"

void command_type(struct session *session, struct view argument)
{
	if (view_is_word(argument, "A") || view_is_word(argument, "A N")) {
		session->type = TYPE_ASCII;
		session_reply(session, REPLY_200_OKAY, "TYPE is A N");
	} else if (view_is_word(argument, "I") || view_is_word(argument, "L 8")) {
		session->type = TYPE_IMAGE;
		session_reply(session, REPLY_200_OKAY, "TYPE is %s",
			      argument.length == 1 ? "I" : "L 8");
	} else if (argument.at[0] != ' ' && strchr("AEIL", argument.at[0] & ~0x20) &&
		   (argument.length == 1 || argument.at[1] == ' ')) {
		session_reply(session, REPLY_504_PARAMETER_NOT_IMPLEMENTED,
			      "This TYPE is not implemented; A N, I and L 8 are");
	} else {
		session_reply(session, REPLY_501_SYNTAX_ARGUMENT, "TYPE takes A [N], I or L 8");
	}
}

void command_mode(struct session *session, struct view argument)
{
	if (view_is_word(argument, "S"))
		session_reply(session, REPLY_200_OKAY, "MODE is S");
	else if (argument.length == 1)
		session_reply(session, REPLY_504_PARAMETER_NOT_IMPLEMENTED,
			      "This MODE is not implemented; S is");
	else
		session_reply(session, REPLY_501_SYNTAX_ARGUMENT, "MODE takes one letter");
}

void command_stru(struct session *session, struct view argument)
{
	if (view_is_word(argument, "F"))
		session_reply(session, REPLY_200_OKAY, "STRU is F");
	else if (argument.length == 1)
		session_reply(session, REPLY_504_PARAMETER_NOT_IMPLEMENTED,
			      "This STRU is not implemented; F is");
	else
		session_reply(session, REPLY_501_SYNTAX_ARGUMENT, "STRU takes one letter");
}

/* Reads a decimal number that fits a file offset. Returns the characters used, 0 if it is none. */
static size_t number_parse(struct view text, int64_t *ret_number)
{
	int64_t number = 0;
	size_t at = 0;

	for (; at < text.length && text.at[at] >= '0' && text.at[at] <= '9'; at++) {
		if (number > (INT64_MAX - 9) / 10)
			return 0;
		number = 10 * number + (text.at[at] - '0');
	}
	*ret_number = number;
	return at;
}

void command_rest(struct session *session, struct view argument)
{
	int64_t offset;

	session->restart = 0;
	session->range_end = 0;
	if (number_parse(argument, &offset) != argument.length) {
		session_reply(session, REPLY_501_SYNTAX_ARGUMENT,
			      "REST takes a number of bytes, as in REST 1000");
		return;
	}
	session->restart = offset;
	session_reply(session, REPLY_350_PENDING, "The next transfer begins at byte %lld",
		      (long long)offset);
}

void command_allo(struct session *session, struct view argument)
{
	int64_t record_bytes;
	int64_t bytes = 0;
	size_t used = number_parse(argument, &bytes);
	struct view rest = view_skip(argument, used);

	if (rest.length > 3 && strncasecmp(rest.at, " R ", 3) == 0 &&
	    number_parse(view_skip(rest, 3), &record_bytes) == rest.length - 3)
		rest.length = 0;
	if (used == 0 || rest.length > 0) {
		session_reply(session, REPLY_501_SYNTAX_ARGUMENT,
			      "ALLO takes a number of bytes, as in ALLO 1000 or ALLO 1000 R 80");
		return;
	}
	session->allocate_bytes = bytes;
	session_reply(session, REPLY_200_OKAY,
		      "%lld bytes will be reserved for the next file stored", (long long)bytes);
}

static void opts_mlst(struct session *session, struct view wanted)
{
	char text[128] = "";
	unsigned facts = 0;

	while (wanted.length > 0) {
		const char *end = memchr(wanted.at, ';', wanted.length);
		size_t length = end ? (size_t)(end - wanted.at) : wanted.length;

		facts |= fact_of_name((struct view){ wanted.at, length });
		wanted = view_skip(wanted, length + (end != NULL));
	}
	session->facts = (uint8_t)facts;
	for (unsigned fact = 1; fact <= FACTS_ALL; fact <<= 1) {
		if (facts & fact) {
			strcat(text, fact_name(fact));
			strcat(text, ";");
		}
	}
	session_reply(session, REPLY_200_OKAY, "MLST OPTS %s", text);
}

void command_opts(struct session *session, struct view argument)
{
	if (view_is_word(argument, "UTF8 ON") || view_is_word(argument, "UTF8") ||
	    view_is_word(argument, "UTF-8 ON") || view_is_word(argument, "UTF-8"))
		session_reply(session, REPLY_200_OKAY, "Names are bytes; UTF-8 is always on");
	else if (view_is_word(argument, "UTF8 OFF") || view_is_word(argument, "UTF-8 OFF"))
		session_reply(session, REPLY_501_SYNTAX_ARGUMENT,
			      "Names are bytes; UTF-8 cannot be turned off");
	else if (view_is_word(argument, "MLST"))
		opts_mlst(session, view_of(""));
	else if (argument.length > 5 && strncasecmp(argument.at, "MLST ", 5) == 0 &&
		 !memchr(argument.at + 5, ' ', argument.length - 5))
		opts_mlst(session, view_skip(argument, 5));
	else if (view_is_word(argument, "HASH"))
		session_opts_hash(session, view_of(""));
	else if (argument.length > 5 && strncasecmp(argument.at, "HASH ", 5) == 0)
		session_opts_hash(session, view_skip(argument, 5));
	else
		session_reply(session, REPLY_501_SYNTAX_ARGUMENT,
			      "OPTS takes UTF8 ON, HASH and a name, or MLST and facts, as in "
			      "OPTS MLST type;size;");
}

void command_noop(struct session *session, struct view argument)
{
	(void)argument;
	session_reply(session, REPLY_200_OKAY, "Nothing done");
}

void command_syst(struct session *session, struct view argument)
{
	(void)argument;
	session_reply(session, REPLY_215_SYSTEM_TYPE, "UNIX Type: L8");
}

void command_pwd(struct session *session, struct view argument)
{
	(void)argument;
	reply_text_path(session_reply_text(session), REPLY_257_PATHNAME, session_folder(session),
			"is the working folder");
}

void command_stat(struct session *session, struct view argument)
{
	struct reply_text *reply;
	char address[ADDRESS_TEXT_MAX];

	if (argument.length > 0) {
		if (session->state != SESSION_LOGGED_IN)
			session_reply(session, REPLY_530_NOT_LOGGED_IN,
				      "Log in first, with USER and PASS");
		else
			session_stat_path(session, argument);
		return;
	}
	address_format_host(&session->peer, address);
	reply = session_reply_text(session);
	reply_text_begin(reply, REPLY_211_SYSTEM_STATUS, "sluice " SLUICE_VERSION);
	reply_text_inner(reply, "Connected from %s", address);
	if (session->state == SESSION_LOGGED_IN)
		reply_text_inner(reply, "Logged in as %s%s", session->name,
				 session->may_write ? "" : ", read-only");
	else
		reply_text_inner(reply, "Not logged in");
	reply_text_inner(reply, "TYPE: %s, STRU: F, MODE: S",
			 session->type == TYPE_ASCII ? "A N" : "I");
	reply_text_inner(reply, "Worker: %u of %u", session->context->worker + 1,
			 session->context->workers);
	session_transfer_status(session, reply);
	reply_text_line(reply, REPLY_211_SYSTEM_STATUS, "End");
}
