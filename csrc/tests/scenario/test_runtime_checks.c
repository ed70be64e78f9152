/* Whether public rooms are open: by what is known at the start, by what is found later, and by option access. */
#include <unistd.h>

#include "rest_scene.h"

static struct raw_frame frame;

static void make(const char *access)
{
	host_make(&host, "port", "0", "access", access, "rate", "0", NULL);
	wsm_want(host.runtime, WSM_WANT_LOG);
}

static void checked(const char *by)
{
	assert_int_equal(wsm_access_checked(host.runtime, wsm__str(by), NULL), WSM_OK);
}

/* The next line of the log with such a beginning. */
static void expect_line(const char *beginning, const char *part)
{
	wsm_event *event = host_line(&host, beginning);

	if (!strstr(event->text.data, part))
		give_up("\"%s\" is not in: %s", part, event->text.data);
	wsm_event_free(event);
}

static const char *subscribe_to(struct visitor *visitor, const char *room)
{
	static char code[64];
	json_t *message;

	visitor_say(visitor, "{\"action\":\"subscribe\",\"room\":\"%s\",\"id\":1}", room);
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

static void nothing_that_checks_leaves_rooms_open_and_the_start_says_so(void **state)
{
	struct visitor visitor;

	(void)state;
	make("auto");
	host_start(&host);
	expect_line("listening on port ", "of localhost, which only this machine reaches");
	expect_line("access: ", "open: everyone may hear every public room, as nothing checks clients");
	visitor_open(&visitor, host.port, "/ws");
	assert_string_equal(subscribe_to(&visitor, "board:7"), "");
	visitor_leave(&visitor);
}

static void an_application_that_checks_closes_rooms_and_the_start_names_it(void **state)
{
	struct visitor visitor;
	json_t *greeting;

	(void)state;
	make("auto");
	checked("the application's WebSocket route /live/{board}\n2026 CRITICAL forged");
	checked("another");
	host_start(&host);
	expect_line("access: ", "granted: public rooms need a grant, because of the application's WebSocket "
	                        "route /live/{board}\\x0a2026 CRITICAL forged (option access=auto)");
	greeting = visitor_greet(&visitor, host.port, "/ws?session_id=stolen");
	assert_string_equal(text_at(greeting, "data.session_id"), "");
	json_decref(greeting);
	expect_line("refused: session_id", "connect(session_id=...)");
	assert_string_equal(subscribe_to(&visitor, "board:7"), "forbidden");
	expect_line("refused: subscribe of \"board:7\" to somebody unknown", "or a room rule (docs/access.md)");
	assert_int_equal(host_send(&host, "@all", "x", "{}").recipients, 1);
	visitor_leave(&visitor);
	visitor_try(&visitor, host.port, "/ws/notifications", NULL);
	assert_int_equal(visitor_end(&visitor), 4403);
	visitor_leave(&visitor);
	visitor_try(&visitor, host.port, "/ws/project/7", NULL);
	assert_int_equal(visitor_end(&visitor), 4403);
	visitor_leave(&visitor);
	fails(401, "/api/ws/history?room=board:7", "unauthenticated");
	expect_line("refused: history of \"board:7\" over REST", "rest(request, user_id)");
}

static void what_is_found_late_takes_back_what_was_open_by_mistake(void **state)
{
	struct visitor hall, firehose, project;
	json_t *message;

	(void)state;
	make("auto");
	host_start(&host);
	visitor_open(&hall, host.port, "/ws");
	assert_string_equal(subscribe_to(&hall, "board:7"), "");
	visitor_open(&firehose, host.port, "/ws/notifications");
	visitor_open(&project, host.port, "/ws/project/7");
	checked("connect()");
	message = visitor_await(&hall, "unsubscribed");
	assert_string_equal(text_at(message, "data.room"), "board:7");
	assert_non_null(strstr(text_at(message, "data.reason"), "not granted"));
	json_decref(message);
	assert_int_equal(visitor_end(&firehose), 4403);
	assert_int_equal(visitor_end(&project), 4403);
	expect_line("access: granted from now on, because of connect()", "2 connections to rooms without one have");
	assert_int_equal(host_send(&host, "board:7", "x", "{}").recipients, 0);
	assert_int_equal(host_send(&host, "@all", "x", "{}").recipients, 1);
	visitor_leave(&hall);
	visitor_leave(&firehose);
	visitor_leave(&project);
}

static void nothing_opens_again_while_it_runs(void **state)
{
	struct visitor visitor;

	(void)state;
	make("auto");
	wsm_want(host.runtime, WSM_WANT_LOG | WSM_WANT_AUTHORIZE);
	host_start(&host);
	wsm_want(host.runtime, WSM_WANT_LOG);
	visitor_open(&visitor, host.port, "/ws");
	assert_string_equal(subscribe_to(&visitor, "board:7"), "forbidden");
	visitor_leave(&visitor);
	/* A handler that was gone before the start decides nothing. */
	assert_int_equal(wsm_runtime_stop(host.runtime, 0), WSM_OK);
	host_start(&host);
	visitor_open(&visitor, host.port, "/ws");
	assert_string_equal(subscribe_to(&visitor, "board:7"), "");
	visitor_leave(&visitor);
}

static void the_option_decides_where_it_is_set(void **state)
{
	struct visitor visitor;
	wsm_text line;

	(void)state;
	make("open");
	checked("connect()");
	assert_int_equal(wsm_access_describe(host.runtime, &line, NULL), WSM_OK);
	assert_non_null(strstr(line.data, "open: everyone who is let in"));
	wsm_text_free(&line);
	host_start(&host);
	expect_line("access: ", "in spite of connect()");
	visitor_open(&visitor, host.port, "/ws/notifications");
	assert_string_equal(subscribe_to(&visitor, "board:7"), "");
	visitor_leave(&visitor);
	json_decref(get(200, "/api/ws/history?room=board:7"));
	host_close(&host);
	host_make(&host, "port", "0", "host", "0.0.0.0", "access", "granted", NULL);
	wsm_want(host.runtime, WSM_WANT_LOG);
	host_start(&host);
	expect_line("listening on port ", "of 0.0.0.0, which other machines reach");
	expect_line("access: ", "granted: public rooms need a grant (option access=granted)");
	visitor_open(&visitor, host.port, "/ws");
	assert_string_equal(subscribe_to(&visitor, "board:7"), "forbidden");
	visitor_leave(&visitor);
}

static void a_star_among_rooms_is_no_grant(void **state)
{
	static const char ask[] = "{\"action\":\"subscribe\",\"room\":\"board:8\",\"id\":1}";
	wsm_slice star = wsm__str("*"), some = wsm__str("board:*"), one = wsm__str("board:7");
	const wsm_admission bad[] = { { .admitted = true, .rooms = &star, .n_rooms = 1 },
	                              { .admitted = true, .rooms = &some, .n_rooms = 1 } };
	wsm_decision decision = { .allow = true, .rooms = &some, .n_rooms = 1 };
	wsm_admission good = { .admitted = true, .rooms = &one, .n_rooms = 1, .subscribe = &some, .n_subscribe = 1 };
	wsm_admission unnamed = { .admitted = true, .subscribe = &(wsm_slice){ "a b", 3 }, .n_subscribe = 1 };
	wsm_error error = { 0 };
	uint64_t conn;
	char request[1024];
	int ours, theirs;

	(void)state;
	make("granted");
	host_start(&host);
	for (int i = 0; i < 2; i++) {
		raw_pair(&ours, &theirs);
		assert_int_equal(wsm_adopt(host.runtime, ours, "x", 1, &bad[i], &conn, &error), WSM_EROOM);
		assert_non_null(strstr(error.message, "in subscribe"));
		assert_int_equal(wsm_adopt(host.runtime, ours, "x", 1, &unnamed, &conn, &error), WSM_EROOM);
		assert_non_null(strstr(error.message, "room \"a b\" in subscribe"));
		close(ours);
		close(theirs);
	}
	assert_int_equal(wsm_authenticated(host.runtime, 1, &decision, &error), WSM_EROOM);
	assert_non_null(strstr(error.message, "in subscribe"));
	raw_pair(&ours, &theirs);
	raw_upgrade(request, sizeof(request), "/live/7", NULL);
	assert_int_equal(wsm_adopt(host.runtime, ours, request, strlen(request), &good, &conn, &error), WSM_OK);
	raw_head(theirs, request, sizeof(request));
	raw_await(theirs, WSC_TEXT, &frame);
	assert_non_null(strstr(frame.data, "\"board:7\""));
	assert_int_equal(host_send(&host, "board:7", "x", "{}").recipients, 1);
	assert_int_equal(host_send(&host, "board:8", "x", "{}").recipients, 0);
	raw_frame(theirs, true, WSC_TEXT, ask, strlen(ask));
	do
		raw_await(theirs, WSC_TEXT, &frame);
	while (!strstr(frame.data, "\"id\":1"));
	assert_non_null(strstr(frame.data, "\"subscribed\""));
	close(theirs);
}

static unsigned history_as(const wsm_rest_request *who, const char *query)
{
	wsm_rest_request request = *who;
	wsm_rest_answer answer;
	wsm_error error = { 0 };
	unsigned status;

	request.method = wsm__str("GET");
	request.path = wsm__str("/api/ws/history");
	request.query = wsm__str(query);
	request.ip = wsm__str("203.0.113.5");
	if (wsm_rest(host.runtime, &request, &answer, &error))
		give_up("wsm_rest: %s", error.message);
	status = answer.status;
	wsm_text_free(&answer.body);
	return status;
}

static void rest_knows_whom_the_host_has_let_in(void **state)
{
	wsm_slice one = wsm__str("board:7"), some = wsm__str("team:*"), star = wsm__str("*");
	const wsm_rest_request nobody = { .admitted = false, .rooms = &one, .n_rooms = 1, .user_id = wsm__str("u1") };
	const wsm_rest_request somebody = { .admitted = true };
	const wsm_rest_request user = { .admitted = true,
	                                .user_id = wsm__str("u1"),
	                                .rooms = &one,
	                                .n_rooms = 1,
	                                .subscribe = &some,
	                                .n_subscribe = 1 };
	const wsm_rest_request wrong = { .admitted = true, .rooms = &star, .n_rooms = 1 };
	wsm_rest_answer answer;
	wsm_error error = { 0 };

	(void)state;
	make("granted");
	assert_int_equal(wsm_room_rule_set(host.runtime, wsm__str("staff"), wsm__str("subscribe"),
	                                   wsm__str("authenticated"), NULL),
	                 WSM_OK);
	host_start(&host);
	assert_int_equal(history_as(&nobody, "room=board:7"), 401); /* rooms of a request that nobody vouches for */
	assert_int_equal(history_as(&nobody, "room=@all"), 401);
	assert_int_equal(history_as(&somebody, "room=@all"), 200);
	assert_int_equal(history_as(&somebody, "room=board:7"), 403);
	assert_int_equal(history_as(&somebody, "room=staff"), 403);
	assert_int_equal(history_as(&user, "room=board:7"), 200);
	assert_int_equal(history_as(&user, "room=team:1"), 200);
	assert_int_equal(history_as(&user, "room=staff"), 200);
	assert_int_equal(history_as(&user, "room=board:8"), 403);
	assert_int_equal(wsm_subscribe(host.runtime, wsm__str("u1"), wsm__str("board:8"), NULL), WSM_OK);
	assert_int_equal(history_as(&user, "room=board:8"), 200);
	assert_int_equal(wsm_rest(host.runtime, &wrong, &answer, &error), WSM_EROOM);
	assert_non_null(strstr(error.message, "in subscribe"));
}

static void a_refused_origin_is_named_with_what_to_change(void **state)
{
	struct visitor visitor;

	(void)state;
	make("auto");
	host_start(&host);
	visitor_try(&visitor, host.port, "/ws", "Origin: https://shop.example\r\n");
	visitor_leave(&visitor);
	expect_line("refused: a WebSocket of a page of Origin https://shop.example",
	            "Add it there if the page is yours");
	visitor_try(&visitor, host.port, "/ws", "Origin: null\r\n");
	visitor_leave(&visitor);
	expect_line("refused: a WebSocket of a page of Origin null", "serve the page over HTTP");
}

static void a_crowd_that_is_refused_writes_no_crowd_of_lines(void **state)
{
	struct visitor visitor;
	unsigned lines = 0;
	wsm_event *event;

	(void)state;
	make("granted");
	host_start(&host);
	visitor_open(&visitor, host.port, "/ws");
	for (int i = 0; i < 50; i++)
		assert_string_equal(subscribe_to(&visitor, "board:7"), "forbidden");
	host_stat(&host, "forbidden");
	while ((event = host_event_now(&host, WSM_EVENT_LOG)) != NULL) {
		lines += strstr(event->text.data, "refused: ") != NULL;
		wsm_event_free(event);
	}
	assert_int_equal(lines, 10);
	visitor_leave(&visitor);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_teardown(name, close_host)
	const struct CMUnitTest tests[] = {
		CASE(nothing_that_checks_leaves_rooms_open_and_the_start_says_so),
		CASE(an_application_that_checks_closes_rooms_and_the_start_names_it),
		CASE(what_is_found_late_takes_back_what_was_open_by_mistake),
		CASE(nothing_opens_again_while_it_runs),
		CASE(the_option_decides_where_it_is_set),
		CASE(a_star_among_rooms_is_no_grant),
		CASE(rest_knows_whom_the_host_has_let_in),
		CASE(a_refused_origin_is_named_with_what_to_change),
		CASE(a_crowd_that_is_refused_writes_no_crowd_of_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
