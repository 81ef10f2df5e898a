/*
 * The table of commands (RFC 959 section 4.1 and its successors). What the syntax, the login, the
 * sequence and the rights of a command are is answered from the table, before its function runs;
 * HELP, FEAT and the list of what does not wait during a transfer come from it too.
 */
#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/command_line.h"
#include "session/session_priv.h"
#include "sys/identity.h"

enum argument_kind {
	ARGUMENT_NONE,	  /* must have none */
	ARGUMENT_IGNORED, /* may have one, which means nothing */
	ARGUMENT_OPTIONAL,
	ARGUMENT_NEEDED,
};

enum command_flags {
	ANY_TIME = 0,
	LOGIN = 1 << 0,		/* 530 before */
	CHANGES = 1 << 1,	/* 550 in a session that may only read */
	KEEPS_RESTART = 1 << 2, /* may come between REST and the transfer that it is for */
	KEEPS_RENAME = 1 << 3,	/* may come between RNFR and RNTO */
	DATA_PORT = 1 << 4,	/* refused after EPSV ALL (RFC 2428 section 4) */
	AFTER_USER = 1 << 5,	/* 503 but between USER and the end of the login */
	AFTER_RNFR = 1 << 6,	/* 503 without */
	AT_ONCE = 1 << 7,	/* does not wait for a transfer's end, unless it has a path */
	NEW_NAME = 1 << 8,	/* a name that is refused is 553, not 550 (RFC 959 section 5.4) */
	FEATURE = 1 << 9,	/* FEAT names it */
	HASHES_PARAMETERS = 1 << 10, /* and how its argument may go on */
	STORES = 1 << 11,	     /* an upload */
};

struct command {
	char verb[COMMAND_VERB_MAX + 1];
	command_fn *execute;
	uint8_t argument;
	uint16_t flags;
	const char *syntax; /* what HELP shows behind the verb */
	const char *section;
};

#define PORTS (LOGIN | KEEPS_RESTART | KEEPS_RENAME | DATA_PORT)
#define HASHES (LOGIN | FEATURE | HASHES_PARAMETERS)
#define HASHES_SYNTAX "<path> | \"<path>\" [<first> [<last>]]", "no standard; as Serv-U has it"
#define ALWAYS (ANY_TIME | KEEPS_RENAME)
#define AFTER_AUTH "RFC 2228 3; goes with AUTH, there is no TLS"
#define STREAMLINED "draft-peterson-streamlined-ftp-command-extensions"

