/* Positions: what a client that comes back gets, and when it is told that it cannot have it. */
#include "harness.h"

static struct host host;

static int open_host(void **state)
{
	(void)state;
	host_open(&host, "history_size", "10", "rate", "0", NULL);
	return 0;
}

static int close_host(void **state)
{
	(void)state;
	host_close(&host);
	return 0;
}

static void expect_run(struct visitor *visitor, int first, int last)
{
	for (int n = first; n <= last; n++) {
		json_t *message = of_type(visitor_next(visitor), "n");

		assert_int_equal(number_at(message, "data.n"), n);
		assert_int_equal(number_at(message, "offset"), n);
		json_decref(message);
	}
}

/* Publishes 1 … n to the room; its epoch. */
static void fill(const char *room, unsigned n, char epoch[24])
{
	json_t *position;

	host_send_run(&host, room, 1, n);
	position = host_ask(&host, WSM_QUERY_POSITION, room);
	snprintf(epoch, 24, "%s", text_at(position, "epoch"));
	assert_int_equal(number_at(position, "offset"), n);
	json_decref(position);
}

/* Connects with ?resume= and looks at what the greeting says about the room. */
static void resume(struct visitor *visitor, const char *path, const char *room, const char *epoch, long long offset,
                   bool recovered)
{
	char full[800];
	json_t *greeting, *row;

	resume_path(full, sizeof(full), path, room, epoch, offset);
	greeting = visitor_greet(visitor, host.port, full);
	row = json_object_get(at(greeting, "data.rooms"), room);
	assert_non_null(row);
	assert_int_equal(true_at(row, "recovered"), recovered);
	json_decref(greeting);
}

static json_t *subscribe_since(struct visitor *visitor, const char *room, const char *epoch, long long offset)
{
	visitor_say(visitor, "{\"action\":\"subscribe\",\"room\":\"%s\",\"since\":{\"epoch\":\"%s\",\"offset\":%lld}}",
	            room, epoch, offset);
	return of_type(visitor_next(visitor), "subscribed");
}

static void resume_replays_what_was_missed_then_goes_on(void **state)
{
	struct visitor visitor;
	char epoch[24];

	(void)state;
	fill("project:A", 5, epoch);
	resume(&visitor, "/ws/project/A", "project:A", epoch, 2, true);
	expect_run(&visitor, 3, 5);
	host_send_run(&host, "project:A", 6, 7);
	expect_run(&visitor, 6, 7);
	visitor_leave(&visitor);
	resume(&visitor, "/ws/project/A", "project:A", epoch, 7, true);
	visitor_expect_silence(&visitor);
	visitor_leave(&visitor);
}

static void resume_of_all_and_of_a_session(void **state)
{
	struct visitor visitor;
	char epoch[24];

	(void)state;
	fill("@all", 5, epoch);
	resume(&visitor, "/ws", "@all", epoch, 0, true);
	expect_run(&visitor, 1, 5);
	visitor_leave(&visitor);
}

static void a_foreign_epoch_replays_nothing(void **state)
{
	struct visitor visitor;
	char epoch[24];

	(void)state;
	fill("project:A", 5, epoch);
	resume(&visitor, "/ws/project/A", "project:A", "another", 2, false);
	visitor_expect_silence(&visitor);
	host_send_run(&host, "project:A", 6, 6);
	expect_run(&visitor, 6, 6);
	visitor_leave(&visitor);
}

static void a_position_that_is_too_old_replays_nothing(void **state)
{
	struct visitor visitor;
	char epoch[24];

	(void)state;
	fill("project:A", 15, epoch); /* 6 … 15 are kept */
	resume(&visitor, "/ws/project/A", "project:A", epoch, 4, false);
	visitor_expect_silence(&visitor);
	visitor_leave(&visitor);
	resume(&visitor, "/ws/project/A", "project:A", epoch, 5, true);
	expect_run(&visitor, 6, 15);
	visitor_leave(&visitor);
}

