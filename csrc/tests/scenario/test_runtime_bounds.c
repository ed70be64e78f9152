/* The two queues between host and runtime are bounded: what happens when they are full. */
#include "raw.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#define THREADS 4
#define EACH 500

static struct host host;

struct worker {
	pthread_t thread;
	unsigned number;
	atomic_bool *stop;
	uint64_t done;
};

/* The runtime is held up by its first wake callback, which waits for the test. */
static atomic_int gate;

static void hold_up(void *data)
{
	uint64_t one = 1;
	int before = 0;

	(void)data;
	if (atomic_compare_exchange_strong(&gate, &before, 1))
		while (atomic_load(&gate) != 2)
			sched_yield();
	assert_int_equal(write(host.wake, &one, sizeof(one)), sizeof(one));
}

/* Its wake for an event, that a connection is there, holds the runtime up. */
static void hold_it_up(void)
{
	wsm_request request = { .path = wsm__str("/ws") };
	uint64_t conn;
	unsigned status;

	atomic_store(&gate, 0);
	assert_int_equal(wsm_bridge_open(host.runtime, &request, NULL, &conn, &status, NULL), WSM_OK);
	while (atomic_load(&gate) != 1)
		sched_yield();
}

static void open_held_up(void)
{
	host_make(&host, "max_pending", "16384", "max_publish_size", "64", NULL);
	assert_int_equal(wsm_set_wake(host.runtime, hold_up, NULL), WSM_OK);
	host_start(&host);
	wsm_want(host.runtime, WSM_WANT_LOG); /* after the lines of the start */
	hold_it_up();
}

static wsm_receipt *publish(wsm_priority priority)
{
	wsm_publication publication = { .target = WSM_TO_ALL, .type = wsm__str("x"), .priority = priority };
	wsm_receipt *receipt;

	assert_int_equal(wsm_publish(host.runtime, &publication, "1", 1, &receipt, NULL), WSM_OK);
	return receipt;
}

static void a_full_command_queue_is_told_by_the_receipts(void **state)
{
	wsm_receipt *receipts[200];
	wsm_delivery delivery;
	long long overloaded = 0;

	(void)state;
	open_held_up();
	for (int i = 0; i < 200; i++)
		receipts[i] = publish(WSM_NORMAL);
	for (int i = 0; i < 200; i++) { /* the oldest have gone, and are told at once */
		if (!wsm_receipt_done(receipts[i], &delivery))
			continue;
		assert_int_equal(delivery.status, WSM_EOVERLOADED);
		assert_int_equal(i, overloaded++);
	}
	assert_in_range(overloaded, 100, 199);
	/* What must not be lost is not subject to the bound; and a subscription has others dropped. */
	assert_int_equal(wsm_subscribe(host.runtime, wsm__str("u"), wsm__str("r"), NULL), WSM_OK);
	assert_int_equal(wsm_disconnect(host.runtime, wsm__str("c"), 0, wsm__str(""), NULL), WSM_OK);
	atomic_store(&gate, 2);
	overloaded = host_stat(&host, "overloaded_normal");
	assert_int_equal(host_stat(&host, "overloaded_publications"), overloaded);
	for (int i = 0; i < 200; i++) {
		assert_true(wsm_receipt_done(receipts[i], &delivery));
		assert_int_equal(delivery.status, i < overloaded ? WSM_EOVERLOADED : WSM_OK);
		wsm_receipt_unref(receipts[i]);
	}
	host_close(&host);
}

static unsigned count_done(wsm_receipt **receipts, unsigned n)
{
	unsigned done = 0;

	for (unsigned i = 0; i < n; i++)
		done += wsm_receipt_done(receipts[i], NULL);
	return done;
}

static void the_low_go_first_and_the_critical_last(void **state)
{
	enum { N = 10 };
	wsm_receipt *receipts[3 * N], *flood[400];

	(void)state;
	open_held_up();
	for (int i = 0; i < N; i++) {
		receipts[i] = publish(WSM_CRITICAL);
		receipts[N + i] = publish(WSM_NORMAL);
		receipts[2 * N + i] = publish(WSM_LOW);
	}
	/* A flood of low ones is its own business. */
	for (int i = 0; i < 200; i++)
		flood[i] = publish(WSM_LOW);
	assert_int_equal(count_done(receipts, 2 * N), 0);
	assert_int_equal(count_done(receipts + 2 * N, N), N);
	/* One of normal ones drives them out, and then each other. */
	for (int i = 200; i < 400; i++)
		flood[i] = publish(WSM_NORMAL);
	assert_int_equal(count_done(flood, 200), 200);
	assert_int_equal(count_done(receipts + N, N), N);
	assert_int_equal(count_done(receipts, N), 0);
	atomic_store(&gate, 2);
	assert_int_equal(host_stat(&host, "overloaded_critical"), 0);
	assert_int_equal(host_stat(&host, "overloaded_low"), 200 + N);
	for (int i = 0; i < 3 * N; i++)
		wsm_receipt_unref(receipts[i]);
	for (int i = 0; i < 400; i++)
		wsm_receipt_unref(flood[i]);
	host_close(&host);
}

