/*
 * SITE (RFC 959 section 4.1.3): services of this system that no command of the standard is for. One
 * table, as that of the commands (commands.c): what a word's syntax, login and rights are is
 * answered from it before its function runs, and SITE HELP, HELP SITE and FEAT come from it too.
 *
 * Only SITE HELP may come before the login, as HELP may. Success is 200, or 250 where a file is
 * made or removed as by a command of the standard.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "fs/creation_mode.h"
#include "fs/folders.h"
#include "fs/inode.h"
#include "fs/links.h"
#include "protocol/time_value.h"
#include "protocol/words.h"
#include "session/session_priv.h"
#include "sys/identity.h"
#include "sys/umask.h"

enum site_flags {
	SITE_LOGIN = 1 << 0,	  /* 530 before */
	SITE_CHANGES = 1 << 1,	  /* 550 in a session that may only read */
	SITE_ARGUMENT = 1 << 2,	  /* 501 without */
	SITE_FEATURE = 1 << 3,	  /* FEAT names it */
	SITE_KEEPS_COPY = 1 << 4, /* may come between SITE CPFR and SITE CPTO */
	SITE_GIVES = 1 << 5,	  /* no feature where the process may not give files to groups */
};

struct site_command {
	const char *word;
	command_fn *execute;
	unsigned flags;
	const char *syntax; /* what help shows behind the word */
	const char *about;
};

static command_fn site_alias, site_chmod, site_group, site_help, site_idle, site_link, site_mkdir;
static command_fn site_symlink, site_umask, site_utime;

#define ASKS (SITE_LOGIN | SITE_FEATURE)
#define GIVES_PATH (CHANGES_PATH | SITE_GIVES)
#define CHANGES_PATH (SITE_LOGIN | SITE_CHANGES | SITE_ARGUMENT | SITE_FEATURE)

static const struct site_command site_commands[] = {
	{ "ALIAS", site_alias, SITE_LOGIN, "[<name>]", "short names of folders, which CWD takes" },
	{ "CHGRP", site_group, GIVES_PATH, "<group> <path>", "the same as SITE GROUP" },
	{ "CHMOD", site_chmod, CHANGES_PATH, "<octal mode> <path>",
	  "rights of a file or folder, at most 777" },
	{ "CPFR", site_cpfr, CHANGES_PATH, "<file>", "the file that SITE CPTO copies" },
	{ "CPTO", site_cpto, CHANGES_PATH | SITE_KEEPS_COPY, "<path>",
	  "copies the file of SITE CPFR" },
	{ "GROUP", site_group, GIVES_PATH, "<group> <path>",
	  "gives a file or folder to a group, by its name or number" },
	{ "HELP", site_help, SITE_KEEPS_COPY, "[<word>]", "what SITE can do" },
	{ "IDLE", site_idle, ASKS, "[<seconds>]", "how long this session may be idle" },
	{ "INDEX", site_index, ASKS, "[<path>]",
	  "a whole tree in one listing, like MLSD, over the data connection" },
	{ "LINK", site_link, CHANGES_PATH, "<file> <new name>",
	  "a second name (hard link); names with spaces in \"\"" },
	{ "MKDIR", site_mkdir, CHANGES_PATH, "<path>", "makes a folder and those above it" },
	{ "RMDIR", command_rmd, CHANGES_PATH, "<path>", "removes an empty folder" },
	{ "SYMLINK", site_symlink, CHANGES_PATH, "<target> <new name>",
	  "a symbolic link; names with spaces in \"\"" },
	{ "UMASK", site_umask, ASKS, "[<octal mask>]",
	  "rights that what this session makes does not have" },
	{ "UTIME", site_utime, CHANGES_PATH,
	  "<YYYYMMDDhhmm[ss]> <path> | <path> <accessed> <modified> <made> UTC",
	  "sets times, in UTC" },
};

#define SITE_COUNT (sizeof(site_commands) / sizeof(site_commands[0]))

static const struct site_command *site_find(struct view word)
{
	for (size_t i = 0; i < SITE_COUNT; i++)
		if (view_is_word(word, site_commands[i].word))
			return &site_commands[i];
	return NULL;
}

static bool site_is_allowed(struct session *session, const struct site_command *command,
			    struct view argument)
{
	if (command->flags & SITE_LOGIN && session->state != SESSION_LOGGED_IN)
		session_reply(session, REPLY_530_NOT_LOGGED_IN, "Log in first, with USER and PASS");
	else if (command->flags & SITE_ARGUMENT && argument.length == 0)
		session_reply(session, REPLY_501_SYNTAX_ARGUMENT,
			      "SITE %s needs an argument: SITE %s %s", command->word, command->word,
			      command->syntax);
	else if (command->flags & SITE_CHANGES && !session->may_write)
		session_reply(session, REPLY_550_FILE_UNAVAILABLE,
			      "Nothing can be changed here: this is read-only for you");
	else
		return true;
	return false;
}

