/*
 * The scanner and the splice, against the JSON parser: an object that it accepts is walked member by member as it has
 * them, and makes an envelope that it accepts, with every member of the object in it.
 */
#include "check.h"

#include <jansson.h>

#include "wire/envelope.h"
#include "wire/json.h"

#define MAX_DEPTH 2000u /* below that of the parser, which counts the envelope too */

static void check_value(const json_t *expected, wsm_slice value)
{
	char *out = malloc(value.len + 1);
	json_t *parsed = json_loadb(value.data, value.len, JSON_DECODE_ANY, NULL);
	int len;

	CHECK(json_equal(parsed, expected));
	if (json_is_string(expected)) {
		len = wsm__json_string(value, out, value.len + 1);
		CHECK(len >= 0 && (size_t)len == json_string_length(expected));
		CHECK(memcmp(out, json_string_value(expected), (size_t)len) == 0);
	}
	json_decref(parsed);
	free(out);
}

/* Only for text without duplicate keys. */
static void check_members(const json_t *root, wsm_slice text)
{
	size_t position = 0, count = 0;
	wsm_slice name, value, found;
	int result;

	while ((result = wsm__json_next(text, &position, &name, &value)) == 1) {
		char *key = malloc(name.len + 3);
		int len = wsm__json_string(wsm__slice(name.data - 1, name.len + 2), key, name.len + 3);

		CHECK(len >= 0);
		check_value(json_object_get(root, key), value);
		if (len <= 255) {
			CHECK(wsm__json_name_is(name, wsm__slice(key, (size_t)len)));
			CHECK(wsm__json_get(text, key, &found) && found.data == value.data);
		}
		free(key);
		count++;
	}
	CHECK(result == 0 && count == json_object_size(root));
}

static void check_envelope(const struct wsm__buffer *out, json_t *payload, const struct wsm__envelope *envelope)
{
	json_t *root = json_loadb(out->data, out->len, 0, NULL), *value;
	const char *key;

	CHECK(root);
	if (envelope->type.len > 0 && !envelope->flat) {
		CHECK(json_equal(json_object_get(root, "data"), payload));
	} else {
		json_object_foreach(payload, key, value)
			CHECK(json_equal(json_object_get(root, key), value));
	}
	CHECK(json_object_get(root, "timestamp") && json_object_get(root, "message_id"));
	CHECK(json_object_get(root, "project_id"));
	json_decref(root);
}

/* Where it stands is ours to say: in "@position" where the author has a word about it, else at the top level. */
static void check_position(const struct wsm__buffer *out)
{
	json_t *root = json_loadb(out->data, out->len, 0, NULL);
	const json_t *place = json_object_get(root, "@position");

	place = place ? place : root;
	CHECK(!strcmp(json_string_value(json_object_get(place, "room")), "project:7"));
	CHECK(json_integer_value(json_object_get(place, "offset")) == 42);
	if (place != root)
		CHECK(!strcmp(json_string_value(json_object_get(place, "epoch")), "b1Zq7w"));
	else
		CHECK(!json_object_get(root, "epoch"));
	json_decref(root);
}

/* Names as the parser decodes them. */
static bool has_kept_name(const json_t *root)
{
	json_t *value;
	const char *key;

	json_object_foreach((json_t *)(uintptr_t)root, key, value)
		if (*key == '@')
			return true;
	return false;
}

static void check_duplicates(const struct wsm__buffer *out)
{
	json_t *root = json_loadb(out->data, out->len, JSON_REJECT_DUPLICATES, NULL);

	CHECK(root);
	json_decref(root);
}

/* What the author has said, closed by a brace, is JSON too, and all that was given. */
static void check_said(const struct wsm__buffer *out, size_t said, const json_t *root, bool typed)
{
	char *text = malloc(said + 2);
	json_t *made;

	CHECK(said < out->len);
	memcpy(text, out->data, said);
	memcpy(text + said, "}", 2);
	made = json_loadb(text, said + 1, 0, NULL);
	CHECK(made);
	CHECK(typed ? json_object_size(made) == 2 && json_equal(json_object_get(made, "data"), root)
	            : json_object_size(made) <= json_object_size(root) + 1);
	json_decref(made);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const wsm_member members[] = { { wsm__str("project_id"), wsm__str("7") }, { wsm__str("room"), wsm__str("8") } };
	wsm_slice text = exact(data + (size > 0), size - (size > 0));
	struct wsm__envelope envelope = {
		.type = wsm__str(size > 0 && data[0] & 1 ? "story" : NULL),
		.flat = size > 0 && data[0] & 2,
		.payload = text,
		.members = members,
		.n_members = size > 0 && data[0] & 4 ? 2 : 1,
		.timestamp = wsm__str("2026-01-15T10:30:00.123Z"),
		.message_id = wsm__str("01M"),
		.room = wsm__str("project:7"),
		.offset = 42,
		.epoch = wsm__str("b1Zq7w"),
	};
	/* jansson 2.14 passes over a NUL behind a number, which is no JSON. */
	bool shallow = wsm__json_depth_within(text, MAX_DEPTH) && !(text.len > 0 && memchr(text.data, '\0', text.len));
	json_t *unique = shallow ? json_loadb(text.data, text.len, JSON_REJECT_DUPLICATES, NULL) : NULL;
	json_t *root = shallow ? json_loadb(text.data, text.len, JSON_DECODE_ANY, NULL) : NULL;
	bool typed = envelope.type.len > 0 && !envelope.flat;
	wsm_slice name;
	bool kept = wsm__envelope_kept_name(text, &name);
	struct wsm__buffer out;
	size_t said = 0;
	int result;

	wsm__buffer_init(&out);
	result = wsm__envelope_write(&out, &envelope, &said);
	CHECK(result == WSM_OK || ((result == WSM_EJSON || (result == WSM_EINVAL && kept)) && !typed));
	CHECK(typed || wsm__json_is_object(text) == (result == WSM_OK) || result == WSM_EINVAL);
	CHECK(result == WSM_OK ? out.data[out.len] == '\0' && strlen(out.data) <= out.len : out.len == 0);
	if (json_is_object(root))
		CHECK(has_kept_name(root) == kept);
	if ((json_is_object(root) || (typed && root)) && result != WSM_EINVAL) {
		CHECK(result == WSM_OK);
		check_envelope(&out, root, &envelope);
		check_position(&out);
		check_said(&out, said, root, typed);
	}
	if (json_is_object(unique)) {
		check_members(unique, text);
		if (result == WSM_OK)
			check_duplicates(&out);
	}
	json_decref(root);
	json_decref(unique);
	wsm__buffer_fini(&out);
	drop(text);
	return 0;
}
