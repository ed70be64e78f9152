/* Who is in a room: asked for by pages, and told to the members. */
#include "harness.h"

static struct host host;
static const wsm_slice room = { "board:7", 7 };

static void open_with(const char *grace)
{
	host_make(&host, "port", "0", "rate", "0", "presence_grace", grace, "heartbeat_interval", "5",
	          "max_connections", "5000", "max_connections_per_ip", "5000", NULL);
	host_start(&host);
}

static int open_host(void **state)
{
	(void)state;
	open_with("0.1");
	assert_int_equal(
		wsm_room_rule_set(host.runtime, wsm__str("board:*"), wsm__str("presence_events"), wsm__str("on"), NULL),
		WSM_OK);
	return 0;
}

static int close_host(void **state)
{
	(void)state;
	host_close(&host);
	return 0;
}

/* A connection of that user ("" for none) in the room, whose socket is nobody's; its number. */
static uint64_t enter(const char *user, const char *client)
{
	wsm_request request = { .path = wsm__str("/x"), .ip = wsm__str("192.0.2.1") };
	wsm_admission admission = {
		.admitted = true, .client_id = wsm__str(client), .user_id = wsm__str(user), .rooms = &room, .n_rooms = 1
	};
	unsigned status;
	uint64_t conn;

	assert_int_equal(wsm_bridge_open(host.runtime, &request, &admission, &conn, &status, NULL), WSM_OK);
	return conn;
}

static void go(uint64_t conn)
{
	assert_int_equal(wsm_bridge_closed(host.runtime, conn, 1000, wsm__str("")), WSM_OK);
}

/* A visitor who has subscribed to the room, and has been told of itself. */
static void watch(struct visitor *visitor)
{
	json_t *message;

	visitor_open(visitor, host.port, "/ws");
	visitor_say(visitor, "{\"action\":\"subscribe\",\"room\":\"board:7\"}");
	json_decref(of_type(visitor_next(visitor), "subscribed"));
	message = of_type(visitor_next(visitor), "presence_join");
	assert_string_equal(text_at(message, "data.user_id"), "");
	assert_int_equal(strlen(text_at(message, "data.client_id")), 22);
	json_decref(message);
}

static void expect(struct visitor *visitor, const char *type, const char *user, int users_total)
{
	json_t *message = of_type(visitor_next(visitor), type);

	assert_string_equal(text_at(message, "data.user_id"), user);
	assert_string_equal(text_at(message, "data.room"), "board:7");
	assert_string_equal(text_at(message, "room"), "board:7");
	assert_int_equal(number_at(message, "data.users_total"), users_total);
	assert_int_equal(number_at(message, "offset"), -1); /* it takes no place in the room's history */
	json_decref(message);
}

static void members_are_told_who_comes_and_goes(void **state)
{
	struct visitor visitor;
	uint64_t ana, again;

	(void)state;
	watch(&visitor);
	ana = enter("ana", "");
	expect(&visitor, "presence_join", "ana", 1);
	again = enter("ana", "");
	go(ana);
	enter("rui", "");
	expect(&visitor, "presence_join", "rui", 2); /* of ana's second connection nobody hears */
	go(again);
	expect(&visitor, "presence_leave", "ana", 1);
	visitor_leave(&visitor);
	assert_true(host_stat(&host, "presence_messages") >= 4);
}

static void rooms_without_the_rule_hear_nothing(void **state)
{
	struct visitor first, second, watching;

	(void)state;
	visitor_open(&first, host.port, "/ws/project/P");
	visitor_open(&second, host.port, "/ws/project/P");
	watch(&watching); /* told of another room: the turn has come since */
	visitor_expect_silence(&first);
	visitor_leave(&first);
	visitor_leave(&second);
	visitor_leave(&watching);
}

static void many_at_once_are_told_in_one_message(void **state)
{
	struct visitor visitor;
	json_t *message;
	char name[24];
	int joined = 0;

	(void)state;
	watch(&visitor);
	for (int i = 0; i < 60; i++) {
		snprintf(name, sizeof(name), "user-%d", i);
		enter(name, "");
	}
	while (joined < 60) {
		message = visitor_next(&visitor);
		if (!strcmp(text_at(message, "type"), "presence_join")) {
			joined++; /* the first few, if their turn came before the others were there */
		} else {
			of_type(message, "presence_changed");
			assert_int_equal(json_array_size(at(message, "data.joined")),
			                 number_at(message, "data.joined_total"));
			assert_int_equal(json_array_size(at(message, "data.left")), 0);
			joined += (int)number_at(message, "data.joined_total");
		}
		json_decref(message);
	}
	assert_int_equal(joined, 60);
	visitor_leave(&visitor);
}

static void large_rooms_are_told_numbers(void **state)
{
	struct visitor visitor;
	json_t *message;
	char name[24];
	long long users = 0;

	(void)state;
	for (int i = 0; i < 1500; i++) {
		snprintf(name, sizeof(name), "user-%d", i);
		enter(name, "");
	}
	visitor_open(&visitor, host.port, "/ws");
	visitor_say(&visitor, "{\"action\":\"subscribe\",\"room\":\"board:7\"}");
	while (users < 1500) { /* a slow machine tells of them in several turns */
		message = visitor_await(&visitor, "presence_changed");
		assert_true(json_is_null(at(message, "data.joined")));
		assert_true(number_at(message, "data.joined_total") > 0);
		assert_true(number_at(message, "data.users_total") > users);
		users = number_at(message, "data.users_total");
		json_decref(message);
	}
	assert_int_equal(users, 1500);
	visitor_leave(&visitor);
}

