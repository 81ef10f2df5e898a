/*
 * STRU P (RFC 959 section 3.1.2.3): pages behind headers of logical bytes. Logical bytes of n bits
 * stand one behind the other without regard to octets, so a page may begin within one: held has
 * the bits of an octet that is shared.
 *
 *   sending     held's upper bits are used, shift of them
 *   receiving   held's lower bits are unread, shift of them
 *
 * A file's size need not be whole logical bytes, and its end may lie in a hole. Then a descriptor
 * page comes first, whose data are "octets N" and zeros; whoever does not know that gets the file
 * with zeros up to the next logical byte, or without its last hole.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "represent/stages_priv.h"

#define HEADER_FIELDS 4 /* of its length, the page's number, the data's length, the type */
#define HEADER_LENGTH_MAX 1024
#define DESCRIPTION "octets "
#define DESCRIPTION_DIGITS_MAX 18

enum page_type { PAGE_LAST = 0, PAGE_SIMPLE = 1, PAGE_DESCRIPTOR = 2, PAGE_ACCESS = 3 };
enum page_part { PART_HEADER, PART_REST_OF_HEADER, PART_DATA, PART_PADDING };

static void put_bit(struct stage *stage, struct stage_step *step, unsigned bit)
{
	struct pages *pages = &stage->is.pages;

	pages->held |= (unsigned char)(bit << (7 - pages->shift));
	if (++pages->shift == 8) {
		step_put(step, pages->held);
		pages->held = 0;
		pages->shift = 0;
	}
}

static void put_field(struct stage *stage, struct stage_step *step, uint64_t value)
{
	for (unsigned bit = stage->is.pages.bits; bit-- > 0;)
		put_bit(stage, step, bit < 64 ? (unsigned)(value >> bit) & 1 : 0);
}

static void put_octets(struct stage *stage, struct stage_step *step, const unsigned char *from,
		       size_t count)
{
	struct pages *pages = &stage->is.pages;
	unsigned shift = pages->shift;

	if (shift == 0) {
		memcpy(step->to, from, count);
		step_given(step, count);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		step_put(step, (unsigned char)(pages->held | from[i] >> shift));
		pages->held = (unsigned char)(from[i] << (8 - shift));
	}
}

/* The header of a page with so many octets, which are padded to whole logical bytes. */
static void put_header(struct stage *stage, struct stage_step *step, uint64_t number,
		       uint64_t octets, enum page_type type)
{
	struct pages *pages = &stage->is.pages;
	uint64_t logical = (8 * octets + pages->bits - 1) / pages->bits;

	put_field(stage, step, HEADER_FIELDS);
	put_field(stage, step, number);
	put_field(stage, step, logical);
	put_field(stage, step, type);
	pages->octets_left = octets;
	pages->padding = (unsigned)(logical * pages->bits - 8 * octets);
}

static void put_padding(struct stage *stage, struct stage_step *step)
{
	for (; stage->is.pages.padding > 0; stage->is.pages.padding--)
		put_bit(stage, step, 0);
}

/* The data of the page that has begun, as far as there is room. */
static void put_data(struct stage *stage, struct stage_step *step)
{
	struct pages *pages = &stage->is.pages;
	size_t count = step->from_bytes;

	if (count > pages->octets_left)
		count = (size_t)pages->octets_left;
	if (count > step->to_bytes - STAGE_ROOM_MIN / 2)
		count = step->to_bytes - STAGE_ROOM_MIN / 2;
	put_octets(stage, step, step->from, count);
	step_taken(step, count);
	pages->octets_left -= count;
	pages->next += (off_t)count;
	if (pages->octets_left == 0)
		put_padding(stage, step);
}

static void put_description(struct stage *stage, struct stage_step *step)
{
	struct pages *pages = &stage->is.pages;
	unsigned most = page_octets(pages->bits);
	unsigned char text[DESCRIPTION_BYTES] = "";
	size_t length = (size_t)snprintf((char *)text, sizeof(text), DESCRIPTION "%lld",
					 (long long)pages->size);

	pages->describe = false;
	if (length > most) /* L 4: all pages are sent, and they are whole octets */
		return;
	put_header(stage, step, 0, length, PAGE_DESCRIPTOR);
	put_octets(stage, step, text, length);
	pages->octets_left = 0;
	put_padding(stage, step);
}

