/*
 * Transfer parameters (RFC 959 section 4.1.2) and small service commands: TYPE, MODE, STRU, REST,
 * ALLO, OPTS, NOOP, SYST, STAT, PWD.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "fs/listing_cache.h"
#include "session/session_priv.h"

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

/* The format that follows A or E; N if there is none (RFC 959 section 3.1.1.5). */
static bool format_parse(struct session *session, struct view text, uint8_t *ret_format)
{
	char letter = (char)(text.length == 1 ? text.at[0] & ~0x20 : '\0');

	*ret_format = FORMAT_NON_PRINT;
	if (text.length == 0)
		return true;
	if (letter != '\0' && strchr("NTC", letter)) {
		*ret_format = (uint8_t)letter;
		return true;
	}
	session_reply(session,
		      text.length == 1 ? REPLY_504_PARAMETER_NOT_IMPLEMENTED
				       : REPLY_501_SYNTAX_ARGUMENT,
		      "The format of TYPE A and E is N, T or C");
	return false;
}

static bool byte_bits_parse(struct session *session, struct view text, uint8_t *ret_bits)
{
	int64_t bits = 0;

	if (text.length == 0 || number_parse(text, &bits) != text.length || bits < 1 ||
	    bits > 255) {
		session_reply(session, REPLY_501_SYNTAX_ARGUMENT,
			      "TYPE L takes the bits of a byte, 1 to 255, as in TYPE L 8");
		return false;
	}
	*ret_bits = (uint8_t)bits;
	return true;
}

static void reply_type(struct session *session)
{
	char text[REPRESENTATION_TEXT_BYTES];

	representation_format(&session->representation, text);
	text[strcspn(text, ",")] = '\0';
	session_reply(session, REPLY_200_OKAY, "TYPE is %s", text + strlen("TYPE: "));
}

void command_type(struct session *session, struct view argument)
{
	struct representation *representation = &session->representation;
	uint8_t type = (uint8_t)(argument.at[0] & ~0x20);
	struct view second = view_skip(argument, argument.length > 1 ? 2 : 1);
	uint8_t format = FORMAT_NON_PRINT;
	uint8_t bits = 8;

	if (!strchr("AEIL", type) || type == 0 || (argument.length > 1 && argument.at[1] != ' ') ||
	    (type == TYPE_IMAGE && argument.length > 1)) {
		session_reply(session, REPLY_501_SYNTAX_ARGUMENT,
			      "TYPE takes A or E and perhaps N, T or C; I; or L and a number");
		return;
	}
	if (type == TYPE_LOCAL ? !byte_bits_parse(session, second, &bits)
			       : !format_parse(session, second, &format))
		return;
	if (type == TYPE_EBCDIC && !representation->ebcdic) {
		session_reply(session, REPLY_504_PARAMETER_NOT_IMPLEMENTED,
			      "TYPE E is off here: no code page was loaded; use TYPE A");
		return;
	}
	representation->type = type;
	representation->format = format;
	representation->byte_bits = bits;
	reply_type(session);
}

/* One of the letters in choices, "F, R, P", which parameter then is. */
static void letter_set(struct session *session, struct view argument, const char *verb,
		       const char *choices, uint8_t *parameter)
{
	uint8_t letter = (uint8_t)(argument.at[0] & ~0x20);

	if (argument.length != 1) {
		session_reply(session, REPLY_501_SYNTAX_ARGUMENT, "%s takes one letter: %s", verb,
			      choices);
	} else if (letter == 0 || !strchr(choices, letter)) {
		session_reply(session, REPLY_504_PARAMETER_NOT_IMPLEMENTED,
			      "This %s is not implemented; use one of %s", verb, choices);
	} else {
		*parameter = letter;
		session_reply(session, REPLY_200_OKAY, "%s is %c", verb, letter);
	}
}

void command_mode(struct session *session, struct view argument)
{
	letter_set(session, argument, "MODE", "S, B, C, Z", &session->representation.mode);
}

