#include "net/rest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/admin.h"
#include "net/answers.h"
#include "net/call.h"
#include "net/cors.h"
#include "net/publish.h"
#include "net/refusals.h"
#include "policy/origin.h"
#include "rooms/name.h"
#include "wire/head.h"
#include "wire/target.h"

#define BODY_MAX 1048576u /* bytes of a POST body */
#define DEPTH_MAX 64

void wsm__call_refuse(struct wsm__call *call, unsigned status, const char *code, const char *message)
{
	call->status = status;
	snprintf(call->why, sizeof(call->why), "%.199s", message);
	wsm__buffer_clear(call->out);
	wsm__buffer_addf(call->out, "{\"error\":{\"code\":\"%s\",\"message\":", code);
	wsm__buffer_add_json(call->out, wsm__str(message));
	wsm__buffer_add_str(call->out, "}}");
}

void wsm__call_refuse_key(struct wsm__call *call, const char *message)
{
	if (call->key == WSM__KEY_LATER)
		wsm__call_refuse(call, 429, "rate_limited",
		                 "too many wrong API keys have come from this address: none is looked at for a while "
		                 "(wrong_key_rate)");
	else
		wsm__call_refuse(call, 401, "unauthenticated",
		                 call->key == WSM__KEY_WRONG ? "this is not the API key (api_key)" : message);
}

/* ---- access ----------------------------------------------------------------------------------------------------- */

/*
 * Writing: with the key, or from loopback where no key is set. A browser on the same machine is on loopback too, whatever page it
 * shows; it sends an Origin with every POST, so a foreign one is not let in without the key.
 */
static bool may_write(const struct wsm__call *call)
{
	wsm_slice origin = wsm__call_header(call, "origin");

	if (wsm__call_has_key(call))
		return true;
	if (*call->core->config->api_key)
		return call->from.local && !origin.len;
	return call->from.local && wsm__origin_allowed(origin, wsm__str("localhost"), false, NULL, 0);
}

/* Statistics: from loopback, or with the key. History is what polling clients read, so it is open as the rooms are. */
static bool may_read(const struct wsm__call *call)
{
	return wsm__call_has_key(call) || call->from.local;
}

/* ---- the calls -------------------------------------------------------------------------------------------------- */

static void get_stats(struct wsm__call *call, wsm_slice rest)
{
	(void)rest;
	wsm__answer_stats(call->core, call->out);
}

static void get_connections(struct wsm__call *call, wsm_slice rest)
{
	(void)rest;
	wsm__buffer_addf(call->out, "{\"active_connections\":%llu}", (unsigned long long)call->core->n_active);
}

/* For load balancers: whether new clients are welcome. */
static void get_health(struct wsm__call *call, wsm_slice rest)
{
	bool draining = atomic_load(&call->core->runtime->draining);

	(void)rest;
	call->status = draining ? 503 : 200;
	wsm__buffer_addf(call->out, "{\"status\":\"%s\"}", draining ? "draining" : "ok");
}

/* For who restarts processes: that it answers is the answer, while it drains, too. */
static void get_live(struct wsm__call *call, wsm_slice rest)
{
	(void)rest;
	wsm__buffer_add_str(call->out, "{\"status\":\"ok\"}");
}

static void get_bans(struct wsm__call *call, wsm_slice rest)
{
	(void)rest;
	wsm__peers_answer_bans(call->core, call->out);
}

static void get_metrics(struct wsm__call *call, wsm_slice rest)
{
	(void)rest;
	wsm__answer_metrics(call->core, call->out);
}

static void get_subscribers(struct wsm__call *call, wsm_slice rest)
{
	char project[WSM__ROOM_NAME_MAX + 1], room[160];
	size_t suffix = strlen("/subscribers");
	int len = wsm__percent_decode(wsm__slice(rest.data, rest.len - suffix), false, project, sizeof(project));

	if (len <= 0) {
		wsm__call_refuse(call, 400, "bad_request", "the path does not name a project");
		return;
	}
	snprintf(room, sizeof(room), "project:%.*s", len, project);
	if (!wsm__room_name_valid(wsm__str(room))) {
		wsm__call_refuse(call, 400, "room_invalid", "the project's id makes no valid room name");
		return;
	}
	wsm__buffer_add_str(call->out, "{\"project_id\":");
	wsm__buffer_add_json(call->out, wsm__slice(project, (size_t)len));
	wsm__buffer_addf(call->out, ",\"subscribers\":%llu}",
	                 (unsigned long long)wsm__subscribers(call->core, wsm__str(room)));
}

