/*
 * The stages, there and back: every combination that is possible, whatever the sizes of the parts
 * that are poured in; and the bytes that the RFC prescribes.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sluice/translate.h>

#include "represent/stages.h"

#define BYTES_MAX (1 << 17)

struct bytes {
	char *at;
	size_t length;
};

static struct translate_ebcdic ebcdic;

static struct bytes bytes_new(size_t length)
{
	struct bytes bytes = { malloc(BYTES_MAX), length };

	assert_non_null(bytes.at);
	return bytes;
}

static void bytes_add(struct bytes *bytes, struct view more)
{
	assert_true(bytes->length + more.length <= BYTES_MAX);
	memcpy(bytes->at + bytes->length, more.at, more.length);
	bytes->length += more.length;
}

/* A small generator, so that a failure comes again. */
static uint32_t random_next(uint32_t *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state >> 8;
}

/* Text with empty lines, long lines, 0xFF, NUL and runs in it. */
static struct bytes text_new(uint32_t seed, size_t length)
{
	struct bytes text = bytes_new(length);
	size_t at = 0;

	while (at < length) {
		uint32_t kind = random_next(&seed) % 8;
		size_t run = kind < 2 ? 1 : random_next(&seed) % 90 + 1;

		for (; run > 0 && at < length; run--)
			text.at[at++] = kind == 0   ? '\n'
					: kind == 1 ? (char)0xff
					: kind == 2 ? ' '
					: kind == 3 ? 'x'
					: kind == 4 ? '\0'
						    : (char)('!' + random_next(&seed) % 90);
		if (kind > 4 && at < length)
			text.at[at++] = '\n';
	}
	return text;
}

/* Pours bytes through stages in parts of at most part bytes. */
static int pour(struct stages *stages, struct view bytes, size_t part, bool ends,
		struct bytes *result)
{
	size_t idle = 0;

	while (!stages_ended(stages)) {
		size_t most = bytes.length < part ? bytes.length : part;
		bool last = ends && most == bytes.length;
		size_t taken;
		int r;

		if (most == 0 && !last)
			return 0;
		r = stages_run(stages, (struct view){ bytes.at, most }, last, &taken);
		idle = taken > 0 || stages_out(stages).length > 0 ? 0 : idle + 1;
		bytes = view_skip(bytes, taken);
		bytes_add(result, stages_out(stages));
		stages_take(stages, stages_out(stages).length);
		if (r < 0)
			return r;
		assert_true(idle < 3);
	}
	return (int)bytes.length;
}

static struct bytes send_all(const struct representation *representation, struct view file,
			     size_t part)
{
	struct bytes wire = bytes_new(0);
	void *memory = malloc(TRANSFER_BUFFER_BYTES);
	struct stages *stages = stages_new_sending(memory, TRANSFER_BUFFER_BYTES, representation);

	assert_non_null(stages);
	assert_int_equal(pour(stages, file, part, true, &wire), 0);
	stages_fini(stages);
	free(memory);
	return wire;
}

static int receive_all(const struct representation *representation, struct view wire, size_t part,
		       bool ends, struct bytes *file)
{
	void *memory = malloc(TRANSFER_BUFFER_BYTES);
	struct stages *stages = stages_new_receiving(memory, TRANSFER_BUFFER_BYTES, representation);
	int r;

	assert_non_null(stages);
	r = pour(stages, wire, part, ends, file);
	stages_fini(stages);
	free(memory);
	return r;
}

static struct view view_of_bytes(const struct bytes *bytes)
{
	return (struct view){ bytes->at, bytes->length };
}

static struct representation represent(char type, char structure, char mode)
{
	struct representation representation;

	representation_init(&representation);
	representation.type = (uint8_t)type;
	representation.structure = (uint8_t)structure;
	representation.mode = (uint8_t)mode;
	representation.ebcdic = &ebcdic;
	return representation;
}

/* In MODE C the last string may be empty: what ends right behind its descriptor is complete. */
static bool is_bare_end(const struct representation *representation, struct view wire)
{
	return representation->mode == MODE_COMPRESSED && wire.length >= 2 &&
	       wire.at[wire.length - 2] == 0 && wire.at[wire.length - 1] & 0x40;
}

