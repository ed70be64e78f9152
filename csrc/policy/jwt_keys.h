/*
 * jwt_keys.h - the keys that tokens are checked with: which will do, and whether one of them has made a signature. They are all
 * for one algorithm, the configuration's.
 */
#ifndef WSM_POLICY_JWT_KEYS_H
#define WSM_POLICY_JWT_KEYS_H

#include "ws_manager.h"

#define WSM__JWT_KEYS_MAX 4 /* in force at the same time */

struct wsm__jwt_options {
	wsm_slice secret;     /* HMAC; several with white space between them; empty: none */
	wsm_slice public_key; /* PEM; several one after the other; empty: none */
	wsm_slice algorithm;  /* "HS256" …; empty: by the key */
	wsm_slice audience, issuer;
	uint64_t leeway_ms; /* for exp and nbf */
};

struct wsm__jwt_keys; /* immutable */

/* WSM_ECONFIG with `error`, which names the option and never quotes a key. NULL on failure. */
struct wsm__jwt_keys *wsm__jwt_keys_new(const struct wsm__jwt_options *options, wsm_error *error);
void wsm__jwt_keys_free(struct wsm__jwt_keys *set);
/* "ES256". Static. */
const char *wsm__jwt_keys_algorithm(const struct wsm__jwt_keys *set);
/*
 * Whether one of them has signed the token, which ends in NUL and whose header names the algorithm. `signed_len`: of header and
 * payload with the point between them; `signature`: what follows, in base64url.
 */
bool wsm__jwt_keys_fit(const struct wsm__jwt_keys *set, const char *token, size_t signed_len, wsm_slice signature);

#endif
