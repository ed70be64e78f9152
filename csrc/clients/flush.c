/*
 * Writes to the connections on the dirty lists, by their carriers. In slices, so that a room of 100,000 does not delay reads and
 * timers.
 */
#include "clients/flush.h"

#include "clients/carrier.h"
#include "clients/conn.h"
#include "clients/frames.h"
#include "rooms/catchup.h"

#define SLICE_US 3000u  /* for one turn of the loop */
#define CLOCK_EVERY 16u /* writes between two looks at the clock */

/* Returns whether messages must go out before the Close frame. */
static bool has_unsent(const struct wsm__conn *conn)
{
	if (conn->sub.overflow) /* it does not read: see cut_off() in heartbeat.c */
		return false;
	return conn->sub.outbox.count || (conn->core->stopping && wsm__sub_lags(&conn->sub));
}

static void flush_conn(struct wsm__conn *conn)
{
	struct wsm__core *core = conn->core;

	if (conn->sub.overflow && conn->state != WSM__CONN_CLOSING) {
		core->counters.slow_consumers++;
		wsm__conn_close(conn, 4413, "the client fell behind by more than max_queue");
	}
	if (!conn->carrier || !conn->carrier->write(conn))
		return;
	if (wsm__sub_lags(&conn->sub)) /* as far as there is space: a slow client's outbox may never be empty */
		wsm__refill(&core->registry, &conn->sub, core->now_ms);
	if (conn->sub.outbox.count && !conn->choked)
		wsm__mark_dirty(&core->registry, &conn->sub, false); /* its share of this turn is used up */
	else
		wsm__outbox_shrink(&conn->sub.outbox);
	if (conn->state == WSM__CONN_CLOSING && !conn->choked && !has_unsent(conn))
		conn->carrier->close(conn);
}

bool wsm__flush(struct wsm__core *core)
{
	struct wsm__registry *registry = &core->registry;
	uint64_t until = wsm__mono_us() + SLICE_US;
	unsigned writes = 0;

	while (registry->urgent || registry->dirty) {
		struct wsm__sub *sub = registry->urgent ? registry->urgent : registry->dirty;

		wsm__unmark_dirty(registry, sub);
		flush_conn(wsm__conn_of(sub));
		if (++writes % CLOCK_EVERY == 0 && wsm__mono_us() > until)
			break;
	}
	wsm__frames_forget(core);
	return registry->urgent || registry->dirty;
}