static void assert_is_cut(const struct representation *representation, struct view wire,
			  size_t part)
{
	struct bytes back = bytes_new(0);
	int r = receive_all(representation, wire, part, true, &back);

	if (!is_bare_end(representation, wire))
		assert_int_equal(r, -ENODATA);
	free(back.at);
}

static void assert_comes_back(const struct representation *representation, struct view file,
			      size_t part)
{
	struct bytes wire = send_all(representation, file, part);
	struct bytes back = bytes_new(0);
	bool marked = representation->mode != MODE_STREAM ||
		      representation->structure != STRUCTURE_FILE;
	int r = receive_all(representation, view_of_bytes(&wire), part, true, &back);

	if (r != 0)
		fail_msg("%c %u %c %c: %d", representation->type, representation->byte_bits,
			 representation->structure, representation->mode, r);
	assert_int_equal(back.length, file.length);
	assert_memory_equal(back.at, file.at, file.length);
	/* What follows on the connection is not touched, and a missing end is noticed. */
	if (marked && file.length > 0) {
		wire.at[wire.length++] = 0;
		wire.at[wire.length++] = 0x40;
		back.length = 0;
		assert_int_equal(
			receive_all(representation, view_of_bytes(&wire), part, false, &back), 2);
		for (size_t cut = 3; cut < 7 && cut < wire.length; cut++)
			assert_is_cut(representation, (struct view){ wire.at, wire.length - cut },
				      part);
	}
	free(wire.at);
	free(back.at);
}

static const size_t parts[] = { 1, 2, 3, 7, 64, 4096, 65536, BYTES_MAX };
static const size_t lengths[] = { 0, 1, 2, 3, 63, 64, 127, 128, 129, 300, 5000, 70000 };

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void test_text_comes_back(void **state)
{
	static const char types[] = "AEI";
	static const char structures[] = "FR";
	static const char modes[] = "SBCZ";

	(void)state;
	for (size_t l = 0; l < COUNT(lengths); l++) {
		struct bytes text = text_new((uint32_t)l + 1, lengths[l]);

		for (size_t p = l < 10 ? 0 : 3; p < COUNT(parts); p++)
			for (int i = 0; i < 3 * 2 * 4; i++) {
				struct representation representation = represent(
					types[i / 8], structures[i / 4 % 2], modes[i % 4]);

				if (!representation_is_plain(&representation))
					assert_comes_back(&representation, view_of_bytes(&text),
							  parts[p]);
			}
		free(text.at);
	}
}

/* Pages have to be poured in whole. */
static size_t whole_pages(size_t part, unsigned page)
{
	return part / page * page + page;
}

static void assert_pages_come_back(const struct representation *representation, struct view file)
{
	unsigned page = page_octets(representation->byte_bits);

	for (size_t p = 0; p < COUNT(parts); p++) {
		struct bytes wire = bytes_new(0);
		struct bytes back = bytes_new(0);
		void *memory = malloc(TRANSFER_BUFFER_BYTES);
		struct stages *stages =
			stages_new_sending(memory, TRANSFER_BUFFER_BYTES, representation);

		stages_describe(stages, (off_t)file.length);
		assert_int_equal(pour(stages, file, whole_pages(parts[p], page), true, &wire), 0);
		stages_fini(stages);
		stages = stages_new_receiving(memory, TRANSFER_BUFFER_BYTES, representation);
		assert_int_equal(pour(stages, view_of_bytes(&wire), parts[p], true, &back), 0);
		assert_true(back.length >= file.length);
		assert_memory_equal(back.at, file.at, file.length);
		if (stages_described_size(stages) >= 0)
			assert_int_equal(stages_described_size(stages), file.length);
		else
			assert_true(representation->byte_bits < 6);
		stages_fini(stages);
		free(memory);
		free(wire.at);
		free(back.at);
	}
}

