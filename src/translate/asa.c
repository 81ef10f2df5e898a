#include "sluice/translate.h"

/*
 * Sending. A line is written without its end, so that what ends it can be written before the next
 * line's first character; an empty line waits for what follows, which may be its "0".
 *
 *              LF / ..                        other / first character, other
 *   EMPTY <---------------- START ----------------------------> TEXT --+ other / other
 *     |  LF / 0 ..            ^  LF / ..                         | ^---+
 *     +---------------------> +----------------------------------+
 *      CR, from anywhere: OVER, whose line begins with +
 */
enum sending {
	SENDING_START, /* behind an LF, or at the start of the file */
	SENDING_EMPTY, /* behind another LF after that, of which nothing is written yet */
	SENDING_OVER,  /* behind a CR */
	SENDING_TEXT,  /* in a line whose first character is written */
};

/* The same of receiving: the end of a line is written when the next one's first character tells
 * how the paper moves, or when there is no next line. */
enum receiving {
	RECEIVING_START, /* the first character of a file is to come */
	RECEIVING_FIRST, /* that of another line; the end of the one before is not written */
	RECEIVING_TEXT,
};

/* Begins a line with the byte that comes first in it, or ends it at once. */
static enum sending send_first(enum sending at, char byte, char **to)
{
	static const char firsts[] = {
		[SENDING_START] = ' ',
		[SENDING_EMPTY] = '0',
		[SENDING_OVER] = '+',
	};
	char first = firsts[at];

	if (byte == '\n' && at == SENDING_START)
		return SENDING_EMPTY;
	if (byte == '\f' && at != SENDING_OVER) {
		if (at == SENDING_EMPTY) {
			*(*to)++ = ' ';
			*(*to)++ = '\n';
		}
		*(*to)++ = '1';
		return SENDING_TEXT;
	}
	*(*to)++ = first;
	if (byte == '\n' || byte == '\r') {
		*(*to)++ = '\n';
		return byte == '\n' ? SENDING_START : SENDING_OVER;
	}
	*(*to)++ = byte;
	return SENDING_TEXT;
}

/* Goes on in a line, or ends it. */
static enum sending send_text(char byte, char **to)
{
	bool ends = byte == '\n' || byte == '\r';

	*(*to)++ = ends ? '\n' : byte;
	if (ends)
		return byte == '\n' ? SENDING_START : SENDING_OVER;
	return SENDING_TEXT;
}

size_t asa_to_network(struct asa_state *state, const char *from, size_t length, bool last, char *to)
{
	enum sending at = state->at;
	char *start = to;

	for (size_t i = 0; i < length; i++)
		at = at == SENDING_TEXT ? send_text(from[i], &to) : send_first(at, from[i], &to);
	if (last && at == SENDING_EMPTY) {
		*to++ = ' ';
		*to++ = '\n';
	} else if (last && at == SENDING_OVER) {
		*to++ = '+';
	}
	state->at = (uint8_t)(last ? SENDING_START : at);
	return (size_t)(to - start);
}

/* Writes what lies between two lines. */
static enum receiving receive_first(enum receiving at, char first, char **to)
{
	if (at == RECEIVING_FIRST && first != '+')
		*(*to)++ = '\n';
	switch (first) {
	case '0':
		*(*to)++ = '\n';
		return RECEIVING_TEXT;
	case '1':
		*(*to)++ = '\f';
		return RECEIVING_TEXT;
	case '+':
		*(*to)++ = '\r';
		return RECEIVING_TEXT;
	case '\n':
		return RECEIVING_FIRST;
	default:
		return RECEIVING_TEXT;
	}
}

size_t asa_from_network(struct asa_state *state, const char *from, size_t length, bool last,
			char *to)
{
	enum receiving at = state->at;
	char *start = to;

	for (size_t i = 0; i < length; i++) {
		if (at != RECEIVING_TEXT)
			at = receive_first(at, from[i], &to);
		else if (from[i] == '\n')
			at = RECEIVING_FIRST;
		else
			*to++ = from[i];
	}
	if (last && at == RECEIVING_FIRST)
		*to++ = '\n';
	state->at = (uint8_t)(last ? RECEIVING_START : at);
	return (size_t)(to - start);
}
