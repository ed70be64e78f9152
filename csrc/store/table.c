#include "store/table.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/ids.h"
#include "base/siphash.h"
#include "base/slice.h"
#include "store/schema.h"

#define EPOCH_LEN 22
_Static_assert(EPOCH_LEN < WSM__STORE_EPOCH, "an epoch fits");
_Static_assert(WSM__STORE_OFFSET_BITS == 39, "wsm__store_place()");

void wsm__store_table_init(struct wsm__store_table *table, struct wsm__store_file *file,
                           const struct wsm__store_options *options)
{
	*table = (struct wsm__store_table){ .file = file, .options = options };
	table->dirty_end = &table->dirty;
	wsm__random(table->key, sizeof(table->key));
}

void wsm__store_table_fini(struct wsm__store_table *table)
{
	struct wsm__store_room *room, *next;

	HASH_ITER(hh, table->rooms, room, next) {
		HASH_DEL(table->rooms, room);
		free(room);
	}
	free(table->handles);
	*table = (struct wsm__store_table){ 0 };
}

/* ---- finding and loading ---------------------------------------------------------------------------------------- */

/* Counts what is behind the row's `top`, and finds the first message that is kept. 0 or -1. */
static int count(struct wsm__store_table *table, struct wsm__store_room *room)
{
	struct wsm__store_position *now = &room->now;
	sqlite3_stmt *sum = wsm__store_sql(table->file, WSM__SQL_MESSAGES_SUM);
	sqlite3_stmt *first = wsm__store_sql(table->file, WSM__SQL_MESSAGES_FIRST);
	sqlite3_int64 last = wsm__store_place(room, WSM__STORE_OFFSETS);
	int found;

	sqlite3_bind_int64(sum, 1, wsm__store_place(room, now->top + 1));
	sqlite3_bind_int64(sum, 2, last);
	found = wsm__store_row(table->file, sum);
	if (found < 0)
		return -1;
	if (sqlite3_column_type(sum, 0) != SQLITE_NULL) {
		now->top = (uint64_t)sqlite3_column_int64(sum, 0) & WSM__STORE_OFFSETS;
		now->bytes += (uint64_t)sqlite3_column_int64(sum, 1);
		now->dirty = true;
	}
	sqlite3_reset(sum);
	sqlite3_bind_int64(first, 1, wsm__store_place(room, 0));
	sqlite3_bind_int64(first, 2, last);
	found = wsm__store_row(table->file, first);
	now->first = found > 0 ? (uint64_t)sqlite3_column_int64(first, 0) & WSM__STORE_OFFSETS : now->top + 1;
	sqlite3_reset(first);
	return found < 0 ? -1 : 0;
}

/* 1: it has a row; 0: it has none; -1. */
static int load(struct wsm__store_table *table, struct wsm__store_room *room)
{
	struct wsm__store_position *now = &room->now;
	sqlite3_stmt *find = wsm__store_sql(table->file, WSM__SQL_ROOM_FIND);
	wsm_slice epoch;
	int found;

	wsm__store_bind(find, 1, wsm__slice(room->name, room->len));
	found = wsm__store_row(table->file, find);
	if (found <= 0)
		return found;
	now->id = sqlite3_column_int64(find, 0);
	epoch = wsm__store_column(find, 1);
	if (epoch.len >= sizeof(now->epoch))
		epoch.len = sizeof(now->epoch) - 1;
	memcpy(now->epoch, epoch.data, epoch.len);
	now->top = (uint64_t)sqlite3_column_int64(find, 2);
	now->bytes = (uint64_t)sqlite3_column_int64(find, 3);
	now->sent = (uint64_t)sqlite3_column_int64(find, 4);
	now->changed_ms = (uint64_t)sqlite3_column_int64(find, 5);
	now->gone_ms = (uint64_t)sqlite3_column_int64(find, 6);
	sqlite3_reset(find);
	return count(table, room) == 0 ? 1 : -1;
}

