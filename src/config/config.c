#include "config/config.h"

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log/log.h"
#include "protocol/host_name.h"

enum option_kind {
	OPTION_SET,	 /* no argument; the bool becomes true */
	OPTION_CLEAR,	 /* no argument; the bool becomes false */
	OPTION_NUMBER,	 /* an unsigned within bounds */
	OPTION_BYTES,	 /* a size_t within bounds in MiB, with K, M or G, or a word for 0 */
	OPTION_TEXT,	 /* a const char *, once */
	OPTION_WORD,	 /* one of the words of argument; an unsigned, its place among them */
	OPTION_SWITCH,	 /* the same with two words; a bool */
	OPTION_LISTENER, /* an address, repeatable */
	OPTION_PORTS,	 /* LOW-HIGH, two ports */
	OPTION_HOST,	 /* NAME or NAME=DIR, repeatable */
	OPTION_ALIAS,	 /* NAME=PATH, repeatable */
	OPTION_ACTION,	 /* no argument; ends the reading with a result */
};

struct option {
	const char *name;
	enum option_kind kind;
	const char *argument; /* as --help shows it, with the words that the value can be */
	size_t field;	      /* offset in struct config; OPTION_ACTION: enum config_result */
	unsigned least;	      /* OPTION_NUMBER, OPTION_BYTES */
	unsigned most;
	const char *standard; /* the default, as the operator would write it, or NULL */
	const char *help;
};

#define FIELD(name) offsetof(struct config, name)
#define TEXT_OF_NUMBER(number) TEXT_OF(number)
#define TEXT_OF(number) #number
#define MEMORY_MIB_MAX 1048576
#define TIMEOUT_MAX_S (7 * 24 * 3600)
#define ERROR_TEXT_MAX 500

