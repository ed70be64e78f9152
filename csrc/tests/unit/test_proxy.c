/* Who is behind a proxy: chains, both headers, lies of clients, and what is malformed. */
#include <stdio.h>

#include "exact.h"

#include "policy/proxy.h"

struct scene {
	const char *trusted, *peer, *forwarded, *x_for, *x_proto, *x_host;
};

static char found[WSM__ADDRESS_TEXT];
static struct wsm__client client;

static bool look(struct scene scene)
{
	wsm_slice copies[] = { exact_str(scene.forwarded ? scene.forwarded : ""),
	                       exact_str(scene.x_for ? scene.x_for : ""), exact_str(scene.x_proto ? scene.x_proto : ""),
	                       exact_str(scene.x_host ? scene.x_host : "") };
	struct wsm__forwarding headers = { copies[0], copies[1], copies[2], copies[3],
	                                   scene.forwarded || scene.x_for || scene.x_proto || scene.x_host };
	struct wsm__networks *trusted = wsm__networks_parse(wsm__str(scene.trusted ? scene.trusted : "loopback"));
	static char host[256];
	struct wsm__address peer;
	bool good;

	assert_non_null(trusted);
	wsm__address_parse(&peer, wsm__str(scene.peer ? scene.peer : "127.0.0.1"));
	good = wsm__proxy_client(trusted, &peer, &headers, &client);
	wsm__address_format(&client.address, found);
	snprintf(host, sizeof(host), "%.*s", (int)client.host.len, client.host.len ? client.host.data : "");
	client.host = wsm__str(host);
	free(trusted);
	for (size_t i = 0; i < sizeof(copies) / sizeof(copies[0]); i++)
		drop(copies[i]);
	return good;
}

/* The client's address, "" if it is not known, or "refused". */
static const char *who(struct scene scene)
{
	return look(scene) ? found : "refused";
}
#define who(...) who((struct scene){ __VA_ARGS__ })

static void strangers_are_not_believed(void **state)
{
	(void)state;
	assert_string_equal(who(.peer = "198.51.100.2", .x_for = "203.0.113.9", .forwarded = "for=203.0.113.9",
	                        .x_proto = "https", .x_host = "app.example.com"),
	                    "198.51.100.2");
	assert_false(client.forwarded);
	assert_false(client.https);
	assert_int_equal(client.host.len, 0);
	assert_string_equal(who(.peer = "198.51.100.2", .forwarded = "=;;=\""), "198.51.100.2");
	assert_string_equal(who(.trusted = "none", .x_for = "203.0.113.9"), "127.0.0.1");
	assert_false(client.forwarded);
}

static void a_proxy_names_its_client(void **state)
{
	(void)state;
	assert_string_equal(who(.x_for = "203.0.113.9"), "203.0.113.9");
	assert_true(client.forwarded);
	assert_string_equal(who(.x_for = " 203.0.113.9:4711 "), "203.0.113.9");
	assert_string_equal(who(.x_for = "2001:db8::9"), "2001:db8::9");
	assert_string_equal(who(.x_for = "[2001:db8::9]:4711"), "2001:db8::9");
	assert_string_equal(who(.x_for = "[2001:db8::9]"), "2001:db8::9");
	assert_string_equal(who(.forwarded = "for=203.0.113.9"), "203.0.113.9");
	assert_string_equal(who(.forwarded = "For=\"[2001:db8:cafe::17]:4711\""), "2001:db8:cafe::17");
	assert_string_equal(who(.forwarded = "for=192.0.2.60;proto=http;by=203.0.113.43"), "192.0.2.60");
	assert_string_equal(who(.peer = "", .x_for = "203.0.113.9"), "203.0.113.9"); /* over a Unix socket */
}

static void without_headers_the_proxy_speaks_for_itself(void **state)
{
	(void)state;
	assert_string_equal(who(.x_for = NULL), "127.0.0.1");
	assert_false(client.forwarded);
	assert_true(client.via_proxy);
	assert_string_equal(who(.x_proto = "https"), ""); /* it speaks for somebody, without saying for whom */
	assert_true(client.forwarded);
	assert_string_equal(who(.x_for = " , "), "");
	assert_string_equal(who(.x_for = ""), "");
	assert_string_equal(who(.forwarded = ""), "");
	assert_string_equal(who(.x_proto = ""), "");
}

static void of_a_chain_the_last_stranger_is_the_client(void **state)
{
	static const char trusted[] = "loopback, 10.0.0.0/8";

	(void)state;
	assert_string_equal(who(.trusted = trusted, .x_for = "203.0.113.9, 10.1.1.1, 10.2.2.2"), "203.0.113.9");
	assert_string_equal(who(.trusted = trusted, .x_for = "127.0.0.1, 203.0.113.9,,10.1.1.1"), "203.0.113.9");
	assert_string_equal(who(.trusted = trusted, .x_for = "garbage, 203.0.113.9"), "203.0.113.9");
	assert_string_equal(who(.trusted = trusted, .forwarded = "for=127.0.0.1, for=203.0.113.9, for=10.1.1.1"),
	                    "203.0.113.9");
	assert_string_equal(who(.trusted = trusted, .x_for = "10.9.9.9, 10.1.1.1"),
	                    "10.9.9.9"); /* inside all the way */
}

