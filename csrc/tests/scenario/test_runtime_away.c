/* Users who are away: what is sent to them meanwhile, on real connections. */
#include "harness.h"

static struct host host;

static int open_host(void **state)
{
	(void)state;
	host_make(&host, "port", "0", "rate", "0", NULL);
	wsm_want(host.runtime, WSM_WANT_AUTHENTICATE);
	host_start(&host);
	return 0;
}

static int close_host(void **state)
{
	(void)state;
	host_close(&host);
	return 0;
}

/* Connects as user "7"; the room's row of the greeting. Release it. */
static json_t *come(struct visitor *visitor, const char *path)
{
	wsm_decision decision = { .allow = true, .user_id = wsm__str("7") };
	wsm_event *event;
	json_t *greeting, *row;

	visitor_try(visitor, host.port, path, NULL);
	event = host_event(&host, WSM_EVENT_AUTHENTICATE);
	assert_int_equal(wsm_authenticated(host.runtime, event->ticket, &decision, NULL), WSM_OK);
	wsm_event_free(event);
	greeting = of_type(visitor_next(visitor), "connected");
	row = json_incref(json_object_get(at(greeting, "data.rooms"), "@user:7"));
	json_decref(greeting);
	return row;
}

static void leave(struct visitor *visitor)
{
	visitor_leave(visitor);
	host_stat_falls(&host, "active_connections", 0);
}

static wsm_delivery send_to_user(int n)
{
	wsm_slice user = wsm__str("7");
	wsm_publication publication = { .target = WSM_TO_USER, .ids = &user, .n_ids = 1, .type = wsm__str("n") };
	char data[32];

	snprintf(data, sizeof(data), "{\"n\":%d}", n);
	return host_publish(&host, &publication, data);
}

static void expect_run(struct visitor *visitor, int first, int last)
{
	for (int n = first; n <= last; n++) {
		json_t *message = of_type(visitor_next(visitor), "n");

		assert_int_equal(number_at(message, "data.n"), n);
		assert_int_equal(number_at(message, "offset"), n);
		assert_string_equal(text_at(message, "room"), "@user:7");
		json_decref(message);
	}
}

static void what_was_sent_while_away_comes_once_and_in_order(void **state)
{
	struct visitor visitor;
	wsm_delivery delivery;
	json_t *row;

	(void)state;
	delivery = send_to_user(1);
	assert_int_equal(delivery.recipients, 0);
	assert_int_equal(delivery.offset, 1);
	assert_string_equal(delivery.room, "@user:7");
	send_to_user(2);
	row = come(&visitor, "/ws");
	assert_string_equal(text_at(row, "epoch"), delivery.epoch);
	assert_int_equal(number_at(row, "offset"), 0);
	assert_false(true_at(row, "recovered"));
	json_decref(row);
	expect_run(&visitor, 1, 2);
	assert_int_equal(send_to_user(3).recipients, 1);
	expect_run(&visitor, 3, 3);
	leave(&visitor);
	row = come(&visitor, "/ws");
	assert_int_equal(number_at(row, "offset"), 3);
	json_decref(row);
	visitor_expect_silence(&visitor);
	leave(&visitor);
	send_to_user(4);
	json_decref(come(&visitor, "/ws"));
	expect_run(&visitor, 4, 4);
	visitor_expect_silence(&visitor);
	leave(&visitor);
}

static void a_second_device_gets_what_comes_from_then_on(void **state)
{
	struct visitor first, second;

	(void)state;
	json_decref(come(&first, "/ws"));
	send_to_user(1);
	expect_run(&first, 1, 1);
	json_decref(come(&second, "/ws/updates"));
	send_to_user(2);
	expect_run(&first, 2, 2);
	expect_run(&second, 2, 2);
	visitor_leave(&first);
	visitor_leave(&second);
}

static void a_client_with_a_position_gets_what_it_has_not_seen(void **state)
{
	struct visitor visitor;
	char path[800], epoch[24];
	json_t *row;

	(void)state;
	snprintf(epoch, sizeof(epoch), "%s", send_to_user(1).epoch);
	json_decref(come(&visitor, "/ws"));
	expect_run(&visitor, 1, 1);
	leave(&visitor);
	send_to_user(2);
	resume_path(path, sizeof(path), "/ws", "@user:7", epoch, 0);
	row = come(&visitor, path);
	assert_true(true_at(row, "recovered"));
	json_decref(row);
	expect_run(&visitor, 1, 2);
	leave(&visitor);
	json_decref(come(&visitor, "/ws"));
	visitor_expect_silence(&visitor);
	leave(&visitor);
}

static void rules_say_how_much_waits(void **state)
{
	struct visitor visitor;
	json_t *gap;

	(void)state;
	assert_int_equal(
		wsm_room_rule_set(host.runtime, wsm__str("@user:*"), wsm__str("history_size"), wsm__str("2"), NULL),
		WSM_OK);
	for (int n = 1; n <= 3; n++)
		send_to_user(n);
	json_decref(come(&visitor, "/ws"));
	gap = of_type(visitor_next(&visitor), "gap");
	assert_string_equal(text_at(gap, "data.room"), "@user:7");
	assert_int_equal(number_at(gap, "data.missed"), 1);
	json_decref(gap);
	expect_run(&visitor, 2, 3);
	leave(&visitor);
	assert_int_equal(
		wsm_room_rule_set(host.runtime, wsm__str("@user:*"), wsm__str("history_size"), wsm__str("0"), NULL),
		WSM_OK);
	assert_int_equal(send_to_user(4).offset, 0); /* nothing is kept, and nothing claims to be */
	json_decref(come(&visitor, "/ws"));
	visitor_expect_silence(&visitor);
	visitor_leave(&visitor);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, open_host, close_host)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(what_was_sent_while_away_comes_once_and_in_order),
		CASE(a_second_device_gets_what_comes_from_then_on),
		CASE(a_client_with_a_position_gets_what_it_has_not_seen),
		CASE(rules_say_how_much_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
