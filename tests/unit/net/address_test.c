#include "net/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct address address(const char *text)
{
	struct address address;

	assert_int_equal(address_parse(text, &address), 0);
	return address;
}

/* An address as the kernel gives it for an IPv4 client of a dual-stack listener. */
static struct address mapped(const char *host, uint16_t port)
{
	struct address address = { .v6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) } };

	assert_int_equal(inet_pton(AF_INET6, host, &address.v6.sin6_addr), 1);
	return address;
}

static void what_is_parsed_is_formatted_the_same(void **state)
{
	static const char *const texts[] = { "1.2.3.4:21",    "0.0.0.0:1", "255.255.255.255:65535",
					     "[::]:2121",     "[::1]:21",  "[2001:db8::1]:65535",
					     "[fe80::1%1]:21" };
	char text[ADDRESS_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct address value = address(texts[i]);

		address_format(&value, text);
		assert_string_equal(text, texts[i]);
	}
}

static void the_longest_address_fits_its_text(void **state)
{
	struct address longest = address("[1111:2222:3333:4444:5555:6666:7777:8888%1]:65535");
	char text[ADDRESS_TEXT_MAX];

	(void)state;
	longest.v6.sin6_scope_id = UINT32_MAX;
	address_format(&longest, text);
	assert_string_equal(text, "[1111:2222:3333:4444:5555:6666:7777:8888%4294967295]:65535");
}

static void no_host_is_every_address(void **state)
{
	static const char *const texts[] = { ":21", "*:21", "[::]:21" };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct address any = address(texts[i]);

		assert_true(address_is_any(&any));
		assert_int_equal(any.any.sa_family, AF_INET6);
		assert_int_equal(address_port(&any), 21);
	}
}

static void parse_refuses_what_is_no_address_with_a_port(void **state)
{
	static const char *const texts[] = {
		"",
		"21",
		"1.2.3.4",
		"1.2.3.4:",
		"1.2.3.4:0",
		"1.2.3.4:65536",
		"1.2.3.4:-1",
		"1.2.3.4:+21",
		"1.2.3.4: 21",
		"1.2.3.4:21x",
		"1.2.3:21",
		"1.2.3.4.5:21",
		"256.1.1.1:21",
		"::1:21",
		"[::1:21",
		"::1]:21",
		"[1.2.3.4]:21",
		"[::g]:21",
		"[]:21",
		"host:21",
		"[::1]",
		"[fe80::1%]:21",
		"[fe80::1%nosuchlink]:21",
		"[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0001]:21",
	};
	struct address kept = address("1.2.3.4:5");

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(address_parse(texts[i], &kept), -EINVAL);
	assert_int_equal(address_port(&kept), 5);
}

static void a_mapped_address_is_the_ipv4_address_that_it_is(void **state)
{
	struct address four = address("192.0.2.1:21");
	struct address six = mapped("::ffff:192.0.2.1", 4000);
	struct address unmapped = six;

	(void)state;
	assert_true(address_same_host(&four, &six));
	assert_int_equal(address_hash_host(&four), address_hash_host(&six));
	address_unmap(&unmapped);
	assert_int_equal(unmapped.any.sa_family, AF_INET);
	assert_int_equal(address_port(&unmapped), 4000);
	assert_int_equal(unmapped.v4.sin_addr.s_addr, four.v4.sin_addr.s_addr);
	assert_int_equal(address_length(&unmapped), sizeof(struct sockaddr_in));
}

static void unmap_leaves_other_addresses_alone(void **state)
{
	/* "::192.0.2.1" is an IPv4-compatible address: deprecated, and not mapped. */
	struct address six = mapped("::192.0.2.1", 21);

	(void)state;
	address_unmap(&six);
	assert_int_equal(six.any.sa_family, AF_INET6);
}

static void same_host_looks_at_the_host_alone(void **state)
{
	struct address one = address("192.0.2.1:21");
	struct address other = address("192.0.2.1:22");
	struct address third = address("192.0.2.2:21");
	struct address six = address("[2001:db8::1]:21");

	(void)state;
	assert_true(address_same_host(&one, &other));
	assert_false(address_same_host(&one, &third));
	assert_false(address_same_host(&one, &six));
	assert_int_equal(address_hash_host(&one), address_hash_host(&other));
	assert_int_not_equal(address_hash_host(&one), address_hash_host(&third));
}