static void test_pages_come_back(void **state)
{
	static const char modes[] = "SBCZ";

	(void)state;
	for (unsigned bits = 4; bits <= 255; bits += bits < 40 ? 1 : 43)
		for (size_t l = 0; l < COUNT(lengths) - 1; l++)
			for (int m = 0; m < 4; m++) {
				struct bytes text = text_new((uint32_t)l + 1, lengths[l]);
				struct representation representation =
					represent(TYPE_LOCAL, STRUCTURE_PAGE, modes[m]);

				representation.byte_bits = (uint8_t)bits;
				if (!representation_size_refusal(&representation,
								 (int64_t)lengths[l]))
					assert_pages_come_back(&representation,
							       view_of_bytes(&text));
				free(text.at);
			}
}

static void assert_wire(char type, char structure, char mode, const char *file, size_t file_length,
			const char *wire, size_t wire_length)
{
	struct representation representation = represent(type, structure, mode);
	struct bytes sent = send_all(&representation, (struct view){ file, file_length }, 4096);

	assert_int_equal(sent.length, wire_length);
	assert_memory_equal(sent.at, wire, wire_length);
	free(sent.at);
}

#define ASSERT_WIRE(type, structure, mode, file, wire) \
	assert_wire(type, structure, mode, file, sizeof(file) - 1, wire, sizeof(wire) - 1)

static void test_wire_is_the_rfcs(void **state)
{
	(void)state;
	ASSERT_WIRE('A', 'F', 'S', "a\nb", "a\r\nb");
	ASSERT_WIRE('A', 'R', 'S', "a\n\xff\n", "a\xff\x01\xff\xff\xff\x03");
	ASSERT_WIRE('A', 'R', 'S', "a\nb",
		    "a\xff\x01"
		    "b\xff\x02");
	ASSERT_WIRE('A', 'R', 'S', "", "\xff\x02");
	ASSERT_WIRE('A', 'R', 'S', "\n", "\xff\x03");
	ASSERT_WIRE('I', 'F', 'B', "", "\x40\0\0");
	ASSERT_WIRE('I', 'F', 'B', "ab\xff", "\x40\0\3ab\xff");
	ASSERT_WIRE('A', 'F', 'B', "a\n", "\x40\0\3a\r\n");
	ASSERT_WIRE('A', 'R', 'B', "a\nbc\n", "\x80\0\1a\xc0\0\2bc");
	ASSERT_WIRE('I', 'F', 'C', "", "\0\x40\xc0");
	ASSERT_WIRE('I', 'F', 'C', "abc", "\0\x40\3abc");
	ASSERT_WIRE('I', 'F', 'C', "xxxxx\0\0\0", "\x85x\0\x40\xc3");
	ASSERT_WIRE('A', 'F', 'C', "a    ", "\1a\0\x40\xc4");
	ASSERT_WIRE('A', 'R', 'C', "a\nb\n", "\0\x80\1a\0\xc0\1b");
	/* An empty record's descriptor stands alone, and no string that follows is taken for it. */
	ASSERT_WIRE('A', 'R', 'C', "\nb\n", "\0\x80\xc0\0\xc0\1b");
}

static void test_page_wire(void **state)
{
	struct representation representation = represent(TYPE_LOCAL, STRUCTURE_PAGE, MODE_STREAM);
	struct bytes sent;

	(void)state;
	representation.byte_bits = 16;
	sent = send_all(&representation, view_of("ab"), BYTES_MAX);
	assert_int_equal(sent.length, 8 + 2 + 8);
	assert_memory_equal(sent.at, "\0\4\0\0\0\1\0\1ab\0\4\0\1\0\0\0\0", 18);
	free(sent.at);
	representation.byte_bits = 36; /* two of them are nine octets */
	sent = send_all(&representation, view_of("abcdefghi"), BYTES_MAX);
	assert_int_equal(sent.length, 18 + 9 + 18);
	assert_memory_equal(sent.at, "\0\0\0\0\x40\0\0\0\0\0\0\0\0\x20\0\0\0\1abcdefghi", 27);
	free(sent.at);
}

static int receive_wire(char type, char structure, char mode, const char *wire, size_t length,
			struct bytes *file)
{
	struct representation representation = represent(type, structure, mode);

	return receive_all(&representation, (struct view){ wire, length }, 4096, true, file);
}