int stage_pages_out(struct stage *stage, struct stage_step *step)
{
	struct pages *pages = &stage->is.pages;
	unsigned page = page_octets(pages->bits);

	if (pages->describe && step->to_bytes >= STAGE_ROOM_MIN)
		put_description(stage, step);
	while (step->from_bytes > 0 && step->to_bytes >= STAGE_ROOM_MIN) {
		uint64_t octets = step->from_bytes < page ? step->from_bytes : page;

		if (pages->octets_left == 0 && octets < page && !step->last)
			break; /* the rest of it will come */
		if (pages->octets_left == 0)
			put_header(stage, step, (uint64_t)pages->next / page, octets, PAGE_SIMPLE);
		put_data(stage, step);
	}
	if (!step->last || step->from_bytes > 0 || step->to_bytes < STAGE_ROOM_MIN)
		return STAGE_GOES_ON;
	put_header(stage, step, ((uint64_t)pages->next + page - 1) / page, 0, PAGE_LAST);
	while (pages->shift > 0)
		put_bit(stage, step, 0);
	return STAGE_ENDED;
}

/* Whether count bits are there to be read. */
static bool has_bits(const struct stage *stage, const struct stage_step *step, uint64_t count)
{
	return stage->is.pages.shift + 8 * (uint64_t)step->from_bytes >= count;
}

static unsigned take_bit(struct stage *stage, struct stage_step *step)
{
	struct pages *pages = &stage->is.pages;

	if (pages->shift == 0) {
		pages->held = *step->from;
		pages->shift = 8;
		step_taken(step, 1);
	}
	return pages->held >> --pages->shift & 1;
}

/* One more bit of the header's fields. False: a field is too large for anything. */
static bool take_field_bit(struct stage *stage, struct stage_step *step)
{
	struct pages *pages = &stage->is.pages;
	uint64_t *field = &pages->fields[pages->field];

	if (*field >> 62)
		return false;
	*field = *field << 1 | take_bit(stage, step);
	if (++pages->field_bits == pages->bits) {
		pages->field_bits = 0;
		pages->field++;
	}
	return true;
}

/* What section 3.1.2.3 demands of a page of each type. NULL, or what is wrong. */
static const char *header_complaint(const uint64_t fields[HEADER_FIELDS])
{
	bool more = fields[0] > HEADER_FIELDS;

	if (fields[0] < HEADER_FIELDS || fields[0] > HEADER_LENGTH_MAX ||
	    (more && (fields[3] == PAGE_LAST || fields[3] == PAGE_SIMPLE)) ||
	    (!more && fields[3] == PAGE_ACCESS))
		return "a page's header has an impossible length";
	return fields[3] == PAGE_LAST && fields[2] > 0 ? "the last page holds data" : NULL;
}

static int page_begin(struct stage *stage, struct stage_step *step)
{
	const char *complaint = header_complaint(stage->is.pages.fields);
	struct pages *pages = &stage->is.pages;
	unsigned page = page_octets(pages->bits);
	off_t position;

	if (pages->fields[3] > PAGE_ACCESS)
		return stage_complain(step, -EPROTONOSUPPORT, "a page is of an unknown type");
	if (complaint)
		return stage_complain(step, -EBADMSG, complaint);
	if (pages->fields[2] > page_logical_bytes(pages->bits))
		return stage_complain(step, -EBADMSG,
				      "a page is longer than pages of this TYPE are here");
	if (pages->fields[1] >= (uint64_t)(INT64_MAX - pages->base) / 2 / page)
		return stage_complain(step, -EBADMSG, "a page's number is too large");
	pages->bits_left = (pages->fields[0] - HEADER_FIELDS) * pages->bits;
	pages->data_bits = pages->fields[2] * pages->bits;
	pages->type = (uint8_t)pages->fields[3];
	pages->part = PART_REST_OF_HEADER;
	position = pages->base + (off_t)pages->fields[1] * page;
	memset(pages->fields, 0, sizeof(pages->fields));
	pages->field = 0;
	if ((pages->type != PAGE_SIMPLE && pages->type != PAGE_ACCESS) || position == pages->next)
		return STAGE_GOES_ON;
	pages->next = position;
	step->stages->position = position;
	step->stages->event = STAGES_SEEK;
	return STAGE_EVENT;
}

static int take_header(struct stage *stage, struct stage_step *step)
{
	struct pages *pages = &stage->is.pages;

	while (pages->field < HEADER_FIELDS && has_bits(stage, step, 1))
		if (!take_field_bit(stage, step))
			return stage_complain(step, -EBADMSG,
					      "a number in a page's header is too large");
	return pages->field == HEADER_FIELDS ? page_begin(stage, step) : STAGE_GOES_ON;
}

