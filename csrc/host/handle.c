#include "host/handle.h"

#include <unistd.h>

#include "base/error.h"

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
