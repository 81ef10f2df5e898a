#include "sluice/translate.h"

#include <errno.h>
#include <iconv.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct translate_ebcdic loaded(const char *page)
{
	struct translate_ebcdic ebcdic;

	assert_int_equal(translate_ebcdic_load(page, &ebcdic), 0);
	return ebcdic;
}

/* Values from IBM's code charts: where 037, 500, 273 and 1047 differ and where all agree. */
static void known_characters_are_where_the_code_charts_have_them(void **state)
{
	static const struct {
		const char *page;
		unsigned char character;
		unsigned char code;
	} known[] = {
		{ "1047", 'A', 0xc1 }, { "1047", 'z', 0xa9 }, { "1047", '0', 0xf0 },
		{ "1047", ' ', 0x40 }, { "1047", '[', 0xad }, { "1047", ']', 0xbd },
		{ "1047", '^', 0x5f }, { "1047", '!', 0x5a }, { "1047", '\r', 0x0d },
		{ "037", '[', 0xba },  { "037", ']', 0xbb },  { "037", '^', 0xb0 },
		{ "037", '!', 0x5a },  { "500", '[', 0x4a },  { "500", ']', 0x5a },
		{ "500", '!', 0x4f },  { "273", '[', 0x63 },  { "273", 0xc4, 0x4a },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		struct translate_ebcdic ebcdic = loaded(known[i].page);

		assert_int_equal(ebcdic.to_network.map[known[i].character], known[i].code);
		assert_int_equal(ebcdic.from_network.map[known[i].code], known[i].character);
	}
}

static void every_page_is_a_bijection_with_nl_as_the_end_of_a_line(void **state)
{
	static const char *const pages[] = { "1047", "037",	   "273",
					     "277",  "278",	   "280",
					     "284",  "297",	   "500",
					     "871",  "285",	   "290",
					     "420",  "424",	   "870",
					     "880",  "905",	   "1025",
					     "1026", "1112",	   "1122",
					     "1140", "1153",	   "1155",
					     "875",  "870:CP1250", "1140:ISO-8859-15" };

	(void)state;
	for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
		struct translate_ebcdic ebcdic = loaded(pages[i]);

		for (unsigned byte = 0; byte < 256; byte++) {
			uint8_t code = ebcdic.to_network.map[byte];

			assert_int_equal(ebcdic.from_network.map[code], byte);
		}
		assert_int_equal(ebcdic.to_network.map['\n'], 0x15);
		if (ebcdic.others == 0)
			assert_int_equal(ebcdic.to_network.map[0x85], 0x25);
		assert_int_equal(ebcdic.to_network.map['\r'], 0x0d);
	}
}

/* Values from IBM's code charts and those of ISO 8859. */
static void a_page_of_other_letters_has_the_iso_8859_part_that_has_them(void **state)
{
	static const struct {
		const char *page;
		const char *text;
		unsigned char character; /* of that part */
		unsigned char code;
	} known[] = {
		{ "037", "ISO-8859-1", 0xa4, 0x9f },  /* currency sign */
		{ "1140", "ISO-8859-1", 0xa4, 0x9f }, /* euro sign, where ISO 8859-15 has it too */
		{ "1140:ISO-8859-15", "ISO-8859-15", 0xa4, 0x9f },
		{ "285", "ISO-8859-1", 0xa3, 0x5b },	/* pound sign */
		{ "870", "ISO-8859-2", 0xb1, 0xa0 },	/* a with ogonek */
		{ "870:CP1250", "CP1250", 0xb9, 0xa0 }, /* the same */
		{ "1153", "ISO-8859-2", 0xb1, 0xa0 },
		{ "424", "ISO-8859-8", 0xe0, 0x41 },   /* alef */
		{ "1025", "ISO-8859-5", 0xd0, 0x77 },  /* small a of Cyrillic */
		{ "875", "ISO-8859-7", 0xc1, 0x41 },   /* Alpha */
		{ "1026", "ISO-8859-9", 0xfd, 0x79 },  /* dotless i */
		{ "1112", "ISO-8859-13", 0xe0, 0x44 }, /* a with ogonek */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		struct translate_ebcdic ebcdic = loaded(known[i].page);

		assert_string_equal(ebcdic.text, known[i].text);
		assert_int_equal(ebcdic.to_network.map[known[i].character], known[i].code);
	}
	assert_int_equal(loaded("037").others, 0);
	assert_int_equal(loaded("1047").others, 0);
	assert_int_equal(loaded("1140").others, 1);
}

