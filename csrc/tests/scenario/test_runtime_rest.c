/* REST on the runtime's own port, over raw sockets, and the same calls through wsm_rest(). */
#include "rest_scene.h"

#include <unistd.h>

#include "wire/handshake.h"

static int open_host(void **state)
{
	(void)state;
	host_open(&host, NULL);
	return 0;
}

static int open_host_with_key(void **state)
{
	(void)state;
	host_open(&host, "api_key", "secret-key", "host", "127.0.0.1", NULL);
	return 0;
}

static void statistics_under_both_paths(void **state)
{
	struct visitor visitor;
	json_t *body;

	(void)state;
	visitor_open(&visitor, host.port, "/ws/project/P1");
	for (int i = 0; i < 2; i++) {
		body = get(200, i ? "/ws/stats" : "/api/ws/stats");
		assert_int_equal(number_at(body, "active_connections"), 1);
		assert_int_equal(number_at(body, "active_projects"), 1);
		assert_int_equal(number_at(body, "connections_per_project.P1"), 1);
		assert_int_equal(number_at(body, "total_connections"), 1);
		assert_int_equal(number_at(body, "total_broadcasts"), 0);
		json_decref(body);
	}
	body = get(200, "/api/ws/connections");
	assert_int_equal(number_at(body, "active_connections"), 1);
	json_decref(body);
	visitor_leave(&visitor);
}

static void subscribers_of_a_project(void **state)
{
	struct visitor visitor;
	json_t *body;

	(void)state;
	visitor_open(&visitor, host.port, "/ws/project/caf%C3%A9%25");
	body = get(200, "/api/ws/project/caf%C3%A9%25/subscribers");
	assert_string_equal(text_at(body, "project_id"), "caf\xc3\xa9%");
	assert_int_equal(number_at(body, "subscribers"), 1);
	json_decref(body);
	body = get(200, "/api/ws/project/100/subscribers");
	assert_int_equal(number_at(body, "subscribers"), 0);
	json_decref(body);
	fails(400, "/api/ws/project/a%20b/subscribers", "room_invalid");
	fails(404, "/api/ws/project//subscribers", "not_found");
	visitor_leave(&visitor);
}

static void history_for_polling_clients(void **state)
{
	char path[200];
	wsm_delivery last;
	json_t *body;

	(void)state;
	host_send_run(&host, "r", 1, 9);
	last = host_send(&host, "r", "n", "{\"n\":10}");
	body = get(200, "/api/ws/history?room=r&limit=3");
	assert_int_equal(json_array_size(at(body, "messages")), 3);
	assert_int_equal(number_at(body, "offset"), 10);
	json_decref(body);
	snprintf(path, sizeof(path), "/api/ws/history?limit=100&since=%s%%3A8&room=%%72", last.epoch);
	body = get(200, path);
	assert_int_equal(json_array_size(at(body, "messages")), 2);
	assert_true(true_at(body, "recovered"));
	json_decref(body);
	body = get(200, "/api/ws/history?room=@all");
	json_decref(body);
	fails(400, "/api/ws/history", "room_invalid");
	fails(400, "/api/ws/history?room=%40user:1", "room_invalid");
	fails(400, "/api/ws/history?room=r&limit=0", "bad_request");
	fails(400, "/api/ws/history?room=r&limit=x", "bad_request");
	fails(400, "/api/ws/history?room=r&since=8", "bad_request");
	fails(400, "/api/ws/history?room=r&since=e:-1", "bad_request");
}

