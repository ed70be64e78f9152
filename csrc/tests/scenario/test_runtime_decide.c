/* The host decides: who comes in (authenticate), and who may do what (authorize). */
#include "late_log.h"
#include "raw.h"

#include <unistd.h>

static struct host host;

static int open_with(unsigned want, const char *auth_timeout)
{
	host_make(&host, "port", "0", "rate", "0", "auth_timeout", auth_timeout, NULL);
	wsm_want(host.runtime, want);
	host_start(&host);
	return 0;
}

static int open_authenticating(void **state)
{
	(void)state;
	return open_with(WSM_WANT_AUTHENTICATE, "20");
}

static int open_authorizing(void **state)
{
	(void)state;
	return open_with(WSM_WANT_AUTHORIZE, "20");
}

static int open_impatient(void **state)
{
	(void)state;
	return open_with(WSM_WANT_AUTHENTICATE | WSM_WANT_AUTHORIZE, "0.1");
}

static int close_host(void **state)
{
	(void)state;
	host_close(&host);
	return 0;
}

/* The ticket of the next question; its data as JSON where it is some. */
static uint64_t question(wsm_event_kind kind, json_t **data)
{
	wsm_event *event = host_event(&host, kind);
	uint64_t ticket = event->ticket;

	assert_non_null(event->info);
	if (data)
		*data = json_loadb(event->data.data, event->data.len, 0, NULL);
	wsm_event_free(event);
	return ticket;
}

static void admit(uint64_t ticket, const char *user)
{
	const wsm_slice rooms[] = { wsm__str("project:*"), wsm__str("early:*") };
	wsm_decision decision = { .allow = true, .user_id = wsm__str(user), .subscribe = rooms, .n_subscribe = 2 };

	assert_int_equal(wsm_authenticated(host.runtime, ticket, &decision, NULL), WSM_OK);
}

static void the_question_describes_the_request(void **state)
{
	struct visitor visitor;
	json_t *data;
	uint64_t ticket;

	(void)state;
	visitor_try(&visitor, host.port, "/ws/project/caf%C3%A9?session_id=s&q=a%26b",
	            "Authorization: Bearer t0k\r\nCookie: c=1\r\n");
	ticket = question(WSM_EVENT_AUTHENTICATE, &data);
	assert_string_equal(text_at(data, "path"), "/ws/project/caf\xc3\xa9");
	assert_string_equal(text_at(data, "path_params.project_id"), "caf\xc3\xa9");
	assert_string_equal(text_at(data, "query"), "session_id=s&q=a%26b");
	assert_string_equal(text_at(data, "ip"), "127.0.0.2");
	assert_string_equal(text_at(data, "headers.authorization"), "Bearer t0k");
	assert_string_equal(text_at(data, "headers.cookie"), "c=1");
	assert_true(json_is_string(at(data, "headers.host")));
	json_decref(data);
	admit(ticket, "u1");
	json_decref(of_type(visitor_next(&visitor), "connection"));
	visitor_leave(&visitor);
}

static void who_is_allowed_is_that_user(void **state)
{
	struct visitor visitor;
	wsm_slice rooms[] = { wsm__str("team:1") }, user = wsm__str("u1");
	wsm_decision decision = {
		.allow = true, .user_id = user, .session_id = wsm__str("s9"), .rooms = rooms, .n_rooms = 1
	};
	wsm_publication to_user = { .target = WSM_TO_USER, .ids = &user, .n_ids = 1, .type = wsm__str("x") };
	json_t *greeting;

	(void)state;
	visitor_try(&visitor, host.port, "/ws", NULL);
	assert_int_equal(wsm_authenticated(host.runtime, question(WSM_EVENT_AUTHENTICATE, NULL), &decision, NULL),
	                 WSM_OK);
	greeting = of_type(visitor_next(&visitor), "connected");
	assert_string_equal(text_at(greeting, "data.user_id"), "u1");
	assert_string_equal(text_at(greeting, "data.session_id"), "s9");
	json_decref(greeting);
	assert_int_equal(host_send(&host, "team:1", "x", "{}").recipients, 1);
	assert_int_equal(host_publish(&host, &to_user, "{}").recipients, 1);
	visitor_leave(&visitor);
}

