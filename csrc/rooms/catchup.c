/* Replays history to subscribers that lag: to members by offsets, to the firehose by seq or by named positions. */
#include "rooms/catchup.h"

#include <stdlib.h>

#include "rooms/fanout.h"
#include "rooms/lag.h"
#include "rooms/overflow.h"
#include "rooms/page.h"

#define REPLAY_MAX 1024u /* publications that one firehose subscriber holds on to while it catches up */

static bool has_space(const struct wsm__registry *registry, const struct wsm__sub *sub)
{
	return !sub->overflow && (!sub->outbox.count || sub->outbox.bytes < registry->max_queue / 2);
}

static void tell_gap(struct wsm__registry *registry, struct wsm__sub *sub, const struct wsm__room *room,
                     uint64_t offset, uint64_t missed)
{
	registry->stats.gaps++;
	if (registry->gap)
		registry->gap(registry->gap_context, sub, room, offset, missed);
}

bool wsm__history_reaches_back(struct wsm__room *room, const struct wsm__since *since, uint64_t now_ms)
{
	wsm__history_expire(&room->history, now_ms, room->settings.history.ttl_ms);
	return wsm__slice_is(since->epoch, room->epoch) && since->offset <= room->history.last &&
	       since->offset + 1 >= wsm__history_first(&room->history);
}

bool wsm__room_reaches_back(struct wsm__room *room, const struct wsm__since *since, uint64_t now_ms)
{
	if (wsm__history_reaches_back(room, since, now_ms))
		return true;
	return room->kept_from && wsm__slice_is(since->epoch, room->epoch) && since->offset <= room->history.last &&
	       since->offset + 1 >= room->kept_from;
}

uint64_t wsm__count_missed(const struct wsm__sub *sub, const struct wsm__room *room, uint64_t offset, int level)
{
	uint64_t first = wsm__history_first(&room->history), n = 0;

	if (offset + 1 < first) {
		n = first - offset - 1;
		offset = first - 1;
	}
	for (uint64_t i = offset + 1; i <= room->history.last; i++) {
		const struct wsm__pub *pub = wsm__history_at(&room->history, i);

		n += wsm__pub_is_wanted(pub, sub, level);
	}
	return n;
}

/* ---- members ---------------------------------------------------------------------------------------------------- */

/*
 * Returns the offset after which a member goes on: its position; if it fell behind in a room that drops its oldest, the offset
 * before the newest half of a queue.
 */
static uint64_t passed_over(const struct wsm__registry *registry, const struct wsm__member *member)
{
	const struct wsm__history *history = &member->room->history;
	uint64_t offset = history->last, least = member->position;
	size_t bytes = 0;

	if (member->room->settings.backlog != WSM__DROP_OLDEST || !member->behind)
		return member->position;
	if (least + 1 < wsm__history_first(history)) /* the log has them, but they are the oldest */
		least = wsm__history_first(history) - 1;
	for (; offset > least; offset--) {
		const struct wsm__pub *pub = wsm__history_at(history, offset);

		if (wsm__pub_is_wanted(pub, member->sub, member->level))
			bytes += pub->frame_len;
		if (bytes > registry->max_queue / 2 && offset < history->last)
			break;
	}
	return offset;
}

/* A refill of one member under way. */
struct refill {
	struct wsm__registry *registry;
	struct wsm__member *member;
	uint64_t passed_over; /* up to this offset, only the critical are sent */
	uint64_t missed;      /* not told yet */
};

static void tell_missed(struct refill *it)
{
	struct wsm__member *member = it->member;

	if (!it->missed)
		return;
	if (member->room->settings.backlog == WSM__DISCONNECT)
		wsm__sub_overflowed(it->registry, member->sub);
	else
		tell_gap(it->registry, member->sub, member->room, member->position, it->missed);
	member->from = member->position; /* what waits ahead of the gap stays there */
	it->missed = 0;
}

static void put(struct wsm__registry *registry, struct wsm__sub *sub, struct wsm__pub *pub, enum wsm__fate from)
{
	wsm__fate(&registry->deliveries, pub, from,
	          wsm__sub_put(registry, sub, pub) ? WSM__WAITING : WSM__DROPPED_CLOSED);
}

