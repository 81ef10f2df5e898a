#include "fs/entry_line.h"

#include <errno.h>

#include "base/limits.h"
#include "protocol/time_value.h"
#include "sys/identity.h"

#define HALF_YEAR_S 15778476 /* of the mean Gregorian year */
#define AHEAD_S 60	     /* changed since the listing was begun: no other year for that */

/* User and group: which accounts the server's machine has is nobody's business. */
#define OWNER_COLUMNS " ftp      ftp      "

static const struct fact_text {
	enum fact fact;
	unsigned mask; /* what it needs of statx */
	char name[12];
} facts_known[] = {
	{ FACT_TYPE, 0, "type" },
	{ FACT_SIZE, STATX_TYPE | STATX_SIZE, "size" },
	{ FACT_MODIFY, STATX_MTIME, "modify" },
	{ FACT_CREATE, STATX_BTIME, "create" },
	{ FACT_PERM, STATX_TYPE | STATX_MODE | STATX_UID | STATX_GID, "perm" },
	{ FACT_UNIQUE, STATX_INO, "unique" },
	{ FACT_UNIX_MODE, STATX_MODE, "UNIX.mode" },
	{ FACT_UNIX_OWNER, STATX_UID, "UNIX.owner" },
	{ FACT_UNIX_GROUP, STATX_GID, "UNIX.group" },
};
#define FACTS_COUNT (sizeof(facts_known) / sizeof(facts_known[0]))

const char *fact_name(enum fact fact)
{
	for (size_t i = 0; i < FACTS_COUNT; i++)
		if (facts_known[i].fact == fact)
			return facts_known[i].name;
	return NULL;
}

unsigned fact_of_name(struct view name)
{
	for (size_t i = 0; i < FACTS_COUNT; i++)
		if (view_is_word(name, facts_known[i].name))
			return facts_known[i].fact;
	return 0;
}

unsigned entry_line_mask(unsigned facts)
{
	unsigned mask = 0;

	for (size_t i = 0; i < FACTS_COUNT; i++)
		if (facts & facts_known[i].fact)
			mask |= facts_known[i].mask;
	return mask == 0 ? 0 : mask | STATX_TYPE;
}

/*
 * Each function puts bytes at at and returns where the next ones go.
 */

static char *put_bytes(char *at, const char *bytes, size_t length)
{
	memcpy(at, bytes, length);
	return at + length;
}

#define PUT_TEXT(at, text) put_bytes(at, text, sizeof(text) - 1)

static char *put_name(char *at, struct view name)
{
	size_t length = name.length < PATH_BYTES_MAX ? name.length : PATH_BYTES_MAX;

	for (size_t i = 0; i < length; i++) {
		char byte = name.at[i];

		at[i] = byte == '\n' || byte == '\r' ? '?' : byte;
	}
	return at + length;
}

static char *put_two(char *at, unsigned number)
{
	static const char digits[] = "00010203040506070809101112131415161718192021222324"
				     "25262728293031323334353637383940414243444546474849"
				     "50515253545556575859606162636465666768697071727374"
				     "75767778798081828384858687888990919293949596979899";

	return put_bytes(at, digits + 2 * number, 2);
}

/* A decimal number, with spaces before it up to width. */
static char *put_number(char *at, uint64_t number, size_t width)
{
	char digits[20];
	size_t first = sizeof(digits);

	while (number >= 100) {
		first -= 2;
		put_two(digits + first, (unsigned)(number % 100));
		number /= 100;
	}
	if (number >= 10) {
		first -= 2;
		put_two(digits + first, (unsigned)number);
	} else {
		digits[--first] = (char)('0' + number);
	}
	for (size_t length = sizeof(digits) - first; length < width; length++)
		*at++ = ' ';
	return put_bytes(at, digits + first, sizeof(digits) - first);
}

static char *put_hex(char *at, uint64_t number)
{
	int shift = 60;

	while (shift > 0 && number >> shift == 0)
		shift -= 4;
	for (; shift >= 0; shift -= 4)
		*at++ = "0123456789abcdef"[number >> shift & 0xf];
	return at;
}

