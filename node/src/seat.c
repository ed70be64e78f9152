/* seat.c - what is behind a JavaScript object Runtime. */
#include "seat.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "env.h"
#include "errors.h"
#include "hub.h"
#include "value.h"

static void on_ring(struct place *place)
{
	addon_env_ring(((struct seat *)(void *)place)->env);
}

struct seat *addon_seat_new(struct env *env, const char *name, const char *fingerprint, const wsm_config *config,
                            wsm_error *error)
{
	static atomic_ullong last_id;
	struct seat *seat = calloc(1, sizeof(*seat));

	if (!seat) {
		error->status = WSM_ENOMEM;
		snprintf(error->message, sizeof(error->message), "out of memory");
		return NULL;
	}
	seat->hub = addon_hub_join(name, fingerprint, config, error);
	if (!seat->hub) {
		free(seat);
		return NULL;
	}
	seat->env = env;
	seat->place.id = atomic_fetch_add(&last_id, 1) + 1;
	seat->place.ring = on_ring;
	addon_routes_enter(addon_seat_routes(seat), &seat->place);
	seat->next = env->seats;
	env->seats = seat;
	return seat;
}

void addon_seat_leave(struct seat *seat)
{
	struct hub *hub = seat->hub;

	if (!hub)
		return;
	addon_routes_leave(addon_hub_routes(hub), &seat->place);
	seat->hub = NULL;
	addon_hub_unref(hub);
	if (!seat->busy)
		addon_seat_unlink(seat);
}

void addon_seat_unlink(struct seat *seat)
{
	for (struct seat **at = seat->env ? &seat->env->seats : NULL; at && *at; at = &(*at)->next)
		if (*at == seat) {
			*at = seat->next;
			break;
		}
	seat->env = NULL;
}

void addon_seats_end(struct env *env)
{
	while (env->seats) {
		struct seat *seat = env->seats;

		addon_seat_leave(seat);
		addon_seat_unlink(seat); /* if a call of JavaScript was cut off while it held it */
	}
}

wsm_runtime *addon_seat_runtime(const struct seat *seat)
{
	return addon_hub_runtime(seat->hub);
}

struct routes *addon_seat_routes(const struct seat *seat)
{
	return addon_hub_routes(seat->hub);
}

struct seat *addon_seat(napi_env env, napi_callback_info info, size_t n, napi_value *args)
{
	napi_value receiver;
	size_t given = n;
	void *data = NULL;
	struct seat *seat;

	if (!addon_ok(env, napi_get_cb_info(env, info, &given, args, &receiver, NULL)) ||
	    !addon_ok(env, napi_unwrap(env, receiver, &data)))
		return NULL;
	seat = data;
	if (seat->hub)
		return seat;
	addon_raise(env, WSM_ENOTRUNNING, NULL);
	return NULL;
}
