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

#define SOURCES "src/session"
#define TABLE "messages_german.c"
#define SOURCE_BYTES_MAX (1 << 20)
#define LITERALS_MAX 4096
#define CONVERSIONS_MAX 100

/* The string literals of the sources, those that stand side by side as one. */
static char *literals[LITERALS_MAX];
static size_t literals_count;

static char *read_file(const char *name)
{
	char *text = calloc(1, SOURCE_BYTES_MAX);
	char path[512];
	FILE *file;
	size_t length;

	assert_non_null(text);
	snprintf(path, sizeof(path), "%s/%s", SOURCES, name);
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
		if (**at == '\\')
			++*at;
		ret_text[length++] = **at;
	}
	if (**at)
		++*at;
	return length;
}

static void source_read(const char *text)
{
	static char literal[SOURCE_BYTES_MAX];

	while (*text) {
		size_t length = 0;

		if (strncmp(text, "/*", 2) == 0) {
			text = strstr(text, "*/");
			assert_non_null(text);
		}
		if (text[0] == '\'' && text[1] && text[2]) /* '"' is no literal */
			text += text[1] == '\\' ? 3 : 2;
		if (*text != '"') {
			text++;
			continue;
		}
		do {
			length += literal_read(&text, literal + length);
			text += strspn(text, " \t\n");
		} while (*text == '"');
		literal[length] = '\0';
		assert_true(literals_count < LITERALS_MAX);
		literals[literals_count++] = strdup(literal);
	}
}

static int setup(void **state)
{
	DIR *folder = opendir(SOURCES);
	struct dirent *entry;

	(void)state;
	while (folder && (entry = readdir(folder))) {
		const char *end = strrchr(entry->d_name, '.');
		char *text;

		if (!end || strcmp(end, ".c") != 0 || strcmp(entry->d_name, TABLE) == 0)
			continue;
		text = read_file(entry->d_name);
		source_read(text);
		free(text);
	}
	if (folder)
		closedir(folder);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	while (literals_count > 0)
		free(literals[--literals_count]);
	return 0;
}

static void each_text_stands_in_the_sources(void **state)
{
	size_t missing = 0;

	(void)state;
	if (literals_count == 0)
		skip(); /* not started where the sources are */
	for (size_t i = 0; i < messages_german_count; i++) {
		bool found = false;

		for (size_t j = 0; j < literals_count && !found; j++)
			found = strcmp(messages_german[i].english, literals[j]) == 0;
		if (!found)
			print_error("no reply says \"%s\"\n", messages_german[i].english);
		missing += !found;
	}
	assert_int_equal(missing, 0);
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

static void what_programs_read_is_said_in_one_way(void **state)
{
	static const char *const texts[] = {
		"Entering Passive Mode (%u,%u,%u,%u,%u,%u)",
		"Entering Extended Passive Mode (|||%u|)",
		"Entering Long Passive Mode (%s)",
		"Network protocol not supported, use (%d)",
		"Supported address families are (4, 6)",
		"MLST OPTS %s",
		"UNIX Type: L8",
		"End",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_ptr_equal(language_text(LANGUAGE_GERMAN, texts[i]), texts[i]);
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
		cmocka_unit_test(what_programs_read_is_said_in_one_way),
		cmocka_unit_test(a_text_is_found_in_its_language_alone),
		cmocka_unit_test(tags_are_found),
		cmocka_unit_test(what_is_no_tag_is_told_apart),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