/* ---- POST /api/ws/broadcast ------------------------------------------------------------------------------------- */

json_t *wsm__call_body(struct wsm__call *call)
{
	json_error_t error;
	wsm_slice body = call->request->body;
	unsigned depth = 0;
	bool string = false;
	json_t *json;

	if (body.len > BODY_MAX) {
		wsm__call_refuse(call, 413, "message_too_large", "the body has more than 1 MiB");
		return NULL;
	}
	/* jansson recurses: the depth is looked at before. */
	for (size_t i = 0; i < body.len; i++) {
		char c = body.data[i];

		if (string) {
			i += c == '\\';
			string = c != '"';
		} else if (c == '"') {
			string = true;
		} else if ((c == '{' || c == '[') && ++depth > DEPTH_MAX) {
			wsm__call_refuse(call, 400, "bad_json", "the body is nested too deep");
			return NULL;
		} else if ((c == '}' || c == ']') && depth) {
			depth--;
		}
	}
	json = json_loadb(body.data ? body.data : "", body.len, JSON_REJECT_DUPLICATES, &error);
	if (!json)
		wsm__call_refuse(call, 400, "bad_json", error.text);
	else if (!json_is_object(json))
		wsm__call_refuse(call, 400, "bad_request", "the body must be a JSON object");
	if (json && json_is_object(json))
		return json;
	json_decref(json);
	return NULL;
}

static wsm_slice text_of(json_t *body, const char *name)
{
	json_t *value = json_object_get(body, name);

	return wsm__slice(json_string_value(value), json_string_length(value));
}

static bool check_body(struct wsm__call *call, json_t *body)
{
	static const char *const texts[] = { "event_type", "project_id", "room" };

	for (size_t i = 0; i < 3; i++) {
		json_t *value = json_object_get(body, texts[i]);

		if (value && !json_is_string(value) && !json_is_null(value)) {
			wsm__call_refuse(call, 400, "bad_request", "event_type, project_id and room must be strings");
			return false;
		}
	}
	if (!text_of(body, "event_type").len) {
		wsm__call_refuse(call, 400, "bad_request", "the body has no \"event_type\"");
		return false;
	}
	if (text_of(body, "room").len && text_of(body, "project_id").len) {
		wsm__call_refuse(call, 400, "bad_request", "give either room or project_id");
		return false;
	}
	return true;
}

