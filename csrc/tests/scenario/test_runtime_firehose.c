/* The firehose over the wire: what its greeting says, and what comes behind it. */
#include "harness.h"

static struct host host;

static int open_host(void **state)
{
	(void)state;
	host_open(&host, "history_size", "3", "rate", "0", NULL);
	return 0;
}

static int close_host(void **state)
{
	(void)state;
	host_close(&host);
	return 0;
}

/* /ws/notifications?resume= with one position. */
static json_t *greet(struct visitor *visitor, const char *room, const wsm_delivery *position)
{
	char path[600];

	resume_path(path, sizeof(path), "/ws/notifications", room, position->epoch, (long long)position->offset);
	return of_type(visitor_greet(visitor, host.port, path), "connection");
}

static long long offset_of(const json_t *greeting, const char *room, bool recovered)
{
	json_t *row = json_object_get(at(greeting, "data.rooms"), room);

	assert_non_null(row);
	assert_int_equal(true_at(row, "recovered"), recovered);
	return number_at(row, "offset");
}

static void expect(struct visitor *visitor, const char *room, long long offset)
{
	json_t *message = visitor_next(visitor);

	assert_string_equal(text_at(message, "room"), room);
	assert_int_equal(number_at(message, "offset"), offset);
	json_decref(message);
}

/* Messages of rooms that it did not name come behind the greeting, so the greeting names the place where they go on. */
static void a_room_that_is_not_named_goes_on_where_the_greeting_says(void **state)
{
	struct visitor visitor;
	wsm_delivery a;
	json_t *greeting;

	(void)state;
	host_send(&host, "b", "x", "{}");
	a = host_send(&host, "a", "x", "{}");
	host_send(&host, "b", "x", "{}");
	host_send(&host, "b", "x", "{}");
	greeting = greet(&visitor, "a", &a);
	assert_int_equal(offset_of(greeting, "a", true), 1);
	assert_int_equal(offset_of(greeting, "b", false), 1);
	json_decref(greeting);
	expect(&visitor, "b", 2);
	expect(&visitor, "b", 3);
	visitor_expect_silence(&visitor);
	visitor_leave(&visitor);
}

static void a_gap_is_told_behind_the_greeting(void **state)
{
	struct visitor visitor;
	wsm_delivery a;
	json_t *greeting, *gap;

	(void)state;
	a = host_send(&host, "a", "x", "{}");
	for (int i = 0; i < 5; i++)
		host_send(&host, "b", "x", "{}");
	greeting = greet(&visitor, "a", &a);
	assert_int_equal(offset_of(greeting, "a", true), 1);
	json_decref(greeting);
	gap = of_type(visitor_next(&visitor), "gap");
	assert_string_equal(text_at(gap, "data.room"), "b");
	assert_int_equal(number_at(gap, "data.offset"), 2);
	json_decref(gap);
	for (int offset = 3; offset <= 5; offset++)
		expect(&visitor, "b", offset);
	host_send(&host, "b", "x", "{}");
	expect(&visitor, "b", 6);
	visitor_leave(&visitor);
}

static void subscribing_with_since_beside_it_replays_that_room_only(void **state)
{
	struct visitor visitor;
	wsm_delivery a;
	json_t *answer;

	(void)state;
	a = host_send(&host, "a", "x", "{}");
	host_send(&host, "b", "x", "{}");
	host_send(&host, "a", "x", "{}");
	visitor_open(&visitor, host.port, "/ws/notifications");
	visitor_say(&visitor, "{\"action\":\"subscribe\",\"room\":\"a\",\"since\":{\"epoch\":\"%s\",\"offset\":1}}",
	            a.epoch);
	answer = of_type(visitor_next(&visitor), "subscribed");
	assert_true(true_at(answer, "data.recovered"));
	assert_int_equal(number_at(answer, "data.replayed"), 1);
	json_decref(answer);
	expect(&visitor, "a", 2);
	host_send(&host, "a", "x", "{}");
	expect(&visitor, "a", 3);
	visitor_expect_silence(&visitor);
	visitor_leave(&visitor);
}

