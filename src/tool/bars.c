#include "tool/bars.h"

#include <inttypes.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

#include "client/printable.h"

#define RATE_WEIGHT 0.2 /* of the last look, in the rate that is shown */
#define RATE_MS 150	/* between two looks */
#define REDRAW_MS 100
#define COLUMNS_MAX 200
#define COLUMNS_DEFAULT 80
#define ROWS_DEFAULT 24
#define BAR_COLUMNS_MAX 30
#define BAR_COLUMNS_MIN 10
#define NAME_COLUMNS_MIN 20
#define LINE_BYTES (4 * COLUMNS_MAX + 64) /* a column has up to four bytes */

uint64_t bars_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void bars_format_bytes(double bytes, char *ret_text, size_t size_bytes)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB" };
	size_t unit = 0;

	while (bytes >= 1000 && unit + 1 < sizeof(units) / sizeof(units[0])) {
		bytes /= 1024;
		unit++;
	}
	snprintf(ret_text, size_bytes, bytes < 10 && unit > 0 ? "%.1f %s" : "%.0f %s", bytes,
		 units[unit]);
}

static void format_time(double seconds, char *ret_text, size_t size_bytes)
{
	uint64_t s = seconds < 360000 ? (uint64_t)(seconds + 0.5) : 359999;

	if (s >= 3600)
		snprintf(ret_text, size_bytes, "%" PRIu64 ":%02" PRIu64 ":%02" PRIu64, s / 3600,
			 s / 60 % 60, s % 60);
	else
		snprintf(ret_text, size_bytes, "%" PRIu64 ":%02" PRIu64, s / 60, s % 60);
}

void bars_take_rate(struct bars_rate *rate, uint64_t bytes)
{
	uint64_t now = bars_now_ms();
	double last;

	if (rate->at_ms == 0 || bytes < rate->bytes) {
		rate->at_ms = now;
		rate->bytes = bytes;
		return;
	}
	if (now - rate->at_ms < RATE_MS)
		return;
	last = (double)(bytes - rate->bytes) * 1000 / (double)(now - rate->at_ms);
	rate->bytes_per_s = rate->known ? RATE_WEIGHT * last + (1 - RATE_WEIGHT) * rate->bytes_per_s
					: last;
	rate->known = true;
	rate->bytes = bytes;
	rate->at_ms = now;
}

void bars_begin(struct bars *bars, unsigned index, const char *name, int64_t size_bytes,
		int64_t offset)
{
	struct bar *bar = &bars->bar[index];

	*bar = (struct bar){ .active = true, .size_bytes = size_bytes, .offset = offset };
	snprintf(bar->name, sizeof(bar->name), "%s", name);
	bars_take_rate(&bar->rate, 0);
}

void bars_move(struct bars *bars, unsigned index, uint64_t bytes)
{
	struct bar *bar = &bars->bar[index];

	bar->bytes = bytes;
	bars_take_rate(&bar->rate, bytes);
}

void bars_end(struct bars *bars, unsigned index)
{
	bars->bar[index].active = false;
}

/* --- One line ---------------------------------------------------------------------------------- */

/* The columns that a terminal gives to a character, as far as most of them agree. */
static unsigned columns_of(uint32_t point)
{
	if ((point >= 0x300 && point <= 0x36f) || (point >= 0x200b && point <= 0x200d) ||
	    (point >= 0xfe00 && point <= 0xfe0f))
		return 0;
	if ((point >= 0x1100 && point <= 0x115f) || (point >= 0x2e80 && point <= 0xa4cf) ||
	    (point >= 0xac00 && point <= 0xd7a3) || (point >= 0xf900 && point <= 0xfaff) ||
	    (point >= 0xfe30 && point <= 0xfe6f) || (point >= 0xff00 && point <= 0xff60) ||
	    (point >= 0xffe0 && point <= 0xffe6) || (point >= 0x1f300 && point <= 0x1faff) ||
	    (point >= 0x20000 && point <= 0x3fffd))
		return 2;
	return 1;
}