/* "drwxr-xr-x", the letters of ls(1). */
static char *put_mode(char *at, unsigned mode)
{
	static const char types[16] = "?pc?d?b?-?l?s???"; /* by S_IFMT >> 12 */
	static const char rights[8][4] = { "---", "--x", "-w-", "-wx", "r--", "r-x", "rw-", "rwx" };
	static const struct {
		unsigned bit;
		int column;
		char with_x;
		char without_x;
	} specials[] = { { S_ISUID, 3, 's', 'S' },
			 { S_ISGID, 6, 's', 'S' },
			 { S_ISVTX, 9, 't', 'T' } };

	at[0] = types[mode >> 12 & 0xf];
	memcpy(at + 1, rights[mode >> 6 & 7], 3);
	memcpy(at + 4, rights[mode >> 3 & 7], 3);
	memcpy(at + 7, rights[mode & 7], 3);
	if (mode & (S_ISUID | S_ISGID | S_ISVTX))
		for (size_t i = 0; i < 3; i++)
			if (mode & specials[i].bit)
				at[specials[i].column] = at[specials[i].column] == 'x'
								 ? specials[i].with_x
								 : specials[i].without_x;
	return at + 10;
}

/* "Jan  2 03:04" or "Jan  2  2026". */
static char *put_date(char *at, int64_t seconds, int64_t now_s)
{
	static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
					    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	struct calendar calendar;

	time_value_calendar(seconds, &calendar);
	at = put_bytes(at, months[calendar.month - 1], 3);
	at = put_number(at, (unsigned)calendar.day, 3);
	*at++ = ' ';
	if (seconds <= now_s + AHEAD_S && seconds >= now_s - HALF_YEAR_S) {
		at = put_two(at, (unsigned)calendar.hour);
		*at++ = ':';
		return put_two(at, (unsigned)calendar.minute);
	}
	*at++ = ' ';
	at = put_two(at, (unsigned)calendar.year / 100);
	return put_two(at, (unsigned)calendar.year % 100);
}

size_t entry_line_list(const struct statx *stat, struct view name, struct view target,
		       int64_t now_s, char *ret_line)
{
	bool has_size = S_ISREG(stat->stx_mode) || S_ISDIR(stat->stx_mode) ||
			S_ISLNK(stat->stx_mode);
	char *at = ret_line;

	at = put_mode(at, stat->stx_mode);
	*at++ = ' ';
	at = put_number(at, stat->stx_nlink, 3);
	at = PUT_TEXT(at, OWNER_COLUMNS);
	/* ls(1) shows the numbers of a device here, which no client can read. */
	at = put_number(at, has_size ? stat->stx_size : 0, 8);
	*at++ = ' ';
	at = put_date(at, stat->stx_mtime.tv_sec, now_s);
	*at++ = ' ';
	at = put_name(at, name);
	if (target.length > 0) {
		at = PUT_TEXT(at, " -> ");
		at = put_name(at, target);
	}
	at = PUT_TEXT(at, "\r\n");
	return (size_t)(at - ret_line);
}

int64_t entry_line_list_until(const struct statx *stat, int64_t now_s)
{
	int64_t seconds = stat->stx_mtime.tv_sec;

	if (seconds > now_s + AHEAD_S)
		return seconds - AHEAD_S - 1;
	return seconds < now_s - HALF_YEAR_S ? INT64_MAX : seconds + HALF_YEAR_S;
}

size_t entry_line_name(struct view prefix, struct view name, char *ret_line)
{
	char *at = ret_line;

	at = put_name(at, prefix);
	at = put_name(at, name);
	at = PUT_TEXT(at, "\r\n");
	return (size_t)(at - ret_line);
}

/* RFC 3659 section 7.5.1. */
static char *put_type(char *at, unsigned mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return PUT_TEXT(at, "type=file;");
	case S_IFDIR:
		return PUT_TEXT(at, "type=dir;");
	case S_IFLNK:
		return PUT_TEXT(at, "type=OS.unix=slink;");
	case S_IFCHR:
		return PUT_TEXT(at, "type=OS.unix=chr;");
	case S_IFBLK:
		return PUT_TEXT(at, "type=OS.unix=blk;");
	case S_IFIFO:
		return PUT_TEXT(at, "type=OS.unix=fifo;");
	case S_IFSOCK:
		return PUT_TEXT(at, "type=OS.unix=socket;");
	default:
		return at;
	}
}

/* What the kernel grants to the process: bits 4, 2 and 1 of one class, for no capability widens
 * them. */
static unsigned rights_granted(const struct statx *stat, const struct entry_rights *rights)
{
	if (stat->stx_uid == rights->uid)
		return stat->stx_mode >> 6 & 7;
	if (stat->stx_gid == rights->gid ||
	    (rights->identity && identity_has_group(rights->identity, stat->stx_gid)))
		return stat->stx_mode >> 3 & 7;
	return stat->stx_mode & 7;
}

void entry_rights_of_folder(struct entry_rights *rights, int may_write, const struct statx *stat)
{
	rights->folder_writable = may_write == 0;
	rights->folder_sticky = stat->stx_mode & S_ISVTX && stat->stx_uid != rights->uid;
	rights->read_only = may_write == -EROFS;
}

