/*
 * The code pages of TYPE E. Both tables are made of what each byte of the page and each byte of the
 * file's code means, as ISO 10646 characters: equal ones are paired, then the bytes that are left over,
 * in their order. IBM-1047 stands here, so that TYPE E does not depend on what the C library finds
 * at run time; the others are read through iconv(3).
 */
#include "sluice/translate.h"

#include <ctype.h>
#include <endian.h>
#include <errno.h>
#include <iconv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* It does not know that (iconv_t)-1 is nothing that could leak. */
#if !defined(__clang__)
#pragma GCC diagnostic ignored "-Wanalyzer-malloc-leak"
#endif

#define PAGE_DIGITS_MAX 5
#define PAGE_NAME_MAX 32
#define ISO_8859_PARTS 16

#define CHARACTER_LF 0x0a /* ISO 8859-1 */
#define EBCDIC_NL 0x15	  /* where a code page has NEL */
#define EBCDIC_LF 0x25

/* clang-format off */
static const uint8_t page_1047[256] = {
	0x00, 0x01, 0x02, 0x03, 0x9c, 0x09, 0x86, 0x7f, 0x97, 0x8d, 0x8e, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f, /* 0x00 */
	0x10, 0x11, 0x12, 0x13, 0x9d, 0x85, 0x08, 0x87, 0x18, 0x19, 0x92, 0x8f, 0x1c, 0x1d, 0x1e, 0x1f, /* 0x10 */
	0x80, 0x81, 0x82, 0x83, 0x84, 0x0a, 0x17, 0x1b, 0x88, 0x89, 0x8a, 0x8b, 0x8c, 0x05, 0x06, 0x07, /* 0x20 */
	0x90, 0x91, 0x16, 0x93, 0x94, 0x95, 0x96, 0x04, 0x98, 0x99, 0x9a, 0x9b, 0x14, 0x15, 0x9e, 0x1a, /* 0x30 */
	0x20, 0xa0, 0xe2, 0xe4, 0xe0, 0xe1, 0xe3, 0xe5, 0xe7, 0xf1, 0xa2, 0x2e, 0x3c, 0x28, 0x2b, 0x7c, /* 0x40 */
	0x26, 0xe9, 0xea, 0xeb, 0xe8, 0xed, 0xee, 0xef, 0xec, 0xdf, 0x21, 0x24, 0x2a, 0x29, 0x3b, 0x5e, /* 0x50 */
	0x2d, 0x2f, 0xc2, 0xc4, 0xc0, 0xc1, 0xc3, 0xc5, 0xc7, 0xd1, 0xa6, 0x2c, 0x25, 0x5f, 0x3e, 0x3f, /* 0x60 */
	0xf8, 0xc9, 0xca, 0xcb, 0xc8, 0xcd, 0xce, 0xcf, 0xcc, 0x60, 0x3a, 0x23, 0x40, 0x27, 0x3d, 0x22, /* 0x70 */
	0xd8, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0xab, 0xbb, 0xf0, 0xfd, 0xfe, 0xb1, /* 0x80 */
	0xb0, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f, 0x70, 0x71, 0x72, 0xaa, 0xba, 0xe6, 0xb8, 0xc6, 0xa4, /* 0x90 */
	0xb5, 0x7e, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7a, 0xa1, 0xbf, 0xd0, 0x5b, 0xde, 0xae, /* 0xa0 */
	0xac, 0xa3, 0xa5, 0xb7, 0xa9, 0xa7, 0xb6, 0xbc, 0xbd, 0xbe, 0xdd, 0xa8, 0xaf, 0x5d, 0xb4, 0xd7, /* 0xb0 */
	0x7b, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0xad, 0xf4, 0xf6, 0xf2, 0xf3, 0xf5, /* 0xc0 */
	0x7d, 0x4a, 0x4b, 0x4c, 0x4d, 0x4e, 0x4f, 0x50, 0x51, 0x52, 0xb9, 0xfb, 0xfc, 0xf9, 0xfa, 0xff, /* 0xd0 */
	0x5c, 0xf7, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5a, 0xb2, 0xd4, 0xd6, 0xd2, 0xd3, 0xd5, /* 0xe0 */
	0x30, 0x31, 0x32, 0x33, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0xb3, 0xdb, 0xdc, 0xd9, 0xda, 0x9f, /* 0xf0 */
};
/* clang-format on */

