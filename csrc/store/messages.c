#include "store/messages.h"

#include <stdlib.h>
#include <string.h>

#include "base/slice.h"
#include "store/schema.h"

/* 1: there is one of this `once`, and its offset; 0; -1. */
static int find_once(struct wsm__store_table *table, struct wsm__store_room *room, const struct wsm__store_append *job,
                     uint64_t now_ms, uint64_t *offset)
{
	sqlite3_stmt *find = wsm__store_sql(table->file, WSM__SQL_ONCE_FIND);
	int found;

	if (!job->once.len || !room->now.id)
		return 0;
	sqlite3_bind_int64(find, 1, room->now.id);
	wsm__store_bind(find, 2, job->once);
	wsm__store_bind_number(find, 3, now_ms);
	found = wsm__store_row(table->file, find);
	if (found > 0) {
		*offset = (uint64_t)sqlite3_column_int64(find, 0);
		sqlite3_reset(find);
	}
	return found;
}

static int add_once(struct wsm__store_table *table, const struct wsm__store_room *room,
                    const struct wsm__store_append *job, uint64_t now_ms)
{
	sqlite3_stmt *add = wsm__store_sql(table->file, WSM__SQL_ONCE_ADD);

	if (!job->once.len)
		return 0;
	sqlite3_bind_int64(add, 1, room->now.id);
	wsm__store_bind(add, 2, job->once);
	wsm__store_bind_number(add, 3, job->offset);
	wsm__store_bind_number(add, 4, now_ms + WSM__STORE_ONCE_MS);
	return wsm__store_run(table->file, add);
}

static int add(struct wsm__store_table *table, const struct wsm__store_room *room, const struct wsm__store_append *job)
{
	sqlite3_stmt *add = wsm__store_sql(table->file, WSM__SQL_MESSAGE_ADD);

	sqlite3_bind_int64(add, 1, wsm__store_place(room, job->offset));
	wsm__store_bind_number(add, 2, job->at_ms);
	if (job->level)
		sqlite3_bind_int64(add, 3, job->level);
	if (job->type.len)
		wsm__store_bind(add, 4, job->type);
	if (job->key.len)
		wsm__store_bind(add, 5, job->key);
	wsm__store_bind(add, 6, job->blob);
	return wsm__store_run(table->file, add);
}

int wsm__store_append(struct wsm__store_table *table, struct wsm__store_append *job, uint64_t now_ms)
{
	struct wsm__store_room *room = wsm__store_table_room(table, job->handle);
	struct wsm__store_position *now;
	int found;

	if (!room || room->now.top >= WSM__STORE_OFFSETS) {
		job->job.status = room ? WSM_EUNAVAILABLE : WSM_EINVAL;
		return 0;
	}
	now = &room->now;
	memcpy(job->epoch, now->epoch, sizeof(job->epoch));
	found = find_once(table, room, job, now_ms, &job->offset);
	job->duplicate = found > 0;
	if (found)
		return found < 0 ? -1 : 0;
	if (wsm__store_settle(table, room) != 0)
		return -1;
	job->offset = now->top + 1;
	if (add(table, room, job) != 0 || add_once(table, room, job, now_ms) != 0)
		return -1;
	wsm__store_dirty(table, room, now->gone_ms != 0);
	now->top = job->offset;
	now->bytes += job->blob.len;
	now->changed_ms = now_ms;
	now->gone_ms = 0;
	room->appended++;
	return 0;
}

/* When the first message at or behind `offset` was sent. 1, 0: there is none, -1. */
static int time_of(struct wsm__store_table *table, const struct wsm__store_room *room, uint64_t offset, uint64_t *at_ms)
{
	sqlite3_stmt *ages = wsm__store_sql(table->file, WSM__SQL_MESSAGES_AGE);
	int found;

	sqlite3_bind_int64(ages, 1, wsm__store_place(room, offset));
	sqlite3_bind_int64(ages, 2, wsm__store_place(room, room->now.top));
	sqlite3_bind_int64(ages, 3, 1);
	found = wsm__store_row(table->file, ages);
	if (found > 0) {
		*at_ms = (uint64_t)sqlite3_column_int64(ages, 1);
		sqlite3_reset(ages);
	}
	return found;
}