/* Queues the next publication from history. */
static void refill_kept(struct refill *it, struct wsm__pub *pub)
{
	struct wsm__member *member = it->member;
	bool wanted = wsm__pub_is_wanted(pub, member->sub, member->level);

	if (pub->offset <= it->passed_over && pub->priority != WSM_CRITICAL) {
		if (wanted)
			wsm__fate(&it->registry->deliveries, pub, WSM__LAGGING, WSM__DROPPED_OVERFLOW);
		it->missed += wanted;
		member->position++;
		return;
	}
	tell_missed(it);
	member->position++;
	if (wanted)
		put(it->registry, member->sub, pub, WSM__LAGGING);
}

/* Returns the member's next publication; NULL if there is none, or it must be read from the log first. */
static struct wsm__pub *next_kept(struct refill *it)
{
	struct wsm__member *member = it->member;
	const struct wsm__history *history = &member->room->history;
	struct wsm__pub *read = wsm__page_next(member);

	if (read) { /* what has gone from the log meanwhile is missed */
		it->missed += read->offset - 1 - member->position;
		member->position = read->offset - 1;
		return read;
	}
	return member->position < history->last && !wsm__page_needed(member)
		       ? wsm__history_at(history, member->position + 1)
		       : NULL;
}

/* Skips publications that are gone. A room that drops its oldest does not read them from its log. */
static void skip_gone(struct refill *it)
{
	struct wsm__member *member = it->member;
	const struct wsm__room *room = member->room;
	uint64_t first = wsm__history_first(&room->history);

	if (room->kept_from && !(member->behind && room->settings.backlog == WSM__DROP_OLDEST))
		first = room->kept_from < first ? room->kept_from : first;
	if (wsm__page_next(member) || member->position + 1 >= first)
		return;
	it->missed = first - 1 - member->position;
	member->position += it->missed;
	wsm__page_pay(it->registry, member, WSM__DROPPED_GAP);
}

/* Held messages are younger than what lies in history, but perhaps not than what is read. */
static bool held_is_first(const struct wsm__pub *held, const struct wsm__pub *kept)
{
	if (!held || !kept)
		return held != NULL;
	return kept->seq ? held->seq < kept->seq : held->after < kept->offset;
}

static struct wsm__pub *first_held(const struct wsm__outbox *held)
{
	return held && held->count ? wsm__outbox_at(held, 0) : NULL;
}

static void refill_one(struct refill *it, struct wsm__pub *kept)
{
	bool read = wsm__page_next(it->member) != NULL;

	refill_kept(it, kept);
	if (read)
		wsm__page_pop(it->member);
}

static void refill_member(struct wsm__registry *registry, struct wsm__member *member, uint64_t now_ms)
{
	struct wsm__history *history = &member->room->history;
	struct wsm__sub *sub = member->sub;
	struct refill it = { .registry = registry, .member = member };
	struct wsm__pub *kept, *held;
	bool unread;

	wsm__history_expire(history, now_ms, member->room->settings.history.ttl_ms);
	skip_gone(&it);
	it.passed_over = passed_over(registry, member);
	for (;;) {
		kept = next_kept(&it);
		held = first_held(member->held);
		unread = !kept && wsm__page_needed(member);
		if ((!kept && !held) || unread || !has_space(registry, sub))
			break;
		if (held_is_first(held, kept)) {
			tell_missed(&it);
			put(registry, sub, held, WSM__WAITING);
			wsm__held_pop(sub, &member->held, 1);
		} else {
			refill_one(&it, kept);
		}
	}
	tell_missed(&it);
	member->lag_seq = held_is_first(held, kept) ? held->seq : kept ? kept->seq : 0;
	if (unread && has_space(registry, sub))
		wsm__page_ask(registry, member);
	if (kept || held || unread)
		return;
	if (member->held) /* emptied by conflation */
		wsm__held_pop(sub, &member->held, 0);
	wsm__page_pay(registry, member, WSM__DROPPED_GAP); /* of what has gone from the log meanwhile */
	member->lagging = member->behind = false;
	sub->n_lagging--;
}

