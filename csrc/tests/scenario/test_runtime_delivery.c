/* Where each delivery ends: slow, lagging, leaving, conflating and vanishing clients on real sockets, and room rules on overflow. */
#include "raw.h"

#include <unistd.h>

#define FILL 400000

static struct host host;
static char *fill;

static int open_host(void **state)
{
	(void)state;
	fill = malloc(FILL + 1);
	memset(fill, 'x', FILL);
	fill[0] = fill[FILL - 1] = '"';
	fill[FILL] = '\0';
	host_open(&host, "max_queue", "1048576", "history_size", "64", NULL);
	return 0;
}

static int close_host(void **state)
{
	(void)state;
	free(fill);
	host_close(&host);
	return 0;
}

static void rule(const char *pattern, const char *setting, const char *value)
{
	assert_int_equal(wsm_room_rule_set(host.runtime, wsm__str(pattern), wsm__str(setting), wsm__str(value), NULL),
	                 WSM_OK);
}

static void subscribe(struct visitor *visitor, const char *room)
{
	visitor_open(visitor, host.port, "/ws");
	visitor_say(visitor, "{\"action\":\"subscribe\",\"room\":\"%s\"}", room);
	json_decref(visitor_await(visitor, "subscribed"));
}

static uint64_t recipients;

static void send(const char *room, const char *text, wsm_publication how)
{
	wsm_slice name = wsm__str(room);

	how.target = WSM_TO_ROOM;
	how.ids = &name;
	how.n_ids = 1;
	recipients += host_publish(&host, &how, text).recipients;
}

#define send_to(room, text, ...) send(room, text, (wsm_publication){ .max_rate = 0, __VA_ARGS__ })

/* Sends until something waits behind what the socket took: the visitor, who reads only when asked to, is slow now. */
static int choke(const char *room)
{
	int n = 0;

	do {
		send_to(room, fill, .type = wsm__str("fill"));
		n++;
	} while (host_stat(&host, "queued_bytes") <= FILL + 1000);
	return n;
}

/* Every delivery is in one place; `pending` of them have no outcome yet. */
static void check_sums(long long pending)
{
	json_t *stats = host_ask(&host, WSM_QUERY_STATS, "");
	long long ended = number_at(stats, "deliveries_written") + number_at(stats, "deliveries_conflated") +
	                  number_at(stats, "deliveries_dropped_overflow") + number_at(stats, "deliveries_dropped_gap") +
	                  number_at(stats, "deliveries_dropped_left") + number_at(stats, "deliveries_dropped_closed");
	long long waiting = number_at(stats, "deliveries_waiting") + number_at(stats, "deliveries_lagging");

	assert_int_equal(number_at(stats, "deliveries"), ended + waiting);
	assert_int_equal(number_at(stats, "deliveries") - number_at(stats, "deliveries_replayed"), recipients);
	assert_int_equal(number_at(stats, "deliveries_written"), number_at(stats, "total_messages_sent"));
	if (pending >= 0)
		assert_int_equal(waiting, pending);
	json_decref(stats);
}

static void all_deliveries_add_up(void **state)
{
	struct visitor reader, slow, leaver, vanisher;
	long long lagging;

	(void)state;
	recipients = 0;
	subscribe(&reader, "r");
	subscribe(&slow, "r");
	subscribe(&leaver, "r");
	subscribe(&vanisher, "r");
	for (int i = 0; i < 10; i++)
		send_to("r", "1", .type = wsm__str("hello"));
	check_sums(0);
	visitor_say(&leaver, "{\"action\":\"unsubscribe\",\"room\":\"r\"}");
	json_decref(visitor_await(&leaver, "unsubscribed"));
	choke("r");
	for (int i = 0; i < 20; i++) {
		send_to("r", "1", .type = wsm__str("progress"), .key = wsm__str("job"));
		send_to("r", fill, .type = wsm__str("fill"));
		check_sums(-1);
	}
	assert_true(host_stat(&host, "deliveries_conflated") >= 38);
	lagging = host_stat(&host, "deliveries_lagging");
	assert_true(lagging >= 20);
	visitor_vanish(&vanisher);
	host_stat_reaches(&host, "deliveries_dropped_closed", lagging / 3);
	check_sums(-1);
	/* Who reads again gets all that was pending; then nothing is. */
	while (host_stat(&host, "deliveries_lagging") || host_stat(&host, "deliveries_waiting")) {
		free(visitor_text(&slow));
		check_sums(-1);
		if (host_stat(&host, "deliveries_lagging") || host_stat(&host, "deliveries_waiting"))
			free(visitor_text(&reader));
	}
	check_sums(0);
	visitor_vanish(&reader);
	visitor_vanish(&slow);
	visitor_leave(&leaver);
	host_stat_falls(&host, "active_connections", 0);
	check_sums(0);
}

