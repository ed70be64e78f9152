/* errors.c - JavaScript errors for the statuses of the core and of Node-API. */
#include "errors.h"

#include <string.h>

#include "env.h"
#include "value.h"

napi_value addon_error(napi_env env, int status, const wsm_error *error)
{
	struct env *own = addon_env(env);
	const char *message = error && error->message[0] ? error->message : wsm_status_text(status);
	napi_value raise = NULL, args[2], made = NULL;

	args[0] = addon_string_value(env, wsm_status_code(status), strlen(wsm_status_code(status)));
	args[1] = addon_string_value(env, message, strlen(message));
	if (!own || !args[0] || !args[1])
		return NULL;
	if (own->raise && napi_get_reference_value(env, own->raise, &raise) == napi_ok && raise) {
		napi_value undefined = addon_undefined(env);

		if (undefined && addon_ok(env, napi_call_function(env, undefined, raise, 2, args, &made)))
			return made;
		return NULL;
	}
	return addon_ok(env, napi_create_error(env, args[0], args[1], &made)) ? made : NULL;
}

static napi_value throw_error(napi_env env, napi_value made)
{
	if (made)
		napi_throw(env, made);
	return NULL;
}

napi_value addon_raise(napi_env env, int status, const wsm_error *error)
{
	return throw_error(env, addon_error(env, status, error));
}

napi_value addon_result(napi_env env, int status, const wsm_error *error)
{
	return status == WSM_OK ? addon_undefined(env) : addon_raise(env, status, error);
}

napi_value addon_status_table(napi_env env)
{
	static const struct {
		int status;
		const char *name;
	} rows[] = {
#define ROW(name, value, code, sentence) { (value), #name },
		WSM_STATUS_MAP(ROW)
#undef ROW
	};
	napi_value table;

	if (!addon_ok(env, napi_create_array(env, &table)))
		return NULL;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *texts[] = { rows[i].name, wsm_status_code(rows[i].status),
		                        wsm_status_text(rows[i].status) };
		napi_value row, text;

		if (!addon_ok(env, napi_create_array(env, &row)))
			return NULL;
		for (uint32_t j = 0; j < 3; j++) {
			text = addon_string_value(env, texts[j], strlen(texts[j]));
			if (!text || !addon_ok(env, napi_set_element(env, row, j, text)))
				return NULL;
		}
		if (!addon_ok(env, napi_set_element(env, table, (uint32_t)-rows[i].status, row)))
			return NULL;
	}
	return table;
}
