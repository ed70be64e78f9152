/* How a publication gets into outboxes, what happens when one overflows, and how a lagging subscriber catches up. */
#include <stdlib.h>
#include <string.h>

#include "rooms/registry.h"

#define REPLAY_MAX 1024u /* publications that one firehose subscriber holds on to while it catches up */

void wsm__mark_dirty(struct wsm__registry *registry, struct wsm__sub *sub, bool urgent)
{
	if (sub->dirty && (sub->urgent || !urgent))
		return;
	if (sub->dirty)
		DL_DELETE2(registry->dirty, sub, dirty_prev, dirty_next);
	if (urgent)
		DL_APPEND2(registry->urgent, sub, dirty_prev, dirty_next);
	else
		DL_APPEND2(registry->dirty, sub, dirty_prev, dirty_next);
	sub->dirty = true;
	sub->urgent = urgent;
}

void wsm__unmark_dirty(struct wsm__registry *registry, struct wsm__sub *sub)
{
	if (!sub->dirty)
		return;
	if (sub->urgent)
		DL_DELETE2(registry->urgent, sub, dirty_prev, dirty_next);
	else
		DL_DELETE2(registry->dirty, sub, dirty_prev, dirty_next);
	sub->dirty = sub->urgent = false;
}

/* ---- overflow --------------------------------------------------------------------------------------------------- */

static bool is_expendable(const struct wsm__pub *pub, void *context)
{
	(void)context;
	return pub->priority == WSM_LOW && !pub->offset && !pub->control;
}

struct recall {
	struct wsm__registry *registry;
	struct wsm__sub *sub;
	bool lagged; /* the firehose lagged already before */
};

static void begin_lag(struct wsm__registry *registry, struct wsm__member *member, uint64_t position)
{
	if (member->lagging)
		return;
	member->lagging = true;
	member->position = position;
	member->sub->n_lagging++;
	registry->stats.lags++;
}

static void begin_firehose_lag(struct wsm__registry *registry, struct wsm__sub *sub, uint64_t seq)
{
	if (sub->firehose_lagging)
		return;
	sub->firehose_lagging = true;
	sub->firehose_seq = seq;
	registry->stats.lags++;
}

/* Takes a publication that history still has out of the outbox, and notes from where its room is to be continued. */
static bool recall(const struct wsm__pub *pub, void *context)
{
	struct recall *it = context;
	struct wsm__member *member;

	if (!pub->offset)
		return false;
	if (it->sub->firehose && pub->visible) {
		if (it->lagged) /* its outbox holds the replay, whose positions differ by room: leave it */
			return false;
		begin_firehose_lag(it->registry, it->sub, pub->seq - 1);
		return true;
	}
	member = wsm__member_find(it->registry, pub->room_id, it->sub);
	if (!member) /* has left since: it is still owed what was published before */
		return false;
	begin_lag(it->registry, member, pub->offset - 1);
	if (pub->offset - 1 < member->position) /* lagged before, and this was queued by the refill */
		member->position = pub->offset - 1;
	return true;
}

static bool fits(const struct wsm__registry *registry, const struct wsm__sub *sub, const struct wsm__pub *pub)
{
	return !sub->outbox.count || sub->outbox.bytes + pub->frame_len <= registry->max_queue;
}

/* Frees an outbox as registry.h says. Returns whether `pub` fits now. */
static bool make_room(struct wsm__registry *registry, struct wsm__sub *sub, const struct wsm__pub *pub)
{
	struct recall context = { registry, sub, sub->firehose_lagging };

	registry->stats.dropped += wsm__outbox_remove(&sub->outbox, is_expendable, NULL);
	if (fits(registry, sub, pub))
		return true;
	wsm__outbox_remove(&sub->outbox, recall, &context);
	return fits(registry, sub, pub);
}

