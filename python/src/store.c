/* store.c - a store without a runtime: the functions behind `python -m ws_manager store`. They block, without the GIL. */
#include "core.h"

/* The path of a store, for as long as the returned bytes live; NULL with an exception. */
static PyObject *path_of(PyObject *object, const char **path)
{
	PyObject *bytes;

	if (!PyUnicode_FSConverter(object, &bytes))
		return NULL;
	*path = PyBytes_AsString(bytes);
	return bytes;
}

static PyObject *core_store_info(PyObject *module, PyObject *object)
{
	const char *path;
	PyObject *bytes = path_of(object, &path), *answer = NULL;
	wsm_text text = { 0 };
	wsm_error error;
	int status;

	if (!bytes)
		return NULL;
	Py_BEGIN_ALLOW_THREADS;
	status = wsm_store_info(path, &text, &error);
	Py_END_ALLOW_THREADS;
	if (status == WSM_OK)
		answer = core_str(text.data, text.len);
	else
		core_raise(PyModule_GetState(module), status, &error);
	wsm_text_free(&text);
	Py_DECREF(bytes);
	return answer;
}

static PyObject *core_store_check(PyObject *module, PyObject *object)
{
	const char *path;
	PyObject *bytes = path_of(object, &path);
	wsm_error error;
	int status;

	if (!bytes)
		return NULL;
	Py_BEGIN_ALLOW_THREADS;
	status = wsm_store_check(path, &error);
	Py_END_ALLOW_THREADS;
	Py_DECREF(bytes);
	return status == WSM_OK ? Py_NewRef(Py_None) : core_raise(PyModule_GetState(module), status, &error);
}

static PyObject *core_store_backup(PyObject *module, PyObject *args)
{
	const char *path, *to;
	PyObject *one, *other, *from_bytes, *to_bytes = NULL, *answer = NULL;
	wsm_error error;
	int status;

	if (!PyArg_ParseTuple(args, "OO:store_backup", &one, &other))
		return NULL;
	from_bytes = path_of(one, &path);
	if (from_bytes)
		to_bytes = path_of(other, &to);
	if (to_bytes) {
		Py_BEGIN_ALLOW_THREADS;
		status = wsm_store_backup(path, to, &error);
		Py_END_ALLOW_THREADS;
		answer = status == WSM_OK ? Py_NewRef(Py_None) : core_raise(PyModule_GetState(module), status, &error);
	}
	Py_XDECREF(to_bytes);
	Py_XDECREF(from_bytes);
	return answer;
}

static PyObject *core_store_new_epoch(PyObject *module, PyObject *object)
{
	const char *path;
	PyObject *bytes = path_of(object, &path);
	uint64_t rooms;
	wsm_error error;
	int status;

	if (!bytes)
		return NULL;
	Py_BEGIN_ALLOW_THREADS;
	status = wsm_store_new_epoch(path, &rooms, &error);
	Py_END_ALLOW_THREADS;
	Py_DECREF(bytes);
	return status == WSM_OK ? PyLong_FromUnsignedLongLong(rooms)
	                        : core_raise(PyModule_GetState(module), status, &error);
}

static PyObject *core_store_prune(PyObject *module, PyObject *args)
{
	const char *path;
	PyObject *object, *room, *bytes;
	unsigned long long before_ms;
	wsm_slice name;
	uint64_t messages;
	wsm_error error;
	int status;

	if (!PyArg_ParseTuple(args, "OOK:store_prune", &object, &room, &before_ms) ||
	    core_text(room, "the name of a room", &name) < 0)
		return NULL;
	bytes = path_of(object, &path);
	if (!bytes)
		return NULL;
	Py_BEGIN_ALLOW_THREADS;
	status = wsm_store_prune(path, name, before_ms, &messages, &error);
	Py_END_ALLOW_THREADS;
	Py_DECREF(bytes);
	return status == WSM_OK ? PyLong_FromUnsignedLongLong(messages)
	                        : core_raise(PyModule_GetState(module), status, &error);
}

static PyMethodDef functions[] = {
	{ "store_info", core_store_info, METH_O, "[blocks] What a store holds, as JSON." },
	{ "store_check", core_store_check, METH_O, "[blocks] Reads a store from end to end; raises what is damaged." },
	{ "store_backup", core_store_backup, METH_VARARGS, "[blocks] Copies a store, in use or not, to another file." },
	{ "store_new_epoch", core_store_new_epoch, METH_O, "[blocks] Gives all rooms new epochs; how many." },
	{ "store_prune", core_store_prune, METH_VARARGS, "[blocks] Lets messages before a time go; how many." },
	{ NULL, NULL, 0, NULL },
};

int core_store_init(PyObject *module)
{
	return PyModule_AddFunctions(module, functions);
}
