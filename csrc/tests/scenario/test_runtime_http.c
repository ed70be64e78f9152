/* HTTP on the own port: methods, bodies, connections that are kept; over raw sockets. */
#include "rest_scene.h"

#include <unistd.h>

static int open_host(void **state)
{
	(void)state;
	host_open(&host, NULL);
	return 0;
}

/* Where an answer may be as large as the tests want it. */
static int open_roomy_host(void **state)
{
	(void)state;
	host_open(&host, "max_queue", "67108864", NULL);
	return 0;
}

static int open_guarded_host(void **state)
{
	(void)state;
	host_open(&host, "api_key", "secret-key", NULL);
	return 0;
}

static int open_host_with_little_time(void **state)
{
	(void)state;
	host_open(&host, "handshake_budget", "0.000001", NULL);
	return 0;
}

static void methods(void **state)
{
	(void)state;
	fails(404, "/", "not_found");
	fails(404, "/api/ws/nothing", "not_found");
	fails(404, "/ws", "not_found");
	fails(405, "/api/ws/broadcast", "method_not_allowed");
	assert_int_equal(post("/api/ws/stats", "", "{}", NULL), 405);
	assert_int_equal(raw_http(host.port, "DELETE /api/ws/stats HTTP/1.1\r\nHost: localhost\r\n\r\n", NULL), 405);
	assert_int_equal(raw_http(host.port, "HEAD /api/ws/broadcast HTTP/1.1\r\nHost: localhost\r\n\r\n", NULL), 405);
	assert_int_equal(raw_http(host.port, "POST /api/ws/broadcast HTTP/1.1\r\nHost: localhost\r\n\r\n", NULL), 411);
	assert_int_equal(raw_http(host.port,
	                          "POST /api/ws/broadcast HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: "
	                          "chunked\r\n\r\n0\r\n\r\n",
	                          NULL),
	                 411);
}

static void head_has_no_body(void **state)
{
	struct raw_answer answer;
	int fd = raw_connect(host.port);

	(void)state;
	for (int i = 0; i < 2; i++) {
		raw_say(fd, "HEAD /api/ws/stats HTTP/1.1\r\nHost: localhost\r\n\r\n");
		raw_answer(fd, &answer, true);
		assert_int_equal(answer.status, 200);
	}
	raw_say(fd, "GET /api/ws/stats HTTP/1.1\r\nHost: localhost\r\n\r\n");
	raw_answer(fd, &answer, false);
	assert_int_equal(answer.status, 200);
	assert_true(answer.len > 100);
	raw_answer_free(&answer);
	close(fd);
}

