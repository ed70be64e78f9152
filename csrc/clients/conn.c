#include "clients/conn.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/siphash.h"
#include "clients/carrier.h"
#include "clients/grant.h"
#include "clients/opening.h"
#include "clients/peers.h"
#include "clients/users.h"
#include "clients/words.h"
#include "core/control.h"
#include "host/events.h"
#include "host/lists.h"
#include "host/refusals.h"
#include "host/request.h"
#include "policy/config.h"
#include "rooms/membership.h"
#include "wire/own.h"

/* ---- the wheel of heartbeats ------------------------------------------------------------------------------------- */

static void wheel_add(struct wsm__conn *conn)
{
	struct wsm__core *core = conn->core;
	uint64_t interval = (uint64_t)(core->config->heartbeat_interval * 1000);

	/* Fibonacci hashing spreads consecutive numbers evenly, over the slots and over the second half of the interval. */
	uint64_t spread = conn->number * 0x9e3779b97f4a7c15u;

	conn->slot = (unsigned)(spread >> 58) % WSM__WHEEL_SLOTS;
	conn->next_beat_ms = core->now_ms + interval / 2 + ((spread >> 32) % 1024) * interval / 2048;
	DL_APPEND2(core->wheel[conn->slot], conn, wheel_prev, wheel_next);
}

static void wheel_remove(struct wsm__conn *conn)
{
	if (conn->close_by_ms)
		DL_DELETE2(conn->core->closing, conn, wheel_prev, wheel_next);
	else
		DL_DELETE2(conn->core->wheel[conn->slot], conn, wheel_prev, wheel_next);
}

void wsm__conn_wait_closing(struct wsm__conn *conn)
{
	struct wsm__core *core = conn->core;

	wheel_remove(conn);
	conn->close_by_ms = core->now_ms + (uint64_t)(core->config->close_timeout * 1000);
	DL_APPEND2(core->closing, conn, wheel_prev, wheel_next);
}

