/* The thread: its start, its loop, its end. */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "admin/admin.h"
#include "base/clock.h"
#include "base/error.h"
#include "clients/conn.h"
#include "clients/presence.h"
#include "core/overload.h"
#include "core/publish.h"
#include "events/catalogue.h"
#include "host/calls.h"
#include "host/checks.h"
#include "host/token.h"
#include "policy/misspelt.h"
#include "rooms/room.h"
#include "sockets/server.h"
#include "sockets/session.h"
#include "sockets/tls.h"

#define STOP_TURNS 4   /* of the loop that a Close frame needs to get out, also on a busy machine and at deadline 0 */
#define STOP_TICK_MS 5 /* how often a stopping core looks whether everyone has gone */
#define SWEEP_MS 1000  /* history, throttle keys, questions */
#define JOIN_GRACE_SECS 2 /* beyond the deadline of stop */

/* ---- the handle ------------------------------------------------------------------------------------------------- */

static void init_ended(wsm_runtime *runtime)
{
	pthread_condattr_t attr;

	pthread_mutex_init(&runtime->ended_lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&runtime->ended_signal, &attr);
	pthread_condattr_destroy(&attr);
}

wsm_runtime *wsm_runtime_new(const wsm_config *config, wsm_error *error)
{
	wsm_runtime *runtime;
	struct rlimit limit;

	if (wsm__config_check(config, error))
		return NULL;
	runtime = calloc(1, sizeof(*runtime));
	if (!runtime)
		goto no_memory;
	runtime->pid = getpid();
	pthread_mutex_init(&runtime->lifecycle, NULL);
	pthread_mutex_init(&runtime->wake_lock, NULL);
	pthread_mutex_init(&runtime->actions_lock, NULL);
	init_ended(runtime);
	wsm__rules_init(&runtime->rules);
	wsm__revoke_init(runtime, config);
	atomic_init(&runtime->next_conn, 1);
	runtime->n_fds = getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur > 1u << 20 ? 1u << 20 : limit.rlim_cur;
	runtime->fds = calloc(runtime->n_fds, 1);
	runtime->told = calloc(wsm__event_types, sizeof *runtime->told);
	runtime->config = wsm__config_copy(config);
	if (!runtime->config || !runtime->fds || !runtime->told || wsm__endpoints_init(&runtime->endpoints))
		goto no_memory;
	if (wsm__queue_init(&runtime->commands, runtime->config->max_pending) ||
	    wsm__queue_init(&runtime->events, runtime->config->max_events))
		goto no_memory;
	wsm__queue_close(&runtime->commands, true);
	if (!wsm__echo_init(runtime, error) && !wsm__token_init(runtime, error) && !wsm__tls_init(runtime, error))
		return runtime;
	wsm_runtime_free(runtime);
	return NULL;
no_memory:
	if (runtime) {
		wsm_config_free(runtime->config);
		free((void *)runtime->fds);
		free((void *)runtime->told);
		free(runtime);
	}
	wsm__fail(error, WSM_ENOMEM, "out of memory");
	return NULL;
}

/* A child of fork(): nothing of the parent's can be used, but its sockets must not stay open here. */
static void abandon(wsm_runtime *runtime)
{
	for (size_t fd = 0; fd < runtime->n_fds; fd++)
		if (atomic_load(&runtime->fds[fd]))
			close((int)fd);
	/* Memory and locks are left as they are: another thread may have been inside them. */
}

void wsm_runtime_free(wsm_runtime *runtime)
{
	if (!runtime)
		return;
	if (runtime->pid != getpid()) {
		abandon(runtime);
		return;
	}
	wsm_runtime_stop(runtime, 0);
	if (runtime->has_thread) /* it did not end in time: what it uses stays */
		return;
	wsm__events_discard(runtime);
	wsm__queue_fini(&runtime->commands);
	wsm__queue_fini(&runtime->events);
	wsm__endpoints_fini(&runtime->endpoints);
	wsm__rules_fini(&runtime->rules);
	wsm__revocations_fini(&runtime->revocations);
	free(atomic_load(&runtime->checked));
	while (runtime->actions)
		wsm_command_remove(runtime, wsm__str(runtime->actions->text));
	pthread_mutex_destroy(&runtime->lifecycle);
	pthread_mutex_destroy(&runtime->wake_lock);
	pthread_mutex_destroy(&runtime->actions_lock);
	pthread_cond_destroy(&runtime->ended_signal);
	pthread_mutex_destroy(&runtime->ended_lock);
	wsm__tls_fini(runtime);
	wsm__jwt_free(runtime->jwt);
	wsm_config_free(runtime->config);
	free((void *)runtime->fds);
	free((void *)runtime->told);
	free(runtime);
}

