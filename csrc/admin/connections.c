/* Connections, as the panel lists them. */
#include "admin/connections.h"

#include "admin/table.h"
#include "clients/carrier.h"
#include "clients/conn.h"
#include "rooms/room.h"

#define ROOMS_SHOWN 20u /* of one connection */
#define TEXT_SHOWN 300u /* bytes of what a client says about itself */

/* What may be sorted by. X(name, expression that is a number, or NULL and a text) */
#define COLUMNS(X)                                                                                                     \
	X(age, UINT64_MAX - conn->number, NULL)                                                                        \
	X(id, 0, conn->info->client_id)                                                                                \
	X(user, 0, conn->info->user_id)                                                                                \
	X(session, 0, conn->info->session_id)                                                                          \
	X(ip, 0, conn->info->ip)                                                                                       \
	X(agent, 0, conn->info->user_agent)                                                                            \
	X(path, 0, conn->info->path)                                                                                   \
	X(rooms, conn->sub.n_members, NULL)                                                                            \
	X(queued, conn->sub.outbox.count, NULL)                                                                        \
	X(queued_bytes, conn->sub.outbox.bytes + conn->sub.held_bytes, NULL)                                           \
	X(lagging, wsm__sub_lags(&conn->sub), NULL)                                                                    \
	X(heard, core->now_ms - conn->last_heard_ms, NULL)                                                             \
	X(sent, conn->sent.count, NULL)                                                                                \
	X(received, conn->received_messages.count, NULL)                                                               \
	X(bytes_sent, conn->bytes_sent, NULL)                                                                          \
	X(bytes_received, conn->bytes_received, NULL)                                                                  \
	X(sent_rate, (uint64_t)(wsm__meter_rate(&conn->sent, core->now_ms) * 1000), NULL)                              \
	X(received_rate, (uint64_t)(wsm__meter_rate(&conn->received_messages, core->now_ms) * 1000), NULL)

enum column {
#define WSM_X(name, number, text) COLUMN_##name,
	COLUMNS(WSM_X)
#undef WSM_X
		COLUMN_COUNT
};

static const char *const column_names[] = {
#define WSM_X(name, number, text) #name,
	COLUMNS(WSM_X)
#undef WSM_X
};

static void add(struct wsm__table *table, struct wsm__core *core, struct wsm__conn *conn, enum column column)
{
	if (conn->state != WSM__CONN_OPEN ||
	    (wsm__table_searches(table) && !wsm__table_matches(table, wsm__conn_texts(conn))))
		return;
	switch (column) {
#define WSM_X(name, key, text)                                                                                         \
	case COLUMN_##name:                                                                                            \
		wsm__table_add(table, key, text, conn->number, conn);                                                  \
		break;
		COLUMNS(WSM_X)
#undef WSM_X
	case COLUMN_COUNT:
		break;
	}
}

static void add_text(struct wsm__buffer *out, const char *name, const char *value)
{
	size_t len = strnlen(value, TEXT_SHOWN);

	wsm__buffer_addf(out, ",\"%s\":", name);
	wsm__buffer_add_json(out, wsm__slice(value, len));
}

static void add_number(struct wsm__buffer *out, const char *name, uint64_t value)
{
	wsm__buffer_addf(out, ",\"%s\":%llu", name, (unsigned long long)value);
}

static void add_rooms(const struct wsm__conn *conn, struct wsm__buffer *out)
{
	const struct wsm__member *member;
	unsigned n = 0;

	add_number(out, "rooms", conn->sub.n_members);
	wsm__buffer_add_str(out, ",\"room_names\":[");
	DL_FOREACH(conn->sub.members, member) {
		if (n++ == ROOMS_SHOWN)
			break;
		wsm__buffer_add_str(out, n > 1 ? "," : "");
		wsm__buffer_add_json(out, wsm__room_name(member->room));
	}
	wsm__buffer_add_str(out, "]");
}

