#include "store/items.h"

#include <stdlib.h>
#include <string.h>

#include "base/slice.h"

/* Rows of one size whose texts follow in the same allocation; until give() their texts' places are offsets. */
struct list {
	char *rows, *texts;
	size_t size, n, max_rows, bytes, max_bytes;
};

/* Room for one more row, zeroed, and for `bytes` of its texts; NULL when out of memory. */
static void *list_add(struct list *list, size_t bytes)
{
	char *more;

	if (list->n == list->max_rows) {
		more = realloc(list->rows, (list->max_rows * 2 + 16) * list->size);
		if (!more)
			return NULL;
		list->rows = more;
		list->max_rows = list->max_rows * 2 + 16;
	}
	if (list->bytes + bytes > list->max_bytes) {
		more = realloc(list->texts, (list->bytes + bytes) * 2 + 256);
		if (!more)
			return NULL;
		list->texts = more;
		list->max_bytes = (list->bytes + bytes) * 2 + 256;
	}
	memset(list->rows + list->n * list->size, 0, list->size);
	return list->rows + list->n++ * list->size;
}

static wsm_slice list_text(struct list *list, wsm_slice text)
{
	wsm_slice place = { NULL, text.len };

	if (text.len)
		memcpy(list->texts + list->bytes, text.data, text.len);
	list->bytes += text.len;
	return place;
}

/* The one allocation; `at` is where the texts begin in it. NULL when out of memory. */
static char *list_give(struct list *list, char **at)
{
	size_t head = list->n * list->size;
	char *memory = malloc(head + list->bytes + 1);

	if (memory) {
		if (head)
			memcpy(memory, list->rows, head);
		if (list->bytes)
			memcpy(memory + head, list->texts, list->bytes);
		*at = memory + head;
	}
	free(list->rows);
	free(list->texts);
	return memory;
}

int wsm__store_put(struct wsm__store_file *file, const struct wsm__store_item *job)
{
	sqlite3_stmt *put = wsm__store_sql(file, WSM__SQL_ITEM_PUT);

	wsm__store_bind(put, 1, job->kind);
	wsm__store_bind(put, 2, job->key);
	wsm__store_bind(put, 3, job->value);
	wsm__store_bind_number(put, 4, job->expires_ms);
	return wsm__store_run(file, put);
}

int wsm__store_delete(struct wsm__store_file *file, const struct wsm__store_item *job)
{
	sqlite3_stmt *drop = wsm__store_sql(file, WSM__SQL_ITEM_DROP);

	wsm__store_bind(drop, 1, job->kind);
	wsm__store_bind(drop, 2, job->key);
	return wsm__store_run(file, drop);
}

int wsm__store_load(struct wsm__store_file *file, struct wsm__store_load *job, uint64_t now_ms)
{
	sqlite3_stmt *page = wsm__store_sql(file, WSM__SQL_ITEMS_PAGE);
	struct list list = { .size = sizeof(struct wsm__store_pair) };
	struct wsm__store_pair *pair = NULL;
	char *at;
	int found;

	job->more = false;
	wsm__store_bind(page, 1, job->kind);
	wsm__store_bind(page, 2, job->after);
	wsm__store_bind_number(page, 3, now_ms);
	wsm__store_bind_number(page, 4, job->limit + 1);
	while ((found = wsm__store_row(file, page)) > 0) {
		wsm_slice key = wsm__store_column(page, 0), value = wsm__store_column(page, 1);

		job->more = list.n == job->limit;
		pair = job->more ? NULL : list_add(&list, key.len + value.len);
		if (!pair)
			break;
		pair->key = list_text(&list, key);
		pair->value = list_text(&list, value);
		pair->expires_ms = (uint64_t)sqlite3_column_int64(page, 2);
	}
	sqlite3_reset(page);
	job->n_pairs = list.n;
	job->job.memory = list_give(&list, &at);
	job->pairs = job->job.memory;
	if (!job->job.memory || (found > 0 && !job->more))
		job->job.status = WSM_ENOMEM;
	for (size_t i = 0; job->pairs && i < job->n_pairs; i++) {
		job->pairs[i].key.data = at;
		job->pairs[i].value.data = at + job->pairs[i].key.len;
		at += job->pairs[i].key.len + job->pairs[i].value.len;
	}
	return found < 0 ? -1 : 0;
}

/* The names of the page: looking at a room uses other statements, but may be slow to hold this one open. */
static int names(struct wsm__store_file *file, struct wsm__store_rooms *job, struct list *list)
{
	sqlite3_stmt *page = wsm__store_sql(file, WSM__SQL_ROOMS_BY_NAME);
	struct wsm__store_figure *figure;
	int found;

	job->more = false;
	wsm__store_bind(page, 1, job->after);
	wsm__store_bind_number(page, 2, job->limit + 1);
	while ((found = wsm__store_row(file, page)) > 0) {
		wsm_slice name = wsm__store_column(page, 0);

		job->more = list->n == job->limit;
		figure = job->more ? NULL : list_add(list, name.len);
		if (!figure)
			break;
		figure->room = list_text(list, name);
	}
	sqlite3_reset(page);
	if (found > 0 && !job->more)
		job->job.status = WSM_ENOMEM;
	return found < 0 ? -1 : 0;
}

int wsm__store_list(struct wsm__store_table *table, struct wsm__store_rooms *job)
{
	struct list list = { .size = sizeof(struct wsm__store_figure) };
	struct wsm__store_room *room;
	char *at;
	int result = names(table->file, job, &list);

	job->n_rooms = list.n;
	job->job.memory = list_give(&list, &at);
	job->rooms = job->job.memory;
	if (!job->rooms)
		job->job.status = WSM_ENOMEM;
	for (size_t i = 0; job->rooms && i < job->n_rooms; i++) {
		struct wsm__store_figure *figure = &job->rooms[i];

		figure->room.data = at;
		at += figure->room.len;
		if (result != 0)
			continue;
		result = wsm__store_table_find(table, figure->room, false, &room);
		if (result != 0 || !room)
			continue;
		figure->rows = room->now.top + 1 - room->now.first;
		figure->bytes = room->now.bytes;
		figure->top = room->now.top;
		figure->first = room->now.first;
		wsm__store_table_forget(table, room);
	}
	return result;
}

int wsm__store_items_prune(struct wsm__store_file *file, uint64_t now_ms, unsigned limit)
{
	static const enum wsm__store_sql ways[] = { WSM__SQL_ONCE_DROP, WSM__SQL_ITEMS_DROP };

	for (size_t i = 0; i < 2; i++) {
		sqlite3_stmt *drop = wsm__store_sql(file, ways[i]);

		wsm__store_bind_number(drop, 1, now_ms);
		sqlite3_bind_int64(drop, 2, limit);
		if (wsm__store_run(file, drop) != 0)
			return -1;
	}
	return 0;
}