void command_site(struct session *session, struct view argument)
{
	const struct site_command *command = site_find(view_take_word(&argument));

	if (!command || !(command->flags & SITE_KEEPS_COPY))
		session_forget_rename(session);
	if (!command)
		session_reply(session, REPLY_504_PARAMETER_NOT_IMPLEMENTED,
			      "Unknown SITE command; SITE HELP lists those there are");
	else if (site_is_allowed(session, command, argument))
		command->execute(session, argument);
}

static void site_refuse_syntax(struct session *session, const char *word)
{
	const struct site_command *command = site_find(view_of(word));

	assert(command);
	session_reply(session, REPLY_501_SYNTAX_ARGUMENT, "The syntax is SITE %s %s", word,
		      command->syntax);
}

void session_site_features(struct session *session, struct reply_text *reply)
{
	if (session->context->config->aliases_count > 0)
		reply_text_inner(reply, "SITE ALIAS");
	for (size_t i = 0; i < SITE_COUNT; i++)
		if (site_commands[i].flags & SITE_FEATURE &&
		    (!(site_commands[i].flags & SITE_GIVES) ||
		     session->context->identity->may_give))
			reply_text_inner(reply, "SITE %s", site_commands[i].word);
}

static void help_list(struct session *session)
{
	struct reply_text *reply = session_reply_text(session);

	reply_text_begin(reply, REPLY_214_HELP, "%s",
			 session_text(session, "SITE commands (SITE HELP <word> tells more):"));
	for (size_t i = 0; i < SITE_COUNT; i++)
		reply_text_inner(reply, "SITE %s %s", site_commands[i].word,
				 site_commands[i].syntax);
	reply_text_line(reply, REPLY_214_HELP, "End");
}

void session_site_help(struct session *session, struct view word)
{
	const struct site_command *command = site_find(word);

	if (word.length == 0)
		help_list(session);
	else if (command)
		session_reply(session, REPLY_214_HELP, "Syntax: SITE %s %s (%s)", command->word,
			      command->syntax, session_text(session, command->about));
	else
		session_reply(session, REPLY_502_NOT_IMPLEMENTED,
			      "Unknown SITE command; SITE HELP lists those there are");
}

static void site_help(struct session *session, struct view argument)
{
	session_site_help(session, argument);
}

static void alias_list(struct session *session)
{
	const struct config *config = session->context->config;
	struct reply_text *reply = session_reply_text(session);
	bool all = true;

	if (config->aliases_count == 0) {
		session_reply(session, REPLY_214_HELP, "No aliases are defined");
		return;
	}
	reply_text_begin(reply, REPLY_214_HELP, "%s",
			 session_text(session, "Names that CWD takes everywhere:"));
	for (size_t i = 0; i < config->aliases_count && all; i++)
		all = reply_text_inner(reply, "%.*s %s", (int)config->aliases[i].name.length,
				       config->aliases[i].name.at, config->aliases[i].path);
	reply_text_line(reply, REPLY_214_HELP, "%s",
			all ? "End"
			    : session_text(session,
					   "Not all fit here; SITE ALIAS <name> tells of one"));
}

/* wu-ftpd's and ProFTPD's short names for CWD. */
static void site_alias(struct session *session, struct view argument)
{
	const char *path = config_alias_find(session->context->config, argument);

	if (argument.length == 0)
		alias_list(session);
	else if (path)
		session_reply(session, REPLY_214_HELP, "%.*s %s", (int)argument.length, argument.at,
			      path);
	else
		session_reply(session, REPLY_504_PARAMETER_NOT_IMPLEMENTED,
			      "There is no such alias; SITE ALIAS lists those there are");
}

/* Reads an octal number of at most four digits. Returns it, or a negative errno. */
static int octal_parse(struct view text)
{
	int number = 0;

	if (text.length == 0 || text.length > 4)
		return -EINVAL;
	for (size_t i = 0; i < text.length; i++) {
		if (text.at[i] < '0' || text.at[i] > '7')
			return -EINVAL;
		number = 8 * number + (text.at[i] - '0');
	}
	return number;
}

static int chmod_work(struct action *action)
{
	return inode_set_mode(action->session->tree.root, action->path, action->change.mode);
}

