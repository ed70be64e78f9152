/* Envelopes: three shapes, no name twice, and always JSON. */
#include "exact.h"

#include <jansson.h>
#include <stdio.h>

#include "wire/envelope.h"

#define TIMESTAMP "2026-01-15T10:30:00.123Z"

static struct wsm__envelope envelope_of(const char *type, const char *payload)
{
	return (struct wsm__envelope){
		.type = wsm__str(type),
		.payload = wsm__str(payload),
		.timestamp = wsm__str(TIMESTAMP),
		.message_id = wsm__str("01M"),
		.room = wsm__str("project:7"),
		.offset = 42,
	};
}

#define APART "\"@position\":{\"room\":\"project:7\",\"offset\":42}"
#define ADDED "\"timestamp\":\"" TIMESTAMP "\",\"message_id\":\"01M\",\"room\":\"project:7\",\"offset\":42"

static void assert_written(const struct wsm__envelope *envelope, const char *expected)
{
	struct wsm__envelope copy = *envelope;
	struct wsm__buffer out;
	json_t *parsed;
	size_t capacity;

	copy.payload = exact(envelope->payload.data, envelope->payload.len);
	wsm__buffer_init(&out);
	assert_int_equal(wsm__envelope_write(&out, &copy, NULL), WSM_OK);
	assert_string_equal(out.data, expected);
	assert_int_equal(out.len, strlen(expected));
	parsed = json_loads(out.data, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(parsed);
	json_decref(parsed);

	/* A second one after it needs one growth at most: the bound was right. */
	capacity = out.capacity;
	assert_true(capacity > out.len);
	assert_int_equal(wsm__envelope_write(&out, &copy, NULL), WSM_OK);
	assert_string_equal(out.data + strlen(expected), expected);
	wsm__buffer_fini(&out);
	drop(copy.payload);
}

static void a_typed_event_carries_its_payload_under_data(void **state)
{
	struct wsm__envelope envelope = envelope_of("story_created", "{\"story_id\":\"STR-1\"}");

	(void)state;
	assert_written(&envelope, "{\"type\":\"story_created\",\"data\":{\"story_id\":\"STR-1\"}," ADDED "}");
	envelope.payload = wsm__str("[1,2]");
	assert_written(&envelope, "{\"type\":\"story_created\",\"data\":[1,2]," ADDED "}");
	envelope.payload = wsm__slice(NULL, 0);
	assert_written(&envelope, "{\"type\":\"story_created\",\"data\":null," ADDED "}");
}

static void members_stand_between_the_message_id_and_the_room(void **state)
{
	const wsm_member members[] = {
		{ wsm__str("project_id"), wsm__str("\"PROJ-1\"") },
		{ wsm__str("story_id"), wsm__str("7") },
		{ wsm__str("empty"), wsm__slice(NULL, 0) },
	};
	struct wsm__envelope envelope = envelope_of("t", "{}");

	(void)state;
	envelope.members = members;
	envelope.n_members = 3;
	assert_written(&envelope,
	               "{\"type\":\"t\",\"data\":{},\"timestamp\":\"" TIMESTAMP "\",\"message_id\":\"01M\","
	               "\"project_id\":\"PROJ-1\",\"story_id\":7,\"empty\":null,\"room\":\"project:7\",\"offset\":42}");
}

static void what_is_absent_is_not_written(void **state)
{
	struct wsm__envelope envelope = { .type = wsm__str("t"), .payload = wsm__str("1") };

	(void)state;
	assert_written(&envelope, "{\"type\":\"t\",\"data\":1}");
	envelope.type = wsm__slice(NULL, 0);
	envelope.payload = wsm__str("{}");
	assert_written(&envelope, "{}");
	envelope.payload = wsm__str("{ \"a\":1 }");
	assert_written(&envelope, "{ \"a\":1 }");
	envelope.payload = wsm__str("{}");
	envelope.offset = INT64_MAX; /* as far as the parser of this test goes */
	assert_written(&envelope, "{\"offset\":9223372036854775807}");
}

static void a_flat_event_has_its_fields_beside_event_type(void **state)
{
	struct wsm__envelope envelope = envelope_of("processing_progress", " {\"image_id\":\"i\",\"progress\":5} ");

	(void)state;
	envelope.flat = true;
	assert_written(&envelope,
	               "{\"event_type\":\"processing_progress\",\"image_id\":\"i\",\"progress\":5," ADDED "}");
	envelope.payload = wsm__str("{}");
	assert_written(&envelope, "{\"event_type\":\"processing_progress\"," ADDED "}");
	envelope.payload = wsm__str("{\"event_type\":\"own\",\"timestamp\":5}");
	assert_written(&envelope,
	               "{\"event_type\":\"own\",\"timestamp\":5,\"message_id\":\"01M\",\"room\":\"project:7\","
	               "\"offset\":42}");
}

static void a_spliced_object_keeps_its_own_bytes_and_comes_first(void **state)
{
	struct wsm__envelope envelope = envelope_of(NULL, "{\"b\" : 1.00, \"a\":[ ]}");

	(void)state;
	assert_written(&envelope, "{\"b\" : 1.00, \"a\":[ ]," ADDED "}");
	envelope.payload = wsm__str(" {\t} ");
	assert_written(&envelope, "{" ADDED "}");
	envelope.flat = true; /* means nothing without a type */
	assert_written(&envelope, "{" ADDED "}");
}

static void fields_that_the_object_has_are_not_added_again(void **state)
{
	struct wsm__envelope envelope = envelope_of(NULL, "{\"room\":\"kitchen\",\"offset\":null}");

	(void)state;
	assert_written(&envelope, "{\"room\":\"kitchen\",\"offset\":null,\"timestamp\":\"" TIMESTAMP
	                          "\",\"message_id\":\"01M\"," APART "}");
	envelope.payload = wsm__str("{\"timestamp\":1,\"message_id\":2,\"room\":3,\"offset\":4}");
	assert_written(&envelope, "{\"timestamp\":1,\"message_id\":2,\"room\":3,\"offset\":4," APART "}");
	/* Nested names are others', and so is the value. */
	envelope.payload = wsm__str("{\"x\":{\"room\":1},\"y\":\"offset\"}");
	assert_written(&envelope, "{\"x\":{\"room\":1},\"y\":\"offset\"," ADDED "}");
	/* Names with escapes in them are the same names. */
	envelope.payload = wsm__str("{\"r\\u006fom\":1,\"\\u006f\\u0066fset\":2,\"timestamp\\u0020\":3}");
	assert_written(&envelope, "{\"r\\u006fom\":1,\"\\u006f\\u0066fset\":2,\"timestamp\\u0020\":3,"
	                          "\"timestamp\":\"" TIMESTAMP "\",\"message_id\":\"01M\"," APART "}");
}

/* One word of the author's about the place, and all three of ours stand apart. */
static void the_place_is_named_apart_from_the_words_of_the_author(void **state)
{
	static const char stamps[] = ",\"timestamp\":\"" TIMESTAMP "\",\"message_id\":\"01M\"";
	static const char *const bodies[] = { "\"room\":1", "\"x\":{\"room\":2},\"offset\":1", "\"epoch\" : null",
	                                      "\"\\u0065poch\":1", "\"room\":1,\"offset\":2,\"epoch\":3" };
	const wsm_member members[] = { { wsm__str("epoch"), wsm__str("1") } };
	struct wsm__envelope envelope = envelope_of(NULL, NULL);
	char payload[128], expected[256];

	(void)state;
	envelope.epoch = wsm__str("b1Zq7w");
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		snprintf(payload, sizeof(payload), " { %s\n}", bodies[i]);
		snprintf(expected, sizeof(expected),
		         "{ %s\n%s,\"@position\":{\"room\":\"project:7\",\"offset\":42,\"epoch\":\"b1Zq7w\"}}",
		         bodies[i], stamps);
		envelope.payload = wsm__str(payload);
		assert_written(&envelope, expected);
	}
	/* A member that is added counts as well; without an offset there is no epoch. */
	envelope.type = wsm__str("t");
	envelope.payload = wsm__str("{\"room\":1}");
	envelope.offset = 0;
	envelope.members = members;
	envelope.n_members = 1;
	snprintf(expected, sizeof(expected),
	         "{\"type\":\"t\",\"data\":{\"room\":1}%s,\"epoch\":1,\"@position\":{\"room\":\"project:7\"}}", stamps);
	assert_written(&envelope, expected);
}

