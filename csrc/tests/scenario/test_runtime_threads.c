/* The crossing points between threads: publications, receipts, questions, events, and their bounds. Run under TSan too. */
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

static void run_workers(void *(*function)(void *), struct worker workers[THREADS], atomic_bool *stop)
{
	for (unsigned i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){ .number = i, .stop = stop };
		assert_int_equal(pthread_create(&workers[i].thread, NULL, function, &workers[i]), 0);
	}
}

static void join_workers(struct worker workers[THREADS])
{
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(workers[i].thread, NULL);
}

static void *publish_from_thread(void *argument)
{
	struct worker *worker = argument;
	wsm_publication publication = { .target = WSM_TO_ALL, .type = wsm__str("x") };
	char data[64];

	for (unsigned n = 1; n <= EACH; n++) {
		int len = snprintf(data, sizeof(data), "{\"thread\":%u,\"n\":%u}", worker->number, n);

		if (wsm_publish(host.runtime, &publication, data, (size_t)len, NULL, NULL))
			return NULL;
		worker->done++;
	}
	return NULL;
}

static void each_threads_publications_keep_their_order(void **state)
{
	struct worker workers[THREADS];
	struct visitor visitor;
	unsigned seen[THREADS] = { 0 };

	(void)state;
	host_open(&host, "history_size", "10000", NULL);
	visitor_open(&visitor, host.port, "/ws");
	run_workers(publish_from_thread, workers, NULL);
	for (unsigned i = 1; i <= THREADS * EACH; i++) {
		json_t *message = of_type(visitor_next(&visitor), "x");
		long long thread = number_at(message, "data.thread");

		assert_in_range(thread, 0, THREADS - 1);
		assert_int_equal(number_at(message, "data.n"), ++seen[thread]);
		assert_int_equal(number_at(message, "offset"), i);
		json_decref(message);
	}
	join_workers(workers);
	visitor_leave(&visitor);
	host_close(&host);
}

static void *await_receipts_in_thread(void *argument)
{
	struct worker *worker = argument;
	wsm_publication publication = { .target = WSM_TO_ALL, .type = wsm__str("x") };
	wsm_delivery delivery;
	wsm_receipt *receipt;

	for (unsigned n = 0; n < EACH; n++) {
		if (wsm_publish(host.runtime, &publication, "1", 1, &receipt, NULL))
			return NULL;
		while (!wsm_receipt_done(receipt, &delivery))
			sched_yield();
		worker->done += delivery.status == WSM_OK && delivery.offset > 0;
		wsm_receipt_unref(receipt);
	}
	return NULL;
}

static void receipts_are_done_once_handled(void **state)
{
	struct worker workers[THREADS];

	(void)state;
	host_open(&host, NULL);
	run_workers(await_receipts_in_thread, workers, NULL);
	join_workers(workers);
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(workers[i].done, EACH);
	host_close(&host);
}

/* Either watch() says that it is done, or one event comes: never both, never neither. */
static void *watch_receipts_in_thread(void *argument)
{
	struct worker *worker = argument;
	wsm_publication publication = { .target = WSM_TO_ALL, .type = wsm__str("x") };
	wsm_receipt *receipt;

	for (unsigned n = 0; n < EACH; n++) {
		if (wsm_publish(host.runtime, &publication, "1", 1, &receipt, NULL))
			return NULL;
		wsm_receipt_set_data(receipt, worker);
		for (unsigned spin = 0; spin < n % 7; spin++)
			sched_yield();
		if (wsm_receipt_watch(receipt))
			worker->done++; /* an event is to come */
		else if (!wsm_receipt_done(receipt, NULL))
			abort();
		wsm_receipt_unref(receipt);
	}
	return NULL;
}

static void watching_a_receipt_races_with_its_end(void **state)
{
	struct worker workers[THREADS];
	uint64_t events[THREADS] = { 0 }, expected = 0;
	wsm_event *event;

	(void)state;
	host_open(&host, NULL);
	run_workers(watch_receipts_in_thread, workers, NULL);
	join_workers(workers);
	for (unsigned i = 0; i < THREADS; i++)
		expected += workers[i].done;
	for (; expected > 0; expected--) {
		event = host_event(&host, WSM_EVENT_RECEIPT);
		assert_true(wsm_receipt_done(event->receipt, NULL));
		events[((struct worker *)wsm_receipt_data(event->receipt))->number]++;
		wsm_event_free(event);
	}
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(events[i], workers[i].done);
	host_stat(&host, "uptime_seconds");
	assert_null(host_event_now(&host, WSM_EVENT_RECEIPT));
	host_close(&host);
}

static void *ask_in_thread(void *argument)
{
	static const wsm_query_kind kinds[] = { WSM_QUERY_STATS,       WSM_QUERY_CONNECTIONS, WSM_QUERY_METRICS,
	                                        WSM_QUERY_SUBSCRIBERS, WSM_QUERY_PRESENCE,    WSM_QUERY_HISTORY,
	                                        WSM_QUERY_POSITION };
	struct worker *worker = argument;

	for (unsigned n = 0; n < EACH; n++) {
		wsm_question question = { .kind = kinds[n % 7], .room = wsm__str("@all"), .limit = 5 };
		wsm_text answer;

		if (wsm_query(host.runtime, &question, &answer, NULL))
			return NULL;
		worker->done += answer.len > 0;
		wsm_text_free(&answer);
	}
	return NULL;
}

