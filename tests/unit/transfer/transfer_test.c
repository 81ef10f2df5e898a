#include "transfer/transfer.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

#include "base/limits.h"
#include "fs/listing.h"
#include "support/test_ring.h"
#include "sys/calls.h"
#include "sys/memory_limit.h"
#include "transfer/pipe_pool.h"
#include "transfer/transfer_priv.h"

#define PEER_BYTES_MAX 12000000

/* The other end of the data connection, in a thread of its own. */
struct peer {
	int fd;
	size_t read_max; /* then it closes, or resets */
	bool resets;
	useconds_t pause_us;  /* before each read */
	size_t pause_bytes;   /* not before each, but when so many have come since */
	const char *to_write; /* or NULL: it reads */
	size_t length;	      /* to write; afterwards: what was read */
	size_t piece;	      /* 0: all at once */
	bool stays;	      /* having written, until the connection ends */
	char *bytes;	      /* what was read */
	bool clean;	      /* ended by the end of the stream, not by a reset */
	pthread_t thread;
};

/* TYPE A, the rest as representation_init leaves it. */
static const struct representation ascii = { .type = TYPE_ASCII,
					     .format = FORMAT_NON_PRINT,
					     .byte_bits = 8,
					     .structure = STRUCTURE_FILE,
					     .mode = MODE_STREAM };

static struct dtp dtp;
static struct disk_queues *disks;
static struct transfer transfer;
static struct calls spoilt;
static bool ended;
static enum transfer_end end_kind;
static int end_error;

static void on_done(struct transfer *done, enum transfer_end end, int error)
{
	assert_ptr_equal(done, &transfer);
	assert_false(ended);
	ended = true;
	end_kind = end;
	end_error = error;
	ring_stop(test_ring);
}

static int setup(void **state)
{
	test_ring_setup(state);
	assert_int_equal(disk_queues_new(8, 2, &disks), 0);
	assert_int_equal(dtp_init(&dtp, test_ring, disks, 2), 0);
	memset(&transfer, 0, sizeof(transfer));
	spoilt = calls_real;
	calls = &spoilt;
	ended = false;
	return 0;
}

static int teardown(void **state)
{
	calls = &calls_real;
	dtp_fini(&dtp);
	disk_queues_free(disks);
	return test_ring_teardown(state);
}

static char pattern_at(size_t at)
{
	return (char)(at * 7 % 251);
}

static char *pattern_of(size_t length)
{
	char *bytes = malloc(length + 1);

	for (size_t i = 0; i < length; i++)
		bytes[i] = pattern_at(i);
	return bytes;
}

/* An unnamed file on a disk, or in memory, with what is given. */
static int file_of(const char *folder, const char *bytes, size_t length)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "%s/transfer_test.XXXXXX", folder);
	fd = mkstemp(path);
	assert_true(fd >= 0);
	unlink(path);
	for (size_t at = 0; at < length;) {
		ssize_t put = write(fd, bytes + at, length - at);

		assert_true(put > 0);
		at += (size_t)put;
	}
	return fd;
}

/* A connection over loopback: ours, nonblocking, and the peer's. */
static void connect_pair(int *ret_ours, int *ret_peers)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(listener, (struct sockaddr *)&address, length), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &length), 0);
	*ret_peers = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(*ret_peers, (struct sockaddr *)&address, length), 0);
	*ret_ours = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
	assert_true(*ret_ours >= 0);
	close(listener);
}

static void peer_write(struct peer *peer)
{
	size_t piece = peer->piece ? peer->piece : peer->length;

	for (size_t at = 0; at < peer->length;) {
		size_t count = peer->length - at < piece ? peer->length - at : piece;
		ssize_t put = write(peer->fd, peer->to_write + at, count);

		if (put <= 0)
			break;
		at += (size_t)put;
		if (peer->pause_us)
			usleep(peer->pause_us);
	}
}

static void peer_read(struct peer *peer)
{
	size_t paused_at = 0;
	ssize_t got = 0;

	peer->bytes = malloc(PEER_BYTES_MAX);
	peer->length = 0;
	while (peer->length < peer->read_max) {
		size_t count = peer->read_max - peer->length;

		if (peer->pause_us && peer->length >= paused_at + peer->pause_bytes) {
			usleep(peer->pause_us);
			paused_at = peer->length;
		}
		got = read(peer->fd, peer->bytes + peer->length, count < 100000 ? count : 100000);
		if (got <= 0)
			break;
		peer->length += (size_t)got;
	}
	peer->clean = got == 0;
}

static void *peer_run(void *argument)
{
	const struct linger reset = { .l_onoff = 1, .l_linger = 0 };
	struct peer *peer = argument;

	if (peer->to_write)
		peer_write(peer);
	else
		peer_read(peer);
	if (peer->stays)
		(void)!read(peer->fd, &peer->stays, 1);
	if (peer->resets)
		setsockopt(peer->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(peer->fd);
	return NULL;
}

/* Returns the peer's end. */
static int describe(enum transfer_kind kind, int file, enum disk_kind disk)
{
	int peer;

	transfer.dtp = &dtp;
	transfer.kind = kind;
	transfer.file = file;
	transfer.disk = (struct disk){ .id = 7, .kind = disk };
	transfer.timeout_ms = 10000;
	transfer.done = on_done;
	connect_pair(&transfer.socket, &peer);
	return peer;
}

static void begin(struct peer *peer, enum transfer_kind kind, int file, enum disk_kind disk)
{
	peer->fd = describe(kind, file, disk);
	if (!peer->read_max)
		peer->read_max = PEER_BYTES_MAX;
	assert_int_equal(pthread_create(&peer->thread, NULL, peer_run, peer), 0);
}

static void finish(struct peer *peer)
{
	transfer_start(&transfer);
	run_until(&ended);
	pthread_join(peer->thread, NULL);
	assert_int_equal(transfer.socket, -1);
}

static void check_pattern(const struct peer *peer, size_t from, size_t length)
{
	assert_int_equal(peer->length, length);
	for (size_t i = 0; i < length; i++)
		assert_true(peer->bytes[i] == pattern_at(from + i));
}

static void send_size(size_t length, const char *folder, enum disk_kind disk, useconds_t pause_us)
{
	char *bytes = pattern_of(length);
	int file = file_of(folder, bytes, length);
	struct peer peer = { .pause_us = pause_us };

	memset(&transfer, 0, sizeof(transfer));
	ended = false;
	begin(&peer, TRANSFER_SEND_FILE, file, disk);
	transfer.end = (off_t)length;
	finish(&peer);
	assert_int_equal(end_kind, TRANSFER_COMPLETE);
	assert_int_equal(transfer.bytes, length);
	assert_true(peer.clean);
	check_pattern(&peer, 0, length);
	close(file);
	free(peer.bytes);
	free(bytes);
}

static void files_of_all_sizes_are_sent_whole(void **state)
{
	static const size_t sizes[] = {
		0, 1, 65535, 65536, 65537, 524288, 1048576, 1048577, 5242887
	};

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		send_size(sizes[i], "/tmp", DISK_LOCAL, 0);
		send_size(sizes[i], "/dev/shm", DISK_MEMORY, 0);
		send_size(sizes[i], "/tmp", DISK_REMOTE, 0); /* each window by way of the disk */
	}
}

static void a_slow_reader_gets_every_byte(void **state)
{
	(void)state;
	send_size(5242887, "/tmp", DISK_LOCAL, 500);
	send_size(5242887, "/dev/shm", DISK_MEMORY, 500);
	send_size(5242887, "/tmp", DISK_REMOTE, 500);
}

/* Long enough between two turns to count as slow, and much in each. */
static void a_reader_with_a_pace_gets_every_byte(void **state)
{
	const size_t length = 11000003;
	char *bytes = pattern_of(length);
	int file = file_of("/tmp", bytes, length);
	struct peer peer = { .pause_us = 130000, .pause_bytes = 3000000 };

	(void)state;
	begin(&peer, TRANSFER_SEND_FILE, file, DISK_LOCAL);
	transfer.end = (off_t)length;
	finish(&peer);
	assert_int_equal(end_kind, TRANSFER_COMPLETE);
	check_pattern(&peer, 0, length);
	close(file);
	free(peer.bytes);
	free(bytes);
}

