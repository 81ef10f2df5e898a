#include "tool/tool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/printable.h"
#include "sluice/translate.h"
#include "tool/options.h"
#include "tool/represent.h"

#define ANY (1 << 20)

static const struct tool_command {
	const char *name;
	void (*run)(struct tool *tool, int argc, char **argv);
	int arguments_min;
	int arguments_max;
	const char *arguments;
	const char *summary;
} commands[] = {
	{ "get", tool_get, 1, ANY, "URL...", "receive files" },
	{ "put", tool_put, 2, ANY, "FILE... URL", "send files" },
	{ "ls", tool_ls, 1, ANY, "URL...", "list folders" },
	{ "cat", tool_cat, 1, ANY, "URL...", "files to standard output" },
	{ "rm", tool_rm, 1, ANY, "URL...", "remove files, and folders (URL/)" },
	{ "mkdir", tool_mkdir, 1, ANY, "URL...", "make folders" },
	{ "copy", tool_copy, 2, 2, "URL URL", "copy from one server to another" },
	{ "mirror", tool_mirror, 2, 2, "URL FOLDER | FOLDER URL",
	  "make one folder tree like another" },
	{ "mv", tool_mv, 2, 2, "URL URL", "rename within one server" },
};

static const struct tool_command *command_find(const char *name)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

static void print_help(void)
{
	puts("usage: sluice COMMAND [OPTION]... ARGUMENT...\n\n"
	     "Moves files to, from and between FTP servers.\n");
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		printf("  %-8s %-28s %s\n", commands[i].name, commands[i].arguments,
		       commands[i].summary);
	puts("\nOptions of every command (others: sluice COMMAND --help):\n");
	options_print(NULL);
}

static void print_command_help(const struct tool_command *command)
{
	printf("usage: sluice %s [OPTION]... %s\n\n", command->name, command->arguments);
	options_print(command->name);
	options_print(NULL);
}

/* The dialogue, as people write it: C: and S:. */
static void tool_trace(void *context, struct sluice_session *session, int code, const char *text,
		       size_t length)
{
	char safe[PRINTABLE_BYTES(1024)];

	(void)context;
	(void)session;
	while (length > 0 || code == 0) {
		const char *end = length > 0 ? memchr(text, '\n', length) : NULL;
		size_t part = end ? (size_t)(end - text) : length;

		printable_text((struct view){ text, part < 1024 ? part : 1024 }, safe,
			       sizeof(safe));
		if (code)
			fprintf(stderr, "S: %d%c%s\n", code, end ? '-' : ' ', safe);
		else
			fprintf(stderr, "C: %s\n", safe);
		if (!end)
			break;
		text += part + 1;
		length -= part + 1;
	}
}

static int tool_make_client(struct tool *tool)
{
	const struct sluice_options options = { .ring = tool->options.ring,
						.ring_mask = getenv("SLUICE_RING_MASK"),
						.timeout_s = tool->options.timeout_s,
						.ebcdic = tool->options.ebcdic,
						.trace = tool->options.verbose ? tool_trace
									       : NULL };
	int r = sluice_client_new(&options, &tool->client);

	if (r < 0)
		tool_say(tool, TOOL_FAILED, "cannot begin: %s", strerror(-r));
	return r;
}

static int wrong(const char *text)
{
	fprintf(stderr, "sluice: %s\n", text);
	return TOOL_WRONG_ARGUMENTS;
}

/* False: ret_error says why it is of no use. */
static bool page_is_known(const char *page, char *ret_error, size_t size_bytes)
{
	struct translate_ebcdic unused;
	int r = page ? translate_ebcdic_load(page, &unused) : 0;

	if (r < 0)
		snprintf(ret_error, size_bytes, "--ebcdic: code page %.100s %s", page,
			 translate_ebcdic_error(r));
	return r == 0;
}

/* What a command line cannot hold (RFC 959 section 5.3.1), or a login does not. NULL: nothing. */
static const char *login_refusal(const struct tool_options *wanted)
{
	const char *const texts[] = { wanted->user, wanted->account };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (!texts[i])
			continue;
		if (!texts[i][0] || strpbrk(texts[i], "\r\n"))
			return i ? "--account is a name without line ends"
				 : "--user is a name without line ends";
		if (strlen(texts[i]) >= LOGIN_FIELD_MAX)
			return i ? "--account is too long" : "--user is too long";
	}
	return NULL;
}

static void release_arguments(int count, char **argv, const struct tool_options *wanted)
{
	for (int i = 0; i < count; i++) {
		explicit_bzero(argv[i], strlen(argv[i]));
		free(argv[i]);
	}
	if (wanted->account) {
		char *account = (char *)(uintptr_t)wanted->account;

		explicit_bzero(account, strlen(account));
		free(account);
	}
}

/* Before anything is waited for: others can read what stands there. */
static int take_arguments(int count, char **argv, struct tool_options *wanted)
{
	if (wanted->account)
		wanted->account = tool_take_secret((char *)(uintptr_t)wanted->account);
	for (int i = 0; i < count; i++) {
		argv[i] = tool_take_argument(argv[i]);
		if (!argv[i]) {
			release_arguments(i, argv, wanted);
			return -ENOMEM;
		}
	}
	return 0;
}

/* One on which lines can be redrawn. */
static bool is_terminal(void)
{
	const char *kind = getenv("TERM");

	return isatty(STDERR_FILENO) && kind && *kind && strcmp(kind, "dumb") != 0;
}

static int tool_run(const struct tool_command *command, int argc, char **argv)
{
	struct tool tool = { .command = command->name, .terminal = is_terminal() };
	char error[300];
	int count = options_parse(command->name, argc, argv, &tool.options, error, sizeof(error));

	if (count < 0)
		return wrong(error);
	if (count < command->arguments_min || count > command->arguments_max) {
		snprintf(error, sizeof(error), "usage: sluice %s [OPTION]... %s", command->name,
			 command->arguments);
		return wrong(error);
	}
	if (login_refusal(&tool.options))
		return wrong(login_refusal(&tool.options));
	if (represent_refusal(&tool.options))
		return wrong(represent_refusal(&tool.options));
	if (!page_is_known(tool.options.ebcdic, error, sizeof(error)))
		return wrong(error);
	if (take_arguments(count, argv, &tool.options) < 0)
		return wrong("no memory for the arguments");
	if (tool_make_client(&tool) < 0)
		return (int)tool.exit_code;
	command->run(&tool, count, argv);
	tool_close(&tool);
	sluice_client_free(tool.client);
	explicit_bzero(&tool.at, sizeof(tool.at));
	explicit_bzero(tool.password, sizeof(tool.password));
	release_arguments(count, argv, &tool.options);
	if ((fflush(stdout) != 0 || ferror(stdout)) && errno != EPIPE)
		tool_say(&tool, TOOL_FAILED, "standard output: %s", strerror(errno));
	return (int)tool.exit_code;
}

int tool_main(int argc, char **argv)
{
	const struct tool_command *command;

	if (argc < 2)
		return wrong("what is to be done? See sluice --help");
	if (strcmp(argv[1], "--help") == 0) {
		print_help();
		return 0;
	}
	if (strcmp(argv[1], "--version") == 0) {
		puts("sluice " SLUICE_VERSION);
		return 0;
	}
	command = command_find(argv[1]);
	if (!command)
		return wrong("there is no such command; see sluice --help");
	for (int i = 2; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (strcmp(argv[i], "--help") == 0) {
			print_command_help(command);
			return 0;
		}
	}
	return tool_run(command, argc - 2, argv + 2);
}
