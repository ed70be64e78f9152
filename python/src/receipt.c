/*
 * receipt.c - the type Receipt: what became of one publication, as an object that may be ignored or awaited.
 *
 * It has the methods of a coroutine (asyncio.create_task() takes nothing else) but no state of its own: each send()
 * looks whether the core has handled the publication and either returns the outcome or yields a future of the event
 * loop that asks. So any number of tasks of any number of loops may wait for the same Receipt.
 *
 * While it is watched, the core holds one reference to the Python object: the data pointer of its wsm_receipt. While its report is
 * watched, it holds another one: the ticket.
 */
#include "core.h"

#define REPORT_TIMEOUT 5.0 /* seconds */

struct receipt {
	PyObject_HEAD wsm_receipt *receipt; /* reference; NULL if the publication was not taken, see status */
	int status;
	PyObject *runtime;
	PyObject *waiters; /* NULL or a list, kept for the Python side */
	PyObject *report_waiters;
};

static struct receipt *receipt_of(PyObject *object)
{
	return (struct receipt *)object;
}

PyObject *core_receipt_new(struct core_state *state, PyObject *runtime, wsm_receipt *receipt, int status)
{
	struct receipt *self = PyObject_GC_New(struct receipt, state->receipt_type);

	if (!self) {
		if (receipt)
			wsm_receipt_unref(receipt);
		return NULL;
	}
	self->receipt = receipt;
	self->status = status;
	self->runtime = Py_NewRef(runtime);
	self->waiters = self->report_waiters = NULL;
	PyObject_GC_Track((PyObject *)self);
	return (PyObject *)self;
}

PyObject *core_receipt_watched(const wsm_event *event)
{
	PyObject *self;

	/* The references that watch() and watch_report() gave to the core. */
	if (event->kind == WSM_EVENT_REPORT)
		return (PyObject *)(uintptr_t)event->ticket;
	self = wsm_receipt_data(event->receipt);
	wsm_receipt_set_data(event->receipt, NULL);
	return self;
}

static int receipt_traverse(PyObject *object, visitproc visit, void *arg)
{
	struct receipt *self = receipt_of(object);

	Py_VISIT(Py_TYPE(object));
	Py_VISIT(self->runtime);
	Py_VISIT(self->waiters);
	Py_VISIT(self->report_waiters);
	return 0;
}

static int receipt_clear(PyObject *object)
{
	Py_CLEAR(receipt_of(object)->runtime);
	Py_CLEAR(receipt_of(object)->waiters);
	Py_CLEAR(receipt_of(object)->report_waiters);
	return 0;
}

static void receipt_dealloc(PyObject *object)
{
	PyTypeObject *type = Py_TYPE(object);
	struct receipt *self = receipt_of(object);

	PyObject_GC_UnTrack(object);
	receipt_clear(object);
	if (self->receipt)
		wsm_receipt_unref(self->receipt);
	PyObject_GC_Del(object);
	Py_DECREF(type);
}

/* Whether the outcome is there; fills `delivery`. */
static bool is_done(struct receipt *self, wsm_delivery *delivery)
{
	if (self->receipt)
		return wsm_receipt_done(self->receipt, delivery);
	*delivery = (wsm_delivery){ .status = self->status };
	return true;
}

static PyObject *outcome(struct receipt *self, const wsm_delivery *delivery)
{
	struct core_state *state = core_state_of(Py_TYPE((PyObject *)self));

	if (delivery->status != WSM_OK)
		return core_raise(state, delivery->status, NULL);
	if (!state->delivery) {
		PyErr_SetString(PyExc_RuntimeError, "import ws_manager, not ws_manager._core");
		return NULL;
	}
	return PyObject_CallFunction(state->delivery, "KssKsNNN", (unsigned long long)delivery->recipients,
	                             delivery->room, delivery->epoch, (unsigned long long)delivery->offset,
	                             delivery->message_id, PyBool_FromLong(delivery->superseded),
	                             PyBool_FromLong(delivery->stored), PyBool_FromLong(delivery->duplicate));
}

/* One step of the coroutine: PYGEN_RETURN with the outcome, PYGEN_NEXT with what to yield, or PYGEN_ERROR. */
static PySendResult receipt_step(PyObject *object, PyObject *value, PyObject **result)
{
	struct receipt *self = receipt_of(object);
	struct core_state *state = core_state_of(Py_TYPE(object));
	wsm_delivery delivery;

	(void)value;
	if (is_done(self, &delivery)) {
		*result = outcome(self, &delivery);
		return *result ? PYGEN_RETURN : PYGEN_ERROR;
	}
	if (!state->suspend) {
		PyErr_SetString(PyExc_RuntimeError, "import ws_manager, not ws_manager._core");
		*result = NULL;
		return PYGEN_ERROR;
	}
	*result = PyObject_CallFunctionObjArgs(state->suspend, object, NULL);
	return *result ? PYGEN_NEXT : PYGEN_ERROR;
}

