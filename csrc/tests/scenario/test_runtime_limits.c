/* Bounds: what is refused, closed or put off when somebody wants too much. */
#include "raw.h"

#include <sys/socket.h>
#include <unistd.h>

static void connections_per_server(void **state)
{
	struct host host;
	struct visitor first, second, third;

	(void)state;
	host_open(&host, "max_connections", "2", NULL);
	visitor_open(&first, host.port, "/ws");
	visitor_open(&second, host.port, "/ws");
	for (int i = 0; i < 5; i++) { /* who was refused takes nobody's place */
		visitor_try(&third, host.port, "/ws", NULL);
		assert_int_equal(visitor_end(&third), 1013);
		visitor_leave(&third);
	}
	visitor_leave(&first);
	host_stat_falls(&host, "active_connections", 1);
	visitor_open(&third, host.port, "/ws");
	visitor_leave(&second);
	visitor_leave(&third);
	assert_int_equal(host_stat(&host, "refused_connections"), 5);
	host_close(&host);
}

/* Who is refused and does not answer the close frame must not keep others out. */
static void refused_connections_take_no_place(void **state)
{
	struct host host;
	struct visitor visitor;
	char request[512];
	int held, refused[5];

	(void)state;
	host_open(&host, "max_connections", "1", NULL);
	held = raw_open(host.port, "/ws");
	for (int i = 0; i < 5; i++) {
		refused[i] = raw_connect(host.port);
		raw_say(refused[i], raw_upgrade(request, sizeof(request), "/ws", NULL));
		raw_head(refused[i], request, sizeof(request));
		assert_int_equal(raw_close_code(refused[i]), 1013);
	}
	raw_frame(held, true, WSC_CLOSE, "\x03\xe8", 2);
	raw_drain(held);
	close(held);
	visitor_open(&visitor, host.port, "/ws");
	visitor_leave(&visitor);
	for (int i = 0; i < 5; i++)
		close(refused[i]);
	host_close(&host);
}

static void connections_per_address(void **state)
{
	struct host host;
	struct visitor first, second, elsewhere;
	int here;

	(void)state;
	host_open(&host, "max_connections_per_ip", "1", NULL);
	visitor_open(&first, host.port, "/ws"); /* 127.0.0.2 */
	visitor_try(&second, host.port, "/ws", NULL);
	assert_int_equal(visitor_end(&second), 1013);
	assert_non_null(strstr(second.reason, "address"));
	visitor_leave(&second);
	here = raw_open(host.port, "/ws"); /* 127.0.0.1 */
	close(here);
	visitor_leave(&first);
	host_stat_falls(&host, "active_connections", 0);
	visitor_open(&elsewhere, host.port, "/ws");
	visitor_leave(&elsewhere);
	host_close(&host);
}

static void messages_over_the_limit_close_with_1009(void **state)
{
	struct host host;
	struct visitor visitor;
	char text[1100];

	(void)state;
	host_open(&host, "max_message_size", "1000", NULL);
	wsm_want(host.runtime, WSM_WANT_LOG);
	memset(text, ' ', sizeof(text));
	memcpy(text, "{\"action\":\"ping\"}", 17);
	visitor_open(&visitor, host.port, "/ws");
	wsc_send(&visitor.ws, WSC_TEXT, text, 1000);
	json_decref(of_type(visitor_next(&visitor), "pong"));
	wsc_send(&visitor.ws, WSC_TEXT, text, 1001);
	assert_int_equal(visitor_end(&visitor), 1009);
	wsm_event_free(host_line(&host, "refused: a message of a client, closed with 1009: it is larger than option "
	                                "max_message_size (1000 bytes)"));
	assert_int_equal(host_stat(&host, "limits_broken.max_message_size"), 1);
	visitor_leave(&visitor);
	host_close(&host);
}

static void fragments_count_together(void **state)
{
	struct host host;
	char text[600];
	int fd;

	(void)state;
	host_open(&host, "max_message_size", "1000", NULL);
	memset(text, ' ', sizeof(text));
	fd = raw_open(host.port, "/ws");
	raw_frame(fd, false, WSC_TEXT, text, 600);
	raw_frame(fd, false, WSC_CONTINUATION, text, 401);
	assert_int_equal(raw_close_code(fd), 1009);
	close(fd);
	host_close(&host);
}

