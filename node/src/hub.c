/*
 * hub.c - runtimes of the process, which environments share.
 *
 * This is the addon's only process-wide state. A hub lives as long as somebody has a seat at it or works with it; the last
 * to go stops its runtime and frees it.
 *
 * Locks, in the order in which they are taken: the registry's; a hub's sort lock (what the runtime has said is being
 * distributed); its bell lock (its seats are being rung). The runtime thread takes the last one only, while it rings.
 */
#include <stdio.h>

#include "addon.h"

/* What clients get to answer the close when a process ends without having stopped its runtime. */
#define EXIT_DEADLINE_MS 500u

struct hub {
	struct hub *next; /* in the registry */
	char *name, *fingerprint;
	wsm_runtime *runtime;
	unsigned refs; /* under the registry's lock */
	atomic_bool stopped;
	pthread_mutex_t sort_lock, bell_lock;
	struct seat *seats; /* changed under both locks */
	struct routes *routes;
};

static struct {
	pthread_mutex_t lock;
	struct hub *hubs;
	uint64_t next_seat;
	bool exit_hook;
	atomic_bool ended; /* the process ends: no JavaScript runs any more */
} registry = { .lock = PTHREAD_MUTEX_INITIALIZER, .next_seat = 1 };

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
	pthread_mutex_destroy(&hub->sort_lock);
	pthread_mutex_destroy(&hub->bell_lock);
	free(hub->name);
	free(hub->fingerprint);
	free(hub);
}

static struct hub *hub_new(const char *name, const char *fingerprint, const wsm_config *config, wsm_error *error)
{
	struct hub *hub = calloc(1, sizeof(*hub));

	if (hub) {
		hub->name = strdup(name);
		hub->fingerprint = strdup(fingerprint);
		hub->routes = addon_routes_new(max_events_of(config));
		pthread_mutex_init(&hub->sort_lock, NULL);
		pthread_mutex_init(&hub->bell_lock, NULL);
	}
	if (!hub || !hub->name || !hub->fingerprint || !hub->routes) {
		if (hub)
			hub_free(hub);
		error->status = WSM_ENOMEM;
		snprintf(error->message, sizeof(error->message), "out of memory");
		return NULL;
	}
	hub->runtime = wsm_runtime_new(config, error);
	if (!hub->runtime) {
		hub_free(hub);
		return NULL;
	}
	wsm_set_wake(hub->runtime, addon_hub_wake, hub);
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

static struct hub *hub_join(const char *name, const char *fingerprint, const wsm_config *config, wsm_error *error)
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

struct seat *addon_hub_seats(const struct hub *hub)
{
	return hub->seats;
}

struct routes *addon_hub_routes(const struct hub *hub)
{
	return hub->routes;
}

pthread_mutex_t *addon_hub_sort_lock(struct hub *hub)
{
	return &hub->sort_lock;
}

/* Whichever environment comes first distributes for all: one whose thread is stuck holds up no other. */
void addon_hub_wake(void *data)
{
	struct hub *hub = data;

	pthread_mutex_lock(&hub->bell_lock);
	if (!atomic_load(&registry.ended))
		for (struct seat *seat = hub->seats; seat; seat = seat->next_in_hub)
			if (!atomic_exchange(&seat->env->rung, true))
				napi_call_threadsafe_function(seat->env->bell, NULL, napi_tsfn_nonblocking);
	pthread_mutex_unlock(&hub->bell_lock);
}

/* ---- seats ------------------------------------------------------------------------------------------------------ */

struct seat *addon_seat_new(struct env *env, const char *name, const char *fingerprint, const wsm_config *config,
                            wsm_error *error)
{
	struct seat *seat = calloc(1, sizeof(*seat));

	if (!seat) {
		error->status = WSM_ENOMEM;
		snprintf(error->message, sizeof(error->message), "out of memory");
		return NULL;
	}
	seat->env = env;
	seat->last = &seat->first;
	seat->hub = hub_join(name, fingerprint, config, error);
	if (!seat->hub) {
		free(seat);
		return NULL;
	}
	pthread_mutex_lock(&registry.lock);
	seat->id = registry.next_seat++;
	pthread_mutex_unlock(&registry.lock);
	pthread_mutex_lock(&seat->hub->sort_lock);
	pthread_mutex_lock(&seat->hub->bell_lock);
	seat->next_in_hub = seat->hub->seats;
	seat->hub->seats = seat;
	pthread_mutex_unlock(&seat->hub->bell_lock);
	pthread_mutex_unlock(&seat->hub->sort_lock);
	seat->next_in_env = env->seats;
	env->seats = seat;
	return seat;
}

void addon_seat_leave(struct seat *seat)
{
	struct hub *hub = seat->hub;

	if (!hub)
		return;
	pthread_mutex_lock(&hub->sort_lock);
	pthread_mutex_lock(&hub->bell_lock);
	for (struct seat **at = &hub->seats; *at; at = &(*at)->next_in_hub)
		if (*at == seat) {
			*at = seat->next_in_hub;
			break;
		}
	pthread_mutex_unlock(&hub->bell_lock);
	addon_routes_forget(hub, seat);
	for (struct item *item = seat->first, *next; item; item = next) {
		next = item->next;
		addon_item_free(item);
	}
	seat->first = NULL;
	seat->last = &seat->first;
	seat->waiting = 0;
	pthread_mutex_unlock(&hub->sort_lock);
	seat->hub = NULL;
	addon_hub_unref(hub);
	if (!seat->busy)
		addon_seat_unlink(seat);
}

void addon_seat_unlink(struct seat *seat)
{
	for (struct seat **at = seat->env ? &seat->env->seats : NULL; at && *at; at = &(*at)->next_in_env)
		if (*at == seat) {
			*at = seat->next_in_env;
			break;
		}
	seat->env = NULL;
}

wsm_runtime *addon_seat_runtime(const struct seat *seat)
{
	return seat->hub->runtime;
}
