/*
 * How a file looks on the data connection: TYPE, format, STRU and MODE (RFC 959 section 3), as one
 * value. Both sides of the protocol use it: a session sets it by commands, a user-FTP by its
 * options, and stages.h makes the stages of a transfer from it.
 *
 * What a file of this system is under each of them:
 *
 *   TYPE A, E   text: lines that end with LF. On the data connection they end with CR LF (A) or
 *               NL (E); characters of E are of the code page that the server was started with.
 *   TYPE I, L n the file's bits in their order, as logical bytes of n bits (the eighth is the
 *               last of an octet), so that what is sent is the file itself for every n.
 *   STRU R      a line is a record; LF ends it in the file, EOR on the data connection. A last line
 *               without LF is data before EOF that no EOR ends: the way back gives the same file.
 *               TYPE A, E, I and L 8; a record that holds a line end of its own is refused (451).
 *   STRU P      TYPE I and L n for n of 4 and more: pages of page_logical_bytes() logical bytes. A
 *               page that lies in a hole of the file is not sent, and a page that does not come
 *               becomes a hole.
 */
#ifndef REPRESENT_REPRESENTATION_H
#define REPRESENT_REPRESENTATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sluice/ftp.h>

struct translate_ebcdic;

struct representation {
	uint8_t type;	   /* enum ftp_type */
	uint8_t format;	   /* enum ftp_format, of TYPE A and E */
	uint8_t byte_bits; /* of TYPE L */
	uint8_t structure; /* enum ftp_structure */
	uint8_t mode;	   /* enum ftp_mode */
	uint8_t level;	   /* of MODE Z: 1 to 9 */
	bool keep;	   /* of MODE Z: agreed on (OPTS MODE Z KEEP ON), see below */
	bool text_as_is; /* TYPE A moves the file's bytes unchanged, in form C too (an operator's choice) */
	const struct translate_ebcdic *ebcdic; /* borrowed; NULL: TYPE E cannot be used */
};

#define REPRESENTATION_TEXT_BYTES 48

/* TYPE A N, STRU F, MODE S (RFC 959 section 5.1). */
void representation_init(struct representation *representation);

/* "TYPE: A N, STRU: F, MODE: S". */
void representation_format(const struct representation *representation,
			   char ret_text[static REPRESENTATION_TEXT_BYTES]);

/* NULL, or why no file can be moved under this combination, as a sentence for the 504. */
const char *representation_refusal(const struct representation *representation);

/* The same of a listing (representation_of_listing). */
const char *representation_listing_refusal(const struct representation *representation);

/* The same for a file of that size: a page number must fit a logical byte (STRU P). */
const char *representation_size_refusal(const struct representation *representation,
					int64_t size_bytes);

/* Whether the file's bytes are what moves: no stage is needed. */
bool representation_is_plain(const struct representation *representation);

/* Whether they are but for the headers of MODE B: a file of up to BLOCK_BYTES_MAX octets is then one block
 * (represent/block.h), and needs no stage either. */
bool representation_is_plain_blocks(const struct representation *representation);

/* Whether each octet of the file is one before the mode adds its own: a number of these is a place in it. */
bool representation_keeps_length(const struct representation *representation);

/* Whether carriage control is converted: form C. */
bool representation_has_carriage(const struct representation *representation);

/* The same of a listing, whose lines end with CR LF as they are made. */
bool representation_listing_is_plain(const struct representation *representation);

/* Whether the end of a file is marked, so that the data connection may stay: MODE B and C; MODE Z,
 * whose stream has an end of its own, if both sides have said so, for everybody else waits there for
 * the end of the connection. */
bool representation_keeps_connection(const struct representation *representation);

/* Whether restart markers are part of it (MODE B and C), and REST takes one of them. */
bool representation_has_markers(const struct representation *representation);

/* How a listing goes out: LIST and NLST are text under any TYPE (RFC 1123 section 4.1.2.7); MLSD is
 * always image, file and stream (RFC 3659 section 7.2), deflated in MODE Z. */
struct representation representation_of_listing(const struct representation *representation,
						bool machine);

/* STRU P: logical bytes in a page, and the octets that they are in the file; 0: none are possible. */
unsigned page_logical_bytes(unsigned byte_bits);
unsigned page_octets(unsigned byte_bits);

/* The octets of a page of this one; 0: it has no pages. */
unsigned representation_page_octets(const struct representation *representation);

#endif
