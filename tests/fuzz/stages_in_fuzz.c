/* Fuzzes the stages of receiving: whatever comes, in two parts or in one, gives the same file, the same
 * markers and the same end; and a file that they take is sent and taken again as it was. The first
 * two bytes choose the representation and where the input is cut. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sluice/translate.h>

#include "represent/stages.h"

#define FILE_MAX (1 << 22) /* what a deflated input may become; more is left */

struct taken {
	char *file;
	size_t length;
	unsigned events;
	int result;
	bool ended;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct representation choose(uint8_t byte)
{
	static struct translate_ebcdic ebcdic;
	static const char types[] = "AEIL";
	static const char structures[] = "FRPP";
	static const char modes[] = "SBCZ";
	struct representation representation;

	if (ebcdic.to_network.map['\n'] == 0)
		translate_ebcdic_load("1047", &ebcdic);
	representation_init(&representation);
	representation.ebcdic = &ebcdic;
	representation.type = (uint8_t)types[byte & 3];
	representation.structure = (uint8_t)structures[byte >> 2 & 3];
	representation.mode = (uint8_t)modes[byte >> 4 & 3];
	representation.format = byte & 64 ? FORMAT_CARRIAGE : FORMAT_NON_PRINT;
	representation.byte_bits = byte & 128 ? 36 : 8;
	if (representation.type == TYPE_LOCAL && representation.byte_bits == 8)
		representation.byte_bits = 9;
	return representation;
}

static void take(struct stages *stages, struct view bytes, bool last, struct taken *taken)
{
	size_t part = 1;

	while (taken->result == 0 && !stages_ended(stages) && part > 0 &&
	       taken->length < FILE_MAX) {
		struct view out;

		taken->result = stages_run(stages, bytes, last, &part);
		bytes = view_skip(bytes, part);
		out = stages_out(stages);
		if (out.length > FILE_MAX - taken->length)
			out.length = FILE_MAX - taken->length;
		memcpy(taken->file + taken->length, out.at, out.length);
		taken->length += out.length;
		part += out.length;
		stages_take(stages, stages_out(stages).length);
		if (stages_event(stages)) {
			if (strlen(stages_mark_text(stages)) >= RESTART_MARK_MAX ||
			    stages_position(stages) < 0)
				abort();
			taken->events++;
			stages_go_on(stages);
			part++;
		}
	}
	taken->ended = stages_ended(stages);
}

static struct taken receive(const struct representation *representation, struct view bytes,
			    size_t cut)
{
	char *memory = malloc(TRANSFER_BUFFER_BYTES);
	struct taken taken = { .file = malloc(FILE_MAX) };
	struct stages *stages = stages_new_receiving(memory, TRANSFER_BUFFER_BYTES, representation);

	if (!stages)
		abort();
	if (cut > 0)
		take(stages, (struct view){ bytes.at, cut }, false, &taken);
	if (taken.result == 0 && !taken.ended)
		take(stages, view_skip(bytes, cut), true, &taken);
	stages_fini(stages);
	free(memory);
	return taken;
}

/* What was taken comes back, if it is sent. */
static void send_again(const struct representation *representation, const struct taken *file)
{
	char *memory = malloc(TRANSFER_BUFFER_BYTES);
	struct taken wire = { .file = malloc(FILE_MAX) };
	struct stages *stages = stages_new_sending(memory, TRANSFER_BUFFER_BYTES, representation);
	struct taken again;

	take(stages, (struct view){ file->file, file->length }, true, &wire);
	stages_fini(stages);
	free(memory);
	if (wire.result < 0 || !wire.ended)
		abort();
	again = receive(representation, (struct view){ wire.file, wire.length }, 0);
	if (again.result < 0 || again.length != file->length ||
	    memcmp(again.file, file->file, file->length) != 0)
		abort();
	free(again.file);
	free(wire.file);
}

/* What stands before nonsense may be taken or not; all else is the same. */
static void compare(const struct taken *whole, const struct taken *parts)
{
	size_t length = whole->length < parts->length ? whole->length : parts->length;

	if (whole->length >= FILE_MAX || parts->length >= FILE_MAX)
		return;
	if ((whole->result < 0) != (parts->result < 0) ||
	    memcmp(whole->file, parts->file, length) != 0)
		abort();
	if (whole->result == 0 && (whole->length != parts->length ||
				   whole->events != parts->events || whole->ended != parts->ended))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct representation representation;
	struct view bytes;
	struct taken whole;
	struct taken parts;

	if (size < 2)
		return 0;
	representation = choose(data[0]);
	if (representation_refusal(&representation) || representation_is_plain(&representation))
		return 0;
	bytes = (struct view){ (const char *)data + 2, size - 2 };
	whole = receive(&representation, bytes, 0);
	parts = receive(&representation, bytes, data[1] < bytes.length ? data[1] : bytes.length);
	compare(&whole, &parts);
	if (whole.ended && whole.length < FILE_MAX / 8 &&
	    representation.structure != STRUCTURE_PAGE)
		send_again(&representation, &whole);
	free(whole.file);
	free(parts.file);
	return 0;
}
