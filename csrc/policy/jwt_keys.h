/*
 * jwt_keys.h - the keys for tokens: checks the configured ones, and the signatures of tokens. All are for one algorithm.
 */
#ifndef WSM_POLICY_JWT_KEYS_H
#define WSM_POLICY_JWT_KEYS_H

#include "ws_manager.h"

#define WSM__JWT_KEYS_MAX 4 /* most keys in force at the same time */

struct wsm__jwt_options {
	wsm_slice secret;     /* HMAC; several with white space between them; empty: none */
	wsm_slice public_key; /* PEM; several one after the other; empty: none */
	wsm_slice algorithm;  /* "HS256" …; empty: the key decides */
	wsm_slice audience, issuer;
	uint64_t leeway_ms; /* for exp and nbf */
};

struct wsm__jwt_keys; /* immutable */

/* Returns NULL and fills `error` (WSM_ECONFIG) on failure; it names the option and never quotes a key. */
struct wsm__jwt_keys *wsm__jwt_keys_new(const struct wsm__jwt_options *options, wsm_error *error);
void wsm__jwt_keys_free(struct wsm__jwt_keys *set);
/* Returns "ES256" or another name. Static. */
const char *wsm__jwt_keys_algorithm(const struct wsm__jwt_keys *set);
/*
 * Returns whether one of the keys has signed the token, which ends in NUL and whose header names the algorithm. `signed_len`: of
 * header, point and payload; `signature`: in base64url.
 */
bool wsm__jwt_keys_fit(const struct wsm__jwt_keys *set, const char *token, size_t signed_len, wsm_slice signature);

#endif
