#include "represent/stages.h"

#include <errno.h>
#include <string.h>

#include "represent/stages_priv.h"

#define PAGE_BYTES ((size_t)4096)

static struct stages *stages_new(void *memory, size_t size_bytes)
{
	struct stages *stages = memory;
	unsigned char *at = memory;
	size_t used = (sizeof(*stages) + 63) / 64 * 64;

	memset(stages, 0, sizeof(*stages));
	for (int i = 0; i < STAGES_MAX - 1; i++) {
		stages->between_at[i] = at + used;
		used += STAGE_BETWEEN_BYTES;
	}
	used = (used + PAGE_BYTES - 1 - STAGES_OUT_AT) / PAGE_BYTES * PAGE_BYTES + STAGES_OUT_AT;
	stages->out_at = at + used;
	stages->out_size = size_bytes - used;
	return stages;
}

static struct stage *stages_add(struct stages *stages, stage_fn *step)
{
	struct stage *stage = &stages->stage[stages->count++];

	stage->step = step;
	return stage;
}

/* MODE C's filler (RFC 959 section 3.4.3): a space of the type's. */
static unsigned char filler_of(const struct representation *representation)
{
	return representation->type == TYPE_ASCII    ? ' '
	       : representation->type == TYPE_EBCDIC ? 0x40
						     : 0;
}

static unsigned char line_end_of(const struct representation *representation)
{
	return representation->type == TYPE_EBCDIC ? representation->ebcdic->to_network.map['\n']
						   : '\n';
}

static void stages_add_records(struct stages *stages, stage_fn *step,
			       const struct representation *representation)
{
	if (representation->structure == STRUCTURE_RECORD)
		stages_add(stages, step)->line_end = line_end_of(representation);
}

static void stages_add_pages(struct stages *stages, stage_fn *step,
			     const struct representation *representation)
{
	if (representation->structure == STRUCTURE_PAGE)
		stages_add(stages, step)->is.pages.bits =
			representation->type == TYPE_LOCAL ? representation->byte_bits : 8;
}

static void stages_add_table(struct stages *stages, const struct translate_table *table)
{
	stages_add(stages, stage_table)->is.table = table;
}

static int stages_add_mode(struct stages *stages, const struct representation *representation)
{
	struct stage *stage = &stages->stage[stages->count];
	int r = 0;

	stages->mode_at = stages->count;
	if (representation->mode == MODE_STREAM)
		return 0;
	if (representation->mode == MODE_DEFLATE)
		r = stages->receiving ? stage_inflate_init(stage)
				      : stage_deflate_init(stage, representation->level);
	else if (representation->mode == MODE_BLOCK)
		stage->step = stages->receiving ? stage_block_in : stage_block_out;
	else
		stage->step = stages->receiving ? stage_compressed_in : stage_compressed_out;
	stage->records = representation->structure == STRUCTURE_RECORD;
	stage->filler = filler_of(representation);
	stages->count++;
	return r;
}

/* Text of LF-ended lines, its records, and the mode. */
static struct stages *stages_add_sending(struct stages *stages,
					 const struct representation *representation)
{
	bool records = representation->structure == STRUCTURE_RECORD;

	if (representation_has_carriage(representation))
		stages_add(stages, stage_asa_out);
	if (representation->type == TYPE_EBCDIC)
		stages_add_table(stages, &representation->ebcdic->to_network);
	else if (representation->type == TYPE_ASCII && !records && !representation->text_as_is)
		stages_add(stages, stage_ascii_out);
	stages_add_records(stages, stage_records_out, representation);
	stages_add_pages(stages, stage_pages_out, representation);
	stages->skip_at = stages->count; /* MODE Z counts before it deflates */
	if (stages_add_mode(stages, representation) < 0)
		return NULL;
	return stages;
}

struct stages *stages_new_sending(void *memory, size_t size_bytes,
				  const struct representation *representation)
{
	return stages_add_sending(stages_new(memory, size_bytes), representation);
}

