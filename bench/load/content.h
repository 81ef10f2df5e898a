/*
 * The content of every file that the benchmark serves, as a function of the file's number
 * and the offset, so that a reader can check each byte without having the file at hand.
 *
 * Pure: callable from any thread.
 */
#ifndef LOAD_CONTENT_H
#define LOAD_CONTENT_H

#include <stddef.h>
#include <stdint.h>

enum {
	CONTENT_BIG = 1000000,	  /* the number of big.bin */
	CONTENT_HOT = 1000001,	  /* the number of hot.bin */
	CONTENT_COLD = 1000002,	  /* the number of cold.bin */
	CONTENT_UPLOAD = 1000003, /* what stor sends */
	CONTENT_TEXT = 1000004	  /* the number of text.txt */
};

/* text.txt is blocks of 64 lines, whose lengths are all those from 32 to 95, mixed. */
enum {
	CONTENT_TEXT_LINES = 64,
	CONTENT_TEXT_BLOCK = 4128, /* 32 + .. + 95, and 64 line ends */
	CONTENT_TEXT_BYTES = 8192 * CONTENT_TEXT_BLOCK
};

/* One round of splitmix64: a good hash of 64 bits in three multiplications. */
uint64_t content_mix(uint64_t value);

/* Writes bytes offset .. offset + length of file `number` to buffer. */
void content_fill(uint32_t number, uint64_t offset, unsigned char *buffer, size_t length);

/* Writes bytes offset .. offset + length of text.txt to buffer. */
void content_text(uint64_t offset, unsigned char *buffer, size_t length);

/* Returns how many bytes of buffer differ from bytes offset .. offset + length of file
 * `number`. */
size_t content_differs(uint32_t number, uint64_t offset, const unsigned char *buffer,
		       size_t length);

/* The size of small file f<number>: 1 to 16 KiB. */
uint64_t content_small_size(uint32_t number);

#endif
