#include "clients/answers.h"

#include <assert.h>
#include <string.h>

#include "clients/conn.h"
#include "clients/drain.h"
#include "clients/figures.h"
#include "clients/storage.h"
#include "clients/ticket.h"
#include "core/overload.h"
#include "host/queue.h"
#include "rooms/room.h"
#include "wire/name.h"

#define PROJECTS_MAX 1000        /* rows of connections_per_project */
#define STATS_MAX_US 50000       /* then the answer is five seconds old at most */
#define STORED_LIMIT 1000u       /* messages of what a log has, where no limit is asked for */
#define PAGE_BYTES_MAX 16777216u /* that one answer reads from a log */

/* ---- statistics ------------------------------------------------------------------------------------------------- */

struct gauge {
	const char *json;   /* member of GET /api/ws/stats */
	const char *metric; /* of GET /metrics, without "ws_manager_"; may have a label */
	bool counter;
	const char *help; /* NULL: that of the row before, which is of the same metric */
	uint64_t value;
};

#define GAUGES_MAX 96

void wsm__answer_sums(const struct wsm__core *core, struct wsm__sums *sums)
{
	memset(sums, 0, sizeof(*sums));
	for (uint64_t i = 0; i < core->n_conns; i++) {
		const struct wsm__conn *conn = core->conns[i];

		wsm__conn_look(core, i);
		sums->queued_bytes += conn->sub.outbox.bytes;
		sums->lagging += wsm__sub_lags(&conn->sub);
	}
}

/* Connections, messages, rooms, deliveries. */
static size_t add_traffic(const struct wsm__core *core, const struct wsm__sums *sums, struct gauge *out)
{
	const struct wsm__counters *counters = &core->counters;
	const struct wsm__registry *registry = &core->registry;
	const uint64_t *fates = core->registry.deliveries.fates;
	const struct gauge rows[] = {
		{ "active_connections", "connections", false, "Open connections.", core->n_active },
		{ "total_connections", "connections_total", true, "Connections since the start.",
		  counters->total_connections },
		{ "total_messages_sent", "messages_sent_total", true,
		  "Messages written to clients, heartbeats and answers aside.", counters->messages_sent },
		{ "total_broadcasts", "publications_total", true, "Publications by the host.", counters->broadcasts },
		{ "total_bytes_sent", "bytes_sent_total", true, "Bytes of frames written to clients.",
		  counters->bytes_sent },
		{ "total_messages_received", "messages_received_total", true, "Messages from clients.",
		  counters->messages_received },
		{ "total_bytes_received", "bytes_received_total", true, "Bytes of messages from clients.",
		  counters->bytes_received },
		{ "rooms", "rooms", false, "Rooms that have a member or history.", HASH_COUNT(registry->rooms) },
		{ "subscriptions", "subscriptions", false, "Memberships of connections in rooms.",
		  registry->n_members },
		{ "queued_bytes", "queued_bytes", false, "Bytes waiting to be written to clients.",
		  sums->queued_bytes },
		{ "lagging_connections", "lagging_connections", false, "Connections that catch up from history.",
		  sums->lagging },
		{ "lags", "lags_total", true, "Times a connection fell behind and went on from history.",
		  registry->stats.lags },
		{ "gaps", "gaps_total", true, "Times a connection was told that history no longer reached back.",
		  registry->stats.gaps },
		{ "history_bytes", "history_bytes", false, "Bytes of memory that histories take.",
		  registry->history_bytes },
		{ "evicted_messages", "evicted_total", true,
		  "Messages that histories let go before their time, for want of max_history_bytes.",
		  registry->stats.evicted },
		{ "deliveries", "deliveries_total", true, "Publications times their recipients, replays included.",
		  wsm__deliveries_total(fates) },
		{ "deliveries_replayed", "deliveries_replayed_total", true,
		  "Those of the deliveries that a client recovered from history.", registry->deliveries.replayed },
		{ "deliveries_written", "deliveries_written_total", true, "Deliveries handed to the socket.",
		  fates[WSM__WRITTEN] },
		{ "deliveries_conflated", "deliveries_conflated_total", true,
		  "Deliveries whose place a newer one of their key took.", fates[WSM__CONFLATED] },
		{ "deliveries_dropped_overflow", "deliveries_dropped_total{reason=\"overflow\"}", true,
		  "Deliveries dropped, by reason.", fates[WSM__DROPPED_OVERFLOW] },
		{ "deliveries_dropped_gap", "deliveries_dropped_total{reason=\"gap\"}", true, NULL,
		  fates[WSM__DROPPED_GAP] },
		{ "deliveries_dropped_left", "deliveries_dropped_total{reason=\"left\"}", true, NULL,
		  fates[WSM__DROPPED_LEFT] },
		{ "deliveries_dropped_closed", "deliveries_dropped_total{reason=\"closed\"}", true, NULL,
		  fates[WSM__DROPPED_CLOSED] },
		{ "deliveries_waiting", "deliveries_pending{state=\"waiting\"}", false,
		  "Deliveries without an outcome yet, by where they are.", fates[WSM__WAITING] },
		{ "deliveries_lagging", "deliveries_pending{state=\"lagging\"}", false, NULL, fates[WSM__LAGGING] },
	};

	memcpy(out, rows, sizeof(rows));
	return sizeof(rows) / sizeof(rows[0]);
}