/* Takes a closing connection out of all limits: a refused client that never leaves would keep others out. */
static void release_place(struct wsm__conn *conn)
{
	if (!conn->peer)
		return;
	wsm__user_leave(conn->core, conn->user);
	conn->user = NULL;
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

static int take_patterns(struct wsm__patterns *patterns, const wsm_slice *names, size_t n)
{
	int status = WSM_OK;

	for (size_t i = 0; i < n && !status; i++)
		status = wsm__patterns_add(patterns, names[i]);
	return status;
}

int wsm__conn_take_grants(struct wsm__conn *conn, const struct wsm__lists *lists)
{
	int status = take_patterns(&conn->granted, lists->rooms, lists->n_rooms);

	for (size_t i = 0; i < lists->n_rooms && !status; i++)
		status = wsm__opening_add_room(conn->opening, lists->rooms[i]);
	if (!status)
		status = take_patterns(&conn->granted, lists->subscribe, lists->n_subscribe);
	if (!status)
		status = wsm__opening_welcome(conn->opening, lists->welcome, lists->n_welcome);
	return status ? status : take_patterns(&conn->may_publish, lists->publish, lists->n_publish);
}

/* Makes room for one more in core->conns. Returns false when out of memory. */
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

/* Fills in all that needs memory. Returns false when out of memory. */
static bool fill(struct wsm__conn *conn, const struct wsm__request *request, const struct wsm__endpoint *endpoint,
                 const struct wsm__path_params *params, const wsm_admission *admission)
{
	struct wsm__core *core = conn->core;
	wsm_slice greeting = wsm__str(endpoint ? endpoint->greeting : "connected");
	wsm_slice heartbeat = wsm__str(endpoint ? endpoint->heartbeat : "heartbeat");

	if (admission && admission->greeting.len)
		greeting = admission->greeting;
	if (admission && admission->heartbeat.len)
		heartbeat = admission->heartbeat;
	conn->greeting = wsm__slice_dup(greeting);
	conn->heartbeat = wsm__slice_dup(heartbeat);
	conn->opening = wsm__opening_new(core, request, endpoint, params, admission);
	conn->peer = wsm__peer_enter(core, request->ip);
	if (conn->opening && admission && wsm__conn_take_grants(conn, &WSM__LISTS_OF(admission)))
		wsm__opening_refuse(conn->opening, "the server is out of memory");
	if (conn->opening)
		conn->info =
			wsm__opening_describe(core, conn->number, request, endpoint, params, admission, conn->opening);
	if (!conn->greeting || !conn->heartbeat || !conn->peer || !conn->info || !has_place(core))
		return false;
	wsm__words_add(core, greeting);
	wsm__words_add(core, heartbeat);
	return true;
}

static void discard(struct wsm__conn *conn)
{
	wsm__opening_free(conn->opening);
	free(conn->greeting);
	free(conn->heartbeat);
	wsm_conn_info_unref(conn->info);
	wsm__peer_leave(conn->peer);
	wsm__patterns_fini(&conn->granted);
	wsm__patterns_fini(&conn->may_publish);
	free(conn);
}

struct wsm__conn *wsm__conn_new(struct wsm__core *core, uint64_t number, const struct wsm__request *request,
                                const struct wsm__endpoint *endpoint, const struct wsm__path_params *params,
                                const wsm_admission *admission)
{
	struct wsm__conn *conn = calloc(1, sizeof(*conn)), *old;

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
	if (!fill(conn, request, endpoint, params, admission)) {
		discard(conn);
		return NULL;
	}
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
	wheel_add(conn);
	return conn;
}

/* ---- the core's messages to one client -------------------------------------------------------------------------- */

void wsm__conn_answer(struct wsm__conn *conn, const char *type, wsm_slice data, wsm_slice id)
{
	struct wsm__pub *pub = wsm__control_pub(conn->core, wsm__str(type), data, id, false);

	assert(wsm__own_type(wsm__str(type)) && "a type that wire/own.c does not name: clients could publish it");
	if (!pub) { /* who waits for an answer in vain would not know where it stands */
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
	char words[160];

	/* A raw client hears no errors. Rates and failed handlers have lines of their own. */
	if (conn->sub.raw && strcmp(code, "rate_limited") != 0 && strcmp(code, "internal") != 0)
		wsm__refusal_tell(conn->core->runtime, WSM__REFUSED_PUBLICATION,
		                  "a message to the raw endpoint %s, without a word to its client: %s (%s)",
		                  conn->info->path, wsm__log_text(words, sizeof(words), wsm__str(message)), code);
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
	wsm__tickets_forget(&conn->waits);
	conn->state = WSM__CONN_CLOSING;
	/* Earlier publications still go out, at a stop also from history; new ones do not. */
	if (!core->stopping || !wsm__sub_lags(&conn->sub))
		wsm__sub_leave(&core->registry, &conn->sub);
	release_place(conn);
	wsm__conn_wait_closing(conn);
}

void wsm__conn_close(struct wsm__conn *conn, unsigned code, const char *reason)
{
	if (conn->state == WSM__CONN_CLOSING)
		return;
	/* RFC 6455 section 7.4.1: bad frames, bad UTF-8, too many fragments. A message that is too large is only a mistake. */
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

	if (conn->carrier && conn->carrier->forget)
		conn->carrier->forget(conn);
	wsm__tickets_forget(&conn->waits);
	if (conn->announced)
		tell_host(conn, WSM_EVENT_DISCONNECT, code);
	if (conn->tell_closed)
		tell_host(conn, WSM_EVENT_CLOSED, code);
	wheel_remove(conn);
	if (wsm__conn_by_client(core, conn->sub.client_id) == conn)
		HASH_DELETE(by_client, core->by_client, conn);
	HASH_DELETE(by_number, core->by_number, conn);
	wsm__sub_fini(&core->registry, &conn->sub);
	release_place(conn);
	give_place_up(conn);
	wsm__opening_free(conn->opening);
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

wsm_slice wsm__conn_texts(const struct wsm__conn *conn)
{
	const wsm_conn_info *info = conn->info;

	return wsm__slice(info->client_id, (size_t)(info->user_agent - info->client_id) + strlen(info->user_agent));
}

struct wsm__sub *wsm__conn_find_client(struct wsm__core *core, wsm_slice client_id)
{
	struct wsm__conn *conn = wsm__conn_by_client(core, client_id);

	return conn && conn->state == WSM__CONN_OPEN ? &conn->sub : NULL;
}
