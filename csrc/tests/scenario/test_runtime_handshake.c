/* The upgrade: who is let in, and how the others are turned away. Raw sockets, as an attacker has them. */
#include "raw.h"

#include <sys/socket.h>
#include <unistd.h>

static struct host host;

static int open_host(void **state)
{
	(void)state;
	host_open(&host, "allowed_origins", "https://app.example.com, https://*.example.org", NULL);
	return 0;
}

static int close_host(void **state)
{
	(void)state;
	host_close(&host);
	return 0;
}

#define BASE "GET /ws HTTP/1.1\r\nConnection: Upgrade\r\n"
#define KEY RAW_KEY_LINE
#define VERSION "Sec-WebSocket-Version: 13\r\n"
#define WEBSOCKET "Upgrade: websocket\r\n"
#define HOST "Host: 127.0.0.1\r\n"
#define END "\r\n"

static void answers(unsigned status, const char *request)
{
	unsigned found = raw_upgrade_status(host.port, request);

	if (found != status)
		give_up("%u instead of %u for:\n%s", found, status, request);
}

static void a_good_request_is_101(void **state)
{
	(void)state;
	answers(101, BASE HOST WEBSOCKET KEY VERSION END);
	answers(101, "GET /ws HTTP/1.1\r\nconnection: keep-alive, upgrade\r\n" HOST
	             "UPGRADE: WebSocket\r\n" KEY VERSION END);
}