void command_stru(struct session *session, struct view argument)
{
	letter_set(session, argument, "STRU", "F, R, P", &session->representation.structure);
}

/* MODE B and C: a marker, which is looked at by the transfer (RFC 1123 section 4.1.3.4). */
static void rest_mark(struct session *session, struct view argument)
{
	if (argument.length >= RESTART_MARK_MAX) {
		session_reply(session, REPLY_501_SYNTAX_ARGUMENT,
			      "A restart marker has at most %d characters", RESTART_MARK_MAX - 1);
		return;
	}
	for (size_t i = 0; i < argument.length; i++)
		if (argument.at[i] < '!' || argument.at[i] > '~') {
			session_reply(session, REPLY_501_SYNTAX_ARGUMENT,
				      "A restart marker is of printable characters without spaces");
			return;
		}
	session->restart_mark = calls->allocate(argument.length + 1);
	if (!session->restart_mark) {
		session_reply_error(session, -ENOMEM, "REST");
		return;
	}
	memcpy(session->restart_mark, argument.at, argument.length);
	session->restart_mark[argument.length] = '\0';
	session_reply(session, REPLY_350_PENDING, "The next transfer begins at the marker");
}

void command_rest(struct session *session, struct view argument)
{
	int64_t offset = 0;

	session_forget_restart(session);
	if (representation_has_markers(&session->representation) && !view_is(argument, "0")) {
		rest_mark(session, argument);
		return;
	}
	if (number_parse(argument, &offset) != argument.length) {
		session_reply(session, REPLY_501_SYNTAX_ARGUMENT,
			      "REST takes a number of bytes, as in REST 1000");
		return;
	}
	session->restart = offset;
	session_reply(session, REPLY_350_PENDING, "The next transfer begins at byte %lld",
		      (long long)offset);
}

/* So many logical bytes of the present TYPE, in octets; as many as there can be, if they are more. */
static int64_t octets_of_bytes(const struct session *session, int64_t bytes)
{
	const struct representation *representation = &session->representation;
	int64_t bits = representation->type == TYPE_LOCAL ? representation->byte_bits : 8;

	return bytes / 8 > (INT64_MAX - 8) / bits ? INT64_MAX
						  : bytes / 8 * bits + (bytes % 8 * bits + 7) / 8;
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
	session->allocate_bytes = octets_of_bytes(session, bytes);
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
	session->facts = (uint16_t)facts;
	for (unsigned fact = 1; fact <= FACTS_ALL; fact <<= 1) {
		if (facts & fact) {
			strcat(text, text[0] ? "" : " ");
			strcat(text, fact_name(fact));
			strcat(text, ";");
		}
	}
	session_reply(session, REPLY_200_OKAY, "MLST OPTS%s", text);
}

/* One parameter of MODE Z. False: there is none of that name or value. */
static bool mode_z_set(struct representation *representation, struct view name, struct view value)
{
	int64_t level;

	if (view_is_word(name, "LEVEL") && value.length > 0 &&
	    number_parse(value, &level) == value.length && level >= 1 && level <= 9)
		representation->level = (uint8_t)level;
	else if (view_is_word(name, "KEEP") &&
		 (view_is_word(value, "ON") || view_is_word(value, "OFF")))
		representation->keep = view_is_word(value, "ON");
	else
		return (view_is_word(name, "ENGINE") && view_is_word(value, "ZLIB")) ||
		       (view_is_word(name, "METHOD") && view_is_word(value, "8"));
	return true;
}

/* draft-preston-ftpext-deflate: what zlib is told, as far as it is a client's business; and KEEP, whether
 * the data connection stays behind a file (represent/representation.h). All of it, or nothing. */
