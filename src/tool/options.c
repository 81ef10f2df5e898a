#include "tool/options.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool/represent.h"
#include "tool/tool.h"

enum option_kind { OPTION_FLAG, OPTION_TEXT, OPTION_SPECIAL };

struct option { /* NOLINT: in the order of the table's columns */
	const char *name;
	char letter;
	const char *commands; /* names, a space before and after each; NULL: every one */
	enum option_kind kind;
	size_t offset;	   /* of the field: bool or const char * */
	const char *value; /* what --help calls it; NULL: none */
	const char *help;
};

#define FIELD(name) offsetof(struct tool_options, name)

static const struct option options[] = {
	{ "output", 'o', " get ", OPTION_TEXT, FIELD(output), "FILE",
	  "the file to write; - is standard output" },
	{ "no-resume", 0, " get put copy ", OPTION_FLAG, FIELD(no_resume), NULL,
	  "begin at the first byte, whatever is there already" },
	{ "verify", 0, " get put copy ", OPTION_FLAG, FIELD(verify), NULL,
	  "compare a hash of the whole file, here and at the server" },
	{ "append", 0, " put ", OPTION_FLAG, FIELD(append), NULL,
	  "append to the file at the server (APPE)" },
	{ "long", 'l', " ls ", OPTION_FLAG, FIELD(long_listing), NULL,
	  "mode, size and time as well" },
	{ "parents", 'p', " mkdir ", OPTION_FLAG, FIELD(parents), NULL,
	  "folders above as well; one that exists is no error" },
	{ "by", 0, " mirror ", OPTION_SPECIAL, 0, "time|hash",
	  "what tells whether files of equal size are the same (time)" },
	{ "jobs", 'j', " mirror ", OPTION_TEXT, FIELD(jobs), "N", "sessions at one time" },
	{ "delete", 0, " mirror ", OPTION_FLAG, FIELD(deletes), NULL,
	  "delete at the destination what the source does not have" },
	{ "dry-run", 'n', " mirror ", OPTION_FLAG, FIELD(dry_run), NULL,
	  "say what would be done, and do nothing" },
	{ "ascii", 'a', " get put cat ", OPTION_FLAG, FIELD(ascii), NULL,
	  "TYPE A: translate line ends" },
	{ "type", 0, " get put cat ls copy ", OPTION_SPECIAL, 0, "TYPE",
	  "A, E, I or L8, of L any number; A:T, E:C: with a format" },
	{ "structure", 0, " get put cat ls copy ", OPTION_SPECIAL, 0, "F|R|P",
	  "STRU: file, records or pages" },
	{ "mode", 0, " get put cat ls copy mirror ", OPTION_SPECIAL, 0, "S|B|C|Z",
	  "MODE: stream, block, compressed or deflate" },
	{ "compress", 'z', " get put cat ls copy mirror ", OPTION_FLAG, FIELD(compress), NULL,
	  "MODE Z if the server offers it" },
	{ "ebcdic", 0, " get put cat ls ", OPTION_TEXT, FIELD(ebcdic), "PAGE",
	  "the code page of TYPE E (1047)" },
	{ "user", 'u', NULL, OPTION_TEXT, FIELD(user), "NAME", "log in as NAME" },
	{ "password-file", 0, NULL, OPTION_TEXT, FIELD(password_path), "FILE",
	  "the password is its first line; - is standard input" },
	{ "account", 0, NULL, OPTION_TEXT, FIELD(account), "NAME",
	  "for a server that asks for one (ACCT)" },
	{ "netrc", 0, NULL, OPTION_TEXT, FIELD(netrc_path), "FILE",
	  "logins, instead of $NETRC or ~/.netrc" },
	{ "no-netrc", 0, NULL, OPTION_FLAG, FIELD(no_netrc), NULL, "read no such file" },
	{ "active", 0, NULL, OPTION_SPECIAL, 0, NULL,
	  "the server opens data connections to us (PORT, EPRT)" },
	{ "data", 0, NULL, OPTION_SPECIAL, 0, "HOW",
	  "auto, epsv, pasv, active, or default: RFC 959's default data port" },
	{ "ipv4", '4', NULL, OPTION_SPECIAL, 0, NULL, "use IPv4 only" },
	{ "ipv6", '6', NULL, OPTION_SPECIAL, 0, NULL, "use IPv6 only" },
	{ "timeout", 0, NULL, OPTION_SPECIAL, 0, "SECONDS",
	  "give up after so long without a sign from the server (60)" },
	{ "quiet", 'q', NULL, OPTION_FLAG, FIELD(quiet), NULL, "say nothing but errors" },
	{ "json", 0, NULL, OPTION_FLAG, FIELD(json), NULL, "one JSON object a line on stdout" },
	{ "verbose", 'v', NULL, OPTION_FLAG, FIELD(verbose), NULL,
	  "show the dialogue on stderr, passwords masked" },
	{ "ring", 0, NULL, OPTION_SPECIAL, 0, "auto|uring|epoll", "how the kernel is driven" },
};

#define OPTIONS_COUNT (sizeof(options) / sizeof(options[0]))

struct error {
	char *text;
	size_t size_bytes;
};

/* One of several words. Returns its index or -1. */
static int word_index(const char *word, const char *const *words)
{
	for (int i = 0; words[i]; i++)
		if (strcmp(words[i], word) == 0)
			return i;
	return -1;
}

static bool option_set_special(const struct option *option, const char *value,
			       struct tool_options *wanted)
{
	static const char *const hows[] = { "auto", "epsv", "pasv", "active", "default", NULL };
	static const char *const bys[] = { "time", "hash", NULL };
	static const char *const rings[] = { "auto", "uring", "epoll", NULL };
	char *end;
	int index;