static void send_body(struct wsm__call *call, json_t *body)
{
	json_t *data = json_object_get(body, "data");
	char *encoded = data ? json_dumps(data, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
	wsm_slice room = text_of(body, "room"), project = text_of(body, "project_id");
	wsm_publication publication = {
		.target = room.len      ? WSM_TO_ROOM
		          : project.len ? WSM_TO_PROJECT
		                        : WSM_TO_AUTO,
		.ids = room.len ? &room : &project,
		.n_ids = room.len || project.len ? 1 : 0,
		.type = text_of(body, "event_type"),
	};
	struct wsm__publish *publish;
	wsm_delivery delivery;
	wsm_error error;

	if (wsm__slice_is(room, "@all"))
		publication.target = WSM_TO_ALL;
	if (wsm__publish_new(&publication, wsm__str(encoded ? encoded : "{}"), &publish, &error)) {
		wsm__call_refuse(call, 400, wsm_status_code(error.status), error.message);
	} else {
		wsm__publish_now(call->core, publish, &delivery);
		wsm__buffer_addf(call->out, "{\"recipients\":%llu,\"message_id\":\"%s\"}",
		                 (unsigned long long)delivery.recipients, delivery.message_id);
	}
	free(encoded);
}

static void post_broadcast(struct wsm__call *call, wsm_slice rest)
{
	json_t *body = wsm__call_body(call);

	(void)rest;
	if (body && check_body(call, body))
		send_body(call, body);
	json_decref(body);
}

/* ---- routing ---------------------------------------------------------------------------------------------------- */

struct route {
	const char *path, *suffix; /* with a suffix: path is a prefix */
	const char *method;
	enum access { OPEN, READS, WRITES, ADMIN_PAGE, ADMIN_READS, ADMIN_WRITES } access;
	const char *content_type;
	void (*answer)(struct wsm__call *call, wsm_slice rest);
};

#define JSON_TYPE "application/json"
#define HTML_TYPE "text/html; charset=utf-8"

static const struct route routes[] = {
	{ "/api/ws/stats", NULL, "GET", READS, JSON_TYPE, get_stats },
	{ "/ws/stats", NULL, "GET", READS, JSON_TYPE, get_stats },
	{ "/api/ws/connections", NULL, "GET", READS, JSON_TYPE, get_connections },
	{ "/api/ws/health", NULL, "GET", OPEN, JSON_TYPE, get_health },
	{ "/api/ws/live", NULL, "GET", OPEN, JSON_TYPE, get_live },
	{ "/api/ws/bans", NULL, "GET", READS, JSON_TYPE, get_bans },
	{ "/api/ws/project/", "/subscribers", "GET", READS, JSON_TYPE, get_subscribers },
	{ "/api/ws/broadcast", NULL, "POST", WRITES, JSON_TYPE, post_broadcast },
	{ "/api/ws/history", NULL, "GET", OPEN, JSON_TYPE, wsm__rest_history },
	{ "/ws/admin", NULL, "GET", ADMIN_PAGE, HTML_TYPE, wsm__admin_page },
	{ "/api/ws/admin/state", NULL, "GET", ADMIN_READS, JSON_TYPE, wsm__admin_state },
	{ "/api/ws/admin/disconnect", NULL, "POST", ADMIN_WRITES, JSON_TYPE, wsm__admin_disconnect },
	{ "/api/ws/admin/ban", NULL, "POST", ADMIN_WRITES, JSON_TYPE, wsm__admin_ban },
	{ "/api/ws/admin/unban", NULL, "POST", ADMIN_WRITES, JSON_TYPE, wsm__admin_unban },
	{ "/metrics", NULL, "GET", READS, "text/plain; version=0.0.4; charset=utf-8", get_metrics },
};

static bool route_matches(const struct route *route, wsm_slice path, wsm_slice *rest)
{
	size_t prefix = strlen(route->path), suffix = route->suffix ? strlen(route->suffix) : 0;

	if (!route->suffix)
		return wsm__slice_is(path, route->path);
	if (!wsm__slice_starts(path, route->path) || path.len <= prefix + suffix)
		return false;
	*rest = wsm__slice(path.data + prefix, path.len - prefix);
	return !memcmp(path.data + path.len - suffix, route->suffix, suffix) &&
	       !memchr(rest->data, '/', rest->len - suffix);
}

static bool takes_post(const struct route *route)
{
	return route->access == WRITES || route->access == ADMIN_WRITES;
}

static bool is_admin(const struct route *route)
{
	return route && route->access >= ADMIN_PAGE;
}

/* False if the call was refused. */
static bool allowed(struct wsm__call *call, const struct route *route)
{
	switch (route->access) {
	case ADMIN_PAGE:
		return wsm__admin_may_open(call);
	case ADMIN_READS:
	case ADMIN_WRITES:
		return wsm__admin_may_use(call, route->access == ADMIN_WRITES);
	case OPEN:
		return true;
	default:
		break;
	}
	if (route->access == READS ? may_read(call) : may_write(call))
		return true;
	wsm__call_refuse_key(
		call, "this call needs the API key (api_key; X-API-Key, or Authorization: Bearer), or comes from "
		      "this machine to localhost, and not through a proxy");
	return false;
}

static const struct route *find_route(wsm_slice path, wsm_slice *rest)
{
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++)
		if (route_matches(&routes[i], path, rest))
			return &routes[i];
	return NULL;
}

bool wsm__rest_path(wsm_slice path)
{
	wsm_slice rest;

	return find_route(path, &rest) != NULL;
}

static void read_from(const wsm_rest_request *request, struct wsm__request *from)
{
	memset(from, 0, sizeof(*from));
	from->path = request->path;
	from->query = request->query;
	from->ip = request->ip;
	from->via = request->via;
	from->headers = request->headers;
	from->n_headers = request->n_headers;
	from->tls = request->tls;
	from->host = request->host.len ? request->host : wsm__request_header(from, "host");
}

bool wsm__rest_client(const wsm_runtime *runtime, const wsm_rest_request *request, struct wsm__address *client)
{
	struct wsm__request from;
	const char *why;
	bool good;

	read_from(request, &from);
	good = wsm__request_client(runtime, &from, &why);
	*client = from.client.address;
	return good;
}

