/* What operators and clients are told of the store: statistics, metrics, health, the panel's rooms. */
#include "folder.h"
#include "raw.h"

static struct host host;

static int make_folder(void **state)
{
	wsm_error error = { 0 };

	(void)state;
	folder_make();
	host_make(&host, "port", "0", "store", file, "history_size", "100", "admin", "1", NULL);
	assert_int_equal(
		wsm_room_rule_set(host.runtime, wsm__str("kept:*"), wsm__str("store"), wsm__str("disk"), &error),
		WSM_OK);
	wsm_want(host.runtime, WSM_WANT_LOG);
	host_start(&host);
	return 0;
}

static int drop_folder(void **state)
{
	(void)state;
	host_close(&host);
	folder_drop();
	return 0;
}

/* The answer to a GET. Release it. */
static json_t *get(unsigned port, const char *path, const char *headers)
{
	char request[512];
	json_t *body = NULL;

	snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n", path, headers);
	assert_int_equal(raw_http(port, request, &body), 200);
	assert_non_null(body);
	return body;
}

/* The body of GET /metrics, until raw_answer_free(). */
static const char *metrics(unsigned port, struct raw_answer *answer)
{
	int fd = raw_connect(port);

	raw_say(fd, "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
	raw_answer(fd, answer, false);
	close(fd);
	assert_int_equal(answer->status, 200);
	return answer->body;
}

static void its_figures_are_told(void **state)
{
	struct raw_answer page;
	const char *text;
	json_t *answer, *store;

	(void)state;
	host_send_run(&host, "kept:1", 1, 120);
	host_send(&host, "other", "n", "{}");
	answer = host_ask(&host, WSM_QUERY_STATS, NULL);
	store = at(answer, "store");
	assert_string_equal(text_at(store, "state"), "up");
	assert_string_equal(text_at(store, "reason"), "");
	assert_string_equal(text_at(store, "sync"), "normal");
	assert_int_equal(strlen(text_at(store, "since")), 24);
	assert_int_equal(number_at(store, "appended"), 120);
	assert_true(number_at(store, "commits") > 0);
	assert_int_equal(number_at(store, "unavailable"), 0);
	assert_true(json_is_real(at(store, "appended_per_s")));
	json_decref(answer);
	text = metrics(host.port, &page);
	assert_non_null(strstr(text, "\nws_manager_store_up 1\n"));
	assert_non_null(strstr(
		text, "\n# TYPE ws_manager_store_appended_total counter\nws_manager_store_appended_total 120\n"));
	assert_non_null(strstr(text, "\n# TYPE ws_manager_store_file_bytes gauge\nws_manager_store_file_bytes "));
	raw_answer_free(&page);
	answer = get(host.port, "/api/ws/health", "");
	assert_string_equal(text_at(answer, "status"), "ok");
	assert_string_equal(text_at(answer, "store.state"), "up");
	assert_null(at(answer, "store.reason"));
	json_decref(answer);
}

static void who_has_none_hears_of_none(void **state)
{
	struct raw_answer page;
	const char *text;
	struct host plain;
	json_t *answer;

	(void)state;
	host_open(&plain, NULL);
	answer = host_ask(&plain, WSM_QUERY_STATS, NULL);
	assert_true(json_is_null(at(answer, "store")));
	json_decref(answer);
	text = metrics(plain.port, &page);
	assert_null(strstr(text, "ws_manager_store"));
	raw_answer_free(&page);
	answer = get(plain.port, "/api/ws/health", "");
	assert_null(at(answer, "store"));
	json_decref(answer);
	host_close(&plain);
}

static void the_panel_says_where_a_room_is_kept(void **state)
{
	json_t *answer, *row;

	(void)state;
	host_send_run(&host, "kept:1", 1, 120);
	host_send(&host, "other", "n", "{}");
	answer = get(host.port, "/api/ws/admin/state?view=rooms&sort=store&search=e", "");
	assert_int_equal(number_at(answer, "rooms.matched"), 2);
	row = json_array_get(at(answer, "rooms.rows"), 0);
	assert_string_equal(text_at(row, "name"), "kept:1");
	assert_string_equal(text_at(row, "store"), "disk");
	assert_int_equal(number_at(row, "kept"), 100);
	assert_int_equal(number_at(row, "first"), 21);
	row = json_array_get(at(answer, "rooms.rows"), 1);
	assert_string_equal(text_at(row, "store"), "memory");
	json_decref(answer);
}

static wsm_delivery send_anyway(const char *room)
{
	wsm_slice name = wsm__str(room);
	const wsm_publication publication = { .target = WSM_TO_ROOM, .ids = &name, .n_ids = 1, .type = wsm__str("n") };

	return host_publish(&host, &publication, "{}");
}

/* Somebody has moved the file away: rooms in memory go on, and everyone who asks is told. */
static void a_store_that_is_down_says_so(void **state)
{
	struct raw_answer page;
	const char *text;
	const wsm_revocation revoked = { .jti = wsm__str("t1") };
	struct visitor visitor;
	json_t *answer;

	(void)state;
	host_send(&host, "kept:1", "n", "{}");
	unlink(file);
	assert_int_equal(send_anyway("kept:1").status, WSM_EUNAVAILABLE);
	assert_int_equal(send_anyway("other").status, WSM_OK);
	assert_int_equal(wsm_revoke(host.runtime, &revoked, NULL),
	                 WSM_OK); /* in force, and written when that is possible */
	wsm_event_free(host_line(&host, "was removed or replaced while it was in use"));
	answer = host_ask(&host, WSM_QUERY_STATS, NULL);
	assert_string_equal(text_at(answer, "store.state"), "down");
	assert_string_equal(text_at(answer, "store.reason"), "the file was removed or replaced");
	assert_int_equal(number_at(answer, "store.unavailable"), 1);
	assert_int_equal(number_at(answer, "store.unsaved"), 1);
	json_decref(answer);
	text = metrics(host.port, &page);
	assert_non_null(strstr(text, "\nws_manager_store_up 0\n"));
	raw_answer_free(&page);
	answer = get(host.port, "/api/ws/health", "");
	assert_string_equal(text_at(answer, "status"), "ok");
	assert_string_equal(text_at(answer, "store.state"), "down");
	assert_string_equal(text_at(answer, "store.reason"), "the file was removed or replaced");
	json_decref(answer);
	answer = get(host.port, "/api/ws/health", "X-Forwarded-For: 203.0.113.7\r\n"); /* whoever asks */
	assert_string_equal(text_at(answer, "store.state"), "down");
	assert_null(at(answer, "store.reason"));
	json_decref(answer);
	json_decref(get(host.port, "/api/ws/live", ""));
	visitor_open(&visitor, host.port, "/ws");
	visitor_say(&visitor, "{\"action\":\"stats\"}");
	answer = visitor_await(&visitor, "stats");
	assert_string_equal(text_at(answer, "data.store.state"), "down");
	assert_null(at(answer, "data.store.reason"));
	json_decref(answer);
	visitor_leave(&visitor);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, make_folder, drop_folder)
	const struct CMUnitTest tests[] = {
		CASE(its_figures_are_told),
		CASE(who_has_none_hears_of_none),
		CASE(the_panel_says_where_a_room_is_kept),
		CASE(a_store_that_is_down_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
