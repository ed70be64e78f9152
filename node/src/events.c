/* events.c - what the runtime tells a Runtime's `dispatch`, and the host's answers. */
#include "events.h"

#include <string.h>

#include "env.h"
#include "errors.h"
#include "text.h"
#include "value.h"

/* Events that are handed over before the event loop's other work gets a turn. */
#define MAX_AT_ONCE 256u

/* dispatch(kind, conn, a, b, c) */
#define N_VALUES 5
struct values {
	napi_value at[N_VALUES];
	size_t n;
};

static bool add(struct values *values, napi_value value)
{
	values->at[values->n++] = value;
	return value != NULL;
}

static bool add_number(napi_env env, struct values *values, double number)
{
	return add(values, addon_number(env, number));
}

static bool add_text(napi_env env, struct values *values, wsm_slice text)
{
	return add(values, addon_string_value(env, text.data, text.len));
}

static bool add_bool(napi_env env, struct values *values, bool truth)
{
	napi_value value = NULL;

	return addon_ok(env, napi_get_boolean(env, truth, &value)) && add(values, value);
}

static bool add_buffer(napi_env env, struct values *values, wsm_slice data)
{
	napi_value value = NULL;

	return addon_ok(env, napi_create_buffer_copy(env, data.len, data.data ? data.data : "", NULL, &value)) &&
	       add(values, value);
}

static bool fill(napi_env env, const wsm_event *event, struct values *v)
{
	const struct watch *watch;

	if (!add_number(env, v, event->kind) ||
	    !add_number(env, v, (double)(event->info ? event->info->conn : event->conn)))
		return false;
	switch (event->kind) {
	case WSM_EVENT_CONNECT:
		return true;
	case WSM_EVENT_DISCONNECT:
	case WSM_EVENT_CLOSED:
		return add_number(env, v, event->code) && add_text(env, v, event->text);
	case WSM_EVENT_MESSAGE:
		return add_bool(env, v, event->binary) &&
		       (event->binary ? add_buffer(env, v, event->data) : add_text(env, v, event->data)) &&
		       add_text(env, v, event->id);
	case WSM_EVENT_COMMAND:
		return add_text(env, v, event->text) && add_text(env, v, event->data) && add_text(env, v, event->id);
	case WSM_EVENT_AUTHENTICATE:
		return add_number(env, v, (double)event->ticket) && add_text(env, v, event->data);
	case WSM_EVENT_AUTHORIZE:
		return add_number(env, v, (double)event->ticket) && add_text(env, v, event->text) &&
		       add_text(env, v, event->data);
	case WSM_EVENT_RECEIPT:
		watch = wsm_receipt_data(event->receipt);
		return add_number(env, v, watch ? watch->token : 0);
	case WSM_EVENT_REPORT:
		return add_number(env, v, (uint32_t)event->ticket);
	case WSM_EVENT_LOG:
		return add_number(env, v, event->level) && add_text(env, v, event->text);
	default:
		return true;
	}
}

/* What an event handler lets out is the application's: it ends like any other uncaught exception. */
static void report(napi_env env)
{
	bool pending = false;
	napi_value exception;

	if (napi_is_exception_pending(env, &pending) == napi_ok && pending &&
	    napi_get_and_clear_last_exception(env, &exception) == napi_ok)
		napi_fatal_exception(env, exception);
}

static void deliver(struct seat *seat, const wsm_event *event, napi_value object)
{
	napi_env env = seat->env->env;
	struct values values = { .n = 0 };
	napi_value dispatch;

	seat->present = event->info;
	dispatch = addon_get(env, object, "dispatch");
	if (dispatch && fill(env, event, &values))
		addon_ok(env, napi_call_function(env, object, dispatch, values.n, values.at, NULL));
	seat->present = NULL;
	report(env);
}

/* False if some are left for later. */
static bool deliver_all(struct seat *seat)
{
	napi_env env = seat->env->env;

	for (unsigned n = 0; seat->hub; n++) {
		napi_handle_scope scope;
		napi_value object = NULL;
		struct item *item;

		if (n == MAX_AT_ONCE)
			return false;
		item = addon_routes_take(addon_seat_routes(seat), &seat->place);
		if (!item)
			return true;
		if (napi_open_handle_scope(env, &scope) == napi_ok) {
			if (seat->object && napi_get_reference_value(env, seat->object, &object) == napi_ok && object)
				deliver(seat, item->event, object);
			napi_close_handle_scope(env, scope);
		}
		addon_item_free(item);
	}
	return true;
}

