#include "protocol/host_port.h"

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define VIEW(text) ((struct view){ (text), sizeof(text) - 1 })
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void parse_reads_zero_and_255(void **state)
{
	struct host_port value;

	(void)state;
	assert_int_equal(host_port_parse(VIEW("10,0,0,255,4,1"), &value), 0);
	assert_int_equal(value.family, AF_INET);
	assert_int_equal(ntohl(value.v4.s_addr), 0x0a0000ff);
	assert_int_equal(value.port, 1025);
	assert_int_equal(host_port_parse(VIEW("0,0,0,0,0,0"), &value), 0);
	assert_int_equal(value.v4.s_addr, 0);
	assert_int_equal(value.port, 0);
	assert_int_equal(host_port_parse(VIEW("255,255,255,255,255,255"), &value), 0);
	assert_int_equal(value.v4.s_addr, 0xffffffff);
	assert_int_equal(value.port, 65535);
	assert_int_equal(host_port_parse(VIEW("127,000,00,001,031,064"), &value), 0);
	assert_int_equal(ntohl(value.v4.s_addr), 0x7f000001);
	assert_int_equal(value.port, 31 * 256 + 64);
}

static void parse_refuses_what_is_not_exactly_six_numbers(void **state)
{
	static const struct view texts[] = {
		VIEW(""),
		VIEW("1,2,3,4,5"),
		VIEW("1,2,3,4,5,"),
		VIEW("1,2,3,4,5,6,"),
		VIEW("1,2,3,4,5,6,7"),
		VIEW("1,2,3,4,5,256"),
		VIEW("256,2,3,4,5,6"),
		VIEW("1,,3,4,5,6"),
		VIEW(",2,3,4,5,6"),
		VIEW(" 1,2,3,4,5,6"),
		VIEW("1,2,3,4,5,6 "),
		VIEW("1,2,3,4,5,-6"),
		VIEW("1.2.3.4,5,6"),
		VIEW("1,2,3,4,5,0001"),
		VIEW("1,2,3,4,5,6\0"),
		VIEW("+1,2,3,4,5,6"),
		VIEW("a,2,3,4,5,6"),
	};
	struct host_port value = { .port = 7 };

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++)
		assert_int_equal(host_port_parse(texts[i], &value), -EINVAL);
	assert_int_equal(host_port_parse((struct view){ NULL, 0 }, &value), -EINVAL);
	assert_int_equal(value.port, 7);
}

static void extended_reads_both_families(void **state)
{
	static const struct in6_addr wanted = { .s6_addr = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 } };
	struct host_port value;

	(void)state;
	assert_int_equal(host_port_parse_extended(VIEW("|1|132.235.1.2|6275|"), &value), 0);
	assert_int_equal(value.family, AF_INET);
	assert_int_equal(ntohl(value.v4.s_addr), 0x84eb0102);
	assert_int_equal(value.port, 6275);
	assert_int_equal(host_port_parse_extended(VIEW("|2|2001:db8::1|5282|"), &value), 0);
	assert_int_equal(value.family, AF_INET6);
	assert_memory_equal(&value.v6, &wanted, 16);
	assert_int_equal(value.port, 5282);
	assert_int_equal(host_port_parse_extended(
				 VIEW("|2|0000:0000:0000:0000:0000:ffff:255.255.255.255|1|"),
				 &value),
			 0);
	assert_int_equal(value.v6.s6_addr[11], 0xff);
}

static void extended_takes_every_delimiter_that_splits_the_fields(void **state)
{
	(void)state;
	for (int delimiter = 33; delimiter <= 126; delimiter++) {
		char d = (char)delimiter;
		char text[] = { d, '2', d, ':', ':', d, '6', '5', '5', '3', '5', d };
		struct host_port value;
		int r;

		r = host_port_parse_extended((struct view){ text, sizeof(text) }, &value);
		if (strchr("2:356", delimiter)) {
			assert_int_equal(r, -EINVAL);
		} else {
			assert_int_equal(r, 0);
			assert_int_equal(value.port, 65535);
		}
	}
}

static void extended_refuses_bad_syntax(void **state)
{
	static const struct view texts[] = {
		VIEW(""),
		VIEW("|"),
		VIEW("|1|1.2.3.4|21"),
		VIEW("1|1.2.3.4|21|"),
		VIEW("|1|1.2.3.4|21||"),
		VIEW("|1|1.2.3.4|21| "),
		VIEW("|1|1.2.3.4||"),
		VIEW("|1||21|"),
		VIEW("||1.2.3.4|21|"),
		VIEW("|x|1.2.3.4|21|"),
		VIEW("|1|1.2.3|21|"),
		VIEW("|1|::1|21|"),
		VIEW("|2|1.2.3.4|21|"),
		VIEW("|2|::1%lo|21|"),
		VIEW("|2|[::1]|21|"),
		VIEW("|1|1.2.3.4|65536|"),
		VIEW("|1|1.2.3.4|000021|"),
		VIEW("|1|1.2.3.4|-1|"),
		VIEW("|1|1.2.3.4\0|21|"),
		VIEW(" 1 1.2.3.4 21 "),
		VIEW("\x7f"
		     "1\x7f"
		     "1.2.3.4\x7f"
		     "21\x7f"),
		VIEW("\xff"
		     "1\xff"
		     "1.2.3.4\xff"
		     "21\xff"),
		VIEW("|2|00000000000000000000000000000000000000000000000000000000::1|21|"),
		VIEW("|99999999999|1.2.3.4|21|"),
	};
	struct host_port value = { .port = 7 };

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++)
		assert_int_equal(host_port_parse_extended(texts[i], &value), -EINVAL);
	assert_int_equal(value.port, 7);
}

