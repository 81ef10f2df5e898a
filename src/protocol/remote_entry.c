#include "protocol/remote_entry.h"

#include <errno.h>

#include "protocol/time_value.h"

#define MODE_TEXT_LENGTH 10
#define DAY_SECONDS 86400

static bool is_digit(char byte)
{
	return byte >= '0' && byte <= '9';
}

static bool is_one_of(char byte, const char *bytes)
{
	return byte != '\0' && strchr(bytes, byte);
}

/* The number that is the whole text in this base, or -EINVAL. Nothing over INT64_MAX is one. */
static int64_t number_parse(struct view text, int base)
{
	int64_t number = 0;

	if (text.length == 0)
		return -EINVAL;
	for (size_t i = 0; i < text.length; i++) {
		int digit = text.at[i] - '0';

		if (digit < 0 || digit >= base || number > (INT64_MAX - digit) / base)
			return -EINVAL;
		number = number * base + digit;
	}
	return number;
}

/* Cuts what stands before the first delimiter off *rest, and the delimiter. Without one, all of
 * *rest is cut off. */
static struct view cut(struct view *rest, char delimiter)
{
	const char *end = rest->length > 0 ? memchr(rest->at, delimiter, rest->length) : NULL;
	struct view part = { rest->at, end ? (size_t)(end - rest->at) : rest->length };

	*rest = view_skip(*rest, end ? part.length + 1 : part.length);
	return part;
}

static bool view_begins(struct view view, const char *word)
{
	size_t length = strlen(word);

	return view.length >= length && view_is_word((struct view){ view.at, length }, word);
}

static struct remote_entry entry_unknown(void)
{
	return (struct remote_entry){
		.kind = REMOTE_OTHER,
		.size_bytes = REMOTE_SIZE_UNKNOWN,
		.modified_s = REMOTE_TIME_UNKNOWN,
		.mode = REMOTE_MODE_UNKNOWN,
	};
}

/*
 * Facts (RFC 3659 section 7).
 */

/* The type of a symbolic link is not in the RFC: "OS.unix=slink", or "symlink", in some servers
 * with ":target" after it. */
static void type_take(struct view value, struct remote_entry *entry)
{
	static const char *const links[] = { "OS.unix=slink", "OS.unix=symlink" };

	if (view_is_word(value, "file"))
		entry->kind = REMOTE_FILE;
	else if (view_is_word(value, "dir"))
		entry->kind = REMOTE_FOLDER;
	else if (view_is_word(value, "cdir"))
		entry->kind = REMOTE_CDIR;
	else if (view_is_word(value, "pdir"))
		entry->kind = REMOTE_PDIR;

	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		size_t length = strlen(links[i]);

		if (!view_begins(value, links[i]))
			continue;
		if (value.length > length && value.at[length] != ':')
			continue;
		entry->kind = REMOTE_LINK;
		if (value.length > length)
			entry->target = view_skip(value, length + 1);
	}
}

static void fact_take(struct view name, struct view value, struct remote_entry *entry)
{
	int64_t number;

	if (view_is_word(name, "type")) {
		type_take(value, entry);
	} else if (view_is_word(name, "size")) {
		number = number_parse(value, 10);
		if (number >= 0)
			entry->size_bytes = number;
	} else if (view_is_word(name, "modify")) {
		if (time_value_parse(value, &number) < 0)
			return;
		entry->modified_s = number;
		entry->time_is_exact = true;
	} else if (view_is_word(name, "UNIX.mode")) {
		number = number_parse(value, 8);
		if (number >= 0)
			entry->mode = (int)(number & 07777);
	}
}

/* Cuts the facts off *line, and the space after them: a space after a semicolon, or one at the
 * start if there are no facts. RFC 3659 allows none within a fact, but Pure-FTPd writes the target
 * of a link as it is. Returns 0 or -EINVAL. */
