/* Endpoints: what each joins, how it greets, and the messages of a connection's beginning. */
#include "raw.h"

#include <unistd.h>

static struct host host;

static int open_host(void **state)
{
	(void)state;
	host_open(&host, NULL);
	return 0;
}

static int close_host(void **state)
{
	(void)state;
	host_close(&host);
	return 0;
}

/* Rooms of the only connection, as "a b c" in alphabetical order. */
static void assert_rooms(const char *expected)
{
	json_t *connections = host_ask(&host, WSM_QUERY_CONNECTIONS, NULL);
	json_t *rooms = at(json_array_get(connections, 0), "rooms");
	char found[512] = "";

	assert_int_equal(json_array_size(connections), 1);
	for (size_t i = 0; i < json_array_size(rooms); i++) {
		strcat(found, i ? " " : "");
		strcat(found, json_string_value(json_array_get(rooms, i)));
	}
	assert_string_equal(found, expected);
	json_decref(connections);
}

static void greets(const char *path, const char *type, const char *rooms)
{
	struct visitor visitor;
	json_t *greeting = of_type(visitor_greet(&visitor, host.port, path), type);

	assert_int_equal(number_at(greeting, "data.protocol"), WSM_PROTOCOL_VERSION);
	assert_int_equal(number_at(greeting, "data.heartbeat_interval"), 600);
	assert_int_not_equal(strlen(text_at(greeting, "data.client_id")), 0);
	assert_int_equal(strlen(text_at(greeting, "timestamp")), 24);
	assert_int_equal(strlen(text_at(greeting, "message_id")), 26);
	assert_true(json_is_null(at(greeting, "data.user_id")));
	assert_rooms(rooms);
	json_decref(greeting);
	visitor_leave(&visitor);
	host_stat_reaches(&host, "total_connections", 1);
}

static void ws_joins_all(void **state)
{
	(void)state;
	greets("/ws", "connected", "@all");
}

static void ws_with_a_session_joins_it_too(void **state)
{
	struct visitor visitor;
	json_t *greeting = visitor_greet(&visitor, host.port, "/ws?session_id=tab%207&x=1");

	(void)state;
	assert_string_equal(text_at(greeting, "data.session_id"), "tab 7");
	assert_rooms("@all @session:tab 7");
	json_decref(greeting);
	visitor_leave(&visitor);
}

static void updates_joins_all(void **state)
{
	(void)state;
	greets("/ws/updates", "connected", "@all");
}

static void notifications_is_the_firehose(void **state)
{
	(void)state;
	greets("/ws/notifications", "connection", "");
}

static void project_joins_the_project(void **state)
{
	(void)state;
	greets("/ws/project/PROJ-001", "connection", "project:PROJ-001");
}

static void project_ids_are_percent_decoded(void **state)
{
	(void)state;
	greets("/ws/project/caf%C3%A9%2B1", "connection", "project:caf\xc3\xa9+1");
}

static void logs_joins_logs(void **state)
{
	(void)state;
	greets("/ws/logs?level=warning", "connection", "logs");
}

static void the_greeting_names_the_position_of_each_room(void **state)
{
	struct visitor visitor;
	wsm_delivery delivery = host_send(&host, "project:A", "x", "{}");
	json_t *greeting = visitor_greet(&visitor, host.port, "/ws/project/A"),
	       *room = at(greeting, "data.rooms.project:A");

	(void)state;
	assert_int_equal(delivery.offset, 1);
	assert_int_equal(number_at(room, "offset"), 1);
	assert_string_equal(text_at(room, "epoch"), delivery.epoch);
	assert_false(true_at(room, "recovered"));
	json_decref(greeting);
	visitor_leave(&visitor);
}

static void refused_with_4400(const char *path, const char *reason)
{
	struct visitor visitor;

	visitor_try(&visitor, host.port, path, NULL);
	assert_int_equal(visitor_end(&visitor), 4400);
	assert_non_null(strstr(visitor.reason, reason));
	assert_int_equal(json_array_size(visitor.inbox), 0);
	visitor_leave(&visitor);
}

static void malformed_parameters_are_refused_with_4400(void **state)
{
	char path[400];

	(void)state;
	refused_with_4400("/ws/logs?level=loud", "level must be");
	refused_with_4400("/ws?resume=%25%25", "resume must be");
	refused_with_4400("/ws?resume=e30x", "resume must be");
	refused_with_4400("/ws/project/with%20space", "valid room");
	refused_with_4400("/ws/project/a*", "valid room");
	snprintf(path, sizeof(path), "/ws/project/%0200d", 1);
	refused_with_4400(path, "valid room");
	snprintf(path, sizeof(path), "/ws?session_id=%0200d", 1);
	refused_with_4400(path, "session_id must be");
	refused_with_4400("/ws?session_id=a%7Fb", "session_id must be");
}

static void nul_in_the_request_is_refused(void **state)
{
	struct visitor visitor;

	(void)state;
	refused_with_4400("/ws/logs?level=%00", "level must be");
	refused_with_4400("/ws?session_id=a%00b", "session_id must be");
	visitor_try(&visitor, host.port, "/ws/project/a%00b", NULL);
	assert_int_equal(visitor_end(&visitor), WSC_END_REFUSED);
	assert_int_equal(visitor.ws.http_status, 404);
	visitor_leave(&visitor);
}

