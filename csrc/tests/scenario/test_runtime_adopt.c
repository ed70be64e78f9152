/* Hand-over of accepted sockets, with the request that the host has read. */
#include "adopt_scene.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

static void a_socket_with_its_request(void **state)
{
	uint64_t conn;
	int fd = adopt_upgrade("/ws/project/P1?session_id=s", NULL, NULL, &conn);

	(void)state;
	expect_open(fd);
	assert_non_null(strstr(frame.data, "\"project:P1\""));
	assert_int_equal(host_send(&host, "project:P1", "x", "{}").recipients, 1);
	raw_await(fd, WSC_TEXT, &frame);
	assert_non_null(strstr(frame.data, "\"type\":\"x\""));
	raw_frame(fd, true, WSC_CLOSE, "\x0f\xa1", 2);
	expect_closed(conn, 4001);
	close(fd);
}

static void frames_behind_the_request_are_read(void **state)
{
	uint8_t bytes[60000];
	size_t len = strlen(raw_upgrade((char *)bytes, sizeof(bytes), "/ws", NULL));
	uint64_t conn;
	int fd;

	(void)state;
	for (int i = 0; i < 50; i++)
		len = raw_put_frame(bytes, len, true, WSC_TEXT, "ping", 4);
	len = raw_put_frame(bytes, len, false, WSC_TEXT, "pi", 2); /* and the beginning of one more */
	fd = adopt(bytes, len, NULL, &conn);
	expect_open(fd);
	raw_frame(fd, true, WSC_CONTINUATION, "ng", 2);
	for (int i = 0; i < 51; i++) {
		raw_await(fd, WSC_TEXT, &frame);
		assert_non_null(strstr(frame.data, "\"pong\""));
	}
	close(fd);
	expect_closed(conn, 1006);
}

static void a_request_that_is_not_complete_yet(void **state)
{
	char request[1024];
	size_t len = strlen(raw_upgrade(request, sizeof(request), "/ws", NULL));
	uint64_t conn;
	int fd = adopt(request, 30, NULL, &conn);

	(void)state;
	raw_send(fd, request + 30, len - 30);
	expect_open(fd);
	close(fd);
	expect_closed(conn, 1006);
}

static void who_was_admitted_needs_no_endpoint(void **state)
{
	wsm_slice rooms[] = { wsm__str("board:7") };
	wsm_admission admission = { .admitted = true,
	                            .user_id = wsm__str("u1"),
	                            .session_id = wsm__str("s1"),
	                            .client_id = wsm__str("c1"),
	                            .rooms = rooms,
	                            .n_rooms = 1,
	                            .greeting = wsm__str("hello") };
	wsm_slice user = wsm__str("u1");
	wsm_publication to_user = { .target = WSM_TO_USER, .ids = &user, .n_ids = 1, .type = wsm__str("x") };
	json_t *greeting;
	uint64_t conn;
	int fd = adopt_upgrade("/any/path", NULL, &admission, &conn);

	(void)state;
	expect_open(fd);
	greeting = of_type(json_loads(frame.data, 0, NULL), "hello");
	assert_string_equal(text_at(greeting, "data.client_id"), "c1");
	assert_string_equal(text_at(greeting, "data.user_id"), "u1");
	assert_string_equal(text_at(greeting, "data.session_id"), "s1");
	assert_int_equal(json_object_size(at(greeting, "data.rooms")), 4); /* @all, board:7, @user:u1, @session:s1 */
	json_decref(greeting);
	assert_int_equal(host_publish(&host, &to_user, "{}").recipients, 1);
	assert_int_equal(wsm_disconnect_user(host.runtime, user, 0, wsm__str(""), NULL), WSM_OK);
	assert_int_equal(raw_close_code(fd), 4409);
	close(fd);
	expect_closed(conn, 4409);
}

static void rooms_in_an_admission_besides_the_endpoints(void **state)
{
	wsm_slice rooms[] = { wsm__str("extra") };
	wsm_admission admission = { .rooms = rooms, .n_rooms = 1 };
	uint64_t conn;
	int fd = adopt_upgrade("/ws/project/P1", NULL, &admission, &conn);

	(void)state;
	expect_open(fd);
	assert_int_equal(host_send(&host, "extra", "x", "{}").recipients, 1);
	assert_int_equal(host_send(&host, "project:P1", "x", "{}").recipients, 1);
	close(fd);
	expect_closed(conn, 1006);
}

