/* events.h - the event queue, from the runtime to the host. */
#ifndef WSM_HOST_EVENTS_H
#define WSM_HOST_EVENTS_H

#include "base/queue.h"
#include "ws_manager.h"

struct wsm__event {
	struct wsm__node node;
	wsm_event event;
	wsm_text answer; /* to a question; `data` points into it */
};

/* Makes an event with copies of the texts, all else zero; NULL when out of memory. */
struct wsm__event *wsm__event_new(wsm_event_kind kind, wsm_slice text, wsm_slice data, wsm_slice id);
/* Queues an event and wakes the host. `force`: ignores max_events. Returns false if it has dropped the event (freed, counted). */
bool wsm__event_post(wsm_runtime *runtime, struct wsm__event *event, bool force);
/* Frees the events that the host has not taken. */
void wsm__events_discard(wsm_runtime *runtime);

#endif