static const struct command commands[] = {
	{ "ABOR", command_abor, ARGUMENT_IGNORED, ALWAYS | AT_ONCE, "", "RFC 959 4.1.3" },
	{ "ACCT", command_acct, ARGUMENT_NEEDED, ANY_TIME, "<account>", "RFC 959 4.1.1" },
	{ "ALLO", command_allo, ARGUMENT_NEEDED, LOGIN | KEEPS_RESTART, "<bytes> [R <record size>]",
	  "RFC 959 4.1.3" },
	{ "APPE", command_appe, ARGUMENT_NEEDED, LOGIN | CHANGES | STORES, "<path>",
	  "RFC 959 4.1.3" },
	{ "AUTH", command_auth, ARGUMENT_NEEDED, ALWAYS, "<mechanism>",
	  "RFC 2228 3; none is implemented, there is no TLS" },
	{ "AVBL", command_avbl, ARGUMENT_OPTIONAL, LOGIN | FEATURE, "[<path>]", STREAMLINED },
	{ "CDUP", command_cdup, ARGUMENT_IGNORED, LOGIN, "", "RFC 959 4.1.1" },
	{ "CLNT", command_clnt, ARGUMENT_NEEDED, ALWAYS | FEATURE, "<name and version>",
	  "what FTP clients agreed on" },
	{ "COMB", command_comb, ARGUMENT_NEEDED, LOGIN | CHANGES | FEATURE,
	  "<target> <part> [<part>...], names with spaces in \"\"", "Globalscape's" },
	{ "CSID", command_csid, ARGUMENT_IGNORED, ALWAYS | FEATURE, "[Name=<name>; ...]",
	  STREAMLINED },
	{ "CWD", command_cwd, ARGUMENT_OPTIONAL, LOGIN, "[<path>]", "RFC 959 4.1.1" },
	{ "DELE", command_dele, ARGUMENT_NEEDED, LOGIN | CHANGES, "<path>", "RFC 959 4.1.3" },
	{ "DSIZ", command_dsiz, ARGUMENT_OPTIONAL, LOGIN | FEATURE, "[<path>]", STREAMLINED },
	{ "EPRT", command_eprt, ARGUMENT_NEEDED, PORTS | FEATURE, "|<1 or 2>|<address>|<port>|",
	  "RFC 2428 2" },
	{ "EPSV", command_epsv, ARGUMENT_OPTIONAL, (PORTS & ~DATA_PORT) | FEATURE, "[1 | 2 | ALL]",
	  "RFC 2428 3" },
	{ "FEAT", command_feat, ARGUMENT_NONE, ALWAYS, "", "RFC 2389 3" },
	{ "HASH", command_hash, ARGUMENT_NEEDED, LOGIN | FEATURE, "<path>",
	  "draft-bryan-ftpext-hash-02 3" },
	{ "HELP", command_help, ARGUMENT_OPTIONAL, ALWAYS, "[<command>]", "RFC 959 4.1.3" },
	{ "HOST", command_host, ARGUMENT_NEEDED, ANY_TIME | FEATURE, "<name or address>",
	  "RFC 7151 3" },
	{ "LANG", command_lang, ARGUMENT_OPTIONAL, ALWAYS | FEATURE, "[<language>]",
	  "RFC 2640 4.1" },
	{ "LIST", command_list, ARGUMENT_OPTIONAL, LOGIN, "[<path>]", "RFC 959 4.1.3" },
	{ "LPRT", command_lprt, ARGUMENT_NEEDED, PORTS | FEATURE,
	  "<4 or 6>,<bytes>,<h1,h2,...>,<bytes>,<p1,p2>", "RFC 1639 2" },
	{ "LPSV", command_lpsv, ARGUMENT_NONE, PORTS | FEATURE, "", "RFC 1639 3" },
	{ "MD5", command_md5, ARGUMENT_NEEDED, LOGIN | FEATURE, "<path>",
	  "draft-twine-ftpmd5-00 3.1" },
	{ "MDTM", command_mdtm, ARGUMENT_NEEDED, LOGIN | FEATURE, "<path>", "RFC 3659 3" },
	{ "MFCT", command_mfct, ARGUMENT_NEEDED, LOGIN | CHANGES, "<time> <path>",
	  "draft-somers-ftp-mfxx 4" },
	{ "MFF", command_mff, ARGUMENT_NEEDED, LOGIN | CHANGES | FEATURE,
	  "<fact>=<value>;... <path>", "draft-somers-ftp-mfxx 5" },
	{ "MFMT", command_mfmt, ARGUMENT_NEEDED, LOGIN | CHANGES | FEATURE, "<time> <path>",
	  "draft-somers-ftp-mfxx 3" },
	{ "MKD", command_mkd, ARGUMENT_NEEDED, LOGIN | CHANGES, "<path>", "RFC 959 4.1.3" },
	{ "MLSD", command_mlsd, ARGUMENT_OPTIONAL, LOGIN, "[<path>]", "RFC 3659 7" },
	{ "MLST", command_mlst, ARGUMENT_OPTIONAL, LOGIN | FEATURE, "[<path>]", "RFC 3659 7" },
	{ "MODE", command_mode, ARGUMENT_NEEDED, LOGIN | KEEPS_RESTART, "S | B | C | Z",
	  "RFC 959 4.1.2" },
	{ "NLST", command_nlst, ARGUMENT_OPTIONAL, LOGIN, "[<path>]", "RFC 959 4.1.3" },
	{ "NOOP", command_noop, ARGUMENT_IGNORED, ALWAYS, "", "RFC 959 4.1.3" },
	{ "OPTS", command_opts, ARGUMENT_NEEDED, ALWAYS,
	  "UTF8 ON | MLST <facts> | HASH [<name>] | MODE Z LEVEL <1 to 9> | MODE Z KEEP ON | OFF",
	  "RFC 2389 4" },
	{ "PASS", command_pass, ARGUMENT_OPTIONAL, AFTER_USER, "<password>", "RFC 959 4.1.1" },
	{ "PASV", command_pasv, ARGUMENT_NONE, PORTS, "", "RFC 959 4.1.2" },
	{ "PBSZ", command_prot, ARGUMENT_NEEDED, ALWAYS, "<bytes>", AFTER_AUTH },
	{ "PORT", command_port, ARGUMENT_NEEDED, PORTS, "<h1,h2,h3,h4,p1,p2>", "RFC 959 4.1.2" },
	{ "PRET", command_pret, ARGUMENT_NEEDED, LOGIN | KEEPS_RESTART | FEATURE,
	  "<command> [<path>]", "what FTP clients agreed on" },
	{ "PROT", command_prot, ARGUMENT_NEEDED, ALWAYS, "<level>", AFTER_AUTH },
	{ "PWD", command_pwd, ARGUMENT_IGNORED, LOGIN | KEEPS_RENAME, "", "RFC 959 4.1.3" },
	{ "QUIT", command_quit, ARGUMENT_IGNORED, ANY_TIME, "", "RFC 959 4.1.1" },
	{ "RANG", command_rang, ARGUMENT_NEEDED, LOGIN | KEEPS_RESTART | FEATURE, "<first> <last>",
	  "draft-bryan-ftp-range-08 3" },
	{ "REIN", command_rein, ARGUMENT_NONE, ANY_TIME, "", "RFC 959 4.1.1" },
	{ "REST", command_rest, ARGUMENT_NEEDED, LOGIN | KEEPS_RESTART | FEATURE,
	  "<bytes or marker>", "RFC 3659 5" },
	{ "RETR", command_retr, ARGUMENT_NEEDED, LOGIN, "<path>", "RFC 959 4.1.3" },
	{ "RMD", command_rmd, ARGUMENT_NEEDED, LOGIN | CHANGES, "<path>", "RFC 959 4.1.3" },
	{ "RMDA", command_rmda, ARGUMENT_NEEDED, LOGIN | CHANGES | FEATURE, "<path>",
	  "draft-peterson-streamlined-ftp-command-extensions" },
	{ "RNFR", command_rnfr, ARGUMENT_NEEDED, LOGIN | CHANGES, "<path>", "RFC 959 4.1.3" },
	{ "RNTO", command_rnto, ARGUMENT_NEEDED,
	  LOGIN | CHANGES | KEEPS_RENAME | AFTER_RNFR | NEW_NAME, "<path>", "RFC 959 4.1.3" },
	{ "SITE", command_site, ARGUMENT_NEEDED, ALWAYS, "HELP | <word> <arguments>",
	  "RFC 959 4.1.3" },
	{ "SIZE", command_size, ARGUMENT_NEEDED, LOGIN | FEATURE, "<path>", "RFC 3659 4" },
	{ "SMNT", command_smnt, ARGUMENT_NEEDED, LOGIN, "<path>", "RFC 959 4.1.1" },
	{ "STAT", command_stat, ARGUMENT_OPTIONAL, ALWAYS | AT_ONCE, "[<path>]", "RFC 959 4.1.3" },
	{ "STOR", command_stor, ARGUMENT_NEEDED, LOGIN | CHANGES | STORES | NEW_NAME, "<path>",
	  "RFC 959 4.1.3" },
	{ "STOU", command_stou, ARGUMENT_OPTIONAL, LOGIN | CHANGES | STORES | NEW_NAME, "[<path>]",
	  "RFC 959 4.1.3" },
	{ "STRU", command_stru, ARGUMENT_NEEDED, LOGIN | KEEPS_RESTART, "F | R | P",
	  "RFC 959 4.1.2" },
	{ "SYST", command_syst, ARGUMENT_IGNORED, ALWAYS, "", "RFC 959 4.1.3" },
	{ "TYPE", command_type, ARGUMENT_NEEDED, LOGIN | KEEPS_RESTART,
	  "A [N | T | C] | E [N | T | C] | I | L <bits of a byte>", "RFC 959 4.1.2" },
	{ "USER", command_user, ARGUMENT_NEEDED, ANY_TIME, "<name>", "RFC 959 4.1.1" },
	{ "XCRC", command_xcrc, ARGUMENT_NEEDED, HASHES, HASHES_SYNTAX },
	{ "XCUP", command_cdup, ARGUMENT_IGNORED, LOGIN, "", "RFC 1123 4.1.3.1" },
	{ "XCWD", command_cwd, ARGUMENT_OPTIONAL, LOGIN, "[<path>]", "RFC 1123 4.1.3.1" },
	{ "XMD5", command_xmd5, ARGUMENT_NEEDED, HASHES, HASHES_SYNTAX },
	{ "XMKD", command_mkd, ARGUMENT_NEEDED, LOGIN | CHANGES, "<path>", "RFC 1123 4.1.3.1" },
	{ "XPWD", command_pwd, ARGUMENT_IGNORED, LOGIN | KEEPS_RENAME, "", "RFC 1123 4.1.3.1" },
	{ "XRMD", command_rmd, ARGUMENT_NEEDED, LOGIN | CHANGES, "<path>", "RFC 1123 4.1.3.1" },
	{ "XSHA", command_xsha1, ARGUMENT_NEEDED, HASHES, HASHES_SYNTAX },
	{ "XSHA1", command_xsha1, ARGUMENT_NEEDED, HASHES, HASHES_SYNTAX },
	{ "XSHA256", command_xsha256, ARGUMENT_NEEDED, HASHES, HASHES_SYNTAX },
	{ "XSHA512", command_xsha512, ARGUMENT_NEEDED, HASHES, HASHES_SYNTAX },
};