static void names_that_begin_with_at_are_found_wherever_they_stand(void **state)
{
	static const char *const with[] = {
		"{\"@\":1}",
		" {\"a\":{\"@b\":1},\n\"@c\" :1}",
		"{\"\\u0040position\":{}}",
		"{\"a\":\"@\",\"@\":1}",
		"{\"a\":\"}\",\"b\":[\"{\"],\"@c\":1}",
		"{\"@x\":1,broken",
	};
	static const char *const without[] = {
		"",
		"{}",
		"[{\"@\":1}]",
		"\"@\"",
		"{\"a\":\"@b\",\"c@\":\"\\u0040\"}",
		"{\"a\":{\"@b\":1},\"\\\"@\":[\"@\"]}",
	};
	struct wsm__envelope envelope = envelope_of(NULL, NULL);
	struct wsm__buffer out;
	wsm_slice name;

	(void)state;
	wsm__buffer_init(&out);
	for (size_t i = 0; i < sizeof(with) / sizeof(with[0]); i++) {
		envelope.payload = exact_str(with[i]);
		assert_true(wsm__envelope_kept_name(envelope.payload, &name));
		assert_true(wsm__envelope_owns(name) && wsm__envelope_imitated(envelope.payload));
		/* And should one get here all the same, it is not written. */
		assert_int_equal(wsm__envelope_write(&out, &envelope, NULL), WSM_EINVAL);
		assert_int_equal(out.len, 0);
		drop(envelope.payload);
	}
	for (size_t i = 0; i < sizeof(without) / sizeof(without[0]); i++) {
		envelope.payload = exact_str(without[i]);
		assert_false(wsm__envelope_kept_name(envelope.payload, &name) ||
		             wsm__envelope_imitated(envelope.payload));
		drop(envelope.payload);
	}
	wsm__buffer_fini(&out);
}