static void refill_members(struct wsm__registry *registry, struct wsm__sub *sub, uint64_t now_ms)
{
	struct wsm__member *member, *last = NULL;

	DL_FOREACH(sub->members, member) {
		if (!has_space(registry, sub))
			break;
		if (!member->lagging)
			continue;
		refill_member(registry, member, now_ms);
		last = member;
	}
	/*
	 * A room that fills as fast as the socket drains must not be first again: the others would never have their turn. But
	 * critical publications come first.
	 */
	if (last && last->lagging && last->position >= last->urgent_until) {
		DL_DELETE(sub->members, last);
		DL_APPEND(sub->members, last);
	}
}

/* ---- the firehose: what is to be replayed ----------------------------------------------------------------------- */

struct collection {
	struct wsm__pub **pubs; /* with a reference each */
	size_t count, capacity;
	bool failed; /* out of memory */
};

static void collection_fini(struct collection *all)
{
	for (size_t i = 0; i < all->count; i++)
		wsm__pub_unref(all->pubs[i]);
	free(all->pubs);
}

static void add(struct collection *into, struct wsm__pub *pub)
{
	if (into->count == into->capacity) {
		size_t capacity = into->capacity ? into->capacity * 2 : 64;
		struct wsm__pub **grown = realloc(into->pubs, capacity * sizeof(struct wsm__pub *));

		if (!grown) {
			into->failed = true;
			return;
		}
		into->pubs = grown;
		into->capacity = capacity;
	}
	into->pubs[into->count++] = wsm__pub_ref(pub);
}

/* Adds the room's publications after `seq`. */
static void collect(struct collection *into, const struct wsm__room *room, uint64_t seq, const struct wsm__sub *sub)
{
	const struct wsm__history *history = &room->history;

	for (uint64_t offset = history->last; offset >= wsm__history_first(history); offset--) {
		struct wsm__pub *pub = wsm__history_at(history, offset);

		if (pub->seq <= seq)
			break;
		if (wsm__pub_is_wanted(pub, sub, sub->firehose_level))
			add(into, pub);
	}
}

static int by_seq(const void *a, const void *b)
{
	const struct wsm__pub *const *x = a, *const *y = b;

	return (*x)->seq<(*y)->seq ? -1 : (*x)->seq>(*y)->seq;
}

/* Makes the collection the subscriber's replay; leaves more than `max` to the next turn. */
static void begin_replay(struct wsm__registry *registry, struct wsm__sub *sub, struct collection *all, size_t max)
{
	size_t n = all->count < max ? all->count : max;

	if (all->count)
		qsort(all->pubs, all->count, sizeof(all->pubs[0]), by_seq);
	sub->firehose_lagging = true;
	sub->firehose_seq = n < all->count ? all->pubs[n - 1]->seq : registry->seq;
	while (all->count > n)
		wsm__pub_unref(all->pubs[--all->count]);
	if (!n) {
		free(all->pubs);
		return;
	}
	sub->replay = all->pubs;
	sub->replay_count = (uint32_t)n;
	sub->replay_at = 0;
}

static void drop_replay(struct wsm__sub *sub)
{
	while (sub->replay_at < sub->replay_count)
		wsm__pub_unref(sub->replay[sub->replay_at++]);
	free(sub->replay);
	sub->replay = NULL;
	sub->replay_at = sub->replay_count = 0;
}

/* ---- the firehose: catching up ---------------------------------------------------------------------------------- */

/* Returns the visible room with the newest publication before that of `room`, or NULL if that is not after `seq`. */
static struct wsm__room *newer_than(const struct wsm__registry *registry, struct wsm__room *room, uint64_t seq)
{
	struct wsm__room *before = !registry->recent          ? NULL
	                           : !room                    ? registry->recent->recent_prev
	                           : room == registry->recent ? NULL
	                                                      : room->recent_prev;

	return before && before->history.last_seq > seq ? before : NULL;
}

/* Publications of the replay are no longer in history only, and no longer held. */
static void take_over(struct wsm__registry *registry, struct wsm__sub *sub)
{
	uint32_t held = 0;

	for (uint32_t i = 0; i < sub->replay_count; i++) {
		if (sub->replay[i]->offset)
			wsm__fate(&registry->deliveries, sub->replay[i], WSM__LAGGING, WSM__WAITING);
		else
			held++;
	}
	if (sub->held) /* they are in the same order */
		wsm__held_pop(sub, &sub->held, held);
}

