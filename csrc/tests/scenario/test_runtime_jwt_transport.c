/* Where a token may stand: over real sockets, handed over, and on the bridge. */
#include "token_scene.h"

/* ---- where a token may stand ------------------------------------------------------------------------------------ */

static void in_the_path(void **state)
{
	struct visitor visitor;
	json_t *connections;

	(void)state;
	OPEN(NULL);
	visitor_try(&visitor, host.port, with("/ws/", token_for("u1", 600, "")), NULL);
	expect_user(&visitor, "u1");
	connections = host_ask(&host, WSM_QUERY_CONNECTIONS, NULL);
	assert_string_equal(text_at(json_array_get(connections, 0), "path"), "/ws/{token}");
	assert_string_equal(text_at(json_array_get(connections, 0), "user_id"), "u1");
	json_decref(connections);
	visitor_leave(&visitor);
	expect_close("/ws/nonsense", NULL, 4401, "malformed");
}

static void in_the_authorization_header(void **state)
{
	struct visitor visitor;

	(void)state;
	OPEN(NULL);
	visitor_try(&visitor, host.port, "/ws", with("Authorization: Bearer ", token_for("u1", 600, "")));
	expect_user(&visitor, "u1");
	visitor_leave(&visitor);
	visitor_try(&visitor, host.port, "/ws/updates", with("authorization: bearer ", token));
	expect_user(&visitor, "u1");
	visitor_leave(&visitor);
	expect_close("/ws", "Authorization: Bearer x.y.z\r\n", 4401, "malformed");
}

/* The status of a call that reads job:1. */
static unsigned call(const char *parameter, const char *headers)
{
	char request[2 * TOKEN_SIZE + 512];

	snprintf(request, sizeof(request), "GET /api/ws/history?room=job:1%s HTTP/1.1\r\nHost: app.example\r\n%s\r\n",
	         parameter, headers);
	return raw_http(host.port, request, NULL);
}

/* The status of a call with the cookie of `token` and further header lines. */
static unsigned with_cookie(const char *headers)
{
	char lines[TOKEN_SIZE + 512];

	snprintf(lines, sizeof(lines), "Cookie: a=b; session=%s\r\n%s", token, headers);
	return call("", lines);
}

static void calls_are_looked_at_as_sockets_are(void **state)
{
	char parameter[TOKEN_SIZE + 16];

	(void)state;
	OPEN("jwt_cookie", "session", "jwt_query", "ticket", NULL);
	token_for("u1", 600, ",\"rooms\":[\"job:1\"]");
	snprintf(parameter, sizeof(parameter), "&ticket=%s", token);
	assert_int_equal(call(parameter, ""), 200);
	assert_int_equal(call("&ticket=x", ""), 401);
	assert_int_equal(with_cookie("Origin: http://app.example\r\n"), 200);
	assert_int_equal(with_cookie("Origin: https://app.example\r\nX-Forwarded-For: 203.0.113.9\r\n"
	                             "X-Forwarded-Proto: https\r\n"),
	                 200);
	assert_int_equal(with_cookie("Sec-Fetch-Site: same-origin\r\n"), 200); /* a GET of a page of the same host */
	/* What any page, or any program, could send. */
	assert_int_equal(with_cookie(""), 403);
	assert_int_equal(with_cookie("Sec-Fetch-Site: cross-site\r\n"), 403);
	assert_int_equal(with_cookie("Sec-Fetch-Site: same-site\r\n"), 403);
	assert_int_equal(with_cookie("Origin: null\r\n"), 403);
	assert_int_equal(with_cookie("Origin: http://evil.example\r\nSec-Fetch-Site: same-origin\r\n"), 403);
	assert_int_equal(with_cookie("Origin: http://app.example\r\nX-Forwarded-For: 203.0.113.9\r\n"
	                             "X-Forwarded-Proto: https\r\n"),
	                 403);
	token_for("u1", -60, ",\"rooms\":[\"job:1\"]");
	assert_int_equal(with_cookie("Origin: http://app.example\r\n"), 401);
}