static int facts_cut(struct view *line, struct view *ret_facts)
{
	const char *end = line->at;
	size_t gap = 1;

	if (line->length == 0)
		return -EINVAL;
	if (*line->at != ' ') {
		end = memmem(line->at, line->length, "; ", 2);
		gap = 2;
	}
	if (!end)
		return -EINVAL;
	*ret_facts = (struct view){ line->at, (size_t)(end - line->at) };
	*line = view_skip(*line, ret_facts->length + gap);
	return line->length > 0 ? 0 : -EINVAL;
}

int remote_entry_parse_facts(struct view line, struct remote_entry *ret_entry)
{
	struct remote_entry entry = entry_unknown();
	struct view facts;

	entry.name = line;
	if (facts_cut(&entry.name, &facts) < 0)
		return -EINVAL;

	while (facts.length > 0) {
		struct view value = cut(&facts, ';');
		struct view name = cut(&value, '=');

		fact_take(name, value, &entry);
	}
	*ret_entry = entry;
	return 0;
}

/*
 * Lines of LIST.
 */

/* Cuts a word and the spaces before it off *rest; the space after it stays. */
static struct view word_cut(struct view *rest)
{
	struct view word;

	while (rest->length > 0 && *rest->at == ' ')
		*rest = view_skip(*rest, 1);
	word = (struct view){ rest->at, 0 };
	while (word.length < rest->length && word.at[word.length] != ' ')
		word.length++;
	*rest = view_skip(*rest, word.length);
	return word;
}

/* The seconds at a calendar's day and time, or REMOTE_TIME_UNKNOWN if there is no such day. */
static int64_t calendar_seconds(const struct calendar *calendar)
{
	const int pairs[] = { calendar->year / 100, calendar->year % 100, calendar->month,
			      calendar->day,	    calendar->hour,	  calendar->minute,
			      calendar->second };
	char text[TIME_VALUE_LENGTH];
	int64_t seconds;

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		text[2 * i] = (char)('0' + pairs[i] / 10);
		text[2 * i + 1] = (char)('0' + pairs[i] % 10);
	}
	if (time_value_parse((struct view){ text, sizeof(text) }, &seconds) < 0)
		return REMOTE_TIME_UNKNOWN;
	return seconds;
}

/* 1 to 12 of "Jan" to "Dec", or -EINVAL. */
static int month_parse(struct view word)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

	for (int i = 0; word.length == 3 && i < 12; i++)
		if (strncasecmp(word.at, months + 3L * i, 3) == 0)
			return i + 1;
	return -EINVAL;
}

/* Reads "15:04" or "5:04" into calendar. Returns 0 or -EINVAL. */
static int clock_parse(struct view word, struct calendar *calendar)
{
	struct view minute = word;
	struct view hour = cut(&minute, ':');
	int64_t minutes = number_parse(minute, 10);
	int64_t hours = number_parse(hour, 10);

	if (minute.length != 2 || hours < 0 || hours > 23 || minutes < 0 || minutes > 59)
		return -EINVAL;
	calendar->hour = (int)hours;
	calendar->minute = (int)minutes;
	return 0;
}

/* The last time of this day and hour before tomorrow. */
static int64_t seconds_of_late(struct calendar calendar, int64_t now_s)
{
	int64_t tomorrow_s = now_s + DAY_SECONDS;
	struct calendar tomorrow;

	time_value_calendar(tomorrow_s, &tomorrow);
	/* 29 February may lie eight years back. */
	for (int years = 0; years <= 8 && tomorrow.year - years >= 0; years++) {
		int64_t seconds;

		calendar.year = tomorrow.year - years;
		seconds = calendar_seconds(&calendar);
		if (seconds != REMOTE_TIME_UNKNOWN && seconds <= tomorrow_s)
			return seconds;
	}
	return REMOTE_TIME_UNKNOWN;
}

