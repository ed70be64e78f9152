/* text.c - strings of JavaScript that a call has copied. */
#include "text.h"

#include <stdlib.h>

#include "errors.h"
#include "value.h"

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

bool addon_text(napi_env env, napi_value value, const char *what, struct text *out)
{
	napi_valuetype type;

	out->heap = NULL;
	out->slice = (wsm_slice){ NULL, 0 };
	if (!addon_ok(env, napi_typeof(env, value, &type)))
		return false;
	if (type != napi_string)
		return addon_type_error(env, what, "a string");
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
	                : addon_type_error(env, what, "a string or an array of strings");
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
