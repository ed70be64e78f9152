/* The admin panel: who may use it, what it shows, what its buttons do; over raw sockets and through wsm_rest(). */
#include "raw.h"

#include <unistd.h>

#define KEY "secret-key"

static struct host host;

static int open_off(void **state)
{
	(void)state;
	host_open(&host, NULL);
	return 0;
}

static int open_on(void **state)
{
	(void)state;
	host_open(&host, "admin", "1", NULL);
	return 0;
}

static int open_with_key(void **state)
{
	(void)state;
	host_open(&host, "admin", "1", "api_key", KEY, "allowed_origins", "https://ops.example,*", NULL);
	return 0;
}

static int close_host(void **state)
{
	(void)state;
	host_close(&host);
	return 0;
}

/* One call as a host would pass it on; everything may be NULL but the path. */
struct call {
	const char *method, *path, *query, *ip, *host, *key, *origin, *type, *body;
	const char *header, *value; /* one more */
	bool vouched;
};

static unsigned call(struct call call, json_t **json)
{
	const wsm_member headers[] = {
		{ wsm__str("Host"), wsm__str(call.host ? call.host : "localhost") },
		{ wsm__str("X-API-Key"), wsm__str(call.key) },
		{ wsm__str("Origin"), wsm__str(call.origin) },
		{ wsm__str("Content-Type"), wsm__str(call.type ? call.type : "application/json") },
		{ wsm__str(call.header ? call.header : "Accept"), wsm__str(call.value) },
	};
	wsm_rest_request request = {
		.method = wsm__str(call.method ? call.method
		                   : call.body ? "POST"
		                               : "GET"),
		.path = wsm__str(call.path),
		.query = wsm__str(call.query),
		.ip = wsm__str(call.ip ? call.ip : "127.0.0.1"),
		.headers = headers,
		.n_headers = sizeof(headers) / sizeof(headers[0]),
		.body = wsm__str(call.body),
		.vouched = call.vouched,
	};
	wsm_rest_answer answer;
	unsigned status;

	assert_int_equal(wsm_rest(host.runtime, &request, &answer, NULL), WSM_OK);
	assert_non_null(strstr(answer.headers, "Cache-Control: no-store\r\n"));
	status = answer.status;
	if (json)
		*json = json_loadb(answer.body.data, answer.body.len, 0, NULL);
	wsm_text_free(&answer.body);
	return status;
}

#define CALL(...) call((struct call){ __VA_ARGS__ }, NULL)

static json_t *look(const char *query)
{
	json_t *state;
	unsigned status = call((struct call){ .path = "/api/ws/admin/state", .query = query }, &state);

	if (status != 200 || !state)
		give_up("state?%s: %u", query, status);
	return state;
}

static json_t *act(unsigned status, const char *action, const char *body)
{
	char path[64];
	json_t *answer;
	unsigned found;

	snprintf(path, sizeof(path), "/api/ws/admin/%s", action);
	found = call((struct call){ .path = path, .body = body }, &answer);
	if (found != status || !answer)
		give_up("%s %s: %u instead of %u", action, body, found, status);
	return answer;
}

static void look_for_text(const char *path, unsigned status, const char *type, const char *text)
{
	char request[256];
	struct raw_answer answer;
	int fd = raw_connect(host.port);

	snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path);
	raw_say(fd, request);
	raw_answer(fd, &answer, false);
	assert_int_equal(answer.status, status);
	assert_non_null(strstr(answer.head, type));
	assert_non_null(strstr(answer.body, text));
	if (strstr(path, "/ws/admin") == path) {
		assert_non_null(strstr(answer.head, "\r\nX-Frame-Options: DENY\r\n"));
		assert_non_null(
			strstr(answer.head, "\r\nContent-Security-Policy: default-src 'none'; script-src 'sha256-"));
		assert_null(strstr(answer.head, "unsafe"));
	}
	raw_answer_free(&answer);
	close(fd);
}

/* ---- who may ---------------------------------------------------------------------------------------------------- */

static void it_is_off_unless_switched_on(void **state)
{
	json_t *body;

	(void)state;
	look_for_text("/ws/admin", 404, "text/html", "WEBSOCKET_ADMIN");
	look_for_text("/api/ws/admin/state", 404, "application/json", "admin_off");
	assert_int_equal(call((struct call){ .path = "/api/ws/admin/ban", .body = "{}" }, &body), 404);
	json_decref(body);
	assert_int_equal(CALL(.path = "/api/ws/admin/state", .vouched = true), 200);
	assert_int_equal(CALL(.path = "/ws/admin", .vouched = true), 200);
}

