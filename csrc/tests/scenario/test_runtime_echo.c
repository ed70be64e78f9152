/* The echo endpoint for conformance tests: everything comes back, nothing else is sent, and no limit but 16 MiB holds. */
#include "raw.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#define MIB (1u << 20)

static struct host host;

static int open_host(void **state)
{
	(void)state;
	host_open(&host, "test_echo_path", "/echo", "rate", "1", "max_message_size", "125", "max_fragments", "2",
	          "max_connections", "1", "max_queue", "4096", "heartbeat_interval", "0.05", "timeout", "0.1", NULL);
	return 0;
}

static int close_host(void **state)
{
	(void)state;
	host_close(&host);
	return 0;
}

/* The head of one frame; its payload is still to be read. */
static size_t expect_head(int fd, unsigned opcode)
{
	uint8_t head[2], more[8] = { 0 };
	size_t len;

	assert_true(raw_read(fd, head, 2));
	assert_int_equal(head[0], 0x80u | opcode);
	len = head[1];
	if (len < 126)
		return len;
	assert_true(raw_read(fd, more, len == 126 ? 2 : 8));
	for (unsigned i = 0, n = len == 126 ? 2 : 8; i < n; i++)
		len = (i ? len << 8 : 0) | more[i];
	return len;
}

static void expect_message(int fd, unsigned opcode, const void *data, size_t len)
{
	char *came = malloc(len + 1);

	assert_int_equal(expect_head(fd, opcode), len);
	assert_true(raw_read(fd, came, len));
	assert_memory_equal(came, data, len);
	free(came);
}

static void the_opcode_is_kept(void **state)
{
	int fd = raw_open(host.port, "/echo"), other = raw_open(host.port, "/echo"); /* more than max_connections */

	(void)state;
	for (int i = 0; i < 100; i++) { /* more than the rate */
		raw_frame(fd, true, WSC_TEXT, "{\"action\":\"ping\"}", 17);
		raw_frame(fd, true, WSC_BINARY, "\0\xff", 2);
	}
	for (int i = 0; i < 100; i++) {
		expect_message(fd, WSC_TEXT, "{\"action\":\"ping\"}", 17);
		expect_message(fd, WSC_BINARY, "\0\xff", 2);
	}
	close(fd);
	close(other);
}

static void sizes_up_to_16_mib(void **state)
{
	static const size_t sizes[] = { 0, 1, 125, 126, 127, 65535, 65536, MIB, 16 * MIB };
	char *data = calloc(1, 16 * MIB + 1);
	int fd = raw_open(host.port, "/echo");

	(void)state;
	for (size_t i = 0; i < 16 * MIB; i++)
		data[i] = (char)(i * 7 + (i >> 8));
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		raw_frame(fd, true, WSC_BINARY, data, sizes[i]);
		expect_message(fd, WSC_BINARY, data, sizes[i]);
	}
	raw_frame(fd, true, WSC_BINARY, data, 16 * MIB + 1);
	assert_int_equal(raw_close_code(fd), 1009);
	close(fd);
	free(data);
}

static void as_many_fragments_as_one_likes(void **state)
{
	int fd = raw_open(host.port, "/echo");
	char text[5000];

	(void)state;
	memset(text, 'x', sizeof(text));
	for (size_t i = 0; i < sizeof(text); i++)
		raw_frame(fd, i + 1 == sizeof(text), i ? WSC_CONTINUATION : WSC_TEXT, text + i, 1);
	expect_message(fd, WSC_TEXT, text, sizeof(text));
	close(fd);
}

