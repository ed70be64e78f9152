/* What tokens open and refuse over real sockets, and how they end. */
#include "token_scene.h"

/* ---- refusals --------------------------------------------------------------------------------------------------- */

static void bad_tokens_are_refused_with_a_reason(void **state)
{
	char payload[256];

	(void)state;
	OPEN("jwt_audience", "app", "jwt_leeway", "1", NULL);
	expect_close("/ws", with("Authorization: Bearer ", token_for("u1", 600, "")), 4401, "another audience");
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
	            with("Authorization: Bearer ", token_for("u1", 600, ",\"rooms\":[\"project:1\",\"job:*\"]")));
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
	expect_close("/ws/project/2", line, 4403, "the room of this endpoint is not granted");
	expect_close("/ws/logs", line, 4403, "is not granted");
	expect_close("/ws/notifications", line, 4403, "needs the grant of all rooms");
	visitor_try(&visitor, host.port, "/ws/notifications",
	            with("Authorization: Bearer ", token_for("u1", 600, ",\"rooms\":[\"*\"]")));
	expect_user(&visitor, "u1");
	visitor_leave(&visitor);
}

static unsigned history_status(const char *room, const char *headers)
{
	char request[TOKEN_SIZE + 512];
	json_t *body = NULL;
	unsigned status;

	snprintf(request, sizeof(request), "GET /api/ws/history?room=%s HTTP/1.1\r\nHost: localhost\r\n%s\r\n", room,
	         headers);
	status = raw_http(host.port, request, &body);
	json_decref(body);
	return status;
}

static void history_over_rest_needs_a_token_for_the_room(void **state)
{
	(void)state;
	OPEN("jwt_replay", "true", NULL);
	assert_int_equal(history_status("job:1", ""), 401);
	assert_int_equal(history_status("job:1", "Authorization: Bearer x\r\n"), 401);
	with("Authorization: Bearer ", token_for("u1", 600, ",\"rooms\":[\"job:*\"],\"jti\":\"1\""));
	assert_int_equal(history_status("job:1", line), 200);
	assert_int_equal(history_status("job:1", line), 200); /* is not used up */
	assert_int_equal(history_status("@all", line), 200);
	assert_int_equal(history_status("logs", line), 403);
	with("Authorization: Bearer ", token_for("u1", -60, ""));
	assert_int_equal(history_status("job:1", line), 401);
}