static void site_chmod(struct session *session, struct view argument)
{
	int mode = octal_parse(view_take_word(&argument));
	struct action *action;

	if (mode < 0 || argument.length == 0) {
		site_refuse_syntax(session, "CHMOD");
		return;
	}
	if (mode > 0777) {
		session_reply(
			session, REPLY_504_PARAMETER_NOT_IMPLEMENTED,
			"Set-user-ID, set-group-ID and sticky bits are not set by FTP; a mode is "
			"at most 777");
		return;
	}
	action = session_command_begin_on(session, argument);
	if (!action)
		return;
	action->change = (struct change){ .work = chmod_work,
					  .mode = (unsigned)mode,
					  .code = REPLY_200_OKAY,
					  .text = "Mode changed" };
	session_change_begin(action);
}

/* "YYYYMMDDhhmm[ss] path". Returns 0 or -EINVAL. */
static int utime_parse(struct view argument, struct view *ret_path, int64_t *ret_s)
{
	struct view time = view_take_word(&argument);
	char digits[TIME_VALUE_LENGTH] = "00000000000000";

	if ((time.length != TIME_VALUE_LENGTH && time.length != TIME_VALUE_LENGTH - 2) ||
	    argument.length == 0)
		return -EINVAL;
	memcpy(digits, time.at, time.length);
	*ret_path = argument;
	return time_value_parse((struct view){ digits, sizeof(digits) }, ret_s);
}

/* Cuts the last word, and the one space before it, off *rest. */
static struct view last_word(struct view *rest)
{
	size_t length = rest->length;
	struct view word;

	while (length > 0 && rest->at[length - 1] != ' ')
		length--;
	word = view_skip(*rest, length);
	rest->length = length > 0 ? length - 1 : 0;
	return word;
}

/* "path accessed modified made UTC": what ncftp sends, and others after it. When a file was made
 * nobody can set. */
static int utime_parse_three(struct view argument, struct view *ret_path, int64_t *ret_accessed_s,
			     int64_t *ret_modified_s)
{
	int64_t seconds[3] = { 0 };

	if (!view_is_word(last_word(&argument), "UTC"))
		return -EINVAL;
	for (int i = 2; i >= 0; i--) {
		struct view time = last_word(&argument);

		if (time.length != TIME_VALUE_LENGTH || time_value_parse(time, &seconds[i]) < 0)
			return -EINVAL;
	}
	*ret_path = argument;
	*ret_accessed_s = seconds[0];
	*ret_modified_s = seconds[1];
	return argument.length > 0 ? 0 : -EINVAL;
}

static int utime_work(struct action *action)
{
	return inode_set_times(action->session->tree.root, action->path, action->change.accessed_s,
			       action->change.modified_s);
}

static void site_utime(struct session *session, struct view argument)
{
	struct change change = { .work = utime_work,
				 .code = REPLY_200_OKAY,
				 .text = "Times changed" };
	struct action *action;
	struct view path;
	int r = utime_parse_three(argument, &path, &change.accessed_s, &change.modified_s);

	if (r < 0) {
		r = utime_parse(argument, &path, &change.modified_s);
		change.accessed_s = change.modified_s;
	}
	if (r < 0) {
		site_refuse_syntax(session, "UTIME");
		return;
	}
	action = session_command_begin_on(session, path);
	if (!action)
		return;
	action->change = change;
	session_change_begin(action);
}

/* Takes an argument apart into a first name (into action->other as it is) and a second one, whose
 * path is the action's. NULL after a reply. */
static struct action *site_two_names(struct session *session, struct view argument,
				     const char *word)
{
	char bytes[COMMAND_LINE_MAX];
	struct action *action;
	struct view names[2];

	if (words_parse(argument, bytes, names, 2) != 2 || names[0].length == 0 ||
	    names[1].length == 0) {
		site_refuse_syntax(session, word);
		return NULL;
	}
	action = session_command_begin_on(session, names[1]);
	if (!action)
		return NULL;
	if (names[0].length >= sizeof(action->other)) {
		session_refuse_command(session, -ENAMETOOLONG);
		return NULL;
	}
	memcpy(action->other, names[0].at, names[0].length);
	action->other[names[0].length] = '\0';
	action->other_length = names[0].length;
	return action;
}

static int symlink_work(struct action *action)
{
	return links_make_symbolic(action->session->tree.root, action->other, action->path);
}

static void site_symlink(struct session *session, struct view argument)
{
	struct action *action = site_two_names(session, argument, "SYMLINK");
	const char *name;

	if (!action)
		return;
	name = strrchr(action->other, '/');
	if (session->context->config->uploads_atomic &&
	    upload_is_hidden_name(name ? name + 1 : action->other)) {
		session_reply(session, REPLY_550_FILE_UNAVAILABLE,
			      "No such file: the name is one of an unfinished upload");
		session_command_end(session);
		return;
	}
	action->change = (struct change){ .work = symlink_work,
					  .code = REPLY_200_OKAY,
					  .text = "Symbolic link made" };
	session_change_begin(action);
}

