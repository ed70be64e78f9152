/* Calls over HTTP on the own port that wait until the host's authenticate handler has said who calls. */
#include "rest_scene.h"

#include <unistd.h>

#define CALL(path, headers) "GET " path " HTTP/1.1\r\nHost: localhost\r\n" headers "\r\n"
#define HISTORY(room) CALL("/api/ws/history?room=" room, "")

/* With options, and who is known by a handler of the host. */
#define open_asking(...)                                                                                               \
	do {                                                                                                           \
		host_make(&host, "port", "0", __VA_ARGS__);                                                            \
		wsm_want(host.runtime, WSM_WANT_AUTHENTICATE | WSM_WANT_LOG);                                          \
		host_start(&host);                                                                                     \
	} while (0)

/* The ticket of the next question, which is about no connection. */
static uint64_t question(void)
{
	wsm_event *event = host_event(&host, WSM_EVENT_AUTHENTICATE);
	uint64_t ticket = event->ticket;

	assert_null(event->info);
	assert_int_equal(event->conn, 0);
	wsm_event_free(event);
	return ticket;
}

static void nothing_is_asked(void)
{
	assert_null(host_event_now(&host, WSM_EVENT_AUTHENTICATE));
}

static void yes(uint64_t ticket)
{
	const wsm_slice rooms[] = { wsm__str("news") }, subscribe[] = { wsm__str("team:*") };
	const wsm_decision decision = {
		.allow = true,
		.user_id = wsm__str("u1"),
		.rooms = rooms,
		.n_rooms = 1,
		.subscribe = subscribe,
		.n_subscribe = 1,
	};

	assert_int_equal(wsm_authenticated(host.runtime, ticket, &decision, NULL), WSM_OK);
}

static void no(uint64_t ticket, unsigned code, const char *reason)
{
	const wsm_decision decision = { .allow = false, .code = code, .reason = wsm__str(reason) };

	assert_int_equal(wsm_authenticated(host.runtime, ticket, &decision, NULL), WSM_OK);
}

/* Demands an answer, and in a refusal that code and sentence. */
static void answered(int fd, unsigned status, const char *code, const char *sentence)
{
	struct raw_answer answer;
	json_t *body;

	raw_answer(fd, &answer, false);
	if (answer.status != status)
		give_up("%u instead of %u: %s", answer.status, status, answer.body ? answer.body : "no body");
	body = json_loadb(answer.body, answer.len, 0, NULL);
	assert_string_equal(text_at(body, "error.code"), code);
	if (sentence)
		assert_string_equal(text_at(body, "error.message"), sentence);
	json_decref(body);
	raw_answer_free(&answer);
}

static void rule(const char *room, const char *setting, const char *value)
{
	assert_int_equal(wsm_room_rule_set(host.runtime, wsm__str(room), wsm__str(setting), wsm__str(value), NULL),
	                 WSM_OK);
}

static void the_call_is_answered_with_the_rights_of_that_user(void **state)
{
	static const struct {
		const char *request;
		unsigned status;
	} calls[] = {
		{ HISTORY("team:7"), 200 }, { HISTORY("news"), 200 },  { HISTORY("sticky"), 200 },
		{ HISTORY("@all"), 200 },   { HISTORY("users"), 200 }, { HISTORY("other"), 403 },
		{ HISTORY("news2"), 403 },
	};
	int fd;

	(void)state;
	open_asking("auth_timeout", "20", NULL);
	rule("users", "history", "authenticated");
	assert_int_equal(wsm_subscribe(host.runtime, wsm__str("u1"), wsm__str("sticky"), NULL), WSM_OK);
	fd = raw_connect(host.port);
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		raw_say(fd, calls[i].request);
		yes(question());
		answered(fd, calls[i].status, calls[i].status == 200 ? "" : "forbidden", NULL);
	}
	close(fd);
}

