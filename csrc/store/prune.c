#include "store/prune.h"

#include <stdlib.h>
#include <string.h>

#include "base/slice.h"
#include "store/messages.h"
#include "store/schema.h"

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Lets messages go up to `last`; the room's row says so with this transaction. 0 or -1. */
static int drop(struct wsm__store_table *table, struct wsm__store_sweep *sweep, struct wsm__store_room *room,
                uint64_t last)
{
	struct wsm__store_position *now = &room->now;
	sqlite3_stmt *sum = wsm__store_sql(table->file, WSM__SQL_MESSAGES_SUM);
	sqlite3_stmt *drop = wsm__store_sql(table->file, WSM__SQL_MESSAGES_DROP);
	uint64_t bytes;

	if (last < now->first)
		return 0;
	sqlite3_bind_int64(sum, 1, wsm__store_place(room, now->first));
	sqlite3_bind_int64(sum, 2, wsm__store_place(room, last));
	if (wsm__store_row(table->file, sum) < 0)
		return -1;
	bytes = (uint64_t)sqlite3_column_int64(sum, 1);
	sqlite3_reset(sum);
	sqlite3_bind_int64(drop, 1, wsm__store_place(room, now->first));
	sqlite3_bind_int64(drop, 2, wsm__store_place(room, last));
	if (wsm__store_run(table->file, drop) != 0)
		return -1;
	wsm__store_at(table->file, "prune");
	wsm__store_dirty(table, room, true);
	sweep->pruned += last - now->first + 1;
	now->first = last + 1;
	now->bytes -= least(bytes, now->bytes);
	return 0;
}

/* The last offset that must go for the room's blobs to be within its bytes; the newest one stays in any case. */
static int over_bytes(struct wsm__store_table *table, const struct wsm__store_room *room, uint64_t most, uint64_t *last)
{
	sqlite3_stmt *ages = wsm__store_sql(table->file, WSM__SQL_MESSAGES_AGE);
	uint64_t bytes = room->now.bytes;
	int found = 0;

	*last = room->now.first - 1;
	sqlite3_bind_int64(ages, 1, wsm__store_place(room, room->now.first));
	sqlite3_bind_int64(ages, 2, wsm__store_place(room, room->now.top - 1));
	wsm__store_bind_number(ages, 3, most);
	while (bytes > room->rule.bytes && (found = wsm__store_row(table->file, ages)) > 0) {
		bytes -= least((uint64_t)sqlite3_column_int64(ages, 2), bytes);
		*last = (uint64_t)sqlite3_column_int64(ages, 0) & WSM__STORE_OFFSETS;
	}
	sqlite3_reset(ages);
	return found < 0 ? -1 : 0;
}

static int prune_room(struct wsm__store_table *table, struct wsm__store_sweep *sweep, struct wsm__store_room *room,
                      uint64_t most, uint64_t slack)
{
	const struct wsm__store_rule *rule = &room->rule;
	uint64_t least_kept = room->now.top > rule->size ? room->now.top - rule->size + 1 : 1, last;
	uint64_t bytes_slack = slack ? rule->bytes / 16 + WSM__STORE_SLACK_BYTES : 0;

	if (least_kept > room->now.first && least_kept - room->now.first > slack &&
	    drop(table, sweep, room, least(least_kept - 1, room->now.first + most - 1)) != 0)
		return -1;
	if (!rule->bytes || room->now.bytes <= rule->bytes + bytes_slack || room->now.first >= room->now.top)
		return 0;
	return over_bytes(table, room, most, &last) != 0 ? -1 : drop(table, sweep, room, last);
}

int wsm__store_prune_touched(struct wsm__store_table *table, struct wsm__store_sweep *sweep)
{
	struct wsm__store_room *room;

	for (room = table->touched; room; room = room->next_touched) {
		uint64_t slack = room->rule.size / 16 > WSM__STORE_SLACK ? room->rule.size / 16 : WSM__STORE_SLACK;

		if (room->appended && room->rule.disk && slack > WSM__STORE_STEP)
			slack = WSM__STORE_STEP;
		/* Twice as much as has come, so that a room whose rule has shrunk gets there, too. */
		if (room->appended && room->rule.disk &&
		    prune_room(table, sweep, room, 2 * (uint64_t)room->appended + 2 * WSM__STORE_SLACK, slack) != 0)
			return -1;
	}
	return 0;
}

