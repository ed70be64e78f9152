/*
 * routes.c - what a runtime says, distributed among the places at it.
 *
 * Connections and messages go to every place that wants them; a command, an authentication and an authorization to one
 * place, which answers; receipts and connections that were handed over to the place that asked. What nobody takes is
 * answered here, so that no client waits for it.
 */
#include "routes.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

struct action { /* a command of the host, and who answers it */
	struct action *next;
	struct place *place;
	char *name;
};

struct guest { /* a connection that was handed over */
	uint64_t conn;
	struct place *place;
	UT_hash_handle hh;
};

struct routes {
	wsm_runtime *runtime;
	pthread_mutex_t sort_lock, bell_lock;
	struct place *places; /* changed under both locks */
	struct action *actions;
	struct guest *guests;
	size_t max_waiting; /* events that one place may leave lying; further ones are dropped and counted */
	unsigned long long dropped;
};

struct routes *addon_routes_new(wsm_runtime *runtime, size_t max_waiting)
{
	struct routes *routes = calloc(1, sizeof(*routes));

	if (!routes)
		return NULL;
	routes->runtime = runtime;
	routes->max_waiting = max_waiting;
	pthread_mutex_init(&routes->sort_lock, NULL);
	pthread_mutex_init(&routes->bell_lock, NULL);
	return routes;
}

static void action_free(struct action *action)
{
	free(action->name);
	free(action);
}

/* The runtime thread takes this lock only, while it rings. */
void addon_routes_ring(struct routes *routes)
{
	pthread_mutex_lock(&routes->bell_lock);
	for (struct place *place = routes->places; place; place = place->next)
		place->ring(place);
	pthread_mutex_unlock(&routes->bell_lock);
}

void addon_routes_free(struct routes *routes)
{
	struct guest *guest, *next;

	if (!routes)
		return;
	for (struct action *action = routes->actions, *after; action; action = after) {
		after = action->next;
		action_free(action);
	}
	HASH_ITER(hh, routes->guests, guest, next) {
		HASH_DEL(routes->guests, guest);
		free(guest);
	}
	pthread_mutex_destroy(&routes->sort_lock);
	pthread_mutex_destroy(&routes->bell_lock);
	free(routes);
}

/* ---- who wants what --------------------------------------------------------------------------------------------- */

static int want_all(struct routes *routes)
{
	unsigned mask = 0;

	for (struct place *place = routes->places; place; place = place->next)
		mask |= place->want;
	return wsm_want(routes->runtime, mask);
}

int addon_routes_want(struct routes *routes, struct place *place, unsigned mask)
{
	int status;

	pthread_mutex_lock(&routes->sort_lock);
	place->want = mask;
	status = want_all(routes);
	pthread_mutex_unlock(&routes->sort_lock);
	return status;
}

static struct action **find_action(struct routes *routes, wsm_slice name)
{
	struct action **at = &routes->actions;

	while (*at && (strlen((*at)->name) != name.len || memcmp((*at)->name, name.data, name.len) != 0))
		at = &(*at)->next;
	return at;
}

static int add_action(struct routes *routes, struct place *place, wsm_slice name)
{
	struct action **at = find_action(routes, name), *action = *at;

	if (action) { /* the last one to say so answers it */
		action->place = place;
		return WSM_OK;
	}
	action = calloc(1, sizeof(*action));
	if (!action || !(action->name = strndup(name.data, name.len))) {
		free(action);
		return WSM_ENOMEM;
	}
	action->place = place;
	*at = action;
	return WSM_OK;
}

int addon_routes_command_add(struct routes *routes, struct place *place, wsm_slice action, wsm_error *error)
{
	int status;

	pthread_mutex_lock(&routes->sort_lock);
	status = wsm_command_add(routes->runtime, action, error);
	if (status == WSM_OK)
		status = add_action(routes, place, action);
	pthread_mutex_unlock(&routes->sort_lock);
	return status;
}

int addon_routes_command_remove(struct routes *routes, struct place *place, wsm_slice name)
{
	struct action **at, *action;
	int status = WSM_ENOTFOUND;

	pthread_mutex_lock(&routes->sort_lock);
	at = find_action(routes, name);
	action = *at;
	if (action && action->place == place) {
		*at = action->next;
		action_free(action);
		status = wsm_command_remove(routes->runtime, name);
	}
	pthread_mutex_unlock(&routes->sort_lock);
	return status;
}

/* ---- connections that a place hands over ------------------------------------------------------------------------ */

