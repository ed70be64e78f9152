/* runtime.c - the type Runtime: owns a wsm_runtime and the eventfd that says that it has events. */
#include "core.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

static struct core_runtime *runtime_of(PyObject *object)
{
	return (struct core_runtime *)object;
}

PyObject *core_result(struct core_runtime *self, int status, const wsm_error *error)
{
	if (status != WSM_OK)
		return core_raise(core_state_of(Py_TYPE((PyObject *)self)), status, error);
	Py_RETURN_NONE;
}

/* On the runtime thread, without the GIL: only the file descriptor may be touched. */
static void wake(void *user_data)
{
	const int *event_fd = user_data;
	const uint64_t one = 1;
	ssize_t written;

	do {
		written = write(*event_fd, &one, sizeof(one));
	} while (written < 0 && errno == EINTR);
	/* EAGAIN means that the counter is full, so the descriptor is readable already. */
}

/* Sets every option of `mapping` (str to str). */
static int config_fill(struct core_state *state, wsm_config *config, PyObject *mapping)
{
	PyObject *items = PyMapping_Items(mapping);
	int status = 0;

	if (!items)
		return -1;
	for (Py_ssize_t i = 0; status == 0 && i < PyList_Size(items); i++) {
		PyObject *name = PyTuple_GetItem(PyList_GetItem(items, i), 0);
		PyObject *value = PyTuple_GetItem(PyList_GetItem(items, i), 1);
		wsm_slice name_text, value_text;
		wsm_error error = { 0 };

		if (!name || !value || core_text(name, "the name of an option", &name_text) < 0 ||
		    core_text(value, "the value of an option", &value_text) < 0) {
			status = -1;
			break;
		}
		if (strlen(name_text.data) != name_text.len || strlen(value_text.data) != value_text.len) {
			PyErr_SetString(state->errors[-WSM_ECONFIG], "an option contains a NUL character");
			status = -1;
			break;
		}
		status = wsm_config_set(config, name_text.data, value_text.data, &error);
		if (status != WSM_OK) {
			core_raise(state, status, &error);
			status = -1;
		}
	}
	Py_DECREF(items);
	return status;
}

static int runtime_open(struct core_runtime *self, struct core_state *state, const wsm_config *config)
{
	wsm_error error = { 0 };

	self->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (self->event_fd < 0) {
		PyErr_SetFromErrno(PyExc_OSError);
		return -1;
	}
	self->runtime = wsm_runtime_new(config, &error);
	if (!self->runtime) {
		core_raise(state, error.status, &error);
		return -1;
	}
	if (wsm_set_wake(self->runtime, wake, &self->event_fd) != WSM_OK) {
		core_raise(state, WSM_EINVAL, NULL);
		return -1;
	}
	return 0;
}

static PyObject *runtime_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
	static const char *const keywords[] = { "config", "env", NULL };
	struct core_state *state = core_state_of(type);
	PyObject *mapping = NULL;
	int env = 1;
	struct core_runtime *self;
	wsm_config *config;
	wsm_error error = { 0 };
	int status = 0;

	if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|Op:Runtime", (char **)(uintptr_t)keywords, &mapping, &env))
		return NULL;
	self = PyObject_GC_New(struct core_runtime, type);
	if (!self)
		return NULL;
	self->runtime = NULL;
	self->event_fd = -1;
	self->host = NULL;
	PyObject_GC_Track((PyObject *)self);
	config = wsm_config_new();
	if (!config) {
		PyErr_NoMemory();
		status = -1;
	}
	if (status == 0 && env && wsm_config_load_env(config, &error) != WSM_OK) {
		core_raise(state, error.status, &error);
		status = -1;
	}
	if (status == 0 && mapping)
		status = config_fill(state, config, mapping);
	if (status == 0)
		status = runtime_open(self, state, config);
	wsm_config_free(config);
	if (status < 0)
		Py_CLEAR(self);
	return (PyObject *)self;
}

static int runtime_traverse(PyObject *self, visitproc visit, void *arg)
{
	Py_VISIT(Py_TYPE(self));
	Py_VISIT(runtime_of(self)->host);
	return 0;
}

static int runtime_clear(PyObject *self)
{
	Py_CLEAR(runtime_of(self)->host);
	return 0;
}

/* Receipts that wait in events nobody has taken: their references end here. */
static void drop_events(wsm_runtime *runtime)
{
	wsm_event *event = wsm_events_take(runtime);

	while (event) {
		wsm_event *next = event->next;

		if (event->receipt)
			Py_XDECREF(core_receipt_watched(event));
		wsm_event_free(event);
		event = next;
	}
}

static void runtime_dealloc(PyObject *object)
{
	PyTypeObject *type = Py_TYPE(object);
	struct core_runtime *self = runtime_of(object);

	PyObject_GC_UnTrack(object);
	runtime_clear(object);
	if (self->runtime) {
		Py_BEGIN_ALLOW_THREADS wsm_runtime_stop(self->runtime, 0);
		Py_END_ALLOW_THREADS drop_events(self->runtime);
		wsm_runtime_free(self->runtime);
	}
	if (self->event_fd >= 0)
		close(self->event_fd);
	PyObject_GC_Del(object);
	Py_DECREF(type);
}