static void extended_knows_protocols_1_and_2_alone(void **state)
{
	static const struct view texts[] = { VIEW("|3|x|21|"), VIEW("|0|1.2.3.4|21|"),
					     VIEW("|16|anything|here|"), VIEW("|65535|||") };
	struct host_port value;

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++)
		assert_int_equal(host_port_parse_extended(texts[i], &value), -EAFNOSUPPORT);
}

static void long_reads_both_families(void **state)
{
	static const uint8_t v6[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 };
	struct host_port value = { 0 };

	(void)state;
	assert_int_equal(host_port_parse_long(VIEW("4,4,132,235,1,2,2,24,131"), &value), 0);
	assert_int_equal(value.family, AF_INET);
	assert_int_equal(value.v4.s_addr, htonl(0x84eb0102));
	assert_int_equal(value.port, 6275);
	assert_int_equal(host_port_parse_long(
				 VIEW("6,16,32,1,13,184,0,0,0,0,0,0,0,0,0,0,0,1,2,20,162"), &value),
			 0);
	assert_int_equal(value.family, AF_INET6);
	assert_memory_equal(&value.v6, v6, sizeof(v6));
	assert_int_equal(value.port, 5282);
}

static void long_refuses_bad_syntax(void **state)
{
	static const struct view texts[] = {
		VIEW(""),
		VIEW("4"),
		VIEW("4,"),
		VIEW("4,4"),
		VIEW("4,4,127,0,0,1"),
		VIEW("4,4,127,0,0,1,2,200"),
		VIEW("4,4,127,0,0,1,2,200,1,"),
		VIEW("4,4,127,0,0,1,2,200,1,1"),
		VIEW("4,4,127,0,0,1,2,200,256"),
		VIEW("4,4,127,0,0,1,2,200,-1"),
		VIEW("4,4,127,0,0,1,2,200,x"),
		VIEW(" 4,4,127,0,0,1,2,200,1"),
		VIEW("4,4,127,0,0,1,2,200,1 "),
		VIEW("4,4,127,0,0,0001,2,200,1"),
		VIEW("4,3,127,0,1,2,200,1"),
		VIEW("4,4,127,0,0,1,1,200"),
		VIEW("4,4,127,0,0,1,3,0,200,1"),
		VIEW("4,16,0,0,0,0,0,0,0,0,0,0,0,0,127,0,0,1,2,200,1"),
		VIEW("6,4,127,0,0,1,2,200,1"),
		VIEW("6,0,2,200,1"),
		VIEW("4,17,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,2,200,1"),
		VIEW("16,999,1"),
		VIEW("256,4,127,0,0,1,2,200,1"),
		VIEW("16"),
	};
	struct host_port value = { .port = 7 };

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++)
		assert_int_equal(host_port_parse_long(texts[i], &value), -EINVAL);
	assert_int_equal(value.port, 7);
}

static void long_knows_families_4_and_6_alone(void **state)
{
	static const struct view texts[] = { VIEW("16,10,1,2,3,4,5,6,7,8,9,10,2,1,2"),
					     VIEW("0,0,0"), VIEW("5,4,127,0,0,1,2,200,1") };
	struct host_port value;

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++)
		assert_int_equal(host_port_parse_long(texts[i], &value), -EAFNOSUPPORT);
}

static void long_is_written_as_it_is_read(void **state)
{
	static const struct view texts[] = {
		VIEW("4,4,255,255,255,255,2,255,255"),
		VIEW("6,16,255,254,253,252,251,250,249,248,247,246,245,244,243,242,241,240,2,255,255"),
	};
	char text[HOST_PORT_TEXT_MAX];
	struct host_port value;

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		assert_int_equal(host_port_parse_long(texts[i], &value), 0);
		host_port_format_long(&value, text);
		assert_string_equal(text, texts[i].at);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parse_reads_zero_and_255),
		cmocka_unit_test(parse_refuses_what_is_not_exactly_six_numbers),
		cmocka_unit_test(extended_reads_both_families),
		cmocka_unit_test(extended_takes_every_delimiter_that_splits_the_fields),
		cmocka_unit_test(extended_refuses_bad_syntax),
		cmocka_unit_test(extended_knows_protocols_1_and_2_alone),
		cmocka_unit_test(long_reads_both_families),
		cmocka_unit_test(long_refuses_bad_syntax),
		cmocka_unit_test(long_knows_families_4_and_6_alone),
		cmocka_unit_test(long_is_written_as_it_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
