/* overflow.h - what is let go where max_queue is full. */
#ifndef WSM_ROOMS_OVERFLOW_H
#define WSM_ROOMS_OVERFLOW_H

#include "rooms/registry.h"

static inline bool wsm__sub_fits(const struct wsm__registry *registry, const struct wsm__sub *sub,
                                 const struct wsm__pub *pub)
{
	return (!sub->outbox.count && !sub->held_bytes) ||
	       sub->outbox.bytes + sub->held_bytes + pub->frame_len <= registry->max_queue;
}

/* Frees what may be freed for `pub`, as described above. Whether it fits then; its room may lag now. */
bool wsm__make_room(struct wsm__registry *registry, struct wsm__sub *sub, const struct wsm__pub *pub);
/* Holds a publication back, in the order of seq. False when out of memory. */
bool wsm__hold(struct wsm__sub *sub, struct wsm__outbox **held, struct wsm__pub *pub);
/* The first `n` that are held are no longer. */
void wsm__held_pop(struct wsm__sub *sub, struct wsm__outbox **held, uint32_t n);

#endif
