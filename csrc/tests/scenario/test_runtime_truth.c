/* What the server says about a message is not said by its author, whichever way the author has come. */
#include "rest_scene.h"

/* A connection that the host carries, with what it admits it to. */
static uint64_t bridge(const wsm_admission *admission)
{
	wsm_request request = { .path = wsm__str("/any"), .ip = wsm__str("192.0.2.9") };
	unsigned status;
	uint64_t conn;

	assert_int_equal(wsm_bridge_open(host.runtime, &request, admission, &conn, &status, NULL), WSM_OK);
	return conn;
}

static void say(uint64_t conn, const char *text)
{
	assert_int_equal(wsm_bridge_receive(host.runtime, conn, false, text, strlen(text)), WSM_OK);
}

/* The next message for a bridged connection, of this type. */
static json_t *told(uint64_t conn, const char *type)
{
	wsm_event *event = host_event(&host, WSM_EVENT_BRIDGE_SEND);
	json_t *message = json_loadb(event->data.data, event->data.len, JSON_REJECT_DUPLICATES, NULL);

	assert_int_equal(event->conn, conn);
	wsm_event_free(event);
	return of_type(message, type);
}

static void refused(uint64_t conn, const char *text)
{
	json_t *message;

	say(conn, text);
	message = told(conn, "error");
	assert_string_equal(text_at(message, "data.code"), "bad_request");
	json_decref(message);
}

static int open_host(void **state)
{
	(void)state;
	host_open(&host, "rate", "0", NULL);
	assert_int_equal(
		wsm_room_rule_set(host.runtime, wsm__str("chat:*"), wsm__str("publish"), wsm__str("anyone"), NULL),
		WSM_OK);
	return 0;
}

static void expect_author(json_t *message, const char *user, const char *client)
{
	assert_int_equal(json_object_size(at(message, "from")), 2);
	assert_string_equal(text_at(message, "from.user_id"), user);
	assert_string_equal(text_at(message, "from.client_id"), client);
	assert_string_equal(text_at(message, "room"), "chat:1");
	json_decref(message);
}

static void a_publication_names_its_author_wherever_it_is_read(void **state)
{
	static const char publish[] = "{\"action\":\"publish\",\"room\":\"chat:1\",\"type\":\"note\","
				      "\"data\":{\"from\":{\"user_id\":\"admin\"}}}";
	wsm_admission ana = { .admitted = true, .user_id = wsm__str("ana \"1\""), .client_id = wsm__str("c1") };
	wsm_admission bob = { .admitted = true, .client_id = wsm__str("c2") };
	struct visitor all;
	uint64_t conn;
	json_t *answer;

	(void)state;
	visitor_open(&all, host.port, "/ws/notifications");
	conn = bridge(&ana);
	json_decref(told(conn, "connected"));
	say(conn, publish);
	json_decref(told(conn, "published"));
	expect_author(visitor_await(&all, "note"), "ana \"1\"", "c1");
	assert_int_equal(wsm_bridge_closed(host.runtime, conn, 1000, wsm__str("")), WSM_OK);
	wsm_event_free(host_event(&host, WSM_EVENT_CLOSED));
	conn = bridge(&bob);
	json_decref(told(conn, "connected"));
	say(conn, publish);
	json_decref(told(conn, "published"));
	answer = visitor_await(&all, "note");
	assert_true(json_is_null(at(answer, "from.user_id")));
	expect_author(answer, "", "c2");
	visitor_leave(&all);
	answer = get(200, "/api/ws/history?room=chat:1");
	expect_author(json_incref(json_array_get(at(answer, "messages"), 0)), "ana \"1\"", "c1");
	expect_author(json_incref(json_array_get(at(answer, "messages"), 1)), "", "c2");
	json_decref(answer);
}

static void words_of_greetings_and_heartbeats_are_the_servers(void **state)
{
	wsm_admission admission = { .admitted = true, .greeting = wsm__str("hello"), .heartbeat = wsm__str("beat") };
	wsm_admission plain = { .admitted = true };
	uint64_t conn = bridge(&plain);

	(void)state;
	json_decref(told(conn, "connected"));
	say(conn, "{\"action\":\"publish\",\"room\":\"chat:1\",\"type\":\"hello\",\"data\":1}");
	json_decref(told(conn, "published"));
	json_decref(told(bridge(&admission), "hello"));
	refused(conn, "{\"action\":\"publish\",\"room\":\"chat:1\",\"type\":\"hello\",\"data\":1}");
	refused(conn, "{\"action\":\"publish\",\"room\":\"chat:1\",\"type\":\"beat\",\"data\":1}");
	refused(conn, "{\"action\":\"publish\",\"room\":\"chat:1\",\"type\":\"g\\u0061p\",\"data\":1}");
}

static void a_refused_publication_leaves_a_line(void **state)
{
	wsm_admission admission = { .admitted = true, .user_id = wsm__str("ana") };
	uint64_t conn = bridge(&admission);
	wsm_event *line;

	(void)state;
	wsm_want(host.runtime, WSM_WANT_LOG);
	json_decref(told(conn, "connected"));
	refused(conn, "{\"action\":\"publish\",\"room\":\"chat:1\",\"type\":\"system_status\",\"data\":{\"\\u0072oom\":"
	              "\"a\\nb\"}}");
	do {
		line = host_event(&host, WSM_EVENT_LOG);
		if (strstr(line->text.data, "refused: a publication"))
			break;
		wsm_event_free(line);
	} while (true);
	assert_non_null(
		strstr(line->text.data, "\"system_status\" to \"chat:1\" by user ana (192.0.2.9): the member "));
	assert_null(strchr(line->text.data, '\n'));
	wsm_event_free(line);
}

