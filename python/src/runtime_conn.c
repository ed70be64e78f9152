/* runtime_conn.c - Runtime's endpoints, and the two ways by which connections of the host's server come in. */
#include "core.h"

PyObject *core_runtime_endpoint_set(PyObject *self, PyObject *args, PyObject *kwargs)
{
	static const char *const keywords[] = { "path", "rooms", "greeting", "heartbeat", "flags", NULL };
	struct core_runtime *runtime = (struct core_runtime *)self;
	PyObject *path, *rooms = Py_None, *greeting = NULL, *heartbeat = NULL;
	struct core_slices room_texts = { .at = room_texts.local };
	wsm_endpoint endpoint = { .flags = 0 };
	wsm_error error = { 0 };
	PyObject *result = NULL;

	if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|OUUI:endpoint_set", (char **)(uintptr_t)keywords, &path,
	                                 &rooms, &greeting, &heartbeat, &endpoint.flags))
		return NULL;
	if (core_text(path, "path", &endpoint.path) < 0 || core_slices_init(&room_texts, rooms, "rooms") < 0 ||
	    (greeting && core_text(greeting, "greeting", &endpoint.greeting) < 0) ||
	    (heartbeat && core_text(heartbeat, "heartbeat", &endpoint.heartbeat) < 0))
		goto done;
	endpoint.rooms = room_texts.at;
	endpoint.n_rooms = room_texts.n;
	result = core_result(runtime, wsm_endpoint_set(runtime->runtime, &endpoint, &error), &error);
done:
	core_slices_fini(&room_texts);
	return result;
}

PyObject *core_runtime_endpoint_remove(PyObject *self, PyObject *path)
{
	struct core_runtime *runtime = (struct core_runtime *)self;
	wsm_slice text;
	wsm_error error = { 0 };
	int status;

	if (core_text(path, "path", &text) < 0)
		return NULL;
	status = wsm_endpoint_remove(runtime->runtime, text);
	if (status == WSM_ENOTFOUND)
		PyOS_snprintf(error.message, sizeof(error.message), "there is no endpoint %.128s", text.data);
	return core_result(runtime, status, &error);
}

PyObject *core_runtime_room_rule_set(PyObject *self, PyObject *args)
{
	struct core_runtime *runtime = (struct core_runtime *)self;
	PyObject *pattern, *setting, *value;
	wsm_slice texts[3];
	wsm_error error = { 0 };

	if (!PyArg_ParseTuple(args, "UUU:room_rule_set", &pattern, &setting, &value) ||
	    core_text(pattern, "pattern", &texts[0]) < 0 || core_text(setting, "setting", &texts[1]) < 0 ||
	    core_text(value, "value", &texts[2]) < 0)
		return NULL;
	return core_result(runtime, wsm_room_rule_set(runtime->runtime, texts[0], texts[1], texts[2], &error), &error);
}

PyObject *core_runtime_match(PyObject *self, PyObject *path)
{
	wsm_slice text;

	if (core_text(path, "path", &text) < 0)
		return NULL;
	return PyBool_FromLong(wsm_endpoint_match(((struct core_runtime *)self)->runtime, text));
}

PyObject *core_runtime_label(PyObject *self, PyObject *path)
{
	char label[256];
	wsm_slice text;

	if (core_text(path, "path", &text) < 0)
		return NULL;
	wsm_endpoint_label(((struct core_runtime *)self)->runtime, text, label, sizeof(label));
	return core_str_z(label);
}

PyObject *core_runtime_adopt(PyObject *self, PyObject *args, PyObject *kwargs)
{
	static const char *const keywords[] = { "fd", "request", CORE_ADMISSION_KEYWORDS, NULL };
	struct core_runtime *runtime = (struct core_runtime *)self;
	struct core_admission admission = { .admitted = 0 };
	int fd, status;
	const char *request;
	Py_ssize_t len;
	uint64_t conn = 0;
	wsm_error error = { 0 };
	PyObject *result = NULL;

	if (!PyArg_ParseTupleAndKeywords(args, kwargs, "iy#|" CORE_ADMISSION_FORMAT ":adopt",
	                                 (char **)(uintptr_t)keywords, &fd, &request, &len,
	                                 CORE_ADMISSION_ARGUMENTS(&admission)))
		return NULL;
	if (core_admission_finish(&admission) < 0)
		goto done;
	status = wsm_adopt(runtime->runtime, fd, request, (size_t)len, &admission.admission, &conn, &error);
	if (status != WSM_OK)
		core_result(runtime, status, &error);
	else
		result = PyLong_FromUnsignedLongLong(conn);
done:
	core_admission_fini(&admission);
	return result;
}

int core_headers_fill(PyObject *headers, wsm_member *members)
{
	for (Py_ssize_t i = 0; i < PyTuple_Size(headers); i++) {
		PyObject *pair = PyTuple_GetItem(headers, i);

		if (!PyTuple_Check(pair) || PyTuple_Size(pair) != 2) {
			PyErr_SetString(PyExc_TypeError, "headers must be (name, value) tuples of str");
			return -1;
		}
		if (core_text(PyTuple_GetItem(pair, 0), "the name of a header", &members[i].name) < 0 ||
		    core_text(PyTuple_GetItem(pair, 1), "the value of a header", &members[i].json) < 0)
			return -1;
	}
	return 0;
}