/* TYPE I, MODE B. */
static const struct representation blocks = {
	.type = TYPE_IMAGE, .byte_bits = 8, .structure = STRUCTURE_FILE, .mode = MODE_BLOCK
};

/* What a peer has got is the pattern in blocks, so many of them. */
static void check_blocks(const struct peer *peer, size_t length, unsigned wanted)
{
	const unsigned char *bytes = (const unsigned char *)peer->bytes;
	unsigned count = 0;
	unsigned descriptor = 0;
	size_t seen = 0;

	for (size_t at = 0; at < peer->length; count++) {
		size_t octets;

		assert_true(at + BLOCK_HEADER_BYTES <= peer->length);
		assert_int_equal(descriptor, 0);
		descriptor = bytes[at];
		octets = (size_t)bytes[at + 1] << 8 | bytes[at + 2];
		at += BLOCK_HEADER_BYTES;
		assert_true(at + octets <= peer->length);
		for (size_t i = 0; i < octets; i++)
			assert_true((char)bytes[at + i] == pattern_at(seen + i));
		seen += octets;
		at += octets;
	}
	assert_int_equal(descriptor, 64);
	assert_int_equal(seen, length);
	assert_int_equal(count, wanted);
}

static void send_blocks(size_t length, const char *folder, enum disk_kind disk, unsigned wanted)
{
	char *bytes = pattern_of(length);
	int file = file_of(folder, bytes, length);
	struct peer peer = { .fd = -1 };

	memset(&transfer, 0, sizeof(transfer));
	ended = false;
	begin(&peer, TRANSFER_SEND_FILE, file, disk);
	transfer.end = (off_t)length;
	transfer.representation = &blocks;
	finish(&peer);
	assert_int_equal(end_kind, TRANSFER_COMPLETE);
	assert_int_equal(transfer.bytes, length + (size_t)wanted * BLOCK_HEADER_BYTES);
	assert_true(peer.clean);
	check_blocks(&peer, length, wanted);
	close(file);
	free(peer.bytes);
	free(bytes);
}

/* As many blocks as the stages make of it, which is what SIZE says. */
static void blocks_begin_where_they_always_do(void **state)
{
	static const struct {
		size_t length;
		unsigned blocks;
	} cases[] = { { 0, 1 }, { 1, 1 }, { 8000, 1 }, { 65535, 1 }, { 65536, 2 }, { 200000, 4 } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		send_blocks(cases[i].length, "/tmp", DISK_LOCAL, cases[i].blocks);
		send_blocks(cases[i].length, "/dev/shm", DISK_MEMORY, cases[i].blocks);
		send_blocks(cases[i].length, "/tmp", DISK_REMOTE, cases[i].blocks);
	}
}

static ssize_t no_pread(int fd, void *buffer, size_t size_bytes, off_t offset)
{
	(void)fd;
	(void)buffer;
	(void)size_bytes;
	(void)offset;
	return -EIO;
}

static void a_file_of_one_block_stays_in_the_kernel(void **state)
{
	(void)state;
	spoilt.pread = no_pread;
	send_blocks(65535, "/dev/shm", DISK_MEMORY, 1);
}

static unsigned sends;
static int error_of_sends; /* 0: one octet at a time, and every other time none */

static ssize_t hesitant_send(int fd, const void *buffer, size_t size_bytes, int flags)
{
	if (error_of_sends && sends > 0)
		return error_of_sends;
	if (sends++ % 2 == 1)
		return -EAGAIN;
	return calls_real.send(fd, buffer, size_bytes > 1 ? 1 : size_bytes, flags);
}

static void the_header_of_a_block_may_go_in_pieces(void **state)
{
	(void)state;
	sends = 0;
	error_of_sends = 0;
	spoilt.send = hesitant_send;
	send_blocks(5000, "/dev/shm", DISK_MEMORY, 1);
	assert_int_equal(sends, 5);
}

/* What its header has promised does not come: the connection must not go on. */
static void send_one_block_of_a_spoilt_file(size_t length, enum transfer_end wanted)
{
	char *bytes = pattern_of(length);
	int file = file_of("/dev/shm", bytes, length);
	struct peer peer = { .fd = -1 };

	memset(&transfer, 0, sizeof(transfer));
	ended = false;
	begin(&peer, TRANSFER_SEND_FILE, file, DISK_MEMORY);
	transfer.end = 5000;
	transfer.keep = true;
	transfer.representation = &blocks;
	finish(&peer);
	assert_int_equal(end_kind, wanted);
	assert_false(transfer.kept);
	assert_false(peer.clean);
	close(file);
	free(peer.bytes);
	free(bytes);
}

static void a_block_that_cannot_be_filled_ends_the_connection(void **state)
{
	(void)state;
	send_one_block_of_a_spoilt_file(0, TRANSFER_TRUNCATED);
	send_one_block_of_a_spoilt_file(4999, TRANSFER_TRUNCATED);
	sends = 0;
	error_of_sends = -ECONNRESET;
	spoilt.send = hesitant_send;
	send_one_block_of_a_spoilt_file(5000, TRANSFER_DATA_FAILED);
}

static unsigned probes;
static bool probe_finds_nothing;

static ssize_t counted_probe(int fd, void *buffer, size_t size_bytes, off_t offset)
{
	probes++;
	return probe_finds_nothing ? -EAGAIN
				   : calls_real.pread_resident(fd, buffer, size_bytes, offset);
}

static unsigned probes_of(off_t offset, size_t length, bool resident)
{
	probes = 0;
	assert_int_equal(transfer_is_resident(&transfer, offset, length), resident);
	return probes;
}

static void the_page_cache_is_asked_once_about_a_stretch(void **state)
{
	const size_t length = 3000000;
	char *bytes = pattern_of(length);

	(void)state;
	spoilt.pread_resident = counted_probe;
	probe_finds_nothing = false;
	transfer = (struct transfer){ .dtp = &dtp,
				      .file = file_of("/tmp", bytes, length),
				      .end = (off_t)length,
				      .probe_step = SEND_WINDOW_BYTES,
				      .disk.kind = DISK_LOCAL };
	run_for_ms(1);
	assert_int_equal(probes_of(0, 100000, true), 1);
	assert_int_equal(probes_of(100000, SEND_WINDOW_BYTES - 100000, true), 0);
	assert_int_equal(probes_of(SEND_WINDOW_BYTES - 50000, 100000, true), 1); /* beyond it */
	assert_int_equal(probes_of((off_t)length - 100, 100, true),
			 1); /* no further than the end */
	run_for_ms(1100);
	assert_int_equal(probes_of((off_t)length - 100, 100, true), 1); /* it is long ago */
	transfer.resident_end = 0;
	probe_finds_nothing = true;
	assert_int_equal(probes_of(0, 100000, false), 1);
	assert_int_equal(probes_of(0, 100000, false), 1);
	assert_true(transfer.probe_step < SEND_WINDOW_BYTES);
	close(transfer.file);
	free(bytes);
}

static void a_restart_sends_the_rest(void **state)
{
	char *bytes = pattern_of(300000);
	int file = file_of("/tmp", bytes, 300000);
	struct peer peer = { 0 };

	(void)state;
	begin(&peer, TRANSFER_SEND_FILE, file, DISK_LOCAL);
	transfer.offset = 123457;
	transfer.end = 300000;
	finish(&peer);
	assert_int_equal(end_kind, TRANSFER_COMPLETE);
	check_pattern(&peer, 123457, 300000 - 123457);
	close(file);
	free(peer.bytes);
	free(bytes);
}

static struct kernel_pipe *taken[64];
static unsigned taken_count;

static void take_all_pipes(void)
{
	taken_count = 0;
	while ((taken[taken_count] = pipe_pool_take(dtp.pipes)) != NULL)
		taken_count++;
}