/* Reads "Jan", "2" and "15:04" or "2026". Returns 0, or -EINVAL for what is no date. */
static int date_parse(const struct view words[3], int64_t now_s, int64_t *ret_seconds)
{
	struct calendar calendar = { 0 };
	int64_t day = number_parse(words[1], 10);
	int64_t year = number_parse(words[2], 10);

	calendar.month = month_parse(words[0]);
	if (calendar.month < 0 || day < 1 || day > 31)
		return -EINVAL;
	calendar.day = (int)day;

	if (year >= 0 && words[2].length == 4) {
		calendar.year = (int)year;
		*ret_seconds = calendar_seconds(&calendar);
		return 0;
	}
	if (clock_parse(words[2], &calendar) < 0)
		return -EINVAL;
	*ret_seconds = seconds_of_late(calendar, now_s);
	return 0;
}

/* Reads "-rwxr-xr-x" at the start of line. Returns 0 or -EINVAL. */
static int mode_parse(struct view line, struct remote_entry *entry)
{
	static const char letters[] = "rwxrwxrwx";
	int mode = 0;

	if (line.length < MODE_TEXT_LENGTH || !is_one_of(line.at[0], "-dlbcpsD"))
		return -EINVAL;
	for (int i = 0; i < 9; i++) {
		char letter = line.at[1 + i];
		bool is_special = i % 3 == 2 && is_one_of(letter, "sStTlL");

		if (letter != '-' && letter != letters[i] && !is_special)
			return -EINVAL;
		/* A capital letter is a special bit without the x below it. */
		if (letter != '-' && letter != 'S' && letter != 'T' && letter != 'L')
			mode |= 0400 >> i;
		if (is_special)
			mode |= 04000 >> (i / 3);
	}
	entry->mode_text = (struct view){ line.at, MODE_TEXT_LENGTH };
	entry->mode = mode;
	switch (line.at[0]) {
	case '-':
		entry->kind = REMOTE_FILE;
		break;
	case 'd':
		entry->kind = REMOTE_FOLDER;
		break;
	case 'l':
		entry->kind = REMOTE_LINK;
		break;
	default:
		entry->kind = REMOTE_OTHER;
	}
	return 0;
}

#define COLUMNS_MAX 12 /* links, names of an owner and a group, which may have spaces, size */

/* Finds size and date in what follows the mode, and leaves *rest at the space after them. Owner
 * and group may be one word, two, or none, so a number and a date after it are searched for. */
static int size_and_date_cut(struct view *rest, int64_t now_s, struct remote_entry *entry)
{
	struct view after = *rest;
	struct view words[4] = { 0 };

	for (int i = 0; i < COLUMNS_MAX; i++) {
		int64_t size;

		memmove(words, words + 1, 3 * sizeof(words[0]));
		words[3] = word_cut(&after);
		size = number_parse(words[0], 10);
		if (size < 0 || date_parse(words + 1, now_s, &entry->modified_s) < 0)
			continue;
		if (entry->kind != REMOTE_OTHER) /* of a device, it is a number's second half */
			entry->size_bytes = size;
		*rest = after;
		return 0;
	}
	return -EINVAL;
}

/* Takes the name, and the target of a link. */
static void name_take(struct view name, struct remote_entry *entry)
{
	static const char arrow[] = " -> ";
	const char *at = NULL;

	if (entry->kind == REMOTE_LINK)
		at = memmem(name.at, name.length, arrow, sizeof(arrow) - 1);
	entry->name = name;
	if (at) {
		entry->name.length = (size_t)(at - name.at);
		entry->target = view_skip(name, entry->name.length + sizeof(arrow) - 1);
	}
	if (entry->kind == REMOTE_FOLDER && view_is(entry->name, "."))
		entry->kind = REMOTE_CDIR;
	if (entry->kind == REMOTE_FOLDER && view_is(entry->name, ".."))
		entry->kind = REMOTE_PDIR;
}

