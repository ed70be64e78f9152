/* Who may do what, over real sockets: rules, grants, and everything that could be a way around them. */
#include "token_scene.h"

static void rule(const char *pattern, const char *setting, const char *value)
{
	assert_int_equal(wsm_room_rule_set(host.runtime, wsm__str(pattern), wsm__str(setting), wsm__str(value), NULL),
	                 WSM_OK);
}

/* By the host; a question after it makes sure that it has been done. */
static void give(int (*call)(wsm_runtime *, wsm_slice, wsm_slice, wsm_error *), const char *user, const char *room)
{
	assert_int_equal(call(host.runtime, wsm__str(user), wsm__str(room), NULL), WSM_OK);
	host_stat(&host, "rooms");
}

static int open_plain(void **state)
{
	(void)state;
	host_open(&host, "rate", "0", NULL);
	return 0;
}

static int open_tokens(void **state)
{
	(void)state;
	OPEN("rate", "0", NULL);
	return 0;
}

/* Sends an action and says what came: "" for the answer, else the code of the error. */
static const char *
try
	(struct visitor *visitor, const char *action, const char *room)
	{
		static char code[64];
		json_t *message;

		visitor_say(visitor, "{\"action\":\"%s\",\"room\":\"%s\",\"data\":1,\"id\":\"%s %s\"}", action, room,
		            action, room);
		do {
			message = visitor_next(visitor);
			if (at(message, "id"))
				break;
			json_decref(message);
		} while (true);
		snprintf(code, sizeof(code), "%s", text_at(message, "data.code"));
		json_decref(message);
		return code;
	}

#define allowed(visitor, action, room) assert_string_equal(try (visitor, action, room), "")
#define forbidden(visitor, action, room) assert_string_equal(try (visitor, action, room), "forbidden")

static void come(struct visitor *visitor, const char *path, const char *user, const char *claims)
{
	visitor_try(visitor, host.port, path, with("Authorization: Bearer ", token_for(user, 600, claims)));
	expect_user(visitor, user);
}

/* ---- without authentication ------------------------------------------------------------------------------------- */

static void without_authentication_everything_is_open_but_publishing(void **state)
{
	struct visitor visitor;

	(void)state;
	visitor_open(&visitor, host.port, "/ws?session_id=s1");
	allowed(&visitor, "subscribe", "a");
	allowed(&visitor, "history", "b");
	allowed(&visitor, "presence", "c");
	allowed(&visitor, "stats", "");
	forbidden(&visitor, "publish", "a");
	host_stat_reaches(&host, "forbidden", 1);
	rule("chat:*", "publish", "anyone");
	allowed(&visitor, "publish", "chat:1");
	forbidden(&visitor, "publish", "a");
	visitor_leave(&visitor);
}

static void rules_close_rooms_without_authentication_too(void **state)
{
	struct visitor visitor;

	(void)state;
	rule("secret:*", "subscribe", "nobody");
	rule("secret:open", "subscribe", "anyone");
	rule("users", "subscribe", "authenticated");
	rule("given", "subscribe", "granted");
	rule("quiet", "presence", "nobody");
	visitor_open(&visitor, host.port, "/ws");
	forbidden(&visitor, "subscribe", "secret:1");
	forbidden(&visitor, "history", "secret:1");
	forbidden(&visitor, "presence", "secret:1");
	allowed(&visitor, "subscribe", "secret:open");
	forbidden(&visitor, "subscribe", "users");
	forbidden(&visitor, "subscribe", "given");
	allowed(&visitor, "subscribe", "quiet");
	forbidden(&visitor, "presence", "quiet");
	rule("secret:*", "subscribe", ""); /* taken back */
	allowed(&visitor, "subscribe", "secret:1");
	visitor_leave(&visitor);
	/* An endpoint is no way around them, nor is the name of a project. */
	rule("project:9", "subscribe", "nobody");
	expect_close("/ws/project/9", NULL, 4403, "a room rule allows this to nobody");
	visitor_open(&visitor, host.port, "/ws/project/8");
	visitor_say(&visitor, "{\"action\":\"subscribe\",\"project_id\":9,\"id\":1}");
	json_decref(visitor_await(&visitor, "error"));
	visitor_say(&visitor, "{\"action\":\"subscribe\",\"channel\":\"project:9\",\"id\":1}");
	json_decref(visitor_await(&visitor, "error"));
	visitor_leave(&visitor);
	host_stat_reaches(&host, "refused_connections", 1);
}

