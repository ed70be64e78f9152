/* What is taken back while the runtime runs: tokens, users, keys. */
#include "token_scene.h"

#define OTHER_32 "fedcba9876543210fedcba9876543210"

static void take_back(const char *jti, const char *user, uint64_t before_ms)
{
	const wsm_revocation what = { .jti = wsm__str(jti), .user_id = wsm__str(user), .before_ms = before_ms };

	assert_int_equal(wsm_revoke(host.runtime, &what, NULL), WSM_OK);
}

/* Comes in with a token that was issued so many seconds ago. */
static void come(struct visitor *visitor, const char *user, long long age, const char *jti)
{
	char claims[128];

	snprintf(claims, sizeof(claims), ",\"iat\":%lld%s%s%s", seconds() - age, jti ? ",\"jti\":\"" : "",
	         jti ? jti : "", jti ? "\"" : "");
	visitor_try(visitor, host.port, "/ws", with("Authorization: Bearer ", token_for(user, 600, claims)));
}

static unsigned history_status(void)
{
	char request[TOKEN_SIZE + 512];
	json_t *body = NULL;
	unsigned status;

	snprintf(request, sizeof(request), "GET /api/ws/history?room=@all HTTP/1.1\r\nHost: localhost\r\n%s\r\n", line);
	status = raw_http(host.port, request, &body);
	json_decref(body);
	return status;
}

static void a_token_is_revoked_with_its_connections(void **state)
{
	struct visitor first, second, other;

	(void)state;
	OPEN(NULL);
	come(&other, "u1", 5, "t2");
	expect_user(&other, "u1");
	come(&first, "u1", 5, "t1");
	expect_user(&first, "u1");
	visitor_try(&second, host.port, "/ws", line);
	expect_user(&second, "u1");
	assert_int_equal(history_status(), 200);
	take_back("t1", NULL, 0);
	assert_int_equal(visitor_end(&first), 4401);
	assert_string_equal(first.reason, "the token was revoked");
	assert_int_equal(visitor_end(&second), 4401);
	expect_close("/ws", line, 4401, "the token was revoked");
	assert_int_equal(history_status(), 401);
	visitor_say(&other, "{\"action\":\"auth\",\"token\":\"%s\"}", token); /* nor by renewing */
	json_decref(visitor_await(&other, "error"));
	host_stat_reaches(&host, "revoked", 5);
	host_stat_reaches(&host, "revocations", 1);
	assert_int_equal(wsm_unrevoke(host.runtime, wsm__str("t1"), wsm__str(NULL), NULL), WSM_OK);
	assert_int_equal(wsm_unrevoke(host.runtime, wsm__str("t1"), wsm__str(NULL), NULL), WSM_ENOTFOUND);
	visitor_leave(&first);
	visitor_try(&first, host.port, "/ws", line);
	expect_user(&first, "u1");
	visitor_leave(&first);
	visitor_leave(&second);
	visitor_leave(&other);
}

static void a_user_is_revoked_up_to_a_time(void **state)
{
	struct visitor old, older, ageless, recent, other;
	uint64_t before = (uint64_t)(seconds() - 60) * 1000;

	(void)state;
	OPEN(NULL);
	come(&old, "u1", 90, NULL);
	expect_user(&old, "u1");
	come(&recent, "u1", 30, NULL);
	expect_user(&recent, "u1");
	come(&other, "u2", 100, NULL);
	expect_user(&other, "u2");
	visitor_try(&ageless, host.port, "/ws", with("Authorization: Bearer ", token_for("u1", 600, "")));
	expect_user(&ageless, "u1");
	take_back(NULL, "u1", before);
	assert_int_equal(visitor_end(&old), 4401);
	assert_int_equal(visitor_end(&ageless), 4401);
	expect_close("/ws", line, 4401, "the token was revoked"); /* says not when it was issued */
	come(&older, "u1", 90, NULL);
	assert_int_equal(visitor_end(&older), 4401);
	visitor_leave(&older);
	come(&older, "u1", 30, NULL);
	expect_user(&older, "u1");
	visitor_say(&recent, "ping");
	json_decref(visitor_await(&recent, "pong"));
	visitor_say(&other, "ping");
	json_decref(visitor_await(&other, "pong"));
	visitor_leave(&old);
	visitor_leave(&older);
	visitor_leave(&ageless);
	visitor_leave(&recent);
	visitor_leave(&other);
}

