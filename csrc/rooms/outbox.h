/*
 * outbox.h - what waits to be written to one connection: a ring of references to shared publications.
 *
 * The bound is kept by the caller (rooms/registry.c), which knows what may be done about an overflow.
 */
#ifndef WSM_ROOMS_OUTBOX_H
#define WSM_ROOMS_OUTBOX_H

#include "rooms/publication.h"

struct wsm__outbox {
	struct wsm__pub **ring;         /* NULL while nothing was ever queued, and again after wsm__outbox_shrink() */
	uint32_t head, count, capacity; /* capacity is a power of two */
	uint32_t conflatable;           /* how many of them may be replaced by a newer one of their key */
	size_t bytes;                   /* sum of frame_len */
};

void wsm__outbox_init(struct wsm__outbox *outbox);
void wsm__outbox_fini(struct wsm__outbox *outbox);
/* The i-th from the front, i < count. */
static inline struct wsm__pub *wsm__outbox_at(const struct wsm__outbox *outbox, uint32_t i)
{
	return outbox->ring[(outbox->head + i) & (outbox->capacity - 1)];
}
/* Takes its own reference. 0 or WSM_ENOMEM. */
int wsm__outbox_push(struct wsm__outbox *outbox, struct wsm__pub *pub);
/*
 * Queues a critical publication ahead of what waits, but never ahead of another critical one, of a control message (a
 * greeting or an answer), or of an earlier one of its own room: the order inside a room is never changed.
 */
int wsm__outbox_push_critical(struct wsm__outbox *outbox, struct wsm__pub *pub);
enum wsm__replaced {
	WSM__REPLACED_NONE, /* none with the same key waits, or one waits behind it that may not be replaced: its order counts */
	WSM__REPLACED,     /* `pub` waits in the place of the older one */
	WSM__REPLACED_GONE /* the older one is released, but with `pub` in its place there would be more than `max_bytes` */
};
/*
 * Looks for a place that `pub` may take. *older, with its reference, is what was replaced or released; NULL where there was none.
 */
enum wsm__replaced wsm__outbox_replace(struct wsm__outbox *outbox, struct wsm__pub *pub, size_t max_bytes,
                                       struct wsm__pub **older);
/* Takes out what `pub` may replace, with its reference, wherever it stands; NULL if there is none. */
struct wsm__pub *wsm__outbox_take_older(struct wsm__outbox *outbox, const struct wsm__pub *pub);
/* Queues by seq, for outboxes that are in that order. Takes its own reference. 0 or WSM_ENOMEM. */
int wsm__outbox_insert(struct wsm__outbox *outbox, struct wsm__pub *pub);
/* Releases the first n. */
void wsm__outbox_drop_front(struct wsm__outbox *outbox, uint32_t n);
/* Removes all for which `match` is true; returns how many. Order of the rest is kept. */
uint32_t wsm__outbox_remove(struct wsm__outbox *outbox, bool (*match)(struct wsm__pub *, void *), void *context);
/* Gives the ring's memory back when it is empty and larger than a few entries: an idle connection holds nothing. */
void wsm__outbox_shrink(struct wsm__outbox *outbox);

#endif
