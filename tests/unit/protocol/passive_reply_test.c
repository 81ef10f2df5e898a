#include "protocol/passive_reply.h"

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define VIEW(text) ((struct view){ (text), sizeof(text) - 1 })
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* How vsftpd, ProFTPD, Pure-FTPd and pyftpdlib say it, RFC 959 without parentheses, and what RFC
 * 1123 section 4.1.2.6 warns of. */
static void every_server_s_227_is_read(void **state)
{
	static const struct view texts[] = {
		VIEW("Entering Passive Mode (10,0,0,255,4,1)."),
		VIEW("Entering Passive Mode (10,0,0,255,4,1)"),
		VIEW("Entering passive mode (10,0,0,255,4,1)."),
		VIEW("Entering Passive Mode. 10,0,0,255,4,1"),
		VIEW("=10,0,0,255,4,1"),
		VIEW("10,0,0,255,4,1, if you please"),
		VIEW("Mode 2 (see 3,4): 10,0,0,255,4,1"),
		VIEW("first line\nEntering Passive Mode (10,0,0,255,4,1)"),
	};

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		struct host_port value = { 0 };

		assert_int_equal(passive_reply_parse(texts[i], &value), 0);
		assert_int_equal(value.family, AF_INET);
		assert_int_equal(ntohl(value.v4.s_addr), 0x0a0000ff);
		assert_int_equal(value.port, 1025);
	}
}

static void a_227_without_an_address_is_refused(void **state)
{
	static const struct view texts[] = {
		VIEW(""),
		VIEW("Entering Passive Mode"),
		VIEW("Entering Passive Mode (10,0,0,255,4)"),
		VIEW("Entering Passive Mode (10,0,0,255,4,1,7)"),
		VIEW("Entering Passive Mode (10,0,0,256,4,1)"),
		VIEW("Entering Passive Mode (10,0,0,255,256,1)"),
		VIEW("Entering Passive Mode (10, 0, 0, 255, 4, 1)"),
		VIEW("Entering Passive Mode (,10,0,0,255,4,1)"),
		VIEW("Entering Passive Mode (10,0,0,-5,4,1)"),
		VIEW("Entering Passive Mode (10,0,0,1,0,0)"),
		VIEW(",,,,,,"),
	};
	struct host_port value = { .port = 7 };

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++)
		assert_int_equal(passive_reply_parse(texts[i], &value), -EPROTO);
	assert_int_equal(passive_reply_parse((struct view){ NULL, 0 }, &value), -EPROTO);
	assert_int_equal(value.port, 7);
}

/* RFC 2428 section 3, its own example first. */
static void a_229_is_read(void **state)
{
	uint16_t port = 0;

	(void)state;
	assert_int_equal(passive_reply_parse_extended(
				 VIEW("Entering Extended Passive Mode (|||6446|)"), &port),
			 0);
	assert_int_equal(port, 6446);
	assert_int_equal(passive_reply_parse_extended(VIEW("(|||65535|)."), &port), 0);
	assert_int_equal(port, 65535);
	assert_int_equal(passive_reply_parse_extended(VIEW("(RFC 2428) (((|||1|)"), &port), 0);
	assert_int_equal(port, 1);
}

static void a_229_takes_every_delimiter(void **state)
{
	(void)state;
	for (int delimiter = 33; delimiter <= 126; delimiter++) {
		char d = (char)delimiter;
		char text[] = { '(', d, d, d, '6', '4', '4', '6', d, ')' };
		uint16_t port = 0;
		int r;

		r = passive_reply_parse_extended((struct view){ text, sizeof(text) }, &port);
		if (delimiter == '4' || delimiter == '6') {
			assert_int_equal(r, -EPROTO);
		} else {
			assert_int_equal(r, 0);
			assert_int_equal(port, 6446);
		}
	}
}

static void a_229_of_another_form_is_refused(void **state)
{
	static const struct view texts[] = {
		VIEW(""),
		VIEW("("),
		VIEW("(|"),
		VIEW("(|||"),
		VIEW("(||||)"),
		VIEW("(|||6446"),
		VIEW("(|||6446|"),
		VIEW("|||6446|"),
		VIEW("(||6446|)"),
		VIEW("(|||6446)"),
		VIEW("(|||6446|x)"),
		VIEW("(|||64 46|)"),
		VIEW("(|||-446|)"),
		VIEW("(|||0|)"),
		VIEW("(|||65536|)"),
		VIEW("(|||4294967297|)"),
		VIEW("(|!|6446|)"),
		VIEW("(|1|10.0.0.1|6446|)"),
		VIEW("(   6446 )"),
		VIEW("(\x7f\x7f\x7f"
		     "6446\x7f)"),
		VIEW("(\xff\xff\xff"
		     "6446\xff)"),
	};
	uint16_t port = 7;

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++)
		assert_int_equal(passive_reply_parse_extended(texts[i], &port), -EPROTO);
	assert_int_equal(passive_reply_parse_extended((struct view){ NULL, 0 }, &port), -EPROTO);
	assert_int_equal(port, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_server_s_227_is_read),
		cmocka_unit_test(a_227_without_an_address_is_refused),
		cmocka_unit_test(a_229_is_read),
		cmocka_unit_test(a_229_takes_every_delimiter),
		cmocka_unit_test(a_229_of_another_form_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
