#include "host/log.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/slice.h"
#include "base/visible.h"
#include "host/events.h"
#include "host/handle.h"

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
