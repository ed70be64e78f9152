/* grant.h - the grant of a token: checks it when a connection comes, and with jwt_replay accepts it only once. */
#ifndef WSM_CLIENTS_GRANT_H
#define WSM_CLIENTS_GRANT_H

#include "policy/jwt.h"

struct wsm__address;
struct wsm__core;
struct wsm__peer;

/* The grant of an open connection's token. */
struct wsm__grant {
	struct wsm__claims claims;
	uint64_t end_ms; /* Unix time to close the connection */
	bool told;       /* token_expiring was sent */
};

/*
 * Returns whether the token of an HTTP request is good: then release the claims. Does not use the token up. Counts a bad one against
 * the address that it is `from`.
 */
bool wsm__token_read(struct wsm__core *core, wsm_slice token, const struct wsm__address *from,
                     struct wsm__claims *claims);
void wsm__grant_free(struct wsm__grant *grant);
/* Returns whether the token is revoked, and counts that. */
bool wsm__revoked(struct wsm__core *core, const struct wsm__claims *claims);
/* Forget used tokens: expired ones, or all. */
void wsm__replay_sweep(struct wsm__core *core);
void wsm__replay_fini(struct wsm__core *core);

/* Returns the grant of a good token; else NULL, and `*result` says why. With jwt_replay, the first use of a jti wins. */
struct wsm__grant *wsm__grant_new(struct wsm__core *core, wsm_slice token, enum wsm__jwt_result *result);

/* Notes a bad token as an offence of a peer; not an expired or revoked one, which was good once and so is no guess. */
void wsm__grant_bad(struct wsm__core *core, struct wsm__peer *peer, enum wsm__jwt_result result);

#endif
