/* RFC 6455 on an open connection: fragments, control frames, UTF-8, and the closing handshake from both sides. */
#include "raw.h"

#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static struct host host;
static int fd;
static struct raw_frame frame;

static int open_both(void **state)
{
	(void)state;
	host_make(&host, "port", "0", "rate", "0", "byte_rate", "0", "close_timeout", "100", NULL);
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

	(void)state;
	bytes[0] |= 0x40;
	raw_send(fd, bytes, len);
	assert_int_equal(raw_close_code(fd), 1002);
	assert_true(raw_ended(fd));
	expect_disconnect(1002);
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

static void control_frames_that_are_wrong_inside(void **state)
{
	char payload[126] = "";

	(void)state;
	raw_frame(fd, true, WSC_PING, payload, 126);
	assert_int_equal(raw_close_code(fd), 1002);
	assert_true(raw_ended(fd));
	expect_disconnect(1002);
	close(fd);
	fd = raw_open(host.port, "/ws");
	raw_frame(fd, true, WSC_CLOSE, "\x03\xe8\xff", 3);
	assert_int_equal(raw_close_code(fd), 1007);
	assert_true(raw_ended(fd));
	expect_disconnect(1007);
}

static void a_frame_that_is_not_masked_closes_with_1002(void **state)
{
	(void)state;
	raw_send(fd, "\x81\x04ping", 6);
	assert_int_equal(raw_close_code(fd), 1002);
	assert_true(raw_ended(fd));
	expect_disconnect(1002);
	assert_int_equal(host_stat(&host, "total_messages_received"), 0);
}

/* Wrong from the first byte on: neither the rest of the frame nor an answer to the Close frame is waited for. */
static void invalid_utf8_is_refused_before_the_message_is_complete(void **state)
{
	uint8_t bytes[128];

	(void)state;
	raw_put_frame(bytes, 0, true, WSC_TEXT, "\xff and a rest that never comes, for which nobody waits", 54);
	raw_send(fd, bytes, 7);
	assert_int_equal(raw_close_code(fd), 1007);
	assert_true(raw_ended(fd));
	expect_disconnect(1007);
}

/* A close with input left unread would be a reset, which can overtake the Close frame: the server goes on reading for a while. */
static void a_client_that_is_still_sending_is_not_reset(void **state)
{
	char *text = calloc(1, 4000000), byte;

	(void)state;
	raw_send(fd, "\x81\x04ping", 6);
	raw_try_send(fd, text, 4000000);
	assert_int_equal(raw_close_code(fd), 1002);
	raw_send(fd, text, 100000);
	assert_int_equal(recv(fd, &byte, 1, 0), 0); /* an orderly end, not ECONNRESET */
	raw_send(fd, text, 100000);
	free(text);
}

/* Each of them, in order (section 5.5.3 would allow to answer the newest only). */
static void every_ping_is_answered(void **state)
{
	uint8_t bytes[20000];
	char text[16];
	size_t len = 0;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "%d", i);
		len = raw_put_frame(bytes, len, true, WSC_PING, text, strlen(text));
	}
	len = raw_put_frame(bytes, len, true, WSC_PONG, "", 0);
	raw_send(fd, bytes, len);
	for (int i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "%d", i);
		raw_await(fd, WSC_PONG, &frame);
		assert_string_equal(frame.data, text);
	}
}

static uint64_t cpu_ms(void)
{
	struct timespec used;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	return (uint64_t)used.tv_sec * 1000 + (uint64_t)used.tv_nsec / 1000000;
}

/* A client that pings and never reads: it is not read either, so that its pongs take neither memory nor time. */
static void pings_of_a_client_that_does_not_read(void **state)
{
	uint8_t *bytes = malloc(1u << 20);
	char payload[125] = "";
	size_t len = 0, sent = 0;
	uint64_t before;
	ssize_t took;

	(void)state;
	while (len + 256 < 1u << 20)
		len = raw_put_frame(bytes, len, true, WSC_PING, payload, sizeof(payload));
	/* Until the server takes no more: all buffers between the two are full. */
	for (int idle = 0; idle < 20;) {
		struct timespec pause = { 0, 10000000 };

		took = send(fd, bytes + sent % len, len - sent % len, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (took > 0) {
			sent += (size_t)took;
			idle = 0;
			assert_in_range(sent, 0, 256u << 20);
			continue;
		}
		nanosleep(&pause, NULL);
		idle++;
	}
	assert_in_range(host_stat(&host, "queued_bytes"), 0, 1 << 20);
	before = cpu_ms();
	sleep(1);
	/* Input that is left alone must not wake the loop again and again. */
	assert_in_range(cpu_ms() - before, 0, 100);
	/* All that was sent whole is answered as soon as it reads. */
	for (size_t n = sent / 131; n > 1; n--)
		raw_await(fd, WSC_PONG, &frame);
	free(bytes);
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
		CASE(control_frames_that_are_wrong_inside),
		CASE(a_frame_that_is_not_masked_closes_with_1002),
		CASE(invalid_utf8_is_refused_before_the_message_is_complete),
		CASE(a_client_that_is_still_sending_is_not_reset),
		CASE(every_ping_is_answered),
		CASE(pings_of_a_client_that_does_not_read),
		CASE(a_new_message_inside_a_fragmented_one_closes_with_1002),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
