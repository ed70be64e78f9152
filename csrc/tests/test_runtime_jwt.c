/* Tokens over real sockets: where they may stand, what they open and refuse, and how they end. */
#include "raw.h"
#include "tokens.h"

#include <time.h>
#include <unistd.h>

static struct host host;
static char token[TOKEN_SIZE], line[TOKEN_SIZE + 256];

#define OPEN(...) host_open(&host, "jwt_secret", SECRET_32, "heartbeat_interval", "0.2", "timeout", "20", __VA_ARGS__)

static int close_host(void **state)
{
	(void)state;
	host_close(&host);
	return 0;
}

static long long seconds(void)
{
	return (long long)time(NULL);
}

/* A good one that lives for `secs`, with further claims. */
static const char *token_for(const char *user, long long secs, const char *more)
{
	char payload[1024];

	snprintf(payload, sizeof(payload), "{\"sub\":\"%s\",\"exp\":%lld%s}", user, seconds() + secs, more);
	return token_hs256(token, payload);
}

static const char *with(const char *format, const char *value)
{
	snprintf(line, sizeof(line), "%s%s%s", format, value, strchr(format, ':') ? "\r\n" : "");
	return line;
}

static void expect_user(struct visitor *visitor, const char *user)
{
	json_t *greeting = visitor_next(visitor);

	assert_string_equal(text_at(greeting, "data.user_id"), user);
	assert_int_equal(strlen(text_at(greeting, "data.expires_at")), 24);
	json_decref(greeting);
}

/* The upgrade succeeds, so that a browser can read why it is closed then. */
static void expect_close(const char *path, const char *headers, int code, const char *reason)
{
	struct visitor visitor;

	visitor_try(&visitor, host.port, path, headers);
	assert_int_equal(visitor.ws.http_status, 101);
	assert_int_equal(visitor_end(&visitor), code);
	if (!strstr(visitor.reason, reason))
		give_up("\"%s\" does not say \"%s\"", visitor.reason, reason);
	visitor_leave(&visitor);
}

/* ---- where a token may stand ------------------------------------------------------------------------------------ */

static void in_the_path(void **state)
{
	struct visitor visitor;
	json_t *connections;

	(void)state;
	OPEN(NULL);
	visitor_try(&visitor, host.port, with("/ws/", token_for("u1", 60, "")), NULL);
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
	visitor_try(&visitor, host.port, "/ws", with("Authorization: Bearer ", token_for("u1", 60, "")));
	expect_user(&visitor, "u1");
	visitor_leave(&visitor);
	visitor_try(&visitor, host.port, "/ws/updates", with("authorization: bearer ", token));
	expect_user(&visitor, "u1");
	visitor_leave(&visitor);
	expect_close("/ws", "Authorization: Bearer x.y.z\r\n", 4401, "malformed");
}