#define ASSERT_REFUSED(type, structure, mode, wire, error)                                   \
	do {                                                                                 \
		struct bytes file = bytes_new(0);                                            \
		assert_int_equal(receive_wire(type, structure, mode, wire, sizeof(wire) - 1, \
					      &file),                                        \
				 error);                                                     \
		free(file.at);                                                               \
	} while (0)

static void test_nonsense_is_refused(void **state)
{
	(void)state;
	ASSERT_REFUSED('A', 'R', 'S', "a\xff\4", -EBADMSG);
	ASSERT_REFUSED('A', 'R', 'S', "a\n\xff\3", -EILSEQ);
	ASSERT_REFUSED('A', 'R', 'S', "a\xff", -ENODATA);
	ASSERT_REFUSED('I', 'F', 'B', "\x81\0\1a", -EBADMSG);
	ASSERT_REFUSED('I', 'F', 'B', "\x80\0\1a", -EBADMSG);
	ASSERT_REFUSED('I', 'F', 'B', "\x10\0\1 ", -EBADMSG);
	ASSERT_REFUSED('I', 'F', 'B', "\0\0\5abc", -ENODATA);
	ASSERT_REFUSED('I', 'F', 'C', "\0\1a", -EBADMSG);
	ASSERT_REFUSED('I', 'F', 'C', "\3ab", -ENODATA);
	ASSERT_REFUSED('I', 'F', 'Z', "no zlib", -EBADMSG);
	ASSERT_REFUSED('I', 'P', 'S', "\3\0\0\0", -EBADMSG);
	ASSERT_REFUSED('I', 'P', 'S', "\4\0\0\4", -EPROTONOSUPPORT);
	ASSERT_REFUSED('I', 'P', 'S', "\4\0\xff\1", -EBADMSG);
	ASSERT_REFUSED('I', 'P', 'S', "\4\0\2\1a", -ENODATA);
}

#define ASSERT_FILE(type, structure, mode, wire, content)                                       \
	do {                                                                                    \
		struct bytes file = bytes_new(0);                                               \
		assert_int_equal(                                                               \
			receive_wire(type, structure, mode, wire, sizeof(wire) - 1, &file), 0); \
		assert_int_equal(file.length, sizeof(content) - 1);                             \
		assert_memory_equal(file.at, content, sizeof(content) - 1);                     \
		free(file.at);                                                                  \
	} while (0)

/* What other senders may do and we do not. */
static void test_other_senders(void **state)
{
	(void)state;
	ASSERT_FILE('I', 'F', 'B', "\0\0\1a\0\0\0\x60\0\1b", "ab");
	ASSERT_FILE('A', 'R', 'B', "\0\0\1a\x80\0\0\x80\0\0\x40\0\0", "a\n\n");
	ASSERT_FILE('A', 'R', 'C', "\1a\0\x80\1b\0\x80\0\0\1c\0\xc0", "ab\n\nc\n");
	ASSERT_FILE('I', 'F', 'C', "\0\x40", "");
	ASSERT_FILE('I', 'F', 'C', "\0\x40\xc0", "");
	ASSERT_FILE('I', 'P', 'S',
		    "\5\0\1\3\xaa"
		    "a\4\0\0\0",
		    "a");
}

