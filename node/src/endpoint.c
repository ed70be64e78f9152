/* endpoint.c - Runtime's endpoints, and what is said about rooms by pattern. */
#include "endpoint.h"

#include <stdio.h>
#include <string.h>

#include "errors.h"
#include "text.h"
#include "value.h"

/* endpointSet(path, rooms, greeting, heartbeat, flags) */
METHOD(endpoint_set)
{
	napi_value args[5], result = NULL;
	struct seat *seat = addon_seat(env, info, 5, args);
	struct text path = { .heap = NULL }, greeting = { .heap = NULL }, heartbeat = { .heap = NULL };
	struct texts rooms = { .owned = NULL };
	wsm_endpoint endpoint = { .flags = 0 };
	wsm_error error = { 0 };

	if (!seat)
		return NULL;
	if (addon_text(env, args[0], "path", &path) && addon_texts(env, args[1], "rooms", &rooms) &&
	    addon_text_or_none(env, args[2], "greeting", &greeting) &&
	    addon_text_or_none(env, args[3], "heartbeat", &heartbeat) &&
	    addon_uint(env, args[4], "flags", &endpoint.flags)) {
		endpoint.path = path.slice;
		endpoint.rooms = rooms.at;
		endpoint.n_rooms = rooms.n;
		endpoint.greeting = greeting.slice;
		endpoint.heartbeat = heartbeat.slice;
		result = addon_result(env, wsm_endpoint_set(addon_seat_runtime(seat), &endpoint, &error), &error);
	}
	addon_text_fini(&path);
	addon_texts_fini(&rooms);
	addon_text_fini(&greeting);
	addon_text_fini(&heartbeat);
	return result;
}

METHOD(endpoint_remove)
{
	napi_value args[1], result = NULL;
	struct seat *seat = addon_seat(env, info, 1, args);
	struct text path = { .heap = NULL };
	wsm_error error = { 0 };
	int status;

	if (!seat)
		return NULL;
	if (addon_text(env, args[0], "path", &path)) {
		status = wsm_endpoint_remove(addon_seat_runtime(seat), path.slice);
		if (status == WSM_ENOTFOUND)
			snprintf(error.message, sizeof(error.message), "there is no endpoint %.128s", path.slice.data);
		result = addon_result(env, status, &error);
	}
	addon_text_fini(&path);
	return result;
}

METHOD(match)
{
	napi_value args[1], result = NULL;
	struct seat *seat = addon_seat(env, info, 1, args);
	struct text path = { .heap = NULL };

	if (!seat)
		return NULL;
	if (addon_text(env, args[0], "path", &path) &&
	    !addon_ok(env, napi_get_boolean(env, wsm_endpoint_match(addon_seat_runtime(seat), path.slice), &result)))
		result = NULL;
	addon_text_fini(&path);
	return result;
}

/* label(path): as it may stand in a log; "" where no endpoint has it */
METHOD(label)
{
	napi_value args[1], result = NULL;
	struct seat *seat = addon_seat(env, info, 1, args);
	struct text path = { .heap = NULL };
	char label[256];

	if (!seat)
		return NULL;
	if (addon_text(env, args[0], "path", &path)) {
		wsm_endpoint_label(addon_seat_runtime(seat), path.slice, label, sizeof(label));
		result = addon_string_value(env, label, strlen(label));
	}
	addon_text_fini(&path);
	return result;
}

/* roomRuleSet(pattern, setting, value) */
METHOD(room_rule_set)
{
	napi_value args[3], result = NULL;
	struct seat *seat = addon_seat(env, info, 3, args);
	struct text pattern = { .heap = NULL }, setting = { .heap = NULL }, value = { .heap = NULL };
	wsm_error error = { 0 };

	if (!seat)
		return NULL;
	if (addon_text(env, args[0], "pattern", &pattern) && addon_text(env, args[1], "setting", &setting) &&
	    addon_text(env, args[2], "value", &value))
		result = addon_result(
			env,
			wsm_room_rule_set(addon_seat_runtime(seat), pattern.slice, setting.slice, value.slice, &error),
			&error);
	addon_text_fini(&pattern);
	addon_text_fini(&setting);
	addon_text_fini(&value);
	return result;
}