static void a_frame_that_declares_2_to_the_40_bytes_closes_with_1009(void **state)
{
	struct host host;
	uint8_t head[14] = { 0x81, 0xff, 0, 0, 1, 0, 0, 0, 0, 0, 1, 2, 3, 4 };
	char *bytes = calloc(1, 100000);
	int fd;

	(void)state;
	host_open(&host, NULL);
	fd = raw_open(host.port, "/ws");
	raw_send(fd, head, sizeof(head));
	raw_try_send(fd, bytes, 100000);
	assert_int_equal(raw_close_code(fd), 1009);
	close(fd);
	host_close(&host);
	free(bytes);
}

static void endless_fragments(unsigned len)
{
	struct host host;
	uint8_t bytes[4096];
	size_t at = 0;
	int fd;

	host_open(&host, "max_fragments", "50", NULL);
	fd = raw_open(host.port, "/ws");
	at = raw_put_frame(bytes, at, false, WSC_TEXT, "x", len);
	for (int i = 0; i < 200; i++)
		at = raw_put_frame(bytes, at, false, WSC_CONTINUATION, "x", len);
	raw_try_send(fd, bytes, at);
	assert_int_equal(raw_close_code(fd), 1008);
	close(fd);
	host_close(&host);
}

static void one_byte_fragments_close_with_1008(void **state)
{
	(void)state;
	endless_fragments(1);
}

static void empty_fragments_close_with_1008(void **state)
{
	(void)state;
	endless_fragments(0);
}

static void as_many_fragments_as_allowed_are_one_message(void **state)
{
	struct host host;
	struct raw_frame frame;
	int fd;

	(void)state;
	host_open(&host, "max_fragments", "4", NULL);
	fd = raw_open(host.port, "/ws");
	raw_await(fd, WSC_TEXT, &frame);
	for (int i = 0; i < 3; i++) { /* the count begins anew with each message */
		raw_frame(fd, false, WSC_TEXT, "p", 1);
		raw_frame(fd, false, WSC_CONTINUATION, "i", 1);
		raw_frame(fd, false, WSC_CONTINUATION, "n", 1);
		raw_frame(fd, true, WSC_CONTINUATION, "g", 1);
		raw_await(fd, WSC_TEXT, &frame);
		assert_non_null(strstr(frame.data, "\"pong\""));
	}
	close(fd);
	host_close(&host);
}

static void a_slow_consumer_without_history_is_closed_with_4413(void **state)
{
	struct host host;
	struct visitor visitor;
	wsm_publication big = { .target = WSM_TO_ALL, .flags = WSM_PUBLISH_NO_HISTORY };
	wsm_event *gone;
	uint64_t begin;
	char *fill = malloc(300001);

	(void)state;
	memset(fill, 'x', 300000);
	fill[300000] = '\0';
	/* No heartbeat is due that would look at it. */
	host_make(&host, "port", "0", "close_timeout", "0.3", "heartbeat_interval", "3600", "timeout", "7200", NULL);
	wsm_want(host.runtime, WSM_WANT_DISCONNECT);
	host_start(&host);
	visitor_open(&visitor, host.port, "/ws");
	while (host_stat(&host, "slow_consumers") == 0)
		host_publish(&host, &big, fill);
	begin = now_ms();
	gone = host_event(&host, WSM_EVENT_DISCONNECT); /* although it does not read */
	assert_in_range(now_ms() - begin, 0, 15000);    /* by close_timeout, not by any other */
	assert_int_equal(gone->code, 4413);
	wsm_event_free(gone);
	assert_int_equal(host_stat(&host, "active_connections"), 0);
	visitor_vanish(&visitor);
	host_close(&host);
	free(fill);
}

static void a_slow_consumer_that_reads_again_sees_4413(void **state)
{
	struct host host;
	struct visitor visitor;
	wsm_publication big = { .target = WSM_TO_ALL, .flags = WSM_PUBLISH_NO_HISTORY };
	char *fill = malloc(300001);

	(void)state;
	memset(fill, 'x', 300000);
	fill[300000] = '\0';
	host_open(&host, "close_timeout", "20", NULL);
	visitor_open(&visitor, host.port, "/ws");
	while (host_stat(&host, "slow_consumers") == 0)
		host_publish(&host, &big, fill);
	assert_int_equal(visitor_end(&visitor), 4413);
	visitor_leave(&visitor);
	host_close(&host);
	free(fill);
}

