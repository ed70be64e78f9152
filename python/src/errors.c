/* errors.c - the exception classes, one per status of the core. */
#include "core.h"

/* A status without a name here does not compile. */
#define NAME_ENOMEM "OutOfMemory"
#define NAME_EINVAL "InvalidArgument"
#define NAME_ECONFIG "ConfigError"
#define NAME_ENOTRUNNING "NotRunning"
#define NAME_EOVERLOADED "Overloaded"
#define NAME_EROOM "InvalidRoom"
#define NAME_ETOOLARGE "MessageTooLarge"
#define NAME_ENOTFOUND "NotFound"
#define NAME_EADDRINUSE "AddressInUse"
#define NAME_ESYSTEM "SystemCallFailed"
#define NAME_EFORKED "Forked"
#define NAME_ETIMEOUT "QueryTimeout"
#define NAME_EJSON "InvalidJSON"
#define NAME_EREFUSED "Refused"
#define NAME_ENOSTORE "StoreNotConfigured"
#define NAME_ELOCKED "StoreLocked"
#define NAME_EUNAVAILABLE "Unavailable"
#define NAME_OK NULL

struct kind {
	const char *name; /* NULL for WSM_OK */
	int status;
	const char *code, *sentence;
};

static const struct kind kinds[] = {
#define KIND(status, value, code, sentence) { NAME_##status, (value), (code), (sentence) },
	WSM_STATUS_MAP(KIND)
#undef KIND
};

_Static_assert(sizeof(kinds) / sizeof(kinds[0]) == CORE_STATUS_COUNT, "CORE_STATUS_COUNT counts the rows of the map");

/* The builtin class that a kind also is; NULL where there is none. Borrowed. */
static PyObject *builtin_base(int status)
{
	switch (status) {
	case WSM_ENOMEM:
		return PyExc_MemoryError;
	case WSM_EINVAL:
	case WSM_ECONFIG:
	case WSM_EROOM:
	case WSM_ETOOLARGE:
	case WSM_EJSON:
		return PyExc_ValueError;
	case WSM_ENOTFOUND:
		return PyExc_LookupError;
	default:
		return NULL;
	}
}

/* A class `ws_manager.<name>` with the attribute `code`. */
static PyObject *make_class(PyObject *base, PyObject *builtin, const char *name, const char *code, const char *doc)
{
	char qualified[64];
	PyObject *made = NULL, *bases = NULL;
	PyObject *dict = Py_BuildValue("{ss}", "code", code);

	PyOS_snprintf(qualified, sizeof(qualified), "ws_manager.%s", name);
	bases = builtin ? PyTuple_Pack(2, base, builtin) : PyTuple_Pack(1, base);
	if (dict && bases)
		made = PyErr_NewExceptionWithDoc(qualified, doc, bases, dict);
	Py_XDECREF(bases);
	Py_XDECREF(dict);
	return made;
}

int core_errors_init(PyObject *module, struct core_state *state)
{
	state->error = make_class(PyExc_Exception, NULL, "WsManagerError", "error",
	                          "Base of every error of ws_manager; `code` is the short, stable name of its kind.");
	if (!state->error || PyModule_AddObjectRef(module, "WsManagerError", state->error) < 0)
		return -1;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		const struct kind *kind = &kinds[i];
		PyObject *made;

		if (!kind->name)
			continue;
		made = make_class(state->error, builtin_base(kind->status), kind->name, kind->code, kind->sentence);
		if (!made)
			return -1;
		state->errors[-kind->status] = made;
		if (PyModule_AddObjectRef(module, kind->name, made) < 0)
			return -1;
	}
	return 0;
}

PyObject *core_raise(struct core_state *state, int status, const wsm_error *error)
{
	PyObject *class = state->error;
	const char *sentence = wsm_status_text(status);

	if (status < 0 && status > -CORE_STATUS_COUNT && state->errors[-status])
		class = state->errors[-status];
	if (error && error->message[0])
		sentence = error->message;
	PyErr_SetString(class, sentence);
	return NULL;
}
