/* clients.c - Runtime's calls about clients: who is in which room, and who has to go. */
#include "clients.h"

#include "errors.h"
#include "text.h"
#include "value.h"

typedef int (*pair_call)(wsm_runtime *runtime, wsm_slice first, wsm_slice second, wsm_error *error);

static napi_value call_with_pair(napi_env env, napi_callback_info info, pair_call call)
{
	napi_value args[2], result = NULL;
	struct seat *seat = addon_seat(env, info, 2, args);
	struct text user_id = { .heap = NULL }, room = { .heap = NULL };
	wsm_error error = { 0 };

	if (!seat)
		return NULL;
	if (addon_text(env, args[0], "user_id", &user_id) && addon_text(env, args[1], "room", &room))
		result = addon_result(env, call(addon_seat_runtime(seat), user_id.slice, room.slice, &error), &error);
	addon_text_fini(&user_id);
	addon_text_fini(&room);
	return result;
}

METHOD(subscribe)
{
	return call_with_pair(env, info, wsm_subscribe);
}

METHOD(unsubscribe)
{
	return call_with_pair(env, info, wsm_unsubscribe);
}

typedef int (*close_call)(wsm_runtime *runtime, wsm_slice id, unsigned code, wsm_slice reason, wsm_error *error);

static napi_value call_close(napi_env env, napi_callback_info info, const char *what, close_call call)
{
	napi_value args[3], result = NULL;
	struct seat *seat = addon_seat(env, info, 3, args);
	struct text id = { .heap = NULL }, reason = { .heap = NULL };
	wsm_error error = { 0 };
	unsigned code;

	if (!seat)
		return NULL;
	if (addon_text(env, args[0], what, &id) && addon_uint(env, args[1], "code", &code) &&
	    addon_text_or_none(env, args[2], "reason", &reason))
		result =
			addon_result(env, call(addon_seat_runtime(seat), id.slice, code, reason.slice, &error), &error);
	addon_text_fini(&id);
	addon_text_fini(&reason);
	return result;
}

METHOD(disconnect)
{
	return call_close(env, info, "client_id", wsm_disconnect);
}

METHOD(disconnect_user)
{
	return call_close(env, info, "user_id", wsm_disconnect_user);
}

/* ban(ip, seconds, reason) */
METHOD(ban)
{
	napi_value args[3], result = NULL;
	struct seat *seat = addon_seat(env, info, 3, args);
	struct text ip = { .heap = NULL }, reason = { .heap = NULL };
	wsm_error error = { 0 };
	double seconds;

	if (!seat)
		return NULL;
	if (addon_text(env, args[0], "ip", &ip) && addon_ok(env, napi_get_value_double(env, args[1], &seconds)) &&
	    addon_text_or_none(env, args[2], "reason", &reason))
		result = addon_result(env, wsm_ban(addon_seat_runtime(seat), ip.slice, seconds, reason.slice, &error),
		                      &error);
	addon_text_fini(&ip);
	addon_text_fini(&reason);
	return result;
}

METHOD(unban)
{
	napi_value args[1], result = NULL;
	struct seat *seat = addon_seat(env, info, 1, args);
	struct text ip = { .heap = NULL };
	wsm_error error = { 0 };

	if (seat && addon_text(env, args[0], "ip", &ip))
		result = addon_result(env, wsm_unban(addon_seat_runtime(seat), ip.slice, &error), &error);
	addon_text_fini(&ip);
	return result;
}