static void who_is_refused_is_closed_with_the_hosts_reason(void **state)
{
	struct visitor visitor;
	wsm_decision plain = { .allow = false };
	wsm_decision custom = { .allow = false, .code = 4403, .reason = wsm__str("this workspace is closed") };

	(void)state;
	visitor_try(&visitor, host.port, "/ws", NULL);
	wsm_authenticated(host.runtime, question(WSM_EVENT_AUTHENTICATE, NULL), &plain, NULL);
	assert_int_equal(visitor_end(&visitor), 4401);
	assert_int_equal(json_array_size(visitor.inbox), 0);
	visitor_leave(&visitor);
	visitor_try(&visitor, host.port, "/ws", NULL);
	wsm_authenticated(host.runtime, question(WSM_EVENT_AUTHENTICATE, NULL), &custom, NULL);
	assert_int_equal(visitor_end(&visitor), 4403);
	assert_string_equal(visitor.reason, "this workspace is closed");
	visitor_leave(&visitor);
}

static void the_token_endpoint_exists_where_the_host_authenticates(void **state)
{
	struct visitor visitor;
	wsm_event *event;

	(void)state;
	visitor_try(&visitor, host.port, "/ws/my.secret.token", NULL);
	event = host_event(&host, WSM_EVENT_AUTHENTICATE);
	assert_non_null(strstr(event->data.data, "\"token\":\"my.secret.token\""));
	assert_string_equal(event->info->path, "/ws/{token}"); /* a secret is no fact that handlers log */
	admit(event->ticket, "u1");
	wsm_event_free(event);
	json_decref(of_type(visitor_next(&visitor), "connected"));
	visitor_leave(&visitor);
}

static void what_is_said_early_is_carried_out_after_the_decision(void **state)
{
	struct visitor visitor;
	uint64_t ticket;
	json_t *message;

	(void)state;
	visitor_try(&visitor, host.port, "/ws", NULL);
	visitor_say(&visitor, "{\"action\":\"subscribe\",\"room\":\"early:1\"}");
	visitor_say(&visitor, "{\"action\":\"ping\",\"id\":1}");
	ticket = question(WSM_EVENT_AUTHENTICATE, NULL);
	host_stat_reaches(&host, "total_bytes_received", 40);
	admit(ticket, "u1");
	json_decref(of_type(visitor_next(&visitor), "connected"));
	if (late_log_used()) { /* the room has to open, and that holds up nothing else */
		json_decref(of_type(visitor_next(&visitor), "pong"));
		json_decref(of_type(visitor_next(&visitor), "subscribed"));
	} else {
		json_decref(of_type(visitor_next(&visitor), "subscribed"));
		message = of_type(visitor_next(&visitor), "pong");
		assert_int_equal(number_at(message, "id"), 1);
		json_decref(message);
	}
	visitor_leave(&visitor);
}

static void too_much_said_early_is_1013(void **state)
{
	struct visitor visitor;

	(void)state;
	visitor_try(&visitor, host.port, "/ws", NULL);
	for (int i = 0; i < 40; i++)
		visitor_say(&visitor, "ping");
	assert_int_equal(visitor_end(&visitor), 1013);
	visitor_leave(&visitor);
}

