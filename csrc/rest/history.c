/* GET /api/ws/history: for polling clients, so the rights are those of the rooms. */
#include "rest/history.h"

#include <stdlib.h>
#include <string.h>

#include "clients/access.h"
#include "clients/answers.h"
#include "clients/grant.h"
#include "core/core.h"
#include "host/refusals.h"
#include "policy/config.h"
#include "policy/origin.h"
#include "rest/call.h"
#include "wire/handshake.h"
#include "wire/name.h"
#include "wire/target.h"

/* Parses since=<epoch>:<offset>. */
static bool parse_since(char *text, int len, struct wsm__since *since)
{
	char *colon = len > 0 ? strrchr(text, ':') : NULL, *end;

	if (!colon || colon == text || colon[1] < '0' || colon[1] > '9')
		return false;
	since->epoch = wsm__slice(text, (size_t)(colon - text));
	since->offset = strtoull(colon + 1, &end, 10);
	return *end == '\0';
}

/*
 * Stops DNS rebinding, as host/request.c does for sockets. But a GET has no Origin, and a page can write proxies' headers itself, so
 * the name in the request must be good in any case. No page can write Sec-Fetch-Site; browsers send it over https and to localhost
 * only.
 */
static bool by_foreign_name(const struct wsm__call *call)
{
	const struct wsm__request *from = &call->from;
	wsm_slice allowed[WSM__ORIGINS_MAX];
	size_t n = wsm__request_origins(call->core->runtime, allowed);

	if (!from->loopback || wsm__access_authenticates(call->core) || call->request->user_id.len ||
	    wsm__call_header(call, "sec-fetch-site").len)
		return false;
	return !wsm__host_allowed(from->called, allowed, n) ||
	       (wsm__address_is_loopback(&from->client.address) && !wsm__host_allowed(from->host, allowed, n));
}

/* Returns true, and writes the question, if only the authenticate handler could still allow the call. */
static bool ask_host(const struct wsm__call *call)
{
	static const struct wsm__path_params none = { .count = 0 };
	struct wsm__inquiry *inquiry = call->inquiry;

	/* A caller with a wrong key hears that; the handler is not asked. */
	if (!inquiry->can_ask || inquiry->decision || call->key != WSM__KEY_NONE ||
	    !wsm__wants(call->core, WSM_WANT_AUTHENTICATE))
		return false;
	inquiry->asks = true;
	wsm__request_describe(&inquiry->question, &call->from, &none);
	return true;
}

/* Takes the handler's decision as if the host had made the call with it. */
static void take_decision(wsm_rest_request *said, const wsm_decision *decision)
{
	memset(said, 0, sizeof(*said));
	said->admitted = true;
	said->user_id = decision->user_id;
	said->rooms = decision->rooms;
	said->n_rooms = decision->n_rooms;
	said->subscribe = decision->subscribe;
	said->n_subscribe = decision->n_subscribe;
}

static unsigned refused_by_host(const wsm_decision *decision, const char **why)
{
	*why = decision->reason.len ? decision->reason.data : "the application did not accept this call";
	return wsm__handshake_status(decision->code ? decision->code : 4401);
}

/* Checks the right by a token, in any place where a socket's may stand; else by the handler. Returns 0, or the status of a refusal. */
static unsigned check_token(struct wsm__call *call, wsm_slice room, const char **why)
{
	static const struct wsm__path_params none = { .count = 0 };
	const wsm_runtime *runtime = call->core->runtime;
	struct wsm__request *from = &call->from;
	struct wsm__reader reader = { .claims = NULL };
	struct wsm__claims claims;
	struct wsm__buffer token;
	bool good, came;
	unsigned status;

	wsm__buffer_init(&token);
	good = wsm__request_token(runtime, from, &none, wsm__request_by_page(runtime, from), &token);
	came = runtime->jwt && from->token.len;
	if (good && wsm__token_read(call->core, from->token, &from->client.address, &claims))
		reader.claims = &claims;
	status = wsm__access_read(call->core, &reader, room, why);
	if (reader.claims)
		wsm__claims_fini(&claims);
	from->token = wsm__str(NULL); /* it lies in the buffer */
	wsm__buffer_fini(&token);
	if (status && !good) {
		*why = "a token in a cookie needs an allowed Origin (allowed_origins), or Sec-Fetch-Site: same-origin";
		return 403;
	}
	return status == 401 && !came && ask_host(call) ? 0 : status;
}

