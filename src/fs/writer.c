#include "fs/writer.h"

#include <pthread.h>
#include <stddef.h>

#define BUCKETS 256

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of buckets, and of what is in them */
static pthread_cond_t trimmed = PTHREAD_COND_INITIALIZER;
static struct writer *buckets[BUCKETS];

static struct writer **writer_bucket(const struct writer *writer)
{
	return &buckets[(writer->inode ^ writer->device) % BUCKETS];
}

static bool writer_is_of_file(const struct writer *writer, const struct writer *other)
{
	return other != writer && other->inode == writer->inode && other->device == writer->device;
}

/* Another one that writes the file, or NULL. */
static struct writer *writer_find_other(const struct writer *writer)
{
	struct writer *at = *writer_bucket(writer);

	while (at && !(writer_is_of_file(writer, at) && !at->done))
		at = at->next;
	return at;
}

static bool writer_must_wait(const struct writer *writer)
{
	const struct writer *at = *writer_bucket(writer);

	while (at && !(writer_is_of_file(writer, at) && at->trims))
		at = at->next;
	return at != NULL;
}

void writer_enter(struct writer *writer, uint64_t device, uint64_t inode)
{
	struct writer **bucket;

	*writer = (struct writer){ .device = device, .inode = inode, .entered = true };
	pthread_mutex_lock(&lock);
	while (writer_must_wait(writer))
		pthread_cond_wait(&trimmed, &lock);
	bucket = writer_bucket(writer);
	writer->next = *bucket;
	*bucket = writer;
	pthread_mutex_unlock(&lock);
}

bool writer_begin_trim(struct writer *writer, bool wanted)
{
	struct writer *other;

	if (!writer->entered)
		return false;
	pthread_mutex_lock(&lock);
	writer->done = true;
	if (wanted || writer->heir) {
		other = writer_find_other(writer);
		if (other)
			other->heir = true;
		else
			writer->trims = true;
	}
	pthread_mutex_unlock(&lock);
	return writer->trims;
}

void writer_end_trim(struct writer *writer)
{
	pthread_mutex_lock(&lock);
	writer->trims = false;
	pthread_cond_broadcast(&trimmed);
	pthread_mutex_unlock(&lock);
}

void writer_leave(struct writer *writer)
{
	struct writer **place;

	if (!writer->entered)
		return;
	pthread_mutex_lock(&lock);
	for (place = writer_bucket(writer); *place != writer;)
		place = &(*place)->next;
	*place = writer->next;
	pthread_mutex_unlock(&lock);
	writer->entered = false;
}
