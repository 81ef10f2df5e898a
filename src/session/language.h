/*
 * The languages of replies (LANG, RFC 2640 section 4). English is what the sources say; a text in
 * another language is looked up by the English one when it is said, so that whoever writes a reply
 * writes it once, where it belongs. What has no entry stays English: what programs read, which
 * tests/unit/session/language_test.c lists. It finds every other text in src/session and src/represent
 * that has no entry.
 *
 * An entry may be a format of printf(3): its conversions are those of the English one, in the same
 * order (the same test holds every table to that, and to the sources).
 *
 * Pure; callable from any thread. Texts are UTF-8 and live as long as the program.
 */
#ifndef SESSION_LANGUAGE_H
#define SESSION_LANGUAGE_H

#include <stddef.h>

#include "base/view.h"

enum language { LANGUAGE_ENGLISH, LANGUAGE_GERMAN, LANGUAGES_COUNT };

struct message {
	const char *english;
	const char *other;
};

/* messages_german.c, in the order of strcmp(3) of the English ones. */
extern const struct message messages_german[];
extern const size_t messages_german_count;

/* The text in that language, or the English one. */
const char *language_text(enum language language, const char *english)
	__attribute__((format_arg(2)));

/* As FEAT writes it: "EN", "DE". */
const char *language_tag(enum language language);

/* Reads a tag of RFC 1766, in any case; of one with subtags ("de-AT") the first counts if there is
 * nothing closer. Returns a language, -EINVAL for what is no tag (501), or -ENOENT (504). */
int language_find(struct view tag);

#endif
