/* What clients may ask, and what they get for asking wrongly. */
#include "harness.h"

static struct host host;
static struct visitor visitor;

static int open_both(void **state)
{
	(void)state;
	host_open(&host, "rate", "0", "max_rooms", "3", NULL);
	visitor_open(&visitor, host.port, "/ws");
	return 0;
}

static int close_both(void **state)
{
	(void)state;
	visitor_leave(&visitor);
	host_close(&host);
	return 0;
}

/* Sends, and returns the answer, which must be of that type. */
static json_t *ask(const char *type, const char *message)
{
	visitor_say(&visitor, "%s", message);
	return of_type(visitor_next(&visitor), type);
}

static void drop_answer(const char *type, const char *message)
{
	json_decref(ask(type, message));
}

static void fails(const char *code, const char *message)
{
	json_t *answer = ask("error", message);

	if (strcmp(text_at(answer, "data.code"), code) != 0)
		give_up("%.200s: error %s instead of %s", message, text_at(answer, "data.code"), code);
	assert_int_not_equal(strlen(text_at(answer, "data.message")), 0);
	json_decref(answer);
}

static void ping_as_text_and_as_json(void **state)
{
	json_t *answer;

	(void)state;
	drop_answer("pong", "ping");
	answer = ask("pong", "{\"action\":\"ping\",\"id\":\"a\\u00e9\"}");
	assert_string_equal(text_at(answer, "id"), "a\xc3\xa9");
	json_decref(answer);
	answer = ask("pong", "{\"action\":\"ping\",\"id\":-1.5e3}");
	assert_true(json_is_number(at(answer, "id")));
	json_decref(answer);
	answer = ask("pong", "{\"action\":\"ping\"}");
	assert_null(at(answer, "id"));
	json_decref(answer);
}

static void subscribe_and_unsubscribe(void **state)
{
	json_t *answer = ask("subscribed", "{\"action\":\"subscribe\",\"room\":\"pipeline:7\",\"id\":1}");

	(void)state;
	assert_string_equal(text_at(answer, "data.room"), "pipeline:7");
	assert_int_equal(number_at(answer, "data.offset"), 0);
	assert_int_not_equal(strlen(text_at(answer, "data.epoch")), 0);
	assert_false(true_at(answer, "data.recovered"));
	assert_int_equal(number_at(answer, "data.replayed"), 0);
	assert_int_equal(number_at(answer, "id"), 1);
	json_decref(answer);
	assert_int_equal(host_send(&host, "pipeline:7", "x", "{}").recipients, 1);
	answer = of_type(visitor_next(&visitor), "x");
	assert_string_equal(text_at(answer, "room"), "pipeline:7");
	assert_int_equal(number_at(answer, "offset"), 1);
	json_decref(answer);
	drop_answer("unsubscribed", "{\"action\":\"unsubscribe\",\"room\":\"pipeline:7\"}");
	assert_int_equal(host_send(&host, "pipeline:7", "x", "{}").recipients, 0);
	visitor_expect_silence(&visitor);
}

static void a_project_id_names_its_room(void **state)
{
	json_t *answer = ask("subscribed", "{\"action\":\"subscribe\",\"project_id\":\"P-1\"}");

	(void)state;
	assert_string_equal(text_at(answer, "data.room"), "project:P-1");
	assert_string_equal(text_at(answer, "data.project_id"), "P-1");
	json_decref(answer);
	answer = ask("unsubscribed", "{\"action\":\"unsubscribe\",\"project_id\":\"P-1\"}");
	assert_string_equal(text_at(answer, "data.project_id"), "P-1");
	json_decref(answer);
	answer = ask("subscribed", "{\"action\":\"subscribe\",\"channel\":\"news\"}");
	assert_string_equal(text_at(answer, "data.room"), "news");
	assert_null(at(answer, "data.project_id"));
	json_decref(answer);
}

static void subscribing_twice_counts_once(void **state)
{
	(void)state;
	for (int i = 0; i < 10; i++)
		drop_answer("subscribed", "{\"action\":\"subscribe\",\"room\":\"r\"}");
	assert_int_equal(host_send(&host, "r", "x", "{}").recipients, 1);
	json_decref(of_type(visitor_next(&visitor), "x"));
	visitor_expect_silence(&visitor);
	drop_answer("unsubscribed", "{\"action\":\"unsubscribe\",\"room\":\"r\"}");
	drop_answer("unsubscribed", "{\"action\":\"unsubscribe\",\"room\":\"r\"}");
	assert_int_equal(host_send(&host, "r", "x", "{}").recipients, 0);
}

static void too_many_rooms(void **state)
{
	(void)state;
	drop_answer("subscribed", "{\"action\":\"subscribe\",\"room\":\"r1\"}");
	drop_answer("subscribed", "{\"action\":\"subscribe\",\"room\":\"r2\"}");
	drop_answer("subscribed", "{\"action\":\"subscribe\",\"room\":\"r3\"}");
	fails("too_many_rooms", "{\"action\":\"subscribe\",\"room\":\"r4\"}");
	drop_answer("subscribed", "{\"action\":\"subscribe\",\"room\":\"r3\"}"); /* is in it */
	drop_answer("unsubscribed", "{\"action\":\"unsubscribe\",\"room\":\"r1\"}");
	drop_answer("subscribed", "{\"action\":\"subscribe\",\"room\":\"r4\"}");
	assert_int_equal(host_send(&host, "r1", "x", "{}").recipients, 0);
}