/* The runtime may speak of it at once: the caller holds the lock. */
static void add_guest(struct routes *routes, struct place *place, uint64_t conn)
{
	struct guest *guest = calloc(1, sizeof(*guest));

	if (!guest)
		return; /* its events find nobody; the runtime ends it in time */
	guest->conn = conn;
	guest->place = place;
	HASH_ADD(hh, routes->guests, conn, sizeof(guest->conn), guest);
}

int addon_routes_adopt(struct routes *routes, struct place *place, int fd, wsm_slice request,
                       const wsm_admission *admission, uint64_t *conn, wsm_error *error)
{
	int status;

	pthread_mutex_lock(&routes->sort_lock);
	status = wsm_adopt(routes->runtime, fd, request.data, request.len, admission, conn, error);
	if (status == WSM_OK)
		add_guest(routes, place, *conn);
	pthread_mutex_unlock(&routes->sort_lock);
	return status;
}

/* Its answers will not come, and it hears of no more ends. Under the lock. */
static void forget(struct routes *routes, struct place *place)
{
	struct guest *guest, *next;

	for (struct action **at = &routes->actions, *action; (action = *at);) {
		if (action->place != place) {
			at = &action->next;
			continue;
		}
		*at = action->next;
		wsm_command_remove(routes->runtime, (wsm_slice){ action->name, strlen(action->name) });
		action_free(action);
	}
	HASH_ITER(hh, routes->guests, guest, next) {
		if (guest->place != place)
			continue;
		HASH_DEL(routes->guests, guest);
		free(guest);
	}
	want_all(routes);
}

/* ---- distributing ----------------------------------------------------------------------------------------------- */

static void drop_event(wsm_event *event)
{
	if (event->kind == WSM_EVENT_RECEIPT) {
		free(wsm_receipt_data(event->receipt));
		wsm_receipt_set_data(event->receipt, NULL);
	}
	wsm_event_free(event);
}

void addon_item_free(struct item *item)
{
	if (item->shared) {
		if (atomic_fetch_sub(item->shared, 1) != 1) {
			free(item);
			return;
		}
		free(item->shared);
	}
	drop_event(item->event);
	free(item);
}

/* An event counts as the core counts it: once, and once more for each KiB. */
static size_t units_of(const wsm_event *event)
{
	return 1 + (event->text.len + event->data.len + event->id.len) / 1024;
}

static bool give(struct routes *routes, struct place *place, wsm_event *event, atomic_uint *shared, bool force)
{
	bool full = !force && place->waiting + units_of(event) > routes->max_waiting;
	struct item *item = full ? NULL : malloc(sizeof(*item));

	if (!item) {
		routes->dropped++;
		return false;
	}
	item->next = NULL;
	item->event = event;
	item->shared = shared;
	*place->last = item;
	place->last = &item->next;
	place->waiting += units_of(event);
	return true;
}

/* To every place that wants it. False if none took it. */
static bool give_all(struct routes *routes, unsigned want, wsm_event *event)
{
	unsigned n = 0, given = 0;
	atomic_uint *shared = NULL;

	for (struct place *place = routes->places; place; place = place->next)
		n += (place->want & want) != 0;
	if (n > 1) {
		shared = malloc(sizeof(*shared));
		if (!shared)
			return false;
		atomic_init(shared, n);
	}
	for (struct place *place = routes->places; place; place = place->next)
		if (place->want & want)
			given += give(routes, place, event, shared, false);
	if (!shared)
		return given == 1;
	/* Nobody has taken any yet: the lock is held. */
	atomic_store(shared, given);
	if (given == 0)
		free(shared);
	return given > 0;
}

static struct place *first_with(struct routes *routes, unsigned want)
{
	struct place *place = routes->places;

	while (place && !(place->want & want))
		place = place->next;
	return place;
}

static struct place *place_of_id(struct routes *routes, uint64_t id)
{
	struct place *place = routes->places;

	while (place && place->id != id)
		place = place->next;
	return place;
}

static struct place *receipt_place(struct routes *routes, const wsm_event *event)
{
	const struct watch *watch = wsm_receipt_data(event->receipt);

	return watch ? place_of_id(routes, watch->place) : NULL;
}

static bool give_command(struct routes *routes, wsm_event *event)
{
	static const char sentence[] = "there is no handler for this action any more";
	struct action *action = *find_action(routes, event->text);

	if (action && give(routes, action->place, event, NULL, false))
		return true;
	wsm_reply(routes->runtime, event->info ? event->info->conn : event->conn, event->text, event->id,
	          (wsm_slice){ sentence, sizeof(sentence) - 1 }, action ? "internal" : "unknown_action");
	return false;
}

