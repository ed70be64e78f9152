/* conn_info.c - the type ConnInfo: a reference to a wsm_conn_info whose texts become str when they are asked for. */
#include "core.h"

struct conn_info {
	PyObject_HEAD const wsm_conn_info *info; /* reference */
};

PyObject *core_conn_info_new(struct core_state *state, const wsm_conn_info *info)
{
	struct conn_info *self = PyObject_New(struct conn_info, state->conn_info_type);

	if (self)
		self->info = wsm_conn_info_ref(info);
	return (PyObject *)self;
}

static void conn_info_dealloc(PyObject *object)
{
	PyTypeObject *type = Py_TYPE(object);

	wsm_conn_info_unref(((struct conn_info *)object)->info);
	PyObject_Free(object);
	Py_DECREF(type);
}

static const wsm_conn_info *info_of(PyObject *object)
{
	return ((struct conn_info *)object)->info;
}

static PyObject *get_conn(PyObject *self, void *unused)
{
	(void)unused;
	return PyLong_FromUnsignedLongLong(info_of(self)->conn);
}

static PyObject *get_connected_at(PyObject *self, void *unused)
{
	(void)unused;
	return PyLong_FromLongLong(info_of(self)->connected_at);
}

#define TEXT_GETTER(field)                                                                                             \
	static PyObject *get_##field(PyObject *self, void *unused)                                                     \
	{                                                                                                              \
		(void)unused;                                                                                          \
		return core_str_z(info_of(self)->field);                                                               \
	}
TEXT_GETTER(client_id)
TEXT_GETTER(user_id)
TEXT_GETTER(session_id)
TEXT_GETTER(path)
TEXT_GETTER(query)
TEXT_GETTER(ip)
TEXT_GETTER(user_agent)

static PyGetSetDef conn_info_getset[] = {
	{ "conn", get_conn, NULL, "Number of the connection, never used again.", NULL },
	{ "connected_at", get_connected_at, NULL, "Unix time, milliseconds.", NULL },
	{ "client_id", get_client_id, NULL, NULL, NULL },
	{ "user_id", get_user_id, NULL, "\"\" if there is none.", NULL },
	{ "session_id", get_session_id, NULL, "\"\" if there is none.", NULL },
	{ "path", get_path, NULL, NULL, NULL },
	{ "query", get_query, NULL, "Percent-encoded, without \"?\".", NULL },
	{ "ip", get_ip, NULL, NULL, NULL },
	{ "user_agent", get_user_agent, NULL, NULL, NULL },
	{ NULL, NULL, NULL, NULL, NULL },
};

static PyType_Slot conn_info_slots[] = {
	{ Py_tp_dealloc, conn_info_dealloc },
	{ Py_tp_getset, conn_info_getset },
	{ Py_tp_doc, "What is fixed about a connection." },
	{ 0, NULL },
};

PyType_Spec core_conn_info_spec = {
	.name = "ws_manager._core.ConnInfo",
	.basicsize = (int)sizeof(struct conn_info),
	.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
	.slots = conn_info_slots,
};
