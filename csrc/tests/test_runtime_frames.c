/* RFC 6455 on an open connection: fragments, control frames, UTF-8, and the closing handshake from both sides. */
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

static void expect_pong_message(void)
{
	do
		raw_await(fd, WSC_TEXT, &frame);
	while (strstr(frame.data, "\"heartbeat\""));
	if (!strstr(frame.data, "\"pong\""))
		give_up("no pong: %s", frame.data);
}

/* How the connection ended, as the host was told. */
static void expect_disconnect(unsigned code)
{
	wsm_event *event = host_event(&host, WSM_EVENT_DISCONNECT);

	assert_int_equal(event->code, code);
	wsm_event_free(event);
}

static void empty_messages(void **state)
{
	(void)state;
	raw_frame(fd, true, WSC_TEXT, "", 0);
	raw_await(fd, WSC_TEXT, &frame);
	assert_non_null(strstr(frame.data, "bad_json"));
	raw_frame(fd, false, WSC_TEXT, "", 0);
	raw_frame(fd, true, WSC_CONTINUATION, "", 0);
	raw_await(fd, WSC_TEXT, &frame);
	assert_non_null(strstr(frame.data, "bad_json"));
	raw_frame(fd, false, WSC_TEXT, "", 0);
	raw_frame(fd, false, WSC_CONTINUATION, "ping", 4);
	raw_frame(fd, true, WSC_CONTINUATION, "", 0);
	expect_pong_message();
}

static void messages_of_every_length_encoding(void **state)
{
	static const size_t sizes[] = { 16, 125, 126, 127, 511, 512, 513, 1024, 4096, 65535, 65536 };
	char *text = malloc(65536);

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		memset(text, ' ', sizes[i]);
		memcpy(text, "{\"action\":\"ping\"", 16);
		text[sizes[i] - 1] = '}';
		if (sizes[i] == 16)
			memcpy(text, "{\"action\":\"ab\" }", 16);
		raw_frame(fd, true, WSC_TEXT, text, sizes[i]);
		raw_await(fd, WSC_TEXT, &frame);
		assert_non_null(strstr(frame.data, sizes[i] == 16 ? "unknown_action" : "\"pong\""));
	}
	free(text);
}

static void control_frames_between_fragments(void **state)
{
	(void)state;
	raw_frame(fd, false, WSC_TEXT, "pi", 2);
	raw_frame(fd, true, WSC_PING, "between", 7);
	raw_await(fd, WSC_PONG, &frame);
	assert_string_equal(frame.data, "between");
	raw_frame(fd, true, WSC_CONTINUATION, "ng", 2);
	expect_pong_message();
}

static void pings_come_back_with_their_payload(void **state)
{
	char payload[125];

	(void)state;
	for (size_t len = 0; len <= 125; len += 25) {
		memset(payload, 'a' + (int)len / 25, len);
		raw_frame(fd, true, WSC_PING, payload, len);
		raw_await(fd, WSC_PONG, &frame);
		assert_int_equal(frame.len, len);
		assert_memory_equal(frame.data, payload, len);
	}
	raw_frame(fd, true, WSC_PONG, "unasked", 7); /* section 5.5.3: no answer */
	raw_frame(fd, true, WSC_TEXT, "ping", 4);
	raw_await(fd, WSC_TEXT, &frame);
	assert_non_null(strstr(frame.data, "\"pong\""));
}

static void one_byte_at_a_time(void **state)
{
	uint8_t bytes[64];
	size_t len = raw_put_frame(bytes, 0, true, WSC_TEXT, "ping", 4);

	(void)state;
	for (size_t i = 0; i < len; i++)
		raw_send(fd, bytes + i, 1);
	expect_pong_message();
}

static void many_messages_in_one_segment(void **state)
{
	uint8_t bytes[20000];
	size_t len = 0;

	(void)state;
	for (int i = 0; i < 1000; i++)
		len = raw_put_frame(bytes, len, true, WSC_TEXT, "ping", 4);
	raw_send(fd, bytes, len);
	for (int i = 0; i < 1000; i++)
		expect_pong_message();
}

static void utf8_split_between_fragments(void **state)
{
	(void)state;
	raw_frame(fd, false, WSC_TEXT, "{\"action\":\"ping\",\"id\":\"\xe2\x82", 25);
	raw_frame(fd, true, WSC_CONTINUATION, "\xac\"}", 3);
	expect_pong_message();
	assert_non_null(strstr(frame.data, "\xe2\x82\xac"));
}

static void closes_with(unsigned code)
{
	assert_int_equal(raw_close_code(fd), code);
	raw_frame(fd, true, WSC_CLOSE, "\x03\xe8", 2);
	raw_drain(fd);
	expect_disconnect(code);
}