static void without_a_key_it_is_for_this_machine_alone(void **state)
{
	static const char *const paths[] = { "/ws/admin", "/api/ws/admin/state" };

	(void)state;
	look_for_text("/ws/admin", 200, "text/html", "<title>ws_manager admin</title>");
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(CALL(.path = paths[i]), 200);
		assert_int_equal(CALL(.path = paths[i], .ip = "192.0.2.7"), 403);
		assert_int_equal(CALL(.path = paths[i], .ip = ""), 403);
		assert_int_equal(CALL(.path = paths[i], .key = "", .ip = "192.0.2.7"), 403);
		assert_int_equal(CALL(.path = paths[i], .key = KEY, .ip = "192.0.2.7"), 403);
		assert_int_equal(CALL(.path = paths[i], .host = "evil.example"), 403);
	}
	assert_int_equal(CALL(.path = "/api/ws/admin/state", .origin = "https://evil.example"), 403);
	assert_int_equal(CALL(.path = "/api/ws/admin/unban", .body = "{\"ip\":\"192.0.2.7\"}"), 200);
	assert_int_equal(CALL(.path = "/api/ws/admin/unban", .body = "{}", .origin = "https://evil.example"), 403);
	assert_int_equal(CALL(.path = "/api/ws/admin/unban", .body = "{}", .origin = "null"), 403);
	assert_int_equal(CALL(.path = "/api/ws/admin/unban", .body = "{}", .ip = "192.0.2.7"), 403);
	assert_int_equal(CALL(.path = "/api/ws/admin/state", .header = "X-Forwarded-Proto", .value = "https"), 403);
	assert_int_equal(CALL(.path = "/ws/admin", .header = "Via", .value = "1.1 x"), 403);
}

static void with_a_key_nobody_is_let_in_without_it(void **state)
{
	(void)state;
	look_for_text("/ws/admin", 200, "text/html", "<title>ws_manager admin</title>"); /* which asks for it */
	look_for_text("/api/ws/admin/state", 401, "application/json", "X-API-Key");
	assert_int_equal(CALL(.path = "/api/ws/admin/state", .key = "wrong"), 401);
	assert_int_equal(CALL(.path = "/api/ws/admin/state", .key = KEY "x"), 401);
	assert_int_equal(CALL(.path = "/api/ws/admin/state", .key = KEY, .ip = "192.0.2.7"), 200);
	assert_int_equal(CALL(.path = "/api/ws/admin/ban", .body = "{}"), 401);
	assert_int_equal(CALL(.path = "/api/ws/admin/unban", .body = "{\"ip\":\"::1\"}", .key = KEY, .ip = "192.0.2.7",
	                      .origin = "https://elsewhere.example"),
	                 200);
}

static void the_hosts_word_counts_but_not_for_pages_of_others(void **state)
{
	static const char unban[] = "{\"ip\":\"192.0.2.9\"}";
	static const char path[] = "/api/ws/admin/unban";

	(void)state;
#define VOUCHED .path = path, .body = unban, .ip = "192.0.2.7", .host = "app.example", .vouched = true
	assert_int_equal(CALL(VOUCHED), 200);
	assert_int_equal(CALL(VOUCHED, .origin = "https://app.example"), 200);
	assert_int_equal(CALL(VOUCHED, .origin = "https://ops.example"), 200); /* allowed_origins, but not its "*" */
	assert_int_equal(CALL(VOUCHED, .origin = "https://evil.example"), 403);
	assert_int_equal(CALL(VOUCHED, .origin = "null"), 403);
	assert_int_equal(CALL(VOUCHED, .type = "text/plain"), 415);
	assert_int_equal(CALL(VOUCHED, .type = ""), 415);
	assert_int_equal(CALL(VOUCHED, .type = "application/jsonx"), 415);
	assert_int_equal(CALL(VOUCHED, .type = "Application/JSON; charset=utf-8"), 200);
	assert_int_equal(CALL(.path = "/api/ws/admin/state", .ip = "192.0.2.7", .vouched = true,
	                      .origin = "https://evil.example", .host = "app.example"),
	                 403);
	/* It vouches for the panel, and for nothing else. */
	assert_int_equal(CALL(.path = "/api/ws/stats", .ip = "192.0.2.7", .vouched = true), 401);
}

