/*
 * How quickly text is converted: every way of sluice/translate.h beside memcpy of the same bytes,
 * beside the byte loop, and beside memchr and memcpy line by line.
 *
 *   translate [--rounds N] [--mib N]     N rounds in memory (11), 160 times as many in L2
 *
 * Buffers of 64 KiB are converted over and over, so they lie in the L2 cache and the branch
 * predictor learns their lines, as it does for memcpy. The large buffer (--mib, 256) is read once a
 * round: its lines are new to the predictor each time, and its bytes come from memory. The ways
 * take turns in every round; a figure is that of the quickest, in GB of input per second of CPU
 * time: others on the machine, who may share the very core, only ever make a round slower. Ends
 * with 1 when a bar is missed.
 *
 * Thread: one.
 */
#include <errno.h>
#include <getopt.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sluice/translate.h"

enum {
	SMALL_BYTES = 65536,
	ROUND_BYTES = 1 << 20,
	ROUNDS_MAX = 99,
	SMALL_ROUNDS = 160,
	OUTPUT_AT = 2048,
	WAYS_MAX = 8
};

typedef size_t convert(const char *from, size_t length, char *to);

struct way {
	const char *name;
	convert *function;
	const char *kernel; /* chosen before it runs; NULL: none */
	double rate;	    /* of the quickest round */
};

static struct settings {
	unsigned rounds;
	size_t large_bytes;
} settings = { 11, (size_t)256 << 20 };

static struct translate_table table;
static char *input;
static char *output; /* OUTPUT_AT within a page: as in a transfer, see src/represent/stages.c */
static unsigned missed;

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static unsigned draw(unsigned below)
{
	static uint64_t state = 88172645463325252;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned)((state >> 16) % below);
}

/* --- What is compared ------------------------------------------------------------------------- */

static size_t run_memcpy(const char *from, size_t length, char *to)
{
	memcpy(to, from, length);
	return length;
}

static size_t run_to_network(const char *from, size_t length, char *to)
{
	return ascii_to_network(from, length, to);
}

static size_t run_from_network(const char *from, size_t length, char *to)
{
	bool carriage = false;

	return ascii_from_network(from, length, true, &carriage, to);
}

static size_t run_count(const char *from, size_t length, char *to)
{
	(void)to;
	return (size_t)ascii_count_lf(from, length);
}

static size_t run_table(const char *from, size_t length, char *to)
{
	translate_table_apply(&table, from, length, to);
	return length;
}

static size_t run_memchr_to_network(const char *from, size_t length, char *to)
{
	const char *end = from + length;
	char *start = to;

	while (from < end) {
		const char *line_end = memchr(from, '\n', (size_t)(end - from));
		size_t count = (size_t)((line_end ? line_end : end) - from);

		memcpy(to, from, count);
		to += count;
		from += count;
		if (line_end) {
			*to++ = '\r';
			*to++ = '\n';
			from++;
		}
	}
	return (size_t)(to - start);
}

static size_t run_memchr_from_network(const char *from, size_t length, char *to)
{
	const char *end = from + length;
	char *start = to;

	while (from < end) {
		const char *next = memchr(from, '\r', (size_t)(end - from));
		size_t count = (size_t)((next ? next : end) - from);

		memcpy(to, from, count);
		to += count;
		from += count;
		if (next) {
			from++;
			if (from == end || *from != '\n')
				*to++ = '\r';
		}
	}
	return (size_t)(to - start);
}

/* --- Measuring -------------------------------------------------------------------------------- */

static double measure(const struct way *way, size_t length, size_t repeats)
{
	double start = now_s();

	for (size_t i = 0; i < repeats; i++) {
		way->function(input, length, output);
		__asm__ volatile("" : : "r"(output) : "memory"); /* somebody wants the result */
	}
	return (double)(length * repeats) / (now_s() - start) / 1e9;
}

/* A list of ways: memcpy, memchr's (when there is one), then each kernel that there is. */
static size_t list_ways(struct way *ways, convert *with_memchr, convert *with_kernel)
{
	static const char *const kernels[] = { "scalar", "ssse3", "avx2", "neon" };
	size_t count = 0;

	ways[count++] = (struct way){ .name = "memcpy", .function = run_memcpy };
	if (with_memchr)
		ways[count++] = (struct way){ .name = "memchr", .function = with_memchr };
	for (size_t i = 0; i < sizeof(kernels) / sizeof(kernels[0]); i++)
		if (translate_use_kernel(kernels[i]) == 0)
			ways[count++] = (struct way){ .name = kernels[i],
						      .function = with_kernel,
						      .kernel = kernels[i] };
	return count;
}

static double rate_of(const struct way *ways, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(ways[i].name, name) == 0)
			return ways[i].rate;
	return 0;
}

/* Fills in the rates and prints a row of them, and the best way's share of the others. */
static void compare(const char *title, struct way *ways, size_t count, size_t length)
{
	bool small = length < ROUND_BYTES; /* then a round is short, and there are more of them */
	size_t repeats = small ? ROUND_BYTES / length : 1;
	unsigned rounds = small ? SMALL_ROUNDS * settings.rounds : settings.rounds;
	double best;

	for (unsigned round = 0; round < rounds; round++)
		for (size_t k = 0; k < count; k++) {
			struct way *way = &ways[(k + round) % count];
			double figure;

			if (way->kernel && translate_use_kernel(way->kernel) < 0)
				continue;
			figure = measure(way, length, repeats);
			if (figure > way->rate)
				way->rate = figure;
		}
	printf("%-24s", title);
	for (size_t i = 0; i < count; i++) {
		printf(" %s %.2f ", ways[i].name, ways[i].rate);
	}
	best = ways[count - 1].rate;
	printf("\n%-24s  %s is %.3f of memcpy, %.2f times scalar", "", ways[count - 1].name,
	       best / ways[0].rate, best / rate_of(ways, count, "scalar"));
	if (rate_of(ways, count, "memchr") > 0)
		printf(", %.2f times memchr", best / rate_of(ways, count, "memchr"));
	printf("\n");
}