static void metrics_are_prometheus_text(void **state)
{
	struct raw_answer answer;
	int fd = raw_connect(host.port);

	(void)state;
	raw_say(fd, "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
	raw_answer(fd, &answer, false);
	assert_int_equal(answer.status, 200);
	assert_non_null(strstr(answer.head, "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
	assert_non_null(strstr(answer.body, "# TYPE ws_manager_connections gauge\nws_manager_connections 0\n"));
	raw_answer_free(&answer);
	close(fd);
}

static void broadcast_reaches_clients(void **state)
{
	struct visitor all, project, room;
	json_t *body, *message;

	(void)state;
	visitor_open(&all, host.port, "/ws");
	visitor_open(&project, host.port, "/ws/project/P1");
	visitor_open(&room, host.port, "/ws");
	visitor_say(&room, "{\"action\":\"subscribe\",\"room\":\"r\"}");
	json_decref(of_type(visitor_next(&room), "subscribed"));
	assert_int_equal(post("/api/ws/broadcast", "", "{\"event_type\":\"hello\",\"data\":{\"n\":1}}", &body), 200);
	assert_int_equal(number_at(body, "recipients"), 2);
	message = of_type(visitor_next(&all), "hello");
	assert_string_equal(text_at(message, "message_id"), text_at(body, "message_id"));
	assert_int_equal(number_at(message, "data.n"), 1);
	json_decref(message);
	json_decref(body);
	json_decref(of_type(visitor_next(&room), "hello"));
	assert_int_equal(post("/api/ws/broadcast", "", "{\"event_type\":\"p\",\"project_id\":\"P1\"}", &body), 200);
	json_decref(body);
	message = of_type(visitor_next(&project), "p");
	assert_string_equal(text_at(message, "project_id"), "P1");
	json_decref(message);
	assert_int_equal(
		post("/api/ws/broadcast", "", "{\"event_type\":\"q\",\"data\":[1,\"\\u00e9\"],\"room\":\"r\"}", &body),
		200);
	json_decref(body);
	json_decref(of_type(visitor_next(&room), "q"));
	visitor_expect_silence(&all);
	visitor_leave(&all);
	visitor_leave(&project);
	visitor_leave(&room);
}

static void a_broadcast_that_is_repeated_is_sent_once(void **state)
{
	static const char *const text = "{\"event_type\":\"paid\",\"room\":\"r\",\"once\":\"order-7\"}";
	struct visitor visitor;
	json_t *body;

	(void)state;
	visitor_open(&visitor, host.port, "/ws");
	visitor_say(&visitor, "{\"action\":\"subscribe\",\"room\":\"r\"}");
	json_decref(of_type(visitor_next(&visitor), "subscribed"));
	assert_int_equal(post("/api/ws/broadcast", "", text, &body), 200);
	assert_int_equal(number_at(body, "recipients"), 1);
	assert_null(at(body, "duplicate"));
	json_decref(body);
	assert_int_equal(post("/api/ws/broadcast", "", text, &body), 200);
	assert_int_equal(number_at(body, "recipients"), 0);
	assert_true(true_at(body, "duplicate"));
	json_decref(body);
	json_decref(of_type(visitor_next(&visitor), "paid"));
	visitor_expect_silence(&visitor);
	visitor_leave(&visitor);
}

static void bodies_that_are_wrong(void **state)
{
	static const char *const bad[] = { "",
	                                   "{",
	                                   "[]",
	                                   "7",
	                                   "{\"data\":1}",
	                                   "{\"event_type\":7}",
	                                   "{\"event_type\":\"\"}",
	                                   "{\"event_type\":\"x\",\"room\":\"a b\"}",
	                                   "{\"event_type\":\"x\",\"once\":7}",
	                                   "{\"event_type\":\"x\",\"once\":\"\"}",
	                                   "{\"event_type\":\"x\",\"once\":\"a\\n\"}",
	                                   "{\"event_type\":\"x\",\"room\":\"@user:1\"}",
	                                   "{\"event_type\":\"x\",\"room\":\"r\",\"project_id\":\"p\"}",
	                                   "{\"event_type\":\"x\",\"event_type\":\"y\"}" };
	char deep[3000];
	json_t *body;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (post("/api/ws/broadcast", "", bad[i], &body) != 400)
			give_up("body %s is not refused", bad[i]);
		assert_int_not_equal(strlen(text_at(body, "error.message")), 0);
		json_decref(body);
	}
	memset(deep, '[', sizeof(deep) - 1);
	deep[sizeof(deep) - 1] = '\0';
	assert_int_equal(post("/api/ws/broadcast", "", deep, NULL), 400);
}

static void a_foreign_page_on_the_same_machine_may_not_write(void **state)
{
	(void)state;
	assert_int_equal(post("/api/ws/broadcast", "Origin: https://evil.example\r\n", "{\"event_type\":\"x\"}", NULL),
	                 401);
	assert_int_equal(post("/api/ws/broadcast", "Origin: null\r\n", "{\"event_type\":\"x\"}", NULL), 401);
	assert_int_equal(post("/api/ws/broadcast", "Origin: http://localhost:3000\r\n", "{\"event_type\":\"x\"}", NULL),
	                 200);
}

/* As from another machine: wsm_rest() takes the address from the host. */
static unsigned rest(const char *method, const char *path, const char *ip, const char *key, const char *bearer)
{
	const wsm_member headers[] = { { wsm__str("X-API-Key"), wsm__str(key) },
	                               { wsm__str("authorization"), wsm__str(bearer) },
	                               { wsm__str("Host"), wsm__str("localhost") } };
	wsm_rest_request request = { .method = wsm__str(method),
	                             .path = wsm__str(path),
	                             .ip = wsm__str(ip),
	                             .headers = headers,
	                             .n_headers = 3,
	                             .body = wsm__str("{\"event_type\":\"x\"}") };
	wsm_rest_answer answer;
	unsigned status;

	assert_int_equal(wsm_rest(host.runtime, &request, &answer, NULL), WSM_OK);
	status = answer.status;
	wsm_text_free(&answer.body);
	return status;
}

static void the_key(void **state)
{
	(void)state;
	assert_int_equal(rest("POST", "/api/ws/broadcast", "192.0.2.7", NULL, NULL), 401);
	assert_int_equal(rest("POST", "/api/ws/broadcast", "192.0.2.7", "wrong", NULL), 401);
	assert_int_equal(rest("POST", "/api/ws/broadcast", "192.0.2.7", "secret-keyx", NULL), 401);
	assert_int_equal(rest("POST", "/api/ws/broadcast", "192.0.2.7", "secret-key", NULL), 200);
	assert_int_equal(rest("POST", "/api/ws/broadcast", "192.0.2.7", NULL, "bearer secret-key"), 200);
	assert_int_equal(rest("POST", "/api/ws/broadcast", "192.0.2.7", NULL, "Basic secret-key"), 401);
	assert_int_equal(rest("GET", "/api/ws/stats", "192.0.2.7", NULL, NULL), 401);
	assert_int_equal(rest("GET", "/metrics", "192.0.2.7", "secret-key", NULL), 200);
	assert_int_equal(rest("GET", "/api/ws/stats", "::1", NULL, NULL), 200);
	assert_int_equal(post("/api/ws/broadcast", "X-API-Key: secret-key\r\nOrigin: https://a.example\r\n",
	                      "{\"event_type\":\"x\"}", NULL),
	                 200);
	assert_int_equal(
		post("/api/ws/broadcast", "Authorization: Bearer secret-key\r\n", "{\"event_type\":\"x\"}", NULL), 200);
	assert_int_equal(post("/api/ws/broadcast", "Origin: http://127.0.0.1\r\n", "{\"event_type\":\"x\"}", NULL),
	                 401);
	assert_int_equal(post("/api/ws/broadcast", "", "{\"event_type\":\"x\"}", NULL), 200);
}

/* DNS rebinding: the name of a foreign site resolves to 127.0.0.1 for a while, and its page calls without an Origin. */
static void only_calls_to_loopback_names_are_local(void **state)
{
	static const struct {
		const char *host;
		unsigned status;
	} calls[] = {
		{ "localhost", 200 },
		{ "LocalHost:8000", 200 },
		{ "127.0.0.1:1", 200 },
		{ "127.9.9.9", 200 },
		{ "[::1]", 200 },
		{ "[::1]:80", 200 },
		{ "", 401 },
		{ "evil.example", 401 },
		{ "evil.example:80", 401 },
		{ "127.0.0.1.evil.example", 401 },
		{ "localhost.evil.example", 401 },
		{ "localhost.", 401 },
		{ "192.0.2.1", 401 },
		{ "[2001:db8::1]", 401 },
		{ "0.0.0.0", 401 },
		{ "localhost:80:80", 401 },
	};
	static const char *const paths[] = { "/api/ws/stats", "/metrics", "/api/ws/bans", "/api/ws/connections" };

	(void)state;
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		char request[512];
		unsigned found;

		snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", paths[i % 4], calls[i].host);
		found = raw_http(host.port, request, NULL);
		if (found != calls[i].status)
			give_up("Host: %s: %u instead of %u", calls[i].host, found, calls[i].status);
		snprintf(request, sizeof(request),
		         "POST /api/ws/broadcast HTTP/1.1\r\nHost: %s\r\nContent-Length: "
		         "18\r\n\r\n{\"event_type\":\"x\"}",
		         calls[i].host);
		assert_int_equal(raw_http(host.port, request, NULL), calls[i].status);
	}
	assert_int_equal(
		raw_http(host.port, "GET http://evil.example/metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", NULL), 401);
}

/* ---- what hosts read -------------------------------------------------------------------------------------------- */

static void every_row_of_the_table_answers(void **state)
{
	const wsm_rest_route *route;
	size_t n = 0, of_panel = 0;

	(void)state;
	for (; (route = wsm_rest_route_at(n)); n++) {
		const char *open = strchr(route->path, '{');
		int before = (int)(open ? (size_t)(open - route->path) : strlen(route->path));
		char request[256];
		unsigned found;

		/* By a method that no call has. */
		snprintf(request, sizeof(request), "DELETE %.*s%s%s HTTP/1.1\r\nHost: localhost\r\n\r\n", before,
		         route->path, open ? "7" : "", open ? strchr(open, '}') + 1 : "");
		found = raw_http(host.port, request, NULL);
		if (found != 405)
			give_up("%s: %u", route->path, found);
		assert_true(!strcmp(route->method, "GET") || !strcmp(route->method, "POST"));
		of_panel += route->caller == WSM_REST_ADMIN;
	}
	assert_int_equal(n, 15);
	assert_int_equal(of_panel, 5);
	assert_null(wsm_rest_route_at(n + 1));
}

static void a_refusal_says_the_same_by_close_code(void **state)
{
	static const unsigned statuses[] = { 400, 401, 403, 429, 503 };

	(void)state;
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
		assert_int_equal(wsm__handshake_status(wsm_refusal_code(statuses[i])), statuses[i]);
	assert_int_equal(wsm_refusal_code(404), 4400);
	for (int i = 0; i < 100; i++)
		assert_in_range(wsm_retry_after(host.runtime), 1, 6);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, open_host, close_host)
	const struct CMUnitTest tests[] = {
		CASE(statistics_under_both_paths),
		CASE(subscribers_of_a_project),
		CASE(history_for_polling_clients),
		CASE(metrics_are_prometheus_text),
		CASE(broadcast_reaches_clients),
		CASE(a_broadcast_that_is_repeated_is_sent_once),
		CASE(bodies_that_are_wrong),
		CASE(a_foreign_page_on_the_same_machine_may_not_write),
		CASE(only_calls_to_loopback_names_are_local),
		CASE(every_row_of_the_table_answers),
		CASE(a_refusal_says_the_same_by_close_code),
		cmocka_unit_test_setup_teardown(the_key, open_host_with_key, close_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
