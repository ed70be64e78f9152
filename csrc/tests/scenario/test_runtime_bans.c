/* Bans: by hand, for what clients do, and how one sees and lifts them. */
#include "raw.h"

#include <unistd.h>

#define SECRET "0123456789abcdef0123456789abcdef"

/* The row of an address, or NULL. Release it. */
static json_t *ban_of(struct host *host, const char *ip)
{
	json_t *bans = host_ask(host, WSM_QUERY_BANS, NULL), *row, *found = NULL;
	size_t i;

	json_array_foreach(bans, i, row)
		if (!strcmp(text_at(row, "ip"), ip))
			found = json_incref(row);
	json_decref(bans);
	return found;
}

static void expect_ban(struct host *host, const char *ip, const char *reason, long long seconds)
{
	json_t *row = ban_of(host, ip);

	assert_non_null(row);
	assert_string_equal(text_at(row, "reason"), reason);
	assert_in_range(number_at(row, "seconds"), seconds - 5, seconds);
	assert_true(true_at(row, "automatic"));
	json_decref(row);
}

static bool is_banned(struct host *host, const char *ip)
{
	json_t *row = ban_of(host, ip);

	json_decref(row);
	return row != NULL;
}

/* No upgrade gets through. */
static void expect_turned_away(struct host *host)
{
	long long before = host_stat(host, "banned_refused");
	struct visitor visitor;

	visitor_try(&visitor, host->port, "/ws", NULL);
	visitor_end(&visitor);
	assert_int_equal(visitor.ws.messages, 0);
	visitor_leave(&visitor);
	assert_true(host_stat(host, "banned_refused") > before);
}

static void an_address_is_banned_by_hand(void **state)
{
	struct host host;
	struct visitor visitor, elsewhere;
	wsm_event *line;
	json_t *row;
	int here;

	(void)state;
	host_make(&host, "port", "0", NULL);
	wsm_want(host.runtime, WSM_WANT_LOG);
	host_start(&host);
	visitor_open(&visitor, host.port, "/ws");
	here = raw_open(host.port, "/ws"); /* 127.0.0.1 */
	assert_int_equal(wsm_ban(host.runtime, wsm__str("127.0.0.2"), 600, wsm__str("it spammed"), NULL), WSM_OK);
	assert_int_equal(visitor_end(&visitor), 4403);
	assert_string_equal(visitor.reason, "it spammed");
	visitor_leave(&visitor);
	expect_turned_away(&host);
	row = ban_of(&host, "127.0.0.2");
	assert_non_null(row);
	assert_string_equal(text_at(row, "reason"), "it spammed");
	assert_in_range(number_at(row, "seconds"), 595, 600);
	assert_int_equal(strlen(text_at(row, "until")), 24);
	assert_false(true_at(row, "automatic"));
	json_decref(row);
	assert_int_equal(host_stat(&host, "banned"), 1);
	assert_int_equal(host_stat(&host, "bans"), 1);
	line = host_line(&host, "banned");
	assert_string_equal(line->text.data, "127.0.0.2 is banned for 600 s: it spammed");
	wsm_event_free(line);
	raw_frame(here, true, WSC_TEXT, "ping", 4); /* others are not concerned */
	assert_int_equal(host_stat(&host, "active_connections"), 1);
	assert_int_equal(wsm_unban(host.runtime, wsm__str("127.0.0.2"), NULL), WSM_OK);
	assert_null(ban_of(&host, "127.0.0.2"));
	visitor_open(&elsewhere, host.port, "/ws");
	visitor_leave(&elsewhere);
	close(here);
	host_close(&host);
}

static void an_ipv6_ban_holds_for_the_network(void **state)
{
	struct host host;
	json_t *row;

	(void)state;
	host_open(&host, NULL);
	assert_int_equal(wsm_ban(host.runtime, wsm__str("2001:db8:1:2:3:4:5:6"), 60, wsm__str(""), NULL), WSM_OK);
	row = ban_of(&host, "2001:db8:1:2::");
	assert_non_null(row);
	assert_string_equal(text_at(row, "reason"), "by the application");
	json_decref(row);
	assert_int_equal(wsm_unban(host.runtime, wsm__str("2001:db8:1:2::1"), NULL), WSM_OK);
	assert_null(ban_of(&host, "2001:db8:1:2::"));
	host_close(&host);
}

