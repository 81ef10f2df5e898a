/*
 * Which files uploads have open for writing, so that none cuts what another has just written. An
 * upload that reserved blocks and did not need them gives them back by cutting the file where it
 * ends, and between the look at its size and the cut another upload in place may make it longer.
 * So only the last one that writes a file trims it; who leaves before passes the duty on.
 *
 * Thread:    job threads, of all workers: a mutex protects the table, and is held for no system call.
 *            A message would not do: it is the file's other writer that has to wait.
 * Ownership: a writer is embedded in its upload, zeroed before, and is in the table from enter to
 *            leave.
 */
#ifndef FS_WRITER_H
#define FS_WRITER_H

#include <stdbool.h>
#include <stdint.h>

struct writer {
	struct writer *next;
	uint64_t device;
	uint64_t inode;
	bool entered;
	bool done; /* writes no more */
	bool trims;
	bool heir; /* another has left its trimming to this one */
};

/* Before the first byte is written or cut. Waits while another writer of the file trims it: for one
 * ftruncate(2) on the same disk. */
void writer_enter(struct writer *writer, uint64_t device, uint64_t inode);

/* After the last byte: whether to trim the file now. It is wanted, or was left to this writer, and
 * nobody else writes the file; writer_end_trim must follow. If another does, the duty is that one's. */
bool writer_begin_trim(struct writer *writer, bool wanted);
void writer_end_trim(struct writer *writer);

/* Harmless for one that has not entered. */
void writer_leave(struct writer *writer);

#endif