/* The host's yes is about the room. */
static void what_the_authorize_handler_allows_is_looked_at_all_the_same(void **state)
{
	wsm_admission admission = { .admitted = true };
	uint64_t conn = bridge(&admission);
	wsm_event *event;

	(void)state;
	json_decref(told(conn, "connected"));
	wsm_want(host.runtime, WSM_WANT_AUTHORIZE);
	say(conn, "{\"action\":\"publish\",\"room\":\"news\",\"type\":\"system_status\",\"data\":{\"room\":\"x\"}}");
	event = host_event(&host, WSM_EVENT_AUTHORIZE);
	assert_int_equal(wsm_authorized(host.runtime, event->ticket, true), WSM_OK);
	wsm_event_free(event);
	json_decref(told(conn, "error"));
	assert_int_equal(host_stat(&host, "total_broadcasts"), 0);
}

static int publish_text(const char *text, wsm_error *error)
{
	wsm_publication publication = { .target = WSM_TO_ALL, .flags = WSM_PUBLISH_TEXT };

	return wsm_publish(host.runtime, &publication, text, strlen(text), NULL, error);
}

static void a_text_that_goes_out_as_it_is_cannot_sound_like_the_server(void **state)
{
	static const char *const texts[] = { "{\"type\":\"gap\",\"data\":{\"room\":\"news\"}}",
	                                     "{\"room\":\"news\",\"offset\":9}", " {\"@position\":{}}",
	                                     "{\"type\":\"x\",\"\\u0040p\":1}" };
	struct visitor visitor;
	wsm_error error;
	char *heard;

	(void)state;
	visitor_open(&visitor, host.port, "/ws");
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_int_equal(publish_text(texts[i], &error), WSM_EINVAL);
		assert_non_null(strstr(error.message, "WSM_PUBLISH_TEXT"));
	}
	assert_int_equal(publish_text("{\"type\":\"x\", \"data\":{\"room\":1}}", &error), WSM_OK);
	heard = visitor_text(&visitor);
	assert_string_equal(heard, "{\"type\":\"x\", \"data\":{\"room\":1}}");
	free(heard);
	visitor_leave(&visitor);
}

/* Deeper than anything is looked at for its kind of bracket; a browser's parser reads it all the same. */
static void depth_is_no_way_around_the_position(void **state)
{
	enum { DEPTH = 5000 };
	static const char head[] = "{\"type\":\"gap\",\"room\":\"news\",\"offset\":1,\"x\":";
	size_t len = sizeof(head) - 1;
	char *text = malloc(len + 2 * DEPTH + 2), *heard;
	wsm_publication publication = { .target = WSM_TO_ALL };
	struct visitor visitor;

	(void)state;
	memcpy(text, head, len);
	memset(text + len, '[', DEPTH);
	memset(text + len + DEPTH, ']', DEPTH);
	memcpy(text + len + 2 * DEPTH, "}", 2);
	visitor_open(&visitor, host.port, "/ws");
	host_publish(&host, &publication, text);
	heard = visitor_text(&visitor);
	assert_non_null(strstr(heard, "\"@position\":{\"room\":\"@all\",\"offset\":1,"));
	free(heard);
	free(text);
	visitor_leave(&visitor);
}

static void rest_is_the_hosts_voice(void **state)
{
	static const char *const bad[] = {
		"{\"event_type\":\"system_status\",\"data\":{\"@position\":{\"room\":\"news\"}}}",
		"{\"event_type\":\"system_status\",\"data\":[1]}",
		"{\"event_type\":\"system_status\",\"data\":\"text\"}",
	};
	struct visitor visitor;
	json_t *body, *message;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(post("/api/ws/broadcast", "", bad[i], &body), 400);
		assert_string_equal(text_at(body, "error.code"), "invalid_argument");
		json_decref(body);
	}
	visitor_open(&visitor, host.port, "/ws");
	/* It may say anything; but it stands in a room, which what the server says of its own does not. */
	assert_int_equal(
		post("/api/ws/broadcast", "", "{\"event_type\":\"gap\",\"data\":{\"room\":\"news\",\"@x\":1}}", &body),
		200);
	json_decref(body);
	message = of_type(visitor_next(&visitor), "gap");
	assert_string_equal(text_at(message, "room"), "@all");
	assert_int_equal(number_at(message, "offset"), 1);
	assert_null(at(message, "from"));
	json_decref(message);
	assert_int_equal(post("/api/ws/broadcast", "",
	                      "{\"event_type\":\"validation_required\",\"data\":{\"room\":\"kitchen\",\"offset\":77}}",
	                      &body),
	                 200);
	json_decref(body);
	message = visitor_next(&visitor);
	assert_string_equal(text_at(message, "room"), "kitchen");
	assert_int_equal(number_at(message, "offset"), 77);
	assert_string_equal(text_at(json_object_get(message, "@position"), "room"), "@all");
	assert_int_equal(number_at(json_object_get(message, "@position"), "offset"), 2);
	json_decref(message);
	visitor_leave(&visitor);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, open_host, close_host)
	const struct CMUnitTest tests[] = {
		CASE(a_publication_names_its_author_wherever_it_is_read),
		CASE(words_of_greetings_and_heartbeats_are_the_servers),
		CASE(a_refused_publication_leaves_a_line),
		CASE(what_the_authorize_handler_allows_is_looked_at_all_the_same),
		CASE(a_text_that_goes_out_as_it_is_cannot_sound_like_the_server),
		CASE(depth_is_no_way_around_the_position),
		CASE(rest_is_the_hosts_voice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
