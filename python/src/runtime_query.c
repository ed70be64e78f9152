/* runtime_query.c - the calls that want an answer of the runtime thread; those that wait for it do so without the GIL. */
#include "core.h"

/* The arguments of a question; one with a `ticket` has it before them. The caller holds references to the texts. */
static int question_parse(PyObject *args, PyObject *kwargs, unsigned long long *ticket, wsm_question *question)
{
	static const char *const keywords[] = { "ticket", "kind", "room", "epoch", "since", "limit", "after", NULL };
	char **names = (char **)(uintptr_t)keywords;
	PyObject *room = NULL, *epoch = NULL, *after = NULL;
	unsigned long long since = 0;
	int kind, parsed;

	memset(question, 0, sizeof(*question));
	if (ticket)
		parsed = PyArg_ParseTupleAndKeywords(args, kwargs, "Ki|UUKIU:query_later", names, ticket, &kind, &room,
		                                     &epoch, &since, &question->limit, &after);
	else
		parsed = PyArg_ParseTupleAndKeywords(args, kwargs, "i|UUKIU:query", names + 1, &kind, &room, &epoch,
		                                     &since, &question->limit, &after);
	if (!parsed || (room && core_text(room, "room", &question->room) < 0) ||
	    (epoch && core_text(epoch, "epoch", &question->epoch) < 0) ||
	    (after && core_text(after, "after", &question->after) < 0))
		return -1;
	question->kind = (wsm_query_kind)kind;
	question->since = since;
	return 0;
}

PyObject *core_runtime_query_later(PyObject *object, PyObject *args, PyObject *kwargs)
{
	struct core_runtime *self = (struct core_runtime *)object;
	unsigned long long ticket;
	wsm_question question;
	wsm_error error = { 0 };

	if (question_parse(args, kwargs, &ticket, &question) < 0)
		return NULL;
	return core_result(self, wsm_query_later(self->runtime, &question, ticket, &error), &error);
}

PyObject *core_runtime_query(PyObject *object, PyObject *args, PyObject *kwargs)
{
	struct core_runtime *self = (struct core_runtime *)object;
	wsm_question question;
	wsm_text answer = { NULL, 0 };
	wsm_error error = { 0 };
	PyObject *result;
	int status;

	if (question_parse(args, kwargs, NULL, &question) < 0)
		return NULL;
	Py_BEGIN_ALLOW_THREADS status = wsm_query(self->runtime, &question, &answer, &error);
	Py_END_ALLOW_THREADS if (status != WSM_OK) return core_result(self, status, &error);
	result = PyBytes_FromStringAndSize(answer.data, (Py_ssize_t)answer.len);
	wsm_text_free(&answer);
	return result;
}

static PyObject *move(PyObject *object, PyObject *args, const char *format,
                      int (*call)(wsm_runtime *, uint64_t, wsm_slice, wsm_error *))
{
	struct core_runtime *self = (struct core_runtime *)object;
	unsigned long long conn;
	PyObject *room;
	wsm_slice text;
	wsm_error error = { 0 };
	int status;

	if (!PyArg_ParseTuple(args, format, &conn, &room) || core_text(room, "room", &text) < 0)
		return NULL;
	Py_BEGIN_ALLOW_THREADS status = call(self->runtime, conn, text, &error);
	Py_END_ALLOW_THREADS return core_result(self, status, &error);
}

static PyObject *move_later(PyObject *object, PyObject *args, const char *format,
                            int (*call)(wsm_runtime *, uint64_t, wsm_slice, uint64_t, wsm_error *))
{
	struct core_runtime *self = (struct core_runtime *)object;
	unsigned long long ticket, conn;
	PyObject *room;
	wsm_slice text;
	wsm_error error = { 0 };

	if (!PyArg_ParseTuple(args, format, &ticket, &conn, &room) || core_text(room, "room", &text) < 0)
		return NULL;
	return core_result(self, call(self->runtime, conn, text, ticket, &error), &error);
}

PyObject *core_runtime_conn_join_later(PyObject *self, PyObject *args)
{
	return move_later(self, args, "KKO:conn_join_later", wsm_conn_join_later);
}

PyObject *core_runtime_conn_leave_later(PyObject *self, PyObject *args)
{
	return move_later(self, args, "KKO:conn_leave_later", wsm_conn_leave_later);
}

