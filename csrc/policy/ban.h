/*
 * ban.h - bans an address that breaks rules again and again, each time for longer. The caller passes the time.
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
	double threshold;   /* points within the window that lead to a ban; 0: no bans */
	uint64_t window_ms; /* time in which `threshold` points fade */
	uint64_t first_ms;  /* length of the first ban; each further one is twice as long */
	uint64_t most_ms;   /* longest ban; each such time without a ban takes one doubling back */
};

/* The offences of one address. Zero-initialise. */
struct wsm__record {
	float points;
	uint32_t doublings; /* bans that still count */
	uint64_t noted_ms;
	uint64_t until_ms;  /* end of the last ban; 0: none yet */
	const char *reason; /* static */
};

/*
 * Notes an offence. `credit`: further points that this address may have, since well-behaved clients share it. Returns the length of
 * the ban that this leads to, in milliseconds, or 0.
 */
uint64_t wsm__ban_offence(struct wsm__record *record, const struct wsm__ban_rules *rules, enum wsm__offence offence,
                          double credit, uint64_t now_ms);
static inline bool wsm__ban_active(const struct wsm__record *record, uint64_t now_ms)
{
	return record->until_ms > now_ms;
}
/* Returns true once the record holds nothing any more. */
bool wsm__ban_forgotten(const struct wsm__record *record, const struct wsm__ban_rules *rules, uint64_t now_ms);
/* The static text that reads so, or one that says less. */
const char *wsm__ban_reason(wsm_slice text);
/* "handshake", … */
const char *wsm__offence_name(enum wsm__offence offence);

#endif
