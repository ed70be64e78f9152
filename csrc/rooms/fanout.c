/* How a publication gets into outboxes, and what happens when one overflows. */
#include "rooms/registry.h"

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
	uint64_t after; /* of the firehose's publications, only those with a greater seq may be taken back */
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

/*
 * One seq says where a lagging firehose is to be continued, so only a tail of what waits may be taken back: not what was
 * replayed by positions that differ by room, nor what precedes something that history no longer has. While it lags, what
 * waits is such a replay, or half a queue at most: it stays.
 */
static uint64_t firehose_recalled_after(const struct wsm__sub *sub)
{
	uint64_t seq = sub->firehose_from;

	if (!sub->firehose || sub->firehose_lagging)
		return UINT64_MAX;
	for (uint32_t i = 0; i < sub->outbox.count; i++) {
		const struct wsm__pub *pub = wsm__outbox_at(&sub->outbox, i);

		if (pub->visible && pub->offset && !pub->kept && pub->seq > seq)
			seq = pub->seq;
	}
	return seq;
}

/* Takes a publication that history still has out of the outbox, and notes from where its room is to be continued. */
static bool recall(const struct wsm__pub *pub, void *context)
{
	struct recall *it = context;
	struct wsm__member *member;

	if (!pub->offset || !pub->kept)
		return false;
	if (it->sub->firehose && pub->visible) {
		if (pub->seq <= it->after)
			return false;
		begin_firehose_lag(it->registry, it->sub, pub->seq - 1);
		return true;
	}
	member = wsm__member_find(it->registry, pub->room_id, it->sub);
	/* Has left since, perhaps come back: it is still owed what was published before, and ahead of the answer to that. */
	if (!member || pub->offset <= member->from)
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
	struct recall context = { registry, sub, firehose_recalled_after(sub) };

	registry->stats.dropped += wsm__outbox_remove(&sub->outbox, is_expendable, NULL);
	if (fits(registry, sub, pub))
		return true;
	if (is_expendable(pub, NULL)) /* not at the cost of others */
		return false;
	wsm__outbox_remove(&sub->outbox, recall, &context);
	return fits(registry, sub, pub);
}

void wsm__sub_put(struct wsm__registry *registry, struct wsm__sub *sub, struct wsm__pub *pub)
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

void wsm__sub_overflowed(struct wsm__registry *registry, struct wsm__sub *sub)
{
	sub->overflow = true;
	wsm__mark_dirty(registry, sub, true);
}

/*
 * `member` is NULL for the firehose and for publications to one client. False if the subscriber does not get it: dropped, or
 * to be closed.
 */
static bool deliver(struct wsm__registry *registry, struct wsm__sub *sub, struct wsm__member *member,
                    struct wsm__pub *pub)
{
	if (sub->overflow)
		return false;
	if (pub->conflate) {
		enum wsm__replaced replaced = wsm__outbox_replace(&sub->outbox, pub, registry->max_queue);

		registry->stats.conflated += replaced != WSM__REPLACED_NONE;
		if (replaced == WSM__REPLACED)
			return true;
	}
	if (fits(registry, sub, pub) || make_room(registry, sub, pub)) {
		/* make_room may have made this very room lag; then history has the publication. */
		if (!pub->offset || !(member ? member->lagging : sub->firehose_lagging))
			wsm__sub_put(registry, sub, pub);
		return !sub->overflow;
	}
	if (pub->offset && member) {
		begin_lag(registry, member, pub->offset - 1);
		return true;
	}
	if (pub->offset && sub->firehose) {
		begin_firehose_lag(registry, sub, pub->seq - 1);
		return true;
	}
	if (pub->priority == WSM_LOW)
		registry->stats.dropped++;
	else
		wsm__sub_overflowed(registry, sub);
	return false;
}

/* ---- fan-out ---------------------------------------------------------------------------------------------------- */

bool wsm__room_has_audience(const struct wsm__registry *registry, const struct wsm__room *room)
{
	return room->n_members || (room->visible && registry->n_firehose);
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
	if (keep && wsm__history_add(&room->history, pub, &room->settings.history)) {
		/* Without its newest publication the history is of no use: a gap that shows is better than a wrong run. */
		wsm__history_clear(&room->history);
		room->history.last = pub->offset;
		room->history.last_seq = room->history.evicted_seq = pub->seq;
	}
	if (keep && room->history.count)
		wsm__room_kept(registry, room);
	for (uint32_t i = 0; i < room->n_members; i++) {
		struct wsm__member *member = room->members[i];
		struct wsm__sub *sub = member->sub;

		if ((pub->level && pub->level < member->level) || (sub->firehose && room->visible) ||
		    !wsm__pub_is_for(pub, sub))
			continue;
		if (member->lagging && pub->offset) /* history has it */
			recipients += !sub->overflow;
		else
			recipients += deliver(registry, sub, member, pub);
	}
	for (uint32_t i = 0; room->visible && i < registry->n_firehose; i++) {
		struct wsm__sub *sub = registry->firehose[i];

		if (!wsm__pub_is_for(pub, sub))
			continue;
		if (sub->firehose_lagging && pub->offset)
			recipients += !sub->overflow;
		else
			recipients += deliver(registry, sub, NULL, pub);
	}
	return recipients;
}

void wsm__sub_push(struct wsm__registry *registry, struct wsm__sub *sub, struct wsm__pub *pub)
{
	if (sub->overflow)
		return;
	if (fits(registry, sub, pub) || make_room(registry, sub, pub))
		wsm__sub_put(registry, sub, pub);
	else
		wsm__sub_overflowed(registry, sub);
}

bool wsm__sub_deliver(struct wsm__registry *registry, struct wsm__sub *sub, struct wsm__pub *pub)
{
	pub->seq = ++registry->seq;
	registry->stats.published++;
	return deliver(registry, sub, NULL, pub);
}