static void in_a_cookie_that_is_configured_with_an_origin(void **state)
{
	struct visitor visitor;
	char headers[TOKEN_SIZE + 512], request[TOKEN_SIZE + 1024];

	(void)state;
	OPEN("jwt_cookie", "session", NULL);
	token_for("u1", 60, "");
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
	token_for("u1", 60, "");
	snprintf(path, sizeof(path), "/ws?session_id=s1&access_token=%s&x=1", token);
	visitor_try(&visitor, host.port, path, NULL);
	greeting = visitor_next(&visitor);
	assert_string_equal(text_at(greeting, "data.user_id"), "u1");
	assert_string_equal(text_at(greeting, "data.session_id"), "s1");
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
	token_for("u1", 60, ",\"rooms\":[\"project:*\",\"pipeline:*\",\"logs\"],\"jti\":\"0123456789\"");
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
	token_for("u1", 60, ",\"rooms\":[\"project:*\",\"pipeline:*\",\"logs\"],\"jti\":\"0123456789\"");
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
	visitor_say(&visitor, "{\"action\":\"auth\",\"token\":\"%s\",\"id\":2}", token_for("u1", 60, ""));
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
	snprintf(value, sizeof(value), "ws_manager.v1, wsm.bearer.%s", token_for("u1", 60, ""));
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

/* Where tokens are taken, heads are looked at before libwebsockets is: nothing else may change by that. */
static void requests_without_a_token_in_a_subprotocol_are_served_as_ever(void **state)
{
	static const char post[] = "POST /api/ws/broadcast HTTP/1.1\r\nHost: localhost\r\nContent-Length: 33\r\n\r\n"
				   "{\"event_type\":\"x\",\"data\":{\"n\":1}}";
	static const char get[] = "GET /api/ws/connections HTTP/1.1\r\nHost: localhost\r\n\r\n";
	char request[2048], *huge = calloc(1, 40000);
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
	/* A head that never ends. */
	fd = raw_connect(host.port);
	raw_say(fd, "GET /ws HTTP/1.1\r\nX: wsm.bearer.");
	memset(huge, 'x', 39999);
	raw_try_send(fd, huge, 39999);
	assert_true(raw_ended(fd));
	close(fd);
	free(huge);
	/* One that has not been sent when the runtime stops. */
	fd = raw_connect(host.port);
	raw_say(fd, "GET /ws");
	assert_int_equal(wsm_runtime_stop(host.runtime, 0), WSM_OK);
	assert_true(raw_ended(fd));
	close(fd);
}

/* ---- refusals --------------------------------------------------------------------------------------------------- */

static void bad_tokens_are_refused_with_a_reason(void **state)
{
	char payload[256];

	(void)state;
	OPEN("jwt_audience", "app", "jwt_leeway", "1", NULL);
	expect_close("/ws", with("Authorization: Bearer ", token_for("u1", 60, "")), 4401, "another audience");
	expect_close("/ws", with("Authorization: Bearer ", token_for("u1", -5, ",\"aud\":\"app\"")), 4401,
	             "has expired");
	token_unsigned(token, "{\"alg\":\"none\"}", "{\"sub\":\"u1\",\"exp\":99999999999,\"aud\":\"app\"}");
	strcat(token, ".");
	expect_close("/ws", with("Authorization: Bearer ", token), 4401, "not signed with the algorithm");
	snprintf(payload, sizeof(payload), "{\"sub\":\"u1\",\"exp\":\"%lld\",\"aud\":\"app\"}", seconds() + 60);
	expect_close("/ws", with("Authorization: Bearer ", token_hs256(token, payload)), 4401,
	             "exp must be an integer");
	host_stat_reaches(&host, "tokens_refused", 4);
	host_stat_reaches(&host, "refused_connections", 4);
	host_stat_reaches(&host, "active_connections", 0);
}

static void without_a_token_in_time_it_is_over(void **state)
{
	struct visitor visitor;

	(void)state;
	OPEN("auth_timeout", "0.3", NULL);
	visitor_try(&visitor, host.port, "/ws", NULL);
	visitor_say(&visitor, "ping"); /* is not answered before */
	assert_int_equal(visitor_end(&visitor), 4401);
	assert_non_null(strstr(visitor.reason, "no token came in time"));
	assert_int_equal(json_array_size(visitor.inbox), 0);
	visitor_leave(&visitor);
}

static void a_bad_first_message_is_the_last(void **state)
{
	struct visitor visitor;

	(void)state;
	OPEN(NULL);
	visitor_try(&visitor, host.port, "/ws", NULL);
	visitor_say(&visitor, "{\"action\":\"auth\",\"token\":\"x\"}");
	assert_int_equal(visitor_end(&visitor), 4401);
	visitor_leave(&visitor);
	visitor_try(&visitor, host.port, "/ws", NULL);
	visitor_say(&visitor, "{\"action\":\"auth\"}");
	assert_int_equal(visitor_end(&visitor), 4401);
	visitor_leave(&visitor);
	/* Nobody has been told anything, and the places are free again. */
	host_stat_reaches(&host, "refused_connections", 2);
	host_stat_reaches(&host, "active_connections", 0);
}

static void more_than_a_little_before_the_token_is_refused(void **state)
{
	struct visitor visitor;

	(void)state;
	OPEN(NULL);
	visitor_try(&visitor, host.port, "/ws", NULL);
	for (int i = 0; i < 33; i++)
		visitor_say(&visitor, "ping");
	assert_int_equal(visitor_end(&visitor), 1013);
	visitor_leave(&visitor);
}

static void rooms_outside_the_claim_are_forbidden(void **state)
{
	static const char *const actions[] = { "subscribe", "history", "presence" };
	struct visitor visitor;
	json_t *message;

	(void)state;
	OPEN(NULL);
	visitor_try(&visitor, host.port, "/ws",
	            with("Authorization: Bearer ", token_for("u1", 60, ",\"rooms\":[\"project:1\",\"job:*\"]")));
	expect_user(&visitor, "u1");
	for (size_t i = 0; i < 3; i++) {
		visitor_say(&visitor, "{\"action\":\"%s\",\"room\":\"project:2\"}", actions[i]);
		message = of_type(visitor_next(&visitor), "error");
		assert_string_equal(text_at(message, "data.code"), "forbidden");
		json_decref(message);
		visitor_say(&visitor, "{\"action\":\"%s\",\"room\":\"job:9\"}", actions[i]);
		message = visitor_next(&visitor);
		assert_string_not_equal(text_at(message, "type"), "error");
		json_decref(message);
	}
	visitor_leave(&visitor);
	/* Endpoints join rooms too, and the firehose all of them. */
	visitor_try(&visitor, host.port, "/ws/project/1", with("Authorization: Bearer ", token));
	expect_user(&visitor, "u1");
	visitor_leave(&visitor);
	expect_close("/ws/project/2", line, 4403, "does not allow the rooms of this endpoint");
	expect_close("/ws/logs", line, 4403, "does not allow");
	expect_close("/ws/notifications", line, 4403, "does not allow");
	visitor_try(&visitor, host.port, "/ws/notifications",
	            with("Authorization: Bearer ", token_for("u1", 60, ",\"rooms\":[\"*\"]")));
	expect_user(&visitor, "u1");
	visitor_leave(&visitor);
}

/* Both must agree. */
static void the_authorize_handler_is_asked_only_within_the_claim(void **state)
{
	struct visitor visitor;
	wsm_event *event;

	(void)state;
	OPEN(NULL);
	wsm_want(host.runtime, WSM_WANT_AUTHORIZE);
	visitor_try(&visitor, host.port, "/ws",
	            with("Authorization: Bearer ", token_for("u1", 60, ",\"rooms\":[\"job:*\"]")));
	expect_user(&visitor, "u1");
	visitor_say(&visitor, "{\"action\":\"subscribe\",\"room\":\"project:2\"}");
	json_decref(visitor_await(&visitor, "error"));
	visitor_say(&visitor, "{\"action\":\"subscribe\",\"room\":\"job:2\"}");
	event = host_event(&host, WSM_EVENT_AUTHORIZE);
	assert_string_equal(event->data.data, "job:2");
	wsm_authorized(host.runtime, event->ticket, false);
	wsm_event_free(event);
	json_decref(visitor_await(&visitor, "error"));
	assert_null(host_event_now(&host, WSM_EVENT_AUTHORIZE));
	visitor_leave(&visitor);
}

static void the_authenticate_handler_decides_about_those_without_a_token(void **state)
{
	struct visitor visitor;
	wsm_decision decision = { .allow = true, .user_id = wsm__str("u9") };
	json_t *greeting, *message;
	wsm_event *event;

	(void)state;
	OPEN(NULL);
	wsm_want(host.runtime, WSM_WANT_AUTHENTICATE);
	visitor_try(&visitor, host.port, "/ws", NULL);
	event = host_event(&host, WSM_EVENT_AUTHENTICATE);
	wsm_authenticated(host.runtime, event->ticket, &decision);
	wsm_event_free(event);
	greeting = visitor_next(&visitor);
	assert_string_equal(text_at(greeting, "data.user_id"), "u9");
	assert_null(at(greeting, "data.expires_at"));
	json_decref(greeting);
	visitor_say(&visitor, "{\"action\":\"auth\",\"token\":\"%s\"}", token_for("u9", 60, ""));
	message = visitor_await(&visitor, "error");
	assert_string_equal(text_at(message, "data.code"), "unauthenticated");
	json_decref(message);
	visitor_leave(&visitor);
	/* A token in the request is the core's to judge. */
	visitor_try(&visitor, host.port, "/ws", with("Authorization: Bearer ", token));
	expect_user(&visitor, "u9");
	visitor_leave(&visitor);
	expect_close("/ws", "Authorization: Bearer x.y.z\r\n", 4401, "malformed");
	assert_null(host_event_now(&host, WSM_EVENT_AUTHENTICATE));
}

static void who_the_host_has_admitted_needs_no_token(void **state)
{
	wsm_admission admission = { .admitted = true, .user_id = wsm__str("u5") };
	char request[1024], head[2048];
	struct raw_frame frame;
	uint64_t number;
	int ours, theirs;

	(void)state;
	OPEN(NULL);
	raw_upgrade(request, sizeof(request), "/anything", "");
	raw_pair(&ours, &theirs);
	assert_int_equal(wsm_adopt(host.runtime, ours, request, strlen(request), &admission, &number, NULL), WSM_OK);
	raw_head(theirs, head, sizeof(head));
	assert_true(raw_next(theirs, &frame));
	assert_non_null(strstr(frame.data, "\"user_id\":\"u5\""));
	close(theirs);
}

/* ---- the end of a token ----------------------------------------------------------------------------------------- */

static void it_is_told_to_expire_and_then_the_connection_ends(void **state)
{
	struct visitor visitor;
	json_t *message;

	(void)state;
	OPEN(NULL);
	visitor_try(&visitor, host.port, "/ws", with("Authorization: Bearer ", token_for("u1", 2, "")));
	expect_user(&visitor, "u1");
	message = visitor_await(&visitor, "token_expiring");
	assert_int_equal(strlen(text_at(message, "data.expires_at")), 24);
	json_decref(message);
	assert_int_equal(visitor_end(&visitor), 4401);
	assert_string_equal(visitor.reason, "the token has expired");
	visitor_leave(&visitor);
	host_stat_reaches(&host, "tokens_expired", 1);
}

static void a_new_one_of_the_same_user_renews_it(void **state)
{
	struct visitor visitor;
	json_t *message;

	(void)state;
	OPEN("token_expiring_notice", "1", NULL);
	visitor_try(&visitor, host.port, "/ws", with("Authorization: Bearer ", token_for("u1", 2, "")));
	expect_user(&visitor, "u1");
	json_decref(visitor_await(&visitor, "token_expiring"));
	/* Another user's, and a bad one, change nothing. */
	visitor_say(&visitor, "{\"action\":\"auth\",\"id\":1,\"token\":\"%s\"}", token_for("u2", 60, ""));
	message = visitor_await(&visitor, "error");
	assert_string_equal(text_at(message, "data.code"), "unauthenticated");
	json_decref(message);
	visitor_say(&visitor, "{\"action\":\"auth\",\"id\":2,\"token\":\"x\"}");
	message = visitor_await(&visitor, "error");
	assert_int_equal(number_at(message, "id"), 2);
	json_decref(message);
	visitor_say(&visitor, "{\"action\":\"auth\",\"id\":3,\"token\":\"%s\"}", token_for("u1", 4, ""));
	message = visitor_await(&visitor, "authenticated");
	assert_int_equal(number_at(message, "id"), 3);
	json_decref(message);
	json_decref(visitor_await(&visitor, "token_expiring")); /* of the new one: the old one has gone by then */
	assert_int_equal(visitor_end(&visitor), 4401);
	visitor_leave(&visitor);
}

static void a_renewal_that_allows_less_takes_rooms_away(void **state)
{
	struct visitor visitor;
	json_t *message;

	(void)state;
	OPEN(NULL);
	visitor_try(&visitor, host.port, "/ws/project/1", with("Authorization: Bearer ", token_for("u1", 600, "")));
	expect_user(&visitor, "u1");
	visitor_say(&visitor, "{\"action\":\"subscribe\",\"room\":\"a\"}");
	json_decref(visitor_await(&visitor, "subscribed"));
	visitor_say(&visitor, "{\"action\":\"subscribe\",\"room\":\"b\"}");
	json_decref(visitor_await(&visitor, "subscribed"));
	visitor_say(&visitor, "{\"action\":\"auth\",\"token\":\"%s\"}",
	            token_for("u1", 600, ",\"rooms\":[\"b\",\"project:*\"]"));
	message = visitor_await(&visitor, "unsubscribed");
	assert_string_equal(text_at(message, "data.room"), "a");
	json_decref(message);
	json_decref(visitor_await(&visitor, "authenticated"));
	assert_int_equal(host_send(&host, "a", "x", "{}").recipients, 0);
	assert_int_equal(host_send(&host, "b", "x", "{}").recipients, 1);
	assert_int_equal(host_send(&host, "project:1", "x", "{}").recipients, 1);
	visitor_say(&visitor, "{\"action\":\"auth\",\"token\":\"%s\"}", token_for("u1", 600, ",\"rooms\":[\"b\"]"));
	assert_int_equal(visitor_end(&visitor), 4403);
	visitor_leave(&visitor);
}

static void each_jti_is_good_once(void **state)
{
	struct visitor visitor;
	json_t *message;

	(void)state;
	OPEN("jwt_replay", "true", NULL);
	visitor_try(&visitor, host.port, "/ws", with("Authorization: Bearer ", token_for("u1", 60, ",\"jti\":\"t1\"")));
	expect_user(&visitor, "u1");
	expect_close("/ws", line, 4401, "used before");
	visitor_say(&visitor, "{\"action\":\"auth\",\"token\":\"%s\"}", token);
	message = visitor_await(&visitor, "error");
	assert_string_equal(text_at(message, "data.message"), "the token was used before");
	json_decref(message);
	visitor_say(&visitor, "{\"action\":\"auth\",\"token\":\"%s\"}", token_for("u1", 60, ",\"jti\":\"t2\""));
	json_decref(visitor_await(&visitor, "authenticated"));
	visitor_leave(&visitor);
	expect_close("/ws", with("Authorization: Bearer ", token_for("u1", 60, "")), 4401, "no jti");
}

/* ---- configuration ---------------------------------------------------------------------------------------------- */

static void refused_config(const char *name, const char *value, const char *name2, const char *value2, const char *says)
{
	wsm_config *config = wsm_config_new();
	wsm_error error = { .status = 0 };
	wsm_runtime *runtime = NULL;

	if (!wsm_config_set(config, name, value, &error) && (!name2 || !wsm_config_set(config, name2, value2, &error)))
		runtime = wsm_runtime_new(config, &error);
	assert_null(runtime);
	assert_int_equal(error.status, WSM_ECONFIG);
	if (!strstr(error.message, says))
		give_up("\"%s\" does not say \"%s\"", error.message, says);
	if (strlen(value) > 6)
		assert_null(strstr(error.message, value));
	wsm_config_free(config);
}

static void mistakes_are_found_before_the_start(void **state)
{
	(void)state;
	refused_config("jwt_secret", "sh0rt-secret", NULL, NULL, "at least 32 bytes");
	refused_config("jwt_secret", "", NULL, NULL, "jwt_secret");
	refused_config("jwt_public_key", "", NULL, NULL, "jwt_public_key");
	refused_config("jwt_public_key", "/nowhere/key.pem", NULL, NULL, "jwt_public_key");
	refused_config("jwt_public_key", "-----BEGIN PUBLIC KEY-----\nAAAA", NULL, NULL, "no public key");
	refused_config("jwt_audience", "application", NULL, NULL, "neither jwt_secret nor jwt_public_key");
	refused_config("jwt_replay", "true", NULL, NULL, "jwt_replay");
	refused_config("jwt_secret", SECRET_32, "jwt_algorithm", "HS512", "at least 64 bytes");
	refused_config("jwt_secret", SECRET_32, "jwt_query", "a b", "jwt_query");
}

static void a_public_key_may_be_text_or_a_file(void **state)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	char pem[2048], escaped[4096] = "", path[] = "/tmp/wsm-key-XXXXXX", payload[128];
	int fd = mkstemp(path);
	const char *const values[] = { pem, escaped, path };
	struct visitor visitor;

	(void)state;
	key_pem(key, false, pem, sizeof(pem));
	assert_int_equal(write(fd, pem, strlen(pem)), (ssize_t)strlen(pem));
	close(fd);
	for (const char *c = pem; *c; c++)
		strcat(escaped, *c == '\n' ? "\\n" : (char[]){ *c, 0 });
	snprintf(payload, sizeof(payload), "{\"sub\":\"u1\",\"exp\":%lld}", seconds() + 60);
	token_with_key(token, "{\"alg\":\"ES256\"}", payload, 256, key);
	for (size_t i = 0; i < 3; i++) {
		host_open(&host, "jwt_public_key", values[i], NULL);
		visitor_try(&visitor, host.port, with("/ws/", token), NULL);
		expect_user(&visitor, "u1");
		visitor_leave(&visitor);
		host_close(&host);
	}
	unlink(path);
	EVP_PKEY_free(key);
}

