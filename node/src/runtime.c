/* runtime.c - the JavaScript class Runtime: a seat at a hub. The package's own modules use it; applications never see it. */
#include "runtime.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adopt.h"
#include "clients.h"
#include "endpoint.h"
#include "env.h"
#include "errors.h"
#include "events.h"
#include "hub.h"
#include "publish.h"
#include "query.h"
#include "receipt.h"
#include "seat.h"
#include "text.h"
#include "tokens.h"
#include "value.h"

/* ---- its life --------------------------------------------------------------------------------------------------- */

static void on_collected(napi_env env, void *data, void *hint)
{
	struct seat *seat = data;

	(void)env;
	(void)hint;
	addon_seat_leave(seat);
	addon_seat_unlink(seat);
	addon_batch_unref(seat->batch);
	free(seat);
}

/* While it runs the object must not be collected: handlers hang on it, and nobody may hold it. */
static void set_strong(struct seat *seat, napi_env env, bool strong)
{
	uint32_t count;

	if (seat->strong == strong || !seat->object)
		return;
	seat->strong = strong;
	if (strong)
		napi_reference_ref(env, seat->object, &count);
	else
		napi_reference_unref(env, seat->object, &count);
}

static bool set_option(napi_env env, wsm_config *config, napi_value name, napi_value value)
{
	struct text name_text = { .heap = NULL }, value_text = { .heap = NULL };
	wsm_error error = { 0 };
	bool done = false;
	int status;

	if (addon_text(env, name, "the name of an option", &name_text) &&
	    addon_text(env, value, "the value of an option", &value_text)) {
		if (strlen(name_text.slice.data) != name_text.slice.len ||
		    strlen(value_text.slice.data) != value_text.slice.len) {
			status = WSM_ECONFIG;
			snprintf(error.message, sizeof(error.message), "an option contains a NUL character");
		} else {
			status = wsm_config_set(config, name_text.slice.data, value_text.slice.data, &error);
		}
		done = status == WSM_OK;
		if (!done)
			addon_raise(env, status, &error);
	}
	addon_text_fini(&name_text);
	addon_text_fini(&value_text);
	return done;
}

/* Sets what `texts`, [name, value, name, value, …], says. */
static bool config_fill(napi_env env, wsm_config *config, napi_value texts)
{
	uint32_t n = 0;

	if (!addon_ok(env, napi_get_array_length(env, texts, &n)))
		return false;
	for (uint32_t i = 0; i + 1 < n; i += 2) {
		napi_value name, value;

		if (!addon_ok(env, napi_get_element(env, texts, i, &name)) ||
		    !addon_ok(env, napi_get_element(env, texts, i + 1, &value)) ||
		    !set_option(env, config, name, value))
			return false;
	}
	return true;
}

static struct seat *make_seat(napi_env env, const napi_value *args)
{
	struct text name = { .heap = NULL }, fingerprint = { .heap = NULL };
	wsm_config *config = wsm_config_new();
	wsm_error error = { 0 };
	struct seat *seat = NULL;
	bool with_environment = false;

	if (!config) {
		addon_raise(env, WSM_ENOMEM, NULL);
		return NULL;
	}
	if (!addon_text(env, args[1], "name", &name) || !addon_text(env, args[2], "fingerprint", &fingerprint) ||
	    !addon_bool(env, args[3], &with_environment))
		goto done;
	if (with_environment && wsm_config_load_env(config, &error) != WSM_OK) {
		addon_raise(env, error.status, &error);
		goto done;
	}
	if (!config_fill(env, config, args[0]))
		goto done;
	seat = addon_seat_new(addon_env(env), name.slice.data, fingerprint.slice.data, config, &error);
	if (!seat)
		addon_raise(env, error.status, &error);
done:
	addon_text_fini(&name);
	addon_text_fini(&fingerprint);
	wsm_config_free(config);
	return seat;
}

/* new Runtime(texts, name, fingerprint, environment): see addon_seat_new(). */
static napi_value construct(napi_env env, napi_callback_info info)
{
	napi_value args[4], receiver;
	size_t n = 4;
	struct seat *seat;

	if (!addon_ok(env, napi_get_cb_info(env, info, &n, args, &receiver, NULL)))
		return NULL;
	seat = make_seat(env, args);
	if (!seat)
		return NULL;
	if (!addon_ok(env, napi_wrap(env, receiver, seat, on_collected, NULL, &seat->object))) {
		seat->object = NULL;
		on_collected(env, seat, NULL);
		return NULL;
	}
	return receiver;
}

/* ---- start and stop --------------------------------------------------------------------------------------------- */

