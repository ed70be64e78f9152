/*
 * seat.h - what is behind a JavaScript object Runtime: a place of one environment at one hub; and how its methods find it.
 *
 * The thread of the environment only.
 */
#ifndef WSM_NODE_SEAT_H
#define WSM_NODE_SEAT_H

#include <node_api.h>
#include <stdbool.h>
#include <stddef.h>

#include "routes.h"
#include "ws_manager.h"

struct batch;
struct env;
struct hub;

struct seat {
	struct place place;           /* first */
	struct env *env;              /* NULL once it has left */
	struct hub *hub;              /* likewise */
	struct seat *next;            /* of the same env */
	napi_ref object;              /* the Runtime; strong while the runtime runs */
	bool strong;                  /* whether it is */
	unsigned busy;                /* calls of JavaScript that it must survive */
	const wsm_conn_info *present; /* of the event that is being handled */
	struct batch *batch;          /* receipts of the next publications; see receipt.c */
};

/* A seat at the hub of that name: addon_hub_join(). NULL with `error`. */
struct seat *addon_seat_new(struct env *env, const char *name, const char *fingerprint, const wsm_config *config,
                            wsm_error *error);
/* Leaves the hub. The seat's memory is its JavaScript object's. */
void addon_seat_leave(struct seat *seat);
/* Takes one that has left from its env's list; leave() does it where no call of JavaScript holds the seat. */
void addon_seat_unlink(struct seat *seat);
/* The end of an environment: all its seats leave. */
void addon_seats_end(struct env *env);

wsm_runtime *addon_seat_runtime(const struct seat *seat);
struct routes *addon_seat_routes(const struct seat *seat);

/* A method of Runtime, which runtime.c lists. */
#define METHOD(name) napi_value addon_##name(napi_env env, napi_callback_info info)
/*
 * The receiver and the arguments (undefined where there are fewer). V8 has checked that the receiver is a Runtime. NULL with an
 * exception, also if it has left its hub.
 */
struct seat *addon_seat(napi_env env, napi_callback_info info, size_t n, napi_value *args);

#endif
