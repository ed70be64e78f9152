/* How a publication gets into outboxes, and what happens when one overflows. */
#include "rooms/fanout.h"

#include "rooms/lag.h"
#include "rooms/overflow.h"
#include "rooms/room.h"

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

/* ---- one subscriber --------------------------------------------------------------------------------------------- */

bool wsm__sub_put(struct wsm__registry *registry, struct wsm__sub *sub, struct wsm__pub *pub)
{
	bool critical = pub->priority == WSM_CRITICAL && !pub->control;
	int status;

	if (sub->overflow) /* something is missing: what came after it would hide that */
		return false;
	/* In the firehose the order of seq is the position, so nothing overtakes there. */
	if (critical && !sub->firehose)
		status = wsm__outbox_push_critical(&sub->outbox, pub);
	else
		status = wsm__outbox_push(&sub->outbox, pub);
	if (status)
		sub->overflow = true;
	wsm__mark_dirty(registry, sub, critical || sub->overflow);
	return !status;
}

void wsm__sub_overflowed(struct wsm__registry *registry, struct wsm__sub *sub)
{
	sub->overflow = true;
	wsm__mark_dirty(registry, sub, true);
}

/* Whether the publication's room lags there. `member` is NULL for the firehose and for publications to one client. */
static bool lags(const struct wsm__sub *sub, const struct wsm__member *member, const struct wsm__pub *pub)
{
	return member ? member->lagging : pub->visible && sub->firehose_lagging;
}

/* It waits in history. False if history has not got it, for want of memory: then the refill will find a gap. */
static bool wait_in_history(struct wsm__registry *registry, struct wsm__member *member, struct wsm__pub *pub)
{
	wsm__fate(&registry->deliveries, pub, WSM__NEW, pub->kept ? WSM__LAGGING : WSM__DROPPED_GAP);
	if (member && pub->priority == WSM_CRITICAL) { /* of the rooms that lag, this one is the next to be refilled */
		DL_DELETE(member->sub->members, member);
		DL_PREPEND(member->sub->members, member);
		member->urgent_until = pub->offset;
	}
	return pub->kept;
}

/* It finds no room. False: the subscriber does not get it. */
static bool give_up(struct wsm__registry *registry, struct wsm__sub *sub, struct wsm__member *member,
                    struct wsm__pub *pub)
{
	if (pub->offset && (member ? pub->backlog != WSM__DISCONNECT : sub->firehose)) {
		if (member)
			wsm__lag_begin(registry, member, pub->offset - 1, pub->seq);
		else
			wsm__firehose_lag_begin(registry, sub, pub->seq - 1);
		return wait_in_history(registry, member, pub);
	}
	/* With an offset it would be missed in silence. */
	if (pub->offset ||
	    (pub->priority != WSM_LOW && pub->backlog != WSM__DROP_OLDEST && pub->backlog != WSM__LATEST))
		wsm__sub_overflowed(registry, sub);
	wsm__fate(&registry->deliveries, pub, WSM__NEW, sub->overflow ? WSM__DROPPED_CLOSED : WSM__DROPPED_OVERFLOW);
	return false;
}

/* An older one of its key that still waits is gone afterwards. True: `pub` has its place. */
static bool conflate(struct wsm__registry *registry, struct wsm__sub *sub, struct wsm__outbox *held,
                     struct wsm__pub *pub)
{
	/* One message may have any size if it is all that waits, what is held back included: see wsm__sub_fits(). */
	size_t bound = sub->outbox.count == 1 && !sub->held_bytes ? SIZE_MAX
	               : registry->max_queue > sub->held_bytes    ? registry->max_queue - sub->held_bytes
	                                                          : 0;
	struct wsm__pub *older = held ? wsm__outbox_take_older(held, pub) : NULL;
	bool placed = false;

	if (older) /* what is held is in the order of seq: the newer one goes to its end */
		sub->held_bytes -= older->frame_len;
	else if (!pub->visible || !sub->replay) /* one between the two would come after it */
		placed = wsm__outbox_replace(&sub->outbox, pub, bound, &older) == WSM__REPLACED;
	if (!older)
		return false;
	wsm__fate(&registry->deliveries, older, WSM__WAITING, WSM__CONFLATED);
	wsm__pub_unref(older);
	if (placed)
		wsm__fate(&registry->deliveries, pub, WSM__NEW, WSM__WAITING);
	return placed;
}

/* False if the subscriber does not get it: dropped, or to be closed. */
static bool deliver(struct wsm__registry *registry, struct wsm__sub *sub, struct wsm__member *member,
                    struct wsm__pub *pub)
{
	struct wsm__outbox **held = member ? &member->held : &sub->held;
	bool queued;

