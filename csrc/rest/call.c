#include "rest/call.h"

#include <jansson.h>
#include <stdio.h>

#include "base/slice.h"

#define DEPTH_MAX 64

void wsm__call_refuse(struct wsm__call *call, unsigned status, const char *code, const char *message)
{
	call->status = status;
	snprintf(call->why, sizeof(call->why), "%.199s", message);
	wsm__buffer_clear(call->out);
	wsm__buffer_addf(call->out, "{\"error\":{\"code\":\"%s\",\"message\":", code);
	wsm__buffer_add_json(call->out, wsm__str(message));
	wsm__buffer_add_str(call->out, "}}");
}

void wsm__call_unavailable(struct wsm__call *call, int status)
{
	wsm__call_refuse(call, 503, wsm_status_code(status), wsm_status_text(status));
}

void wsm__call_refuse_key(struct wsm__call *call, const char *message)
{
	if (call->key == WSM__KEY_LATER)
		wsm__call_refuse(call, 429, "rate_limited",
		                 "too many wrong API keys have come from this address: none is looked at for a while "
		                 "(wrong_key_rate)");
	else
		wsm__call_refuse(call, 401, "unauthenticated",
		                 call->key == WSM__KEY_WRONG ? "this is not the API key (api_key)" : message);
}

json_t *wsm__call_body(struct wsm__call *call)
{
	json_error_t error;
	wsm_slice body = call->request->body;
	unsigned depth = 0;
	bool string = false;
	json_t *json;

	if (body.len > WSM_REST_BODY_MAX) {
		wsm__call_refuse(call, 413, "message_too_large", "the body has more than 1 MiB");
		return NULL;
	}
	/* jansson recurses: check the depth before. */
	for (size_t i = 0; i < body.len; i++) {
		char c = body.data[i];

		if (string) {
			i += c == '\\';
			string = c != '"';
		} else if (c == '"') {
			string = true;
		} else if ((c == '{' || c == '[') && ++depth > DEPTH_MAX) {
			wsm__call_refuse(call, 400, "bad_json", "the body is nested too deep");
			return NULL;
		} else if ((c == '}' || c == ']') && depth) {
			depth--;
		}
	}
	json = json_loadb(body.data ? body.data : "", body.len, JSON_REJECT_DUPLICATES, &error);
	if (!json)
		wsm__call_refuse(call, 400, "bad_json", error.text);
	else if (!json_is_object(json))
		wsm__call_refuse(call, 400, "bad_request", "the body must be a JSON object");
	if (json && json_is_object(json))
		return json;
	json_decref(json);
	return NULL;
}
