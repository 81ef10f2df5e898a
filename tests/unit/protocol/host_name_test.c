#include "protocol/host_name.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define VIEW(text)                       \
	{                                \
		(text), sizeof(text) - 1 \
	}
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define TEN "abcdefghij"
#define SIXTY_THREE TEN TEN TEN TEN TEN TEN "abc"

static void domain_names_are_names(void **state)
{
	static const struct view names[] = {
		VIEW("a"),
		VIEW("ftp.example.org"),
		VIEW("FTP-1.Example.ORG"),
		VIEW("xn--bcher-kva.example"),
		VIEW("3com.com"),
		VIEW("1.2.3.4a"),
		VIEW(SIXTY_THREE ".org"),
		VIEW(SIXTY_THREE "." SIXTY_THREE "." SIXTY_THREE "." TEN TEN TEN TEN TEN TEN "a"),
	};
	struct host_name name;

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		name.family = -1;
		assert_int_equal(host_name_parse(names[i], &name), 0);
		assert_int_equal(name.family, AF_UNSPEC);
	}
}

static void addresses_are_read(void **state)
{
	static const struct view v4 = VIEW("192.0.2.1");
	static const struct view v6 = VIEW("[2001:db8::1]");
	static const uint8_t bytes[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 };
	struct host_name name;

	(void)state;
	assert_int_equal(host_name_parse(v4, &name), 0);
	assert_int_equal(name.family, AF_INET);
	assert_int_equal(name.v4.s_addr, htonl(0xc0000201));
	assert_int_equal(host_name_parse(v6, &name), 0);
	assert_int_equal(name.family, AF_INET6);
	assert_memory_equal(&name.v6, bytes, sizeof(bytes));
}

static void anything_else_is_refused(void **state)
{
	static const struct view texts[] = {
		VIEW(""),
		VIEW("."),
		VIEW(".org"),
		VIEW("org."),
		VIEW("a..b"),
		VIEW("-a.org"),
		VIEW("a-.org"),
		VIEW("a_b.org"),
		VIEW("a b"),
		VIEW(" a"),
		VIEW("a:21"),
		VIEW("192.0.2.1:21"),
		VIEW("192.0.2"),
		VIEW("192.0.2.256"),
		VIEW("1234"),
		VIEW("2001:db8::1"),
		VIEW("[2001:db8::1"),
		VIEW("[2001:db8::1]:21"),
		VIEW("[192.0.2.1]"),
		VIEW("[]"),
		VIEW("["),
		VIEW("[fe80::1%eth0]"),
		VIEW("b\xc3\xbc"
		     "cher.example"),
		VIEW("a\0b"),
		VIEW("[::1\0]"),
		VIEW(SIXTY_THREE "d.org"),
		VIEW(SIXTY_THREE "." SIXTY_THREE "." SIXTY_THREE "." TEN TEN TEN TEN TEN TEN "ab"),
	};
	struct host_name name = { .family = 77 };

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++)
		assert_int_equal(host_name_parse(texts[i], &name), -EINVAL);
	assert_int_equal(name.family, 77);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(domain_names_are_names),
		cmocka_unit_test(addresses_are_read),
		cmocka_unit_test(anything_else_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
