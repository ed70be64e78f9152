/* Who calls: proxies and what they add, pages of foreign names on this machine, and who guesses the API key. */
#include "rest_scene.h"

#include <unistd.h>

#define SECRET "0123456789abcdef0123456789abcdef"
#define BROADCAST "POST /api/ws/broadcast"
#define BODY "{\"event_type\":\"x\"}"

/* The status of a call from 127.0.0.1 with these header lines. */
static unsigned ask(const char *what, const char *name, const char *headers)
{
	bool posts = !strncmp(what, "POST", 4);
	char request[2048];

	snprintf(request, sizeof(request), "%s HTTP/1.1\r\nHost: %s\r\n%s%s\r\n%s", what, name,
	         posts ? "Content-Length: 18\r\nContent-Type: application/json\r\n" : "", headers, posts ? BODY : "");
	return raw_http(host.port, request, NULL);
}

/* The same for an upgrade of /ws/notifications. */
static unsigned enter(const char *name, const char *headers)
{
	char request[2048];

	snprintf(request, sizeof(request),
	         "GET /ws/notifications HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: "
	         "Upgrade\r\n" RAW_KEY_LINE "Sec-WebSocket-Version: 13\r\n%s\r\n",
	         name, headers);
	return raw_upgrade_status(host.port, request);
}

static unsigned vouched_call(const char *ip, const char *via, bool tls, const wsm_member *headers, size_t n)
{
	wsm_rest_request request = { .method = wsm__str("GET"),
	                             .path = wsm__str("/api/ws/admin/state"),
	                             .ip = wsm__str(ip),
	                             .via = wsm__str(via),
	                             .tls = tls,
	                             .headers = headers,
	                             .n_headers = n,
	                             .vouched = true };
	wsm_rest_answer answer;
	unsigned status;

	assert_int_equal(wsm_rest(host.runtime, &request, &answer, NULL), WSM_OK);
	status = answer.status;
	wsm_text_free(&answer.body);
	return status;
}

/* ---- local ------------------------------------------------------------------------------------------------------ */

static void nothing_between_us_and_a_local_caller(void **state)
{
	static const char *const calls[] = { BROADCAST, "GET /api/ws/stats", "GET /metrics", "GET /api/ws/bans",
	                                     "GET /api/ws/admin/state" };
	static const char *const headers[] = { "X-Forwarded-Proto: https",
	                                       "X-Forwarded-Host: localhost",
	                                       "X-Forwarded-For: 127.0.0.1",
	                                       "x-forwarded-port: 443",
	                                       "Forwarded: for=127.0.0.1",
	                                       "Forwarded: proto=https",
	                                       "X-Real-IP: 127.0.0.1",
	                                       "Via: 1.1 proxy",
	                                       "X-Forwarded-For:",
	                                       "X-Forwarded-For: ,",
	                                       "Forwarded:",
	                                       "CF-Connecting-IP: 203.0.113.9",
	                                       "True-Client-IP: 203.0.113.9",
	                                       "X-Client-IP: 203.0.113.9",
	                                       "X-Azure-ClientIP: 203.0.113.9",
	                                       "X-Original-Host: app.example",
	                                       "CDN-Loop: cdn.example",
	                                       "X-Envoy-External-Address: 203.0.113.9" };

	(void)state;
	for (size_t k = 0; k < sizeof(calls) / sizeof(calls[0]); k++) {
		assert_int_equal(ask(calls[k], "localhost", ""), 200);
		assert_int_equal(ask(calls[k], "localhost", "X-Real: yes\r\nViable: 1\r\n"), 200);
		for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
			char line[128];
			unsigned status;

			snprintf(line, sizeof(line), "%s\r\n", headers[i]);
			status = ask(calls[k], "localhost", line);
			if (status != 401 && status != 403)
				give_up("%s with %s: %u", calls[k], headers[i], status);
		}
	}
	assert_int_equal(ask("GET /api/ws/health", "localhost", "X-Forwarded-Proto: https\r\n"), 200);
}

/* HTTP/1.0 may leave it out, and so may what speaks it: a proxy that names nobody. */
static void who_names_no_host_is_not_local(void **state)
{
	static const char *const calls[] = { "GET /api/ws/stats",       "GET /metrics",  "GET /api/ws/bans",
	                                     "GET /api/ws/admin/state", "GET /ws/admin", BROADCAST };

	(void)state;
	for (size_t k = 0; k < sizeof(calls) / sizeof(calls[0]); k++) {
		bool posts = !strncmp(calls[k], "POST", 4);
		char request[512];
		unsigned status;

		for (int named = 0; named < 2; named++) {
			snprintf(request, sizeof(request), "%s HTTP/1.0\r\n%s%s\r\n%s", calls[k],
			         named ? "Host: localhost\r\n" : "",
			         posts ? "Content-Length: 18\r\nContent-Type: application/json\r\n" : "",
			         posts ? BODY : "");
			status = raw_http(host.port, request, NULL);
			if (named ? status != 200 : status != 401 && status != 403)
				give_up("%s %s Host: %u", calls[k], named ? "with" : "without", status);
		}
	}
}