static PyObject *runtime_start(PyObject *object, PyObject *unused)
{
	struct core_runtime *self = runtime_of(object);
	wsm_error error = { 0 };
	int status;

	(void)unused;
	Py_BEGIN_ALLOW_THREADS status = wsm_runtime_start(self->runtime, &error);
	Py_END_ALLOW_THREADS return core_result(self, status, &error);
}

static PyObject *runtime_stop(PyObject *object, PyObject *args, PyObject *kwargs)
{
	static const char *const keywords[] = { "deadline_ms", NULL };
	struct core_runtime *self = runtime_of(object);
	unsigned deadline_ms = WSM_STOP_DEFAULT;
	int status;

	if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|I:stop", (char **)(uintptr_t)keywords, &deadline_ms))
		return NULL;
	Py_BEGIN_ALLOW_THREADS status = wsm_runtime_stop(self->runtime, deadline_ms);
	Py_END_ALLOW_THREADS return core_result(self, status, NULL);
}

static PyObject *runtime_drain(PyObject *object, PyObject *unused)
{
	(void)unused;
	return core_result(runtime_of(object), wsm_runtime_drain(runtime_of(object)->runtime), NULL);
}

static PyObject *runtime_conn_drain(PyObject *object, PyObject *number)
{
	unsigned long long conn = PyLong_AsUnsignedLongLong(number);

	if (PyErr_Occurred())
		return NULL;
	return core_result(runtime_of(object), wsm_conn_drain(runtime_of(object)->runtime, conn), NULL);
}

static PyObject *runtime_retry_after(PyObject *object, PyObject *unused)
{
	(void)unused;
	return PyLong_FromUnsignedLong(wsm_retry_after(runtime_of(object)->runtime));
}

static PyObject *runtime_option(PyObject *object, PyObject *name)
{
	wsm_slice text;
	const char *value;

	if (core_text(name, "name", &text) < 0)
		return NULL;
	value = wsm_runtime_option(runtime_of(object)->runtime, text.data);
	if (!value)
		return PyErr_Format(PyExc_KeyError, "%R", name);
	return core_str(value, strlen(value));
}

static PyObject *get_draining(PyObject *self, void *unused)
{
	(void)unused;
	return PyBool_FromLong(wsm_runtime_draining(runtime_of(self)->runtime));
}

static PyObject *get_takes_tokens(PyObject *self, void *unused)
{
	(void)unused;
	return PyBool_FromLong(wsm_takes_tokens(runtime_of(self)->runtime));
}

static PyObject *get_event_fd(PyObject *self, void *unused)
{
	(void)unused;
	return PyLong_FromLong(runtime_of(self)->event_fd);
}

static PyObject *get_running(PyObject *self, void *unused)
{
	(void)unused;
	return PyBool_FromLong(wsm_runtime_running(runtime_of(self)->runtime));
}

static PyObject *get_port(PyObject *self, void *unused)
{
	(void)unused;
	return PyLong_FromUnsignedLong(wsm_runtime_port(runtime_of(self)->runtime));
}

static PyObject *get_host(PyObject *self, void *unused)
{
	PyObject *host = runtime_of(self)->host;

	(void)unused;
	return Py_NewRef(host ? host : Py_None);
}

static int set_host(PyObject *self, PyObject *value, void *unused)
{
	PyObject *before = runtime_of(self)->host;

	(void)unused;
	runtime_of(self)->host = value && value != Py_None ? Py_NewRef(value) : NULL;
	Py_XDECREF(before);
	return 0;
}

/* Methods with keywords, and those of METH_FASTCALL, have other C types than the table's. */
#define METHOD(function) (PyCFunction)(void (*)(void))(function)
#define KEYWORDS (METH_VARARGS | METH_KEYWORDS)