static void a_text_that_sounds_like_the_server_is_known(void **state)
{
	static const char *const like[] = {
		"{\"room\":1}",
		"{\"of\\u0066set\":1}",
		" {\"x\":[[]],\"epoch\":1}",
		"{\"type\":\"gap\"}",
		"{\"type\":\"\\u0067ap\"}",
		"{\"t\\u0079pe\":\"connected\"}",
		"{\"type\":1,\"type\":\"pong\"}",
		"{\"event_type\":\"subscribed\"}",
	};
	static const char *const unlike[] = { "gap", "{\"type\":\"gaps\"}",
	                                      "{\"type\":[\"gap\"],\"data\":{\"room\":1}}", "{}" };

	(void)state;
	for (size_t i = 0; i < sizeof(like) / sizeof(like[0]); i++)
		assert_true(wsm__envelope_imitated(wsm__str(like[i])));
	for (size_t i = 0; i < sizeof(unlike) / sizeof(unlike[0]); i++)
		assert_false(wsm__envelope_imitated(wsm__str(unlike[i])));
}

static void members_never_repeat_a_name(void **state)
{
	const wsm_member members[] = {
		{ wsm__str("project_id"), wsm__str("1") }, { wsm__str("project_id"), wsm__str("2") },
		{ wsm__str("room"), wsm__str("3") },       { wsm__str("type"), wsm__str("4") },
		{ wsm__str("data"), wsm__str("5") },       { wsm__str("timestamp"), wsm__str("6") },
		{ wsm__str("message_id"), wsm__str("7") }, { wsm__str("offset"), wsm__str("8") },
		{ wsm__str("event_type"), wsm__str("9") },
	};
	struct wsm__envelope envelope = envelope_of("t", "{\"project_id\":0}");

	(void)state;
	envelope.members = members;
	envelope.n_members = sizeof(members) / sizeof(members[0]);
	assert_written(&envelope,
	               "{\"type\":\"t\",\"data\":{\"project_id\":0},\"timestamp\":\"" TIMESTAMP
	               "\",\"message_id\":\"01M\",\"project_id\":1,\"room\":3,\"offset\":8,\"event_type\":9," APART
	               "}");
	envelope.flat = true;
	assert_written(&envelope, "{\"event_type\":\"t\",\"project_id\":0,\"timestamp\":\"" TIMESTAMP
	                          "\",\"message_id\":\"01M\",\"room\":3,\"type\":4,\"data\":5,\"offset\":8," APART "}");
	envelope.type = wsm__slice(NULL, 0);
	assert_written(&envelope, "{\"project_id\":0,\"timestamp\":\"" TIMESTAMP "\",\"message_id\":\"01M\",\"room\":3,"
	                          "\"type\":4,\"data\":5,\"offset\":8,\"event_type\":9," APART "}");
	envelope.room = wsm__slice(NULL, 0); /* of a message of no room */
	envelope.offset = 0;
	assert_written(&envelope, "{\"project_id\":0,\"timestamp\":\"" TIMESTAMP "\",\"message_id\":\"01M\",\"room\":3,"
	                          "\"type\":4,\"data\":5,\"offset\":8,\"event_type\":9}");
}