/* A room of the sweep. Takes what it drops off *most. 0 or -1. */
static int sweep_room(struct wsm__store_table *table, struct wsm__store_sweep *sweep, struct wsm__store_room *room,
                      uint64_t now_ms, uint64_t *most)
{
	uint64_t before = sweep->pruned, first;
	struct wsm__store_position *now = &room->now;
	bool gone = !room->rule.disk && !room->handles;

	if (gone && !now->gone_ms) {
		if (wsm__store_renew_room(table, room) != 0)
			return -1;
		now->gone_ms = now_ms;
	}
	if (gone) {
		/* A rule that is missing for a day must not cost a year of history. */
		if (now->gone_ms + WSM__STORE_KEEP_MS < now_ms &&
		    drop(table, sweep, room, least(now->top, now->first + *most - 1)) != 0)
			return -1;
	} else {
		if (wsm__store_unexpired(table, room, now_ms, &first) != 0 ||
		    drop(table, sweep, room, least(first - 1, now->first + *most - 1)) != 0 ||
		    prune_room(table, sweep, room, *most, 0) != 0)
			return -1;
	}
	*most -= least(*most, sweep->pruned - before);
	if (now->first <= now->top || room->handles || now->changed_ms + WSM__STORE_KEEP_MS >= now_ms)
		return 0;
	return 1;
}

/* Nobody will ask for its epoch any more. 0 or -1. */
static int drop_room(struct wsm__store_table *table, struct wsm__store_room *room)
{
	static const enum wsm__store_sql ways[] = { WSM__SQL_ROOM_DROP, WSM__SQL_ONCE_DROP_ROOM };

	wsm__store_touch(table, room);
	for (size_t i = 0; i < 2; i++) {
		sqlite3_stmt *drop = wsm__store_sql(table->file, ways[i]);

		sqlite3_bind_int64(drop, 1, room->now.id);
		if (wsm__store_run(table->file, drop) != 0)
			return -1;
	}
	room->now.id = 0;
	room->now.dirty = room->now.due = false;
	return 0;
}

struct names {
	sqlite3_int64 ids[WSM__STORE_STEP_ROOMS];
	char *names[WSM__STORE_STEP_ROOMS];
	size_t lens[WSM__STORE_STEP_ROOMS];
	size_t n;
};

/* The next rooms by number. They are copied: what is done with them changes the table that is read. */
static int list(struct wsm__store_file *file, sqlite3_int64 after, struct names *names)
{
	sqlite3_stmt *ask = wsm__store_sql(file, WSM__SQL_ROOMS_BY_NUMBER);
	int found;

	names->n = 0;
	sqlite3_bind_int64(ask, 1, after);
	sqlite3_bind_int64(ask, 2, WSM__STORE_STEP_ROOMS);
	while ((found = wsm__store_row(file, ask)) > 0 && names->n < WSM__STORE_STEP_ROOMS) {
		wsm_slice name = wsm__store_column(ask, 1);

		names->ids[names->n] = sqlite3_column_int64(ask, 0);
		names->lens[names->n] = name.len;
		names->names[names->n] = wsm__slice_dup(name);
		if (names->names[names->n])
			names->n++;
	}
	sqlite3_reset(ask);
	return found < 0 ? -1 : 0;
}

static void names_fini(struct names *names)
{
	for (size_t i = 0; i < names->n; i++)
		free(names->names[i]);
}

int wsm__store_prune_step(struct wsm__store_table *table, struct wsm__store_sweep *sweep, uint64_t now_ms, bool *round)
{
	struct names names;
	struct wsm__store_room *room;
	uint64_t most = WSM__STORE_STEP;
	int result = list(table->file, sweep->after, &names), gone;

	*round = result == 0 && names.n < WSM__STORE_STEP_ROOMS;
	for (size_t i = 0; result == 0 && i < names.n; i++) {
		result = wsm__store_table_find(table, wsm__slice(names.names[i], names.lens[i]), false, &room);
		if (result != 0 || !room)
			continue;
		wsm__store_touch(table, room);
		gone = sweep_room(table, sweep, room, now_ms, &most);
		result = gone > 0 ? drop_room(table, room) : gone;
		if (!most) { /* the rest of it comes with the next step */
			*round = false;
			break;
		}
		sweep->after = names.ids[i];
	}
	if (*round)
		sweep->after = 0;
	names_fini(&names);
	return result;
}

int wsm__store_review_rooms(struct wsm__store_table *table, uint64_t now_ms, uint64_t *renewed)
{
	struct names names = { .n = WSM__STORE_STEP_ROOMS };
	struct wsm__store_room *room;
	sqlite3_int64 after = 0;
	int result = 0;

	*renewed = 0;
	while (result == 0 && names.n == WSM__STORE_STEP_ROOMS) {
		result = list(table->file, after, &names);
		for (size_t i = 0; result == 0 && i < names.n; i++) {
			after = names.ids[i];
			result = wsm__store_table_find(table, wsm__slice(names.names[i], names.lens[i]), false, &room);
			if (result != 0 || !room)
				continue;
			wsm__store_touch(table, room);
			if (room->rule.disk && room->now.gone_ms) {
				room->now.gone_ms = 0;
				wsm__store_dirty(table, room, true);
			} else if (!room->rule.disk) {
				result = wsm__store_renew_room(table, room);
				room->now.gone_ms = room->now.gone_ms ? room->now.gone_ms : now_ms;
				++*renewed;
			}
		}
		names_fini(&names);
	}
	return result;
}