/* `who`: a value of the setting that leaves this visitor out. */
static void history_is_closed_for(const char *project, const char *who)
{
	struct visitor visitor;
	char room[32], path[512], endpoint[32];
	json_t *message, *row;
	wsm_delivery first;

	snprintf(room, sizeof(room), "project:%s", project);
	snprintf(endpoint, sizeof(endpoint), "/ws/project/%s", project);
	rule(room, "history", who);
	first = host_send(&host, room, "x", "{\"n\":1}");
	host_send(&host, room, "x", "{\"n\":2}");
	visitor_open(&visitor, host.port, "/ws");
	forbidden(&visitor, "history", room);
	visitor_say(&visitor, "{\"action\":\"subscribe\",\"room\":\"%s\",\"since\":{\"epoch\":\"%s\",\"offset\":0}}",
	            room, first.epoch);
	message = visitor_await(&visitor, "subscribed");
	assert_false(true_at(message, "data.recovered"));
	json_decref(message);
	visitor_expect_silence(&visitor);
	visitor_leave(&visitor);
	resume_path(path, sizeof(path), endpoint, room, first.epoch, 0);
	message = visitor_greet(&visitor, host.port, path);
	row = json_object_get(json_object_get(at(message, "data"), "rooms"), room);
	assert_false(true_at(row, "recovered"));
	json_decref(message);
	visitor_expect_silence(&visitor);
	visitor_leave(&visitor);
	/* Nor by the firehose. */
	resume_path(path, sizeof(path), "/ws/notifications", room, first.epoch, 0);
	visitor_open(&visitor, host.port, path);
	visitor_expect_silence(&visitor);
	visitor_leave(&visitor);
}

static void closed_history_cannot_be_had_by_a_position(void **state)
{
	(void)state;
	history_is_closed_for("1", "nobody");
	history_is_closed_for("2", "granted");
	history_is_closed_for("3", "authenticated");
}

static void the_firehose_is_no_way_around_rules(void **state)
{
	struct visitor visitor;
	json_t *message;

	(void)state;
	rule("internal:*", "subscribe", "nobody");
	rule("internal:open", "subscribe", "anyone");
	rule("users", "subscribe", "authenticated");
	rule("given", "subscribe", "granted");
	visitor_open(&visitor, host.port, "/ws/notifications");
	assert_int_equal(host_send(&host, "internal:1", "x", "{}").recipients, 0);
	assert_int_equal(host_send(&host, "users", "x", "{}").recipients, 0);
	assert_int_equal(host_send(&host, "given", "x", "{}").recipients, 0);
	assert_int_equal(host_send(&host, "internal:open", "y", "{}").recipients, 1);
	message = of_type(visitor_next(&visitor), "y");
	json_decref(message);
	visitor_expect_silence(&visitor);
	visitor_leave(&visitor);
	/* Nor is its recovery. */
	visitor_open(&visitor, host.port, "/ws/notifications");
	visitor_expect_silence(&visitor);
	visitor_leave(&visitor);
}

/* ---- with tokens ------------------------------------------------------------------------------------------------ */

static void a_token_without_rooms_grants_none(void **state)
{
	static const char *const actions[] = { "subscribe", "history", "presence", "publish", "stats" };
	struct visitor visitor;
	json_t *message;

	(void)state;
	come(&visitor, "/ws", "u1", "");
	for (size_t i = 0; i < 5; i++)
		forbidden(&visitor, actions[i], "a");
	visitor_say(&visitor, "{\"action\":\"subscribe\",\"room\":\"a\"}");
	message = visitor_await(&visitor, "error");
	assert_non_null(strstr(text_at(message, "data.message"), "rooms claim")); /* says what to do */
	json_decref(message);
	assert_int_equal(host_send(&host, "@all", "x", "{}").recipients, 1); /* for everyone who is let in */
	visitor_leave(&visitor);
	with("Authorization: Bearer ", token);
	expect_close("/ws/project/1", line, 4403, "rooms claim");
	expect_close("/ws/logs", line, 4403, "rooms claim");
	expect_close("/ws/notifications", line, 4403, "grant of all rooms");
}