static void add_row(struct wsm__core *core, struct wsm__conn *conn, struct wsm__buffer *out)
{
	const wsm_conn_info *info = conn->info;

	wsm__buffer_add_str(out, "{\"id\":");
	wsm__buffer_add_json(out, wsm__str(info->client_id));
	add_text(out, "user", info->user_id);
	add_text(out, "session", info->session_id);
	add_text(out, "ip", info->ip);
	add_text(out, "agent", info->user_agent);
	add_text(out, "path", info->path);
	add_number(out, "since", (uint64_t)info->connected_at);
	add_number(out, "heard", core->now_ms - conn->last_heard_ms);
	add_number(out, "queued", conn->sub.outbox.count);
	add_number(out, "queued_bytes", conn->sub.outbox.bytes + conn->sub.held_bytes);
	wsm__buffer_addf(out, ",\"lagging\":%s,\"firehose\":%s,\"bridge\":%s",
	                 wsm__sub_lags(&conn->sub) ? "true" : "false", conn->sub.firehose ? "true" : "false",
	                 conn->carrier && conn->carrier->hosted ? "true" : "false");
	add_number(out, "sent", conn->sent.count);
	add_number(out, "received", conn->received_messages.count);
	add_number(out, "bytes_sent", conn->bytes_sent);
	add_number(out, "bytes_received", conn->bytes_received);
	wsm__buffer_add_str(out, ",\"sent_rate\":");
	wsm__admin_add_rate(out, wsm__meter_rate(&conn->sent, core->now_ms));
	wsm__buffer_add_str(out, ",\"received_rate\":");
	wsm__admin_add_rate(out, wsm__meter_rate(&conn->received_messages, core->now_ms));
	add_rooms(conn, out);
	wsm__buffer_add_str(out, "}");
}

/* As wsm__conn_look(), but what a search reads: where the texts are, and a little later the texts. */
static void look_at_texts(const struct wsm__core *core, uint64_t i)
{
	enum { AHEAD = 8, LINE = 64, LINES = 5 };

	if (i + 2 * AHEAD < core->n_conns)
		__builtin_prefetch(&core->conns[i + 2 * AHEAD]->info);
	for (size_t line = 1; i + AHEAD < core->n_conns && line < LINES; line++)
		__builtin_prefetch((const char *)core->conns[i + AHEAD]->info + line * LINE);
}

/* Of all, or of a room's members. */
static void collect(struct wsm__table *table, struct wsm__core *core, const struct wsm__room *room, enum column column)
{
	for (uint32_t i = 0; room && i < room->n_members && wsm__table_goes_on(table); i++)
		add(table, core, wsm__conn_of(room->members[i]->sub), column);
	if (room)
		return;
	for (uint64_t i = 0; i < core->n_conns && wsm__table_goes_on(table); i++) {
		if (wsm__table_searches(table))
			look_at_texts(core, i);
		else
			wsm__conn_look(core, i);
		add(table, core, core->conns[i], column);
	}
}

bool wsm__admin_connections(struct wsm__core *core, const struct wsm__table_request *request, wsm_slice room,
                            struct wsm__buffer *out)
{
	int column = wsm__table_column(request, column_names, COLUMN_COUNT, COLUMN_age); /* newest first */
	const struct wsm__room *of = room.len ? wsm__room_find(&core->registry, room) : NULL;
	struct wsm__table table;
	size_t n;

	if (column < 0)
		return false;
	wsm__table_init(&table, request, room.len ? (of ? of->n_members : 0) : core->n_conns);
	if (!room.len || of)
		collect(&table, core, of, (enum column)column);
	n = wsm__table_page(&table);
	wsm__buffer_add_str(out, "{");
	wsm__table_describe(&table, out);
	wsm__buffer_add_str(out, "\"rows\":[");
	for (size_t i = 0; i < n; i++) {
		wsm__buffer_add_str(out, i ? "," : "");
		add_row(core, (struct wsm__conn *)(uintptr_t)table.rows[request->offset + i].item, out);
	}
	wsm__buffer_add_str(out, "]}");
	out->failed = out->failed || table.failed;
	wsm__table_fini(&table);
	return true;
}
