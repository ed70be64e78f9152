/* The bridge: the host keeps the socket and carries messages. */
#include "harness.h"

static struct host host;
static uint64_t conn;

static int open_host(void **state)
{
	(void)state;
	host_make(&host, "rate", "0", NULL);
	host_start(&host);
	return 0;
}

static int close_host(void **state)
{
	(void)state;
	host_close(&host);
	return 0;
}

static int try_open(const char *path, const char *origin, const wsm_admission *admission, unsigned *status)
{
	wsm_member headers[] = { { wsm__str("Host"), wsm__str("api.example.com") },
	                         { wsm__str("User-Agent"), wsm__str("bridge/1") },
	                         { wsm__str("ORIGIN"), wsm__str(origin) } };
	wsm_request request = { .path = wsm__str(path),
	                        .query = wsm__str("session_id=s1"),
	                        .ip = wsm__str("192.0.2.9"),
	                        .headers = headers,
	                        .n_headers = origin ? 3 : 2 };

	return wsm_bridge_open(host.runtime, &request, admission, &conn, status, NULL);
}

static void open_bridge(const char *path, const wsm_admission *admission)
{
	unsigned status;

	assert_int_equal(try_open(path, NULL, admission, &status), WSM_OK);
}

/* The next message for the client; as JSON. Confirms it if asked to. */
static json_t *next(bool confirm)
{
	wsm_event *event = host_event(&host, WSM_EVENT_BRIDGE_SEND);
	json_t *message = json_loadb(event->data.data, event->data.len, 0, NULL);

	assert_int_equal(event->conn, conn);
	assert_false(event->binary);
	assert_non_null(message);
	if (confirm)
		assert_int_equal(wsm_bridge_written(host.runtime, conn, event->data.len), WSM_OK);
	wsm_event_free(event);
	return message;
}

static void say(const char *text)
{
	assert_int_equal(wsm_bridge_receive(host.runtime, conn, false, text, strlen(text)), WSM_OK);
}

static void expect_closed(unsigned code)
{
	wsm_event *event = host_event(&host, WSM_EVENT_CLOSED);

	assert_int_equal(event->conn, conn);
	assert_int_equal(event->code, code);
	wsm_event_free(event);
	host_stat(&host, "uptime_seconds");
	assert_null(host_event_now(&host, WSM_EVENT_CLOSED));
}

static void a_bridged_connection_is_like_any_other(void **state)
{
	json_t *message, *connections;

	(void)state;
	open_bridge("/ws/project/caf%C3%A9", NULL);
	message = of_type(next(true), "connection");
	assert_string_equal(text_at(message, "data.session_id"), "s1");
	assert_non_null(json_object_get(at(message, "data.rooms"), "project:caf\xc3\xa9"));
	json_decref(message);
	connections = host_ask(&host, WSM_QUERY_CONNECTIONS, NULL);
	message = json_array_get(connections, 0);
	assert_string_equal(text_at(message, "ip"), "192.0.2.9");
	assert_string_equal(text_at(message, "user_agent"), "bridge/1");
	assert_string_equal(text_at(message, "path"), "/ws/project/caf\xc3\xa9");
	json_decref(connections);
	say("{\"action\":\"subscribe\",\"room\":\"r\",\"id\":1}");
	json_decref(of_type(next(true), "subscribed"));
	assert_int_equal(host_send(&host, "r", "x", "{}").recipients, 1);
	message = of_type(next(true), "x");
	assert_int_equal(number_at(message, "offset"), 1);
	json_decref(message);
	say("ping");
	json_decref(of_type(next(true), "pong"));
	assert_int_equal(wsm_bridge_closed(host.runtime, conn, 4000, wsm__str("bye")), WSM_OK);
	expect_closed(4000);
	assert_int_equal(host_stat(&host, "active_connections"), 0);
}

static void refusals_have_a_status(void **state)
{
	unsigned status;

	(void)state;
	assert_int_equal(try_open("/nothing", NULL, NULL, &status), WSM_EREFUSED);
	assert_int_equal(status, 404);
	assert_int_equal(try_open("/ws", "https://evil.example", NULL, &status), WSM_EREFUSED);
	assert_int_equal(status, 403);
	assert_int_equal(try_open("/ws", "null", NULL, &status), WSM_EREFUSED);
	assert_int_equal(status, 403);
	assert_int_equal(try_open("/%zz", NULL, NULL, &status), WSM_EREFUSED);
	assert_int_equal(status, 404);
	assert_int_equal(try_open("/ws", "https://api.example.com", NULL, &status), WSM_OK);
	assert_int_equal(status, 0);
}

