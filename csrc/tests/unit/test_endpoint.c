/* Path patterns, and what a connection to them joins. */
#include "exact.h"

#include <stdio.h>

#include "policy/endpoint.h"

/* The pattern that a path belongs to, or "" */
static const char *found_with(struct wsm__endpoints *endpoints, const char *path, bool auth)
{
	static char pattern[WSM__PATH_MAX + 1];
	struct wsm__path_params params;
	wsm_slice slice = exact(path, strlen(path));
	struct wsm__endpoint *endpoint = wsm__endpoints_find(endpoints, slice, auth, &params);

	snprintf(pattern, sizeof(pattern), "%s", endpoint ? endpoint->path : "");
	wsm__endpoint_unref(endpoint);
	drop(slice);
	return pattern;
}

static const char *found(struct wsm__endpoints *endpoints, const char *path)
{
	return found_with(endpoints, path, false);
}

static int set(struct wsm__endpoints *endpoints, const char *path, const char *room, wsm_error *error)
{
	wsm_slice rooms = wsm__str(room);
	wsm_endpoint endpoint = { .path = wsm__str(path), .rooms = &rooms, .n_rooms = room ? 1 : 0 };

	return wsm__endpoints_set(endpoints, &endpoint, error);
}

static void the_paths_of_the_protocol_are_there(void **state)
{
	struct wsm__endpoints endpoints;

	(void)state;
	assert_int_equal(wsm__endpoints_init(&endpoints), WSM_OK);
	assert_string_equal(found(&endpoints, "/ws"), "/ws");
	assert_string_equal(found(&endpoints, "/ws/updates"), "/ws/updates");
	assert_string_equal(found(&endpoints, "/ws/notifications"), "/ws/notifications");
	assert_string_equal(found(&endpoints, "/ws/logs"), "/ws/logs");
	assert_string_equal(found(&endpoints, "/ws/project/7"), "/ws/project/{project_id}");
	/* Without authentication there is no path of tokens. */
	assert_string_equal(found(&endpoints, "/ws/eyJhbGciOi"), "");
	assert_string_equal(found_with(&endpoints, "/ws/eyJhbGciOi", true), "/ws/{token}");
	assert_string_equal(found_with(&endpoints, "/ws/updates", true), "/ws/updates");
	wsm__endpoints_fini(&endpoints);
}

static void other_paths_belong_to_nobody(void **state)
{
	static const char *const paths[] = { "",          "/",     "ws",           "/w",
	                                     "/wss",      "/ws/",  "//ws",         "/ws/project",
	                                     "/WS",       "/ws?",  "/ws/project/", "/ws/project/7/",
	                                     "/ws/logs/", "/ws//", "/ws/x/y" };
	struct wsm__endpoints endpoints;

	(void)state;
	wsm__endpoints_init(&endpoints);
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		assert_string_equal(found(&endpoints, paths[i]), "");
	wsm__endpoints_fini(&endpoints);
}

static void parameters_take_one_segment_each(void **state)
{
	struct wsm__endpoints endpoints;
	struct wsm__path_params params;
	struct wsm__endpoint *endpoint;
	wsm_slice path = exact("/live/eu/board-7", 16);

	(void)state;
	wsm__endpoints_init(&endpoints);
	assert_int_equal(set(&endpoints, "/live/{region}/{board}", "board:{region}:{board}", NULL), WSM_OK);
	endpoint = wsm__endpoints_find(&endpoints, path, false, &params);
	assert_non_null(endpoint);
	assert_int_equal(params.count, 2);
	assert_true(wsm__slice_is(params.at[0].name, "region"));
	assert_true(wsm__slice_is(params.at[0].value, "eu"));
	assert_true(wsm__slice_is(params.at[1].name, "board"));
	assert_true(wsm__slice_is(params.at[1].value, "board-7"));
	/* It stays valid for who holds it, whatever becomes of the table. */
	assert_int_equal(wsm__endpoints_remove(&endpoints, wsm__str("/live/{region}/{board}")), WSM_OK);
	assert_string_equal(endpoint->greeting, "connected");
	assert_string_equal(endpoint->heartbeat, "heartbeat");
	assert_string_equal(endpoint->rooms[0], "board:{region}:{board}");
	wsm__endpoint_unref(endpoint);
	drop(path);
	wsm__endpoints_fini(&endpoints);
}

