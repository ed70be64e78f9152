/* Sending clients away: waves, hints, and who is let in meanwhile. */
#include "raw.h"

#include <pthread.h>
#include <unistd.h>

#include "clients/drain.h"
#include "host/refusals.h"

#define CROWD 200u

/* The hint in a close reason, milliseconds; fails if there is none. */
static unsigned hint_of(const char *reason)
{
	unsigned seconds, hundredths;

	if (sscanf(reason, "the server is shutting down; reconnect in %u.%2u s", &seconds, &hundredths) != 2)
		give_up("no hint in \"%s\"", reason);
	return seconds * 1000 + hundredths * 10;
}

/* ---- pacing, without a clock --------------------------------------------------------------------------------------- */

static void a_few_go_at_once_and_thousands_in_the_time_there_is(void **state)
{
	size_t left = 20000, waves = 0;

	(void)state;
	assert_true(wsm__drain_due(3, 5, 5000) >= 3);
	assert_in_range(wsm__drain_due(1000, 5, 5000), 5, 6); /* one a millisecond */
	assert_int_equal(wsm__drain_due(1000, 5, 0), 1000);
	for (uint64_t remaining = 5000; left; remaining -= 5) {
		size_t due = wsm__drain_due(left, 5, remaining);

		assert_in_range(due, 1, 30); /* evenly: 20 each */
		left -= due < left ? due : left;
		waves++;
		assert_true(remaining >= 5);
	}
	assert_in_range(waves, 900, 1000);
}

static void hints_are_spread_over_a_window_that_grows_with_the_crowd(void **state)
{
	(void)state;
	assert_int_equal((int)wsm__drain_window_ms(30, 1), 1000);
	assert_int_equal((int)wsm__drain_window_ms(30, 5000), 10000);
	assert_int_equal((int)wsm__drain_window_ms(30, 100000), 30000);
	assert_int_equal((int)wsm__drain_window_ms(0, 100000), 0);
	for (uint64_t n = 0; n < 5000; n++)
		assert_in_range(wsm__retry_after(30, n), 1, 31);
}

/* ---- a stop --------------------------------------------------------------------------------------------------------- */

static void everyone_gets_1001_and_hints_are_spread_evenly(void **state)
{
	struct visitor *crowd = calloc(CROWD, sizeof(*crowd));
	unsigned tenths[10] = { 0 };
	struct host host;

	(void)state;
	host_open(&host, "max_connections_per_ip", "1000", "close_timeout", "1", NULL);
	for (unsigned i = 0; i < CROWD; i++)
		visitor_open(&crowd[i], host.port, "/ws");
	assert_int_equal(wsm_runtime_stop(host.runtime, 20000), WSM_OK);
	for (unsigned i = 0; i < CROWD; i++) {
		json_t *message = visitor_await(&crowd[i], "server_draining");
		long long told = number_at(message, "data.reconnect_after_ms");

		assert_int_equal(visitor_end(&crowd[i]), 1001);
		assert_int_equal(hint_of(crowd[i].reason), told);
		assert_in_range(told, 0, 999); /* a window of 1 s for so few */
		tenths[told / 100]++;
		json_decref(message);
		visitor_leave(&crowd[i]);
	}
	for (int i = 0; i < 10; i++)
		assert_in_range(tenths[i], CROWD / 10 - 3, CROWD / 10 + 3);
	host_close(&host);
	free(crowd);
}

static void a_window_of_nothing_asks_for_no_delay(void **state)
{
	struct host host;
	struct visitor visitor;

	(void)state;
	host_open(&host, "drain_spread", "0", "drain_time", "0", "close_timeout", "1", NULL);
	visitor_open(&visitor, host.port, "/ws");
	assert_int_equal(wsm_runtime_stop(host.runtime, WSM_STOP_DEFAULT), WSM_OK);
	assert_int_equal(visitor_end(&visitor), 1001);
	assert_int_equal(hint_of(visitor.reason), 0);
	visitor_leave(&visitor);
	host_close(&host);
}

/* The first would wait for an hour for a client that does not answer its close. */
static void a_second_stop_cuts_the_first_short(void **state)
{
	struct host host;
	struct stopping patient = { &host, 3600000, -1 };
	pthread_t thread;
	int fd;

	(void)state;
	host_open(&host, "close_timeout", "3600", NULL);
	fd = raw_open(host.port, "/ws");
	assert_int_equal(pthread_create(&thread, NULL, host_stop_in_thread, &patient), 0);
	assert_int_equal(raw_close_code(fd), 1001); /* it has begun, and waits */
	assert_true(wsm_runtime_draining(host.runtime));
	assert_int_equal(wsm_runtime_stop(host.runtime, 0), WSM_OK);
	pthread_join(thread, NULL);
	assert_int_equal(patient.status, WSM_OK);
	close(fd);
	host_close(&host);
}

static void a_runtime_that_starts_again_drains_no_more(void **state)
{
	struct host host;
	struct visitor visitor;

	(void)state;
	host_open(&host, NULL);
	assert_int_equal(wsm_runtime_drain(host.runtime), WSM_OK);
	assert_int_equal(host_stat(&host, "draining"), 1);
	assert_int_equal(wsm_runtime_stop(host.runtime, 1000), WSM_OK);
	assert_int_equal(wsm_runtime_drain(host.runtime), WSM_ENOTRUNNING);
	assert_false(wsm_runtime_draining(host.runtime));
	host_start(&host);
	assert_int_equal(host_stat(&host, "draining"), 0);
	visitor_open(&visitor, host.port, "/ws");
	visitor_leave(&visitor);
	host_close(&host);
}

/* ---- who is let in meanwhile ------------------------------------------------------------------------------------------ */