static void an_admission_needs_no_endpoint(void **state)
{
	wsm_admission admission = { .admitted = true, .user_id = wsm__str("u"), .skip_origin = true };
	wsm_slice user = wsm__str("u");
	unsigned status;

	(void)state;
	assert_int_equal(try_open("/any", "https://evil.example", &admission, &status), WSM_OK);
	json_decref(of_type(next(true), "connected"));
	assert_int_equal(wsm_disconnect_user(host.runtime, user, 4403, wsm__str("go"), NULL), WSM_OK);
	expect_closed(4403);
}

static void a_slow_host_gets_no_more_than_the_window(void **state)
{
	wsm_publication big = { .target = WSM_TO_ALL, .flags = WSM_PUBLISH_NO_HISTORY };
	char *fill = malloc(100001);
	wsm_event *event;
	size_t bytes = 0;
	int n = 0;

	(void)state;
	memset(fill, 'x', 100000);
	fill[100000] = '\0';
	open_bridge("/ws", NULL);
	json_decref(next(true));
	for (int i = 0; i < 8; i++)
		host_publish(&host, &big, fill);
	host_stat(&host, "uptime_seconds");
	for (; (event = host_event_now(&host, WSM_EVENT_BRIDGE_SEND)) != NULL; n++) {
		bytes += event->data.len;
		wsm_event_free(event);
	}
	assert_in_range(n, 2, 4);
	assert_int_equal(wsm_bridge_written(host.runtime, conn, bytes), WSM_OK);
	while (n < 8) {
		event = host_event(&host, WSM_EVENT_BRIDGE_SEND);
		assert_int_equal(wsm_bridge_written(host.runtime, conn, event->data.len), WSM_OK);
		wsm_event_free(event);
		n++;
	}
	free(fill);
}

static void a_host_that_does_not_write_is_a_slow_consumer(void **state)
{
	wsm_publication big = { .target = WSM_TO_ALL, .flags = WSM_PUBLISH_NO_HISTORY };
	char *fill = malloc(300001);

	(void)state;
	memset(fill, 'x', 300000);
	fill[300000] = '\0';
	open_bridge("/ws", NULL);
	for (int i = 0; i < 8; i++)
		host_publish(&host, &big, fill);
	expect_closed(4413);
	free(fill);
}

static void a_bridged_connection_lags_where_history_is_kept(void **state)
{
	char *fill = malloc(300101);
	json_t *message;

	(void)state;
	open_bridge("/ws", NULL);
	json_decref(next(true));
	for (int i = 1; i <= 8; i++) {
		snprintf(fill, 300101, "{\"n\":%d,\"pad\":\"%0300000d\"}", i, 0);
		host_send(&host, "@all", "n", fill);
	}
	for (int i = 1; i <= 8; i++) {
		message = of_type(next(true), "n");
		assert_int_equal(number_at(message, "offset"), i);
		json_decref(message);
	}
	free(fill);
}

static void a_close_comes_after_what_was_queued(void **state)
{
	char *fill = malloc(100101), id[64];
	json_t *message;

	(void)state;
	open_bridge("/ws", NULL);
	message = next(true);
	snprintf(id, sizeof(id), "%s", text_at(message, "data.client_id"));
	json_decref(message);
	for (int i = 1; i <= 8; i++) {
		snprintf(fill, 100101, "{\"n\":%d,\"pad\":\"%0100000d\"}", i, 0);
		host_send(&host, "@all", "n", fill);
	}
	assert_int_equal(wsm_disconnect(host.runtime, wsm__str(id), 4409, wsm__str(""), NULL), WSM_OK);
	for (int i = 1; i <= 8; i++) {
		message = of_type(next(false), "n"); /* not confirmed: the window is no reason to lose it */
		assert_int_equal(number_at(message, "data.n"), i);
		json_decref(message);
	}
	expect_closed(4409);
	free(fill);
}

