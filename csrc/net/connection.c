#include "net/connection.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/siphash.h"
#include "net/access.h"
#include "net/checks.h"
#include "net/lists.h"
#include "net/publish.h"
#include "net/refusals.h"
#include "net/session.h"
#include "net/token.h"
#include "rooms/name.h"
#include "wire/own.h"

/* ---- who it is ---------------------------------------------------------------------------------------------------- */

/* The same facts with another user and session: what the host decided. */
static int info_identify(struct wsm__conn *conn, wsm_slice user_id, wsm_slice session_id)
{
	const wsm_conn_info *old = conn->info;
	wsm_slice texts[7] = {
		wsm__str(old->client_id),
		user_id.len ? user_id : wsm__str(old->user_id),
		session_id.len ? session_id : wsm__str(old->session_id),
		wsm__str(old->path),
		wsm__str(old->query),
		wsm__str(old->ip),
		wsm__str(old->user_agent),
	};
	const wsm_conn_info *info = wsm__info_new(old->conn, old->connected_at, texts);
	struct wsm__core *core = conn->core;

	if (!info)
		return WSM_ENOMEM;
	HASH_DELETE(by_client, core->by_client, conn); /* its key is in the old one */
	conn->info = info;
	conn->sub.client_id = wsm__str(info->client_id);
	conn->sub.user_id = wsm__str(info->user_id);
	HASH_ADD_KEYPTR_BYHASHVALUE(
		by_client, core->by_client, info->client_id, (unsigned)conn->sub.client_id.len,
		(unsigned)wsm__siphash(info->client_id, conn->sub.client_id.len, core->registry.key), conn);
	wsm_conn_info_unref(old);
	return WSM_OK;
}

/* Who is on the way out counts against no limit: a refused client that never leaves would keep others out. */
static void release_place(struct wsm__conn *conn)
{
	if (!conn->peer)
		return;
	wsm__limits_leave(conn);
	wsm__peer_leave(conn->peer);
	conn->peer = NULL;
	conn->core->n_active--;
}

/* ---- looking up ------------------------------------------------------------------------------------------------- */

struct wsm__conn *wsm__conn_by_client(struct wsm__core *core, wsm_slice client_id)
{
	struct wsm__conn *conn = NULL;

	HASH_FIND_BYHASHVALUE(by_client, core->by_client, client_id.data, (unsigned)client_id.len,
	                      (unsigned)wsm__siphash(client_id.data, client_id.len, core->registry.key), conn);
	return conn;
}

struct wsm__conn *wsm__conn_by_number(struct wsm__core *core, uint64_t number)
{
	struct wsm__conn *conn = NULL;

	HASH_FIND(by_number, core->by_number, &number, sizeof(number), conn);
	return conn;
}

/* ---- being made ------------------------------------------------------------------------------------------------- */

static void messages_free(struct wsm__early *message)
{
	while (message) {
		struct wsm__early *next = message->next;

		free(message);
		message = next;
	}
}

static void opening_free(struct wsm__opening *opening)
{
	if (!opening)
		return;
	for (size_t i = 0; i < opening->n_rooms; i++)
		free(opening->rooms[i]);
	free(opening->rooms);
	free(opening->resume);
	if (opening->token)
		explicit_bzero(opening->token, strlen(opening->token));
	free(opening->token);
	free(opening->answer_id);
	messages_free(opening->early);
	messages_free(opening->welcome);
	wsm__buffer_fini(&opening->described);
	for (size_t i = 0; i < opening->n_gaps; i++)
		wsm__pub_unref(opening->gaps[i]);
	free(opening->gaps);
	free(opening);
}

static void opening_refuse(struct wsm__opening *opening, const char *reason)
{
	opening->refuse_code = 4400;
	opening->refuse_reason = reason;
}

static int opening_add_room(struct wsm__opening *opening, wsm_slice room)
{
	char **grown = realloc(opening->rooms, (opening->n_rooms + 1) * sizeof(char *));

	if (!grown)
		return WSM_ENOMEM;
	opening->rooms = grown;
	opening->rooms[opening->n_rooms] = wsm__slice_dup(room);
	return opening->rooms[opening->n_rooms] ? (opening->n_rooms++, WSM_OK) : WSM_ENOMEM;
}

