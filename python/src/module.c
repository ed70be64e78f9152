/* module.c - the module `ws_manager._core`: its state, constants and functions. */
#include "core.h"

static struct PyModuleDef core_module;

struct core_state *core_state_of(PyTypeObject *type)
{
	return PyType_GetModuleState(type);
}

struct constant {
	const char *name;
	long value;
};

static const struct constant constants[] = {
	{ "PROTOCOL_VERSION", WSM_PROTOCOL_VERSION },
	{ "TO_AUTO", WSM_TO_AUTO },
	{ "TO_ALL", WSM_TO_ALL },
	{ "TO_ROOM", WSM_TO_ROOM },
	{ "TO_PROJECT", WSM_TO_PROJECT },
	{ "TO_USER", WSM_TO_USER },
	{ "TO_SESSION", WSM_TO_SESSION },
	{ "TO_CLIENT", WSM_TO_CLIENT },
	{ "NO_HISTORY", WSM_PUBLISH_NO_HISTORY },
	{ "BINARY", WSM_PUBLISH_BINARY },
	{ "TEXT", WSM_PUBLISH_TEXT },
	{ "FLAT", WSM_PUBLISH_FLAT },
	{ "REPORT", WSM_PUBLISH_REPORT },
	{ "PRIORITY_DEFAULT", WSM_PRIORITY_DEFAULT },
	{ "CRITICAL", WSM_CRITICAL },
	{ "NORMAL", WSM_NORMAL },
	{ "LOW", WSM_LOW },
	{ "ENDPOINT_FIREHOSE", WSM_ENDPOINT_FIREHOSE },
	{ "ENDPOINT_AUTH", WSM_ENDPOINT_AUTH },
	{ "ENDPOINT_RAW", WSM_ENDPOINT_RAW },
	{ "WANT_CONNECT", WSM_WANT_CONNECT },
	{ "WANT_DISCONNECT", WSM_WANT_DISCONNECT },
	{ "WANT_MESSAGE", WSM_WANT_MESSAGE },
	{ "WANT_AUTHENTICATE", WSM_WANT_AUTHENTICATE },
	{ "WANT_AUTHORIZE", WSM_WANT_AUTHORIZE },
	{ "WANT_LOG", WSM_WANT_LOG },
	{ "EVENT_CONNECT", WSM_EVENT_CONNECT },
	{ "EVENT_DISCONNECT", WSM_EVENT_DISCONNECT },
	{ "EVENT_MESSAGE", WSM_EVENT_MESSAGE },
	{ "EVENT_COMMAND", WSM_EVENT_COMMAND },
	{ "EVENT_AUTHENTICATE", WSM_EVENT_AUTHENTICATE },
	{ "EVENT_AUTHORIZE", WSM_EVENT_AUTHORIZE },
	{ "EVENT_RECEIPT", WSM_EVENT_RECEIPT },
	{ "EVENT_LOG", WSM_EVENT_LOG },
	{ "EVENT_BRIDGE_SEND", WSM_EVENT_BRIDGE_SEND },
	{ "EVENT_CLOSED", WSM_EVENT_CLOSED },
	{ "EVENT_REPORT", WSM_EVENT_REPORT },
	{ "EVENT_ANSWER", WSM_EVENT_ANSWER },
	{ "REST_BODY_MAX", WSM_REST_BODY_MAX },
	{ "QUERY_TIMEOUT_MS", WSM_QUERY_TIMEOUT_MS },
	{ "QUERY_STATS", WSM_QUERY_STATS },
	{ "QUERY_CONNECTIONS", WSM_QUERY_CONNECTIONS },
	{ "QUERY_ROOMS_OF", WSM_QUERY_ROOMS_OF },
	{ "QUERY_SUBSCRIBERS", WSM_QUERY_SUBSCRIBERS },
	{ "QUERY_PRESENCE", WSM_QUERY_PRESENCE },
	{ "QUERY_HISTORY", WSM_QUERY_HISTORY },
	{ "QUERY_POSITION", WSM_QUERY_POSITION },
	{ "QUERY_METRICS", WSM_QUERY_METRICS },
	{ "QUERY_BANS", WSM_QUERY_BANS },
};

static const char *option_type_name(wsm_option_type type)
{
	switch (type) {
	case WSM_OPTION_UINT:
		return "uint";
	case WSM_OPTION_SECS:
		return "secs";
	case WSM_OPTION_LIST:
		return "list";
	case WSM_OPTION_BOOL:
		return "bool";
	case WSM_OPTION_STRING:
		break;
	}
	return "string";
}