static void questions_from_several_threads(void **state)
{
	struct worker workers[THREADS];
	struct visitor visitor;

	(void)state;
	host_open(&host, NULL);
	visitor_open(&visitor, host.port, "/ws");
	host_send_run(&host, "@all", 1, 10);
	run_workers(ask_in_thread, workers, NULL);
	join_workers(workers);
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(workers[i].done, EACH);
	visitor_leave(&visitor);
	host_close(&host);
}

static void a_question_sees_what_its_thread_has_queued_before(void **state)
{
	wsm_publication publication = { .target = WSM_TO_ALL, .type = wsm__str("x") };
	wsm_question question = { .kind = WSM_QUERY_ROOMS_OF, .room = wsm__str("nobody") };
	wsm_text answer;

	(void)state;
	host_open(&host, NULL);
	for (int i = 1; i <= 200; i++) {
		assert_int_equal(wsm_publish(host.runtime, &publication, "1", 1, NULL, NULL), WSM_OK);
		assert_int_equal(host_stat(&host, "total_broadcasts"), i);
	}
	assert_int_equal(wsm_query(host.runtime, &question, &answer, NULL), WSM_ENOTFOUND);
	question.kind = WSM_QUERY_HISTORY;
	question.room = wsm__str("@user:1");
	assert_int_equal(wsm_query(host.runtime, &question, &answer, NULL), WSM_EROOM);
	host_close(&host);
}

static void *use_until_it_stops(void *argument)
{
	struct worker *worker = argument;
	wsm_publication publication = { .target = WSM_TO_ALL, .type = wsm__str("x") };
	wsm_question question = { .kind = WSM_QUERY_STATS };
	wsm_receipt *receipt;
	wsm_text answer;

	while (!atomic_load(worker->stop)) {
		if (!wsm_publish(host.runtime, &publication, "1", 1, &receipt, NULL)) {
			worker->done++;
			while (!wsm_receipt_done(receipt, NULL)) /* at a stop, too */
				sched_yield();
			wsm_receipt_unref(receipt);
		}
		if (!wsm_query(host.runtime, &question, &answer, NULL))
			wsm_text_free(&answer);
		wsm_subscribe(host.runtime, wsm__str("u"), wsm__str("r"), NULL);
		wsm_endpoint_match(host.runtime, wsm__str("/ws"));
	}
	return NULL;
}

static void start_and_stop_while_others_call(void **state)
{
	struct worker workers[THREADS];
	atomic_bool stop = false;

	(void)state;
	host_open(&host, NULL);
	run_workers(use_until_it_stops, workers, &stop);
	for (int i = 0; i < 10; i++) {
		struct visitor visitor;

		visitor_open(&visitor, host.port, "/ws");
		assert_int_equal(wsm_runtime_stop(host.runtime, 100), WSM_OK);
		visitor_end(&visitor);
		visitor_leave(&visitor);
		host_start(&host);
	}
	atomic_store(&stop, true);
	join_workers(workers);
	host_close(&host);
}

static void *stop_in_thread(void *argument)
{
	struct worker *worker = argument;

	worker->done = wsm_runtime_stop(host.runtime, 1000) == WSM_OK;
	return NULL;
}

static void several_threads_stop_it_at_once(void **state)
{
	struct worker workers[THREADS];

	(void)state;
	host_open(&host, NULL);
	run_workers(stop_in_thread, workers, NULL);
	join_workers(workers);
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(workers[i].done, 1);
	assert_false(wsm_runtime_running(host.runtime));
	host_close(&host);
}

static void receipts_outlive_their_runtime(void **state)
{
	wsm_publication publication = { .target = WSM_TO_ALL, .type = wsm__str("x") };
	wsm_receipt *receipt;
	wsm_delivery delivery;

	(void)state;
	host_open(&host, NULL);
	assert_int_equal(wsm_publish(host.runtime, &publication, "1", 1, &receipt, NULL), WSM_OK);
	host_close(&host);
	assert_true(wsm_receipt_done(receipt, &delivery));
	assert_false(wsm_receipt_watch(receipt));
	wsm_receipt_unref(receipt);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_threads_publications_keep_their_order),
		cmocka_unit_test(receipts_are_done_once_handled),
		cmocka_unit_test(watching_a_receipt_races_with_its_end),
		cmocka_unit_test(questions_from_several_threads),
		cmocka_unit_test(a_question_sees_what_its_thread_has_queued_before),
		cmocka_unit_test(start_and_stop_while_others_call),
		cmocka_unit_test(several_threads_stop_it_at_once),
		cmocka_unit_test(receipts_outlive_their_runtime),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
