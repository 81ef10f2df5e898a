#include "client/printable.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define VIEW(text) ((struct view){ (text), sizeof(text) - 1 })
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void assert_printed(struct view text, const char *wanted)
{
	char printed[512];

	assert_in_range(PRINTABLE_BYTES(text.length), 1, sizeof(printed));
	assert_int_equal(printable_text(text, printed, PRINTABLE_BYTES(text.length)),
			 strlen(wanted));
	assert_string_equal(printed, wanted);
}

static void text_stays_as_it_is(void **state)
{
	static const char *const texts[] = {
		"",
		"Welcome to ~ftp, \"friend\" \\x1b\\",
		"\xc3\xa4\xc3\xb6\xc3\xbc \xe2\x82\xac \xf0\x9f\x90\xa7 \xe6\x97\xa5\xe6\x9c\xac",
		"\xc2\xa0",			    /* U+00A0, the first after C1 */
		"\xed\x9f\xbf\xee\x80\x80",	    /* U+D7FF and U+E000, around the surrogates */
		"\xf4\x8f\xbf\xbf",		    /* U+10FFFF */
		"\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d", /* Hebrew letters turn by themselves */
	};

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++)
		assert_printed(view_of(texts[i]), texts[i]);
	assert_printed((struct view){ NULL, 0 }, "");
}

static void control_characters_are_escaped(void **state)
{
	(void)state;
	assert_printed(VIEW("\x1b[2J\x1b]0;title\x07"), "\\x1b[2J\\x1b]0;title\\x07");
	assert_printed(VIEW("a\0b\r\n\tc\x7f"), "a\\x00b\\x0d\\x0a\\x09c\\x7f");
	for (int byte = 0; byte < 32; byte++) {
		const char text[] = { (char)byte };
		char printed[PRINTABLE_BYTES(1)];

		assert_int_equal(printable_text((struct view){ text, 1 }, printed, sizeof(printed)),
				 4);
	}
	/* C1 as UTF-8 (U+0080, U+009B, U+009F), and as bytes. */
	assert_printed(VIEW("\xc2\x80\xc2\x9b\xc2\x9f"), "\\xc2\\x80\\xc2\\x9b\\xc2\\x9f");
	assert_printed(VIEW("\x9b"
			    "2J"),
		       "\\x9b2J");
}

/* RFC 3629 section 3 and 10. */
static void bytes_that_are_no_utf_8_are_escaped(void **state)
{
	(void)state;
	assert_printed(VIEW("gr\xfc\xdf"
			    "e"),
		       "gr\\xfc\\xdfe");
	assert_printed(VIEW("\xc0\xaf"), "\\xc0\\xaf");			  /* "/" over-long */
	assert_printed(VIEW("\xe0\x80\xaf"), "\\xe0\\x80\\xaf");	  /* again */
	assert_printed(VIEW("\xf0\x80\x80\xaf"), "\\xf0\\x80\\x80\\xaf"); /* and again */
	assert_printed(VIEW("\xed\xa0\x80"), "\\xed\\xa0\\x80");	  /* a surrogate */
	assert_printed(VIEW("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80"); /* U+110000 */
	assert_printed(VIEW("\xf8\x88\x80\x80\x80"), "\\xf8\\x88\\x80\\x80\\x80");
	assert_printed(VIEW("\x80"), "\\x80");
	assert_printed(VIEW("\xff\xfe"), "\\xff\\xfe");
	assert_printed(VIEW("\xe2\x82"), "\\xe2\\x82"); /* cut off */
	assert_printed(VIEW("\xe2\x82x"), "\\xe2\\x82x");
	assert_printed(VIEW("\xe2\xe2\x82\xac"), "\\xe2\xe2\x82\xac");
}

static void what_turns_the_direction_is_escaped(void **state)
{
	(void)state;
	/* U+202E makes "gpj.exe" of "exe.jpg". */
	assert_printed(VIEW("\xe2\x80\xaegpj.exe"), "\\xe2\\x80\\xaegpj.exe");
	assert_printed(VIEW("\xd8\x9c"), "\\xd8\\x9c");			  /* U+061C */
	assert_printed(VIEW("\xe2\x80\x8e"), "\\xe2\\x80\\x8e");	  /* U+200E */
	assert_printed(VIEW("\xe2\x80\x8f"), "\\xe2\\x80\\x8f");	  /* U+200F */
	assert_printed(VIEW("\xe2\x80\xaa"), "\\xe2\\x80\\xaa");	  /* U+202A */
	assert_printed(VIEW("\xe2\x81\xa6"), "\\xe2\\x81\\xa6");	  /* U+2066 */
	assert_printed(VIEW("\xe2\x81\xa9"), "\\xe2\\x81\\xa9");	  /* U+2069 */
	assert_printed(VIEW("\xe2\x80\xa8"), "\\xe2\\x80\\xa8");	  /* U+2028 */
	assert_printed(VIEW("\xf3\xa0\x81\xa1"), "\\xf3\\xa0\\x81\\xa1"); /* U+E0061 */
	/* U+200D joins the parts of many a character. */
	assert_printed(VIEW("\xe2\x80\x8d"), "\xe2\x80\x8d");
}

static void what_does_not_fit_is_cut_between_characters(void **state)
{
	static const struct view text = VIEW("a\x01\xe2\x82\xac");
	static const char *const wanted[] = {
		"", "", "a", "a", "a", "a", "a\\x01", "a\\x01", "a\\x01", "a\\x01\xe2\x82\xac"
	};

	(void)state;
	for (size_t size = 1; size < COUNT(wanted); size++) {
		char printed[16];

		memset(printed, 'x', sizeof(printed));
		assert_int_equal(printable_text(text, printed, size), strlen(wanted[size]));
		assert_string_equal(printed, wanted[size]);
		for (size_t i = size; i < sizeof(printed); i++)
			assert_int_equal(printed[i], 'x');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_stays_as_it_is),
		cmocka_unit_test(control_characters_are_escaped),
		cmocka_unit_test(bytes_that_are_no_utf_8_are_escaped),
		cmocka_unit_test(what_turns_the_direction_is_escaped),
		cmocka_unit_test(what_does_not_fit_is_cut_between_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