static PyObject *core_options(PyObject *module, PyObject *unused)
{
	size_t count;
	const wsm_option *options = wsm_options(&count);
	PyObject *list = PyList_New(0);

	(void)module;
	(void)unused;
	for (size_t i = 0; list && i < count; i++) {
		const wsm_option *option = &options[i];
		PyObject *row = Py_BuildValue("(ssssdds)", option->name, option->env, option_type_name(option->type),
		                              option->fallback, option->min, option->max, option->doc);

		if (!row || PyList_Append(list, row) < 0)
			Py_CLEAR(list);
		Py_XDECREF(row);
	}
	return list;
}

static const char *caller_name(wsm_rest_caller caller)
{
	switch (caller) {
	case WSM_REST_MEMBER:
		return "member";
	case WSM_REST_READER:
		return "reader";
	case WSM_REST_WRITER:
		return "writer";
	case WSM_REST_ADMIN:
		return "admin";
	case WSM_REST_ANYONE:
		break;
	}
	return "anyone";
}

static PyObject *core_rest_routes(PyObject *module, PyObject *unused)
{
	PyObject *list = PyList_New(0);
	const wsm_rest_route *route;

	(void)module;
	(void)unused;
	for (size_t i = 0; list && (route = wsm_rest_route_at(i)); i++) {
		PyObject *row = Py_BuildValue("(ssssss)", route->name, route->method, route->path, route->parameters,
		                              caller_name(route->caller), route->doc);

		if (!row || PyList_Append(list, row) < 0)
			Py_CLEAR(list);
		Py_XDECREF(row);
	}
	return list;
}

static PyObject *core_endpoint_defaults(PyObject *module, PyObject *unused)
{
	PyObject *list = PyList_New(0);
	const char *path;
	unsigned flags;

	(void)module;
	(void)unused;
	for (size_t i = 0; list && (path = wsm_endpoint_default(i, &flags)); i++) {
		PyObject *row = Py_BuildValue("(sI)", path, flags);

		if (!row || PyList_Append(list, row) < 0)
			Py_CLEAR(list);
		Py_XDECREF(row);
	}
	return list;
}

static PyObject *core_refusal_code(PyObject *module, PyObject *number)
{
	unsigned long status = PyLong_AsUnsignedLong(number);

	(void)module;
	if (PyErr_Occurred())
		return NULL;
	return PyLong_FromUnsignedLong(wsm_refusal_code((unsigned)status));
}

static PyObject *core_level_parse(PyObject *module, PyObject *word)
{
	wsm_slice text;

	(void)module;
	if (core_text(word, "a level", &text) < 0)
		return NULL;
	return PyLong_FromLong(wsm_level_parse(text));
}

static PyObject *core_fail(PyObject *module, PyObject *args)
{
	wsm_error error = { 0 };
	const char *sentence;
	int code;

	if (!PyArg_ParseTuple(args, "is:fail", &code, &sentence))
		return NULL;
	snprintf(error.message, sizeof(error.message), "%s", sentence);
	return core_raise(PyModule_GetState(module), code > 0 && code < CORE_STATUS_COUNT ? -code : WSM_EINVAL, &error);
}

static PyObject *core_room_valid(PyObject *module, PyObject *args)
{
	PyObject *name;
	int pattern = 0;
	wsm_slice text;

	(void)module;
	if (!PyArg_ParseTuple(args, "O|p:room_valid", &name, &pattern) ||
	    core_text(name, "the name of a room", &text) < 0)
		return NULL;
	return PyBool_FromLong(wsm_room_valid(text, pattern != 0));
}

static PyObject *core_id_valid(PyObject *module, PyObject *id)
{
	wsm_slice text;

	(void)module;
	if (core_text(id, "an id", &text) < 0)
		return NULL;
	return PyBool_FromLong(wsm_id_valid(text));
}

static PyObject *core_set_hooks(PyObject *module, PyObject *args)
{
	struct core_state *state = PyModule_GetState(module);
	PyObject **const places[] = { &state->delivery, &state->suspend, &state->report, &state->wait_report };
	PyObject *hooks[4];

	if (!PyArg_ParseTuple(args, "OOOO:set_hooks", &hooks[0], &hooks[1], &hooks[2], &hooks[3]))
		return NULL;
	for (size_t i = 0; i < 4; i++) {
		PyObject *before = *places[i];

		*places[i] = Py_NewRef(hooks[i]);
		Py_XDECREF(before);
	}
	Py_RETURN_NONE;
}

