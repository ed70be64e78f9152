/* Opens rooms with a log, submits to them, and reads them. */
#include "log/log.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "log/blob.h"
#include "rooms/fanout.h"
#include "rooms/lag.h"
#include "rooms/room.h"

const struct wsm__log_driver *wsm__log_instead;

/* ---- who waits --------------------------------------------------------------------------------------------------- */

static void hold(struct wsm__log *log, struct wsm__room *room)
{
	room->busy++;
	wsm__room_entered(log->registry, room);
}

static void let_go(struct wsm__log *log, struct wsm__room *room)
{
	if (--room->busy == 0)
		wsm__room_left(log->registry, room);
}

int wsm__log_wait(struct wsm__log *log, struct wsm__room *room, void (*ready)(void *, uint64_t, int), void *context,
                  uint64_t number)
{
	struct wsm__room_log *it = room->log;
	struct wsm__log_wait *wait =
		it && (it->phase == WSM__LOG_OPENING || it->phase == WSM__LOG_LEAVING) ? malloc(sizeof(*wait)) : NULL;

	if (!wait)
		return WSM_ENOMEM;
	wait->next = NULL;
	wait->ready = ready;
	wait->context = context;
	wait->number = number;
	if (it->waits)
		it->waits_last->next = wait;
	else
		it->waits = wait;
	it->waits_last = wait;
	hold(log, room);
	return WSM_OK;
}

/* Calls the waits that are there now: a callback that waits again waits for the next time. */
static void call_waits(struct wsm__room_log *it, int status)
{
	struct wsm__log *log = it->log;
	struct wsm__room *room = it->room;
	struct wsm__log_wait *wait = it->waits, *next;

	it->waits = it->waits_last = NULL;
	for (; wait; wait = next) {
		next = wait->next;
		wait->ready(wait->context, wait->number, status);
		free(wait);
		let_go(log, room);
	}
}

/* ---- the position of a room ---------------------------------------------------------------------------------------- */

/* Tells members and the firehose that their positions are no longer valid. */
static void tell_all(struct wsm__log *log, struct wsm__room *room)
{
	struct wsm__registry *registry = log->registry;

	for (uint32_t i = 0; i < room->n_members; i++) {
		struct wsm__member *member = room->members[i];

		wsm__lag_forget(registry, member, WSM__DROPPED_GAP);
		member->position = member->from = room->history.last;
		registry->stats.gaps++;
		if (registry->gap && !(member->sub->firehose && room->visible))
			registry->gap(registry->gap_context, member->sub, room, room->history.last, 0);
	}
	for (uint32_t i = 0; room->visible && i < registry->n_firehose; i++) {
		registry->stats.gaps++;
		if (registry->gap)
			registry->gap(registry->gap_context, registry->firehose[i], room, room->history.last, 0);
	}
}

static void take_position(struct wsm__log *log, struct wsm__room *room, const struct wsm__log_state *state)
{
	bool moved = strcmp(room->epoch, state->epoch) != 0 || room->history.last != state->top, used;

	room->kept_from = state->first;
	room->history.owed = wsm__page_owe;
	room->history.room = room;
	if (state->sent > room->sent)
		room->sent = state->sent;
	if (!moved)
		return;
	used = room->n_members || room->history.last; /* somebody may stand at a position of it */
	wsm__history_clear(&room->history);
	room->history.last = state->top;
	snprintf(room->epoch, sizeof(room->epoch), "%s", state->epoch);
	room->epoch_untold = true;
	if (used)
		tell_all(log, room);
}

void wsm__log_moved(struct wsm__room_log *it, const char *epoch, uint64_t top)
{
	const struct wsm__log_state state = { .top = top, .first = it->room->kept_from };
	struct wsm__log_state moved = state;

	snprintf(moved.epoch, sizeof(moved.epoch), "%s", epoch);
	take_position(it->log, it->room, &moved);
}

/* ---- opening ------------------------------------------------------------------------------------------------------- */

static void open_room(struct wsm__log *log, struct wsm__room_log *it)
{
	it->phase = WSM__LOG_OPENING;
	hold(log, it->room);
	log->driver->open(log, it);
}

