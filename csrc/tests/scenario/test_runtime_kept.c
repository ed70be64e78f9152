/* Revocations and bans outlive the process where there is a store. */
#include "folder.h"
#include "token_scene.h"

#define OPTIONS                                                                                                        \
	"jwt_secret", SECRET_32, "store", file, "ban_threshold", "8", "ban_time", "600", "exempt_ips", "none",         \
		"trusted_proxies", "none"

static int make_folder(void **state)
{
	(void)state;
	folder_make();
	host_open(&host, OPTIONS, NULL);
	return 0;
}

static int drop_folder(void **state)
{
	(void)state;
	host_close(&host);
	folder_drop();
	return 0;
}

static void restart(void)
{
	host_close(&host);
	host_open(&host, OPTIONS, NULL);
}

static void take_back(struct host *at, const char *jti, const char *user)
{
	const wsm_revocation what = { .jti = wsm__str(jti), .user_id = wsm__str(user) };

	assert_int_equal(wsm_revoke(at->runtime, &what, NULL), WSM_OK);
}

static int unrevoke(struct host *at, const char *jti)
{
	return wsm_unrevoke(at->runtime, wsm__str(jti), wsm__str(NULL), NULL);
}

/* Comes in with a token that was issued five seconds ago. */
static void come(struct visitor *visitor, const struct host *at, const char *user, const char *jti)
{
	char claims[128];

	snprintf(claims, sizeof(claims), ",\"iat\":%lld,\"jti\":\"%s\"", seconds() - 5, jti);
	visitor_try(visitor, at->port, "/ws", with("Authorization: Bearer ", token_for(user, 600, claims)));
}

static void expect_revoked(const char *user, const char *jti)
{
	struct visitor visitor;

	come(&visitor, &host, user, jti);
	assert_int_equal(visitor_end(&visitor), 4401);
	assert_string_equal(visitor.reason, "the token was revoked");
	visitor_leave(&visitor);
}

static void expect_welcome(const char *user, const char *jti)
{
	struct visitor visitor;

	come(&visitor, &host, user, jti);
	expect_user(&visitor, user);
	visitor_leave(&visitor);
}

static void what_is_revoked_stays_so(void **state)
{
	struct visitor visitor;

	(void)state;
	come(&visitor, &host, "u1", "t1");
	expect_user(&visitor, "u1");
	take_back(&host, "t1", NULL);
	assert_int_equal(visitor_end(&visitor), 4401); /* as long as it runs it is written with that */
	visitor_leave(&visitor);
	take_back(&host, NULL, "u2");
	take_back(&host, "t3", NULL);
	restart();
	assert_int_equal(host_stat(&host, "revocations"), 3);
	expect_revoked("u1", "t1");
	expect_revoked("u2", "t2");
	expect_revoked("u3", "t3");
	expect_welcome("u1", "other");
	assert_int_equal(unrevoke(&host, "t3"), WSM_OK);
	restart();
	expect_revoked("u1", "t1");
	expect_welcome("u3", "t3");
	assert_int_equal(unrevoke(&host, "t3"), WSM_ENOTFOUND);
}

static void what_is_said_before_the_start_counts(void **state)
{
	(void)state;
	take_back(&host, "t1", NULL);
	take_back(&host, "t2", NULL);
	host_close(&host);
	host_make(&host, "port", "0", OPTIONS, NULL);
	assert_int_equal(unrevoke(&host, "t1"), WSM_OK); /* whether or not the file has it */
	take_back(&host, "t3", NULL);
	host_start(&host);
	expect_welcome("u1", "t1");
	expect_revoked("u2", "t2");
	expect_revoked("u3", "t3");
	assert_int_equal(wsm_runtime_stop(host.runtime, 0), WSM_OK);
	take_back(&host, "t4", NULL); /* written by the next start */
	host_start(&host);
	restart();
	expect_welcome("u1", "t1");
	expect_revoked("u2", "t2");
	expect_revoked("u3", "t3");
	expect_revoked("u4", "t4");
}

/* More than a page of them, and more than may be made now. */
static void all_are_loaded(void **state)
{
	char user[24];

	(void)state;
	for (int i = 0; i < 2345; i++) {
		snprintf(user, sizeof(user), "user-%d", i);
		take_back(&host, NULL, user);
	}
	host_close(&host);
	host_open(&host, OPTIONS, "max_revocations", "100", NULL);
	assert_int_equal(host_stat(&host, "revocations"), 2345);
	expect_revoked("user-2344", "t1");
}

/* The row of an address, or NULL. Release it. */
static json_t *ban_of(const char *ip)
{
	json_t *bans = host_ask(&host, WSM_QUERY_BANS, NULL), *row, *found = NULL;
	size_t i;

	json_array_foreach(bans, i, row)
		if (!strcmp(text_at(row, "ip"), ip))
			found = json_incref(row);
	json_decref(bans);
	return found;
}

