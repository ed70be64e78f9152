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

/* The runtime is held up by its wake callback, which waits for the test. */
static atomic_int gate;

static void hold_up(void *data)
{
	(void)data;
	atomic_store(&gate, 1);
	while (atomic_load(&gate) != 2)
		sched_yield();
}

static void a_full_command_queue_is_told_by_the_receipt(void **state)
{
	wsm_publication publication = { .target = WSM_TO_ALL, .type = wsm__str("x") };
	wsm_request request = { .path = wsm__str("/ws") };
	wsm_receipt *receipts[200];
	wsm_delivery delivery;
	unsigned overloaded = 0, status;
	uint64_t conn;

	(void)state;
	host_make(&host, "max_pending", "4096", "max_publish_size", "64", NULL);
	atomic_store(&gate, 0);
	assert_int_equal(wsm_set_wake(host.runtime, hold_up, NULL), WSM_OK);
	host_start(&host);
	/* The greeting is an event: its wake holds the runtime up. */
	assert_int_equal(wsm_bridge_open(host.runtime, &request, NULL, &conn, &status, NULL), WSM_OK);
	while (atomic_load(&gate) != 1)
		sched_yield();
	for (int i = 0; i < 200; i++) {
		assert_int_equal(wsm_publish(host.runtime, &publication, "1", 1, &receipts[i], NULL), WSM_OK);
		if (wsm_receipt_done(receipts[i], &delivery)) {
			assert_int_equal(delivery.status, WSM_EOVERLOADED);
			overloaded++;
		}
	}
	assert_in_range(overloaded, 100, 199);
	/* What must not be lost is not subject to the bound; a subscription is, and says so. */
	assert_int_equal(wsm_subscribe(host.runtime, wsm__str("u"), wsm__str("r"), NULL), WSM_EOVERLOADED);
	assert_int_equal(wsm_disconnect(host.runtime, wsm__str("c"), 0, wsm__str(""), NULL), WSM_OK);
	atomic_store(&gate, 2);
	assert_int_equal(host_stat(&host, "overloaded_publications"), overloaded + 1);
	for (int i = 0; i < 200; i++) {
		assert_true(wsm_receipt_done(receipts[i], NULL));
		wsm_receipt_unref(receipts[i]);
	}
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_command_queue_is_told_by_the_receipt),
		cmocka_unit_test(a_full_event_queue_drops_and_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
