#include "report.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "options.h"

static const uint64_t nothing_stopped;
static const uint64_t *stopped_ns = &nothing_stopped;

int report_clock_open(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	void *mapped = fd < 0 ? MAP_FAILED
			      : mmap(NULL, sizeof(*stopped_ns), PROT_READ, MAP_SHARED, fd, 0);
	int error = errno;

	if (fd >= 0)
		close(fd);
	if (mapped == MAP_FAILED)
		return -error;
	stopped_ns = mapped;
	return 0;
}

uint64_t report_now_ns(void)
{
	struct timespec now;
	uint64_t stopped;

	/* Once more where it was stopped in between. */
	do {
		stopped = __atomic_load_n(stopped_ns, __ATOMIC_ACQUIRE);
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (__atomic_load_n(stopped_ns, __ATOMIC_ACQUIRE) != stopped);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec - stopped;
}

static double client_cpu_s(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

void report_start(struct report *report)
{
	report->operations = report->bytes = report->entries = 0;
	report->latency_count = 0;
	report->cpu_started_s = client_cpu_s();
	report->started_ns = report_now_ns();
}

void report_operation(struct report *report, uint64_t began_ns)
{
	uint64_t tenths = (report_now_ns() - began_ns) / 100;

	report->operations++;
	if (report->latency_count == report->latency_room) {
		size_t room = report->latency_room ? 2 * report->latency_room : 4096;
		uint32_t *grown;

		if (room > REPORT_LATENCIES_MAX)
			return;
		grown = realloc(report->latencies, room * sizeof(*grown));
		if (!grown)
			return;
		report->latencies = grown;
		report->latency_room = room;
	}
	report->latencies[report->latency_count++] = tenths > UINT32_MAX ? UINT32_MAX
									 : (uint32_t)tenths;
}

void report_error(struct report *report, const char *text)
{
	report->errors++;
	for (unsigned i = 0; i < REPORT_ERROR_TEXTS; i++) {
		char *slot = report->error_texts[i];

		if (slot[0] == '\0')
			snprintf(slot, REPORT_TEXT_BYTES, "%s", text);
		if (strncmp(slot, text, REPORT_TEXT_BYTES - 1) == 0)
			return;
	}
}

static int latency_compare(const void *left, const void *right)
{
	uint32_t a = *(const uint32_t *)left;
	uint32_t b = *(const uint32_t *)right;

	return (a > b) - (a < b);
}

static double latency_us(const struct report *report, double quantile)
{
	size_t at;

	if (report->latency_count == 0)
		return 0;
	at = (size_t)(quantile * (double)report->latency_count);
	if (at >= report->latency_count)
		at = report->latency_count - 1;
	return (double)report->latencies[at] / 10;
}

/* Jain's index: 1 when all have the same, 1/n when one has everything. */
static double fairness(const uint64_t *bytes, unsigned sessions)
{
	double sum = 0;
	double squares = 0;

	for (unsigned i = 0; i < sessions; i++) {
		sum += (double)bytes[i];
		squares += (double)bytes[i] * (double)bytes[i];
	}
	return squares > 0 ? sum * sum / (sessions * squares) : 1;
}

static void print_text(const char *text)
{
	putchar('"');
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			putchar('\\');
		putchar((unsigned char)*text < ' ' || (unsigned char)*text > '~' ? '?' : *text);
	}
	putchar('"');
}

static void print_error_texts(const struct report *report)
{
	printf("\"error_texts\": [");
	for (unsigned i = 0; i < REPORT_ERROR_TEXTS && report->error_texts[i][0]; i++) {
		printf(i ? ", " : "");
		print_text(report->error_texts[i]);
	}
	printf("]");
}

void report_print(struct report *report, const struct options *options, const uint64_t *bytes)
{
	double seconds = (double)(report->ended_ns - report->started_ns) / 1e9;

	if (report->latency_count > 0)
		qsort(report->latencies, report->latency_count, sizeof(*report->latencies),
		      latency_compare);
	printf("{\"command\": \"%s\", \"sessions\": %u, \"seconds\": %.6f, ", options->command,
	       options->sessions, seconds);
	printf("\"operations\": %" PRIu64 ", \"bytes\": %" PRIu64 ", \"entries\": %" PRIu64 ", ",
	       report->operations, report->bytes, report->entries);
	printf("\"errors\": %" PRIu64 ", \"replies_425\": %" PRIu64 ", \"wrong_bytes\": %" PRIu64
	       ", ",
	       report->errors, report->replies_425, report->wrong_bytes);
	print_error_texts(report);
	printf(", \"p50_us\": %.1f, \"p99_us\": %.1f, \"p999_us\": %.1f, \"max_us\": %.1f, ",
	       latency_us(report, .5), latency_us(report, .99), latency_us(report, .999),
	       latency_us(report, 1));
	printf("\"jain\": %.4f, \"client_cpu_s\": %.4f, \"session_bytes\": [",
	       fairness(bytes, options->sessions), client_cpu_s() - report->cpu_started_s);
	for (unsigned i = 0; i < options->sessions && options->sessions <= 1000; i++)
		printf("%s%" PRIu64, i ? ", " : "", bytes[i]);
	printf("]}\n");
	fflush(stdout);
}

void report_print_ready(const struct report *report, unsigned sessions)
{
	printf("{\"ready\": %u, \"errors\": %" PRIu64 ", ", sessions, report->errors);
	print_error_texts(report);
	printf("}\n");
	fflush(stdout);
}
