/* Makes room for a subscriber whose queue is full, by the steps in registry.h. */
#include "rooms/overflow.h"

#include <stdlib.h>

#include "rooms/lag.h"
#include "rooms/room.h"

/* ---- held back -------------------------------------------------------------------------------------------------- */

bool wsm__hold(struct wsm__sub *sub, struct wsm__outbox **held, struct wsm__pub *pub)
{
	if (!*held) {
		*held = malloc(sizeof(**held));
		if (!*held)
			return false;
		wsm__outbox_init(*held);
	}
	if (wsm__outbox_insert(*held, pub))
		return false;
	sub->held_bytes += pub->frame_len;
	return true;
}

static void free_if_empty(struct wsm__outbox **held)
{
	if ((*held)->count)
		return;
	wsm__outbox_fini(*held);
	free(*held);
	*held = NULL;
}

void wsm__held_pop(struct wsm__sub *sub, struct wsm__outbox **held, uint32_t n)
{
	size_t before = (*held)->bytes;

	wsm__outbox_drop_front(*held, n);
	sub->held_bytes -= before - (*held)->bytes;
	free_if_empty(held);
}

static void filter_held(struct wsm__sub *sub, struct wsm__outbox **held, bool (*match)(struct wsm__pub *, void *),
                        void *context)
{
	size_t before = (*held)->bytes;

	wsm__outbox_remove(*held, match, context);
	sub->held_bytes -= before - (*held)->bytes;
	free_if_empty(held);
}

/* ---- dropping --------------------------------------------------------------------------------------------------- */

struct shedding {
	struct wsm__registry *registry;
	size_t excess; /* bytes that are still too many */
	bool critical; /* drop critical ones, too */
};

static bool is_expendable(const struct wsm__pub *pub)
{
	return pub->priority == WSM_LOW && !pub->offset && !pub->control;
}

static bool drop_expendable(struct wsm__pub *pub, void *context)
{
	struct shedding *shedding = context;

	if (!is_expendable(pub))
		return false;
	wsm__fate(&shedding->registry->deliveries, pub, WSM__WAITING, WSM__DROPPED_OVERFLOW);
	return true;
}

static bool drop_oldest(struct wsm__pub *pub, void *context)
{
	struct shedding *shedding = context;

	if (!shedding->excess || pub->control || pub->offset ||
	    (pub->backlog != WSM__DROP_OLDEST && pub->backlog != WSM__LATEST) ||
	    (pub->priority == WSM_CRITICAL && !shedding->critical))
		return false;
	shedding->excess -= pub->frame_len < shedding->excess ? pub->frame_len : shedding->excess;
	wsm__fate(&shedding->registry->deliveries, pub, WSM__WAITING, WSM__DROPPED_OVERFLOW);
	return true;
}

/* The outbox first: held publications are younger. */
static void shed(struct wsm__sub *sub, bool (*match)(struct wsm__pub *, void *), struct shedding *shedding)
{
	struct wsm__member *member;

	wsm__outbox_remove(&sub->outbox, match, shedding);
	if (!sub->held_bytes)
		return;
	DL_FOREACH(sub->members, member) {
		if (member->held)
			filter_held(sub, &member->held, match, shedding);
	}
	if (sub->held)
		filter_held(sub, &sub->held, match, shedding);
}

static void shed_down_to(struct wsm__registry *registry, struct wsm__sub *sub, const struct wsm__pub *pub, size_t bytes,
                         bool critical)
{
	size_t sum = sub->outbox.bytes + sub->held_bytes + pub->frame_len;
	struct shedding shedding = { registry, sum > bytes ? sum - bytes : 0, critical };

	shed(sub, drop_oldest, &shedding);
}

/* ---- taking back ------------------------------------------------------------------------------------------------ */

struct recall {
	struct wsm__registry *registry;
	struct wsm__sub *sub;
	uint64_t after; /* of the firehose's publications, only those with a greater seq may be taken back */
};

/*
 * One seq says where a lagging firehose goes on, so it can take back only a tail of the outbox: nothing that was replayed by
 * positions of rooms, and nothing before a publication that history no longer has. While it lags, its outbox holds such a replay,
 * or half a queue at most: nothing is taken back.
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

static bool recall_firehose(struct recall *it, struct wsm__pub *pub)
{
	if (!pub->offset) /* it is not to come ahead of those that were taken back */
		return it->sub->firehose_lagging && pub->seq > it->sub->firehose_seq &&
		       wsm__hold(it->sub, &it->sub->held, pub);
	if (!pub->kept || pub->seq <= it->after)
		return false;
	wsm__firehose_lag_begin(it->registry, it->sub, pub->seq - 1);
	wsm__fate(&it->registry->deliveries, pub, WSM__WAITING, WSM__LAGGING);
	return true;
}

/* Takes a publication that history still has out of the outbox, and notes where its room goes on. */
static bool recall(struct wsm__pub *pub, void *context)
{
	struct recall *it = context;
	struct wsm__member *member;

	if (pub->control)
		return false;
	if (it->sub->firehose && pub->visible)
		return recall_firehose(it, pub);
	if (pub->offset && (!pub->kept || pub->backlog == WSM__DISCONNECT))
		return false;
	member = wsm__member_find(it->registry, pub->room_id, it->sub);
	if (!member)
		return false;
	if (!pub->offset)
		return member->lagging && pub->seq > member->lag_seq && wsm__hold(it->sub, &member->held, pub);
	/* It has left and come back: it still gets earlier publications, ahead of the answer. */
	if (pub->offset <= member->from)
		return false;
	wsm__lag_begin(it->registry, member, pub->offset - 1, pub->seq);
	wsm__fate(&it->registry->deliveries, pub, WSM__WAITING, WSM__LAGGING);
	return true;
}

/* ---- all of it -------------------------------------------------------------------------------------------------- */

bool wsm__make_room(struct wsm__registry *registry, struct wsm__sub *sub, const struct wsm__pub *pub)
{
	struct recall context = { registry, sub, firehose_recalled_after(sub) };
	struct shedding expendable = { .registry = registry };

	shed(sub, drop_expendable, &expendable);
	if (wsm__sub_fits(registry, sub, pub))
		return true;
	if (is_expendable(pub)) /* not at the cost of others */
		return false;
	wsm__outbox_remove(&sub->outbox, recall, &context);
	if (wsm__sub_fits(registry, sub, pub))
		return true;
	if (pub->offset && pub->backlog != WSM__DISCONNECT) /* it can wait in history */
		return false;
	/* Drop many at once: each time costs a walk through the whole outbox. */
	shed_down_to(registry, sub, pub, registry->max_queue / 4 * 3, false);
	if (!wsm__sub_fits(registry, sub, pub) && pub->priority == WSM_CRITICAL)
		shed_down_to(registry, sub, pub, registry->max_queue, true);
	return wsm__sub_fits(registry, sub, pub);
}