	if (!value) /* of those that have none it is not looked at */
		value = "";
	if (strcmp(option->name, "active") == 0) {
		wanted->data = SLUICE_DATA_ACTIVE;
	} else if (option->letter == '4') {
		wanted->family = SLUICE_FAMILY_IPV4;
	} else if (option->letter == '6') {
		wanted->family = SLUICE_FAMILY_IPV6;
	} else if (strcmp(option->name, "type") == 0) {
		return represent_read_type(value, &wanted->representation);
	} else if (strcmp(option->name, "structure") == 0) {
		return represent_read_letter(value, "FRP", &wanted->representation.structure);
	} else if (strcmp(option->name, "mode") == 0) {
		return represent_read_letter(value, "SBCZ", &wanted->representation.mode);
	} else if (strcmp(option->name, "timeout") == 0) {
		unsigned long seconds = strtoul(value, &end, 10);

		if (*end || end == value || *value == '-' || seconds < 1 || seconds > 86400)
			return false;
		wanted->timeout_s = (unsigned)seconds;
	} else if (strcmp(option->name, "by") == 0) {
		index = word_index(value, bys);
		if (index < 0)
			return false;
		wanted->by_hash = index == 1;
	} else if (strcmp(option->name, "data") == 0) {
		index = word_index(value, hows);
		if (index < 0)
			return false;
		wanted->data = (enum sluice_data)index;
	} else {
		index = word_index(value, rings);
		if (index < 0)
			return false;
		wanted->ring = (enum sluice_ring)index;
	}
	return true;
}

static bool option_set(const struct option *option, const char *value, struct tool_options *wanted)
{
	void *field = (char *)wanted + option->offset;

	if (option->kind == OPTION_SPECIAL)
		return option_set_special(option, value, wanted);
	if (option->kind == OPTION_FLAG)
		*(bool *)field = true;
	else
		*(const char **)field = value;
	return true;
}

static bool option_is_of(const struct option *option, const char *command)
{
	char word[16];

	if (!option->commands)
		return true;
	snprintf(word, sizeof(word), " %s ", command ? command : "");
	return command && strstr(option->commands, word);
}

/* The option that argument names, "--name", "--name=value" or "-x"; *ret_value: what stands behind
 * its "=", or NULL. */
static const struct option *option_find(const char *command, const char *argument,
					const char **ret_value)
{
	const char *name = argument + 2;
	const char *equals = strchr(name, '=');
	size_t length = equals ? (size_t)(equals - name) : strlen(name);

	for (size_t i = 0; i < OPTIONS_COUNT; i++) {
		const struct option *option = &options[i];

		if (!option_is_of(option, command))
			continue;
		if (argument[1] != '-') {
			*ret_value = NULL;
			if (option->letter && argument[1] == option->letter && !argument[2])
				return option;
		} else if (strlen(option->name) == length &&
			   strncmp(option->name, name, length) == 0) {
			*ret_value = equals ? equals + 1 : NULL;
			return option;
		}
	}
	return NULL;
}

/* Takes the option at argv[0], with its value perhaps at argv[1]. Returns how many it took, or
 * -EINVAL. */
static int option_take(const char *command, int argc, char **argv, struct tool_options *wanted,
		       struct error *error)
{
	const char *value;
	const struct option *option = option_find(command, argv[0], &value);
	int taken = 1;

	if (!option) {
		/* No values: they may be passwords, or URLs with one. */
		snprintf(error->text, error->size_bytes,
			 "%s has no option %.*s; see sluice %s --help", command,
			 (int)strcspn(argv[0], "="), argv[0], command);
		return -EINVAL;
	}
	if (option->value && !value && argc > 1)
		value = argv[taken++];
	if (!option->value != !value) {
		snprintf(error->text, error->size_bytes, "--%s takes %s", option->name,
			 option->value ? option->value : "no value");
		return -EINVAL;
	}
	if (!option_set(option, value, wanted)) {
		snprintf(error->text, error->size_bytes, "--%s is %s", option->name,
			 strcmp(option->name, "timeout") == 0 ? "a number of 1 to 86400"
			 : strcmp(option->name, "data") == 0 ? "auto, epsv, pasv, active or default"
			 : strcmp(option->name, "type") == 0 ? "A, E, I or L with a number"
							     : option->value);
		return -EINVAL;
	}
	return taken;
}

int options_parse(const char *command, int argc, char **argv, struct tool_options *ret_options,
		  char *ret_error, size_t error_bytes)
{
	struct error error = { ret_error, error_bytes };
	bool over = false;
	int left = 0;

	for (int i = 0; i < argc;) {
		int taken;

		if (!over && strcmp(argv[i], "--") == 0) {
			over = true;
			i++;
		} else if (over || argv[i][0] != '-' || !argv[i][1]) {
			argv[left++] = argv[i++];
		} else {
			taken = option_take(command, argc - i, argv + i, ret_options, &error);
			if (taken < 0)
				return taken;
			i += taken;
		}
	}
	return left;
}

void options_print(const char *command)
{
	for (size_t i = 0; i < OPTIONS_COUNT; i++) {
		const struct option *option = &options[i];
		char left[64];
		int length;

		if (command ? !option->commands || !option_is_of(option, command)
			    : option->commands != NULL)
			continue;
		length = option->letter ? snprintf(left, sizeof(left), "-%c, ", option->letter)
					: snprintf(left, sizeof(left), "    ");
		snprintf(left + length, sizeof(left) - (size_t)length, "--%s%s%s", option->name,
			 option->value ? " " : "", option->value ? option->value : "");
		printf("  %-28s %s\n", left, option->help);
	}
}