static void what_makes_no_sense_is_refused(void **state)
{
	static const char *const none[] = { "", "localhost", "127.0.0.1/8", "127.0.0.1:80" };
	struct host host;
	wsm_error error;

	(void)state;
	host_make(&host, NULL);
	assert_int_equal(wsm_ban(host.runtime, wsm__str("192.0.2.7"), 1, wsm__str(""), &error), WSM_ENOTRUNNING);
	host_start(&host);
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		assert_int_equal(wsm_ban(host.runtime, wsm__str(none[i]), 1, wsm__str(""), &error), WSM_EINVAL);
		assert_int_equal(wsm_unban(host.runtime, wsm__str(none[i]), &error), WSM_EINVAL);
		assert_non_null(strstr(error.message, "is no IP address"));
	}
	assert_int_equal(wsm_ban(host.runtime, wsm__str("192.0.2.7"), 0, wsm__str(""), &error), WSM_EINVAL);
	assert_int_equal(wsm_ban(host.runtime, wsm__str("192.0.2.7"), -1, wsm__str(""), &error), WSM_EINVAL);
	assert_int_equal(wsm_ban(host.runtime, wsm__str("192.0.2.7"), 1e18, wsm__str(""), &error), WSM_EINVAL);
	assert_int_equal(wsm_ban(host.runtime, wsm__str("192.0.2.7"), 1, wsm__str("\xff"), &error), WSM_EINVAL);
	assert_int_equal(host_stat(&host, "bans"), 0);
	host_close(&host);
}

static void who_breaks_its_rate_again_and_again_is_banned(void **state)
{
	struct host host;
	struct visitor visitor;

	(void)state;
	host_open(&host, "rate", "1", "ban_threshold", "8", "exempt_ips", "none", "trusted_proxies", "none", NULL);
	for (int i = 0; i < 3 && !is_banned(&host, "127.0.0.2"); i++) { /* an open connection is a credit */
		visitor_open(&visitor, host.port, "/ws");
		for (int k = 0; k < 100; k++)
			visitor_say(&visitor, "ping");
		assert_int_equal(visitor_end(&visitor), 4429);
		visitor_leave(&visitor);
	}
	expect_ban(&host, "127.0.0.2", "rate limits broken repeatedly", 10);
	expect_turned_away(&host);
	host_close(&host);
}

static void who_breaks_the_protocol_again_and_again_is_banned(void **state)
{
	struct host host;
	int fd;

	(void)state;
	host_open(&host, "ban_threshold", "3", "ban_time", "100", "max_fragments", "2", "exempt_ips", "none",
	          "trusted_proxies", "none", NULL);
	for (int i = 0; i < 3 && !is_banned(&host, "127.0.0.1"); i++) {
		fd = raw_open(host.port, "/ws"); /* 127.0.0.1 */
		for (int k = 0; k < 5; k++)
			raw_frame(fd, false, k ? WSC_CONTINUATION : WSC_TEXT, "x", 1);
		assert_int_equal(raw_close_code(fd), 1008);
		close(fd);
	}
	expect_ban(&host, "127.0.0.1", "repeated protocol errors", 100);
	host_close(&host);
}

static void who_sends_garbage_again_and_again_is_banned(void **state)
{
	static const char *const garbage[] = {
		"\x16\x03\x01\x02\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "GET /ws HTTP/1.1\r\n\r\n",
		"PUT /ws HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
	};
	struct host host;
	int fd;

	(void)state;
	host_open(&host, "ban_threshold", "8", "exempt_ips", "none", "trusted_proxies", "none", NULL);
	for (int i = 0; i < 12 && !is_banned(&host, "127.0.0.1"); i++) {
		fd = raw_connect(host.port);
		raw_say(fd, garbage[i % 4]);
		raw_drain(fd);
		close(fd);
	}
	expect_ban(&host, "127.0.0.1", "repeated bad handshakes", 10);
	fd = raw_connect(host.port); /* is closed without a word */
	assert_true(raw_ended(fd));
	close(fd);
	assert_true(host_stat(&host, "offences.handshake") >= 8);
	assert_int_equal(host_stat(&host, "banned_refused"), 1);
	host_close(&host);
}

