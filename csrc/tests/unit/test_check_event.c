/* What of an event's data the catalogue does not allow. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "events/catalogue.h"
#include "events/check.h"

static void expect(const char *type, const char *data, const char *path, const char *found, const char *expected)
{
	const struct wsm__event_type *event = wsm__event_type_find((wsm_slice){ type, strlen(type) });
	struct wsm__event_fault fault = { .path = "" };
	bool fits;

	assert_non_null(event);
	fits = wsm__event_check(event, (wsm_slice){ data, strlen(data) }, &fault);
	assert_int_equal(fits, path == NULL);
	if (!path)
		return;
	assert_string_equal(fault.path, path);
	assert_string_equal(fault.found, found);
	assert_string_equal(fault.expected, expected);
	assert_true(fault.number < 64);
}

#define GOOD(type, data) expect(type, data, NULL, NULL, NULL)

static void good_data_passes(void **state)
{
	(void)state;
	GOOD("story_created", "{\"story_id\":\"s\",\"title\":\"t\"}");
	GOOD("story_created", " {\"title\" : \"t\", \"project_id\":null ,\"story_id\":\"s\",\"own\":[1]} ");
	GOOD("processing_progress", "{\"image_id\":\"i\",\"progress\":-1.5e3,\"current_step\":\"\"}");
	GOOD("system_status", "{}");
	GOOD("system_status", "{\"queue_length\":12.0,\"gpu_utilization\":null}");
	GOOD("log_message", "{\"level\":\"warning\",\"message\":\"m\"}");
	GOOD("validation_required",
	     "{\"result_id\":\"r\",\"confidence\":1,\"reason\":\"x\",\"suggested_actions\":[\"a\", \"b\\\"]\" ]}");
	GOOD("execution_update",
	     "{\"execution_id\":\"e\",\"team_id\":\"t\",\"status\":\"running\",\"progress\":1,\"result\":null}");
	GOOD("pipeline_frame_update",
	     "{\"pipeline_id\":\"7\",\"frame_data\":{\"frame_id\":1,\"timestamp\":1.5,\"detections_count\":0,"
	     "\"processing_time\":0.04,\"fps\":25,\"node_results\":{}}}");
}

static void what_is_missing_is_found(void **state)
{
	(void)state;
	expect("story_created", "{}", "story_id", "missing", "a text");
	expect("story_created", "{\"story_id\":\"s\",\"Title\":\"t\",\"titles\":\"t\"}", "title", "missing", "a text");
	expect("pipeline_frame_update", "{\"pipeline_id\":\"7\",\"frame_data\":{\"frame_id\":1}}",
	       "frame_data.timestamp", "missing", "a number");
	expect("log_message", "{\"message\":\"m\"}", "level", "missing", "one of its words");
}

static void what_is_of_another_type_is_found(void **state)
{
	(void)state;
	expect("story_created", "[]", "data", "a list", "an object");
	expect("story_created", "", "data", "missing", "an object");
	expect("story_created", "null", "data", "null", "an object");
	expect("story_created", "{\"story_id\":7,\"title\":\"t\"}", "story_id", "a number", "a text");
	expect("story_created", "{\"story_id\":\"s\",\"title\":null}", "title", "null", "a text");
	expect("processing_progress", "{\"image_id\":\"i\",\"progress\":\"5\",\"current_step\":\"\"}", "progress",
	       "a text", "a number");
	expect("system_status", "{\"queue_length\":1.5}", "queue_length", "a number", "an integer");
	expect("system_status", "{\"queue_length\":null}", "queue_length", "null", "an integer");
	expect("processing_failed", "{\"image_id\":\"i\",\"error\":\"e\",\"retry_available\":1}", "retry_available",
	       "a number", "a boolean");
	expect("log_message", "{\"level\":\"loud\",\"message\":\"m\"}", "level", "another text", "one of its words");
	expect("log_message", "{\"level\":\"warn\",\"message\":\"m\"}", "level", "another text", "one of its words");
	expect("validation_required",
	       "{\"result_id\":\"r\",\"confidence\":1,\"reason\":\"x\",\"suggested_actions\":[\"a\",1]}",
	       "suggested_actions", "a list", "a list of texts");
	expect("pipeline_frame_update", "{\"pipeline_id\":\"7\",\"frame_data\":null}", "frame_data", "null",
	       "an object");
	expect("pipeline_status_update",
	       "{\"pipeline_id\":\"7\",\"status\":\"on\",\"detailed_status\":{\"stats\":{},\"nodes\":[]}}",
	       "detailed_status.nodes", "a list", "an object");
}

/* Each event of the table: without data it is at fault in what it needs, and its place is its own. */
static void every_event_has_a_place(void **state)
{
	static const char *const types[] = { "error", "command", "story_moved", "pipeline_analytics_update" };
	size_t places[4];

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		places[i] = wsm__event_type_place(wsm__event_type_find((wsm_slice){ types[i], strlen(types[i]) }));
		assert_true(places[i] < wsm__event_types);
		for (size_t j = 0; j < i; j++)
			assert_true(places[i] != places[j]);
	}
	assert_int_equal(places[0], 0);
	assert_int_equal(places[3], wsm__event_types - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_data_passes),
		cmocka_unit_test(what_is_missing_is_found),
		cmocka_unit_test(what_is_of_another_type_is_found),
		cmocka_unit_test(every_event_has_a_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
