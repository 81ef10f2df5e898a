#include "protocol/host_name.h"

#include <arpa/inet.h>
#include <errno.h>

#define LABEL_MAX_LENGTH 63

static bool is_digit(char byte)
{
	return byte >= '0' && byte <= '9';
}

static bool is_letter_or_digit(char byte)
{
	return is_digit(byte) || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

static bool label_is_valid(struct view label)
{
	if (label.length == 0 || label.length > LABEL_MAX_LENGTH)
		return false;
	for (size_t i = 0; i < label.length; i++) {
		bool within = i > 0 && i < label.length - 1;

		if (!is_letter_or_digit(label.at[i]) && !(within && label.at[i] == '-'))
			return false;
	}
	return true;
}

static bool is_number(struct view label)
{
	for (size_t i = 0; i < label.length; i++)
		if (!is_digit(label.at[i]))
			return false;
	return true;
}

/* The last label is never a number, so that no name looks like an address (RFC 1123 section 2.1). */
static bool domain_is_valid(struct view text)
{
	if (text.length == 0 || text.length > HOST_NAME_MAX_LENGTH)
		return false;
	for (;;) {
		const char *dot = memchr(text.at, '.', text.length);
		struct view label = { text.at, dot ? (size_t)(dot - text.at) : text.length };

		if (!label_is_valid(label))
			return false;
		if (!dot)
			return !is_number(label);
		text = view_skip(text, label.length + 1);
	}
}

static int literal_parse(struct view text, int family, void *ret_address)
{
	char copy[INET6_ADDRSTRLEN];

	if (text.length >= sizeof(copy) || memchr(text.at, '\0', text.length))
		return -EINVAL;
	memcpy(copy, text.at, text.length);
	copy[text.length] = '\0';
	return inet_pton(family, copy, ret_address) == 1 ? 0 : -EINVAL;
}

int host_name_parse(struct view text, struct host_name *ret_name)
{
	struct host_name name = { .family = AF_UNSPEC };

	if (text.length > 2 && text.at[0] == '[' && text.at[text.length - 1] == ']') {
		name.family = AF_INET6;
		text = (struct view){ text.at + 1, text.length - 2 };
		if (literal_parse(text, AF_INET6, &name.v6) < 0)
			return -EINVAL;
	} else if (literal_parse(text, AF_INET, &name.v4) == 0) {
		name.family = AF_INET;
	} else if (!domain_is_valid(text)) {
		return -EINVAL;
	}
	*ret_name = name;
	return 0;
}