struct stages *stages_new_listing(void *memory, size_t size_bytes,
				  const struct representation *representation)
{
	struct stages *stages = stages_new(memory, size_bytes);
	struct representation image = *representation;

	if (representation->type == TYPE_EBCDIC || representation->structure == STRUCTURE_RECORD) {
		stages_add(stages, stage_ascii_in);
		return stages_add_sending(stages, representation);
	}
	image.type = TYPE_IMAGE; /* the lines have their ends already */
	stages_add_sending(stages, &image);
	if (stages->count > 0)
		stages->stage[stages->count - 1].filler = filler_of(representation);
	return stages;
}

struct stages *stages_new_receiving(void *memory, size_t size_bytes,
				    const struct representation *representation)
{
	struct stages *stages = stages_new(memory, size_bytes);
	bool records = representation->structure == STRUCTURE_RECORD;

	stages->receiving = true;
	if (stages_add_mode(stages, representation) < 0)
		return NULL;
	stages_add_records(stages, stage_records_in, representation);
	stages_add_pages(stages, stage_pages_in, representation);
	if (representation->type == TYPE_EBCDIC)
		stages_add_table(stages, &representation->ebcdic->from_network);
	else if (representation->type == TYPE_ASCII && !records && !representation->text_as_is)
		stages_add(stages, stage_ascii_in);
	if (representation_has_carriage(representation))
		stages_add(stages, stage_asa_in);
	return stages;
}

void stages_fini(struct stages *stages)
{
	for (unsigned i = 0; i < stages->count; i++) {
		if (stages->stage[i].step == stage_deflate)
			stage_deflate_fini(&stages->stage[i]);
		if (stages->stage[i].step == stage_inflate)
			stage_inflate_fini(&stages->stage[i]);
	}
}

int stage_complain(struct stage_step *step, int error, const char *complaint)
{
	step->stages->complaint = complaint;
	return error;
}

const char *stages_complaint(const struct stages *stages)
{
	return stages->complaint;
}

bool stage_take_mark(struct stages *stages, size_t at, unsigned char byte)
{
	if (at >= RESTART_MARK_MAX - 1 || byte < '!' || byte > '~')
		return false;
	stages->mark[at] = (char)byte;
	stages->mark[at + 1] = '\0';
	return true;
}

/* Where stage i puts what it makes, and how much room there is. */
static unsigned char *room_of(struct stages *stages, unsigned i, size_t *ret_bytes)
{
	bool last = i + 1 == stages->count;
	struct span *span = last ? &stages->out : &stages->between[i];
	unsigned char *at = last ? stages->out_at : stages->between_at[i];
	size_t size = last ? stages->out_size : STAGE_BETWEEN_BYTES;

	if (span->start == span->end) {
		span->start = span->end = 0;
	} else if (!last && span->start > 0) {
		memmove(at, at + span->start, span->end - span->start);
		span->end -= span->start;
		span->start = 0;
	}
	*ret_bytes = size - span->end;
	return at + span->end;
}

/* What a stage has made is kept, but for what REST leaves out. */
static void room_used(struct stages *stages, unsigned i, unsigned char *at, size_t bytes)
{
	struct span *span = i + 1 == stages->count ? &stages->out : &stages->between[i];

	if (i + 1 == stages->skip_at && stages->skip > 0) {
		size_t skip = stages->skip < bytes ? (size_t)stages->skip : bytes;

		memmove(at, at + skip, bytes - skip);
		bytes -= skip;
		stages->skip -= skip;
	}
	span->end += bytes;
}