const char *wsm_runtime_option(const wsm_runtime *runtime, const char *name)
{
	return wsm_config_get(runtime->config, name);
}

bool wsm_runtime_running(const wsm_runtime *runtime)
{
	return runtime->pid == getpid() && atomic_load(&runtime->running);
}

unsigned wsm_runtime_port(const wsm_runtime *runtime)
{
	return wsm__runtime_check_fork(runtime, NULL) ? 0 : atomic_load(&runtime->port);
}

int wsm__runtime_check_fork(const wsm_runtime *runtime, wsm_error *error)
{
	if (runtime->pid != getpid())
		return wsm__fail(error, WSM_EFORKED,
		                 "the runtime belongs to the parent process; make a new one after fork()");
	return WSM_OK;
}

int wsm__runtime_check(const wsm_runtime *runtime, wsm_error *error)
{
	int status = wsm__runtime_check_fork(runtime, error);

	if (!status && !atomic_load_explicit(&runtime->running, memory_order_acquire))
		return wsm__fail(error, WSM_ENOTRUNNING, "the runtime is not running; start it first");
	return status;
}

void wsm__runtime_own_fd(wsm_runtime *runtime, int fd, bool ours)
{
	if (fd >= 0 && (size_t)fd < runtime->n_fds)
		atomic_store_explicit(&runtime->fds[fd], ours, memory_order_relaxed);
}

/* ---- the loop --------------------------------------------------------------------------------------------------- */

void wsm__core_now(struct wsm__core *core)
{
	core->now_us = wsm__mono_us();
	core->now_ms = core->now_us / 1000;
}

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

static void begin_destroy(struct wsm__core *core)
{
	if (core->destroying)
		return;
	core->destroying = true;
	wsm__queue_close(&core->runtime->commands, true);
	pthread_mutex_lock(&core->runtime->wake_lock);
	core->runtime->core = NULL;
	pthread_mutex_unlock(&core->runtime->wake_lock);
	wsm__listen_close(core);
	close_handle(core, (uv_handle_t *)&core->wake);
	close_handle(core, (uv_handle_t *)&core->tick);
	close_handle(core, (uv_handle_t *)&core->throttle_timer);
	close_handle(core, (uv_handle_t *)&core->drain.timer);
	close_handle(core, (uv_handle_t *)&core->prepare);
	close_handle(core, (uv_handle_t *)&core->idle);
	wsm__server_close(core);
}

static void sweep(struct wsm__core *core)
{
	if (core->now_ms - core->swept_ms < SWEEP_MS)
		return;
	core->swept_ms = core->now_ms;
	wsm__registry_expire(&core->registry, core->now_ms);
	wsm__throttle_sweep(&core->throttle, core->now_us);
	wsm__overload_calm(core);
	wsm__replay_sweep(core);
	wsm__peers_sweep(core);
	wsm__revoke_sweep(core);
	if (core->accept_paused)
		wsm__listen_resume(core);
}