static void test_mark_comes_through(void **state)
{
	static const char modes[] = "BC";
	char memory[2][TRANSFER_BUFFER_BYTES];
	size_t taken;

	(void)state;
	for (int m = 0; m < 2; m++) {
		struct representation representation =
			represent(TYPE_ASCII, STRUCTURE_RECORD, modes[m]);
		struct stages *sender =
			stages_new_sending(memory[0], sizeof(memory[0]), &representation);
		struct stages *receiver =
			stages_new_receiving(memory[1], sizeof(memory[1]), &representation);
		struct bytes wire = bytes_new(0);
		struct bytes file = bytes_new(0);
		struct view left;

		assert_int_equal(stages_run(sender, view_of("abc\n"), false, &taken), 0);
		assert_true(stages_settle(sender));
		bytes_add(&wire, stages_out(sender));
		stages_take(sender, stages_out(sender).length);
		stages_send_mark(sender, "here!");
		bytes_add(&wire, stages_out(sender));
		stages_take(sender, stages_out(sender).length);
		pour(sender, view_of("d\n"), 10, true, &wire);

		left = view_of_bytes(&wire);
		assert_int_equal(stages_run(receiver, left, false, &taken), 0);
		assert_int_equal(stages_event(receiver), STAGES_NO_EVENT);
		bytes_add(&file, stages_out(receiver));
		stages_take(receiver, stages_out(receiver).length);
		assert_int_equal(file.length, 4); /* what came before the marker, and no more */
		assert_int_equal(stages_event(receiver), STAGES_MARK);
		assert_string_equal(stages_mark_text(receiver), "here!");
		stages_go_on(receiver);
		assert_int_equal(pour(receiver, view_skip(left, taken), 10, true, &file), 0);
		assert_int_equal(file.length, 6);
		assert_memory_equal(file.at, "abc\nd\n", 6);
		free(wire.at);
		free(file.at);
	}
}

static void test_skip(void **state)
{
	static const char modes[] = "SZ";
	char memory[TRANSFER_BUFFER_BYTES];

	(void)state;
	for (int m = 0; m < 2; m++) {
		struct representation representation =
			represent(TYPE_ASCII, STRUCTURE_FILE, modes[m]);
		struct stages *stages = stages_new_sending(memory, sizeof(memory), &representation);
		struct bytes wire = bytes_new(0);
		struct bytes back = bytes_new(0);

		stages_set_skip(stages, 2);
		assert_int_equal(pour(stages, view_of("a\nb\n"), 1, true, &wire), 0);
		assert_int_equal(stages_skip(stages), 0);
		stages_fini(stages);
		if (modes[m] == 'Z') {
			representation.type = TYPE_IMAGE;
			assert_int_equal(receive_all(&representation, view_of_bytes(&wire), 9, true,
						     &back),
					 0);
		} else {
			bytes_add(&back, view_of_bytes(&wire));
		}
		assert_int_equal(back.length, 4);
		assert_memory_equal(back.at, "\nb\r\n", 4);
		free(wire.at);
		free(back.at);
	}
}

/* A page that lies elsewhere is announced before its bytes come. */
static void test_holes(void **state)
{
	struct representation representation = represent(TYPE_LOCAL, STRUCTURE_PAGE, MODE_STREAM);
	char memory[TRANSFER_BUFFER_BYTES];
	struct stages *stages;
	struct bytes wire = bytes_new(0);
	char page[2048];
	size_t taken;

	(void)state;
	representation.byte_bits = 32;
	memset(page, 'p', sizeof(page));
	stages = stages_new_sending(memory, sizeof(memory), &representation);
	assert_int_equal(stages_run(stages, (struct view){ page, sizeof(page) }, false, &taken), 0);
	stages_set_position(stages, 10 * 2048);
	assert_int_equal(pour(stages, (struct view){ page, 100 }, 100, true, &wire), 0);
	assert_int_equal(wire.length, 16 + 2048 + 16 + 100 + 16);

	stages = stages_new_receiving(memory, sizeof(memory), &representation);
	assert_int_equal(stages_run(stages, view_of_bytes(&wire), true, &taken), 0);
	assert_int_equal(stages_out(stages).length, 2048);
	stages_take(stages, 2048);
	assert_int_equal(stages_event(stages), STAGES_SEEK);
	assert_int_equal(stages_position(stages), 10 * 2048);
	stages_go_on(stages);
	assert_int_equal(stages_run(stages, view_skip(view_of_bytes(&wire), taken), true, &taken),
			 0);
	assert_int_equal(stages_out(stages).length, 100);
	stages_take(stages, 100);
	assert_true(stages_ended(stages));
	free(wire.at);
}

static void add_page(struct bytes *wire, unsigned char number, size_t words)
{
	static const char zeros[2048];
	const char header[16] = {
		0, 0, 0, 4, 0, 0, 0, (char)number, 0, 0, (char)(words >> 8), (char)words, 0, 0, 0, 1
	};

	bytes_add(wire, (struct view){ header, sizeof(header) });
	bytes_add(wire, (struct view){ zeros, 4 * words });
}

