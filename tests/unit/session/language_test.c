#include "session/language.h"

#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TABLE "messages_german.c"
#define SOURCE_BYTES_MAX (1 << 20)
#define LITERALS_MAX 4096
#define DEPTH_MAX 64
#define NAME_BYTES 48
#define FILE_NAME_BYTES 256
#define CONVERSIONS_MAX 100

/* Where what replies say is written. */
static const char *const folders[] = { "src/session", "src/represent" };

/*
 * What is said in every language alike, each with the reason. A * at the end stands for any more.
 * Whoever writes a new reply finds it refused here until it has its German.
 */
static const struct {
	const char *text;
	const char *why;
} alike[] = {
	{ "Entering Passive Mode (%u,%u,%u,%u,%u,%u)", "227: clients look for six numbers" },
	{ "Entering Long Passive Mode (%s)", "228: RFC 1639 gives the words" },
	{ "Entering Extended Passive Mode (|||%u|)", "229: RFC 2428 gives the words" },
	{ "Network protocol not supported, use (%d)", "522: RFC 2428 gives the words" },
	{ "Supported address families are (%d)", "521: RFC 1639 gives the words" },
	{ "MARK %s = %s", "110: RFC 959 gives the words" },
	{ "FILE: ", "150 and 125 to STOU: RFC 1123 gives the words" },
	{ "%s %lld-%lld %s ", "213 to HASH: the draft's form" },
	{ "%llu", "213: a number" },
	{ "%lld", "213: a number" },
	{ "%s", "213, 250: a time, a hash; or a text that is looked up" },
	{ "MLST OPTS%s", "200 to OPTS MLST: RFC 3659 gives the words" },
	{ "UNIX Type: L8", "215: clients look for it" },
	{ "Name=sluice; Version=%s; OS=Linux; CaseSensitive=1; DirSep=/;", "200 to CSID: facts" },
	{ "Extensions:", "FEAT" },
	{ "SITE %s", "FEAT" },
	{ "MODE Z", "FEAT" },
	{ "OPTS MODE Z KEEP", "FEAT" },
	{ "TVFS", "FEAT" },
	{ "UTF8", "FEAT" },
	{ " STREAM", "FEAT" },
	{ " modify;UNIX.mode;UNIX.group;", "FEAT" },
	{ " modify;UNIX.mode;", "FEAT" },
	{ " target;source_list", "FEAT" },
	{ " filename;start;end", "FEAT" },
	{ "TYPE: %c%s, STRU: %c, MODE: %c", "211 to STAT: the commands' own words" },
	{ "End", "the end of a list: RFC 2389 and RFC 3659 have it so" },
	{ "[Name=<name>; ...]", "HELP: a syntax" },
	{ "<target> <part> [<part>...], names with spaces in \"\"", "HELP: a syntax" },
	{ "draft-*", "HELP: the name of a document" },
	{ "Syntax: %s%s%s (%s)", "the same words in German" },
	{ "Syntax: SITE %s %s (%s)", "the same words in German" },
	{ "Host: %.*s", "the same words in German" },
	{ "sluice ", "a name" },
	{ "anonymous", "a user's name" },
	{ "ftp", "a user's name" },
	{ "stou", "a file's name" },
	{ "octets ", "a page of STRU P, which servers read" },
	{ "/etc/machine-id", "a file's name" },
	{ "sluice restart marker", "goes into a key" },
};

#define ALIKE_COUNT (sizeof(alike) / sizeof(alike[0]))

/* A string literal of the sources; those that stand side by side are one. */
static struct {
	char *text;
	char file[FILE_NAME_BYTES];
	char call[NAME_BYTES]; /* the function whose argument it is, or "" */
	unsigned argument;     /* which one, from 0 */
	bool logged;	       /* for the log, or for the compiler */
} literals[LITERALS_MAX];
static size_t literals_count;

/* The brackets that are open, and whose they are. */
static struct {
	char call[NAME_BYTES];
	unsigned argument;
} open_brackets[DEPTH_MAX];
static size_t depth;

