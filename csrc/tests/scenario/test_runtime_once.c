/* `once`: a second publication with an id is answered by the first one's position, whoever orders the room, and is not sent. */
#include "harness.h"

static struct host host;

static int open_it(void **state)
{
	(void)state;
	host_open(&host, "rate", "0", "max_once", "16", NULL);
	return 0;
}

static int close_it(void **state)
{
	(void)state;
	host_close(&host);
	return 0;
}

static wsm_delivery publish(struct host *at_host, wsm_target target, const char *to, const char *once, unsigned flags,
                            const char *json)
{
	wsm_slice id = wsm__str(to);
	wsm_publication publication = {
		.target = target,
		.ids = &id,
		.n_ids = 1,
		.type = wsm__str("n"),
		.flags = flags,
		.once = wsm__str(once),
	};

	return host_publish(at_host, &publication, json);
}

static void expect_duplicate(const wsm_delivery *second, const wsm_delivery *first)
{
	assert_true(second->duplicate);
	assert_false(first->duplicate);
	assert_int_equal(second->offset, first->offset);
	assert_string_equal(second->epoch, first->epoch);
	assert_string_equal(second->room, first->room);
	assert_string_equal(second->message_id, "");
	assert_int_equal(second->recipients, 0);
}

static void expect_n(struct visitor *visitor, int n)
{
	json_t *message = of_type(visitor_next(visitor), "n");

	assert_int_equal(number_at(message, "data.n"), n);
	json_decref(message);
}

static void subscribe(struct visitor *visitor, const char *room)
{
	visitor_say(visitor, "{\"action\":\"subscribe\",\"room\":\"%s\"}", room);
	json_decref(of_type(visitor_next(visitor), "subscribed"));
}

static void the_second_is_answered_by_the_position_of_the_first(void **state)
{
	struct visitor visitor;
	wsm_delivery first, second;

	(void)state;
	visitor_open(&visitor, host.port, "/ws");
	subscribe(&visitor, "orders");
	first = publish(&host, WSM_TO_ROOM, "orders", "paid-7", 0, "{\"n\":1}");
	assert_int_equal(first.offset, 1);
	host_send(&host, "orders", "n", "{\"n\":2}");
	second = publish(&host, WSM_TO_ROOM, "orders", "paid-7", 0, "{\"n\":3}");
	expect_duplicate(&second, &first);
	first = publish(&host, WSM_TO_ROOM, "orders", "paid-8", 0, "{\"n\":4}"); /* another id */
	assert_int_equal(first.offset, 3);
	first = publish(&host, WSM_TO_ROOM, "invoices", "paid-7", 0, "{\"n\":5}"); /* another room */
	assert_false(first.duplicate);
	expect_n(&visitor, 1);
	expect_n(&visitor, 2);
	expect_n(&visitor, 4);
	visitor_expect_silence(&visitor);
	visitor_leave(&visitor);
}

/* Nobody waits for the first to be answered. */
static void two_in_a_row_are_one(void **state)
{
	struct visitor visitor;
	wsm_slice room = wsm__str("row");
	wsm_publication publication = { .target = WSM_TO_ROOM, .ids = &room, .n_ids = 1, .type = wsm__str("n") };
	wsm_delivery last;

	(void)state;
	visitor_open(&visitor, host.port, "/ws");
	subscribe(&visitor, "row");
	for (unsigned flags = 0; flags <= WSM_PUBLISH_NO_HISTORY; flags += WSM_PUBLISH_NO_HISTORY) {
		publication.once = wsm__str(flags ? "quiet" : "kept");
		publication.flags = flags;
		for (int n = 0; n < 5; n++) {
			char json[32];

			snprintf(json, sizeof(json), "{\"n\":%d}", n);
			assert_int_equal(wsm_publish(host.runtime, &publication, json, strlen(json), NULL, NULL),
			                 WSM_OK);
			/* The same id both ways: of those that are on their way, one is sent. */
			publication.flags ^= WSM_PUBLISH_NO_HISTORY;
		}
		last = host_publish(&host, &publication, "{\"n\":5}");
		assert_true(last.duplicate);
		assert_int_equal(last.offset, flags ? 0 : 1);
		expect_n(&visitor, 0);
		visitor_expect_silence(&visitor);
	}
	visitor_leave(&visitor);
}