static void one_rule_opens_all_rooms_to_users_but_not_the_firehose(void **state)
{
	struct visitor visitor;

	(void)state;
	rule("*", "subscribe", "authenticated");
	come(&visitor, "/ws/project/1", "u1", "");
	allowed(&visitor, "subscribe", "a");
	allowed(&visitor, "history", "a");
	allowed(&visitor, "presence", "a");
	forbidden(&visitor, "publish", "a");
	forbidden(&visitor, "stats", "");
	visitor_leave(&visitor);
	expect_close("/ws/notifications", line, 4403, "grant of all rooms");
	rule("closed", "subscribe", "nobody");
	come(&visitor, "/ws/notifications", "u1", ",\"rooms\":[\"*\"]");
	allowed(&visitor, "stats", "");
	assert_int_equal(host_send(&host, "a", "x", "{}").recipients, 1);
	assert_int_equal(host_send(&host, "closed", "x", "{}").recipients, 0);
	visitor_leave(&visitor);
}

static void publishing_needs_a_claim_of_its_own(void **state)
{
	struct visitor visitor;

	(void)state;
	come(&visitor, "/ws", "u1", ",\"rooms\":[\"*\"],\"publish\":[\"chat:*\"]");
	allowed(&visitor, "publish", "chat:1");
	forbidden(&visitor, "publish", "chat");
	forbidden(&visitor, "publish", "a");
	rule("chat:closed", "publish", "nobody");
	forbidden(&visitor, "publish", "chat:closed");
	visitor_leave(&visitor);
}

static void what_the_host_subscribes_a_user_to_is_granted(void **state)
{
	struct visitor visitor, other;

	(void)state;
	come(&visitor, "/ws", "u1", "");
	come(&other, "/ws", "u2", "");
	forbidden(&visitor, "history", "team:1");
	give(wsm_subscribe, "u1", "team:1");
	allowed(&visitor, "history", "team:1");
	allowed(&visitor, "subscribe", "team:1");
	forbidden(&visitor, "publish", "team:1");
	forbidden(&other, "subscribe", "team:1");
	assert_int_equal(host_send(&host, "team:1", "x", "{}").recipients, 1);
	/* What was granted so ends with it, though the client has subscribed to it itself. */
	give(wsm_unsubscribe, "u1", "team:1");
	json_decref(visitor_await(&visitor, "unsubscribed"));
	assert_int_equal(host_send(&host, "team:1", "x", "{}").recipients, 0);
	forbidden(&visitor, "history", "team:1");
	visitor_leave(&visitor);
	visitor_leave(&other);
}

