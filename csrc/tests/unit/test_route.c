/* Where a publication goes and under which rules: catalogue, options, and members of the data. */
#include "exact.h"

#include <stdio.h>

#include "host/route.h"
#include "rooms/publication.h"

static struct wsm__publish *routed; /* of the test that runs; freed by the next and by finish() */
static wsm_error error;

static int finish(void **state)
{
	(void)state;
	wsm__publish_free(routed, NULL);
	routed = NULL;
	return 0;
}

static int route(const wsm_publication *from, const char *payload)
{
	wsm_slice slice = exact(payload, strlen(payload));
	int status;

	finish(NULL);
	status = wsm__publish_new(from, slice, &routed, &error);
	drop(slice); /* everything is copied */
	if (status)
		routed = NULL;
	return status;
}

static int route_event(const char *type, const char *payload)
{
	wsm_publication from = { .type = wsm__str(type) };

	return route(&from, payload);
}

/* The only room of what was routed. */
static const char *room(void)
{
	static char name[256];

	assert_non_null(routed);
	assert_int_equal(routed->n_rooms, 1);
	snprintf(name, sizeof(name), "%.*s", (int)routed->rooms[0].len, routed->rooms[0].data);
	assert_int_equal(strlen(name), routed->rooms[0].len);
	return name;
}

static const char *key(void)
{
	static char name[300];

	snprintf(name, sizeof(name), "%.*s", (int)routed->key.len, routed->key.data);
	return name;
}

/* JSON of an added member, or "" */
static const char *member(const char *name)
{
	static char json[300];

	json[0] = '\0';
	for (size_t i = 0; i < routed->n_members; i++) {
		if (!wsm__slice_is(routed->members[i].name, name))
			continue;
		assert_string_equal(json, ""); /* twice */
		snprintf(json, sizeof(json), "%.*s", (int)routed->members[i].json.len, routed->members[i].json.data);
	}
	return json;
}

/* ---- the room --------------------------------------------------------------------------------------------------- */

static void the_catalogue_names_the_room(void **state)
{
	(void)state;
	assert_int_equal(route_event("story_created", "{\"project_id\":\"P-1\",\"story_id\":\"S-1\"}"), WSM_OK);
	assert_string_equal(room(), "project:P-1");
	assert_int_equal(route_event("pipeline_update", "{\"pipeline_id\":\"7\",\"project_id\":\"P\"}"), WSM_OK);
	assert_string_equal(room(), "@all");
	assert_int_equal(route_event("log_message", "{\"level\":\"info\",\"message\":\"m\"}"), WSM_OK);
	assert_string_equal(room(), "logs");
}

/* "@user:{user_id}|project:{project_id}" */
static void the_first_alternative_whose_members_are_there_counts(void **state)
{
	char data[600], id[300];

	(void)state;
	assert_int_equal(route_event("notification", "{\"user_id\":\"u 1\",\"project_id\":\"P\"}"), WSM_OK);
	assert_string_equal(room(), "@user:u 1");
	assert_int_equal(route_event("notification", "{\"user_id\":null,\"project_id\":\"P\"}"), WSM_OK);
	assert_string_equal(room(), "project:P");
	assert_int_equal(route_event("notification", "{\"project_id\":7}"), WSM_OK);
	assert_string_equal(room(), "project:7");
	assert_int_equal(route_event("notification", "{\"project_id\":null}"), WSM_OK);
	assert_string_equal(room(), "@all");
	/* For a person whose id is unusable: not for the project, and not for all. */
	assert_int_equal(route_event("notification", "{\"user_id\":\"\",\"project_id\":\"P\"}"), WSM_EROOM);
	assert_int_equal(route_event("notification", "{\"user_id\":{},\"project_id\":\"P\"}"), WSM_EROOM);
	assert_int_equal(route_event("notification", "{\"user_id\":\"a\\nb\"}"), WSM_EROOM);
	assert_int_equal(route_event("notification", "{\"user_id\":\"\\u0000\"}"), WSM_EROOM);
	for (size_t len = 1; len < sizeof(id); len++) {
		memset(id, 'x', len);
		id[len] = '\0';
		snprintf(data, sizeof(data), "{\"user_id\":\"%s\"}", id);
		assert_int_equal(route_event("notification", data), len <= 120 ? WSM_OK : WSM_EROOM);
	}
}