static void give_all_pipes(void)
{
	while (taken_count > 0)
		pipe_pool_give(dtp.pipes, taken[--taken_count]);
}

static void without_a_pipe_a_file_is_sent_through_a_buffer(void **state)
{
	(void)state;
	take_all_pipes();
	send_size(3000001, "/tmp", DISK_REMOTE, 0);
	give_all_pipes();
}

static size_t allocated_bytes;

static void *allocate_counted(size_t size_bytes)
{
	allocated_bytes += size_bytes;
	return malloc(size_bytes);
}

/* A small file under a representation, to a peer and back from it. Neither way takes
 * more memory than was said. */
static void move_counted(const struct representation *representation)
{
	const size_t length = 200000;
	char *bytes = pattern_of(length);
	int file = file_of("/tmp", bytes, length);
	struct peer reader = { .fd = -1 };
	struct peer writer = { .length = 0 };

	memset(&transfer, 0, sizeof(transfer));
	ended = false;
	allocated_bytes = 0;
	begin(&reader, TRANSFER_SEND_FILE, file, DISK_LOCAL);
	transfer.end = (off_t)length;
	transfer.representation = representation;
	finish(&reader);
	assert_int_equal(end_kind, TRANSFER_COMPLETE);
	assert_in_range(allocated_bytes, 0, transfer_memory_bytes(&transfer));

	dtp_fini(&dtp); /* nothing is there from before */
	assert_int_equal(dtp_init(&dtp, test_ring, disks, 2), 0);
	memset(&transfer, 0, sizeof(transfer));
	ended = false;
	allocated_bytes = 0;
	writer.to_write = reader.bytes;
	writer.length = reader.length;
	begin(&writer, TRANSFER_RECEIVE_FILE, file, DISK_LOCAL);
	transfer.representation = representation;
	finish(&writer);
	assert_int_equal(end_kind, TRANSFER_COMPLETE);
	assert_in_range(allocated_bytes, 0, transfer_memory_bytes(&transfer));

	dtp_fini(&dtp);
	assert_int_equal(dtp_init(&dtp, test_ring, disks, 2), 0);
	close(file);
	free(reader.bytes);
	free(bytes);
}

static void no_transfer_takes_more_memory_than_is_said_of_it(void **state)
{
	static const enum ftp_mode modes[] = { MODE_STREAM, MODE_BLOCK, MODE_COMPRESSED,
					       MODE_DEFLATE };

	(void)state;
	spoilt.allocate = allocate_counted;
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		struct representation representation = ascii;

		representation.mode = (uint8_t)modes[i];
		representation.level = 9;
		move_counted(&representation);
		representation.structure = STRUCTURE_RECORD;
		move_counted(&representation);
		representation = blocks;
		representation.level = 9;
		representation.mode = (uint8_t)modes[i];
		move_counted(&representation);
	}
}

static void abort_ends_a_transfer_whose_reader_sleeps(void **state)
{
	char *bytes = pattern_of(10000000);
	int file = file_of("/tmp", bytes, 10000000);
	struct peer peer = { .pause_us = 300000, .read_max = 200000 };

	(void)state;
	begin(&peer, TRANSFER_SEND_FILE, file, DISK_LOCAL);
	transfer.end = 10000000;
	transfer_start(&transfer);
	run_for_ms(20);
	assert_false(ended);
	transfer_abort(&transfer);
	run_until(&ended);
	assert_int_equal(end_kind, TRANSFER_ABORTED);
	assert_int_equal(transfer.socket, -1);
	transfer_abort(&transfer); /* done is not called again */
	pthread_join(peer.thread, NULL);
	close(file);
	free(peer.bytes);
	free(bytes);
}

static void a_peer_that_resets_ends_it(void **state)
{
	char *bytes = pattern_of(10000000);
	int file = file_of("/tmp", bytes, 10000000);
	struct peer peer = { .resets = true, .read_max = 100000 };

	(void)state;
	begin(&peer, TRANSFER_SEND_FILE, file, DISK_LOCAL);
	transfer.end = 10000000;
	finish(&peer);
	assert_int_equal(end_kind, TRANSFER_DATA_FAILED);
	assert_true(end_error == -EPIPE || end_error == -ECONNRESET);
	check_pattern(&peer, 0, 100000);
	close(file);
	free(peer.bytes);
	free(bytes);
}

static void a_peer_that_never_reads_is_timed_out(void **state)
{
	char *bytes = pattern_of(10000000);
	int file = file_of("/tmp", bytes, 10000000);
	struct peer peer = { .pause_us = 600000, .read_max = 1 };

	(void)state;
	begin(&peer, TRANSFER_SEND_FILE, file, DISK_LOCAL);
	transfer.end = 10000000;
	transfer.timeout_ms = 100;
	finish(&peer);
	assert_int_equal(end_kind, TRANSFER_TIMED_OUT);
	close(file);
	free(peer.bytes);
	free(bytes);
}

static void a_file_that_shrinks_ends_truncated(enum disk_kind disk, bool text)
{
	char *bytes = pattern_of(100000);
	int file = file_of("/tmp", bytes, 100000);
	struct peer peer = { 0 };

	memset(&transfer, 0, sizeof(transfer));
	ended = false;
	begin(&peer, TRANSFER_SEND_FILE, file, disk);
	transfer.representation = text ? &ascii : NULL;
	transfer.end = 5000000; /* what it was when it was opened */
	finish(&peer);
	assert_int_equal(end_kind, TRANSFER_TRUNCATED);
	assert_false(peer.clean);
	close(file);
	free(peer.bytes);
	free(bytes);
}

static void a_shrunken_file_is_never_padded(void **state)
{
	(void)state;
	a_file_that_shrinks_ends_truncated(DISK_LOCAL, false);
	a_file_that_shrinks_ends_truncated(DISK_REMOTE, false);
	a_file_that_shrinks_ends_truncated(DISK_LOCAL, true);
	a_file_that_shrinks_ends_truncated(DISK_REMOTE, true);
}

static void check_file(int file, off_t at, const char *wanted, size_t length)
{
	char *got = malloc(length + 1);
	struct stat stat;

	fstat(file, &stat);
	assert_int_equal(stat.st_size, at + (off_t)length);
	assert_int_equal(pread(file, got, length, at), length);
	assert_memory_equal(got, wanted, length);
	free(got);
}

static void receive_size(size_t length, const char *folder, enum disk_kind disk, size_t piece)
{
	char *bytes = pattern_of(length);
	int file = file_of(folder, "head", 4);
	struct peer peer = { .to_write = bytes, .length = length, .piece = piece };

	memset(&transfer, 0, sizeof(transfer));
	ended = false;
	begin(&peer, TRANSFER_RECEIVE_FILE, file, disk);
	transfer.offset = 4;
	finish(&peer);
	assert_int_equal(end_kind, TRANSFER_COMPLETE);
	assert_int_equal(transfer.bytes, length);
	assert_int_equal(transfer.offset, length + 4);
	check_file(file, 4, bytes, length);
	close(file);
	free(bytes);
}

static void uploads_of_all_sizes_arrive_whole(void **state)
{
	static const size_t sizes[] = { 0, 1, 65536, 1048577, 5242887 };

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		receive_size(sizes[i], "/tmp", DISK_LOCAL, 0);
		receive_size(sizes[i], "/dev/shm", DISK_MEMORY, 0);
	}
	receive_size(30001, "/tmp", DISK_LOCAL, 100);
	receive_size(30001, "/dev/shm", DISK_MEMORY, 100);
	take_all_pipes();
	receive_size(3000001, "/tmp", DISK_LOCAL, 0);
	receive_size(3000001, "/dev/shm", DISK_MEMORY, 0);
	give_all_pipes();
}