/* A page of history that is cut off names the place where it was cut off. */
static void history_names_the_end_of_what_it_gives(void **state)
{
	struct visitor visitor;
	wsm_delivery a = { 0 };
	json_t *answer;

	(void)state;
	for (int i = 0; i < 3; i++)
		a = host_send(&host, "a", "x", "{}");
	visitor_open(&visitor, host.port, "/ws");
	visitor_say(&visitor,
	            "{\"action\":\"history\",\"room\":\"a\",\"since\":{\"epoch\":\"%s\",\"offset\":0},\"limit\":2}",
	            a.epoch);
	answer = of_type(visitor_next(&visitor), "history");
	assert_int_equal(json_array_size(at(answer, "data.messages")), 2);
	assert_int_equal(number_at(answer, "data.offset"), 2);
	json_decref(answer);
	visitor_say(&visitor,
	            "{\"action\":\"history\",\"room\":\"a\",\"since\":{\"epoch\":\"%s\",\"offset\":2},\"limit\":2}",
	            a.epoch);
	answer = of_type(visitor_next(&visitor), "history");
	assert_int_equal(json_array_size(at(answer, "data.messages")), 1);
	assert_int_equal(number_at(answer, "data.offset"), 3);
	json_decref(answer);
	visitor_leave(&visitor);
}

/* The timer waits for the slow key's turn, minutes away, when the fast one is held back. */
static void a_fast_key_does_not_wait_for_a_slow_one(void **state)
{
	wsm_publication slow = { .target = WSM_TO_ALL, .type = wsm__str("slow"), .max_rate = 0.001 };
	wsm_publication fast = { .target = WSM_TO_ALL, .type = wsm__str("fast"), .max_rate = 50 };
	struct visitor visitor;
	json_t *message;

	(void)state;
	visitor_open(&visitor, host.port, "/ws");
	assert_int_equal(wsm_publish(host.runtime, &slow, "1", 1, NULL, NULL), WSM_OK);
	assert_int_equal(wsm_publish(host.runtime, &slow, "2", 1, NULL, NULL), WSM_OK);
	assert_int_equal(wsm_publish(host.runtime, &fast, "1", 1, NULL, NULL), WSM_OK);
	assert_int_equal(wsm_publish(host.runtime, &fast, "2", 1, NULL, NULL), WSM_OK);
	json_decref(visitor_await(&visitor, "fast"));
	message = visitor_await(&visitor, "fast");
	assert_int_equal(number_at(message, "data"), 2);
	json_decref(message);
	visitor_leave(&visitor);
}

/* Rooms that the host has subscribed a user to: as any that a connection begins with. */
static void a_users_rooms_are_greeted_and_resumed(void **state)
{
	wsm_slice user = wsm__str("u1"), team = wsm__str("team");
	wsm_decision decision = { .allow = true, .user_id = user };
	struct visitor visitor;
	wsm_delivery first;
	wsm_event *question;
	json_t *greeting;
	char path[600];

	(void)state;
	wsm_want(host.runtime, WSM_WANT_AUTHENTICATE);
	assert_int_equal(wsm_subscribe(host.runtime, user, team, NULL), WSM_OK);
	first = host_send(&host, "team", "x", "{}");
	host_send(&host, "team", "x", "{}");
	resume_path(path, sizeof(path), "/ws", "team", first.epoch, 1);
	visitor_try(&visitor, host.port, path, NULL);
	question = host_event(&host, WSM_EVENT_AUTHENTICATE);
	assert_int_equal(wsm_authenticated(host.runtime, question->ticket, &decision, NULL), WSM_OK);
	wsm_event_free(question);
	greeting = of_type(visitor_next(&visitor), "connected");
	assert_int_equal(offset_of(greeting, "team", true), 2);
	json_decref(greeting);
	expect(&visitor, "team", 2);
	/* Once more while it is a member changes nothing. */
	assert_int_equal(wsm_subscribe(host.runtime, user, team, NULL), WSM_OK);
	host_send(&host, "team", "x", "{}");
	expect(&visitor, "team", 3);
	visitor_expect_silence(&visitor);
	visitor_leave(&visitor);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, open_host, close_host)
	const struct CMUnitTest tests[] = {
		CASE(a_room_that_is_not_named_goes_on_where_the_greeting_says),
		CASE(a_gap_is_told_behind_the_greeting),
		CASE(subscribing_with_since_beside_it_replays_that_room_only),
		CASE(history_names_the_end_of_what_it_gives),
		CASE(a_users_rooms_are_greeted_and_resumed),
		CASE(a_fast_key_does_not_wait_for_a_slow_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