static void other_methods_are_refused(void **state)
{
	(void)state;
	assert_int_equal(CALL(.path = "/ws/admin", .method = "POST"), 405);
	assert_int_equal(CALL(.path = "/ws/admin", .method = "HEAD"), 200);
	assert_int_equal(CALL(.path = "/api/ws/admin/state", .method = "DELETE"), 405);
	assert_int_equal(CALL(.path = "/api/ws/admin/ban", .method = "GET"), 405);
	assert_int_equal(CALL(.path = "/api/ws/admin/ban", .method = "HEAD"), 405);
	assert_int_equal(CALL(.path = "/api/ws/admin/"), 404);
	assert_int_equal(CALL(.path = "/ws/admin/"), 404);
}

/* ---- what it shows ---------------------------------------------------------------------------------------------- */

static void connections_with_all_that_is_known(void **state)
{
	struct visitor visitor;
	json_t *found, *row;

	(void)state;
	visitor_try(&visitor, host.port, "/ws/project/P1?session_id=s-1", "User-Agent: <img src=x>\r\n");
	json_decref(of_type(visitor_next(&visitor), "connection"));
	visitor_say(&visitor, "{\"action\":\"subscribe\",\"room\":\"r\"}");
	json_decref(of_type(visitor_next(&visitor), "subscribed"));
	host_send(&host, "r", "x", "{}");
	json_decref(of_type(visitor_next(&visitor), "x"));
	found = look("view=connections");
	assert_string_equal(text_at(found, "version"), WSM_VERSION);
	assert_non_null(strstr(text_at(found, "access"), "nothing checks clients"));
	assert_string_equal(text_at(found, "status"), "ok");
	assert_string_equal(text_at(found, "you"), "127.0.0.1");
	assert_int_equal(number_at(found, "connections.total"), 1);
	assert_int_equal(number_at(found, "connections.matched"), 1);
	row = json_array_get(at(found, "connections.rows"), 0);
	assert_int_equal(strlen(text_at(row, "id")), 22);
	assert_string_equal(text_at(row, "session"), "s-1");
	assert_string_equal(text_at(row, "ip"), "127.0.0.2"); /* where visitors come from */
	assert_string_equal(text_at(row, "agent"), "<img src=x>");
	assert_string_equal(text_at(row, "path"), "/ws/project/P1");
	assert_int_equal(number_at(row, "rooms"), 3); /* the session's, project:P1 and r */
	assert_int_equal(json_array_size(at(row, "room_names")), 3);
	assert_int_equal(number_at(row, "sent"), 1);
	assert_int_equal(number_at(row, "received"), 1);
	assert_true(number_at(row, "bytes_sent") > 100);
	assert_int_equal(number_at(row, "queued"), 0);
	assert_false(true_at(row, "lagging"));
	json_decref(found);
	visitor_leave(&visitor);
}

/* The sessions of the rows, one letter each. */
static void sessions(json_t *state, char *out)
{
	size_t i;
	json_t *row;

	json_array_foreach(at(state, "connections.rows"), i, row) {
		*out++ = text_at(row, "session")[0];
	}
	*out = '\0';
}

static void connections_are_searched_sorted_and_cut_into_pages(void **state)
{
	static const struct {
		const char *query, *order;
		int matched;
	} pages[] = {
		{ "", "fedcba", 6 },
		{ "&sort=-age", "abcdef", 6 },
		{ "&sort=session", "abcdef", 6 },
		{ "&sort=-session&limit=2&offset=1", "ed", 6 },
		{ "&sort=session&limit=2&offset=4", "ef", 6 },
		{ "&sort=session&limit=2&offset=6", "", 6 },
		{ "&sort=session&offset=99", "", 6 },
		{ "&limit=0", "", 6 },
		{ "&sort=-rooms&limit=1", "c", 6 },
		{ "&search=SESSION-B", "", 0 },
		{ "&search=B-SESSION", "b", 1 },
		{ "&search=project%2Fp%201", "", 0 },
		{ "&search=projecT/P1&sort=session", "abcdef", 6 },
		{ "&room=r", "c", 1 },
		{ "&room=nowhere", "", 0 },
		{ "&room=project:P1&search=a-s", "a", 1 },
	};
	static const char *const bad[] = {
		"limit=501",          "limit=x",  "limit=",       "offset=-1",
		"offset=99999999999", "sort=%zz", "sort=nothing", "sort=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	};
	struct visitor visitors[6];
	char path[64], query[512], found[16];
	json_t *page;

	(void)state;
	for (int i = 0; i < 6; i++) {
		snprintf(path, sizeof(path), "/ws/project/P1?session_id=%c-session", 'a' + i);
		visitor_open(&visitors[i], host.port, path);
	}
	visitor_say(&visitors[2], "{\"action\":\"subscribe\",\"room\":\"r\"}");
	json_decref(of_type(visitor_next(&visitors[2]), "subscribed"));
	for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
		snprintf(query, sizeof(query), "view=connections%s", pages[i].query);
		page = look(query);
		sessions(page, found);
		if (strcmp(found, pages[i].order) || number_at(page, "connections.matched") != pages[i].matched)
			give_up("%s: \"%s\" instead of \"%s\", %lld matched", query, found, pages[i].order,
			        number_at(page, "connections.matched"));
		json_decref(page);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(query, sizeof(query), "view=connections&%s", bad[i]);
		if (CALL(.path = "/api/ws/admin/state", .query = query) != 400)
			give_up("%s is not refused", bad[i]);
	}
	for (int i = 0; i < 6; i++)
		visitor_leave(&visitors[i]);
}

