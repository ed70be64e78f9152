/* The books of subscribers that lag: each publication in history counts those that must still get it. */
#include "rooms/lag.h"

#include <stdlib.h>

#include "rooms/page.h"
#include "rooms/registry.h"

static uint64_t max(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

void wsm__lag_begin(struct wsm__registry *registry, struct wsm__member *member, uint64_t position, uint64_t seq)
{
	if (!member->lagging) {
		member->lagging = member->behind = true;
		member->position = position;
		member->lag_seq = seq;
		member->sub->n_lagging++;
		registry->stats.lags++;
	} else if (position < member->position) { /* that was queued by the refill */
		member->position = position;
		member->lag_seq = seq;
	}
}

void wsm__firehose_lag_begin(struct wsm__registry *registry, struct wsm__sub *sub, uint64_t seq)
{
	if (sub->firehose_lagging)
		return;
	sub->firehose_lagging = true;
	sub->firehose_seq = seq;
	registry->stats.lags++;
}

/* Returns the first kept offset that a lagging member must still get. */
static uint64_t first_of(const struct wsm__member *member)
{
	return max(member->position + 1, wsm__history_first(&member->room->history));
}

void wsm__lag_relevel(struct wsm__registry *registry, struct wsm__member *member, int level)
{
	const struct wsm__history *history = &member->room->history;

	wsm__page_forget(registry, member, WSM__NEW); /* it is read again, and counted by what is wanted then */
	for (uint64_t offset = first_of(member); member->lagging && offset <= history->last; offset++) {
		struct wsm__pub *pub = wsm__history_at(history, offset);
		bool before = wsm__pub_is_wanted(pub, member->sub, member->level);
		bool after = wsm__pub_is_wanted(pub, member->sub, level);

		if (before && !after)
			wsm__fate(&registry->deliveries, pub, WSM__LAGGING, WSM__DROPPED_LEFT);
		if (after && !before) {
			wsm__fate(&registry->deliveries, pub, WSM__NEW, WSM__LAGGING);
			registry->deliveries.replayed++;
		}
	}
	member->level = (uint8_t)level;
}

/* ---- taking back what is queued --------------------------------------------------------------------------------- */

struct taking_back {
	struct wsm__registry *registry;
	struct wsm__sub *sub;
	uint64_t room_id, offset;
	int level;
	uint64_t again; /* publications that will count anew */
};

/* Publications that the client has, or does not want, are done with; the others come again, and count then. */
static void uncount(struct taking_back *it, struct wsm__pub *pub, enum wsm__fate from)
{
	bool again = pub->offset > it->offset && wsm__pub_is_wanted(pub, it->sub, it->level);

	wsm__fate(&it->registry->deliveries, pub, from, again ? WSM__NEW : WSM__DROPPED_LEFT);
	it->again += again;
}

static bool take_back(struct wsm__pub *pub, void *context)
{
	struct taking_back *it = context;

	if (!pub->offset || pub->room_id != it->room_id)
		return false;
	uncount(it, pub, WSM__WAITING);
	return true;
}

uint64_t wsm__sub_take_back(struct wsm__registry *registry, struct wsm__sub *sub, const struct wsm__room *room,
                            uint64_t offset, int level)
{
	struct taking_back it = { registry, sub, room->id, offset, level, 0 };

	wsm__outbox_remove(&sub->outbox, take_back, &it);
	return it.again;
}

void wsm__lag_restart(struct wsm__registry *registry, struct wsm__member *member, uint64_t offset, int level)
{
	const struct wsm__history *history = &member->room->history;
	struct wsm__sub *sub = member->sub;
	struct taking_back it = { registry, sub, member->room->id, offset, level, 0 };
	bool lags = offset < history->last || member->held;
	uint64_t first = max(offset + 1, wsm__history_first(history));

	wsm__page_forget(registry, member, WSM__NEW);
	for (uint64_t i = first_of(member); member->lagging && i <= history->last; i++) {
		struct wsm__pub *pub = wsm__history_at(history, i);

		if (wsm__pub_is_wanted(pub, sub, member->level))
			uncount(&it, pub, WSM__LAGGING);
	}
	/* Waiting publications would come twice, also those of an earlier membership. */
	wsm__outbox_remove(&sub->outbox, take_back, &it);
	for (uint64_t i = first; i <= history->last; i++) {
		struct wsm__pub *pub = wsm__history_at(history, i);

		if (!wsm__pub_is_wanted(pub, sub, level))
			continue;
		wsm__fate(&registry->deliveries, pub, WSM__NEW, WSM__LAGGING);
		registry->deliveries.replayed += it.again ? 0 : 1;
		it.again -= it.again ? 1 : 0;
	}
	if (lags != member->lagging)
		sub->n_lagging += lags ? 1u : -1u;
	member->lagging = lags;
	member->behind = false;
	member->level = (uint8_t)level;
	member->position = member->from = offset;
	if (offset + 1 < first) /* of what a log has, nothing is queued */
		member->lag_seq = 0;
	else if (first <= history->last)
		member->lag_seq = wsm__history_at(history, first)->seq;
}

/* ---- the end ---------------------------------------------------------------------------------------------------- */

void wsm__outbox_forget(struct wsm__registry *registry, struct wsm__outbox *outbox, enum wsm__fate fate)
{
	for (uint32_t i = 0; i < outbox->count; i++)
		wsm__fate(&registry->deliveries, wsm__outbox_at(outbox, i), WSM__WAITING, fate);
	wsm__outbox_fini(outbox);
}

static void held_forget(struct wsm__registry *registry, struct wsm__sub *sub, struct wsm__outbox **held,
                        enum wsm__fate fate)
{
	if (!*held)
		return;
	sub->held_bytes -= (*held)->bytes;
	wsm__outbox_forget(registry, *held, fate);
	free(*held);
	*held = NULL;
}

void wsm__lag_forget(struct wsm__registry *registry, struct wsm__member *member, enum wsm__fate fate)
{
	const struct wsm__history *history = &member->room->history;

	for (uint64_t offset = first_of(member); member->lagging && offset <= history->last; offset++) {
		struct wsm__pub *pub = wsm__history_at(history, offset);

		if (wsm__pub_is_wanted(pub, member->sub, member->level))
			wsm__fate(&registry->deliveries, pub, WSM__LAGGING, fate);
	}
	wsm__page_forget(registry, member, fate);
	held_forget(registry, member->sub, &member->held, fate);
	if (member->lagging)
		member->sub->n_lagging--;
	member->lagging = false;
}

void wsm__firehose_lag_forget(struct wsm__registry *registry, struct wsm__sub *sub, enum wsm__fate fate)
{
	const struct wsm__room *room = sub->firehose_lagging && registry->recent ? registry->recent->recent_prev : NULL;

	for (; room && room->history.last_seq > sub->firehose_seq;
	     room = room == registry->recent ? NULL : room->recent_prev) {
		const struct wsm__history *history = &room->history;

		for (uint64_t offset = history->last; offset >= wsm__history_first(history); offset--) {
			struct wsm__pub *pub = wsm__history_at(history, offset);

			if (pub->seq <= sub->firehose_seq)
				break;
			if (wsm__pub_is_wanted(pub, sub, sub->firehose_level))
				wsm__fate(&registry->deliveries, pub, WSM__LAGGING, fate);
		}
	}
	for (uint32_t i = sub->replay_at; i < sub->replay_count; i++) {
		wsm__fate(&registry->deliveries, sub->replay[i], WSM__WAITING, fate);
		wsm__pub_unref(sub->replay[i]);
	}
	free(sub->replay);
	sub->replay = NULL;
	sub->replay_at = sub->replay_count = 0;
	held_forget(registry, sub, &sub->held, fate);
	sub->firehose_lagging = false;
}