static const struct option options[] = {
	{ "root", OPTION_TEXT, "DIR", FIELD(root), 0, 0, NULL, "the folder to serve, as DIR" },
	{ "listen", OPTION_LISTENER, "ADDRESS:PORT", FIELD(listeners), 0, 0, NULL,
	  "accept control connections there, repeatable; [::] takes IPv4\n"
	  "as well (default [::]:21, or [::]:2121 without privilege)" },
	{ "passive-ports", OPTION_PORTS, "LOW-HIGH", FIELD(passive_low), 0, 0, "32000-32255",
	  "ports of data connections, shared by all sessions" },
	{ "workers", OPTION_NUMBER, "N", FIELD(workers), 1, WORKERS_LIMIT, NULL,
	  "threads that serve (default: one per CPU)" },
	{ "anonymous-write", OPTION_SET, NULL, FIELD(anonymous_write), 0, 0, NULL,
	  "let everybody upload, rename and delete: trusted networks only" },
	{ "no-anonymous", OPTION_CLEAR, NULL, FIELD(anonymous), 0, 0, NULL,
	  "only users of --users may log in" },
	{ "users", OPTION_TEXT, "FILE", FIELD(users_path), 0, 0, NULL,
	  "virtual users, one \"name:crypt(3) hash:folder[:account]\" a line" },
	{ "user", OPTION_TEXT, "NAME", FIELD(user), 0, 0, NULL,
	  "run as that user of this system once the ports are bound; needs\n"
	  "root at start (default: as who starts it)" },
	{ "host", OPTION_HOST, "NAME[=DIR]", FIELD(hosts), 0, 0, NULL,
	  "a name for the command HOST, repeatable; anonymous users of it\n"
	  "are in DIR (default: any name, in the folder to serve)" },
	{ "alias", OPTION_ALIAS, "NAME=PATH", FIELD(aliases), 0, 0, NULL,
	  "CWD NAME leads to the folder PATH from everywhere, repeatable;\n"
	  "SITE ALIAS tells of them" },
	{ "uploads", OPTION_SWITCH, "in-place|atomic", FIELD(uploads_atomic), 0, 0, "in-place",
	  "atomic: a file appears under its name when it is whole" },
	{ "hash-xattr", OPTION_SWITCH, "off|on", FIELD(hash_xattr), 0, 0, "off",
	  "on: keep the hashes that HASH makes in an attribute of the file" },
	{ "idle-timeout", OPTION_NUMBER, "SECONDS", FIELD(idle_timeout_s), 1, TIMEOUT_MAX_S, "300",
	  "without a command or a transfer" },
	{ "login-timeout", OPTION_NUMBER, "SECONDS", FIELD(login_timeout_s), 1, TIMEOUT_MAX_S, "60",
	  "from connecting to being logged in" },
	{ "data-timeout", OPTION_NUMBER, "SECONDS", FIELD(data_timeout_s), 1, TIMEOUT_MAX_S, "120",
	  "for a data connection to come, for a passive port to be used,\n"
	  "and of a transfer without progress" },
	{ "max-sessions", OPTION_NUMBER, "N", FIELD(sessions_max), 1, SESSIONS_LIMIT,
	  TEXT_OF_NUMBER(SESSIONS_DEFAULT), "sessions at one time" },
	{ "max-sessions-per-address", OPTION_NUMBER, "N", FIELD(sessions_per_address_max), 1,
	  SESSIONS_LIMIT, TEXT_OF_NUMBER(SESSIONS_PER_ADDRESS_DEFAULT),
	  "of them from one address" },
	{ "fxp", OPTION_SWITCH, "off|on", FIELD(foreign_data), 0, 0, "off",
	  "data connections with third hosts, unchecked: trusted networks only" },
	{ "ascii", OPTION_SWITCH, "convert|binary", FIELD(ascii_as_is), 0, 0, "convert",
	  "binary: TYPE A moves files as they are, line ends and all" },
	{ "ebcdic", OPTION_TEXT, "PAGE[:TEXT]", FIELD(ebcdic_page), 0, 0, NULL,
	  "of TYPE E: 1047 (the default), 037, or another of iconv's with\n"
	  "one byte a character; the files' code is TEXT, as in\n"
	  "870:ISO-8859-2, or the ISO 8859 part that fits best" },
	{ "listing-cache", OPTION_BYTES, "BYTES|off", FIELD(listing_cache_bytes), 1, MEMORY_MIB_MAX,
	  TEXT_OF_NUMBER(LISTING_CACHE_BYTES),
	  "memory for listings that are sent again as long as nothing\n"
	  "changes; half of it for one at the most; K, M and G may follow" },
	{ "transfer-memory", OPTION_BYTES, "BYTES|auto", FIELD(transfer_memory_bytes),
	  TRANSFER_MEMORY_WORKER_MIN >> 20, MEMORY_MIB_MAX, "auto",
	  "memory for transfers but those by TYPE I and MODE S, which need\n"
	  "none; auto: a quarter of the machine's, or of what the control\n"
	  "group leaves of it; at least 4M a worker" },
	{ "ring", OPTION_WORD, "auto|uring|epoll", FIELD(ring), 0, 0, "auto",
	  "how the kernel is driven; auto: io_uring where it is allowed" },
	{ "verbose", OPTION_SET, NULL, FIELD(verbose), 0, 0, NULL, "log what sessions do" },
	{ "version", OPTION_ACTION, NULL, CONFIG_VERSION, 0, 0, NULL,
	  "print the version and exit" },
	{ "help", OPTION_ACTION, NULL, CONFIG_HELP, 0, 0, NULL, "print this text and exit" },
};

#define OPTIONS_COUNT (sizeof(options) / sizeof(options[0]))

/* What is being read, and where the one line of an error goes. */
struct reading {
	struct config config;
	char *error;
	size_t error_bytes;
};

