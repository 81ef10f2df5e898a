/*
 * The code pages of TYPE E. A page is the ISO 8859-1 character of each of its 256 bytes; both
 * tables are made of that. IBM-1047 stands here, so that TYPE E does not depend on what the C
 * library finds at run time; the others are read through iconv(3).
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
		if (!isalnum((unsigned char)page[i]) && !strchr("-_.:", page[i]))
			return false;
	return length > 0 && length < PAGE_NAME_MAX;
}

/* The character of one byte: its number in ISO 10646, or -EMSGSIZE when the byte is not a whole
 * character, or -ERANGE when it is none. */
static int64_t page_read_byte(iconv_t page, uint8_t byte)
{
	char from = (char)byte;
	uint32_t character[2] = { 0 };
	char *at = &from;
	char *to = (char *)character;
	size_t from_left = 1;
	size_t to_left = sizeof(character);

	iconv(page, NULL, NULL, NULL, NULL);
	if (iconv(page, &at, &from_left, &to, &to_left) == (size_t)-1)
		return errno == EILSEQ ? -ERANGE : -EMSGSIZE;
	return to_left == sizeof(character[1]) ? (int64_t)le32toh(character[0]) : -EMSGSIZE;
}

/* Reads all bytes of a page. Returns 0 and fills ret_characters, or as translate_ebcdic_load. */
static int page_read(iconv_t page, uint8_t ret_characters[256])
{
	bool seen[256] = { false };
	int r = 0;

	for (unsigned byte = 0; byte < 256; byte++) {
		int64_t character = page_read_byte(page, (uint8_t)byte);

		if (character == -EMSGSIZE)
			return -EMSGSIZE;
		if (character < 0 || character > 255 || seen[character]) {
			r = -ERANGE; /* a later byte may still tell that it is no page of bytes */
			continue;
		}
		seen[character] = true;
		ret_characters[byte] = (uint8_t)character;
	}
	return r;
}

static int page_load(const char *page, uint8_t ret_characters[256])
{
	char name[PAGE_NAME_MAX];
	unsigned long number = page_number(page);
	iconv_t opened;
	int r;

	if (number == 1047) {
		memcpy(ret_characters, page_1047, sizeof(page_1047));
		return 0;
	}
	if (!page_name_is_plain(page))
		return -ENOENT;
	if (number > 0)
		snprintf(name, sizeof(name), "IBM%03lu", number);
	else
		strcpy(name, page);
	opened = iconv_open("UCS-4LE", name);
	if (opened == (iconv_t)-1)
		return errno == EINVAL ? -ENOENT : -errno;
	r = page_read(opened, ret_characters);
	iconv_close(opened);
	return r;
}

static bool page_is_ebcdic(const uint8_t characters[256])
{
	return characters[0x40] == ' ' && characters[0xf0] == '0' && characters[0xf9] == '9' &&
	       characters[EBCDIC_LF] == CHARACTER_LF;
}

int translate_ebcdic_load(const char *page, struct translate_ebcdic *ret_ebcdic)
{
	uint8_t characters[256] = { 0 };
	int r = page_load(page, characters);

	if (r < 0)
		return r;
	if (!page_is_ebcdic(characters))
		return -EDOM;
	characters[EBCDIC_LF] = characters[EBCDIC_NL];
	characters[EBCDIC_NL] = CHARACTER_LF;
	for (unsigned byte = 0; byte < 256; byte++) {
		ret_ebcdic->from_network.map[byte] = characters[byte];
		ret_ebcdic->to_network.map[characters[byte]] = (uint8_t)byte;
	}
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
	case -ERANGE:
		return "has other characters than ISO 8859-1, so that bytes of a file would be lost";
	case -EDOM:
		return "is not EBCDIC";
	default:
		return strerrordesc_np(-error);
	}
}