static void a_project_is_the_room_of_other_events_too(void **state)
{
	(void)state;
	assert_int_equal(
		route_event("order_paid", " { \"a\" : [1,{\"project_id\":\"no\"}], \"project_id\" : \"P\\u002d1\" } "),
		WSM_OK);
	assert_string_equal(room(), "project:P-1");
	assert_int_equal(route_event("order_paid", "{\"project_id\":42}"), WSM_OK);
	assert_string_equal(room(), "project:42");
	assert_int_equal(route_event("order_paid", "[1,2]"), WSM_OK);
	assert_string_equal(room(), "@all");
	assert_int_equal(route_event("order_paid", ""), WSM_OK);
	assert_string_equal(room(), "@all");
}

static void without_the_member_an_event_is_for_all(void **state)
{
	(void)state;
	assert_int_equal(route_event("story_created", "{\"story_id\":\"S-1\"}"), WSM_OK);
	assert_string_equal(room(), "@all");
	assert_int_equal(route_event("story_created", "{\"project_id\":null}"), WSM_OK);
	assert_string_equal(room(), "@all");
	assert_int_equal(route_event("story_created", "{}"), WSM_OK);
	assert_string_equal(room(), "@all");
}

static void a_member_of_the_host_counts_more_than_the_data(void **state)
{
	wsm_member members[] = { { wsm__str("project_id"), wsm__str("\"H\"") },
	                         { wsm__str("extra"), wsm__str("[1]") } };
	wsm_publication from = { .type = wsm__str("story_created"), .members = members, .n_members = 2 };

	(void)state;
	assert_int_equal(route(&from, "{\"project_id\":\"D\",\"story_id\":\"S\"}"), WSM_OK);
	assert_string_equal(room(), "project:H");
	assert_string_equal(member("project_id"), "\"H\"");
	assert_string_equal(member("extra"), "[1]");
	assert_string_equal(member("story_id"), "\"S\"");
}

/* What was meant for one project must not go to everyone because its id is unusable. */
static void an_unusable_member_is_an_error_and_not_for_all(void **state)
{
	static const char *const values[] = { "\"\"", "\"a b\"", "\"a\\nb\"", "\"*\"",       "{\"id\":1}",
	                                      "[1]",  "true",    "false",     "\"\\ud800\"", "\"\\u0000\"" };
	char data[4096], id[1024];

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		snprintf(data, sizeof(data), "{\"project_id\":%s}", values[i]);
		assert_int_equal(route_event("story_created", data), WSM_EROOM);
		assert_non_null(strstr(error.message, "story_created"));
		assert_int_equal(route_event("order_paid", data), WSM_EROOM);
	}
	for (size_t len = 1; len < sizeof(id); len++) { /* every length around the buffers on the way */
		memset(id, 'x', len);
		id[len] = '\0';
		snprintf(data, sizeof(data), "{\"project_id\":\"%s\"}", id);
		assert_int_equal(route_event("story_created", data), len <= 120 ? WSM_OK : WSM_EROOM);
		memset(id, '1', len);
		snprintf(data, sizeof(data), "{\"project_id\":%s}", id);
		assert_int_equal(route_event("story_created", data), len <= 120 ? WSM_OK : WSM_EROOM);
	}
}

/* ---- targets ---------------------------------------------------------------------------------------------------- */