/* The host's queue, and what was refused. */
static size_t add_host(struct wsm__core *core, struct gauge *out)
{
	const struct wsm__counters *counters = &core->counters;
	wsm_runtime *runtime = core->runtime;
	const struct gauge rows[] = {
		{ "throttled_publications", "throttled_total", true, "Publications held back by max_rate.",
		  counters->throttled },
		{ "superseded_publications", "superseded_total", true,
		  "Publications held back by max_rate and replaced by a newer one.", counters->superseded },
		{ "overloaded_publications", "overloaded_total", true,
		  "Commands of the host dropped: the command queue was full.", wsm__post_dropped_all(runtime) },
		{ "overloaded_low", "overloaded_publications_total{priority=\"low\"}", true,
		  "Publications of them, by priority.", atomic_load(&runtime->overloaded[WSM_LOW]) },
		{ "overloaded_normal", "overloaded_publications_total{priority=\"normal\"}", true, NULL,
		  atomic_load(&runtime->overloaded[WSM_NORMAL]) },
		{ "overloaded_critical", "overloaded_publications_total{priority=\"critical\"}", true, NULL,
		  atomic_load(&runtime->overloaded[WSM_CRITICAL]) },
		{ "overload_open", "overload_open", false, "1 while the command queue is full and drops publications.",
		  core->overload.open },
		{ "pending_bytes", "pending_bytes", false, "Bytes of commands that wait for the runtime.",
		  wsm__queue_bytes(&runtime->commands) },
		{ "dropped_events", "events_dropped_total", true, "Events dropped: the host did not take them.",
		  atomic_load(&runtime->events_dropped) },
		{ "rate_limited", "rate_limited_total", true, "Messages from clients refused by the rate limit.",
		  counters->rate_limited },
		{ "refused_connections", "refused_total", true,
		  "Connections closed at the door: limits or authentication.", counters->refused },
		{ "forbidden", "forbidden_total", true,
		  "Requests of clients, and endpoints they came to, that a room rule or the application forbade.",
		  counters->forbidden },
		{ "revoked", "revoked_total", true, "Connections closed and tokens refused because of a revocation.",
		  counters->revoked },
		{ "revocations", "revocations", false, "Revocations in force.",
		  wsm__revocations_count(&runtime->revocations) },
	};

	memcpy(out, rows, sizeof(rows));
	return sizeof(rows) / sizeof(rows[0]);
}

