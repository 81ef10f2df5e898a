/*
 * Restart markers (RFC 959 section 3.5, RFC 1123 section 4.1.3.4): where in a file a transfer can
 * go on, in which state its conversion is then, and of which file and representation that is true.
 * On the control connection and in MODE B and C a marker is up to 63 printable characters.
 *
 * Nobody but this server can make one: it is signed with a key that it shares with nobody. A user-FTP,
 * which gives markers to itself alone, has a key of the machine, so that the next one can check them;
 * it keeps them from being mistaken, not from being forged.
 *
 * Pure functions; callable from any thread after one of the keys has been made.
 */
#ifndef REPRESENT_MARKER_H
#define REPRESENT_MARKER_H

#include <stdbool.h>
#include <sys/stat.h>

#include "base/view.h"
#include "represent/representation.h"
#include "represent/stages.h"

struct marker {
	uint64_t offset; /* in the file, octets */
	uint8_t state[STAGES_STATE_BYTES];
	uint8_t type;
	uint8_t format;
	uint8_t byte_bits;
	uint8_t structure;
	uint8_t signature[8];
};

/* The file that a marker belongs to. One that is being written is the same however it changes; of
 * which upload it is tells the server's fs/upload_origin.h. */
struct marker_file {
	uint64_t device;
	uint64_t inode;
	uint64_t changed_ns; /* written: 0 */
	uint64_t origin;     /* written, by a server: the upload; else 0 */
	uint64_t size_bytes; /* written: 0 */
	bool written;
};

/* Before the first thread. Both return 0 or -ENOMEM; of_machine also a negative errno, where the
 * machine has no identity and there is no randomness. */
#define MARKER_SECRET_BYTES 32
int marker_key_init(const uint8_t secret[static MARKER_SECRET_BYTES]);
int marker_key_init_of_machine(void);

/* The last call of a thread that has made or checked markers: frees what OpenSSL keeps for it. */
void marker_thread_end(void);

struct marker_file marker_file_of(const struct statx *stat, bool written);

/* Writes the marker of stages at offset. */
void marker_format(const struct representation *representation, const struct marker_file *file,
		   uint64_t offset, const uint8_t state[static STAGES_STATE_BYTES],
		   char ret_text[static RESTART_MARK_MAX]);

/* Reads one. Returns 0 or -EINVAL: it is not of this form. */
int marker_parse(struct view text, struct marker *ret_marker);

/* 0; -ESTALE: it is not of this file as it is now, or not of this server (554); -EPROTOTYPE: it is,
 * but of another representation (555). */
int marker_check(const struct marker *marker, const struct representation *representation,
		 const struct marker_file *file);

#endif
