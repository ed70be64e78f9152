/*
 * jwt.h - checks JSON Web Tokens (RFC 7519), and reads their claims. No I/O, no clock.
 *
 * The configuration gives the key (several during an exchange) and the one algorithm; a token's header must match that algorithm.
 * So neither "alg":"none" nor a public key used as an HMAC secret passes.
 */
#ifndef WSM_POLICY_JWT_H
#define WSM_POLICY_JWT_H

#include "policy/access.h"
#include "policy/jwt_keys.h"

#define WSM__TOKEN_MAX 8192 /* most bytes of a token */
#define WSM__JTI_MAX 255

/* X(name, sentence for the client). No sentence quotes a token. */
#define WSM__JWT_MAP(X)                                                                                                \
	X(OK, "the token is accepted")                                                                                 \
	X(TOO_LONG, "the token has more than 8192 bytes")                                                              \
	X(MALFORMED, "the token is malformed")                                                                         \
	X(ALGORITHM, "the token is not signed with the algorithm that is expected here")                               \
	X(SIGNATURE, "the token's signature is wrong")                                                                 \
	X(NO_EXPIRY, "the token does not say when it expires (exp must be an integer)")                                \
	X(EXPIRED, "the token has expired")                                                                            \
	X(NOT_YET, "the token is not valid yet")                                                                       \
	X(ISSUER, "the token is from another issuer")                                                                  \
	X(AUDIENCE, "the token is for another audience")                                                               \
	X(SUBJECT, "the token names no user (sub must be 1 to 120 bytes of text)")                                     \
	X(CLAIM, "a claim of the token has the wrong form (nbf, iat, iss, aud, jti, sid, rooms or publish)")           \
	X(NO_JTI, "the token has no jti, which is needed here")                                                        \
	X(REVOKED, "the token was revoked")                                                                            \
	X(REPLAYED, "the token was used before")                                                                       \
	X(UNREAD, "the server cannot read yet which tokens were revoked; try again in a moment")                       \
	X(NO_MEMORY, "the server is out of memory")

enum wsm__jwt_result {
#define WSM_X(name, sentence) WSM__JWT_##name,
	WSM__JWT_MAP(WSM_X)
#undef WSM_X
};

/* Whether it says nothing about the token: the same may be good a moment later. */
static inline bool wsm__jwt_later(enum wsm__jwt_result result)
{
	return result == WSM__JWT_UNREAD || result == WSM__JWT_NO_MEMORY;
}

/* The sentence. Static. */
const char *wsm__jwt_text(enum wsm__jwt_result result);

struct wsm__jwt; /* immutable: any thread may verify */

/*
 * Returns NULL and fills `error` (WSM_ECONFIG; it names the option and never quotes a key) if there is no key, or one is too short,
 * unreadable, or does not fit the algorithm.
 */
struct wsm__jwt *wsm__jwt_new(const struct wsm__jwt_options *options, wsm_error *error);
void wsm__jwt_free(struct wsm__jwt *jwt);
/* Returns "ES256" or another name. Static. */
const char *wsm__jwt_algorithm(const struct wsm__jwt *jwt);

/* The claims of an accepted token. */
struct wsm__claims {
	char *user_id;                /* sub */
	char *session_id;             /* sid; NULL if it has none */
	char *jti;                    /* NULL if it has none */
	struct wsm__patterns rooms;   /* rooms that its bearer may subscribe to */
	struct wsm__patterns publish; /* rooms that its bearer may publish to */
	uint64_t expires_ms;          /* exp, Unix milliseconds */
	uint64_t issued_ms;           /* iat, Unix milliseconds; 0 if it has none */
};

/* Checks a token. On WSM__JWT_OK, *claims is filled: release it by wsm__claims_fini(). */
enum wsm__jwt_result wsm__jwt_verify(const struct wsm__jwt *jwt, wsm_slice token, uint64_t unix_ms,
                                     struct wsm__claims *claims);
void wsm__claims_fini(struct wsm__claims *claims);

#endif