static void subscriptions_of_a_user_hold_now_and_later(void **state)
{
	wsm_admission admission = { .admitted = true, .user_id = wsm__str("u1") };
	wsm_slice user = wsm__str("u1"), room = wsm__str("pipeline:7");
	uint64_t first, second;
	int fds[2];

	(void)state;
	fds[0] = adopt_upgrade("/x", NULL, &admission, &first);
	expect_open(fds[0]);
	assert_int_equal(wsm_subscribe(host.runtime, user, room, NULL), WSM_OK);
	fds[1] = adopt_upgrade("/x", NULL, &admission, &second);
	expect_open(fds[1]);
	assert_int_equal(host_send(&host, "pipeline:7", "x", "{}").recipients, 2);
	assert_int_equal(wsm_unsubscribe(host.runtime, user, room, NULL), WSM_OK);
	assert_int_equal(host_send(&host, "pipeline:7", "x", "{}").recipients, 0);
	for (int i = 0; i < 2; i++) {
		raw_await(fds[i], WSC_TEXT, &frame);
		if (i == 0) { /* the second learned of it by its greeting */
			assert_non_null(strstr(frame.data, "\"type\":\"subscribed\""));
			assert_non_null(strstr(frame.data, "\"room\":\"pipeline:7\",\"epoch\":\""));
			assert_non_null(strstr(frame.data, "\"offset\":0,\"recovered\":false"));
			raw_await(fds[i], WSC_TEXT, &frame);
		}
		assert_non_null(strstr(frame.data, "\"type\":\"x\""));
		raw_await(fds[i], WSC_TEXT, &frame);
		assert_non_null(strstr(frame.data, "\"type\":\"unsubscribed\""));
	}
	assert_int_equal(wsm_subscribe(host.runtime, user, wsm__str("a b"), NULL), WSM_EROOM);
	assert_int_equal(wsm_subscribe(host.runtime, wsm__str(""), room, NULL), WSM_EINVAL);
	close(fds[0]);
	close(fds[1]);
}

static void say(int fd, const char *text)
{
	raw_frame(fd, true, WSC_TEXT, text, strlen(text));
}

static void what_the_host_ends_is_not_what_the_client_or_its_path_began(void **state)
{
	wsm_admission admission = {
		.admitted = true, .user_id = wsm__str("u2"), .rooms = &(wsm_slice){ "entry", 5 }, .n_rooms = 1
	};
	static const char *const rooms[] = { "entry", "asked", "given", "both" };
	wsm_slice user = wsm__str("u2");
	uint64_t conn;
	int fd;

	(void)state;
	fd = adopt_upgrade("/x", NULL, &admission, &conn);
	expect_open(fd);
	say(fd, "{\"action\":\"subscribe\",\"room\":\"asked\",\"id\":1}");
	raw_await(fd, WSC_TEXT, &frame);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(wsm_subscribe(host.runtime, user, wsm__str(rooms[i]), NULL), WSM_OK);
	raw_await(fd, WSC_TEXT, &frame);
	assert_non_null(strstr(frame.data, "\"room\":\"given\""));
	raw_await(fd, WSC_TEXT, &frame);
	assert_non_null(strstr(frame.data, "\"room\":\"both\""));
	say(fd, "{\"action\":\"subscribe\",\"room\":\"both\",\"id\":2}");
	raw_await(fd, WSC_TEXT, &frame);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(wsm_unsubscribe(host.runtime, user, wsm__str(rooms[i]), NULL), WSM_OK);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(host_send(&host, rooms[i], "x", "{}").recipients, i != 2);
	raw_await(fd, WSC_TEXT, &frame);
	assert_non_null(strstr(frame.data, "\"type\":\"unsubscribed\""));
	assert_non_null(strstr(frame.data, "\"room\":\"given\""));
	close(fd);
	expect_closed(conn, 1006);
}

static void a_client_id_is_taken_over(void **state)
{
	wsm_admission admission = { .admitted = true, .client_id = wsm__str("tab-1") };
	wsm_slice id = wsm__str("tab-1");
	wsm_publication to_client = { .target = WSM_TO_CLIENT, .ids = &id, .n_ids = 1, .type = wsm__str("x") };
	uint64_t old, new;
	int first = adopt_upgrade("/x", NULL, &admission, &old), second;

	(void)state;
	expect_open(first);
	second = adopt_upgrade("/x", NULL, &admission, &new);
	assert_int_equal(raw_close_code(first), 4409);
	close(first);
	expect_closed(old, 4409);
	expect_open(second);
	assert_int_equal(host_publish(&host, &to_client, "{}").recipients, 1);
	raw_await(second, WSC_TEXT, &frame);
	assert_non_null(strstr(frame.data, "\"room\":\"@client:tab-1\""));
	close(second);
	expect_closed(new, 1006);
}

static void a_relay_says_whose_socket_it_is(void **state)
{
	const wsm_question question = { .kind = WSM_QUERY_CONNECTIONS };
	wsm_admission admission = { .ip = { "::ffff:192.0.2.7", 16 } };
	wsm_error error = { 0 };
	wsm_text answer;
	uint64_t conn;
	int fd = adopt_upgrade("/ws", NULL, &admission, &conn);

	(void)state;
	expect_open(fd);
	assert_int_equal(wsm_query(host.runtime, &question, &answer, NULL), WSM_OK);
	assert_non_null(strstr(answer.data, "\"ip\":\"192.0.2.7\""));
	wsm_text_free(&answer);
	admission.ip = (wsm_slice){ "192.0.2", 7 };
	assert_int_equal(wsm_adopt(host.runtime, fd, "GET", 3, &admission, &conn, &error), WSM_EINVAL);
	assert_string_equal(error.message, "ip must be an IPv4 or IPv6 address");
	close(fd);
}

