#include "store/batch.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "store/items.h"
#include "store/messages.h"

static bool changes(const struct wsm__store_job *job)
{
	switch (job->kind) {
	case WSM__STORE_APPEND:
	case WSM__STORE_RENEW:
	case WSM__STORE_REVIEW:
	case WSM__STORE_PUT:
	case WSM__STORE_DELETE:
	case WSM__STORE_FLUSH:
		return true;
	default:
		return false;
	}
}

/* ---- jobs about rooms ------------------------------------------------------------------------------------------- */

static int open_room(struct wsm__store_table *table, struct wsm__store_open_room *job, uint64_t now_ms)
{
	struct wsm__store_room *room;

	if (wsm__store_table_find(table, job->room, true, &room) != 0)
		return -1;
	if (!job->handle) /* it has one when it is run again */
		job->handle = wsm__store_table_hold(table, room);
	if (!job->handle) {
		job->job.status = WSM_ENOMEM;
		return 0;
	}
	memcpy(job->epoch, room->now.epoch, sizeof(job->epoch));
	job->top = room->now.top;
	job->sent = room->now.sent;
	return wsm__store_unexpired(table, room, now_ms, &job->first);
}

static int renew(struct wsm__store_table *table, struct wsm__store_renew *job)
{
	struct wsm__store_room *room;

	if (wsm__store_table_find(table, job->room, false, &room) != 0)
		return -1;
	if (!room)
		return 0;
	if (wsm__store_renew_room(table, room) != 0)
		return -1;
	memcpy(job->epoch, room->now.epoch, sizeof(job->epoch));
	return 0;
}

static void apply_sent(struct wsm__store_table *table, const struct wsm__store_batch *batch)
{
	for (const struct wsm__store_sent *sent = batch->sent; sent; sent = sent->hh.next) {
		struct wsm__store_room *room = wsm__store_table_room(table, sent->handle);

		if (!room || !room->now.id || sent->offset <= room->now.sent || sent->offset > room->now.top)
			continue;
		wsm__store_dirty(table, room, true);
		room->now.sent = sent->offset;
	}
}

/* ---- all jobs --------------------------------------------------------------------------------------------------- */

static int run(struct wsm__store_table *table, struct wsm__store_job *job, uint64_t now_ms)
{
	job->status = WSM_OK;
	switch (job->kind) {
	case WSM__STORE_OPEN_ROOM:
		return open_room(table, (struct wsm__store_open_room *)job, now_ms);
	case WSM__STORE_APPEND:
		return wsm__store_append(table, (struct wsm__store_append *)job, now_ms);
	case WSM__STORE_READ:
		return wsm__store_read(table, (struct wsm__store_read *)job, now_ms);
	case WSM__STORE_RENEW:
		return renew(table, (struct wsm__store_renew *)job);
	case WSM__STORE_REVIEW:
		return wsm__store_review_rooms(table, now_ms, &((struct wsm__store_review *)job)->renewed);
	case WSM__STORE_ROOMS:
		return wsm__store_list(table, (struct wsm__store_rooms *)job);
	case WSM__STORE_PUT:
		return wsm__store_put(table->file, (struct wsm__store_item *)job);
	case WSM__STORE_DELETE:
		return wsm__store_delete(table->file, (struct wsm__store_item *)job);
	case WSM__STORE_LOAD:
		return wsm__store_load(table->file, (struct wsm__store_load *)job, now_ms);
	case WSM__STORE_FLUSH:
	case WSM__STORE_CLOSE_ROOM:
		break;
	}
	return 0;
}

/* Takes the answer of a first run back. */
static void refuse(struct wsm__store_table *table, struct wsm__store_job *job)
{
	free(job->memory);
	job->memory = NULL;
	job->status = WSM_EUNAVAILABLE;
	if (job->kind == WSM__STORE_OPEN_ROOM) {
		struct wsm__store_open_room *opening = (struct wsm__store_open_room *)job;

		wsm__store_table_release(table, opening->handle);
		opening->handle = 0;
	} else if (job->kind == WSM__STORE_APPEND) {
		((struct wsm__store_append *)job)->offset = 0;
	} else if (job->kind == WSM__STORE_RENEW) {
		((struct wsm__store_renew *)job)->epoch[0] = '\0';
	}
}

/* Gives back the handles that are closed, after all that was submitted with them. */
static void close_rooms(struct wsm__store_table *table, const struct wsm__store_batch *batch)
{
	for (struct wsm__store_job *job = batch->jobs; job; job = job->next)
		if (job->kind == WSM__STORE_CLOSE_ROOM)
			wsm__store_table_release(table, ((struct wsm__store_open_room *)job)->handle);
}

static bool has_changes(const struct wsm__store_table *table, const struct wsm__store_batch *batch)
{
	if (batch->sent || (batch->save && table->dirty))
		return true;
	for (const struct wsm__store_job *job = batch->jobs; job; job = job->next)
		if (changes(job))
			return true;
	return false;
}

static int transact(struct wsm__store_table *table, struct wsm__store_sweep *sweep, struct wsm__store_batch *batch,
                    uint64_t now_ms)
{
	struct wsm__store_job *job = batch->jobs;
	int result = wsm__store_begin(table->file, batch->wrote);

	if (result != 0)
		return result;
	for (; result == 0 && job; job = job->next)
		result = run(table, job, now_ms);
	if (result == 0 && batch->wrote) {
		apply_sent(table, batch);
		result = wsm__store_prune_touched(table, sweep);
		if (result == 0)
			result = wsm__store_save(table, batch->save);
	}
	return wsm__store_end(table->file, result == 0) != 0 ? -1 : result;
}

int wsm__store_batch_run(struct wsm__store_table *table, struct wsm__store_sweep *sweep, struct wsm__store_batch *batch)
{
	uint64_t now_ms = wsm__unix_ms(), pruned = sweep->pruned, renewed = table->renewed;
	int result;

	batch->wrote = has_changes(table, batch);
	result = transact(table, sweep, batch, now_ms);
	if (result != 0) {
		sweep->pruned = pruned;
		table->renewed = renewed;
	} else {
		wsm__store_at(table->file, "committed");
	}
	wsm__store_table_end(table, result == 0);
	for (struct wsm__store_job *job = batch->jobs; job; job = job->next) {
		if (result != 0) {
			free(job->memory);
			job->memory = NULL;
			if (changes(job) || run(table, job, now_ms) != 0)
				refuse(table, job);
		}
		batch->refused += job->status == WSM_EUNAVAILABLE;
		batch->appended += job->kind == WSM__STORE_APPEND && job->status == WSM_OK &&
		                   !((struct wsm__store_append *)job)->duplicate;
	}
	close_rooms(table, batch);
	return result;
}

void wsm__store_batch_refuse(struct wsm__store_table *table, struct wsm__store_batch *batch)
{
	for (struct wsm__store_job *job = batch->jobs; job; job = job->next) {
		refuse(table, job);
		batch->refused += job->kind != WSM__STORE_CLOSE_ROOM;
	}
	close_rooms(table, batch);
}