static void on_tick(uv_timer_t *timer)
{
	struct wsm__core *core = timer->data;

	wsm__core_now(core);
	wsm__decide_expire(core);
	wsm__sessions_expire(core);
	if (core->stopping) {
		if (!core->n_conns || (core->now_ms >= core->stop_at_ms && core->stop_turns >= STOP_TURNS))
			begin_destroy(core);
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

void wsm__stop_run(struct wsm__core *core, struct wsm__stop *stop)
{
	uint64_t within_ms = drain_within_ms(core, stop->deadline_ms), stop_at_ms;

	wsm__core_now(core); /* the command may have come long after the loop last looked */
	stop_at_ms = core->now_ms + stop->deadline_ms;
	free(stop);
	if (!core->stopping || stop_at_ms < core->stop_at_ms)
		core->stop_at_ms = stop_at_ms;
	core->stop_turns = 0;
	if (!core->stopping) {
		core->stopping = true;
		wsm__listen_close(core);
		wsm__decide_stop(core);
		core->now_us = UINT64_MAX; /* what max_rate holds back is due now */
		wsm__publish_due(core);
		wsm__core_now(core);
	}
	wsm__drain_all(core, within_ms);
	uv_timer_start(&core->tick, on_tick, core->n_conns ? STOP_TICK_MS : 0, STOP_TICK_MS);
}

/* ---- the core --------------------------------------------------------------------------------------------------- */

static int init_handles(struct wsm__core *core)
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
	wsm__drain_init(core);
	core->open_handles = 6;
	period = wsm__wheel_period_ms(core);
	uv_timer_start(&core->tick, on_tick, period, period);
	uv_prepare_start(&core->prepare, on_prepare);
	return WSM_OK;
}

static void core_fini(struct wsm__core *core)
{
	static const wsm_delivery stopped = { .status = WSM_ENOTRUNNING };
	struct wsm__publish *held;

	uv_run(&core->loop, UV_RUN_DEFAULT); /* the closing of handles */
	wsm__server_fini(core);
	while ((held = wsm__throttle_due(&core->throttle, UINT64_MAX)) != NULL)
		wsm__publish_free(held, &stopped);
	wsm__throttle_fini(&core->throttle, NULL, NULL);
	while (core->by_number) /* bridges that outlived the deadline */
		wsm__conn_gone(core->by_number);
	wsm__drain_fini(core);
	wsm__decide_fini(core);
	wsm__sticky_fini(core);
	wsm__replay_fini(core);
	wsm__words_fini(core);
	free(core->conns);
	wsm__admin_fini(core);
	wsm__limits_fini(core);
	wsm__peers_fini(core);
	wsm__registry_fini(&core->registry);
	wsm__reports_tell(&core->registry.deliveries);
	wsm__commands_discard(core->runtime, core->commands);
	wsm__buffer_fini(&core->text);
	wsm__buffer_fini(&core->stats);
	uv_loop_close(&core->loop);
	free(core);
}

/* Everything that runs in the thread before it can take commands. */
static int core_open(struct wsm__core *core, wsm_error *error)
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
	wsm__peers_init(core);
	status = wsm__server_open(core, error);
	if (!status)
		status = wsm__listen_open(core, error);
	if (!status)
		wsm__checks_tell(core);
	if (!status && core->config->test_echo_path[0])
		wsm__log(core->runtime, WSM_WARNING,
		         "%s echoes every message without authentication or limits (test_echo_path): for tests only",
		         core->config->test_echo_path);
	return status;
}

/* ---- the thread ------------------------------------------------------------------------------------------------- */

struct birth {
	wsm_runtime *runtime;
	wsm_error *error;
	int status;
	sem_t done;
};

static void set_ended(wsm_runtime *runtime, bool ended)
{
	pthread_mutex_lock(&runtime->ended_lock);
	runtime->ended = ended;
	pthread_cond_signal(&runtime->ended_signal);
	pthread_mutex_unlock(&runtime->ended_lock);
}

static void *thread_main(void *argument)
{
	struct birth *birth = argument;
	wsm_runtime *runtime = birth->runtime;
	struct wsm__core *core = calloc(1, sizeof(*core));
	bool has_loop;

	if (!core) {
		birth->status = wsm__fail(birth->error, WSM_ENOMEM, "out of memory");
		sem_post(&birth->done);
		return NULL;
	}
	core->runtime = runtime;
	core->config = runtime->config;
	birth->status = core_open(core, birth->error);
	has_loop = core->open_handles > 0;
	if (birth->status) {
		if (has_loop) {
			begin_destroy(core);
			core_fini(core);
		} else {
			free(core);
		}
		sem_post(&birth->done);
		return NULL;
	}
	pthread_mutex_lock(&runtime->wake_lock);
	runtime->core = core;
	pthread_mutex_unlock(&runtime->wake_lock);
	wsm__queue_close(&runtime->commands, false);
	atomic_store(&runtime->draining, false);
	atomic_store(&runtime->running, true);
	sem_post(&birth->done); /* `birth` is gone from here on */
	uv_run(&core->loop, UV_RUN_DEFAULT);
	core_fini(core);
	atomic_store(&runtime->running, false);
	atomic_store(&runtime->port, 0);
	wsm__commands_discard(runtime, NULL);
	set_ended(runtime, true);
	return NULL;
}

static int start_thread(wsm_runtime *runtime, struct birth *birth, wsm_error *error)
{
	sigset_t all, before;
	pthread_attr_t attr;
	int failed;

	set_ended(runtime, false);
	/* Signals are the host's business: the thread inherits a mask in which all are blocked. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 1u << 20);
	failed = pthread_create(&runtime->thread, &attr, thread_main, birth);
	pthread_attr_destroy(&attr);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (failed)
		return wsm__fail(error, WSM_ESYSTEM, "the thread could not be started: %s", strerror(failed));
	while (sem_wait(&birth->done) && errno == EINTR)
		;
	if (birth->status)
		pthread_join(runtime->thread, NULL);
	else
		runtime->has_thread = true;
	if (runtime->has_thread)
		pthread_setname_np(runtime->thread, "ws_manager"); /* in top -H and debuggers */
	return birth->status;
}