/* A marker may be read while a page before it still waits for its place in the file: both are told,
 * in their order, however much of it has room between the stages. */
static void test_mark_behind_a_page_elsewhere(void **state)
{
	struct representation representation = represent(TYPE_LOCAL, STRUCTURE_PAGE, MODE_BLOCK);
	char memory[TRANSFER_BUFFER_BYTES];

	(void)state;
	representation.byte_bits = 32;
	for (size_t words = 450; words < 512; words++) { /* together about 16 KiB */
		struct stages *stages =
			stages_new_receiving(memory, sizeof(memory), &representation);
		struct bytes wire = bytes_new(3);
		struct view left;
		size_t taken;

		for (unsigned char number = 1; number <= 7; number++)
			add_page(&wire, number, 512);
		add_page(&wire, 8, words);
		wire.at[0] = 0;
		wire.at[1] = (char)((wire.length - 3) >> 8);
		wire.at[2] = (char)(wire.length - 3);
		bytes_add(&wire, (struct view){ "\x10\0\4here", 7 });
		left = view_of_bytes(&wire);
		assert_int_equal(stages_run(stages, left, false, &taken), 0);
		left = view_skip(left, taken);
		assert_int_equal(stages_event(stages), STAGES_SEEK);
		assert_int_equal(stages_position(stages), 2048);
		stages_go_on(stages);
		assert_int_equal(stages_run(stages, left, false, &taken), 0);
		assert_int_equal(taken, left.length);
		assert_int_equal(stages_out(stages).length, 7 * 2048 + 4 * words);
		assert_int_equal(stages_event(stages), STAGES_NO_EVENT);
		stages_take(stages, stages_out(stages).length);
		assert_int_equal(stages_event(stages), STAGES_MARK);
		assert_string_equal(stages_mark_text(stages), "here");
		free(wire.at);
	}
}

static void test_listing(void **state)
{
	char memory[TRANSFER_BUFFER_BYTES];
	struct representation representation = represent(TYPE_EBCDIC, STRUCTURE_FILE, MODE_BLOCK);
	struct stages *stages;
	struct bytes wire = bytes_new(0);

	(void)state;
	stages = stages_new_listing(memory, sizeof(memory), &representation);
	assert_int_equal(pour(stages, view_of("a\r\nb\r\n"), 2, true, &wire), 0);
	assert_int_equal(wire.length % 3, 1); /* headers, and four bytes */
	wire.length = 0;
	representation = represent(TYPE_ASCII, STRUCTURE_RECORD, MODE_STREAM);
	stages = stages_new_listing(memory, sizeof(memory), &representation);
	assert_int_equal(pour(stages, view_of("a\r\nb\r\n"), 100, true, &wire), 0);
	assert_int_equal(wire.length, 6);
	assert_memory_equal(wire.at, "a\xff\1b\xff\3", 6);
	wire.length = 0;
	representation = represent(TYPE_ASCII, STRUCTURE_FILE, MODE_BLOCK);
	stages = stages_new_listing(memory, sizeof(memory), &representation);
	assert_int_equal(pour(stages, view_of("a\r\n"), 100, true, &wire), 0);
	assert_memory_equal(wire.at, "\x40\0\3a\r\n", 6);
	free(wire.at);
}

static int ebcdic_load(void **state)
{
	(void)state;
	return translate_ebcdic_load("1047", &ebcdic);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text_comes_back),
		cmocka_unit_test(test_pages_come_back),
		cmocka_unit_test(test_wire_is_the_rfcs),
		cmocka_unit_test(test_page_wire),
		cmocka_unit_test(test_nonsense_is_refused),
		cmocka_unit_test(test_other_senders),
		cmocka_unit_test(test_mark_comes_through),
		cmocka_unit_test(test_skip),
		cmocka_unit_test(test_holes),
		cmocka_unit_test(test_mark_behind_a_page_elsewhere),
		cmocka_unit_test(test_listing),
	};

	return cmocka_run_group_tests(tests, ebcdic_load, NULL);
}
