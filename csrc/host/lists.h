/*
 * lists.h - the rooms that the host speaks of when it lets somebody in: those to join, those that may be subscribed to, those
 * that may be published to. An admission, a decision and a REST request have all of them; the first two have messages to begin with
 * besides.
 */
#ifndef WSM_HOST_LISTS_H
#define WSM_HOST_LISTS_H

#include "ws_manager.h"

struct wsm__arena;

struct wsm__lists {
	const wsm_slice *rooms, *subscribe, *publish, *welcome;
	size_t n_rooms, n_subscribe, n_publish, n_welcome;
};

/* Of a wsm_admission or wsm_decision. */
#define WSM__LISTS_OF(from)                                                                                            \
	((struct wsm__lists){ (from)->rooms, (from)->subscribe, (from)->publish, (from)->welcome, (from)->n_rooms,     \
	                      (from)->n_subscribe, (from)->n_publish, (from)->n_welcome })

static inline size_t wsm__lists_count(const struct wsm__lists *lists)
{
	return lists->n_rooms + lists->n_subscribe + lists->n_publish + lists->n_welcome;
}
/* Rooms must be names: a '*' there may come from a client. The other two may have one at the end. WSM_EROOM says which and why. */
int wsm__lists_check(const struct wsm__lists *lists, wsm_error *error);
/* The i-th of all: rooms, subscribe, publish, welcome. */
wsm_slice wsm__lists_at(const struct wsm__lists *lists, size_t i);
/* What wsm__lists_copy() takes of an arena. */
size_t wsm__lists_bytes(const struct wsm__lists *lists);
/* The same lists with their texts in an arena, and the slices in `slices`, which has wsm__lists_count() places. */
struct wsm__lists wsm__lists_copy(const struct wsm__lists *lists, wsm_slice *slices, struct wsm__arena *arena);

#endif
