/*
 * Where threads meet: a bounded queue of small messages with many writers and one reader.
 * Posting moves the ownership of all that a message names. A full mailbox is back-pressure: the
 * writer has a reply for it (421, 425, 450), and nobody spins.
 *
 * The lock protects the queue alone and is held for a copy of one message. A lock-free queue
 * would save some nanoseconds of a path that no byte of a file ever takes.
 *
 * Thread:    post from any; take and wait from the reader alone.
 * Ownership: new/free by the reader's owner, when no writer is left.
 */
#ifndef BASE_MAILBOX_H
#define BASE_MAILBOX_H

#include <stdbool.h>
#include <stddef.h>

struct mailbox;

/* A mailbox of up to messages_max messages of message_bytes each. Returns 0 or -ENOMEM. */
int mailbox_new(size_t messages_max, size_t message_bytes, struct mailbox **ret_mailbox);

/* Frees the mailbox and what is still in it; the caller has taken out what owns something. */
void mailbox_free(struct mailbox *mailbox);

/* Copies *message in. Returns 1 if the mailbox was empty before (the reader may sleep and must
 * be woken if it does not wait in mailbox_wait), 0 if not, or -EAGAIN when it is full. */
int mailbox_post(struct mailbox *mailbox, const void *message);

/* Moves the oldest message to *ret_message. Returns false when there is none. */
bool mailbox_take(struct mailbox *mailbox, void *ret_message);

/* The same, but sleeps until there is a message. Returns false once the mailbox is closed and
 * empty. */
bool mailbox_wait(struct mailbox *mailbox, void *ret_message);

/* No message is taken in any more (-EAGAIN); every sleeping reader wakes up. */
void mailbox_close(struct mailbox *mailbox);

#endif
