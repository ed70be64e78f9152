#include "rest/rest.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clients/answers.h"
#include "clients/peers.h"
#include "clients/storage.h"
#include "core/core.h"
#include "core/publish.h"
#include "host/refusals.h"
#include "host/route.h"
#include "policy/config.h"
#include "policy/origin.h"
#include "rest/call.h"
#include "rest/cors.h"
#include "rest/history.h"
#include "wire/head.h"
#include "wire/name.h"
#include "wire/target.h"

/* ---- access ----------------------------------------------------------------------------------------------------- */

/*
 * Returns whether the call may write: with the key, or from this machine to localhost. A browser on this machine is on loopback with
 * any page, but sends an Origin with every POST: with a key set, any Origin needs it; without, a foreign one may not write.
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

/* Returns whether the call may read statistics: from this machine to localhost, or with the key. */
static bool may_read(const struct wsm__call *call)
{
	return wsm__call_has_key(call) || call->from.local;
}

static bool allowed(struct wsm__call *call, const struct wsm__rest_row *row)
{
	bool may = true;

	if (row->allowed)
		return row->allowed(call);
	if (row->route.caller == WSM_REST_WRITER)
		may = may_write(call);
	else if (row->route.caller == WSM_REST_READER)
		may = may_read(call);
	if (!may)
		wsm__call_refuse_key(
			call, "this call needs the API key (api_key; X-API-Key, or Authorization: Bearer), or comes "
			      "from this machine to localhost, and not through a proxy");
	return may;
}

/* Returns whether the call is for the API key; else Bearer may carry a token. */
static bool is_for_key(const struct wsm__rest_row *row)
{
	return row->route.caller != WSM_REST_ANYONE && row->route.caller != WSM_REST_MEMBER;
}

/* ---- the calls -------------------------------------------------------------------------------------------------- */

static void get_stats(struct wsm__call *call, wsm_slice value)
{
	(void)value;
	wsm__answer_stats(call->core, call->out);
}

static void get_connections(struct wsm__call *call, wsm_slice value)
{
	(void)value;
	wsm__buffer_addf(call->out, "{\"active_connections\":%llu}", (unsigned long long)call->core->n_active);
}

/*
 * For load balancers: whether new clients are welcome. A store that is down is told, and is no reason to send them elsewhere: no other
 * process can have its file, and rooms in memory go on.
 */
static void get_health(struct wsm__call *call, wsm_slice value)
{
	bool draining = atomic_load(&call->core->runtime->draining);

	(void)value;
	call->status = draining ? 503 : 200;
	wsm__buffer_addf(call->out, "{\"status\":\"%s\"", draining ? "draining" : "ok");
	wsm__storage_health(call->core, may_read(call), call->out);
	wsm__buffer_add_str(call->out, "}");
}

/* For supervisors that restart processes: any answer means that it lives, also while it drains. */
static void get_live(struct wsm__call *call, wsm_slice value)
{
	(void)value;
	wsm__buffer_add_str(call->out, "{\"status\":\"ok\"}");
}

static void get_bans(struct wsm__call *call, wsm_slice value)
{
	(void)value;
	wsm__peers_answer_bans(call->core, call->out);
}

static void get_metrics(struct wsm__call *call, wsm_slice value)
{
	(void)value;
	wsm__answer_metrics(call->core, call->out);
}

