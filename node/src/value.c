/* value.c - plain JavaScript values, and those of C that they stand for. */
#include "value.h"

#include <math.h>
#include <stdio.h>

bool addon_ok(napi_env env, napi_status status)
{
	const napi_extended_error_info *info = NULL;
	bool pending = false;

	if (status == napi_ok)
		return true;
	if (napi_get_last_error_info(env, &info) != napi_ok || !info || !info->error_message)
		info = NULL;
	/* While an environment ends nothing can be thrown; what is called then fails quietly. */
	if (napi_is_exception_pending(env, &pending) == napi_ok && !pending)
		napi_throw_error(env, "internal", info ? info->error_message : "a call of Node-API failed");
	return false;
}

napi_value addon_undefined(napi_env env)
{
	napi_value value = NULL;

	return addon_ok(env, napi_get_undefined(env, &value)) ? value : NULL;
}

bool addon_type_error(napi_env env, const char *what, const char *wanted)
{
	char message[160];

	snprintf(message, sizeof(message), "%s must be %s", what, wanted);
	napi_throw_type_error(env, NULL, message);
	return false;
}

bool addon_is_none(napi_env env, napi_value value)
{
	napi_valuetype type = napi_undefined;

	return napi_typeof(env, value, &type) == napi_ok && (type == napi_undefined || type == napi_null);
}

bool addon_bytes(napi_env env, napi_value value, wsm_slice *out)
{
	napi_typedarray_type type;
	bool is_typed_array = false;
	size_t len = 0;
	void *data = NULL;

	if (napi_is_typedarray(env, value, &is_typed_array) != napi_ok || !is_typed_array)
		return false;
	if (napi_get_typedarray_info(env, value, &type, &len, &data, NULL, NULL) != napi_ok || type != napi_uint8_array)
		return false;
	*out = (wsm_slice){ data, len };
	return true;
}

napi_value addon_string_value(napi_env env, const char *data, size_t len)
{
	napi_value value = NULL;

	return addon_ok(env, napi_create_string_utf8(env, data ? data : "", len, &value)) ? value : NULL;
}

napi_value addon_number(napi_env env, double number)
{
	napi_value value = NULL;

	return addon_ok(env, napi_create_double(env, number, &value)) ? value : NULL;
}

bool addon_uint64(napi_env env, napi_value value, const char *what, uint64_t *out)
{
	double number = -1;

	if (napi_get_value_double(env, value, &number) != napi_ok || !(number >= 0) || number > 9007199254740991.0 ||
	    floor(number) != number)
		return addon_type_error(env, what, "a whole number that is not negative");
	*out = (uint64_t)number;
	return true;
}

bool addon_uint(napi_env env, napi_value value, const char *what, unsigned *out)
{
	uint64_t number = 0;

	if (addon_is_none(env, value)) {
		*out = 0;
		return true;
	}
	if (!addon_uint64(env, value, what, &number))
		return false;
	if (number > UINT32_MAX)
		return addon_type_error(env, what, "less than 2^32");
	*out = (unsigned)number;
	return true;
}

bool addon_bool(napi_env env, napi_value value, bool *out)
{
	napi_value made;

	*out = false;
	return addon_ok(env, napi_coerce_to_bool(env, value, &made)) &&
	       addon_ok(env, napi_get_value_bool(env, made, out));
}

napi_value addon_get(napi_env env, napi_value object, const char *name)
{
	napi_value value = NULL;

	return addon_ok(env, napi_get_named_property(env, object, name, &value)) ? value : NULL;
}