/* ---- pages of foreign names ------------------------------------------------------------------------------------- */

#define PAGE(name) "Origin: http://" name "\r\n"

static void a_name_that_resolves_to_loopback_is_no_way_in(void **state)
{
	(void)state;
	assert_int_equal(enter("evil.example:8000", PAGE("evil.example:8000")), 403);
	assert_int_equal(enter("evil.example", PAGE("evil.example")), 403);
	assert_int_equal(enter("127.0.0.1.evil.example", PAGE("127.0.0.1.evil.example")), 403);
	assert_int_equal(enter("localhost", PAGE("localhost")), 101);
	assert_int_equal(enter("127.0.0.1:8000", PAGE("localhost:3000")), 101);
	assert_int_equal(enter("[::1]:8000", PAGE("[::1]:8000")), 101);
	assert_int_equal(enter("app.example:8000", PAGE("app.example:8000")), 101);             /* allowed_origins */
	assert_int_equal(enter("evil.example", ""), 101);                                       /* no browser */
	assert_int_equal(enter("proxied.example", "Origin: https://proxied.example\r\n"), 101); /* had a certificate */
	assert_int_equal(enter("inner:8000", "X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Host: far.example\r\n"
	                                     "Origin: http://far.example\r\n"),
	                 101);
	assert_int_equal(enter("inner:8000", "X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Host: evil.example\r\n"
	                                     "Origin: http://evil.example\r\n"),
	                 403);
}

/* What the core's own parser refuses, the parsers of other servers may let pass. */
static void two_fields_of_a_kind_are_refused_whoever_read_them(void **state)
{
	static const char *const names[] = { "Origin", "ORIGIN", "Host", "Authorization", "X-API-Key" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const wsm_member headers[] = { { wsm__str("Host"), wsm__str("localhost") },
		                               { wsm__str("Origin"), wsm__str("http://localhost") },
		                               { wsm__str("Authorization"), wsm__str("Bearer 1") },
		                               { wsm__str("X-API-Key"), wsm__str("1") },
		                               { wsm__str(names[i]), wsm__str("http://evil.example") } };
		wsm_request request = {
			.path = wsm__str("/ws"), .ip = wsm__str("127.0.0.1"), .headers = headers, .n_headers = 4
		};
		const wsm_admission guest = { .admitted = true, .skip_origin = true };
		unsigned status;
		uint64_t conn;
		wsm_error error;

		assert_int_equal(wsm_bridge_open(host.runtime, &request, NULL, &conn, &status, NULL), WSM_OK);
		assert_int_equal(vouched_call("127.0.0.1", NULL, false, headers, 4), 200);
		request.n_headers = 5;
		assert_int_equal(wsm_bridge_open(host.runtime, &request, NULL, &conn, &status, &error), WSM_EREFUSED);
		assert_int_equal(status, 400);
		assert_non_null(strstr(error.message, "several times"));
		assert_int_equal(wsm_bridge_open(host.runtime, &request, &guest, &conn, &status, NULL), WSM_EREFUSED);
		assert_int_equal(vouched_call("127.0.0.1", NULL, false, headers, 5), 400);
	}
}

#define HISTORY "GET /api/ws/history?room=r"

static void nor_is_it_for_history(void **state)
{
	(void)state;
	assert_int_equal(ask(HISTORY, "evil.example", ""), 403);
	assert_int_equal(ask(HISTORY, "evil.example:8000", "X-Forwarded-For: 203.0.113.9\r\n"), 403); /* its own word */
	assert_int_equal(ask(HISTORY, "localhost", ""), 200);
	assert_int_equal(ask(HISTORY, "127.0.0.1:8000", ""), 200);
	assert_int_equal(ask(HISTORY, "[::1]", ""), 200);
	assert_int_equal(ask(HISTORY, "app.example", ""), 200);
	assert_int_equal(ask(HISTORY, "127.0.0.1", "X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Host: far.example\r\n"),
	                 200);
	assert_int_equal(ask(HISTORY, "far.example", "X-Forwarded-For: 203.0.113.9\r\nSec-Fetch-Site: same-origin\r\n"),
	                 200);
}