static void expect_ban(const char *ip, const char *reason, bool automatic, long long least, long long most)
{
	json_t *row = ban_of(ip);

	assert_non_null(row);
	assert_string_equal(text_at(row, "reason"), reason);
	assert_int_equal(true_at(row, "automatic"), automatic);
	assert_in_range(number_at(row, "seconds"), least, most);
	json_decref(row);
}

static void ban(const char *ip, double length, const char *reason)
{
	assert_int_equal(wsm_ban(host.runtime, wsm__str(ip), length, wsm__str(reason), NULL), WSM_OK);
}

static void who_is_banned_by_hand_stays_so(void **state)
{
	(void)state;
	ban("192.0.2.7", 600, "it spammed \xc3\xa9");
	ban("2001:db8:1:2::7", 600, "");
	ban("192.0.2.8", 600, "a mistake");
	assert_int_equal(wsm_unban(host.runtime, wsm__str("192.0.2.8"), NULL), WSM_OK);
	restart();
	expect_ban("192.0.2.7", "it spammed \xc3\xa9", false, 540, 600);
	expect_ban("2001:db8:1:2::", "by the application", false, 540, 600);
	assert_null(ban_of("192.0.2.8"));
	assert_int_equal(host_stat(&host, "bans"), 0); /* none that is new */
	assert_int_equal(wsm_unban(host.runtime, wsm__str("192.0.2.7"), NULL), WSM_OK);
	restart();
	assert_null(ban_of("192.0.2.7"));
	assert_int_equal(host_stat(&host, "banned"), 1);
}

static bool is_banned(const char *ip)
{
	json_t *row = ban_of(ip);

	json_decref(row);
	return row != NULL;
}

static void who_was_banned_for_what_it_did_stays_so(void **state)
{
	struct visitor visitor;

	(void)state;
	for (int i = 0; i < 20 && !is_banned("127.0.0.2"); i++) {
		visitor_try(&visitor, host.port, "/ws", "Authorization: Bearer wrong\r\n");
		visitor_end(&visitor);
		visitor_leave(&visitor);
	}
	restart();
	expect_ban("127.0.0.2", "repeated bad tokens", true, 540, 600);
	visitor_try(&visitor, host.port, "/ws", NULL);
	visitor_end(&visitor);
	assert_int_equal(visitor.ws.messages, 0);
	visitor_leave(&visitor);
	/* Who exempts an address now, or bans nobody, has let it in. */
	host_close(&host);
	host_open(&host, "jwt_secret", SECRET_32, "store", file, "exempt_ips", "127.0.0.0/8", NULL);
	assert_null(ban_of("127.0.0.2"));
}

/* The next process of a rolling restart: until it can read who was revoked, no token is good. */
static void what_comes_late_counts_from_then_on(void **state)
{
	static const char *const tokens[] = { "t1", "t2" };
	struct host next;
	struct visitor other;

	(void)state;
	take_back(&host, "t1", NULL);
	ban("127.0.0.2", 600, "it spammed");
	host_stat_reaches(&host, "banned", 1);
	host_make(&next, "port", "0", OPTIONS, "store_wait", "60", NULL);
	wsm_want(next.runtime, WSM_WANT_LOG);
	host_start(&next);
	wsm_event_free(host_line(&next, "not in force yet"));
	for (int i = 0; i < 2; i++) {
		come(&other, &next, "u1", tokens[i]);
		assert_int_equal(visitor_end(&other), 1013);
		assert_non_null(strstr(other.reason, "try again"));
		visitor_leave(&other);
	}
	take_back(&next, "t5", NULL); /* kept once that is possible */
	host_close(&host);
	wsm_event_free(host_line(&next, "1 revocations and 1 bans are in force again"));
	assert_int_equal(wsm_unban(next.runtime, wsm__str("127.0.0.2"), NULL), WSM_OK);
	come(&other, &next, "u1", "t1");
	assert_int_equal(visitor_end(&other), 4401);
	visitor_leave(&other);
	host_close(&next);
	host_open(&host, OPTIONS, NULL);
	expect_revoked("u5", "t5");
	assert_null(ban_of("127.0.0.2"));
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, make_folder, drop_folder)
	const struct CMUnitTest tests[] = {
		CASE(what_is_revoked_stays_so),
		CASE(what_is_said_before_the_start_counts),
		CASE(all_are_loaded),
		CASE(who_is_banned_by_hand_stays_so),
		CASE(who_was_banned_for_what_it_did_stays_so),
		CASE(what_comes_late_counts_from_then_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