/* Whether the entry can be taken out of its folder: out of a sticky one (as /tmp) only by the
 * entry's owner, and what is marked immutable or append-only stays where it is. */
static bool may_move(const struct statx *stat, const struct entry_rights *rights)
{
	if (!rights->may_write || !rights->folder_writable)
		return false;
	if (stat->stx_attributes & (STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND))
		return false;
	return !rights->folder_sticky || stat->stx_uid == rights->uid;
}

/* RFC 3659 section 7.5.5, in the order of the alphabet. */
static char *put_perm(char *at, const struct statx *stat, const struct entry_rights *rights)
{
	unsigned granted = rights_granted(stat, rights);
	bool is_folder = S_ISDIR(stat->stx_mode);
	bool is_file = S_ISREG(stat->stx_mode);
	bool reads = granted & 4;
	bool enters = is_folder && (granted & 1);
	bool writes = rights->may_write && !rights->read_only && (granted & 2) &&
		      !(stat->stx_attributes & (STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND));
	bool moves = may_move(stat, rights);

	at = PUT_TEXT(at, "perm=");
	if (is_file && writes)
		*at++ = 'a';
	if (enters && writes)
		*at++ = 'c';
	if (moves)
		*at++ = 'd';
	if (enters)
		*at++ = 'e';
	if (moves)
		*at++ = 'f';
	if (is_folder && reads)
		*at++ = 'l';
	if (enters && writes) {
		*at++ = 'm';
		*at++ = 'p';
	}
	if (is_file && reads)
		*at++ = 'r';
	if (is_file && writes)
		*at++ = 'w';
	*at++ = ';';
	return at;
}

/* Device and inode: equal for all names of one file, and for nothing else. The kernel's minor
 * numbers have 20 bits. */
static char *put_unique(char *at, const struct statx *stat)
{
	at = PUT_TEXT(at, "unique=");
	at = put_hex(at, (uint64_t)stat->stx_dev_major << 20 | stat->stx_dev_minor);
	*at++ = '.';
	at = put_hex(at, stat->stx_ino);
	*at++ = ';';
	return at;
}

static char *put_unix_mode(char *at, unsigned mode)
{
	at = PUT_TEXT(at, "UNIX.mode=");
	for (int shift = 9; shift >= 0; shift -= 3)
		*at++ = (char)('0' + (mode >> shift & 7));
	*at++ = ';';
	return at;
}

static char *put_time(char *at, int64_t seconds)
{
	time_value_format(seconds, at);
	at += TIME_VALUE_LENGTH;
	*at++ = ';';
	return at;
}

static char *put_count(char *at, uint64_t number)
{
	at = put_number(at, number, 0);
	*at++ = ';';
	return at;
}

size_t entry_line_facts(const struct statx *stat, struct view name, const char *type,
			unsigned facts, const struct entry_rights *rights, char *ret_line)
{
	char *at = ret_line;

	for (size_t i = 0; i < FACTS_COUNT; i++) /* what is not known cannot be said */
		if (facts_known[i].mask & ~stat->stx_mask)
			facts &= ~(unsigned)facts_known[i].fact;

	if (facts & FACT_TYPE && type) {
		at = PUT_TEXT(at, "type=");
		at = put_bytes(at, type, strlen(type));
		*at++ = ';';
	} else if (facts & FACT_TYPE && stat->stx_mask & STATX_TYPE) {
		at = put_type(at, stat->stx_mode);
	}
	/* RFC 3659 section 7.5.7: of what RETR would send, so of files alone. */
	if (facts & FACT_SIZE && S_ISREG(stat->stx_mode))
		at = put_count(PUT_TEXT(at, "size="), stat->stx_size);
	if (facts & FACT_MODIFY)
		at = put_time(PUT_TEXT(at, "modify="), stat->stx_mtime.tv_sec);
	if (facts & FACT_CREATE)
		at = put_time(PUT_TEXT(at, "create="), stat->stx_btime.tv_sec);
	if (facts & FACT_PERM)
		at = put_perm(at, stat, rights);
	if (facts & FACT_UNIQUE)
		at = put_unique(at, stat);
	if (facts & FACT_UNIX_MODE)
		at = put_unix_mode(at, stat->stx_mode);
	if (facts & FACT_UNIX_OWNER)
		at = put_count(PUT_TEXT(at, "UNIX.owner="), stat->stx_uid);
	if (facts & FACT_UNIX_GROUP)
		at = put_count(PUT_TEXT(at, "UNIX.group="), stat->stx_gid);
	*at++ = ' ';
	at = put_name(at, name);
	at = PUT_TEXT(at, "\r\n");
	return (size_t)(at - ret_line);
}