static int refill_firehose(struct wsm__registry *registry, struct wsm__sub *sub, uint64_t now_ms)
{
	struct collection all = { 0 };
	struct wsm__room *room = NULL;

	while ((room = newer_than(registry, room, sub->firehose_seq)) != NULL) {
		wsm__history_expire(&room->history, now_ms, room->settings.history.ttl_ms);
		if (room->history.evicted_seq > sub->firehose_seq)
			tell_gap(registry, sub, room, wsm__history_first(&room->history) - 1, 0);
		collect(&all, room, sub->firehose_seq, sub);
	}
	for (uint32_t i = 0; sub->held && i < sub->held->count; i++)
		add(&all, wsm__outbox_at(sub->held, i));
	if (all.failed) {
		collection_fini(&all);
		return WSM_ENOMEM;
	}
	if (!all.count) {
		sub->firehose_lagging = false;
		if (sub->held) /* emptied by conflation */
			wsm__held_pop(sub, &sub->held, 0);
		free(all.pubs);
		return WSM_OK;
	}
	begin_replay(registry, sub, &all, REPLAY_MAX);
	take_over(registry, sub);
	return WSM_OK;
}

static void drain_replay(struct wsm__registry *registry, struct wsm__sub *sub)
{
	while (sub->replay_at < sub->replay_count && has_space(registry, sub)) {
		struct wsm__pub *pub = sub->replay[sub->replay_at++];

		put(registry, sub, pub, WSM__WAITING);
		wsm__pub_unref(pub);
	}
	if (sub->replay_at == sub->replay_count)
		drop_replay(sub);
}

void wsm__refill(struct wsm__registry *registry, struct wsm__sub *sub, uint64_t now_ms)
{
	while ((sub->replay || sub->firehose_lagging) && has_space(registry, sub)) {
		if (sub->replay)
			drain_replay(registry, sub);
		else if (refill_firehose(registry, sub, now_ms))
			wsm__sub_overflowed(registry, sub);
	}
	if (sub->n_lagging)
		refill_members(registry, sub, now_ms);
}

/* ---- the firehose: named positions ------------------------------------------------------------------------------ */

uint64_t wsm__firehose_position(const struct wsm__sub *sub, const struct wsm__room *room)
{
	const struct wsm__history *history = &room->history;
	uint64_t offset = history->last;

	for (uint32_t i = sub->replay_at; i < sub->replay_count; i++)
		if (sub->replay[i]->room_id == room->id && sub->replay[i]->offset)
			return sub->replay[i]->offset - 1;
	while (sub->firehose_lagging && offset >= wsm__history_first(history) &&
	       wsm__history_at(history, offset)->seq > sub->firehose_seq)
		offset--;
	return offset;
}

/* Returns the seq of a position that history reaches back to. */
static uint64_t seq_of(const struct wsm__room *room, uint64_t offset)
{
	const struct wsm__history *history = &room->history;

	if (offset == history->last)
		return history->last_seq;
	if (offset < wsm__history_first(history)) /* the one just before the oldest: the last one evicted */
		return history->evicted_seq;
	return wsm__history_at(history, offset)->seq;
}

/* Takes a room's publications out of the counts, as its replay is made anew. Returns how many the client still has to get. */
static uint64_t uncount_replay(struct wsm__registry *registry, struct wsm__sub *sub, uint64_t room_id, uint64_t offset)
{
	uint64_t again = 0;

	for (uint32_t i = sub->replay_at; i < sub->replay_count; i++) {
		struct wsm__pub *pub = sub->replay[i];

		if (pub->room_id != room_id || !pub->offset)
			continue;
		wsm__fate(&registry->deliveries, pub, WSM__WAITING,
		          pub->offset > offset ? WSM__NEW : WSM__DROPPED_LEFT);
		again += pub->offset > offset;
	}
	return again;
}

