/*
 * A long line between two network namespaces: packets pass late, at a limited rate, and not
 * always. For kernels without netem, and with losses that are the same in every run.
 *
 *   wan [--delay MS] [--loss PERCENT] [--rate MBIT] [--queue KIB] [--congestion NAME]
 *
 * The near end is a TUN device in the namespace of the caller, the far end one in a new
 * namespace, which others enter through /proc/<pid of wan>/ns/net. Both are called wan0, with
 * 10.77.0.1 and 10.77.0.2. Prints "ready" and runs until it is ended. The delay is that of one
 * direction; what waits for the rate is bounded by the queue, and the rest is dropped.
 *
 * Thread:    one.
 * Ownership: a line owns the packets that are on their way.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

enum { MTU = 1500, PACKETS_MAX = 1 << 14, TURN_PACKETS = 64 };

struct packet {
	int64_t due_ns;
	size_t length;
	unsigned char bytes[MTU];
};

/* One direction. Packets leave in the order in which they came, as they do on one path. */
struct line {
	int from;
	int to;
	int64_t free_ns; /* when the last one accepted has left the sender's end */
	uint64_t random;
	unsigned head;
	unsigned tail;
	struct packet packets[PACKETS_MAX];
};

static struct settings {
	int64_t delay_ns;
	double loss; /* of 1 */
	double ns_per_byte;
	int64_t queue_ns; /* how long the last in the queue waits */
	const char *congestion;
} settings = { 25000000, 0, 8000.0 / 200, 0, "cubic" };

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void die(const char *what)
{
	fprintf(stderr, "wan: ");
	perror(what);
	exit(1);
}

/* Makes wan0 in the namespace that the process is in now. The descriptor serves from any. */
static int tun_open(const char *address)
{
	struct ifreq request = { .ifr_name = "wan0", .ifr_flags = IFF_TUN | IFF_NO_PI };
	char command[256];
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0 || ioctl(fd, TUNSETIFF, &request) < 0)
		die("/dev/net/tun");
	snprintf(command, sizeof(command),
		 "ip link set wan0 mtu %d txqueuelen 10000 up && ip addr add %s/24 dev wan0 && "
		 "ip route replace 10.77.0.0/24 dev wan0 src %s congctl lock %s",
		 MTU, address, address, settings.congestion);
	if (system(command) != 0)
		exit(1);
	return fd;
}

/* splitmix64: 0 to 1. */
static double random_next(struct line *line)
{
	uint64_t value = line->random += 0x9e3779b97f4a7c15u;

	value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9u;
	value = (value ^ (value >> 27)) * 0x94d049bb133111ebu;
	return (double)((value ^ (value >> 31)) >> 11) / (double)(UINT64_C(1) << 53);
}

/* Reads one packet and lets it go, or go lost. Returns false where none is waiting. */
static bool line_take(struct line *line)
{
	struct packet *packet = &line->packets[line->tail % PACKETS_MAX];
	ssize_t n = read(line->from, packet->bytes, sizeof(packet->bytes));
	int64_t now = now_ns();

	if (n <= 0)
		return false;
	if (line->free_ns < now)
		line->free_ns = now;
	if (random_next(line) < settings.loss || line->tail - line->head == PACKETS_MAX - 1 ||
	    line->free_ns - now > settings.queue_ns)
		return true;
	line->free_ns += (int64_t)((double)n * settings.ns_per_byte);
	packet->due_ns = line->free_ns + settings.delay_ns;
	packet->length = (size_t)n;
	line->tail++;
	return true;
}

static void line_give(struct line *line, int64_t now)
{
	for (; line->head != line->tail; line->head++) {
		const struct packet *packet = &line->packets[line->head % PACKETS_MAX];

		if (packet->due_ns > now)
			return;
		if (write(line->to, packet->bytes, packet->length) < 0)
			errno = 0; /* the other end's queue is full: lost, as on any line */
	}
}

static int64_t line_due_ns(const struct line *line)
{
	return line->head == line->tail ? INT64_MAX
					: line->packets[line->head % PACKETS_MAX].due_ns;
}

static void lines_run(struct line *there, struct line *back)
{
	struct pollfd ends[2] = { { .fd = there->from, .events = POLLIN },
				  { .fd = back->from, .events = POLLIN } };

	for (;;) {
		int64_t due = line_due_ns(there) < line_due_ns(back) ? line_due_ns(there)
								     : line_due_ns(back);
		int64_t wait = due == INT64_MAX ? 1000000000 : due - now_ns();
		struct timespec timeout = { .tv_nsec = wait < 0 ? 0 : wait % 1000000000 };

		if (wait >= 1000000000)
			timeout.tv_sec = 1;
		if (ppoll(ends, 2, &timeout, NULL) < 0 && errno != EINTR)
			die("poll");
		for (int i = 0; i < TURN_PACKETS && line_take(there); i++)
			continue;
		for (int i = 0; i < TURN_PACKETS && line_take(back); i++)
			continue;
		line_give(there, now_ns());
		line_give(back, now_ns());
	}
}

static void options_read(int argc, char **argv)
{
	static const struct option names[] = { { "delay", required_argument, NULL, 'd' },
					       { "loss", required_argument, NULL, 'l' },
					       { "rate", required_argument, NULL, 'r' },
					       { "queue", required_argument, NULL, 'q' },
					       { "congestion", required_argument, NULL, 'c' },
					       { NULL, 0, NULL, 0 } };
	double queue_kib = 1024;
	int letter;

	while ((letter = getopt_long(argc, argv, "", names, NULL)) != -1) {
		double value = optarg ? strtod(optarg, NULL) : 0;

		if (letter == 'd')
			settings.delay_ns = (int64_t)(value * 1e6);
		else if (letter == 'l')
			settings.loss = value / 100;
		else if (letter == 'r' && value > 0)
			settings.ns_per_byte = 8000.0 / value;
		else if (letter == 'q')
			queue_kib = value;
		else if (letter == 'c')
			settings.congestion = optarg;
		else
			exit(2);
	}
	settings.queue_ns = (int64_t)(queue_kib * 1024 * settings.ns_per_byte);
}

int main(int argc, char **argv)
{
	static struct line there;
	static struct line back;

	options_read(argc, argv);
	there.random = 1;
	back.random = 2;
	there.from = back.to = tun_open("10.77.0.1");
	if (unshare(CLONE_NEWNET) < 0)
		die("a new network namespace");
	there.to = back.from = tun_open("10.77.0.2");
	prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
	prctl(PR_SET_PDEATHSIG, SIGTERM, 0UL, 0UL, 0UL);
	puts("ready");
	fflush(stdout);
	lines_run(&there, &back);
}
