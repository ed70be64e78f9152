/* runtime_events.c - what the runtime tells the host, and the host's answers. */
#include "core.h"

#include <unistd.h>

/* An event as a tuple; the stub names its members. The references that it holds become the tuple's. */
static PyObject *event_tuple(struct core_state *state, const wsm_event *event)
{
	PyObject *info, *receipt;

	info = event->info ? core_conn_info_new(state, event->info) : Py_NewRef(Py_None);
	if (!info)
		return NULL;
	receipt = event->receipt ? core_receipt_watched(event) : NULL;
	if (!receipt)
		receipt = Py_NewRef(Py_None);
	return Py_BuildValue("(iKKiINNNNy#y#)", (int)event->kind,
	                     (unsigned long long)(event->info ? event->info->conn : event->conn),
	                     (unsigned long long)event->ticket, (int)event->level, event->code,
	                     PyBool_FromLong(event->binary), info, receipt, core_str(event->text.data, event->text.len),
	                     event->data.data ? event->data.data : "", (Py_ssize_t)event->data.len,
	                     event->id.data ? event->id.data : "", (Py_ssize_t)event->id.len);
}

PyObject *core_runtime_take_events(PyObject *object, PyObject *unused)
{
	struct core_runtime *self = (struct core_runtime *)object;
	struct core_state *state = core_state_of(Py_TYPE(object));
	PyObject *list = PyList_New(0);
	wsm_event *event;
	uint64_t count;

	(void)unused;
	if (!list)
		return NULL;
	/* Clear first, take then: an event that comes in between wakes once too often, never once too rarely. */
	if (read(self->event_fd, &count, sizeof(count)) < 0)
		count = 0; /* EAGAIN: nobody has written */
	event = wsm_events_take(self->runtime);
	while (event) {
		wsm_event *next = event->next;
		PyObject *tuple = list ? event_tuple(state, event) : NULL;

		/* Out of memory: the rest is freed, and the caller is told. */
		if (list && (!tuple || PyList_Append(list, tuple) < 0))
			Py_CLEAR(list);
		else if (!list && event->receipt)
			Py_XDECREF(core_receipt_watched(event));
		Py_XDECREF(tuple);
		wsm_event_free(event);
		event = next;
	}
	return list;
}

PyObject *core_runtime_want(PyObject *object, PyObject *mask)
{
	struct core_runtime *self = (struct core_runtime *)object;
	unsigned long value = PyLong_AsUnsignedLong(mask);

	if (value == (unsigned long)-1 && PyErr_Occurred())
		return NULL;
	return core_result(self, wsm_want(self->runtime, (unsigned)value), NULL);
}

PyObject *core_runtime_access_checked(PyObject *object, PyObject *by)
{
	struct core_runtime *self = (struct core_runtime *)object;
	wsm_slice text;
	wsm_error error = { 0 };

	if (core_text(by, "by", &text) < 0)
		return NULL;
	return core_result(self, wsm_access_checked(self->runtime, text, &error), &error);
}

PyObject *core_runtime_access(PyObject *object, PyObject *unused)
{
	struct core_runtime *self = (struct core_runtime *)object;
	wsm_error error = { 0 };
	wsm_text line;
	PyObject *result;
	int status = wsm_access_describe(self->runtime, &line, &error);

	(void)unused;
	if (status != WSM_OK)
		return core_result(self, status, &error);
	result = core_str(line.data, line.len);
	wsm_text_free(&line);
	return result;
}

PyObject *core_runtime_command_add(PyObject *object, PyObject *action)
{
	struct core_runtime *self = (struct core_runtime *)object;
	wsm_slice text;
	wsm_error error = { 0 };

	if (core_text(action, "action", &text) < 0)
		return NULL;
	return core_result(self, wsm_command_add(self->runtime, text, &error), &error);
}