static void the_question_describes_the_call(void **state)
{
	wsm_event *event;
	json_t *data;
	int fd;

	(void)state;
	open_asking("auth_timeout", "20", NULL);
	fd = raw_connect(host.port);
	raw_say(fd, CALL("/api/ws/history?room=a", "Cookie: c=1\r\nX-Forwarded-For: 203.0.113.9\r\n"));
	event = host_event(&host, WSM_EVENT_AUTHENTICATE);
	data = json_loadb(event->data.data, event->data.len, 0, NULL);
	assert_string_equal(text_at(data, "path"), "/api/ws/history");
	assert_string_equal(text_at(data, "query"), "room=a");
	assert_string_equal(text_at(data, "ip"), "203.0.113.9");
	assert_string_equal(text_at(data, "headers.cookie"), "c=1");
	assert_true(json_is_object(at(data, "path_params")));
	json_decref(data);
	no(event->ticket, 0, NULL);
	wsm_event_free(event);
	answered(fd, 401, "unauthenticated", NULL);
	close(fd);
}

static void who_is_refused_is_told_the_hosts_reason(void **state)
{
	static const struct {
		unsigned code, status;
		const char *reason, *name;
	} refusals[] = {
		{ 0, 401, "", "unauthenticated" },
		{ 4401, 401, "log in first", "unauthenticated" },
		{ 4403, 403, "this workspace is closed", "forbidden" },
		{ 4321, 403, "an \"own\" code", "forbidden" },
		{ 4400, 400, "no such room", "bad_request" },
		{ 4429, 429, "not so fast", "rate_limited" },
		{ 1011, 503, "the handler failed", "internal" },
	};
	int fd;

	(void)state;
	open_asking("auth_timeout", "20", NULL);
	fd = raw_connect(host.port);
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		const char *reason = refusals[i].reason;

		raw_say(fd, HISTORY("a"));
		no(question(), refusals[i].code, reason);
		answered(fd, refusals[i].status, refusals[i].name,
		         *reason ? reason : "the application did not accept this call");
	}
	assert_int_equal(host_stat(&host, "forbidden"), sizeof(refusals) / sizeof(refusals[0]));
	close(fd);
}

/* What is open to everyone or to nobody, and what brings a key, good or bad. */
static void what_needs_no_user_asks_nobody(void **state)
{
	int fd;

	(void)state;
	open_asking("auth_timeout", "20", "api_key", "k3y", NULL);
	rule("open", "history", "anyone");
	rule("closed", "history", "nobody");
	fd = raw_connect(host.port);
	raw_say(fd, HISTORY("open"));
	answered(fd, 200, "", NULL);
	raw_say(fd, HISTORY("closed"));
	answered(fd, 403, "forbidden", NULL);
	raw_say(fd, HISTORY("b*d"));
	answered(fd, 400, "room_invalid", NULL);
	raw_say(fd, CALL("/api/ws/history?room=a", "X-API-Key: k3y\r\n"));
	answered(fd, 200, "", NULL);
	raw_say(fd, CALL("/api/ws/history?room=a", "X-API-Key: guess\r\n"));
	answered(fd, 401, "unauthenticated", NULL);
	raw_say(fd, CALL("/api/ws/health", ""));
	answered(fd, 200, "", NULL);
	nothing_is_asked();
	close(fd);
}

/* As for sockets: a token decides where there is one. */
static void a_token_decides_where_one_comes(void **state)
{
	int fd;

	(void)state;
	open_asking("auth_timeout", "20", "jwt_secret", "0123456789abcdef0123456789abcdef", NULL);
	fd = raw_connect(host.port);
	raw_say(fd, CALL("/api/ws/history?room=news", "Authorization: Bearer a.b.c\r\n"));
	answered(fd, 401, "unauthenticated", NULL);
	nothing_is_asked();
	raw_say(fd, HISTORY("news"));
	yes(question());
	answered(fd, 200, "", NULL);
	close(fd);
}