static void a_session_belongs_to_who_vouches_for_its_user(void **state)
{
	wsm_slice session = wsm__str("s1"), user = wsm__str("u1");
	wsm_publication to_session = { .target = WSM_TO_SESSION, .ids = &session, .n_ids = 1, .type = wsm__str("x") };
	wsm_publication to_user = { .target = WSM_TO_USER, .ids = &user, .n_ids = 1, .type = wsm__str("x") };
	struct visitor mine, thief;

	(void)state;
	come(&mine, "/ws", "u1", ",\"sid\":\"s1\"");
	come(&thief, "/ws?session_id=s1", "u2", "");
	assert_int_equal(host_publish(&host, &to_session, "{}").recipients, 1);
	assert_int_equal(host_publish(&host, &to_user, "{}").recipients, 1);
	json_decref(visitor_await(&mine, "x"));
	visitor_expect_silence(&thief);
	visitor_leave(&mine);
	visitor_leave(&thief);
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

static void history_over_rest_follows_the_same_rules(void **state)
{
	(void)state;
	rule("open", "history", "anyone");
	rule("users", "subscribe", "authenticated");
	rule("closed", "history", "nobody");
	assert_int_equal(history_status("open", ""), 200);
	assert_int_equal(history_status("users", ""), 401);
	assert_int_equal(history_status("a", ""), 401);
	assert_int_equal(history_status("@all", ""), 401);
	assert_int_equal(history_status("closed", ""), 403);
	with("Authorization: Bearer ", token_for("u1", 600, ",\"rooms\":[\"closed\",\"mine\"]"));
	assert_int_equal(history_status("users", line), 200);
	assert_int_equal(history_status("mine", line), 200);
	assert_int_equal(history_status("@all", line), 200);
	assert_int_equal(history_status("a", line), 403);
	assert_int_equal(history_status("closed", line), 403);
	give(wsm_subscribe, "u1", "a");
	assert_int_equal(history_status("a", line), 200);
	host_stat_reaches(&host, "forbidden", 6);
}

/* ---- with handlers ---------------------------------------------------------------------------------------------- */

static void admit_with(const char *user, const char *room, const char *publish)
{
	wsm_slice rooms[] = { wsm__str(room) }, may[] = { wsm__str(publish) };
	wsm_decision decision = { .allow = true,
	                          .user_id = wsm__str(user),
	                          .subscribe = rooms,
	                          .n_subscribe = rooms[0].len ? 1 : 0,
	                          .publish = may,
	                          .n_publish = may[0].len ? 1 : 0 };
	wsm_event *event = host_event(&host, WSM_EVENT_AUTHENTICATE);

	assert_int_equal(wsm_authenticated(host.runtime, event->ticket, &decision, NULL), WSM_OK);
	wsm_event_free(event);
}

static void the_authenticate_handler_grants_rooms_and_publishing(void **state)
{
	struct visitor visitor;

	(void)state;
	wsm_want(host.runtime, WSM_WANT_AUTHENTICATE);
	visitor_try(&visitor, host.port, "/ws/project/1?session_id=stolen", NULL);
	admit_with("u1", "project:*", "chat:1");
	json_t *greeting = visitor_await(&visitor, "connection");
	assert_string_equal(text_at(greeting, "data.session_id"), "");
	assert_null(json_object_get(at(greeting, "data.rooms"), "project:*"));
	json_decref(greeting);
	allowed(&visitor, "subscribe", "project:2");
	allowed(&visitor, "publish", "chat:1");
	forbidden(&visitor, "subscribe", "chat:1");
	forbidden(&visitor, "publish", "project:2");
	visitor_leave(&visitor);
	/* Somebody, but nobody in particular. */
	visitor_try(&visitor, host.port, "/ws", NULL);
	admit_with(NULL, NULL, NULL);
	json_decref(visitor_await(&visitor, "connected"));
	forbidden(&visitor, "subscribe", "project:2");
	rule("users", "subscribe", "authenticated");
	forbidden(&visitor, "subscribe", "users");
	visitor_leave(&visitor);
	visitor_try(&visitor, host.port, "/ws/notifications", NULL);
	admit_with("u1", "project:*", NULL);
	assert_int_equal(visitor_end(&visitor), 4403);
	visitor_leave(&visitor);
	visitor_try(&visitor, host.port, "/ws/notifications", NULL);
	admit_with("u1", "*", NULL);
	json_decref(visitor_await(&visitor, "connection"));
	visitor_leave(&visitor);
}

static void who_may_publish_cannot_greet_as_an_endpoint_does(void **state)
{
	wsm_slice room = wsm__str("a");
	wsm_endpoint endpoint = {
		.path = wsm__str("/hall"),
		.rooms = &room,
		.n_rooms = 1,
		.greeting = wsm__str("welcome"),
		.heartbeat = wsm__str("beat"),
	};
	static const char *const types[] = { "welcome", "beat" };
	struct visitor visitor;

	(void)state;
	assert_int_equal(wsm_endpoint_set(host.runtime, &endpoint, NULL), WSM_OK);
	rule("a", "publish", "anyone");
	visitor_open(&visitor, host.port, "/ws");
	for (int i = 0; i < 2; i++) {
		json_t *answer;

		visitor_say(&visitor, "{\"action\":\"publish\",\"room\":\"a\",\"type\":\"%s\",\"data\":1}", types[i]);
		answer = of_type(visitor_next(&visitor), "error");
		assert_string_equal(text_at(answer, "data.code"), "bad_request");
		json_decref(answer);
	}
	visitor_leave(&visitor);
}

/* Answers the next question, which must be about that room. */
static void authorize(const char *action, const char *room, bool allow)
{
	wsm_event *event = host_event(&host, WSM_EVENT_AUTHORIZE);

	assert_string_equal(event->text.data, action);
	assert_string_equal(event->data.data, room);
	assert_int_equal(wsm_authorized(host.runtime, event->ticket, allow), WSM_OK);
	wsm_event_free(event);
}

static void the_authorize_handler_is_asked_about_endpoints_too(void **state)
{
	wsm_slice rooms[] = { wsm__str("a:{x}"), wsm__str("b:{x}") };
	wsm_endpoint endpoint = { .path = wsm__str("/two/{x}"), .rooms = rooms, .n_rooms = 2 };
	struct visitor visitor;

	(void)state;
	wsm_want(host.runtime, WSM_WANT_AUTHORIZE);
	assert_int_equal(wsm_endpoint_set(host.runtime, &endpoint, NULL), WSM_OK);
	visitor_try(&visitor, host.port, "/two/1", NULL);
	visitor_say(&visitor, "ping"); /* waits */
	authorize("subscribe", "a:1", true);
	authorize("subscribe", "b:1", true);
	json_decref(of_type(visitor_next(&visitor), "connected"));
	json_decref(of_type(visitor_next(&visitor), "pong"));
	assert_int_equal(host_send(&host, "b:1", "x", "{}").recipients, 1);
	visitor_leave(&visitor);
	visitor_try(&visitor, host.port, "/two/1", NULL);
	authorize("subscribe", "a:1", true);
	authorize("subscribe", "b:1", false);
	assert_int_equal(visitor_end(&visitor), 4403);
	assert_int_equal(json_array_size(visitor.inbox), 0);
	visitor_leave(&visitor);
	host_stat_reaches(&host, "refused_connections", 1);
	visitor_try(&visitor, host.port, "/ws/notifications", NULL);
	authorize("subscribe", "*", true);
	json_decref(of_type(visitor_next(&visitor), "connection"));
	visitor_say(&visitor, "{\"action\":\"stats\"}");
	authorize("stats", "*", true);
	json_decref(visitor_await(&visitor, "stats"));
	visitor_leave(&visitor);
	/* Rules that say who may need no question, and those that say nobody take none. */
	rule("a:*", "subscribe", "anyone");
	rule("b:*", "subscribe", "nobody");
	expect_close("/two/2", NULL, 4403, "a room rule allows this to nobody");
	assert_null(host_event_now(&host, WSM_EVENT_AUTHORIZE));
}

static void a_client_that_goes_while_its_endpoint_is_asked_about(void **state)
{
	struct visitor visitor;
	wsm_event *event;

	(void)state;
	wsm_want(host.runtime, WSM_WANT_AUTHORIZE);
	visitor_try(&visitor, host.port, "/ws/project/1", NULL);
	event = host_event(&host, WSM_EVENT_AUTHORIZE);
	visitor_vanish(&visitor);
	host_stat_falls(&host, "active_connections", 0);
	assert_int_equal(wsm_authorized(host.runtime, event->ticket, true), WSM_OK);
	assert_int_equal(host_send(&host, "project:1", "x", "{}").recipients, 0);
	wsm_event_free(event);
}

static void a_token_by_message_waits_for_the_endpoints_rooms(void **state)
{
	struct visitor visitor;
	json_t *message;

	(void)state;
	wsm_want(host.runtime, WSM_WANT_AUTHORIZE);
	visitor_try(&visitor, host.port, "/ws/project/1", NULL);
	visitor_say(&visitor, "{\"action\":\"auth\",\"token\":\"%s\",\"id\":7}", token_for("u1", 600, ""));
	visitor_say(&visitor, "{\"action\":\"auth\",\"token\":\"%s\",\"id\":8}", token); /* renews, later */
	authorize("subscribe", "project:1", true);
	expect_user(&visitor, "u1");
	for (int id = 7; id <= 8; id++) {
		message = of_type(visitor_next(&visitor), "authenticated");
		assert_int_equal(number_at(message, "id"), id);
		json_decref(message);
	}
	/* The handler was asked about this room: the token that does not name it has not taken it away. */
	assert_int_equal(host_send(&host, "project:1", "x", "{}").recipients, 1);
	visitor_leave(&visitor);
}

static void a_renewal_keeps_a_firehose_that_the_handler_gave(void **state)
{
	struct visitor visitor;

	(void)state;
	wsm_want(host.runtime, WSM_WANT_AUTHORIZE);
	visitor_try(&visitor, host.port, "/ws/notifications", with("Authorization: Bearer ", token_for("u1", 600, "")));
	authorize("subscribe", "*", true);
	expect_user(&visitor, "u1");
	visitor_say(&visitor, "{\"action\":\"auth\",\"token\":\"%s\"}", token_for("u1", 600, ""));
	json_decref(visitor_await(&visitor, "authenticated"));
	assert_int_equal(host_send(&host, "a", "x", "{}").recipients, 1);
	visitor_leave(&visitor);
}

static void a_user_of_the_hosts_has_no_session_from_the_query(void **state)
{
	wsm_admission admission = { .admitted = true, .user_id = wsm__str("u1") };
	char request[1024], head[2048];
	struct raw_frame frame;
	uint64_t number;
	int ours, theirs;

	(void)state;
	for (int user = 1; user >= 0; user--) { /* without a user it is what the client says */
		raw_upgrade(request, sizeof(request), "/x?session_id=s1", "");
		raw_pair(&ours, &theirs);
		assert_int_equal(wsm_adopt(host.runtime, ours, request, strlen(request), &admission, &number, NULL),
		                 WSM_OK);
		raw_head(theirs, head, sizeof(head));
		assert_true(raw_next(theirs, &frame));
		assert_non_null(strstr(frame.data, user ? "\"session_id\":null" : "\"session_id\":\"s1\""));
		close(theirs);
		admission.user_id = wsm__str(NULL);
	}
}

static void a_renewal_keeps_what_the_host_has_granted(void **state)
{
	struct visitor visitor;
	json_t *message;

	(void)state;
	come(&visitor, "/ws", "u1", ",\"rooms\":[\"a\"],\"publish\":[\"a\"]");
	give(wsm_subscribe, "u1", "team:1");
	allowed(&visitor, "subscribe", "a");
	allowed(&visitor, "publish", "a");
	visitor_say(&visitor, "{\"action\":\"auth\",\"token\":\"%s\"}", token_for("u1", 600, ""));
	message = visitor_await(&visitor, "unsubscribed");
	assert_string_equal(text_at(message, "data.room"), "a");
	assert_non_null(strstr(text_at(message, "data.reason"), "new token"));
	json_decref(message);
	json_decref(visitor_await(&visitor, "authenticated"));
	forbidden(&visitor, "subscribe", "a");
	forbidden(&visitor, "publish", "a");
	assert_int_equal(host_send(&host, "team:1", "x", "{}").recipients, 1);
	visitor_leave(&visitor);
	come(&visitor, "/ws/notifications", "u1", ",\"rooms\":[\"*\"]");
	visitor_say(&visitor, "{\"action\":\"auth\",\"token\":\"%s\"}", token_for("u1", 600, ",\"rooms\":[\"a*\"]"));
	assert_int_equal(visitor_end(&visitor), 4403);
	visitor_leave(&visitor);
}

int main(void)
{
#define CASE(open, name) cmocka_unit_test_setup_teardown(name, open, close_host)
	const struct CMUnitTest tests[] = {
		CASE(open_plain, without_authentication_everything_is_open_but_publishing),
		CASE(open_plain, rules_close_rooms_without_authentication_too),
		CASE(open_plain, closed_history_cannot_be_had_by_a_position),
		CASE(open_plain, the_firehose_is_no_way_around_rules),
		CASE(open_tokens, a_token_without_rooms_grants_none),
		CASE(open_tokens, one_rule_opens_all_rooms_to_users_but_not_the_firehose),
		CASE(open_tokens, publishing_needs_a_claim_of_its_own),
		CASE(open_tokens, what_the_host_subscribes_a_user_to_is_granted),
		CASE(open_tokens, a_session_belongs_to_who_vouches_for_its_user),
		CASE(open_tokens, history_over_rest_follows_the_same_rules),
		CASE(open_plain, the_authenticate_handler_grants_rooms_and_publishing),
		CASE(open_plain, who_may_publish_cannot_greet_as_an_endpoint_does),
		CASE(open_plain, the_authorize_handler_is_asked_about_endpoints_too),
		CASE(open_plain, a_client_that_goes_while_its_endpoint_is_asked_about),
		CASE(open_tokens, a_token_by_message_waits_for_the_endpoints_rooms),
		CASE(open_tokens, a_renewal_keeps_a_firehose_that_the_handler_gave),
		CASE(open_plain, a_user_of_the_hosts_has_no_session_from_the_query),
		CASE(open_tokens, a_renewal_keeps_what_the_host_has_granted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
