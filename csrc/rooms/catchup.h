/* catchup.h - replays history to subscribers that lag, and to those that come back with a position. */
#ifndef WSM_ROOMS_CATCHUP_H
#define WSM_ROOMS_CATCHUP_H

#include "rooms/registry.h"

/* A position that a client has named. */
struct wsm__named {
	struct wsm__room *room; /* NULL: the room is gone */
	struct wsm__since since;
	bool recovered;
};

/*
 * Replays to a firehose subscriber what it missed after the positions that its client named, and sets `recovered` of each. Other
 * rooms go on from the newest of the named positions. WSM_ENOMEM.
 */
int wsm__firehose_resume(struct wsm__registry *registry, struct wsm__sub *sub, struct wsm__named *named, size_t n,
                         uint64_t now_ms);
/*
 * Moves a firehose subscriber to `offset` in one room, which history must reach back to; other rooms go on as before. Sets
 * `recovered` and `replayed`. A lagging firehose that is not yet at `offset` just goes on, not recovered. WSM_ENOMEM.
 */
int wsm__firehose_rewind(struct wsm__registry *registry, struct wsm__sub *sub, struct wsm__room *room, uint64_t offset,
                         struct wsm__joined *joined);

/* Returns the seq up to which everything visible is queued for a firehose subscriber, or is in its replay. */
static inline uint64_t wsm__firehose_until(const struct wsm__registry *registry, const struct wsm__sub *sub)
{
	return sub->firehose_lagging ? sub->firehose_seq : registry->seq;
}

/* Returns the offset after which a firehose subscriber's messages of the room go on. */
uint64_t wsm__firehose_position(const struct wsm__sub *sub, const struct wsm__room *room);
/* Returns how many publications after `offset` a subscriber with that level gets. Counts all of those that only the log has. */
uint64_t wsm__count_missed(const struct wsm__sub *sub, const struct wsm__room *room, uint64_t offset, int level);
/* Returns whether a position can be continued: for members, with the room's log; for the firehose, from history alone. */
bool wsm__room_reaches_back(struct wsm__room *room, const struct wsm__since *since, uint64_t now_ms);
bool wsm__history_reaches_back(struct wsm__room *room, const struct wsm__since *since, uint64_t now_ms);
/* Queues history for a subscriber that lags, up to half of max_queue. */
void wsm__refill(struct wsm__registry *registry, struct wsm__sub *sub, uint64_t now_ms);

#endif