/* What the own port answers, head and body. */
static void ask(unsigned port, const char *request, char *answer, size_t size)
{
	int fd = raw_connect(port);
	size_t len = 0;
	ssize_t n;

	raw_say(fd, request);
	while (len + 1 < size && (n = read(fd, answer + len, size - 1 - len)) > 0)
		len += (size_t)n;
	answer[len] = '\0';
	close(fd);
}

static void a_drained_runtime_refuses_upgrades_and_keeps_its_clients(void **state)
{
	static const char health[] = "GET /api/ws/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
	static const char live[] = "GET /api/ws/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
	static const char upgrade[] =
		"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
	wsm_request request = { .path = wsm__str("/ws"), .ip = wsm__str("192.0.2.1") };
	struct visitor there;
	struct host host;
	char answer[2048];
	uint64_t conn;
	unsigned status, seconds;

	(void)state;
	host_open(&host, NULL);
	visitor_open(&there, host.port, "/ws");
	ask(host.port, health, answer, sizeof(answer));
	assert_non_null(strstr(answer, "HTTP/1.1 200 OK\r\n"));
	assert_non_null(strstr(answer, "\r\n\r\n{\"status\":\"ok\"}"));
	assert_int_equal(wsm_runtime_drain(host.runtime), WSM_OK);
	ask(host.port, health, answer, sizeof(answer));
	assert_non_null(strstr(answer, "HTTP/1.1 503 Service Unavailable\r\n"));
	assert_non_null(strstr(answer, "\r\n\r\n{\"status\":\"draining\"}"));
	ask(host.port, live, answer, sizeof(answer)); /* who restarts processes has no reason to */
	assert_non_null(strstr(answer, "HTTP/1.1 200 OK\r\n"));
	for (int i = 0; i < 5; i++) {
		ask(host.port, upgrade, answer, sizeof(answer));
		assert_non_null(strstr(answer, "HTTP/1.1 503 Service Unavailable\r\n"));
		assert_int_equal(sscanf(strstr(answer, "Retry-After: "), "Retry-After: %u", &seconds), 1);
		assert_in_range(seconds, 1, 6);
	}
	assert_int_equal(wsm_bridge_open(host.runtime, &request, NULL, &conn, &status, NULL), WSM_EREFUSED);
	assert_int_equal(status, 503);
	assert_int_equal(host_stat(&host, "refused_draining"), 5);
	json_decref(host_ask(&host, WSM_QUERY_BANS, NULL)); /* which is no offence */
	host_send(&host, "@all", "still", "{}");
	json_decref(of_type(visitor_next(&there), "still"));
	visitor_leave(&there);
	host_close(&host);
}

/* The old process stops, the new one is there already. */
static void two_may_listen_on_one_port_where_that_is_switched_on(void **state)
{
	struct host old, new, third;
	struct visitor visitor;
	wsm_error error;
	char port[8];

	(void)state;
	host_make(&old, "port", "0", "host", "127.0.0.1", "reuse_port", "true", NULL);
	host_start(&old);
	snprintf(port, sizeof(port), "%u", old.port);
	host_make(&third, "port", port, "host", "127.0.0.1", NULL);
	assert_int_equal(wsm_runtime_start(third.runtime, &error), WSM_EADDRINUSE);
	host_close(&third);
	host_make(&new, "port", port, "host", "127.0.0.1", "reuse_port", "true", NULL);
	host_start(&new);
	host_close(&old);
	for (int i = 0; i < 5; i++) {
		visitor_open(&visitor, new.port, "/ws");
		visitor_leave(&visitor);
	}
	host_close(&new);
}

/* ---- one connection, while others stay -------------------------------------------------------------------------------- */

static uint64_t number_of(struct host *host)
{
	wsm_event *event = host_event(host, WSM_EVENT_CONNECT);
	uint64_t number = event->conn;

	wsm_event_free(event);
	return number;
}

static void a_connection_is_sent_away_and_others_stay(void **state)
{
	struct host host;
	struct visitor going, staying;
	uint64_t number;

	(void)state;
	host_make(&host, "port", "0", NULL);
	wsm_want(host.runtime, WSM_WANT_CONNECT);
	host_start(&host);
	visitor_open(&going, host.port, "/ws");
	number = number_of(&host);
	visitor_open(&staying, host.port, "/ws");
	assert_int_equal(wsm_conn_drain(host.runtime, number), WSM_OK);
	assert_int_equal(wsm_conn_drain(host.runtime, number), WSM_OK);
	assert_int_equal(wsm_conn_drain(host.runtime, 999999), WSM_OK);
	json_decref(visitor_await(&going, "server_draining"));
	assert_int_equal(visitor_end(&going), 1001);
	hint_of(going.reason);
	visitor_expect_silence(&staying);
	assert_int_equal(host_stat(&host, "drained_connections"), 1);
	assert_int_equal(host_stat(&host, "draining"), 0); /* others may come */
	visitor_leave(&going);
	visitor_leave(&staying);
	host_close(&host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_few_go_at_once_and_thousands_in_the_time_there_is),
		cmocka_unit_test(hints_are_spread_over_a_window_that_grows_with_the_crowd),
		cmocka_unit_test(everyone_gets_1001_and_hints_are_spread_evenly),
		cmocka_unit_test(a_window_of_nothing_asks_for_no_delay),
		cmocka_unit_test(a_second_stop_cuts_the_first_short),
		cmocka_unit_test(a_runtime_that_starts_again_drains_no_more),
		cmocka_unit_test(a_drained_runtime_refuses_upgrades_and_keeps_its_clients),
		cmocka_unit_test(two_may_listen_on_one_port_where_that_is_switched_on),
		cmocka_unit_test(a_connection_is_sent_away_and_others_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
