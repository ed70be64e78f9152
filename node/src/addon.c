/*
 * addon.c - what the addon exports.
 *
 * A file is a noun; functions that cross files begin with addon_. Three structures, from the outside in:
 *   env   one JavaScript environment (main thread, worker) that has loaded the addon: its instance data.
 *   seat  a JavaScript object Runtime: a place of one env at one hub.
 *   hub   a wsm_runtime and its seats, which may be of several envs.
 */
#include <stdlib.h>
#include <string.h>

#include "adopt.h"
#include "copies.h"
#include "env.h"
#include "errors.h"
#include "events.h"
#include "receipt.h"
#include "runtime.h"
#include "seat.h"
#include "text.h"
#include "value.h"

#define VISIBLE __attribute__((visibility("default")))

static bool set_number(napi_env env, napi_value exports, const char *name, double number)
{
	napi_value value = addon_number(env, number);

	return value && addon_ok(env, napi_set_named_property(env, exports, name, value));
}

static bool set_text(napi_env env, napi_value exports, const char *name, const char *text)
{
	napi_value value = addon_string_value(env, text, strlen(text));

	return value && addon_ok(env, napi_set_named_property(env, exports, name, value));
}

#define NUMBER(name) { #name, WSM_##name }
static const struct {
	const char *name;
	unsigned value;
} numbers[] = {
	NUMBER(TO_AUTO),
	NUMBER(TO_ALL),
	NUMBER(TO_ROOM),
	NUMBER(TO_PROJECT),
	NUMBER(TO_USER),
	NUMBER(TO_SESSION),
	NUMBER(TO_CLIENT),
	NUMBER(CRITICAL),
	NUMBER(NORMAL),
	NUMBER(LOW),
	NUMBER(PUBLISH_NO_HISTORY),
	NUMBER(PUBLISH_BINARY),
	NUMBER(PUBLISH_REPORT),
	NUMBER(PUBLISH_TEXT),
	NUMBER(ENDPOINT_FIREHOSE),
	NUMBER(ENDPOINT_RAW),
	NUMBER(WANT_CONNECT),
	NUMBER(WANT_DISCONNECT),
	NUMBER(WANT_MESSAGE),
	NUMBER(WANT_AUTHENTICATE),
	NUMBER(WANT_AUTHORIZE),
	NUMBER(WANT_LOG),
	NUMBER(EVENT_CONNECT),
	NUMBER(EVENT_DISCONNECT),
	NUMBER(EVENT_MESSAGE),
	NUMBER(EVENT_COMMAND),
	NUMBER(EVENT_AUTHENTICATE),
	NUMBER(EVENT_AUTHORIZE),
	NUMBER(EVENT_RECEIPT),
	NUMBER(EVENT_REPORT),
	NUMBER(EVENT_LOG),
	NUMBER(EVENT_CLOSED),
	NUMBER(QUERY_STATS),
	NUMBER(QUERY_CONNECTIONS),
	NUMBER(QUERY_ROOMS_OF),
	NUMBER(QUERY_SUBSCRIBERS),
	NUMBER(QUERY_PRESENCE),
	NUMBER(QUERY_HISTORY),
	NUMBER(QUERY_POSITION),
	NUMBER(QUERY_METRICS),
	NUMBER(QUERY_BANS),
	NUMBER(REST_BODY_MAX),
};
#undef NUMBER

static bool set_constants(napi_env env, napi_value exports)
{
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (!set_number(env, exports, numbers[i].name, numbers[i].value))
			return false;
	return set_text(env, exports, "VERSION", WSM_VERSION) &&
	       set_number(env, exports, "PROTOCOL_VERSION", WSM_PROTOCOL_VERSION);
}

/* A row of a table: strings. */
static bool set_row(napi_env env, napi_value table, size_t at, const char *const *texts, uint32_t n)
{
	napi_value row, text;

	if (!addon_ok(env, napi_create_array_with_length(env, n, &row)))
		return false;
	for (uint32_t i = 0; i < n; i++) {
		text = addon_string_value(env, texts[i], strlen(texts[i]));
		if (!text || !addon_ok(env, napi_set_element(env, row, i, text)))
			return false;
	}
	return addon_ok(env, napi_set_element(env, table, (uint32_t)at, row));
}

/* Rows of the table of options: [name, environment variable, type, default, sentence]. */
static napi_value options(napi_env env, napi_callback_info info)
{
	static const char *const types[] = { "integer", "seconds", "string", "list", "bool" };
	size_t count;
	const wsm_option *rows = wsm_options(&count);
	napi_value table;

	(void)info;
	if (!addon_ok(env, napi_create_array_with_length(env, count, &table)))
		return NULL;
	for (size_t i = 0; i < count; i++) {
		const char *texts[] = { rows[i].name, rows[i].env, types[rows[i].type], rows[i].fallback, rows[i].doc };

		if (!set_row(env, table, i, texts, 5))
			return NULL;
	}
	return table;
}

/* Rows of the table of REST calls: [name, method, path, parameters, caller, sentence]. */
static napi_value rest_routes(napi_env env, napi_callback_info info)
{
	static const char *const callers[] = { "anyone", "member", "reader", "writer", "admin" };
	const wsm_rest_route *route;
	napi_value table;

	(void)info;
	if (!addon_ok(env, napi_create_array(env, &table)))
		return NULL;
	for (size_t i = 0; (route = wsm_rest_route_at(i)); i++) {
		const char *texts[] = { route->name,       route->method,          route->path,
		                        route->parameters, callers[route->caller], route->doc };

		if (!set_row(env, table, i, texts, 6))
			return NULL;
	}
	return table;
}