#define COMMANDS_COUNT (sizeof(commands) / sizeof(commands[0]))

/* The table is in the order of ASCII (digits before letters), and a verb has at most seven
 * characters, with zeros behind them: as one number each, it is searched without comparing strings. */
static uint64_t verb_number(const char verb[COMMAND_VERB_MAX + 1])
{
	uint64_t number;

	static_assert(COMMAND_VERB_MAX + 1 == sizeof(number), "a verb is a number");
	memcpy(&number, verb, sizeof(number));
	return be64toh(number);
}

static const struct command *command_find(const char *verb)
{
	uint64_t number = verb_number(verb);
	size_t low = 0;
	size_t high = COMMANDS_COUNT;

	while (low < high) {
		size_t middle = (low + high) / 2;
		uint64_t there = verb_number(commands[middle].verb);

		if (there == number)
			return &commands[middle];
		if (there < number)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* Answers from the table what must not reach the command's function: login, syntax, rights, and
 * sequence. */
static bool command_is_allowed(struct session *session, const struct command *command,
			       const struct command_line *line)
{
	if (command->flags & LOGIN && session->state != SESSION_LOGGED_IN)
		session_reply(session, REPLY_530_NOT_LOGGED_IN, "Log in first, with USER and PASS");
	else if (command->argument == ARGUMENT_NEEDED && line->argument.length == 0)
		session_reply(session, REPLY_501_SYNTAX_ARGUMENT, "%s needs an argument: %s %s",
			      command->verb, command->verb, command->syntax);
	else if (command->argument == ARGUMENT_NONE && line->argument.length > 0)
		session_reply(session, REPLY_501_SYNTAX_ARGUMENT, "%s takes no argument",
			      command->verb);
	else if (command->flags & CHANGES && !session->may_write)
		session_reply(session, session->name_refusal,
			      "Nothing can be changed here: this is read-only for you");
	else if (command->flags & AFTER_USER && session->state == SESSION_LOGGED_IN)
		session_reply(session, REPLY_503_BAD_SEQUENCE, "You are logged in already");
	else if (command->flags & AFTER_USER && session->state != SESSION_NAMED)
		session_reply(session, REPLY_503_BAD_SEQUENCE, "Send USER first");
	else if (command->flags & AFTER_RNFR && (!session->rename_from || session->copies))
		session_reply(session, REPLY_503_BAD_SEQUENCE, "Send RNFR first");
	else if (command->flags & DATA_PORT && session->epsv_all)
		session_reply(session, REPLY_503_BAD_SEQUENCE,
			      "After EPSV ALL only EPSV is allowed");
	else
		return true;
	return false;
}

void session_forget_rename(struct session *session)
{
	free(session->rename_from);
	session->rename_from = NULL;
	session->copies = false;
}

/* The command of a line, or NULL after a reply. */
static const struct command *session_find_command(struct session *session, struct view line,
						  struct command_line *ret_parsed)
{
	int r = command_line_parse(line, ret_parsed);
	const struct command *command = r == 0 ? command_find(ret_parsed->verb) : NULL;

	if (r == -EINVAL) {
		session_doubt_data(session);
		session_reply(session, REPLY_501_SYNTAX_ARGUMENT,
			      "A command cannot contain NUL or CR");
	} else if (!command) {
		session_reply(session, REPLY_500_SYNTAX,
			      "Unknown command; HELP lists those there are");
	}
	return command;
}

void session_execute(struct session *session, struct view line)
{
	struct command_line parsed;
	const struct command *command = session_find_command(session, line, &parsed);
	unsigned flags = command ? command->flags : 0;

	if (!(flags & KEEPS_RENAME))
		session_forget_rename(session);
	if (!session->action) /* what comes during a command leaves that one's code alone */
		session->name_refusal = flags & NEW_NAME ? REPLY_553_NAME_NOT_ALLOWED
							 : REPLY_550_FILE_UNAVAILABLE;
	if (command && command_is_allowed(session, command, &parsed))
		command->execute(session, parsed.argument);
	/* An upload begins with a job: this one has been refused. */
	if (flags & STORES && !session->action)
		session_doubt_data(session);
	/* Its port is others' again, though what the transfer waits for may take long. */
	if (session->action && session->action->transfers)
		session_data_expect(session);
	/* The restart point is of the next transfer alone, whatever becomes of that. */
	if (!(flags & KEEPS_RESTART))
		session_forget_restart(session);
}

bool session_is_urgent(const struct session *session, struct view line)
{
	const struct command *command;
	struct command_line parsed;

	if (command_line_parse(line, &parsed) < 0)
		return false;
	command = command_find(parsed.verb);
	/* Within a reply of several lines, and before that to PASV, there is no place for another;
	 * ABOR's comes behind it. */
	if (((session->action && session->action->hash_lines) || session_is_telling(session) ||
	     session->data_state == DATA_WAITING) &&
	    command && command->execute != command_abor)
		return false;
	return command && command->flags & AT_ONCE &&
	       (command->argument == ARGUMENT_IGNORED || parsed.argument.length == 0);
}

static void help_list(struct session *session)
{
	struct reply_text *reply = session_reply_text(session);

	reply_text_begin(reply, REPLY_214_HELP, "%s",
			 session_text(session, "Commands (HELP <command> tells more):"));
	for (size_t i = 0; i < COMMANDS_COUNT; i += 8) {
		char text[8 * (COMMAND_VERB_MAX + 1) + 1] = "";
		char *at = text;

		for (size_t j = i; j < i + 8 && j < COMMANDS_COUNT; j++)
			at += snprintf(at, COMMAND_VERB_MAX + 2, "%-*.*s", COMMAND_VERB_MAX + 1,
				       COMMAND_VERB_MAX, commands[j].verb);
		reply_text_inner(reply, "%s", text);
	}
	reply_text_line(reply, REPLY_214_HELP, "End");
}

void command_help(struct session *session, struct view argument)
{
	const struct command *command;
	struct command_line parsed;

	if (argument.length == 0) {
		help_list(session);
		return;
	}
	command = command_line_parse(argument, &parsed) == 0 ? command_find(parsed.verb) : NULL;
	if (command && command->execute == command_site)
		session_site_help(session, parsed.argument);
	else if (command)
		session_reply(session, REPLY_214_HELP, "Syntax: %s%s%s (%s)", command->verb,
			      *command->syntax ? " " : "", command->syntax,
			      session_text(session, command->section));
	else
		session_reply(session, REPLY_502_NOT_IMPLEMENTED,
			      "Unknown command; HELP lists those there are");
}

/* Why a transfer command would be refused for its TYPE, STRU and MODE, or NULL. */
static const char *pret_refusal(const struct session *session, const struct command *command)
{
	const struct representation *representation = &session->representation;

	if (command->execute == command_mlsd)
		return NULL;
	return command->execute == command_list || command->execute == command_nlst
		       ? representation_listing_refusal(representation)
		       : representation_refusal(representation);
}

/* PRET announces a transfer command (of drftpd and pftpd, whose data connections lead elsewhere). Its
 * rights and its representation are looked at as if it came now, and of RETR the file; that is all. */
void command_pret(struct session *session, struct view argument)
{
	static command_fn *const transfers[] = { command_retr, command_stor, command_appe,
						 command_stou, command_list, command_nlst,
						 command_mlsd };
	const struct command *command = NULL;
	struct command_line line;

	if (command_line_parse(argument, &line) == 0)
		command = command_find(line.verb);
	for (size_t i = 0; command && i < sizeof(transfers) / sizeof(transfers[0]); i++) {
		if (command->execute != transfers[i])
			continue;
		if (command_is_allowed(session, command, &line))
			session_pret(session, pret_refusal(session, command),
				     command->execute == command_retr, line.argument);
		return;
	}
	session_reply(session, REPLY_501_SYNTAX_ARGUMENT,
		      "PRET takes a transfer command, as in PRET RETR a");
}

/* What FEAT writes behind the verb; facts and languages are those of MLST and LANG. */
static const char *feature_argument(const struct session *session, const struct command *command,
				    const char *facts, const char *languages, const char *hashes)
{
	if (command->execute == command_lang)
		return languages;
	if (command->execute == command_mlst)
		return facts;
	if (command->execute == command_mff)
		return session->context->identity->may_give ? " modify;UNIX.mode;UNIX.group;"
							    : " modify;UNIX.mode;";
	if (command->execute == command_rest || command->execute == command_rang)
		return " STREAM";
	if (command->execute == command_comb)
		return " target;source_list";
	if (command->execute == command_hash)
		return hashes;
	if (command->flags & HASHES_PARAMETERS)
		return " filename;start;end";
	return "";
}

/* FEAT (RFC 2389 section 3): the table's, then what belongs to no command. A fact of MLST that is
 * on is marked (RFC 3659 section 7.8). */
void command_feat(struct session *session, struct view argument)
{
	struct reply_text *reply = session_reply_text(session);
	char languages[LANGUAGES_TEXT_MAX];
	char facts[160] = " ";
	char hashes[HASH_NAMES_MAX];

	(void)argument;
	for (unsigned fact = 1; fact <= FACTS_ALL; fact <<= 1) {
		strcat(facts, fact_name(fact));
		strcat(facts, session->facts & fact ? "*;" : ";");
	}
	session_languages(session, languages);
	session_hash_names(session, hashes);
	reply_text_begin(reply, REPLY_211_SYSTEM_STATUS, "Extensions:");
	for (size_t i = 0; i < COMMANDS_COUNT; i++)
		if (commands[i].flags & FEATURE)
			reply_text_inner(reply, "%s%s", commands[i].verb,
					 feature_argument(session, &commands[i], facts, languages,
							  hashes));
	reply_text_inner(reply, "MODE Z");
	reply_text_inner(reply, "OPTS MODE Z KEEP"); /* what follows "MODE Z" names engines */
	session_site_features(session, reply);
	reply_text_inner(reply, "TVFS");
	reply_text_inner(reply, "UTF8");
	reply_text_line(reply, REPLY_211_SYSTEM_STATUS, "End");
}