static void the_answer_has_the_right_accept(void **state)
{
	char head[1024];
	int fd = raw_connect(host.port);

	(void)state;
	raw_say(fd, BASE HOST WEBSOCKET KEY VERSION END);
	raw_head(fd, head, sizeof(head));
	assert_non_null(strcasestr(head, "\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
	assert_non_null(strcasestr(head, "\r\nUpgrade: websocket\r\n"));
	assert_null(strcasestr(head, "Sec-WebSocket-Protocol"));
	assert_null(strcasestr(head, "Sec-WebSocket-Extensions"));
	close(fd);
}

static void any_other_upgrade_is_never_101(void **state)
{
	(void)state;
	answers(400, BASE HOST "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n" KEY VERSION END);
	answers(400, "GET / HTTP/1.1\r\n" HOST
	             "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMA\r\n" END);
	answers(400, BASE HOST "Upgrade: foo\r\n" KEY VERSION END);
	answers(400, BASE HOST "Upgrade: websocketx\r\n" KEY VERSION END);
	answers(400, BASE HOST "Upgrade: h2c, websocket\r\n" KEY VERSION END);
	answers(400, BASE HOST WEBSOCKET "Upgrade: h2c\r\n" KEY VERSION END);
}

/* As java.net.http and curl --http2 send it. */
static void a_call_that_offers_http2_is_answered_in_http1(void **state)
{
	(void)state;
	answers(200, "GET /api/ws/health HTTP/1.1\r\n" HOST
	             "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMA\r\n" END);
	answers(426, "GET /api/ws/health HTTP/1.1\r\n" HOST "Connection: Upgrade\r\nUpgrade: websocket\r\n" END);
}

static void a_preface_of_http2_is_never_answered_in_http2(void **state)
{
	static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0";
	struct raw_answer answer;
	int fd = raw_connect(host.port);

	(void)state;
	raw_try_send(fd, preface, sizeof(preface) - 1);
	raw_answer(fd, &answer, false);
	assert_true(answer.status == 0 || answer.status >= 400);
	assert_null(memchr(answer.head, 4, 5)); /* no SETTINGS frame */
	raw_answer_free(&answer);
	close(fd);
}

static void requests_that_lack_something(void **state)
{
	(void)state;
	answers(400, BASE HOST WEBSOCKET VERSION END);
	answers(400, BASE HOST WEBSOCKET "Sec-WebSocket-Key: short\r\n" VERSION END);
	answers(426, BASE HOST WEBSOCKET KEY END);
	answers(426, BASE HOST WEBSOCKET KEY "Sec-WebSocket-Version: 8\r\n" END);
	answers(405,
	        "POST /ws HTTP/1.1\r\nConnection: Upgrade\r\nContent-Length: 0\r\n" HOST WEBSOCKET KEY VERSION END);
	answers(404, "GET /nothing HTTP/1.1\r\nConnection: Upgrade\r\n" HOST WEBSOCKET KEY VERSION END);
	assert_true(host_stat(&host, "refused_handshakes") >= 6);
}

static void the_version_is_named_where_it_is_wrong(void **state)
{
	struct raw_answer answer;
	int fd = raw_connect(host.port);

	(void)state;
	raw_say(fd, BASE HOST WEBSOCKET KEY "Sec-WebSocket-Version: 99\r\n" END);
	raw_answer(fd, &answer, false);
	assert_int_equal(answer.status, 426);
	assert_non_null(strstr(answer.head, "Sec-WebSocket-Version: 13\r\n"));
	assert_non_null(strstr(answer.body, "13"));
	raw_answer_free(&answer);
	assert_true(raw_ended(fd));
	close(fd);
}

static void subprotocols(void **state)
{
	char head[1024];
	int fd = raw_connect(host.port);

	(void)state;
	raw_say(fd, BASE HOST WEBSOCKET KEY VERSION "Sec-WebSocket-Protocol: foo, ws_manager.v1\r\n" END);
	raw_head(fd, head, sizeof(head));
	assert_non_null(strstr(head, " 101 "));
	assert_non_null(strcasestr(head, "\r\nSec-WebSocket-Protocol: ws_manager.v1\r\n"));
	close(fd);
	answers(400, BASE HOST WEBSOCKET KEY VERSION "Sec-WebSocket-Protocol: foo\r\n" END);
	answers(400, BASE HOST WEBSOCKET KEY VERSION "Sec-WebSocket-Protocol: ws_manager.v10\r\n" END);
	answers(400, BASE HOST WEBSOCKET KEY VERSION "Sec-WebSocket-Protocol: xws_manager.v1\r\n" END);
}

static void with_origin(unsigned status, const char *origin, const char *to)
{
	char request[1024];

	snprintf(request, sizeof(request), BASE WEBSOCKET KEY VERSION "Host: %s\r\nOrigin: %s\r\n\r\n", to, origin);
	answers(status, request);
}

static void origins(void **state)
{
	(void)state;
	with_origin(101, "http://127.0.0.1:3000", "127.0.0.1:8000"); /* loopback to loopback */
	with_origin(101, "http://localhost:3000", "127.0.0.1:8000");
	with_origin(101, "http://[::1]:3000", "localhost:8000");
	with_origin(101, "https://live.example.net", "live.example.net"); /* same host */
	with_origin(101, "https://app.example.com", "api.example.com");   /* listed */
	with_origin(101, "https://a.example.org", "api.example.com");
	with_origin(403, "https://evil.example", "api.example.com");
	with_origin(403, "null", "127.0.0.1:8000");
	with_origin(403, "https://evil.example", "127.0.0.1:8000");
	with_origin(403, "https://app.example.com.evil.example", "api.example.com"); /* look-alikes */
	with_origin(403, "https://evilexample.org", "api.example.com");
	with_origin(403, "http://app.example.com", "api.example.com");
	with_origin(403, "http://127.0.0.1.evil.example", "127.0.0.1:8000");
	with_origin(403, "http://localhost.evil.example", "127.0.0.1:8000");
	with_origin(403, "http://127.0.0.1@evil.example", "127.0.0.1:8000");
	answers(101, BASE HOST WEBSOCKET KEY VERSION END); /* none: no browser */
	answers(400, BASE HOST WEBSOCKET KEY VERSION "Origin: http://127.0.0.1\r\nOrigin: http://evil.example\r\n" END);
}

static void headers_over_32_kb_are_refused(void **state)
{
	char *request = malloc(80000);
	size_t len = (size_t)sprintf(request, "%s", BASE HOST WEBSOCKET KEY VERSION "Cookie: ");

	(void)state;
	memset(request + len, 'c', 40000);
	strcpy(request + len + 40000, "\r\n\r\n");
	answers(431, request);
	request[len + 33000] = '\0'; /* nor is its end waited for */
	answers(431, request);
	/* And 16 KB are served. */
	strcpy(request + len + 16000, "\r\n\r\n");
	answers(101, request);
	free(request);
}

static void a_hundred_unknown_header_fields(void **state)
{
	char *request = malloc(80000);
	size_t len = (size_t)sprintf(request, "%s", BASE HOST WEBSOCKET KEY VERSION);

	(void)state;
	for (int i = 0; i < 90; i++)
		len += (size_t)sprintf(request + len, "X-Unknown-%d: %d\r\n", i, i);
	strcpy(request + len, "\r\n");
	answers(101, request);
	for (int i = 90; i < 101; i++)
		len += (size_t)sprintf(request + len, "X-Unknown-%d: %d\r\n", i, i);
	strcpy(request + len, "\r\n");
	answers(431, request);
	free(request);
}

static void a_request_in_single_bytes_is_read(void **state)
{
	static const char request[] = BASE HOST WEBSOCKET KEY VERSION END;
	char head[1024];
	int fd = raw_connect(host.port);

	(void)state;
	for (size_t i = 0; i < sizeof(request) - 1; i++)
		raw_send(fd, request + i, 1);
	raw_head(fd, head, sizeof(head));
	assert_non_null(strstr(head, " 101 "));
	close(fd);
}

static void garbage_is_no_request(void **state)
{
	static const char *const garbage[] = { "\r\n\r\n",
	                                       "GET\r\n\r\n",
	                                       "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
	                                       "GET /ws HTTP/9.9\r\n\r\n",
	                                       "FOO /ws HTTP/1.1\r\n\r\n",
	                                       "GET ws HTTP/1.1\r\n\r\n" };

	(void)state;
	for (size_t i = 0; i < sizeof(garbage) / sizeof(garbage[0]); i++) {
		struct raw_answer answer;
		int fd = raw_connect(host.port);

		raw_try_send(fd, garbage[i], strlen(garbage[i]));
		shutdown(fd, SHUT_WR);
		raw_answer(fd, &answer, false);
		assert_true(answer.status == 0 || answer.status >= 400);
		raw_answer_free(&answer);
		close(fd);
	}
	answers(101, BASE HOST WEBSOCKET KEY VERSION END);
}

static void half_handshakes_by_the_hundred_keep_nobody_out(void **state)
{
	struct visitor visitor;
	int fds[300];

	(void)state;
	for (int i = 0; i < 300; i++) {
		fds[i] = raw_connect(host.port);
		raw_say(fds[i], "GET /ws HTTP/1.1\r\nHost: x\r\nX-Slow: ");
	}
	visitor_open(&visitor, host.port, "/ws");
	assert_int_equal(host_stat(&host, "active_connections"), 1);
	visitor_leave(&visitor);
	for (int i = 0; i < 300; i++)
		close(fds[i]);
}

/* Beyond max_handshakes those that have waited longest make room. */
static void half_handshakes_are_bounded(void **state)
{
	struct host small;
	struct visitor visitor;
	int fds[12];

	(void)state;
	host_open(&small, "max_handshakes", "8", NULL);
	for (int i = 0; i < 12; i++) {
		fds[i] = raw_connect(small.port);
		raw_say(fds[i], "GET /ws HTTP/1.1\r\n");
		visitor_open(&visitor, small.port, "/ws"); /* in order: it has been accepted before */
		visitor_leave(&visitor);
	}
	for (int i = 0; i < 4; i++)
		assert_true(raw_ended(fds[i]));
	assert_true(host_stat(&small, "dropped_handshakes") >= 4);
	raw_say(fds[11], "Host: x\r\n\r\n"); /* the newest are still there */
	{
		struct raw_answer answer;

		raw_answer(fds[11], &answer, false);
		assert_int_equal(answer.status, 404);
		raw_answer_free(&answer);
	}
	for (int i = 0; i < 12; i++)
		close(fds[i]);
	host_close(&small);
}

/* All that a client may send before the answer, it may send in the same segment. */
static void a_message_right_behind_the_request(void **state)
{
	uint8_t bytes[1024];
	size_t len = strlen(BASE HOST WEBSOCKET KEY VERSION END);
	struct raw_frame frame;
	char head[1024];
	int fd = raw_connect(host.port);

	(void)state;
	memcpy(bytes, BASE HOST WEBSOCKET KEY VERSION END, len);
	len = raw_put_frame(bytes, len, true, WSC_TEXT, "ping", 4);
	raw_send(fd, bytes, len);
	raw_head(fd, head, sizeof(head));
	assert_non_null(strstr(head, " 101 "));
	raw_await(fd, WSC_TEXT, &frame);
	assert_non_null(strstr(frame.data, "\"connected\""));
	raw_await(fd, WSC_TEXT, &frame);
	assert_non_null(strstr(frame.data, "\"pong\""));
	close(fd);
}

static void requests_that_two_programs_could_read_differently(void **state)
{
	(void)state;
	answers(400, BASE HOST HOST WEBSOCKET KEY VERSION END);
	answers(400, BASE WEBSOCKET KEY VERSION END);
	answers(400, BASE HOST WEBSOCKET KEY KEY VERSION END);
	answers(400, BASE HOST WEBSOCKET KEY VERSION VERSION END);
	answers(400, BASE HOST WEBSOCKET KEY VERSION "X: a\r\n b\r\n" END);
	answers(400, BASE HOST WEBSOCKET KEY VERSION "X : a\r\n" END);
	answers(400, BASE HOST WEBSOCKET KEY VERSION "X: a\n" END);
	answers(400, BASE HOST WEBSOCKET KEY VERSION "X: a\rb\r\n" END);
	answers(400, BASE HOST WEBSOCKET KEY VERSION "Content-Length: 5\r\n" END);
	answers(400, BASE HOST WEBSOCKET KEY VERSION "Transfer-Encoding: chunked\r\n" END);
	answers(400, "GET /ws HTTP/1.0\r\nConnection: Upgrade\r\n" HOST WEBSOCKET KEY VERSION END);
	answers(400, "GET /ws HTTP/1.1\r\n" HOST WEBSOCKET KEY VERSION END);
	answers(400, "GET /ws HTTP/1.1\r\nConnection: keep-alive\r\n" HOST WEBSOCKET KEY VERSION END);
	answers(505, "GET /ws HTTP/2.0\r\nConnection: Upgrade\r\n" HOST WEBSOCKET KEY VERSION END);
}

/* Paths and queries come as they are, but for %XX in the path. */
static void the_query_is_what_the_client_has_sent(void **state)
{
	struct visitor visitor;
	wsm_event *event;

	(void)state;
	wsm_want(host.runtime, WSM_WANT_CONNECT);
	visitor_open(&visitor, host.port, "/ws/project/a%2Db?a=%20+&&b&=c&session_id=%61%2B");
	event = host_event(&host, WSM_EVENT_CONNECT);
	assert_string_equal(event->info->path, "/ws/project/a-b");
	assert_string_equal(event->info->query, "a=%20+&&b&=c&session_id=%61%2B");
	assert_string_equal(event->info->session_id, "a+");
	wsm_event_free(event);
	visitor_leave(&visitor);
}

static void every_header_reaches_the_authenticate_handler(void **state)
{
	struct visitor visitor;
	wsm_event *event;
	json_t *request;

	(void)state;
	wsm_want(host.runtime, WSM_WANT_AUTHENTICATE);
	visitor_try(&visitor, host.port, "/ws", "X-Tenant: t1\r\nCookie: a=b\r\n");
	event = host_event(&host, WSM_EVENT_AUTHENTICATE);
	request = json_loadb(event->data.data, event->data.len, 0, NULL);
	assert_string_equal(text_at(request, "headers.x-tenant"), "t1");
	assert_string_equal(text_at(request, "headers.cookie"), "a=b");
	assert_string_equal(text_at(request, "headers.upgrade"), "websocket");
	json_decref(request);
	wsm_event_free(event);
	visitor_vanish(&visitor);
}

static void clients_that_go_away_during_the_handshake(void **state)
{
	static const char request[] = BASE HOST WEBSOCKET KEY VERSION END;
	struct visitor visitor;

	(void)state;
	for (size_t i = 0; i < sizeof(request); i += 5) {
		int fd = raw_connect(host.port);

		raw_send(fd, request, i);
		close(fd);
	}
	for (int i = 0; i < 20; i++) { /* and with a reset, right behind it */
		struct linger hard = { .l_onoff = 1 };
		int fd = raw_connect(host.port);

		raw_say(fd, request);
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
		close(fd);
	}
	visitor_open(&visitor, host.port, "/ws");
	visitor_leave(&visitor);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, open_host, close_host)
	const struct CMUnitTest tests[] = {
		CASE(a_good_request_is_101),
		CASE(the_answer_has_the_right_accept),
		CASE(any_other_upgrade_is_never_101),
		CASE(a_call_that_offers_http2_is_answered_in_http1),
		CASE(a_preface_of_http2_is_never_answered_in_http2),
		CASE(requests_that_lack_something),
		CASE(the_version_is_named_where_it_is_wrong),
		CASE(subprotocols),
		CASE(origins),
		CASE(headers_over_32_kb_are_refused),
		CASE(a_hundred_unknown_header_fields),
		CASE(a_request_in_single_bytes_is_read),
		CASE(garbage_is_no_request),
		CASE(half_handshakes_by_the_hundred_keep_nobody_out),
		CASE(half_handshakes_are_bounded),
		CASE(a_message_right_behind_the_request),
		CASE(requests_that_two_programs_could_read_differently),
		CASE(the_query_is_what_the_client_has_sent),
		CASE(every_header_reaches_the_authenticate_handler),
		CASE(clients_that_go_away_during_the_handshake),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
