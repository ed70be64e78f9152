/*
 * hub_events.c - what a runtime says, distributed among the seats of its hub.
 *
 * Connections and messages go to every seat that wants them; a command, an authentication and an authorization to one
 * seat, which answers; receipts and connections that were handed over to the seat that asked. What nobody takes is answered
 * here, so that no client waits for it.
 */
#include <stdio.h>
#include <uthash.h>

#include "addon.h"

struct action { /* a command of the host, and who answers it */
	struct action *next;
	struct seat *seat;
	char *name;
};

struct guest { /* a connection that a seat has handed over */
	uint64_t conn;
	struct seat *seat;
	UT_hash_handle hh;
};

struct routes {
	struct action *actions;
	struct guest *guests;
	size_t max_waiting; /* events that one seat may leave lying; further ones are dropped and counted */
	unsigned long long dropped;
};

struct routes *addon_routes_new(size_t max_waiting)
{
	struct routes *routes = calloc(1, sizeof(*routes));

	if (routes)
		routes->max_waiting = max_waiting;
	return routes;
}

static void action_free(struct action *action)
{
	free(action->name);
	free(action);
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
	free(routes);
}

/* ---- who wants what --------------------------------------------------------------------------------------------- */

static int want_all(struct hub *hub)
{
	unsigned mask = 0;

	for (struct seat *seat = addon_hub_seats(hub); seat; seat = seat->next_in_hub)
		mask |= seat->want;
	return wsm_want(addon_hub_runtime(hub), mask);
}

int addon_hub_want(struct seat *seat, unsigned mask)
{
	pthread_mutex_t *lock = addon_hub_sort_lock(seat->hub);
	int status;

	pthread_mutex_lock(lock);
	seat->want = mask;
	status = want_all(seat->hub);
	pthread_mutex_unlock(lock);
	return status;
}

static struct action **find_action(struct routes *routes, wsm_slice name)
{
	struct action **at = &routes->actions;

	while (*at && (strlen((*at)->name) != name.len || memcmp((*at)->name, name.data, name.len) != 0))
		at = &(*at)->next;
	return at;
}

static int add_action(struct routes *routes, struct seat *seat, wsm_slice name)
{
	struct action **at = find_action(routes, name), *action = *at;

	if (action) { /* the last one to say so answers it */
		action->seat = seat;
		return WSM_OK;
	}
	action = calloc(1, sizeof(*action));
	if (!action || !(action->name = strndup(name.data, name.len))) {
		free(action);
		return WSM_ENOMEM;
	}
	action->seat = seat;
	*at = action;
	return WSM_OK;
}

int addon_hub_command_add(struct seat *seat, wsm_slice action, wsm_error *error)
{
	pthread_mutex_t *lock = addon_hub_sort_lock(seat->hub);
	int status;

	pthread_mutex_lock(lock);
	status = wsm_command_add(addon_hub_runtime(seat->hub), action, error);
	if (status == WSM_OK)
		status = add_action(addon_hub_routes(seat->hub), seat, action);
	pthread_mutex_unlock(lock);
	return status;
}

int addon_hub_command_remove(struct seat *seat, wsm_slice name)
{
	pthread_mutex_t *lock = addon_hub_sort_lock(seat->hub);
	struct action **at, *action;
	int status = WSM_ENOTFOUND;

	pthread_mutex_lock(lock);
	at = find_action(addon_hub_routes(seat->hub), name);
	action = *at;
	if (action && action->seat == seat) {
		*at = action->next;
		action_free(action);
		status = wsm_command_remove(addon_hub_runtime(seat->hub), name);
	}
	pthread_mutex_unlock(lock);
	return status;
}

/* ---- connections that a seat hands over ------------------------------------------------------------------------- */