static void bar(const char *what, double ratio, double least)
{
	printf("  %s  %.3f, at least %.2f: %s\n", ratio >= least ? "PASS" : "FAIL", ratio, least,
	       what);
	missed += ratio < least;
}

/* --- What is converted ------------------------------------------------------------------------ */

static const struct lines {
	const char *name;
	unsigned shortest;
	unsigned longest;
	unsigned empty; /* one in so many; 0: none but by chance */
} texts[] = {
	{ "lines of 40-80", 40, 80, 0 },
	{ "lines of 0-99, 1 in 8 empty", 0, 99, 8 },
	{ "lines of 0-20", 0, 20, 0 },
};

#define TEXTS (sizeof(texts) / sizeof(texts[0]))

static void fill_lines(const struct lines *lines, const char *line_end)
{
	size_t bytes = settings.large_bytes;
	size_t at = 0;

	while (at < bytes) {
		unsigned length = lines->shortest + draw(lines->longest - lines->shortest + 1);

		if (lines->empty > 0 && draw(lines->empty) == 0)
			length = 0;
		for (; length > 0 && at < bytes; length--)
			input[at++] = (char)('a' + length % 26);
		for (size_t i = 0; line_end[i] != '\0' && at < bytes; i++)
			input[at++] = line_end[i];
	}
}

static void compare_lines(const char *what, const char *line_end, convert *with_memchr,
			  convert *with_kernel, double least)
{
	char title[64], small_bar[80], large_bar[80];

	for (size_t i = 0; i < TEXTS; i++) {
		struct way small[WAYS_MAX], large[WAYS_MAX];
		size_t count = list_ways(small, with_memchr, with_kernel);

		list_ways(large, with_memchr, with_kernel);
		fill_lines(&texts[i], line_end);
		snprintf(title, sizeof(title), "%s, %s", what, texts[i].name);
		printf("%s\n", title);
		compare("  64 KiB in L2", small, count, SMALL_BYTES);
		compare("  fresh lines in memory", large, count, settings.large_bytes);
		snprintf(small_bar, sizeof(small_bar), "%s of memcpy, L2", what);
		if (i == 0 && least > 0)
			bar(small_bar, small[count - 1].rate / small[0].rate, least);
		snprintf(large_bar, sizeof(large_bar), "%s of memchr's way, %s, fresh", what,
			 texts[i].name);
		if (with_memchr)
			bar(large_bar, large[count - 1].rate / large[1].rate, 1);
	}
}

static void compare_table(const char *what, unsigned below, double least)
{
	struct way small[WAYS_MAX], large[WAYS_MAX];
	char title[64];
	size_t count = list_ways(small, NULL, run_table);

	list_ways(large, NULL, run_table);
	for (size_t i = 0; i < settings.large_bytes; i++)
		input[i] = (char)draw(below);
	printf("table of 256, %s\n", what);
	compare("  64 KiB in L2", small, count, SMALL_BYTES);
	compare("  fresh lines in memory", large, count, settings.large_bytes);
	snprintf(title, sizeof(title), "table of the scalar one, %s, L2", what);
	bar(title, small[count - 1].rate / rate_of(small, count, "scalar"), least);
}

static void usage(void)
{
	fprintf(stderr, "usage: translate [--rounds 1..%d] [--mib N]\n", ROUNDS_MAX);
	exit(2);
}

static void read_options(int argc, char **argv)
{
	static const struct option options[] = { { "rounds", required_argument, NULL, 'r' },
						 { "mib", required_argument, NULL, 'm' },
						 { 0 } };
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		unsigned long value = optarg ? strtoul(optarg, NULL, 10) : 0;

		if (option == 'r' && value >= 1 && value <= ROUNDS_MAX)
			settings.rounds = (unsigned)value;
		else if (option == 'm' && value >= 1 && value <= 4096)
			settings.large_bytes = (size_t)value << 20;
		else
			usage();
	}
	if (optind < argc)
		usage();
}

int main(int argc, char **argv)
{
	char *memory;

	read_options(argc, argv);
	input = aligned_alloc(4096, settings.large_bytes);
	memory = aligned_alloc(4096, 2 * settings.large_bytes + 4096);
	if (!input || !memory) {
		fprintf(stderr, "translate: no memory for %zu bytes\n", 3 * settings.large_bytes);
		return 1;
	}
	output = memory + OUTPUT_AT;
	memset(output, 1, 2 * settings.large_bytes);
	for (unsigned i = 0; i < 256; i++)
		table.map[i] = (uint8_t)draw(256);

	printf("chosen at start: %s. The quickest of %u rounds in L2 and of %u in memory, GB/s of input.\n",
	       translate_kernel_name(), SMALL_ROUNDS * settings.rounds, settings.rounds);
	compare_lines("LF -> CR LF", "\n", run_memchr_to_network, run_to_network, 0.35);
	compare_lines("CR LF -> LF", "\r\n", run_memchr_from_network, run_from_network, 0.30);
	compare_table("any bytes", 256, 2.3);
	compare_table("7-bit", 128, 4);
	compare_lines("LF counted", "\n", NULL, run_count, 0);
	free(input);
	free(memory);
	return missed > 0;
}