static void a_room_that_drops_its_oldest_keeps_its_clients(void **state)
{
	struct visitor slow;
	json_t *message, *gap;
	long long last;

	(void)state;
	rule("frames:*", "overflow", "drop_oldest");
	subscribe(&slow, "frames:1");
	choke("frames:1");
	for (int i = 0; i < 6; i++)
		send_to("frames:1", fill, .type = wsm__str("fill"));
	send_to("frames:1", "{\"end\":1}", .type = wsm__str("end"));
	gap = visitor_await(&slow, "gap");
	assert_string_equal(text_at(gap, "data.room"), "frames:1");
	assert_true(number_at(gap, "data.missed") > 0);
	last = number_at(gap, "data.offset");
	json_decref(gap);
	for (message = visitor_next(&slow); strcmp(text_at(message, "type"), "end") != 0;
	     message = visitor_next(&slow)) {
		assert_int_equal(number_at(message, "offset"), ++last); /* nothing is missed after the gap */
		json_decref(message);
	}
	last++;
	assert_int_equal(number_at(message, "offset"), last);
	json_decref(message);
	assert_int_equal(host_stat(&host, "slow_consumers"), 0);
	assert_true(host_stat(&host, "deliveries_dropped_overflow") > 0);
	visitor_leave(&slow);
}

static void a_room_of_the_latest_sends_the_newest_of_each(void **state)
{
	struct visitor slow;
	json_t *message;
	int n;

	(void)state;
	rule("sensor", "overflow", "latest");
	subscribe(&slow, "sensor");
	visitor_say(&slow, "{\"action\":\"subscribe\",\"room\":\"other\"}");
	json_decref(visitor_await(&slow, "subscribed"));
	n = choke("other");
	for (int i = 0; i < 50; i++) {
		char data[32];

		snprintf(data, sizeof(data), "{\"n\":%d}", i);
		send_to("sensor", data, .type = wsm__str("heat"));
		send_to("sensor", data, .type = wsm__str("light"));
		send_to("sensor", data, .type = wsm__str("light"), .key = wsm__str("roof"));
		send_to("sensor", data, .type = wsm__str("alarm"), .priority = WSM_CRITICAL);
	}
	assert_int_equal(host_stat(&host, "deliveries_conflated"), 49 * 3);
	while (n--)
		free(visitor_text(&slow));
	for (int i = 0, alarms = 0, others = 0; i < 53; i++) {
		message = visitor_next(&slow);
		if (!strcmp(text_at(message, "type"),
		            "alarm")) { /* all of them, and they have their place in history */
			assert_int_equal(number_at(message, "data.n"), alarms++);
			assert_int_equal(number_at(message, "offset"), alarms);
		} else {
			assert_int_equal(number_at(message, "data.n"), 49);
			assert_null(at(message, "offset"));
			assert_true(++others <= 3);
		}
		json_decref(message);
	}
	visitor_expect_silence(&slow);
	visitor_leave(&slow);
}

static void a_room_that_disconnects_does_so_though_it_has_history(void **state)
{
	struct visitor slow;

	(void)state;
	subscribe(&slow, "strict");
	rule("strict", "overflow", "disconnect"); /* also for those who are there already */
	while (host_stat(&host, "slow_consumers") == 0)
		send_to("strict", fill, .type = wsm__str("fill"));
	assert_int_equal(visitor_end(&slow), 4413);
	assert_int_equal(host_stat(&host, "lags"), 0);
	visitor_leave(&slow);
	host_stat_falls(&host, "active_connections", 0);
	assert_int_equal(host_stat(&host, "deliveries_waiting"), 0);
}

static void a_message_without_offset_waits_for_the_refill_of_its_room(void **state)
{
	struct visitor slow;
	json_t *message;
	int n;

	(void)state;
	subscribe(&slow, "r");
	n = choke("r");
	for (int i = 0; i < 4; i++, n++)
		send_to("r", fill, .type = wsm__str("fill"));
	assert_int_equal(host_stat(&host, "lagging_connections"), 1);
	send_to("r", "{\"n\":1}", .type = wsm__str("aside"), .flags = WSM_PUBLISH_NO_HISTORY);
	while (n--)
		json_decref(of_type(visitor_next(&slow), "fill"));
	message = of_type(visitor_next(&slow), "aside");
	assert_null(at(message, "offset"));
	json_decref(message);
	visitor_leave(&slow);
}

static void the_firehose_asks_for_a_level(void **state)
{
	struct visitor visitor;
	json_t *message;

	(void)state;
	visitor_open(&visitor, host.port, "/ws/notifications?level=warning");
	send_to("a", "{}", .type = wsm__str("quiet"), .level = WSM_INFO);
	send_to("a", "{}", .type = wsm__str("loud"), .level = WSM_ERROR);
	send_to("a", "{}", .type = wsm__str("plain"));
	message = of_type(visitor_next(&visitor), "loud");
	json_decref(message);
	message = of_type(visitor_next(&visitor), "plain");
	json_decref(message);
	visitor_expect_silence(&visitor);
	visitor_leave(&visitor);
}

/* ---- reports ---------------------------------------------------------------------------------------------------- */

