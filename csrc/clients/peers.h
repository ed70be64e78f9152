/*
 * peers.h - what is remembered about client addresses: their connections, their rates, what is held against them.
 *
 * A peer is an IPv4 address, or the /64 network of an IPv6 address. Their number is bounded by max_peers: the one that was not
 * heard of for longest is forgotten, but none that has a connection. Runtime thread only.
 */
#ifndef WSM_CLIENTS_PEERS_H
#define WSM_CLIENTS_PEERS_H

#include "base/hash.h"
#include "policy/address.h"
#include "policy/ban.h"
#include "policy/bucket.h"
#include "policy/unsaved.h"

struct wsm__buffer;
struct wsm__core;

struct wsm__peer {
	UT_hash_handle hh;
	struct wsm__peer *prev, *next; /* by when it was last heard of, longest ago first */
	struct wsm__peer *banned_prev, *banned_next;
	struct wsm__address address;
	uint64_t connections; /* that count: not those on the way out */
	uint64_t http;        /* connections of the own port that have made a request, and are no WebSockets */
	struct wsm__bucket arrivals, messages, bytes;
	struct wsm__bucket keys, bearers; /* wrong API keys; and what may have been one on a call that takes tokens */
	struct wsm__record record;
	char *by_hand; /* reason of a ban that somebody has ordered; NULL: it was automatic */
	bool exempt;   /* from rates and automatic bans */
	bool listed;   /* among the banned, until somebody looks after its ban is over */
};

struct wsm__peers {
	struct wsm__peer *table, *order, *banned;
	struct wsm__ban_rules rules;
	struct wsm__bucket log;                   /* lines about bans: no flood of them */
	uint64_t forgotten, bans, banned_refused; /* counters */
	uint64_t offences[WSM__OFFENCE_COUNT];
	bool stored; /* bans are kept in a store: their addresses are noted */
	struct wsm__unsaved unsaved;
};

/* A ban of before. */
struct wsm__ban {
	wsm_slice reason;
	uint64_t until_unix_ms;
	uint32_t doublings;
	bool automatic;
};

/* WSM_ENOMEM. */
int wsm__peers_init(struct wsm__core *core);
void wsm__peers_fini(struct wsm__core *core);
/* Forgets peers about whom there is nothing to remember; a few thousand per call. */
void wsm__peers_sweep(struct wsm__core *core);

/* The peer of an address (a text that is none: of the unknown one), made if need be; NULL when out of memory. */
struct wsm__peer *wsm__peer_get(struct wsm__core *core, const struct wsm__address *address);
/* Whether it is turned away now. */
bool wsm__peer_banned(struct wsm__core *core, const struct wsm__address *address);
/* The peer, if it is. */
const struct wsm__peer *wsm__peer_banned_now(struct wsm__core *core, const struct wsm__address *address);
/* Counts a connection of the text's peer; NULL when out of memory. */
struct wsm__peer *wsm__peer_enter(struct wsm__core *core, wsm_slice ip);
/* One connection fewer. `peer` may be NULL. */
void wsm__peer_leave(struct wsm__peer *peer);

enum wsm__arrival { WSM__ARRIVAL_WELCOME, WSM__ARRIVAL_TOO_FAST, WSM__ARRIVAL_BANNED };
/* Whether a new connection from there may come in; counts it, and the refusal. `peer` may be NULL: out of memory. */
enum wsm__arrival wsm__peer_arrives(struct wsm__core *core, struct wsm__peer *peer);

/* Notes an offence, which may lead to a ban. `peer` may be NULL: out of memory. */
void wsm__peer_offence(struct wsm__core *core, struct wsm__peer *peer, enum wsm__offence offence);
/*
 * Bans by hand, also an exempt address; `seconds` 0 lifts the ban and forgives. Returns who is banned now; the connections are the
 * caller's to close. NULL: nobody, or out of memory.
 */
struct wsm__peer *wsm__peers_ban(struct wsm__core *core, const struct wsm__address *address, double seconds,
                                 wsm_slice reason);
/*
 * A ban of before goes on, unless it has ended, or is automatic and this address is exempt now, or nobody is banned
 * automatically any more. Returns who is banned, as above.
 */
struct wsm__peer *wsm__peers_ban_again(struct wsm__core *core, const struct wsm__address *address,
                                       const struct wsm__ban *ban);
/* JSON of WSM_QUERY_BANS; of more than 1,000 those that last longest. */
void wsm__peers_answer_bans(struct wsm__core *core, struct wsm__buffer *out);
/* How many bans there are. */
uint64_t wsm__peers_banned(struct wsm__core *core);

/* How many wrong keys an address may bring at once. */
double wsm__peers_key_burst(const struct wsm_config *config);

#endif