static void each_target_has_its_rooms(void **state)
{
	static const struct {
		wsm_target target;
		const char *rooms[2];
		bool to_client;
	} cases[] = {
		{ WSM_TO_ROOM, { "a", "b" }, false },
		{ WSM_TO_PROJECT, { "project:a", "project:b" }, false },
		{ WSM_TO_USER, { "@user:a", "@user:b" }, false },
		{ WSM_TO_SESSION, { "@session:a", "@session:b" }, false },
		{ WSM_TO_CLIENT, { "a", "b" }, true },
	};
	wsm_slice ids[] = { wsm__str("a"), wsm__str("b") };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		wsm_publication from = { .target = cases[i].target, .ids = ids, .n_ids = 2 };

		assert_int_equal(route(&from, "{}"), WSM_OK);
		assert_int_equal(routed->n_rooms, 2);
		assert_true(wsm__slice_is(routed->rooms[0], cases[i].rooms[0]));
		assert_true(wsm__slice_is(routed->rooms[1], cases[i].rooms[1]));
		assert_int_equal(routed->to_client, cases[i].to_client);
		from.n_ids = 0;
		assert_int_equal(route(&from, "{}"), WSM_EINVAL);
	}
}

static void all_is_all_whatever_the_data_say(void **state)
{
	wsm_publication from = { .target = WSM_TO_ALL, .type = wsm__str("story_created") };

	(void)state;
	assert_int_equal(route(&from, "{\"project_id\":\"P\"}"), WSM_OK);
	assert_string_equal(room(), "@all");
	assert_string_equal(member("project_id"), "\"P\"");
	from.type = wsm__str("");
	assert_int_equal(route(&from, "any text"), WSM_OK);
	assert_string_equal(room(), "@all");
	from.target = WSM_TO_AUTO;
	assert_int_equal(route(&from, "{\"project_id\":\"P\"}"), WSM_OK); /* without a type nothing is looked at */
	assert_string_equal(room(), "@all");
}

static void a_project_target_adds_its_id(void **state)
{
	wsm_slice id = wsm__str("P\"1");
	wsm_publication from = { .target = WSM_TO_PROJECT, .ids = &id, .n_ids = 1, .type = wsm__str("notification") };
	char quotes[121];

	(void)state;
	assert_int_equal(route(&from, "{\"title\":\"t\",\"project_id\":\"other\"}"), WSM_OK);
	assert_string_equal(room(), "project:P\"1");
	assert_string_equal(member("project_id"), "\"P\\\"1\"");
	memset(quotes, '"', 120); /* as long as JSON can make it */
	quotes[120] = '\0';
	id = wsm__str(quotes);
	assert_int_equal(route(&from, "{}"), WSM_OK);
	assert_int_equal(strlen(member("project_id")), 242);
}

static void bad_names_are_refused_with_a_reason(void **state)
{
	static const struct {
		wsm_target target;
		const char *id;
		int status;
	} cases[] = {
		{ WSM_TO_ROOM, "", WSM_EROOM },    { WSM_TO_ROOM, "@all", WSM_EROOM },
		{ WSM_TO_ROOM, "a b", WSM_EROOM }, { WSM_TO_ROOM, "*", WSM_EROOM },
		{ WSM_TO_ROOM, "a\n", WSM_EROOM }, { WSM_TO_ROOM, "\xff", WSM_EROOM },
		{ WSM_TO_PROJECT, "", WSM_EROOM }, { WSM_TO_PROJECT, "*", WSM_EROOM },
		{ WSM_TO_USER, "", WSM_EINVAL },   { WSM_TO_USER, "a\n", WSM_EINVAL },
		{ WSM_TO_USER, "a b", WSM_OK },    { WSM_TO_SESSION, "", WSM_EINVAL },
		{ WSM_TO_CLIENT, "", WSM_EINVAL }, { WSM_TO_PROJECT, "@all", WSM_OK },
	};
	char name[400];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		wsm_slice ids[] = { wsm__str("good"), exact(cases[i].id, strlen(cases[i].id)) };
		wsm_publication from = { .target = cases[i].target, .ids = ids, .n_ids = 2 };

		assert_int_equal(route(&from, "{}"), cases[i].status);
		drop(ids[1]);
	}
	for (size_t len = 1; len < sizeof(name); len++) {
		wsm_slice id = wsm__slice(memset(name, 'x', len), len);
		wsm_publication from = { .target = WSM_TO_ROOM, .ids = &id, .n_ids = 1 };

		assert_int_equal(route(&from, "{}"), len <= 128 ? WSM_OK : WSM_EROOM);
		from.target = WSM_TO_PROJECT;
		assert_int_equal(route(&from, "{}"), len <= 120 ? WSM_OK : WSM_EROOM);
		from.target = WSM_TO_USER;
		assert_int_equal(route(&from, "{}"), len <= 120 ? WSM_OK : WSM_EINVAL);
	}
}