static void whom_the_host_has_let_in_goes_too(void **state)
{
	wsm_decision decision = { .allow = true, .user_id = wsm__str("u1") };
	struct visitor visitor;
	wsm_event *event;

	(void)state;
	host_open(&host, NULL);
	wsm_want(host.runtime, WSM_WANT_AUTHENTICATE);
	for (int round = 0; round < 2; round++) {
		visitor_try(&visitor, host.port, "/ws", NULL);
		event = host_event(&host, WSM_EVENT_AUTHENTICATE);
		wsm_authenticated(host.runtime, event->ticket, &decision, NULL);
		wsm_event_free(event);
		json_decref(visitor_await(&visitor, "connected"));
		take_back(NULL, "u1", (uint64_t)(seconds() + (round ? -60 : 60)) * 1000);
		if (round == 0) {
			assert_int_equal(visitor_end(&visitor), 4401);
		} else { /* the host has let it in anew, and a time that has passed changes nothing about it */
			visitor_say(&visitor, "ping");
			json_decref(visitor_await(&visitor, "pong"));
		}
		visitor_leave(&visitor);
		wsm_unrevoke(host.runtime, wsm__str(NULL), wsm__str("u1"), NULL);
	}
}

static void it_holds_over_a_stop(void **state)
{
	struct visitor visitor;
	wsm_text list;
	json_t *json;

	(void)state;
	OPEN(NULL);
	assert_int_equal(wsm_runtime_stop(host.runtime, 1000), WSM_OK);
	take_back("t1", NULL, 0); /* also while nobody is there */
	take_back(NULL, "u2", 0);
	host_start(&host);
	come(&visitor, "u1", 5, "t1");
	assert_int_equal(visitor_end(&visitor), 4401);
	visitor_leave(&visitor);
	come(&visitor, "u2", 5, NULL);
	assert_int_equal(visitor_end(&visitor), 4401);
	visitor_leave(&visitor);
	assert_int_equal(wsm_revocations(host.runtime, &list, NULL), WSM_OK);
	json = json_loadb(list.data, list.len, 0, NULL);
	assert_int_equal(json_array_size(json), 2);
	assert_string_equal(text_at(json_array_get(json, 0), "jti"), "t1");
	assert_true(number_at(json_array_get(json, 1), "until") > (seconds() + 2591000) * 1000);
	json_decref(json);
	wsm_text_free(&list);
}

static void what_makes_no_sense_is_refused(void **state)
{
	static const wsm_revocation bad[] = { { .before_ms = 1 },
	                                      { .jti = { "a", 1 }, .user_id = { "b", 1 } },
	                                      { .user_id = { "a\nb", 3 } },
	                                      { .jti = { "\xff", 1 } } };
	const wsm_revocation good[] = { { .jti = wsm__str("a") }, { .jti = wsm__str("b") } };
	wsm_error error;

	(void)state;
	OPEN("max_revocations", "1", NULL);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(wsm_revoke(host.runtime, &bad[i], &error), WSM_EINVAL);
	assert_int_equal(wsm_revoke(host.runtime, &good[0], &error), WSM_OK);
	assert_int_equal(wsm_revoke(host.runtime, &good[1], &error), WSM_EOVERLOADED);
	assert_non_null(strstr(error.message, "max_revocations"));
}

/* ---- keys ------------------------------------------------------------------------------------------------------- */

static void come_with(const char *secret, int code)
{
	struct visitor visitor;
	char payload[128];

	snprintf(payload, sizeof(payload), "{\"sub\":\"u1\",\"exp\":%lld}", seconds() + 60);
	token_hmac(token, "{\"alg\":\"HS256\"}", payload, 256, secret, 32);
	visitor_try(&visitor, host.port, "/ws", with("Authorization: Bearer ", token));
	if (!code)
		expect_user(&visitor, "u1");
	else
		assert_int_equal(visitor_end(&visitor), code);
	visitor_leave(&visitor);
}

