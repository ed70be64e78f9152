/* Who gets a publication, in which order, and how often. */
#include "harness.h"

static struct host host;

static int open_host(void **state)
{
	(void)state;
	host_open(&host, "rate", "0", NULL);
	return 0;
}

static int close_host(void **state)
{
	(void)state;
	host_close(&host);
	return 0;
}

/* Publishes {"n":n} as described; recipients. */
static uint64_t publish(wsm_publication publication, int n)
{
	char data[32];

	snprintf(data, sizeof(data), "{\"n\":%d}", n);
	if (!publication.type.len)
		publication.type = wsm__str("x");
	return host_publish(&host, &publication, data).recipients;
}

static void expect(struct visitor *visitor, int n)
{
	json_t *message = visitor_next(visitor);

	if (number_at(message, "data.n") != n)
		give_up("message %lld came instead of %d", number_at(message, "data.n"), n);
	json_decref(message);
}

static void levels_on_logs(void **state)
{
	static const char *const words[] = { "debug", "info", "success", "warning", "error", "critical" };
	struct visitor all, warnings;
	json_t *message;
	char data[100];

	(void)state;
	visitor_open(&all, host.port, "/ws/logs");
	visitor_open(&warnings, host.port, "/ws/logs?level=WARNING");
	for (unsigned i = 0; i < 6; i++) {
		wsm_publication publication = { .type = wsm__str("log_message") };

		snprintf(data, sizeof(data), "{\"level\":\"%s\",\"message\":\"m\",\"n\":%u}", words[i], i);
		assert_int_equal(host_publish(&host, &publication, data).recipients, i < 3 ? 1 : 2);
	}
	for (int i = 0; i < 6; i++)
		expect(&all, i);
	for (int i = 3; i < 6; i++)
		expect(&warnings, i);
	visitor_expect_silence(&warnings);
	/* A level changes with a new subscription, also in other rooms. */
	visitor_say(&warnings, "{\"action\":\"subscribe\",\"room\":\"logs\",\"level\":\"critical\"}");
	message = of_type(visitor_next(&warnings), "subscribed");
	json_decref(message);
	host_send(&host, "logs", "log_message", "{\"level\":\"error\",\"message\":\"m\"}");
	visitor_expect_silence(&warnings);
	visitor_leave(&all);
	visitor_leave(&warnings);
}

static void the_firehose_gets_each_public_message_once(void **state)
{
	struct visitor hose;
	wsm_slice user = wsm__str("u"), session = wsm__str("s"), rooms[] = { wsm__str("a"), wsm__str("b") };

	(void)state;
	visitor_open(&hose, host.port, "/ws/notifications?session_id=s");
	visitor_say(&hose, "{\"action\":\"subscribe\",\"room\":\"a\"}");
	json_decref(of_type(visitor_next(&hose), "subscribed"));
	assert_int_equal(publish((wsm_publication){ .target = WSM_TO_ALL }, 1), 1);
	assert_int_equal(publish((wsm_publication){ .target = WSM_TO_ROOM, .ids = rooms, .n_ids = 1 }, 2), 1);
	assert_int_equal(publish((wsm_publication){ .target = WSM_TO_ROOM, .ids = rooms, .n_ids = 2 }, 3), 2);
	assert_int_equal(publish((wsm_publication){ .target = WSM_TO_USER, .ids = &user, .n_ids = 1 }, 4), 0);
	assert_int_equal(host_send(&host, "logs", "log_message", "{\"level\":\"error\",\"message\":\"m\"}").recipients,
	                 0);
	assert_int_equal(publish((wsm_publication){ .target = WSM_TO_SESSION, .ids = &session, .n_ids = 1 }, 5), 1);
	expect(&hose, 1);
	expect(&hose, 2);
	expect(&hose, 3);
	expect(&hose, 3);
	expect(&hose, 5);
	visitor_expect_silence(&hose);
	visitor_leave(&hose);
}

static void sessions_are_groups_of_connections(void **state)
{
	struct visitor first, second, other;
	wsm_slice session = wsm__str("s1");

	(void)state;
	visitor_open(&first, host.port, "/ws?session_id=s1");
	visitor_open(&second, host.port, "/ws?session_id=s1");
	visitor_open(&other, host.port, "/ws?session_id=s2");
	assert_int_equal(publish((wsm_publication){ .target = WSM_TO_SESSION, .ids = &session, .n_ids = 1 }, 1), 2);
	expect(&first, 1);
	expect(&second, 1);
	visitor_expect_silence(&other);
	visitor_leave(&first);
	visitor_leave(&second);
	visitor_leave(&other);
	host_stat_reaches(&host, "total_broadcasts", 1);
	host_stat_falls(&host, "active_connections", 0);
	assert_int_equal(publish((wsm_publication){ .target = WSM_TO_SESSION, .ids = &session, .n_ids = 1 }, 2), 0);
}

