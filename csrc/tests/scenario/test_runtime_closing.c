/* The closing handshake of RFC 6455, from both sides. */
#include "raw.h"

#include <sys/socket.h>
#include <unistd.h>

static struct host host;
static int fd;
static struct raw_frame frame;

static int open_both(void **state)
{
	(void)state;
	host_make(&host, "port", "0", "rate", "0", "close_timeout", "1", NULL);
	wsm_want(host.runtime, WSM_WANT_DISCONNECT);
	host_start(&host);
	fd = raw_open(host.port, "/ws");
	raw_await(fd, WSC_TEXT, &frame); /* the greeting */
	return 0;
}

static int close_both(void **state)
{
	(void)state;
	close(fd);
	host_close(&host);
	return 0;
}

/* How the connection ended, as the host was told. */
static void expect_disconnect(unsigned code)
{
	wsm_event *event = host_event(&host, WSM_EVENT_DISCONNECT);

	assert_int_equal(event->code, code);
	wsm_event_free(event);
}

/* What the server finds wrong by itself ends the stream too: no message after the Close frame. */
static void nothing_comes_after_a_close_frame(void **state)
{
	char byte;

	(void)state;
	raw_frame(fd, true, WSC_TEXT, "\xff", 1);
	for (unsigned n = 1; n <= 200; n++)
		host_send_run(&host, "@all", n, n);
	while (raw_next(fd, &frame) && frame.opcode != WSC_CLOSE)
		;
	assert_int_equal(frame.opcode, WSC_CLOSE);
	host_send_run(&host, "@all", 201, 220);
	raw_frame(fd, true, WSC_CLOSE, "\x03\xef", 2);
	assert_false(raw_read(fd, &byte, 1));
}

static void the_close_of_the_client_is_answered_with_its_code(void **state)
{
	(void)state;
	raw_frame(fd, true, WSC_CLOSE, "\x0f\xa0why", 5); /* 4000 */
	raw_await(fd, WSC_CLOSE, &frame);
	assert_memory_equal(frame.data, "\x0f\xa0", 2);
	assert_true(raw_ended(fd));
	expect_disconnect(4000);
}

static void a_close_without_a_code_is_1005(void **state)
{
	(void)state;
	raw_frame(fd, true, WSC_CLOSE, "", 0);
	raw_await(fd, WSC_CLOSE, &frame);
	assert_int_equal(frame.len, 0);
	assert_true(raw_ended(fd));
	expect_disconnect(1005);
}

static void close_frames_that_break_the_protocol(void **state)
{
	static const char *const bad[] = { "\x03",     "\x00\x00", "\x03\xec", "\x03\xed",
	                                   "\x03\xee", "\x03\xf7", "\x0b\xb7", "\xff\xff" };
	static const size_t lens[] = { 1, 2, 2, 2, 2, 2, 2, 2 };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int code;

		raw_frame(fd, true, WSC_CLOSE, bad[i], lens[i]);
		code = raw_close_code(fd);
		if (code != 1002)
			give_up("close frame %zu: answered with %d", i, code);
		close(fd);
		fd = raw_open(host.port, "/ws");
	}
}

static void a_client_that_vanishes_is_1006(void **state)
{
	struct linger hard = { .l_onoff = 1 };

	(void)state;
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	close(fd);
	expect_disconnect(1006);
	fd = raw_open(host.port, "/ws");
	shutdown(fd, SHUT_WR);
	expect_disconnect(1006);
	raw_drain(fd);
}

static void what_was_sent_before_a_close_is_carried_out(void **state)
{
	uint8_t bytes[256];
	size_t len = raw_put_frame(bytes, 0, true, WSC_TEXT, "ping", 4);

	(void)state;
	len = raw_put_frame(bytes, len, true, WSC_CLOSE, "\x03\xe8", 2);
	len = raw_put_frame(bytes, len, true, WSC_TEXT, "ping", 4); /* and this is not */
	raw_send(fd, bytes, len);
	expect_disconnect(1000);
	assert_int_equal(host_stat(&host, "total_messages_received"), 1);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, open_both, close_both)
	const struct CMUnitTest tests[] = {
		CASE(nothing_comes_after_a_close_frame), CASE(the_close_of_the_client_is_answered_with_its_code),
		CASE(a_close_without_a_code_is_1005),    CASE(close_frames_that_break_the_protocol),
		CASE(a_client_that_vanishes_is_1006),    CASE(what_was_sent_before_a_close_is_carried_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