/* Writes the error line. Returns -EINVAL, for the caller to return. */
static int wrong(struct reading *reading, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static int wrong(struct reading *reading, const char *format, ...)
{
	char text[ERROR_TEXT_MAX];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	log_escape(text, reading->error,
		   reading->error_bytes); /* an argument may hold line feeds */
	return -EINVAL;
}

/* Reads a decimal number of least to most that ends at end. Returns 0 or -EINVAL. */
static int number_read(const char *text, const char *end, unsigned least, unsigned most,
		       unsigned *ret_number)
{
	unsigned long number;
	char *stopped;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	number = strtoul(text, &stopped, 10);
	if (errno != 0 || stopped != end || number < least || number > most)
		return -EINVAL;
	*ret_number = (unsigned)number;
	return 0;
}

static int number_apply(struct reading *reading, const struct option *option, const char *value)
{
	unsigned *field = (unsigned *)(void *)((char *)&reading->config + option->field);

	if (number_read(value, value + strlen(value), option->least, option->most, field) < 0)
		return wrong(reading, "--%s %s: expected a number from %u to %u", option->name,
			     value, option->least, option->most);
	return 0;
}

/* Reads "4096", "64K", "48M" or "1G". Returns 0 or -EINVAL. */
static int bytes_read(const char *text, uint64_t *ret_bytes)
{
	static const char units[] = "KMG";
	const char *end = text + strcspn(text, units);
	const char *unit = *end ? strchr(units, *end) : NULL;
	unsigned shift = unit ? 10 * (unsigned)(unit - units + 1) : 0;
	unsigned number;

	if ((unit && end[1] != '\0') || number_read(text, end, 0, UINT_MAX, &number) < 0)
		return -EINVAL;
	*ret_bytes = (uint64_t)number << shift;
	return 0;
}

static int bytes_apply(struct reading *reading, const struct option *option, const char *value)
{
	size_t *field = (size_t *)(void *)((char *)&reading->config + option->field);
	const char *none = strchr(option->argument, '|') + 1;
	uint64_t bytes = 0;

	if (strcmp(value, none) != 0 &&
	    (bytes_read(value, &bytes) < 0 || bytes < (uint64_t)option->least << 20 ||
	     bytes > (uint64_t)option->most << 20))
		return wrong(reading, "--%s %s: expected %s, or from %uM to %uG, as 64M",
			     option->name, value, none, option->least, option->most >> 10);
	*field = bytes;
	return 0;
}

static int text_apply(struct reading *reading, const struct option *option, const char *value)
{
	const char **field = (const char **)(void *)((char *)&reading->config + option->field);

	if (*value == '\0')
		return wrong(reading, "--%s: expected %s, not nothing", option->name,
			     option->argument);
	if (*field)
		return wrong(reading, "--%s %s: %s was given already, and only one is used",
			     option->name, value, *field);
	*field = value;
	return 0;
}

/* The place of word among words ("one|two|three"), or -EINVAL. */
static int word_find(const char *words, const char *word)
{
	size_t length = strlen(word);

	for (int place = 0;; place++) {
		size_t next = strcspn(words, "|");

		if (next == length && memcmp(words, word, length) == 0)
			return place;
		if (words[next] == '\0')
			return -EINVAL;
		words += next + 1;
	}
}

static int word_apply(struct reading *reading, const struct option *option, const char *value)
{
	void *field = (char *)&reading->config + option->field;
	int place = word_find(option->argument, value);

	if (place < 0)
		return wrong(reading, "--%s %s: expected %s", option->name, value,
			     option->argument);
	if (option->kind == OPTION_SWITCH)
		*(bool *)field = place == 1;
	else
		*(unsigned *)field = (unsigned)place;
	return 0;
}

static int listener_apply(struct reading *reading, const struct option *option, const char *value)
{
	struct config *config = &reading->config;

	if (config->listeners_count == LISTENERS_MAX)
		return wrong(reading, "--%s %s: at most %d addresses", option->name, value,
			     LISTENERS_MAX);
	if (address_parse(value, &config->listeners[config->listeners_count]) < 0)
		return wrong(
			reading,
			"--%s %s: expected ADDRESS:PORT, as 192.0.2.1:21, [2001:db8::1]:21 or [::]:21",
			option->name, value);
	config->listeners_count++;
	return 0;
}

static int ports_apply(struct reading *reading, const struct option *option, const char *value)
{
	const char *dash = strchr(value, '-');
	unsigned low;
	unsigned high;

	if (!dash || number_read(value, dash, 1, UINT16_MAX, &low) < 0 ||
	    number_read(dash + 1, value + strlen(value), low, UINT16_MAX, &high) < 0 ||
	    high - low >= PASSIVE_PORTS_MAX)
		return wrong(reading,
			     "--%s %s: expected LOW-HIGH, at most %d ports, as 32000-32255",
			     option->name, value, PASSIVE_PORTS_MAX);
	reading->config.passive_low = (uint16_t)low;
	reading->config.passive_high = (uint16_t)high;
	return 0;
}

static int host_apply(struct reading *reading, const struct option *option, const char *value)
{
	struct config *config = &reading->config;
	size_t length = strcspn(value, "=");
	struct config_host host = { .name = { value, length } };
	struct host_name parsed;

	if (host_name_parse(host.name, &parsed) < 0 || parsed.family != AF_UNSPEC ||
	    (value[length] && !value[length + 1]))
		return wrong(reading, "--%s %s: expected NAME or NAME=DIR, as ftp.example.org=/srv",
			     option->name, value);
	if (value[length])
		host.folder = value + length + 1;
	for (size_t i = 0; i < config->hosts_count; i++)
		if (config->hosts[i].name.length == length &&
		    strncasecmp(config->hosts[i].name.at, value, length) == 0)
			return wrong(reading, "--%s %s: this name was given already", option->name,
				     value);
	if (config->hosts_count == HOSTS_MAX)
		return wrong(reading, "--%s %s: at most %d names", option->name, value, HOSTS_MAX);
	config->hosts[config->hosts_count++] = host;
	return 0;
}

/* A name that no path can be taken for, and that a line of SITE ALIAS can hold. */
static bool alias_name_is_good(const char *name, size_t length)
{
	if (length == 0 || length > ALIAS_NAME_MAX || *name == '.' || *name == '~')
		return false;
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)name[i] <= ' ' || name[i] == 0x7f || name[i] == '/')
			return false;
	return true;
}

