/* Room names and ids: what is accepted is text that comes back unchanged through JSON, and holds nothing forbidden. */
#include "check.h"

#include <jansson.h>

#include "base/buffer.h"
#include "wire/name.h"

static void check_round_trip(wsm_slice name)
{
	struct wsm__buffer json;
	json_t *value;

	wsm__buffer_init(&json);
	wsm__buffer_add_json(&json, name);
	value = json_loadb(json.data, json.len, JSON_DECODE_ANY, NULL);
	CHECK(json_string_length(value) == name.len && memcmp(json_string_value(value), name.data, name.len) == 0);
	CHECK(json.len >= name.len + 2 && json.len <= 6 * name.len + 2);
	json_decref(value);
	wsm__buffer_fini(&json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	wsm_slice name = exact(data, size);
	bool room = wsm__room_name_valid(name), id = wsm__id_valid(name);

	if (room || id) {
		CHECK(size >= 1 && size <= 128 && wsm__utf8_valid(name));
		CHECK(!memchr(data, 0x7f, size));
		for (size_t i = 0; i < size; i++)
			CHECK(data[i] >= 0x20 && !(i > 0 && data[i - 1] == 0xc2 && data[i] < 0xa0));
		check_round_trip(name);
	}
	if (room)
		CHECK(data[0] != '@' && !memchr(data, '*', size) && !memchr(data, ' ', size));
	if (room && size <= WSM__ID_MAX)
		CHECK(id);
	drop(name);
	return 0;
}
