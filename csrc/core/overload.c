#include "core/overload.h"

#include "base/clock.h"
#include "core/core.h"
#include "policy/config.h"

#define CALM_MS 1000u /* without a drop, then it closes */

static uint64_t dropped(const wsm_runtime *runtime, unsigned rank)
{
	return atomic_load_explicit(&runtime->overloaded[rank], memory_order_relaxed);
}

void wsm__overload_count(wsm_runtime *runtime, unsigned rank)
{
	atomic_fetch_add_explicit(&runtime->overloaded[rank], 1, memory_order_relaxed);
}

uint64_t wsm__overload_sum(const wsm_runtime *runtime)
{
	uint64_t sum = 0;

	for (unsigned rank = 0; rank < WSM__RANKS; rank++)
		sum += dropped(runtime, rank);
	return sum;
}

void wsm__overload_init(struct wsm__core *core)
{
	for (unsigned rank = 0; rank < WSM__RANKS; rank++)
		core->overload.seen[rank] = dropped(core->runtime, rank);
}

void wsm__overload_look(struct wsm__core *core)
{
	struct wsm__overload *overload = &core->overload;
	bool news = false;

	for (unsigned rank = 0; rank < WSM__RANKS; rank++) {
		uint64_t now = dropped(core->runtime, rank);

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
	         "the application publishes faster than messages can be sent: the command queue holds max_pending "
	         "(%llu bytes), and "
	         "the oldest publications of low priority are dropped first, then normal ones",
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
	                 (unsigned long long)dropped(core->runtime, WSM_LOW),
	                 (unsigned long long)dropped(core->runtime, WSM_NORMAL),
	                 (unsigned long long)dropped(core->runtime, WSM_CRITICAL),
	                 wsm__queue_bytes(&core->runtime->commands));
}