static void numbers_that_are_none_are_refused(void **state)
{
	wsm_publication target = { .target = (wsm_target)99 }, priority = { .priority = (wsm_priority)256 },
			level = { .level = (wsm_level)7 };

	(void)state;
	assert_int_equal(route(&target, "{}"), WSM_EINVAL);
	assert_int_equal(route(&priority, "{}"), WSM_EINVAL);
	assert_int_equal(route(&level, "{}"), WSM_EINVAL);
}

/* ---- rules ------------------------------------------------------------------------------------------------------ */

static void the_catalogue_gives_the_rules(void **state)
{
	(void)state;
	assert_int_equal(route_event("job_progress", "{\"job_id\":7,\"project_id\":\"P\"}"), WSM_OK);
	assert_string_equal(key(), "job:7");
	assert_int_equal(routed->priority, WSM_LOW);
	assert_true(routed->conflate);
	assert_false(routed->keep);
	assert_true(routed->max_rate == 10);
	assert_int_equal(route_event("job_failed", "{\"job_id\":7,\"project_id\":\"P\"}"), WSM_OK);
	assert_string_equal(key(), "job:7"); /* the same: it is the end of that progress */
	assert_int_equal(routed->priority, WSM_CRITICAL);
	assert_int_equal(routed->level, WSM_ERROR);
	assert_false(routed->conflate);
	assert_true(routed->keep);
	assert_int_equal(route_event("processing_progress", "{\"image_id\":\"i\"}"), WSM_OK);
	assert_true(routed->flat);
	assert_int_equal(routed->n_members, 0); /* the data stands at the top level anyway */
}

static void the_hosts_options_come_first(void **state)
{
	wsm_publication from = {
		.type = wsm__str("job_progress"),
		.key = wsm__str("mine"),
		.max_rate = 3,
		.priority = WSM_CRITICAL,
		.level = WSM_WARNING,
	};

	(void)state;
	assert_int_equal(route(&from, "{\"job_id\":7}"), WSM_OK);
	assert_string_equal(key(), "mine");
	assert_true(routed->max_rate == 3);
	assert_int_equal(routed->priority, WSM_CRITICAL);
	assert_int_equal(routed->level, WSM_WARNING);
}

static void a_key_makes_a_message_conflate_and_keeps_it_from_history(void **state)
{
	wsm_publication from = { .type = wsm__str("order_paid"), .key = wsm__str("k") };

	(void)state;
	assert_int_equal(route(&from, "{}"), WSM_OK);
	assert_true(routed->conflate);
	assert_false(routed->keep);
	from.key = wsm__str("");
	assert_int_equal(route(&from, "{}"), WSM_OK);
	assert_false(routed->conflate);
	assert_true(routed->keep);
	assert_int_equal(routed->priority, WSM_NORMAL);
	from.flags = WSM_PUBLISH_NO_HISTORY;
	assert_int_equal(route(&from, "{}"), WSM_OK);
	assert_false(routed->keep);
}