/* Handshakes, HTTP, tokens, and how connections end. */
static size_t add_endings(const struct wsm__core *core, struct gauge *out)
{
	const struct wsm__counters *counters = &core->counters;
	const wsm_runtime *runtime = core->runtime;
	const struct gauge rows[] = {
		{ "refused_handshakes", "handshakes_refused_total", true,
		  "Upgrade requests refused: Origin, path, form.", counters->handshakes_refused },
		{ "handshake_timeouts", "handshake_timeouts_total", true,
		  "Connections ended because no complete request had come within handshake_timeout.",
		  counters->handshake_timeouts },
		{ "tls_failures", "tls_failures_total", true,
		  "Connections to the own port that began no TLS, or whose TLS handshake failed.",
		  counters->tls_failures },
		{ "dropped_handshakes", "handshakes_dropped_total", true,
		  "Connections ended without a request, the oldest first: there were more than max_handshakes.",
		  counters->handshakes_dropped },
		{ "http_connections", "http_connections", false, "Connections of the own port that make REST calls.",
		  core->n_http },
		{ "http_queued_bytes", "http_queued_bytes", false, "Bytes of answers to them that are not read yet.",
		  core->http_queued },
		{ "answer_timeouts", "answer_timeouts_total", true,
		  "Connections ended because an answer was not read within answer_timeout.",
		  counters->answer_timeouts },
		{ "dropped_http", "http_dropped_total", true,
		  "Connections that make REST calls ended for others: max_http_connections, max_http_queue.",
		  counters->http_dropped },
		{ "tokens_refused", "tokens_refused_total", true, "Tokens that were not accepted.",
		  counters->tokens_refused },
		{ "tokens_expired", "tokens_expired_total", true, "Connections closed because their token had expired.",
		  counters->tokens_expired },
		{ "presence_messages", "presence_messages_total", true, "Messages that told rooms who came and went.",
		  counters->presence_messages },
		{ "draining", "draining", false, "1 while new connections are refused: drained, or stopping.",
		  atomic_load(&runtime->draining) },
		{ "refused_draining", "refused_draining_total", true, "Upgrades refused with 503 while draining.",
		  core->drain->refused },
		{ "drained_connections", "drained_total", true,
		  "Connections closed with 1001 and a hint when to come back.", core->drain->hints },
		{ "slow_consumers", "slow_consumers_total", true, "Connections closed with 4413.",
		  counters->slow_consumers },
		{ "timeouts", "timeouts_total", true, "Connections closed with 4408.", counters->timeouts },
		{ "uptime_seconds", "uptime_seconds", false, "Seconds since the start.",
		  (wsm__unix_ms() - core->started_unix_ms) / 1000 },
	};

	memcpy(out, rows, sizeof(rows));
	return sizeof(rows) / sizeof(rows[0]);
}

static size_t gauges(struct wsm__core *core, const struct wsm__sums *sums, struct gauge out[GAUGES_MAX])
{
	size_t n = add_traffic(core, sums, out);

	n += add_host(core, out + n);
	n += add_endings(core, out + n);
	assert(n <= GAUGES_MAX);
	return n;
}

/* Whether it is a project's, with connections. */
static bool is_project(const struct wsm__room *room, wsm_slice *id)
{
	return room->n_members && room->kind == WSM__ROOM_PUBLIC && wsm__room_project(wsm__room_name(room), id);
}

static void projects(struct wsm__core *core, struct wsm__buffer *out)
{
	const struct wsm__room *room;
	uint64_t active = 0;
	wsm_slice id;

	wsm__buffer_add_str(out, ",\"connections_per_project\":{");
	for (room = core->registry.rooms; room; room = room->hh.next) {
		if (!is_project(room, &id))
			continue;
		if (active++ >= PROJECTS_MAX)
			continue;
		wsm__buffer_add_str(out, active > 1 ? "," : "");
		wsm__buffer_add_json(out, id);
		wsm__buffer_add_str(out, ":");
		wsm__buffer_add_uint(out, room->n_members);
	}
	wsm__buffer_add_str(out, "},\"active_projects\":");
	wsm__buffer_add_uint(out, active);
}

/* All members but the last ones. */
static void add_gauges(struct wsm__core *core, const struct wsm__sums *sums, bool reason, struct wsm__buffer *out)
{
	struct gauge rows[GAUGES_MAX];
	size_t n = gauges(core, sums, rows);

	for (size_t i = 0; i < n; i++) {
		wsm__buffer_addf(out, "%s\"%s\":", i ? "," : "{", rows[i].json);
		wsm__buffer_add_uint(out, rows[i].value);
	}
	wsm__figures_stats(core, out);
	wsm__storage_stats(core, reason, out);
}

/* `reason`: of the store, which is not for everyone. */
static void answer_stats(struct wsm__core *core, bool reason, struct wsm__buffer *out)
{
	struct wsm__sums sums;

	wsm__answer_sums(core, &sums);
	add_gauges(core, &sums, reason, out);
	projects(core, out);
	wsm__overload_describe(core, out);
	wsm__buffer_add_str(out, "}");
}

void wsm__answer_stats(struct wsm__core *core, struct wsm__buffer *out)
{
	answer_stats(core, true, out);
}

void wsm__answer_figures(struct wsm__core *core, const struct wsm__sums *sums, struct wsm__buffer *out)
{
	add_gauges(core, sums, true, out);
	wsm__overload_describe(core, out);
	wsm__buffer_add_str(out, "}");
}