/* The parameters of the query that every endpoint knows: level, resume. */
static void opening_query(struct wsm__opening *opening, wsm_slice query)
{
	char word[32], *resume = malloc(query.len + 1);
	int len = wsm__query_get(query, "level", word, sizeof(word));
	int level = len >= 0 ? wsm_level_parse(wsm__slice(word, (size_t)len)) : WSM_LEVEL_NONE;

	if (len == -2 || level < 0)
		opening_refuse(opening, "level must be debug, info, success, warning, error or critical");
	else
		opening->level = level;
	len = resume ? wsm__query_get(query, "resume", resume, query.len + 1) : -1;
	if (len >= 0)
		opening->n_resume = wsm__resume_parse(wsm__slice(resume, (size_t)len), &opening->resume);
	if (len == -2 || opening->n_resume < 0) {
		opening->n_resume = 0;
		opening_refuse(opening, "resume must be base64url of {\"room\":[\"epoch\",offset]}");
	}
	free(resume);
}

static struct wsm__opening *opening_new(const struct wsm__core *core, const struct wsm__request *request,
                                        const struct wsm__endpoint *endpoint, const struct wsm__path_params *params,
                                        const wsm_admission *admission)
{
	struct wsm__opening *opening = calloc(1, sizeof(*opening));
	char room[136];

	if (!opening)
		return NULL;
	wsm__buffer_init(&opening->described);
	if (wsm__wants(core, WSM_WANT_AUTHENTICATE) && !(admission && admission->ask))
		wsm__request_describe(&opening->described, request, params);
	opening_query(opening, request->query);
	for (size_t i = 0; endpoint && i < endpoint->n_rooms; i++) {
		int len = wsm__room_from_template(endpoint->rooms[i], params, room);

		if (len < 0)
			opening_refuse(opening, "the path does not name a valid room");
		else if (opening_add_room(opening, wsm__slice(room, (size_t)len)))
			goto fail;
	}
	opening->n_endpoint_rooms = opening->n_rooms;
	opening->firehose = endpoint && (endpoint->flags & WSM_ENDPOINT_FIREHOSE);
	if (request->token.len && !(opening->token = wsm__slice_dup(request->token)))
		goto fail;
	if (!admission)
		return opening;
	if (!endpoint && opening_add_room(opening, wsm__str("@all")))
		goto fail;
	return opening;
fail:
	opening_free(opening);
	return NULL;
}

static int take_patterns(struct wsm__patterns *patterns, const wsm_slice *names, size_t n)
{
	int status = WSM_OK;

	for (size_t i = 0; i < n && !status; i++)
		status = wsm__patterns_add(patterns, names[i]);
	return status;
}

/* What the host has granted, and what is to be joined of it. */
static int take_grants(struct wsm__conn *conn, const struct wsm__lists *lists)
{
	int status = take_patterns(&conn->granted, lists->rooms, lists->n_rooms);

	for (size_t i = 0; i < lists->n_rooms && !status; i++)
		status = opening_add_room(conn->opening, lists->rooms[i]);
	if (!status)
		status = take_patterns(&conn->granted, lists->subscribe, lists->n_subscribe);
	if (!status)
		status = wsm__opening_welcome(conn->opening, lists->welcome, lists->n_welcome);
	return status ? status : take_patterns(&conn->may_publish, lists->publish, lists->n_publish);
}

static bool has_token_param(const struct wsm__path_params *params)
{
	for (size_t i = 0; i < params->count; i++)
		if (wsm__slice_is(params->at[i].name, "token"))
			return true;
	return false;
}