/* One step of stage i. Returns 1 if it moved anything, 0, or a negative errno. */
static int stages_step(struct stages *stages, unsigned i, struct view *bytes, bool last,
		       bool settle)
{
	struct stage *stage = &stages->stage[i];
	struct span *before = i > 0 ? &stages->between[i - 1] : NULL;
	struct stage_step step = { .stages = stages, .settle = settle };
	unsigned char *to;
	size_t from_bytes;
	size_t room;
	int r;

	to = room_of(stages, i, &room);
	step.to = to;
	step.to_bytes = room;
	step.from = before ? stages->between_at[i - 1] + before->start
			   : (const unsigned char *)bytes->at;
	step.from_bytes = from_bytes = before ? before->end - before->start : bytes->length;
	step.last = before ? stages->stage[i - 1].ended : last;
	r = stage->step(stage, &step);
	if (before)
		before->start += from_bytes - step.from_bytes;
	else
		*bytes = view_skip(*bytes, from_bytes - step.from_bytes);
	room_used(stages, i, to, room - step.to_bytes);
	if (r == -ENODATA && before)
		return stage_complain(&step, -EBADMSG, "the end of the file comes too early");
	if (r < 0)
		return r;
	if (r == STAGE_ENDED)
		stage->ended = true;
	if (r == STAGE_EVENT) {
		stage->event = stages->event;
		stages->event = STAGES_NO_EVENT;
	}
	return r != STAGE_GOES_ON || step.from_bytes != from_bytes || step.to_bytes != room;
}

/* Whether stage i has to wait: it is through, or the owner has to see to something first. */
static bool stages_waits(const struct stages *stages, unsigned i)
{
	return stages->stage[i].ended || stages->stage[i].event;
}

static bool span_is_empty(const struct span *span)
{
	return span->start == span->end;
}

/* Records and pages may end before the mode does, but nothing may come between. */
static bool stages_has_excess(const struct stages *stages, unsigned i)
{
	const struct span *before = i > 0 ? &stages->between[i - 1] : NULL;

	return before && stages->stage[i].ended && !span_is_empty(before);
}

/* Where a stage fails, what has come out of it before that goes on through those behind it. Of several
 * failures the last counts: it is of what stands first in the file. */
static int stages_drive(struct stages *stages, struct view *bytes, bool last, bool settle)
{
	unsigned first = 0;
	int error = 0;
	int moved;

	do {
		moved = 0;
		for (unsigned i = first; i < stages->count; i++) {
			int r = stages_waits(stages, i)
					? 0
					: stages_step(stages, i, bytes, last, settle);

			if (r == 0 && stages_has_excess(stages, i)) {
				stages->complaint = "bytes follow the end of the file";
				r = -EBADMSG;
			}
			if (r < 0) {
				error = r;
				first = i + 1;
				r = 1;
			}
			moved |= r;
		}
	} while (moved);
	return error;
}

int stages_run(struct stages *stages, struct view bytes, bool last, size_t *ret_taken)
{
	size_t all = bytes.length;
	int r = stages_drive(stages, &bytes, last, false);

	*ret_taken = all - bytes.length;
	return r;
}

/* Whether nothing is on its way behind stage i. */
static bool stages_empty_behind(const struct stages *stages, unsigned i)
{
	for (; i + 1 < stages->count; i++)
		if (!span_is_empty(&stages->between[i]))
			return false;
	return span_is_empty(&stages->out);
}

bool stages_settle(struct stages *stages)
{
	struct view nothing = { 0 };

	for (unsigned i = 0; i < stages->count; i++) {
		const struct stage *stage = &stages->stage[i];

		if ((stage->step == stage_pages_out || stage->step == stage_pages_in) &&
		    (stage->is.pages.shift > 0 || stage->is.pages.octets_left > 0 ||
		     stage->is.pages.part > 0 || stage->is.pages.field > 0 ||
		     stage->is.pages.field_bits > 0))
			return false;
		if (stage->step == stage_records_in && stage->is.records_state.escaped)
			return false;
	}
	if (!stages->receiving)
		stages_drive(stages, &nothing, false, true);
	return true;
}

struct view stages_out(const struct stages *stages)
{
	return (struct view){ (const char *)stages->out_at + stages->out.start,
			      stages->out.end - stages->out.start };
}

void stages_take(struct stages *stages, size_t bytes)
{
	stages->out.start += bytes;
}

struct view stages_swap_out(struct stages *stages, struct stages_area *spare)
{
	struct stages_area used = { (char *)stages->out_at, stages->out_size };
	struct view out = stages_out(stages);

	stages->out_at = (unsigned char *)spare->at;
	stages->out_size = spare->size_bytes;
	stages->out = (struct span){ 0 };
	*spare = used;
	return out;
}