/* Puts text, cut or filled up with blanks, into exactly so many columns. Returns its bytes. */
static size_t put_columns(const char *text, unsigned columns, char *ret_text)
{
	struct view rest = { text, strlen(text) };
	unsigned used = 0;
	size_t at = 0;

	while (rest.length > 0 && at < (size_t)4 * columns) {
		uint32_t point;
		size_t length;
		unsigned wide;

		printable_read(rest, &length, &point);
		wide = columns_of(point);
		if (used + wide > columns)
			break;
		if (at + length > (size_t)4 * columns)
			break;
		memcpy(ret_text + at, rest.at, length);
		at += length;
		used += wide;
		rest = view_skip(rest, length);
	}
	for (; used < columns; used++)
		ret_text[at++] = ' ';
	ret_text[at] = '\0';
	return at;
}

/* What a line tells, ready to be put in order. */
struct words {
	const char *name;
	double share; /* of 1; negative: unknown */
	char percent[8];
	char amount[24];
	char rate[32];
	char left[24];
};

static void words_fill(struct words *words, double done, double whole, const struct bars_rate *rate)
{
	double left = whole - done;
	char speed[24];

	words->share = whole > 0 ? done / whole : -1;
	if (words->share > 1)
		words->share = 1;
	if (words->share >= 0)
		snprintf(words->percent, sizeof(words->percent), "%3.0f %%", words->share * 100);
	bars_format_bytes(done, words->amount, sizeof(words->amount));
	bars_format_bytes(rate->bytes_per_s, speed, sizeof(speed));
	snprintf(words->rate, sizeof(words->rate), "%s/s", speed);
	if (whole > 0 && left >= 0 && rate->bytes_per_s >= 1)
		format_time(left / rate->bytes_per_s, words->left, sizeof(words->left));
}

static void put_bar(double share, unsigned columns, char *ret_bar)
{
	unsigned full = share < 0 ? 0 : (unsigned)(share * (columns - 2));

	memset(ret_bar, share < 0 ? ' ' : '.', columns);
	memset(ret_bar + 1, '#', full);
	ret_bar[0] = '[';
	ret_bar[columns - 1] = ']';
	ret_bar[columns] = '\0';
}

static void put_words(const struct words *words, unsigned width, char *ret_line, size_t size_bytes)
{
	unsigned left = width > COLUMNS_MAX ? COLUMNS_MAX : width;
	char name[4 * COLUMNS_MAX + 1];
	char bar[BAR_COLUMNS_MAX + 1] = "";
	char end[80] = "";
	int used = 0;

	if (width >= 24)
		used += snprintf(end + used, sizeof(end) - (size_t)used, " %5s", words->percent);
	if (width >= 64)
		used += snprintf(end + used, sizeof(end) - (size_t)used, " %8s", words->amount);
	if (width >= 36)
		used += snprintf(end + used, sizeof(end) - (size_t)used, " %10s", words->rate);
	if (width >= 48)
		used += snprintf(end + used, sizeof(end) - (size_t)used, " %8s", words->left);
	left -= (unsigned)used;
	if (left >= NAME_COLUMNS_MIN + 1 + BAR_COLUMNS_MIN) {
		unsigned columns = left / 2 < BAR_COLUMNS_MAX ? left / 2 : BAR_COLUMNS_MAX;

		if (columns < BAR_COLUMNS_MIN)
			columns = BAR_COLUMNS_MIN;
		put_bar(words->share, columns, bar);
		left -= columns + 1;
	}
	put_columns(words->name, left, name);
	snprintf(ret_line, size_bytes, "%s%s%s%s", name, *bar ? " " : "", bar, end);
}

void bars_line(const struct bar *bar, unsigned width, char *ret_line, size_t size_bytes)
{
	char name[PRINTABLE_BYTES(BARS_NAME_BYTES)];
	struct words words = { .name = name };

	printable_text((struct view){ bar->name, strlen(bar->name) }, name, sizeof(name));
	words_fill(&words, (double)bar->offset + (double)bar->bytes, (double)bar->size_bytes,
		   &bar->rate);
	put_words(&words, width, ret_line, size_bytes);
}