static void who_is_not_answered_in_time_is_refused_and_goes_on(void **state)
{
	uint64_t ticket;
	int fd;

	(void)state;
	open_asking("auth_timeout", "0.1", NULL);
	fd = raw_connect(host.port);
	raw_say(fd, HISTORY("news"));
	ticket = question();
	answered(fd, 401, "unauthenticated", "the application did not answer in time");
	wsm_event_free(host_line(&host, "authenticate handler did not answer within auth_timeout"));
	yes(ticket); /* too late */
	raw_say(fd, CALL("/api/ws/health", ""));
	answered(fd, 200, "", NULL);
	close(fd);
}

static void what_comes_behind_waits_its_turn(void **state)
{
	enum { MORE = 40, PAD = 4000 };
	char *more = malloc(PAD + 200);
	int fd;

	(void)state;
	open_asking("auth_timeout", "20", NULL);
	fd = raw_connect(host.port);
	raw_say(fd, HISTORY("news") HISTORY("other") CALL("/api/ws/health", ""));
	snprintf(more, PAD + 200, "GET /api/ws/live HTTP/1.1\r\nHost: localhost\r\nX-Pad: %0*d\r\n\r\n", PAD, 0);
	for (int i = 0; i < MORE; i++) /* more than is read ahead */
		raw_say(fd, more);
	for (int i = 0; i < 2; i++) {
		uint64_t ticket = question();

		assert_int_equal(host_stat(&host, "http_connections"), 1); /* a turn of the loop */
		nothing_is_asked();
		yes(ticket);
		answered(fd, i ? 403 : 200, i ? "forbidden" : "", NULL);
	}
	for (int i = 0; i < 1 + MORE; i++)
		answered(fd, 200, "", NULL);
	free(more);
	close(fd);
}

static void who_goes_meanwhile_is_forgotten(void **state)
{
	uint64_t ticket;
	int fd;

	(void)state;
	open_asking("auth_timeout", "20", NULL);
	for (int i = 0; i < 2; i++) {
		fd = raw_connect(host.port);
		raw_say(fd, HISTORY("news"));
		ticket = question();
		host_stat_reaches(&host, "http_connections", 1);
		close(fd);
		host_stat_falls(&host, "http_connections", 0);
		i ? yes(ticket) : no(ticket, 0, NULL);
	}
	assert_int_equal(host_stat(&host, "offences.token"), 0);
}

static void those_who_wait_for_longest_make_room(void **state)
{
	uint64_t tickets[4];
	int fds[4];

	(void)state;
	open_asking("auth_timeout", "20", "max_http_connections", "2", NULL);
	for (int i = 0; i < 4; i++) {
		fds[i] = raw_connect(host.port);
		raw_say(fds[i], HISTORY("news"));
		tickets[i] = question();
	}
	assert_true(raw_ended(fds[0]));
	assert_true(raw_ended(fds[1]));
	for (int i = 0; i < 4; i++)
		yes(tickets[i]);
	answered(fds[2], 200, "", NULL);
	answered(fds[3], 200, "", NULL);
	assert_int_equal(host_stat(&host, "dropped_http"), 2);
	for (int i = 0; i < 4; i++)
		close(fds[i]);
}

static void who_is_refused_is_banned_as_by_sockets(void **state)
{
	int fd;

	(void)state;
	/* One point is enough: of several, the first ones would have begun to fade. */
	open_asking("auth_timeout", "20", "ban_threshold", "1", NULL);
	fd = raw_connect(host.port);
	raw_say(fd, CALL("/api/ws/history?room=a", "X-Forwarded-For: 203.0.113.9\r\n"));
	no(question(), 0, NULL);
	answered(fd, 401, "unauthenticated", NULL);
	raw_say(fd, CALL("/api/ws/history?room=a", "X-Forwarded-For: 203.0.113.9\r\n"));
	answered(fd, 429, "rate_limited", NULL);
	nothing_is_asked();
	close(fd);
}

