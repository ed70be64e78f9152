/* lag.h - what a subscriber that lags is still to get. */
#ifndef WSM_ROOMS_LAG_H
#define WSM_ROOMS_LAG_H

#include "rooms/publication.h"

struct wsm__member;
struct wsm__outbox;
struct wsm__registry;
struct wsm__room;
struct wsm__sub;

/* The member lags from here on: `seq` is the first that is not queued, `position` the last offset that is. */
void wsm__lag_begin(struct wsm__registry *registry, struct wsm__member *member, uint64_t position, uint64_t seq);
void wsm__firehose_lag_begin(struct wsm__registry *registry, struct wsm__sub *sub, uint64_t seq);
/* A member whose level changes to `level`: what it is still to get from history is counted anew. */
void wsm__lag_relevel(struct wsm__registry *registry, struct wsm__member *member, int level);
/* Makes the member go on from `offset` at that level, whatever it was at before. Where history does not reach back, it will find a gap. */
void wsm__lag_restart(struct wsm__registry *registry, struct wsm__member *member, uint64_t offset, int level);
/* What it was still to get is not to come any more. */
void wsm__lag_forget(struct wsm__registry *registry, struct wsm__member *member, enum wsm__fate fate);
void wsm__firehose_lag_forget(struct wsm__registry *registry, struct wsm__sub *sub, enum wsm__fate fate);
/*
 * Takes the room's publications with an offset out of the outbox: those after `offset` that are wanted at `level` will come again;
 * returns how many.
 */
uint64_t wsm__sub_take_back(struct wsm__registry *registry, struct wsm__sub *sub, const struct wsm__room *room,
                            uint64_t offset, int level);
/* What is waiting and is not to come any more. */
void wsm__outbox_forget(struct wsm__registry *registry, struct wsm__outbox *outbox, enum wsm__fate fate);

#endif
