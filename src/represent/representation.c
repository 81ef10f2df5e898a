#include "represent/representation.h"

#include <stdio.h>

#define PAGE_BITS_MIN 4 /* a header's fields are logical bytes, one of which says "4" */

void representation_init(struct representation *representation)
{
	*representation = (struct representation){ .type = TYPE_ASCII,
						   .format = FORMAT_NON_PRINT,
						   .byte_bits = 8,
						   .structure = STRUCTURE_FILE,
						   .mode = MODE_STREAM,
						   .level = 6 };
}

static bool is_text(const struct representation *representation)
{
	return representation->type == TYPE_ASCII || representation->type == TYPE_EBCDIC;
}

void representation_format(const struct representation *representation,
			   char ret_text[static REPRESENTATION_TEXT_BYTES])
{
	char second[8] = "";

	if (is_text(representation))
		snprintf(second, sizeof(second), " %c", representation->format);
	else if (representation->type == TYPE_LOCAL)
		snprintf(second, sizeof(second), " %u", representation->byte_bits);
	snprintf(ret_text, REPRESENTATION_TEXT_BYTES, "TYPE: %c%s, STRU: %c, MODE: %c",
		 representation->type, second, representation->structure, representation->mode);
}

static unsigned logical_bits(const struct representation *representation)
{
	return representation->type == TYPE_LOCAL ? representation->byte_bits : 8;
}

const char *representation_refusal(const struct representation *representation)
{
	if (representation->type == TYPE_EBCDIC && !representation->ebcdic)
		return "TYPE E is off here: no code page was loaded; use TYPE A";
	if (representation->structure == STRUCTURE_PAGE && is_text(representation))
		return "STRU P moves pages of TYPE I or L; send TYPE L 32";
	if (representation->structure == STRUCTURE_PAGE &&
	    logical_bits(representation) < PAGE_BITS_MIN)
		return "The fields of a page's header need logical bytes of 4 bits; send TYPE L 32";
	if (representation->structure == STRUCTURE_RECORD && logical_bits(representation) != 8)
		return "STRU R moves records of TYPE A, E, I or L 8; send one of these";
	return NULL;
}

const char *representation_listing_refusal(const struct representation *representation)
{
	return representation->structure == STRUCTURE_PAGE
		       ? "A listing has no pages; send STRU F for it"
		       : representation_refusal(representation);
}

const char *representation_size_refusal(const struct representation *representation,
					int64_t size_bytes)
{
	unsigned bits = logical_bits(representation);
	int64_t pages;

	if (representation->structure != STRUCTURE_PAGE || bits < PAGE_BITS_MIN || bits >= 63)
		return NULL;
	pages = size_bytes / representation_page_octets(representation) + 1;
	return pages >> bits == 0 ? NULL
				  : "The file has more pages than a logical byte can number; send "
				    "TYPE L 32";
}

/* Whether an operator has chosen that TYPE A, in each of its forms, moves what is in the file. */
static bool is_as_is(const struct representation *representation)
{
	return representation->type == TYPE_ASCII && representation->text_as_is;
}

bool representation_has_carriage(const struct representation *representation)
{
	return is_text(representation) && representation->format == FORMAT_CARRIAGE &&
	       !is_as_is(representation);
}

bool representation_is_plain(const struct representation *representation)
{
	return representation->structure == STRUCTURE_FILE && representation->mode == MODE_STREAM &&
	       (!is_text(representation) || is_as_is(representation));
}

bool representation_keeps_length(const struct representation *representation)
{
	struct representation stream = *representation;

	stream.mode = MODE_STREAM;
	return representation_is_plain(&stream) ||
	       (stream.type == TYPE_EBCDIC && stream.structure == STRUCTURE_FILE &&
		!representation_has_carriage(&stream));
}

bool representation_is_plain_blocks(const struct representation *representation)
{
	struct representation stream = *representation;

	stream.mode = MODE_STREAM;
	return representation->mode == MODE_BLOCK && representation_is_plain(&stream);
}

bool representation_listing_is_plain(const struct representation *representation)
{
	return representation->structure == STRUCTURE_FILE && representation->mode == MODE_STREAM &&
	       representation->type != TYPE_EBCDIC;
}

bool representation_keeps_connection(const struct representation *representation)
{
	return representation->mode == MODE_DEFLATE
		       ? representation->keep
		       : representation->mode == MODE_BLOCK ||
				 representation->mode == MODE_COMPRESSED;
}

bool representation_has_markers(const struct representation *representation)
{
	return representation->mode == MODE_BLOCK || representation->mode == MODE_COMPRESSED;
}

struct representation representation_of_listing(const struct representation *representation,
						bool machine)
{
	struct representation listing = *representation;

	listing.text_as_is = false;
	listing.byte_bits = 8;
	if (machine) {
		listing.type = TYPE_IMAGE;
		listing.structure = STRUCTURE_FILE;
		if (listing.mode != MODE_DEFLATE)
			listing.mode = MODE_STREAM;
		return listing;
	}
	if (!is_text(representation))
		listing.type = TYPE_ASCII;
	listing.format = FORMAT_NON_PRINT;
	return listing;
}

unsigned page_logical_bytes(unsigned byte_bits)
{
	if (byte_bits < PAGE_BITS_MIN)
		return 0;
	return byte_bits >= 10 ? 512 : 1U << (byte_bits - 1);
}

unsigned page_octets(unsigned byte_bits)
{
	return page_logical_bytes(byte_bits) * byte_bits / 8;
}

unsigned representation_page_octets(const struct representation *representation)
{
	return representation->structure == STRUCTURE_PAGE
		       ? page_octets(logical_bits(representation))
		       : 0;
}