/* Times rise with the offsets, but for a clock that was set back: then some messages go a little early or late. */
int wsm__store_unexpired(struct wsm__store_table *table, struct wsm__store_room *room, uint64_t now_ms, uint64_t *first)
{
	uint64_t low = wsm__store_first(room), high = room->now.top + 1, middle, at_ms;
	uint64_t ttl = room->rule.ttl_ms;
	int found;

	*first = low;
	if (!ttl || !room->now.id)
		return 0;
	/* As a rule nothing has expired. */
	for (middle = low; low < high; middle = low + (high - low) / 2) {
		found = time_of(table, room, middle, &at_ms);
		if (found < 0)
			return -1;
		if (found && at_ms + ttl > now_ms)
			high = middle;
		else
			low = middle + 1;
	}
	*first = low;
	return 0;
}

/* A page under construction: rows with the places of their blobs in `data`, which may move. */
struct page {
	struct wsm__store_row *rows;
	size_t n_rows, max_rows;
	char *data;
	size_t bytes, max_bytes;
};

static bool page_add(struct page *page, uint64_t offset, uint64_t at_ms, wsm_slice blob)
{
	struct wsm__store_row *rows = page->rows;
	char *data = page->data;

	if (page->n_rows == page->max_rows) {
		rows = realloc(rows, (page->max_rows * 2 + 32) * sizeof(*rows));
		if (!rows)
			return false;
		page->rows = rows;
		page->max_rows = page->max_rows * 2 + 32;
	}
	if (page->bytes + blob.len > page->max_bytes) {
		data = realloc(data, (page->bytes + blob.len) * 2 + 1024);
		if (!data)
			return false;
		page->data = data;
		page->max_bytes = (page->bytes + blob.len) * 2 + 1024;
	}
	if (blob.len)
		memcpy(data + page->bytes, blob.data, blob.len);
	rows[page->n_rows++] = (struct wsm__store_row){ offset, at_ms, { NULL, blob.len } };
	page->bytes += blob.len;
	return true;
}

/* One allocation of both, as the answer. */
static bool page_give(struct page *page, struct wsm__store_read *job)
{
	size_t head = page->n_rows * sizeof(*page->rows);
	char *memory = malloc(head + page->bytes + 1), *at;

	if (memory) {
		at = memory + head;
		for (size_t i = 0; i < page->n_rows; i++) {
			page->rows[i].blob.data = at;
			at += page->rows[i].blob.len;
		}
		if (head)
			memcpy(memory, page->rows, head);
		if (page->bytes)
			memcpy(memory + head, page->data, page->bytes);
		job->job.memory = memory;
		job->rows = (struct wsm__store_row *)memory;
		job->n_rows = page->n_rows;
	}
	free(page->rows);
	free(page->data);
	return memory != NULL;
}

/* 0 or -1; a status of its own when out of memory. A hole ends the page: it can only be damage. */
static int fill(struct wsm__store_table *table, struct wsm__store_room *room, struct wsm__store_read *job,
                uint64_t from)
{
	sqlite3_stmt *rows = wsm__store_sql(table->file, WSM__SQL_MESSAGES_PAGE);
	struct page page = { 0 };
	bool enough = true;
	int found;

	sqlite3_bind_int64(rows, 1, wsm__store_place(room, from));
	sqlite3_bind_int64(rows, 2, wsm__store_place(room, room->now.top));
	wsm__store_bind_number(rows, 3, job->limit < INT64_MAX ? job->limit : INT64_MAX);
	while ((found = wsm__store_row(table->file, rows)) > 0) {
		wsm_slice blob = wsm__store_column(rows, 2);
		uint64_t offset = (uint64_t)sqlite3_column_int64(rows, 0) & WSM__STORE_OFFSETS;

		if (offset != from + page.n_rows || (page.n_rows && page.bytes + blob.len > job->max_bytes))
			break;
		enough = page_add(&page, offset, (uint64_t)sqlite3_column_int64(rows, 1), blob);
		if (!enough)
			break;
	}
	sqlite3_reset(rows);
	if (!page_give(&page, job) || !enough)
		job->job.status = WSM_ENOMEM;
	return found < 0 ? -1 : 0;
}

int wsm__store_read(struct wsm__store_table *table, struct wsm__store_read *job, uint64_t now_ms)
{
	struct wsm__store_room *room = wsm__store_table_room(table, job->handle);
	uint64_t from;

	job->rows = NULL;
	job->n_rows = 0;
	if (!room) {
		job->job.status = WSM_EINVAL;
		return 0;
	}
	if (wsm__store_unexpired(table, room, now_ms, &from) != 0)
		return -1;
	memcpy(job->epoch, room->now.epoch, sizeof(job->epoch));
	job->first = from;
	job->top = room->now.top;
	if (job->after >= from)
		from = job->after + 1;
	if (!room->now.id || from > room->now.top || job->after >= WSM__STORE_OFFSETS)
		return 0;
	return fill(table, room, job, from);
}
