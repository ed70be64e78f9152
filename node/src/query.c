/* query.c - questions to the runtime thread, which are promises: they wait in a thread of libuv's pool, not on the event loop. */
#include "query.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "errors.h"
#include "hub.h"
#include "text.h"
#include "value.h"

/* The texts of a question or a REST call. */
enum { N_TEXTS = 4 };

struct asking {
	napi_async_work work;
	napi_deferred deferred;
	struct hub *hub;
	enum { ASK, REST, JOIN, LEAVE } act;
	wsm_question question;
	wsm_rest_request request;
	wsm_rest_answer answer; /* of a question: its body */
	struct text texts[N_TEXTS];
	struct texts header_texts; /* names and values in turn */
	wsm_member *headers;
	char *body;
	struct texts rooms, subscribe; /* of the identity */
	struct text user_id, reason;
	int status;
	wsm_error error;
};

static void asking_free(struct asking *asking)
{
	for (size_t i = 0; i < N_TEXTS; i++)
		addon_text_fini(&asking->texts[i]);
	addon_texts_fini(&asking->header_texts);
	free(asking->headers);
	free(asking->body);
	addon_texts_fini(&asking->rooms);
	addon_texts_fini(&asking->subscribe);
	addon_text_fini(&asking->user_id);
	addon_text_fini(&asking->reason);
	wsm_text_free(&asking->answer.body);
	if (asking->hub)
		addon_hub_unref(asking->hub);
	free(asking);
}

static void on_work(napi_env env, void *data)
{
	struct asking *asking = data;
	wsm_runtime *runtime = addon_hub_runtime(asking->hub);

	(void)env;
	if (asking->act == REST)
		asking->status = wsm_rest(runtime, &asking->request, &asking->answer, &asking->error);
	else if (asking->act == JOIN)
		asking->status = wsm_conn_join(runtime, asking->question.since, asking->question.room, &asking->error);
	else if (asking->act == LEAVE)
		asking->status = wsm_conn_leave(runtime, asking->question.since, asking->question.room, &asking->error);
	else
		asking->status = wsm_query(runtime, &asking->question, &asking->answer.body, &asking->error);
}

/* A question's answer is a string; a move's is none; a REST call's [status, content type, header lines, body]. */
static napi_value answer_value(napi_env env, const struct asking *asking)
{
	const wsm_rest_answer *answer = &asking->answer;
	napi_value values[4], array;
	char fields[2048];

	if (asking->act == JOIN || asking->act == LEAVE)
		return addon_undefined(env);
	if (asking->act == ASK)
		return addon_string_value(env, answer->body.data, answer->body.len);
	values[0] = addon_number(env, answer->status);
	values[1] = addon_string_value(env, answer->content_type, strlen(answer->content_type));
	snprintf(fields, sizeof(fields), "%s%s", answer->headers, answer->cors);
	values[2] = addon_string_value(env, fields, strlen(fields));
	if (!addon_ok(env, napi_create_buffer_copy(env, answer->body.len, answer->body.data ? answer->body.data : "",
	                                           NULL, &values[3])) ||
	    !addon_ok(env, napi_create_array_with_length(env, 4, &array)))
		return NULL;
	for (uint32_t i = 0; i < 4; i++)
		if (!values[i] || !addon_ok(env, napi_set_element(env, array, i, values[i])))
			return NULL;
	return array;
}

static void on_done(napi_env env, napi_status status, void *data)
{
	struct asking *asking = data;
	napi_value value = NULL, exception;
	bool pending = false;

	if (status == napi_ok && asking->status == WSM_OK)
		value = answer_value(env, asking);
	if (value) {
		napi_resolve_deferred(env, asking->deferred, value);
	} else if (status == napi_ok) {
		if (napi_is_exception_pending(env, &pending) == napi_ok && pending)
			napi_get_and_clear_last_exception(env, &exception);
		value = addon_error(env, asking->status ? asking->status : WSM_ENOMEM, &asking->error);
		if (value)
			napi_reject_deferred(env, asking->deferred, value);
	}
	napi_delete_async_work(env, asking->work);
	asking_free(asking);
}

/* Takes over `asking`; the promise. */
static napi_value ask(napi_env env, struct seat *seat, struct asking *asking)
{
	napi_value promise, name = addon_string_value(env, "ws_manager.query", NAPI_AUTO_LENGTH);

	asking->hub = addon_hub_ref(seat->hub);
	if (name && addon_ok(env, napi_create_promise(env, &asking->deferred, &promise)) &&
	    addon_ok(env, napi_create_async_work(env, NULL, name, on_work, on_done, asking, &asking->work)) &&
	    addon_ok(env, napi_queue_async_work(env, asking->work)))
		return promise;
	asking_free(asking);
	return NULL;
}

/* query(kind, room, epoch, since, limit, after) */
METHOD(query)
{
	napi_value args[6];
	struct seat *seat = addon_seat(env, info, 6, args);
	struct asking *asking;
	unsigned kind;

	if (!seat || !addon_uint(env, args[0], "kind", &kind))
		return NULL;
	asking = calloc(1, sizeof(*asking));
	if (!asking)
		return addon_raise(env, WSM_ENOMEM, NULL);
	asking->question.kind = (wsm_query_kind)kind;
	if (!addon_text_or_none(env, args[1], "room", &asking->texts[0]) ||
	    !addon_text_or_none(env, args[2], "epoch", &asking->texts[1]) ||
	    (!addon_is_none(env, args[3]) && !addon_uint64(env, args[3], "since", &asking->question.since)) ||
	    !addon_uint(env, args[4], "limit", &asking->question.limit) ||
	    !addon_text_or_none(env, args[5], "after", &asking->texts[2])) {
		asking_free(asking);
		return NULL;
	}
	asking->question.room = asking->texts[0].slice;
	asking->question.epoch = asking->texts[1].slice;
	asking->question.after = asking->texts[2].slice;
	return ask(env, seat, asking);
}