static void bad_utf8_closes_with_1007(void **state)
{
	(void)state;
	raw_frame(fd, true, WSC_TEXT, "\xc3\x28", 2);
	closes_with(1007);
}

static void bad_utf8_over_fragments_closes_with_1007(void **state)
{
	(void)state;
	raw_frame(fd, false, WSC_TEXT, "\xe2\x82", 2);
	raw_frame(fd, true, WSC_CONTINUATION, "x", 1);
	closes_with(1007);
}

static void utf8_cut_off_at_the_end_closes_with_1007(void **state)
{
	(void)state;
	raw_frame(fd, false, WSC_TEXT, "abc", 3);
	raw_frame(fd, true, WSC_CONTINUATION, "\xe2\x82", 2);
	closes_with(1007);
}

static void utf8_cut_off_before_an_empty_fragment_closes_with_1007(void **state)
{
	(void)state;
	wsm_want(host.runtime, WSM_WANT_MESSAGE | WSM_WANT_DISCONNECT);
	raw_frame(fd, false, WSC_TEXT, "abc\xe2\x82", 5);
	raw_frame(fd, true, WSC_CONTINUATION, "", 0);
	closes_with(1007);
	assert_null(host_event_now(&host, WSM_EVENT_MESSAGE));
}

static void binary_without_a_handler_closes_with_1003(void **state)
{
	(void)state;
	raw_frame(fd, true, WSC_BINARY, "\x00\xff", 2);
	closes_with(1003);
}

static void reserved_bits_close_with_1002(void **state)
{
	uint8_t bytes[16];
	size_t len = raw_put_frame(bytes, 0, true, WSC_TEXT, "ping", 4);
	wsm_event *event;

	(void)state;
	bytes[0] |= 0x40;
	raw_send(fd, bytes, len);
	assert_int_equal(raw_close_code(fd), 1002);
	/* What the host is told may be what libwebsockets thought of the rest of that frame. */
	event = host_event(&host, WSM_EVENT_DISCONNECT);
	assert_in_range(event->code, 1002, 1007);
	wsm_event_free(event);
}

static void frames_that_break_the_protocol(void **state)
{
	struct bad {
		bool fin;
		unsigned opcode;
		size_t len;
	};
	static const struct bad bad[] = {
		{ true, 3, 1 }, /* reserved opcodes */
		{ true, 11, 1 },
		{ false, WSC_PING, 1 },        /* a fragmented control frame */
		{ true, WSC_CONTINUATION, 1 }, /* a continuation of nothing */
	};
	char payload[126] = "";

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int code;

		raw_frame(fd, bad[i].fin, bad[i].opcode, payload, bad[i].len);
		code = raw_close_code(fd);
		if (code != 1002)
			give_up("case %zu: %d", i, code);
		close(fd);
		fd = raw_open(host.port, "/ws");
	}
}

/* libwebsockets hangs up on these without a Close frame, as section 7.1.7 allows. */
static void control_frames_that_are_wrong_inside_end_the_connection(void **state)
{
	char payload[126] = "";

	(void)state;
	raw_frame(fd, true, WSC_PING, payload, 126);
	raw_drain(fd);
	close(fd);
	fd = raw_open(host.port, "/ws");
	raw_frame(fd, true, WSC_CLOSE, "\x03\xe8\xff", 3);
	raw_drain(fd);
}

static void a_new_message_inside_a_fragmented_one_closes_with_1002(void **state)
{
	(void)state;
	raw_frame(fd, false, WSC_TEXT, "a", 1);
	raw_frame(fd, true, WSC_TEXT, "ping", 4);
	closes_with(1002);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, open_both, close_both)
	const struct CMUnitTest tests[] = {
		CASE(empty_messages),
		CASE(messages_of_every_length_encoding),
		CASE(control_frames_between_fragments),
		CASE(pings_come_back_with_their_payload),
		CASE(one_byte_at_a_time),
		CASE(many_messages_in_one_segment),
		CASE(utf8_split_between_fragments),
		CASE(bad_utf8_closes_with_1007),
		CASE(bad_utf8_over_fragments_closes_with_1007),
		CASE(utf8_cut_off_at_the_end_closes_with_1007),
		CASE(utf8_cut_off_before_an_empty_fragment_closes_with_1007),
		CASE(binary_without_a_handler_closes_with_1003),
		CASE(reserved_bits_close_with_1002),
		CASE(frames_that_break_the_protocol),
		CASE(control_frames_that_are_wrong_inside_end_the_connection),
		CASE(a_new_message_inside_a_fragmented_one_closes_with_1002),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
