/*
 * prune.h - what is beyond a room's history_size, its bytes or its history_ttl goes, in steps that hold nobody up: for a room that is
 * appended to with the appending transaction, for all others in turns. Inside a transaction.
 */
#ifndef WSM_STORE_PRUNE_H
#define WSM_STORE_PRUNE_H

#include "store/table.h"

#define WSM__STORE_STEP 500u      /* messages of one step, at most */
#define WSM__STORE_STEP_ROOMS 64u /* rooms that one step looks at */
#define WSM__STORE_SLACK 64u      /* messages over history_size, at least, before they are pruned */
#define WSM__STORE_SLACK_BYTES 65536u
/* So long a room's row, its epoch and position, outlives its last message; and all of a room that no rule calls a disk room. */
#define WSM__STORE_KEEP_MS (UINT64_C(7) * 24 * 3600 * 1000)

struct wsm__store_sweep {
	sqlite3_int64 after; /* number of the last room that was looked at */
	uint64_t pruned;     /* messages, in all */
};

/* Of the rooms that this transaction has appended to: what is over their size by more than the slack. 0 or -1. */
int wsm__store_prune_touched(struct wsm__store_table *table, struct wsm__store_sweep *sweep);
/* One step over the rooms on file; *round: it has been at the last one. 0 or -1. */
int wsm__store_prune_step(struct wsm__store_table *table, struct wsm__store_sweep *sweep, uint64_t now_ms, bool *round);
/* New epochs for all rooms on file that are no disk rooms now. 0 or -1. */
int wsm__store_review_rooms(struct wsm__store_table *table, uint64_t now_ms, uint64_t *renewed);

#endif