static void a_connection_is_kept_alive(void **state)
{
	static const char two[] = "GET /api/ws/connections HTTP/1.1\r\nHost: localhost\r\n\r\n"
				  "GET /api/ws/nothing HTTP/1.1\r\nHost: localhost\r\n\r\n";
	static const char body[] = "{\"event_type\":\"x\"}";
	struct raw_answer answer;
	char request[512];
	int fd = raw_connect(host.port);

	(void)state;
	for (int i = 0; i < 20; i++) { /* pipelined, too */
		raw_say(fd, two);
		raw_answer(fd, &answer, false);
		assert_int_equal(answer.status, 200);
		raw_answer_free(&answer);
		raw_answer(fd, &answer, false);
		assert_int_equal(answer.status, 404);
		raw_answer_free(&answer);
		snprintf(request, sizeof(request),
		         "POST /api/ws/broadcast HTTP/1.1\r\nHost: localhost\r\nContent-Length: %zu\r\n\r\n%s",
		         strlen(body), body);
		raw_say(fd, request);
		raw_answer(fd, &answer, false);
		assert_int_equal(answer.status, 200);
		raw_answer_free(&answer);
	}
	raw_say(fd, "GET /api/ws/connections HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
	raw_answer(fd, &answer, false);
	assert_int_equal(answer.status, 200);
	raw_answer_free(&answer);
	assert_true(raw_ended(fd));
	close(fd);
}

static void a_kept_connection_is_upgraded(void **state)
{
	struct raw_answer answer;
	struct raw_frame frame;
	char request[512];
	int fd = raw_connect(host.port);

	(void)state;
	raw_say(fd, "GET /api/ws/connections HTTP/1.1\r\nHost: localhost\r\n\r\n");
	raw_answer(fd, &answer, false);
	raw_answer_free(&answer);
	raw_say(fd, raw_upgrade(request, sizeof(request), "/ws", NULL));
	raw_answer(fd, &answer, true);
	assert_int_equal(answer.status, 101);
	raw_await(fd, WSC_TEXT, &frame);
	assert_non_null(strstr(frame.data, "\"connected\""));
	close(fd);
}

/* What is not read as a body must not be taken for the next request. */
static void bodies_where_none_belongs(void **state)
{
	static const char *const methods_with_body[] = { "GET", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD" };
	static const char inner[] = "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";
	char request[512];

	(void)state;
	for (size_t i = 0; i < sizeof(methods_with_body) / sizeof(methods_with_body[0]); i++) {
		struct raw_answer first, second;
		int fd = raw_connect(host.port);

		snprintf(request, sizeof(request),
		         "%s /api/ws/stats HTTP/1.1\r\nHost: localhost\r\nContent-Length: %zu\r\n\r\n%s",
		         methods_with_body[i], strlen(inner), inner);
		raw_try_send(fd, request, strlen(request));
		raw_answer(fd, &first, !strcmp(methods_with_body[i], "HEAD"));
		assert_non_null(strstr(first.head, "Connection: close\r\n"));
		raw_answer(fd, &second, false);
		if (second.status)
			give_up("%s: its body was answered as a request", methods_with_body[i]);
		raw_answer_free(&first);
		raw_answer_free(&second);
		close(fd);
	}
}

static void a_body_in_pieces(void **state)
{
	static const char body[] = "{\"event_type\":\"x\",\"data\":{\"text\":\"a body that comes in pieces\"}}";
	struct raw_answer answer;
	char head[200];
	int fd = raw_connect(host.port);

	(void)state;
	snprintf(head, sizeof(head),
	         "POST /api/ws/broadcast HTTP/1.1\r\nHost: localhost\r\nContent-Length: %zu\r\n\r\n", strlen(body));
	raw_say(fd, head);
	for (size_t i = 0; i < strlen(body); i++)
		raw_send(fd, body + i, 1);
	raw_answer(fd, &answer, false);
	assert_int_equal(answer.status, 200);
	raw_answer_free(&answer);
	close(fd);
}

static void large_bodies(void **state)
{
	size_t len = 1048576 - 40;
	char *body = malloc(3000000), head[200];
	struct raw_answer answer;
	int fd = raw_connect(host.port);

	(void)state;
	memset(body, 'x', 3000000);
	memcpy(body, "{\"event_type\":\"x\",\"data\":\"", 26);
	memcpy(body + len - 2, "\"}", 2);
	snprintf(head, sizeof(head),
	         "POST /api/ws/broadcast HTTP/1.1\r\nHost: localhost\r\nContent-Length: %zu\r\n\r\n", len);
	raw_say(fd, head);
	raw_send(fd, body, len);
	raw_answer(fd, &answer, false);
	assert_int_equal(answer.status, 200);
	raw_answer_free(&answer);
	close(fd);
	/* Over the limit: told before the body is there, and also to one who sends it all first. */
	for (int i = 0; i < 2; i++) {
		fd = raw_connect(host.port);
		raw_say(fd, "POST /api/ws/broadcast HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3000000\r\n\r\n");
		if (i)
			raw_try_send(fd, body, 3000000);
		raw_answer(fd, &answer, false);
		assert_int_equal(answer.status, 413);
		raw_answer_free(&answer);
		close(fd);
	}
	free(body);
}

static void a_large_answer_arrives_whole(void **state)
{
	char *data = malloc(900001);
	struct raw_answer answer;
	json_t *body;
	int fd = raw_connect(host.port);

	(void)state;
	for (int i = 0; i < 10; i++) {
		snprintf(data, 900001, "{\"n\":%d,\"pad\":\"%0800000d\"}", i, 0);
		host_send(&host, "big", "n", data);
	}
	raw_say(fd, "GET /api/ws/history?room=big HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
	raw_answer(fd, &answer, false);
	assert_int_equal(answer.status, 200);
	body = json_loadb(answer.body, answer.len, 0, NULL);
	assert_int_equal(json_array_size(at(body, "messages")), 10);
	json_decref(body);
	raw_answer_free(&answer);
	assert_true(raw_ended(fd));
	close(fd);
	free(data);
}

static void what_is_expected_of_a_request(void **state)
{
	struct raw_answer answer;
	int fd = raw_connect(host.port);

	(void)state;
	raw_say(fd, "POST /api/ws/broadcast HTTP/1.1\r\nHost: localhost\r\nContent-Length: 18\r\nExpect: "
	            "100-continue\r\n\r\n");
	raw_answer(fd, &answer, true);
	assert_int_equal(answer.status, 100);
	raw_say(fd, "{\"event_type\":\"x\"}");
	raw_answer(fd, &answer, false);
	assert_int_equal(answer.status, 200);
	raw_answer_free(&answer);
	close(fd);
	assert_int_equal(raw_http(host.port,
	                          "POST /api/ws/broadcast HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n"
	                          "Expect: more\r\n\r\n",
	                          NULL),
	                 417);
}

static void versions_and_targets(void **state)
{
	struct raw_answer answer;
	int fd = raw_connect(host.port);

	(void)state;
	raw_say(fd, "GET /api/ws/stats HTTP/1.0\r\nHost: localhost\r\n\r\n");
	raw_answer(fd, &answer, false);
	assert_int_equal(answer.status, 200);
	assert_non_null(strstr(answer.head, "\r\nConnection: close\r\n"));
	raw_answer_free(&answer);
	assert_true(raw_ended(fd));
	close(fd);
	assert_int_equal(
		raw_http(host.port, "GET http://127.0.0.1:99/api/ws/stats HTTP/1.1\r\nHost: localhost\r\n\r\n", NULL),
		200);
	assert_int_equal(raw_http(host.port, "OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n", NULL), 404);
	assert_int_equal(raw_http(host.port, "GET /api/ws/stats HTTP/3.0\r\nHost: localhost\r\n\r\n", NULL), 505);
}

/* Of a smuggled request nothing is answered: the connection ends with the refusal. */
static void two_lengths_are_no_length(void **state)
{
	static const char *const bad[] = { "Content-Length: 2\r\nContent-Length: 40", "Content-Length: 2, 40",
	                                   "Content-Length: 2\r\nTransfer-Encoding: chunked",
	                                   "Transfer-Encoding: gzip" };
	char request[512];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct raw_answer answer;
		int fd = raw_connect(host.port);

		snprintf(request, sizeof(request),
		         "POST /api/ws/broadcast HTTP/1.1\r\nHost: localhost\r\n%s\r\n\r\n"
		         "{}GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n",
		         bad[i]);
		raw_say(fd, request);
		raw_answer(fd, &answer, false);
		assert_int_equal(answer.status, i < 3 ? 400 : 501);
		raw_answer_free(&answer);
		assert_true(raw_ended(fd));
		close(fd);
	}
}

static size_t resident(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	unsigned long pages = 0;

	assert_int_equal(fscanf(file, "%*u %lu", &pages), 1);
	fclose(file);
	return pages * (size_t)sysconf(_SC_PAGESIZE);
}

/* Whoever asks and does not read gets no more memory than one answer takes. */
static void requests_wait_while_an_answer_is_not_read(void **state)
{
	static const char get[] = "GET /api/ws/history?room=big HTTP/1.1\r\nHost: localhost\r\n\r\n";
	char *data = malloc(900001);
	struct raw_answer answer;
	int fd = raw_connect(host.port);
	size_t before;

	(void)state;
	for (int i = 0; i < 10; i++) {
		snprintf(data, 900001, "{\"n\":%d,\"pad\":\"%0800000d\"}", i, 0);
		host_send(&host, "big", "n", data);
	}
	before = resident();
	for (int i = 0; i < 64; i++) /* 512 MB */
		raw_say(fd, get);
	assert_int_equal(raw_http(host.port, "GET /api/ws/stats HTTP/1.1\r\nHost: localhost\r\n\r\n", NULL), 200);
	assert_in_range(resident() - before, 0, 200u << 20);
	for (int i = 0; i < 10; i++) {
		raw_answer(fd, &answer, false);
		assert_int_equal(answer.status, 200);
		assert_true(answer.len > 8000000);
		raw_answer_free(&answer);
	}
	close(fd);
	free(data);
}

static void a_large_history_comes_in_pages(void **state)
{
	char *data = malloc(100101), path[200];
	long long upto = 0;
	unsigned pages = 0;

	(void)state;
	for (int i = 1; i <= 12; i++) {
		snprintf(data, 100101, "{\"n\":%d,\"pad\":\"%0100000d\"}", i, 0);
		host_send(&host, "big", "n", data);
	}
	snprintf(path, sizeof(path), "/api/ws/history?room=big");
	for (; upto < 12; pages++) {
		json_t *body = get(200, path), *messages = at(body, "messages");

		assert_in_range(json_array_size(messages), 1, 5); /* half of max_queue */
		assert_int_equal(number_at(json_array_get(messages, 0), "offset"), upto + 1);
		upto += (long long)json_array_size(messages);
		assert_int_equal(number_at(body, "offset"), upto);
		snprintf(path, sizeof(path), "/api/ws/history?room=big&since=%s:%lld", text_at(body, "epoch"), upto);
		json_decref(body);
	}
	assert_int_equal(pages, 3);
	free(data);
}

/* A megabyte from each of a thousand strangers would be a gigabyte. */
static void who_may_not_call_is_told_before_the_body(void **state)
{
	static const char *const calls[] = {
		"POST /api/ws/broadcast HTTP/1.1\r\nHost: localhost\r\nX-API-Key: wrong\r\nOrigin: "
		"http://evil.example\r\n",
		"POST /api/ws/history?room=r HTTP/1.1\r\nHost: localhost\r\n",
		"POST /nowhere HTTP/1.1\r\nHost: localhost\r\n",
	};
	static const unsigned statuses[] = { 401, 405, 404 };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct raw_answer answer;
		int fd = raw_connect(host.port);

		raw_say(fd, calls[i]);
		raw_say(fd, "Content-Length: 1048576\r\nExpect: 100-continue\r\n\r\n");
		raw_answer(fd, &answer, false);
		assert_int_equal(answer.status, statuses[i]);
		assert_non_null(strstr(answer.head, "Connection: close\r\n"));
		raw_answer_free(&answer);
		assert_true(raw_ended(fd));
		close(fd);
	}
}

#define IN_A_PACKET 200

/* They would take the loop for as long as they last; each waits for its turn, and new connections come in between. */
static void requests_in_one_packet_take_turns(void **state)
{
	static const char get[] = "GET /api/ws/health HTTP/1.1\r\nHost: localhost\r\n\r\n";
	char *packet = malloc(sizeof(get) * IN_A_PACKET + 512);
	struct raw_answer answer;
	struct raw_frame frame;
	int fd = raw_connect(host.port);
	size_t len = 0;

	(void)state;
	for (int i = 0; i < IN_A_PACKET; i++, len += sizeof(get) - 1)
		memcpy(packet + len, get, sizeof(get));
	raw_upgrade(packet + len, 512, "/ws", NULL);
	raw_say(fd, packet);
	assert_int_equal(raw_http(host.port, get, NULL), 200);
	for (int i = 0; i < IN_A_PACKET; i++) {
		raw_answer(fd, &answer, false);
		assert_int_equal(answer.status, 200);
		raw_answer_free(&answer);
	}
	raw_answer(fd, &answer, true);
	assert_int_equal(answer.status, 101);
	raw_await(fd, WSC_TEXT, &frame);
	assert_true(host_stat(&host, "deferred_handshakes") > IN_A_PACKET / 2);
	close(fd);
	free(packet);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, open_host, close_host)
#define CASE_AT(name, open) cmocka_unit_test_setup_teardown(name, open, close_host)
	const struct CMUnitTest tests[] = {
		CASE(methods),
		CASE(head_has_no_body),
		CASE(a_connection_is_kept_alive),
		CASE(a_kept_connection_is_upgraded),
		CASE(bodies_where_none_belongs),
		CASE(a_body_in_pieces),
		CASE(large_bodies),
		CASE_AT(a_large_answer_arrives_whole, open_roomy_host),
		CASE(what_is_expected_of_a_request),
		CASE(versions_and_targets),
		CASE(two_lengths_are_no_length),
		CASE_AT(requests_wait_while_an_answer_is_not_read, open_roomy_host),
		CASE(a_large_history_comes_in_pages),
		CASE_AT(who_may_not_call_is_told_before_the_body, open_guarded_host),
		CASE_AT(requests_in_one_packet_take_turns, open_host_with_little_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
