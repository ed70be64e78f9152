/*
 * oracle.h - follows a client's position in a room over any number of connections, and counts what it is sent against the
 * promise of delivery: a contiguous, ordered run without duplicates, or an explicit sign of a gap.
 *
 * The n-th publication of a room's epoch is expected to hold {"n": n}, or {"n": 0} where the publisher did not know.
 */
#ifndef WSC_ORACLE_H
#define WSC_ORACLE_H

#include <stdbool.h>
#include <stdint.h>

#define ORACLE_EPOCH_LEN 64

enum oracle_phase { ORACLE_OUT, ORACLE_ASKED, ORACLE_IN, ORACLE_LEAVING };

/* Where a client stands in a room. */
struct oracle_place {
	unsigned client; /* for texts */
	unsigned room;   /* a number for it; for `twice` */
	enum oracle_phase phase;
	bool known; /* epoch and last hold a position */
	char epoch[ORACLE_EPOCH_LEN];
	uint64_t last; /* offset of the newest message that it has */
};

struct oracle_seen; /* which message stands at an offset */

/* What all clients have seen. */
struct oracle {
	uint64_t history; /* messages that rooms keep, for `needless`; 0: not looked at */
	uint64_t messages, recovered;
	uint64_t told;       /* recovered:false to a client that named a position */
	uint64_t gaps;       /* messages `gap` */
	uint64_t needless;   /* told although at most `history` messages of the same epoch were missed: must be 0 */
	uint64_t silent;     /* messages left out without a word: must be 0 */
	uint64_t duplicates; /* messages that come twice or out of order: must be 0 */
	uint64_t wrong;      /* what contradicts itself: must be 0 */
	uint64_t twice;      /* an offset that was another message before, to whomever it was sent: must be 0 */
	bool remembers;      /* looks for `twice`; set it at the beginning */
	struct oracle_seen *seen;
	uint64_t n_seen, seen_cap;
	char first_fault[400];
};

/* Adds `by` to a count, and keeps the text of the first one. */
void oracle_fault(struct oracle *oracle, const struct oracle_place *place, uint64_t *count, uint64_t by,
                  const char *what, const char *json);
/* `json` holds epoch, offset and recovered of the room: a `subscribed` answer, or the greeting's entry. May be NULL. */
void oracle_placed(struct oracle *oracle, struct oracle_place *place, const char *json);
/* A publication. */
void oracle_published(struct oracle *oracle, struct oracle_place *place, const char *json);
/* A message `gap`: the server says itself what it left out. */
void oracle_left_out(struct oracle *oracle, struct oracle_place *place, const char *json);

#endif