static void the_breaker_opens_and_closes_with_one_line_each(void **state)
{
	wsm_event *event, *next;
	json_t *stats;

	(void)state;
	open_held_up();
	for (int i = 0; i < 300; i++)
		wsm_receipt_unref(publish(i % 2 ? WSM_NORMAL : WSM_LOW));
	atomic_store(&gate, 2);
	event = host_event(&host, WSM_EVENT_LOG);
	assert_non_null(strstr(event->text.data, "publishes faster than messages can be sent"));
	wsm_event_free(event);
	stats = host_ask(&host, WSM_QUERY_STATS, "");
	assert_string_equal(text_at(stats, "overload.state"), "open");
	assert_true(number_at(stats, "overload.dropped.low") > 0 && number_at(stats, "overload.dropped.normal") > 0);
	assert_int_equal(number_at(stats, "overload.dropped.critical"), 0);
	assert_int_equal(strlen(text_at(stats, "overload.since")), 24);
	json_decref(stats);
	for (event = wsm_events_take(host.runtime); event; event = next) { /* so that the next one wakes */
		next = event->next;
		wsm_event_free(event);
	}
	hold_it_up();
	for (int i = 0; i < 300; i++) /* no other line for these */
		wsm_receipt_unref(publish(WSM_NORMAL));
	atomic_store(&gate, 2);
	event = host_event(&host, WSM_EVENT_LOG); /* after a second without */
	assert_non_null(strstr(event->text.data, "has room again"));
	wsm_event_free(event);
	stats = host_ask(&host, WSM_QUERY_STATS, "");
	assert_string_equal(text_at(stats, "overload.state"), "closed");
	json_decref(stats);
	assert_null(host_event_now(&host, WSM_EVENT_LOG));
	host_close(&host);
}

static void a_full_event_queue_drops_and_counts(void **state)
{
	struct visitor visitor;
	wsm_event *events, *next;
	int n = 0;

	(void)state;
	host_make(&host, "port", "0", "rate", "0", "max_events", "10", NULL);
	wsm_want(host.runtime, WSM_WANT_MESSAGE);
	host_start(&host);
	visitor_open(&visitor, host.port, "/ws");
	for (int i = 0; i < 30; i++)
		visitor_say(&visitor, "text %d", i);
	for (int i = 0; i < 20; i++) { /* the client is told */
		json_t *message = of_type(visitor_next(&visitor), "error");

		assert_string_equal(text_at(message, "data.code"), "internal");
		json_decref(message);
	}
	assert_int_equal(host_stat(&host, "dropped_events"), 20);
	for (events = wsm_events_take(host.runtime); events; events = next) {
		char expected[32];

		next = events->next;
		snprintf(expected, sizeof(expected), "text %d", n++);
		assert_string_equal(events->data.data, expected);
		wsm_event_free(events);
	}
	assert_int_equal(n, 10);
	visitor_leave(&visitor);
	host_close(&host);
}

static void events_count_by_their_size(void **state)
{
	struct visitor visitor;
	char text[4001];
	json_t *message;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	host_make(&host, "port", "0", "rate", "0", "max_events", "9", NULL);
	wsm_want(host.runtime, WSM_WANT_MESSAGE);
	host_start(&host);
	visitor_open(&visitor, host.port, "/ws");
	for (int i = 0; i < 4; i++) /* four units each: two fit */
		visitor_say(&visitor, "%s", text);
	for (int i = 0; i < 2; i++) {
		message = of_type(visitor_next(&visitor), "error");
		assert_string_equal(text_at(message, "data.code"), "internal");
		json_decref(message);
	}
	assert_int_equal(host_stat(&host, "dropped_events"), 2);
	visitor_leave(&visitor);
	host_close(&host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_command_queue_is_told_by_the_receipts),
		cmocka_unit_test(the_low_go_first_and_the_critical_last),
		cmocka_unit_test(the_breaker_opens_and_closes_with_one_line_each),
		cmocka_unit_test(a_full_event_queue_drops_and_counts),
		cmocka_unit_test(events_count_by_their_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
