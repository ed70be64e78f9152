/* Stopping: what is still delivered, who is waited for, and for how long. */
#include "raw.h"

#include <pthread.h>
#include <unistd.h>

static void stop_closes_with_1001_after_what_was_queued(void **state)
{
	struct host host;
	struct visitor visitor;
	json_t *message;

	(void)state;
	host_open(&host, NULL);
	visitor_open(&visitor, host.port, "/ws");
	host_send_run(&host, "@all", 1, 500);
	assert_int_equal(wsm_runtime_stop(host.runtime, 500), WSM_OK);
	for (int n = 1; n <= 500; n++) {
		message = of_type(visitor_next(&visitor), "n");
		assert_int_equal(number_at(message, "data.n"), n);
		json_decref(message);
	}
	assert_int_equal(visitor_end(&visitor), 1001);
	assert_memory_equal(visitor.reason, "the server is shutting down; reconnect in ", 42);
	visitor_leave(&visitor);
	host_close(&host);
}

/* More than max_queue and than the sockets take: the connection lags, and what it lacks is history of what stops. */
static void stop_delivers_more_than_a_queue_holds(void **state)
{
	struct host host;
	struct stopping stopping = { &host, 20000, -1 };
	struct raw_frame frame;
	pthread_t thread;
	char data[60100], expected[40];
	int fd;

	(void)state;
	host_open(&host, "history_size", "5000", "history_bytes", "100000000", "close_timeout", "2", NULL);
	fd = raw_open(host.port, "/ws");
	raw_await(fd, WSC_TEXT, &frame);
	for (int n = 1; n <= 300; n++) {
		snprintf(data, sizeof(data), "{\"n\":%d,\"pad\":\"%060000d\"}", n, 0);
		host_send(&host, "@all", "n", data);
	}
	assert_int_equal(pthread_create(&thread, NULL, host_stop_in_thread, &stopping), 0);
	for (int n = 1; n <= 300; n++) {
		raw_await(fd, WSC_TEXT, &frame);
		snprintf(expected, sizeof(expected), "{\"type\":\"n\",\"data\":{\"n\":%d,", n);
		assert_memory_equal(frame.data, expected, strlen(expected));
	}
	assert_int_equal(raw_close_code(fd), 1001);
	close(fd);
	pthread_join(thread, NULL);
	assert_int_equal(stopping.status, WSM_OK);
	host_close(&host);
}

static void stop_does_not_wait_for_a_client_that_never_reads(void **state)
{
	struct host host;
	struct visitor visitor;
	char *big = malloc(600001);
	wsm_publication publication = { .target = WSM_TO_ALL, .flags = WSM_PUBLISH_NO_HISTORY };
	uint64_t begin;

	(void)state;
	memset(big, 'x', 600000);
	big[600000] = '\0';
	host_open(&host, "max_queue", "100000000", NULL);
	visitor_open(&visitor, host.port, "/ws");
	for (int i = 0; i < 20; i++) /* more than both sockets' buffers */
		host_publish(&host, &publication, big);
	begin = now_ms();
	assert_int_equal(wsm_runtime_stop(host.runtime, 300), WSM_OK);
	assert_in_range(now_ms() - begin, 300, 300 + 2000);
	assert_int_equal(visitor_end(&visitor) >= 1000, false); /* no close frame could come through */
	visitor_leave(&visitor);
	host_close(&host);
	free(big);
}

static void stop_does_not_wait_for_an_answer_to_the_close_frame(void **state)
{
	struct host host;
	int fd;

	(void)state;
	host_open(&host, NULL);
	fd = raw_open(host.port, "/ws");
	assert_int_equal(wsm_runtime_stop(host.runtime, 200), WSM_OK);
	assert_int_equal(raw_close_code(fd), 1001);
	assert_true(raw_ended(fd));
	close(fd);
	host_close(&host);
}

static void stop_with_deadline_zero_still_says_1001(void **state)
{
	struct host host;
	struct visitor visitor;

	(void)state;
	host_open(&host, NULL);
	visitor_open(&visitor, host.port, "/ws");
	assert_int_equal(wsm_runtime_stop(host.runtime, 0), WSM_OK);
	assert_int_equal(visitor_end(&visitor), 1001);
	visitor_leave(&visitor);
	host_close(&host);
}

static void stop_closes_half_open_handshakes(void **state)
{
	struct host host;
	int fd;

	(void)state;
	host_open(&host, NULL);
	fd = raw_connect(host.port);
	raw_say(fd, "GET /ws HTTP/1.1\r\nHost: x\r\nUpg");
	assert_int_equal(wsm_runtime_stop(host.runtime, 1000), WSM_OK);
	raw_drain(fd);
	close(fd);
	host_close(&host);
}

static void free_without_stop_ends_everything(void **state)
{
	struct host host;
	struct visitor visitor;

	(void)state;
	host_open(&host, NULL);
	visitor_open(&visitor, host.port, "/ws");
	wsm_runtime_free(host.runtime);
	assert_int_equal(visitor_end(&visitor), 1001);
	visitor_leave(&visitor);
	close(host.wake);
}

static void what_max_rate_holds_back_is_sent_at_stop(void **state)
{
	struct host host;
	wsm_publication publication = { .target = WSM_TO_ALL, .type = wsm__str("x"), .max_rate = 0.0001 };
	struct visitor visitor;
	wsm_receipt *first, *second;
	wsm_delivery delivery;

	(void)state;
	host_open(&host, NULL);
	visitor_open(&visitor, host.port, "/ws");
	assert_int_equal(wsm_publish(host.runtime, &publication, "1", 1, &first, NULL), WSM_OK);
	assert_int_equal(wsm_publish(host.runtime, &publication, "2", 1, &second, NULL), WSM_OK);
	assert_int_equal(wsm_runtime_stop(host.runtime, 0), WSM_OK);
	assert_true(wsm_receipt_done(first, &delivery));
	assert_true(wsm_receipt_done(second, &delivery));
	assert_int_equal(delivery.status, WSM_OK);
	assert_false(delivery.superseded);
	json_decref(of_type(visitor_next(&visitor), "x"));
	json_decref(of_type(visitor_next(&visitor), "x"));
	assert_int_equal(visitor_end(&visitor), 1001);
	visitor_leave(&visitor);
	wsm_receipt_unref(first);
	wsm_receipt_unref(second);
	host_close(&host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stop_closes_with_1001_after_what_was_queued),
		cmocka_unit_test(stop_delivers_more_than_a_queue_holds),
		cmocka_unit_test(stop_does_not_wait_for_a_client_that_never_reads),
		cmocka_unit_test(stop_does_not_wait_for_an_answer_to_the_close_frame),
		cmocka_unit_test(stop_with_deadline_zero_still_says_1001),
		cmocka_unit_test(stop_closes_half_open_handshakes),
		cmocka_unit_test(free_without_stop_ends_everything),
		cmocka_unit_test(what_max_rate_holds_back_is_sent_at_stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