/* A wrong path or a foreign page is a matter of configuration as a rule. */
static void refused_origins_and_paths_are_no_offence(void **state)
{
	struct host host;
	char request[512];

	(void)state;
	host_open(&host, "ban_threshold", "3", "exempt_ips", "none", "trusted_proxies", "none", NULL);
	for (int i = 0; i < 10; i++) {
		raw_upgrade(request, sizeof(request), "/nowhere", NULL);
		assert_int_equal(raw_upgrade_status(host.port, request), 404);
		raw_upgrade(request, sizeof(request), "/ws", "Origin: https://evil.example\r\n");
		assert_int_equal(raw_upgrade_status(host.port, request), 403);
	}
	assert_false(is_banned(&host, "127.0.0.1"));
	host_close(&host);
}

static void who_guesses_tokens_is_banned(void **state)
{
	struct host host;
	struct visitor visitor;

	(void)state;
	host_open(&host, "jwt_secret", SECRET, "ban_threshold", "3", "exempt_ips", "none", "trusted_proxies", "none",
	          NULL);
	for (int i = 0; i < 6 && !is_banned(&host, "127.0.0.2"); i++) {
		visitor_try(&visitor, host.port, "/ws", "Authorization: Bearer guess\r\n");
		assert_int_equal(visitor_end(&visitor), 4401);
		visitor_leave(&visitor);
	}
	expect_ban(&host, "127.0.0.2", "repeated bad tokens", 10);
	host_close(&host);
}

static void loopback_and_proxies_are_never_banned_by_themselves(void **state)
{
	static const char *const lists[][2] = { { "loopback", "none" }, { "none", "127.0.0.0/8" } };
	struct visitor visitor;
	struct host host;

	(void)state;
	for (int k = 0; k < 2; k++) {
		host_open(&host, "ban_threshold", "1", "exempt_ips", lists[k][0], "trusted_proxies", lists[k][1], NULL);
		for (int i = 0; i < 5; i++) {
			visitor_open(&visitor, host.port, "/ws");
			wsc_send(&visitor.ws, WSC_TEXT, "\xff", 1);
			assert_int_equal(visitor_end(&visitor), 1007);
			visitor_leave(&visitor);
		}
		assert_null(ban_of(&host, "127.0.0.2"));
		host_close(&host);
	}
}

static void new_connections_have_a_rate(void **state)
{
	struct host host;
	struct visitor visitor;
	int n = 0;

	(void)state;
	host_open(&host, "connection_rate_per_ip", "1", "max_connections_per_ip", "3", "exempt_ips", "none",
	          "trusted_proxies", "none", NULL);
	while (!host_stat(&host, "limits_broken.connection_rate_per_ip")) {
		visitor_try(&visitor, host.port, "/ws", NULL);
		visitor_vanish(&visitor);
		if (++n > 500)
			give_up("500 connections came in");
	}
	assert_true(n > 3); /* the burst is what may be there at once */
	assert_null(ban_of(&host, "127.0.0.2"));
	host_close(&host);
}

static void addresses_are_forgotten(void **state)
{
	struct host host;
	struct visitor visitor;

	(void)state;
	host_open(&host, "max_peers", "16", NULL);
	visitor_open(&visitor, host.port, "/ws");
	for (int i = 0; i < 100; i++) {
		char ip[32];

		snprintf(ip, sizeof(ip), "192.0.2.%d", i);
		wsm_ban(host.runtime, wsm__str(ip), 60, wsm__str(""), NULL);
	}
	assert_int_equal(host_stat(&host, "peers"), 16);
	assert_int_equal(host_stat(&host, "peers_forgotten"), 85);
	assert_int_equal(host_stat(&host, "banned"), 15); /* who is connected is not forgotten */
	visitor_leave(&visitor);
	for (int i = 0; i < 100; i++) {
		char ip[32];

		snprintf(ip, sizeof(ip), "192.0.2.%d", i);
		wsm_unban(host.runtime, wsm__str(ip), NULL);
	}
	host_stat_falls(&host, "peers", 0);
	host_close(&host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_is_banned_by_hand),
		cmocka_unit_test(an_ipv6_ban_holds_for_the_network),
		cmocka_unit_test(what_makes_no_sense_is_refused),
		cmocka_unit_test(who_breaks_its_rate_again_and_again_is_banned),
		cmocka_unit_test(who_breaks_the_protocol_again_and_again_is_banned),
		cmocka_unit_test(who_sends_garbage_again_and_again_is_banned),
		cmocka_unit_test(refused_origins_and_paths_are_no_offence),
		cmocka_unit_test(who_guesses_tokens_is_banned),
		cmocka_unit_test(loopback_and_proxies_are_never_banned_by_themselves),
		cmocka_unit_test(new_connections_have_a_rate),
		cmocka_unit_test(addresses_are_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