/* The runtime may speak of it at once: the caller holds the lock. */
static void add_guest(struct seat *seat, uint64_t conn)
{
	struct routes *routes = addon_hub_routes(seat->hub);
	struct guest *guest = calloc(1, sizeof(*guest));

	if (!guest)
		return; /* its events find nobody; the runtime ends it in time */
	guest->conn = conn;
	guest->seat = seat;
	HASH_ADD(hh, routes->guests, conn, sizeof(guest->conn), guest);
}

int addon_hub_adopt(struct seat *seat, int fd, wsm_slice request, const wsm_admission *admission, uint64_t *conn,
                    wsm_error *error)
{
	pthread_mutex_t *lock = addon_hub_sort_lock(seat->hub);
	int status;

	pthread_mutex_lock(lock);
	status = wsm_adopt(addon_hub_runtime(seat->hub), fd, request.data, request.len, admission, conn, error);
	if (status == WSM_OK)
		add_guest(seat, *conn);
	pthread_mutex_unlock(lock);
	return status;
}

/* A seat goes: its answers will not come, and it hears of no more ends. Under the lock. */
void addon_routes_forget(struct hub *hub, struct seat *seat)
{
	struct routes *routes = addon_hub_routes(hub);
	struct guest *guest, *next;

	for (struct action **at = &routes->actions, *action; (action = *at);) {
		if (action->seat != seat) {
			at = &action->next;
			continue;
		}
		*at = action->next;
		wsm_command_remove(addon_hub_runtime(hub), (wsm_slice){ action->name, strlen(action->name) });
		action_free(action);
	}
	HASH_ITER(hh, routes->guests, guest, next) {
		if (guest->seat != seat)
			continue;
		HASH_DEL(routes->guests, guest);
		free(guest);
	}
	want_all(hub);
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

static bool give(struct routes *routes, struct seat *seat, wsm_event *event, atomic_uint *shared, bool force)
{
	bool full = !force && seat->waiting + units_of(event) > routes->max_waiting;
	struct item *item = full ? NULL : malloc(sizeof(*item));

	if (!item) {
		routes->dropped++;
		return false;
	}
	item->next = NULL;
	item->event = event;
	item->shared = shared;
	*seat->last = item;
	seat->last = &item->next;
	seat->waiting += units_of(event);
	return true;
}

/* To every seat that wants it. False if none took it. */
static bool give_all(struct hub *hub, unsigned want, wsm_event *event)
{
	struct routes *routes = addon_hub_routes(hub);
	unsigned n = 0, given = 0;
	atomic_uint *shared = NULL;

	for (struct seat *seat = addon_hub_seats(hub); seat; seat = seat->next_in_hub)
		n += (seat->want & want) != 0;
	if (n > 1) {
		shared = malloc(sizeof(*shared));
		if (!shared)
			return false;
		atomic_init(shared, n);
	}
	for (struct seat *seat = addon_hub_seats(hub); seat; seat = seat->next_in_hub)
		if (seat->want & want)
			given += give(routes, seat, event, shared, false);
	if (!shared)
		return given == 1;
	/* Nobody has taken any yet: the lock is held. */
	atomic_store(shared, given);
	if (given == 0)
		free(shared);
	return given > 0;
}

static struct seat *first_with(struct hub *hub, unsigned want)
{
	struct seat *seat = addon_hub_seats(hub);

	while (seat && !(seat->want & want))
		seat = seat->next_in_hub;
	return seat;
}

static struct seat *seat_of_id(struct hub *hub, uint64_t id)
{
	struct seat *seat = addon_hub_seats(hub);

	while (seat && seat->id != id)
		seat = seat->next_in_hub;
	return seat;
}

static struct seat *receipt_seat(struct hub *hub, const wsm_event *event)
{
	const struct watch *watch = wsm_receipt_data(event->receipt);

	return watch ? seat_of_id(hub, watch->seat) : NULL;
}

static bool give_command(struct hub *hub, wsm_event *event)
{
	static const char sentence[] = "there is no handler for this action any more";
	struct routes *routes = addon_hub_routes(hub);
	struct action *action = *find_action(routes, event->text);

	if (action && give(routes, action->seat, event, NULL, false))
		return true;
	wsm_reply(addon_hub_runtime(hub), event->info ? event->info->conn : event->conn, event->text, event->id,
	          (wsm_slice){ sentence, sizeof(sentence) - 1 }, action ? "internal" : "unknown_action");
	return false;
}

static bool give_guest(struct hub *hub, wsm_event *event)
{
	struct routes *routes = addon_hub_routes(hub);
	struct guest *guest;
	struct seat *seat;

	HASH_FIND(hh, routes->guests, &event->conn, sizeof(event->conn), guest);
	if (!guest)
		return false;
	seat = guest->seat;
	HASH_DEL(routes->guests, guest);
	free(guest);
	return give(routes, seat, event, NULL, true);
}

/* Who answers for a connection: the seat that has handed it over to decide later, or one that answers for all. */
static struct seat *authenticator(struct hub *hub, const wsm_event *event)
{
	struct guest *guest = NULL;

	if (!event->data.len) /* wsm_admission.ask */
		HASH_FIND(hh, addon_hub_routes(hub)->guests, &event->conn, sizeof(event->conn), guest);
	return guest ? guest->seat : first_with(hub, WSM_WANT_AUTHENTICATE);
}

/* False if nobody took it. */
static bool distribute(struct hub *hub, wsm_event *event)
{
	struct routes *routes = addon_hub_routes(hub);
	wsm_runtime *runtime = addon_hub_runtime(hub);
	const wsm_decision refusal = { .allow = false, .code = 1011 };
	struct seat *seat;

	switch (event->kind) {
	case WSM_EVENT_CONNECT:
		return give_all(hub, WSM_WANT_CONNECT, event);
	case WSM_EVENT_DISCONNECT:
		return give_all(hub, WSM_WANT_DISCONNECT, event);
	case WSM_EVENT_MESSAGE:
		return give_all(hub, WSM_WANT_MESSAGE, event);
	case WSM_EVENT_COMMAND:
		return give_command(hub, event);
	case WSM_EVENT_AUTHENTICATE:
		seat = authenticator(hub, event);
		if (seat && give(routes, seat, event, NULL, false))
			return true;
		wsm_authenticated(runtime, event->ticket, &refusal, NULL);
		return false;
	case WSM_EVENT_AUTHORIZE:
		seat = first_with(hub, WSM_WANT_AUTHORIZE);
		if (seat && give(routes, seat, event, NULL, false))
			return true;
		wsm_authorized(runtime, event->ticket, false);
		return false;
	case WSM_EVENT_LOG:
		seat = first_with(hub, WSM_WANT_LOG);
		return seat && give(routes, seat, event, NULL, false);
	case WSM_EVENT_RECEIPT:
		seat = receipt_seat(hub, event);
		return seat && give(routes, seat, event, NULL, true);
	case WSM_EVENT_REPORT: /* its ticket is addon_watch_report()'s */
		seat = seat_of_id(hub, event->ticket >> 32);
		return seat && give(routes, seat, event, NULL, true);
	case WSM_EVENT_CLOSED:
		return give_guest(hub, event);
	default:
		return false;
	}
}

void addon_hub_sort(struct hub *hub)
{
	pthread_mutex_t *lock = addon_hub_sort_lock(hub);

	pthread_mutex_lock(lock);
	for (wsm_event *event = wsm_events_take(addon_hub_runtime(hub)), *next; event; event = next) {
		next = event->next;
		if (!distribute(hub, event))
			drop_event(event);
	}
	pthread_mutex_unlock(lock);
}

struct item *addon_seat_take(struct seat *seat)
{
	pthread_mutex_t *lock = addon_hub_sort_lock(seat->hub);
	struct item *item;

	pthread_mutex_lock(lock);
	item = seat->first;
	if (item) {
		seat->first = item->next;
		seat->waiting -= units_of(item->event);
		if (!seat->first)
			seat->last = &seat->first;
	}
	pthread_mutex_unlock(lock);
	return item;
}