bool stages_has_room(const struct stages *stages)
{
	size_t used = span_is_empty(&stages->out) ? 0 : stages->out.end;

	return stages->out_size - used >= STAGE_ROOM_MIN;
}

bool stages_ended(const struct stages *stages)
{
	for (unsigned i = 0; i < stages->count; i++)
		if (!stages->stage[i].ended || stages->stage[i].event)
			return false;
	return true;
}

/* Which stage's event is the first: what is further on in the file stands further in front. Returns
 * stages->count if there is none. */
static unsigned stages_event_at(const struct stages *stages)
{
	unsigned at = stages->count;

	for (unsigned i = 0; i < stages->count; i++)
		if (stages->stage[i].event)
			at = i;
	return at;
}

enum stages_event stages_event(const struct stages *stages)
{
	unsigned at = stages_event_at(stages);

	return at < stages->count && stages_empty_behind(stages, at) ? stages->stage[at].event
								     : STAGES_NO_EVENT;
}

bool stages_event_stands(const struct stages *stages)
{
	return stages_event_at(stages) < stages->count;
}

const char *stages_mark_text(const struct stages *stages)
{
	return stages->mark;
}

off_t stages_position(const struct stages *stages)
{
	return stages->position;
}

void stages_go_on(struct stages *stages)
{
	unsigned at = stages_event_at(stages);

	if (at < stages->count)
		stages->stage[at].event = STAGES_NO_EVENT;
}

void stages_send_mark(struct stages *stages, const char *text)
{
	size_t room;
	unsigned char *to = room_of(stages, stages->count - 1, &room);
	bool block = stages->stage[stages->mode_at].step == stage_block_out;

	stages->out.end += block ? stage_block_mark(text, to) : stage_compressed_mark(text, to);
}

void stages_set_position(struct stages *stages, off_t offset)
{
	for (unsigned i = 0; i < stages->count; i++) {
		struct stage *stage = &stages->stage[i];

		if (stage->step == stage_pages_out || stage->step == stage_pages_in)
			stage->is.pages.next = offset;
		if (stage->step == stage_pages_in)
			stage->is.pages.base = offset;
	}
}

void stages_set_skip(struct stages *stages, uint64_t octets)
{
	stages->skip = octets;
}

uint64_t stages_skip(const struct stages *stages)
{
	return stages->skip;
}

/* What a stage knows between two octets of the file, or NULL. */
static void *stage_state(struct stage *stage, size_t *ret_bytes)
{
	if (stage->step == stage_asa_out || stage->step == stage_asa_in) {
		*ret_bytes = sizeof(stage->is.asa);
		return &stage->is.asa;
	}
	if (stage->step == stage_ascii_in) {
		*ret_bytes = sizeof(stage->is.ascii);
		return &stage->is.ascii;
	}
	if (stage->step == stage_pages_in) {
		*ret_bytes = sizeof(stage->is.pages.base);
		return &stage->is.pages.base;
	}
	return NULL;
}

_Static_assert(sizeof(struct asa_state) + sizeof(((struct stage *)0)->is.ascii) <=
			       STAGES_STATE_BYTES &&
		       sizeof(off_t) <= STAGES_STATE_BYTES, /* pages are never text */
	       "the states of all stages of a transfer have room in a marker");

void stages_save(struct stages *stages, uint8_t ret_state[static STAGES_STATE_BYTES])
{
	uint8_t *at = ret_state;
	size_t bytes;

	memset(ret_state, 0, STAGES_STATE_BYTES);
	for (unsigned i = 0; i < stages->count; i++) {
		const void *state = stage_state(&stages->stage[i], &bytes);

		if (state) {
			memcpy(at, state, bytes);
			at += bytes;
		}
	}
}

void stages_restore(struct stages *stages, const uint8_t state[static STAGES_STATE_BYTES])
{
	size_t bytes;

	for (unsigned i = 0; i < stages->count; i++) {
		void *at = stage_state(&stages->stage[i], &bytes);

		if (at) {
			memcpy(at, state, bytes);
			state += bytes;
		}
	}
}