static void in_a_cookie_that_is_configured_with_an_origin(void **state)
{
	struct visitor visitor;
	char headers[TOKEN_SIZE + 512], request[TOKEN_SIZE + 1024];

	(void)state;
	OPEN("jwt_cookie", "session", NULL);
	token_for("u1", 600, "");
	snprintf(headers, sizeof(headers), "Cookie: a=b; session=%s; c\r\nOrigin: http://127.0.0.1:%u\r\n", token,
	         host.port);
	visitor_try(&visitor, host.port, "/ws", headers);
	expect_user(&visitor, "u1");
	visitor_leave(&visitor);
	snprintf(headers, sizeof(headers), "Cookie: session=%s\r\n", token);
	raw_upgrade(request, sizeof(request), "/ws", headers);
	assert_int_equal(raw_upgrade_status(host.port, request), 403);
	/* Another name is no token. */
	snprintf(headers, sizeof(headers), "Cookie: xsession=%s\r\nAuthorization: Basic dTpw\r\n", token);
	visitor_try(&visitor, host.port, "/ws", headers);
	visitor_say(&visitor, "{\"action\":\"auth\",\"token\":\"%s\"}", token);
	expect_user(&visitor, "u1");
	visitor_leave(&visitor);
}

static void in_a_query_parameter_that_is_configured_and_then_kept_secret(void **state)
{
	struct visitor visitor;
	char path[TOKEN_SIZE + 64];
	json_t *greeting;
	wsm_event *event;

	(void)state;
	OPEN("jwt_query", "access_token", NULL);
	wsm_want(host.runtime, WSM_WANT_CONNECT);
	token_for("u1", 600, ",\"sid\":\"mine\"");
	snprintf(path, sizeof(path), "/ws?session_id=s1&access_token=%s&x=1", token);
	visitor_try(&visitor, host.port, path, NULL);
	greeting = visitor_next(&visitor);
	assert_string_equal(text_at(greeting, "data.user_id"), "u1");
	assert_string_equal(text_at(greeting, "data.session_id"), "mine"); /* not what anyone can write */
	json_decref(greeting);
	event = host_event(&host, WSM_EVENT_CONNECT);
	assert_string_equal(event->info->query, "session_id=s1&x=1");
	wsm_event_free(event);
	visitor_leave(&visitor);
}

static void in_a_subprotocol_beside_ours(void **state)
{
	char headers[TOKEN_SIZE + 512], request[TOKEN_SIZE + 1024], head[4096];
	struct raw_frame frame;
	int fd;

	(void)state;
	OPEN(NULL);
	token_for("u1", 600, ",\"rooms\":[\"project:*\",\"pipeline:*\",\"logs\"],\"jti\":\"0123456789\"");
	snprintf(headers, sizeof(headers), "Sec-WebSocket-Protocol: ws_manager.v1, wsm.bearer.%s\r\n", token);
	raw_upgrade(request, sizeof(request), "/ws", headers);
	fd = raw_connect(host.port);
	/* In pieces, as a network may deliver it. */
	raw_send(fd, request, 40);
	raw_send(fd, request + 40, strlen(request) - 60);
	raw_send(fd, request + strlen(request) - 20, 20);
	raw_head(fd, head, sizeof(head));
	assert_non_null(strstr(head, " 101 "));
	assert_non_null(strstr(head, "ws_manager.v1"));
	assert_null(strstr(head, "bearer"));
	assert_true(raw_next(fd, &frame));
	assert_non_null(strstr(frame.data, "\"user_id\":\"u1\""));
	close(fd);
}

