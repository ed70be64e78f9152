/* hub.c - runtimes of the process, which environments share. The registry's lock is taken before those of routes.h. */
#include "hub.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "routes.h"

/* What clients get to answer the close when a process ends without having stopped its runtime. */
#define EXIT_DEADLINE_MS 500u

struct hub {
	struct hub *next; /* in the registry */
	char *name, *fingerprint;
	wsm_runtime *runtime;
	unsigned refs; /* under the registry's lock */
	atomic_bool stopped;
	struct routes *routes;
};

static struct {
	pthread_mutex_t lock;
	struct hub *hubs;
	bool exit_hook;
	atomic_bool ended; /* the process ends: no JavaScript runs any more */
} registry = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* ---- the end of the process ------------------------------------------------------------------------------------- */

/* process.exit() ends the main thread without the hooks of its environment. */
static void on_process_exit(void)
{
	atomic_store(&registry.ended, true);
	pthread_mutex_lock(&registry.lock);
	for (struct hub *hub = registry.hubs; hub; hub = hub->next)
		wsm_runtime_stop(hub->runtime, 0);
	pthread_mutex_unlock(&registry.lock);
}

/* ---- hubs ------------------------------------------------------------------------------------------------------- */

static size_t max_events_of(const wsm_config *config)
{
	const char *text = wsm_config_get(config, "max_events");

	return text ? (size_t)strtoul(text, NULL, 10) : 65536;
}

static void hub_free(struct hub *hub)
{
	if (hub->runtime)
		wsm_runtime_stop(hub->runtime, EXIT_DEADLINE_MS);
	wsm_runtime_free(hub->runtime);
	addon_routes_free(hub->routes);
	free(hub->name);
	free(hub->fingerprint);
	free(hub);
}

/* Whichever environment comes first distributes for all: one whose thread is stuck holds up no other. */
static void on_wake(void *data)
{
	struct hub *hub = data;

	if (!atomic_load(&registry.ended))
		addon_routes_ring(hub->routes);
}

static struct hub *no_memory(struct hub *hub, wsm_error *error)
{
	if (hub)
		hub_free(hub);
	error->status = WSM_ENOMEM;
	snprintf(error->message, sizeof(error->message), "out of memory");
	return NULL;
}

static struct hub *hub_new(const char *name, const char *fingerprint, const wsm_config *config, wsm_error *error)
{
	struct hub *hub = calloc(1, sizeof(*hub));

	if (hub) {
		hub->name = strdup(name);
		hub->fingerprint = strdup(fingerprint);
	}
	if (!hub || !hub->name || !hub->fingerprint)
		return no_memory(hub, error);
	hub->runtime = wsm_runtime_new(config, error);
	if (!hub->runtime) {
		hub_free(hub);
		return NULL;
	}
	hub->routes = addon_routes_new(hub->runtime, max_events_of(config));
	if (!hub->routes)
		return no_memory(hub, error);
	wsm_set_wake(hub->runtime, on_wake, hub);
	return hub;
}

/* The hub of that name, if it can be joined. Under the registry's lock. */
static struct hub *hub_find(const char *name, const char *fingerprint)
{
	for (struct hub *hub = registry.hubs; hub && name[0]; hub = hub->next)
		if (strcmp(hub->name, name) == 0 &&
		    (wsm_runtime_running(hub->runtime) || strcmp(hub->fingerprint, fingerprint) == 0))
			return hub;
	return NULL;
}

struct hub *addon_hub_join(const char *name, const char *fingerprint, const wsm_config *config, wsm_error *error)
{
	struct hub *hub;

	pthread_mutex_lock(&registry.lock);
	if (!registry.exit_hook)
		registry.exit_hook = atexit(on_process_exit) == 0;
	hub = hub_find(name, fingerprint);
	if (!hub) {
		hub = hub_new(name, fingerprint, config, error);
		if (hub) {
			hub->next = registry.hubs;
			registry.hubs = hub;
		}
	}
	if (hub)
		hub->refs++;
	pthread_mutex_unlock(&registry.lock);
	return hub;
}

struct hub *addon_hub_ref(struct hub *hub)
{
	pthread_mutex_lock(&registry.lock);
	hub->refs++;
	pthread_mutex_unlock(&registry.lock);
	return hub;
}

void addon_hub_unref(struct hub *hub)
{
	bool last;

	pthread_mutex_lock(&registry.lock);
	last = --hub->refs == 0;
	if (last)
		for (struct hub **at = &registry.hubs; *at; at = &(*at)->next)
			if (*at == hub) {
				*at = hub->next;
				break;
			}
	pthread_mutex_unlock(&registry.lock);
	/* Outside the lock: it waits for clients. */
	if (last)
		hub_free(hub);
}

wsm_runtime *addon_hub_runtime(const struct hub *hub)
{
	return hub->runtime;
}

const char *addon_hub_fingerprint(const struct hub *hub)
{
	return hub->fingerprint;
}

bool addon_hub_stopped(struct hub *hub)
{
	return atomic_load(&hub->stopped);
}

void addon_hub_set_stopped(struct hub *hub, bool stopped)
{
	atomic_store(&hub->stopped, stopped);
}

struct routes *addon_hub_routes(const struct hub *hub)
{
	return hub->routes;
}
