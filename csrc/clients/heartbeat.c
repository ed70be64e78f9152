/*
 * Heartbeats and time-outs, spread over the interval: connections stand in the slots of a wheel, and each turn looks at one
 * slot, so that ten thousand of them never ping at once.
 */
#include "clients/heartbeat.h"

#include <string.h>

#include "clients/carrier.h"
#include "clients/conn.h"
#include "clients/token.h"
#include "core/control.h"
#include "policy/config.h"

/* Cuts off closing clients: some do not read the Close frame, and others do not answer it in time. */
static void cut_off(struct wsm__core *core)
{
	struct wsm__conn *conn, *next;

	DL_FOREACH_SAFE2(core->closing, conn, next, wheel_next)
	{
		if (conn->close_by_ms > core->now_ms)
			return;
		if (conn->carrier && conn->carrier->cut_off)
			conn->carrier->cut_off(conn);
	}
}

uint64_t wsm__wheel_period_ms(const struct wsm__core *core)
{
	const struct wsm_config *config = core->config;
	double shortest = config->heartbeat_interval < config->timeout ? config->heartbeat_interval : config->timeout;

	/* A whole turn of the wheel takes an eighth of the shorter of the two: that is how late a time-out may be. */
	double period = shortest * 1000 / 8 / WSM__WHEEL_SLOTS;

	/* The time-outs of handlers and closing clients are checked in the same period. */
	return period < 1 ? 1 : period > 250 ? 250 : (uint64_t)period;
}

/* Connections of the same kind share one message per turn; those of raw endpoints, "", a bare ping. */
struct beat {
	const char *type;
	struct wsm__pub *pub;
};
#define BEATS_MAX 8

static struct wsm__pub *beat_new(struct wsm__core *core, const char *type)
{
	struct wsm__pub *ping;

	if (*type)
		return wsm__control_pub(core, wsm__str(type), wsm__str(NULL), wsm__str(NULL), true);
	ping = wsm__pub_new(WSM__PING, wsm__slice(NULL, 0), false);
	if (ping)
		ping->control = true;
	return ping;
}

static struct wsm__pub *beat_for(struct wsm__core *core, struct beat beats[BEATS_MAX], const char *type)
{
	for (unsigned i = 0; i < BEATS_MAX; i++) {
		if (beats[i].pub && !strcmp(beats[i].type, type))
			return wsm__pub_ref(beats[i].pub);
		if (beats[i].pub)
			continue;
		beats[i].type = type;
		beats[i].pub = beat_new(core, type);
		return beats[i].pub ? wsm__pub_ref(beats[i].pub) : NULL;
	}
	return beat_new(core, type);
}

static void look_at(struct wsm__conn *conn, uint64_t unix_ms, struct beat beats[BEATS_MAX])
{
	struct wsm__core *core = conn->core;
	struct wsm__pub *pub;

	if (conn->state != WSM__CONN_OPEN || conn->echo)
		return;
	if (!conn->carrier->hosted && core->now_ms - conn->last_heard_ms > (uint64_t)(core->config->timeout * 1000)) {
		core->counters.timeouts++;
		wsm__conn_close(conn, 4408, "nothing was heard from the client within the timeout");
		return;
	}
	if (conn->grant && wsm__token_watch(conn, unix_ms))
		return;
	if (core->now_ms < conn->next_beat_ms)
		return;
	conn->next_beat_ms += (uint64_t)(core->config->heartbeat_interval * 1000);
	if (conn->next_beat_ms <= core->now_ms) /* the process was stopped for a while */
		conn->next_beat_ms = core->now_ms + (uint64_t)(core->config->heartbeat_interval * 1000);
	/* Enough waits for it already; or the host's server pings it. */
	if (conn->choked || (conn->carrier->hosted && conn->sub.raw))
		return;
	pub = beat_for(core, beats, conn->sub.raw ? "" : conn->heartbeat);
	if (!pub)
		return;
	wsm__sub_push(&core->registry, &conn->sub, pub);
	wsm__pub_unref(pub);
}

/*
 * Forgives time in which this thread did not run (the process was stopped, the machine suspended): messages of that time wait in the
 * sockets, which are read after the timers.
 */
static void forgive(struct wsm__core *core)
{
	uint64_t missed = core->now_ms - core->turned_ms, timeout = (uint64_t)(core->config->timeout * 1000);
	bool first = core->turned_ms == 0;
	struct wsm__conn *conn;

	core->turned_ms = core->now_ms;
	if (first || missed <= timeout / 8 + wsm__wheel_period_ms(core))
		return;
	for (unsigned i = 0; i < WSM__WHEEL_SLOTS; i++) {
		DL_FOREACH2(core->wheel[i], conn, wheel_next)
		{
			conn->last_heard_ms += missed;
			if (conn->last_heard_ms > core->now_ms) /* it has been read already */
				conn->last_heard_ms = core->now_ms;
		}
	}
	DL_FOREACH2(core->closing, conn, wheel_next)
	{
		conn->close_by_ms += missed;
	}
}

void wsm__wheel_turn(struct wsm__core *core)
{
	struct beat beats[BEATS_MAX] = { { NULL, NULL } };
	struct wsm__conn *conn, *next;
	uint64_t unix_ms = wsm__unix_ms();

	forgive(core);
	cut_off(core);
	core->wheel_at = (core->wheel_at + 1) % WSM__WHEEL_SLOTS;
	DL_FOREACH_SAFE2(core->wheel[core->wheel_at], conn, next, wheel_next)
	{
		look_at(conn, unix_ms, beats);
	}
	for (unsigned i = 0; i < BEATS_MAX; i++)
		wsm__pub_unref(beats[i].pub);
}
