#include "protocol/telnet.h"

/* RFC 854, "Telnet command structure". */
enum {
	TELNET_SE = 240,
	TELNET_DM = 242,
	TELNET_IP = 244,
	TELNET_SB = 250,
	TELNET_WILL = 251,
	TELNET_WONT = 252,
	TELNET_DO = 253,
	TELNET_DONT = 254,
	TELNET_IAC = 255,
};

/*
 *             IAC                WILL, WONT, DO, DONT              option
 *   TEXT -----------> COMMAND ---------------------------> OPTION -----------> TEXT
 *    |                 |   | SB                IAC                   SE
 *    | CR              |   +-----> INSIDE -----------> INSIDE_COMMAND -------> TEXT
 *    v                 | IP
 *   RETURN             +-----> INTERRUPTED
 *    | NUL
 *    v
 *   RETURNED
 */
enum telnet_state {
	STATE_TEXT,
	STATE_RETURN,	   /* a CR was the last byte: a NUL that follows belongs to it */
	STATE_RETURNED,	   /* CR NUL were the last bytes: a LF that follows ends no line */
	STATE_INTERRUPTED, /* IP was the last command: a DM that follows may have lost its IAC */
	STATE_COMMAND,
	STATE_OPTION,
	STATE_INSIDE, /* a subnegotiation */
	STATE_INSIDE_COMMAND,
};

struct telnet_answers {
	char *at;
	size_t length;
};

/* WILL is refused by DONT and DO by WONT. WONT and DONT ask for what is the case already, and
 * RFC 854 forbids to answer that, lest two sides answer each other for ever. */
static void telnet_refuse(uint8_t verb, uint8_t option, struct telnet_answers *answers)
{
	char *at = answers->at + answers->length;

	if (verb != TELNET_WILL && verb != TELNET_DO)
		return;
	if (answers->length + 3 > TELNET_ANSWERS_MAX)
		return;
	at[0] = (char)TELNET_IAC;
	at[1] = (char)(verb == TELNET_WILL ? TELNET_DONT : TELNET_WONT);
	at[2] = (char)option;
	answers->length += 3;
}

/* The byte after IAC. Returns whether it is the byte 255 of the text. */
static bool telnet_command(struct telnet *telnet, uint8_t byte)
{
	telnet->state = STATE_TEXT;
	switch (byte) {
	case TELNET_IAC:
		return true;
	case TELNET_IP:
		telnet->state = STATE_INTERRUPTED;
		break;
	case TELNET_SB:
		telnet->state = STATE_INSIDE;
		break;
	case TELNET_WILL:
	case TELNET_WONT:
	case TELNET_DO:
	case TELNET_DONT:
		telnet->verb = byte;
		telnet->state = STATE_OPTION;
		break;
	default:
		break;
	}
	return false;
}

/* A byte outside all commands. Returns whether it stays. */
static bool telnet_text(struct telnet *telnet, uint8_t byte)
{
	uint8_t before = telnet->state;

	telnet->state = STATE_TEXT;
	if (byte == TELNET_IAC) {
		telnet->state = STATE_COMMAND;
		return false;
	}
	if (byte == '\0' && before == STATE_RETURN) {
		telnet->state = STATE_RETURNED;
		return false;
	}
	if (byte == '\n' && before == STATE_RETURNED)
		return false;
	/* A client sends IP, then IAC as urgent data, then DM. Where urgent data is not inline, IAC
	 * is gone and DM stands alone. */
	if (byte == TELNET_DM && before == STATE_INTERRUPTED)
		return false;
	if (byte == '\r')
		telnet->state = STATE_RETURN;
	return true;
}

/* Returns whether the byte stays. */
static bool telnet_byte(struct telnet *telnet, uint8_t byte, struct telnet_answers *answers)
{
	switch ((enum telnet_state)telnet->state) {
	case STATE_TEXT:
	case STATE_RETURN:
	case STATE_RETURNED:
	case STATE_INTERRUPTED:
		return telnet_text(telnet, byte);
	case STATE_COMMAND:
		return telnet_command(telnet, byte);
	case STATE_OPTION:
		telnet_refuse(telnet->verb, byte, answers);
		telnet->state = STATE_TEXT;
		return false;
	case STATE_INSIDE:
		if (byte == TELNET_IAC)
			telnet->state = STATE_INSIDE_COMMAND;
		return false;
	case STATE_INSIDE_COMMAND:
		telnet->state = byte == TELNET_SE ? STATE_TEXT : STATE_INSIDE;
		return false;
	}
	return true;
}

/* Forgets the line that bytes[0 .. length) end with. Returns what is left. */
static size_t telnet_take_back(struct telnet *telnet, const char *bytes, size_t length)
{
	while (length > 0 && bytes[length - 1] != '\n')
		length--;
	telnet->interrupt |= length == 0;
	return length;
}

size_t telnet_filter(struct telnet *telnet, char *bytes, size_t length, char *ret_answers,
		     size_t *ret_answers_length)
{
	struct telnet_answers answers = { ret_answers, 0 };
	size_t left = 0;

	for (size_t i = 0; i < length; i++) {
		char byte = bytes[i];
		uint8_t before = telnet->state;

		if (telnet_byte(telnet, (uint8_t)byte, &answers))
			bytes[left++] = byte;
		else if (telnet->state == STATE_INTERRUPTED && before == STATE_COMMAND)
			left = telnet_take_back(telnet, bytes, left);
	}
	*ret_answers_length = answers.length;
	return left;
}