/* Who calls, behind trusted proxies; false if it was refused. */
static bool find_client(struct wsm__call *call)
{
	const char *why;

	read_from(call->request, &call->from);
	if (wsm__request_client(call->core->runtime, &call->from, &why))
		return true;
	wsm__call_refuse(call, 400, "bad_request", why);
	return false;
}

static void find_key(struct wsm__call *call, const struct route *route)
{
	const struct wsm__key_call asked = { &call->from, route && route->access != OPEN, !call->first_look };

	call->key = wsm__key_check(call->core, &asked);
}

/* Who may use the panel may do so from a banned address, too: bans are lifted there. */
static bool is_banned(struct wsm__call *call, const struct route *route)
{
	if (is_admin(route) || wsm__call_has_key(call) || !wsm__peer_banned(call->core, &call->from.client.address))
		return false;
	wsm__call_refuse(call, 429, "rate_limited", "this address is banned for a while");
	return true;
}

/* False if the call was refused. */
static bool admit(struct wsm__call *call, const struct route *route)
{
	bool head = wsm__slice_is(call->request->method, "HEAD");

	if (!find_client(call))
		return false;
	find_key(call, route);
	if (is_banned(call, route))
		return false;
	if (!route)
		wsm__call_refuse(call, 404, "not_found", "there is nothing here");
	else if (!wsm__slice_is(call->request->method, route->method) && !(head && !takes_post(route)))
		wsm__call_refuse(call, 405, "method_not_allowed", takes_post(route) ? "use POST" : "use GET");
	else
		return allowed(call, route);
	return false;
}

bool wsm__rest_takes_body(struct wsm__core *core, const wsm_rest_request *request)
{
	struct wsm__buffer out;
	struct wsm__call call = { .core = core, .request = request, .out = &out, .status = 200, .first_look = true };
	wsm_slice rest;
	const struct route *route = find_route(request->path, &rest);
	bool takes;

	wsm__buffer_init(&out);
	takes = admit(&call, route) && takes_post(route);
	wsm__buffer_fini(&out);
	return takes;
}

/* That history was refused has been told, by its room. */
static void tell(const struct wsm__call *call, const struct route *route)
{
	wsm_slice origin = wsm__call_header(call, "origin");
	char ip[60], host[120], page[120];

	if (call->status != 401 && call->status != 403 && call->status != 429)
		return;
	if (route && route->answer == wsm__rest_history && call->status != 429)
		return;
	wsm__refusal_tell(call->core->runtime, WSM__REFUSED_CALL, "%s %s%s of %s to host %s%s%s (%u): %s",
	                  route && takes_post(route) ? "POST" : "GET", route ? route->path : "(no call of ours)",
	                  route && route->suffix ? "{project_id}/subscribers" : "",
	                  wsm__log_text(ip, sizeof(ip), call->from.ip),
	                  wsm__log_text(host, sizeof(host), call->from.called), origin.len ? ", Origin " : "",
	                  wsm__log_text(page, sizeof(page), origin), call->status, call->why);
}

int wsm__rest_answer(struct wsm__core *core, const wsm_rest_request *request, struct wsm__inquiry *inquiry,
                     wsm_rest_answer *answer)
{
	struct wsm__buffer out;
	struct wsm__call call = { .core = core, .request = request, .inquiry = inquiry, .out = &out, .status = 200 };
	wsm_slice rest = { NULL, 0 };
	const struct route *route = find_route(request->path, &rest);
	bool preflight;
	int status;

	wsm__buffer_init(&out);
	answer->content_type = JSON_TYPE;
	answer->headers = WSM__REST_HEADERS;
	preflight = wsm__slice_is(request->method, "OPTIONS");
	/* The panel is a page of ours, and no other's. */
	if (route && !is_admin(route))
		preflight &=
			wsm__cors_fields(core->config, wsm__fields_get(request->headers, request->n_headers, "origin"),
			                 preflight, answer->cors);
	else
		preflight = false;
	if (preflight) {
		; /* a browser asks whether it may call */
	} else if (admit(&call, route)) {
		route->answer(&call, rest);
		if (call.status == 200)
			answer->content_type = route->content_type;
	} else if (route && route->access == ADMIN_PAGE) {
		wsm__admin_explain(&call);
		answer->content_type = HTML_TYPE;
	}
	if (route && route->access == ADMIN_PAGE)
		answer->headers = wsm__admin_headers();
	tell(&call, route);
	answer->status = call.status;
	status = wsm__buffer_steal(&out, &answer->body);
	wsm__buffer_fini(&out);
	return status;
}