/* A misspelt option must not be taken for one that is in force. Values are not told: they may be keys. */
static void warn_of_variables(wsm_runtime *runtime)
{
	for (char **entry = runtime->config->from_env ? environ : NULL; entry && *entry; entry++) {
		char name[80];
		const char *near;

		snprintf(name, sizeof(name), "%.*s", (int)strcspn(*entry, "="), *entry);
		if (!wsm__variable_unknown(name))
			continue;
		near = wsm__variable_near(name);
		if (near)
			wsm__log(runtime, WSM_WARNING, "the variable %s is no option and is ignored; did you mean %s?",
			         name, near);
		else
			wsm__log(runtime, WSM_INFO, "the variable %s is no option of ws_manager and is ignored", name);
	}
}

int wsm_runtime_start(wsm_runtime *runtime, wsm_error *error)
{
	struct birth birth = { .runtime = runtime, .error = error };
	int status = WSM_OK;

	if (wsm__runtime_check_fork(runtime, error))
		return WSM_EFORKED;
	pthread_mutex_lock(&runtime->lifecycle);
	if (!atomic_load(&runtime->running)) {
		if (runtime->has_thread) { /* a stop that ran out of time has ended meanwhile */
			pthread_join(runtime->thread, NULL);
			runtime->has_thread = false;
		}
		wsm__checks_begin(runtime);
		sem_init(&birth.done, 0, 0);
		status = start_thread(runtime, &birth, error);
		if (!status)
			warn_of_variables(runtime);
		sem_destroy(&birth.done);
	}
	pthread_mutex_unlock(&runtime->lifecycle);
	return status;
}

/* By the monotonic clock: a wall clock that is set while we wait must not make it a wait of hours, or none. */
static int join_thread(wsm_runtime *runtime, unsigned deadline_ms)
{
	struct timespec until;
	bool ended;
	int waited = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += deadline_ms / 1000 + JOIN_GRACE_SECS;
	pthread_mutex_lock(&runtime->ended_lock);
	while (!runtime->ended && waited != ETIMEDOUT)
		waited = pthread_cond_timedwait(&runtime->ended_signal, &runtime->ended_lock, &until);
	ended = runtime->ended;
	pthread_mutex_unlock(&runtime->ended_lock);
	if (!ended)
		return WSM_ETIMEOUT;
	pthread_join(runtime->thread, NULL);
	runtime->has_thread = false;
	return WSM_OK;
}

/* Whether the thread is told; if not, it has ended, or there is none. */
static void tell_to_stop(wsm_runtime *runtime, unsigned deadline_ms)
{
	struct wsm__stop *stop = calloc(1, sizeof(*stop));

	if (!stop)
		return;
	stop->head.kind = WSM__CMD_STOP;
	stop->deadline_ms = deadline_ms;
	if (wsm__post(runtime, &stop->head, true))
		free(stop);
}

int wsm_runtime_stop(wsm_runtime *runtime, unsigned deadline_ms)
{
	const struct wsm_config *config = runtime->config;
	int status = WSM_OK;

	if (runtime->pid != getpid())
		return WSM_EFORKED;
	if (deadline_ms == WSM_STOP_DEFAULT)
		deadline_ms = (unsigned)((config->drain_time + config->close_timeout) * 1000);
	atomic_store(&runtime->draining, true);
	atomic_store(&runtime->stop_asked, true);
	tell_to_stop(runtime, deadline_ms); /* before the lock: it may cut short one that holds it and waits */
	pthread_mutex_lock(&runtime->lifecycle);
	if (runtime->has_thread) {
		tell_to_stop(runtime, deadline_ms); /* a thread that another call has started meanwhile */
		status = join_thread(runtime, deadline_ms);
	}
	atomic_store(&runtime->stop_asked, false);
	pthread_mutex_unlock(&runtime->lifecycle);
	return status;
}

int wsm_runtime_drain(wsm_runtime *runtime)
{
	int status = wsm__runtime_check(runtime, NULL);

	if (!status)
		atomic_store(&runtime->draining, true);
	return status;
}

bool wsm_runtime_draining(const wsm_runtime *runtime)
{
	return wsm_runtime_running(runtime) && atomic_load(&runtime->draining);
}