static void put(struct wsm__registry *registry, struct wsm__sub *sub, struct wsm__pub *pub)
{
	bool critical = pub->priority == WSM_CRITICAL && !pub->control;
	int status;

	/* In the firehose the order of seq is the position, so nothing overtakes there. */
	if (critical && !sub->firehose)
		status = wsm__outbox_push_critical(&sub->outbox, pub);
	else
		status = wsm__outbox_push(&sub->outbox, pub);
	if (status)
		sub->overflow = true;
	registry->stats.queued += !pub->control;
	wsm__mark_dirty(registry, sub, critical || sub->overflow);
}

static void overflowed(struct wsm__registry *registry, struct wsm__sub *sub)
{
	sub->overflow = true;
	wsm__mark_dirty(registry, sub, true);
}

/* `member` is NULL for the firehose and for publications to one client. */
static void deliver(struct wsm__registry *registry, struct wsm__sub *sub, struct wsm__member *member,
                    struct wsm__pub *pub)
{
	if (sub->overflow)
		return;
	if (pub->conflate && wsm__outbox_replace(&sub->outbox, pub)) {
		registry->stats.conflated++;
		return;
	}
	if (fits(registry, sub, pub) || make_room(registry, sub, pub)) {
		/* make_room may have made this very room lag; then history has the publication. */
		if (pub->offset && (member ? member->lagging : sub->firehose_lagging))
			return;
		put(registry, sub, pub);
	} else if (pub->offset && member) {
		begin_lag(registry, member, pub->offset - 1);
	} else if (pub->offset && sub->firehose) {
		begin_firehose_lag(registry, sub, pub->seq - 1);
	} else if (pub->priority == WSM_LOW) {
		registry->stats.dropped++;
	} else {
		overflowed(registry, sub);
	}
}

/* ---- fan-out ---------------------------------------------------------------------------------------------------- */

bool wsm__room_has_audience(const struct wsm__registry *registry, const struct wsm__room *room)
{
	return room->n_members || (room->visible && registry->n_firehose);
}

static bool is_for(const struct wsm__pub *pub, const struct wsm__sub *sub)
{
	return !wsm__excluded(pub->exclude, sub->client_id, sub->user_id);
}

uint64_t wsm__room_publish(struct wsm__registry *registry, struct wsm__room *room, struct wsm__pub *pub, bool keep,
                           uint64_t now_ms)
{
	uint64_t recipients = 0;

	pub->room_id = room->id;
	pub->visible = room->visible;
	pub->seq = ++registry->seq;
	pub->at_ms = now_ms;
	pub->offset = keep ? room->history.last + 1 : 0;
	registry->stats.published++;
	if (keep && wsm__history_add(&room->history, pub, &registry->history)) {
		/* Without its newest publication the history is of no use: a gap that shows is better than a wrong run. */
		wsm__history_clear(&room->history);
		room->history.last = pub->offset;
		room->history.last_seq = room->history.evicted_seq = pub->seq;
	}
	for (uint32_t i = 0; i < room->n_members; i++) {
		struct wsm__member *member = room->members[i];
		struct wsm__sub *sub = member->sub;

		if ((pub->level && pub->level < member->level) || (sub->firehose && room->visible) || !is_for(pub, sub))
			continue;
		recipients++;
		if (!member->lagging || !pub->offset)
			deliver(registry, sub, member, pub);
	}
	for (uint32_t i = 0; room->visible && i < registry->n_firehose; i++) {
		struct wsm__sub *sub = registry->firehose[i];

		if (!is_for(pub, sub))
			continue;
		recipients++;
		if (!sub->firehose_lagging || !pub->offset)
			deliver(registry, sub, NULL, pub);
	}
	return recipients;
}

void wsm__sub_push(struct wsm__registry *registry, struct wsm__sub *sub, struct wsm__pub *pub)
{
	if (sub->overflow)
		return;
	if (fits(registry, sub, pub) || make_room(registry, sub, pub))
		put(registry, sub, pub);
	else
		overflowed(registry, sub);
}

bool wsm__sub_deliver(struct wsm__registry *registry, struct wsm__sub *sub, struct wsm__pub *pub)
{
	uint64_t dropped = registry->stats.dropped;

	pub->seq = ++registry->seq;
	registry->stats.published++;
	deliver(registry, sub, NULL, pub);
	return !sub->overflow && registry->stats.dropped == dropped;
}