/* What a host hands over has the whole request, so that the token can be taken out of the list. */
static void in_a_subprotocol_of_a_hand_over(void **state)
{
	char headers[TOKEN_SIZE + 512], request[TOKEN_SIZE + 1024], head[4096];
	const char *const orders[] = { "ws_manager.v1, wsm.bearer.%s", "wsm.bearer.%s,ws_manager.v1", "wsm.bearer.%s" };
	struct raw_frame frame;
	uint64_t number;
	int ours, theirs;

	(void)state;
	OPEN(NULL);
	token_for("u1", 600, ",\"rooms\":[\"project:*\",\"pipeline:*\",\"logs\"],\"jti\":\"0123456789\"");
	for (size_t i = 0; i < 3; i++) {
		size_t len = (size_t)snprintf(headers, sizeof(headers), "Sec-WebSocket-Protocol: ");

		len += (size_t)snprintf(headers + len, sizeof(headers) - len, "%.*s",
		                        (int)(strchr(orders[i], '%') - orders[i]), orders[i]);
		snprintf(headers + len, sizeof(headers) - len, "%s%s\r\nX-After: 1\r\n", token,
		         strchr(orders[i], '%') + 2);
		raw_upgrade(request, sizeof(request), "/ws", headers);
		raw_pair(&ours, &theirs);
		assert_int_equal(wsm_adopt(host.runtime, ours, request, strlen(request), NULL, &number, NULL), WSM_OK);
		raw_head(theirs, head, sizeof(head));
		assert_non_null(strstr(head, " 101 "));
		assert_int_equal(strstr(head, "ws_manager.v1") != NULL, i < 2);
		assert_true(raw_next(theirs, &frame));
		assert_non_null(strstr(frame.data, "\"user_id\":\"u1\""));
		close(theirs);
	}
}

static void in_the_first_message(void **state)
{
	struct visitor visitor;
	json_t *message;

	(void)state;
	OPEN(NULL);
	visitor_try(&visitor, host.port, "/ws", NULL);
	visitor_say(&visitor, "{\"action\":\"subscribe\",\"room\":\"project:1\",\"id\":1}"); /* waits */
	visitor_say(&visitor, "{\"action\":\"auth\",\"token\":\"%s\",\"id\":2}",
	            token_for("u1", 600, ",\"rooms\":[\"project:1\"]"));
	expect_user(&visitor, "u1");
	message = of_type(visitor_next(&visitor), "authenticated");
	assert_string_equal(text_at(message, "data.user_id"), "u1");
	assert_int_equal(strlen(text_at(message, "data.expires_at")), 24);
	assert_int_equal(number_at(message, "id"), 2);
	json_decref(message);
	message = of_type(visitor_next(&visitor), "subscribed");
	assert_int_equal(number_at(message, "id"), 1);
	json_decref(message);
	visitor_leave(&visitor);
	host_send(&host, "project:1", "x", "{}");
}

static void on_the_bridge(void **state)
{
	char value[TOKEN_SIZE + 32];
	const wsm_member headers[] = { { wsm__str("sec-websocket-protocol"), { value, 0 } },
	                               { wsm__str("host"), wsm__str("localhost") } };
	wsm_member given[2];
	wsm_request request = {
		.path = wsm__str("/ws"), .ip = wsm__str("127.0.0.1"), .headers = given, .n_headers = 2
	};
	wsm_event *event;
	uint64_t conn;
	unsigned status;

	(void)state;
	OPEN("jwt_cookie", "session", NULL);
	memcpy(given, headers, sizeof(given));
	snprintf(value, sizeof(value), "ws_manager.v1, wsm.bearer.%s", token_for("u1", 600, ""));
	given[0].json.len = strlen(value);
	assert_int_equal(wsm_bridge_open(host.runtime, &request, NULL, &conn, &status, NULL), WSM_OK);
	event = host_event(&host, WSM_EVENT_BRIDGE_SEND);
	assert_non_null(strstr(event->data.data, "\"user_id\":\"u1\""));
	wsm_event_free(event);
	/* A cookie without an Origin. */
	snprintf(value, sizeof(value), "session=%s", token);
	given[0].name = wsm__str("cookie");
	given[0].json.len = strlen(value);
	assert_int_equal(wsm_bridge_open(host.runtime, &request, NULL, &conn, &status, NULL), WSM_EREFUSED);
	assert_int_equal(status, 403);
	/* The path's, and a bad one. */
	snprintf(value, sizeof(value), "/ws/%s", token);
	request.path = wsm__str(value);
	request.n_headers = 0;
	assert_int_equal(wsm_bridge_open(host.runtime, &request, NULL, &conn, &status, NULL), WSM_OK);
	event = host_event(&host, WSM_EVENT_BRIDGE_SEND);
	assert_non_null(strstr(event->data.data, "\"user_id\":\"u1\""));
	wsm_event_free(event);
	value[strlen(value) - 4] ^= 1;
	assert_int_equal(wsm_bridge_open(host.runtime, &request, NULL, &conn, &status, NULL), WSM_OK);
	event = host_event(&host, WSM_EVENT_CLOSED);
	assert_int_equal(event->code, 4401);
	wsm_event_free(event);
}

