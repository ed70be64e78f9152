#include "late_log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/slice.h"
#include "log/blob.h"
#include "log/log.h"
#include "rooms/registry.h"

#define TURNS 4u /* that an answer is late, at most */

struct row {
	uint64_t offset, at_ms;
	char *blob, *once;
	size_t len;
};

struct shelf {
	UT_hash_handle hh;
	struct wsm__log_state state;
	struct row *rows;
	size_t count, capacity;
	char name[];
};

enum kind { OPENED, KEPT, READ, RENEWED };

/* One that is to come. */
struct answer {
	struct answer *prev, *next;
	enum kind kind;
	struct wsm__room_log *room;
	struct wsm__submission *submission;
	struct wsm__log_read *read;
	uint64_t offset;
	int status;
	bool duplicate;
	unsigned turns;
};

struct late {
	struct shelf *shelves;
	struct answer *answers;
	uint64_t random, began;
	unsigned epochs, errors, submissions;
};

static unsigned some(struct late *late)
{
	late->random = late->random * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(late->random >> 33);
}

static struct shelf *shelf_of(struct late *late, const struct wsm__room *room)
{
	struct shelf *shelf = NULL;

	HASH_FIND(hh, late->shelves, room->name, room->name_len, shelf);
	if (shelf)
		return shelf;
	shelf = calloc(1, sizeof(*shelf) + room->name_len + 1);
	if (!shelf)
		abort();
	memcpy(shelf->name, room->name, room->name_len);
	snprintf(shelf->state.epoch, sizeof(shelf->state.epoch), "late%xe%u", (unsigned)late->began, ++late->epochs);
	shelf->state.first = 1;
	HASH_ADD(hh, late->shelves, name, room->name_len, shelf);
	return shelf;
}

static struct answer *later(struct wsm__log *log, enum kind kind, struct wsm__room_log *room)
{
	struct late *late = log->data;
	struct answer *answer = calloc(1, sizeof(*answer));

	if (!answer)
		abort();
	answer->kind = kind;
	answer->room = room;
	answer->turns = some(late) % TURNS;
	DL_APPEND(late->answers, answer);
	uv_async_send(&log->wake);
	return answer;
}

/* ---- what the core asks ------------------------------------------------------------------------------------------ */

static int begin(struct wsm__log *log, wsm_error *error)
{
	struct late *late = calloc(1, sizeof(*late));
	const char *errors = getenv("WSM_LOG_ERRORS"), *seed = getenv("WSM_LOG_SEED");

	(void)error;
	if (!late)
		abort();
	late->began = uv_hrtime();
	late->random = seed ? strtoull(seed, NULL, 10) : 0x9e3779b97f4a7c15u;
	late->errors = errors ? (unsigned)strtoul(errors, NULL, 10) : 0;
	log->data = late;
	return WSM_OK;
}

static void open_room(struct wsm__log *log, struct wsm__room_log *room)
{
	later(log, OPENED, room);
}

static void keep(struct shelf *shelf, const struct wsm__log *log, const struct wsm__submission *submission)
{
	struct wsm__buffer blob;
	struct row *row;

	if (shelf->count == shelf->capacity) {
		shelf->capacity = shelf->capacity ? shelf->capacity * 2 : 16;
		shelf->rows = realloc(shelf->rows, shelf->capacity * sizeof(*shelf->rows));
		if (!shelf->rows)
			abort();
	}
	wsm__buffer_init(&blob);
	wsm__blob_write(&blob, submission->publish, submission->stamp);
	row = &shelf->rows[shelf->count++];
	row->offset = ++shelf->state.top;
	row->at_ms = *log->now_ms;
	row->blob = blob.data;
	row->len = blob.len;
	row->once = strndup(submission->publish->once.data ? submission->publish->once.data : "",
	                    submission->publish->once.len);
	if (!row->once)
		abort();
}

static void drop_rows(struct shelf *shelf, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(shelf->rows[i].blob);
		free(shelf->rows[i].once);
	}
	if (!n)
		return;
	shelf->count -= n;
	memmove(shelf->rows, shelf->rows + n, shelf->count * sizeof(*shelf->rows));
}

/* The offset of the first one with its id; 0: there is none. */
static uint64_t find_once(const struct shelf *shelf, wsm_slice once)
{
	for (size_t i = 0; once.len && i < shelf->count; i++)
		if (wsm__slice_is(once, shelf->rows[i].once))
			return shelf->rows[i].offset;
	return 0;
}

/* The place is given at once: what is late is the answer. */
static void submit(struct wsm__log *log, struct wsm__room_log *room, struct wsm__submission *submission)
{
	struct late *late = log->data;
	struct answer *answer = later(log, KEPT, room);
	struct shelf *shelf = shelf_of(late, room->room);

	answer->submission = submission;
	if (late->errors && ++late->submissions % late->errors == 0) {
		answer->status = WSM_EUNAVAILABLE;
		return;
	}
	answer->offset = find_once(shelf, submission->publish->once);
	answer->duplicate = answer->offset > 0;
	if (answer->duplicate)
		return;
	keep(shelf, log, submission);
	answer->offset = shelf->state.top;
}

