/* events.h - the event queue: what the runtime thread tells the host. */
#ifndef WSM_HOST_EVENTS_H
#define WSM_HOST_EVENTS_H

#include "base/queue.h"
#include "ws_manager.h"

struct wsm__event {
	struct wsm__node node;
	wsm_event event;
};

/* A zeroed event with copies of the texts; NULL when out of memory. */
struct wsm__event *wsm__event_new(wsm_event_kind kind, wsm_slice text, wsm_slice data, wsm_slice id);
/* Queues it and wakes the host. `force`: not subject to max_events. False if it was dropped (freed and counted). */
bool wsm__event_post(wsm_runtime *runtime, struct wsm__event *event, bool force);
/* Frees what nobody took. */
void wsm__events_discard(wsm_runtime *runtime);

#endif
