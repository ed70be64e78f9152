/* publish.c - Runtime.publish(): the call that every sending call of the package ends in. */
#include "publish.h"

#include <stdlib.h>

#include "errors.h"
#include "receipt.h"
#include "text.h"
#include "value.h"

/* A payload of this many bytes needs no allocation here. */
#define PAYLOAD_LOCAL 4096

/* Positions of the arguments; those after the payload may be missing. */
enum { TARGET, IDS, TYPE, PAYLOAD, KEY, MAX_RATE, PRIORITY, LEVEL, EXCLUDE, MEMBERS, FLAGS, ONCE, N_ARGS };
#define N_REQUIRED (PAYLOAD + 1)

struct members {
	wsm_member *at;
	size_t n;
	struct texts texts; /* name, JSON, name, JSON, … */
};

struct call {
	wsm_publication publication;
	wsm_slice payload;
	char *payload_heap;
	struct texts ids, exclude;
	struct text type, key, once;
	struct members members;
	char payload_local[PAYLOAD_LOCAL];
};

static bool parse_members(napi_env env, napi_value value, struct members *members)
{
	if (!addon_texts(env, value, "members", &members->texts))
		return false;
	members->n = members->texts.n / 2;
	if (members->n == 0)
		return true;
	members->at = calloc(members->n, sizeof(*members->at));
	if (!members->at) {
		addon_raise(env, WSM_ENOMEM, NULL);
		return false;
	}
	for (size_t i = 0; i < members->n; i++)
		members->at[i] = (wsm_member){ members->texts.at[2 * i], members->texts.at[2 * i + 1] };
	return true;
}

static bool parse_rest(napi_env env, const napi_value *args, struct call *call)
{
	wsm_publication *publication = &call->publication;
	unsigned priority, level;

	if (!addon_text_or_none(env, args[KEY], "conflate", &call->key) ||
	    (!addon_is_none(env, args[MAX_RATE]) &&
	     !addon_ok(env, napi_get_value_double(env, args[MAX_RATE], &publication->max_rate))) ||
	    !addon_uint(env, args[PRIORITY], "priority", &priority) || !addon_uint(env, args[LEVEL], "level", &level) ||
	    !addon_texts(env, args[EXCLUDE], "exclude", &call->exclude) ||
	    !parse_members(env, args[MEMBERS], &call->members) ||
	    !addon_uint(env, args[FLAGS], "flags", &publication->flags) ||
	    !addon_text_or_none(env, args[ONCE], "once", &call->once))
		return false;
	publication->key = call->key.slice;
	publication->once = call->once.slice;
	publication->priority = (wsm_priority)priority;
	publication->level = (wsm_level)level;
	publication->exclude = call->exclude.at;
	publication->n_exclude = call->exclude.n;
	publication->members = call->members.at;
	publication->n_members = call->members.n;
	return true;
}

static bool parse(napi_env env, const napi_value *args, bool has_rest, struct call *call)
{
	uint32_t target = 0;

	if (!addon_ok(env, napi_get_value_uint32(env, args[TARGET], &target)) ||
	    !addon_texts(env, args[IDS], "the name of a room, user, session, client or project", &call->ids) ||
	    !addon_text_or_none(env, args[TYPE], "the type of an event", &call->type))
		return false;
	if (!addon_bytes(env, args[PAYLOAD], &call->payload) &&
	    !addon_string(env, args[PAYLOAD], call->payload_local, sizeof(call->payload_local), &call->payload_heap,
	                  &call->payload))
		return false;
	call->publication.target = (wsm_target)target;
	call->publication.ids = call->ids.at;
	call->publication.n_ids = call->ids.n;
	call->publication.type = call->type.slice;
	return !has_rest || parse_rest(env, args, call);
}

/* Of the structure only what fini() looks at is set: the buffers are large, and this is the hot path. */
static void call_init(struct call *call)
{
	call->publication = (wsm_publication){ .target = WSM_TO_AUTO };
	call->payload_heap = NULL;
	call->ids.owned = call->exclude.owned = call->members.texts.owned = NULL;
	call->ids.first.heap = call->exclude.first.heap = call->members.texts.first.heap = NULL;
	call->type.heap = call->key.heap = call->once.heap = NULL;
	call->members.at = NULL;
	call->members.n = 0;
}

static void call_fini(struct call *call)
{
	free(call->payload_heap);
	addon_texts_fini(&call->ids);
	addon_texts_fini(&call->exclude);
	addon_text_fini(&call->type);
	addon_text_fini(&call->key);
	addon_text_fini(&call->once);
	addon_texts_fini(&call->members.texts);
	free(call->members.at);
}

/*
 * publish(target, ids, type, payload, …): the place of its receipt in the batch, or a negative status that the receipt is
 * to report: what becomes of a message once the runtime is stopping is no error of the call.
 */
METHOD(publish)
{
	napi_value args[N_ARGS], receiver, result;
	size_t n = N_ARGS;
	void *data = NULL;
	struct seat *seat;
	struct call call;
	wsm_receipt *receipt = NULL;
	wsm_error error;
	int status, place;

	if (!addon_ok(env, napi_get_cb_info(env, info, &n, args, &receiver, NULL)) ||
	    !addon_ok(env, napi_unwrap(env, receiver, &data)))
		return NULL;
	seat = data;
	if (!seat->hub)
		return addon_number(env, WSM_ENOTRUNNING);
	place = addon_batch_next(seat);
	if (place < 0) {
		napi_throw_error(env, "internal", "publish() without a batch for its receipt");
		return NULL;
	}
	call_init(&call);
	if (!parse(env, args, n > N_REQUIRED, &call)) {
		call_fini(&call);
		return NULL;
	}
	error.message[0] = '\0';
	status = wsm_publish(seat->hub ? addon_seat_runtime(seat) : NULL, &call.publication, call.payload.data,
	                     call.payload.len, &receipt, &error);
	call_fini(&call);
	if (status == WSM_ENOTRUNNING)
		place = status;
	else if (status != WSM_OK)
		return addon_raise(env, status, &error);
	else
		addon_batch_put(seat, receipt);
	return addon_ok(env, napi_create_int32(env, place, &result)) ? result : NULL;
}