static void read_rows(struct wsm__log *log, struct wsm__room_log *room, struct wsm__log_read *read)
{
	later(log, READ, room)->read = read;
}

static void was_sent(struct wsm__log *log, struct wsm__room_log *room, uint64_t offset)
{
	shelf_of(log->data, room->room)->state.sent = offset;
}

/* Of a log that forgets: what nobody uses begins anew, as rooms in memory do. */
static void close_room(struct wsm__log *log, struct wsm__room_log *room)
{
	struct late *late = log->data;
	struct shelf *shelf = shelf_of(late, room->room);

	HASH_DEL(late->shelves, shelf);
	drop_rows(shelf, shelf->count);
	free(shelf->rows);
	free(shelf);
}

static void renew(struct wsm__log *log, struct wsm__room_log *room)
{
	later(log, RENEWED, room);
}

/* ---- answers ------------------------------------------------------------------------------------------------------ */

/* Keeps what the room's rules say, as a log does. */
static void expire(const struct wsm__log *log, const struct wsm__room *room, struct shelf *shelf)
{
	const struct wsm__history_limits *limits = &room->settings.kept;
	size_t gone = 0;

	while (gone < shelf->count &&
	       (shelf->count - gone > limits->size || *log->now_ms - shelf->rows[gone].at_ms >= limits->ttl_ms))
		gone++;
	drop_rows(shelf, gone);
	shelf->state.first = shelf->state.top - shelf->count + 1;
}

static void give_page(const struct wsm__log *log, struct wsm__log_read *read, struct shelf *shelf)
{
	size_t bytes = 0;

	expire(log, read->room->room, shelf);
	for (size_t i = 0, n = 0; i < shelf->count && n < read->limit; i++) {
		const struct row *row = &shelf->rows[i];

		if (row->offset <= read->after)
			continue;
		bytes += row->len;
		if (n++ && bytes > read->max_bytes)
			break;
		if (!wsm__log_row(read, row->offset, *log->now_ms - row->at_ms, wsm__slice(row->blob, row->len)))
			abort();
	}
	wsm__log_read_done(read, WSM_OK, shelf->state.first);
}

static void give(struct wsm__log *log, struct answer *answer)
{
	struct late *late = log->data;
	struct shelf *shelf = shelf_of(late, answer->room->room);

	DL_DELETE(late->answers, answer);
	switch (answer->kind) {
	case OPENED:
		wsm__log_opened(answer->room, WSM_OK, &shelf->state);
		break;
	case KEPT:
		answer->submission->duplicate = answer->duplicate;
		wsm__log_answered(answer->submission, answer->status, answer->offset);
		break;
	case READ:
		give_page(log, answer->read, shelf);
		break;
	case RENEWED:
		wsm__log_renewed(answer->room, WSM_OK);
		break;
	}
	free(answer);
}

/* A room leaves when all else of it is answered. */
static bool has_others(const struct late *late, const struct answer *renewed)
{
	const struct answer *answer;

	DL_FOREACH(late->answers, answer) {
		if (answer != renewed && answer->room == renewed->room)
			return true;
	}
	return false;
}

/* Those whose time has come, the last first. */
static void take(struct wsm__log *log)
{
	struct late *late = log->data;
	struct answer *answer;
	bool gave;

	DL_FOREACH(late->answers, answer) {
		answer->turns -= answer->turns > 0;
	}
	do {
		gave = false;
		for (answer = late->answers ? late->answers->prev : NULL; answer && !gave;
		     answer = answer == late->answers ? NULL : answer->prev) {
			if (answer->turns || (answer->kind == RENEWED && has_others(late, answer)))
				continue;
			give(log, answer);
			gave = true;
			break;
		}
	} while (gave);
	if (late->answers)
		uv_async_send(&log->wake);
}

static void settle(struct wsm__log *log, unsigned ms)
{
	const struct late *late = log->data;

	(void)ms;
	while (late->answers)
		give(log, late->answers); /* in their order */
}

static void end(struct wsm__log *log)
{
	struct late *late = log->data;
	struct shelf *shelf, *next;

	settle(log, 0);
	HASH_ITER(hh, late->shelves, shelf, next) {
		HASH_DEL(late->shelves, shelf);
		drop_rows(shelf, shelf->count);
		free(shelf->rows);
		free(shelf);
	}
	free(late);
}

static const struct wsm__log_driver driver = {
	.at_hand = 3,
	.begin = begin,
	.end = end,
	.take = take,
	.settle = settle,
	.open = open_room,
	.submit = submit,
	.read = read_rows,
	.sent = was_sent,
	.close = close_room,
	.renew = renew,
};

bool late_log_used(void)
{
	const char *which = getenv("WSM_LOG");

	return which && !strcmp(which, "late");
}

void late_log_use(void)
{
	wsm__log_instead = late_log_used() ? &driver : NULL;
}
