/*
 * once.h - ids of publications by room, each remembered for five minutes with where the first one stands, so that a second one is known.
 *
 * Their number is bounded: when there are `max`, the oldest goes before its time.
 */
#ifndef WSM_POLICY_ONCE_H
#define WSM_POLICY_ONCE_H

#include "ws_manager.h"

#define WSM__ONCE_MS 300000u

struct wsm__once_entry;
struct wsm__once {
	struct wsm__once_entry *entries; /* by room and id */
	struct wsm__once_entry *oldest;  /* a list */
	uint64_t max;
	uint64_t forgotten; /* before their time; those that the store has aside */
	uint8_t key[16];    /* of SipHash */
};

struct wsm__once_place {
	uint64_t offset; /* 0: it has none */
	char epoch[24];
	bool stored;  /* the store remembers it as well */
	bool waiting; /* it is not sent yet: what is before it in its room is on its way to the log */
};

void wsm__once_init(struct wsm__once *once, const uint8_t key[16], uint64_t max);
void wsm__once_fini(struct wsm__once *once);
/* Where the first one stands; NULL: there is none. Good until the next call. */
const struct wsm__once_place *wsm__once_find(struct wsm__once *once, wsm_slice room, wsm_slice id, uint64_t now_ms);
/* Remembers it from now on; what was known of it is forgotten. */
void wsm__once_put(struct wsm__once *once, wsm_slice room, wsm_slice id, const struct wsm__once_place *place,
                   uint64_t now_ms);
/* Nothing came of it. */
void wsm__once_drop(struct wsm__once *once, wsm_slice room, wsm_slice id);
unsigned wsm__once_count(const struct wsm__once *once);
/* Lets go what has had its time. */
void wsm__once_sweep(struct wsm__once *once, uint64_t now_ms);

#endif
