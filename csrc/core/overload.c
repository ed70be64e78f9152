#include "core/overload.h"

#include "core/core.h"
#include "host/log.h"
#include "host/queue.h"
#include "policy/config.h"

#define CALM_MS 1000u /* without a drop before it closes */

void wsm__overload_init(struct wsm__core *core)
{
	for (unsigned rank = 0; rank < WSM__RANKS; rank++)
		core->overload.seen[rank] = wsm__post_dropped(core->runtime, rank);
}

void wsm__overload_look(struct wsm__core *core)
{
	struct wsm__overload *overload = &core->overload;
	bool news = false;

	for (unsigned rank = 0; rank < WSM__RANKS; rank++) {
		uint64_t now = wsm__post_dropped(core->runtime, rank);

		news |= now != overload->seen[rank];
		if (!overload->open)
			overload->before[rank] = overload->seen[rank];
		overload->seen[rank] = now;
	}
	if (!news)
		return;
	overload->dropped_ms = core->now_ms;
	if (overload->open)
		return;
	overload->open = true;
	overload->opened_ms = core->now_ms;
	overload->since_unix_ms = wsm__unix_ms();
	wsm__log(core->runtime, WSM_WARNING,
	         "the application publishes faster than messages can be sent: the command queue is full (option "
	         "max_pending, %llu bytes) and drops the oldest publications, those of low priority first; publish "
	         "less, or raise max_pending for short bursts",
	         (unsigned long long)core->config->max_pending);
}

void wsm__overload_calm(struct wsm__core *core)
{
	struct wsm__overload *overload = &core->overload;
	unsigned long long by[WSM__RANKS];

	wsm__overload_look(core);
	if (!overload->open || core->now_ms - overload->dropped_ms < CALM_MS ||
	    wsm__queue_bytes(&core->runtime->commands) > core->config->max_pending / 2)
		return;
	for (unsigned rank = 0; rank < WSM__RANKS; rank++)
		by[rank] = overload->seen[rank] - overload->before[rank];
	overload->open = false;
	overload->since_unix_ms = wsm__unix_ms();
	wsm__log(core->runtime, WSM_WARNING,
	         "the command queue has room again: in %.1f s, %llu publications of low priority, %llu normal and %llu "
	         "critical "
	         "ones and %llu other commands were dropped",
	         (double)(overload->dropped_ms - overload->opened_ms) / 1000, by[WSM_LOW], by[WSM_NORMAL],
	         by[WSM_CRITICAL], by[0]);
}

void wsm__overload_describe(struct wsm__core *core, struct wsm__buffer *out)
{
	const struct wsm__overload *overload = &core->overload;
	char since[WSM__TIMESTAMP_LEN + 1];

	wsm__buffer_addf(out, ",\"overload\":{\"state\":\"%s\",\"since\":", overload->open ? "open" : "closed");
	wsm__timestamp(overload->since_unix_ms, since);
	if (overload->since_unix_ms)
		wsm__buffer_addf(out, "\"%s\"", since);
	else
		wsm__buffer_add_str(out, "null");
	wsm__buffer_addf(out, ",\"dropped\":{\"low\":%llu,\"normal\":%llu,\"critical\":%llu},\"pending_bytes\":%zu}",
	                 (unsigned long long)wsm__post_dropped(core->runtime, WSM_LOW),
	                 (unsigned long long)wsm__post_dropped(core->runtime, WSM_NORMAL),
	                 (unsigned long long)wsm__post_dropped(core->runtime, WSM_CRITICAL),
	                 wsm__queue_bytes(&core->runtime->commands));
}
