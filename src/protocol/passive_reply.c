#include "protocol/passive_reply.h"

#include <errno.h>
#include <stdbool.h>

static bool is_digit(char byte)
{
	return byte >= '0' && byte <= '9';
}

/* How many bytes at the start of text are digits and commas. */
static size_t numbers_length(struct view text)
{
	size_t length = 0;

	while (length < text.length && (is_digit(text.at[length]) || text.at[length] == ','))
		length++;
	return length;
}

int passive_reply_parse(struct view text, struct host_port *ret_host_port)
{
	while (text.length > 0) {
		struct view numbers = { text.at, numbers_length(text) };
		struct host_port host_port;

		text = view_skip(text, numbers.length > 0 ? numbers.length : 1);
		/* A sentence may go on with a comma after its numbers. */
		if (numbers.length > 0 && numbers.at[numbers.length - 1] == ',')
			numbers.length--;
		if (host_port_parse(numbers, &host_port) == 0 && host_port.port != 0) {
			*ret_host_port = host_port;
			return 0;
		}
	}
	return -EPROTO;
}

/* Reads "|||port|)" at the start of text. Returns the port, or -EPROTO. */
static int port_parse(struct view text)
{
	char delimiter;
	size_t at = 3;
	int port = 0;

	if (text.length < 3 || text.at[0] < 33 || text.at[0] > 126)
		return -EPROTO;
	delimiter = text.at[0];
	if (text.at[1] != delimiter || text.at[2] != delimiter)
		return -EPROTO;

	while (at < text.length && text.at[at] != delimiter) {
		if (!is_digit(text.at[at]) || port > UINT16_MAX)
			return -EPROTO;
		port = 10 * port + (text.at[at++] - '0');
	}
	if (text.length - at < 2 || text.at[at + 1] != ')')
		return -EPROTO;
	return port > 0 && port <= UINT16_MAX ? port : -EPROTO;
}

int passive_reply_parse_extended(struct view text, uint16_t *ret_port)
{
	while (text.length > 0) {
		char byte = *text.at;
		int port;

		text = view_skip(text, 1);
		port = byte == '(' ? port_parse(text) : -EPROTO;
		if (port > 0) {
			*ret_port = (uint16_t)port;
			return 0;
		}
	}
	return -EPROTO;
}