static const wsm_conn_info *describe(struct wsm__core *core, uint64_t number, const struct wsm__request *request,
                                     const struct wsm__endpoint *endpoint, const struct wsm__path_params *params,
                                     const wsm_admission *admission, struct wsm__opening *opening)
{
	char client_id[24], session[WSM__ID_MAX + 1];
	int len = wsm__query_get(request->query, "session_id", session, sizeof(session));
	wsm_slice texts[7] = { { NULL, 0 } };
	const wsm_conn_info *info;
	struct wsm__buffer query;
	bool claims_session = len > 0 && wsm__id_valid(wsm__slice(session, (size_t)len));

	wsm__random_name(client_id, 22);
	texts[0] = admission && admission->client_id.len ? admission->client_id : wsm__slice(client_id, 22);
	if (admission) {
		texts[1] = admission->user_id;
		texts[2] = admission->session_id;
	}
	/* Where there are users, a session belongs to one: who says which user it is says which session. */
	if (claims_session && !texts[1].len && !texts[2].len && wsm__checks_believe_session(core, admission))
		texts[2] = wsm__slice(session, (size_t)len);
	else if (!claims_session && (len > 0 || len == -2))
		opening_refuse(opening, "session_id must be at most 120 bytes of UTF-8 without control characters");
	/* A token is a secret: it does not become a fact that handlers log. */
	wsm__buffer_init(&query);
	wsm__token_redact(core->runtime, request->query, &query);
	texts[3] = endpoint && params && has_token_param(params) ? wsm__str(endpoint->path) : request->path;
	texts[4] = wsm__slice(query.data, query.len);
	texts[5] = request->ip;
	texts[6] = wsm__request_header(request, "user-agent");
	info = query.failed ? NULL : wsm__info_new(number, (int64_t)wsm__unix_ms(), texts);
	wsm__buffer_fini(&query);
	return info;
}

/* A place in core->conns for one more. */
static bool has_place(struct wsm__core *core)
{
	size_t capacity = core->conns_capacity ? 2 * core->conns_capacity : 64;
	struct wsm__conn **grown;

	if (core->n_conns < core->conns_capacity)
		return true;
	grown = realloc(core->conns, capacity * sizeof(struct wsm__conn *));
	if (!grown)
		return false;
	core->conns = grown;
	core->conns_capacity = capacity;
	return true;
}

static void give_place_up(struct wsm__conn *conn)
{
	struct wsm__core *core = conn->core;
	struct wsm__conn *last = core->conns[--core->n_conns];

	core->conns[conn->index] = last;
	last->index = conn->index;
}

