/*
 * lists.h - the host's lists when it lets a client in: rooms to join, to subscribe to, to publish to, and messages to begin with. An
 * admission and a decision have all four; a REST request has the first two.
 */
#ifndef WSM_HOST_LISTS_H
#define WSM_HOST_LISTS_H

#include "ws_manager.h"

struct wsm__arena;

struct wsm__lists {
	const wsm_slice *rooms, *subscribe, *publish, *welcome;
	size_t n_rooms, n_subscribe, n_publish, n_welcome;
};

/* The lists of a wsm_admission or wsm_decision. */
#define WSM__LISTS_OF(from)                                                                                            \
	((struct wsm__lists){ (from)->rooms, (from)->subscribe, (from)->publish, (from)->welcome, (from)->n_rooms,     \
	                      (from)->n_subscribe, (from)->n_publish, (from)->n_welcome })

static inline size_t wsm__lists_count(const struct wsm__lists *lists)
{
	return lists->n_rooms + lists->n_subscribe + lists->n_publish + lists->n_welcome;
}
/* Checks names: `rooms` take no '*', which may come from a client; the other two may end in one. WSM_EROOM says which and why. */
int wsm__lists_check(const struct wsm__lists *lists, wsm_error *error);
/* Returns the i-th of all: rooms, subscribe, publish, welcome. */
wsm_slice wsm__lists_at(const struct wsm__lists *lists, size_t i);
/* Returns the bytes that wsm__lists_copy() needs in the arena. */
size_t wsm__lists_bytes(const struct wsm__lists *lists);
/* Copies the lists: texts into the arena, slices into `slices`, which has wsm__lists_count() places. */
struct wsm__lists wsm__lists_copy(const struct wsm__lists *lists, wsm_slice *slices, struct wsm__arena *arena);

#endif