static void list_dirty(struct wsm__store_table *table, struct wsm__store_room *room)
{
	if (room->listed)
		return;
	room->listed = true;
	room->next_dirty = NULL;
	*table->dirty_end = room;
	table->dirty_end = &room->next_dirty;
}

static void ask_rule(const struct wsm__store_table *table, struct wsm__store_room *room)
{
	room->rule = (struct wsm__store_rule){ .disk = true, .size = UINT64_MAX };
	if (!table->options->rule)
		return;
	room->rule = (struct wsm__store_rule){ 0 };
	table->options->rule(table->options->context, wsm__slice(room->name, room->len), &room->rule);
}

int wsm__store_table_find(struct wsm__store_table *table, wsm_slice name, bool make, struct wsm__store_room **out)
{
	struct wsm__store_room *room;
	unsigned hash;
	int found;

	hash = (unsigned)wsm__siphash(name.data, name.len, table->key);
	HASH_FIND_BYHASHVALUE(hh, table->rooms, name.data, (unsigned)name.len, hash, room);
	*out = room;
	if (room) {
		ask_rule(table, room);
		*out = room->now.id || room->handles || make ? room : NULL;
		return 0;
	}
	room = calloc(1, sizeof(*room) + name.len + 1);
	if (!room)
		return -1;
	memcpy(room->name, name.data, name.len);
	room->len = name.len;
	found = load(table, room);
	if (found < 0 || (found == 0 && !make)) {
		free(room);
		return found;
	}
	if (found == 0) {
		wsm__random_name(room->now.epoch, EPOCH_LEN);
		room->now.first = 1;
	}
	room->kept = room->now;
	ask_rule(table, room);
	HASH_ADD_KEYPTR_BYHASHVALUE(hh, table->rooms, room->name, (unsigned)room->len, hash, room);
	if (room->now.dirty)
		list_dirty(table, room);
	*out = room;
	return 0;
}

void wsm__store_table_forget(struct wsm__store_table *table, struct wsm__store_room *room)
{
	if (room->handles || room->touched || room->listed)
		return;
	HASH_DEL(table->rooms, room);
	free(room);
}

/* ---- handles ---------------------------------------------------------------------------------------------------- */

uint64_t wsm__store_table_hold(struct wsm__store_table *table, struct wsm__store_room *room)
{
	struct wsm__store_handle *more;
	size_t at;

	if (table->free_handle) {
		at = table->free_handle - 1;
		table->free_handle = table->handles[at].next_free;
	} else {
		if (table->n_handles == table->max_handles) {
			more = realloc(table->handles, (table->max_handles * 2 + 64) * sizeof(*more));
			if (!more)
				return 0;
			table->handles = more;
			table->max_handles = table->max_handles * 2 + 64;
		}
		at = table->n_handles++;
	}
	table->handles[at].room = room;
	room->handles++;
	return at + 1;
}

void wsm__store_table_release(struct wsm__store_table *table, uint64_t handle)
{
	struct wsm__store_room *room = wsm__store_table_room(table, handle);

	if (!room)
		return;
	table->handles[handle - 1].room = NULL;
	table->handles[handle - 1].next_free = table->free_handle;
	table->free_handle = (size_t)handle;
	room->handles--;
	wsm__store_table_forget(table, room);
}

struct wsm__store_room *wsm__store_table_room(const struct wsm__store_table *table, uint64_t handle)
{
	return handle && handle <= table->n_handles ? table->handles[handle - 1].room : NULL;
}

/* ---- changes ---------------------------------------------------------------------------------------------------- */

void wsm__store_touch(struct wsm__store_table *table, struct wsm__store_room *room)
{
	if (room->touched)
		return;
	room->touched = true;
	room->next_touched = table->touched;
	table->touched = room;
}

