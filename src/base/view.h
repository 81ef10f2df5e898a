/*
 * A view: bytes that somebody else owns, by pointer and length. Bytes from the network stay
 * views until fs/ copies a path out; names are bytes, never assumed to be UTF-8 or to end in NUL.
 *
 * Thread: any; a view is a value. Ownership: none, the bytes must outlive the view.
 */
#ifndef BASE_VIEW_H
#define BASE_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

struct view {
	const char *at;
	size_t length;
};

/* A view of the characters of a C string, without its NUL. */
static inline struct view view_of(const char *text)
{
	return (struct view){ text, strlen(text) }; /* NOLINT: never of NULL */
}

/* Whether the bytes of view are exactly those of text. */
static inline bool view_is(struct view view, const char *text)
{
	return view.length == strlen(text) &&
	       (view.length == 0 || memcmp(view.at, text, view.length) == 0);
}

/* The same without regard to the case of ASCII letters. */
static inline bool view_is_word(struct view view, const char *word)
{
	return view.length == strlen(word) &&
	       (view.length == 0 || strncasecmp(view.at, word, view.length) == 0);
}

/* Cuts the first word, and the one space behind it, off *rest. */
static inline struct view view_take_word(struct view *rest)
{
	const char *space = rest->length > 0 ? (const char *)memchr(rest->at, ' ', rest->length)
					     : NULL;
	struct view word = *rest;

	if (space)
		word.length = (size_t)(space - rest->at);
	rest->at += word.length + (space ? 1 : 0);
	rest->length -= word.length + (space ? 1 : 0);
	return word;
}

/* The view without its first count bytes; count must not be over its length. */
static inline struct view view_skip(struct view view, size_t count)
{
	return (struct view){ view.at + count, view.length - count };
}

#endif