static void stop_ends_handed_over_connections_and_tells(void **state)
{
	uint64_t conn;
	int fd = adopt_upgrade("/ws", NULL, NULL, &conn), half;
	wsm_event *event;
	uint64_t other;

	(void)state;
	expect_open(fd);
	half = adopt("GET /ws HT", 10, NULL, &other);
	assert_int_equal(wsm_runtime_stop(host.runtime, 500), WSM_OK);
	assert_int_equal(raw_close_code(fd), 1001);
	event = host_event(&host, WSM_EVENT_CLOSED);
	assert_true(event->conn == conn || event->conn == other);
	wsm_event_free(event);
	event = host_event(&host, WSM_EVENT_CLOSED);
	assert_true(event->conn == conn || event->conn == other);
	wsm_event_free(event);
	assert_null(host_event_now(&host, WSM_EVENT_CLOSED));
	close(fd);
	close(half);
}

/* ---- decided later ---------------------------------------------------------------------------------------------- */

/* The ticket of the question about a connection that was handed over with `ask`. */
static uint64_t asked_about(uint64_t conn)
{
	wsm_event *event = host_event(&host, WSM_EVENT_AUTHENTICATE);
	uint64_t ticket = event->ticket;

	assert_int_equal(event->conn, conn);
	assert_int_equal(event->data.len, 0);
	wsm_event_free(event);
	return ticket;
}

static void the_host_decides_after_the_hand_over(void **state)
{
	const wsm_slice rooms[] = { wsm__str("board:7") };
	const wsm_admission later = { .admitted = true, .ask = true, .greeting = wsm__str("hello") };
	const wsm_decision yes = { .allow = true, .user_id = wsm__str("u1"), .rooms = rooms, .n_rooms = 1 };
	const wsm_decision no = { .allow = false, .code = 4403, .reason = wsm__str("not on this board") };
	uint64_t conn;
	json_t *greeting;
	char head[1024];
	int fd = adopt_upgrade("/live/7", NULL, &later, &conn);

	(void)state;
	assert_int_equal(wsm_authenticated(host.runtime, asked_about(conn), &yes, NULL), WSM_OK);
	expect_open(fd);
	greeting = of_type(json_loads(frame.data, 0, NULL), "hello");
	assert_string_equal(text_at(greeting, "data.user_id"), "u1");
	json_decref(greeting);
	assert_int_equal(host_send(&host, "board:7", "x", "{}").recipients, 1);
	close(fd);
	expect_closed(conn, 1006);
	fd = adopt_upgrade("/live/7", NULL, &later, &conn);
	assert_int_equal(wsm_authenticated(host.runtime, asked_about(conn), &no, NULL), WSM_OK);
	raw_head(fd, head, sizeof(head)); /* a browser sees no status of a refused upgrade, but a close code */
	assert_int_equal(raw_close_code(fd), 4403);
	close(fd);
	expect_closed(conn, 4403);
}

static void a_client_that_resets_while_the_host_decides(void **state)
{
	const struct linger hard = { .l_onoff = 1 };
	const wsm_admission later = { .admitted = true, .ask = true };
	const wsm_decision yes = { .allow = true };
	uint64_t conn, ticket;
	int fd = adopt_upgrade("/live/7", NULL, &later, &conn);

	(void)state;
	ticket = asked_about(conn);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	close(fd);
	expect_closed(conn, 1006);
	assert_int_equal(wsm_authenticated(host.runtime, ticket, &yes, NULL), WSM_OK); /* finds nobody */
	assert_int_equal(host_stat(&host, "active_connections"), 0);
}

static void a_foreign_origin_is_refused_before_the_host_is_asked(void **state)
{
	const wsm_admission later = { .admitted = true, .ask = true };
	struct raw_answer answer;
	uint64_t conn;
	int fd = adopt_upgrade("/live/7", "Origin: https://evil.example\r\n", &later, &conn);

	(void)state;
	raw_answer(fd, &answer, false);
	assert_int_equal(answer.status, 403);
	raw_answer_free(&answer);
	close(fd);
	expect_closed(conn, 1006);
	assert_null(host_event_now(&host, WSM_EVENT_AUTHENTICATE));
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, open_host, close_host)
	const struct CMUnitTest tests[] = {
		CASE(a_socket_with_its_request),
		CASE(frames_behind_the_request_are_read),
		CASE(a_request_that_is_not_complete_yet),
		CASE(who_was_admitted_needs_no_endpoint),
		CASE(rooms_in_an_admission_besides_the_endpoints),
		CASE(subscriptions_of_a_user_hold_now_and_later),
		CASE(what_the_host_ends_is_not_what_the_client_or_its_path_began),
		CASE(a_client_id_is_taken_over),
		CASE(the_host_decides_after_the_hand_over),
		CASE(a_client_that_resets_while_the_host_decides),
		CASE(a_foreign_origin_is_refused_before_the_host_is_asked),
		CASE(a_relay_says_whose_socket_it_is),
		CASE(stop_ends_handed_over_connections_and_tells),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
