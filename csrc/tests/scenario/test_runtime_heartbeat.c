/* Heartbeats, and what becomes of clients that are heard no more. Intervals are short; each test waits for the event. */
#include "raw.h"

#include <unistd.h>

static void each_endpoint_has_its_heartbeat(void **state)
{
	struct host host;
	struct visitor ws, updates;
	json_t *beat;

	(void)state;
	host_open(&host, "heartbeat_interval", "0.1", NULL);
	visitor_open(&ws, host.port, "/ws");
	visitor_open(&updates, host.port, "/ws/updates");
	for (int i = 0; i < 3; i++) {
		beat = of_type(visitor_next(&ws), "heartbeat");
		assert_int_equal(strlen(text_at(beat, "timestamp")), 24);
		json_decref(beat);
		json_decref(of_type(visitor_next(&updates), "ping"));
	}
	assert_true(ws.ws.pings >= 3);
	visitor_leave(&ws);
	visitor_leave(&updates);
	host_close(&host);
}

static void who_answers_pings_stays(void **state)
{
	struct host host;
	struct visitor visitor;
	uint64_t begin;

	(void)state;
	host_open(&host, "heartbeat_interval", "0.1", "timeout", "2", NULL);
	visitor_open(&visitor, host.port, "/ws");
	begin = now_ms();
	while (now_ms() - begin < 5000) /* several time-outs long */
		json_decref(of_type(visitor_next(&visitor), "heartbeat"));
	visitor_expect_silence(&visitor);
	assert_int_equal(host_stat(&host, "timeouts"), 0);
	visitor_leave(&visitor);
	host_close(&host);
}

static void who_is_silent_is_closed_with_4408(void **state)
{
	struct host host;
	wsm_event *gone;
	int fd;

	(void)state;
	host_make(&host, "port", "0", "heartbeat_interval", "0.1", "timeout", "0.3", NULL);
	wsm_want(host.runtime, WSM_WANT_DISCONNECT);
	host_start(&host);
	fd = raw_open(host.port, "/ws");
	assert_int_equal(raw_close_code(fd), 4408);
	raw_frame(fd, true, WSC_CLOSE, "\x11\x38", 2);
	raw_drain(fd);
	gone = host_event(&host, WSM_EVENT_DISCONNECT);
	assert_int_equal(gone->code, 4408);
	wsm_event_free(gone);
	assert_int_equal(host_stat(&host, "timeouts"), 1);
	close(fd);
	host_close(&host);
}

/* A dead peer answers neither ping nor close frame: its end must not depend on it. */
static void who_does_not_answer_the_close_frame_is_cut_off(void **state)
{
	struct host host;
	int fd;

	(void)state;
	host_open(&host, "heartbeat_interval", "0.1", "timeout", "0.2", "close_timeout", "0.2", NULL);
	fd = raw_open(host.port, "/ws");
	assert_int_equal(raw_close_code(fd), 4408);
	raw_drain(fd);
	close(fd);
	host_close(&host);
}

static void any_message_is_a_sign_of_life(void **state)
{
	struct host host;
	struct raw_frame frame;
	uint64_t begin;
	int fd;

	(void)state;
	host_open(&host, "heartbeat_interval", "0.1", "timeout", "0.5", "rate", "0", NULL);
	fd = raw_open(host.port, "/ws");
	begin = now_ms();
	while (now_ms() - begin < 1500) { /* no pong ever, but a message per heartbeat */
		raw_await(fd, WSC_PING, &frame);
		raw_frame(fd, true, WSC_TEXT, "ping", 4);
	}
	assert_int_equal(host_stat(&host, "timeouts"), 0);
	close(fd);
	host_close(&host);
}

/* Nothing else happens on the server that would make anybody look at a clock. */
static void who_never_says_a_word_does_not_last(void **state)
{
	struct host host;
	int fd;

	(void)state;
	host_open(&host, "handshake_timeout", "0.3", NULL);
	fd = raw_connect(host.port);
	assert_true(raw_ended(fd));
	close(fd);
	assert_int_equal(host_stat(&host, "handshake_timeouts"), 1);
	host_close(&host);
}

static void an_unanswered_handshake_does_not_last(void **state)
{
	struct host host;
	int fd, silent;
	struct raw_answer answer;

	(void)state;
	host_open(&host, "handshake_timeout", "0.3", NULL);
	fd = raw_connect(host.port);
	silent = raw_connect(host.port);
	raw_say(fd, "GET /ws HTTP/1.1\r\nHost: x\r\n");
	raw_answer(fd, &answer, false);
	assert_int_equal(answer.status, 408);
	raw_answer_free(&answer);
	assert_true(raw_ended(fd));
	assert_true(raw_ended(silent));
	close(fd);
	close(silent);
	/* One that was served is only kept for a while. */
	fd = raw_connect(host.port);
	raw_say(fd, "GET /api/ws/nothing HTTP/1.1\r\nHost: x\r\n\r\n");
	raw_answer(fd, &answer, false);
	assert_int_equal(answer.status, 404);
	raw_answer_free(&answer);
	assert_true(raw_ended(fd));
	close(fd);
	assert_int_equal(host_stat(&host, "handshake_timeouts"), 2);
	host_close(&host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_endpoint_has_its_heartbeat),
		cmocka_unit_test(who_answers_pings_stays),
		cmocka_unit_test(who_is_silent_is_closed_with_4408),
		cmocka_unit_test(who_does_not_answer_the_close_frame_is_cut_off),
		cmocka_unit_test(any_message_is_a_sign_of_life),
		cmocka_unit_test(who_never_says_a_word_does_not_last),
		cmocka_unit_test(an_unanswered_handshake_does_not_last),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
