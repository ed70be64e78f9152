/* Option http_refusal: who is no browser is refused by an HTTP status, and told 101 only once it is let in. */
#include "token_scene.h"

#include <sys/socket.h>

static int open_refusing(void **state)
{
	(void)state;
	OPEN("http_refusal", "true", "auth_timeout", "20", NULL);
	return 0;
}

/* Sends a request and returns its socket. */
static int ask(const char *path, const char *headers)
{
	static char request[TOKEN_SIZE + 1024];
	int fd = raw_connect(host.port);

	raw_say(fd, raw_upgrade(request, sizeof(request), path, headers));
	return fd;
}

static unsigned answer_of(int fd, const char *says)
{
	struct raw_answer answer;
	unsigned status;

	raw_answer(fd, &answer, false);
	status = answer.status;
	if (says && (!answer.body || !strstr(answer.body, says)))
		give_up("\"%s\" does not say \"%s\"", answer.body ? answer.body : "", says);
	assert_int_equal(strstr(answer.head, "WWW-Authenticate: Bearer") != NULL, status == 401);
	raw_answer_free(&answer);
	assert_true(raw_ended(fd));
	close(fd);
	return status;
}

static void let_in(int fd)
{
	char head[4096];
	struct raw_frame frame;

	raw_head(fd, head, sizeof(head));
	assert_non_null(strstr(head, "HTTP/1.1 101 "));
	assert_true(raw_next(fd, &frame));
	assert_non_null(strstr(frame.data, "\"type\":\"connected\""));
	close(fd);
}

static void a_program_gets_a_status_and_a_browser_a_close_code(void **state)
{
	struct visitor visitor;

	(void)state;
	assert_int_equal(answer_of(ask("/ws", ""), "a token is needed"), 401);
	with("Authorization: Bearer ", token_for("u1", -60, ""));
	assert_int_equal(answer_of(ask("/ws", line), "has expired"), 401);
	with("Authorization: Bearer ", token_for("u1", 600, ""));
	assert_int_equal(answer_of(ask("/ws/project/1", line), "not granted"), 403);
	assert_int_equal(answer_of(ask("/ws?level=loud", line), "level must be"), 400);
	let_in(ask("/ws", line));
	host_stat_reaches(&host, "refused_connections", 4);
	host_stat_falls(&host, "active_connections", 0);
	/* A page sees no status. */
	visitor_try(&visitor, host.port, "/ws/project/1", strcat(line, "Origin: http://localhost\r\n"));
	assert_int_equal(visitor.ws.http_status, 101);
	assert_int_equal(visitor_end(&visitor), 4403);
	visitor_leave(&visitor);
}

static void the_answer_waits_for_the_handler(void **state)
{
	wsm_decision decisions[] = { { .allow = true, .user_id = wsm__str("u1") },
	                             { .reason = wsm__str("unknown here") },
	                             { .code = 4403 },
	                             { .code = 1013 },
	                             { .code = 4900, .reason = wsm__str("of the application") } };
	static const unsigned statuses[] = { 0, 401, 403, 503, 403 };
	wsm_event *event;

	(void)state;
	wsm_want(host.runtime, WSM_WANT_AUTHENTICATE);
	for (size_t i = 0; i < 5; i++) {
		int fd = ask("/ws", "");

		event = host_event(&host, WSM_EVENT_AUTHENTICATE);
		assert_int_equal(recv(fd, &(char){ 0 }, 1, MSG_DONTWAIT), -1); /* nothing yet */
		assert_int_equal(wsm_authenticated(host.runtime, event->ticket, &decisions[i], NULL), WSM_OK);
		wsm_event_free(event);
		if (decisions[i].allow)
			let_in(fd);
		else
			assert_int_equal(answer_of(fd, decisions[i].reason.data), statuses[i]);
	}
	host_stat_falls(&host, "active_connections", 0);
}

static void who_goes_or_speaks_meanwhile(void **state)
{
	wsm_decision yes = { .allow = true };
	wsm_event *event;
	int fd;

	(void)state;
	wsm_want(host.runtime, WSM_WANT_AUTHENTICATE);
	fd = ask("/ws", "");
	event = host_event(&host, WSM_EVENT_AUTHENTICATE);
	close(fd);
	host_stat_falls(&host, "active_connections", 0);
	wsm_authenticated(host.runtime, event->ticket, &yes, NULL);
	wsm_event_free(event);
	fd = ask("/ws", "");
	event = host_event(&host, WSM_EVENT_AUTHENTICATE);
	raw_frame(fd, true, WSC_TEXT, "ping", 4);
	assert_int_equal(answer_of(fd, "before the request is answered"), 400);
	wsm_authenticated(host.runtime, event->ticket, &yes, NULL);
	wsm_event_free(event);
	/* And one that is cut off by a stop. */
	fd = ask("/ws", "");
	wsm_event_free(host_event(&host, WSM_EVENT_AUTHENTICATE));
	assert_int_equal(wsm_runtime_stop(host.runtime, 5000), WSM_OK);
	assert_int_equal(answer_of(fd, NULL), 503);
}

static void the_authorize_handler_decides_before_the_answer_too(void **state)
{
	wsm_event *event;

	(void)state;
	wsm_want(host.runtime, WSM_WANT_AUTHORIZE);
	with("Authorization: Bearer ", token_for("u1", 600, ""));
	for (int allow = 0; allow < 2; allow++) {
		int fd = ask("/ws/logs", line);
		char head[4096];

		event = host_event(&host, WSM_EVENT_AUTHORIZE);
		assert_int_equal(wsm_authorized(host.runtime, event->ticket, allow), WSM_OK);
		wsm_event_free(event);
		if (!allow) {
			assert_int_equal(answer_of(fd, "does not allow"), 403);
			continue;
		}
		raw_head(fd, head, sizeof(head));
		assert_non_null(strstr(head, "HTTP/1.1 101 "));
		close(fd);
	}
}

static void a_socket_that_was_handed_over(void **state)
{
	char request[1024];
	wsm_event *event;
	uint64_t number;
	int ours, theirs;

	(void)state;
	raw_upgrade(request, sizeof(request), "/ws", "");
	raw_pair(&ours, &theirs);
	assert_int_equal(wsm_adopt(host.runtime, ours, request, strlen(request), NULL, &number, NULL), WSM_OK);
	assert_int_equal(answer_of(theirs, "a token is needed"), 401);
	event = host_event(&host, WSM_EVENT_CLOSED);
	assert_int_equal(event->code, 4401);
	wsm_event_free(event);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, open_refusing, close_host)
	const struct CMUnitTest tests[] = {
		CASE(a_program_gets_a_status_and_a_browser_a_close_code),
		CASE(the_answer_waits_for_the_handler),
		CASE(who_goes_or_speaks_meanwhile),
		CASE(the_authorize_handler_decides_before_the_answer_too),
		CASE(a_socket_that_was_handed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