bool addon_events_look(struct env *env)
{
	bool all = true;

	for (struct seat *seat = env->seats, *next; seat; seat = next) {
		seat->busy++;
		/* What lies here comes first: the rest stays with the runtime, which bounds it. */
		if (!deliver_all(seat)) {
			all = false;
		} else if (seat->hub) {
			addon_routes_sort(addon_seat_routes(seat));
			all &= deliver_all(seat);
		}
		next = seat->next;
		if (--seat->busy == 0 && !seat->hub)
			addon_seat_unlink(seat);
	}
	return all;
}

/* info(): what is fixed about the connection of the event that is being handled; undefined if it has none. */
METHOD(info)
{
	struct seat *seat = addon_seat(env, info, 0, NULL);
	const wsm_conn_info *present = seat ? seat->present : NULL;
	napi_value object, value;

	if (!present)
		return seat ? addon_undefined(env) : NULL;
	if (!addon_ok(env, napi_create_object(env, &object)))
		return NULL;
	const struct {
		const char *name, *text;
	} texts[] = {
		{ "clientId", present->client_id },   { "userId", present->user_id },
		{ "sessionId", present->session_id }, { "path", present->path },
		{ "query", present->query },          { "ip", present->ip },
		{ "userAgent", present->user_agent },
	};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		value = addon_string_value(env, texts[i].text, strlen(texts[i].text));
		if (!value || !addon_ok(env, napi_set_named_property(env, object, texts[i].name, value)))
			return NULL;
	}
	value = addon_number(env, (double)present->connected_at);
	if (!value || !addon_ok(env, napi_set_named_property(env, object, "connectedAt", value)))
		return NULL;
	return object;
}

METHOD(want)
{
	napi_value args[1];
	struct seat *seat = addon_seat(env, info, 1, args);
	unsigned mask;

	if (!seat || !addon_uint(env, args[0], "mask", &mask))
		return NULL;
	return addon_result(env, addon_routes_want(addon_seat_routes(seat), &seat->place, mask), NULL);
}

/* accessChecked(by): the application checks clients by itself. */
METHOD(access_checked)
{
	napi_value args[1], result = NULL;
	struct seat *seat = addon_seat(env, info, 1, args);
	struct text by = { .heap = NULL };
	wsm_error error = { 0 };

	if (seat && addon_text(env, args[0], "by", &by))
		result = addon_result(env, wsm_access_checked(addon_seat_runtime(seat), by.slice, &error), &error);
	addon_text_fini(&by);
	return result;
}

/* access(): whether public rooms need a grant, and why, as one line. */
METHOD(access)
{
	struct seat *seat = addon_seat(env, info, 0, NULL);
	wsm_error error = { 0 };
	wsm_text line;
	napi_value result;
	int status;

	if (!seat)
		return NULL;
	status = wsm_access_describe(addon_seat_runtime(seat), &line, &error);
	if (status != WSM_OK)
		return addon_raise(env, status, &error);
	result = addon_string_value(env, line.data, line.len);
	wsm_text_free(&line);
	return result;
}

METHOD(command_add)
{
	napi_value args[1], result = NULL;
	struct seat *seat = addon_seat(env, info, 1, args);
	struct text action = { .heap = NULL };
	wsm_error error = { 0 };

	if (seat && addon_text(env, args[0], "action", &action))
		result = addon_result(
			env, addon_routes_command_add(addon_seat_routes(seat), &seat->place, action.slice, &error),
			&error);
	addon_text_fini(&action);
	return result;
}

METHOD(command_remove)
{
	napi_value args[1], result = NULL;
	struct seat *seat = addon_seat(env, info, 1, args);
	struct text action = { .heap = NULL };

	if (seat && addon_text(env, args[0], "action", &action))
		result = addon_result(
			env, addon_routes_command_remove(addon_seat_routes(seat), &seat->place, action.slice), NULL);
	addon_text_fini(&action);
	return result;
}