	if (pub->offset && lags(sub, member, pub))
		return wait_in_history(registry, member, pub) && !sub->overflow;
	if (sub->overflow) {
		wsm__fate(&registry->deliveries, pub, WSM__NEW, WSM__DROPPED_CLOSED);
		return false;
	}
	if (pub->conflate && conflate(registry, sub, lags(sub, member, pub) ? *held : NULL, pub))
		return true;
	if (!wsm__sub_fits(registry, sub, pub) && !wsm__make_room(registry, sub, pub))
		return give_up(registry, sub, member, pub);
	if (!lags(sub, member, pub)) { /* by make_room(), perhaps, that it does */
		queued = wsm__sub_put(registry, sub, pub);
	} else if (pub->offset) {
		return wait_in_history(registry, member, pub);
	} else {
		queued = wsm__hold(sub, held, pub);
		if (!queued)
			wsm__sub_overflowed(registry, sub);
	}
	wsm__fate(&registry->deliveries, pub, WSM__NEW, queued ? WSM__WAITING : WSM__DROPPED_CLOSED);
	return queued;
}

/* Not only when the last of them leaves: the process may be killed before. */
static void note_written(struct wsm__registry *registry, const struct wsm__sub *sub, const struct wsm__pub *pub)
{
	const struct wsm__member *member = wsm__member_find(registry, pub->room_id, sub);

	if (member && pub->offset <= member->room->history.last)
		wsm__room_was_sent(registry, member->room, pub->offset);
}

void wsm__sub_written(struct wsm__registry *registry, struct wsm__sub *sub, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		struct wsm__pub *pub = wsm__outbox_at(&sub->outbox, i);

		wsm__fate(&registry->deliveries, pub, WSM__WAITING, WSM__WRITTEN);
		if (pub->noted)
			note_written(registry, sub, pub);
	}
	wsm__outbox_drop_front(&sub->outbox, n);
}

/* ---- fan-out ---------------------------------------------------------------------------------------------------- */

bool wsm__room_has_audience(const struct wsm__registry *registry, const struct wsm__room *room)
{
	return room->n_members || (room->visible && registry->n_firehose);
}

static void touch_recent(struct wsm__registry *registry, struct wsm__room *room)
{
	if (room->in_recent)
		DL_DELETE2(registry->recent, room, recent_prev, recent_next);
	DL_APPEND2(registry->recent, room, recent_prev, recent_next);
	room->in_recent = true;
}

uint64_t wsm__room_publish(struct wsm__registry *registry, struct wsm__room *room, struct wsm__pub *pub,
                           uint64_t offset, uint64_t now_ms)
{
	bool keep = offset != 0;
	uint64_t recipients = 0;

	pub->room_id = room->id;
	pub->visible = room->visible;
	pub->seq = ++registry->seq;
	pub->at_ms = now_ms;
	pub->offset = offset;
	pub->after = room->history.last;
	pub->noted = keep && room->log && wsm__room_waits(room);
	registry->stats.published++;
	room->published.count++;
	pub->backlog = (uint8_t)room->settings.backlog;
	if (keep && room->visible)
		touch_recent(registry, room);
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

		if (!(sub->firehose && room->visible) && wsm__pub_is_wanted(pub, sub, member->level))
			recipients += deliver(registry, sub, member, pub);
	}
	for (uint32_t i = 0; room->visible && i < registry->n_firehose; i++) {
		struct wsm__sub *sub = registry->firehose[i];

		if (wsm__pub_is_wanted(pub, sub, sub->firehose_level))
			recipients += deliver(registry, sub, NULL, pub);
	}
	return recipients;
}

void wsm__room_unsent(struct wsm__registry *registry, struct wsm__room *room, uint64_t offset)
{
	uint64_t seq = ++registry->seq;

	wsm__history_clear(&room->history);
	room->history.last = offset;
	room->history.last_seq = room->history.evicted_seq = seq;
	if (room->visible)
		touch_recent(registry, room);
	for (uint32_t i = 0; i < room->n_members; i++) {
		struct wsm__member *member = room->members[i];

		if (member->sub->firehose && room->visible)
			continue;
		wsm__lag_begin(registry, member, offset - 1, seq);
		wsm__mark_dirty(registry, member->sub, false);
	}
	for (uint32_t i = 0; room->visible && i < registry->n_firehose; i++) {
		struct wsm__sub *sub = registry->firehose[i];

		if (sub->firehose_lagging) /* it will find the gap */
			continue;
		registry->stats.gaps++;
		if (registry->gap)
			registry->gap(registry->gap_context, sub, room, offset, 1);
	}
}

void wsm__sub_push(struct wsm__registry *registry, struct wsm__sub *sub, struct wsm__pub *pub)
{
	if (sub->overflow || (sub->raw && pub->opcode == WSM__TEXT))
		return;
	if (wsm__sub_fits(registry, sub, pub) || wsm__make_room(registry, sub, pub))
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