/* With history it lags instead, and catches up without a gap. */
static void a_slow_consumer_with_history_lags(void **state)
{
	struct host host;
	struct visitor visitor;
	json_t *message;
	char *fill = malloc(300101);
	int n = 0;

	(void)state;
	host_open(&host, "history_size", "10000", "history_bytes", "1000000000", NULL);
	visitor_open(&visitor, host.port, "/ws");
	while (host_stat(&host, "lags") == 0 || n < 60) {
		snprintf(fill, 300101, "{\"n\":%d,\"pad\":\"%0300000d\"}", ++n, 0);
		host_send(&host, "@all", "n", fill);
	}
	for (int i = 1; i <= n; i++) {
		message = of_type(visitor_next(&visitor), "n");
		assert_int_equal(number_at(message, "offset"), i);
		assert_int_equal(number_at(message, "data.n"), i);
		json_decref(message);
	}
	visitor_expect_silence(&visitor);
	assert_int_equal(host_stat(&host, "lagging_connections"), 0);
	assert_int_equal(host_stat(&host, "slow_consumers"), 0);
	visitor_leave(&visitor);
	host_close(&host);
	free(fill);
}

/* History that no longer reaches back is a gap that shows. */
static void a_lag_beyond_history_is_told_as_a_gap(void **state)
{
	struct host host;
	struct visitor visitor;
	json_t *message;
	char *fill = malloc(300101);
	long long last = 0, missed = 0;
	int n = 0;

	(void)state;
	host_open(&host, "history_size", "4", NULL);
	visitor_open(&visitor, host.port, "/ws");
	for (int after = 0; after < 20; after += host_stat(&host, "lags") > 0) {
		snprintf(fill, 300101, "{\"n\":%d,\"pad\":\"%0300000d\"}", ++n, 0);
		host_send(&host, "@all", "n", fill);
	}
	while (last < n) {
		message = visitor_next(&visitor);
		if (!strcmp(text_at(message, "type"), "gap")) {
			assert_string_equal(text_at(message, "data.room"), "@all");
			missed += number_at(message, "data.missed");
			last = number_at(message, "data.offset");
		} else {
			assert_int_equal(number_at(message, "offset"), ++last);
		}
		json_decref(message);
	}
	assert_true(missed > 0);
	visitor_leave(&visitor);
	host_close(&host);
	free(fill);
}

static void the_rate_of_messages(void **state)
{
	struct host host;
	struct visitor visitor;
	json_t *message;
	int limited = 0;

	(void)state;
	host_open(&host, "rate", "5", NULL);
	visitor_open(&visitor, host.port, "/ws");
	for (int i = 0; i < 10; i++) /* the burst */
		visitor_say(&visitor, "ping");
	for (int i = 0; i < 10; i++)
		json_decref(of_type(visitor_next(&visitor), "pong"));
	while (!limited) {
		visitor_say(&visitor, "ping");
		message = visitor_next(&visitor);
		limited = !strcmp(text_at(message, "data.code"), "rate_limited");
		json_decref(message);
	}
	for (int i = 0; i < 100; i++)
		visitor_say(&visitor, "ping");
	assert_int_equal(visitor_end(&visitor), 4429);
	visitor_leave(&visitor);
	assert_true(host_stat(&host, "rate_limited") > 0);
	host_close(&host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(connections_per_server),
		cmocka_unit_test(refused_connections_take_no_place),
		cmocka_unit_test(connections_per_address),
		cmocka_unit_test(messages_over_the_limit_close_with_1009),
		cmocka_unit_test(fragments_count_together),
		cmocka_unit_test(a_frame_that_declares_2_to_the_40_bytes_closes_with_1009),
		cmocka_unit_test(one_byte_fragments_close_with_1008),
		cmocka_unit_test(empty_fragments_close_with_1008),
		cmocka_unit_test(as_many_fragments_as_allowed_are_one_message),
		cmocka_unit_test(a_slow_consumer_without_history_is_closed_with_4413),
		cmocka_unit_test(a_slow_consumer_that_reads_again_sees_4413),
		cmocka_unit_test(a_slow_consumer_with_history_lags),
		cmocka_unit_test(a_lag_beyond_history_is_told_as_a_gap),
		cmocka_unit_test(the_rate_of_messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