static char *read_file(const char *folder, const char *name)
{
	char *text = calloc(1, SOURCE_BYTES_MAX);
	char path[512];
	FILE *file;
	size_t length;

	assert_non_null(text);
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "r");
	assert_non_null(file);
	length = fread(text, 1, SOURCE_BYTES_MAX - 1, file);
	assert_true(length < SOURCE_BYTES_MAX - 1);
	fclose(file);
	return text;
}

/* Copies the literal behind the quote at *at without its escapes, and moves *at behind it. */
static size_t literal_read(const char **at, char *ret_text)
{
	size_t length = 0;

	for (++*at; **at && **at != '"'; ++*at) {
		bool escaped = **at == '\\';

		if (escaped)
			++*at;
		ret_text[length++] = escaped && strchr("rn", **at) ? '\n' : **at;
	}
	if (**at)
		++*at;
	return length;
}

static void literal_add(const char *file, const char *text)
{
	size_t level = depth;

	assert_true(literals_count < LITERALS_MAX);
	literals[literals_count].text = strdup(text);
	snprintf(literals[literals_count].file, FILE_NAME_BYTES, "%s", file);
	for (size_t i = 0; i < depth; i++)
		if (strncmp(open_brackets[i].call, "log_", 4) == 0 ||
		    strstr(open_brackets[i].call, "tatic_assert"))
			literals[literals_count].logged = true;
	while (level > 0 && !*open_brackets[level - 1].call)
		level--;
	if (level > 0) {
		strcpy(literals[literals_count].call, open_brackets[level - 1].call);
		literals[literals_count].argument = open_brackets[level - 1].argument;
	}
	literals_count++;
}

static const char *literals_read(const char *file, const char *at)
{
	static char literal[SOURCE_BYTES_MAX];
	size_t length = 0;

	do {
		length += literal_read(&at, literal + length);
		at += strspn(at, " \t\n");
	} while (*at == '"');
	literal[length] = '\0';
	literal_add(file, literal);
	return at;
}

/* name: what stands before the bracket, or "". A block of braces is nobody's argument. */
static void bracket_open(const char *name)
{
	assert_true(depth < DEPTH_MAX);
	snprintf(open_brackets[depth].call, NAME_BYTES, "%s", name);
	open_brackets[depth++].argument = 0;
}

