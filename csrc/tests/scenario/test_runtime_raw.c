/* Raw endpoints: both sides say what the application says, and nothing else. And what the host says to, and does with, one connection. */
#include "raw.h"

#include <unistd.h>

static struct host host;

static int open_host(void **state)
{
	wsm_slice room = wsm__str("chat");
	wsm_endpoint endpoint = { .path = wsm__str("/raw"), .rooms = &room, .n_rooms = 1, .flags = WSM_ENDPOINT_RAW };
	wsm_endpoint usual = { .path = wsm__str("/usual"), .rooms = &room, .n_rooms = 1 };

	(void)state;
	host_make(&host, "port", "0", "rate", "5", "max_rooms", "2", "history_size", "5", "max_publish_size", "300000",
	          NULL);
	wsm_want(host.runtime, WSM_WANT_MESSAGE | WSM_WANT_CONNECT);
	assert_int_equal(wsm_endpoint_set(host.runtime, &endpoint, NULL), WSM_OK);
	assert_int_equal(wsm_endpoint_set(host.runtime, &usual, NULL), WSM_OK);
	host_start(&host);
	return 0;
}

static int close_host(void **state)
{
	(void)state;
	host_close(&host);
	return 0;
}

/* A connection of which the host knows; its number. */
static uint64_t enter(struct visitor *visitor, const char *path)
{
	wsm_event *event;
	uint64_t conn;

	visitor_try(visitor, host.port, path, NULL);
	assert_int_equal(visitor->end, 0);
	event = host_event(&host, WSM_EVENT_CONNECT);
	conn = event->conn;
	wsm_event_free(event);
	return conn;
}

static void publish(const char *type, const char *payload, unsigned flags)
{
	wsm_slice room = wsm__str("chat");
	wsm_publication publication = {
		.target = WSM_TO_ROOM, .ids = &room, .n_ids = 1, .type = wsm__str(type), .flags = flags
	};

	host_publish(&host, &publication, payload);
}

static void expect(struct visitor *visitor, const char *text)
{
	char *came = visitor_text(visitor);

	assert_string_equal(came, text);
	free(came);
}

static void expect_type(struct visitor *visitor, const char *type)
{
	json_decref(of_type(visitor_next(visitor), type));
}

/* Nothing has come before a message that is sent now. */
static void expect_silence(struct visitor *visitor)
{
	publish(NULL, "now", 0);
	expect(visitor, "now");
}

static void what_is_published_goes_out_as_it_is(void **state)
{
	static const char *const payloads[] = {
		"hello", "{ \"a\": 1 }", "{\"type\":\"chat\",\"timestamp\":7}", "[1, 2]", "7", "\"x\"", "null", "{}"
	};
	struct visitor visitor, usual;

	(void)state;
	enter(&visitor, "/raw");
	visitor_open(&usual, host.port, "/usual");
	for (size_t i = 0; i < sizeof(payloads) / sizeof(payloads[0]); i++) {
		publish(NULL, payloads[i], 0);
		expect(&visitor, payloads[i]);
	}
	publish(NULL, "{\"b\":2}", WSM_PUBLISH_TEXT);
	expect(&visitor, "{\"b\":2}");
	publish("moved", "[3]", 0);
	expect(&visitor, "{\"type\":\"moved\",\"data\":[3]}");
	publish(NULL, "\x01\x02", WSM_PUBLISH_BINARY);
	assert_int_equal(visitor_binary(&visitor), 2);
	expect_silence(&visitor);
	/* Beside it, all is as ever. */
	expect(&usual, "hello");
	{
		json_t *message = visitor_next(&usual);

		assert_int_equal(number_at(message, "a"), 1);
		assert_string_equal(text_at(message, "room"), "chat");
		assert_int_equal(number_at(message, "offset"), 1);
		json_decref(message);
	}
	visitor_leave(&usual);
	visitor_leave(&visitor);
}