static void a_key_that_cannot_be_made_is_an_error_or_none(void **state)
{
	char data[1024], id[600], long_key[257];
	wsm_publication from = { .key = wsm__slice(memset(long_key, 'k', 257), 257) };

	(void)state;
	assert_int_equal(route_event("job_progress", "{\"project_id\":\"P\"}"), WSM_OK);
	assert_string_equal(key(), "");
	for (size_t len = 100; len < sizeof(id); len++) {
		memset(id, 'x', len);
		id[len] = '\0';
		snprintf(data, sizeof(data), "{\"job_id\":\"%s\"}", id);
		assert_int_equal(route_event("job_progress", data), len + 4 < 192 ? WSM_OK : WSM_EINVAL);
	}
	assert_int_equal(route_event("job_progress", "{\"job_id\":[7]}"), WSM_EINVAL);
	assert_int_equal(route(&from, "{}"), WSM_EINVAL);
	from.key.len = 256;
	assert_int_equal(route(&from, "{}"), WSM_OK);
}

static void logs_take_their_level_from_the_data(void **state)
{
	(void)state;
	assert_int_equal(route_event("log_message", "{\"level\":\"WARN\"}"), WSM_OK);
	assert_int_equal(routed->level, WSM_WARNING);
	assert_int_equal(route_event("log_message", "{}"), WSM_OK);
	assert_int_equal(routed->level, WSM_LEVEL_NONE);
	assert_int_equal(route_event("log_message", "{\"level\":\"loud\"}"), WSM_EINVAL);
	assert_non_null(strstr(error.message, "loud"));
	assert_int_equal(route_event("log_message", "{\"level\":3}"), WSM_EINVAL);
	/* Elsewhere a member of that name is the event's own affair. */
	assert_int_equal(route_event("story_created", "{\"level\":\"loud\"}"), WSM_OK);
	assert_int_equal(routed->level, WSM_LEVEL_NONE);
	assert_int_equal(route_event("order_paid", "{\"level\":\"error\"}"), WSM_OK);
	assert_int_equal(routed->level, WSM_LEVEL_NONE);
}

static void routing_members_are_copied_if_they_are_plain_values(void **state)
{
	(void)state;
	assert_int_equal(
		route_event("task_created", "{\"project_id\":\"P\",\"story_id\":null,\"task_id\":{\"a\":1},\"x\":1}"),
		WSM_OK);
	assert_int_equal(routed->n_members, 1);
	assert_string_equal(member("project_id"), "\"P\"");
	assert_int_equal(route_event("order_paid", "{\"pipeline_id\":7,\"image_id\":\"i\",\"pipeline_id\":8}"), WSM_OK);
	assert_string_equal(member("pipeline_id"), "7");
	assert_string_equal(member("image_id"), "\"i\"");
	assert_int_equal(routed->n_members, 2);
}

static void too_many_members_are_refused(void **state)
{
	wsm_member members[17];
	char names[17][8];
	wsm_publication from = { .type = wsm__str("order_paid"), .members = members, .n_members = 17 };

	(void)state;
	for (size_t i = 0; i < 17; i++) {
		snprintf(names[i], sizeof(names[i]), "m%zu", i);
		members[i].name = wsm__str(names[i]);
		members[i].json = wsm__str("1");
	}
	assert_int_equal(route(&from, "{}"), WSM_EINVAL);
	from.n_members = 16;
	assert_int_equal(route(&from, "{\"project_id\":1,\"story_id\":2,\"task_id\":3,\"job_id\":4,\"pipeline_id\":5}"),
	                 WSM_OK);
	assert_int_equal(routed->n_members, 21);
}

static void max_rate_has_its_bounds(void **state)
{
	wsm_slice ids[] = { wsm__str("a"), wsm__str("b") };
	wsm_publication from = { .target = WSM_TO_ROOM, .ids = ids, .n_ids = 1 };
	static const double bad[] = { -1, 1e6 + 1, 0.0 / 0.0, 1.0 / 0.0, -1.0 / 0.0 };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		from.max_rate = bad[i];
		assert_int_equal(route(&from, "{}"), WSM_EINVAL);
	}
	from.max_rate = 1e6;
	assert_int_equal(route(&from, "{}"), WSM_OK);
	from.n_ids = 2;
	assert_int_equal(route(&from, "{}"), WSM_EINVAL);
}