static void a_client_that_goes_away_meanwhile(void **state)
{
	struct visitor visitor;
	uint64_t ticket;

	(void)state;
	visitor_try(&visitor, host.port, "/ws", NULL);
	ticket = question(WSM_EVENT_AUTHENTICATE, NULL);
	visitor_leave(&visitor);
	host_stat_falls(&host, "active_connections", 0);
	admit(ticket, "u1"); /* nobody is there: nothing */
	admit(987654321, "u1");
	assert_int_equal(host_stat(&host, "active_connections"), 0);
	/* And one that is cut off. */
	visitor_try(&visitor, host.port, "/ws", NULL);
	ticket = question(WSM_EVENT_AUTHENTICATE, NULL);
	visitor_vanish(&visitor);
	admit(ticket, "u1");
	host_stat_falls(&host, "active_connections", 0);
}

static void decisions_that_are_wrong_are_refused_at_the_call(void **state)
{
	wsm_slice bad_room = wsm__str("a b");
	const wsm_decision bad[] = { { .allow = true, .user_id = wsm__str("a\nb") },
	                             { .code = 1005 },
	                             { .reason = wsm__str("\xff") } };
	wsm_decision room = { .allow = true, .rooms = &bad_room, .n_rooms = 1 };

	(void)state;
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(wsm_authenticated(host.runtime, 1, &bad[i], NULL), WSM_EINVAL);
	assert_int_equal(wsm_authenticated(host.runtime, 1, &room, NULL), WSM_EROOM);
}

static void no_answer_in_time_is_4401(void **state)
{
	struct visitor visitor;
	uint64_t ticket;

	(void)state;
	visitor_try(&visitor, host.port, "/ws", NULL);
	ticket = question(WSM_EVENT_AUTHENTICATE, NULL);
	assert_int_equal(visitor_end(&visitor), 4401);
	assert_non_null(strstr(visitor.reason, "in time"));
	admit(ticket, "u1"); /* too late */
	visitor_leave(&visitor);
}

static void no_permission_in_time_is_forbidden(void **state)
{
	struct visitor visitor;
	json_t *message;

	(void)state;
	visitor_try(&visitor, host.port, "/ws", NULL);
	admit(question(WSM_EVENT_AUTHENTICATE, NULL), "u1");
	json_decref(of_type(visitor_next(&visitor), "connected"));
	visitor_say(&visitor, "{\"action\":\"subscribe\",\"room\":\"r\",\"id\":5}");
	message = of_type(visitor_next(&visitor), "error");
	assert_string_equal(text_at(message, "data.code"), "forbidden");
	assert_int_equal(number_at(message, "id"), 5);
	json_decref(message);
	assert_int_equal(host_send(&host, "r", "x", "{}").recipients, 0);
	visitor_leave(&visitor);
}

static void permission_is_asked_for_each_action(void **state)
{
	static const char *const actions[] = { "subscribe", "history", "presence", "publish" };
	static const char *const answers[] = { "subscribed", "history", "presence", "published" };
	struct visitor visitor;
	wsm_event *event;
	json_t *message;

	(void)state;
	visitor_open(&visitor, host.port, "/ws");
	for (int i = 0; i < 4; i++) {
		for (int allow = 0; allow < 2; allow++) {
			visitor_say(&visitor, "{\"action\":\"%s\",\"room\":\"r%d\",\"data\":{\"a\":1},\"id\":%d}",
			            actions[i], i, i);
			event = host_event(&host, WSM_EVENT_AUTHORIZE);
			assert_string_equal(event->text.data, actions[i]);
			assert_int_equal(event->data.data[1], '0' + i);
			assert_int_equal(wsm_authorized(host.runtime, event->ticket, allow), WSM_OK);
			wsm_event_free(event);
			message = visitor_next(&visitor);
			of_type(message, allow ? answers[i] : "error");
			assert_int_equal(number_at(message, "id"), i);
			if (!allow)
				assert_string_equal(text_at(message, "data.code"), "forbidden");
			json_decref(message);
		}
	}
	visitor_say(&visitor, "{\"action\":\"unsubscribe\",\"room\":\"r0\"}"); /* leaving is free */
	json_decref(of_type(visitor_next(&visitor), "unsubscribed"));
	visitor_leave(&visitor);
}

