/*
 * STRU R: the lines of a file are its records. On the way out LF becomes EOR; a line's EOR is
 * given when something follows, so that the last one's goes out together with EOF.
 */
#include <errno.h>
#include <string.h>

#include "represent/stages_priv.h"

/* How many bytes from here on are plain data. */
static size_t plain_bytes(const struct stage *stage, const struct stage_step *step)
{
	size_t most = step->from_bytes < step->to_bytes ? step->from_bytes : step->to_bytes;
	size_t bytes = 0;

	while (bytes < most && step->from[bytes] != stage->line_end &&
	       step->from[bytes] != RECORD_ESCAPE)
		bytes++;
	return bytes;
}

static void give_escape(struct stage_step *step, unsigned char code)
{
	step_put(step, RECORD_ESCAPE);
	step_put(step, code);
}

int stage_records_out(struct stage *stage, struct stage_step *step)
{
	bool *due = &stage->is.records_state.ended;

	while (step->from_bytes > 0 && step->to_bytes >= 4) {
		size_t plain;

		if (*due)
			give_escape(step, RECORD_EOR);
		*due = *step->from == stage->line_end;
		if (*due) {
			step_taken(step, 1);
		} else if (*step->from == RECORD_ESCAPE) {
			give_escape(step, RECORD_ESCAPE);
			step_taken(step, 1);
		} else {
			plain = plain_bytes(stage, step);
			memcpy(step->to, step->from, plain);
			step_given(step, plain);
			step_taken(step, plain);
		}
	}
	if (step->from_bytes > 0 || step->to_bytes < 2)
		return STAGE_GOES_ON;
	if (step->last) {
		give_escape(step, *due ? RECORD_EOR | RECORD_EOF : RECORD_EOF);
		return STAGE_ENDED;
	}
	if (step->settle && *due) {
		give_escape(step, RECORD_EOR);
		*due = false;
	}
	return STAGE_GOES_ON;
}

static int records_code(struct stage *stage, struct stage_step *step, unsigned char code)
{
	if (code == RECORD_ESCAPE)
		step_put(step, RECORD_ESCAPE);
	else if (code < RECORD_EOR || code > (RECORD_EOR | RECORD_EOF))
		return stage_complain(step, -EBADMSG,
				      "0xFF is followed by what is no code of record structure");
	if (code != RECORD_ESCAPE && code & RECORD_EOR)
		step_put(step, stage->line_end);
	return code != RECORD_ESCAPE && code & RECORD_EOF ? STAGE_ENDED : STAGE_GOES_ON;
}

int stage_records_in(struct stage *stage, struct stage_step *step)
{
	bool *escaped = &stage->is.records_state.escaped;

	while (step->from_bytes > 0 && step->to_bytes > 0) {
		size_t plain;
		int r;

		if (*escaped) {
			*escaped = false;
			step_taken(step, 1);
			r = records_code(stage, step, step->from[-1]);
			if (r != STAGE_GOES_ON)
				return r;
		} else if (*step->from == RECORD_ESCAPE) {
			*escaped = true;
			step_taken(step, 1);
		} else if (*step->from == stage->line_end) {
			return stage_complain(
				step, -EILSEQ,
				"a record holds a line end, which would divide it here");
		} else {
			plain = plain_bytes(stage, step);
			memcpy(step->to, step->from, plain);
			step_given(step, plain);
			step_taken(step, plain);
		}
	}
	return step->last && step->from_bytes == 0 ? -ENODATA : STAGE_GOES_ON;
}
