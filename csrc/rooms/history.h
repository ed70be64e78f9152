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
	/* In a room with a log: makes lagging members read from the log what history lets go; NULL: no log. */
	void (*owed)(struct wsm__room *room, struct wsm__pub *pub);
	struct wsm__room *room;
	size_t *total;                      /* memory of all histories together; may be NULL */
	struct wsm__deliveries *deliveries; /* counts losses of lagging subscribers; may be NULL */
};

struct wsm__history_limits {
	uint32_t size; /* publications; 0: keeps none, but offsets go on */
	size_t bytes;  /* of frames; always keeps the newest publication */
	uint64_t ttl_ms;
};

void wsm__history_init(struct wsm__history *history, struct wsm__deliveries *deliveries);
void wsm__history_fini(struct wsm__history *history);
/* Returns the offset of the oldest kept publication; last + 1 if none is kept. */
static inline uint64_t wsm__history_first(const struct wsm__history *history)
{
	return history->last - history->count + 1;
}
/* Returns the kept publication at `offset`, first <= offset <= last. Borrowed. */
static inline struct wsm__pub *wsm__history_at(const struct wsm__history *history, uint64_t offset)
{
	uint32_t i = (uint32_t)(offset - wsm__history_first(history));
	return history->ring[(history->head + i) & (history->capacity - 1)];
}
/*
 * Appends a publication whose offset is last + 1: takes a reference, and marks it `kept` while it stays. Lets old ones go. 0 or
 * WSM_ENOMEM.
 */
int wsm__history_add(struct wsm__history *history, struct wsm__pub *pub, const struct wsm__history_limits *limits);
/* Lets publications older than the TTL go. */
void wsm__history_expire(struct wsm__history *history, uint64_t now_ms, uint64_t ttl_ms);
/* Lets all publications go; the position stays. */
void wsm__history_clear(struct wsm__history *history);

#endif