/* ---- catching up ------------------------------------------------------------------------------------------------ */

static bool has_space(const struct wsm__registry *registry, const struct wsm__sub *sub)
{
	return !sub->outbox.count || sub->outbox.bytes < registry->max_queue / 2;
}

static void tell_gap(struct wsm__registry *registry, struct wsm__sub *sub, const struct wsm__room *room, uint64_t missed)
{
	registry->stats.gaps++;
	if (registry->gap)
		registry->gap(registry->gap_context, sub, room, missed);
}

static void refill_member(struct wsm__registry *registry, struct wsm__member *member, uint64_t now_ms)
{
	struct wsm__history *history = &member->room->history;
	struct wsm__sub *sub = member->sub;

	wsm__history_expire(history, now_ms, registry->history.ttl_ms);
	if (member->position + 1 < wsm__history_first(history)) {
		tell_gap(registry, sub, member->room, wsm__history_first(history) - 1 - member->position);
		member->position = wsm__history_first(history) - 1;
	}
	while (member->position < history->last && has_space(registry, sub)) {
		struct wsm__pub *pub = wsm__history_at(history, ++member->position);

		if ((pub->level && pub->level < member->level) || !is_for(pub, sub))
			continue;
		put(registry, sub, pub);
	}
	if (member->position == history->last) {
		member->lagging = false;
		sub->n_lagging--;
	}
}

static int by_seq(const void *a, const void *b)
{
	const struct wsm__pub *const *x = a, *const *y = b;

	return (*x)->seq < (*y)->seq ? -1 : (*x)->seq > (*y)->seq;
}

struct collection {
	struct wsm__pub **pubs;
	size_t count, capacity;
};

/* Adds what is newer than `seq` (and than offset `after`) in the room. WSM_ENOMEM. */
static int collect(struct collection *into, const struct wsm__room *room, uint64_t seq, uint64_t after,
                   const struct wsm__sub *sub)
{
	const struct wsm__history *history = &room->history;

	for (uint64_t offset = history->last; offset >= wsm__history_first(history) && offset > after; offset--) {
		struct wsm__pub *pub = wsm__history_at(history, offset);

		if (pub->seq <= seq)
			break;
		if (!is_for(pub, sub))
			continue;
		if (into->count == into->capacity) {
			size_t capacity = into->capacity ? into->capacity * 2 : 64;
			struct wsm__pub **grown = realloc(into->pubs, capacity * sizeof(struct wsm__pub *));

			if (!grown)
				return WSM_ENOMEM;
			into->pubs = grown;
			into->capacity = capacity;
		}
		into->pubs[into->count++] = pub;
	}
	return WSM_OK;
}

/* Makes the collection the subscriber's replay; what is over REPLAY_MAX is left to the next turn. */
static void begin_replay(struct wsm__registry *registry, struct wsm__sub *sub, struct collection *all, size_t max)
{
	size_t n = all->count < max ? all->count : max;

	if (all->count)
		qsort(all->pubs, all->count, sizeof(all->pubs[0]), by_seq);
	sub->firehose_lagging = true;
	sub->firehose_seq = n < all->count ? all->pubs[n - 1]->seq : registry->seq;
	if (!n) {
		free(all->pubs);
		return;
	}
	for (size_t i = 0; i < n; i++)
		wsm__pub_ref(all->pubs[i]);
	sub->replay = all->pubs;
	sub->replay_count = (uint32_t)n;
	sub->replay_at = 0;
}

