/* runtime_publish.c - Runtime's calls that send, or change who gets what. */
#include "core.h"

/* Positions of publish()'s arguments. */
enum { TARGET, IDS, TYPE, PAYLOAD, KEY, MAX_RATE, PRIORITY, LEVEL, EXCLUDE, MEMBERS, FLAGS, ONCE, N_ARGS };
#define N_REQUIRED (PAYLOAD + 1)

static int small_int(PyObject *object, const char *what, unsigned max, unsigned *out)
{
	unsigned long value = PyLong_AsUnsignedLong(object);

	if (value == (unsigned long)-1 && PyErr_Occurred())
		return -1;
	if (value > max) {
		PyErr_Format(PyExc_ValueError, "%s must be at most %u, not %lu", what, max, value);
		return -1;
	}
	*out = (unsigned)value;
	return 0;
}

/* The arguments after the payload, of which the common call has none. */
static int parse_rest(wsm_publication *publication, PyObject *const *args, Py_ssize_t n)
{
	unsigned value;

	if (n > KEY && core_text_or_none(args[KEY], "conflate", &publication->key) < 0)
		return -1;
	if (n > MAX_RATE) {
		publication->max_rate = PyFloat_AsDouble(args[MAX_RATE]);
		if (publication->max_rate == -1.0 && PyErr_Occurred())
			return -1;
	}
	if (n > PRIORITY) {
		if (small_int(args[PRIORITY], "priority", WSM_LOW, &value) < 0)
			return -1;
		publication->priority = (wsm_priority)value;
	}
	if (n > LEVEL) {
		if (small_int(args[LEVEL], "level", WSM_LEVEL_CRITICAL, &value) < 0)
			return -1;
		publication->level = (wsm_level)value;
	}
	if (n > FLAGS && small_int(args[FLAGS], "flags", UINT16_MAX, &publication->flags) < 0)
		return -1;
	return n > ONCE ? core_text_or_none(args[ONCE], "once", &publication->once) : 0;
}

/* Publishes; what becomes of the message once the runtime is stopping is for the Receipt to say. */
static PyObject *publish(struct core_runtime *self, const wsm_publication *publication, wsm_slice payload)
{
	struct core_state *state = core_state_of(Py_TYPE((PyObject *)self));
	wsm_receipt *receipt = NULL;
	wsm_error error;
	int status;

	error.message[0] = '\0';
	status = wsm_publish(self->runtime, publication, payload.data, payload.len, &receipt, &error);
	if (status == WSM_OK || status == WSM_ENOTRUNNING)
		return core_receipt_new(state, (PyObject *)self, receipt, status);
	return core_raise(state, status, &error);
}

PyObject *core_runtime_publish(PyObject *self, PyObject *const *args, Py_ssize_t n)
{
	wsm_publication publication = { .target = WSM_TO_AUTO };
	struct core_slices ids = { .at = ids.local }, exclude = { .at = exclude.local };
	struct core_members members = { NULL, 0 };
	wsm_slice payload;
	unsigned target;
	PyObject *result = NULL;

	if (n < N_REQUIRED || n > N_ARGS) {
		PyErr_Format(PyExc_TypeError, "publish() takes %d to %d arguments, not %zd", N_REQUIRED, N_ARGS, n);
		return NULL;
	}
	if (small_int(args[TARGET], "target", WSM_TO_CLIENT, &target) < 0 ||
	    core_slices_init(&ids, args[IDS], "the name of a room, user, session, client or project") < 0 ||
	    core_text_or_none(args[TYPE], "the type of an event", &publication.type) < 0 ||
	    core_bytes(args[PAYLOAD], "the message", &payload) < 0)
		goto done;
	publication.target = (wsm_target)target;
	publication.ids = ids.at;
	publication.n_ids = ids.n;
	if (n > N_REQUIRED) {
		if (parse_rest(&publication, args, n) < 0)
			goto done;
		if (n > EXCLUDE && core_slices_init(&exclude, args[EXCLUDE], "exclude") < 0)
			goto done;
		if (n > MEMBERS && core_members_init(&members, args[MEMBERS]) < 0)
			goto done;
		publication.exclude = exclude.at;
		publication.n_exclude = exclude.n;
		publication.members = members.at;
		publication.n_members = members.n;
	}
	result = publish((struct core_runtime *)self, &publication, payload);
done:
	core_members_fini(&members);
	core_slices_fini(&exclude);
	core_slices_fini(&ids);
	return result;
}

typedef int (*pair_call)(wsm_runtime *runtime, wsm_slice first, wsm_slice second, wsm_error *error);

static PyObject *call_with_pair(PyObject *self, PyObject *args, pair_call call)
{
	struct core_runtime *runtime = (struct core_runtime *)self;
	PyObject *user_id, *room;
	wsm_slice user_text, room_text;
	wsm_error error = { 0 };
	int status;

	if (!PyArg_ParseTuple(args, "OO", &user_id, &room) || core_text(user_id, "user_id", &user_text) < 0 ||
	    core_text(room, "room", &room_text) < 0)
		return NULL;
	status = call(runtime->runtime, user_text, room_text, &error);
	return core_result(runtime, status, &error);
}

PyObject *core_runtime_subscribe(PyObject *self, PyObject *args)
{
	return call_with_pair(self, args, wsm_subscribe);
}

PyObject *core_runtime_unsubscribe(PyObject *self, PyObject *args)
{
	return call_with_pair(self, args, wsm_unsubscribe);
}

typedef int (*close_call)(wsm_runtime *runtime, wsm_slice id, unsigned code, wsm_slice reason, wsm_error *error);

static PyObject *call_close(PyObject *self, PyObject *args, const char *what, close_call call)
{
	struct core_runtime *runtime = (struct core_runtime *)self;
	PyObject *id, *reason = NULL;
	unsigned code = 0;
	wsm_slice id_text, reason_text = { NULL, 0 };
	wsm_error error = { 0 };
	int status;

	if (!PyArg_ParseTuple(args, "O|IO", &id, &code, &reason) || core_text(id, what, &id_text) < 0 ||
	    (reason && core_text(reason, "reason", &reason_text) < 0))
		return NULL;
	status = call(runtime->runtime, id_text, code, reason_text, &error);
	return core_result(runtime, status, &error);
}

PyObject *core_runtime_disconnect(PyObject *self, PyObject *args)
{
	return call_close(self, args, "client_id", wsm_disconnect);
}

PyObject *core_runtime_disconnect_user(PyObject *self, PyObject *args)
{
	return call_close(self, args, "user_id", wsm_disconnect_user);
}

PyObject *core_runtime_ban(PyObject *self, PyObject *args)
{
	struct core_runtime *runtime = (struct core_runtime *)self;
	PyObject *ip, *reason = NULL;
	wsm_slice ip_text, reason_text = { NULL, 0 };
	wsm_error error = { 0 };
	double seconds;
	int status;

	if (!PyArg_ParseTuple(args, "Od|O:ban", &ip, &seconds, &reason) || core_text(ip, "ip", &ip_text) < 0 ||
	    (reason && core_text(reason, "reason", &reason_text) < 0))
		return NULL;
	status = wsm_ban(runtime->runtime, ip_text, seconds, reason_text, &error);
	return core_result(runtime, status, &error);
}

PyObject *core_runtime_unban(PyObject *self, PyObject *ip)
{
	struct core_runtime *runtime = (struct core_runtime *)self;
	wsm_slice ip_text;
	wsm_error error = { 0 };

	if (core_text(ip, "ip", &ip_text) < 0)
		return NULL;
	return core_result(runtime, wsm_unban(runtime->runtime, ip_text, &error), &error);
}
