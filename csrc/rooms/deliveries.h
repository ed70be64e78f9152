/*
 * deliveries.h - counts deliveries by their fate. A delivery is one publication for one subscriber. Every change of state goes
 * through wsm__fate(), so the sums are always exact:
 *
 *     deliveries = waiting + lagging + written + conflated + dropped (for each reason)
 *
 * WAITING is in the memory of the subscriber (outbox, held back, firehose's replay), LAGGING is in the room's history only. A
 * publication whose receipt asks for a report has a tally of its own beside the sums of the registry.
 */
#ifndef WSM_ROOMS_DELIVERIES_H
#define WSM_ROOMS_DELIVERIES_H

#include "ws_manager.h"

enum wsm__fate {
	WSM__NEW, /* not counted yet; counts backwards: minus this is the number of all deliveries */
	WSM__WAITING,
	WSM__LAGGING,
	WSM__WRITTEN,          /* handed to the socket, or to the host of a bridged connection */
	WSM__CONFLATED,        /* a newer one of its key took its place */
	WSM__DROPPED_OVERFLOW, /* the queue was full, and its room or priority lets it go */
	WSM__DROPPED_GAP,      /* the subscriber lagged, and history moved on */
	WSM__DROPPED_LEFT,     /* the subscriber left the room, or asked for a higher level, before its turn came */
	WSM__DROPPED_CLOSED,   /* the connection ended */
	WSM__FATES
};

/* Counts for the publications of one call. */
struct wsm__tally {
	uint32_t refs; /* held by the publications, by the list of changed tallies, and by the report */
	bool changed;  /* is on that list */
	bool final;    /* the report is settled: later replays do not count */
	struct wsm__tally *next_changed;
	void (*free)(struct wsm__tally *tally);
	uint64_t fates[WSM__FATES];
};

struct wsm__deliveries {
	uint64_t fates[WSM__FATES];
	uint64_t replayed; /* deliveries that no fan-out made: a client recovered them from history by a position */
	struct wsm__tally *changed; /* tallies that have changed since wsm__reports_tell() */
};

void wsm__tally_unref(struct wsm__tally *tally);
void wsm__tally_move(struct wsm__deliveries *all, struct wsm__tally *tally, enum wsm__fate from, enum wsm__fate to);

static inline uint64_t wsm__deliveries_total(const uint64_t fates[WSM__FATES])
{
	return 0 - fates[WSM__NEW];
}

static inline uint64_t wsm__deliveries_dropped(const uint64_t fates[WSM__FATES])
{
	return fates[WSM__DROPPED_OVERFLOW] + fates[WSM__DROPPED_GAP] + fates[WSM__DROPPED_LEFT] +
	       fates[WSM__DROPPED_CLOSED];
}

#endif