static void a_publication_of_a_client(void **state)
{
	struct visitor sender, receiver;
	json_t *message;

	(void)state;
	visitor_open(&sender, host.port, "/ws");
	visitor_try(&receiver, host.port, "/ws/project/P", NULL);
	assert_int_equal(wsm_authorized(host.runtime, question(WSM_EVENT_AUTHORIZE, NULL), true), WSM_OK);
	json_decref(of_type(visitor_next(&receiver), "connection"));
	visitor_say(&sender, "{\"action\":\"publish\",\"room\":\"project:P\",\"type\":\"chat_message\",\"data\":{"
	                     "\"content\":\"hi\"}}");
	assert_int_equal(wsm_authorized(host.runtime, question(WSM_EVENT_AUTHORIZE, NULL), true), WSM_OK);
	message = of_type(visitor_next(&sender), "published");
	assert_int_equal(number_at(message, "data.offset"), 1);
	json_decref(message);
	message = of_type(visitor_next(&receiver), "chat_message");
	assert_string_equal(text_at(message, "data.content"), "hi");
	json_decref(message);
	visitor_leave(&sender);
	visitor_leave(&receiver);
}

static void too_many_questions_at_once(void **state)
{
	struct visitor visitor;
	json_t *message;

	(void)state;
	visitor_open(&visitor, host.port, "/ws");
	for (int i = 0; i <= 32; i++)
		visitor_say(&visitor, "{\"action\":\"subscribe\",\"room\":\"r%d\"}", i);
	message = of_type(visitor_next(&visitor), "error");
	assert_string_equal(text_at(message, "data.code"), "rate_limited");
	json_decref(message);
	/* Whoever goes while questions are open takes them along. */
	visitor_vanish(&visitor);
	host_stat_falls(&host, "active_connections", 0);
	for (int i = 0; i < 32; i++)
		assert_int_equal(wsm_authorized(host.runtime, question(WSM_EVENT_AUTHORIZE, NULL), true), WSM_OK);
	assert_int_equal(host_send(&host, "r0", "x", "{}").recipients, 0);
}

static void stop_while_the_host_decides(void **state)
{
	struct visitor visitor;
	uint64_t ticket;
	wsm_decision allow = { .allow = true };

	(void)state;
	visitor_try(&visitor, host.port, "/ws", NULL);
	ticket = question(WSM_EVENT_AUTHENTICATE, NULL);
	assert_int_equal(wsm_runtime_stop(host.runtime, 1000), WSM_OK);
	assert_int_equal(visitor_end(&visitor), 1001);
	assert_int_equal(wsm_authenticated(host.runtime, ticket, &allow, NULL), WSM_ENOTRUNNING);
	visitor_leave(&visitor);
}

int main(void)
{
#define CASE(open, name) cmocka_unit_test_setup_teardown(name, open, close_host)
	const struct CMUnitTest tests[] = {
		CASE(open_authenticating, the_question_describes_the_request),
		CASE(open_authenticating, who_is_allowed_is_that_user),
		CASE(open_authenticating, who_is_refused_is_closed_with_the_hosts_reason),
		CASE(open_authenticating, the_token_endpoint_exists_where_the_host_authenticates),
		CASE(open_authenticating, what_is_said_early_is_carried_out_after_the_decision),
		CASE(open_authenticating, too_much_said_early_is_1013),
		CASE(open_authenticating, a_client_that_goes_away_meanwhile),
		CASE(open_authenticating, decisions_that_are_wrong_are_refused_at_the_call),
		CASE(open_authenticating, stop_while_the_host_decides),
		CASE(open_impatient, no_answer_in_time_is_4401),
		CASE(open_impatient, no_permission_in_time_is_forbidden),
		CASE(open_authorizing, permission_is_asked_for_each_action),
		CASE(open_authorizing, a_publication_of_a_client),
		CASE(open_authorizing, too_many_questions_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