static void opts_mode_z(struct session *session, struct view wanted)
{
	struct representation representation = session->representation;
	struct view name;

	do {
		name = view_take_word(&wanted);
		if (!mode_z_set(&representation, name, view_take_word(&wanted))) {
			session_reply(session, REPLY_501_SYNTAX_ARGUMENT,
				      "OPTS MODE Z takes LEVEL and a number from 1 to 9, or KEEP "
				      "and ON or OFF");
			return;
		}
	} while (wanted.length > 0);
	session->representation = representation;
	if (view_is_word(name, "LEVEL"))
		session_reply(session, REPLY_200_OKAY, "MODE Z LEVEL is %lld",
			      (long long)representation.level);
	else if (view_is_word(name, "KEEP"))
		session_reply(session, REPLY_200_OKAY,
			      representation.keep
				      ? "In MODE Z the data connection stays open for the next file"
				      : "In MODE Z each file has a data connection of its own");
	else
		session_reply(session, REPLY_200_OKAY, "So it is");
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
	else if (argument.length > 7 && strncasecmp(argument.at, "MODE Z ", 7) == 0)
		opts_mode_z(session, view_skip(argument, 7));
	else if (view_is_word(argument, "HASH"))
		session_opts_hash(session, view_of(""));
	else if (argument.length > 5 && strncasecmp(argument.at, "HASH ", 5) == 0)
		session_opts_hash(session, view_skip(argument, 5));
	else
		session_reply(
			session, REPLY_501_SYNTAX_ARGUMENT,
			"OPTS takes UTF8 ON, HASH and a name, MODE Z LEVEL and a number, "
			"MODE Z KEEP and ON or OFF, or MLST and facts, as in OPTS MLST type;size;");
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
			session_text(session, "is the working folder"));
}

static void stat_listings(const struct session *session, struct reply_text *reply)
{
	struct listing_cache_counts counts;
	uint64_t asked;

	if (!session->context->listings)
		return;
	listing_cache_counts(session->context->listings, &counts);
	asked = counts.hits + counts.misses + counts.passed;
	reply_text_inner(reply,
			 session_text(session, "Listings: %llu of %llu (%llu%%) sent from memory"),
			 (unsigned long long)counts.hits, (unsigned long long)asked,
			 (unsigned long long)(asked ? 100 * counts.hits / asked : 0));
	reply_text_inner(reply,
			 session_text(session, "Listings kept: %u, %llu bytes, %u folders watched"),
			 counts.listings, (unsigned long long)counts.bytes, counts.watches);
	reply_text_inner(reply,
			 session_text(session, "Listings dropped: %llu changed, %llu old, %llu for "
					       "room; emptied %llu times"),
			 (unsigned long long)counts.changed, (unsigned long long)counts.expired,
			 (unsigned long long)counts.evicted, (unsigned long long)counts.emptied);
}

/* Of the worker, and of the whole server: for those who may write. */
static void stat_server(const struct session *session, struct reply_text *reply)
{
	const struct seats *memory = &session->context->memory;

	if (!session->may_write || session->state != SESSION_LOGGED_IN)
		return;
	reply_text_inner(reply, session_text(session, "Memory for transfers: %zu of %zu bytes"),
			 memory->taken, memory->max);
	stat_listings(session, reply);
}

void command_stat(struct session *session, struct view argument)
{
	struct reply_text *reply;
	char address[ADDRESS_TEXT_MAX];
	char parameters[REPRESENTATION_TEXT_BYTES];

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
	reply_text_inner(reply, session_text(session, "Connected from %s"), address);
	if (session->state == SESSION_LOGGED_IN)
		reply_text_inner(reply, session_text(session, "Logged in as %s%s"), session->name,
				 session->may_write ? "" : session_text(session, ", read-only"));
	else
		reply_text_inner(reply, "%s", session_text(session, "Not logged in"));
	representation_format(&session->representation, parameters);
	reply_text_inner(reply, "%s", parameters);
	reply_text_inner(reply, session_text(session, "Worker: %u of %u"),
			 session->context->worker + 1, session->context->workers);
	session_language_status(session, reply);
	session_host_status(session, reply);
	session_transfer_status(session, reply);
	stat_server(session, reply);
	reply_text_line(reply, REPLY_211_SYSTEM_STATUS, "End");
}