/* receipt_step() in the manner of iterators: the end is a StopIteration that carries the outcome. */
static PyObject *receipt_send(PyObject *self, PyObject *value)
{
	PyObject *result, *stop;

	switch (receipt_step(self, value, &result)) {
	case PYGEN_NEXT:
		return result;
	case PYGEN_RETURN:
		/* An instance: PyErr_SetObject() would take a bare Delivery, a tuple, for the arguments. */
		stop = PyObject_CallFunctionObjArgs(PyExc_StopIteration, result, NULL);
		Py_DECREF(result);
		if (stop) {
			PyErr_SetObject(PyExc_StopIteration, stop);
			Py_DECREF(stop);
		}
		return NULL;
	default:
		return NULL;
	}
}

static PyObject *receipt_next(PyObject *self)
{
	return receipt_send(self, Py_None);
}

/* There is nothing to unwind: what is thrown in comes straight out. */
static PyObject *receipt_throw(PyObject *self, PyObject *args)
{
	PyObject *type, *value = NULL, *traceback = NULL;

	(void)self;
	if (!PyArg_ParseTuple(args, "O|OO:throw", &type, &value, &traceback))
		return NULL;
	if (traceback == Py_None)
		traceback = NULL;
	if (value == Py_None)
		value = NULL;
	if (PyExceptionInstance_Check(type)) {
		if (traceback && PyException_SetTraceback(type, traceback) < 0)
			return NULL;
		PyErr_SetObject((PyObject *)Py_TYPE(type), type);
	} else if (PyExceptionClass_Check(type)) {
		PyErr_Restore(Py_NewRef(type), Py_XNewRef(value), Py_XNewRef(traceback));
	} else {
		PyErr_SetString(PyExc_TypeError, "throw() wants an exception");
	}
	return NULL;
}

static PyObject *receipt_close(PyObject *self, PyObject *unused)
{
	(void)self;
	(void)unused;
	Py_RETURN_NONE;
}

static PyObject *receipt_done(PyObject *self, PyObject *unused)
{
	wsm_delivery delivery;

	(void)unused;
	return PyBool_FromLong(is_done(receipt_of(self), &delivery));
}

static PyObject *receipt_delivery(PyObject *self, PyObject *unused)
{
	wsm_delivery delivery;

	(void)unused;
	if (!is_done(receipt_of(self), &delivery))
		Py_RETURN_NONE;
	return outcome(receipt_of(self), &delivery);
}

static PyObject *receipt_watch(PyObject *object, PyObject *unused)
{
	struct receipt *self = receipt_of(object);

	(void)unused;
	if (!self->receipt)
		Py_RETURN_FALSE;
	if (wsm_receipt_data(self->receipt))
		Py_RETURN_TRUE; /* it is watched already */
	wsm_receipt_set_data(self->receipt, Py_NewRef(object));
	if (wsm_receipt_watch(self->receipt))
		Py_RETURN_TRUE;
	wsm_receipt_set_data(self->receipt, NULL);
	Py_DECREF(object);
	Py_RETURN_FALSE;
}

static PyObject *receipt_figures(PyObject *object, PyObject *unused)
{
	struct receipt *self = receipt_of(object);
	struct core_state *state = core_state_of(Py_TYPE(object));
	wsm_report report = { .settled = true };
	wsm_error error = { .message = "this message was sent without report=True" };

	(void)unused;
	/* Not taken by the runtime: nothing was sent, which needs no option to know. */
	if (self->receipt && wsm_receipt_report(self->receipt, &report))
		return core_raise(state, WSM_EINVAL, &error);
	return PyObject_CallFunction(state->report, "KKKKKKN", (unsigned long long)report.deliveries,
	                             (unsigned long long)report.written, (unsigned long long)report.conflated,
	                             (unsigned long long)report.dropped, (unsigned long long)report.lagging,
	                             (unsigned long long)report.pending, PyBool_FromLong(report.settled));
}

static PyObject *receipt_watch_report(PyObject *object, PyObject *unused)
{
	struct receipt *self = receipt_of(object);

	(void)unused;
	if (self->receipt && wsm_receipt_watch_report(self->receipt, (uintptr_t)Py_NewRef(object)))
		Py_RETURN_TRUE;
	if (self->receipt)
		Py_DECREF(object);
	Py_RETURN_FALSE;
}

