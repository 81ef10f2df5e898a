#include "represent/marker.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include <sluice/translate.h>

static const uint8_t state_of_stages[STAGES_STATE_BYTES] = { 1, 2, 3 };

static struct statx a_file(void)
{
	return (struct statx){ .stx_dev_major = 8,
			       .stx_ino = 12345,
			       .stx_size = 1000,
			       .stx_ctime = { .tv_sec = 1700000000, .tv_nsec = 5 } };
}

static void make(bool written, char *text)
{
	struct representation representation;
	struct statx stat = a_file();
	struct marker_file file = marker_file_of(&stat, written);

	representation_init(&representation);
	marker_format(&representation, &file, 777, state_of_stages, text);
}

static void a_marker_comes_back(void **state)
{
	struct representation representation;
	struct statx stat = a_file();
	struct marker_file file = marker_file_of(&stat, false);
	char text[RESTART_MARK_MAX];
	struct marker marker;

	(void)state;
	representation_init(&representation);
	make(false, text);
	assert_true(strlen(text) < RESTART_MARK_MAX);
	for (const char *at = text; *at; at++)
		assert_true(*at > ' ' && *at < 127);
	assert_int_equal(marker_parse(view_of(text), &marker), 0);
	assert_int_equal(marker.offset, 777);
	assert_memory_equal(marker.state, state_of_stages, STAGES_STATE_BYTES);
	assert_int_equal(marker_check(&marker, &representation, &file), 0);
	representation.type = TYPE_EBCDIC;
	assert_int_equal(marker_check(&marker, &representation, &file), -EPROTOTYPE);
	representation.mode = MODE_COMPRESSED;
	representation.type = TYPE_ASCII;
	assert_int_equal(marker_check(&marker, &representation, &file), 0);
}

/* With another code page, or with none, the rest of the file would be another text. */
static void another_conversion_is_noticed(void **state)
{
	static struct translate_ebcdic pages[2];
	struct representation representation;
	struct statx stat = a_file();
	struct marker_file file = marker_file_of(&stat, false);
	char text[RESTART_MARK_MAX];
	struct marker marker;

	(void)state;
	assert_int_equal(translate_ebcdic_load("1047", &pages[0]), 0);
	pages[1] = pages[0];
	pages[1].to_network.map['['] ^= 1;
	representation_init(&representation);
	representation.ebcdic = &pages[0];
	representation.type = TYPE_EBCDIC;
	marker_format(&representation, &file, 777, state_of_stages, text);
	assert_int_equal(marker_parse(view_of(text), &marker), 0);
	assert_int_equal(marker_check(&marker, &representation, &file), 0);
	representation.ebcdic = &pages[1];
	assert_int_equal(marker_check(&marker, &representation, &file), -ESTALE);

	representation.type = TYPE_ASCII;
	marker_format(&representation, &file, 777, state_of_stages, text);
	assert_int_equal(marker_parse(view_of(text), &marker), 0);
	representation.ebcdic = &pages[0]; /* which is nothing to TYPE A */
	assert_int_equal(marker_check(&marker, &representation, &file), 0);
	representation.text_as_is = true;
	assert_int_equal(marker_check(&marker, &representation, &file), -ESTALE);
}

static void no_digit_can_be_changed(void **state)
{
	struct representation representation;
	struct statx stat = a_file();
	struct marker_file file = marker_file_of(&stat, false);
	char text[RESTART_MARK_MAX];
	struct marker marker;

	(void)state;
	representation_init(&representation);
	make(false, text);
	for (size_t i = 0; i < strlen(text); i++) {
		char was = text[i];

		text[i] = was == '7' ? '8' : '7';
		if (marker_parse(view_of(text), &marker) == 0)
			assert_int_equal(marker_check(&marker, &representation, &file), -ESTALE);
		else
			assert_int_equal(i, 0);
		text[i] = was;
	}
	assert_int_equal(marker_parse(view_of(""), &marker), -EINVAL);
	assert_int_equal(marker_parse(view_of("1000"), &marker), -EINVAL);
	text[10] = 'X';
	assert_int_equal(marker_parse(view_of(text), &marker), -EINVAL);
}

static void another_file_is_noticed(void **state)
{
	struct representation representation;
	struct statx stats[5] = { a_file(), a_file(), a_file(), a_file(), a_file() };
	char text[2][RESTART_MARK_MAX];

	(void)state;
	representation_init(&representation);
	make(false, text[0]);
	make(true, text[1]);
	stats[0].stx_ino++;
	stats[1].stx_dev_minor++;
	stats[2].stx_size++;
	stats[3].stx_ctime.tv_nsec++;
	for (int written = 0; written < 2; written++)
		for (int i = 0; i < 5; i++) {
			struct marker_file file = marker_file_of(&stats[i], written);
			struct marker marker;
			bool same = i == 4 || (written && i >= 2);

			assert_int_equal(marker_parse(view_of(text[written]), &marker), 0);
			assert_int_equal(marker_check(&marker, &representation, &file),
					 same ? 0 : -ESTALE);
			file.origin = 1;
			assert_int_equal(marker_check(&marker, &representation, &file), -ESTALE);
			file.origin = 0;
			file.written = !written;
			assert_int_equal(marker_check(&marker, &representation, &file), -ESTALE);
		}
}

static int key_init(void **state)
{
	(void)state;
	return marker_key_init((const uint8_t[MARKER_SECRET_BYTES]){ 1, 2, 3 });
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_marker_comes_back),
		cmocka_unit_test(another_conversion_is_noticed),
		cmocka_unit_test(no_digit_can_be_changed),
		cmocka_unit_test(another_file_is_noticed),
	};

	return cmocka_run_group_tests(tests, key_init, NULL);
}
