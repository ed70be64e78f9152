/* Clients behind a reverse proxy: whose connection it is, what it may, and that nobody else is believed. */
#include "raw.h"

#include <unistd.h>

#define UPGRADE                                                                                                        \
	"GET /ws HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" RAW_KEY_LINE                   \
	"Sec-WebSocket-Version: 13\r\n%s\r\n"

/* The upgrade of the path /ws from 127.0.0.1 with further header lines; the status. The connection stays open on 101. */
static unsigned upgrade(struct host *host, const char *name, const char *headers, int *fd, char *head, size_t size)
{
	char request[2048];
	unsigned status = 0;

	snprintf(request, sizeof(request), UPGRADE, name, headers);
	*fd = raw_connect(host->port);
	raw_say(*fd, request);
	raw_head(*fd, head, size);
	sscanf(head, "HTTP/1.1 %u", &status);
	return status;
}

/* The status alone. */
static unsigned
try
	(struct host *host, const char *name, const char *headers)
	{
		char head[4096];
		int fd;
		unsigned status = upgrade(host, name, headers, &fd, head, sizeof(head));

		close(fd);
		return status;
	}

/* The address that the runtime takes the client for. */
static const char *seen_as(struct host *host, const char *headers)
{
	static char ip[64];
	char head[4096];
	struct raw_frame frame;
	json_t *connections;
	int fd;

	assert_int_equal(upgrade(host, "127.0.0.1", headers, &fd, head, sizeof(head)), 101);
	raw_await(fd, WSC_TEXT, &frame); /* the greeting */
	connections = host_ask(host, WSM_QUERY_CONNECTIONS, NULL);
	assert_int_equal(json_array_size(connections), 1);
	snprintf(ip, sizeof(ip), "%s", text_at(json_array_get(connections, 0), "ip"));
	json_decref(connections);
	close(fd);
	host_stat_falls(host, "active_connections", 0);
	return ip;
}

static void a_client_is_known_by_its_own_address(void **state)
{
	struct host host;

	(void)state;
	host_open(&host, NULL);
	assert_string_equal(seen_as(&host, ""), "127.0.0.1");
	assert_string_equal(seen_as(&host, "X-Forwarded-For: 203.0.113.9\r\n"), "203.0.113.9");
	assert_string_equal(seen_as(&host, "X-Forwarded-For: 198.51.100.1, 203.0.113.9\r\n"), "203.0.113.9");
	assert_string_equal(seen_as(&host, "X-Forwarded-For: 198.51.100.1\r\nx-forwarded-for: 203.0.113.9\r\n"),
	                    "203.0.113.9");
	assert_string_equal(seen_as(&host, "Forwarded: for=\"[2001:db8::9]:4711\";proto=https\r\n"), "2001:db8::9");
	assert_string_equal(seen_as(&host, "X-Forwarded-Proto: https\r\n"), "");
	assert_string_equal(seen_as(&host, "X-Forwarded-For: \r\n"), "");
	assert_string_equal(seen_as(&host, "Forwarded: \r\n"), "");
	host_close(&host);
}

static void strangers_are_not_believed(void **state)
{
	struct host host;

	(void)state;
	host_open(&host, "trusted_proxies", "10.0.0.0/8", NULL);
	assert_string_equal(seen_as(&host, "X-Forwarded-For: 203.0.113.9\r\n"), "127.0.0.1");
	assert_string_equal(seen_as(&host, "Forwarded: for=203.0.113.9\r\n"), "127.0.0.1");
	assert_string_equal(seen_as(&host, "Forwarded: =\r\n"), "127.0.0.1");
	assert_int_equal(
		try (&host, "127.0.0.1", "X-Forwarded-Host: app.example.com\r\nOrigin: http://app.example.com\r\n"),
		403);
	host_close(&host);
}

static void headers_that_contradict_each_other_are_refused(void **state)
{
	struct host host;

	(void)state;
	host_open(&host, NULL);
	assert_int_equal(try (&host, "127.0.0.1", "Forwarded: for=127.0.0.1\r\nX-Forwarded-For: 203.0.113.9\r\n"), 400);
	assert_int_equal(try (&host, "127.0.0.1", "Forwarded: for=\"\r\n"), 400);
	assert_int_equal(try (&host, "127.0.0.1", "Forwarded: for=203.0.113.9\r\nX-Forwarded-For: 203.0.113.9\r\n"),
	                 101);
	host_close(&host);
}

static void the_origin_is_compared_with_what_the_client_asked_for(void **state)
{
	struct host host;

	(void)state;
	host_open(&host, NULL);
	assert_int_equal(try (&host, "inner:8000",
	                      "X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Host: app.example.com\r\n"
	                      "X-Forwarded-Proto: https\r\nOrigin: https://app.example.com\r\n"),
	                 101);
	assert_int_equal(try (&host, "inner:8000",
	                      "Forwarded: for=203.0.113.9;host=\"app.example.com:8443\";proto=https\r\n"
	                      "Origin: https://app.example.com:8443\r\n"),
	                 101);
	assert_int_equal(try (&host, "inner:8000",
	                      "X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Host: app.example.com\r\n"
	                      "Origin: https://inner:8000\r\n"),
	                 403);
	assert_int_equal(try (&host, "app.example.com",
	                      "X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\n"
	                      "Origin: http://app.example.com\r\n"), /* came unencrypted */
	                 403);
	assert_int_equal(try (&host, "app.example.com", /* TLS was ended before this proxy, which does not know of it */
	                      "X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: http\r\n"
	                      "Origin: https://app.example.com\r\n"),
	                 101);
	host_close(&host);
}

