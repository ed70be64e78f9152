/*
 * revocation.h - revoked tokens: signature and time are good, but nobody may use them. No I/O, no clock.
 *
 * Host threads write the table and the runtime thread reads it, so it has its own lock. It outlives a stop of the runtime: a
 * restart must not bring revoked tokens back.
 */
#ifndef WSM_POLICY_REVOCATION_H
#define WSM_POLICY_REVOCATION_H

#include <pthread.h>

#include "base/buffer.h"
#include "ws_manager.h"

struct wsm__revoked;

struct wsm__revocations {
	pthread_mutex_t lock;
	struct wsm__revoked *tokens, *users;
	size_t count, max;
	uint8_t key[16];
};

/* `key`: random bytes from the caller, since others choose the ids of tokens and users. */
void wsm__revocations_init(struct wsm__revocations *revocations, size_t max, const uint8_t key[16]);
void wsm__revocations_fini(struct wsm__revocations *revocations);
/*
 * Adds a revocation, or extends it: for a user, the later `before_ms` holds. `what` has a jti or a user_id, and both times set (Unix,
 * ms). WSM_EOVERLOADED if `max` of them have not expired; WSM_ENOMEM.
 */
int wsm__revocations_add(struct wsm__revocations *revocations, const wsm_revocation *what, uint64_t now_ms,
                         wsm_error *error);
/* Removes a revocation. WSM_ENOTFOUND. */
int wsm__revocations_remove(struct wsm__revocations *revocations, wsm_slice jti, wsm_slice user_id);
/* Returns whether a token is revoked. `jti` may be empty; `issued_ms` is 0 for a token without iat: older than all others. */
bool wsm__revocations_hit(struct wsm__revocations *revocations, wsm_slice user_id, wsm_slice jti, uint64_t issued_ms);
/* Forgets revocations whose tokens have all expired. */
void wsm__revocations_expire(struct wsm__revocations *revocations, uint64_t now_ms);
size_t wsm__revocations_count(struct wsm__revocations *revocations);
/* Appends [{"jti", "until"} or {"user_id", "before", "until"}], Unix milliseconds. */
void wsm__revocations_list(struct wsm__revocations *revocations, struct wsm__buffer *out);

#endif