static PyMethodDef runtime_methods[] = {
	{ "start", runtime_start, METH_NOARGS, "Starts the thread and listens." },
	{ "stop", METHOD(runtime_stop), KEYWORDS, "Closes every connection with 1001 and ends the thread." },
	{ "drain", runtime_drain, METH_NOARGS, "Refuses new connections from now on." },
	{ "retry_after", runtime_retry_after, METH_NOARGS, "Seconds, for a client that is refused with 503." },
	{ "option", runtime_option, METH_O, "An option's value in force, as text." },
	{ "conn_join", core_runtime_conn_join, METH_VARARGS, "One connection joins a room." },
	{ "conn_leave", core_runtime_conn_leave, METH_VARARGS, "It leaves it." },
	{ "conn_join_later", core_runtime_conn_join_later, METH_VARARGS, "The first without waiting." },
	{ "conn_leave_later", core_runtime_conn_leave_later, METH_VARARGS, "The second." },
	{ "conn_drain", runtime_conn_drain, METH_O, "Closes a connection, by number, as a stop would." },
	{ "publish", METHOD(core_runtime_publish), METH_FASTCALL, "Queues a publication; its Receipt." },
	{ "subscribe", core_runtime_subscribe, METH_VARARGS, "(user_id, room)" },
	{ "unsubscribe", core_runtime_unsubscribe, METH_VARARGS, "(user_id, room)" },
	{ "disconnect", core_runtime_disconnect, METH_VARARGS, "(client_id, code=0, reason=\"\")" },
	{ "disconnect_user", core_runtime_disconnect_user, METH_VARARGS, "(user_id, code=0, reason=\"\")" },
	{ "ban", core_runtime_ban, METH_VARARGS, "(ip, seconds, reason=\"\")" },
	{ "unban", core_runtime_unban, METH_O, "Lifts the ban of an address." },
	{ "revoke", core_runtime_revoke, METH_VARARGS, "(jti, user_id, before=0, until=0)" },
	{ "unrevoke", core_runtime_unrevoke, METH_VARARGS, "(jti, user_id)" },
	{ "revocations", core_runtime_revocations, METH_NOARGS, "JSON: what is revoked." },
	{ "reload_keys", core_runtime_reload_keys, METH_VARARGS, "(jwt_secret, jwt_public_key)" },
	{ "reload_tls", core_runtime_reload_tls, METH_NOARGS, "Reads tls_cert and tls_key again." },
	{ "endpoint_set", METHOD(core_runtime_endpoint_set), KEYWORDS, "Adds or replaces an endpoint." },
	{ "endpoint_remove", core_runtime_endpoint_remove, METH_O, "Removes the endpoint of a path pattern." },
	{ "room_rule_set", core_runtime_room_rule_set, METH_VARARGS, "Says something about rooms by pattern." },
	{ "match", core_runtime_match, METH_O, "Whether a request path belongs to an endpoint." },
	{ "label", core_runtime_label, METH_O, "A request path as it may stand in a log." },
	{ "adopt", METHOD(core_runtime_adopt), KEYWORDS, "Hands a socket over; the connection's number." },
	{ "bridge_open", METHOD(core_runtime_bridge_open), KEYWORDS,
	  "Opens a connection whose socket the host keeps." },
	{ "bridge_receive", core_runtime_bridge_receive, METH_VARARGS, "(conn, data)" },
	{ "bridge_written", core_runtime_bridge_written, METH_VARARGS, "(conn, size)" },
	{ "bridge_closed", core_runtime_bridge_closed, METH_VARARGS, "(conn, code=1006, reason=\"\")" },
	{ "want", core_runtime_want, METH_O, "Which events shall come: WANT_…" },
	{ "access_checked", core_runtime_access_checked, METH_O, "The application checks clients by itself: by what." },
	{ "access", core_runtime_access, METH_NOARGS, "Whether public rooms need a grant, and why, as one line." },
	{ "command_add", core_runtime_command_add, METH_O, "Sends client commands of that action to the host." },
	{ "command_remove", core_runtime_command_remove, METH_O, "Ends command_add()." },
	{ "authenticated", METHOD(core_runtime_authenticated), KEYWORDS, "Answers EVENT_AUTHENTICATE." },
	{ "authorized", core_runtime_authorized, METH_VARARGS, "Answers EVENT_AUTHORIZE: (ticket, allow)" },
	{ "reply", core_runtime_reply, METH_VARARGS,
	  "Answers EVENT_COMMAND: (conn, action, id, json, error_code=None)" },
	{ "query", METHOD(core_runtime_query), KEYWORDS, "Asks the runtime thread; JSON." },
	{ "query_later", METHOD(core_runtime_query_later), KEYWORDS, "The same without waiting: EVENT_ANSWER comes." },
	{ "rest", METHOD(core_runtime_rest), KEYWORDS, "One REST call: (status, content type, body)" },
	{ "take_events", core_runtime_take_events, METH_NOARGS, "Clears event_fd and takes all events." },
	{ NULL, NULL, 0, NULL },
};

static PyGetSetDef runtime_getset[] = {
	{ "event_fd", get_event_fd, NULL, "Readable when there are events to take.", NULL },
	{ "running", get_running, NULL, "Whether the thread runs.", NULL },
	{ "draining", get_draining, NULL, "Whether new connections are refused.", NULL },
	{ "takes_tokens", get_takes_tokens, NULL, "Whether there is a key for tokens.", NULL },
	{ "port", get_port, NULL, "The port that is listened on, 0 when there is none.", NULL },
	{ "host", get_host, set_host, "The object that takes the events; for the host's use.", NULL },
	{ NULL, NULL, NULL, NULL, NULL },
};

static PyType_Slot runtime_slots[] = {
	{ Py_tp_new, runtime_new },
	{ Py_tp_dealloc, runtime_dealloc },
	{ Py_tp_traverse, runtime_traverse },
	{ Py_tp_clear, runtime_clear },
	{ Py_tp_methods, runtime_methods },
	{ Py_tp_getset, runtime_getset },
	{ Py_tp_doc, "One runtime thread with its connections, rooms and history." },
	{ 0, NULL },
};

PyType_Spec core_runtime_spec = {
	.name = "ws_manager._core.Runtime",
	.basicsize = (int)sizeof(struct core_runtime),
	.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
	.slots = runtime_slots,
};