static void requests_without_a_token_in_a_subprotocol_are_served_as_ever(void **state)
{
	static const char post[] = "POST /api/ws/broadcast HTTP/1.1\r\nHost: localhost\r\nContent-Length: 33\r\n\r\n"
				   "{\"event_type\":\"x\",\"data\":{\"n\":1}}";
	static const char get[] = "GET /api/ws/connections HTTP/1.1\r\nHost: localhost\r\n\r\n";
	char request[2048];
	struct raw_answer answer;
	json_t *body;
	int fd;

	(void)state;
	OPEN(NULL);
	assert_int_equal(raw_http(host.port, get, &body), 200);
	assert_int_equal(number_at(body, "active_connections"), 0);
	json_decref(body);
	assert_int_equal(raw_http(host.port, post, &body), 200);
	json_decref(body);
	fd = raw_connect(host.port); /* byte by byte, and a second request on the same connection */
	for (size_t i = 0; i < strlen(get); i++)
		raw_send(fd, get + i, 1);
	raw_answer(fd, &answer, false);
	assert_int_equal(answer.status, 200);
	raw_answer_free(&answer);
	raw_say(fd, get);
	raw_answer(fd, &answer, false);
	assert_int_equal(answer.status, 200);
	raw_answer_free(&answer);
	close(fd);
	/* Subprotocols that are not ours, and no WebSocket at all. */
	raw_upgrade(request, sizeof(request), "/ws", "Sec-WebSocket-Protocol: chat\r\n");
	assert_int_equal(raw_upgrade_status(host.port, request), 400);
	assert_int_equal(raw_upgrade_status(host.port, "GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n"
	                                               "Upgrade: h2c\r\nSec-WebSocket-Protocol: wsm.bearer.x\r\n\r\n"),
	                 400);
	/* One that has not been sent when the runtime stops. */
	fd = raw_connect(host.port);
	raw_say(fd, "GET /ws");
	assert_int_equal(wsm_runtime_stop(host.runtime, 0), WSM_OK);
	assert_true(raw_ended(fd));
	close(fd);
}

#define over_a_host(name) cmocka_unit_test_teardown(name, close_host)

int main(void)
{
	const struct CMUnitTest tests[] = {
		over_a_host(in_the_path),
		over_a_host(in_the_authorization_header),
		over_a_host(in_a_cookie_that_is_configured_with_an_origin),
		over_a_host(calls_are_looked_at_as_sockets_are),
		over_a_host(in_a_query_parameter_that_is_configured_and_then_kept_secret),
		over_a_host(in_a_subprotocol_beside_ours),
		over_a_host(in_a_subprotocol_of_a_hand_over),
		over_a_host(in_the_first_message),
		over_a_host(on_the_bridge),
		over_a_host(requests_without_a_token_in_a_subprotocol_are_served_as_ever),
	};

	return cmocka_run_group_tests_name("runtime_jwt_transport", tests, NULL, NULL);
}