static int link_work(struct action *action)
{
	const char *blamed = action->path;
	int r = links_make_hard(action->session->tree.root, action->other, action->path, &blamed);

	if (blamed != action->path)
		strcpy(action->path, action->other);
	return r;
}

static void site_link(struct session *session, struct view argument)
{
	struct action *action = site_two_names(session, argument, "LINK");

	if (!action)
		return;
	if (!session_path(session, (struct view){ action->other, action->other_length },
			  action->other)) {
		session_command_end(session);
		return;
	}
	action->change =
		(struct change){ .work = link_work, .code = REPLY_200_OKAY, .text = "Link made" };
	session_change_touches(action, action->other);
	session_change_begin(action);
}

static int mkdir_work(struct action *action)
{
	return folders_make_all(action->session->tree.root, action->path, action->change.mode);
}

static void site_mkdir(struct session *session, struct view argument)
{
	struct action *action = session_command_begin_on(session, argument);

	if (!action)
		return;
	action->change = (struct change){ .work = mkdir_work,
					  .mode = session->creation_mask,
					  .code = REPLY_200_OKAY,
					  .text = "The folder is there" };
	session_change_begin(action);
}

static int group_find_work(struct op *op)
{
	struct action *action = (struct action *)(void *)((char *)op - offsetof(struct action, op));

	return inode_find_group(action->other, &action->change.group);
}

static int group_work(struct action *action)
{
	return inode_set_group(action->session->tree.root, action->path, action->change.group);
}

static void group_found(struct op *op, int result)
{
	struct action *action = (struct action *)(void *)((char *)op - offsetof(struct action, op));

	if (result < 0 || action->session->closing)
		session_refuse_command(action->session, result);
	else
		session_change_begin(action);
}

/* The look-up of a name may hang in a directory service. That is no disk, but waits in a queue as if
 * it were one: it keeps a few job threads, whoever asks. No file system has this number. */
static const struct disk name_service = { .id = UINT64_MAX };

static void site_group(struct session *session, struct view argument)
{
	struct view group = view_take_word(&argument);
	struct action *action;

	if (group.length == 0 || argument.length == 0) {
		site_refuse_syntax(session, "GROUP");
		return;
	}
	action = session_command_begin_on(session, argument);
	if (!action)
		return;
	if (group.length >= sizeof(action->other)) {
		session_refuse_command(session, -EPERM);
		return;
	}
	memcpy(action->other, group.at, group.length);
	action->other[group.length] = '\0';
	action->change = (struct change){ .work = group_work,
					  .code = REPLY_200_OKAY,
					  .text = "Group changed" };
	session_disk_job(action, &name_service, group_find_work, group_found);
}

static void site_umask(struct session *session, struct view argument)
{
	int mask = octal_parse(argument);

	if (argument.length > 0 && (mask < 0 || mask > 0777)) {
		site_refuse_syntax(session, "UMASK");
		return;
	}
	if (argument.length > 0)
		session->creation_mask = (uint16_t)(CREATION_MASK_SET | (unsigned)mask);
	session_reply(session, REPLY_200_OKAY, "The umask is %03o",
		      session->creation_mask ? session->creation_mask & CREATION_MASK_BITS
					     : umask_of_process());
}

/* A user may ask for more than the operator gives to all, within a bound; who is anonymous only for
 * less: his session takes a place of everybody's. */
static uint32_t idle_max_s(const struct session *session)
{
	uint32_t configured_s = session->context->config->idle_timeout_s;

	return session->user && configured_s < IDLE_USER_MAX_S ? IDLE_USER_MAX_S : configured_s;
}

static void site_idle(struct session *session, struct view argument)
{
	uint32_t max_s = idle_max_s(session);
	uint64_t seconds = 0;

	for (size_t i = 0; i < argument.length; i++) {
		if (argument.at[i] < '0' || argument.at[i] > '9' || i == 9) {
			site_refuse_syntax(session, "IDLE");
			return;
		}
		seconds = 10 * seconds + (uint64_t)(argument.at[i] - '0');
	}
	if (argument.length > 0 && (seconds == 0 || seconds > max_s)) {
		session_reply(session, REPLY_501_SYNTAX_ARGUMENT,
			      "Between 1 and %u seconds, as in SITE IDLE %u", max_s, max_s);
		return;
	}
	if (argument.length > 0) {
		session->idle_s = (uint32_t)seconds;
		ring_timer_set(session->context->ring, &session->idle_timer, 1000 * seconds);
	}
	session_reply(session, REPLY_200_OKAY, "The session ends when idle for %u seconds",
		      session_idle_limit_s(session));
}