static void what_clients_say_reaches_the_host_as_it_is(void **state)
{
	static const char *const texts[] = { "ping", "{\"action\":\"subscribe\",\"room\":\"x\"}", "[1]", "{", "" };
	struct visitor visitor;
	wsm_event *event;

	(void)state;
	enter(&visitor, "/raw");
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		visitor_say(&visitor, "%s", texts[i]);
		event = host_event(&host, WSM_EVENT_MESSAGE);
		assert_string_equal(event->data.data, texts[i]);
		assert_false(event->binary);
		wsm_event_free(event);
	}
	assert_int_equal(host_stat(&host, "rooms"), 1); /* that of the endpoint */
	expect_silence(&visitor);
	visitor_leave(&visitor);
}

/* Also where nobody listens, and where somebody says too much. */
static void the_server_says_nothing_of_its_own(void **state)
{
	struct visitor visitor, other;
	uint64_t conn;

	(void)state;
	assert_int_equal(
		wsm_room_rule_set(host.runtime, wsm__str("chat"), wsm__str("presence_events"), wsm__str("on"), NULL),
		WSM_OK);
	conn = enter(&visitor, "/raw?session_id=s");
	wsm_want(host.runtime, WSM_WANT_CONNECT | WSM_WANT_LOG);
	visitor_say(&visitor, "hello");
	wsm_event_free(
		host_line(&host, "a message to the raw endpoint /raw: the application has no on_message handler"));
	for (int i = 0; i < 12; i++)
		visitor_say(&visitor, "x");
	host_stat_reaches(&host, "rate_limited", 1);
	assert_int_equal(wsm_reply(host.runtime, conn, wsm__str("a"), wsm__str(""), wsm__str("1"), NULL), WSM_OK);
	assert_int_equal(wsm_conn_join(host.runtime, conn, wsm__str("more"), NULL), WSM_OK);
	enter(&other, "/usual"); /* of whom others are told */
	visitor_say(&other, "{\"action\":\"unsubscribe\",\"room\":\"chat\"}");
	expect_type(&other, "connected");
	visitor_leave(&other);
	host_stat_reaches(&host, "presence_messages", 1);
	expect_silence(&visitor);
	visitor_leave(&visitor);
}

/* A message of more than one write's size, and a batch; for several connections of both kinds. */
static void large_ones_and_many_at_once(void **state)
{
	struct visitor visitors[4];
	char *large = malloc(200004), *came;

	(void)state;
	for (int i = 0; i < 4; i++)
		visitor_try(&visitors[i], host.port, i % 2 ? "/usual" : "/raw", NULL);
	json_decref(visitor_next(&visitors[1]));
	json_decref(visitor_next(&visitors[3]));
	host_stat_reaches(&host, "active_connections", 4);
	large[0] = '{';
	memset(large + 1, ' ', 200000);
	memcpy(large + 200001, "}", 2);
	memcpy(large + 100, "\"a\":1", 5);
	publish(NULL, large, 0);
	host_send_run(&host, "chat", 1, 30);
	for (int i = 0; i < 4; i++) {
		came = visitor_text(&visitors[i]);
		if (i % 2)
			assert_non_null(strstr(came, "\"room\":\"chat\""));
		else
			assert_string_equal(came, large);
		free(came);
		for (int n = 1; n <= 30; n++) {
			char text[64];

			snprintf(text, sizeof(text), "{\"n\":%d}", n);
			came = visitor_text(&visitors[i]);
			assert_non_null(strstr(came, text));
			assert_int_equal(strstr(came, "message_id") != NULL, i % 2);
			free(came);
		}
		visitor_leave(&visitors[i]);
	}
	free(large);
}

static void a_heartbeat_is_a_ping_and_no_message(void **state)
{
	wsm_endpoint endpoint = { .path = wsm__str("/raw"), .flags = WSM_ENDPOINT_RAW };
	struct host quick;
	static struct raw_frame frame;
	int fd;

	(void)state;
	host_make(&quick, "port", "0", "heartbeat_interval", "0.1", NULL);
	assert_int_equal(wsm_endpoint_set(quick.runtime, &endpoint, NULL), WSM_OK);
	host_start(&quick);
	fd = raw_open(quick.port, "/raw");
	for (int i = 0; i < 3; i++) {
		assert_true(raw_next(fd, &frame));
		assert_int_equal(frame.opcode, WSC_PING);
		assert_int_equal(frame.len, 0);
		raw_frame(fd, true, WSC_PONG, "", 0);
	}
	close(fd);
	host_close(&quick);
}