struct wsm__conn *wsm__conn_new(struct wsm__core *core, uint64_t number, const struct wsm__request *request,
                                const struct wsm__endpoint *endpoint, const struct wsm__path_params *params,
                                const wsm_admission *admission)
{
	struct wsm__conn *conn = calloc(1, sizeof(*conn)), *old;
	wsm_slice greeting = wsm__str(endpoint ? endpoint->greeting : "connected");
	wsm_slice heartbeat = wsm__str(endpoint ? endpoint->heartbeat : "heartbeat");

	if (!conn)
		return NULL;
	wsm__sub_init(&conn->sub);
	wsm__buffer_init(&conn->received);
	conn->core = core;
	conn->number = number;
	wsm__meter_init(&conn->sent, core->now_ms);
	wsm__meter_init(&conn->received_messages, core->now_ms);
	conn->admitted = admission && admission->admitted;
	conn->ask = admission && admission->ask;
	conn->echo = endpoint && (endpoint->flags & WSM__ENDPOINT_ECHO);
	conn->sub.raw = (endpoint && (endpoint->flags & WSM_ENDPOINT_RAW)) || (admission && admission->raw);
	if (admission && admission->greeting.len)
		greeting = admission->greeting;
	if (admission && admission->heartbeat.len)
		heartbeat = admission->heartbeat;
	conn->greeting = wsm__slice_dup(greeting);
	conn->heartbeat = wsm__slice_dup(heartbeat);
	conn->opening = opening_new(core, request, endpoint, params, admission);
	conn->peer = wsm__peer_enter(core, request->ip);
	if (conn->opening && admission && take_grants(conn, &WSM__LISTS_OF(admission)))
		opening_refuse(conn->opening, "the server is out of memory");
	if (conn->opening)
		conn->info = describe(core, number, request, endpoint, params, admission, conn->opening);
	if (!conn->greeting || !conn->heartbeat || !conn->peer || !conn->info || !has_place(core)) {
		opening_free(conn->opening);
		free(conn->greeting);
		free(conn->heartbeat);
		wsm_conn_info_unref(conn->info);
		wsm__peer_leave(conn->peer);
		wsm__patterns_fini(&conn->granted);
		wsm__patterns_fini(&conn->may_publish);
		free(conn);
		return NULL;
	}
	wsm__words_add(core, greeting);
	wsm__words_add(core, heartbeat);
	conn->sub.client_id = wsm__str(conn->info->client_id);
	conn->sub.user_id = wsm__str(conn->info->user_id);
	old = wsm__conn_by_client(core, conn->sub.client_id);
	if (old) {
		HASH_DELETE(by_client, core->by_client, old);
		wsm__conn_close(old, 4409, "the client id was taken over by another connection");
	}
	HASH_ADD_KEYPTR_BYHASHVALUE(
		by_client, core->by_client, conn->info->client_id, (unsigned)conn->sub.client_id.len,
		(unsigned)wsm__siphash(conn->info->client_id, conn->sub.client_id.len, core->registry.key), conn);
	HASH_ADD(by_number, core->by_number, number, sizeof(conn->number), conn);
	wsm__bucket_init(&conn->rate, 2 * core->config->rate, core->now_ms);
	wsm__bucket_init(&conn->byte_rate, 2 * core->config->byte_rate, core->now_ms);
	wsm__bucket_init(&conn->requests, 2 * core->config->subscription_rate, core->now_ms);
	conn->index = (uint32_t)core->n_conns;
	core->conns[core->n_conns++] = conn;
	core->n_active++;
	core->counters.total_connections++;
	wsm__conn_heard(conn);
	wsm__wheel_add(conn);
	return conn;
}

/* ---- opening ---------------------------------------------------------------------------------------------------- */

static bool arrives(struct wsm__conn *conn)
{
	switch (wsm__peer_arrives(conn->core, conn->peer)) {
	case WSM__ARRIVAL_WELCOME:
		return true;
	case WSM__ARRIVAL_BANNED:
		wsm__conn_refuse(conn, 4429, "this address is banned for a while");
		return false;
	default:
		wsm__conn_refuse(conn, 1013,
		                 "there are too many new connections from this address (connection_rate_per_ip)");
		return false;
	}
}

static void too_many(struct wsm__conn *conn, enum wsm__limit limit, const char *reason)
{
	wsm__limit_broken(conn->core, limit);
	wsm__conn_refuse(conn, 1013, reason);
}

void wsm__conn_established(struct wsm__conn *conn)
{
	struct wsm__core *core = conn->core;
	const struct wsm__opening *opening = conn->opening;

	if (conn->state != WSM__CONN_HANDSHAKE)
		return;
	if (core->stopping)
		wsm__drain_close(conn);
	else if (!conn->arrived && !arrives(conn))
		; /* closed */
	else if (conn->echo)
		wsm__conn_open(conn, NULL);
	else if (core->n_active > core->config->max_connections)
		too_many(conn, WSM__LIMIT_max_connections,
		         "the server has as many connections as it may (max_connections)");
	else if (conn->peer->connections > core->config->max_connections_per_ip)
		too_many(conn, WSM__LIMIT_max_connections_per_ip,
		         "there are too many connections from this address (max_connections_per_ip)");
	else if (opening->refuse_code)
		wsm__conn_refuse(conn, opening->refuse_code, opening->refuse_reason);
	else if (conn->ask)
		wsm__decide_authenticate(conn);
	else if (core->runtime->jwt && !conn->admitted)
		wsm__token_admit(conn);
	else if (wsm__wants(core, WSM_WANT_AUTHENTICATE) && !conn->admitted)
		wsm__decide_authenticate(conn);
	else
		wsm__conn_open(conn, NULL);
}

