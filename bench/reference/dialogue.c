/*
 * The dialogue of a small download with every word fixed: connect, USER, PASS, TYPE, then
 * EPSV and RETR over and over, QUIT. Nothing is checked, nothing may be missing and nothing
 * is waited for: a client connects before it sends RETR, so the connection is there, and a
 * small file fits into the send buffer. A passive listener is made when a session slot is
 * first used and stays for ever.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "reference.h"

enum { SLOTS_MAX = 4096, COMMAND_BYTES = 4096 };

/* One control connection. A slot's listener outlives its connections. */
struct slot {
	int control;
	int listener;
	char epsv_reply[64];
	size_t epsv_length;
};

struct worker {
	int epoll_fd;
};

static const struct settings *settings;
static struct slot slots[SLOTS_MAX];
static pthread_mutex_t slots_lock = PTHREAD_MUTEX_INITIALIZER; /* slots[].control */
static struct worker *workers;

static void slot_listen(struct slot *slot)
{
	struct sockaddr_in address;
	socklen_t length = sizeof(address);

	slot->listener = listener_open(0, 0);
	if (getsockname(slot->listener, (struct sockaddr *)&address, &length) < 0)
		die("getsockname");
	slot->epsv_length = (size_t)snprintf(slot->epsv_reply, sizeof(slot->epsv_reply),
					     "229 Entering extended passive mode (|||%u|)\r\n",
					     (unsigned)ntohs(address.sin_port));
}

static struct slot *slot_take(int control)
{
	struct slot *slot = NULL;

	pthread_mutex_lock(&slots_lock);
	for (unsigned i = 0; i < SLOTS_MAX && !slot; i++)
		if (slots[i].control <= 0)
			slot = &slots[i];
	if (slot)
		slot->control = control;
	pthread_mutex_unlock(&slots_lock);
	if (!slot) {
		errno = EMFILE;
		die("slots");
	}
	if (slot->listener <= 0)
		slot_listen(slot);
	return slot;
}

static void slot_give(struct slot *slot)
{
	int control = slot->control;

	/* Free before it is closed: nothing else may take the descriptor's number yet. */
	pthread_mutex_lock(&slots_lock);
	slot->control = 0;
	pthread_mutex_unlock(&slots_lock);
	close(control);
}

/* What is said in a turn goes out in one packet. */
static __thread char said[4096];
static __thread size_t said_length;

static void said_send(const struct slot *slot)
{
	if (said_length > 0 && send(slot->control, said, said_length, MSG_NOSIGNAL) < 0)
		errno = 0; /* the end of the connection is read soon */
	said_length = 0;
}

static void say(const struct slot *slot, const char *text, size_t length)
{
	if (said_length + length > sizeof(said))
		said_send(slot);
	memcpy(said + said_length, text, length);
	said_length += length;
}

#define SAY(slot, text) say(slot, text, sizeof(text) - 1)

#define TEXT_150 "150 Opening data connection\r\n"
#define TEXT_226 "226 Closing data connection\r\n"

static void file_send(const char *path, int data)
{
	struct open_how how = { .flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW,
				.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };
	int file = (int)syscall(SYS_openat2, settings->folder_fd, path, &how, sizeof(how));
	struct stat status;
	off_t at = 0;

	if (file < 0 || fstat(file, &status) < 0)
		die(path);
	while (at < status.st_size && sendfile(data, file, &at, (size_t)(status.st_size - at)) > 0)
		continue;
	close(file);
}

static void retr(const struct slot *slot, const char *path)
{
	int data = accept4(slot->listener, NULL, NULL, SOCK_CLOEXEC);

	if (data < 0)
		die("accept");
	data_socket_prepare(settings, data);
	if (!settings->together) {
		SAY(slot, TEXT_150);
		said_send(slot);
	}
	file_send(path, data);
	close(data);
	if (settings->together)
		SAY(slot, TEXT_150 TEXT_226);
	else
		SAY(slot, TEXT_226);
}

/* Returns false when the session is over. */
static bool command(struct slot *slot, char *line)
{
	if (strncmp(line, "EPSV", 4) == 0)
		say(slot, slot->epsv_reply, slot->epsv_length);
	else if (strncmp(line, "RETR ", 5) == 0)
		retr(slot, line + 5);
	else if (strncmp(line, "USER", 4) == 0)
		SAY(slot, "331 Any password will do\r\n");
	else if (strncmp(line, "PASS", 4) == 0)
		SAY(slot, "230 Logged in\r\n");
	else if (strncmp(line, "QUIT", 4) == 0)
		SAY(slot, "221 Goodbye\r\n");
	else if (strncmp(line, "PWD", 3) == 0)
		SAY(slot, "257 \"/\" is the current folder\r\n");
	else if (strncmp(line, "SIZE", 4) == 0)
		SAY(slot, "213 65536\r\n");
	else if (strncmp(line, "MDTM", 4) == 0)
		SAY(slot, "213 20260101000000\r\n");
	else
		SAY(slot, "200 OK\r\n");
	return strncmp(line, "QUIT", 4) != 0;
}

/* Takes the commands in text, all of them whole: the load sends no halves. */
static bool commands(struct slot *slot, char *text)
{
	bool going = true;

	for (char *end; going && (end = strstr(text, "\r\n")); text = end + 2) {
		*end = '\0';
		going = command(slot, text);
	}
	said_send(slot);
	return going;
}

static void slot_on_ready(struct slot *slot)
{
	char text[COMMAND_BYTES];
	ssize_t n = recv(slot->control, text, sizeof(text) - 1, 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	text[n > 0 ? n : 0] = '\0';
	if (n <= 0 || !commands(slot, text))
		slot_give(slot);
}

static void *worker_main(void *argument)
{
	const struct worker *worker = argument;
	struct epoll_event events[64];

	for (;;) {
		int n = epoll_wait(worker->epoll_fd, events, 64, -1);

		for (int i = 0; i < n; i++)
			slot_on_ready(events[i].data.ptr);
	}
	return NULL;
}

static void workers_start(void)
{
	workers = calloc(settings->threads, sizeof(*workers));
	for (unsigned i = 0; workers && i < settings->threads; i++) {
		pthread_t thread;

		workers[i].epoll_fd = epoll_create1(EPOLL_CLOEXEC);
		errno = pthread_create(&thread, NULL, worker_main, &workers[i]);
		if (errno)
			die("pthread_create");
	}
}

void dialogue_serve(const struct settings *given)
{
	int listener = listener_open(given->port, 0);
	int one = 1;

	settings = given;
	workers_start();
	for (unsigned i = 0;; i = (i + 1) % settings->threads) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		struct epoll_event event = { .events = EPOLLIN };
		struct slot *slot;

		if (fd < 0)
			die("accept");
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		slot = slot_take(fd);
		event.data.ptr = slot;
		SAY(slot, "220 A bare dialogue\r\n");
		said_send(slot);
		if (epoll_ctl(workers[i].epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
			die("epoll_ctl");
	}
}
