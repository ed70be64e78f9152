/*
 * ban.h - who breaks rules again and again is kept out for a while, each time for longer. The time is passed in.
 */
#ifndef WSM_POLICY_BAN_H
#define WSM_POLICY_BAN_H

#include <stdbool.h>
#include <stdint.h>

#include "ws_manager.h"

/* What counts, and for how much. X(name, weight, what a ban for it says) */
#define WSM__OFFENCES(X)                                                                                               \
	X(handshake, 1, "repeated bad handshakes")                                                                     \
	X(token, 1, "repeated bad tokens")                                                                             \
	X(key, 1, "repeated wrong API keys")                                                                           \
	X(protocol, 2, "repeated protocol errors")                                                                     \
	X(rate, 4, "rate limits broken repeatedly")

enum wsm__offence {
#define WSM_X(name, weight, reason) WSM__OFFENCE_##name,
	WSM__OFFENCES(WSM_X)
#undef WSM_X
		WSM__OFFENCE_COUNT
};

struct wsm__ban_rules {
	double threshold;   /* points within the window; 0: nobody is banned */
	uint64_t window_ms; /* in which as many points are forgotten */
	uint64_t first_ms;  /* the first ban; each further one takes twice as long */
	uint64_t most_ms;   /* at most; after so long without another, one doubling is forgotten */
};

/* What is held against one address. Zero-initialise. */
struct wsm__record {
	float points;
	uint32_t doublings; /* bans that are not forgotten */
	uint64_t noted_ms;
	uint64_t until_ms;  /* of the present or the last ban; 0: none yet */
	const char *reason; /* static */
};

/*
 * Notes an offence. `credit`: points that this address may have besides the threshold, since well-behaved clients are behind it
 * too. Returns how long the ban lasts that this leads to, in milliseconds, or 0.
 */
uint64_t wsm__ban_offence(struct wsm__record *record, const struct wsm__ban_rules *rules, enum wsm__offence offence,
                          double credit, uint64_t now_ms);
static inline bool wsm__ban_active(const struct wsm__record *record, uint64_t now_ms)
{
	return record->until_ms > now_ms;
}
/* True once nothing is left that a record would be needed for. */
bool wsm__ban_forgotten(const struct wsm__record *record, const struct wsm__ban_rules *rules, uint64_t now_ms);
/* The static text that reads so, or one that says less. */
const char *wsm__ban_reason(wsm_slice text);
/* "handshake", … */
const char *wsm__offence_name(enum wsm__offence offence);

#endif