#define over_a_host(name) cmocka_unit_test_teardown(name, close_host)

int main(void)
{
	const struct CMUnitTest tests[] = {
		over_a_host(in_the_path),
		over_a_host(in_the_authorization_header),
		over_a_host(in_a_cookie_that_is_configured_with_an_origin),
		over_a_host(in_a_query_parameter_that_is_configured_and_then_kept_secret),
		over_a_host(in_a_subprotocol_beside_ours),
		over_a_host(in_a_subprotocol_of_a_hand_over),
		over_a_host(requests_without_a_token_in_a_subprotocol_are_served_as_ever),
		over_a_host(in_the_first_message),
		over_a_host(on_the_bridge),
		over_a_host(bad_tokens_are_refused_with_a_reason),
		over_a_host(without_a_token_in_time_it_is_over),
		over_a_host(a_bad_first_message_is_the_last),
		over_a_host(more_than_a_little_before_the_token_is_refused),
		over_a_host(rooms_outside_the_claim_are_forbidden),
		over_a_host(the_authorize_handler_is_asked_only_within_the_claim),
		over_a_host(the_authenticate_handler_decides_about_those_without_a_token),
		over_a_host(who_the_host_has_admitted_needs_no_token),
		over_a_host(it_is_told_to_expire_and_then_the_connection_ends),
		over_a_host(a_new_one_of_the_same_user_renews_it),
		over_a_host(a_renewal_that_allows_less_takes_rooms_away),
		over_a_host(each_jti_is_good_once),
		cmocka_unit_test(mistakes_are_found_before_the_start),
		cmocka_unit_test(a_public_key_may_be_text_or_a_file),
	};

	return cmocka_run_group_tests_name("runtime_jwt", tests, NULL, NULL);
}