/* A call of the host's own server, which asks its handler itself. */
static unsigned hosted(const char *room, const wsm_rest_request *said, json_t **body)
{
	const wsm_member headers[] = { { wsm__str("Host"), wsm__str("localhost") },
	                               { wsm__str("X-Forwarded-For"), wsm__str("203.0.113.9") } };
	wsm_rest_request request = *said;
	wsm_rest_answer answer;
	char query[64];

	snprintf(query, sizeof(query), "room=%s", room);
	request.method = wsm__str("GET");
	request.path = wsm__str("/api/ws/history");
	request.query = wsm__str(query);
	request.ip = wsm__str("127.0.0.1");
	request.headers = headers;
	request.n_headers = 2;
	assert_int_equal(wsm_rest(host.runtime, &request, &answer, NULL), WSM_OK);
	*body = json_loadb(answer.body.data, answer.body.len, 0, NULL);
	wsm_text_free(&answer.body);
	return answer.status;
}

static void a_server_of_the_host_asks_by_the_same_rule(void **state)
{
	const wsm_rest_request asks = { .asks = true }, mute = { .admitted = false };
	const wsm_rest_request late = { .refused = true, .code = 4400, .reason = wsm__str("no such board") };
	const wsm_rest_request no = { .refused = true, .reason = wsm__str("sign in first") };
	json_t *body;

	(void)state;
	open_asking("auth_timeout", "20", "ban_threshold", "1", NULL);
	rule("open", "history", "anyone");
	assert_int_equal(hosted("open", &asks, &body), 200);
	json_decref(body);
	assert_int_equal(hosted("a", &mute, &body), 401);
	json_decref(body);
	assert_int_equal(hosted("a", &asks, &body), 0);
	assert_string_equal(text_at(body, "path"), "/api/ws/history");
	assert_string_equal(text_at(body, "ip"), "203.0.113.9");
	json_decref(body);
	assert_int_equal(hosted("a", &late, &body), 400);
	assert_string_equal(text_at(body, "error.message"), "no such board");
	json_decref(body);
	assert_int_equal(host_stat(&host, "offences.token"), 0);
	assert_int_equal(hosted("a", &no, &body), 401);
	assert_string_equal(text_at(body, "error.message"), "sign in first");
	json_decref(body);
	assert_int_equal(host_stat(&host, "offences.token"), 1);
	assert_int_equal(hosted("a", &asks, &body), 429);
	json_decref(body);
}

static void a_stop_answers_those_who_wait(void **state)
{
	int fd;

	(void)state;
	open_asking("auth_timeout", "20", NULL);
	fd = raw_connect(host.port);
	raw_say(fd, HISTORY("news") HISTORY("news"));
	question();
	assert_int_equal(wsm_runtime_stop(host.runtime, 1000), WSM_OK);
	answered(fd, 503, "internal", "the server is shutting down; try again in a moment");
	raw_drain(fd);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(the_call_is_answered_with_the_rights_of_that_user, close_host),
		cmocka_unit_test_teardown(the_question_describes_the_call, close_host),
		cmocka_unit_test_teardown(who_is_refused_is_told_the_hosts_reason, close_host),
		cmocka_unit_test_teardown(what_needs_no_user_asks_nobody, close_host),
		cmocka_unit_test_teardown(a_token_decides_where_one_comes, close_host),
		cmocka_unit_test_teardown(who_is_not_answered_in_time_is_refused_and_goes_on, close_host),
		cmocka_unit_test_teardown(what_comes_behind_waits_its_turn, close_host),
		cmocka_unit_test_teardown(who_goes_meanwhile_is_forgotten, close_host),
		cmocka_unit_test_teardown(those_who_wait_for_longest_make_room, close_host),
		cmocka_unit_test_teardown(who_is_refused_is_banned_as_by_sockets, close_host),
		cmocka_unit_test_teardown(a_server_of_the_host_asks_by_the_same_rule, close_host),
		cmocka_unit_test_teardown(a_stop_answers_those_who_wait, close_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
