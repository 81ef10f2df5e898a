/*
 * The arguments of commands that take several names (SITE SYMLINK, SITE LINK, COMB): words with
 * spaces between them. A word that begins with a quotation mark goes on to the next single one, two
 * of which stand for one within ("a ""b"" c" is a "b" c), as pathnames do in replies (RFC 959
 * appendix II).
 *
 * Pure; the words are views into the caller's buffer.
 */
#ifndef PROTOCOL_WORDS_H
#define PROTOCOL_WORDS_H

#include "base/view.h"

/* Takes text apart into at most words_max words, whose bytes go to ret_bytes (text.length of them).
 * Returns how many, or -EINVAL: a mark that is not closed, or that something follows at once; an
 * empty word in marks is one. -E2BIG: more than words_max. */
int words_parse(struct view text, char *ret_bytes, struct view *ret_words, int words_max);

#endif
