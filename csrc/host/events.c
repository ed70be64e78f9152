/* The event queue: runtime thread -> host. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/visible.h"
#include "host/checks.h"

#define EVENT_UNIT 1024u /* bytes of one that count as a further one */

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
	free(from_public(event));
}

bool wsm__event_post(wsm_runtime *runtime, struct wsm__event *event, bool force)
{
	size_t units;

	if (!event)
		return false;
	/* Not by number alone: a few thousand events may be as many megabytes. */
	units = 1 + (event->event.text.len + event->event.data.len + event->event.id.len) / EVENT_UNIT;
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

void wsm__log(wsm_runtime *runtime, wsm_level level, const char *format, ...)
{
	char line[1024];
	struct wsm__buffer text;
	struct wsm__event *event;
	va_list args;

	if (!(atomic_load_explicit(&runtime->want, memory_order_relaxed) & WSM_WANT_LOG))
		return;
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	wsm__buffer_init(&text);
	wsm__buffer_add_visible(&text, wsm__str(line));
	event = text.failed ? NULL
	                    : wsm__event_new(WSM_EVENT_LOG, wsm__slice(text.data, text.len), wsm__str(NULL),
	                                     wsm__str(NULL));
	wsm__buffer_fini(&text);
	if (!event)
		return;
	event->event.level = level;
	wsm__event_post(runtime, event, false);
}

int wsm_want(wsm_runtime *runtime, unsigned mask)
{
	int status = wsm__runtime_check_fork(runtime, NULL);

	if (status)
		return status;
	atomic_store(&runtime->want, mask);
	wsm__checks_add(runtime, wsm__checks_of_handlers(mask));
	return WSM_OK;
}

int wsm_set_wake(wsm_runtime *runtime, wsm_wake_fn wake, void *user_data)
{
	if (wsm__runtime_check_fork(runtime, NULL))
		return WSM_EFORKED;
	if (atomic_load(&runtime->running))
		return WSM_EINVAL;
	runtime->wake = wake;
	runtime->wake_data = user_data;
	return WSM_OK;
}