/* The endpoints that every runtime begins with: [path, "auth" for one that is there only with authentication]. */
static napi_value endpoint_defaults(napi_env env, napi_callback_info info)
{
	const char *path;
	unsigned flags;
	napi_value table;

	(void)info;
	if (!addon_ok(env, napi_create_array(env, &table)))
		return NULL;
	for (size_t i = 0; (path = wsm_endpoint_default(i, &flags)); i++) {
		const char *texts[] = { path, flags & WSM_ENDPOINT_AUTH ? "auth" : "" };

		if (!set_row(env, table, i, texts, 2))
			return NULL;
	}
	return table;
}

/* level_parse(word): the number of a level, -1 for a word that is none. */
static napi_value level_parse(napi_env env, napi_callback_info info)
{
	napi_value args[1];
	size_t n = 1;
	struct text word = { .heap = NULL };
	napi_value result = NULL;

	if (addon_ok(env, napi_get_cb_info(env, info, &n, args, NULL, NULL)) &&
	    addon_text(env, args[0], "level", &word))
		result = addon_number(env, wsm_level_parse(word.slice));
	addon_text_fini(&word);
	return result;
}

/* id_valid(text): whether it can be an id of a user, a session or a client. */
static napi_value id_valid(napi_env env, napi_callback_info info)
{
	napi_value args[1];
	size_t n = 1;
	struct text id = { .heap = NULL };
	napi_value result = NULL;

	if (addon_ok(env, napi_get_cb_info(env, info, &n, args, NULL, NULL)) && addon_text(env, args[0], "id", &id) &&
	    !addon_ok(env, napi_get_boolean(env, wsm_id_valid(id.slice), &result)))
		result = NULL;
	addon_text_fini(&id);
	return result;
}

/* room_valid(name, pattern): whether it can be the name of a public room, or with `pattern` a beginning and a star. */
static napi_value room_valid(napi_env env, napi_callback_info info)
{
	napi_value args[2];
	size_t n = 2;
	struct text name = { .heap = NULL };
	bool pattern = false;
	napi_value result = NULL;

	if (addon_ok(env, napi_get_cb_info(env, info, &n, args, NULL, NULL)) &&
	    addon_ok(env, napi_get_value_bool(env, args[1], &pattern)) && addon_text(env, args[0], "room", &name) &&
	    !addon_ok(env, napi_get_boolean(env, wsm_room_valid(name.slice, pattern), &result)))
		result = NULL;
	addon_text_fini(&name);
	return result;
}

/* set_raise(function): who makes the errors. */
static napi_value set_raise(napi_env env, napi_callback_info info)
{
	struct env *own = addon_env(env);
	napi_value args[1];
	size_t n = 1;

	if (!own || !addon_ok(env, napi_get_cb_info(env, info, &n, args, NULL, NULL)))
		return NULL;
	if (own->raise)
		napi_delete_reference(env, own->raise);
	own->raise = NULL;
	addon_ok(env, napi_create_reference(env, args[0], 1, &own->raise));
	return NULL;
}

static bool set_functions(napi_env env, napi_value exports)
{
#define FUNCTION(name, function)                                                                                       \
	{                                                                                                              \
		name, NULL, function, NULL, NULL, NULL, napi_default, NULL                                             \
	}
	const napi_property_descriptor functions[] = {
		FUNCTION("options", options),
		FUNCTION("restRoutes", rest_routes),
		FUNCTION("endpointDefaults", endpoint_defaults),
		FUNCTION("levelParse", level_parse),
		FUNCTION("setRaise", set_raise),
		FUNCTION("dupFd", addon_dup_fd),
		FUNCTION("closeFd", addon_close_fd),
		FUNCTION("socketPair", addon_socket_pair),
		FUNCTION("idValid", id_valid),
		FUNCTION("roomValid", room_valid),
	};
#undef FUNCTION
	napi_value table = addon_status_table(env);

	return table && addon_ok(env, napi_set_named_property(env, exports, "STATUS", table)) &&
	       addon_ok(env, napi_define_properties(env, exports, sizeof(functions) / sizeof(functions[0]), functions));
}

/* What the other copies of the addon's file call, where this one was the first to be loaded. */
VISIBLE napi_value addon_entry(napi_env env, napi_value exports) __asm__(ADDON_ENTRY_NAME);

napi_value addon_entry(napi_env env, napi_value exports)
{
	if (!addon_env_init(env, addon_events_look, addon_seats_end) || !set_constants(env, exports) ||
	    !set_functions(env, exports) || !addon_runtime_define(env, exports) || !addon_batch_define(env, exports))
		return NULL;
	return exports;
}

VISIBLE napi_value napi_register_module_v1(napi_env env, napi_value exports);
VISIBLE int32_t node_api_module_get_api_version_v1(void);

napi_value napi_register_module_v1(napi_env env, napi_value exports)
{
	addon_init_fn first = addon_first_copy(addon_entry);

	return first ? first(env, exports) : addon_entry(env, exports);
}

int32_t node_api_module_get_api_version_v1(void)
{
	return NAPI_VERSION;
}
