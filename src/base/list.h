/*
 * A doubly linked list whose links live in its members, so that joining and leaving need no
 * memory and no search. A head is a link of its own; an empty list points at itself.
 *
 * Thread: a list belongs to one thread, as its members do. Ownership: a list owns nothing.
 */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *next;
	struct list *previous;
};

/* The structure of type that has this link as its field. */
#define list_entry(link, type, field) ((type *)(void *)((char *)(link)-offsetof(type, field)))

static inline void list_init(struct list *list)
{
	list->next = list;
	list->previous = list;
}

static inline bool list_empty(const struct list *list)
{
	return list->next == list;
}

/* Puts link at the end of list; it must be in no list. */
static inline void list_append(struct list *list, struct list *link)
{
	link->next = list;
	link->previous = list->previous;
	list->previous->next = link;
	list->previous = link;
}

/* Takes link out of whatever list it is in; harmless on a link that is in none but initialised. */
static inline void list_remove(struct list *link)
{
	link->next->previous = link->previous;
	link->previous->next = link->next;
	list_init(link);
}

/* Puts all of another list behind those of list; the other is empty then. */
static inline void list_move_all(struct list *list, struct list *other)
{
	if (list_empty(other))
		return;
	other->next->previous = list->previous;
	list->previous->next = other->next;
	other->previous->next = list;
	list->previous = other->previous;
	list_init(other);
}

/* Takes the first link out and returns it, or NULL of an empty list. */
static inline struct list *list_shift(struct list *list)
{
	struct list *first = list->next;

	if (first == list)
		return NULL;
	list_remove(first); /* NOLINT: the analyzer takes it for the member freed one loop before */
	return first;
}

#endif
