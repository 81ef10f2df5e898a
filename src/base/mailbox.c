#include "base/mailbox.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct mailbox {
	pthread_mutex_t lock; /* protects all that follows */
	pthread_cond_t filled;
	size_t messages_max;
	size_t message_bytes;
	size_t first;
	size_t count;
	bool closed;
	char messages[];
};

int mailbox_new(size_t messages_max, size_t message_bytes, struct mailbox **ret_mailbox)
{
	struct mailbox *mailbox;

	/* calloc: pages that no burst ever reaches are never touched. */
	mailbox = calloc(1, sizeof(*mailbox) + messages_max * message_bytes);
	if (!mailbox)
		return -ENOMEM;
	pthread_mutex_init(&mailbox->lock, NULL);
	pthread_cond_init(&mailbox->filled, NULL);
	mailbox->messages_max = messages_max;
	mailbox->message_bytes = message_bytes;
	*ret_mailbox = mailbox;
	return 0;
}

void mailbox_free(struct mailbox *mailbox)
{
	if (!mailbox)
		return;
	pthread_cond_destroy(&mailbox->filled);
	pthread_mutex_destroy(&mailbox->lock);
	free(mailbox);
}

static char *mailbox_slot(struct mailbox *mailbox, size_t index)
{
	return mailbox->messages + (index % mailbox->messages_max) * mailbox->message_bytes;
}

int mailbox_post(struct mailbox *mailbox, const void *message)
{
	int r;

	pthread_mutex_lock(&mailbox->lock);
	if (mailbox->closed || mailbox->count == mailbox->messages_max) {
		r = -EAGAIN;
	} else {
		memcpy(mailbox_slot(mailbox, mailbox->first + mailbox->count), message,
		       mailbox->message_bytes);
		r = mailbox->count++ == 0;
		pthread_cond_signal(&mailbox->filled);
	}
	pthread_mutex_unlock(&mailbox->lock);
	return r;
}

static bool mailbox_pop(struct mailbox *mailbox, void *ret_message)
{
	if (mailbox->count == 0)
		return false;
	memcpy(ret_message, mailbox_slot(mailbox, mailbox->first), mailbox->message_bytes);
	/* An emptied queue begins anew at its front, where the memory is already warm. */
	mailbox->first = --mailbox->count == 0 ? 0 : (mailbox->first + 1) % mailbox->messages_max;
	return true;
}

bool mailbox_take(struct mailbox *mailbox, void *ret_message)
{
	bool taken;

	pthread_mutex_lock(&mailbox->lock);
	taken = mailbox_pop(mailbox, ret_message);
	pthread_mutex_unlock(&mailbox->lock);
	return taken;
}

bool mailbox_wait(struct mailbox *mailbox, void *ret_message)
{
	bool taken;

	pthread_mutex_lock(&mailbox->lock);
	while (mailbox->count == 0 && !mailbox->closed)
		pthread_cond_wait(&mailbox->filled, &mailbox->lock);
	taken = mailbox_pop(mailbox, ret_message);
	pthread_mutex_unlock(&mailbox->lock);
	return taken;
}

void mailbox_close(struct mailbox *mailbox)
{
	pthread_mutex_lock(&mailbox->lock);
	mailbox->closed = true;
	pthread_cond_broadcast(&mailbox->filled);
	pthread_mutex_unlock(&mailbox->lock);
}