static void fewer_parameters_win(void **state)
{
	struct wsm__endpoints endpoints;

	(void)state;
	wsm__endpoints_init(&endpoints);
	set(&endpoints, "/{a}/{b}", NULL, NULL);
	set(&endpoints, "/x/{b}", NULL, NULL);
	set(&endpoints, "/x/y", NULL, NULL);
	assert_string_equal(found(&endpoints, "/x/y"), "/x/y");
	assert_string_equal(found(&endpoints, "/x/z"), "/x/{b}");
	assert_string_equal(found(&endpoints, "/z/z"), "/{a}/{b}");
	wsm__endpoints_fini(&endpoints);
}

static void an_endpoint_is_replaced_and_removed_by_its_pattern(void **state)
{
	struct wsm__endpoints endpoints;
	struct wsm__path_params params;
	struct wsm__endpoint *endpoint;
	wsm_slice room = wsm__str("mine");
	wsm_endpoint mine = { .path = wsm__str("/ws"), .rooms = &room, .n_rooms = 1, .greeting = wsm__str("hello") };

	(void)state;
	wsm__endpoints_init(&endpoints);
	assert_int_equal(wsm__endpoints_set(&endpoints, &mine, NULL), WSM_OK);
	endpoint = wsm__endpoints_find(&endpoints, wsm__str("/ws"), false, &params);
	assert_string_equal(endpoint->greeting, "hello");
	assert_string_equal(endpoint->rooms[0], "mine");
	wsm__endpoint_unref(endpoint);
	assert_int_equal(wsm__endpoints_remove(&endpoints, wsm__str("/ws")), WSM_OK);
	assert_int_equal(wsm__endpoints_remove(&endpoints, wsm__str("/ws")), WSM_ENOTFOUND);
	assert_string_equal(found(&endpoints, "/ws"), "");
	wsm__endpoints_fini(&endpoints);
}

static void bad_patterns_are_refused_with_a_reason(void **state)
{
	static const struct {
		const char *path, *says;
	} cases[] = {
		{ "", "begin with '/'" },         { "ws", "begin with '/'" },
		{ "/ws/x{id}", "whole segment" }, { "/ws/{}", "whole segment" },
		{ "/ws/{id", "whole segment" },   { "/{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}/{i}", "at most 8" },
	};
	struct wsm__endpoints endpoints;
	wsm_error error;
	char long_path[WSM__PATH_MAX + 2];
	wsm_endpoint nul = { .path = wsm__slice("/w\0s", 4) };

	(void)state;
	wsm__endpoints_init(&endpoints);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(set(&endpoints, cases[i].path, NULL, &error), WSM_ECONFIG);
		assert_non_null(strstr(error.message, cases[i].says));
	}
	assert_int_equal(set(&endpoints, "/{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}", NULL, &error), WSM_OK);
	memset(long_path, 'x', sizeof(long_path));
	long_path[0] = '/';
	long_path[WSM__PATH_MAX + 1] = '\0';
	assert_int_equal(set(&endpoints, long_path, NULL, &error), WSM_ECONFIG);
	long_path[WSM__PATH_MAX] = '\0';
	assert_int_equal(set(&endpoints, long_path, NULL, &error), WSM_OK);
	assert_int_equal(wsm__endpoints_set(&endpoints, &nul, &error), WSM_ECONFIG);
	wsm__endpoints_fini(&endpoints);
}