static void announce(struct wsm__conn *conn)
{
	struct wsm__event *event;

	if (!wsm__wants(conn->core, WSM_WANT_CONNECT | WSM_WANT_DISCONNECT))
		return;
	event = wsm__event_new(WSM_EVENT_CONNECT, wsm__str(NULL), wsm__str(NULL), wsm__str(NULL));
	if (!event)
		return;
	event->event.conn = conn->number;
	event->event.info = wsm_conn_info_ref(conn->info);
	conn->announced = wsm__event_post(conn->core->runtime, event, false);
}

void wsm__conn_open(struct wsm__conn *conn, const wsm_decision *decision)
{
	int status = WSM_OK;

	if (conn->state != WSM__CONN_HANDSHAKE && conn->state != WSM__CONN_DECIDING)
		return;
	if (decision && (decision->user_id.len || decision->session_id.len))
		status = info_identify(conn, decision->user_id, decision->session_id);
	if (decision && !status)
		status = take_grants(conn, &WSM__LISTS_OF(decision));
	if (status)
		wsm__conn_refuse(conn, 1013, "the server is out of memory");
	else if (conn->echo)
		wsm__conn_opened(conn);
	else if (wsm__limits_enter(conn))
		wsm__access_enter(conn);
}

void wsm__conn_opened(struct wsm__conn *conn)
{
	struct wsm__opening *opening = conn->opening;
	struct wsm__early *early = opening->early;

	conn->state = WSM__CONN_OPEN;
	if (conn->session)
		wsm__upgrade_release(conn->session);
	if (!conn->echo)
		wsm__conn_enter(conn);
	wsm__access_vouch(conn);
	if (opening->by_message && conn->state == WSM__CONN_OPEN)
		wsm__token_answer(conn, wsm__str(opening->answer_id));
	opening->early = NULL;
	conn->opening = NULL;
	opening_free(opening);
	if (!conn->echo)
		announce(conn);
	wsm__client_early(conn, early);
}

/* ---- the core's messages to one client -------------------------------------------------------------------------- */

void wsm__conn_answer(struct wsm__conn *conn, const char *type, wsm_slice data, wsm_slice id)
{
	struct wsm__pub *pub = wsm__control_pub(conn->core, wsm__str(type), data, id, false);

	assert(wsm__own_type(wsm__str(type))); /* else clients could publish it */
	if (!pub) {                            /* who waits for an answer in vain would not know where it stands */
		wsm__conn_close(conn, 1013, "the server is out of memory");
		return;
	}
	wsm__sub_push(&conn->core->registry, &conn->sub, pub);
	wsm__pub_unref(pub);
}

void wsm__conn_answer_from(struct wsm__conn *conn, const char *type, const struct wsm__buffer *data, wsm_slice id)
{
	if (data->failed)
		wsm__conn_close(conn, 1013, "the server is out of memory");
	else
		wsm__conn_answer(conn, type, wsm__slice(data->data, data->len), id);
}

void wsm__conn_error(struct wsm__conn *conn, const char *code, const char *message, wsm_slice action, wsm_slice id)
{
	wsm__conn_error_later(conn, code, message, action, id, 0);
}

void wsm__conn_error_later(struct wsm__conn *conn, const char *code, const char *message, wsm_slice action,
                           wsm_slice id, uint64_t retry_after_ms)
{
	struct wsm__buffer data;

	wsm__buffer_init(&data);
	wsm__buffer_addf(&data, "{\"code\":\"%s\",\"message\":", code);
	wsm__buffer_add_json(&data, wsm__str(message));
	wsm__buffer_add_str(&data, ",\"action\":");
	if (action.len)
		wsm__buffer_add_json(&data, action.len > 64 ? wsm__slice(action.data, 64) : action);
	else
		wsm__buffer_add_str(&data, "null");
	if (retry_after_ms)
		wsm__buffer_addf(&data, ",\"retry_after_ms\":%llu", (unsigned long long)retry_after_ms);
	wsm__buffer_add_str(&data, "}");
	wsm__conn_answer_from(conn, "error", &data, id);
	wsm__buffer_fini(&data);
}

