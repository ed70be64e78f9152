/*
 * outbox.h - messages that wait for one connection: a ring of references to shared publications.
 *
 * The caller keeps the bound (rooms/overflow.c): it knows what to do about an overflow.
 */
#ifndef WSM_ROOMS_OUTBOX_H
#define WSM_ROOMS_OUTBOX_H

#include "rooms/publication.h"

struct wsm__outbox {
	struct wsm__pub **ring;         /* NULL while nothing was ever queued, and again after wsm__outbox_shrink() */
	uint32_t head, count, capacity; /* capacity is a power of two */
	uint32_t conflatable;           /* number of those that a newer one of their key may replace */
	size_t bytes;                   /* sum of frame_len */
};

void wsm__outbox_init(struct wsm__outbox *outbox);
void wsm__outbox_fini(struct wsm__outbox *outbox);
/* Returns the i-th from the front, i < count. Borrowed. */
static inline struct wsm__pub *wsm__outbox_at(const struct wsm__outbox *outbox, uint32_t i)
{
	return outbox->ring[(outbox->head + i) & (outbox->capacity - 1)];
}
/* Takes its own reference. 0 or WSM_ENOMEM. */
int wsm__outbox_push(struct wsm__outbox *outbox, struct wsm__pub *pub);
/*
 * Queues a critical publication ahead of others, but never ahead of another critical one, of a control message (a greeting or an
 * answer), or of an earlier one of its own room: the order inside a room never changes. 0 or WSM_ENOMEM.
 */
int wsm__outbox_push_critical(struct wsm__outbox *outbox, struct wsm__pub *pub);
enum wsm__replaced {
	WSM__REPLACED_NONE, /* none with the key waits, or the newest of them must not be replaced */
	WSM__REPLACED,      /* `pub` waits in the place of the older one */
	WSM__REPLACED_GONE  /* the older one is out, but `pub` in its place would exceed `max_bytes` */
};
/*
 * Puts `pub` in the place of an older one of its key. `*older`, with its reference, is the one that it replaced or took out, or NULL.
 */
enum wsm__replaced wsm__outbox_replace(struct wsm__outbox *outbox, struct wsm__pub *pub, size_t max_bytes,
                                       struct wsm__pub **older);
/* Takes out the one that `pub` may replace. Returns it with its reference, or NULL. */
struct wsm__pub *wsm__outbox_take_older(struct wsm__outbox *outbox, const struct wsm__pub *pub);
/* Queues in the order of seq, for outboxes in that order. Takes its own reference. 0 or WSM_ENOMEM. */
int wsm__outbox_insert(struct wsm__outbox *outbox, struct wsm__pub *pub);
/* Releases the first n. */
void wsm__outbox_drop_front(struct wsm__outbox *outbox, uint32_t n);
/* Removes all for which `match` returns true; the others keep their order. Returns how many it removed. */
uint32_t wsm__outbox_remove(struct wsm__outbox *outbox, bool (*match)(struct wsm__pub *, void *), void *context);
/* Frees the ring if it is empty and larger than a few entries, so that an idle connection holds little. */
void wsm__outbox_shrink(struct wsm__outbox *outbox);

#endif