static void bad_rooms_are_refused_with_a_reason(void **state)
{
	static const char *const rooms[] = { "", "@user:1", "@client:1", "a b", "*", "board:{other}", "@{id}" };
	struct wsm__endpoints endpoints;
	wsm_error error;

	(void)state;
	wsm__endpoints_init(&endpoints);
	for (size_t i = 0; i < sizeof(rooms) / sizeof(rooms[0]); i++) {
		assert_int_equal(set(&endpoints, "/x/{id}", rooms[i], &error), WSM_EROOM);
		assert_non_null(strstr(error.message, "is no room name"));
	}
	assert_string_equal(found(&endpoints, "/x/1"), ""); /* none of them came in by half */
	assert_int_equal(set(&endpoints, "/x/{id}", "@all", &error), WSM_OK);
	assert_int_equal(set(&endpoints, "/x/{id}", "{id}", &error), WSM_OK);
	wsm__endpoints_fini(&endpoints);
}

/* ---- room templates --------------------------------------------------------------------------------------------- */

static int fill(const char *template, const char *value, char out[WSM__ROOM_SIZE])
{
	struct wsm__path_params params = { .count = 1 };
	wsm_slice slice = exact(value, strlen(value));
	int len;

	params.at[0].name = wsm__str("id");
	params.at[0].value = slice;
	len = wsm__room_from_template(template, &params, out);
	drop(slice);
	return len;
}

static void the_template_is_filled_from_the_path(void **state)
{
	char out[WSM__ROOM_SIZE];

	(void)state;
	assert_int_equal(fill("project:{id}", "7", out), 9);
	assert_string_equal(out, "project:7");
	assert_int_equal(fill("{id}-{id}", "ab", out), 5);
	assert_string_equal(out, "ab-ab");
	assert_int_equal(fill("fixed", "ab", out), 5);
	assert_string_equal(out, "fixed");
	assert_int_equal(fill("@all", "ab", out), 4);
	assert_int_equal(fill("board:{other}", "ab", out), -1);
}

static void a_path_cannot_name_the_cores_rooms(void **state)
{
	static const char *const values[] = { "@all", "@user:1", "a b", "a\nb", "*", "\xff", "\x7f" };
	char out[WSM__ROOM_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		assert_int_equal(fill("{id}", values[i], out), -1);
	assert_int_equal(fill("project:{id}", "@all", out), 12);
}

static void a_room_has_at_most_128_bytes(void **state)
{
	char value[200], out[WSM__ROOM_SIZE];

	(void)state;
	memset(value, 'x', sizeof(value));
	value[120] = '\0';
	assert_int_equal(fill("project:{id}", value, out), 128);
	value[120] = 'x';
	value[121] = '\0';
	assert_int_equal(fill("project:{id}", value, out), -1);
	value[121] = 'x';
	value[199] = '\0';
	assert_int_equal(fill("{id}", value, out), -1);
}

static void hosts_can_make_routes_of_the_first_ones(void **state)
{
	struct wsm__endpoints endpoints;
	unsigned flags = 99, with_auth = 0;
	const char *path;
	size_t n = 0;

	(void)state;
	assert_int_equal(wsm__endpoints_init(&endpoints), WSM_OK);
	for (; (path = wsm_endpoint_default(n, &flags)); n++) {
		assert_string_equal(found_with(&endpoints, path, true), path);
		with_auth += (flags & WSM_ENDPOINT_AUTH) != 0;
	}
	assert_int_equal(n, 6);
	assert_int_equal(with_auth, 1);
	assert_null(wsm_endpoint_default(n + 1, &flags));
	wsm__endpoints_fini(&endpoints);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_paths_of_the_protocol_are_there),
		cmocka_unit_test(other_paths_belong_to_nobody),
		cmocka_unit_test(parameters_take_one_segment_each),
		cmocka_unit_test(fewer_parameters_win),
		cmocka_unit_test(an_endpoint_is_replaced_and_removed_by_its_pattern),
		cmocka_unit_test(bad_patterns_are_refused_with_a_reason),
		cmocka_unit_test(bad_rooms_are_refused_with_a_reason),
		cmocka_unit_test(the_template_is_filled_from_the_path),
		cmocka_unit_test(a_path_cannot_name_the_cores_rooms),
		cmocka_unit_test(a_room_has_at_most_128_bytes),
		cmocka_unit_test(hosts_can_make_routes_of_the_first_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