static void secrets_are_exchanged_while_it_runs(void **state)
{
	struct visitor stays;
	wsm_error error;

	(void)state;
	OPEN(NULL);
	visitor_try(&stays, host.port, "/ws", with("Authorization: Bearer ", token_for("u1", 600, "")));
	expect_user(&stays, "u1");
	come_with(OTHER_32, 4401);
	assert_int_equal(wsm_reload_keys(host.runtime, OTHER_32 " " SECRET_32, NULL, NULL), WSM_OK);
	come_with(SECRET_32, 0);
	come_with(OTHER_32, 0);
	assert_int_equal(wsm_reload_keys(host.runtime, OTHER_32, NULL, NULL), WSM_OK);
	come_with(SECRET_32, 4401);
	come_with(OTHER_32, 0);
	/* What will not do leaves the old ones in force. */
	assert_int_equal(wsm_reload_keys(host.runtime, "short", NULL, &error), WSM_ECONFIG);
	assert_int_equal(wsm_reload_keys(host.runtime, "", NULL, &error), WSM_ECONFIG);
	come_with(OTHER_32, 0);
	visitor_say(&stays, "ping");
	json_decref(visitor_await(&stays, "pong"));
	visitor_leave(&stays);
	assert_int_equal(wsm_runtime_stop(host.runtime, 1000), WSM_OK);
	assert_int_equal(wsm_reload_keys(host.runtime, NULL, NULL, NULL), WSM_OK); /* as configured */
	host_start(&host);
	come_with(SECRET_32, 0);
	come_with(OTHER_32, 4401);
}

static void come_with_key(EVP_PKEY *key, int code)
{
	struct visitor visitor;
	char payload[128];

	snprintf(payload, sizeof(payload), "{\"sub\":\"u1\",\"exp\":%lld}", seconds() + 60);
	token_with_key(token, "{\"alg\":\"ES256\"}", payload, 256, key);
	visitor_try(&visitor, host.port, "/ws", with("Authorization: Bearer ", token));
	if (!code)
		expect_user(&visitor, "u1");
	else
		assert_int_equal(visitor_end(&visitor), code);
	visitor_leave(&visitor);
}

static void write_keys(const char *path, EVP_PKEY *first, EVP_PKEY *second)
{
	FILE *file = fopen(path, "w");
	char pem[2048];

	key_pem(first, false, pem, sizeof(pem));
	fputs(pem, file);
	if (second) {
		key_pem(second, false, pem, sizeof(pem));
		fputs(pem, file);
	}
	fclose(file);
}

static void the_file_of_a_public_key_is_read_again(void **state)
{
	EVP_PKEY *old = EVP_EC_gen("P-256"), *new = EVP_EC_gen("P-256"), *rsa = EVP_RSA_gen(2048);
	char path[] = "/tmp/wsm-keys-XXXXXX";
	wsm_error error;

	(void)state;
	close(mkstemp(path));
	write_keys(path, old, NULL);
	host_open(&host, "jwt_public_key", path, NULL);
	come_with_key(old, 0);
	come_with_key(new, 4401);
	write_keys(path, new, old);
	assert_int_equal(wsm_reload_keys(host.runtime, NULL, NULL, NULL), WSM_OK);
	come_with_key(old, 0);
	come_with_key(new, 0);
	write_keys(path, new, NULL);
	assert_int_equal(wsm_reload_keys(host.runtime, NULL, NULL, NULL), WSM_OK);
	come_with_key(old, 4401);
	come_with_key(new, 0);
	/* The algorithm stays what it was. */
	write_keys(path, rsa, NULL);
	assert_int_equal(wsm_reload_keys(host.runtime, NULL, NULL, &error), WSM_ECONFIG);
	assert_non_null(strstr(error.message, "not one for ES256"));
	unlink(path);
	assert_int_equal(wsm_reload_keys(host.runtime, NULL, NULL, &error), WSM_ECONFIG);
	come_with_key(new, 0);
	EVP_PKEY_free(old);
	EVP_PKEY_free(new);
	EVP_PKEY_free(rsa);
}

static void there_must_be_keys_to_reload(void **state)
{
	wsm_error error;

	(void)state;
	host_open(&host, NULL);
	assert_int_equal(wsm_reload_keys(host.runtime, SECRET_32, NULL, &error), WSM_ECONFIG);
	assert_null(strstr(error.message, SECRET_32));
}

int main(void)
{
#define CASE(name) cmocka_unit_test_teardown(name, close_host)
	const struct CMUnitTest tests[] = {
		CASE(a_token_is_revoked_with_its_connections), CASE(a_user_is_revoked_up_to_a_time),
		CASE(whom_the_host_has_let_in_goes_too),       CASE(it_holds_over_a_stop),
		CASE(what_makes_no_sense_is_refused),          CASE(secrets_are_exchanged_while_it_runs),
		CASE(the_file_of_a_public_key_is_read_again),  CASE(there_must_be_keys_to_reload),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