static void rooms_with_members_and_history(void **state)
{
	struct visitor visitor;
	json_t *found, *row;

	(void)state;
	visitor_open(&visitor, host.port, "/ws/project/P1");
	host_send_run(&host, "project:P1", 1, 9);
	found = look("view=rooms&search=PROJECT&sort=-members");
	assert_int_equal(number_at(found, "rooms.matched"), 1);
	row = json_array_get(at(found, "rooms.rows"), 0);
	assert_string_equal(text_at(row, "name"), "project:P1");
	assert_string_equal(text_at(row, "kind"), "public");
	assert_int_equal(number_at(row, "members"), 1);
	assert_int_equal(number_at(row, "kept"), 9);
	assert_int_equal(number_at(row, "first"), 1);
	assert_int_equal(number_at(row, "offset"), 9);
	assert_int_equal(number_at(row, "published"), 9);
	assert_true(number_at(row, "bytes") > 900);
	json_decref(found);
	visitor_leave(&visitor);
}

static void publications_while_somebody_watches(void **state)
{
	char *large = malloc(6001), query[64];
	const char *text;
	json_t *found, *row;
	long long last;

	(void)state;
	memset(large, 'a', 6000);
	memcpy(large, "{\"a\":\"", 6);
	memcpy(large + 5998, "\"}", 3);
	host_send(&host, "r", "before", "{}");
	found = look("view=events");
	assert_int_equal(json_array_size(at(found, "events.rows")), 0);
	last = number_at(found, "events.last");
	json_decref(found);
	host_send(&host, "r", "first", "{\"html\":\"<img>\"}");
	host_send(&host, "r", "second", large);
	snprintf(query, sizeof(query), "view=events&after=%lld", last);
	found = look(query);
	assert_int_equal(json_array_size(at(found, "events.rows")), 2);
	assert_int_equal(number_at(found, "events.skipped"), 0);
	row = json_array_get(at(found, "events.rows"), 0);
	assert_string_equal(text_at(row, "type"), "first");
	assert_string_equal(text_at(row, "room"), "r");
	assert_int_equal(number_at(row, "offset"), 2);
	assert_int_equal(number_at(row, "recipients"), 0);
	assert_non_null(strstr(text_at(row, "text"), "<img>"));
	row = json_array_get(at(found, "events.rows"), 1);
	text = text_at(row, "text");
	assert_int_equal(strlen(text), 2048);
	assert_true(number_at(row, "bytes") > 6000);
	last = number_at(found, "events.last");
	json_decref(found);
	/* More than are kept: the newest are shown, the others are counted. */
	host_send_run(&host, "r", 1, 700);
	snprintf(query, sizeof(query), "view=events&after=%lld", last);
	found = look(query);
	assert_int_equal(number_at(found, "events.last"), last + 700);
	assert_int_equal((long long)json_array_size(at(found, "events.rows")) + number_at(found, "events.skipped"),
	                 700);
	row = json_array_get(at(found, "events.rows"), json_array_size(at(found, "events.rows")) - 1);
	assert_non_null(strstr(text_at(row, "text"), "\"n\":700"));
	json_decref(found);
	free(large);
}