PyObject *core_runtime_command_remove(PyObject *object, PyObject *action)
{
	struct core_runtime *self = (struct core_runtime *)object;
	wsm_slice text;

	if (core_text(action, "action", &text) < 0)
		return NULL;
	return core_result(self, wsm_command_remove(self->runtime, text), NULL);
}

PyObject *core_runtime_authenticated(PyObject *object, PyObject *args, PyObject *kwargs)
{
	static const char *const keywords[] = { "ticket",  "allow", "user_id", "session_id", "rooms", "subscribe",
	                                        "publish", "code",  "reason",  "welcome",    NULL };
	struct core_runtime *self = (struct core_runtime *)object;
	unsigned long long ticket;
	int allow;
	PyObject *user_id = NULL, *session_id = NULL, *rooms = Py_None, *subscribe = Py_None, *publish = Py_None,
		 *welcome = Py_None, *reason = NULL, *result = NULL;
	struct core_slices room_texts = { .at = room_texts.local }, subscribe_texts = { .at = subscribe_texts.local },
			   publish_texts = { .at = publish_texts.local }, welcome_texts = { .at = welcome_texts.local };
	wsm_decision decision = { .allow = false };
	wsm_error error = { 0 };

	if (!PyArg_ParseTupleAndKeywords(args, kwargs, "Kp|UUOOOIUO:authenticated", (char **)(uintptr_t)keywords,
	                                 &ticket, &allow, &user_id, &session_id, &rooms, &subscribe, &publish,
	                                 &decision.code, &reason, &welcome))
		return NULL;
	decision.allow = allow != 0;
	if ((user_id && core_text(user_id, "user_id", &decision.user_id) < 0) ||
	    (session_id && core_text(session_id, "session_id", &decision.session_id) < 0) ||
	    (reason && core_text(reason, "reason", &decision.reason) < 0) ||
	    core_slices_init(&room_texts, rooms, "rooms") < 0 ||
	    core_slices_init(&subscribe_texts, subscribe, "subscribe") < 0 ||
	    core_slices_init(&publish_texts, publish, "publish") < 0 ||
	    core_slices_init(&welcome_texts, welcome, "welcome") < 0)
		goto done;
	decision.rooms = room_texts.at;
	decision.n_rooms = room_texts.n;
	decision.subscribe = subscribe_texts.at;
	decision.n_subscribe = subscribe_texts.n;
	decision.publish = publish_texts.at;
	decision.n_publish = publish_texts.n;
	decision.welcome = welcome_texts.at;
	decision.n_welcome = welcome_texts.n;
	result = core_result(self, wsm_authenticated(self->runtime, ticket, &decision, &error), &error);
done:
	core_slices_fini(&room_texts);
	core_slices_fini(&subscribe_texts);
	core_slices_fini(&publish_texts);
	core_slices_fini(&welcome_texts);
	return result;
}

PyObject *core_runtime_authorized(PyObject *object, PyObject *args)
{
	struct core_runtime *self = (struct core_runtime *)object;
	unsigned long long ticket;
	int allow;

	if (!PyArg_ParseTuple(args, "Kp:authorized", &ticket, &allow))
		return NULL;
	return core_result(self, wsm_authorized(self->runtime, ticket, allow != 0), NULL);
}

PyObject *core_runtime_reply(PyObject *object, PyObject *args)
{
	struct core_runtime *self = (struct core_runtime *)object;
	unsigned long long conn;
	PyObject *action, *id, *json;
	const char *error_code = NULL;
	wsm_slice action_text, id_text, json_text;

	if (!PyArg_ParseTuple(args, "KUOO|z:reply", &conn, &action, &id, &json, &error_code) ||
	    core_text(action, "action", &action_text) < 0 || core_bytes(id, "id", &id_text) < 0 ||
	    core_bytes(json, "json", &json_text) < 0)
		return NULL;
	return core_result(self, wsm_reply(self->runtime, conn, action_text, id_text, json_text, error_code), NULL);
}
