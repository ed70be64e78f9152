/* runtime_query.c - the calls that wait for an answer of the runtime thread, without the GIL. */
#include "core.h"

PyObject *core_runtime_query(PyObject *object, PyObject *args, PyObject *kwargs)
{
	static const char *const keywords[] = { "kind", "room", "epoch", "since", "limit", "after", NULL };
	struct core_runtime *self = (struct core_runtime *)object;
	int kind, status;
	PyObject *room = NULL, *epoch = NULL, *after = NULL, *result;
	unsigned long long since = 0;
	unsigned limit = 0;
	wsm_question question = { .limit = 0 };
	wsm_text answer = { NULL, 0 };
	wsm_error error = { 0 };

	if (!PyArg_ParseTupleAndKeywords(args, kwargs, "i|UUKIU:query", (char **)(uintptr_t)keywords, &kind, &room,
	                                 &epoch, &since, &limit, &after))
		return NULL;
	if ((room && core_text(room, "room", &question.room) < 0) ||
	    (epoch && core_text(epoch, "epoch", &question.epoch) < 0) ||
	    (after && core_text(after, "after", &question.after) < 0))
		return NULL;
	question.kind = (wsm_query_kind)kind;
	question.since = since;
	question.limit = limit;
	/* The caller holds references to the texts. */
	Py_BEGIN_ALLOW_THREADS status = wsm_query(self->runtime, &question, &answer, &error);
	Py_END_ALLOW_THREADS if (status != WSM_OK) return core_result(self, status, &error);
	result = PyBytes_FromStringAndSize(answer.data, (Py_ssize_t)answer.len);
	wsm_text_free(&answer);
	return result;
}

PyObject *core_runtime_rest(PyObject *object, PyObject *args, PyObject *kwargs)
{
	static const char *const keywords[] = { "method",          "path",     "query",   "ip",
	                                        "authorization",   "api_key",  "origin",  "forwarded",
	                                        "x_forwarded_for", "body",     "host",    "content_type",
	                                        "vouched",         "admitted", "user_id", "rooms",
	                                        "subscribe",       NULL };
	struct core_runtime *self = (struct core_runtime *)object;
	wsm_rest_request request = { .body = { NULL, 0 } };
	wsm_slice *texts[] = { &request.method, &request.path,          &request.query,
	                       &request.ip,     &request.authorization, &request.api_key,
	                       &request.origin, &request.forwarded,     &request.x_forwarded_for };
	PyObject *objects[sizeof(texts) / sizeof(texts[0])] = { NULL };
	wsm_rest_answer answer = { .status = 0 };
	wsm_error error = { 0 };
	PyObject *host = NULL, *content_type = NULL, *user_id = NULL, *rooms = Py_None, *subscribe = Py_None;
	struct core_slices room_texts = { .at = room_texts.local }, subscribe_texts = { .at = subscribe_texts.local };
	const char *body = NULL;
	Py_ssize_t body_len = 0;
	PyObject *fields, *result = NULL;
	int status, vouched = 0, admitted = 0;

	if (!PyArg_ParseTupleAndKeywords(args, kwargs, "UU|UUUUUUUy#UUppUOO:rest", (char **)(uintptr_t)keywords,
	                                 &objects[0], &objects[1], &objects[2], &objects[3], &objects[4], &objects[5],
	                                 &objects[6], &objects[7], &objects[8], &body, &body_len, &host, &content_type,
	                                 &vouched, &admitted, &user_id, &rooms, &subscribe))
		return NULL;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (objects[i] && core_text(objects[i], keywords[i], texts[i]) < 0)
			return NULL;
	}
	if (host && core_text(host, "host", &request.host) < 0)
		return NULL;
	if (content_type && core_text(content_type, "content_type", &request.content_type) < 0)
		return NULL;
	if (user_id && core_text(user_id, "user_id", &request.user_id) < 0)
		return NULL;
	if (core_slices_init(&room_texts, rooms, "rooms") < 0 ||
	    core_slices_init(&subscribe_texts, subscribe, "subscribe") < 0)
		goto done;
	request.rooms = room_texts.at;
	request.n_rooms = room_texts.n;
	request.subscribe = subscribe_texts.at;
	request.n_subscribe = subscribe_texts.n;
	request.admitted = admitted;
	request.vouched = vouched;
	request.body = (wsm_slice){ body, (size_t)body_len };
	Py_BEGIN_ALLOW_THREADS status = wsm_rest(self->runtime, &request, &answer, &error);
	Py_END_ALLOW_THREADS if (status != WSM_OK)
	{
		core_result(self, status, &error);
		goto done;
	}
	fields = PyUnicode_FromFormat("%s%s", answer.headers ? answer.headers : "", answer.cors);
	if (fields)
		result = Py_BuildValue("(IsNy#)", answer.status,
		                       answer.content_type ? answer.content_type : "text/plain", fields,
		                       answer.body.data ? answer.body.data : "", (Py_ssize_t)answer.body.len);
	wsm_text_free(&answer.body);
done:
	core_slices_fini(&room_texts);
	core_slices_fini(&subscribe_texts);
	return result;
}