/* The type and the place that are shown are those of the message, whatever stands inside of it. */
static void an_object_is_shown_by_its_own_type(void **state)
{
	static const struct {
		const char *payload, *type;
	} cases[] = {
		{ "{\"user\":{\"type\":\"gap\"},\"type\":\"said\",\"room\":\"news\",\"offset\":99}", "said" },
		{ "{\"text\":\"\\\"type\\\":\\\"gap\\\"\",\"event_type\":\"\\u0061lt\"}", "alt" },
		{ "{\"x\":[{\"type\":\"gap\"}]}", "" },
	};
	wsm_publication publication = { .target = WSM_TO_ROOM, .ids = (const wsm_slice[]){ { "r", 1 } }, .n_ids = 1 };
	json_t *found, *row;

	(void)state;
	json_decref(look("view=events"));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		host_publish(&host, &publication, cases[i].payload);
	found = look("view=events");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		row = json_array_get(at(found, "events.rows"), i);
		assert_string_equal(text_at(row, "type"), cases[i].type);
		assert_string_equal(text_at(row, "room"), "r");
		assert_int_equal(number_at(row, "offset"), i + 1);
	}
	json_decref(found);
}

static void what_nobody_gets_is_shown_too(void **state)
{
	wsm_publication publication = {
		.target = WSM_TO_ROOM,
		.ids = (const wsm_slice[]){ { "empty", 5 } },
		.n_ids = 1,
		.type = wsm__str("x"),
		.flags = WSM_PUBLISH_NO_HISTORY,
	};
	json_t *found, *row;

	(void)state;
	json_decref(look("view=events"));
	host_publish(&host, &publication, "{}");
	found = look("view=events");
	row = json_array_get(at(found, "events.rows"), 0);
	assert_string_equal(text_at(row, "room"), "empty");
	assert_true(json_is_null(at(row, "text")));
	json_decref(found);
}

static void samples_for_the_charts(void **state)
{
	struct visitor visitor;
	json_t *found, *newest;
	uint64_t until = now_ms() + WAIT_SECS * 1000;
	size_t n, fields;

	(void)state;
	visitor_open(&visitor, host.port, "/ws");
	host_send(&host, "@all", "x", "{}");
	for (;;) {
		found = look("");
		n = json_array_size(at(found, "samples.rows"));
		newest = json_array_get(at(found, "samples.rows"), n - 1);
		/* at, published, written, …: as many as there are names */
		if (n >= 2 && json_integer_value(json_array_get(newest, 1)) == 1)
			break;
		json_decref(found);
		assert_true(now_ms() < until);
		usleep(20000);
	}
	fields = json_array_size(at(found, "samples.fields"));
	assert_int_equal(json_array_size(newest), fields);
	assert_int_equal(number_at(found, "samples.next"), n);
	json_decref(found);
	found = look("since=1");
	assert_int_equal(json_array_size(at(found, "samples.rows")), number_at(found, "samples.next") - 1);
	json_decref(found);
	visitor_leave(&visitor);
}

static void polls_are_nobodys_traffic(void **state)
{
	static const char *const names[] = { "total_connections",    "total_messages_sent",
	                                     "total_bytes_sent",     "total_messages_received",
	                                     "total_bytes_received", "refused_handshakes",
	                                     "active_connections",   "deliveries" };
	json_t *found;

	(void)state;
	for (int i = 0; i < 5; i++)
		look_for_text("/api/ws/admin/state?view=connections", 200, "application/json", "\"stats\":{");
	look_for_text("/ws/admin", 200, "text/html", "<title>");
	found = look("");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_int_equal(json_integer_value(json_object_get(at(found, "stats"), names[i])), 0);
	json_decref(found);
}

/* ---- buttons ---------------------------------------------------------------------------------------------------- */

static void a_client_and_a_user_are_disconnected(void **state)
{
	struct visitor visitors[3];
	char body[128];
	json_t *answer, *greeting;

	(void)state;
	greeting = visitor_greet(&visitors[0], host.port, "/ws");
	snprintf(body, sizeof(body), "{\"client_id\":\"%s\"}", text_at(greeting, "data.client_id"));
	json_decref(greeting);
	answer = act(200, "disconnect", body);
	assert_int_equal(number_at(answer, "closed"), 1);
	json_decref(answer);
	assert_int_equal(visitor_end(&visitors[0]), 4409);
	assert_string_equal(visitors[0].reason, "disconnected by an administrator");
	answer = act(200, "disconnect", "{\"user_id\":\"nobody\"}");
	assert_int_equal(number_at(answer, "closed"), 0);
	json_decref(answer);
	json_decref(act(400, "disconnect", "{}"));
	json_decref(act(400, "disconnect", "{\"client_id\":7}"));
	json_decref(act(400, "disconnect", "{\"client_id\":\"a\",\"user_id\":\"b\"}"));
	json_decref(act(400, "disconnect", "[]"));
	json_decref(act(400, "disconnect", "{"));
	visitor_leave(&visitors[0]);
}