static wsm_receipt *publish(const char *room, const char *text, unsigned flags, const char *key)
{
	wsm_slice rooms[2] = { wsm__str(room), wsm__str("second") };
	wsm_publication publication = { .target = WSM_TO_ROOM,
	                                .ids = rooms,
	                                .n_ids = key ? 1 : 2,
	                                .type = wsm__str("fill"),
	                                .key = wsm__str(key ? key : ""),
	                                .flags = flags };
	wsm_receipt *receipt;

	assert_int_equal(wsm_publish(host.runtime, &publication, text, strlen(text), &receipt, NULL), WSM_OK);
	return receipt;
}

/* Waits until the report is settled, and demands these figures. */
static void expect_settled(wsm_receipt *receipt, uint64_t written, uint64_t conflated, uint64_t dropped)
{
	wsm_report report;

	if (wsm_receipt_watch_report(receipt, 77)) {
		wsm_event *event = host_event(&host, WSM_EVENT_REPORT);

		assert_ptr_equal(event->receipt, receipt);
		assert_int_equal(event->ticket, 77);
		wsm_event_free(event);
	}
	assert_int_equal(wsm_receipt_report(receipt, &report), WSM_OK);
	assert_true(report.settled);
	assert_int_equal(report.deliveries, written + conflated + dropped);
	assert_int_equal(report.written, written);
	assert_int_equal(report.conflated, conflated);
	assert_int_equal(report.dropped, dropped);
	assert_int_equal(report.lagging + report.pending, 0);
	assert_false(wsm_receipt_watch_report(receipt, 78));
	wsm_receipt_unref(receipt);
}

static void a_report_counts_the_deliveries_of_its_publication(void **state)
{
	struct visitor reader, slow;
	wsm_receipt *early, *late, *replaced, *last;
	wsm_report report;
	int n;

	(void)state;
	subscribe(&reader, "r");
	subscribe(&slow, "other");
	visitor_say(&slow, "{\"action\":\"subscribe\",\"room\":\"r\"}");
	json_decref(visitor_await(&slow, "subscribed"));
	expect_settled(publish("r", "1", WSM_PUBLISH_REPORT, NULL), 2, 0, 0);
	expect_settled(publish("nobody", "1", WSM_PUBLISH_REPORT, NULL), 0, 0, 0);
	n = choke("other"); /* `slow` does not read any more */
	early = publish("r", "1", WSM_PUBLISH_REPORT, NULL);
	replaced = publish("r", "1", WSM_PUBLISH_REPORT, "job");
	host_stat(&host, "rooms"); /* it is written, where it can be */
	last = publish("r", "2", WSM_PUBLISH_REPORT, "job");
	for (int i = 0; i < 4; i++, n++)
		send_to("other", fill, .type = wsm__str("fill"));
	late = publish("r", "3", WSM_PUBLISH_REPORT, NULL);
	host_stat(&host, "rooms");
	expect_settled(replaced, 1, 1, 0);
	assert_int_equal(wsm_receipt_report(early, &report), WSM_OK);
	assert_int_equal(report.deliveries, 2);
	assert_int_equal(report.written, 1);
	assert_int_equal(report.lagging + report.pending, 1);
	assert_false(report.settled);
	while (n--)
		json_decref(visitor_await(&slow, "fill"));
	expect_settled(early, 2, 0, 0);
	expect_settled(last, 2, 0, 0);
	expect_settled(late, 2, 0, 0);
	visitor_leave(&slow);
	visitor_leave(&reader);
}

static void a_report_ends_with_the_connections(void **state)
{
	struct visitor slow;
	wsm_receipt *receipt, *plain;
	wsm_report report;

	(void)state;
	subscribe(&slow, "r");
	choke("r");
	receipt = publish("r", "1", WSM_PUBLISH_REPORT, NULL);
	plain = publish("r", "1", 0, NULL);
	assert_int_equal(wsm_receipt_report(plain, &report), WSM_EINVAL);
	assert_false(wsm_receipt_watch_report(plain, 1));
	wsm_receipt_unref(plain);
	assert_true(wsm_receipt_watch_report(receipt, 77));
	assert_false(wsm_receipt_watch_report(receipt, 79)); /* the first counts */
	json_decref(host_ask(&host, WSM_QUERY_STATS, ""));   /* it comes behind what was published */
	visitor_vanish(&slow);
	wsm_event_free(host_event(&host, WSM_EVENT_REPORT));
	expect_settled(receipt, 0, 0, 1);
	receipt = publish("r", "1", WSM_PUBLISH_REPORT, NULL);
	wsm_runtime_stop(host.runtime, 100);
	expect_settled(receipt, 0, 0, 0);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, open_host, close_host)
	const struct CMUnitTest tests[] = {
		CASE(all_deliveries_add_up),
		CASE(a_room_that_drops_its_oldest_keeps_its_clients),
		CASE(a_room_of_the_latest_sends_the_newest_of_each),
		CASE(a_room_that_disconnects_does_so_though_it_has_history),
		CASE(a_message_without_offset_waits_for_the_refill_of_its_room),
		CASE(a_report_counts_the_deliveries_of_its_publication),
		CASE(a_report_ends_with_the_connections),
		CASE(the_firehose_asks_for_a_level),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