static void the_data_of_an_event_must_be_json(void **state)
{
	static const char *const broken[] = { "{", "{\"a\"}", "{\"a\":1,}", "{\"a\":1}x", "{a:1}", "{\"a\":[}" };
	wsm_publication from = { .target = WSM_TO_ALL };

	(void)state;
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		assert_int_equal(route_event("order_paid", broken[i]), WSM_EJSON);
		assert_int_equal(route(&from, broken[i]), WSM_OK); /* without a type it goes out as it is */
	}
}

static void everything_is_copied(void **state)
{
	wsm_slice id = exact("room", 4), who = exact("user-1", 6), type = exact("order_paid", 10), k = exact("key", 3);
	wsm_member extra = { exact("extra", 5), exact("[1,2]", 5) };
	wsm_publication from = { .target = WSM_TO_ROOM,
	                         .ids = &id,
	                         .n_ids = 1,
	                         .type = type,
	                         .key = k,
	                         .exclude = &who,
	                         .n_exclude = 1,
	                         .members = &extra,
	                         .n_members = 1 };

	(void)state;
	assert_int_equal(route(&from, "{\"a\":1}"), WSM_OK);
	drop(id);
	drop(who);
	drop(type);
	drop(k);
	drop(extra.name);
	drop(extra.json);
	assert_string_equal(room(), "room");
	assert_string_equal(key(), "key");
	assert_string_equal(member("extra"), "[1,2]");
	assert_true(wsm__slice_is(routed->type, "order_paid"));
	assert_true(wsm__slice_is(routed->payload, "{\"a\":1}"));
	assert_true(wsm__excluded(routed->exclude, wsm__str("c"), wsm__str("user-1")));
	assert_true(routed->head.bytes >= sizeof(*routed) + 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(the_catalogue_names_the_room, finish),
		cmocka_unit_test_teardown(the_first_alternative_whose_members_are_there_counts, finish),
		cmocka_unit_test_teardown(a_project_is_the_room_of_other_events_too, finish),
		cmocka_unit_test_teardown(without_the_member_an_event_is_for_all, finish),
		cmocka_unit_test_teardown(a_member_of_the_host_counts_more_than_the_data, finish),
		cmocka_unit_test_teardown(an_unusable_member_is_an_error_and_not_for_all, finish),
		cmocka_unit_test_teardown(each_target_has_its_rooms, finish),
		cmocka_unit_test_teardown(all_is_all_whatever_the_data_say, finish),
		cmocka_unit_test_teardown(a_project_target_adds_its_id, finish),
		cmocka_unit_test_teardown(bad_names_are_refused_with_a_reason, finish),
		cmocka_unit_test_teardown(numbers_that_are_none_are_refused, finish),
		cmocka_unit_test_teardown(the_catalogue_gives_the_rules, finish),
		cmocka_unit_test_teardown(the_hosts_options_come_first, finish),
		cmocka_unit_test_teardown(a_key_makes_a_message_conflate_and_keeps_it_from_history, finish),
		cmocka_unit_test_teardown(a_key_that_cannot_be_made_is_an_error_or_none, finish),
		cmocka_unit_test_teardown(logs_take_their_level_from_the_data, finish),
		cmocka_unit_test_teardown(routing_members_are_copied_if_they_are_plain_values, finish),
		cmocka_unit_test_teardown(too_many_members_are_refused, finish),
		cmocka_unit_test_teardown(max_rate_has_its_bounds, finish),
		cmocka_unit_test_teardown(the_data_of_an_event_must_be_json, finish),
		cmocka_unit_test_teardown(everything_is_copied, finish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