/* authenticated(ticket, allow, userId, sessionId, rooms, code, reason, publish, subscribe, welcome) */
METHOD(authenticated)
{
	napi_value args[10], result = NULL;
	struct seat *seat = addon_seat(env, info, 10, args);
	struct text user_id = { .heap = NULL }, session_id = { .heap = NULL }, reason = { .heap = NULL };
	struct texts rooms = { .owned = NULL }, publish = { .owned = NULL }, subscribe = { .owned = NULL },
		     welcome = { .owned = NULL };
	wsm_decision decision = { .code = 0 };
	wsm_error error = { 0 };
	uint64_t ticket;

	if (!seat || !addon_uint64(env, args[0], "ticket", &ticket) || !addon_bool(env, args[1], &decision.allow))
		return NULL;
	if (addon_text_or_none(env, args[2], "userId", &user_id) &&
	    addon_text_or_none(env, args[3], "sessionId", &session_id) && addon_texts(env, args[4], "rooms", &rooms) &&
	    addon_uint(env, args[5], "code", &decision.code) && addon_text_or_none(env, args[6], "reason", &reason) &&
	    addon_texts(env, args[7], "publish", &publish) && addon_texts(env, args[8], "subscribe", &subscribe) &&
	    addon_texts(env, args[9], "welcome", &welcome)) {
		decision.user_id = user_id.slice;
		decision.session_id = session_id.slice;
		decision.rooms = rooms.at;
		decision.n_rooms = rooms.n;
		decision.subscribe = subscribe.at;
		decision.n_subscribe = subscribe.n;
		decision.publish = publish.at;
		decision.n_publish = publish.n;
		decision.welcome = welcome.at;
		decision.n_welcome = welcome.n;
		decision.reason = reason.slice;
		result = addon_result(env, wsm_authenticated(addon_seat_runtime(seat), ticket, &decision, &error),
		                      &error);
	}
	addon_text_fini(&user_id);
	addon_text_fini(&session_id);
	addon_text_fini(&reason);
	addon_texts_fini(&rooms);
	addon_texts_fini(&publish);
	addon_texts_fini(&subscribe);
	addon_texts_fini(&welcome);
	return result;
}

METHOD(authorized)
{
	napi_value args[2];
	struct seat *seat = addon_seat(env, info, 2, args);
	uint64_t ticket;
	bool allow;

	if (!seat || !addon_uint64(env, args[0], "ticket", &ticket) || !addon_bool(env, args[1], &allow))
		return NULL;
	return addon_result(env, wsm_authorized(addon_seat_runtime(seat), ticket, allow), NULL);
}

/* option(name): the value in force, as text; undefined for a name that is none. */
METHOD(option)
{
	napi_value args[1], result = NULL;
	struct seat *seat = addon_seat(env, info, 1, args);
	struct text name = { .heap = NULL };
	const char *value;

	if (seat && addon_text(env, args[0], "name", &name)) {
		value = wsm_runtime_option(addon_seat_runtime(seat), name.slice.data);
		result = value ? addon_string_value(env, value, strlen(value)) : addon_undefined(env);
	}
	addon_text_fini(&name);
	return result;
}

/* reply(conn, action, id, json, errorCode) */
METHOD(reply)
{
	napi_value args[5], result = NULL;
	struct seat *seat = addon_seat(env, info, 5, args);
	struct text action = { .heap = NULL }, id = { .heap = NULL }, json = { .heap = NULL }, code = { .heap = NULL };
	uint64_t conn;

	if (!seat || !addon_uint64(env, args[0], "conn", &conn))
		return NULL;
	if (addon_text(env, args[1], "action", &action) && addon_text_or_none(env, args[2], "id", &id) &&
	    addon_text(env, args[3], "json", &json) && addon_text_or_none(env, args[4], "errorCode", &code))
		result = addon_result(env,
		                      wsm_reply(addon_seat_runtime(seat), conn, action.slice, id.slice, json.slice,
		                                code.slice.len ? code.slice.data : NULL),
		                      NULL);
	addon_text_fini(&action);
	addon_text_fini(&id);
	addon_text_fini(&json);
	addon_text_fini(&code);
	return result;
}