/* start() */
static napi_value start(napi_env env, napi_callback_info info)
{
	struct seat *seat = addon_seat(env, info, 0, NULL);
	wsm_error error = { 0 };
	int status;

	if (!seat)
		return NULL;
	status = wsm_runtime_start(addon_seat_runtime(seat), &error);
	if (status == WSM_OK) {
		addon_hub_set_stopped(seat->hub, false);
		set_strong(seat, env, true);
	}
	return addon_result(env, status, &error);
}

struct stopping {
	napi_async_work work;
	napi_deferred deferred;
	struct hub *hub;
	unsigned deadline_ms;
	int status;
};

static void stop_work(napi_env env, void *data)
{
	struct stopping *stopping = data;

	(void)env;
	stopping->status = wsm_runtime_stop(addon_hub_runtime(stopping->hub), stopping->deadline_ms);
}

static void stop_done(napi_env env, napi_status status, void *data)
{
	struct stopping *stopping = data;
	napi_value value;

	if (status == napi_ok && stopping->status == WSM_OK) {
		value = addon_undefined(env);
		if (value)
			napi_resolve_deferred(env, stopping->deferred, value);
	} else if (status == napi_ok) {
		value = addon_error(env, stopping->status, NULL);
		if (value)
			napi_reject_deferred(env, stopping->deferred, value);
	}
	napi_delete_async_work(env, stopping->work);
	addon_hub_unref(stopping->hub);
	free(stopping);
}

/* stop(deadlineMs), undefined for the core's default: a promise. The event loop goes on meanwhile: handlers hear of their clients' end. */
static napi_value stop(napi_env env, napi_callback_info info)
{
	napi_value args[1], name, promise;
	struct seat *seat = addon_seat(env, info, 1, args);
	struct stopping *stopping;

	if (!seat)
		return NULL;
	stopping = calloc(1, sizeof(*stopping));
	if (!stopping)
		return addon_raise(env, WSM_ENOMEM, NULL);
	stopping->hub = addon_hub_ref(seat->hub);
	name = addon_string_value(env, "ws_manager.stop", NAPI_AUTO_LENGTH);
	stopping->deadline_ms = WSM_STOP_DEFAULT;
	if (!name || (!addon_is_none(env, args[0]) && !addon_uint(env, args[0], "deadline", &stopping->deadline_ms)) ||
	    !addon_ok(env, napi_create_promise(env, &stopping->deferred, &promise)) ||
	    !addon_ok(env, napi_create_async_work(env, NULL, name, stop_work, stop_done, stopping, &stopping->work)) ||
	    !addon_ok(env, napi_queue_async_work(env, stopping->work))) {
		addon_hub_unref(stopping->hub);
		free(stopping);
		return NULL;
	}
	addon_hub_set_stopped(seat->hub, true);
	set_strong(seat, env, false);
	return promise;
}

/* stopNow(deadlineMs): blocks; for the end of the process. */
static napi_value stop_now(napi_env env, napi_callback_info info)
{
	napi_value args[1];
	struct seat *seat = addon_seat(env, info, 1, args);
	unsigned deadline_ms;

	if (!seat || !addon_uint(env, args[0], "deadline", &deadline_ms))
		return NULL;
	addon_hub_set_stopped(seat->hub, true);
	set_strong(seat, env, false);
	return addon_result(env, wsm_runtime_stop(addon_seat_runtime(seat), deadline_ms), NULL);
}

static napi_value drain(napi_env env, napi_callback_info info)
{
	struct seat *seat = addon_seat(env, info, 0, NULL);

	return seat ? addon_result(env, wsm_runtime_drain(addon_seat_runtime(seat)), NULL) : NULL;
}

/* close(): leaves the hub. Every other call then says NotRunning. */
static napi_value close_seat(napi_env env, napi_callback_info info)
{
	napi_value receiver;
	void *data;

	if (!addon_ok(env, napi_get_cb_info(env, info, NULL, NULL, &receiver, NULL)) ||
	    !addon_ok(env, napi_unwrap(env, receiver, &data)))
		return NULL;
	set_strong(data, env, false);
	addon_seat_leave(data);
	return NULL;
}

/* ---- what it is ------------------------------------------------------------------------------------------------- */

static napi_value boolean(napi_env env, bool truth)
{
	napi_value value = NULL;

	return addon_ok(env, napi_get_boolean(env, truth, &value)) ? value : NULL;
}

static napi_value running(napi_env env, napi_callback_info info)
{
	struct seat *seat = addon_seat(env, info, 0, NULL);

	return seat ? boolean(env, wsm_runtime_running(addon_seat_runtime(seat))) : NULL;
}

static napi_value stopped(napi_env env, napi_callback_info info)
{
	struct seat *seat = addon_seat(env, info, 0, NULL);

	return seat ? boolean(env, addon_hub_stopped(seat->hub)) : NULL;
}

static napi_value draining(napi_env env, napi_callback_info info)
{
	struct seat *seat = addon_seat(env, info, 0, NULL);

	return seat ? boolean(env, wsm_runtime_draining(addon_seat_runtime(seat))) : NULL;
}