/* Who asks by a name of the network, as another machine does. */
static void names_of_the_network_are_not_looked_at(void **state)
{
	const wsm_member headers[] = { { wsm__str("Host"), wsm__str("box.lan:8000") },
	                               { wsm__str("Origin"), wsm__str("http://box.lan:8000") } };
	const wsm_request request = {
		.path = wsm__str("/ws"), .ip = wsm__str("192.168.1.5"), .headers = headers, .n_headers = 2
	};
	wsm_rest_request call = { .method = wsm__str("GET"),
	                          .path = wsm__str("/api/ws/history"),
	                          .query = wsm__str("room=r"),
	                          .ip = wsm__str("192.168.1.5"),
	                          .headers = headers,
	                          .n_headers = 2 };
	wsm_rest_answer answer;
	unsigned status;
	uint64_t conn;

	(void)state;
	assert_int_equal(wsm_bridge_open(host.runtime, &request, NULL, &conn, &status, NULL), WSM_OK);
	assert_int_equal(wsm_rest(host.runtime, &call, &answer, NULL), WSM_OK);
	assert_int_equal(answer.status, 200);
	wsm_text_free(&answer.body);
}

static void the_bridge_and_the_hand_over_look_too(void **state)
{
	const wsm_member headers[] = { { wsm__str("Host"), wsm__str("evil.example") },
	                               { wsm__str("Origin"), wsm__str("http://evil.example") } };
	const wsm_request request = {
		.path = wsm__str("/ws"), .ip = wsm__str("127.0.0.1"), .headers = headers, .n_headers = 2
	};
	const wsm_admission guest = { .admitted = true }, user = { .admitted = true, .user_id = wsm__str("u1") };
	char text[1024];
	int ours, theirs;
	unsigned status;
	uint64_t conn;
	wsm_error error;
	struct raw_answer answer;

	(void)state;
	assert_int_equal(wsm_bridge_open(host.runtime, &request, NULL, &conn, &status, &error), WSM_EREFUSED);
	assert_int_equal(status, 403);
	assert_non_null(strstr(error.message, "allowed_origins"));
	assert_int_equal(wsm_bridge_open(host.runtime, &request, &guest, &conn, &status, NULL), WSM_EREFUSED);
	assert_int_equal(wsm_bridge_open(host.runtime, &request, &user, &conn, &status, NULL), WSM_OK);
	raw_pair(&ours, &theirs);
	snprintf(text, sizeof(text),
	         "GET /ws HTTP/1.1\r\nHost: evil.example\r\nOrigin: http://evil.example\r\nUpgrade: websocket\r\n"
	         "Connection: Upgrade\r\n" RAW_KEY_LINE "Sec-WebSocket-Version: 13\r\n\r\n");
	assert_int_equal(wsm_adopt(host.runtime, ours, text, strlen(text), NULL, &conn, NULL), WSM_OK);
	raw_answer(theirs, &answer, false);
	assert_int_equal(answer.status, 403);
	raw_answer_free(&answer);
	close(theirs);
}

/* A token is asked for: the name says nothing that would be needed. */
static void where_clients_show_who_they_are_any_name_will_do(void **state)
{
	(void)state;
	assert_int_equal(enter("evil.example", PAGE("evil.example")), 101);
	assert_int_equal(ask(HISTORY, "evil.example", ""), 401);
}

/* ---- the admin panel without a key ------------------------------------------------------------------------------- */