static void without_history_there_is_no_position(void **state)
{
	struct visitor visitor;
	wsm_delivery first, second;

	(void)state;
	visitor_open(&visitor, host.port, "/ws");
	subscribe(&visitor, "live");
	host_send(&host, "live", "n", "{\"n\":0}");
	expect_n(&visitor, 0);
	first = publish(&host, WSM_TO_ROOM, "live", "a", WSM_PUBLISH_NO_HISTORY, "{\"n\":1}");
	assert_int_equal(first.recipients, 1);
	second = publish(&host, WSM_TO_ROOM, "live", "a", 0, "{\"n\":2}"); /* with history, it is the same id */
	expect_duplicate(&second, &first);
	assert_int_equal(second.offset, 0);
	second = publish(&host, WSM_TO_ROOM, "nobody-here", "a", WSM_PUBLISH_NO_HISTORY, "{\"n\":3}");
	assert_false(second.duplicate);
	second = publish(&host, WSM_TO_ROOM, "nobody-here", "a", WSM_PUBLISH_NO_HISTORY, "{\"n\":3}");
	assert_true(second.duplicate);
	expect_n(&visitor, 1);
	visitor_expect_silence(&visitor);
	visitor_leave(&visitor);
}

/* As user "anna", in session "s1". */
static void come_as_anna(struct host *checked, struct visitor *visitor, char *client_id, size_t size)
{
	wsm_decision decision = { .allow = true, .user_id = wsm__str("anna"), .session_id = wsm__str("s1") };
	wsm_event *event;
	json_t *greeting;

	host_make(checked, "port", "0", "access", "open", NULL);
	wsm_want(checked->runtime, WSM_WANT_AUTHENTICATE);
	host_start(checked);
	visitor_try(visitor, checked->port, "/ws", NULL);
	event = host_event(checked, WSM_EVENT_AUTHENTICATE);
	assert_int_equal(wsm_authenticated(checked->runtime, event->ticket, &decision, NULL), WSM_OK);
	wsm_event_free(event);
	greeting = of_type(visitor_next(visitor), "connected");
	snprintf(client_id, size, "%s", text_at(greeting, "data.client_id"));
	json_decref(greeting);
}

static void users_sessions_clients_and_all_have_it(void **state)
{
	char client_id[64];
	const struct {
		wsm_target target;
		const char *to;
	} rows[] = {
		{ WSM_TO_USER, "anna" }, { WSM_TO_SESSION, "s1" }, { WSM_TO_CLIENT, client_id },
		{ WSM_TO_PROJECT, "p" }, { WSM_TO_ALL, "p" },
	};
	struct host checked;
	struct visitor visitor;

	(void)state;
	come_as_anna(&checked, &visitor, client_id, sizeof(client_id));
	subscribe(&visitor, "project:p");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		wsm_delivery first = publish(&checked, rows[i].target, rows[i].to, "x", 0, "{\"n\":1}"), second;

		assert_int_equal(first.recipients, 1);
		second = publish(&checked, rows[i].target, rows[i].to, "x", 0, "{\"n\":2}");
		expect_duplicate(&second, &first);
		expect_n(&visitor, 1);
		visitor_expect_silence(&visitor);
	}
	visitor_leave(&visitor);
	host_close(&checked);
}

static void of_several_rooms_each_is_asked(void **state)
{
	struct visitor visitor;
	wsm_slice rooms[] = { wsm__str("a"), wsm__str("b") };
	wsm_publication publication = {
		.target = WSM_TO_ROOM, .ids = rooms, .n_ids = 2, .type = wsm__str("n"), .once = wsm__str("x")
	};
	wsm_delivery both;

	(void)state;
	visitor_open(&visitor, host.port, "/ws");
	subscribe(&visitor, "a");
	subscribe(&visitor, "b");
	publish(&host, WSM_TO_ROOM, "a", "x", 0, "{\"n\":1}");
	both = host_publish(&host, &publication, "{\"n\":2}");
	assert_true(both.duplicate);
	assert_int_equal(both.recipients, 1); /* in b */
	assert_int_equal(both.offset, 0);
	assert_string_not_equal(both.message_id, "");
	expect_n(&visitor, 1);
	expect_n(&visitor, 2);
	both = host_publish(&host, &publication, "{\"n\":3}");
	assert_true(both.duplicate);
	assert_int_equal(both.recipients, 0);
	visitor_expect_silence(&visitor);
	visitor_leave(&visitor);
}