static napi_value port(napi_env env, napi_callback_info info)
{
	struct seat *seat = addon_seat(env, info, 0, NULL);

	return seat ? addon_number(env, wsm_runtime_port(addon_seat_runtime(seat))) : NULL;
}

static napi_value takes_tokens(napi_env env, napi_callback_info info)
{
	struct seat *seat = addon_seat(env, info, 0, NULL);

	return seat ? boolean(env, wsm_takes_tokens(addon_seat_runtime(seat))) : NULL;
}

/* retryAfter(): seconds, for a client that is refused with 503. */
static napi_value retry_after(napi_env env, napi_callback_info info)
{
	struct seat *seat = addon_seat(env, info, 0, NULL);

	return seat ? addon_number(env, wsm_retry_after(addon_seat_runtime(seat))) : NULL;
}

/* fingerprint(): the text of the configuration that its runtime was made with, maybe by another seat. */
static napi_value fingerprint(napi_env env, napi_callback_info info)
{
	struct seat *seat = addon_seat(env, info, 0, NULL);
	const char *text = seat ? addon_hub_fingerprint(seat->hub) : NULL;

	return text ? addon_string_value(env, text, strlen(text)) : NULL;
}

/* hold(), release(): whether the event loop is kept alive; see addon_env_hold(). */
static napi_value hold(napi_env env, napi_callback_info info)
{
	(void)info;
	addon_env_hold(addon_env(env));
	return NULL;
}

static napi_value release(napi_env env, napi_callback_info info)
{
	(void)info;
	addon_env_release(addon_env(env));
	return NULL;
}

#define METHOD_ROW(name, function) { name, NULL, function, NULL, NULL, NULL, napi_default_method, NULL }
static const napi_property_descriptor methods[] = {
	METHOD_ROW("start", start),
	METHOD_ROW("stop", stop),
	METHOD_ROW("stopNow", stop_now),
	METHOD_ROW("drain", drain),
	METHOD_ROW("draining", draining),
	METHOD_ROW("close", close_seat),
	METHOD_ROW("running", running),
	METHOD_ROW("stopped", stopped),
	METHOD_ROW("port", port),
	METHOD_ROW("retryAfter", retry_after),
	METHOD_ROW("takesTokens", takes_tokens),
	METHOD_ROW("fingerprint", fingerprint),
	METHOD_ROW("hold", hold),
	METHOD_ROW("release", release),
	METHOD_ROW("batch", addon_batch),
	METHOD_ROW("watch", addon_watch),
	METHOD_ROW("watchReport", addon_watch_report),
	METHOD_ROW("publish", addon_publish),
	METHOD_ROW("subscribe", addon_subscribe),
	METHOD_ROW("unsubscribe", addon_unsubscribe),
	METHOD_ROW("disconnect", addon_disconnect),
	METHOD_ROW("disconnectUser", addon_disconnect_user),
	METHOD_ROW("endpointSet", addon_endpoint_set),
	METHOD_ROW("endpointRemove", addon_endpoint_remove),
	METHOD_ROW("match", addon_match),
	METHOD_ROW("label", addon_label),
	METHOD_ROW("roomRuleSet", addon_room_rule_set),
	METHOD_ROW("ban", addon_ban),
	METHOD_ROW("unban", addon_unban),
	METHOD_ROW("revoke", addon_revoke),
	METHOD_ROW("unrevoke", addon_unrevoke),
	METHOD_ROW("revocations", addon_revocations),
	METHOD_ROW("reloadKeys", addon_reload_keys),
	METHOD_ROW("adopt", addon_adopt),
	METHOD_ROW("want", addon_want),
	METHOD_ROW("accessChecked", addon_access_checked),
	METHOD_ROW("access", addon_access),
	METHOD_ROW("commandAdd", addon_command_add),
	METHOD_ROW("commandRemove", addon_command_remove),
	METHOD_ROW("authenticated", addon_authenticated),
	METHOD_ROW("authorized", addon_authorized),
	METHOD_ROW("reply", addon_reply),
	METHOD_ROW("option", addon_option),
	METHOD_ROW("info", addon_info),
	METHOD_ROW("query", addon_query),
	METHOD_ROW("join", addon_conn_join),
	METHOD_ROW("leave", addon_conn_leave),
	METHOD_ROW("rest", addon_rest),
};
#undef METHOD_ROW

bool addon_runtime_define(napi_env env, napi_value exports)
{
	napi_value class;

	return addon_ok(env, napi_define_class(env, "Runtime", NAPI_AUTO_LENGTH, construct, NULL,
	                                       sizeof(methods) / sizeof(methods[0]), methods, &class)) &&
	       addon_ok(env, napi_set_named_property(env, exports, "Runtime", class));
}