static void rooms_that_are_none(void **state)
{
	(void)state;
	fails("room_invalid", "{\"action\":\"subscribe\",\"room\":\"\"}");
	fails("room_invalid", "{\"action\":\"subscribe\",\"room\":\"@all\"}");
	fails("room_invalid", "{\"action\":\"subscribe\",\"room\":\"@user:1\"}");
	fails("room_invalid", "{\"action\":\"subscribe\",\"room\":\"*\"}");
	fails("room_invalid", "{\"action\":\"subscribe\",\"room\":\"a b\"}");
	fails("room_invalid", "{\"action\":\"subscribe\",\"room\":\"a\\nb\"}");
	fails("room_invalid", "{\"action\":\"history\",\"room\":\"@session:1\"}");
	fails("room_invalid", "{\"action\":\"presence\",\"room\":\"@client:1\"}");
	fails("bad_request", "{\"action\":\"subscribe\"}");
	fails("bad_request", "{\"action\":\"subscribe\",\"room\":7}");
	fails("bad_request", "{\"action\":\"subscribe\",\"room\":\"r\",\"level\":\"loud\"}");
	fails("bad_request", "{\"action\":\"subscribe\",\"room\":\"r\",\"since\":7}");
}

static void hostile_json(void **state)
{
	char deep[4000];

	(void)state;
	fails("bad_json", "{");
	fails("bad_json", "{\"action\":\"ping\"");
	fails("bad_json", "{\"action\":\"ping\",}");
	fails("bad_json", "{\"action\":\"ping\",\"action\":\"stats\"}");
	fails("bad_json", "{\"action\":\"ping\",\"x\":\"\\ud800\"}");
	fails("bad_json", "{\"action\":\"ping\",\"x\":\"\\u0000\"}");
	fails("bad_json", "{\"action\":\"ping\",\"x\":1e999}");
	fails("bad_json", "{\"action\":\"ping\",\"x\":99999999999999999999999999}");
	fails("bad_json", "hello");
	fails("bad_json", "");
	fails("bad_request", "[1,2]");
	memset(deep, '[', sizeof(deep) - 1);
	deep[sizeof(deep) - 1] = '\0';
	fails("bad_json", deep);
	fails("bad_request", "{}");
	fails("bad_request", "{\"action\":7}");
	visitor_expect_silence(&visitor);
}

static void what_nobody_knows(void **state)
{
	json_t *answer;

	(void)state;
	answer = ask("error", "{\"action\":\"cancel\",\"id\":9}");
	assert_string_equal(text_at(answer, "data.code"), "unknown_action");
	assert_string_equal(text_at(answer, "data.action"), "cancel");
	assert_int_equal(number_at(answer, "id"), 9);
	json_decref(answer);
	fails("unauthenticated", "{\"action\":\"auth\",\"token\":\"x\"}");
	fails("forbidden", "{\"action\":\"publish\",\"room\":\"r\",\"data\":1}");
}

static void stats(void **state)
{
	json_t *answer = ask("stats", "{\"action\":\"stats\"}");

	(void)state;
	assert_int_equal(number_at(answer, "data.active_connections"), 1);
	assert_int_equal(number_at(answer, "data.active_projects"), 0);
	assert_true(json_is_object(at(answer, "data.connections_per_project")));
	json_decref(answer);
}

static void history(void **state)
{
	char message[200];
	wsm_delivery last;
	json_t *answer = ask("history", "{\"action\":\"history\",\"room\":\"none\"}");

	(void)state;
	assert_int_equal(json_array_size(at(answer, "data.messages")), 0);
	assert_true(json_is_null(at(answer, "data.epoch")));
	json_decref(answer);
	host_send_run(&host, "r", 1, 9);
	last = host_send(&host, "r", "n", "{\"n\":10}");
	answer = ask("history", "{\"action\":\"history\",\"room\":\"r\",\"limit\":3}");
	assert_int_equal(json_array_size(at(answer, "data.messages")), 3);
	assert_int_equal(number_at(json_array_get(at(answer, "data.messages"), 0), "data.n"), 8);
	assert_int_equal(number_at(answer, "data.offset"), 10);
	assert_string_equal(text_at(answer, "data.epoch"), last.epoch);
	json_decref(answer);
	snprintf(message, sizeof(message),
	         "{\"action\":\"history\",\"room\":\"r\",\"since\":{\"epoch\":\"%s\",\"offset\":4},\"limit\":2}",
	         last.epoch);
	answer = ask("history", message);
	assert_int_equal(json_array_size(at(answer, "data.messages")), 2);
	assert_int_equal(number_at(json_array_get(at(answer, "data.messages"), 0), "offset"), 5);
	assert_true(true_at(answer, "data.recovered"));
	json_decref(answer);
}