PyObject *core_runtime_conn_join(PyObject *self, PyObject *args)
{
	return move(self, args, "KO:conn_join", wsm_conn_join);
}

PyObject *core_runtime_conn_leave(PyObject *self, PyObject *args)
{
	return move(self, args, "KO:conn_leave", wsm_conn_leave);
}

static PyObject *rest(struct core_runtime *self, wsm_rest_request *request, PyObject *headers)
{
	size_t n = (size_t)PyTuple_Size(headers);
	wsm_member *members = PyMem_Calloc(n ? n : 1, sizeof(*members));
	wsm_rest_answer answer = { .status = 0 };
	wsm_error error = { 0 };
	PyObject *fields, *result = NULL;
	int status;

	if (!members)
		return PyErr_NoMemory();
	if (core_headers_fill(headers, members) < 0)
		goto done;
	request->headers = members;
	request->n_headers = n;
	Py_BEGIN_ALLOW_THREADS status = wsm_rest(self->runtime, request, &answer, &error);
	Py_END_ALLOW_THREADS if (status != WSM_OK)
	{
		result = core_result(self, status, &error);
		goto done;
	}
	fields = PyUnicode_FromFormat("%s%s", answer.headers ? answer.headers : "", answer.cors);
	if (fields)
		result = Py_BuildValue("(IsNy#)", answer.status,
		                       answer.content_type ? answer.content_type : "text/plain", fields,
		                       answer.body.data ? answer.body.data : "", (Py_ssize_t)answer.body.len);
	wsm_text_free(&answer.body);
done:
	PyMem_Free(members);
	return result;
}

PyObject *core_runtime_rest(PyObject *object, PyObject *args, PyObject *kwargs)
{
	static const char *const keywords[] = { "method",    "path", "query",   "ip",       "headers", "body",
	                                        "tls",       "via",  "vouched", "admitted", "user_id", "rooms",
	                                        "subscribe", "asks", "refused", "code",     "reason",  NULL };
	wsm_rest_request request = { .body = { NULL, 0 } };
	wsm_slice *texts[] = { &request.method, &request.path,    &request.query, &request.ip,
	                       &request.via,    &request.user_id, &request.reason };
	static const char *const names[] = { "method", "path", "query", "ip", "via", "user_id", "reason" };
	PyObject *objects[7] = { NULL }, *header_list = NULL, *rooms = Py_None, *subscribe = Py_None, *headers = NULL,
		 *result = NULL;
	struct core_slices room_texts = { .at = room_texts.local }, subscribe_texts = { .at = subscribe_texts.local };
	const char *body = NULL;
	Py_ssize_t body_len = 0;
	int tls = 0, vouched = 0, admitted = 0, asks = 0, refused = 0;

	if (!PyArg_ParseTupleAndKeywords(args, kwargs, "UU|UUOy#pUppUOOppIU:rest", (char **)(uintptr_t)keywords,
	                                 &objects[0], &objects[1], &objects[2], &objects[3], &header_list, &body,
	                                 &body_len, &tls, &objects[4], &vouched, &admitted, &objects[5], &rooms,
	                                 &subscribe, &asks, &refused, &request.code, &objects[6]))
		return NULL;
	for (size_t i = 0; i < 7; i++) {
		if (objects[i] && core_text(objects[i], names[i], texts[i]) < 0)
			return NULL;
	}
	request.tls = tls != 0;
	request.vouched = vouched != 0;
	request.body = (wsm_slice){ body, (size_t)body_len };
	request.admitted = admitted != 0;
	request.asks = asks != 0;
	request.refused = refused != 0;
	if (core_slices_init(&room_texts, rooms, "rooms") < 0 ||
	    core_slices_init(&subscribe_texts, subscribe, "subscribe") < 0)
		goto done;
	request.rooms = room_texts.at;
	request.n_rooms = room_texts.n;
	request.subscribe = subscribe_texts.at;
	request.n_subscribe = subscribe_texts.n;
	headers = header_list ? PySequence_Tuple(header_list) : PyTuple_New(0);
	if (headers)
		result = rest((struct core_runtime *)object, &request, headers);
	Py_XDECREF(headers);
done:
	core_slices_fini(&room_texts);
	core_slices_fini(&subscribe_texts);
	return result;
}