static bool give_guest(struct routes *routes, wsm_event *event)
{
	struct guest *guest;
	struct place *place;

	HASH_FIND(hh, routes->guests, &event->conn, sizeof(event->conn), guest);
	if (!guest)
		return false;
	place = guest->place;
	HASH_DEL(routes->guests, guest);
	free(guest);
	return give(routes, place, event, NULL, true);
}

/* Who answers for a connection: the place that has handed it over to decide later, or one that answers for all. */
static struct place *authenticator(struct routes *routes, const wsm_event *event)
{
	struct guest *guest = NULL;

	if (!event->data.len) /* wsm_admission.ask */
		HASH_FIND(hh, routes->guests, &event->conn, sizeof(event->conn), guest);
	return guest ? guest->place : first_with(routes, WSM_WANT_AUTHENTICATE);
}

/* False if nobody took it. */
static bool distribute(struct routes *routes, wsm_event *event)
{
	wsm_runtime *runtime = routes->runtime;
	const wsm_decision refusal = { .allow = false, .code = 1011 };
	struct place *place;

	switch (event->kind) {
	case WSM_EVENT_CONNECT:
		return give_all(routes, WSM_WANT_CONNECT, event);
	case WSM_EVENT_DISCONNECT:
		return give_all(routes, WSM_WANT_DISCONNECT, event);
	case WSM_EVENT_MESSAGE:
		return give_all(routes, WSM_WANT_MESSAGE, event);
	case WSM_EVENT_COMMAND:
		return give_command(routes, event);
	case WSM_EVENT_AUTHENTICATE:
		place = authenticator(routes, event);
		if (place && give(routes, place, event, NULL, false))
			return true;
		wsm_authenticated(runtime, event->ticket, &refusal, NULL);
		return false;
	case WSM_EVENT_AUTHORIZE:
		place = first_with(routes, WSM_WANT_AUTHORIZE);
		if (place && give(routes, place, event, NULL, false))
			return true;
		wsm_authorized(runtime, event->ticket, false);
		return false;
	case WSM_EVENT_LOG:
		place = first_with(routes, WSM_WANT_LOG);
		return place && give(routes, place, event, NULL, false);
	case WSM_EVENT_RECEIPT:
		place = receipt_place(routes, event);
		return place && give(routes, place, event, NULL, true);
	case WSM_EVENT_REPORT: /* its ticket is addon_watch_report()'s */
		place = place_of_id(routes, event->ticket >> 32);
		return place && give(routes, place, event, NULL, true);
	case WSM_EVENT_CLOSED:
		return give_guest(routes, event);
	default:
		return false;
	}
}

void addon_routes_sort(struct routes *routes)
{
	pthread_mutex_lock(&routes->sort_lock);
	for (wsm_event *event = wsm_events_take(routes->runtime), *next; event; event = next) {
		next = event->next;
		if (!distribute(routes, event))
			drop_event(event);
	}
	pthread_mutex_unlock(&routes->sort_lock);
}

struct item *addon_routes_take(struct routes *routes, struct place *place)
{
	struct item *item;

	pthread_mutex_lock(&routes->sort_lock);
	item = place->first;
	if (item) {
		place->first = item->next;
		place->waiting -= units_of(item->event);
		if (!place->first)
			place->last = &place->first;
	}
	pthread_mutex_unlock(&routes->sort_lock);
	return item;
}

/* ---- places ----------------------------------------------------------------------------------------------------- */

void addon_routes_enter(struct routes *routes, struct place *place)
{
	place->last = &place->first;
	pthread_mutex_lock(&routes->sort_lock);
	pthread_mutex_lock(&routes->bell_lock);
	place->next = routes->places;
	routes->places = place;
	pthread_mutex_unlock(&routes->bell_lock);
	pthread_mutex_unlock(&routes->sort_lock);
}

void addon_routes_leave(struct routes *routes, struct place *place)
{
	pthread_mutex_lock(&routes->sort_lock);
	pthread_mutex_lock(&routes->bell_lock);
	for (struct place **at = &routes->places; *at; at = &(*at)->next)
		if (*at == place) {
			*at = place->next;
			break;
		}
	pthread_mutex_unlock(&routes->bell_lock);
	forget(routes, place);
	for (struct item *item = place->first, *next; item; item = next) {
		next = item->next;
		addon_item_free(item);
	}
	place->first = NULL;
	place->last = &place->first;
	place->waiting = 0;
	pthread_mutex_unlock(&routes->sort_lock);
}