static void names_and_rooms_are_escaped_within_the_bound(void **state)
{
	static const char nasty[] = "\x01\x02\"\\\xff\xfe\n\xc3\xa9\x1f\x1f\x1f\x1f\x1f\x1f\x1f\x1f\x1f\x1f";
	const wsm_member members[] = { { wsm__str(nasty), wsm__str("1") } };
	struct wsm__envelope envelope = envelope_of(nasty, "{}");
	struct wsm__buffer out;
	char *first;
	json_t *parsed;

	(void)state;
	envelope.members = members;
	envelope.n_members = 1;
	envelope.room = envelope.message_id = envelope.timestamp = envelope.type;
	wsm__buffer_init(&out);
	wsm__buffer_add(&out, "", 0);
	assert_int_equal(wsm__envelope_write(&out, &envelope, NULL), WSM_OK);
	first = out.data;
	parsed = json_loads(out.data, 0, NULL);
	assert_non_null(parsed);
	json_decref(parsed);
	/* In a buffer of exactly what was needed there is no growth at all. */
	wsm__buffer_clear(&out);
	assert_int_equal(wsm__envelope_write(&out, &envelope, NULL), WSM_OK);
	assert_ptr_equal(out.data, first);
	wsm__buffer_fini(&out);
}

static void assert_said(const struct wsm__envelope *envelope, const char *expected)
{
	struct wsm__buffer out;
	size_t said = 0;

	wsm__buffer_init(&out);
	assert_int_equal(wsm__envelope_write(&out, envelope, &said), WSM_OK);
	assert_in_range(said, 1, out.len - 1);
	out.data[said] = '}';
	out.data[said + 1] = '\0';
	assert_string_equal(out.data, expected);
	wsm__buffer_fini(&out);
}

/* For raw endpoints, to the byte. */
static void what_the_author_has_said_comes_first(void **state)
{
	struct wsm__envelope envelope = envelope_of(NULL, "{ \"a\": [1],\n \"timestamp\" : null }");

	(void)state;
	assert_said(&envelope, "{ \"a\": [1],\n \"timestamp\" : null }");
	envelope.payload = wsm__str("{}");
	assert_said(&envelope, "{}");
	envelope.payload = wsm__str("{\"room\":1,\"offset\":2}");
	assert_said(&envelope, "{\"room\":1,\"offset\":2}");
	envelope.type = wsm__str("t");
	assert_said(&envelope, "{\"type\":\"t\",\"data\":{\"room\":1,\"offset\":2}}");
	envelope.flat = true;
	assert_said(&envelope, "{\"event_type\":\"t\",\"room\":1,\"offset\":2}");
}

static void payloads_that_are_no_objects_cannot_be_spliced(void **state)
{
	static const char *const texts[] = { "",  " ",        "[]",         "1",       "\"{}\"",
	                                     "{", "{\"a\":1", "{\"a\":1}}", "{\"a\"}", "{}x" };
	struct wsm__envelope envelope = envelope_of(NULL, NULL);
	struct wsm__buffer out;

	(void)state;
	wsm__buffer_init(&out);
	wsm__buffer_add_str(&out, "before");
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		envelope.payload = exact_str(texts[i]);
		envelope.type = wsm__slice(NULL, 0);
		assert_int_equal(wsm__envelope_write(&out, &envelope, NULL), WSM_EJSON);
		envelope.type = wsm__str("t");
		envelope.flat = true;
		assert_int_equal(wsm__envelope_write(&out, &envelope, NULL), WSM_EJSON);
		assert_string_equal(out.data, "before");
		drop(envelope.payload);
	}
	wsm__buffer_fini(&out);
}

