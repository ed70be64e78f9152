/*
 * throttle.h - bounds the items of a key per second, and never loses the last one.
 *
 * The first item of a key goes at once. Until the next turn the table holds the newest one back, in the place of an older one; at the
 * turn it goes. The table does not know what the items are.
 */
#ifndef WSM_POLICY_THROTTLE_H
#define WSM_POLICY_THROTTLE_H

#include "ws_manager.h"

struct wsm__throttle_entry;
struct wsm__throttle {
	struct wsm__throttle_entry *entries;  /* by key */
	struct wsm__throttle_entry **waiting; /* heap of entries that hold an item, by their turn */
	size_t n_waiting, capacity;
	uint8_t key[16]; /* of SipHash */
	uint64_t swept_us, held;
};

void wsm__throttle_init(struct wsm__throttle *throttle, const uint8_t key[16]);
/* Frees the table, and calls `drop` for each item that still waits. */
void wsm__throttle_fini(struct wsm__throttle *throttle, void (*drop)(void *context, void *item), void *context);

enum wsm__throttle_verdict { WSM__THROTTLE_SEND, WSM__THROTTLE_HELD };
/*
 * Offers an item under a key at `rate` per second. SEND: the caller sends it now. HELD: the table has it; *superseded is the older
 * item that it replaced, or NULL. Returns SEND when out of memory: better too many than none.
 */
enum wsm__throttle_verdict wsm__throttle_offer(struct wsm__throttle *throttle, wsm_slice key, double rate,
                                               uint64_t now_us, void *item, void **superseded);
/* Takes out the item that waits under the key, or NULL: call it before an item that must not overtake it. */
void *wsm__throttle_flush(struct wsm__throttle *throttle, wsm_slice key);
/* Takes out an item whose turn has come, or NULL. Call it until NULL. */
void *wsm__throttle_due(struct wsm__throttle *throttle, uint64_t now_us);
/* Returns the time of the next turn in us; 0 if nothing waits. */
uint64_t wsm__throttle_next(const struct wsm__throttle *throttle);
/* Forgets keys that are ten seconds past their next turn and hold no item. */
void wsm__throttle_sweep(struct wsm__throttle *throttle, uint64_t now_us);

#endif