static bool attach(struct wsm__log *log, struct wsm__room *room)
{
	struct wsm__room_log *it = calloc(1, sizeof(*it));

	if (!it)
		return false;
	it->log = log;
	it->room = room;
	room->log = it;
	return true;
}

/* The driver answers earlier submissions first. */
static void begin_to_leave(struct wsm__log *log, struct wsm__room_log *it)
{
	it->phase = WSM__LOG_LEAVING;
	hold(log, it->room);
	log->driver->renew(log, it);
}

static void forgotten(void *context, struct wsm__room *room)
{
	struct wsm__log *log = context;

	if (room->log->phase == WSM__LOG_OPEN && !log->ending)
		log->driver->close(log, room->log);
	free(room->log);
	room->log = NULL;
}

bool wsm__log_ready(struct wsm__log *log, struct wsm__room *room)
{
	bool stored = room->settings.stored && log->driver && !log->ending;

	if (!stored) {
		if (room->log && !log->ending && room->log->phase == WSM__LOG_OPEN && !room->log->reads)
			begin_to_leave(log, room->log);
		return true;
	}
	if (!room->log && !attach(log, room))
		return false;
	if (room->log->phase == WSM__LOG_CLOSED)
		open_room(log, room->log);
	return room->log->phase == WSM__LOG_OPEN;
}

/* ---- publications -------------------------------------------------------------------------------------------------- */

/* Counts publications beyond the limits as gone: the log will delete them, at once or later. */
static void forget_oldest(struct wsm__room *room)
{
	uint64_t size = room->settings.kept.size;

	if (room->history.last >= size && room->kept_from < room->history.last - size + 1)
		room->kept_from = room->history.last - size + 1;
}

/* Applies the first submissions, as far as they have their answers. */
static void advance(struct wsm__room_log *it)
{
	struct wsm__log *log = it->log;
	struct wsm__room *room = it->room;
	struct wsm__submission *first;

	hold(log, room);
	while ((first = it->pending) != NULL && first->answered) {
		it->pending = first->next;
		first->stored = first->keep && it->phase != WSM__LOG_LEFT;
		if (first->keep && it->phase == WSM__LOG_LEFT)
			first->offset = room->history.last + 1;
		DL_DELETE2(log->under_way, first, all_prev, all_next);
		log->bytes -= first->bytes;
		log->unavailable += first->status == WSM_EUNAVAILABLE;
		log->apply(log->context, first);
		forget_oldest(room);
		let_go(log, room);
	}
	let_go(log, room);
}

static void answer(struct wsm__submission *submission, int status, uint64_t offset)
{
	submission->answered = true;
	submission->status = status;
	submission->offset = offset;
}

void wsm__log_answered(struct wsm__submission *submission, int status, uint64_t offset)
{
	answer(submission, status, offset);
	advance(submission->room);
}

static void append(struct wsm__room_log *it, struct wsm__submission *submission)
{
	struct wsm__log *log = it->log;

	submission->next = NULL;
	submission->room = it;
	submission->serial = ++log->serial;
	submission->answered = false;
	if (it->pending)
		it->pending_last->next = submission;
	else
		it->pending = submission;
	it->pending_last = submission;
	DL_APPEND2(log->under_way, submission, all_prev, all_next);
	log->bytes += submission->bytes;
	hold(log, it->room);
}

int wsm__log_submit(struct wsm__log *log, struct wsm__room *room, struct wsm__submission *submission)
{
	struct wsm__room_log *it;

	if (!room->log && !attach(log, room))
		return WSM_ENOMEM;
	it = room->log;
	append(it, submission);
	if (!submission->keep) {
		answer(submission, WSM_OK, 0);
		advance(it);
	} else if (it->phase == WSM__LOG_OPEN && !it->ungiven) {
		log->driver->submit(log, it, submission);
	} else {
		if (!it->ungiven)
			it->ungiven = submission;
		if (it->phase == WSM__LOG_CLOSED)
			open_room(log, it); /* gives it to the driver, or answers why not */
	}
	return WSM_OK;
}

