/*
 * core.h - what the files of the extension `ws_manager._core` share. One file per type; all state is the module's.
 *
 * Every function here wants the GIL. A function that returns PyObject * gives a new reference, or NULL with an
 * exception set; one that returns int gives 0, or -1 with an exception set.
 */
#ifndef WSM_PYTHON_CORE_H
#define WSM_PYTHON_CORE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <string.h>

#include "ws_manager.h"

/* WSM_OK has no class; the classes stand at minus the value of their status. */
#define CORE_STATUS_COUNT 18

/* Of one interpreter; module.c. */
struct core_state {
	PyTypeObject *runtime_type, *receipt_type, *conn_info_type;
	PyObject *error;                     /* WsManagerError */
	PyObject *errors[CORE_STATUS_COUNT]; /* its kinds, by -status */
	PyObject *delivery;                  /* class Delivery; NULL before set_hooks() */
	PyObject *suspend;                   /* callable(receipt): what to yield to the event loop; NULL before */
	PyObject *report;                    /* class DeliveryReport; NULL before */
	PyObject *wait_report;               /* callable(receipt, timeout): a coroutine; NULL before */
};

/* The state of the module that a type of ours belongs to; borrowed. */
struct core_state *core_state_of(PyTypeObject *type);

/* ---- errors.c ---- */

int core_errors_init(PyObject *module, struct core_state *state);
/* Raises the class of `status` with the sentence of `error`, or the general one; returns NULL. */
PyObject *core_raise(struct core_state *state, int status, const wsm_error *error);

/* ---- convert.c: text that a call only borrows. Slices live as long as the objects they came from. ---- */

#define CORE_SLICES_INLINE 8

struct core_slices {
	wsm_slice *at;
	size_t n;
	wsm_slice local[CORE_SLICES_INLINE];
	PyObject *keep; /* owns the texts */
};

/* `what` names the argument in the TypeError. */
int core_text(PyObject *object, const char *what, wsm_slice *out);
/* None gives an empty slice. */
int core_text_or_none(PyObject *object, const char *what, wsm_slice *out);
/* None, a str (one slice), or an iterable of str. fini() also after a failure. */
int core_slices_init(struct core_slices *slices, PyObject *object, const char *what);
void core_slices_fini(struct core_slices *slices);
/* bytes as they are, or a str as UTF-8. */
int core_bytes(PyObject *object, const char *what, wsm_slice *out);
/* Text of the core; bytes that are not UTF-8 become U+FFFD. */
PyObject *core_str(const char *text, size_t len);
PyObject *core_str_z(const char *text);

/* Members for a publication: name -> encoded JSON. fini() also after a failure. */
struct core_members {
	wsm_member *at;
	size_t n;
};
int core_members_init(struct core_members *members, PyObject *mapping);
void core_members_fini(struct core_members *members);

/* Fills `members` with the (name, value) pairs of `headers`, a tuple, which keeps their texts. -1: TypeError, ValueError. */
int core_headers_fill(PyObject *headers, wsm_member *members);

/* The keywords of an admission, which adopt() and bridge_open() share. */
struct core_admission {
	wsm_admission admission;
	struct core_slices rooms, subscribe, publish, welcome;
	int admitted, skip_origin, raw;
	PyObject *client_id, *user_id, *session_id, *room_list, *subscribe_list, *publish_list, *greeting, *heartbeat,
		*welcome_list;
};
#define CORE_ADMISSION_KEYWORDS                                                                                        \
	"admitted", "skip_origin", "client_id", "user_id", "session_id", "rooms", "subscribe", "publish", "greeting",  \
		"heartbeat", "raw", "welcome"
#define CORE_ADMISSION_FORMAT "$ppUUUOOOUUpO"
#define CORE_ADMISSION_ARGUMENTS(a)                                                                                    \
	&(a)->admitted, &(a)->skip_origin, &(a)->client_id, &(a)->user_id, &(a)->session_id, &(a)->room_list,          \
		&(a)->subscribe_list, &(a)->publish_list, &(a)->greeting, &(a)->heartbeat, &(a)->raw,                  \
		&(a)->welcome_list
/* Fills `admission` from the objects that the argument parser has put in. fini() also after a failure. */
int core_admission_finish(struct core_admission *admission);
void core_admission_fini(struct core_admission *admission);

/* ---- store.c ---- */

/* Adds its functions to the module. */
int core_store_init(PyObject *module);