static void a_client_that_is_not_named_is_unknown(void **state)
{
	static const char trusted[] = "loopback, 10.0.0.0/8";

	(void)state;
	assert_string_equal(who(.trusted = trusted, .x_for = "203.0.113.9, unknown, 10.1.1.1"), "");
	assert_true(client.forwarded);
	assert_string_equal(who(.trusted = trusted, .forwarded = "for=203.0.113.9, for=_hidden"), "");
	assert_string_equal(who(.trusted = trusted, .forwarded = "for=203.0.113.9, proto=https"), "");
	assert_true(client.https);
	assert_string_equal(who(.trusted = trusted, .forwarded = "proto=https", .x_for = "203.0.113.9"), "203.0.113.9");
}

static void a_client_cannot_speak_through_the_other_header(void **state)
{
	(void)state;
	assert_string_equal(who(.forwarded = "for=127.0.0.1", .x_for = "203.0.113.9"), "refused");
	assert_string_equal(who(.forwarded = "for=203.0.113.9", .x_for = "127.0.0.1"), "refused");
	assert_string_equal(who(.forwarded = "for=unknown", .x_for = "203.0.113.9"), "refused");
	assert_string_equal(who(.forwarded = "for=203.0.113.9", .x_for = "203.0.113.9"), "203.0.113.9");
}

static void what_is_malformed_is_refused(void **state)
{
	static const char *const values[] = {
		"for=\"203.0.113.9",
		"for=\"x, for=203.0.113.9",
		"for=\"x, for=\"[2001:db8::1]\"",
		"for",
		"for=",
		"=203.0.113.9",
		"for=a;for=203.0.113.9",
		"for=203.0.113.9 proto=https",
		"for=\"\\1\"",
		"for = 203.0.113.9",
		"for=203.0.113.9/",
		"for=\"a\"b",
		"host=a;HOST=b;for=203.0.113.9",
		"for=203.0.113.9;proto=\"https",
		"{for=203.0.113.9}",
		"\"for\"=203.0.113.9",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		assert_string_equal(who(.forwarded = values[i]), "refused");
		assert_string_equal(who(.peer = "198.51.100.2", .forwarded = values[i]), "198.51.100.2");
	}
	assert_string_equal(who(.forwarded = "for=203.0.113.9;;proto=http; ,,"), "203.0.113.9");
}

static void nodes_that_are_no_addresses_name_nobody(void **state)
{
	static const char *const nodes[] = { "203.0.113.9:",
	                                     "203.0.113.9:123456",
	                                     "203.0.113.9:8a",
	                                     "[2001:db8::1",
	                                     "2001:db8::1]",
	                                     "[2001:db8::1]x",
	                                     "[]",
	                                     "[",
	                                     "\"",
	                                     ":80",
	                                     "1.2.3.4.5",
	                                     "203.0.113.9 203.0.113.8" };

	(void)state;
	for (size_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++) {
		assert_string_equal(who(.x_for = nodes[i]), "");
		assert_true(client.forwarded);
	}
}

static void scheme_and_host_come_with_the_client(void **state)
{
	(void)state;
	look((struct scene){ .x_for = "203.0.113.9", .x_proto = "https", .x_host = "app.example.com" });
	assert_true(client.https);
	assert_string_equal(client.host.data, "app.example.com");
	look((struct scene){ .x_for = "203.0.113.9", .x_proto = "WSS, http", .x_host = "app.example.com, inner" });
	assert_true(client.https);
	assert_string_equal(client.host.data, "app.example.com");
	look((struct scene){ .forwarded = "for=198.51.100.1;host=evil.net;proto=http, "
	                                  "for=203.0.113.9;host=\"app.example.com:8443\";proto=https" });
	assert_string_equal(found, "203.0.113.9");
	assert_true(client.https);
	assert_string_equal(client.host.data, "app.example.com:8443");
	look((struct scene){ .x_for = "203.0.113.9", .x_proto = "http" });
	assert_false(client.https);
	assert_int_equal(client.host.len, 0);
}

/* No list is so long that the client's own words are reached, and none takes long. */
static void long_lists_are_cut_where_the_client_wrote(void **state)
{
	char *list = malloc(40000), *at = list;

	(void)state;
	for (int i = 0; i < 2000; i++)
		at += sprintf(at, "10.0.0.1,");
	sprintf(at, "203.0.113.9");
	assert_string_equal(who(.x_for = list), "203.0.113.9");
	at += sprintf(at, "127.0.0.1");
	for (int i = 0; i < 100; i++)
		at += sprintf(at, ",127.0.0.2");
	assert_string_equal(who(.x_for = list), "127.0.0.2");
	at = list;
	for (int i = 0; i < 200; i++)
		at += sprintf(at, "for=127.0.0.%d,", i);
	assert_string_equal(who(.forwarded = list), "127.0.0.136");
	free(list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strangers_are_not_believed),
		cmocka_unit_test(a_proxy_names_its_client),
		cmocka_unit_test(without_headers_the_proxy_speaks_for_itself),
		cmocka_unit_test(of_a_chain_the_last_stranger_is_the_client),
		cmocka_unit_test(a_client_that_is_not_named_is_unknown),
		cmocka_unit_test(a_client_cannot_speak_through_the_other_header),
		cmocka_unit_test(what_is_malformed_is_refused),
		cmocka_unit_test(nodes_that_are_no_addresses_name_nobody),
		cmocka_unit_test(scheme_and_host_come_with_the_client),
		cmocka_unit_test(long_lists_are_cut_where_the_client_wrote),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