void wsm__answer_stats_sparingly(struct wsm__core *core, struct wsm__buffer *out)
{
	uint64_t began = wsm__mono_us(), took;

	if (began >= core->stats_until_us || core->stats.failed) {
		wsm__buffer_clear(&core->stats);
		answer_stats(core, false, &core->stats);
		took = wsm__mono_us() - began;
		core->stats_until_us = began + 100 * (took < STATS_MAX_US ? took : STATS_MAX_US);
	}
	wsm__buffer_add(out, core->stats.data, core->stats.len);
	out->failed = out->failed || core->stats.failed;
}

void wsm__answer_metrics(struct wsm__core *core, struct wsm__buffer *out)
{
	struct gauge rows[GAUGES_MAX];
	struct wsm__sums sums;
	size_t n;

	wsm__answer_sums(core, &sums);
	n = gauges(core, &sums, rows);

	for (size_t i = 0; i < n; i++) {
		const struct gauge *row = &rows[i];
		int name_len = (int)strcspn(row->metric, "{");

		if (row->help)
			wsm__buffer_addf(out, "# HELP ws_manager_%.*s %s\n# TYPE ws_manager_%.*s %s\n", name_len,
			                 row->metric, row->help, name_len, row->metric,
			                 row->counter ? "counter" : "gauge");
		wsm__buffer_addf(out, "ws_manager_%s ", row->metric);
		wsm__buffer_add_uint(out, row->value);
		wsm__buffer_add_str(out, "\n");
	}
	wsm__figures_metrics(core, out);
	wsm__storage_metrics(core, out);
}

/* ---- connections ------------------------------------------------------------------------------------------------ */

void wsm__answer_rooms_of(const struct wsm__conn *conn, struct wsm__buffer *out)
{
	const struct wsm__member *member;

	wsm__buffer_add_str(out, "[");
	DL_FOREACH(conn->sub.members, member) {
		wsm__buffer_add_str(out, member == conn->sub.members ? "" : ",");
		wsm__buffer_add_json(out, wsm__room_name(member->room));
	}
	wsm__buffer_add_str(out, "]");
}

static void add_text(struct wsm__buffer *out, const char *name, const char *value)
{
	wsm__buffer_addf(out, "\"%s\":", name);
	if (*value)
		wsm__buffer_add_json(out, wsm__str(value));
	else
		wsm__buffer_add_str(out, "null");
	wsm__buffer_add_str(out, ",");
}

void wsm__answer_connections(struct wsm__core *core, struct wsm__buffer *out)
{
	const struct wsm__conn *conn;
	const char *comma = "";

	wsm__buffer_add_str(out, "[");
	for (conn = core->by_number; conn; conn = conn->by_number.next) {
		if (conn->state != WSM__CONN_OPEN)
			continue;
		wsm__buffer_addf(out, "%s{", comma);
		add_text(out, "client_id", conn->info->client_id);
		add_text(out, "user_id", conn->info->user_id);
		add_text(out, "session_id", conn->info->session_id);
		add_text(out, "path", conn->info->path);
		add_text(out, "ip", conn->info->ip);
		add_text(out, "user_agent", conn->info->user_agent);
		wsm__buffer_addf(out, "\"connected_at\":%lld,\"queued_bytes\":%zu,\"lagging\":%s,\"rooms\":",
		                 (long long)conn->info->connected_at, conn->sub.outbox.bytes,
		                 wsm__sub_lags(&conn->sub) ? "true" : "false");
		wsm__answer_rooms_of(conn, out);
		wsm__buffer_add_str(out, "}");
		comma = ",";
	}
	wsm__buffer_add_str(out, "]");
}

uint64_t wsm__subscribers(struct wsm__core *core, wsm_slice name)
{
	const struct wsm__room *room = wsm__room_find(&core->registry, name);

	return room ? room->n_members : 0;
}

/* ---- history ---------------------------------------------------------------------------------------------------- */

void wsm__answer_position(struct wsm__core *core, wsm_slice name, struct wsm__buffer *out)
{
	const struct wsm__room *room = wsm__room_get(&core->registry, name, core->now_ms);

	if (!room)
		return;
	wsm__buffer_addf(out, "{\"epoch\":\"%s\",\"offset\":%llu}", room->epoch,
	                 (unsigned long long)room->history.last);
}

/* Where an answer begins. */
struct beginning {
	bool recovered;
	uint64_t from;
};

static struct beginning beginning_of(const struct wsm__room *room, const struct wsm__history_request *request)
{
	uint64_t last = room->history.last, first = wsm__history_first(&room->history);
	unsigned limit = request->limit;
	struct beginning at = { false, 0 };