static PyObject *receipt_report(PyObject *object, PyObject *args, PyObject *kwargs)
{
	static const char *const keywords[] = { "timeout", NULL };
	struct core_state *state = core_state_of(Py_TYPE(object));
	PyObject *timeout = NULL, *result;

	if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O:report", (char **)(uintptr_t)keywords, &timeout))
		return NULL;
	if (!state->wait_report) {
		PyErr_SetString(PyExc_RuntimeError, "import ws_manager, not ws_manager._core");
		return NULL;
	}
	timeout = timeout ? Py_NewRef(timeout) : PyFloat_FromDouble(REPORT_TIMEOUT);
	if (!timeout)
		return NULL;
	result = PyObject_CallFunctionObjArgs(state->wait_report, object, timeout, NULL);
	Py_DECREF(timeout);
	return result;
}

static PyObject *get_runtime(PyObject *self, void *unused)
{
	PyObject *runtime = receipt_of(self)->runtime;

	(void)unused;
	return Py_NewRef(runtime ? runtime : Py_None);
}

static PyObject *get_waiters(PyObject *self, void *unused)
{
	PyObject *waiters = receipt_of(self)->waiters;

	(void)unused;
	return Py_NewRef(waiters ? waiters : Py_None);
}

static int set_waiters(PyObject *object, PyObject *value, void *unused)
{
	struct receipt *self = receipt_of(object);
	PyObject *before = self->waiters;

	(void)unused;
	self->waiters = value && value != Py_None ? Py_NewRef(value) : NULL;
	Py_XDECREF(before);
	return 0;
}

static PyObject *get_report_waiters(PyObject *self, void *unused)
{
	PyObject *waiters = receipt_of(self)->report_waiters;

	(void)unused;
	return Py_NewRef(waiters ? waiters : Py_None);
}

static int set_report_waiters(PyObject *object, PyObject *value, void *unused)
{
	struct receipt *self = receipt_of(object);
	PyObject *before = self->report_waiters;

	(void)unused;
	self->report_waiters = value && value != Py_None ? Py_NewRef(value) : NULL;
	Py_XDECREF(before);
	return 0;
}

static PyObject *receipt_repr(PyObject *self)
{
	wsm_delivery delivery;

	if (!is_done(receipt_of(self), &delivery))
		return PyUnicode_FromString("<Receipt pending>");
	if (delivery.status != WSM_OK)
		return PyUnicode_FromFormat("<Receipt failed: %s>", wsm_status_code(delivery.status));
	return PyUnicode_FromFormat("<Receipt %s: %zu recipients>", delivery.message_id, (size_t)delivery.recipients);
}

static PyMethodDef receipt_methods[] = {
	{ "done", receipt_done, METH_NOARGS, "Whether the runtime has handled the publication." },
	{ "delivery", receipt_delivery, METH_NOARGS, "The outcome, or None while it is pending." },
	{ "watch", receipt_watch, METH_NOARGS, "Asks for one EVENT_RECEIPT; False if it is done already." },
	{ "report", (PyCFunction)(void (*)(void))receipt_report, METH_VARARGS | METH_KEYWORDS,
	  "What became of each delivery; to be awaited." },
	{ "figures", receipt_figures, METH_NOARGS, "The report of this moment." },
	{ "watch_report", receipt_watch_report, METH_NOARGS, "Asks for one EVENT_REPORT; False if none will come." },
	{ "send", receipt_send, METH_O, "As coroutines have it." },
	{ "throw", receipt_throw, METH_VARARGS, "As coroutines have it." },
	{ "close", receipt_close, METH_NOARGS, "As coroutines have it." },
	{ NULL, NULL, 0, NULL },
};

static PyGetSetDef receipt_getset[] = {
	{ "runtime", get_runtime, NULL, "Whose publication it is.", NULL },
	{ "waiters", get_waiters, set_waiters, "For the host's use: who waits for it.", NULL },
	{ "report_waiters", get_report_waiters, set_report_waiters, "The same, of its report.", NULL },
	{ NULL, NULL, NULL, NULL, NULL },
};

static PyObject *receipt_await(PyObject *self)
{
	return Py_NewRef(self);
}

static PyType_Slot receipt_slots[] = {
	{ Py_tp_dealloc, receipt_dealloc },
	{ Py_tp_traverse, receipt_traverse },
	{ Py_tp_clear, receipt_clear },
	{ Py_tp_repr, receipt_repr },
	{ Py_tp_iternext, receipt_next },
	{ Py_am_await, receipt_await },
	{ Py_am_send, receipt_step },
	{ Py_tp_methods, receipt_methods },
	{ Py_tp_getset, receipt_getset },
	{ Py_tp_doc, "What became of one publication: may be ignored, awaited, or made a task." },
	{ 0, NULL },
};

PyType_Spec core_receipt_spec = {
	.name = "ws_manager._core.Receipt",
	.basicsize = (int)sizeof(struct receipt),
	.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
	.slots = receipt_slots,
};
