/* tokens.c - Runtime's calls about tokens that are accepted no longer, and the keys that they are checked with. */
#include "tokens.h"

#include "errors.h"
#include "text.h"
#include "value.h"

/* revoke(jti, userId, beforeMs, untilMs); zero for the core's defaults */
METHOD(revoke)
{
	napi_value args[4], result = NULL;
	struct seat *seat = addon_seat(env, info, 4, args);
	struct text jti = { .heap = NULL }, user_id = { .heap = NULL };
	wsm_revocation revocation = { .before_ms = 0 };
	wsm_error error = { 0 };

	if (!seat)
		return NULL;
	if (addon_text(env, args[0], "jti", &jti) && addon_text(env, args[1], "userId", &user_id) &&
	    addon_uint64(env, args[2], "before", &revocation.before_ms) &&
	    addon_uint64(env, args[3], "until", &revocation.until_ms)) {
		revocation.jti = jti.slice;
		revocation.user_id = user_id.slice;
		result = addon_result(env, wsm_revoke(addon_seat_runtime(seat), &revocation, &error), &error);
	}
	addon_text_fini(&jti);
	addon_text_fini(&user_id);
	return result;
}

/* unrevoke(jti, userId) */
METHOD(unrevoke)
{
	napi_value args[2], result = NULL;
	struct seat *seat = addon_seat(env, info, 2, args);
	struct text jti = { .heap = NULL }, user_id = { .heap = NULL };
	wsm_error error = { 0 };

	if (!seat)
		return NULL;
	if (addon_text(env, args[0], "jti", &jti) && addon_text(env, args[1], "userId", &user_id))
		result = addon_result(env, wsm_unrevoke(addon_seat_runtime(seat), jti.slice, user_id.slice, &error),
		                      &error);
	addon_text_fini(&jti);
	addon_text_fini(&user_id);
	return result;
}

/* revocations(): as JSON */
METHOD(revocations)
{
	struct seat *seat = addon_seat(env, info, 0, NULL);
	wsm_text answer = { NULL, 0 };
	wsm_error error = { 0 };
	napi_value result;
	int status;

	if (!seat)
		return NULL;
	status = wsm_revocations(addon_seat_runtime(seat), &answer, &error);
	if (status != WSM_OK)
		return addon_raise(env, status, &error);
	result = addon_string_value(env, answer.data, answer.len);
	wsm_text_free(&answer);
	return result;
}

/* reloadKeys(secret, publicKey); undefined: as configured */
METHOD(reload_keys)
{
	napi_value args[2], result = NULL;
	struct seat *seat = addon_seat(env, info, 2, args);
	struct text secret = { .heap = NULL }, key = { .heap = NULL };
	wsm_error error = { 0 };

	if (!seat)
		return NULL;
	if (addon_text_or_none(env, args[0], "jwtSecret", &secret) &&
	    addon_text_or_none(env, args[1], "jwtPublicKey", &key))
		result = addon_result(
			env, wsm_reload_keys(addon_seat_runtime(seat), secret.slice.data, key.slice.data, &error),
			&error);
	addon_text_fini(&secret);
	addon_text_fini(&key);
	return result;
}