int wsm__firehose_rewind(struct wsm__registry *registry, struct wsm__sub *sub, struct wsm__room *room, uint64_t offset,
                         struct wsm__joined *joined)
{
	/* Everything newer waits for the next turn, also in this room. */
	uint64_t until = wsm__firehose_until(registry, sub), again;
	struct collection all = { 0 };
	size_t others;

	if (seq_of(room, offset) > until) /* the next turn would repeat what the client has */
		return WSM_OK;
	for (uint32_t i = sub->replay_at; i < sub->replay_count; i++)
		if (sub->replay[i]->room_id != room->id || !sub->replay[i]->offset)
			add(&all, sub->replay[i]);
	others = all.count;
	for (uint64_t i = offset + 1; i <= room->history.last && wsm__history_at(&room->history, i)->seq <= until; i++)
		if (wsm__pub_is_wanted(wsm__history_at(&room->history, i), sub, sub->firehose_level))
			add(&all, wsm__history_at(&room->history, i));
	if (all.failed) {
		collection_fini(&all);
		return WSM_ENOMEM;
	}
	joined->recovered = true;
	joined->replayed = wsm__count_missed(sub, room, offset, sub->firehose_level);
	again = uncount_replay(registry, sub, room->id, offset) +
	        wsm__sub_take_back(registry, sub, room, offset, sub->firehose_level);
	for (size_t i = others; i < all.count; i++)
		wsm__fate(&registry->deliveries, all.pubs[i], WSM__NEW, WSM__WAITING);
	registry->deliveries.replayed += all.count - others - again;
	drop_replay(sub);
	begin_replay(registry, sub, &all, SIZE_MAX);
	sub->firehose_seq = until;
	return WSM_OK;
}

static const struct wsm__named *named_as(const struct wsm__named *named, size_t n, const struct wsm__room *room)
{
	for (size_t i = 0; i < n; i++)
		if (named[i].room == room)
			return &named[i];
	return NULL;
}

/* Sets `recovered` of the positions. Returns the newest seq among those that can be continued, or UINT64_MAX. */
static uint64_t check_named(struct wsm__registry *registry, struct wsm__named *named, size_t n, uint64_t now_ms)
{
	uint64_t newest = 0;
	bool any = false;

	for (size_t i = 0; i < n; i++) {
		struct wsm__room *room = named[i].room;

		named[i].recovered = room && wsm__history_reaches_back(room, &named[i].since, now_ms);
		any |= named[i].recovered;
		if (named[i].recovered && seq_of(room, named[i].since.offset) > newest)
			newest = seq_of(room, named[i].since.offset);
	}
	if (any && registry->freed_seq <= newest)
		return newest;
	/* Nobody can tell whether the client missed something in rooms that have gone since. */
	for (size_t i = 0; i < n; i++)
		named[i].recovered = false;
	return UINT64_MAX;
}

int wsm__firehose_resume(struct wsm__registry *registry, struct wsm__sub *sub, struct wsm__named *named, size_t n,
                         uint64_t now_ms)
{
	struct collection all = { 0 };
	uint64_t newest = check_named(registry, named, n, now_ms);
	struct wsm__room *room = NULL;

	if (newest == UINT64_MAX)
		return WSM_OK;
	for (size_t i = 0; i < n; i++)
		if (named[i].recovered && named_as(named, n, named[i].room) == &named[i])
			collect(&all, named[i].room, seq_of(named[i].room, named[i].since.offset), sub);
	while ((room = newer_than(registry, room, newest)) != NULL) {
		if (named_as(named, n, room))
			continue;
		wsm__history_expire(&room->history, now_ms, room->settings.history.ttl_ms);
		if (room->history.evicted_seq > newest)
			tell_gap(registry, sub, room, wsm__history_first(&room->history) - 1, 0);
		collect(&all, room, newest, sub);
	}
	if (all.failed) {
		collection_fini(&all);
		for (size_t i = 0; i < n; i++)
			named[i].recovered = false;
		return WSM_ENOMEM;
	}
	for (size_t i = 0; i < all.count; i++)
		wsm__fate(&registry->deliveries, all.pubs[i], WSM__NEW, WSM__WAITING);
	registry->deliveries.replayed += all.count;
	begin_replay(registry, sub, &all, SIZE_MAX);
	sub->firehose_from = registry->seq;
	return WSM_OK;
}
