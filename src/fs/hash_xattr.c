#include "fs/hash_xattr.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sys/calls.h"

#define VALUE_MAX 320
#define NAME_MAX_BYTES 40
#define WRITTEN_WITHIN_NS 100000000
#define NS_PER_S 1000000000

static void xattr_name(enum digest_kind kind, char *ret_name)
{
	const char *name = digest_name(kind);
	int length = snprintf(ret_name, NAME_MAX_BYTES, "user.sluice.hash.");

	for (; *name; name++)
		ret_name[length++] = (char)(*name >= 'A' && *name <= 'Z' ? *name | 0x20 : *name);
	ret_name[length] = '\0';
}

/* What stands before the time of writing: equal for equal states. */
static int xattr_state(const struct hash_identity *identity, char *ret_text)
{
	return snprintf(ret_text, VALUE_MAX, "1 %llu %llu %lld.%09u ",
			(unsigned long long)identity->inode,
			(unsigned long long)identity->size_bytes, (long long)identity->modified_s,
			identity->modified_ns);
}

/* Whether the inode's last change is the writing of the attribute at that time. */
static bool changed_by_writing(const struct hash_identity *identity, int64_t written_s,
			       int64_t written_ns)
{
	int64_t apart_ns;

	if (written_s > identity->changed_s || written_s < identity->changed_s - 1)
		return false;
	apart_ns = (identity->changed_s - written_s) * NS_PER_S + (int64_t)identity->changed_ns -
		   written_ns;
	return apart_ns >= 0 && apart_ns <= WRITTEN_WITHIN_NS;
}

/* Reads "seconds.nanoseconds ". Returns what is behind it, or NULL. */
static const char *time_read(const char *text, int64_t *ret_s, int64_t *ret_ns)
{
	char *end;

	errno = 0;
	*ret_s = strtoll(text, &end, 10);
	if (errno != 0 || *end != '.' || strspn(end + 1, "0123456789") != 9 || end[10] != ' ')
		return NULL;
	*ret_ns = strtol(end + 1, &end, 10);
	return end + 1;
}

bool hash_xattr_read(int fd, const struct hash_identity *identity, enum digest_kind kind,
		     unsigned char *ret_bytes)
{
	char name[NAME_MAX_BYTES];
	char state[VALUE_MAX];
	char value[VALUE_MAX];
	int state_length = xattr_state(identity, state);
	int64_t written_s;
	int64_t written_ns;
	const char *hex;
	ssize_t length;

	xattr_name(kind, name);
	length = calls->getxattr(fd, name, value, sizeof(value) - 1);
	if (length < state_length || memcmp(value, state, (size_t)state_length) != 0)
		return false;
	value[length] = '\0';
	hex = time_read(value + state_length, &written_s, &written_ns);
	return hex && changed_by_writing(identity, written_s, written_ns) &&
	       digest_parse(view_of(hex), digest_bytes(kind), ret_bytes) == 0;
}

static int xattr_set(int fd, const struct hash_identity *identity, enum digest_kind kind,
		     const unsigned char *bytes, const struct timespec *now)
{
	char name[NAME_MAX_BYTES];
	char value[VALUE_MAX];
	int length = xattr_state(identity, value);

	xattr_name(kind, name);
	length += snprintf(value + length, VALUE_MAX - (size_t)length, "%lld.%09ld ",
			   (long long)now->tv_sec, now->tv_nsec);
	digest_format(bytes, digest_bytes(kind), false, value + length);
	return calls->setxattr(fd, name, value, strlen(value));
}

int hash_xattr_write(int fd, const struct hash_identity *identity, enum digest_kind kind,
		     const unsigned char *bytes)
{
	unsigned char others[DIGEST_KINDS][DIGEST_BYTES_MAX];
	bool good[DIGEST_KINDS];
	struct timespec now;
	int r;

	for (int other = 0; other < DIGEST_KINDS; other++)
		good[other] = other != (int)kind &&
			      hash_xattr_read(fd, identity, (enum digest_kind)other, others[other]);
	/* The clock that the kernel takes file times from: the ctime is not before this. */
	clock_gettime(CLOCK_REALTIME_COARSE, &now);
	r = xattr_set(fd, identity, kind, bytes, &now);
	for (int other = 0; other < DIGEST_KINDS && r == 0; other++)
		if (good[other])
			r = xattr_set(fd, identity, (enum digest_kind)other, others[other], &now);
	return r;
}