/* Receives length bytes where room are left before the end. */
static void receive_into_room(size_t length, size_t room, const char *folder, enum disk_kind disk)
{
	char *old = pattern_of(room + 100);
	char *bytes = calloc(1, length + 1);
	int file = file_of(folder, old, room + 100);
	struct peer peer = { .to_write = bytes, .length = length };

	memset(&transfer, 0, sizeof(transfer));
	ended = false;
	begin(&peer, TRANSFER_RECEIVE_FILE, file, disk);
	transfer.offset = 50;
	transfer.end = 50 + (off_t)room;
	finish(&peer);
	assert_int_equal(end_kind, length > room ? TRANSFER_FILE_FAILED : TRANSFER_COMPLETE);
	assert_int_equal(end_error, length > room ? -EMSGSIZE : 0);
	assert_int_equal(transfer.offset, 50 + (off_t)(length > room ? room : length));
	check_file(file, 50 + (off_t)room, old + 50 + room, 50);
	close(file);
	free(bytes);
	free(old);
}

static void nothing_is_written_beyond_the_end(void **state)
{
	static const size_t sizes[][2] = {
		{ 0, 1 },
		{ 1, 1 },
		{ 2, 1 },
		{ 70000, 70000 },
		{ 70001, 70000 },
		{ 69999, 70000 },
		{ 3000000, 3000000 },
		{ 3000001, 3000000 },
		{ 5000000, 1048576 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		receive_into_room(sizes[i][0], sizes[i][1], "/tmp", DISK_LOCAL);
		receive_into_room(sizes[i][0], sizes[i][1], "/dev/shm", DISK_MEMORY);
		take_all_pipes();
		receive_into_room(sizes[i][0], sizes[i][1], "/tmp", DISK_LOCAL);
		receive_into_room(sizes[i][0], sizes[i][1], "/dev/shm", DISK_MEMORY);
		give_all_pipes();
	}
}

/* Runs until the transfer has moved bytes, or some, and waits for its peer. */
static void run_until_stalled(uint64_t bytes)
{
	for (int tries = 0; tries < 2000; tries++) {
		if (transfer.bytes >= bytes && op_pending(&transfer.socket_op) &&
		    transfer.socket_op.kind == OP_POLL && !op_pending(&transfer.file_op))
			return;
		run_for_ms(5);
	}
	fail_msg("%llu bytes moved, and it does not wait", (unsigned long long)transfer.bytes);
}

static void check_that_nothing_is_held(uint64_t bytes)
{
	transfer_start(&transfer);
	run_until_stalled(bytes);
	assert_null(transfer.buffer);
	assert_null(transfer.pipe);
	transfer_abort(&transfer);
	run_until(&ended);
	assert_int_equal(end_kind, TRANSFER_ABORTED);
}

static void stall_without_a_pipe(const char *folder, enum disk_kind disk)
{
	const size_t length = 1000001;
	char *bytes = pattern_of(10000000);
	int file = file_of(folder, bytes, 10000000);
	struct peer writer = { .to_write = bytes, .length = length, .stays = true };
	int reader;

	memset(&transfer, 0, sizeof(transfer));
	ended = false;
	reader = describe(TRANSFER_SEND_FILE, file, disk);
	transfer.end = 10000000;
	check_that_nothing_is_held(1);
	close(reader);

	memset(&transfer, 0, sizeof(transfer));
	ended = false;
	begin(&writer, TRANSFER_RECEIVE_FILE, file, disk);
	check_that_nothing_is_held(length);
	assert_int_equal(transfer.offset, length);
	pthread_join(writer.thread, NULL);
	close(file);
	free(bytes);
}

static void who_stalls_holds_no_buffer_though_there_is_no_pipe(void **state)
{
	(void)state;
	take_all_pipes();
	stall_without_a_pipe("/tmp", DISK_REMOTE);
	stall_without_a_pipe("/tmp", DISK_LOCAL);
	stall_without_a_pipe("/dev/shm", DISK_MEMORY);
	give_all_pipes();
}

static ssize_t send_without_memory(int fd, const void *buffer, size_t size_bytes, int flags)
{
	(void)fd;
	(void)buffer;
	(void)size_bytes;
	(void)flags;
	return -ENOMEM;
}

/* Of splice and sendfile that error may be the file's, of send(2) it is not. */
static void what_send_fails_with_is_the_connections(void **state)
{
	struct calls faulty = calls_real;
	char *bytes = pattern_of(100000);
	int file = file_of("/tmp", bytes, 100000);
	int reader;

	(void)state;
	faulty.send = send_without_memory;
	calls = &faulty;
	take_all_pipes();
	memset(&transfer, 0, sizeof(transfer));
	ended = false;
	reader = describe(TRANSFER_SEND_FILE, file, DISK_REMOTE);
	transfer.end = 100000;
	transfer_start(&transfer);
	run_until(&ended);
	calls = &calls_real;
	assert_int_equal(end_kind, TRANSFER_DATA_FAILED);
	assert_null(transfer.buffer);
	give_all_pipes();
	close(reader);
	close(file);
	free(bytes);
}

static unsigned splices_until_short = 3;

/* Every third splice moves little. */
static ssize_t short_splice(int in, off_t *in_offset, int out, off_t *out_offset, size_t size_bytes,
			    unsigned flags)
{
	static unsigned count;

	if (++count % splices_until_short == 0 && size_bytes > 1000)
		size_bytes = 1000;
	return calls_real.splice(in, in_offset, out, out_offset, size_bytes, flags);
}

static ssize_t short_pwrite(int fd, const void *buffer, size_t size_bytes, off_t offset)
{
	return calls_real.pwrite(fd, buffer, size_bytes > 7000 ? 7000 : size_bytes, offset);
}

static ssize_t short_send(int fd, const void *buffer, size_t size_bytes, int flags)
{
	return calls_real.send(fd, buffer, size_bytes > 7000 ? 7000 : size_bytes, flags);
}

static void short_writes_lose_nothing(void **state)
{
	(void)state;
	spoilt.splice = short_splice;
	spoilt.pwrite = short_pwrite;
	spoilt.send = short_send;
	receive_size(3000001, "/dev/shm", DISK_MEMORY, 0);
	receive_size(3000001, "/tmp", DISK_LOCAL, 0);
	send_size(3000001, "/tmp", DISK_LOCAL, 0);
	send_size(3000001, "/tmp", DISK_REMOTE, 0);
	take_all_pipes();
	receive_size(1000001, "/dev/shm", DISK_MEMORY, 0);
	send_size(1000001, "/tmp", DISK_REMOTE, 0);
	give_all_pipes();
}

static void text_goes_both_ways(enum disk_kind disk, size_t length, size_t piece, off_t skip);

static void short_writes_of_text_lose_nothing(void **state)
{
	(void)state;
	spoilt.pwrite = short_pwrite;
	spoilt.send = short_send;
	text_goes_both_ways(DISK_LOCAL, 1000003, 0, 0);
	text_goes_both_ways(DISK_MEMORY, 1000003, 0, 0);
}

static int full_file;

static ssize_t full_splice(int in, off_t *in_offset, int out, off_t *out_offset, size_t size_bytes,
			   unsigned flags)
{
	if (out == full_file)
		return -ENOSPC;
	return calls_real.splice(in, in_offset, out, out_offset, size_bytes, flags);
}

static ssize_t full_pwrite(int fd, const void *buffer, size_t size_bytes, off_t offset)
{
	return fd == full_file ? -ENOSPC : calls_real.pwrite(fd, buffer, size_bytes, offset);
}

static int full_operation(const char *name)
{
	return strcmp(name, "splice") == 0 || strcmp(name, "pwrite") == 0 ? -ENOSPC : 0;
}

static void a_full_disk_is_the_files_failure(void **state)
{
	char *bytes = pattern_of(1000000);

	(void)state;
	spoilt.splice = full_splice;
	spoilt.pwrite = full_pwrite;
	spoilt.operation = full_operation;
	for (int i = 0; i < 4; i++) {
		struct peer peer = { .to_write = bytes, .length = 1000000 };

		memset(&transfer, 0, sizeof(transfer));
		ended = false;
		full_file = file_of("/tmp", "", 0);
		transfer.representation = i >= 2 ? &ascii : NULL;
		begin(&peer, TRANSFER_RECEIVE_FILE, full_file, i % 2 ? DISK_MEMORY : DISK_LOCAL);
		finish(&peer);
		assert_int_equal(end_kind, TRANSFER_FILE_FAILED);
		assert_int_equal(end_error, -ENOSPC);
		check_file(full_file, 0, "", 0);
		close(full_file);
	}
	free(bytes);
}

/* Repeated bytes of MODE C: more comes out of what was received than the stages have room for. The
 * peer says no more, and does not go away. */
static void receive_runs(size_t runs, const char *folder, enum disk_kind disk)
{
	static const struct representation compressed = { .type = TYPE_ASCII,
							  .format = FORMAT_NON_PRINT,
							  .byte_bits = 8,
							  .structure = STRUCTURE_FILE,
							  .mode = MODE_COMPRESSED };
	char *sent = malloc(2 * runs + 2);
	char *wanted = malloc(63 * runs);
	int file = file_of(folder, "", 0);
	int peer;

	for (size_t i = 0; i < runs; i++) {
		char byte = (char)('a' + i % 20);
		size_t at = 2 * i + (i + 1 == runs ? 2 : 0);

		sent[at] = (char)(0x80 | 63);
		sent[at + 1] = byte;
		memset(wanted + 63 * i, byte, 63);
	}
	sent[2 * runs - 2] = 0;
	sent[2 * runs - 1] = 64; /* the next string ends the file */
	memset(&transfer, 0, sizeof(transfer));
	ended = false;
	transfer.dtp = &dtp;
	transfer.kind = TRANSFER_RECEIVE_FILE;
	transfer.file = file;
	transfer.disk = (struct disk){ .id = 7, .kind = disk };
	transfer.timeout_ms = 2000;
	transfer.done = on_done;
	transfer.representation = &compressed;
	transfer.keep = true;
	connect_pair(&transfer.socket, &peer);
	assert_int_equal(send(peer, sent, 2 * runs + 2, 0), 2 * runs + 2);
	transfer_start(&transfer);
	run_until(&ended);
	assert_int_equal(end_kind, TRANSFER_COMPLETE);
	assert_true(transfer.kept);
	check_file(file, 0, wanted, 63 * runs);
	close(transfer.socket);
	close(peer);
	close(file);
	free(sent);
	free(wanted);
}

static void what_expands_arrives_without_anything_behind_it(void **state)
{
	(void)state;
	/* One of these ends with the last bytes between two stages. */
	for (size_t bytes = 400000; bytes < 400000 + TRANSFER_BUFFER_BYTES; bytes += 10000) {
		receive_runs(bytes / 63, "/dev/shm", DISK_MEMORY);
		receive_runs(bytes / 63, "/tmp", DISK_LOCAL);
	}
}

static char *handed_on;
static size_t handed_on_bytes;
static size_t handed_on_max; /* then the function wants no more */

static int hand_on(struct transfer *receiving, const char *bytes, size_t length)
{
	assert_int_equal(receiving->offset, handed_on_bytes);
	if (handed_on_bytes + length > handed_on_max)
		return -EDQUOT;
	memcpy(handed_on + handed_on_bytes, bytes, length);
	handed_on_bytes += length;
	return 0;
}

static void hand_on_all(const struct representation *representation, const char *bytes,
			size_t length, size_t max)
{
	struct peer peer = { .to_write = bytes, .length = length, .piece = 50001 };

	memset(&transfer, 0, sizeof(transfer));
	ended = false;
	begin(&peer, TRANSFER_RECEIVE_FILE, -1, DISK_MEMORY);
	transfer.representation = representation;
	transfer.take = hand_on;
	handed_on = malloc(length + 1);
	handed_on_bytes = 0;
	handed_on_max = max;
	finish(&peer);
}

static void what_a_function_takes_comes_in_its_order(void **state)
{
	char *bytes = pattern_of(3000000);

	(void)state;
	hand_on_all(NULL, bytes, 3000000, 3000000);
	assert_int_equal(end_kind, TRANSFER_COMPLETE);
	assert_int_equal(handed_on_bytes, 3000000);
	assert_memory_equal(handed_on, bytes, 3000000);
	free(handed_on);
	for (size_t i = 0; i < 3000000; i += 3)
		memcpy(bytes + i, "\r\nx", 3);
	hand_on_all(&ascii, bytes, 3000000, 3000000);
	assert_int_equal(end_kind, TRANSFER_COMPLETE);
	assert_int_equal(handed_on_bytes, 2000000);
	assert_memory_equal(handed_on, "\nx\nx", 4);
	free(handed_on);
	free(bytes);
}

static void a_function_that_wants_no_more_ends_the_transfer(void **state)
{
	char *bytes = pattern_of(3000000);

	(void)state;
	hand_on_all(NULL, bytes, 3000000, 1000000);
	assert_int_equal(end_kind, TRANSFER_FILE_FAILED);
	assert_int_equal(end_error, -EDQUOT);
	assert_in_range(handed_on_bytes, 1, 1000000);
	assert_memory_equal(handed_on, bytes, handed_on_bytes);
	free(handed_on);
	free(bytes);
}

static void a_peer_that_resets_its_upload_keeps_what_arrived(void **state)
{
	char *bytes = pattern_of(1000000);
	int file = file_of("/tmp", "", 0);
	struct peer peer = { .to_write = bytes, .length = 1000000, .piece = 1000, .resets = true };
	struct stat stat;
	char *got;

	(void)state;
	begin(&peer, TRANSFER_RECEIVE_FILE, file, DISK_LOCAL);
	finish(&peer);
	assert_int_equal(end_kind, TRANSFER_DATA_FAILED);
	assert_int_equal(end_error, -ECONNRESET);
	fstat(file, &stat);
	assert_int_equal(stat.st_size, transfer.offset);
	got = malloc(1000000);
	assert_int_equal(pread(file, got, 1000000, 0), stat.st_size);
	assert_memory_equal(got, bytes, (size_t)stat.st_size);
	close(file);
	free(got);
	free(bytes);
}

/* A file whose first write waits for its reader, who waits for more to be received: a pipe. */
struct slow_file {
	int read_end;
	_Atomic size_t until; /* so many octets have come over the data connection */
	bool too_slow;
	char *bytes;
	size_t length;
	pthread_t thread;
};

static _Atomic size_t received;

static ssize_t counted_recv(int fd, void *buffer, size_t size_bytes, int flags)
{
	ssize_t got = calls_real.recv(fd, buffer, size_bytes, flags);

	if (got > 0)
		received += (size_t)got;
	return got;
}

/* Where the ring is the stand-in, to whom a pipe would be no file. */
static ssize_t pwrite_without_offset(int fd, const void *buffer, size_t size_bytes, off_t offset)
{
	ssize_t put = write(fd, buffer, size_bytes);

	(void)offset;
	return put < 0 ? -errno : put;
}

static void *slow_file_run(void *argument)
{
	struct slow_file *file = argument;
	ssize_t got = 1;

	for (int tries = 0; received < file->until && tries < 1000; tries++)
		usleep(10000);
	file->too_slow = received < file->until;
	while (got > 0) {
		got = read(file->read_end, file->bytes + file->length, 65536);
		file->length += got > 0 ? (size_t)got : 0;
	}
	return NULL;
}

/* Returns what is written to. */
static int slow_file_begin(struct slow_file *file, size_t until)
{
	int ends[2];

	spoilt.recv = counted_recv;
	spoilt.pwrite = pwrite_without_offset;
	received = 0;
	assert_int_equal(pipe(ends), 0);
	*file = (struct slow_file){ .read_end = ends[0],
				    .until = until,
				    .bytes = malloc(PEER_BYTES_MAX) };
	assert_int_equal(pthread_create(&file->thread, NULL, slow_file_run, file), 0);
	return ends[1];
}

static void slow_file_end(struct slow_file *file, int write_end)
{
	close(write_end);
	pthread_join(file->thread, NULL);
	close(file->read_end);
}

static void more_is_received_while_something_is_written(void **state)
{
	const size_t length = 1000000;
	char *text = malloc(length);
	struct peer peer = { .to_write = text, .length = length };
	struct slow_file slow;
	int file = slow_file_begin(&slow, 3 * TRANSFER_BUFFER_BYTES / 4);

	(void)state;
	for (size_t i = 0; i < length; i++)
		text[i] = (char)('a' + i * 7 % 23);
	transfer.representation = &ascii;
	begin(&peer, TRANSFER_RECEIVE_FILE, file, DISK_LOCAL);
	finish(&peer);
	assert_int_equal(end_kind, TRANSFER_COMPLETE);
	slow_file_end(&slow, file);
	assert_false(slow.too_slow);
	assert_int_equal(slow.length, length);
	assert_memory_equal(slow.bytes, text, length);
	free(slow.bytes);
	free(text);
}

static struct wheel_timer look_timer;
static struct slow_file *looked_at;

static void abort_once_it_writes_behind(struct wheel_timer *timer)
{
	if (received < 3 * TRANSFER_BUFFER_BYTES / 4) {
		ring_timer_set(test_ring, timer, 10);
		return;
	}
	transfer_abort(&transfer);
	assert_false(ended);
	looked_at->until = 0;
}

static void abort_waits_for_what_is_being_written(void **state)
{
	char *text = calloc(1, 1000000);
	struct peer peer = { .to_write = text, .length = 1000000 };
	struct slow_file slow;
	int file = slow_file_begin(&slow, SIZE_MAX);

	(void)state;
	looked_at = &slow;
	transfer.representation = &ascii;
	begin(&peer, TRANSFER_RECEIVE_FILE, file, DISK_LOCAL);
	look_timer.fire = abort_once_it_writes_behind;
	ring_timer_set(test_ring, &look_timer, 10);
	finish(&peer);
	assert_int_equal(end_kind, TRANSFER_ABORTED);
	slow_file_end(&slow, file);
	assert_int_equal(slow.length, transfer.offset);
	free(slow.bytes);
	free(text);
}

/* Behind what stages there are: of lines, too, which have none here that are converted. */
static void store_what_came_before_a_bad_block(const char *blocks_sent, size_t length, uint8_t type,
					       bool in_memory)
{
	struct representation representation = blocks;
	struct peer peer = { .to_write = blocks_sent, .length = length };
	int file = file_of(in_memory ? "/dev/shm" : "/tmp", "", 0);
	struct stat stat;

	representation.type = type;
	memset(&transfer, 0, sizeof(transfer));
	ended = false;
	transfer.representation = &representation;
	begin(&peer, TRANSFER_RECEIVE_FILE, file, in_memory ? DISK_MEMORY : DISK_LOCAL);
	finish(&peer);
	assert_int_equal(end_kind, TRANSFER_MALFORMED);
	fstat(file, &stat);
	assert_int_equal(stat.st_size, 999 * 997);
	close(file);
}

/* What came before a connection broke, or before octets that mean nothing, is in the file. */
static void what_came_before_an_error_is_stored(void **state)
{
	const size_t length = 1000000;
	char *text = malloc(length);
	struct stat stat;

	(void)state;
	memset(text, 'x', length);
	for (int i = 0; i < 2; i++) {
		struct peer peer = { .to_write = text, .length = length, .resets = true };
		int file = file_of(i == 0 ? "/tmp" : "/dev/shm", "", 0);

		memset(&transfer, 0, sizeof(transfer));
		ended = false;
		transfer.representation = &ascii;
		begin(&peer, TRANSFER_RECEIVE_FILE, file, i == 0 ? DISK_LOCAL : DISK_MEMORY);
		finish(&peer);
		assert_int_equal(end_kind, TRANSFER_DATA_FAILED);
		assert_int_equal(end_error, -ECONNRESET);
		assert_true(transfer.bytes > 0);
		fstat(file, &stat);
		assert_int_equal(stat.st_size, transfer.bytes);
		assert_int_equal(stat.st_size, transfer.offset);
		close(file);
	}
	for (size_t at = 0; at + 1000 <= length - 1000; at += 1000) {
		text[at] = 0; /* a block of 997 */
		text[at + 1] = 3;
		text[at + 2] = (char)0xe5;
	}
	text[length - 1000] = 1; /* no descriptor */
	for (int i = 0; i < 4; i++)
		store_what_came_before_a_bad_block(text, length, i / 2 ? TYPE_ASCII : TYPE_IMAGE,
						   i % 2);
	free(text);
}

static unsigned writes_until_full;

static ssize_t pwrite_until_full(int fd, const void *buffer, size_t size_bytes, off_t offset)
{
	return writes_until_full-- == 0 ? -ENOSPC
					: calls_real.pwrite(fd, buffer, size_bytes, offset);
}

static int operation_until_full(const char *name)
{
	return strcmp(name, "pwrite") == 0 && writes_until_full-- == 0 ? -ENOSPC : 0;
}

/* The peer neither ends nor sends on: what fails is what is written behind. */
static void a_disk_that_fills_up_behind_ends_it(void **state)
{
	char *text = calloc(1, 1000000);

	(void)state;
	for (unsigned writes = 0; writes < 3; writes++) {
		/* Enough for so many writes and one more. */
		struct peer peer = { .to_write = text,
				     .length = (writes + 1) * TRANSFER_BUFFER_BYTES,
				     .stays = true };
		int file = file_of("/tmp", "", 0);
		struct stat stat;

		memset(&transfer, 0, sizeof(transfer));
		ended = false;
		writes_until_full = writes;
		spoilt.pwrite = pwrite_until_full;
		spoilt.operation = operation_until_full;
		transfer.representation = &ascii;
		begin(&peer, TRANSFER_RECEIVE_FILE, file, DISK_LOCAL);
		finish(&peer);
		assert_int_equal(end_kind, TRANSFER_FILE_FAILED);
		assert_int_equal(end_error, -ENOSPC);
		fstat(file, &stat);
		assert_int_equal(stat.st_size, transfer.offset);
		close(file);
	}
	free(text);
}

/* A line end on each side of every edge of every buffer: lines of a length that is prime. */
static char *text_of(size_t length)
{
	char *bytes = malloc(length + 1);

	for (size_t i = 0; i < length; i++)
		bytes[i] = i % 7 == 3 ? '\n' : i % 11 == 5 ? '\r' : (char)('a' + i % 26);
	return bytes;
}

/* LF -> CR LF, as the words of RFC 959 say it. */
static char *text_to_network(const char *text, size_t length, size_t *ret_length)
{
	char *to = malloc(2 * length + 1);
	size_t at = 0;

	for (size_t i = 0; i < length; i++) {
		if (text[i] == '\n')
			to[at++] = '\r';
		to[at++] = text[i];
	}
	*ret_length = at;
	return to;
}

static void text_goes_both_ways(enum disk_kind disk, size_t length, size_t piece, off_t skip)
{
	char *text = text_of(length);
	size_t network_length;
	char *network = text_to_network(text, length, &network_length);
	struct peer sender = { .to_write = network, .length = network_length, .piece = piece };
	struct peer reader = { 0 };
	int file = file_of("/tmp", text, length);
	int copy = file_of("/tmp", "", 0);

	memset(&transfer, 0, sizeof(transfer));
	ended = false;
	transfer.representation = &ascii;
	transfer.end = (off_t)length;
	transfer.skip = skip;
	begin(&reader, TRANSFER_SEND_FILE, file, disk);
	finish(&reader);
	assert_int_equal(end_kind, TRANSFER_COMPLETE);
	assert_int_equal(reader.length, network_length - (size_t)skip);
	assert_memory_equal(reader.bytes, network + skip, reader.length);

	memset(&transfer, 0, sizeof(transfer));
	ended = false;
	transfer.representation = &ascii;
	begin(&sender, TRANSFER_RECEIVE_FILE, copy, disk);
	finish(&sender);
	assert_int_equal(end_kind, TRANSFER_COMPLETE);
	check_file(copy, 0, text, length);
	close(file);
	close(copy);
	free(reader.bytes);
	free(network);
	free(text);
}

static void text_is_translated_and_comes_back(void **state)
{
	(void)state;
	text_goes_both_ways(DISK_LOCAL, 0, 0, 0);
	text_goes_both_ways(DISK_LOCAL, 1000003, 0, 0);
	text_goes_both_ways(DISK_MEMORY, 1000003, 0, 0);
	text_goes_both_ways(DISK_REMOTE, 1000003, 0, 70001);
	text_goes_both_ways(DISK_LOCAL, 3001, 1, 1);
}

static ssize_t tiny_recv(int fd, void *buffer, size_t size_bytes, int flags)
{
	static size_t count;

	count = count % 5 + 1;
	return calls_real.recv(fd, buffer, size_bytes < count ? size_bytes : count, flags);
}

static void a_cr_at_every_edge_of_a_buffer_is_kept(void **state)
{
	(void)state;
	spoilt.recv = tiny_recv;
	text_goes_both_ways(DISK_MEMORY, 20011, 0, 0);
	text_goes_both_ways(DISK_LOCAL, 2003, 0, 0);
}

static size_t read_in_turn;
static size_t read_in_turn_most;

static ssize_t counted_pread(int fd, void *buffer, size_t size_bytes, off_t offset)
{
	ssize_t got = calls_real.pread(fd, buffer, size_bytes, offset);

	read_in_turn += got > 0 ? (size_t)got : 0;
	if (read_in_turn > read_in_turn_most)
		read_in_turn_most = read_in_turn;
	return got;
}

/* What else waits for a turn of this ring. */
static void on_others_turn(struct op *op, int result)
{
	(void)result;
	read_in_turn = 0;
	if (!ended)
		ring_yield(test_ring, op);
}

static void deflating_leaves_others_their_turns(void **state)
{
	const size_t length = 2000000;
	struct representation deflated = ascii;
	struct op others = { .done = on_others_turn };
	char *bytes = pattern_of(length);
	int file = file_of("/tmp", bytes, length);
	struct peer peer = { 0 };

	(void)state;
	deflated.type = TYPE_IMAGE;
	deflated.mode = MODE_DEFLATE;
	deflated.level = 6;
	spoilt.pread = counted_pread;
	read_in_turn = read_in_turn_most = 0;
	transfer.representation = &deflated;
	transfer.end = (off_t)length;
	begin(&peer, TRANSFER_SEND_FILE, file, DISK_MEMORY);
	ring_yield(test_ring, &others);
	finish(&peer);
	while (op_pending(&others))
		run_for_ms(1);
	assert_int_equal(end_kind, TRANSFER_COMPLETE);
	assert_in_range(read_in_turn_most, 1, 2 * DEFLATE_TURN_BYTES);
	close(file);
	free(peer.bytes);
	free(bytes);
}

static int nowhere;

static ssize_t swallowed(ssize_t bytes)
{
	read_in_turn += bytes > 0 ? (size_t)bytes : 0;
	if (read_in_turn > read_in_turn_most)
		read_in_turn_most = read_in_turn;
	return bytes;
}

static ssize_t swallowing_splice(int in, off_t *in_offset, int out, off_t *out_offset,
				 size_t size_bytes, unsigned flags)
{
	if (out != transfer.socket)
		return calls_real.splice(in, in_offset, out, out_offset, size_bytes, flags);
	return swallowed(calls_real.splice(in, in_offset, nowhere, NULL, size_bytes, flags));
}

static ssize_t swallowing_sendfile(int out, int in, off_t *offset, size_t size_bytes)
{
	(void)out;
	(void)in;
	*offset += (off_t)size_bytes;
	return swallowed((ssize_t)size_bytes);
}

/* Prepares the sending of a file from offset on to a reader who takes all of it. */
static int swallowed_file(struct peer *peer, off_t offset, off_t end)
{
	int file = file_of("/dev/shm", "", 0);

	assert_int_equal(ftruncate(file, end), 0);
	memset(&transfer, 0, sizeof(transfer));
	ended = false;
	read_in_turn = read_in_turn_most = 0;
	nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
	spoilt.splice = swallowing_splice;
	spoilt.sendfile = swallowing_sendfile;
	transfer.offset = offset;
	transfer.end = end;
	begin(peer, TRANSFER_SEND_FILE, file, DISK_MEMORY);
	return file;
}

static void swallowed_end(struct peer *peer, int file)
{
	assert_int_equal(end_kind, TRANSFER_COMPLETE);
	close(file);
	close(nowhere);
	free(peer->bytes);
}

/* The most that a turn moves, of one among many. */
static size_t turn_of_one_among(unsigned sending, off_t offset, off_t end)
{
	struct op others = { .done = on_others_turn };
	struct peer peer = { 0 };
	int file = swallowed_file(&peer, offset, end);

	dtp.sending = sending - 1;
	ring_yield(test_ring, &others);
	finish(&peer);
	while (op_pending(&others))
		run_for_ms(1);
	dtp.sending = 0;
	swallowed_end(&peer, file);
	return read_in_turn_most;
}

static void a_turn_is_shorter_where_many_send(void **state)
{
	(void)state;
	assert_int_equal(turn_of_one_among(1, 0, 64 << 20), SEND_TURN_BYTES);
	assert_in_range(turn_of_one_among(100, 0, 64 << 20), SEND_TURN_BYTES_MIN,
			SEND_TURN_BYTES - 1);
	assert_int_equal(turn_of_one_among(100000, 0, 64 << 20), SEND_TURN_BYTES_MIN);
}

/* Of which a pipe takes less than of whole ones: that is no full socket. */
static void a_turn_that_begins_within_a_page_is_as_long(void **state)
{
	(void)state;
	assert_int_equal(turn_of_one_among(1, 100, 3 << 20), (3 << 20) - 100);
}

static void only_a_short_transfer_is_begun_at_once(void **state)
{
	struct peer peer = { 0 };
	int file = swallowed_file(&peer, 0, SHORT_TURN_BYTES);

	(void)state;
	transfer_start(&transfer);
	assert_true(ended);
	pthread_join(peer.thread, NULL);
	swallowed_end(&peer, file);
	peer = (struct peer){ 0 };
	file = swallowed_file(&peer, 0, SHORT_TURN_BYTES + 1);
	transfer_start(&transfer);
	assert_int_equal(read_in_turn, 0);
	run_until(&ended);
	pthread_join(peer.thread, NULL);
	swallowed_end(&peer, file);
}

static unsigned fired;

/* The time without progress is over while the transfer waits for its turn. */
static void on_turn_after_a_long_time(struct op *op, int result)
{
	(void)result;
	if (ended)
		return;
	if (op_pending(&transfer.socket_op)) {
		assert_int_equal(transfer.socket_op.kind, OP_YIELD);
		transfer.progress_ms = 0;
		ring_timer_clear(test_ring, &transfer.timer);
		transfer.timer.fire(&transfer.timer);
		assert_false(transfer.ending);
		fired++;
	}
	ring_yield(test_ring, op);
}

static void who_waits_for_its_turn_is_not_timed_out(void **state)
{
	struct op others = { .done = on_turn_after_a_long_time };
	struct peer peer = { 0 };
	int file = swallowed_file(&peer, 0, 64 << 20);

	(void)state;
	fired = 0;
	ring_yield(test_ring, &others);
	finish(&peer);
	while (op_pending(&others))
		run_for_ms(1);
	assert_true(fired > 0);
	swallowed_end(&peer, file);
}

static ssize_t counted_pwrite(int fd, const void *buffer, size_t size_bytes, off_t offset)
{
	ssize_t put = calls_real.pwrite(fd, buffer, size_bytes, offset);

	read_in_turn += put > 0 ? (size_t)put : 0;
	if (read_in_turn > read_in_turn_most)
		read_in_turn_most = read_in_turn;
	return put;
}

/* Of which a thousand octets come from one that was received. */
static void inflating_leaves_others_their_turns(void **state)
{
	const size_t length = 50000000;
	struct representation deflated = ascii;
	struct op others = { .done = on_others_turn };
	unsigned char *zeros = calloc(1, length);
	unsigned char *sent = malloc(length / 100);
	uLongf sent_bytes = length / 100;
	int file = file_of("/dev/shm", "", 0);
	struct peer peer = { .to_write = (char *)sent };

	(void)state;
	assert_int_equal(compress(sent, &sent_bytes, zeros, length), Z_OK);
	peer.length = sent_bytes;
	deflated.type = TYPE_IMAGE;
	deflated.mode = MODE_DEFLATE;
	spoilt.pwrite = counted_pwrite;
	read_in_turn = read_in_turn_most = 0;
	transfer.representation = &deflated;
	begin(&peer, TRANSFER_RECEIVE_FILE, file, DISK_MEMORY);
	ring_yield(test_ring, &others);
	finish(&peer);
	while (op_pending(&others))
		run_for_ms(1);
	assert_int_equal(end_kind, TRANSFER_COMPLETE);
	assert_int_equal(transfer.offset, length);
	assert_in_range(read_in_turn_most, 1, 2 * TRANSFER_TURN_BYTES);
	close(file);
	free(sent);
	free(zeros);
}

static void *nothing_allocated(size_t size_bytes)
{
	(void)size_bytes;
	return NULL;
}

static void without_memory_a_text_transfer_fails(void **state)
{
	struct peer peer = { 0 };
	int file = file_of("/tmp", "x\n", 2);

	(void)state;
	spoilt.allocate = nothing_allocated;
	transfer.representation = &ascii;
	transfer.end = 2;
	begin(&peer, TRANSFER_SEND_FILE, file, DISK_LOCAL);
	finish(&peer);
	assert_int_equal(end_kind, TRANSFER_FILE_FAILED);
	assert_int_equal(end_error, -ENOMEM);
	assert_false(peer.clean);
	close(file);
	free(peer.bytes);
}

static void a_large_listing_is_sent_whole(void **state)
{
	char path[] = "/tmp/transfer_test.XXXXXX";
	struct listing_request request = { .format = LISTING_NLST, .folder_path = { "/", 1 } };
	struct peer peer = { 0 };
	unsigned lines = 0;

	(void)state;
	assert_non_null(mkdtemp(path));
	request.root = open(path, O_PATH | O_DIRECTORY);
	request.folder = open(path, O_RDONLY | O_DIRECTORY);
	for (int i = 0; i < 3000; i++) {
		char name[128];

		snprintf(name, sizeof(name), "%0100d", i);
		assert_int_equal(mknodat(request.root, name, S_IFREG | 0600, 0), 0);
	}
	assert_int_equal(listing_new(&request, &transfer.listing), 0);
	begin(&peer, TRANSFER_SEND_LISTING, -1, DISK_LOCAL);
	finish(&peer);
	assert_int_equal(end_kind, TRANSFER_COMPLETE);
	assert_int_equal(peer.length, 3000 * 102);
	for (size_t i = 0; i < peer.length; i++)
		lines += peer.bytes[i] == '\n';
	assert_int_equal(lines, 3000);
	listing_free(transfer.listing);
	for (int i = 0; i < 3000; i++) {
		char name[128];

		snprintf(name, sizeof(name), "%0100d", i);
		unlinkat(request.root, name, 0);
	}
	close(request.root);
	rmdir(path);
	free(peer.bytes);
}

static unsigned failing_count;

static void on_any_done(struct transfer *done, enum transfer_end end, int error)
{
	(void)error;
	(void)end;
	assert_true(done->ending);
	failing_count++;
	ring_stop(test_ring);
}

/* More at once than the disk takes: each has its turn, and aborting those that wait is harmless. */
static void many_transfers_share_a_disk(void **state)
{
	static struct transfer many[30];
	static struct peer peers[30];
	char *bytes = pattern_of(400000);
	int file = file_of("/tmp", bytes, 400000);

	(void)state;
	failing_count = 0;
	memset(peers, 0, sizeof(peers));
	for (int i = 0; i < 30; i++) {
		memset(&transfer, 0, sizeof(transfer));
		begin(&peers[i], TRANSFER_SEND_FILE, file, DISK_REMOTE);
		many[i] = transfer;
		many[i].end = 400000;
		many[i].done = on_any_done;
		transfer_start(&many[i]);
		if (i % 3 == 2)
			transfer_abort(&many[i]);
	}
	while (failing_count < 30)
		run_for_ms(5);
	for (int i = 0; i < 30; i++) {
		pthread_join(peers[i].thread, NULL);
		if (i % 3 != 2) {
			assert_int_equal(many[i].end_kind, TRANSFER_COMPLETE);
			check_pattern(&peers[i], 0, 400000);
		} else {
			assert_int_equal(many[i].end_kind, TRANSFER_ABORTED);
		}
		free(peers[i].bytes);
	}
	close(file);
	free(bytes);
}

#define TEST(test)                                                                               \
	{ #test " on uring", test, setup, teardown, (void *)(uintptr_t) "uring" },               \
		{ #test " on uring515", test, setup, teardown, (void *)(uintptr_t) "uring515" }, \
	{                                                                                        \
#test " on epoll", test, setup, teardown, (void *)(uintptr_t) "epoll"            \
	}

static void workers_have_equal_parts_of_the_memory_but_not_too_small_ones(void **state)
{
	(void)state;
	assert_int_equal(dtp_memory_bytes((size_t)1 << 30, 4), 268435456);
	assert_int_equal(dtp_memory_bytes(8 << 20, 64), TRANSFER_MEMORY_WORKER_MIN);
	assert_int_equal(dtp_memory_bytes(0, 1), memory_limit_bytes() / 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(files_of_all_sizes_are_sent_whole),
		TEST(a_slow_reader_gets_every_byte),
		TEST(a_reader_with_a_pace_gets_every_byte),
		TEST(the_page_cache_is_asked_once_about_a_stretch),
		TEST(blocks_begin_where_they_always_do),
		TEST(a_file_of_one_block_stays_in_the_kernel),
		TEST(the_header_of_a_block_may_go_in_pieces),
		TEST(a_block_that_cannot_be_filled_ends_the_connection),
		TEST(a_restart_sends_the_rest),
		TEST(without_a_pipe_a_file_is_sent_through_a_buffer),
		cmocka_unit_test(workers_have_equal_parts_of_the_memory_but_not_too_small_ones),
		TEST(no_transfer_takes_more_memory_than_is_said_of_it),
		TEST(what_send_fails_with_is_the_connections),
		TEST(who_stalls_holds_no_buffer_though_there_is_no_pipe),
		TEST(abort_ends_a_transfer_whose_reader_sleeps),
		TEST(a_peer_that_resets_ends_it),
		TEST(a_peer_that_never_reads_is_timed_out),
		TEST(a_shrunken_file_is_never_padded),
		TEST(uploads_of_all_sizes_arrive_whole),
		TEST(nothing_is_written_beyond_the_end),
		TEST(short_writes_lose_nothing),
		TEST(short_writes_of_text_lose_nothing),
		TEST(a_full_disk_is_the_files_failure),
		TEST(a_peer_that_resets_its_upload_keeps_what_arrived),
		TEST(what_expands_arrives_without_anything_behind_it),
		TEST(what_a_function_takes_comes_in_its_order),
		TEST(a_function_that_wants_no_more_ends_the_transfer),
		TEST(more_is_received_while_something_is_written),
		TEST(abort_waits_for_what_is_being_written),
		TEST(what_came_before_an_error_is_stored),
		TEST(a_disk_that_fills_up_behind_ends_it),
		TEST(text_is_translated_and_comes_back),
		TEST(a_cr_at_every_edge_of_a_buffer_is_kept),
		TEST(deflating_leaves_others_their_turns),
		TEST(a_turn_is_shorter_where_many_send),
		TEST(a_turn_that_begins_within_a_page_is_as_long),
		TEST(only_a_short_transfer_is_begun_at_once),
		TEST(who_waits_for_its_turn_is_not_timed_out),
		TEST(inflating_leaves_others_their_turns),
		TEST(without_memory_a_text_transfer_fails),
		TEST(a_large_listing_is_sent_whole),
		TEST(many_transfers_share_a_disk),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