static void one_client_by_its_id(void **state)
{
	struct visitor first, second;
	json_t *greeting = visitor_greet(&first, host.port, "/ws");
	wsm_slice id = wsm__str(text_at(greeting, "data.client_id")), nobody = wsm__str("nobody");

	(void)state;
	visitor_open(&second, host.port, "/ws");
	assert_int_equal(publish((wsm_publication){ .target = WSM_TO_CLIENT, .ids = &id, .n_ids = 1 }, 1), 1);
	expect(&first, 1);
	visitor_expect_silence(&second);
	assert_int_equal(publish((wsm_publication){ .target = WSM_TO_CLIENT, .ids = &nobody, .n_ids = 1 }, 1), 0);
	/* Whom it names in exclude does not get it, not even in the firehose. */
	assert_int_equal(publish((wsm_publication){ .target = WSM_TO_ALL, .exclude = &id, .n_exclude = 1 }, 2), 1);
	expect(&second, 2);
	visitor_expect_silence(&first);
	assert_int_equal(wsm_disconnect(host.runtime, id, 4403, wsm__str("not you"), NULL), WSM_OK);
	assert_int_equal(visitor_end(&first), 4403);
	assert_string_equal(first.reason, "not you");
	json_decref(greeting);
	visitor_leave(&first);
	visitor_leave(&second);
}

/* Publishes until a whole message waits behind one that the socket did not take; returns how many it were. */
static int fill_socket(const wsm_publication *publication, const char *text)
{
	int n = 0;

	do {
		host_publish(&host, publication, text);
		n++;
	} while (host_stat(&host, "queued_bytes") <= (long long)strlen(text) + 1000);
	return n;
}

static void a_conflated_message_is_only_the_newest(void **state)
{
	struct visitor visitor;
	wsm_publication progress = { .target = WSM_TO_ALL, .type = wsm__str("progress"), .key = wsm__str("job") };
	wsm_publication big = { .target = WSM_TO_ALL, .flags = WSM_PUBLISH_NO_HISTORY };
	char *fill = malloc(400001);
	json_t *message;
	int n;

	(void)state;
	memset(fill, 'x', 400000);
	fill[400000] = '\0';
	visitor_open(&visitor, host.port, "/ws");
	/* As long as the socket takes everything, all come; once it does not, only the newest waits. */
	n = fill_socket(&big, fill);
	for (int i = 1; i <= 100; i++)
		publish(progress, i);
	assert_int_equal(host_stat(&host, "deliveries_conflated"), 99);
	for (; n > 0; n--)
		free(visitor_text(&visitor));
	message = visitor_next(&visitor);
	assert_int_equal(number_at(message, "data.n"), 100);
	assert_null(at(message, "offset"));
	json_decref(message);
	visitor_expect_silence(&visitor);
	visitor_leave(&visitor);
	free(fill);
}

static void critical_messages_overtake_other_rooms(void **state)
{
	struct visitor visitor;
	wsm_slice a = wsm__str("a"), b = wsm__str("b");
	wsm_publication big = { .target = WSM_TO_ROOM, .ids = &a, .n_ids = 1, .flags = WSM_PUBLISH_NO_HISTORY };
	char *fill = malloc(200001);
	int n;

	(void)state;
	memset(fill, 'x', 200000);
	fill[200000] = '\0';
	visitor_open(&visitor, host.port, "/ws");
	visitor_say(&visitor, "{\"action\":\"subscribe\",\"room\":\"a\"}");
	json_decref(of_type(visitor_next(&visitor), "subscribed"));
	visitor_say(&visitor, "{\"action\":\"subscribe\",\"room\":\"b\"}");
	json_decref(of_type(visitor_next(&visitor), "subscribed"));
	n = fill_socket(&big, fill);
	publish((wsm_publication){ .target = WSM_TO_ROOM, .ids = &a, .n_ids = 1 }, 1);
	publish((wsm_publication){ .target = WSM_TO_ROOM, .ids = &b, .n_ids = 1, .priority = WSM_CRITICAL }, 2);
	publish((wsm_publication){ .target = WSM_TO_ROOM, .ids = &a, .n_ids = 1, .priority = WSM_CRITICAL }, 3);
	for (int seen = 0, order = 0; seen < n + 3; seen++) {
		char *text = visitor_text(&visitor);

		if (strstr(text, "{\"n\":2}"))
			assert_int_equal(order++, 0); /* before what waits of room a */
		else if (strstr(text, "{\"n\":1}"))
			assert_int_equal(order++, 1);
		else if (strstr(text, "{\"n\":3}"))
			assert_int_equal(order++, 2); /* never before its own room's earlier message */
		free(text);
	}
	visitor_leave(&visitor);
	free(fill);
}