static void get_subscribers(struct wsm__call *call, wsm_slice value)
{
	char project[WSM__ROOM_NAME_MAX + 1], room[160];
	int len = wsm__percent_decode(value, false, project, sizeof(project));

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

static wsm_slice text_of(json_t *body, const char *name)
{
	json_t *value = json_object_get(body, name);

	return wsm__slice(json_string_value(value), json_string_length(value));
}

static bool check_body(struct wsm__call *call, json_t *body)
{
	static const char *const texts[] = { "event_type", "project_id", "room", "once" };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		json_t *value = json_object_get(body, texts[i]);

		if (value && !json_is_string(value) && !json_is_null(value)) {
			wsm__call_refuse(call, 400, "bad_request",
			                 "event_type, project_id, room and once must be strings");
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
	if (json_is_string(json_object_get(body, "once")) && !text_of(body, "once").len) {
		wsm__call_refuse(call, 400, "bad_request", "once is empty: leave it out where there is no id");
		return false;
	}
	return true;
}

static void tell_delivery(struct wsm__call *call, const wsm_delivery *delivery)
{
	if (delivery->status)
		wsm__call_unavailable(call, delivery->status);
	else
		wsm__buffer_addf(call->out, "{\"recipients\":%llu,\"message_id\":\"%s\"%s}",
		                 (unsigned long long)delivery->recipients, delivery->message_id,
		                 delivery->duplicate ? ",\"duplicate\":true" : "");
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
		.once = text_of(body, "once"),
	};
	struct wsm__publish *publish;
	wsm_delivery delivery;
	wsm_error error;

	if (wsm__slice_is(room, "@all"))
		publication.target = WSM_TO_ALL;
	if (wsm__publish_new(&publication, wsm__str(encoded ? encoded : "{}"), &publish, &error)) {
		wsm__call_refuse(call, 400, wsm_status_code(error.status), error.message);
	} else {
		call->inquiry->sending = wsm__publish_start(call->core, publish, &delivery);
		call->inquiry->waits = call->inquiry->sending != NULL;
		if (!call->inquiry->waits)
			tell_delivery(call, &delivery);
	}
	free(encoded);
}

static void post_broadcast(struct wsm__call *call, wsm_slice value)
{
	json_t *body = call->inquiry->again ? NULL : wsm__call_body(call);

	(void)value;
	if (call->inquiry->delivery)
		tell_delivery(call, call->inquiry->delivery);
	else if (call->inquiry->again)
		wsm__call_unavailable(call, call->inquiry->log_status);
	else if (body && check_body(call, body))
		send_body(call, body);
	json_decref(body);
}

/* ---- routing ---------------------------------------------------------------------------------------------------- */

#define JSON_TYPE "application/json"

static const struct wsm__rest_row rows[] = {
	{ .route = { "stats", "GET", "/api/ws/stats", "", WSM_REST_READER,
	             "Counters of the connections, messages and rooms" },
	  .content_type = JSON_TYPE,
	  .answer = get_stats },
	{ .route = { "stats_short", "GET", "/ws/stats", "", WSM_REST_READER, "The same as /api/ws/stats" },
	  .content_type = JSON_TYPE,
	  .answer = get_stats },
	{ .route = { "connections", "GET", "/api/ws/connections", "", WSM_REST_READER,
	             "How many connections there are" },
	  .content_type = JSON_TYPE,
	  .answer = get_connections },
	{ .route = { "health", "GET", "/api/ws/health", "", WSM_REST_ANYONE,
	             "Whether new clients are welcome: 200, or 503 while draining" },
	  .content_type = JSON_TYPE,
	  .answer = get_health },
	{ .route = { "live", "GET", "/api/ws/live", "", WSM_REST_ANYONE,
	             "Whether the process lives: 200, also while draining" },
	  .content_type = JSON_TYPE,
	  .answer = get_live },
	{ .route = { "bans", "GET", "/api/ws/bans", "", WSM_REST_READER, "The addresses that are turned away" },
	  .content_type = JSON_TYPE,
	  .answer = get_bans },
	{ .route = { "subscribers", "GET", "/api/ws/project/{project_id}/subscribers", "", WSM_REST_READER,
	             "How many connections follow a project" },
	  .content_type = JSON_TYPE,
	  .answer = get_subscribers },
	{ .route = { "broadcast", "POST", "/api/ws/broadcast", "event_type,data,project_id,room,once", WSM_REST_WRITER,
	             "Sends an event to a room, a project or everybody" },
	  .content_type = JSON_TYPE,
	  .answer = post_broadcast },
	{ .route = { "history", "GET", "/api/ws/history", "room,since,limit", WSM_REST_MEMBER,
	             "The messages that a room keeps" },
	  .content_type = JSON_TYPE,
	  .answer = wsm__rest_history },
	{ .route = { "metrics", "GET", "/metrics", "", WSM_REST_READER, "The counters as Prometheus text" },
	  .content_type = "text/plain; version=0.0.4; charset=utf-8",
	  .answer = get_metrics },
};

const struct wsm__rest_rows wsm__rest_rows = { rows, sizeof(rows) / sizeof(rows[0]) };

/* Returns whether a path matches. `value`: the segment at {…}, which is not empty. */
static bool row_matches(const struct wsm__rest_row *row, wsm_slice path, wsm_slice *value)
{
	const char *pattern = row->route.path, *open = strchr(pattern, '{');
	size_t prefix = open ? (size_t)(open - pattern) : 0;
	wsm_slice suffix = wsm__str(open ? strchr(open, '}') + 1 : NULL);

	if (!open)
		return wsm__slice_is(path, pattern);
	if (path.len <= prefix + suffix.len || memcmp(path.data, pattern, prefix) ||
	    memcmp(path.data + path.len - suffix.len, suffix.data, suffix.len))
		return false;
	*value = wsm__slice(path.data + prefix, path.len - prefix - suffix.len);
	return !memchr(value->data, '/', value->len);
}

static bool takes_post(const struct wsm__rest_row *row)
{
	return !strcmp(row->route.method, "POST");
}

/* The panel is for our own pages only: no CORS, and no bans, since people lift bans there. */
static bool is_panel(const struct wsm__rest_row *row)
{
	return row->route.caller == WSM_REST_ADMIN;
}

/* Looks through the calls of this folder, then those of folders above. */
static const struct wsm__rest_row *find_row(const struct wsm__core *core, wsm_slice path, wsm_slice *value)
{
	const struct wsm__rest_rows *more = core->rest;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (row_matches(&rows[i], path, value))
			return &rows[i];
	for (size_t i = 0; more && i < more->n; i++)
		if (row_matches(&more->rows[i], path, value))
			return &more->rows[i];
	return NULL;
}

bool wsm__rest_path(const struct wsm__core *core, wsm_slice path)
{
	wsm_slice value;

	return find_row(core, path, &value) != NULL;
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

/* Finds the caller's address, behind trusted proxies. Returns false if it refused the call. */
static bool find_client(struct wsm__call *call)
{
	const char *why;

	read_from(call->request, &call->from);
	if (wsm__request_client(call->core->runtime, &call->from, &why))
		return true;
	wsm__call_refuse(call, 400, "bad_request", why);
	return false;
}

static void find_key(struct wsm__call *call, const struct wsm__rest_row *row)
{
	const struct wsm__key_call asked = { &call->from, row && is_for_key(row), !call->first_look };

	call->key = wsm__key_check(call->core, &asked);
}

/* Refuses calls from a banned address, but not those of the panel, where people lift bans, and not with the API key. */
static bool is_banned(struct wsm__call *call, const struct wsm__rest_row *row)
{
	if ((row && is_panel(row)) || wsm__call_has_key(call) ||
	    !wsm__peer_banned(call->core, &call->from.client.address))
		return false;
	wsm__call_refuse(call, 429, "rate_limited", "this address is banned for a while");
	return true;
}

/* Checks a call. Returns false if it refused the call. */
static bool admit(struct wsm__call *call, const struct wsm__rest_row *row)
{
	bool head = wsm__slice_is(call->request->method, "HEAD");

	if (!find_client(call))
		return false;
	find_key(call, row);
	if (is_banned(call, row))
		return false;
	if (!row)
		wsm__call_refuse(call, 404, "not_found", "there is nothing here");
	else if (!wsm__slice_is(call->request->method, takes_post(row) ? "POST" : "GET") && !(head && !takes_post(row)))
		wsm__call_refuse(call, 405, "method_not_allowed", takes_post(row) ? "use POST" : "use GET");
	else
		return allowed(call, row);
	return false;
}

bool wsm__rest_takes_body(struct wsm__core *core, const wsm_rest_request *request)
{
	struct wsm__buffer out;
	struct wsm__inquiry inquiry = { .can_ask = false };
	struct wsm__call call = {
		.core = core, .request = request, .inquiry = &inquiry, .out = &out, .status = 200, .first_look = true
	};
	wsm_slice value;
	const struct wsm__rest_row *row = find_row(core, request->path, &value);
	bool takes;

	wsm__buffer_init(&out);
	takes = admit(&call, row) && takes_post(row);
	wsm__buffer_fini(&out);
	return takes;
}

/* Logs a refusal; history logs its own, with the room. */
static void tell(const struct wsm__call *call, const struct wsm__rest_row *row)
{
	wsm_slice origin = wsm__call_header(call, "origin");
	char ip[60], host[120], page[120];

	if (call->status != 401 && call->status != 403 && call->status != 429)
		return;
	if (row && row->answer == wsm__rest_history && call->status != 429)
		return;
	wsm__refusal_tell(call->core->runtime, WSM__REFUSED_CALL, "%s %s of %s to host %s%s%s (%u): %s",
	                  row && takes_post(row) ? "POST" : "GET", row ? row->route.path : "(no call of ours)",
	                  call->from.ip.len ? wsm__log_text(ip, sizeof(ip), call->from.ip) : "an unknown address",
	                  wsm__log_text(host, sizeof(host), call->from.called), origin.len ? ", Origin " : "",
	                  wsm__log_text(page, sizeof(page), origin), call->status, call->why);
}

int wsm__rest_answer(struct wsm__core *core, const wsm_rest_request *request, struct wsm__inquiry *inquiry,
                     wsm_rest_answer *answer)
{
	struct wsm__buffer out;
	struct wsm__call call = { .core = core, .request = request, .inquiry = inquiry, .out = &out, .status = 200 };
	wsm_slice value = { NULL, 0 };
	const struct wsm__rest_row *row = find_row(core, request->path, &value);
	bool preflight;
	int status;

	wsm__buffer_init(&out);
	answer->content_type = JSON_TYPE;
	answer->headers = WSM__REST_HEADERS;
	preflight = wsm__slice_is(request->method, "OPTIONS");
	/* No page of another origin may call the panel. */
	if (row && !is_panel(row))
		preflight &=
			wsm__cors_fields(core->config, wsm__fields_get(request->headers, request->n_headers, "origin"),
			                 preflight, answer->cors);
	else
		preflight = false;
	if (preflight) {
		; /* a browser asks whether it may call */
	} else if (inquiry->again || admit(&call, row)) {
		row->answer(&call, value);
		if (call.status == 200)
			answer->content_type = row->content_type;
	} else if (row && row->explain) {
		row->explain(&call);
		answer->content_type = row->content_type;
	}
	if (row && row->headers)
		answer->headers = row->headers();
	tell(&call, row);
	answer->status = call.status;
	status = wsm__buffer_steal(&out, &answer->body);
	wsm__buffer_fini(&out);
	return status;
}
