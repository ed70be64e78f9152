/* lag.h - keeps the books of subscribers that lag: what each must still get. */
#ifndef WSM_ROOMS_LAG_H
#define WSM_ROOMS_LAG_H

#include "rooms/publication.h"

struct wsm__member;
struct wsm__outbox;
struct wsm__registry;
struct wsm__room;
struct wsm__sub;

/* Makes a member lag: `seq` is the first that is not queued, `position` the last offset that is. */
void wsm__lag_begin(struct wsm__registry *registry, struct wsm__member *member, uint64_t position, uint64_t seq);
void wsm__firehose_lag_begin(struct wsm__registry *registry, struct wsm__sub *sub, uint64_t seq);
/* Changes a lagging member's level, and counts anew what it must still get from history. */
void wsm__lag_relevel(struct wsm__registry *registry, struct wsm__member *member, int level);
/* Moves a member to `offset`, at that level. If history does not reach back, the member will find a gap. */
void wsm__lag_restart(struct wsm__registry *registry, struct wsm__member *member, uint64_t offset, int level);
/* Ends a lag: what the member did not get goes to `fate`. */
void wsm__lag_forget(struct wsm__registry *registry, struct wsm__member *member, enum wsm__fate fate);
void wsm__firehose_lag_forget(struct wsm__registry *registry, struct wsm__sub *sub, enum wsm__fate fate);
/*
 * Takes the room's publications with an offset out of the outbox. Returns how many will come again: those after `offset` that are
 * wanted at `level`.
 */
uint64_t wsm__sub_take_back(struct wsm__registry *registry, struct wsm__sub *sub, const struct wsm__room *room,
                            uint64_t offset, int level);
/* Drops all that waits in an outbox: it goes to `fate`. */
void wsm__outbox_forget(struct wsm__registry *registry, struct wsm__outbox *outbox, enum wsm__fate fate);

#endif
