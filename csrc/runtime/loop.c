#include "runtime/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "admin/admin.h"
#include "admin/state.h"
#include "base/error.h"
#include "clients/client.h"
#include "clients/conn.h"
#include "clients/drain.h"
#include "clients/flush.h"
#include "clients/grant.h"
#include "clients/heartbeat.h"
#include "clients/kept.h"
#include "clients/peers.h"
#include "clients/presence.h"
#include "clients/revoke.h"
#include "clients/sticky.h"
#include "clients/users.h"
#include "clients/words.h"
#include "core/overload.h"
#include "core/publish.h"
#include "host/checks.h"
#include "host/log.h"
#include "host/report.h"
#include "host/route.h"
#include "rooms/room.h"
#include "runtime/dispatch.h"
#include "runtime/room_rules.h"
#include "sockets/http.h"
#include "sockets/listen.h"
#include "sockets/server.h"
#include "sockets/session.h"

#define STOP_TURNS 4   /* of the loop that a Close frame needs to get out, also on a busy machine and at deadline 0 */
#define STOP_TICK_MS 5 /* how often a stopping core looks whether everyone has gone */
/* That a log has for what was published before a stop: half of its deadline, within these. */
#define SETTLE_MIN_MS 200u
#define SETTLE_MAX_MS 2000u
#define SWEEP_MS 1000 /* history, throttle keys, questions */

static void on_wake(uv_async_t *async)
{
	struct wsm__core *core = async->data;

	wsm__core_now(core);
	wsm__commands_run(core);
}

/* While there is something to write, the loop must not sleep; the flush itself is in on_prepare. */
static void on_idle(uv_idle_t *idle)
{
	(void)idle;
}

static void on_prepare(uv_prepare_t *prepare)
{
	struct wsm__core *core = prepare->data;
	bool more;

	wsm__core_now(core);
	if (core->parked && !core->destroying)
		wsm__commands_unpark(core);
	core->stop_turns += core->stopping;
	wsm__sessions_resume(core);
	more = wsm__flush(core);
	if (!more)
		core->burst = 0;
	if (core->commands) /* they have waited for this */
		more = wsm__commands_run(core) || more;
	wsm__sessions_reap(core);
	if (core->now_ms >= core->admin_due_ms) /* here, what waits is what sockets do not take */
		wsm__admin_tick(core);
	if (core->registry.deliveries.changed)
		wsm__reports_tell(&core->registry.deliveries);
	/* What they published is written in the next turn, at once. */
	more = more || core->registry.dirty || core->registry.urgent || core->deferred || core->deferred_again;
	if (more && !core->destroying)
		uv_idle_start(&core->idle, on_idle);
	else
		uv_idle_stop(&core->idle);
}

static void on_handle_closed(uv_handle_t *handle)
{
	struct wsm__core *core = handle->data;

	core->open_handles--;
}

static void close_handle(struct wsm__core *core, uv_handle_t *handle)
{
	(void)core;
	if (!uv_is_closing(handle))
		uv_close(handle, on_handle_closed);
}

void wsm__loop_end(struct wsm__core *core)
{
	if (core->destroying)
		return;
	core->destroying = true;
	wsm__queue_close(&core->runtime->commands, true);
	pthread_mutex_lock(&core->runtime->wake_lock);
	core->runtime->bell = NULL;
	pthread_mutex_unlock(&core->runtime->wake_lock);
	wsm__listen_close(core);
	close_handle(core, (uv_handle_t *)&core->wake);
	close_handle(core, (uv_handle_t *)&core->tick);
	close_handle(core, (uv_handle_t *)&core->throttle_timer);
	close_handle(core, (uv_handle_t *)&core->drain->timer);
	close_handle(core, (uv_handle_t *)&core->prepare);
	close_handle(core, (uv_handle_t *)&core->idle);
	if (core->log.rings)
		close_handle(core, (uv_handle_t *)&core->log.wake);
	wsm__server_close(core);
}

static void sweep(struct wsm__core *core)
{
	if (core->now_ms - core->swept_ms < SWEEP_MS)
		return;
	core->swept_ms = core->now_ms;
	wsm__registry_expire(&core->registry, core->now_ms);
	wsm__throttle_sweep(&core->throttle, core->now_us);
	wsm__once_sweep(&core->once, core->now_ms);
	wsm__log_review(&core->log);
	wsm__overload_calm(core);
	wsm__replay_sweep(core);
	wsm__peers_sweep(core);
	wsm__revoke_sweep(core);
	wsm__kept_sweep(core);
	if (core->accept_paused)
		wsm__listen_resume(core);
}

static void on_tick(uv_timer_t *timer)
{
	struct wsm__core *core = timer->data;

	wsm__core_now(core);
	wsm__tickets_expire(core);
	wsm__sessions_expire(core);
	if (core->stopping) {
		if (!core->n_conns || (core->now_ms >= core->stop_at_ms && core->stop_turns >= STOP_TURNS))
			wsm__loop_end(core);
		else
			wsm__wheel_turn(core);
		return;
	}
	wsm__wheel_turn(core);
	wsm__presence_turn(core);
	sweep(core);
}

/* How long the waves may take, so that who was closed last still has the time to answer. */
static uint64_t drain_within_ms(const struct wsm__core *core, unsigned deadline_ms)
{
	uint64_t answer_ms = (uint64_t)(core->config->close_timeout * 1000);
	uint64_t half = deadline_ms / 2;

	return deadline_ms > answer_ms + half ? deadline_ms - answer_ms : half;
}