/* ---- conn_info.c ---- */

extern PyType_Spec core_conn_info_spec;
PyObject *core_conn_info_new(struct core_state *state, const wsm_conn_info *info);

/* ---- receipt.c ---- */

extern PyType_Spec core_receipt_spec;
/* Takes over the reference to `receipt`, also on failure. NULL with a `status` makes one that has failed already. */
PyObject *core_receipt_new(struct core_state *state, PyObject *runtime, wsm_receipt *receipt, int status);
/* The Receipt that watches `receipt` (new reference, the watch is over); NULL without an exception if there is none. */
PyObject *core_receipt_watched(const wsm_event *event);

/* ---- runtime.c, and the files that hold its methods ---- */

extern PyType_Spec core_runtime_spec;

struct core_runtime {
	PyObject_HEAD wsm_runtime *runtime;
	int event_fd;
	PyObject *host; /* the Python object that takes the events; None at first */
};

/* Sets an exception unless status is WSM_OK; returns None or NULL. */
PyObject *core_result(struct core_runtime *self, int status, const wsm_error *error);

/* runtime_publish.c */
PyObject *core_runtime_publish(PyObject *self, PyObject *const *args, Py_ssize_t n);
PyObject *core_runtime_subscribe(PyObject *self, PyObject *args);
PyObject *core_runtime_unsubscribe(PyObject *self, PyObject *args);
PyObject *core_runtime_disconnect(PyObject *self, PyObject *args);
PyObject *core_runtime_disconnect_user(PyObject *self, PyObject *args);
PyObject *core_runtime_ban(PyObject *self, PyObject *args);
PyObject *core_runtime_unban(PyObject *self, PyObject *ip);
/* runtime_token.c */
PyObject *core_runtime_revoke(PyObject *self, PyObject *args);
PyObject *core_runtime_unrevoke(PyObject *self, PyObject *args);
PyObject *core_runtime_revocations(PyObject *self, PyObject *none);
PyObject *core_runtime_reload_keys(PyObject *self, PyObject *args);
PyObject *core_runtime_reload_tls(PyObject *self, PyObject *none);
/* runtime_conn.c */
PyObject *core_runtime_endpoint_set(PyObject *self, PyObject *args, PyObject *kwargs);
PyObject *core_runtime_endpoint_remove(PyObject *self, PyObject *path);
PyObject *core_runtime_room_rule_set(PyObject *self, PyObject *args);
PyObject *core_runtime_match(PyObject *self, PyObject *path);
PyObject *core_runtime_label(PyObject *self, PyObject *path);
PyObject *core_runtime_adopt(PyObject *self, PyObject *args, PyObject *kwargs);
PyObject *core_runtime_bridge_open(PyObject *self, PyObject *args, PyObject *kwargs);
PyObject *core_runtime_bridge_receive(PyObject *self, PyObject *args);
PyObject *core_runtime_bridge_written(PyObject *self, PyObject *args);
PyObject *core_runtime_bridge_closed(PyObject *self, PyObject *args);
/* runtime_events.c */
PyObject *core_runtime_take_events(PyObject *self, PyObject *unused);
PyObject *core_runtime_want(PyObject *self, PyObject *mask);
PyObject *core_runtime_access_checked(PyObject *self, PyObject *by);
PyObject *core_runtime_access(PyObject *self, PyObject *unused);
PyObject *core_runtime_command_add(PyObject *self, PyObject *action);
PyObject *core_runtime_command_remove(PyObject *self, PyObject *action);
PyObject *core_runtime_authenticated(PyObject *self, PyObject *args, PyObject *kwargs);
PyObject *core_runtime_authorized(PyObject *self, PyObject *args);
PyObject *core_runtime_reply(PyObject *self, PyObject *args);
/* runtime_query.c */
PyObject *core_runtime_conn_join(PyObject *self, PyObject *args);
PyObject *core_runtime_conn_leave(PyObject *self, PyObject *args);
PyObject *core_runtime_query(PyObject *self, PyObject *args, PyObject *kwargs);
PyObject *core_runtime_conn_join_later(PyObject *self, PyObject *args);
PyObject *core_runtime_conn_leave_later(PyObject *self, PyObject *args);
PyObject *core_runtime_query_later(PyObject *self, PyObject *args, PyObject *kwargs);
PyObject *core_runtime_rest(PyObject *self, PyObject *args, PyObject *kwargs);

#endif