/* ---- questions -------------------------------------------------------------------------------------------------------- */

static json_t *ask_page(unsigned limit, const char *after)
{
	wsm_question question = { .kind = WSM_QUERY_PRESENCE, .room = room, .limit = limit, .after = wsm__str(after) };
	wsm_text answer;
	json_t *json;

	assert_int_equal(wsm_query(host.runtime, &question, &answer, NULL), WSM_OK);
	json = json_loadb(answer.data, answer.len, 0, NULL);
	assert_non_null(json);
	wsm_text_free(&answer);
	return json;
}

static void note(json_t *seen, const json_t *list)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		json_object_set_new(seen, json_string_value(json_array_get(list, i)), json_true());
}

static void whoever_stays_is_in_one_of_the_pages(void **state)
{
	json_t *clients = json_object(), *users = json_object(), *page;
	uint64_t numbers[50];
	char user[24], client[24], after[40] = "";
	int pages = 0;

	(void)state;
	for (int i = 0; i < 50; i++) {
		snprintf(user, sizeof(user), "user-%d", i / 2);
		snprintf(client, sizeof(client), "client-%d", i);
		numbers[i] = enter(user, client);
	}
	do {
		page = ask_page(7, after);
		assert_true(json_array_size(at(page, "clients")) <= 7);
		note(clients, at(page, "clients"));
		note(users, at(page, "users"));
		snprintf(after, sizeof(after), "%s", text_at(page, "next"));
		if (!pages) {
			assert_int_equal(number_at(page, "clients_total"), 50);
			assert_int_equal(number_at(page, "users_total"), 25);
		}
		json_decref(page);
		go(numbers[pages]); /* meanwhile people leave, in the order in which they came */
		pages++;
	} while (*after);
	assert_in_range(pages, 7, 9);
	for (int i = pages; i < 50; i++) {
		snprintf(user, sizeof(user), "user-%d", i / 2);
		snprintf(client, sizeof(client), "client-%d", i);
		assert_non_null(json_object_get(clients, client));
		assert_non_null(json_object_get(users, user));
	}
	json_decref(clients);
	json_decref(users);
}

static void totals_alone_cost_no_list(void **state)
{
	json_t *page;

	(void)state;
	enter("ana", "one");
	enter("ana", "two");
	enter("", "three");
	page = ask_page(0, "");
	assert_int_equal(number_at(page, "clients_total"), 3);
	assert_int_equal(number_at(page, "users_total"), 1);
	assert_int_equal(json_array_size(at(page, "clients")), 0);
	assert_int_equal(json_array_size(at(page, "users")), 0);
	json_decref(page);
}

static void clients_ask_by_pages_too(void **state)
{
	static const char *const bad[] = {
		"\"x\"", "\"1\"", "\"1.\"", "\".1\"", "\"1.2.3\"", "\"-1.2\"", "\"99999999999.1\"", "5"
	};
	struct visitor visitor;
	json_t *page;

	(void)state;
	watch(&visitor);
	visitor_say(&visitor, "{\"action\":\"subscribe\",\"room\":\"chat\"}");
	json_decref(of_type(visitor_next(&visitor), "subscribed"));
	visitor_say(&visitor, "{\"action\":\"presence\",\"room\":\"chat\"}");
	page = of_type(visitor_next(&visitor), "presence");
	assert_int_equal(number_at(page, "data.clients_total"), 1);
	assert_int_equal(json_array_size(at(page, "data.clients")), 1);
	assert_true(json_is_null(at(page, "data.next")));
	json_decref(page);
	visitor_say(&visitor, "{\"action\":\"presence\",\"room\":\"chat\",\"limit\":0}");
	page = of_type(visitor_next(&visitor), "presence");
	assert_string_equal(text_at(page, "data.next"), "1.0");
	json_decref(page);
	visitor_say(&visitor, "{\"action\":\"presence\",\"room\":\"chat\",\"limit\":1,\"after\":\"1.0\"}");
	page = of_type(visitor_next(&visitor), "presence");
	assert_int_equal(json_array_size(at(page, "data.clients")), 1);
	json_decref(page);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		visitor_say(&visitor, "{\"action\":\"presence\",\"room\":\"chat\",\"after\":%s}", bad[i]);
		page = of_type(visitor_next(&visitor), "error");
		assert_string_equal(text_at(page, "data.code"), "bad_request");
		json_decref(page);
	}
	visitor_leave(&visitor);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, open_host, close_host)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(members_are_told_who_comes_and_goes),
		CASE(rooms_without_the_rule_hear_nothing),
		CASE(many_at_once_are_told_in_one_message),
		CASE(large_rooms_are_told_numbers),
		CASE(whoever_stays_is_in_one_of_the_pages),
		CASE(totals_alone_cost_no_list),
		CASE(clients_ask_by_pages_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