static const char *word_read(const char *at, char *ret_name)
{
	size_t length =
		strspn(at, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789");

	snprintf(ret_name, NAME_BYTES, "%.*s", (int)length, at);
	return at + length;
}

/* What is no literal: one step further in the source. */
static const char *code_read(const char *at, char *name)
{
	const char *behind = word_read(at, name);

	if (behind != at)
		return *behind == '(' ? (bracket_open(name), behind + 1) : behind;
	if (strncmp(at, "/*", 2) == 0) {
		at = strstr(at, "*/");
		assert_non_null(at);
		return at + 2;
	}
	if (*at == '#' && strncmp(at, "#include", 8) == 0)
		return at + strcspn(at, "\n");
	if (at[0] == '\'' && at[1] && at[2]) /* '"' is no literal */
		return strchr(at + (at[1] == '\\' ? 3 : 2), '\'') + 1;
	if (*at == '(' || *at == '{')
		bracket_open("");
	else if ((*at == ')' || *at == '}') && depth > 0)
		depth--;
	else if (*at == ',' && depth > 0)
		open_brackets[depth - 1].argument++;
	return at + 1;
}

static void source_read(const char *file, const char *text)
{
	char name[NAME_BYTES];

	depth = 0;
	while (*text)
		text = *text == '"' ? literals_read(file, text) : code_read(text, name);
	assert_int_equal(depth, 0);
}

static void folder_read(const char *name)
{
	DIR *folder = opendir(name);
	struct dirent *entry;

	while (folder && (entry = readdir(folder))) {
		const char *end = strrchr(entry->d_name, '.');
		char *text;

		if (!end || strcmp(end, ".c") != 0 || strcmp(entry->d_name, TABLE) == 0)
			continue;
		text = read_file(name, entry->d_name);
		source_read(entry->d_name, text);
		free(text);
	}
	if (folder)
		closedir(folder);
}

static int setup(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		folder_read(folders[i]);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	while (literals_count > 0)
		free(literals[--literals_count].text);
	return 0;
}

/* pattern: one of alike. */
static bool text_matches(const char *text, const char *pattern)
{
	size_t length = strlen(pattern);

	return length > 0 && pattern[length - 1] == '*' ? strncmp(text, pattern, length - 1) == 0
							: strcmp(text, pattern) == 0;
}

static bool sources_say(const char *pattern)
{
	for (size_t i = 0; i < literals_count; i++)
		if (text_matches(literals[i].text, pattern))
			return true;
	return false;
}

static bool is_alike(const char *text)
{
	for (size_t i = 0; i < ALIKE_COUNT; i++)
		if (text_matches(text, alike[i].text))
			return true;
	return false;
}

static bool is_german_too(const char *text)
{
	return language_text(LANGUAGE_GERMAN, text) != text;
}

static void each_text_stands_in_the_sources(void **state)
{
	size_t missing = 0;

	(void)state;
	if (literals_count == 0)
		skip(); /* not started where the sources are */
	for (size_t i = 0; i < messages_german_count + ALIKE_COUNT; i++) {
		const char *text = i < messages_german_count
					   ? messages_german[i].english
					   : alike[i - messages_german_count].text;
		bool found = sources_say(text);

		if (!found)
			print_error("no reply says \"%s\"\n", text);
		missing += !found;
	}
	assert_int_equal(missing, 0);
}

static bool is_small(char byte)
{
	return byte >= 'a' && byte <= 'z';
}

/* Whether people would read it: two small letters side by side, but for those of a conversion and of
 * what stands in a syntax, "<path>". */
static bool has_words(const char *text)
{
	while (*text) {
		if (*text == '%')
			text += 1 + strspn(text + 1, "-+ #0123456789.*hljztL");
		else if (*text == '<' && strchr(text, '>'))
			text = strchr(text, '>');
		else if (is_small(text[0]) && is_small(text[1]))
			return true;
		if (*text)
			text++;
	}
	return false;
}

static void each_reply_is_known_in_german(void **state)
{
	size_t missing = 0;

	(void)state;
	if (literals_count == 0)
		skip();
	for (size_t i = 0; i < literals_count; i++) {
		const char *text = literals[i].text;

		if (literals[i].logged || !has_words(text) || is_alike(text) || is_german_too(text))
			continue;
		print_error("%s: no German for \"%s\"\n", literals[i].file, text);
		missing++;
	}
	assert_int_equal(missing, 0);
}

/* session_reply looks its format up, and session_text what it is given; nobody else does. */
static void each_reply_is_said_in_the_language(void **state)
{
	size_t wrong = 0;

	(void)state;
	if (literals_count == 0)
		skip();
	for (size_t i = 0; i < literals_count; i++) {
		const char *call = literals[i].call;
		bool passes_by = strncmp(call, "reply_text_", 11) == 0 ||
				 strcmp(call, "snprintf") == 0 ||
				 (strcmp(call, "session_reply") == 0 && literals[i].argument > 2);

		if (!passes_by || !has_words(literals[i].text) || is_alike(literals[i].text))
			continue;
		print_error("%s: not by session_text: \"%s\"\n", literals[i].file,
			    literals[i].text);
		wrong++;
	}
	assert_int_equal(wrong, 0);
}

static void the_table_is_in_order(void **state)
{
	(void)state;
	for (size_t i = 1; i < messages_german_count; i++)
		assert_true(strcmp(messages_german[i - 1].english, messages_german[i].english) < 0);
}

/* The conversions of a format, one behind the other: "%s%lld". */
static void conversions_of(const char *format, char *ret_text)
{
	size_t length = 0;

	while ((format = strchr(format, '%'))) {
		size_t conversion = 1 + strspn(format + 1, "-+ #0123456789.*hljztL");

		conversion++; /* the letter, or the second % */
		assert_true(length + conversion < CONVERSIONS_MAX);
		memcpy(ret_text + length, format, conversion);
		length += conversion;
		format += conversion;
	}
	ret_text[length] = '\0';
}

static void both_texts_have_the_same_conversions(void **state)
{
	char english[CONVERSIONS_MAX];
	char german[CONVERSIONS_MAX];

	(void)state;
	for (size_t i = 0; i < messages_german_count; i++) {
		conversions_of(messages_german[i].english, english);
		conversions_of(messages_german[i].other, german);
		assert_string_equal(english, german);
	}
}

/* Bytes of UTF-8 that follow the first one, or -1. */
static int utf8_follows(unsigned char byte)
{
	return byte < 0x80 ? 0 : byte < 0xc2 ? -1 : byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
}

static void texts_are_one_line_of_utf8(void **state)
{
	(void)state;
	for (size_t i = 0; i < messages_german_count; i++) {
		const char *text = messages_german[i].other;

		assert_true(*text);
		while (*text) {
			int follows = utf8_follows((unsigned char)*text);

			assert_true(follows >= 0 && (unsigned char)*text >= ' ');
			for (text++; follows > 0; follows--)
				assert_int_equal((unsigned char)*text++ & 0xc0, 0x80);
		}
	}
}

static void what_is_said_alike_has_no_other_text(void **state)
{
	(void)state;
	for (size_t i = 0; i < ALIKE_COUNT; i++) {
		assert_false(is_german_too(alike[i].text));
		assert_true(*alike[i].why);
	}
	for (size_t i = 0; i < messages_german_count; i++)
		assert_false(is_alike(messages_german[i].english));
}

static void a_text_is_found_in_its_language_alone(void **state)
{
	(void)state;
	for (size_t i = 0; i < messages_german_count; i++) {
		const struct message *message = &messages_german[i];

		assert_ptr_equal(language_text(LANGUAGE_GERMAN, message->english), message->other);
		assert_ptr_equal(language_text(LANGUAGE_ENGLISH, message->english),
				 message->english);
	}
}

static void tags_are_found(void **state)
{
	(void)state;
	assert_int_equal(language_find(view_of("EN")), LANGUAGE_ENGLISH);
	assert_int_equal(language_find(view_of("de")), LANGUAGE_GERMAN);
	assert_int_equal(language_find(view_of("De-at-1996")), LANGUAGE_GERMAN);
	assert_int_equal(language_find(view_of("en-US")), LANGUAGE_ENGLISH);
	assert_int_equal(language_find(view_of("fr")), -ENOENT);
	assert_int_equal(language_find(view_of("deu")), -ENOENT);
	assert_int_equal(language_find(view_of("i-klingon")), -ENOENT);
	for (int i = 0; i < LANGUAGES_COUNT; i++)
		assert_int_equal(language_find(view_of(language_tag((enum language)i))), i);
}

static void what_is_no_tag_is_told_apart(void **state)
{
	static const char *const texts[] = { "",    "-",      "de-", "-de",   "d e",
					     "de;", "de--at", "1",   "de_AT", "abcdefghi" };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(language_find(view_of(texts[i])), -EINVAL);
	assert_int_equal(language_find((struct view){ "de\0", 3 }), -EINVAL);
	assert_int_equal(language_find((struct view){ NULL, 0 }), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_text_stands_in_the_sources),
		cmocka_unit_test(the_table_is_in_order),
		cmocka_unit_test(both_texts_have_the_same_conversions),
		cmocka_unit_test(texts_are_one_line_of_utf8),
		cmocka_unit_test(each_reply_is_known_in_german),
		cmocka_unit_test(each_reply_is_said_in_the_language),
		cmocka_unit_test(what_is_said_alike_has_no_other_text),
		cmocka_unit_test(a_text_is_found_in_its_language_alone),
		cmocka_unit_test(tags_are_found),
		cmocka_unit_test(what_is_no_tag_is_told_apart),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
