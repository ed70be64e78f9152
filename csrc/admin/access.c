/*
 * Who may use the panel. It shows who is there and what they are told, and it throws out: so it needs to be switched on, and then
 * the API key, or the word of the host, which has looked at the caller in its own way. Without a key, a caller on this machine is
 * let in, as for REST; with one, nobody is let in for that reason alone.
 */
#include "admin/access.h"

#include "core/core.h"
#include "policy/config.h"
#include "policy/origin.h"
#include "rest/call.h"

static bool key_is_set(const struct wsm__call *call)
{
	const char *key = call->core->config->api_key;

	return key && *key;
}

/* Either a key can be shown, or none is needed. */
static bool can_be_used(struct wsm__call *call)
{
	if (!call->core->config->admin && !call->request->vouched) {
		wsm__call_refuse(call, 404, "admin_off",
		                 "The admin panel is switched off. Set the option admin (WEBSOCKET_ADMIN=1), or mount "
		                 "it behind a check of the application's own.");
		return false;
	}
	if (call->request->vouched || key_is_set(call) || call->from.local)
		return true;
	wsm__call_refuse(
		call, 403, "forbidden",
		"The admin panel needs the option api_key (WEBSOCKET_API_KEY) to be reached from other machines, or "
		"a check of the application's own that it is mounted behind. Without either it is shown on "
		"this machine only, under the name localhost, and not through a proxy.");
	return false;
}

bool wsm__admin_may_open(struct wsm__call *call)
{
	return can_be_used(call);
}

/*
 * Where a browser brings its rights along by itself (cookies of the host, loopback), pages of others must not use them: not those of
 * other ports of this machine either. With every POST, and every call to another origin that could read the answer, comes an
 * Origin; browsers say besides whether a call without one comes from elsewhere.
 */
static bool origin_is_ours(const struct wsm__call *call)
{
	const struct wsm_config *config = call->core->config;
	wsm_slice origin = wsm__call_header(call, "origin"), site = wsm__call_header(call, "sec-fetch-site"), entry;
	const struct wsm__request *from = &call->from;

	if (!origin.len)
		return !site.len || wsm__slice_is(site, "same-origin") || wsm__slice_is(site, "none");
	if (wsm__origin_same(origin, from->host, from->tls || from->client.https, from->local))
		return true;
	for (size_t i = 0; i < config->n_allowed_origins; i++) {
		entry = wsm__str(config->allowed_origins[i]);
		if (!wsm__slice_is(entry, "*") && wsm__origin_allowed(origin, wsm__str(NULL), false, &entry, 1))
			return true;
	}
	return false;
}

/* Another page's form can send text/plain, but no JSON without asking first (CORS), which is never allowed here. */
static bool is_json(wsm_slice type)
{
	static const char json[] = "application/json";
	size_t len = sizeof(json) - 1;

	return type.len >= len && wsm__slice_equal_nocase(wsm__slice(type.data, len), wsm__str(json)) &&
	       (type.len == len || type.data[len] == ';' || type.data[len] == ' ');
}

bool wsm__admin_may_use(struct wsm__call *call, bool acts)
{
	if (!can_be_used(call))
		return false;
	if (!wsm__call_has_key(call)) {
		if (!call->request->vouched && key_is_set(call)) {
			wsm__call_refuse_key(
				call, "The admin panel needs the API key (X-API-Key, or Authorization: Bearer).");
			return false;
		}
		if (!origin_is_ours(call)) {
			wsm__call_refuse(call, 403, "forbidden",
			                 "This call comes from a page of another origin (scheme, host and port count). "
			                 "Behind a proxy that changes Host, add the panel's to allowed_origins "
			                 "(WEBSOCKET_ALLOWED_ORIGINS).");
			return false;
		}
	}
	if (acts && !is_json(wsm__call_header(call, "content-type"))) {
		wsm__call_refuse(call, 415, "unsupported_media_type", "the body must be application/json");
		return false;
	}
	return true;
}