/* The number of a page that is named by one: digits, perhaps after "IBM" or "CP" and a hyphen.
 * Returns 0 for another name. */
static unsigned long page_number(const char *page)
{
	size_t digits;

	if (strncasecmp(page, "IBM", 3) == 0)
		page += 3;
	else if (strncasecmp(page, "CP", 2) == 0)
		page += 2;
	if (*page == '-')
		page++;
	digits = strspn(page, "0123456789");
	return page[digits] == '\0' && digits >= 3 && digits <= PAGE_DIGITS_MAX
		       ? strtoul(page, NULL, 10)
		       : 0;
}

/* Whether a name is one and nothing else that iconv_open would understand, such as "//TRANSLIT". */
static bool page_name_is_plain(const char *page)
{
	size_t length = strlen(page);

	for (size_t i = 0; i < length; i++)
		if (!isalnum((unsigned char)page[i]) && !strchr("-_.", page[i]))
			return false;
	return length > 0 && length < PAGE_NAME_MAX;
}

#define NO_CHARACTER UINT32_MAX

/* The character of one byte: its number in ISO 10646, NO_CHARACTER, or -EMSGSIZE when the byte is not a
 * whole character. */
static int64_t code_read_byte(iconv_t code, uint8_t byte)
{
	char from = (char)byte;
	uint32_t character[2] = { 0 };
	char *at = &from;
	char *to = (char *)character;
	size_t from_left = 1;
	size_t to_left = sizeof(character);

	iconv(code, NULL, NULL, NULL, NULL);
	if (iconv(code, &at, &from_left, &to, &to_left) == (size_t)-1)
		return errno == EILSEQ ? (int64_t)NO_CHARACTER : -EMSGSIZE;
	return to_left == sizeof(character[1]) ? (int64_t)le32toh(character[0]) : -EMSGSIZE;
}

/* Reads all bytes of a code that iconv knows by this name. Returns 0, -ENOENT, -EMSGSIZE or what
 * iconv_open says else. */
static int code_read(const char *name, uint32_t ret_characters[256])
{
	iconv_t code = iconv_open("UCS-4LE", name);
	int64_t character = 0;

	if (code == (iconv_t)-1)
		return errno == EINVAL ? -ENOENT : -errno;
	for (unsigned byte = 0; byte < 256 && character >= 0; byte++) {
		character = code_read_byte(code, (uint8_t)byte);
		ret_characters[byte] = (uint32_t)character;
	}
	iconv_close(code);
	return character < 0 ? (int)character : 0;
}

static int page_read(const char *page, uint32_t ret_characters[256])
{
	char name[PAGE_NAME_MAX];
	unsigned long number = page_number(page);

	if (number == 1047) {
		for (unsigned byte = 0; byte < 256; byte++)
			ret_characters[byte] = page_1047[byte];
		return 0;
	}
	if (!page_name_is_plain(page))
		return -ENOENT;
	if (number > 0)
		snprintf(name, sizeof(name), "IBM%03lu", number);
	else
		strcpy(name, page);
	return code_read(name, ret_characters);
}

static bool page_is_ebcdic(const uint32_t characters[256])
{
	return characters[0x40] == ' ' && characters[0xf0] == '0' && characters[0xf9] == '9' &&
	       characters[EBCDIC_LF] == CHARACTER_LF;
}

/* Whether its lower half is ASCII, so that a file's lines, at least, are lines. */
static bool text_is_ascii(const uint32_t characters[256])
{
	for (unsigned byte = 0; byte < 128; byte++)
		if (characters[byte] != byte)
			return false;
	return true;
}