static int alias_apply(struct reading *reading, const struct option *option, const char *value)
{
	struct config *config = &reading->config;
	size_t length = strcspn(value, "=");
	struct config_alias alias = { .name = { value, length } };

	if (!alias_name_is_good(value, length) || value[length] == '\0' ||
	    value[length + 1] != '/' || strlen(value + length + 1) >= PATH_BYTES_MAX)
		return wrong(reading, "--%s %s: expected NAME=PATH, as pub=/mirror/pub",
			     option->name, value);
	alias.path = value + length + 1;
	if (config_alias_find(config, alias.name))
		return wrong(reading, "--%s %s: this name was given already", option->name, value);
	if (config->aliases_count == ALIASES_MAX)
		return wrong(reading, "--%s %s: at most %d names", option->name, value,
			     ALIASES_MAX);
	config->aliases[config->aliases_count++] = alias;
	return 0;
}

static int flag_apply(struct reading *reading, const struct option *option, const char *value)
{
	(void)value;
	*((bool *)(void *)((char *)&reading->config + option->field)) = option->kind == OPTION_SET;
	return 0;
}

static int (*const appliers[])(struct reading *, const struct option *, const char *) = {
	[OPTION_BYTES] = bytes_apply, [OPTION_SET] = flag_apply,
	[OPTION_CLEAR] = flag_apply,  [OPTION_NUMBER] = number_apply,
	[OPTION_TEXT] = text_apply,   [OPTION_WORD] = word_apply,
	[OPTION_SWITCH] = word_apply, [OPTION_LISTENER] = listener_apply,
	[OPTION_PORTS] = ports_apply, [OPTION_HOST] = host_apply,
	[OPTION_ALIAS] = alias_apply,
};

const char *config_alias_find(const struct config *config, struct view name)
{
	for (size_t i = 0; i < config->aliases_count; i++)
		if (config->aliases[i].name.length == name.length &&
		    memcmp(config->aliases[i].name.at, name.at, name.length) == 0)
			return config->aliases[i].path;
	return NULL;
}

static const struct option *option_find(const char *name, size_t length)
{
	for (size_t i = 0; i < OPTIONS_COUNT; i++) {
		if (strlen(options[i].name) == length && memcmp(options[i].name, name, length) == 0)
			return &options[i];
	}
	return NULL;
}

/* The machine's own default: CPUs that this process may run on. */
static unsigned workers_standard(void)
{
	cpu_set_t cpus;
	int count;

	if (sched_getaffinity(0, sizeof(cpus), &cpus) < 0)
		return 1; /* more CPUs than a cpu_set_t holds; --workers says how many then */
	count = CPU_COUNT(&cpus);
	return count < WORKERS_LIMIT ? (unsigned)count : WORKERS_LIMIT;
}

static void standards_apply(struct reading *reading)
{
	reading->config.anonymous = true;
	reading->config.workers = workers_standard();
	for (size_t i = 0; i < OPTIONS_COUNT; i++) {
		if (options[i].standard)
			appliers[options[i].kind](reading, &options[i], options[i].standard);
	}
}

/* Reads argv[*at], which begins with "--", and its value. Moves *at past both. Returns what to
 * do: CONFIG_RUN goes on reading. */
static enum config_result option_read(struct reading *reading, char **argv, int *at)
{
	const char *argument = argv[(*at)++];
	size_t length = strcspn(argument + 2, "=");
	const struct option *option = option_find(argument + 2, length);
	const char *value = argument[2 + length] == '=' ? argument + 2 + length + 1 : NULL;