static void a_link_local_host_belongs_to_its_link(void **state)
{
	struct address one = address("[fe80::1%1]:21");
	struct address two = one;
	struct address none = one;

	(void)state;
	two.v6.sin6_scope_id = 2;
	none.v6.sin6_scope_id = 0;
	assert_false(address_same_host(&one, &two));
	assert_true(address_same_host(&one, &none));
	assert_int_equal(address_hash_host(&one), address_hash_host(&none));
}

static void every_bit_of_a_host_counts_in_its_hash(void **state)
{
	struct address one = address("[2001:db8::1]:21");

	(void)state;
	for (int bit = 0; bit < 128; bit++) {
		struct address other = one;

		other.v6.sin6_addr.s6_addr[bit / 8] ^= (uint8_t)(1U << bit % 8);
		assert_int_not_equal(address_hash_host(&one), address_hash_host(&other));
	}
}

/* Nobody can calculate from outside what shares a bucket with what. */
static void another_server_process_has_other_hashes(void **state)
{
	const struct address hosts[] = { address("192.0.2.1:21"), address("[2001:db8::1]:21"),
					 address("0.0.0.0:21") };

	(void)state;
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		uint32_t before = address_hash_host(&hosts[i]);

		assert_int_equal(before, address_hash_host(&hosts[i]));
		assert_int_equal(address_hash_init(), 0);
		assert_int_not_equal(before, address_hash_host(&hosts[i]));
	}
}

/* Which of 4096 buckets they share, if any, depends on the key alone. */
static void two_hosts_share_a_bucket_under_few_keys(void **state)
{
	struct address one = address("[2001:db8:1::]:21"), other = address("[2001:db8:2::]:21");
	int shared = 0;

	(void)state;
	for (int i = 0; i < 4096; i++) {
		assert_int_equal(address_hash_init(), 0);
		shared += address_hash_host(&one) % 4096 == address_hash_host(&other) % 4096;
	}
	assert_in_range(shared, 0, 30); /* 1 is expected */
}

static int draw_key(void **state)
{
	(void)state;
	return address_hash_init();
}

static void any_is_zero_in_both_families(void **state)
{
	struct address four = address("0.0.0.0:21");
	struct address six = address("[::1]:21");
	struct address any_mapped = mapped("::ffff:0.0.0.0", 21);

	(void)state;
	assert_true(address_is_any(&four));
	assert_true(address_is_any(&any_mapped));
	assert_false(address_is_any(&six));
}

static void a_socket_tells_its_own_and_its_peers_address(void **state)
{
	struct address wanted = { .v4 = { .sin_family = AF_INET,
					  .sin_addr = { htonl(INADDR_LOOPBACK) } } };
	struct address own;
	struct address peer;
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	assert_int_equal(bind(listener, &wanted.any, address_length(&wanted)), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(address_of_socket(listener, &own), 0);
	assert_int_equal(connect(client, &own.any, address_length(&own)), 0);
	assert_int_equal(address_of_peer(client, &peer), 0);
	assert_true(address_same_host(&own, &peer));
	assert_int_equal(address_port(&own), address_port(&peer));
	assert_int_equal(address_of_peer(listener, &peer), -ENOTCONN);
	close(client);
	close(listener);
	assert_int_equal(address_of_socket(-1, &own), -EBADF);
}

static void a_unix_socket_has_no_internet_address(void **state)
{
	struct address own;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	assert_int_equal(address_of_socket(fd, &own), -EAFNOSUPPORT);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_parsed_is_formatted_the_same),
		cmocka_unit_test(the_longest_address_fits_its_text),
		cmocka_unit_test(no_host_is_every_address),
		cmocka_unit_test(parse_refuses_what_is_no_address_with_a_port),
		cmocka_unit_test(a_mapped_address_is_the_ipv4_address_that_it_is),
		cmocka_unit_test(unmap_leaves_other_addresses_alone),
		cmocka_unit_test(same_host_looks_at_the_host_alone),
		cmocka_unit_test(a_link_local_host_belongs_to_its_link),
		cmocka_unit_test(every_bit_of_a_host_counts_in_its_hash),
		cmocka_unit_test(another_server_process_has_other_hashes),
		cmocka_unit_test(two_hosts_share_a_bucket_under_few_keys),
		cmocka_unit_test(any_is_zero_in_both_families),
		cmocka_unit_test(a_socket_tells_its_own_and_its_peers_address),
		cmocka_unit_test(a_unix_socket_has_no_internet_address),
	};

	return cmocka_run_group_tests_name("address", tests, draw_key, NULL);
}
