/* Rooms, as the panel lists them. */
#include "admin/rooms.h"

#include "admin/table.h"
#include "core/core.h"

static const char *const kinds[] = {
	[WSM__ROOM_PUBLIC] = "public",
	[WSM__ROOM_ALL] = "all",
	[WSM__ROOM_USER] = "user",
	[WSM__ROOM_SESSION] = "session",
};

static const char *store_of(const struct wsm__room *room)
{
	return room->log ? "disk" : "memory";
}

/* What may be sorted by. */
#define COLUMNS(X)                                                                                                     \
	X(members, room->n_members, NULL)                                                                              \
	X(name, 0, room->name)                                                                                         \
	X(kind, 0, kinds[room->kind])                                                                                  \
	X(kept, wsm__room_n_kept(room), NULL)                                                                          \
	X(bytes, room->history.bytes, NULL)                                                                            \
	X(store, 0, store_of(room))                                                                                    \
	X(offset, room->history.last, NULL)                                                                            \
	X(published, room->published.count, NULL)                                                                      \
	X(rate, (uint64_t)(wsm__meter_rate(&room->published, core->now_ms) * 1000), NULL)                              \
	X(idle, core->now_ms - room->touched_ms, NULL)

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

static void add(struct wsm__table *table, struct wsm__core *core, struct wsm__room *room, enum column column)
{
	if (wsm__table_searches(table) && !wsm__table_matches(table, wsm__room_name(room)))
		return;
	switch (column) {
#define WSM_X(name, key, text)                                                                                         \
	case COLUMN_##name:                                                                                            \
		wsm__table_add(table, key, text, room->id, room);                                                      \
		break;
		COLUMNS(WSM_X)
#undef WSM_X
	case COLUMN_COUNT:
		break;
	}
}

static void add_row(struct wsm__core *core, struct wsm__room *room, struct wsm__buffer *out)
{
	const struct wsm__history *history = &room->history;

	wsm__buffer_add_str(out, "{\"name\":");
	wsm__buffer_add_json(out, wsm__room_name(room));
	wsm__buffer_addf(
		out,
		",\"kind\":\"%s\",\"store\":\"%s\",\"members\":%u,\"kept\":%llu,\"bytes\":%zu,\"first\":%llu,"
		"\"offset\":%llu,\"epoch\":\"%s\",\"published\":%llu,\"idle\":%llu,\"history_size\":%u,\"rate\":",
		kinds[room->kind], store_of(room), room->n_members, (unsigned long long)wsm__room_n_kept(room),
		history->bytes, (unsigned long long)wsm__room_first(room), (unsigned long long)history->last,
		room->epoch, (unsigned long long)room->published.count,
		(unsigned long long)(core->now_ms - room->touched_ms), room->settings.kept.size);
	wsm__admin_add_rate(out, wsm__meter_rate(&room->published, core->now_ms));
	wsm__buffer_add_str(out, "}");
}

bool wsm__admin_rooms(struct wsm__core *core, const struct wsm__table_request *request, struct wsm__buffer *out)
{
	int column = wsm__table_column(request, column_names, COLUMN_COUNT, COLUMN_members);
	struct wsm__table table;
	struct wsm__room *room;
	size_t n;

	if (column < 0)
		return false;
	wsm__table_init(&table, request, HASH_COUNT(core->registry.rooms));
	for (room = core->registry.rooms; room && wsm__table_goes_on(&table); room = room->hh.next)
		add(&table, core, room, (enum column)column);
	n = wsm__table_page(&table);
	wsm__buffer_add_str(out, "{");
	wsm__table_describe(&table, out);
	wsm__buffer_add_str(out, "\"rows\":[");
	for (size_t i = 0; i < n; i++) {
		wsm__buffer_add_str(out, i ? "," : "");
		add_row(core, (struct wsm__room *)(uintptr_t)table.rows[request->offset + i].item, out);
	}
	wsm__buffer_add_str(out, "]}");
	out->failed = out->failed || table.failed;
	wsm__table_fini(&table);
	return true;
}
