/*
 * addon.h - what the files of the Node-API addon share. A file is a noun; functions that cross files begin with addon_.
 *
 * Three structures, from the outside in:
 *   env   one JavaScript environment (main thread, worker) that has loaded the addon: its instance data. Its thread only,
 *         but for the bell.
 *   seat  a JavaScript object Runtime: a place of one env at one hub.
 *   hub   a wsm_runtime and its seats, which may be of several envs: the default manager of a process is one hub, whichever
 *         thread or bundle asks for it.
 *
 * A function that returns napi_value gives NULL with a JavaScript exception pending when it fails; one that returns bool
 * gives false then.
 */
#ifndef WSM_NODE_ADDON_H
#define WSM_NODE_ADDON_H

#include <node_api.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ws_manager.h"

struct batch;
struct hub;
struct item;
struct seat;

/* ---- env.c ------------------------------------------------------------------------------------------------------ */

struct env {
	napi_env env;
	napi_threadsafe_function bell; /* weak; rung by runtime threads, see hub.c */
	atomic_bool rung;              /* the bell has been rung, and nobody has come to look since */
	struct seat *seats;
	napi_ref raise; /* function(code, message) that makes an Error */
	unsigned held;  /* reasons for which the bell keeps the event loop alive */
};

/* The instance data of `env`; makes it on first use. NULL with an exception. */
struct env *addon_env_init(napi_env env);
struct env *addon_env(napi_env env);
/* Keeps the event loop alive, and no longer. Calls nest. */
void addon_env_hold(struct env *env);
void addon_env_release(struct env *env);

/* ---- errors.c --------------------------------------------------------------------------------------------------- */

/* True for napi_ok; else throws, unless an exception is pending already. */
bool addon_ok(napi_env env, napi_status status);
/* The Error of a status of the core: thrown, or made for a promise. NULL. */
napi_value addon_raise(napi_env env, int status, const wsm_error *error);
napi_value addon_error(napi_env env, int status, const wsm_error *error);
/* undefined, or addon_raise(). */
napi_value addon_result(napi_env env, int status, const wsm_error *error);
napi_value addon_undefined(napi_env env);
/* Table of statuses for JavaScript: [[code, sentence], …] by minus the status. */
napi_value addon_status_table(napi_env env);

/* ---- text.c: text that a call has copied. fini() also after a failure; a zeroed one may be fini'd. ----------------- */

#define TEXT_LOCAL 256
struct text {
	wsm_slice slice;
	char *heap;
	char local[TEXT_LOCAL];
};
/* A string as UTF-8, NUL-terminated; `what` names it in the TypeError. */
bool addon_text(napi_env env, napi_value value, const char *what, struct text *out);
/* undefined and null give an empty slice. */
bool addon_text_or_none(napi_env env, napi_value value, const char *what, struct text *out);
void addon_text_fini(struct text *text);
/* A string into `local` of `size` bytes, or the heap where that is too small. */
bool addon_string(napi_env env, napi_value value, char *local, size_t size, char **heap, wsm_slice *out);

#define TEXTS_LOCAL 4
struct texts {
	wsm_slice *at;
	size_t n;
	struct text *owned;
	wsm_slice local[TEXTS_LOCAL];
	struct text first; /* of one string alone */
};
/* undefined or null (none), a string (one), or an array of strings. */
bool addon_texts(napi_env env, napi_value value, const char *what, struct texts *out);
void addon_texts_fini(struct texts *texts);

/* Bytes of a Buffer or other Uint8Array; borrowed. False without an exception if it is none. */
bool addon_bytes(napi_env env, napi_value value, wsm_slice *out);
napi_value addon_string_value(napi_env env, const char *data, size_t len);
napi_value addon_number(napi_env env, double value);
/* Numbers of connections and tickets: they stay below 2^53. */
bool addon_uint64(napi_env env, napi_value value, const char *what, uint64_t *out);
bool addon_uint(napi_env env, napi_value value, const char *what, unsigned *out);
bool addon_bool(napi_env env, napi_value value, bool *out);
bool addon_is_none(napi_env env, napi_value value);
/* A property of an object; undefined where it is missing. NULL with an exception. */
napi_value addon_get(napi_env env, napi_value object, const char *name);

/* ---- copies.c --------------------------------------------------------------------------------------------------- */

typedef napi_value (*addon_init_fn)(napi_env env, napi_value exports);
/*
 * Where the addon's file has been loaded more than once (copies under several paths: bundles, standalone builds), the code
 * of the first copy serves all of them, so that there is one state: its init function. NULL: this copy is the first.
 */
addon_init_fn addon_first_copy(void);
napi_value addon_init(napi_env env, napi_value exports);

/* ---- hub.c, hub_events.c ---------------------------------------------------------------------------------------- */

struct seat {
	struct env *env;              /* NULL once it has left */
	struct hub *hub;              /* likewise */
	struct seat *next_in_env;     /* env thread */
	struct seat *next_in_hub;     /* under the hub's locks */
	uint64_t id;                  /* never used again in this process */
	unsigned want;                /* WSM_WANT_…; under the hub's sort lock */
	struct item *first, **last;   /* events for it; under the hub's sort lock */
	size_t waiting;               /* how many of them, as max_events counts */
	napi_ref object;              /* the Runtime; strong while the runtime runs */
	bool strong;                  /* whether it is */
	unsigned busy;                /* calls of JavaScript that it must survive */
	const wsm_conn_info *present; /* of the event that is being handled */
	struct batch *batch;          /* receipts of the next publications; see receipt.c */
};