/*
 * As over WebSocket: a token decides if the call has one, else the authenticate handler, if the call can wait. It does not ask the
 * authorize handler, so rooms that only that one grants need the key.
 */
static unsigned check_read(struct wsm__call *call, wsm_slice room, const char **why)
{
	const wsm_decision *decision = call->inquiry->decision;
	struct wsm__reader reader = { .claims = NULL };
	wsm_rest_request said;
	unsigned status;

	if (wsm__call_has_key(call))
		return 0;
	if (by_foreign_name(call)) {
		*why = "the host that is asked for is no name of loopback, and nothing authenticates clients: add the "
		       "origin of its pages to option allowed_origins (WEBSOCKET_ALLOWED_ORIGINS)";
		return 403;
	}
	if (call->request->admitted) {
		reader.host = call->request;
	} else if (decision && decision->allow) {
		take_decision(&said, decision);
		reader.host = &said;
	} else if (!decision) {
		return check_token(call, room, why);
	}
	status = wsm__access_read(call->core, &reader, room, why);
	return status == 401 && decision ? refused_by_host(decision, why) : status;
}

/* Returns the error code of docs/protocol.md. */
static const char *code_of(unsigned status)
{
	switch (status) {
	case 400:
		return "bad_request";
	case 401:
		return "unauthenticated";
	case 429:
		return "rate_limited";
	case 503:
		return "internal";
	default:
		return "forbidden";
	}
}

void wsm__rest_history(struct wsm__call *call, wsm_slice rest)
{
	char room[WSM__ROOM_NAME_MAX + 1], since[64], limit[16], *end;
	wsm_slice query = call->request->query;
	/* Bounded as over WebSocket: a caller that asks for a large history and does not read it must not fill the memory. */
	struct wsm__history_request history = { .max_bytes = call->core->config->max_queue / 2 };
	int room_len = wsm__query_get(query, "room", room, sizeof(room));
	int since_len = wsm__query_get(query, "since", since, sizeof(since));
	int limit_len = wsm__query_get(query, "limit", limit, sizeof(limit));
	unsigned long wanted = limit_len > 0 ? strtoul(limit, &end, 10) : 0;
	const char *why = NULL;
	unsigned status;

	(void)rest;
	history.room = wsm__slice(room, room_len > 0 ? (size_t)room_len : 0);
	if (room_len <= 0 || (!wsm__room_name_valid(history.room) && !wsm__slice_is(history.room, "@all"))) {
		wsm__call_refuse(call, 400, "room_invalid", "the parameter room must name a public room");
		return;
	}
	if (since_len != -1 && !parse_since(since, since_len, &history.since)) {
		wsm__call_refuse(call, 400, "bad_request", "the parameter since must be <epoch>:<offset>");
		return;
	}
	if (limit_len != -1 &&
	    (limit_len <= 0 || *end || limit[0] < '0' || limit[0] > '9' || wanted < 1 || wanted > 10000)) {
		wsm__call_refuse(call, 400, "bad_request", "the parameter limit must be 1 to 10000");
		return;
	}
	history.has_since = since_len != -1;
	history.limit = (unsigned)wanted;
	history.page = call->inquiry->page;
	status = call->inquiry->again ? 0 : check_read(call, history.room, &why);
	if (status) {
		call->core->counters.forbidden++;
		wsm__refusal_tell(call->core->runtime, WSM__REFUSED_HISTORY, "history of \"%s\" over REST: %s",
		                  wsm__log_text(since, sizeof(since), history.room), why);
		wsm__call_refuse(call, status, code_of(status), why);
		return;
	}
	if (call->inquiry->asks)
		return;
	if (call->inquiry->log_status) {
		wsm__call_unavailable(call, call->inquiry->log_status);
		return;
	}
	call->inquiry->waits = wsm__history_needs(call->core, &history, &call->inquiry->need);
	if (!call->inquiry->waits)
		wsm__answer_history(call->core, &history, call->out);
}
