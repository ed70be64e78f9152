/*
 * token.h - connections that come in by a token: where it stands in a request, what it allows, when it ends.
 *
 * With a key configured every connection needs a token, but for those that the host has admitted itself. One in the request
 * is decided upon before the greeting. Without one the host's authenticate handler decides, where there is one; else the client
 * has auth_timeout for its first message, {"action":"auth","token":…}.
 */
#ifndef WSM_HOST_TOKEN_H
#define WSM_HOST_TOKEN_H

#include "policy/jwt.h"

struct wsm__address;
struct wsm__buffer;
struct wsm__command;
struct wsm__conn;
struct wsm__core;
struct wsm__keys;
struct wsm__path_params;
struct wsm__request;
struct wsm__simple;

/* What an open connection has by its token. */
struct wsm__grant {
	struct wsm__claims claims;
	uint64_t end_ms; /* Unix time at which the connection is closed */
	bool told;       /* token_expiring was sent */
};

/* ---- in a request ----------------------------------------------------------------------------------------------- */

/* Reads the keys, if some are configured: runtime->jwt. WSM_ECONFIG. */
int wsm__token_init(wsm_runtime *runtime, wsm_error *error);
/* The keys of these texts; NULL: the configuration's. `algorithm`: "" by the key. NULL with `error`. */
struct wsm__jwt *wsm__token_keys(const struct wsm_config *config, const char *secret, const char *public_key,
                                 const char *algorithm, wsm_error *error);
/* The exchange, on the runtime thread or while there is none. Takes `keys` over. */
void wsm__keys_run(wsm_runtime *runtime, struct wsm__keys *keys);

/* The headers that may carry one; empty where there is none. */
struct wsm__token_headers {
	wsm_slice authorization, protocols, cookie;
	bool by_page; /* a browser says which page asks, and that page may */
};

/*
 * Sets request->token (in `storage`, which must not change afterwards) and where it comes from: the path, the Authorization
 * header, the subprotocol, the cookie, the query, in this order. False, and none is taken, if it is a cookie's and the request is
 * not `by_page`: other sites' pages send cookies too. May run on a host thread.
 */
bool wsm__token_find(const wsm_runtime *runtime, struct wsm__request *request, const struct wsm__path_params *params,
                     const struct wsm__token_headers *headers, struct wsm__buffer *storage);
/* The token in the value of an Authorization header (RFC 6750 section 2.1); empty for other schemes. */
wsm_slice wsm__token_bearer(wsm_slice authorization);
/* A query without the parameter that carries the token: what handlers see and log. */
void wsm__token_redact(const wsm_runtime *runtime, wsm_slice query, struct wsm__buffer *out);

/* ---- of a connection -------------------------------------------------------------------------------------------- */

/* Opens the connection, refuses it, or leaves it DECIDING. */
void wsm__token_admit(struct wsm__conn *conn);
/* A message of a connection that has to show a token yet; false if it is for later. */
bool wsm__token_first(struct wsm__conn *conn, wsm_slice message);
/* The action `auth` of an open connection. */
void wsm__token_renew(struct wsm__conn *conn, const struct wsm__command *command);
/* {"type":"authenticated"}. */
void wsm__token_answer(struct wsm__conn *conn, wsm_slice id);
/*
 * Whether a token that comes with an HTTP request is good; it is not used up by that. True: release the claims. A bad one counts
 * against the address that it is `from`.
 */
bool wsm__token_read(struct wsm__core *core, wsm_slice token, const struct wsm__address *from,
                     struct wsm__claims *claims);
/* Tells that the token expires soon, or ends the connection: true then. */
bool wsm__token_watch(struct wsm__conn *conn, uint64_t unix_ms);
void wsm__grant_free(struct wsm__grant *grant);

/* What is revoked (revoke.c). */
void wsm__revoke_init(wsm_runtime *runtime, const struct wsm_config *config);
void wsm__revoke_sweep(struct wsm__core *core);
/* Whether such a token is no longer accepted; counts. */
bool wsm__revoked(struct wsm__core *core, const struct wsm__claims *claims);
/* Ends connections after a revocation. */
void wsm__revoke_run(struct wsm__core *core, const struct wsm__simple *command);

/* Tokens that were used: forgets those that have expired, or all. */
void wsm__replay_sweep(struct wsm__core *core);
void wsm__replay_fini(struct wsm__core *core);

#endif