static uint64_t bytes_moving(const struct bars *bars)
{
	uint64_t bytes = 0;

	for (unsigned i = 0; i < BARS_MAX; i++)
		if (bars->bar[i].active)
			bytes += bars->bar[i].bytes;
	return bytes;
}

void bars_total_line(const struct bars *bars, unsigned hidden, unsigned width, char *ret_line,
		     size_t size_bytes)
{
	const struct bars_total *total = &bars->total;
	double done = (double)(total->bytes + bytes_moving(bars));
	double whole = total->counted ? (double)(total->bytes + total->left_bytes) : -1;
	char name[64];
	struct words words = { .name = name };

	if (hidden > 0)
		snprintf(name, sizeof(name), "%" PRIu64 " files, %u more move", total->files,
			 hidden);
	else
		snprintf(name, sizeof(name), "%" PRIu64 " files", total->files);
	words_fill(&words, done, whole, &bars->rate);
	put_words(&words, width, ret_line, size_bytes);
}

/* --- The terminal ------------------------------------------------------------------------------ */

static void terminal_size(FILE *terminal, unsigned *ret_rows, unsigned *ret_columns)
{
	struct winsize size;
	bool known = ioctl(fileno(terminal), TIOCGWINSZ, &size) == 0;

	*ret_rows = known && size.ws_row > 0 ? size.ws_row : ROWS_DEFAULT;
	*ret_columns = known && size.ws_col > 0 ? size.ws_col : COLUMNS_DEFAULT;
	if (*ret_columns > COLUMNS_MAX)
		*ret_columns = COLUMNS_MAX;
}

/* To the beginning of the first line that stands there. */
static size_t put_home(const struct bars *bars, char *ret_text, size_t size_bytes)
{
	int length = bars->lines > 1 ? snprintf(ret_text, size_bytes, "\r\033[%uA", bars->lines - 1)
				     : snprintf(ret_text, size_bytes, "\r");

	return (size_t)length;
}

void bars_clear(struct bars *bars, FILE *terminal)
{
	char text[32];
	size_t at;

	if (bars->lines == 0)
		return;
	at = put_home(bars, text, sizeof(text));
	snprintf(text + at, sizeof(text) - at, "\033[J");
	fputs(text, terminal);
	fflush(terminal);
	bars->lines = 0;
}

static size_t put_line(const char *line, bool first, char *ret_text)
{
	return (size_t)sprintf(ret_text, "%s%s\033[K", first ? "" : "\n",
			       line); /* NOLINT: has room */
}

void bars_draw(struct bars *bars, FILE *terminal)
{
	static char text[(BARS_MAX + 2) * (LINE_BYTES + 8)];
	char line[LINE_BYTES];
	uint64_t now = bars_now_ms();
	unsigned lines = 0;
	unsigned hidden = 0;
	unsigned columns;
	unsigned rows;
	size_t at;

	if (now - bars->drawn_ms < REDRAW_MS)
		return;
	bars->drawn_ms = now;
	bars_take_rate(&bars->rate, bars->total.bytes + bytes_moving(bars));
	terminal_size(terminal, &rows, &columns);
	at = put_home(bars, text, sizeof(text));
	for (unsigned i = 0; i < BARS_MAX; i++) {
		if (!bars->bar[i].active)
			continue;
		if (lines + 1 + bars->total.shown >= rows && (lines > 0 || bars->total.shown)) {
			hidden++;
			continue;
		}
		bars_line(&bars->bar[i], columns - 1, line, sizeof(line));
		at += put_line(line, lines++ == 0, text + at);
	}
	if (bars->total.shown) {
		bars_total_line(bars, hidden, columns - 1, line, sizeof(line));
		at += put_line(line, lines++ == 0, text + at);
	}
	if (lines == 0) {
		bars_clear(bars, terminal);
		return;
	}
	at += (size_t)sprintf(text + at, "\033[J"); /* NOLINT: has room */
	fwrite(text, 1, at, terminal);
	fflush(terminal);
	bars->lines = lines;
}