/* Gives the driver what has waited for the room to open, in order; may apply some of it at once. */
static void give_pending(struct wsm__room_log *it, int status)
{
	struct wsm__submission *submission;

	while ((submission = it->ungiven) != NULL) {
		do {
			it->ungiven = it->ungiven->next;
		} while (it->ungiven && !it->ungiven->keep);
		if (status)
			answer(submission, status, 0);
		else
			it->log->driver->submit(it->log, it, submission);
	}
	advance(it);
}

void wsm__log_opened(struct wsm__room_log *it, int status, const struct wsm__log_state *state)
{
	struct wsm__log *log = it->log;
	struct wsm__room *room = it->room;

	it->phase = status ? WSM__LOG_CLOSED : WSM__LOG_OPEN;
	if (!status)
		take_position(log, room, state);
	call_waits(it, status); /* before what was published while they waited */
	give_pending(it, status);
	let_go(log, room); /* the opening */
}

/* From now on this runtime orders the room, and clients begin anew. */
void wsm__log_renewed(struct wsm__room_log *it, int status)
{
	struct wsm__log *log = it->log;
	struct wsm__room *room = it->room;

	it->phase = status ? WSM__LOG_OPEN : WSM__LOG_LEFT;
	if (!status) {
		if (!log->ending)
			log->driver->close(log, it);
		room->kept_from = 0;
		room->history.owed = NULL;
		wsm__room_renew(log->registry, room);
		tell_all(log, room);
		for (struct wsm__submission *each = it->pending; each; each = each->next)
			each->answered = true;
		it->ungiven = NULL;
	}
	give_pending(it, WSM_OK); /* where it could not leave, to the log: the next publication tries again */
	if (!status)
		room->log = NULL;
	call_waits(it, WSM_OK);
	if (!status)
		free(it);
	let_go(log, room);
}

/* ---- reading ------------------------------------------------------------------------------------------------------- */

static void start_read(struct wsm__log *log, struct wsm__log_read *read)
{
	log->reads++;
	log->driver->read(log, read->room, read);
}

static struct wsm__log_read *read_new(struct wsm__log *log, struct wsm__room *room, uint64_t after, uint32_t limit)
{
	struct wsm__log_read *read = calloc(1, sizeof(*read));

	if (!read)
		return NULL;
	read->pubs = calloc(limit, sizeof(struct wsm__pub *));
	if (!read->pubs) {
		free(read);
		return NULL;
	}
	read->room = room->log;
	read->after = after;
	read->limit = limit;
	DL_APPEND(room->log->reads, read);
	hold(log, room);
	return read;
}

static void post_read(struct wsm__log *log, struct wsm__log_read *read)
{
	if (log->reads < WSM__READS_MAX) {
		start_read(log, read);
		return;
	}
	if (log->reads_waiting)
		log->reads_waiting_last->next_waiting = read;
	else
		log->reads_waiting = read;
	log->reads_waiting_last = read;
}

int wsm__log_read(struct wsm__log *log, struct wsm__room *room, uint64_t after, uint32_t limit, size_t max_bytes,
                  void (*done)(void *, uint64_t, const struct wsm__log_read *), void *context, uint64_t number)
{
	struct wsm__log_read *read = read_new(log, room, after, limit);

	if (!read)
		return WSM_ENOMEM;
	read->max_bytes = max_bytes;
	read->done = done;
	read->context = context;
	read->number = number;
	post_read(log, read);
	return WSM_OK;
}

/* registry.read: members at the same position share one read. */
static void read_for_member(void *context, struct wsm__member *member)
{
	struct wsm__log *log = context;
	struct wsm__room_log *it = member->room->log;
	struct wsm__log_read *read;
	bool made = false;

	if (!it || it->phase != WSM__LOG_OPEN)
		return;
	DL_FOREACH(it->reads, read) {
		if (!read->done && read->after == member->position)
			break;
	}
	if (!read) {
		read = read_new(log, member->room, member->position, WSM__PAGE_MESSAGES);
		if (!read)
			return; /* it asks again when it is written to */
		read->max_bytes = WSM__PAGE_BYTES;
		made = true;
	}
	member->read = &read->page;
	DL_APPEND2(read->page.members, member, read_prev, read_next);
	if (made)
		post_read(log, read);
}