/* The server stops reading while nobody reads what it sends back, so that what it holds stays bounded; nothing is lost. */
static void a_client_that_does_not_read_is_waited_for(void **state)
{
	int fd = raw_open(host.port, "/echo");
	struct timeval brief = { .tv_usec = 300000 }, long_enough = { .tv_sec = WAIT_SECS };
	uint8_t *frame = malloc(MIB + 14);
	char *data = malloc(MIB);
	size_t len, sent = 0, messages = 0;

	(void)state;
	memset(data, 'x', MIB);
	len = raw_put_frame(frame, 0, true, WSC_BINARY, data, MIB);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &brief, sizeof(brief));
	while (sent < 64 * len) {
		ssize_t n = send(fd, frame + sent % len, len - sent % len, MSG_NOSIGNAL);

		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			break;
		assert_true(n > 0);
		sent += (size_t)n;
	}
	assert_true(sent < 64 * len);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &long_enough, sizeof(long_enough));
	for (messages = sent / len; messages; messages--)
		expect_message(fd, WSC_BINARY, data, MIB);
	if (sent % len) { /* the last is complete now */
		raw_send(fd, frame + sent % len, len - sent % len);
		expect_message(fd, WSC_BINARY, data, MIB);
	}
	raw_frame(fd, true, WSC_CLOSE, "\x03\xe8", 2);
	assert_int_equal(raw_close_code(fd), 1000);
	close(fd);
	free(frame);
	free(data);
}

/* Nor a greeting, a heartbeat or a time-out; and no Origin is foreign. */
static void nothing_else_is_sent(void **state)
{
	int fd = raw_connect(host.port);
	char text[1024], byte;
	struct timeval brief = { .tv_usec = 400000 };

	(void)state;
	raw_say(fd, raw_upgrade(text, sizeof(text), "/echo", "Origin: https://elsewhere.example\r\n"));
	raw_head(fd, text, sizeof(text));
	assert_int_equal(strncmp(text, "HTTP/1.1 101 ", 13), 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &brief, sizeof(brief)); /* eight heartbeats, four time-outs */
	assert_int_equal(recv(fd, &byte, 1, 0), -1);
	raw_frame(fd, true, WSC_TEXT, "still here", 10);
	expect_message(fd, WSC_TEXT, "still here", 10);
	close(fd);
}

static void handed_over(void **state)
{
	char request[512], answer[1024];
	int theirs, ours;
	uint64_t conn;

	(void)state;
	assert_true(wsm_endpoint_match(host.runtime, wsm__str("/echo")));
	raw_pair(&theirs, &ours);
	raw_upgrade(request, sizeof(request), "/echo", NULL);
	assert_int_equal(wsm_adopt(host.runtime, theirs, request, strlen(request), NULL, &conn, NULL), WSM_OK);
	raw_head(ours, answer, sizeof(answer));
	raw_frame(ours, true, WSC_TEXT, "hello", 5);
	expect_message(ours, WSC_TEXT, "hello", 5);
	close(ours);
}

static void off_by_default(void **state)
{
	struct host plain;
	char request[512];

	(void)state;
	host_open(&plain, "host", "127.0.0.1", NULL);
	assert_int_equal(raw_upgrade_status(plain.port, raw_upgrade(request, sizeof(request), "/echo", NULL)), 404);
	host_close(&plain);
}

static void it_is_told_in_the_log(void **state)
{
	wsm_event *event;
	struct host told;

	(void)state;
	host_make(&told, "port", "0", "test_echo_path", "/echo", NULL);
	wsm_want(told.runtime, WSM_WANT_LOG);
	host_start(&told);
	event = host_line(&told, "for tests only");
	assert_int_equal(event->level, WSM_WARNING);
	wsm_event_free(event);
	host_close(&told);
}

static void a_path_that_is_none_does_not_start(void **state)
{
	static const char *const bad[] = { "echo", "/{echo}", "/a/{b}/c" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		wsm_config *config = wsm_config_new();
		wsm_error error;

		assert_int_equal(wsm_config_set(config, "test_echo_path", bad[i], &error), WSM_OK);
		assert_null(wsm_runtime_new(config, &error));
		assert_int_equal(error.status, WSM_ECONFIG);
		wsm_config_free(config);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_opcode_is_kept, open_host, close_host),
		cmocka_unit_test_setup_teardown(sizes_up_to_16_mib, open_host, close_host),
		cmocka_unit_test_setup_teardown(as_many_fragments_as_one_likes, open_host, close_host),
		cmocka_unit_test_setup_teardown(a_client_that_does_not_read_is_waited_for, open_host, close_host),
		cmocka_unit_test_setup_teardown(nothing_else_is_sent, open_host, close_host),
		cmocka_unit_test_setup_teardown(handed_over, open_host, close_host),
		cmocka_unit_test(off_by_default),
		cmocka_unit_test(it_is_told_in_the_log),
		cmocka_unit_test(a_path_that_is_none_does_not_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