/* Whatever else runs on this machine has pages too. */
static void on_this_machine_only_pages_of_the_panel_itself_call_it(void **state)
{
	static const struct {
		const char *name, *origin;
		unsigned status;
	} cases[] = {
		{ "localhost:8000", "http://localhost:8000", 200 },
		{ "LOCALHOST:8000", "http://localhost:8000", 200 },
		{ "localhost", "http://localhost:80", 200 },
		{ "[::1]:8000", "http://[::1]:8000", 200 },
		{ "localhost:8000", "http://localhost:3000", 403 },
		{ "localhost:8000", "http://localhost", 403 },
		{ "localhost:8000", "https://localhost:8000", 403 },
		{ "localhost:8000", "http://127.0.0.1:8000", 403 },
		{ "127.0.0.1", "http://127.0.0.2", 403 },
		{ "localhost", "vscode://localhost", 403 },
		{ "localhost:8000", "null", 403 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char line[128];
		unsigned reads, acts;

		snprintf(line, sizeof(line), "Origin: %s\r\n", cases[i].origin);
		reads = ask("GET /api/ws/admin/state", cases[i].name, line);
		acts = ask("POST /api/ws/admin/unban", cases[i].name, line); /* an empty one: 400 when it is let in */
		if (reads != cases[i].status || acts != (reads == 200 ? 400 : reads))
			give_up("%s to %s: %u, %u", cases[i].origin, cases[i].name, reads, acts);
	}
#define FROM(site) ask("GET /api/ws/admin/state", "localhost", "Sec-Fetch-Site: " site "\r\n")
	assert_int_equal(FROM("same-origin"), 200);
	assert_int_equal(FROM("none"), 200);
	assert_int_equal(FROM("same-site"), 403);
	assert_int_equal(FROM("cross-site"), 403);
}

/* ---- what the host's server knows ------------------------------------------------------------------------------- */

static void the_scheme_and_the_host_of_a_proxy_count_as_for_sockets(void **state)
{
	const wsm_member http[] = { { wsm__str("Host"), wsm__str("inner:8000") },
	                            { wsm__str("X-Forwarded-Host"), wsm__str("panel.example") },
	                            { wsm__str("X-Forwarded-Proto"), wsm__str("https") },
	                            { wsm__str("X-Forwarded-For"), wsm__str("203.0.113.9") },
	                            { wsm__str("Origin"), wsm__str("http://panel.example") } };
	wsm_member https[5];

	(void)state;
	memcpy(https, http, sizeof(http));
	https[4].json = wsm__str("https://panel.example");
	assert_int_equal(vouched_call("127.0.0.1", NULL, false, https, 5), 200);
	assert_int_equal(vouched_call("127.0.0.1", NULL, false, http, 5), 403);
	/* The server has read X-Forwarded-For itself; or nobody has, and the caller may have written it. */
	assert_int_equal(vouched_call("203.0.113.9", "127.0.0.1", false, https, 5), 200);
	assert_int_equal(vouched_call("203.0.113.9", "127.0.0.1", false, http, 5), 403);
	assert_int_equal(vouched_call("203.0.113.9", NULL, false, https, 5), 403);
	https[0].json = wsm__str("panel.example");
	assert_int_equal(vouched_call("203.0.113.9", NULL, true, https, 1), 200);
	https[1] = (wsm_member){ wsm__str("Origin"), wsm__str("http://panel.example") };
	assert_int_equal(vouched_call("203.0.113.9", NULL, true, https, 2), 403);
}

/* ---- the API key ------------------------------------------------------------------------------------------------ */

static void who_guesses_the_key_is_banned(void **state)
{
	struct host *guarded = &host;
	json_t *bans;

	(void)state;
	for (int i = 0; i < 25; i++)
		assert_int_not_equal(ask("GET /api/ws/stats", "localhost",
		                         i % 2 ? "X-Forwarded-For: 203.0.113.9\r\nX-API-Key: guess\r\n"
		                               : "X-Forwarded-For: 203.0.113.9\r\nAuthorization: Bearer guess\r\n"),
		                     200);
	bans = host_ask(guarded, WSM_QUERY_BANS, NULL);
	assert_int_equal(json_array_size(bans), 1);
	assert_string_equal(text_at(json_array_get(bans, 0), "ip"), "203.0.113.9");
	assert_string_equal(text_at(json_array_get(bans, 0), "reason"), "repeated wrong API keys");
	json_decref(bans);
	assert_int_equal(host_stat(guarded, "offences.key"), 25);
	assert_int_equal(
		ask("GET /api/ws/stats", "localhost", "X-Forwarded-For: 203.0.113.8\r\nX-API-Key: secret-key\r\n"),
		200);
}

/* Who is never banned, like loopback, may guess ten times and then once a second; no key is looked at in between. */
static void guessing_is_slow_from_everywhere(void **state)
{
	unsigned looked_at = 0;

	(void)state;
	for (int i = 0; i < 200; i++) {
		unsigned status =
			ask("GET /metrics", "localhost", "X-Forwarded-For: 127.0.0.1\r\nX-API-Key: guess\r\n");

		looked_at += status == 401;
		assert_true(status == 401 || status == 429);
	}
	assert_in_range(looked_at, 10, 50);
	assert_true(host_stat(&host, "limits_broken.wrong_key_rate") > 100);
	assert_int_equal(host_stat(&host, "banned"), 0);
}

static void the_right_key_and_what_is_no_key_cost_nothing(void **state)
{
	(void)state;
	for (int i = 0; i < 50; i++) {
		assert_int_equal(ask("GET /metrics", "localhost", "X-API-Key: secret-key\r\n"), 200);
		assert_int_equal(ask(HISTORY, "localhost", "Authorization: Bearer of-the-application\r\n"), 200);
	}
	assert_int_equal(host_stat(&host, "offences.key"), 0);
	assert_int_equal(ask(HISTORY, "localhost", "X-API-Key: wrong\r\n"), 200);
	assert_int_equal(host_stat(&host, "offences.key"), 1);
}

static void a_bad_token_over_rest_counts_as_one_over_a_socket(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(ask(HISTORY, "localhost", "Authorization: Bearer guess\r\n"), 401);
	assert_int_equal(host_stat(&host, "offences.token"), 3);
}

/* ---- what the log says ------------------------------------------------------------------------------------------ */

/* The next line about a refusal. */
static wsm_event *refusal(void)
{
	wsm_event *line = host_event(&host, WSM_EVENT_LOG);

	while (!strstr(line->text.data, "refused: ")) {
		wsm_event_free(line);
		line = host_event(&host, WSM_EVENT_LOG);
	}
	return line;
}

static void expect_line(const char *part, const char *other)
{
	wsm_event *line = refusal();

	if (!strstr(line->text.data, part) || !strstr(line->text.data, other))
		give_up("%s: no %s, or no %s", line->text.data, part, other);
	assert_null(strstr(line->text.data, "5f2b"));
	wsm_event_free(line);
}

static void a_refusal_names_the_rule_and_what_it_is_about(void **state)
{
	(void)state;
	assert_int_equal(enter("localhost", "Origin: https://evil.example\x1b\r\n"), 400); /* no header at all */
	assert_int_equal(enter("localhost", "Origin: https://evil.example\xe2\x80\xae\r\n"), 403);
	expect_line(
		"a WebSocket of a page of Origin https://evil.example\\u{202e} to host localhost, /ws/notifications: ",
		"allowed_origins");
	assert_int_equal(enter("evil.example", PAGE("evil.example")), 403);
	expect_line("nothing authenticates clients", "allowed_origins");
	assert_int_equal(ask(HISTORY, "evil.example", ""), 403);
	expect_line("history of \"r\" over REST", "allowed_origins");
	assert_int_equal(ask("GET /api/ws/stats?token=5f2b", "evil.example", ""), 401);
	expect_line("GET /api/ws/stats of 127.0.0.1 to host evil.example (401)", "api_key");
	assert_int_equal(ask("GET /api/ws/stats", "localhost", "X-Forwarded-Proto: https\r\n"), 401);
	expect_line("GET /api/ws/stats of an unknown address to host localhost (401)", "through a proxy");
}

static int open_plain(void **state)
{
	(void)state;
	host_make(&host, "port", "0", "admin", "1", "allowed_origins", "http://app.example", NULL);
	wsm_want(host.runtime, WSM_WANT_LOG);
	host_start(&host);
	return 0;
}

static int open_with_token(void **state)
{
	(void)state;
	host_open(&host, "jwt_secret", SECRET, NULL);
	return 0;
}

static int open_with_key(void **state)
{
	(void)state;
	host_open(&host, "api_key", "secret-key", "host", "127.0.0.1", NULL);
	return 0;
}

int main(void)
{
#define PLAIN(name) cmocka_unit_test_setup_teardown(name, open_plain, close_host)
#define KEYED(name) cmocka_unit_test_setup_teardown(name, open_with_key, close_host)
#define TOKEN(name) cmocka_unit_test_setup_teardown(name, open_with_token, close_host)
	const struct CMUnitTest tests[] = {
		PLAIN(nothing_between_us_and_a_local_caller),
		PLAIN(who_names_no_host_is_not_local),
		PLAIN(a_name_that_resolves_to_loopback_is_no_way_in),
		PLAIN(two_fields_of_a_kind_are_refused_whoever_read_them),
		PLAIN(nor_is_it_for_history),
		PLAIN(names_of_the_network_are_not_looked_at),
		PLAIN(the_bridge_and_the_hand_over_look_too),
		TOKEN(where_clients_show_who_they_are_any_name_will_do),
		PLAIN(on_this_machine_only_pages_of_the_panel_itself_call_it),
		PLAIN(the_scheme_and_the_host_of_a_proxy_count_as_for_sockets),
		KEYED(who_guesses_the_key_is_banned),
		KEYED(guessing_is_slow_from_everywhere),
		KEYED(the_right_key_and_what_is_no_key_cost_nothing),
		TOKEN(a_bad_token_over_rest_counts_as_one_over_a_socket),
		PLAIN(a_refusal_names_the_rule_and_what_it_is_about),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