static void presence(void **state)
{
	json_t *answer;

	(void)state;
	drop_answer("subscribed", "{\"action\":\"subscribe\",\"room\":\"r\"}");
	answer = ask("presence", "{\"action\":\"presence\",\"room\":\"r\"}");
	assert_int_equal(json_array_size(at(answer, "data.clients")), 1);
	assert_int_equal(json_array_size(at(answer, "data.users")), 0);
	assert_int_equal(number_at(answer, "data.clients_total"), 1);
	json_decref(answer);
}

static void commands_of_the_host(void **state)
{
	wsm_event *event;
	json_t *answer;
	wsm_error error = { 0 };

	(void)state;
	assert_int_equal(wsm_command_add(host.runtime, wsm__str("ping"), &error), WSM_EINVAL);
	assert_int_equal(wsm_command_add(host.runtime, wsm__str("cancel"), &error), WSM_OK);
	visitor_say(&visitor, "{\"action\":\"cancel\",\"id\":\"k\",\"image_id\":5}");
	event = host_event(&host, WSM_EVENT_COMMAND);
	assert_string_equal(event->text.data, "cancel");
	assert_string_equal(event->data.data, "{\"action\":\"cancel\",\"id\":\"k\",\"image_id\":5}");
	assert_int_equal(event->id.len, 3);
	wsm_reply(host.runtime, event->conn, event->text, event->id, wsm__str("{\"done\":true}"), NULL);
	answer = of_type(visitor_next(&visitor), "reply");
	assert_true(true_at(answer, "data.done"));
	assert_string_equal(text_at(answer, "id"), "k");
	json_decref(answer);
	wsm_reply(host.runtime, event->conn, event->text, event->id, wsm__str("no such image"), "internal");
	answer = of_type(visitor_next(&visitor), "error");
	assert_string_equal(text_at(answer, "data.code"), "internal");
	assert_string_equal(text_at(answer, "data.message"), "no such image");
	json_decref(answer);
	/* What waits for the host's handlers is too much: the sentence is the core's, and it is counted. */
	wsm_reply(host.runtime, event->conn, event->text, event->id, wsm__str(""), "rate_limited");
	answer = of_type(visitor_next(&visitor), "error");
	assert_string_equal(text_at(answer, "data.code"), "rate_limited");
	assert_non_null(strstr(text_at(answer, "data.message"), "max_handler_queue"));
	json_decref(answer);
	answer = host_ask(&host, WSM_QUERY_STATS, "");
	assert_int_equal(number_at(answer, "limits_broken.max_handler_queue"), 1);
	json_decref(answer);
	wsm_event_free(event);
	assert_int_equal(wsm_command_remove(host.runtime, wsm__str("cancel")), WSM_OK);
	assert_int_equal(wsm_command_remove(host.runtime, wsm__str("cancel")), WSM_ENOTFOUND);
	fails("unknown_action", "{\"action\":\"cancel\"}");
	/* A reply to somebody who has gone is nothing. */
	assert_int_equal(wsm_reply(host.runtime, 999999, wsm__str("x"), wsm__str(""), wsm__str("1"), NULL), WSM_OK);
}

static void messages_that_no_action_matches(void **state)
{
	static const char bytes[] = { 0, 1, 2 };
	wsm_event *event;

	(void)state;
	wsm_want(host.runtime, WSM_WANT_MESSAGE);
	visitor_say(&visitor, "any text");
	event = host_event(&host, WSM_EVENT_MESSAGE);
	assert_string_equal(event->data.data, "any text");
	assert_false(event->binary);
	wsm_event_free(event);
	wsc_send(&visitor.ws, WSC_BINARY, bytes, sizeof(bytes));
	event = host_event(&host, WSM_EVENT_MESSAGE);
	assert_true(event->binary);
	assert_int_equal(event->data.len, 3);
	assert_memory_equal(event->data.data, bytes, 3);
	wsm_event_free(event);
	wsc_send(&visitor.ws, WSC_BINARY, "", 0);
	event = host_event(&host, WSM_EVENT_MESSAGE);
	assert_int_equal(event->data.len, 0);
	wsm_event_free(event);
	visitor_say(&visitor, "{\"action\":\"foo\",\"id\":3}");
	event = host_event(&host, WSM_EVENT_MESSAGE);
	assert_string_equal(event->data.data, "{\"action\":\"foo\",\"id\":3}");
	wsm_event_free(event);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, open_both, close_both)
	const struct CMUnitTest tests[] = {
		CASE(ping_as_text_and_as_json),
		CASE(subscribe_and_unsubscribe),
		CASE(a_project_id_names_its_room),
		CASE(subscribing_twice_counts_once),
		CASE(too_many_rooms),
		CASE(rooms_that_are_none),
		CASE(hostile_json),
		CASE(what_nobody_knows),
		CASE(stats),
		CASE(history),
		CASE(presence),
		CASE(commands_of_the_host),
		CASE(messages_that_no_action_matches),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
