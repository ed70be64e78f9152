/* Addresses and networks: what is read, what is refused, who is in. */
#include "exact.h"

#include "policy/address.h"

static const char *round_trip(const char *text)
{
	static char out[WSM__ADDRESS_TEXT];
	struct wsm__address address;

	return wsm__address_parse(&address, wsm__str(text)) ? wsm__address_format(&address, out) : "";
}

static void addresses_are_read_and_written(void **state)
{
	(void)state;
	assert_string_equal(round_trip("192.0.2.7"), "192.0.2.7");
	assert_string_equal(round_trip("2001:DB8::0:1"), "2001:db8::1");
	assert_string_equal(round_trip("::ffff:192.0.2.7"), "192.0.2.7"); /* the same address */
	assert_string_equal(round_trip("::1"), "::1");
}

static void what_is_no_address_is_unknown(void **state)
{
	static const char *const texts[] = { "",           "1.2.3",
	                                     "1.2.3.4.5",  "1.2.3.4 ",
	                                     " 1.2.3.4",   "01.2.3.4",
	                                     "[::1]",      "fe80::1%lo",
	                                     "1.2.3.4:80", "example.com",
	                                     "::g",        "1.2.3.256",
	                                     "0x7f.1",     "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb" };
	struct wsm__address address;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		memset(&address, 7, sizeof(address));
		assert_false(wsm__address_parse(&address, wsm__str(texts[i])));
		assert_true(wsm__address_is_unknown(&address));
	}
	assert_false(wsm__address_parse(&address, wsm__slice("1.2.3.4\0", 8)));
}

static bool is_loopback(const char *text)
{
	struct wsm__address address;

	return wsm__address_parse(&address, wsm__str(text)) && wsm__address_is_loopback(&address);
}

static void loopback_is_known(void **state)
{
	(void)state;
	assert_true(is_loopback("127.0.0.1"));
	assert_true(is_loopback("127.255.0.9"));
	assert_true(is_loopback("::1"));
	assert_true(is_loopback("::ffff:127.0.0.1"));
	assert_false(is_loopback("128.0.0.1"));
	assert_false(is_loopback("::2"));
	assert_false(is_loopback("::127.0.0.1"));
}

static const char *group(const char *text)
{
	static char out[WSM__ADDRESS_TEXT];
	struct wsm__address address;

	assert_true(wsm__address_parse(&address, wsm__str(text)));
	wsm__address_group(&address);
	return wsm__address_format(&address, out);
}

static void an_ipv6_network_counts_as_one(void **state)
{
	(void)state;
	assert_string_equal(group("192.0.2.7"), "192.0.2.7");
	assert_string_equal(group("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
	assert_string_equal(group("2001:db8:1:2::9"), "2001:db8:1:2::");
	assert_string_equal(group("2001:db8:1:3::9"), "2001:db8:1:3::");
}

static bool in_list(const char *list, const char *text)
{
	wsm_slice copy = exact_str(list);
	struct wsm__networks *networks = wsm__networks_parse(copy);
	struct wsm__address address;
	bool found;

	assert_non_null(networks);
	wsm__address_parse(&address, wsm__str(text));
	found = wsm__networks_have(networks, &address);
	free(networks);
	drop(copy);
	return found;
}

static void networks_have_their_addresses(void **state)
{
	static const char list[] = " 10.0.0.0/8 ,192.0.2.7,2001:db8::/33,172.16.0.0/12,";

	(void)state;
	assert_true(in_list(list, "10.255.3.4"));
	assert_true(in_list(list, "::ffff:10.1.1.1"));
	assert_false(in_list(list, "11.0.0.0"));
	assert_true(in_list(list, "192.0.2.7"));
	assert_false(in_list(list, "192.0.2.6"));
	assert_true(in_list(list, "2001:db8:7fff::1"));
	assert_false(in_list(list, "2001:db8:8000::1"));
	assert_true(in_list(list, "172.31.255.255"));
	assert_false(in_list(list, "172.32.0.0"));
	assert_false(in_list(list, "127.0.0.1"));
	assert_true(in_list("0.0.0.0/0", "1.2.3.4"));
	assert_false(in_list("0.0.0.0/0", "2001::1"));
	assert_true(in_list("::/0", "1.2.3.4"));
}

static void words_stand_for_networks(void **state)
{
	(void)state;
	assert_true(in_list("loopback", "127.9.9.9"));
	assert_true(in_list("192.0.2.7, loopback", "::1"));
	assert_true(in_list("192.0.2.7,loopback", "")); /* a Unix socket's peer */
	assert_false(in_list("192.0.2.7", ""));
	assert_false(in_list("loopback", "192.0.2.7"));
	assert_false(in_list(" none ", "127.0.0.1"));
	assert_false(in_list("", "127.0.0.1"));
}

static void what_is_no_network_is_refused(void **state)
{
	static const char *const lists[] = { "10.0.0.1/8",  "10.0.0.0/33", "10.0.0.0/",      "10.0.0.0/08",
	                                     "10.0.0.0/-1", "::1/129",     "2001:db8::1/64", "proxy",
	                                     "10.0.0.0 /8", "1.2.3.4;",    "loopback,none",  "10.0.0.0/8/8",
	                                     "Loopback" };

	(void)state;
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		assert_null(wsm__networks_parse(wsm__str(lists[i])));
	assert_null(wsm__networks_parse(wsm__slice("loopback\0", 9)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_read_and_written),
		cmocka_unit_test(what_is_no_address_is_unknown),
		cmocka_unit_test(loopback_is_known),
		cmocka_unit_test(an_ipv6_network_counts_as_one),
		cmocka_unit_test(networks_have_their_addresses),
		cmocka_unit_test(words_stand_for_networks),
		cmocka_unit_test(what_is_no_network_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
