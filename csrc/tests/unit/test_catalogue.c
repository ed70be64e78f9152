/* The event catalogue: what is found, what is not, and that the table says what events.json says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "events/catalogue.h"

static const struct wsm__event_type *find(const char *type)
{
	return wsm__event_type_find((wsm_slice){ type, strlen(type) });
}

static void an_event_is_found_with_what_the_core_needs(void **state)
{
	const struct wsm__event_type *event = find("processing_progress");

	(void)state;
	assert_non_null(event);
	assert_string_equal(event->type, "processing_progress");
	assert_string_equal(event->room, "@all");
	assert_string_equal(event->key, "processing:{image_id}");
	assert_true(event->max_rate == 10.0);
	assert_int_equal(event->priority, WSM_LOW);
	assert_int_equal(event->level, WSM_LEVEL_NONE);
	assert_true(event->conflate);
	assert_false(event->history);
	assert_true(event->flat);
	assert_null(event->routing[0]);
}

static void an_end_has_the_key_of_its_progress_and_is_never_conflated(void **state)
{
	static const char *const pairs[][2] = {
		{ "processing_progress", "processing_started" },
		{ "processing_progress", "processing_complete" },
		{ "processing_progress", "processing_failed" },
		{ "job_progress", "job_started" },
		{ "job_progress", "job_completed" },
		{ "job_progress", "job_failed" },
		{ "pipeline_frame_update", "pipeline_error_update" },
		{ "pipeline_frame_update", "pipeline_status_update" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
		const struct wsm__event_type *progress = find(pairs[i][0]);
		const struct wsm__event_type *end = find(pairs[i][1]);

		assert_string_equal(progress->key, end->key);
		assert_string_equal(progress->room, end->room);
		assert_true(progress->conflate);
		assert_false(end->conflate);
		assert_true(end->max_rate == 0.0);
		assert_true(end->history);
	}
}

static void routing_members_stand_in_the_order_of_the_envelope(void **state)
{
	const struct wsm__event_type *event = find("story_created");

	(void)state;
	assert_string_equal(event->room, "project:{project_id}");
	assert_string_equal(event->routing[0], "project_id");
	assert_string_equal(event->routing[1], "story_id");
	assert_null(event->routing[2]);
	assert_string_equal(wsm__routing_default[0], "project_id");
}

static void what_is_not_in_the_catalogue_is_not_found(void **state)
{
	static const char *const types[] = {
		"order_paid",
		"story_create",
		"story_created_",
		"story_createe",
		"Story_created",
		"error ",
		"erroR",
		"errors",
		"a",
		"zzzzz",
		"heartbeat",
		"connected",
		"a_name_that_is_longer_than_every_event_of_the_catalogue",
	};

	(void)state;
	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
		assert_null(find(types[i]));
}

static void an_empty_type_is_not_found(void **state)
{
	(void)state;
	assert_null(wsm__event_type_find((wsm_slice){ NULL, 0 }));
	assert_null(wsm__event_type_find((wsm_slice){ "error", 0 }));
}

static void a_type_is_read_up_to_its_length_only(void **state)
{
	const struct wsm__event_type *event = wsm__event_type_find((wsm_slice){ "error_and_more", 5 });

	(void)state;
	assert_non_null(event);
	assert_string_equal(event->type, "error");
	assert_null(wsm__event_type_find((wsm_slice){ "error\0", 6 }));
	assert_null(wsm__event_type_find((wsm_slice){ "story_created", 12 }));
}

/* Every event of events.json: found if an application sends it, not found if it is the core's own. */
static void every_event_of_the_source_is_in_the_table_unless_it_is_the_cores(void **state)
{
	json_error_t error;
	json_t *document = json_load_file(WSM_SOURCE_ROOT "/csrc/events/events.json", 0, &error);
	size_t i, j, sent = 0;
	json_t *family, *event;

	(void)state;
	assert_non_null(document);
	json_array_foreach(json_object_get(document, "families"), i, family) {
		bool core = json_object_get(family, "origin") != NULL;

		json_array_foreach(json_object_get(family, "events"), j, event) {
			const char *type = json_string_value(json_object_get(event, "type"));
			const struct wsm__event_type *found = find(type);

			if (core) {
				assert_null(found);
				continue;
			}
			assert_non_null(found);
			assert_string_equal(found->type, type);
			assert_int_equal(found->conflate, json_is_true(json_object_get(event, "conflate")));
			assert_int_equal(found->flat, json_is_true(json_object_get(event, "flat")));
			assert_int_equal(found->history, !found->conflate);
			sent++;
		}
	}
	assert_true(sent > 30);
	json_decref(document);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_event_is_found_with_what_the_core_needs),
		cmocka_unit_test(an_end_has_the_key_of_its_progress_and_is_never_conflated),
		cmocka_unit_test(routing_members_stand_in_the_order_of_the_envelope),
		cmocka_unit_test(what_is_not_in_the_catalogue_is_not_found),
		cmocka_unit_test(an_empty_type_is_not_found),
		cmocka_unit_test(a_type_is_read_up_to_its_length_only),
		cmocka_unit_test(every_event_of_the_source_is_in_the_table_unless_it_is_the_cores),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