static void what_waited_for_its_user_comes_raw_too(void **state)
{
	wsm_slice user = wsm__str("u"), welcome[] = { wsm__str("first"), wsm__str("{\"n\":2}") };
	wsm_publication publication = { .target = WSM_TO_USER, .ids = &user, .n_ids = 1 };
	wsm_admission admission = {
		.admitted = true, .user_id = user, .raw = true, .welcome = welcome, .n_welcome = 2
	};
	wsm_request request = { .path = wsm__str("/any") };
	static const char *const expected[] = { "first", "{\"n\":2}", "{\"n\":3}" };
	unsigned http_status;
	uint64_t conn;

	(void)state;
	assert_int_equal(wsm_bridge_open(host.runtime, &request, &admission, &conn, &http_status, NULL), WSM_OK);
	host_publish(&host, &publication, "{\"n\":3}");
	for (int i = 0; i < 3; i++) {
		wsm_event *event = host_event(&host, WSM_EVENT_BRIDGE_SEND);

		assert_string_equal(event->data.data, expected[i]);
		assert_int_equal(wsm_bridge_written(host.runtime, conn, event->data.len), WSM_OK);
		wsm_event_free(event);
	}
}

/* As many bytes as the host confirms are taken for written: else the bridge would stand still after a while. */
static void a_bridge_goes_on(void **state)
{
	wsm_admission admission = { .admitted = true, .raw = true };
	wsm_request request = { .path = wsm__str("/any") };
	unsigned http_status;
	uint64_t conn;

	(void)state;
	assert_int_equal(wsm_bridge_open(host.runtime, &request, &admission, &conn, &http_status, NULL), WSM_OK);
	wsm_event_free(host_event(&host, WSM_EVENT_CONNECT));
	for (int round = 0; round < 30; round++) {
		host_send_run(&host, "@all", 1, 100);
		for (int i = 0; i < 100; i++) {
			wsm_event *event = host_event(&host, WSM_EVENT_BRIDGE_SEND);

			assert_int_equal(wsm_bridge_written(host.runtime, conn, event->data.len), WSM_OK);
			wsm_event_free(event);
		}
	}
}

/* ---- who falls behind ------------------------------------------------------------------------------------------- */

/* A client that does not read while more is published than the sockets and history hold. */
static int fall_behind(const char *overflow)
{
	static char payload[60000];
	int fd;

	assert_int_equal(
		wsm_room_rule_set(host.runtime, wsm__str("chat"), wsm__str("overflow"), wsm__str(overflow), NULL),
		WSM_OK);
	fd = raw_open(host.port, "/raw");
	wsm_event_free(host_event(&host, WSM_EVENT_CONNECT));
	memset(payload, 'x', sizeof(payload));
	memcpy(payload, "{\"x\":\"", 6);
	memcpy(payload + sizeof(payload) - 3, "\"}", 3);
	for (int i = 0; i < 400; i++)
		publish(NULL, payload, 0);
	publish(NULL, "the end", WSM_PUBLISH_NO_HISTORY);
	return fd;
}

static void who_cannot_be_told_of_a_gap_is_closed(void **state)
{
	int fd = fall_behind("recover");

	(void)state;
	assert_int_equal(raw_close_code(fd), 4413);
	close(fd);
}

static void where_some_may_be_lost_they_are(void **state)
{
	static struct raw_frame frame;
	int fd = fall_behind("drop_oldest"), n = 0;

	(void)state;
	do {
		raw_await(fd, WSC_TEXT, &frame);
		n++;
	} while (strcmp(frame.data, "the end") != 0);
	assert_in_range(n, 2, 399);
	close(fd);
}

