/* The event queue: runtime thread -> host. */
#include "host/events.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "host/handle.h"

#define EVENT_UNIT 1024u /* bytes of an event that count as another event */

struct wsm__event *wsm__event_new(wsm_event_kind kind, wsm_slice text, wsm_slice data, wsm_slice id)
{
	struct wsm__event *event = malloc(sizeof(*event) + text.len + data.len + id.len + 3);
	struct wsm__arena arena;

	if (!event)
		return NULL;
	memset(event, 0, sizeof(*event));
	arena.at = (char *)(event + 1);
	event->event.kind = kind;
	event->event.text = wsm__arena_copy(&arena, text);
	event->event.data = wsm__arena_copy(&arena, data);
	event->event.id = wsm__arena_copy(&arena, id);
	return event;
}

static struct wsm__event *from_public(wsm_event *event)
{
	return (struct wsm__event *)(void *)((char *)event - offsetof(struct wsm__event, event));
}

void wsm_event_free(wsm_event *event)
{
	if (!event)
		return;
	wsm_conn_info_unref(event->info);
	if (event->receipt)
		wsm_receipt_unref(event->receipt);
	wsm_text_free(&from_public(event)->answer);
	free(from_public(event));
}

bool wsm__event_post(wsm_runtime *runtime, struct wsm__event *event, bool force)
{
	size_t units;

	if (!event)
		return false;
	/* Count bytes, too: a few thousand events may be as many megabytes. Answers have WSM_QUESTIONS_MAX. */
	units = 1;
	if (event->event.kind != WSM_EVENT_ANSWER)
		units += (event->event.text.len + event->event.data.len + event->event.id.len) / EVENT_UNIT;
	switch (wsm__queue_add(&runtime->events, &event->node, units, force)) {
	case WSM__QUEUED_FIRST:
		if (runtime->wake)
			runtime->wake(runtime->wake_data);
		return true;
	case WSM__QUEUED:
		return true;
	default:
		atomic_fetch_add_explicit(&runtime->events_dropped, 1, memory_order_relaxed);
		wsm_event_free(&event->event);
		return false;
	}
}

wsm_event *wsm_events_take(wsm_runtime *runtime)
{
	struct wsm__node *node = runtime->pid == getpid() ? wsm__queue_take(&runtime->events) : NULL;
	wsm_event *first = NULL, **tail = &first;

	for (; node; node = node->next) {
		struct wsm__event *event = (struct wsm__event *)(void *)node;

		if (event->event.kind == WSM_EVENT_ANSWER)
			atomic_fetch_sub_explicit(&runtime->questions, 1, memory_order_relaxed);
		*tail = &event->event;
		tail = &event->event.next;
	}
	*tail = NULL;
	return first;
}

void wsm__events_discard(wsm_runtime *runtime)
{
	wsm_event *event = wsm_events_take(runtime);

	while (event) {
		wsm_event *next = event->next;

		wsm_event_free(event);
		event = next;
	}
}
