#include "fs/attributes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "fs/entry_line.h"
#include "fs/inode.h"
#include "fs/mounts.h"
#include "fs/resolve.h"
#include "protocol/time_value.h"
#include "sys/calls.h"

#define SPECIAL_BITS (S_ISUID | S_ISGID | S_ISVTX)
#define FRACTION_DIGITS 9

/* The digits behind the point of a time that is known to be one, as nanoseconds. */
static uint32_t fraction_read(struct view text)
{
	uint32_t nanoseconds = 0;

	for (size_t i = 0; i < FRACTION_DIGITS; i++) {
		size_t at = TIME_VALUE_LENGTH + 1 + i;

		nanoseconds *= 10;
		if (at < text.length)
			nanoseconds += (uint32_t)(text.at[at] - '0');
	}
	return nanoseconds;
}

int attributes_parse_time(struct view text, struct attributes *attributes)
{
	int64_t seconds;

	if (time_value_parse(text, &seconds) < 0)
		return -EINVAL;
	attributes->modified_s = seconds;
	attributes->modified_ns = fraction_read(text);
	attributes->facts |= FACT_MODIFY;
	return 0;
}

/* Reads a number of the base that is the whole text. Returns 0, or -EINVAL if it is none or above
 * most. */
static int number_parse(struct view text, unsigned base, uint32_t most, uint32_t *ret_number)
{
	uint64_t number = 0;

	if (text.length == 0)
		return -EINVAL;
	for (size_t i = 0; i < text.length; i++) {
		unsigned digit = (unsigned)(unsigned char)text.at[i] - '0';

		if (digit >= base)
			return -EINVAL;
		number = number * base + digit;
		if (number > most)
			return -EINVAL;
	}
	*ret_number = (uint32_t)number;
	return 0;
}

static int fact_parse(struct view name, struct view value, struct attributes *attributes)
{
	unsigned fact = fact_of_name(name);

	if (attributes->facts & fact)
		return -EINVAL;
	attributes->facts |= fact;
	switch (fact) {
	case FACT_MODIFY:
		return attributes_parse_time(value, attributes);
	case FACT_UNIX_MODE:
		return number_parse(value, 8, 0777, &attributes->mode);
	case FACT_UNIX_GROUP: /* the highest number means "leave it" to chown(2) */
		return number_parse(value, 10, UINT32_MAX - 1, &attributes->group);
	default:
		return -EOPNOTSUPP;
	}
}

int attributes_parse(struct view text, struct attributes *ret_attributes)
{
	struct attributes attributes = { 0 };
	int r = text.length > 0 ? 0 : -EINVAL;

	while (r == 0 && text.length > 0) {
		const char *end = memchr(text.at, ';', text.length);
		size_t length = end ? (size_t)(end - text.at) : text.length;
		const char *equals = length > 0 ? memchr(text.at, '=', length) : NULL;
		size_t name_length = equals ? (size_t)(equals - text.at) : 0;

		if (name_length == 0)
			return -EINVAL;
		r = fact_parse((struct view){ text.at, name_length },
			       (struct view){ equals + 1, length - name_length - 1 }, &attributes);
		text = view_skip(text, end ? length + 1 : length);
	}
	if (r == 0)
		*ret_attributes = attributes;
	return r;
}

/* ".5" of half a second, nothing of a whole one. */
static int fraction_format(uint32_t nanoseconds, char *ret_text)
{
	int length;

	if (nanoseconds == 0) {
		ret_text[0] = '\0';
		return 0;
	}
	length = sprintf(ret_text, ".%09u", nanoseconds % 1000000000U);
	while (ret_text[length - 1] == '0')
		length--;
	ret_text[length] = '\0';
	return length;
}

void attributes_format(const struct attributes *attributes, char *ret_text)
{
	char *at = ret_text;

	*at = '\0';
	if (attributes->facts & FACT_MODIFY) {
		at += sprintf(at, "modify=");
		time_value_format(attributes->modified_s, at);
		at += TIME_VALUE_LENGTH;
		at += fraction_format(attributes->modified_ns, at);
		at += sprintf(at, ";");
	}
	if (attributes->facts & FACT_UNIX_MODE)
		at += sprintf(at, "UNIX.mode=%04o;", attributes->mode);
	if (attributes->facts & FACT_UNIX_GROUP)
		sprintf(at, "UNIX.group=%u;", attributes->group);
}

/* One that is open for looks (O_PATH), what it was before, and what of it is changed by now. */
struct change {
	int fd;
	struct statx before;
	unsigned done; /* facts */
};

static int change_group(const struct change *change, uint32_t group)
{
	return calls->fchownat(change->fd, "", (uid_t)-1, group, AT_EMPTY_PATH);
}

static int change_time(const struct change *change, const struct attributes *attributes)
{
	const struct timespec times[2] = {
		{ .tv_nsec = UTIME_OMIT },
		{ .tv_sec = attributes->modified_s, .tv_nsec = (long)attributes->modified_ns },
	};

	return calls->utimensat(change->fd, "", times, AT_EMPTY_PATH);
}

/* In this order, since a new group takes set-ID bits away; the time is the last that can fail. */
static int change_all(struct change *change, const struct attributes *attributes)
{
	unsigned kept = S_ISDIR(change->before.stx_mode) ? change->before.stx_mode & SPECIAL_BITS
							 : 0;
	int r = 0;

	if (attributes->facts & FACT_UNIX_GROUP) {
		r = change_group(change, attributes->group);
		if (r < 0)
			return r;
		change->done |= FACT_UNIX_GROUP | FACT_UNIX_MODE;
	}
	if (attributes->facts & FACT_UNIX_MODE) {
		r = inode_change_mode(change->fd, kept | attributes->mode);
		if (r < 0)
			return r;
		change->done |= FACT_UNIX_MODE;
	}
	if (attributes->facts & FACT_MODIFY)
		r = change_time(change, attributes);
	return r;
}

static void change_back(const struct change *change)
{
	if (change->done & FACT_UNIX_GROUP)
		change_group(change, change->before.stx_gid);
	if (change->done & FACT_UNIX_MODE)
		inode_change_mode(change->fd, change->before.stx_mode & (SPECIAL_BITS | 0777));
}

static int change_look(struct change *change)
{
	int r = resolve_stat_file(change->fd, &change->before);

	return r == -EISDIR ? 0 : r;
}

int attributes_apply(int root, const char *path, struct attributes *attributes)
{
	struct change change = { .fd = resolve_open(root, path, O_PATH, 0) };
	struct statx now;
	int r;

	if (change.fd < 0)
		return change.fd;
	r = change_look(&change);
	if (r == 0) {
		r = change_all(&change, attributes);
		if (r < 0)
			change_back(&change);
	}
	if (r == 0 && attributes->facts & FACT_MODIFY &&
	    calls->statx(change.fd, "", AT_EMPTY_PATH, STATX_MTIME, &now) == 0) {
		attributes->modified_s = now.stx_mtime.tv_sec;
		attributes->modified_ns = now.stx_mtime.tv_nsec;
	}
	calls->close(change.fd);
	return r;
}