static void the_last_one_of_a_limited_rate_is_never_lost(void **state)
{
	struct visitor visitor;
	wsm_publication progress = {
		.target = WSM_TO_ALL, .type = wsm__str("p"), .key = wsm__str("k"), .max_rate = 20
	};
	wsm_receipt *receipt;
	wsm_delivery delivery;
	json_t *message;
	long long n = 0;
	int came = 0;

	(void)state;
	visitor_open(&visitor, host.port, "/ws");
	for (int i = 1; i <= 200; i++) {
		char data[32];
		int len = snprintf(data, sizeof(data), "{\"n\":%d}", i);

		assert_int_equal(
			wsm_publish(host.runtime, &progress, data, (size_t)len, i == 100 ? &receipt : NULL, NULL), 0);
	}
	while (n < 200) {
		message = of_type(visitor_next(&visitor), "p");
		assert_true(number_at(message, "data.n") > n);
		n = number_at(message, "data.n");
		came++;
		json_decref(message);
	}
	assert_in_range(came, 2, 50);
	visitor_expect_silence(&visitor);
	assert_true(wsm_receipt_done(receipt, &delivery));
	wsm_receipt_unref(receipt);
	assert_int_equal(delivery.status, WSM_OK);
	assert_int_equal(host_stat(&host, "superseded_publications"), 200 - came);
	visitor_leave(&visitor);
}

static void the_end_is_not_overtaken_by_a_report_that_was_held_back(void **state)
{
	struct visitor visitor;
	wsm_publication progress = {
		.target = WSM_TO_ALL, .type = wsm__str("p"), .key = wsm__str("k"), .max_rate = 0.01
	};
	wsm_publication done = { .target = WSM_TO_ALL, .type = wsm__str("done"), .key = wsm__str("k") };

	(void)state;
	visitor_open(&visitor, host.port, "/ws");
	for (int i = 1; i <= 9; i++)
		assert_int_equal(wsm_publish(host.runtime, &progress, "{\"n\":1}", 7, NULL, NULL), WSM_OK);
	publish(done, 2);
	json_decref(visitor_await(&visitor, "done"));
	visitor_expect_silence(&visitor);
	visitor_leave(&visitor);
}

static void what_a_host_sends_verbatim(void **state)
{
	struct visitor visitor;
	wsm_publication plain = { .target = WSM_TO_ALL };
	wsm_publication binary = { .target = WSM_TO_ALL, .flags = WSM_PUBLISH_BINARY };
	wsm_publication text = { .target = WSM_TO_ALL, .flags = WSM_PUBLISH_TEXT };
	json_t *message;
	char *came;

	(void)state;
	visitor_open(&visitor, host.port, "/ws");
	host_publish(&host, &plain, "{\"event_type\":\"processing_progress\",\"timestamp\":\"mine\"}");
	message = visitor_next(&visitor);
	assert_string_equal(text_at(message, "event_type"), "processing_progress");
	assert_string_equal(text_at(message, "timestamp"), "mine");
	assert_string_equal(text_at(message, "room"), "@all");
	assert_int_equal(number_at(message, "offset"), 1);
	json_decref(message);
	host_publish(&host, &plain, "just text");
	came = visitor_text(&visitor);
	assert_string_equal(came, "just text");
	free(came);
	host_publish(&host, &text, "{\"a\":1}");
	came = visitor_text(&visitor);
	assert_string_equal(came, "{\"a\":1}");
	free(came);
	host_publish(&host, &binary, "bytes");
	assert_int_equal(visitor_binary(&visitor), 5);
	host_publish(&host, &plain, "");
	came = visitor_text(&visitor);
	assert_string_equal(came, "");
	free(came);
	visitor_leave(&visitor);
}

static void errors_of_the_call_say_what_is_wrong(void **state)
{
	wsm_slice bad = wsm__str("a b"), at_all = wsm__str("@all"), ok = wsm__str("ok");
	wsm_error error = { 0 };

	(void)state;
#define REFUSED(status, payload, ...)                                                                                  \
	assert_int_equal(                                                                                              \
		wsm_publish(host.runtime, &(wsm_publication){ __VA_ARGS__ }, payload, strlen(payload), NULL, &error),  \
		status)
	REFUSED(WSM_EROOM, "{}", .target = WSM_TO_ROOM, .ids = &bad, .n_ids = 1);
	assert_non_null(strstr(error.message, "a b"));
	REFUSED(WSM_EROOM, "{}", .target = WSM_TO_ROOM, .ids = &at_all, .n_ids = 1);
	REFUSED(WSM_EINVAL, "{}", .target = WSM_TO_ROOM);
	REFUSED(WSM_EINVAL, "{}", .target = WSM_TO_ROOM, .ids = &ok, .n_ids = 1, .max_rate = -1);
	REFUSED(WSM_EJSON, "{\"a\":", .type = wsm__str("x"));
	REFUSED(WSM_EINVAL, "\xff\xfe", .target = WSM_TO_ALL);
	REFUSED(WSM_EINVAL, "\xff\xfe", .target = WSM_TO_ALL, .flags = WSM_PUBLISH_TEXT);
#undef REFUSED
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, open_host, close_host)
	const struct CMUnitTest tests[] = {
		CASE(levels_on_logs),
		CASE(the_firehose_gets_each_public_message_once),
		CASE(sessions_are_groups_of_connections),
		CASE(one_client_by_its_id),
		CASE(a_conflated_message_is_only_the_newest),
		CASE(critical_messages_overtake_other_rooms),
		CASE(the_last_one_of_a_limited_rate_is_never_lost),
		CASE(the_end_is_not_overtaken_by_a_report_that_was_held_back),
		CASE(what_a_host_sends_verbatim),
		CASE(errors_of_the_call_say_what_is_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