static void the_table_of_1047_is_that_of_iconv_but_for_lf_and_nel(void **state)
{
	struct translate_ebcdic ebcdic = loaded(TRANSLATE_EBCDIC_DEFAULT);
	iconv_t page = iconv_open("IBM1047", "ISO-8859-1");

	(void)state;
	assert_true(page != (iconv_t)-1);
	for (unsigned byte = 0; byte < 256; byte++) {
		char from = (char)byte, code;
		char *at = &from, *to = &code;
		size_t from_left = 1, to_left = 1;

		assert_int_equal(iconv(page, &at, &from_left, &to, &to_left), 0);
		if (byte != '\n' && byte != 0x85)
			assert_int_equal(ebcdic.to_network.map[byte], (uint8_t)code);
	}
	iconv_close(page);
}

static void a_page_has_many_names(void **state)
{
	static const char *const names[] = { "037",   "IBM037", "ibm037",  "IBM-037",
					     "CP037", "cp-037", "cp00037", "EBCDIC-CP-US" };
	struct translate_ebcdic page = loaded("037");
	struct translate_ebcdic standard = loaded("1047");

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct translate_ebcdic named = loaded(names[i]);

		assert_memory_equal(&named, &page, sizeof(page));
	}
	assert_memory_not_equal(&standard, &page, sizeof(page));
	page = loaded("ibm-1047");
	assert_memory_equal(&standard, &page, sizeof(page));
}

static void what_is_no_page_of_ours_is_refused_and_says_why(void **state)
{
	static const struct {
		const char *page;
		int error;
		const char *says;
	} refused[] = {
		{ "", -ENOENT, "iconv" },
		{ "99999", -ENOENT, "iconv" },
		{ "37", -ENOENT, "iconv" },
		{ "1047x", -ENOENT, "iconv" },
		{ "IBM", -ENOENT, "iconv" },
		{ "IBM037//TRANSLIT", -ENOENT, "iconv" },
		{ "../IBM037", -ENOENT, "iconv" },
		{ "a-name-that-is-longer-than-any-page-has", -ENOENT, "iconv" },
		{ "UTF-8", -EMSGSIZE, "one byte" },
		{ "UTF-16", -EMSGSIZE, "one byte" },
		{ "IBM930", -EMSGSIZE, "one byte" },
		{ "437", -EDOM, "EBCDIC" },
		{ "ISO-8859-15", -EDOM, "EBCDIC" },
		{ "870:", -EPROTOTYPE, "colon" },
		{ "870:nothing", -EPROTOTYPE, "colon" },
		{ "870:UTF-8", -EPROTOTYPE, "colon" },
		{ "870:IBM037", -EPROTOTYPE, "colon" },
		{ "870:ISO-8859-2//TRANSLIT", -EPROTOTYPE, "colon" },
		{ ":ISO-8859-2", -ENOENT, "iconv" },
		{ "ISO-8859-1", -EDOM, "EBCDIC" },
		{ "CP819", -EDOM, "EBCDIC" },
	};
	struct translate_ebcdic ebcdic;
	struct translate_ebcdic before;

	(void)state;
	memset(&ebcdic, 7, sizeof(ebcdic));
	before = ebcdic;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		int r = translate_ebcdic_load(refused[i].page, &ebcdic);

		if (r != refused[i].error)
			print_message("%s: %d\n", refused[i].page, r);
		assert_int_equal(r, refused[i].error);
		assert_non_null(strstr(translate_ebcdic_error(r), refused[i].says));
		assert_memory_equal(&ebcdic, &before, sizeof(ebcdic));
	}
	assert_string_equal(translate_ebcdic_error(-ENOMEM), strerror(ENOMEM));
}

static void a_text_with_line_ends_is_sent_and_comes_back(void **state)
{
	static const char text[] = "Hello, world\nAll of it?\n\n[yes]\n";
	static const unsigned char sent[] = "\xc8\x85\x93\x93\x96\x6b\x40\xa6\x96\x99\x93\x84\x15";
	struct translate_ebcdic ebcdic = loaded("1047");
	char network[sizeof(text)];

	(void)state;
	translate_table_apply(&ebcdic.to_network, text, sizeof(text), network);
	assert_memory_equal(network, sent, sizeof(sent) - 1);
	translate_table_apply(&ebcdic.from_network, network, sizeof(text), network);
	assert_memory_equal(network, text, sizeof(text));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_characters_are_where_the_code_charts_have_them),
		cmocka_unit_test(every_page_is_a_bijection_with_nl_as_the_end_of_a_line),
		cmocka_unit_test(a_page_of_other_letters_has_the_iso_8859_part_that_has_them),
		cmocka_unit_test(the_table_of_1047_is_that_of_iconv_but_for_lf_and_nel),
		cmocka_unit_test(a_page_has_many_names),
		cmocka_unit_test(what_is_no_page_of_ours_is_refused_and_says_why),
		cmocka_unit_test(a_text_with_line_ends_is_sent_and_comes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