	if (!option) {
		wrong(reading, "%s: no such option; sluiced --help lists all", argument);
		return CONFIG_WRONG;
	}
	if (value && !option->argument) {
		wrong(reading, "%s: --%s takes no value", argument, option->name);
		return CONFIG_WRONG;
	}
	if (option->kind == OPTION_ACTION)
		return (enum config_result)option->field;
	if (!value && option->argument)
		value = argv[*at] ? argv[(*at)++] : NULL;
	if (!value && option->argument) {
		wrong(reading, "--%s: expected %s after it", option->name, option->argument);
		return CONFIG_WRONG;
	}
	return appliers[option->kind](reading, option, value) < 0 ? CONFIG_WRONG : CONFIG_RUN;
}

static enum config_result root_read(struct reading *reading, const char *argument)
{
	if (*argument == '-' || *argument == '\0')
		wrong(reading, "'%s': no such option; sluiced --help lists all", argument);
	else if (reading->config.root)
		wrong(reading, "%s: %s is served already; one folder, please", argument,
		      reading->config.root);
	else
		reading->config.root = argument;
	return reading->config.root == argument ? CONFIG_RUN : CONFIG_WRONG;
}

static enum config_result arguments_read(struct reading *reading, char **argv)
{
	enum config_result result = CONFIG_RUN;
	bool names_only = false;
	int at = 1;

	while (result == CONFIG_RUN && argv[at]) {
		if (!names_only && strcmp(argv[at], "--") == 0) {
			names_only = true;
			at++;
		} else if (!names_only && strncmp(argv[at], "--", 2) == 0) {
			result = option_read(reading, argv, &at);
		} else if (names_only && !reading->config.root && *argv[at]) {
			reading->config.root = argv[at++]; /* a name may begin with a dash here */
		} else {
			result = root_read(reading, argv[at++]);
		}
	}
	return result;
}

/* What no single option can know. */
static int whole_check(struct reading *reading)
{
	const struct config *config = &reading->config;

	if (!config->root)
		return wrong(reading,
			     "which folder? sluiced DIR serves DIR; sluiced --help lists all");
	if (!config->anonymous && !config->users_path)
		return wrong(reading,
			     "--no-anonymous: nobody could log in; --users FILE names users");
	if (!config->anonymous && config->anonymous_write)
		return wrong(reading,
			     "--anonymous-write contradicts --no-anonymous; give one of them");
	for (size_t i = 0; i < config->listeners_count; i++) {
		uint16_t port = address_port(&config->listeners[i]);

		if (port >= config->passive_low && port <= config->passive_high)
			return wrong(reading, "--listen: port %u lies within --passive-ports %u-%u",
				     (unsigned)port, (unsigned)config->passive_low,
				     (unsigned)config->passive_high);
	}
	return 0;
}

enum config_result config_parse(int argc, char **argv, struct config *ret_config, char *ret_error,
				size_t error_bytes)
{
	struct reading reading = { .error = ret_error, .error_bytes = error_bytes };
	enum config_result result;

	(void)argc; /* argv ends with NULL, and may be empty */
	standards_apply(&reading);
	result = argc > 0 ? arguments_read(&reading, argv) : CONFIG_RUN;
	if (result != CONFIG_RUN)
		return result;
	if (whole_check(&reading) < 0)
		return CONFIG_WRONG;
	*ret_config = reading.config;
	return CONFIG_RUN;
}

#define HELP_COLUMN 34

static void option_print(const struct option *option)
{
	const char *line = option->help;
	int used;

	used = printf("  --%s%s%s", option->name, option->argument ? " " : "",
		      option->argument ? option->argument : "");
	for (;;) {
		int length = (int)strcspn(line, "\n");

		printf("%*s%.*s", used < HELP_COLUMN ? HELP_COLUMN - used : 1, "", length, line);
		if (line[length] == '\0')
			break;
		putchar('\n');
		line += length + 1;
		used = 0;
	}
	if (option->standard)
		printf(" (default %s)", option->standard);
	putchar('\n');
}

void config_print_help(void)
{
	printf("usage: sluiced [OPTION]... DIR\n"
	       "\n"
	       "Serves DIR by FTP, read-only and to everybody unless told otherwise.\n"
	       "\n");
	for (size_t i = 0; i < OPTIONS_COUNT; i++)
		option_print(&options[i]);
}