static PyMethodDef core_functions[] = {
	{ "options", core_options, METH_NOARGS, "The configuration table." },
	{ "rest_routes", core_rest_routes, METH_NOARGS, "The table of REST calls." },
	{ "endpoint_defaults", core_endpoint_defaults, METH_NOARGS, "The endpoints that every runtime begins with." },
	{ "refusal_code", core_refusal_code, METH_O, "The close code that says what an HTTP status says." },
	{ "level_parse", core_level_parse, METH_O, "The number of a level word; -1 for a word that is none." },
	{ "fail", core_fail, METH_VARARGS, "(number, sentence): raises the error whose status is minus that number." },
	{ "id_valid", core_id_valid, METH_O, "Whether a text can be an id of a user, a session or a client." },
	{ "room_valid", core_room_valid, METH_VARARGS, "Whether a text names a room; or, as a pattern, many." },
	{ "set_hooks", core_set_hooks, METH_VARARGS,
	  "What Receipts need from Python: (delivery class, suspend, report class, wait_report)." },
	{ NULL, NULL, 0, NULL },
};

static int add_type(PyObject *module, PyType_Spec *spec, PyTypeObject **type)
{
	*type = (PyTypeObject *)PyType_FromModuleAndSpec(module, spec, NULL);
	if (!*type)
		return -1;
	return PyModule_AddType(module, *type);
}

static int core_exec(PyObject *module)
{
	struct core_state *state = PyModule_GetState(module);

	if (core_errors_init(module, state) < 0 || core_store_init(module) < 0 ||
	    add_type(module, &core_runtime_spec, &state->runtime_type) < 0 ||
	    add_type(module, &core_receipt_spec, &state->receipt_type) < 0 ||
	    add_type(module, &core_conn_info_spec, &state->conn_info_type) < 0 ||
	    PyModule_AddStringConstant(module, "VERSION", WSM_VERSION) < 0)
		return -1;
	for (size_t i = 0; i < sizeof(constants) / sizeof(constants[0]); i++) {
		if (PyModule_AddIntConstant(module, constants[i].name, constants[i].value) < 0)
			return -1;
	}
	return 0;
}

static int core_traverse(PyObject *module, visitproc visit, void *arg)
{
	struct core_state *state = PyModule_GetState(module);

	Py_VISIT(state->runtime_type);
	Py_VISIT(state->receipt_type);
	Py_VISIT(state->conn_info_type);
	Py_VISIT(state->error);
	for (size_t i = 0; i < CORE_STATUS_COUNT; i++)
		Py_VISIT(state->errors[i]);
	Py_VISIT(state->delivery);
	Py_VISIT(state->suspend);
	Py_VISIT(state->report);
	Py_VISIT(state->wait_report);
	return 0;
}

static int core_clear(PyObject *module)
{
	struct core_state *state = PyModule_GetState(module);

	Py_CLEAR(state->runtime_type);
	Py_CLEAR(state->receipt_type);
	Py_CLEAR(state->conn_info_type);
	Py_CLEAR(state->error);
	for (size_t i = 0; i < CORE_STATUS_COUNT; i++)
		Py_CLEAR(state->errors[i]);
	Py_CLEAR(state->delivery);
	Py_CLEAR(state->suspend);
	Py_CLEAR(state->report);
	Py_CLEAR(state->wait_report);
	return 0;
}

static void core_free(void *module)
{
	core_clear(module);
}

static PyModuleDef_Slot core_slots[] = {
	{ Py_mod_exec, core_exec },
	{ 0, NULL },
};

static struct PyModuleDef core_module = {
	PyModuleDef_HEAD_INIT,
	.m_name = "ws_manager._core",
	.m_doc = "The C extension: a thin layer over ws_manager.h. Private; use the package's functions instead.",
	.m_size = sizeof(struct core_state),
	.m_methods = core_functions,
	.m_slots = core_slots,
	.m_traverse = core_traverse,
	.m_clear = core_clear,
	.m_free = core_free,
};

PyMODINIT_FUNC PyInit__core(void)
{
	return PyModuleDef_Init(&core_module);
}
