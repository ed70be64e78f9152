/*
 * throttle.h - at most so many of a key per second, and the last one never lost.
 *
 * The first of a key goes at once; what comes before its next turn is held back, a newer one taking the place of an
 * older one; when the turn comes, the newest goes. The table does not know what the items are.
 */
#ifndef WSM_POLICY_THROTTLE_H
#define WSM_POLICY_THROTTLE_H

#include "ws_manager.h"

struct wsm__throttle_entry;
struct wsm__throttle {
	struct wsm__throttle_entry *entries;  /* by key */
	struct wsm__throttle_entry **waiting; /* heap of those that hold an item, by their turn */
	size_t n_waiting, capacity;
	uint8_t key[16]; /* of SipHash */
	uint64_t swept_us, held;
};

void wsm__throttle_init(struct wsm__throttle *throttle, const uint8_t key[16]);
/* `drop` is called for each item that still waits. */
void wsm__throttle_fini(struct wsm__throttle *throttle, void (*drop)(void *context, void *item), void *context);

enum wsm__throttle_verdict { WSM__THROTTLE_SEND, WSM__THROTTLE_HELD };
/*
 * Offers an item under a key at `rate` per second. SEND: the caller sends it now. HELD: the table has it; *superseded is the
 * older item that it replaced, or NULL. WSM_ENOMEM is answered as SEND: rather too many than none.
 */
enum wsm__throttle_verdict wsm__throttle_offer(struct wsm__throttle *throttle, wsm_slice key, double rate,
                                               uint64_t now_us, void *item, void **superseded);
/* Takes out the item that waits under the key, if any: something that must not overtake it is about to be sent. */
void *wsm__throttle_flush(struct wsm__throttle *throttle, wsm_slice key);
/* Takes out one item whose turn has come, or NULL; call until NULL. */
void *wsm__throttle_due(struct wsm__throttle *throttle, uint64_t now_us);
/* When the next turn comes, in us; 0 if nothing waits. */
uint64_t wsm__throttle_next(const struct wsm__throttle *throttle);
/* Forgets keys that nothing was offered under for ten seconds. */
void wsm__throttle_sweep(struct wsm__throttle *throttle, uint64_t now_us);

#endif