static napi_value move(napi_env env, napi_callback_info info, bool joins)
{
	napi_value args[2];
	struct seat *seat = addon_seat(env, info, 2, args);
	struct asking *asking;

	if (!seat)
		return NULL;
	asking = calloc(1, sizeof(*asking));
	if (!asking)
		return addon_raise(env, WSM_ENOMEM, NULL);
	asking->act = joins ? JOIN : LEAVE;
	if (!addon_uint64(env, args[0], "conn", &asking->question.since) ||
	    !addon_text(env, args[1], "room", &asking->texts[0])) {
		asking_free(asking);
		return NULL;
	}
	asking->question.room = asking->texts[0].slice;
	return ask(env, seat, asking);
}

/* join(conn, room), leave(conn, room) */
METHOD(conn_join)
{
	return move(env, info, true);
}

METHOD(conn_leave)
{
	return move(env, info, false);
}

/* `value`: [name, value, name, value, …], as IncomingMessage has them in rawHeaders. */
static bool fill_headers(napi_env env, napi_value value, struct asking *asking)
{
	struct texts *texts = &asking->header_texts;
	size_t n;

	if (!addon_texts(env, value, "headers", texts))
		return false;
	n = texts->n / 2;
	asking->headers = calloc(n ? n : 1, sizeof(*asking->headers));
	if (!asking->headers) {
		addon_raise(env, WSM_ENOMEM, NULL);
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		asking->headers[i].name = texts->at[2 * i];
		asking->headers[i].json = texts->at[2 * i + 1];
	}
	asking->request.headers = asking->headers;
	asking->request.n_headers = n;
	return true;
}

/* { refused: true, code, reason }: the handler's. */
static bool fill_refusal(napi_env env, napi_value object, struct asking *asking)
{
	napi_value code = addon_get(env, object, "code"), reason = addon_get(env, object, "reason");

	if (!code || !reason || !addon_uint(env, code, "code", &asking->request.code) ||
	    !addon_text_or_none(env, reason, "reason", &asking->reason))
		return false;
	asking->request.reason = asking->reason.slice;
	return true;
}

/* Who calls, as the host has found out: { userId, rooms, subscribe }, or a refusal; undefined: it has not. */
static bool fill_identity(napi_env env, napi_value object, struct asking *asking)
{
	wsm_rest_request *request = &asking->request;
	napi_value user_id, rooms, subscribe, refused;

	if (addon_is_none(env, object))
		return true;
	refused = addon_get(env, object, "refused");
	if (!refused || !addon_bool(env, refused, &request->refused))
		return false;
	if (request->refused)
		return fill_refusal(env, object, asking);
	user_id = addon_get(env, object, "userId");
	rooms = addon_get(env, object, "rooms");
	subscribe = addon_get(env, object, "subscribe");
	if (!user_id || !rooms || !subscribe || !addon_text_or_none(env, user_id, "userId", &asking->user_id) ||
	    !addon_texts(env, rooms, "rooms", &asking->rooms) ||
	    !addon_texts(env, subscribe, "subscribe", &asking->subscribe))
		return false;
	request->admitted = true;
	request->user_id = asking->user_id.slice;
	request->rooms = asking->rooms.at;
	request->n_rooms = asking->rooms.n;
	request->subscribe = asking->subscribe.at;
	request->n_subscribe = asking->subscribe.n;
	return true;
}

static bool fill_body(napi_env env, napi_value value, struct asking *asking)
{
	wsm_slice body = { NULL, 0 };

	if (addon_is_none(env, value) || !addon_bytes(env, value, &body) || body.len == 0)
		return true;
	asking->body = malloc(body.len);
	if (!asking->body) {
		addon_raise(env, WSM_ENOMEM, NULL);
		return false;
	}
	memcpy(asking->body, body.data, body.len);
	asking->request.body = (wsm_slice){ asking->body, body.len };
	return true;
}

enum { REST_ARGS = 10 };

static bool fill_request(napi_env env, const napi_value args[REST_ARGS], struct asking *asking)
{
	wsm_rest_request *request = &asking->request;
	wsm_slice *slices[] = { &request->method, &request->path, &request->query, &request->ip };
	static const char *const names[] = { "method", "path", "query", "ip" };

	for (size_t i = 0; i < 4; i++) {
		if (!addon_text_or_none(env, args[i], names[i], &asking->texts[i]))
			return false;
		*slices[i] = asking->texts[i].slice;
	}
	return fill_headers(env, args[4], asking) && fill_body(env, args[5], asking) &&
	       addon_bool(env, args[6], &request->tls) && addon_bool(env, args[7], &request->vouched) &&
	       fill_identity(env, args[8], asking) && addon_bool(env, args[9], &request->asks);
}

/* rest(method, path, query, ip, headers, body, tls, vouched, identity, asks); headers: names and values in turn */
METHOD(rest)
{
	napi_value args[REST_ARGS];
	struct seat *seat = addon_seat(env, info, REST_ARGS, args);
	struct asking *asking;

	if (!seat)
		return NULL;
	asking = calloc(1, sizeof(*asking));
	if (!asking)
		return addon_raise(env, WSM_ENOMEM, NULL);
	asking->act = REST;
	if (!fill_request(env, args, asking)) {
		asking_free(asking);
		return NULL;
	}
	return ask(env, seat, asking);
}