/* ---- what the host says first ----------------------------------------------------------------------------------- */

static void a_welcome_comes_behind_the_greeting(void **state)
{
	wsm_slice welcome[] = { wsm__str("{\"n\":1}"), wsm__str("hello") };
	wsm_decision decision = { .allow = true, .user_id = wsm__str("u"), .welcome = welcome, .n_welcome = 2 };
	struct visitor visitor;
	wsm_event *event;
	json_t *message;

	(void)state;
	wsm_want(host.runtime, WSM_WANT_AUTHENTICATE);
	visitor_try(&visitor, host.port, "/ws", NULL);
	event = host_event(&host, WSM_EVENT_AUTHENTICATE);
	assert_int_equal(wsm_authenticated(host.runtime, event->ticket, &decision, NULL), WSM_OK);
	wsm_event_free(event);
	expect_type(&visitor, "connected");
	message = visitor_next(&visitor);
	assert_int_equal(number_at(message, "n"), 1);
	assert_memory_equal(text_at(message, "room"), "@client:", 8);
	json_decref(message);
	expect(&visitor, "hello");
	visitor_leave(&visitor);
}

static void a_welcome_is_looked_at_like_any_message(void **state)
{
	char *large = calloc(1, 300001);
	const struct {
		wsm_slice text;
		int status;
	} rows[] = {
		{ wsm__str("\xff"), WSM_EINVAL },
		{ wsm__str("{\"@position\":1}"), WSM_EINVAL },
		{ wsm__slice(large, 300001), WSM_ETOOLARGE },
	};
	wsm_request request = { .path = wsm__str("/any") };
	unsigned http_status;
	uint64_t conn;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		wsm_admission admission = { .admitted = true, .welcome = &rows[i].text, .n_welcome = 1 };
		wsm_decision decision = { .allow = true, .welcome = &rows[i].text, .n_welcome = 1 };
		wsm_error error = { 0 };

		assert_int_equal(wsm_bridge_open(host.runtime, &request, &admission, &conn, &http_status, &error),
		                 rows[i].status);
		assert_int_not_equal(strlen(error.message), 0);
		assert_int_equal(wsm_authenticated(host.runtime, 1, &decision, &error), rows[i].status);
	}
	free(large);
}

/* ---- one connection into a room, and out of it ------------------------------------------------------------------ */

static void one_connection_joins_and_leaves(void **state)
{
	struct visitor visitor, other;
	uint64_t conn = enter(&visitor, "/usual");
	wsm_delivery delivery;

	(void)state;
	expect_type(&visitor, "connected");
	enter(&other, "/usual");
	assert_int_equal(wsm_conn_join(host.runtime, conn, wsm__str("desk"), NULL), WSM_OK);
	assert_int_equal(wsm_conn_join(host.runtime, conn, wsm__str("desk"), NULL), WSM_OK);
	delivery = host_send(&host, "desk", "x", "{}");
	assert_int_equal(delivery.recipients, 1);
	expect_type(&visitor, "subscribed");
	expect_type(&visitor, "x");
	assert_int_equal(wsm_conn_leave(host.runtime, conn, wsm__str("desk"), NULL), WSM_OK);
	assert_int_equal(wsm_conn_leave(host.runtime, conn, wsm__str("desk"), NULL), WSM_OK);
	assert_int_equal(host_send(&host, "desk", "x", "{}").recipients, 0);
	expect_type(&visitor, "unsubscribed");
	/* Of its endpoint, too. */
	assert_int_equal(wsm_conn_leave(host.runtime, conn, wsm__str("chat"), NULL), WSM_OK);
	assert_int_equal(host_send(&host, "chat", "x", "{}").recipients, 1);
	expect_type(&visitor, "unsubscribed");
	visitor_expect_silence(&visitor);
	visitor_leave(&other);
	visitor_leave(&visitor);
}

