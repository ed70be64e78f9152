/* The thread: its start, its loop, its end. */
#include <errno.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "admin/admin.h"
#include "base/error.h"
#include "clients/echo.h"
#include "events/catalogue.h"
#include "host/checks.h"
#include "host/events.h"
#include "host/keys.h"
#include "host/log.h"
#include "host/queue.h"
#include "host/revoke.h"
#include "policy/jwt.h"
#include "policy/misspelt.h"
#include "rest/rest.h"
#include "runtime/dispatch.h"
#include "runtime/loop.h"
#include "sockets/tls.h"

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
	core->event_pipe = core->held = -1; /* none, whatever the start may fail at */
	birth->status = wsm__loop_open(core, birth->error);
	has_loop = core->open_handles > 0;
	if (birth->status) {
		if (has_loop) {
			wsm__loop_end(core);
			wsm__loop_fini(core);
		} else {
			free(core);
		}
		sem_post(&birth->done);
		return NULL;
	}
	pthread_mutex_lock(&runtime->wake_lock);
	runtime->bell = &core->wake;
	pthread_mutex_unlock(&runtime->wake_lock);
	wsm__queue_close(&runtime->commands, false);
	atomic_store(&runtime->draining, false);
	atomic_store(&runtime->running, true);
	sem_post(&birth->done); /* `birth` is gone from here on */
	uv_run(&core->loop, UV_RUN_DEFAULT);
	wsm__loop_fini(core);
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

/* ---- what it answers -------------------------------------------------------------------------------------------- */

const wsm_rest_route *wsm_rest_route_at(size_t index)
{
	if (index < wsm__rest_rows.n)
		return &wsm__rest_rows.rows[index].route;
	index -= wsm__rest_rows.n;
	return index < wsm__admin_rows.n ? &wsm__admin_rows.rows[index].route : NULL;
}