	if (room->kept_from && room->kept_from < first) {
		first = room->kept_from;
		limit = limit ? limit : STORED_LIMIT;
	}
	at.from = first;
	if (request->has_since) {
		at.recovered = wsm__slice_is(request->since.epoch, room->epoch) && request->since.offset <= last &&
		               request->since.offset + 1 >= first;
		at.from = at.recovered ? request->since.offset + 1 : last + 1;
	} else if (limit && last + 1 - first > limit) {
		at.from = last + 1 - limit;
	}
	return at;
}

bool wsm__room_needs(struct wsm__core *core, wsm_slice name, struct wsm__need *need)
{
	struct wsm__room *room = wsm__room_find(&core->registry, name);
	struct wsm__room_settings settings;

	memset(need, 0, sizeof(*need));
	if (!room) {
		wsm__room_settle(&core->registry, name, &settings);
		if (!wsm__log_orders(&core->log, &settings))
			return false;
		room = wsm__room_get(&core->registry, name, core->now_ms);
	}
	need->room = room;
	return room && !wsm__log_ready(&core->log, room);
}

bool wsm__history_needs(struct wsm__core *core, const struct wsm__history_request *request, struct wsm__need *need)
{
	struct wsm__room *room;
	struct beginning at;

	if (wsm__room_needs(core, request->room, need))
		return true;
	room = need->room;
	if (!room || !room->kept_from || request->page)
		return false;
	wsm__history_expire(&room->history, core->now_ms, room->settings.history.ttl_ms);
	at = beginning_of(room, request);
	need->page = at.from < wsm__history_first(&room->history);
	need->after = at.from - 1;
	need->limit = request->limit ? request->limit : STORED_LIMIT;
	need->max_bytes = request->max_bytes < PAGE_BYTES_MAX ? request->max_bytes : PAGE_BYTES_MAX;
	return need->page;
}

/* The publication at `offset`, or of what was read the first behind it; NULL: it has to be read, or is no longer there. */
static const struct wsm__pub *publication_at(const struct wsm__history *history, const struct wsm__log_read *page,
                                             uint64_t offset)
{
	if (offset >= wsm__history_first(history))
		return wsm__history_at(history, offset);
	if (!page || !page->count)
		return NULL;
	if (page->pubs[0]->offset >= offset)
		return page->pubs[0];
	offset -= page->pubs[0]->offset;
	return offset < page->count ? page->pubs[offset] : NULL;
}

/* Returns the offset up to which nothing is left out: the client goes on from there. */
static uint64_t add_messages(const struct wsm__history *history, uint64_t from,
                             const struct wsm__history_request *request, struct wsm__buffer *out)
{
	size_t start = out->len;
	unsigned n = 0;

	for (uint64_t offset = from; offset <= history->last; offset++) {
		const struct wsm__pub *pub = publication_at(history, request->page, offset);

		if (!pub)
			return offset - 1;
		offset = pub->offset;
		if ((pub->level && pub->level < request->level) || pub->exclude) /* not for everyone */
			continue;
		if (n && out->len - start + pub->payload_len > request->max_bytes)
			return offset - 1;
		if (request->limit && n == request->limit)
			return offset - 1;
		wsm__buffer_add_str(out, n++ ? "," : "");
		wsm__buffer_add_slice(out, wsm__pub_payload(pub));
	}
	return history->last;
}

void wsm__answer_history(struct wsm__core *core, const struct wsm__history_request *request, struct wsm__buffer *out)
{
	struct wsm__room *room = wsm__room_find(&core->registry, request->room);
	struct beginning at;
	uint64_t upto;

	wsm__buffer_add_str(out, "{\"messages\":[");
	/* Nor does a log know a room that nothing was ever published to: its epoch is not one that stays. */
	if (!room || (room->log && !room->history.last && !room->n_members)) {
		wsm__buffer_add_str(out, "],\"epoch\":null,\"offset\":0,\"recovered\":false}");
		return;
	}
	wsm__history_expire(&room->history, core->now_ms, room->settings.history.ttl_ms);
	at = beginning_of(room, request);
	upto = add_messages(&room->history, at.from, request, out);
	wsm__buffer_addf(out, "],\"epoch\":\"%s\",\"offset\":%llu,\"recovered\":%s}", room->epoch,
	                 (unsigned long long)upto, at.recovered ? "true" : "false");
}
