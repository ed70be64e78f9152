/* overflow.h - makes room in a full max_queue. */
#ifndef WSM_ROOMS_OVERFLOW_H
#define WSM_ROOMS_OVERFLOW_H

#include "rooms/registry.h"

static inline bool wsm__sub_fits(const struct wsm__registry *registry, const struct wsm__sub *sub,
                                 const struct wsm__pub *pub)
{
	return (!sub->outbox.count && !sub->held_bytes) ||
	       sub->outbox.bytes + sub->held_bytes + pub->frame_len <= registry->max_queue;
}

/* Frees space for `pub`, by the rules in registry.h. Returns whether it fits then; its room may lag now. */
bool wsm__make_room(struct wsm__registry *registry, struct wsm__sub *sub, const struct wsm__pub *pub);
/* Holds a publication back, in the order of seq. Returns false when out of memory. */
bool wsm__hold(struct wsm__sub *sub, struct wsm__outbox **held, struct wsm__pub *pub);
/* Removes the first `n` that are held. */
void wsm__held_pop(struct wsm__sub *sub, struct wsm__outbox **held, uint32_t n);

#endif