/* Where the host finds the watcher of a receipt: wsm_receipt_data(). Freed by who takes the event. */
struct watch {
	uint64_t seat;
	uint32_t token;
};

struct item { /* an event for one seat */
	struct item *next;
	wsm_event *event;
	atomic_uint *shared; /* how many seats still have it; NULL: this one only */
};

/*
 * A seat at the hub of that name, or at one of its own for "". A hub that runs is joined whatever its settings; one that
 * does not is joined where `fingerprint`, the text of its configuration, is the same, else replaced under that name.
 * NULL with `error`.
 */
struct seat *addon_seat_new(struct env *env, const char *name, const char *fingerprint, const wsm_config *config,
                            wsm_error *error);
/* Leaves the hub; the last one stops and frees it. The seat's memory is its JavaScript object's. */
void addon_seat_leave(struct seat *seat);
/* Takes one that has left from its env's list; leave() does it where no call of JavaScript holds the seat. */
void addon_seat_unlink(struct seat *seat);
wsm_runtime *addon_seat_runtime(const struct seat *seat);
/* For work that outlives the call, on whatever thread. */
struct hub *addon_hub_ref(struct hub *hub);
void addon_hub_unref(struct hub *hub);
wsm_runtime *addon_hub_runtime(const struct hub *hub);
const char *addon_hub_fingerprint(const struct hub *hub);
/* Whether it was stopped on purpose, by any of its seats, and not started since. */
bool addon_hub_stopped(struct hub *hub);
void addon_hub_set_stopped(struct hub *hub, bool stopped);
/* Rings every env of the hub; given to wsm_set_wake(). */
void addon_hub_wake(void *hub);

int addon_hub_want(struct seat *seat, unsigned mask);
int addon_hub_command_add(struct seat *seat, wsm_slice action, wsm_error *error);
int addon_hub_command_remove(struct seat *seat, wsm_slice action);
/* wsm_adopt(), whose WSM_EVENT_CLOSED then comes to this seat. */
int addon_hub_adopt(struct seat *seat, int fd, wsm_slice request, const wsm_admission *admission, uint64_t *conn,
                    wsm_error *error);
/* Distributes what the runtime has said, and takes the oldest of this seat; NULL when there is none. */
void addon_hub_sort(struct hub *hub);
struct item *addon_seat_take(struct seat *seat);
void addon_item_free(struct item *item);

/* The parts of hub_events.c that hub.c needs, under both locks: a seat has come, has gone, and all has ended. */
struct routes;
struct routes *addon_routes_new(size_t max_waiting);
void addon_routes_free(struct routes *routes);
void addon_routes_forget(struct hub *hub, struct seat *seat);
struct seat *addon_hub_seats(const struct hub *hub);
struct routes *addon_hub_routes(const struct hub *hub);
pthread_mutex_t *addon_hub_sort_lock(struct hub *hub);

/* ---- runtime.c, and the files that hold its methods --------------------------------------------------------------- */

#define METHOD(name) napi_value addon_##name(napi_env env, napi_callback_info info)
#define MAX_ARGS 14

/* The receiver and the arguments (undefined where there are fewer). V8 has checked that the receiver is a Runtime. */
struct seat *addon_seat(napi_env env, napi_callback_info info, size_t n, napi_value *args);
bool addon_runtime_define(napi_env env, napi_value exports);

METHOD(publish);   /* publish.c */
METHOD(subscribe); /* clients.c */
METHOD(unsubscribe);
METHOD(disconnect);
METHOD(disconnect_user);
METHOD(ban);
METHOD(unban);
METHOD(endpoint_set); /* endpoint.c */
METHOD(endpoint_remove);
METHOD(match);
METHOD(label);
METHOD(room_rule_set);
METHOD(adopt); /* adopt.c */
METHOD(want);  /* events.c */
METHOD(access_checked);
METHOD(access);
METHOD(command_add);
METHOD(command_remove);
METHOD(authenticated);
METHOD(authorized);
METHOD(reply);
METHOD(option);
METHOD(info);
METHOD(revoke); /* tokens.c */
METHOD(unrevoke);
METHOD(revocations);
METHOD(reload_keys);
METHOD(query); /* query.c */
METHOD(conn_join);
METHOD(conn_leave);
METHOD(rest);
METHOD(batch); /* receipt.c */
METHOD(watch);
METHOD(watch_report);

/* events.c: hands the events of a seat to its JavaScript object. False if some are left for later. */
bool addon_events_deliver(struct seat *seat);
/* adopt.c: the members of an admission. fini() also after a failure. */
struct admission {
	wsm_admission admission;
	struct text client_id, user_id, session_id, greeting, heartbeat, ip;
	struct texts rooms, subscribe, publish, welcome;
};
bool addon_admission(napi_env env, napi_value object, struct admission *out);
void addon_admission_fini(struct admission *admission);
METHOD(dup_fd);
METHOD(close_fd);
METHOD(socket_pair);

/* receipt.c */
bool addon_batch_define(napi_env env, napi_value exports);
/* The place of the next receipt of a seat, which is its number; -1: the batch is full, or there is none. */
int addon_batch_next(const struct seat *seat);
void addon_batch_put(struct seat *seat, wsm_receipt *receipt);
void addon_batch_unref(struct batch *batch);

#endif