static int unix_parse(struct view line, int64_t now_s, struct remote_entry *entry)
{
	struct view rest;

	if (mode_parse(line, entry) < 0)
		return -EINVAL;
	rest = view_skip(line, MODE_TEXT_LENGTH);
	/* The mark of an access control list or a security context. */
	if (rest.length > 0 && is_one_of(*rest.at, "+.@"))
		rest = view_skip(rest, 1);
	if (rest.length == 0 || *rest.at != ' ' || size_and_date_cut(&rest, now_s, entry) < 0)
		return -EINVAL;
	if (rest.length < 2) /* one space belongs to the date, further ones to the name */
		return -EINVAL;
	name_take(view_skip(rest, 1), entry);
	return entry->name.length > 0 ? 0 : -EINVAL;
}

/* Reads "02-03-26" or "02-03-2026", month first. Returns 0 or -EINVAL. */
static int dos_day_parse(struct view word, struct calendar *calendar)
{
	struct view month = cut(&word, '-');
	struct view day = cut(&word, '-');
	int64_t year = number_parse(word, 10);

	if (month.length != 2 || day.length != 2 || (word.length != 2 && word.length != 4) ||
	    number_parse(month, 10) < 0 || number_parse(day, 10) < 0 || year < 0)
		return -EINVAL;
	if (word.length == 2)
		year += year < 70 ? 2000 : 1900;
	calendar->year = (int)year;
	calendar->month = (int)number_parse(month, 10);
	calendar->day = (int)number_parse(day, 10);
	return 0;
}

/* Reads "03:04PM" or "15:04". Returns 0 or -EINVAL. */
static int dos_clock_parse(struct view word, struct calendar *calendar)
{
	struct view clock = word;
	bool is_pm = false;
	bool is_half = false;

	if (word.length > 2 && !is_digit(word.at[word.length - 1])) {
		struct view half = view_skip(word, word.length - 2);

		is_pm = view_is_word(half, "PM");
		is_half = true;
		if (!is_pm && !view_is_word(half, "AM"))
			return -EINVAL;
		clock.length -= 2;
	}
	if (clock_parse(clock, calendar) < 0)
		return -EINVAL;
	if (!is_half)
		return 0;
	if (calendar->hour < 1 || calendar->hour > 12)
		return -EINVAL;
	calendar->hour = calendar->hour % 12 + (is_pm ? 12 : 0);
	return 0;
}

#define DOS_FOLDER_GAP 10 /* spaces between <DIR> and a name; further ones belong to the name */

static int dos_parse(struct view line, struct remote_entry *entry)
{
	struct calendar calendar = { 0 };
	struct view rest = line;
	struct view size;
	size_t gap = 1;

	if (dos_day_parse(word_cut(&rest), &calendar) < 0 ||
	    dos_clock_parse(word_cut(&rest), &calendar) < 0)
		return -EINVAL;
	entry->modified_s = calendar_seconds(&calendar);

	size = word_cut(&rest);
	entry->kind = view_is_word(size, "<DIR>") ? REMOTE_FOLDER : REMOTE_FILE;
	entry->size_bytes = number_parse(size, 10);
	if (entry->kind == REMOTE_FOLDER) {
		entry->size_bytes = REMOTE_SIZE_UNKNOWN;
		while (gap < DOS_FOLDER_GAP && gap < rest.length && rest.at[gap] == ' ')
			gap++;
	} else if (entry->size_bytes < 0) {
		return -EINVAL;
	}
	if (rest.length <= gap)
		return -EINVAL;
	name_take(view_skip(rest, gap), entry);
	return 0;
}

int remote_entry_parse_list(struct view line, int64_t now_s, struct remote_entry *ret_entry)
{
	struct remote_entry entry = entry_unknown();

	if (unix_parse(line, now_s, &entry) < 0) {
		entry = entry_unknown();
		if (dos_parse(line, &entry) < 0)
			return -EINVAL;
	}
	*ret_entry = entry;
	return 0;
}

bool remote_name_is_safe(struct view name)
{
	return name.length > 0 && !view_is(name, ".") && !view_is(name, "..") &&
	       !memchr(name.at, '/', name.length) && !memchr(name.at, '\0', name.length);
}