/* ---- closing ---------------------------------------------------------------------------------------------------- */

static wsm_slice cut_reason(const char *reason)
{
	wsm_slice slice = wsm__str(reason);

	if (slice.len > 123) /* RFC 6455 section 5.5: a control frame carries 125 bytes, two of them are the code */
		slice.len = 123;
	while (slice.len && !wsm__utf8_valid(slice))
		slice.len--;
	return slice;
}

void wsm__conn_closing(struct wsm__conn *conn)
{
	struct wsm__core *core = conn->core;

	if (conn->state == WSM__CONN_CLOSING)
		return;
	wsm__decide_forget(conn);
	conn->state = WSM__CONN_CLOSING;
	/* What was published before still goes out, at a stop also what is to come from history; nothing new is added. */
	if (!core->stopping || !wsm__sub_lags(&conn->sub))
		wsm__sub_leave(&core->registry, &conn->sub);
	release_place(conn);
	wsm__wheel_closing(conn);
}

void wsm__conn_close(struct wsm__conn *conn, unsigned code, const char *reason)
{
	if (conn->state == WSM__CONN_CLOSING)
		return;
	/* RFC 6455 section 7.4.1: broken framing, text that is none, an endless message. Too large a message is a mistake. */
	if (code == 1002 || code == 1007 || code == 1008)
		wsm__peer_offence(conn->core, conn->peer, WSM__OFFENCE_protocol);
	wsm__conn_closing(conn);
	conn->close_code = (uint16_t)code;
	free(conn->close_reason);
	conn->close_reason = wsm__slice_dup(cut_reason(reason ? reason : ""));
	wsm__buffer_fini(&conn->received);
	wsm__flush_soon(conn);
}

void wsm__conn_refuse(struct wsm__conn *conn, unsigned code, const char *reason)
{
	char line[160];

	if (conn->state != WSM__CONN_CLOSING) {
		conn->core->counters.refused++;
		wsm__refusal_tell(conn->core->runtime, WSM__REFUSED_CONNECTION,
		                  "a connection from %s, closed with %u: %s", conn->info->ip, code,
		                  wsm__log_text(line, sizeof(line), wsm__str(reason)));
	}
	wsm__conn_close(conn, code, reason);
}

static void tell_host(struct wsm__conn *conn, wsm_event_kind kind, unsigned code)
{
	struct wsm__event *event = wsm__event_new(kind, wsm__str(conn->close_reason), wsm__str(NULL), wsm__str(NULL));

	if (!event)
		return;
	event->event.conn = conn->number;
	event->event.code = code;
	event->event.info = wsm_conn_info_ref(conn->info);
	wsm__event_post(conn->core->runtime, event, true);
}

void wsm__conn_gone(struct wsm__conn *conn)
{
	struct wsm__core *core = conn->core;
	unsigned code = conn->close_code ? conn->close_code : 1006; /* RFC 6455 section 7.1.5 */

	if (conn->session)
		conn->session->conn = NULL;
	wsm__decide_forget(conn);
	if (conn->announced)
		tell_host(conn, WSM_EVENT_DISCONNECT, code);
	if (conn->tell_closed)
		tell_host(conn, WSM_EVENT_CLOSED, code);
	wsm__wheel_remove(conn);
	if (wsm__conn_by_client(core, conn->sub.client_id) == conn)
		HASH_DELETE(by_client, core->by_client, conn);
	HASH_DELETE(by_number, core->by_number, conn);
	wsm__sub_fini(&core->registry, &conn->sub);
	release_place(conn);
	give_place_up(conn);
	opening_free(conn->opening);
	wsm__grant_free(conn->grant);
	wsm__patterns_fini(&conn->granted);
	wsm__patterns_fini(&conn->may_publish);
	wsm__buffer_fini(&conn->received);
	wsm_conn_info_unref(conn->info);
	free(conn->greeting);
	free(conn->heartbeat);
	free(conn->close_reason);
	free(conn);
}
