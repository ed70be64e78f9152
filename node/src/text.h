/* text.h - strings of JavaScript that a call has copied. fini() also after a failure; a zeroed one may be fini'd. */
#ifndef WSM_NODE_TEXT_H
#define WSM_NODE_TEXT_H

#include <node_api.h>
#include <stdbool.h>
#include <stddef.h>

#include "ws_manager.h"

#define TEXT_LOCAL 256
struct text {
	wsm_slice slice;
	char *heap;
	char local[TEXT_LOCAL];
};
/* A string as UTF-8, NUL-terminated; `what` names it in the TypeError. */
bool addon_text(napi_env env, napi_value value, const char *what, struct text *out);
/* undefined and null give an empty slice. */
bool addon_text_or_none(napi_env env, napi_value value, const char *what, struct text *out);
void addon_text_fini(struct text *text);
/* A string into `local` of `size` bytes, or the heap where that is too small. */
bool addon_string(napi_env env, napi_value value, char *local, size_t size, char **heap, wsm_slice *out);

#define TEXTS_LOCAL 4
struct texts {
	wsm_slice *at;
	size_t n;
	struct text *owned;
	wsm_slice local[TEXTS_LOCAL];
	struct text first; /* of one string alone */
};
/* undefined or null (none), a string (one), or an array of strings. */
bool addon_texts(napi_env env, napi_value value, const char *what, struct texts *out);
void addon_texts_fini(struct texts *texts);

#endif
