/*
 * TYPE A and E: line ends and characters (RFC 959 sections 3.1.1.1, 3.1.1.2), and the carriage
 * control of format C (section 3.1.1.5.3), by the kernels of translate.h.
 */
#include "represent/stages_priv.h"

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

static int text_result(const struct stage_step *step)
{
	return step->last && step->from_bytes == 0 ? STAGE_ENDED : STAGE_GOES_ON;
}

int stage_ascii_out(struct stage *stage, struct stage_step *step)
{
	size_t take = least(step->from_bytes, step->to_bytes / 2);

	(void)stage;
	step_given(step, ascii_to_network((const char *)step->from, take, (char *)step->to));
	step_taken(step, take);
	return text_result(step);
}

int stage_ascii_in(struct stage *stage, struct stage_step *step)
{
	size_t room = step->to_bytes > 1 ? step->to_bytes - 1 : 0;
	size_t take = least(step->from_bytes, room);
	bool last = step->last && take == step->from_bytes && room > 0;

	step_given(step, ascii_from_network((const char *)step->from, take, last,
					    &stage->is.ascii.carriage, (char *)step->to));
	step_taken(step, take);
	return last ? STAGE_ENDED : STAGE_GOES_ON;
}

int stage_table(struct stage *stage, struct stage_step *step)
{
	size_t take = least(step->from_bytes, step->to_bytes);

	translate_table_apply(stage->is.table, (const char *)step->from, take, (char *)step->to);
	step_taken(step, take);
	step_given(step, take);
	return text_result(step);
}

int stage_asa_out(struct stage *stage, struct stage_step *step)
{
	size_t room = step->to_bytes > 2 ? (step->to_bytes - 2) / 2 : 0;
	size_t take = least(step->from_bytes, room);
	bool last = step->last && take == step->from_bytes && room > 0;

	if (room == 0)
		return STAGE_GOES_ON;
	step_given(step, asa_to_network(&stage->is.asa, (const char *)step->from, take, last,
					(char *)step->to));
	step_taken(step, take);
	return last ? STAGE_ENDED : STAGE_GOES_ON;
}

int stage_asa_in(struct stage *stage, struct stage_step *step)
{
	size_t room = step->to_bytes > 1 ? step->to_bytes - 1 : 0;
	size_t take = least(step->from_bytes, room);
	bool last = step->last && take == step->from_bytes && room > 0;

	if (room == 0)
		return STAGE_GOES_ON;
	step_given(step, asa_from_network(&stage->is.asa, (const char *)step->from, take, last,
					  (char *)step->to));
	step_taken(step, take);
	return last ? STAGE_ENDED : STAGE_GOES_ON;
}
