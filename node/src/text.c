/* text.c - JavaScript values to the slices and numbers that the core takes, and back. */
#include <math.h>
#include <stdio.h>

#include "addon.h"

static bool type_error(napi_env env, const char *what, const char *wanted)
{
	char message[160];

	snprintf(message, sizeof(message), "%s must be %s", what, wanted);
	napi_throw_type_error(env, NULL, message);
	return false;
}

bool addon_string(napi_env env, napi_value value, char *local, size_t size, char **heap, wsm_slice *out)
{
	size_t len = 0;

	*heap = NULL;
	if (!addon_ok(env, napi_get_value_string_utf8(env, value, local, size, &len)))
		return false;
	/* Four bytes of room to spare: what did not fit may have been cut before a character. */
	if (len + 4 < size) {
		*out = (wsm_slice){ local, len };
		return true;
	}
	if (!addon_ok(env, napi_get_value_string_utf8(env, value, NULL, 0, &len)))
		return false;
	*heap = malloc(len + 1);
	if (!*heap) {
		addon_raise(env, WSM_ENOMEM, NULL);
		return false;
	}
	if (!addon_ok(env, napi_get_value_string_utf8(env, value, *heap, len + 1, &len)))
		return false;
	*out = (wsm_slice){ *heap, len };
	return true;
}

bool addon_is_none(napi_env env, napi_value value)
{
	napi_valuetype type = napi_undefined;

	return napi_typeof(env, value, &type) == napi_ok && (type == napi_undefined || type == napi_null);
}

bool addon_text(napi_env env, napi_value value, const char *what, struct text *out)
{
	napi_valuetype type;

	out->heap = NULL;
	out->slice = (wsm_slice){ NULL, 0 };
	if (!addon_ok(env, napi_typeof(env, value, &type)))
		return false;
	if (type != napi_string)
		return type_error(env, what, "a string");
	return addon_string(env, value, out->local, sizeof(out->local), &out->heap, &out->slice);
}

bool addon_text_or_none(napi_env env, napi_value value, const char *what, struct text *out)
{
	out->heap = NULL;
	out->slice = (wsm_slice){ NULL, 0 };
	return addon_is_none(env, value) || addon_text(env, value, what, out);
}

void addon_text_fini(struct text *text)
{
	free(text->heap);
	text->heap = NULL;
}

static bool texts_of_array(napi_env env, napi_value array, const char *what, struct texts *out)
{
	uint32_t n = 0;

	if (!addon_ok(env, napi_get_array_length(env, array, &n)))
		return false;
	out->owned = calloc(n ? n : 1, sizeof(*out->owned));
	out->at = n <= TEXTS_LOCAL ? out->local : calloc(n, sizeof(*out->at));
	if (!out->owned || !out->at) {
		addon_raise(env, WSM_ENOMEM, NULL);
		return false;
	}
	for (; out->n < n; out->n++) {
		napi_value item;

		if (!addon_ok(env, napi_get_element(env, array, (uint32_t)out->n, &item)) ||
		    !addon_text(env, item, what, &out->owned[out->n]))
			return false;
		out->at[out->n] = out->owned[out->n].slice;
	}
	return true;
}

bool addon_texts(napi_env env, napi_value value, const char *what, struct texts *out)
{
	napi_valuetype type;
	bool is_array = false;

	out->at = NULL;
	out->n = 0;
	out->owned = NULL;
	out->first.heap = NULL;
	if (!addon_ok(env, napi_typeof(env, value, &type)))
		return false;
	if (type == napi_undefined || type == napi_null)
		return true;
	if (type == napi_string) {
		out->at = &out->first.slice;
		out->n = 1;
		return addon_string(env, value, out->first.local, sizeof(out->first.local), &out->first.heap,
		                    &out->first.slice);
	}
	if (!addon_ok(env, napi_is_array(env, value, &is_array)))
		return false;
	return is_array ? texts_of_array(env, value, what, out)
	                : type_error(env, what, "a string or an array of strings");
}

void addon_texts_fini(struct texts *texts)
{
	if (texts->owned) {
		/* The one that failed is at n; those after it are zero. */
		for (size_t i = 0; i < texts->n; i++)
			addon_text_fini(&texts->owned[i]);
		free(texts->owned);
		if (texts->at != texts->local)
			free(texts->at);
	}
	addon_text_fini(&texts->first);
	texts->owned = NULL;
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
		return type_error(env, what, "a whole number that is not negative");
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
		return type_error(env, what, "less than 2^32");
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