static void each_client_of_a_proxy_has_limits_of_its_own(void **state)
{
	struct host host;
	struct raw_frame frame;
	char head[4096];
	int first, second;

	(void)state;
	host_open(&host, "max_connections_per_ip", "1", NULL);
	assert_int_equal(upgrade(&host, "h", "X-Forwarded-For: 203.0.113.9\r\n", &first, head, sizeof(head)), 101);
	raw_await(first, WSC_TEXT, &frame);
	assert_int_equal(upgrade(&host, "h", "X-Forwarded-For: 203.0.113.9\r\n", &second, head, sizeof(head)), 101);
	assert_int_equal(raw_close_code(second), 1013);
	close(second);
	assert_int_equal(upgrade(&host, "h", "X-Forwarded-For: 203.0.113.8\r\n", &second, head, sizeof(head)), 101);
	raw_await(second, WSC_TEXT, &frame);
	close(first);
	close(second);
	host_close(&host);
}

static void new_connections_through_a_proxy_have_a_rate(void **state)
{
	struct host host;
	char head[4096];
	int fd, n = 0;

	(void)state;
	host_open(&host, "connection_rate_per_ip", "1", "max_connections_per_ip", "3", NULL);
	while (upgrade(&host, "h", "X-Forwarded-For: 203.0.113.9\r\n", &fd, head, sizeof(head)) == 101) {
		close(fd);
		if (++n > 500)
			give_up("500 connections came in");
	}
	close(fd);
	assert_true(n >= 3);
	assert_non_null(strstr(head, "HTTP/1.1 429 "));
	assert_non_null(strstr(head, "\r\nRetry-After: 1\r\n"));
	assert_int_equal(try (&host, "h", "X-Forwarded-For: 203.0.113.8\r\n"), 101);
	assert_int_equal(host_stat(&host, "limits_broken.connection_rate_per_ip"), 1);
	host_close(&host);
}

static void a_banned_client_of_a_proxy_is_turned_away(void **state)
{
	struct host host;
	char head[4096];
	int fd;

	(void)state;
	host_open(&host, NULL);
	wsm_ban(host.runtime, wsm__str("203.0.113.9"), 60, wsm__str(""), NULL);
	assert_int_equal(upgrade(&host, "h", "X-Forwarded-For: 203.0.113.9\r\n", &fd, head, sizeof(head)), 429);
	assert_non_null(strstr(head, "\r\nRetry-After: "));
	assert_in_range(atoi(strstr(head, "Retry-After: ") + 13), 55, 60);
	close(fd);
	assert_int_equal(try (&host, "h", "X-Forwarded-For: 203.0.113.8\r\n"), 101);
	assert_int_equal(host_stat(&host, "banned_refused"), 1);
	host_close(&host);
}

/* ---- REST ------------------------------------------------------------------------------------------------------- */

static unsigned broadcast(struct host *host, const char *headers)
{
	static const char body[] = "{\"event_type\":\"x\",\"data\":{}}";
	char request[1024];
	json_t *answer;
	unsigned status;

	snprintf(request, sizeof(request),
	         "POST /api/ws/broadcast HTTP/1.1\r\nHost: localhost\r\nContent-Length: %zu\r\n%s\r\n%s", strlen(body),
	         headers, body);
	status = raw_http(host->port, request, &answer);
	json_decref(answer);
	return status;
}

static void clients_behind_a_proxy_on_this_machine_are_not_local(void **state)
{
	struct host host;

	(void)state;
	host_open(&host, NULL);
	assert_int_equal(broadcast(&host, ""), 200);
	assert_int_equal(broadcast(&host, "X-Forwarded-For: 127.0.0.1\r\n"), 401);
	assert_int_equal(broadcast(&host, "X-Forwarded-For: 203.0.113.9\r\n"), 401);
	assert_int_equal(broadcast(&host, "X-Forwarded-For: 127.0.0.1, 203.0.113.9\r\n"), 401);
	assert_int_equal(broadcast(&host, "X-Forwarded-For: unknown\r\n"), 401);
	assert_int_equal(broadcast(&host, "Forwarded: for=203.0.113.9\r\n"), 401);
	assert_int_equal(broadcast(&host, "Forwarded: for=127.0.0.1\r\nX-Forwarded-For: 203.0.113.9\r\n"), 400);
	host_close(&host);
}