static int refill_firehose(struct wsm__registry *registry, struct wsm__sub *sub, uint64_t now_ms)
{
	struct collection all = { 0 };
	struct wsm__room *room;

	for (room = registry->rooms; room; room = room->hh.next) {
		if (!room->visible || room->history.last_seq <= sub->firehose_seq)
			continue;
		wsm__history_expire(&room->history, now_ms, registry->history.ttl_ms);
		if (room->history.evicted_seq > sub->firehose_seq)
			tell_gap(registry, sub, room, 0);
		if (collect(&all, room, sub->firehose_seq, 0, sub)) {
			free(all.pubs);
			return WSM_ENOMEM;
		}
	}
	if (!all.count) {
		sub->firehose_lagging = false;
		free(all.pubs);
		return WSM_OK;
	}
	begin_replay(registry, sub, &all, REPLAY_MAX);
	return WSM_OK;
}

static void drain_replay(struct wsm__registry *registry, struct wsm__sub *sub)
{
	while (sub->replay_at < sub->replay_count && has_space(registry, sub)) {
		struct wsm__pub *pub = sub->replay[sub->replay_at++];

		put(registry, sub, pub);
		wsm__pub_unref(pub);
	}
	if (sub->replay_at < sub->replay_count)
		return;
	free(sub->replay);
	sub->replay = NULL;
	sub->replay_at = sub->replay_count = 0;
}

void wsm__refill(struct wsm__registry *registry, struct wsm__sub *sub, uint64_t now_ms)
{
	struct wsm__member *member;

	while ((sub->replay || sub->firehose_lagging) && has_space(registry, sub) && !sub->overflow) {
		if (sub->replay)
			drain_replay(registry, sub);
		else if (refill_firehose(registry, sub, now_ms))
			overflowed(registry, sub);
	}
	if (!sub->n_lagging)
		return;
	DL_FOREACH(sub->members, member)
	{
		if (!has_space(registry, sub))
			return;
		if (member->lagging)
			refill_member(registry, member, now_ms);
	}
}

/* The seq of a position that history can be continued from. */
static uint64_t seq_of(const struct wsm__room *room, uint64_t offset)
{
	const struct wsm__history *history = &room->history;

	if (offset == history->last)
		return history->last_seq;
	if (offset < wsm__history_first(history)) /* the one just before the oldest: the last one evicted */
		return history->evicted_seq;
	return wsm__history_at(history, offset)->seq;
}

static const struct wsm__named *named_as(const struct wsm__named *named, size_t n, const struct wsm__room *room)
{
	for (size_t i = 0; i < n; i++)
		if (named[i].room == room)
			return &named[i];
	return NULL;
}

int wsm__firehose_resume(struct wsm__registry *registry, struct wsm__sub *sub, struct wsm__named *named, size_t n,
                         uint64_t now_ms)
{
	struct collection all = { 0 };
	struct wsm__room *room;
	uint64_t newest = 0;
	bool any = false;

	for (size_t i = 0; i < n; i++) {
		room = named[i].room;
		if (!room)
			continue;
		wsm__history_expire(&room->history, now_ms, registry->history.ttl_ms);
		named[i].recovered = wsm__slice_is(named[i].since.epoch, room->epoch) &&
		                     named[i].since.offset <= room->history.last &&
		                     named[i].since.offset + 1 >= wsm__history_first(&room->history);
		if (!named[i].recovered)
			continue;
		any = true;
		if (seq_of(room, named[i].since.offset) > newest)
			newest = seq_of(room, named[i].since.offset);
	}
	if (registry->freed_seq > newest) /* a whole room has gone meanwhile, and nobody can tell which */
		any = false;
	if (!any) {
		for (size_t i = 0; i < n; i++)
			named[i].recovered = false;
		return WSM_OK;
	}
	for (room = registry->rooms; room; room = room->hh.next) {
		const struct wsm__named *name = named_as(named, n, room);
		int status = WSM_OK;

		if (!room->visible || (name && !name->recovered))
			continue;
		if (name) {
			status = collect(&all, room, 0, name->since.offset, sub);
		} else if (room->history.last_seq > newest) {
			if (room->history.evicted_seq > newest)
				tell_gap(registry, sub, room, 0);
			status = collect(&all, room, newest, 0, sub);
		}
		if (status) {
			free(all.pubs);
			return status;
		}
	}
	begin_replay(registry, sub, &all, SIZE_MAX);
	return WSM_OK;
}