static void stop(struct wsm__core *core, unsigned deadline_ms)
{
	uint64_t within_ms = drain_within_ms(core, deadline_ms), stop_at_ms;
	unsigned settle_ms;

	wsm__core_now(core); /* the command may have come long after the loop last looked */
	stop_at_ms = core->now_ms + deadline_ms;
	if (!core->stopping || stop_at_ms < core->stop_at_ms)
		core->stop_at_ms = stop_at_ms;
	core->stop_turns = 0;
	if (!core->stopping) {
		core->stopping = true;
		wsm__listen_close(core);
		wsm__http_stop(core);
		core->now_us = UINT64_MAX; /* what max_rate holds back is due now */
		wsm__publish_due(core);
		wsm__core_now(core);
	}
	settle_ms = deadline_ms / 2 < SETTLE_MIN_MS ? SETTLE_MIN_MS : deadline_ms / 2;
	wsm__log_settle(&core->log, settle_ms > SETTLE_MAX_MS ? SETTLE_MAX_MS : settle_ms);
	wsm__commands_unpark(core);
	wsm__drain_all(core, within_ms);
	uv_timer_start(&core->tick, on_tick, core->n_conns ? STOP_TICK_MS : 0, STOP_TICK_MS);
}

static int init_loop(struct wsm__core *core)
{
	uint64_t period;

	if (uv_loop_init(&core->loop))
		return WSM_ESYSTEM;
	core->wake.data = core->tick.data = core->throttle_timer.data = core->prepare.data = core->idle.data = core;
	if (uv_async_init(&core->loop, &core->wake, on_wake)) {
		uv_loop_close(&core->loop);
		return WSM_ESYSTEM;
	}
	uv_timer_init(&core->loop, &core->tick);
	uv_timer_init(&core->loop, &core->throttle_timer);
	uv_prepare_init(&core->loop, &core->prepare);
	uv_idle_init(&core->loop, &core->idle);
	wsm__drain_start(core);
	core->open_handles = 6;
	period = wsm__wheel_period_ms(core);
	uv_timer_start(&core->tick, on_tick, period, period);
	uv_prepare_start(&core->prepare, on_prepare);
	return WSM_OK;
}

/* What can fail before there is a loop, which would have to be ended. */
static int init_handles(struct wsm__core *core)
{
	int status = WSM_ENOMEM;

	wsm__core_now(core);
	if (!wsm__drain_init(core) && !wsm__peers_init(core))
		status = init_loop(core);
	if (!status)
		return WSM_OK;
	wsm__peers_fini(core);
	wsm__drain_fini(core);
	return status;
}

void wsm__loop_fini(struct wsm__core *core)
{
	static const wsm_delivery stopped = { .status = WSM_ENOTRUNNING };
	struct wsm__publish *held;

	uv_run(&core->loop, UV_RUN_DEFAULT); /* the closing of handles */
	wsm__kept_write(core);
	wsm__log_end(&core->log);
	wsm__kept_fini(core);
	wsm__server_fini(core);
	while ((held = wsm__throttle_due(&core->throttle, UINT64_MAX)) != NULL)
		wsm__publish_free(held, &stopped);
	wsm__throttle_fini(&core->throttle, NULL, NULL);
	wsm__once_fini(&core->once);
	while (core->by_number) /* bridges that outlived the deadline */
		wsm__conn_gone(core->by_number);
	wsm__drain_fini(core);
	wsm__tickets_fini(core);
	wsm__sticky_fini(core);
	wsm__replay_fini(core);
	wsm__words_fini(core);
	free(core->conns);
	wsm__admin_fini(core);
	wsm__users_fini(core);
	wsm__peers_fini(core);
	wsm__registry_fini(&core->registry);
	wsm__reports_tell(&core->registry.deliveries);
	wsm__commands_end(core);
	wsm__buffer_fini(&core->text);
	wsm__buffer_fini(&core->stats);
	uv_loop_close(&core->loop);
	free(core);
}

/* Everything that runs in the thread before it can take commands. */
int wsm__loop_open(struct wsm__core *core, wsm_error *error)
{
	int status = init_handles(core);

	if (status) {
		wsm__fail(error, status, "the event loop could not be made: %s", strerror(errno));
		return status;
	}
	wsm__buffer_init(&core->text);
	wsm__buffer_init(&core->stats);
	wsm__core_now(core);
	core->swept_ms = core->now_ms;
	core->started_unix_ms = wsm__unix_ms();
	wsm__rooms_init(core);
	wsm__overload_init(core);
	wsm__commands_init(core);
	core->stop = stop;
	core->take_early = wsm__client_early;
	core->rest = &wsm__admin_rows;
	core->find_client = wsm__conn_find_client;
	status = wsm__log_begin(&core->log, error);
	core->log.wake.data = core;
	core->open_handles += core->log.rings;
	if (!status && wsm__kept_begin(core))
		status = wsm__fail(error, WSM_ENOMEM, "out of memory");
	if (!status)
		status = wsm__server_open(core, error);
	if (!status)
		status = wsm__listen_open(core, error);
	if (!status)
		wsm__checks_tell(core->runtime);
	if (!status && core->config->test_echo_path[0])
		wsm__log(core->runtime, WSM_WARNING,
		         "%s echoes every message without authentication or limits (test_echo_path): for tests only",
		         core->config->test_echo_path);
	return status;
}
