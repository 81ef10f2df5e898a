/* Blocks of MODE B (RFC 959 section 3.4.2): a header, a descriptor and a count, and octets behind it. */
#ifndef REPRESENT_BLOCK_H
#define REPRESENT_BLOCK_H

#include <stddef.h>

#define BLOCK_HEADER_BYTES 3
#define BLOCK_BYTES_MAX 65535

/* What a block, or the bytes of MODE C, are about; bits. */
enum descriptor {
	DESCRIPTOR_EOR = 128,
	DESCRIPTOR_EOF = 64,
	DESCRIPTOR_SUSPECT = 32,
	DESCRIPTOR_MARK = 16,
};

/* The header of a block of so many octets. */
void block_header(unsigned char ret_header[static BLOCK_HEADER_BYTES], unsigned descriptor,
		  size_t octets);

#endif
