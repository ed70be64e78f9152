/* convert.c - Python's text and sequences to slices, and back. */
#include "core.h"

static int wrong_type(PyObject *object, const char *what, const char *wanted)
{
	PyObject *name = PyType_GetName(Py_TYPE(object));

	if (name)
		PyErr_Format(PyExc_TypeError, "%s must be %s, not %U", what, wanted, name);
	Py_XDECREF(name);
	return -1;
}

int core_text(PyObject *object, const char *what, wsm_slice *out)
{
	Py_ssize_t len;

	if (!PyUnicode_Check(object))
		return wrong_type(object, what, "str");
	out->data = PyUnicode_AsUTF8AndSize(object, &len);
	if (!out->data) {
		if (PyErr_ExceptionMatches(PyExc_UnicodeEncodeError)) {
			PyErr_Clear();
			PyErr_Format(PyExc_TypeError, "%s cannot be encoded as UTF-8: it has a lone surrogate", what);
		}
		return -1;
	}
	out->len = (size_t)len;
	return 0;
}

int core_text_or_none(PyObject *object, const char *what, wsm_slice *out)
{
	if (object != Py_None)
		return core_text(object, what, out);
	*out = (wsm_slice){ NULL, 0 };
	return 0;
}

int core_bytes(PyObject *object, const char *what, wsm_slice *out)
{
	if (PyBytes_Check(object)) {
		char *data;
		Py_ssize_t len;

		if (PyBytes_AsStringAndSize(object, &data, &len) < 0)
			return -1;
		*out = (wsm_slice){ data, (size_t)len };
		return 0;
	}
	if (!PyUnicode_Check(object))
		return wrong_type(object, what, "bytes or str");
	return core_text(object, what, out);
}

int core_slices_init(struct core_slices *slices, PyObject *object, const char *what)
{
	Py_ssize_t n;

	slices->at = slices->local;
	slices->n = 0;
	slices->keep = NULL;
	if (object == Py_None)
		return 0;
	if (PyUnicode_Check(object)) {
		if (core_text(object, what, &slices->local[0]) < 0)
			return -1;
		slices->keep = Py_NewRef(object);
		slices->n = 1;
		return 0;
	}
	/* The keys of a dict are no names: it is a message in the place of a room. */
	if (PyBytes_Check(object) || PyDict_Check(object))
		return wrong_type(object, what, "str or an iterable of str");
	slices->keep = PySequence_Tuple(object);
	if (!slices->keep) {
		if (PyErr_ExceptionMatches(PyExc_TypeError)) {
			PyErr_Clear();
			return wrong_type(object, what, "str or an iterable of str");
		}
		return -1;
	}
	n = PyTuple_Size(slices->keep);
	if (n > CORE_SLICES_INLINE) {
		slices->at = PyMem_Calloc((size_t)n, sizeof(*slices->at));
		if (!slices->at) {
			PyErr_NoMemory();
			return -1;
		}
	}
	for (Py_ssize_t i = 0; i < n; i++) {
		if (core_text(PyTuple_GetItem(slices->keep, i), what, &slices->at[i]) < 0)
			return -1;
	}
	slices->n = (size_t)n;
	return 0;
}

void core_slices_fini(struct core_slices *slices)
{
	if (slices->at != slices->local)
		PyMem_Free(slices->at);
	slices->at = slices->local;
	Py_CLEAR(slices->keep);
}

int core_members_init(struct core_members *members, PyObject *mapping)
{
	PyObject *name, *json;
	Py_ssize_t at = 0, n;

	*members = (struct core_members){ NULL, 0 };
	if (mapping == Py_None)
		return 0;
	if (!PyDict_Check(mapping))
		return wrong_type(mapping, "members", "a dict of str to bytes");
	n = PyDict_Size(mapping);
	if (n == 0)
		return 0;
	members->at = PyMem_Calloc((size_t)n, sizeof(*members->at));
	if (!members->at) {
		PyErr_NoMemory();
		return -1;
	}
	while (PyDict_Next(mapping, &at, &name, &json)) {
		wsm_member *member = &members->at[members->n];

		if (core_text(name, "the name of a member", &member->name) < 0 ||
		    core_bytes(json, "the JSON of a member", &member->json) < 0)
			return -1;
		members->n++;
	}
	return 0;
}

void core_members_fini(struct core_members *members)
{
	PyMem_Free(members->at);
	*members = (struct core_members){ NULL, 0 };
}

int core_admission_finish(struct core_admission *admission)
{
	wsm_admission *out = &admission->admission;

	*out = (wsm_admission){ 0 };
	out->admitted = admission->admitted != 0;
	out->skip_origin = admission->skip_origin != 0;
	out->raw = admission->raw != 0;
	if (admission->client_id && core_text(admission->client_id, "client_id", &out->client_id) < 0)
		return -1;
	if (admission->user_id && core_text(admission->user_id, "user_id", &out->user_id) < 0)
		return -1;
	if (admission->session_id && core_text(admission->session_id, "session_id", &out->session_id) < 0)
		return -1;
	if (admission->greeting && core_text(admission->greeting, "greeting", &out->greeting) < 0)
		return -1;
	if (admission->heartbeat && core_text(admission->heartbeat, "heartbeat", &out->heartbeat) < 0)
		return -1;
	if (core_slices_init(&admission->rooms, admission->room_list ? admission->room_list : Py_None, "rooms") < 0)
		return -1;
	if (core_slices_init(&admission->subscribe, admission->subscribe_list ? admission->subscribe_list : Py_None,
	                     "subscribe") < 0)
		return -1;
	if (core_slices_init(&admission->publish, admission->publish_list ? admission->publish_list : Py_None,
	                     "publish") < 0)
		return -1;
	if (core_slices_init(&admission->welcome, admission->welcome_list ? admission->welcome_list : Py_None,
	                     "welcome") < 0)
		return -1;
	out->rooms = admission->rooms.at;
	out->n_rooms = admission->rooms.n;
	out->subscribe = admission->subscribe.at;
	out->n_subscribe = admission->subscribe.n;
	out->publish = admission->publish.at;
	out->n_publish = admission->publish.n;
	out->welcome = admission->welcome.at;
	out->n_welcome = admission->welcome.n;
	return 0;
}

void core_admission_fini(struct core_admission *admission)
{
	if (admission->rooms.at)
		core_slices_fini(&admission->rooms);
	if (admission->subscribe.at)
		core_slices_fini(&admission->subscribe);
	if (admission->publish.at)
		core_slices_fini(&admission->publish);
	if (admission->welcome.at)
		core_slices_fini(&admission->welcome);
}

PyObject *core_str(const char *text, size_t len)
{
	return PyUnicode_DecodeUTF8(text ? text : "", (Py_ssize_t)len, "replace");
}

PyObject *core_str_z(const char *text)
{
	return core_str(text, text ? strlen(text) : 0);
}
