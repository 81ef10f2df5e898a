/*
 * RANG (draft-bryan-ftp-range-08): the next RETR, STOR, APPE or HASH is of a part of the file. The
 * octets are those of TYPE I, MODE S and STRU F; in another one neither RANG nor a transfer after it is
 * done (551). It is forgotten as REST is.
 */
#include "protocol/octet_range.h"
#include "session/session_priv.h"

static bool range_counts_octets(const struct session *session)
{
	const struct representation *representation = &session->representation;

	return (representation->type == TYPE_IMAGE ||
		(representation->type == TYPE_LOCAL && representation->byte_bits == 8)) &&
	       representation->structure == STRUCTURE_FILE && representation->mode == MODE_STREAM;
}

void command_rang(struct session *session, struct view argument)
{
	bool is_octets = range_counts_octets(session);
	int64_t first;
	int64_t last;
	int r = octet_range_parse(argument, &first, &last);

	session_forget_restart(session);
	if (r < 0 || (first > last && !(first == 1 && last == 0))) {
		session_reply(session, REPLY_501_SYNTAX_ARGUMENT,
			      "RANG takes the first and the last byte, as in RANG 0 99; "
			      "the range is the whole file again");
	} else if (first > last) {
		session_reply(session, REPLY_350_PENDING, "The range is the whole file");
	} else if (!is_octets) {
		session_reply(
			session, REPLY_551_PAGE_TYPE_UNKNOWN,
			"RANG counts the bytes of TYPE I, STRU F and MODE S; set these first");
	} else {
		session->restart = first;
		session->range_end = last + 1;
		session_reply(session, REPLY_350_PENDING,
			      "The next transfer is of bytes %lld to %lld", (long long)first,
			      (long long)last);
	}
}

bool session_range_fits(struct session *session)
{
	if (session->range_end == 0 || range_counts_octets(session))
		return true;
	session_reply(session, REPLY_551_PAGE_TYPE_UNKNOWN,
		      "RANG counts the bytes of TYPE I, STRU F and MODE S; set these, then send "
		      "RANG again");
	return false;
}