/* The host does not know who called: nobody's word makes that local. */
static void a_caller_without_an_address_is_not_local(void **state)
{
	wsm_rest_request request = { .method = wsm__str("GET"), .path = wsm__str("/api/ws/stats") };
	wsm_rest_answer answer;
	struct host host;

	(void)state;
	host_make(&host, NULL);
	host_start(&host);
	for (int i = 0; i < 3; i++) {
		const wsm_member header = { wsm__str(i == 1 ? "X-Forwarded-For" : "Forwarded"),
		                            wsm__str(i == 1 ? "127.0.0.1" : "for=127.0.0.1") };

		request.headers = &header;
		request.n_headers = i > 0;
		assert_int_equal(wsm_rest(host.runtime, &request, &answer, NULL), WSM_OK);
		assert_int_equal(answer.status, 401);
		wsm_text_free(&answer.body);
	}
	host_close(&host);
}

static void a_banned_address_gets_no_answers_either(void **state)
{
	struct host host;

	(void)state;
	host_open(&host, "api_key", "key", NULL);
	wsm_ban(host.runtime, wsm__str("203.0.113.9"), 60, wsm__str(""), NULL);
	assert_int_equal(broadcast(&host, "X-Forwarded-For: 203.0.113.9\r\n"), 429);
	assert_int_equal(broadcast(&host, "X-Forwarded-For: 203.0.113.9\r\nX-API-Key: key\r\n"), 200);
	host_close(&host);
}

/* ---- other ways in ---------------------------------------------------------------------------------------------- */

static void a_socket_that_is_handed_over_is_looked_at_too(void **state)
{
	struct host host;
	char request[1024];
	struct raw_answer answer;
	int ours, theirs;
	uint64_t conn;
	wsm_event *closed;

	(void)state;
	host_make(&host, NULL);
	host_start(&host);
	wsm_ban(host.runtime, wsm__str("203.0.113.9"), 60, wsm__str(""), NULL);
	raw_pair(&ours, &theirs);
	snprintf(request, sizeof(request), UPGRADE, "h", "X-Forwarded-For: 203.0.113.9\r\n");
	assert_int_equal(wsm_adopt(host.runtime, ours, request, strlen(request), NULL, &conn, NULL), WSM_OK);
	raw_answer(theirs, &answer, false);
	assert_int_equal(answer.status, 429);
	raw_answer_free(&answer);
	close(theirs);
	closed = host_event(&host, WSM_EVENT_CLOSED);
	assert_int_equal(closed->conn, conn);
	wsm_event_free(closed);
	host_close(&host);
}

static void a_bridged_connection_is_looked_at_too(void **state)
{
	wsm_member headers[] = { { wsm__str("Host"), wsm__str("h") },
	                         { wsm__str("X-Forwarded-For"), wsm__str("203.0.113.9") } };
	wsm_request request = {
		.path = wsm__str("/ws"), .ip = wsm__str("127.0.0.1"), .headers = headers, .n_headers = 2
	};
	struct host host;
	wsm_event *closed;
	json_t *connections;
	unsigned status;
	uint64_t conn;

	(void)state;
	host_make(&host, NULL);
	host_start(&host);
	assert_int_equal(wsm_bridge_open(host.runtime, &request, NULL, &conn, &status, NULL), WSM_OK);
	connections = host_ask(&host, WSM_QUERY_CONNECTIONS, NULL);
	assert_string_equal(text_at(json_array_get(connections, 0), "ip"), "203.0.113.9");
	json_decref(connections);
	wsm_ban(host.runtime, wsm__str("203.0.113.9"), 60, wsm__str("enough"), NULL);
	closed = host_event(&host, WSM_EVENT_CLOSED);
	assert_int_equal(closed->code, 4403);
	wsm_event_free(closed);
	assert_int_equal(wsm_bridge_open(host.runtime, &request, NULL, &conn, &status, NULL), WSM_OK);
	closed = host_event(&host, WSM_EVENT_CLOSED);
	assert_int_equal(closed->code, 4429);
	wsm_event_free(closed);
	headers[1].json = wsm__str("\"");
	headers[1].name = wsm__str("Forwarded");
	assert_int_equal(wsm_bridge_open(host.runtime, &request, NULL, &conn, &status, NULL), WSM_EREFUSED);
	assert_int_equal(status, 400);
	host_close(&host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_client_is_known_by_its_own_address),
		cmocka_unit_test(strangers_are_not_believed),
		cmocka_unit_test(headers_that_contradict_each_other_are_refused),
		cmocka_unit_test(the_origin_is_compared_with_what_the_client_asked_for),
		cmocka_unit_test(each_client_of_a_proxy_has_limits_of_its_own),
		cmocka_unit_test(new_connections_through_a_proxy_have_a_rate),
		cmocka_unit_test(a_banned_client_of_a_proxy_is_turned_away),
		cmocka_unit_test(clients_behind_a_proxy_on_this_machine_are_not_local),
		cmocka_unit_test(a_caller_without_an_address_is_not_local),
		cmocka_unit_test(a_banned_address_gets_no_answers_either),
		cmocka_unit_test(a_socket_that_is_handed_over_is_looked_at_too),
		cmocka_unit_test(a_bridged_connection_is_looked_at_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