bool wsm__log_row(struct wsm__log_read *read, uint64_t offset, uint64_t age_ms, wsm_slice blob)
{
	struct wsm__log *log = read->room->log;
	const struct wsm__room *room = read->room->room;
	const struct wsm__place place = { wsm__room_name(room), offset, room->epoch, false };
	struct wsm__unblobbed made;
	struct wsm__pub *pub = NULL;
	bool positioned;

	if (read->count < read->limit && !wsm__blob_read(&made, blob)) {
		pub = wsm__message_build(log->text, &made.publish, &made.stamp, &place, &positioned);
		wsm__blob_release(&made);
	}
	if (!pub)
		return false;
	pub->room_id = room->id;
	pub->visible = room->visible;
	pub->backlog = (uint8_t)room->settings.backlog;
	pub->offset = offset;
	pub->noted = wsm__room_waits(room);
	pub->at_ms = *log->now_ms > age_ms ? *log->now_ms - age_ms : 0;
	read->pubs[read->count++] = pub;
	return true;
}

static void serve_members(struct wsm__log *log, struct wsm__log_read *read)
{
	uint64_t first = wsm__history_first(&read->room->room->history);
	uint32_t n = read->count;

	while (n && read->pubs[n - 1]->offset >= first) /* that is counted where it lies */
		n--;
	while (read->page.members) {
		struct wsm__member *member = read->page.members;

		wsm__page_take(log->registry, member, read->status ? NULL : read->pubs, n);
		wsm__mark_dirty(log->registry, member->sub, false);
	}
}

void wsm__log_read_done(struct wsm__log_read *read, int status, uint64_t first)
{
	struct wsm__log *log = read->room->log;
	struct wsm__room *room = read->room->room;
	struct wsm__log_read *next;

	read->status = status;
	if (!status && first > room->kept_from)
		room->kept_from = first;
	DL_DELETE(read->room->reads, read);
	log->reads--;
	if (read->done)
		read->done(read->context, read->number, read);
	else
		serve_members(log, read);
	for (uint32_t i = 0; i < read->count; i++)
		wsm__pub_unref(read->pubs[i]);
	free(read->pubs);
	free(read);
	let_go(log, room);
	next = log->reads_waiting;
	if (next && log->reads < WSM__READS_MAX) {
		log->reads_waiting = next->next_waiting;
		start_read(log, next);
	}
}

/* ---- life ---------------------------------------------------------------------------------------------------------- */

static void sent(void *context, struct wsm__room *room)
{
	struct wsm__log *log = context;

	if (room->log->phase == WSM__LOG_OPEN && !log->ending)
		log->driver->sent(log, room->log, room->sent);
}

static void on_wake(uv_async_t *wake)
{
	struct wsm__log *log = (struct wsm__log *)(void *)((char *)wake - offsetof(struct wsm__log, wake));

	log->woken(log->context);
	log->driver->take(log);
}

int wsm__log_begin(struct wsm__log *log, wsm_error *error)
{
	struct wsm__registry *registry = log->registry;
	int status;

	if (!log->driver)
		return WSM_OK;
	if (uv_async_init(log->loop, &log->wake, on_wake)) {
		log->driver = NULL;
		return wsm__fail(error, WSM_ESYSTEM, "the log's bell could not be made");
	}
	log->rings = true;
	status = log->driver->begin(log, error);
	if (status) {
		log->driver = NULL;
		return status;
	}
	registry->read = read_for_member;
	registry->sent = sent;
	registry->forgotten = forgotten;
	registry->log_context = log;
	return WSM_OK;
}

void wsm__log_review(struct wsm__log *log)
{
	unsigned version;

	if (!log->driver || !log->driver->review)
		return;
	version = atomic_load_explicit(log->registry->settings_version, memory_order_acquire);
	if (version == log->rules_version)
		return;
	log->rules_version = version;
	log->driver->review(log);
}

void wsm__log_settle(struct wsm__log *log, unsigned ms)
{
	if (log->driver && log->under_way)
		log->driver->settle(log, ms);
}

void wsm__log_end(struct wsm__log *log)
{
	if (!log->driver)
		return;
	log->driver->end(log);
	log->ending = true;
}
