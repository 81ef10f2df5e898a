#include "session/language.h"

#include <errno.h>
#include <stdlib.h>

#define SUBTAG_MAX_LENGTH 8

static const char tags[LANGUAGES_COUNT][3] = {
	[LANGUAGE_ENGLISH] = "EN",
	[LANGUAGE_GERMAN] = "DE",
};

static int message_compare(const void *english, const void *message)
{
	return strcmp(english, ((const struct message *)message)->english);
}

const char *language_text(enum language language, const char *english)
{
	const struct message *message = NULL;

	if (language == LANGUAGE_GERMAN)
		message = bsearch(english, messages_german, messages_german_count,
				  sizeof(messages_german[0]), message_compare);
	return message ? message->other : english;
}

const char *language_tag(enum language language)
{
	return tags[language];
}

static bool is_letter(char byte)
{
	return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

/* One to eight letters, and more of them behind dashes (RFC 1766 section 2), digits in those as in
 * later versions of it. */
static bool tag_is_valid(struct view tag)
{
	size_t length = 0;
	bool first = true;

	for (size_t i = 0; i < tag.length; i++) {
		char byte = tag.at[i];

		if (byte == '-' && length > 0) {
			length = 0;
			first = false;
		} else if (is_letter(byte) || (!first && byte >= '0' && byte <= '9')) {
			length++;
		} else {
			return false;
		}
		if (length > SUBTAG_MAX_LENGTH)
			return false;
	}
	return length > 0;
}

int language_find(struct view tag)
{
	const char *dash = tag.length > 0 ? memchr(tag.at, '-', tag.length) : NULL;

	if (!tag_is_valid(tag))
		return -EINVAL;
	if (dash)
		tag.length = (size_t)(dash - tag.at);
	for (int i = 0; i < LANGUAGES_COUNT; i++)
		if (view_is_word(tag, tags[i]))
			return i;
	return -ENOENT;
}