/* A Refused with the HTTP status as an attribute; NULL. */
static PyObject *raise_refused(struct core_state *state, const wsm_error *error, unsigned http_status)
{
	PyObject *class = state->errors[-WSM_EREFUSED];
	PyObject *made =
		PyObject_CallFunction(class, "s", error->message[0] ? error->message : wsm_status_text(WSM_EREFUSED));
	PyObject *status = PyLong_FromUnsignedLong(http_status);

	if (made && status && PyObject_SetAttrString(made, "http_status", status) == 0)
		PyErr_SetObject(class, made);
	Py_XDECREF(status);
	Py_XDECREF(made);
	return NULL;
}

static PyObject *bridge_open(struct core_runtime *self, wsm_request *request, PyObject *headers,
                             const wsm_admission *admission)
{
	struct core_state *state = core_state_of(Py_TYPE((PyObject *)self));
	size_t n = (size_t)PyTuple_Size(headers);
	wsm_member *members = PyMem_Calloc(n ? n : 1, sizeof(*members));
	unsigned http_status = 0;
	uint64_t conn = 0;
	wsm_error error = { 0 };
	PyObject *result = NULL;
	int status;

	if (!members)
		return PyErr_NoMemory();
	if (core_headers_fill(headers, members) < 0)
		goto done;
	request->headers = members;
	request->n_headers = n;
	status = wsm_bridge_open(self->runtime, request, admission, &conn, &http_status, &error);
	if (status == WSM_OK)
		result = PyLong_FromUnsignedLongLong(conn);
	else if (status == WSM_EREFUSED)
		raise_refused(state, &error, http_status);
	else
		core_raise(state, status, &error);
done:
	PyMem_Free(members);
	return result;
}

PyObject *core_runtime_bridge_open(PyObject *self, PyObject *args, PyObject *kwargs)
{
	static const char *const keywords[] = { "path", "query", "ip", "headers", CORE_ADMISSION_KEYWORDS,
	                                        "tls",  "via",   NULL };
	struct core_admission admission = { .admitted = 0 };
	wsm_request request = { .n_headers = 0 };
	PyObject *path, *query, *ip, *header_list, *via = NULL, *headers, *result = NULL;
	int tls = 0;

	if (!PyArg_ParseTupleAndKeywords(args, kwargs, "UUUO|" CORE_ADMISSION_FORMAT "pU:bridge_open",
	                                 (char **)(uintptr_t)keywords, &path, &query, &ip, &header_list,
	                                 CORE_ADMISSION_ARGUMENTS(&admission), &tls, &via))
		return NULL;
	request.tls = tls != 0;
	if (via && core_text(via, "via", &request.via) < 0)
		return NULL;
	if (core_text(path, "path", &request.path) < 0 || core_text(query, "query", &request.query) < 0 ||
	    core_text(ip, "ip", &request.ip) < 0)
		return NULL;
	headers = PySequence_Tuple(header_list);
	if (!headers)
		return NULL;
	if (core_admission_finish(&admission) == 0)
		result = bridge_open((struct core_runtime *)self, &request, headers, &admission.admission);
	core_admission_fini(&admission);
	Py_DECREF(headers);
	return result;
}

PyObject *core_runtime_bridge_receive(PyObject *self, PyObject *args)
{
	struct core_runtime *runtime = (struct core_runtime *)self;
	unsigned long long conn;
	PyObject *data;
	wsm_slice text;
	int status;

	if (!PyArg_ParseTuple(args, "KO:bridge_receive", &conn, &data) || core_bytes(data, "data", &text) < 0)
		return NULL;
	status = wsm_bridge_receive(runtime->runtime, conn, PyBytes_Check(data) != 0, text.data, text.len);
	return core_result(runtime, status, NULL);
}

PyObject *core_runtime_bridge_written(PyObject *self, PyObject *args)
{
	struct core_runtime *runtime = (struct core_runtime *)self;
	unsigned long long conn;
	Py_ssize_t size;

	if (!PyArg_ParseTuple(args, "Kn:bridge_written", &conn, &size))
		return NULL;
	if (size < 0) {
		PyErr_SetString(PyExc_ValueError, "size must not be negative");
		return NULL;
	}
	return core_result(runtime, wsm_bridge_written(runtime->runtime, conn, (size_t)size), NULL);
}

PyObject *core_runtime_bridge_closed(PyObject *self, PyObject *args)
{
	struct core_runtime *runtime = (struct core_runtime *)self;
	unsigned long long conn;
	unsigned code = 1006;
	PyObject *reason = NULL;
	wsm_slice text = { NULL, 0 };

	if (!PyArg_ParseTuple(args, "K|IO:bridge_closed", &conn, &code, &reason) ||
	    (reason && core_text(reason, "reason", &text) < 0))
		return NULL;
	return core_result(runtime, wsm_bridge_closed(runtime->runtime, conn, code, text), NULL);
}
