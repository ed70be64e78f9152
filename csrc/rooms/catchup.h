/* catchup.h - a subscriber that lags goes on from history, and one that comes back from where it was. */
#ifndef WSM_ROOMS_CATCHUP_H
#define WSM_ROOMS_CATCHUP_H

#include "rooms/registry.h"

/* A position in a room that a client has named. */
struct wsm__named {
	struct wsm__room *room; /* NULL: no such room any more */
	struct wsm__since since;
	bool recovered;
};

/*
 * Replays to a firehose subscriber what it missed. `named` are the positions that the client named, of which
 * `recovered[i]` is set. Rooms that it did not name are continued from the newest of the named positions.
 */
int wsm__firehose_resume(struct wsm__registry *registry, struct wsm__sub *sub, struct wsm__named *named, size_t n,
                         uint64_t now_ms);
/*
 * Makes a firehose subscriber's messages of one room go on after `offset`, which history reaches back to; those of other rooms
 * go on as they are. Sets `recovered` and `replayed`. A lagging firehose that has not come as far as `offset` yet just goes on,
 * not recovered. WSM_ENOMEM.
 */
int wsm__firehose_rewind(struct wsm__registry *registry, struct wsm__sub *sub, struct wsm__room *room, uint64_t offset,
                         struct wsm__joined *joined);

/* Everything visible up to this seq was queued for a firehose subscriber, or is in its replay. */
static inline uint64_t wsm__firehose_until(const struct wsm__registry *registry, const struct wsm__sub *sub)
{
	return sub->firehose_lagging ? sub->firehose_seq : registry->seq;
}

/* The offset after which a firehose subscriber's messages of the room go on. */
uint64_t wsm__firehose_position(const struct wsm__sub *sub, const struct wsm__room *room);
/* How many publications after `offset` are for a subscriber with that level. What only the log has counts as a whole. */
uint64_t wsm__count_missed(const struct wsm__sub *sub, const struct wsm__room *room, uint64_t offset, int level);
/* Whether a position can be continued from: by members, with the room's log; by the firehose, from history alone. */
bool wsm__room_reaches_back(struct wsm__room *room, const struct wsm__since *since, uint64_t now_ms);
bool wsm__history_reaches_back(struct wsm__room *room, const struct wsm__since *since, uint64_t now_ms);
/* Goes on from history for a subscriber that lags, as far as half of max_queue allows. */
void wsm__refill(struct wsm__registry *registry, struct wsm__sub *sub, uint64_t now_ms);

#endif