/* Pairs the bytes of equal characters, then the others in their order. Returns how many those are. */
static unsigned pair(const uint32_t page[256], const uint32_t text[256], uint8_t ret_text_of[256])
{
	bool paired[256] = { false }; /* of the page */
	bool taken[256] = { false };  /* of the text */
	unsigned others = 0;
	unsigned next = 0;

	for (unsigned i = 0; i < 256; i++)
		for (unsigned j = 0; j < 256 && !paired[i] && page[i] != NO_CHARACTER; j++)
			if (page[i] == text[j] && !taken[j]) {
				paired[i] = taken[j] = true;
				ret_text_of[i] = (uint8_t)j;
			}
	for (unsigned i = 0; i < 256; i++) {
		if (paired[i])
			continue;
		while (taken[next])
			next++;
		ret_text_of[i] = (uint8_t)next++;
		others++;
	}
	return others;
}

/* The part of ISO 8859 that has most of the page's characters: the first of those that do. */
static int text_choose(const uint32_t page[256], char *ret_name)
{
	unsigned fewest = 257;
	uint32_t text[256] = { 0 };
	uint8_t unused[256];

	for (int part = 1; part <= ISO_8859_PARTS && fewest > 0; part++) {
		char name[TRANSLATE_TEXT_NAME_MAX];
		unsigned others;

		snprintf(name, sizeof(name), "ISO-8859-%d", part);
		if (code_read(name, text) < 0 || !text_is_ascii(text))
			continue;
		others = pair(page, text, unused);
		if (others < fewest) {
			fewest = others;
			strcpy(ret_name, name);
		}
	}
	return fewest <= 256 ? 0 : -ENOENT;
}

/* The code that files are in, by its name or, if that is empty, by what the page has. */
static int text_read(const uint32_t page[256], char *name, uint32_t ret_characters[256])
{
	int r;

	for (unsigned byte = 0; byte < 256; byte++)
		ret_characters[byte] = byte;
	if (!name[0] && pair(page, ret_characters, (uint8_t[256]){ 0 }) == 0) {
		strcpy(name, "ISO-8859-1"); /* which asks iconv for nothing */
		return 0;
	}
	r = name[0] ? 0 : text_choose(page, name);
	if (r == 0)
		r = page_name_is_plain(name) ? code_read(name, ret_characters) : -ENOENT;
	return r == 0 && text_is_ascii(ret_characters)	  ? 0
	       : r == 0 || r == -ENOENT || r == -EMSGSIZE ? -EPROTOTYPE
							  : r;
}

int translate_ebcdic_load(const char *page, struct translate_ebcdic *ret_ebcdic)
{
	struct translate_ebcdic ebcdic = { .text = "" };
	uint32_t characters[256] = { 0 };
	uint32_t text[256] = { 0 };
	uint8_t text_of[256];
	char name[PAGE_NAME_MAX] = "";
	size_t length = strcspn(page, ":");
	int r = -ENOENT;

	if (length < sizeof(name) && strlen(page + length) <= sizeof(ebcdic.text)) {
		memcpy(name, page, length);
		strcpy(ebcdic.text, page[length] ? page + length + 1 : "");
		r = page_read(name, characters);
	}
	if (r == 0)
		r = page_is_ebcdic(characters) ? 0 : -EDOM;
	if (r == 0)
		r = page[length] && !ebcdic.text[0] ? -EPROTOTYPE
						    : text_read(characters, ebcdic.text, text);
	if (r < 0)
		return r;
	ebcdic.others = pair(characters, text, text_of);
	text_of[EBCDIC_LF] = text_of[EBCDIC_NL];
	text_of[EBCDIC_NL] = CHARACTER_LF;
	for (unsigned byte = 0; byte < 256; byte++) {
		ebcdic.from_network.map[byte] = text_of[byte];
		ebcdic.to_network.map[text_of[byte]] = (uint8_t)byte;
	}
	*ret_ebcdic = ebcdic;
	return 0;
}

const char *translate_ebcdic_error(int error)
{
	switch (error) {
	case -ENOENT:
		return "is not known to iconv(3): see iconv -l, and whether the C library's gconv modules "
		       "are installed";
	case -EMSGSIZE:
		return "has characters of more than one byte";
	case -EPROTOTYPE:
		return "has a character set behind its colon that is not known to iconv(3), or not of one "
		       "byte a character with those of ASCII in their places";
	case -EDOM:
		return "is not EBCDIC";
	default:
		return strerrordesc_np(-error);
	}
}