static void the_authorize_handler_is_asked_beyond_the_claim(void **state)
{
	struct visitor visitor;
	wsm_event *event;
	json_t *message;

	(void)state;
	OPEN(NULL);
	wsm_want(host.runtime, WSM_WANT_AUTHORIZE);
	visitor_try(&visitor, host.port, "/ws",
	            with("Authorization: Bearer ", token_for("u1", 600, ",\"rooms\":[\"job:*\"]")));
	expect_user(&visitor, "u1");
	visitor_say(&visitor, "{\"action\":\"subscribe\",\"room\":\"job:2\"}");
	json_decref(visitor_await(&visitor, "subscribed"));
	assert_null(host_event_now(&host, WSM_EVENT_AUTHORIZE));
	for (int allow = 0; allow < 2; allow++) {
		visitor_say(&visitor, "{\"action\":\"subscribe\",\"room\":\"project:2\"}");
		event = host_event(&host, WSM_EVENT_AUTHORIZE);
		assert_string_equal(event->data.data, "project:2");
		wsm_authorized(host.runtime, event->ticket, allow);
		wsm_event_free(event);
		json_decref(visitor_await(&visitor, allow ? "subscribed" : "error"));
	}
	/* What the host was asked about, another token does not take away. */
	visitor_say(&visitor, "{\"action\":\"auth\",\"token\":\"%s\"}", token_for("u1", 600, ""));
	message = visitor_await(&visitor, "unsubscribed");
	assert_string_equal(text_at(message, "data.room"), "job:2");
	json_decref(message);
	json_decref(visitor_await(&visitor, "authenticated"));
	assert_int_equal(host_send(&host, "project:2", "x", "{}").recipients, 1);
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
	wsm_authenticated(host.runtime, event->ticket, &decision, NULL);
	wsm_event_free(event);
	greeting = visitor_next(&visitor);
	assert_string_equal(text_at(greeting, "data.user_id"), "u9");
	assert_null(at(greeting, "data.expires_at"));
	json_decref(greeting);
	visitor_say(&visitor, "{\"action\":\"auth\",\"token\":\"%s\"}", token_for("u9", 600, ""));
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
	OPEN(SOON, NULL);
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

static void it_is_told_once(void **state)
{
	struct visitor visitor;

	(void)state;
	OPEN(SOON, NULL);
	visitor_try(&visitor, host.port, "/ws", with("Authorization: Bearer ", token_for("u1", 30, "")));
	expect_user(&visitor, "u1");
	json_decref(visitor_await(&visitor, "token_expiring"));
	for (int i = 0; i < 3; i++)
		json_decref(of_type(visitor_next(&visitor), "heartbeat"));
	visitor_leave(&visitor);
}

static void a_new_one_of_the_same_user_renews_it(void **state)
{
	struct visitor visitor;
	json_t *message;

	(void)state;
	OPEN("token_expiring_notice", "1", SOON, NULL);
	visitor_try(&visitor, host.port, "/ws", with("Authorization: Bearer ", token_for("u1", 2, "")));
	expect_user(&visitor, "u1");
	json_decref(visitor_await(&visitor, "token_expiring"));
	/* Another user's, and a bad one, change nothing. */
	visitor_say(&visitor, "{\"action\":\"auth\",\"id\":1,\"token\":\"%s\"}", token_for("u2", 600, ""));
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
	visitor_try(&visitor, host.port, "/ws/project/1",
	            with("Authorization: Bearer ", token_for("u1", 600, ",\"rooms\":[\"*\"]")));
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
	visitor_try(&visitor, host.port, "/ws",
	            with("Authorization: Bearer ", token_for("u1", 600, ",\"jti\":\"t1\"")));
	expect_user(&visitor, "u1");
	expect_close("/ws", line, 4401, "used before");
	visitor_say(&visitor, "{\"action\":\"auth\",\"token\":\"%s\"}", token);
	message = visitor_await(&visitor, "error");
	assert_string_equal(text_at(message, "data.message"), "the token was used before");
	json_decref(message);
	visitor_say(&visitor, "{\"action\":\"auth\",\"token\":\"%s\"}", token_for("u1", 600, ",\"jti\":\"t2\""));
	json_decref(visitor_await(&visitor, "authenticated"));
	visitor_leave(&visitor);
	expect_close("/ws", with("Authorization: Bearer ", token_for("u1", 600, "")), 4401, "no jti");
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
		over_a_host(bad_tokens_are_refused_with_a_reason),
		over_a_host(without_a_token_in_time_it_is_over),
		over_a_host(a_bad_first_message_is_the_last),
		over_a_host(more_than_a_little_before_the_token_is_refused),
		over_a_host(rooms_outside_the_claim_are_forbidden),
		over_a_host(history_over_rest_needs_a_token_for_the_room),
		over_a_host(the_authorize_handler_is_asked_beyond_the_claim),
		over_a_host(the_authenticate_handler_decides_about_those_without_a_token),
		over_a_host(who_the_host_has_admitted_needs_no_token),
		over_a_host(it_is_told_to_expire_and_then_the_connection_ends),
		over_a_host(it_is_told_once),
		over_a_host(a_new_one_of_the_same_user_renews_it),
		over_a_host(a_renewal_that_allows_less_takes_rooms_away),
		over_a_host(each_jti_is_good_once),
		cmocka_unit_test(mistakes_are_found_before_the_start),
		cmocka_unit_test(a_public_key_may_be_text_or_a_file),
	};

	return cmocka_run_group_tests_name("runtime_jwt", tests, NULL, NULL);
}