static void a_position_in_the_future_replays_nothing(void **state)
{
	struct visitor visitor;
	char epoch[24];

	(void)state;
	fill("project:A", 5, epoch);
	resume(&visitor, "/ws/project/A", "project:A", epoch, 6, false);
	visitor_expect_silence(&visitor);
	visitor_leave(&visitor);
	resume(&visitor, "/ws/project/A", "project:A", epoch, 9007199254740993, false);
	visitor_leave(&visitor);
}

static void resume_of_rooms_that_are_not_joined_is_passed_over(void **state)
{
	struct visitor visitor;
	char path[500], epoch[24];
	json_t *greeting;

	(void)state;
	fill("project:A", 2, epoch);
	resume_path(path, sizeof(path), "/ws/project/A", "project:B", epoch, 1);
	greeting = visitor_greet(&visitor, host.port, path);
	assert_null(json_object_get(at(greeting, "data.rooms"), "project:B"));
	assert_false(true_at(json_object_get(at(greeting, "data.rooms"), "project:A"), "recovered"));
	json_decref(greeting);
	visitor_leave(&visitor);
}

static void since_at_subscription(void **state)
{
	struct visitor visitor;
	char epoch[24];
	json_t *answer;

	(void)state;
	fill("r", 8, epoch);
	visitor_open(&visitor, host.port, "/ws");
	answer = subscribe_since(&visitor, "r", epoch, 3);
	assert_true(true_at(answer, "data.recovered"));
	assert_int_equal(number_at(answer, "data.replayed"), 5);
	assert_int_equal(number_at(answer, "data.offset"), 8);
	json_decref(answer);
	expect_run(&visitor, 4, 8);
	/* Again, from elsewhere: the same once more, and live messages only once. */
	answer = subscribe_since(&visitor, "r", epoch, 6);
	assert_int_equal(number_at(answer, "data.replayed"), 2);
	json_decref(answer);
	expect_run(&visitor, 7, 8);
	host_send_run(&host, "r", 9, 9);
	expect_run(&visitor, 9, 9);
	answer = subscribe_since(&visitor, "r", "foreign", 6);
	assert_false(true_at(answer, "data.recovered"));
	assert_int_equal(number_at(answer, "data.replayed"), 0);
	json_decref(answer);
	answer = subscribe_since(&visitor, "r", epoch, 99);
	assert_false(true_at(answer, "data.recovered"));
	json_decref(answer);
	visitor_expect_silence(&visitor);
	visitor_leave(&visitor);
}

static void levels_and_exclusions_hold_in_a_replay(void **state)
{
	struct visitor visitor;
	json_t *message;
	char path[600], epoch[24];
	wsm_slice room = wsm__str("logs"), me = wsm__str("me");
	wsm_publication hidden = {
		.target = WSM_TO_ROOM, .type = wsm__str("x"), .ids = &room, .n_ids = 1, .exclude = &me, .n_exclude = 1
	};

	(void)state;
	fill("logs", 1, epoch);
	host_send(&host, "logs", "log_message", "{\"level\":\"info\",\"message\":\"low\"}");
	host_publish(&host, &hidden, "{}");
	host_send(&host, "logs", "log_message", "{\"level\":\"error\",\"message\":\"high\"}");
	resume_path(path, sizeof(path), "/ws/logs", "logs", epoch, 1);
	strcat(path, "&level=error");
	visitor_open(&visitor, host.port, path);
	json_decref(of_type(visitor_next(&visitor), "x"));
	message = of_type(visitor_next(&visitor), "log_message");
	assert_string_equal(text_at(message, "data.message"), "high");
	json_decref(message);
	visitor_expect_silence(&visitor);
	visitor_leave(&visitor);
}

