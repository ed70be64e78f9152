/*
 * history.h - the newest publications of one room, and its position.
 *
 * Offsets rise by exactly 1, so the ring holds a contiguous run: `last - count + 1 … last`.
 */
#ifndef WSM_ROOMS_HISTORY_H
#define WSM_ROOMS_HISTORY_H

#include "rooms/publication.h"

struct wsm__room;

struct wsm__history {
	struct wsm__pub **ring;
	uint32_t head, count, capacity; /* capacity is a power of two */
	uint64_t last;                  /* offset of the newest publication there ever was; 0: none yet */
	uint64_t last_seq;              /* its seq */
	uint64_t evicted_seq;           /* seq of the newest publication that is no longer kept; 0: none */
	size_t bytes;
	/* Of a room with a log, which has what goes: tells those that are still to get it; NULL: it is gone. */
	void (*owed)(struct wsm__room *room, struct wsm__pub *pub);
	struct wsm__room *room;
	size_t *total;                      /* memory that all histories take together; NULL: nobody asks */
	struct wsm__deliveries *deliveries; /* counts what lagging subscribers will not get; may be NULL */
};

struct wsm__history_limits {
	uint32_t size; /* publications; 0: keep none, but count on */
	size_t bytes;  /* frames' bytes; at least the newest publication is kept */
	uint64_t ttl_ms;
};

void wsm__history_init(struct wsm__history *history, struct wsm__deliveries *deliveries);
void wsm__history_fini(struct wsm__history *history);
/* Offset of the oldest kept publication; last + 1 when none is kept. */
static inline uint64_t wsm__history_first(const struct wsm__history *history)
{
	return history->last - history->count + 1;
}
/* The kept publication at `offset`, first <= offset <= last. Borrowed. */
static inline struct wsm__pub *wsm__history_at(const struct wsm__history *history, uint64_t offset)
{
	uint32_t i = (uint32_t)(offset - wsm__history_first(history));
	return history->ring[(history->head + i) & (history->capacity - 1)];
}
/*
 * Appends a publication whose offset is last + 1 (taking a reference, and marking it as kept as long as it stays) and lets old
 * ones go. 0 or WSM_ENOMEM.
 */
int wsm__history_add(struct wsm__history *history, struct wsm__pub *pub, const struct wsm__history_limits *limits);
/* Lets go what is older than the TTL. */
void wsm__history_expire(struct wsm__history *history, uint64_t now_ms, uint64_t ttl_ms);
/* Lets go everything; the position stays. */
void wsm__history_clear(struct wsm__history *history);

#endif