static void an_address_is_banned_and_let_in_again(void **state)
{
	struct visitor visitor, again;
	json_t *answer, *row;

	(void)state;
	visitor_open(&visitor, host.port, "/ws");
	answer = act(200, "ban", "{\"ip\":\"127.0.0.2\",\"seconds\":600}");
	assert_string_equal(text_at(answer, "banned"), "127.0.0.2");
	assert_int_equal(number_at(answer, "closed"), 1);
	json_decref(answer);
	assert_int_equal(visitor_end(&visitor), 4403);
	visitor_leave(&visitor);
	/* Who has locked himself out can still use the panel; nothing else. */
	assert_int_equal(CALL(.path = "/api/ws/stats", .ip = "127.0.0.2"), 429);
	assert_int_equal(CALL(.path = "/ws/admin", .ip = "127.0.0.2"), 200);
	assert_int_equal(CALL(.path = "/api/ws/admin/state", .ip = "127.0.0.2"), 200);
	answer = look("view=bans");
	row = json_array_get(at(answer, "bans"), 0);
	assert_string_equal(text_at(row, "ip"), "127.0.0.2");
	assert_int_equal(number_at(row, "seconds"), 600);
	assert_false(true_at(row, "automatic"));
	assert_int_equal(number_at(answer, "stats.banned"), 1);
	json_decref(answer);
	answer = act(200, "unban", "{\"ip\":\"127.0.0.2\"}");
	assert_true(true_at(answer, "lifted"));
	json_decref(answer);
	answer = act(200, "unban", "{\"ip\":\"127.0.0.2\"}");
	assert_false(true_at(answer, "lifted"));
	json_decref(answer);
	visitor_open(&again, host.port, "/ws");
	visitor_leave(&again);
	json_decref(act(400, "ban", "{\"ip\":\"127.0.0.2\"}"));
	json_decref(act(400, "ban", "{\"ip\":\"127.0.0.2\",\"seconds\":0}"));
	json_decref(act(400, "ban", "{\"ip\":\"127.0.0.2\",\"seconds\":1e300}"));
	json_decref(act(400, "ban", "{\"ip\":\"localhost\",\"seconds\":60}"));
	json_decref(act(400, "unban", "{\"ip\":\"\"}"));
}

static void what_it_did_is_in_the_log(void **state)
{
	wsm_event *line;
	bool found = false;

	(void)state;
	wsm_want(host.runtime, WSM_WANT_LOG);
	json_decref(act(200, "ban", "{\"ip\":\"192.0.2.7\",\"seconds\":60}"));
	while (!found) {
		line = host_event(&host, WSM_EVENT_LOG);
		found = strstr(line->text.data, "admin panel: 127.0.0.1 banned 192.0.2.7 for 60 s") != NULL;
		wsm_event_free(line);
	}
}

int main(void)
{
#define CASE(name, open) cmocka_unit_test_setup_teardown(name, open, close_host)
	const struct CMUnitTest tests[] = {
		CASE(it_is_off_unless_switched_on, open_off),
		CASE(without_a_key_it_is_for_this_machine_alone, open_on),
		CASE(with_a_key_nobody_is_let_in_without_it, open_with_key),
		CASE(the_hosts_word_counts_but_not_for_pages_of_others, open_with_key),
		CASE(other_methods_are_refused, open_on),
		CASE(connections_with_all_that_is_known, open_on),
		CASE(connections_are_searched_sorted_and_cut_into_pages, open_on),
		CASE(rooms_with_members_and_history, open_on),
		CASE(publications_while_somebody_watches, open_on),
		CASE(an_object_is_shown_by_its_own_type, open_on),
		CASE(what_nobody_gets_is_shown_too, open_on),
		CASE(samples_for_the_charts, open_on),
		CASE(polls_are_nobodys_traffic, open_on),
		CASE(a_client_and_a_user_are_disconnected, open_on),
		CASE(an_address_is_banned_and_let_in_again, open_on),
		CASE(what_it_did_is_in_the_log, open_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
