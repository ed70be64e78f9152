/* grant.h - what a connection has by its token: checked at the door, each once only where jwt_replay says so. */
#ifndef WSM_CLIENTS_GRANT_H
#define WSM_CLIENTS_GRANT_H

#include "policy/jwt.h"

struct wsm__address;
struct wsm__core;
struct wsm__peer;

/* What an open connection has by its token. */
struct wsm__grant {
	struct wsm__claims claims;
	uint64_t end_ms; /* Unix time at which the connection is closed */
	bool told;       /* token_expiring was sent */
};

/*
 * Whether a token that comes with an HTTP request is good; it is not used up by that. True: release the claims. A bad one counts
 * against the address that it is `from`.
 */
bool wsm__token_read(struct wsm__core *core, wsm_slice token, const struct wsm__address *from,
                     struct wsm__claims *claims);
void wsm__grant_free(struct wsm__grant *grant);
/* Whether such a token is no longer accepted; counts. */
bool wsm__revoked(struct wsm__core *core, const struct wsm__claims *claims);
/* Tokens that were used: forgets those that have expired, or all. */
void wsm__replay_sweep(struct wsm__core *core);
void wsm__replay_fini(struct wsm__core *core);

/* NULL unless the token is good; `*result` says why not. The first of two that come with the same jti wins. */
struct wsm__grant *wsm__grant_new(struct wsm__core *core, wsm_slice token, enum wsm__jwt_result *result);

/* Notes a bad token as the offence of a peer. One that has expired, or was revoked, was good once: that is nobody's attempt at guessing. */
void wsm__grant_bad(struct wsm__core *core, struct wsm__peer *peer, enum wsm__jwt_result result);

#endif