/* The number of a new row: the next one, or a gap where numbers have run out. 0: there is none; -1. */
static sqlite3_int64 new_number(struct wsm__store_file *file)
{
	static const enum wsm__store_sql ways[] = { WSM__SQL_ROOM_NUMBER, WSM__SQL_ROOM_GAP };
	sqlite3_int64 number = -1;

	for (size_t i = 0; i < 2; i++) {
		sqlite3_stmt *ask = wsm__store_sql(file, ways[i]);
		int found = wsm__store_row(file, ask);

		if (found < 0)
			return -1;
		number = sqlite3_column_int64(ask, 0) + (i == 0);
		sqlite3_reset(ask);
		if (number <= WSM__STORE_ROOMS_MAX)
			return number;
	}
	return 0;
}

int wsm__store_settle(struct wsm__store_table *table, struct wsm__store_room *room)
{
	sqlite3_stmt *add = wsm__store_sql(table->file, WSM__SQL_ROOM_ADD);
	sqlite3_int64 number;

	if (room->now.id)
		return 0;
	number = new_number(table->file);
	if (number <= 0)
		return -1;
	wsm__store_touch(table, room);
	room->now.changed_ms = wsm__unix_ms();
	sqlite3_bind_int64(add, 1, number);
	wsm__store_bind(add, 2, wsm__slice(room->name, room->len));
	sqlite3_bind_text(add, 3, room->now.epoch, -1, SQLITE_STATIC);
	wsm__store_bind_number(add, 4, room->now.changed_ms);
	if (wsm__store_run(table->file, add) != 0)
		return -1;
	room->now.id = number;
	return 0;
}

void wsm__store_dirty(struct wsm__store_table *table, struct wsm__store_room *room, bool due)
{
	wsm__store_touch(table, room);
	room->now.dirty = true;
	room->now.due |= due;
	list_dirty(table, room);
}

int wsm__store_renew_room(struct wsm__store_table *table, struct wsm__store_room *room)
{
	wsm__store_touch(table, room);
	wsm__random_name(room->now.epoch, EPOCH_LEN);
	if (room->now.id)
		wsm__store_dirty(table, room, true);
	table->renewed++;
	return 0;
}

static int save(struct wsm__store_table *table, struct wsm__store_room *room)
{
	struct wsm__store_position *now = &room->now;
	sqlite3_stmt *save = wsm__store_sql(table->file, WSM__SQL_ROOM_SAVE);

	sqlite3_bind_int64(save, 1, now->id);
	sqlite3_bind_text(save, 2, now->epoch, -1, SQLITE_STATIC);
	wsm__store_bind_number(save, 3, now->top);
	wsm__store_bind_number(save, 4, now->bytes);
	wsm__store_bind_number(save, 5, now->sent);
	wsm__store_bind_number(save, 6, now->changed_ms);
	wsm__store_bind_number(save, 7, now->gone_ms);
	if (wsm__store_run(table->file, save) != 0)
		return -1;
	now->dirty = now->due = false;
	return 0;
}

int wsm__store_save(struct wsm__store_table *table, size_t limit)
{
	struct wsm__store_room *room;

	for (room = table->touched; room; room = room->next_touched)
		if (room->now.due && save(table, room) != 0)
			return -1;
	for (; table->dirty && limit; limit--) {
		room = table->dirty;
		table->dirty = room->next_dirty;
		if (!table->dirty)
			table->dirty_end = &table->dirty;
		room->listed = false;
		wsm__store_touch(table, room);
		if (room->now.dirty && save(table, room) != 0)
			return -1;
	}
	return 0;
}

void wsm__store_table_end(struct wsm__store_table *table, bool ok)
{
	struct wsm__store_room *room, *next;

	for (room = table->touched; room; room = next) {
		next = room->next_touched;
		room->touched = false;
		room->appended = 0;
		if (ok)
			room->kept = room->now;
		else
			room->now = room->kept;
		if (room->now.dirty)
			list_dirty(table, room);
		wsm__store_table_forget(table, room);
	}
	table->touched = NULL;
}