/* What the header holds besides; then the last page has ended the file. */
static int take_rest_of_header(struct stage *stage, struct stage_step *step)
{
	struct pages *pages = &stage->is.pages;

	for (; pages->bits_left > 0 && has_bits(stage, step, 1); pages->bits_left--)
		take_bit(stage, step);
	if (pages->bits_left > 0)
		return STAGE_GOES_ON;
	pages->part = PART_DATA;
	pages->described = 0;
	if (pages->type != PAGE_LAST)
		return STAGE_GOES_ON;
	pages->shift = 0;
	return STAGE_ENDED;
}

static void page_end(struct stage *stage)
{
	struct pages *pages = &stage->is.pages;
	const char *text = (const char *)pages->description;
	size_t digits;
	long long size;

	pages->part = PART_HEADER;
	if (pages->type != PAGE_DESCRIPTOR)
		return;
	pages->description[pages->described] = '\0';
	if (strncmp(text, DESCRIPTION, strlen(DESCRIPTION)) != 0)
		return;
	text += strlen(DESCRIPTION);
	digits = strspn(text, "0123456789");
	size = digits > 0 && digits <= DESCRIPTION_DIGITS_MAX ? strtoll(text, NULL, 10) : -1;
	if (size >= 0 && size <= INT64_MAX - pages->base) {
		pages->size = pages->base + size;
		pages->describe = true;
	}
}

/* An octet of a page's data. */
static void give_octet(struct stage *stage, struct stage_step *step, unsigned char octet)
{
	struct pages *pages = &stage->is.pages;

	if (pages->type != PAGE_DESCRIPTOR) {
		step_put(step, octet);
		pages->next++;
	} else if (pages->described < DESCRIPTION_BYTES - 1) {
		pages->description[pages->described++] = octet;
	}
}

/* Many octets that do not share theirs with others. */
static void take_octets(struct stage *stage, struct stage_step *step)
{
	struct pages *pages = &stage->is.pages;
	size_t count = (size_t)(pages->data_bits / 8);

	if (pages->shift > 0 || pages->type == PAGE_DESCRIPTOR)
		return;
	if (count > step->from_bytes)
		count = step->from_bytes;
	if (count > step->to_bytes)
		count = step->to_bytes;
	memcpy(step->to, step->from, count);
	step_taken(step, count);
	step_given(step, count);
	pages->next += (off_t)count;
	pages->data_bits -= 8 * count;
}

static int take_data(struct stage *stage, struct stage_step *step)
{
	struct pages *pages = &stage->is.pages;

	take_octets(stage, step);
	while (pages->data_bits > 0 && step->to_bytes > 0) {
		unsigned bits = pages->data_bits < 8 ? (unsigned)pages->data_bits : 8;
		unsigned octet = 0;

		if (!has_bits(stage, step, bits))
			break;
		for (unsigned i = 0; i < bits; i++)
			octet = octet << 1 | take_bit(stage, step);
		give_octet(stage, step, (unsigned char)(octet << (8 - bits)));
		pages->data_bits -= bits;
	}
	if (pages->data_bits == 0)
		page_end(stage);
	return STAGE_GOES_ON;
}

int stage_pages_in(struct stage *stage, struct stage_step *step)
{
	struct pages *pages = &stage->is.pages;
	int r = STAGE_GOES_ON;

	while (r == STAGE_GOES_ON && step->to_bytes > 0) {
		size_t from_bytes = step->from_bytes;
		uint8_t part = pages->part;

		r = part == PART_HEADER		  ? take_header(stage, step)
		    : part == PART_REST_OF_HEADER ? take_rest_of_header(stage, step)
						  : take_data(stage, step);
		if (r == STAGE_GOES_ON && pages->part == part && step->from_bytes == from_bytes)
			break;
	}
	if (r == STAGE_GOES_ON && step->last && step->from_bytes == 0 && step->to_bytes > 0)
		return -ENODATA;
	return r;
}

void stages_describe(struct stages *stages, off_t size)
{
	struct stage *first = &stages->stage[0];

	if (first->step != stage_pages_out)
		return;
	first->is.pages.size = size;
	first->is.pages.describe = true;
}

off_t stages_described_size(const struct stages *stages)
{
	for (unsigned i = 0; i < stages->count; i++)
		if (stages->stage[i].step == stage_pages_in && stages->stage[i].is.pages.describe)
			return stages->stage[i].is.pages.size;
	return -1;
}
