/*
 * jwt.h - JSON Web Tokens (RFC 7519): whether one is to be believed, and what it says. No I/O, no clock.
 *
 * There is one key (several while they are being exchanged), for one algorithm, and both are the configuration's: what a token says about itself is only compared with
 * them. So neither "alg":"none" nor a public key used as an HMAC secret gets anywhere.
 */
#ifndef WSM_POLICY_JWT_H
#define WSM_POLICY_JWT_H

#include "policy/access.h"
#include "policy/jwt_keys.h"

#define WSM__TOKEN_MAX 8192 /* bytes of a token; longer ones are not looked at */
#define WSM__JTI_MAX 255

/* X(name, sentence for the client). No sentence quotes anything of a token. */
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
 * WSM_ECONFIG with `error`, which names the option and never quotes a key: no key, a short one, one that cannot be read or does
 * not fit the algorithm. NULL on failure.
 */
struct wsm__jwt *wsm__jwt_new(const struct wsm__jwt_options *options, wsm_error *error);
void wsm__jwt_free(struct wsm__jwt *jwt);
/* "ES256". Static. */
const char *wsm__jwt_algorithm(const struct wsm__jwt *jwt);

/* What an accepted token says. */
struct wsm__claims {
	char *user_id;                /* sub */
	char *session_id;             /* sid; NULL if it has none */
	char *jti;                    /* NULL if it has none */
	struct wsm__patterns rooms;   /* that its bearer may subscribe to */
	struct wsm__patterns publish; /* that its bearer may publish to */
	uint64_t expires_ms;          /* Unix time of exp, milliseconds */
	uint64_t issued_ms;           /* of iat; 0 if it has none */
};

/* Fills *claims on WSM__JWT_OK only; release by fini. */
enum wsm__jwt_result wsm__jwt_verify(const struct wsm__jwt *jwt, wsm_slice token, uint64_t unix_ms,
                                     struct wsm__claims *claims);
void wsm__claims_fini(struct wsm__claims *claims);

#endif