static void what_it_has_joined_it_may_read(void **state)
{
	struct visitor visitor;
	uint64_t conn;

	(void)state;
	assert_int_equal(wsm_access_checked(host.runtime, wsm__str("a test"), NULL), WSM_OK);
	host_send(&host, "desk", "x", "{}");
	conn = enter(&visitor, "/ws");
	expect_type(&visitor, "connected");
	visitor_say(&visitor, "{\"action\":\"history\",\"room\":\"desk\"}");
	expect_type(&visitor, "error");
	assert_int_equal(wsm_conn_join(host.runtime, conn, wsm__str("desk"), NULL), WSM_OK);
	expect_type(&visitor, "subscribed");
	visitor_say(&visitor, "{\"action\":\"history\",\"room\":\"desk\"}");
	expect_type(&visitor, "history");
	assert_int_equal(wsm_conn_leave(host.runtime, conn, wsm__str("desk"), NULL), WSM_OK);
	expect_type(&visitor, "unsubscribed");
	visitor_say(&visitor, "{\"action\":\"subscribe\",\"room\":\"desk\"}");
	expect_type(&visitor, "error");
	visitor_leave(&visitor);
}

static void what_cannot_be_is_said(void **state)
{
	struct visitor visitor;
	uint64_t conn = enter(&visitor, "/usual");
	wsm_error error = { 0 };

	(void)state;
	expect_type(&visitor, "connected");
	assert_int_equal(wsm_conn_join(host.runtime, conn, wsm__str("@all"), &error), WSM_EROOM);
	assert_non_null(strstr(error.message, "\"@all\""));
	assert_int_equal(wsm_conn_leave(host.runtime, conn, wsm__str("a b"), NULL), WSM_EROOM);
	assert_int_equal(wsm_conn_join(host.runtime, conn, wsm__str("1"), NULL), WSM_OK);
	assert_int_equal(wsm_conn_join(host.runtime, conn, wsm__str("2"), NULL), WSM_OK);
	assert_int_equal(wsm_conn_join(host.runtime, conn, wsm__str("3"), &error), WSM_EREFUSED);
	assert_non_null(strstr(error.message, "max_rooms"));
	expect_type(&visitor, "subscribed");
	expect_type(&visitor, "subscribed");
	visitor_expect_silence(&visitor);
	visitor_leave(&visitor);
	host_stat_falls(&host, "active_connections", 0);
	assert_int_equal(wsm_conn_join(host.runtime, conn, wsm__str("1"), &error), WSM_ENOTFOUND);
	assert_string_equal(error.message, "the connection has gone, or it is not let in yet");
	assert_int_equal(wsm_conn_leave(host.runtime, conn, wsm__str("1"), NULL), WSM_ENOTFOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_published_goes_out_as_it_is, open_host, close_host),
		cmocka_unit_test_setup_teardown(what_clients_say_reaches_the_host_as_it_is, open_host, close_host),
		cmocka_unit_test_setup_teardown(the_server_says_nothing_of_its_own, open_host, close_host),
		cmocka_unit_test_setup_teardown(large_ones_and_many_at_once, open_host, close_host),
		cmocka_unit_test(a_heartbeat_is_a_ping_and_no_message),
		cmocka_unit_test_setup_teardown(what_waited_for_its_user_comes_raw_too, open_host, close_host),
		cmocka_unit_test_setup_teardown(a_bridge_goes_on, open_host, close_host),
		cmocka_unit_test_setup_teardown(who_cannot_be_told_of_a_gap_is_closed, open_host, close_host),
		cmocka_unit_test_setup_teardown(where_some_may_be_lost_they_are, open_host, close_host),
		cmocka_unit_test_setup_teardown(a_welcome_comes_behind_the_greeting, open_host, close_host),
		cmocka_unit_test_setup_teardown(a_welcome_is_looked_at_like_any_message, open_host, close_host),
		cmocka_unit_test_setup_teardown(one_connection_joins_and_leaves, open_host, close_host),
		cmocka_unit_test_setup_teardown(what_it_has_joined_it_may_read, open_host, close_host),
		cmocka_unit_test_setup_teardown(what_cannot_be_is_said, open_host, close_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