static void limits_hold_for_bridged_connections(void **state)
{
	char *big = calloc(1, 70000);

	(void)state;
	memset(big, ' ', 70000);
	open_bridge("/ws", NULL);
	assert_int_equal(wsm_bridge_receive(host.runtime, conn, false, big, 70000), WSM_OK);
	expect_closed(1009);
	open_bridge("/ws", NULL);
	assert_int_equal(wsm_bridge_receive(host.runtime, conn, true, big, 5), WSM_OK);
	expect_closed(1003);
	open_bridge("/ws", NULL);
	assert_int_equal(wsm_bridge_receive(host.runtime, conn, false, "\xc3\x28", 2), WSM_OK);
	expect_closed(1007);
	open_bridge("/ws/project/a%20b", NULL);
	expect_closed(4400);
	free(big);
}

static void binary_goes_both_ways(void **state)
{
	wsm_publication binary = { .target = WSM_TO_ALL, .flags = WSM_PUBLISH_BINARY };
	wsm_event *event;

	(void)state;
	wsm_want(host.runtime, WSM_WANT_MESSAGE);
	open_bridge("/ws", NULL);
	json_decref(next(true));
	host_publish(&host, &binary, "\x01\x02");
	event = host_event(&host, WSM_EVENT_BRIDGE_SEND);
	assert_true(event->binary);
	assert_int_equal(event->data.len, 2);
	wsm_event_free(event);
	assert_int_equal(wsm_bridge_receive(host.runtime, conn, true, "\x03", 1), WSM_OK);
	event = host_event(&host, WSM_EVENT_MESSAGE);
	assert_true(event->binary);
	assert_int_equal(event->data.data[0], 3);
	wsm_event_free(event);
}

static void calls_about_nobody_are_nothing(void **state)
{
	(void)state;
	assert_int_equal(wsm_bridge_receive(host.runtime, 424242, false, "x", 1), WSM_OK);
	assert_int_equal(wsm_bridge_written(host.runtime, 424242, 10), WSM_OK);
	assert_int_equal(wsm_bridge_closed(host.runtime, 424242, 1000, wsm__str("")), WSM_OK);
	open_bridge("/ws", NULL);
	json_decref(next(false));
	assert_int_equal(wsm_bridge_written(host.runtime, conn, 1000000000), WSM_OK); /* more than was sent */
	say("ping");
	json_decref(of_type(next(true), "pong"));
	assert_int_equal(wsm_bridge_closed(host.runtime, conn, 1000, wsm__str("")), WSM_OK);
	assert_int_equal(wsm_bridge_closed(host.runtime, conn, 1000, wsm__str("")), WSM_OK);
	expect_closed(1000);
}

static void stop_ends_bridged_connections_with_1001(void **state)
{
	wsm_event *event;

	(void)state;
	open_bridge("/ws", NULL);
	json_decref(next(false));
	assert_int_equal(wsm_runtime_stop(host.runtime, 2000), WSM_OK);
	event = host_event(&host, WSM_EVENT_CLOSED);
	assert_int_equal(event->code, 1001);
	wsm_event_free(event);
}

static void stop_delivers_what_a_bridged_connection_lags(void **state)
{
	char *fill = malloc(300101);
	wsm_event *event;
	json_t *message;

	(void)state;
	open_bridge("/ws", NULL);
	json_decref(next(true));
	for (int i = 1; i <= 8; i++) {
		snprintf(fill, 300101, "{\"n\":%d,\"pad\":\"%0300000d\"}", i, 0);
		host_send(&host, "@all", "n", fill);
	}
	assert_true(host_stat(&host, "lagging_connections") > 0);
	assert_int_equal(wsm_runtime_stop(host.runtime, 2000), WSM_OK);
	for (int i = 1; i <= 8; i++) {
		message = of_type(next(false), "n");
		assert_int_equal(number_at(message, "offset"), i);
		json_decref(message);
	}
	event = host_event(&host, WSM_EVENT_CLOSED);
	assert_int_equal(event->code, 1001);
	wsm_event_free(event);
	free(fill);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, open_host, close_host)
	const struct CMUnitTest tests[] = {
		CASE(a_bridged_connection_is_like_any_other),
		CASE(refusals_have_a_status),
		CASE(an_admission_needs_no_endpoint),
		CASE(a_slow_host_gets_no_more_than_the_window),
		CASE(a_host_that_does_not_write_is_a_slow_consumer),
		CASE(a_bridged_connection_lags_where_history_is_kept),
		CASE(a_close_comes_after_what_was_queued),
		CASE(limits_hold_for_bridged_connections),
		CASE(binary_goes_both_ways),
		CASE(calls_about_nobody_are_nothing),
		CASE(stop_ends_bridged_connections_with_1001),
		CASE(stop_delivers_what_a_bridged_connection_lags),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
