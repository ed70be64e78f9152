/*
 * routes.h - what a runtime says, distributed among the places at it.
 *
 * Any thread. Locks, in the order in which they are taken: the sort lock (what the runtime has said is being distributed); the
 * bell lock (the places are being rung). The runtime thread takes the last one only.
 */
#ifndef WSM_NODE_ROUTES_H
#define WSM_NODE_ROUTES_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "ws_manager.h"

struct routes;

struct item { /* an event for one place */
	struct item *next;
	wsm_event *event;
	atomic_uint *shared; /* how many places still have it; NULL: this one only */
};

/* Of somebody who hears the runtime; a seat begins with one. */
struct place {
	struct place *next;                /* under both locks */
	void (*ring)(struct place *place); /* there may be something to sort and to take; under the bell lock */
	uint64_t id;                       /* never used again in this process */
	unsigned want;                     /* WSM_WANT_…; under the sort lock, as the rest */
	struct item *first, **last;
	size_t waiting; /* how many of them, as max_events counts */
};

/* Where the host finds the watcher of a receipt: wsm_receipt_data(). Freed by who takes the event. */
struct watch {
	uint64_t place;
	uint32_t token;
};

/* NULL when out of memory. The runtime outlives it. */
struct routes *addon_routes_new(wsm_runtime *runtime, size_t max_waiting);
void addon_routes_free(struct routes *routes);
/* `id` and `ring` are set. */
void addon_routes_enter(struct routes *routes, struct place *place);
/* Frees what lies there; nobody rings it any more. */
void addon_routes_leave(struct routes *routes, struct place *place);
/* Rings every place. */
void addon_routes_ring(struct routes *routes);

int addon_routes_want(struct routes *routes, struct place *place, unsigned mask);
int addon_routes_command_add(struct routes *routes, struct place *place, wsm_slice action, wsm_error *error);
int addon_routes_command_remove(struct routes *routes, struct place *place, wsm_slice action);
/* wsm_adopt(), whose WSM_EVENT_CLOSED then comes to this place. */
int addon_routes_adopt(struct routes *routes, struct place *place, int fd, wsm_slice request,
                       const wsm_admission *admission, uint64_t *conn, wsm_error *error);

/* Distributes what the runtime has said. */
void addon_routes_sort(struct routes *routes);
/* The oldest event of this place, to be freed; NULL when there is none. */
struct item *addon_routes_take(struct routes *routes, struct place *place);
void addon_item_free(struct item *item);

#endif