static void an_object_cut_off_at_any_byte_is_refused(void **state)
{
	static const char json[] = "{\"a\":[1,{\"b\":\"\\\"\"}],\"room\":\"x\",\"c\":{\"d\":null}}";
	struct wsm__envelope envelope = envelope_of(NULL, NULL);
	struct wsm__buffer out;

	(void)state;
	wsm__buffer_init(&out);
	for (size_t len = 0; len < sizeof(json) - 1; len++) {
		envelope.payload = exact(json, len);
		assert_int_equal(wsm__envelope_write(&out, &envelope, NULL), WSM_EJSON);
		drop(envelope.payload);
	}
	wsm__buffer_fini(&out);
}

static void the_first_message_of_a_room_carries_its_epoch(void **state)
{
	struct wsm__envelope envelope = envelope_of("t", "{}");

	(void)state;
	envelope.offset = 1;
	envelope.epoch = wsm__str("b1Zq7w");
	assert_written(&envelope, "{\"type\":\"t\",\"data\":{},\"timestamp\":\"" TIMESTAMP "\",\"message_id\":\"01M\","
	                          "\"room\":\"project:7\",\"offset\":1,\"epoch\":\"b1Zq7w\"}");
	envelope.type = wsm__str(NULL);
	envelope.payload = wsm__str("{\"epoch\":1970}");
	assert_written(&envelope, "{\"epoch\":1970,\"timestamp\":\"" TIMESTAMP "\",\"message_id\":\"01M\","
	                          "\"@position\":{\"room\":\"project:7\",\"offset\":1,\"epoch\":\"b1Zq7w\"}}");
	envelope.type = wsm__str("t");
	envelope.payload = wsm__str("{}");
	envelope.offset = 2;
	assert_written(&envelope, "{\"type\":\"t\",\"data\":{},\"timestamp\":\"" TIMESTAMP "\",\"message_id\":\"01M\","
	                          "\"room\":\"project:7\",\"offset\":2}");
}

static void a_buffer_that_has_failed_is_reported(void **state)
{
	struct wsm__envelope envelope = envelope_of("t", "{}");
	struct wsm__buffer out;

	(void)state;
	wsm__buffer_init(&out);
	out.failed = true;
	assert_int_equal(wsm__envelope_write(&out, &envelope, NULL), WSM_ENOMEM);
	wsm__buffer_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_typed_event_carries_its_payload_under_data),
		cmocka_unit_test(members_stand_between_the_message_id_and_the_room),
		cmocka_unit_test(what_is_absent_is_not_written),
		cmocka_unit_test(a_flat_event_has_its_fields_beside_event_type),
		cmocka_unit_test(a_spliced_object_keeps_its_own_bytes_and_comes_first),
		cmocka_unit_test(fields_that_the_object_has_are_not_added_again),
		cmocka_unit_test(the_place_is_named_apart_from_the_words_of_the_author),
		cmocka_unit_test(names_that_begin_with_at_are_found_wherever_they_stand),
		cmocka_unit_test(a_text_that_sounds_like_the_server_is_known),
		cmocka_unit_test(members_never_repeat_a_name),
		cmocka_unit_test(names_and_rooms_are_escaped_within_the_bound),
		cmocka_unit_test(what_the_author_has_said_comes_first),
		cmocka_unit_test(payloads_that_are_no_objects_cannot_be_spliced),
		cmocka_unit_test(an_object_cut_off_at_any_byte_is_refused),
		cmocka_unit_test(the_first_message_of_a_room_carries_its_epoch),
		cmocka_unit_test(a_buffer_that_has_failed_is_reported),
	};

	return cmocka_run_group_tests_name("envelope", tests, NULL, NULL);
}