static void an_unknown_path_is_404(void **state)
{
	struct visitor visitor;

	(void)state;
	const char *const paths[] = {
		"/", "/wss", "/ws/", "/ws/nothing", "/ws/project", "/ws/project/", "/ws/project/a/b", "/ws/x.y.z"
	};

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		visitor_try(&visitor, host.port, paths[i], NULL);
		assert_int_equal(visitor.end, WSC_END_REFUSED);
		assert_int_equal(visitor.ws.http_status, 404);
		visitor_leave(&visitor);
	}
}

static void endpoints_are_added_replaced_and_removed_while_it_runs(void **state)
{
	struct visitor visitor;
	wsm_slice rooms[] = { wsm__str("board:{board}"), wsm__str("@all") };
	wsm_endpoint endpoint = { .path = wsm__str("/live/{board}"), .rooms = rooms, .n_rooms = 2 };
	wsm_endpoint bad = { .path = wsm__str("live"), .rooms = rooms, .n_rooms = 1 };
	wsm_error error = { 0 };

	(void)state;
	assert_false(wsm_endpoint_match(host.runtime, wsm__str("/live/7")));
	assert_int_equal(wsm_endpoint_set(host.runtime, &endpoint, &error), WSM_OK);
	assert_true(wsm_endpoint_match(host.runtime, wsm__str("/live/7")));
	greets("/live/7", "connected", "board:7 @all");
	endpoint.greeting = wsm__str("hello");
	endpoint.n_rooms = 1;
	assert_int_equal(wsm_endpoint_set(host.runtime, &endpoint, &error), WSM_OK);
	visitor_open(&visitor, host.port, "/live/8");
	assert_rooms("board:8");
	/* A connection outlives its endpoint. */
	assert_int_equal(wsm_endpoint_remove(host.runtime, wsm__str("/live/{board}")), WSM_OK);
	assert_int_equal(wsm_endpoint_remove(host.runtime, wsm__str("/live/{board}")), WSM_ENOTFOUND);
	assert_false(wsm_endpoint_match(host.runtime, wsm__str("/live/7")));
	visitor_expect_silence(&visitor);
	visitor_leave(&visitor);
	assert_int_equal(wsm_endpoint_set(host.runtime, &bad, &error), WSM_ECONFIG);
	assert_non_null(strstr(error.message, "must begin with '/'"));
	bad.path = wsm__str("/x");
	assert_int_equal(wsm_endpoint_set(host.runtime, &bad, &error), WSM_EROOM);
}

static void connect_and_disconnect_are_told_with_the_facts(void **state)
{
	struct visitor visitor;
	wsm_event *connected, *gone;

	(void)state;
	wsm_want(host.runtime, WSM_WANT_CONNECT | WSM_WANT_DISCONNECT);
	visitor_try(&visitor, host.port, "/ws?session_id=s1&q=a%20b", "User-Agent: test/1\r\n");
	json_decref(visitor_next(&visitor));
	connected = host_event(&host, WSM_EVENT_CONNECT);
	assert_string_equal(connected->info->path, "/ws");
	assert_string_equal(connected->info->query, "session_id=s1&q=a%20b");
	assert_string_equal(connected->info->session_id, "s1");
	assert_string_equal(connected->info->user_agent, "test/1");
	assert_string_equal(connected->info->ip, "127.0.0.2");
	assert_int_equal(connected->conn, connected->info->conn);
	wsc_close(&visitor.ws, 3456);
	gone = host_event(&host, WSM_EVENT_DISCONNECT);
	assert_int_equal(gone->conn, connected->conn);
	assert_int_equal(gone->code, 3456);
	wsm_event_free(connected);
	wsm_event_free(gone);
	visitor_end(&visitor);
	visitor_leave(&visitor);
}

static void frames_right_behind_the_request_are_read(void **state)
{
	uint8_t bytes[2048];
	char request[1024];
	struct raw_frame frame;
	size_t len;
	int fd = raw_connect(host.port);

	(void)state;
	len = strlen(raw_upgrade(request, sizeof(request), "/ws", NULL));
	memcpy(bytes, request, len);
	len = raw_put_frame(bytes, len, true, WSC_TEXT, "ping", 4);
	len = raw_put_frame(bytes, len, true, WSC_TEXT, "{\"action\":\"ping\",\"id\":2}", 24);
	raw_send(fd, bytes, len);
	raw_head(fd, request, sizeof(request));
	raw_await(fd, WSC_TEXT, &frame);
	assert_non_null(strstr(frame.data, "\"connected\""));
	raw_await(fd, WSC_TEXT, &frame);
	assert_non_null(strstr(frame.data, "\"pong\""));
	raw_await(fd, WSC_TEXT, &frame);
	assert_non_null(strstr(frame.data, "\"id\":2"));
	close(fd);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, open_host, close_host)
	const struct CMUnitTest tests[] = {
		CASE(ws_joins_all),
		CASE(ws_with_a_session_joins_it_too),
		CASE(updates_joins_all),
		CASE(notifications_is_the_firehose),
		CASE(project_joins_the_project),
		CASE(project_ids_are_percent_decoded),
		CASE(logs_joins_logs),
		CASE(the_greeting_names_the_position_of_each_room),
		CASE(malformed_parameters_are_refused_with_4400),
		CASE(nul_in_the_request_is_refused),
		CASE(an_unknown_path_is_404),
		CASE(endpoints_are_added_replaced_and_removed_while_it_runs),
		CASE(connect_and_disconnect_are_told_with_the_facts),
		CASE(frames_right_behind_the_request_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