static void the_firehose_resumes_over_all_rooms(void **state)
{
	struct visitor visitor;
	char epoch[24], json[200], encoded[500], path[600];
	json_t *greeting;
	wsm_delivery a, b;

	(void)state;
	fill("a", 2, epoch);
	a = host_send(&host, "a", "x", "{\"n\":1}");
	b = host_send(&host, "b", "x", "{\"n\":2}");
	host_send(&host, "a", "x", "{\"n\":3}");
	host_send(&host, "@all", "x", "{\"n\":4}");
	host_send(&host, "b", "x", "{\"n\":5}");
	host_send(&host, "new", "x", "{\"n\":6}");
	snprintf(json, sizeof(json), "{\"a\":[\"%s\",%llu],\"b\":[\"%s\",%llu]}", a.epoch, (unsigned long long)a.offset,
	         b.epoch, (unsigned long long)b.offset);
	base64url(json, encoded, sizeof(encoded));
	snprintf(path, sizeof(path), "/ws/notifications?resume=%s", encoded);
	greeting = visitor_greet(&visitor, host.port, path);
	assert_true(true_at(json_object_get(at(greeting, "data.rooms"), "a"), "recovered"));
	json_decref(greeting);
	for (int n = 3; n <= 6; n++) {
		json_t *message = of_type(visitor_next(&visitor), "x");

		assert_int_equal(number_at(message, "data.n"), n);
		json_decref(message);
	}
	host_send(&host, "a", "y", "{}");
	json_decref(of_type(visitor_next(&visitor), "y"));
	visitor_expect_silence(&visitor);
	visitor_leave(&visitor);
}

static void a_malformed_resume_is_refused_with_4400(void **state)
{
	static const char *const bad[] = { "[]",
	                                   "7",
	                                   "{\"a\":1}",
	                                   "{\"a\":[\"e\"]}",
	                                   "{\"a\":[\"e\",-1]}",
	                                   "{\"a\":[\"e\",1.5]}",
	                                   "{\"a\":[\"e\",\"1\"]}",
	                                   "{\"a\":[\"e\",1],\"a\":[\"e\",2]}",
	                                   "{",
	                                   "{\"\":[\"e\",1]}" };
	struct visitor visitor;
	char encoded[200], path[300];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		base64url(bad[i], encoded, sizeof(encoded));
		snprintf(path, sizeof(path), "/ws?resume=%s", encoded);
		visitor_try(&visitor, host.port, path, NULL);
		if (visitor_end(&visitor) != 4400)
			give_up("?resume= of %s: %d", bad[i], visitor.end);
		visitor_leave(&visitor);
	}
	visitor_open(&visitor, host.port, "/ws?resume="); /* empty: no positions */
	visitor_leave(&visitor);
	visitor_open(&visitor, host.port, "/ws?resume=e30="); /* {} with padding */
	visitor_leave(&visitor);
	visitor_open(&visitor, host.port, "/ws?resume=e30%3D");
	visitor_leave(&visitor);
}

static void a_message_without_history_has_no_offset(void **state)
{
	struct visitor visitor;
	wsm_publication none = { .target = WSM_TO_ALL, .type = wsm__str("x"), .flags = WSM_PUBLISH_NO_HISTORY };
	wsm_delivery delivery;
	json_t *message;
	char epoch[24];

	(void)state;
	fill("@all", 1, epoch);
	visitor_open(&visitor, host.port, "/ws");
	delivery = host_publish(&host, &none, "{}");
	assert_int_equal(delivery.offset, 0);
	assert_string_equal(delivery.epoch, "");
	message = of_type(visitor_next(&visitor), "x");
	assert_null(at(message, "offset"));
	json_decref(message);
	assert_int_equal(host_send(&host, "@all", "n", "{}").offset, 2);
	visitor_leave(&visitor);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, open_host, close_host)
	const struct CMUnitTest tests[] = {
		CASE(resume_replays_what_was_missed_then_goes_on),
		CASE(resume_of_all_and_of_a_session),
		CASE(a_foreign_epoch_replays_nothing),
		CASE(a_position_that_is_too_old_replays_nothing),
		CASE(a_position_in_the_future_replays_nothing),
		CASE(resume_of_rooms_that_are_not_joined_is_passed_over),
		CASE(since_at_subscription),
		CASE(levels_and_exclusions_hold_in_a_replay),
		CASE(the_firehose_resumes_over_all_rooms),
		CASE(a_malformed_resume_is_refused_with_4400),
		CASE(a_message_without_history_has_no_offset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