/* What is held back was not sent: a newer one takes its place. What was sent has no turn any more. */
static void with_a_rate_it_counts_from_when_it_is_sent(void **state)
{
	struct visitor visitor;
	wsm_slice room = wsm__str("rated");
	wsm_publication publication = {
		.target = WSM_TO_ROOM, .ids = &room, .n_ids = 1, .type = wsm__str("n"), .max_rate = 0.001
	}; /* the next turn is for the stop */
	wsm_receipt *held[2];
	wsm_delivery delivery;

	(void)state;
	visitor_open(&visitor, host.port, "/ws");
	subscribe(&visitor, "rated");
	publication.once = wsm__str("one");
	host_publish(&host, &publication, "{\"n\":1}");
	publication.once = wsm__str("two");
	for (int i = 0; i < 2; i++)
		assert_int_equal(wsm_publish(host.runtime, &publication, "{\"n\":2}", 7, &held[i], NULL), WSM_OK);
	publication.once = wsm__str("one");
	delivery = host_publish(&host, &publication, "{\"n\":3}"); /* at once, and in nobody's place */
	assert_true(delivery.duplicate);
	assert_true(wsm_receipt_done(held[0], &delivery));
	assert_true(delivery.superseded);
	assert_false(wsm_receipt_done(held[1], &delivery));
	expect_n(&visitor, 1);
	visitor_expect_silence(&visitor);
	assert_int_equal(wsm_runtime_stop(host.runtime, 100), WSM_OK);
	assert_true(wsm_receipt_done(held[1], &delivery));
	assert_false(delivery.superseded);
	expect_n(&visitor, 2);
	wsm_receipt_unref(held[0]);
	wsm_receipt_unref(held[1]);
	visitor_leave(&visitor);
}

static void a_bad_id_is_an_error(void **state)
{
	static const char *const bad[] = { "a\nb", "\xff", "\x7f" };
	wsm_slice room = wsm__str("a");
	wsm_publication publication = { .target = WSM_TO_ROOM, .ids = &room, .n_ids = 1 };
	wsm_error error = { 0 };
	char id[130];

	(void)state;
	memset(id, 'i', sizeof(id));
	for (int i = 0; i < 3; i++) {
		publication.once = wsm__str(bad[i]);
		assert_int_equal(wsm_publish(host.runtime, &publication, "{}", 2, NULL, &error), WSM_EINVAL);
		assert_non_null(strstr(error.message, "once"));
	}
	publication.once = wsm__slice(id, 129);
	assert_int_equal(wsm_publish(host.runtime, &publication, "{}", 2, NULL, &error), WSM_EINVAL);
	assert_non_null(strstr(error.message, "1 to 128 bytes"));
	publication.once = wsm__slice(id, 128);
	assert_int_equal(wsm_publish(host.runtime, &publication, "{}", 2, NULL, &error), WSM_OK);
}

static void beyond_max_once_the_oldest_is_forgotten(void **state)
{
	char id[16];
	wsm_delivery delivery;

	(void)state;
	for (int i = 1; i <= 20; i++) {
		snprintf(id, sizeof(id), "%d", i);
		publish(&host, WSM_TO_ROOM, "many", id, WSM_PUBLISH_NO_HISTORY, "{\"n\":1}");
	}
	assert_int_equal(host_stat(&host, "once"), 16);
	assert_int_equal(host_stat(&host, "once_forgotten"), 4);
	delivery = publish(&host, WSM_TO_ROOM, "many", "5", WSM_PUBLISH_NO_HISTORY, "{\"n\":1}");
	assert_true(delivery.duplicate);
	delivery = publish(&host, WSM_TO_ROOM, "many", "4", WSM_PUBLISH_NO_HISTORY, "{\"n\":1}");
	assert_false(delivery.duplicate);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, open_it, close_it)
	const struct CMUnitTest tests[] = {
		CASE(the_second_is_answered_by_the_position_of_the_first),
		CASE(two_in_a_row_are_one),
		CASE(without_history_there_is_no_position),
		CASE(users_sessions_clients_and_all_have_it),
		CASE(of_several_rooms_each_is_asked),
		CASE(with_a_rate_it_counts_from_when_it_is_sent),
		CASE(a_bad_id_is_an_error),
		CASE(beyond_max_once_the_oldest_is_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
