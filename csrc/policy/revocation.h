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
#include "policy/unsaved.h"
#include "ws_manager.h"

struct wsm__revoked;

struct wsm__revocations {
	pthread_mutex_t lock;
	struct wsm__revoked *tokens, *users;
	size_t count, max;
	uint8_t key[16];
	bool stored; /* they are kept in a store, which writes what is unsaved */
	bool loaded; /* what is there is here */
	struct wsm__unsaved unsaved;
};

/* `key` is random, from the caller: ids of tokens and users are chosen by others. `stored`: there is a store to keep them in. */
void wsm__revocations_init(struct wsm__revocations *revocations, size_t max, const uint8_t key[16], bool stored);
void wsm__revocations_fini(struct wsm__revocations *revocations);
/*
 * Adds a revocation, or extends it: for a user, the later `before_ms` holds. `what` has a jti or a user_id, and both times set (Unix,
 * ms). WSM_EOVERLOADED if `max` of them have not expired; WSM_ENOMEM.
 */
int wsm__revocations_add(struct wsm__revocations *revocations, const wsm_revocation *what, uint64_t now_ms,
                         wsm_error *error);
/*
 * WSM_ENOTFOUND. Of one that may be in a store that was not loaded yet: WSM_OK, and it is not loaded then; WSM_EOVERLOADED: `max` of
 * those wait for it.
 */
int wsm__revocations_remove(struct wsm__revocations *revocations, wsm_slice jti, wsm_slice user_id);
/* Returns whether a token is revoked. `jti` may be empty; `issued_ms` is 0 for a token without iat: older than all others. */
bool wsm__revocations_hit(struct wsm__revocations *revocations, wsm_slice user_id, wsm_slice jti, uint64_t issued_ms);
/* Forgets revocations whose tokens have all expired. */
void wsm__revocations_expire(struct wsm__revocations *revocations, uint64_t now_ms);
size_t wsm__revocations_count(struct wsm__revocations *revocations);
/* Appends [{"jti", "until"} or {"user_id", "before", "until"}], Unix milliseconds. */
void wsm__revocations_list(struct wsm__revocations *revocations, struct wsm__buffer *out);

/* ---- in a store -------------------------------------------------------------------------------------------------- */

/* Its name there is "t" and the jti, or "u" and the user id. `until_ms` 0: it is to be deleted. */
struct wsm__revocation_change {
	struct wsm__unsaved_name *name; /* the taker's */
	uint64_t before_ms, until_ms;
};

/* Takes out one change that is not written yet. False: there is none. */
bool wsm__revocations_take(struct wsm__revocations *revocations, struct wsm__revocation_change *change);
void wsm__revocations_put_back(struct wsm__revocations *revocations, struct wsm__unsaved_name *name);
size_t wsm__revocations_unsaved(struct wsm__revocations *revocations);
/*
 * One that was kept, also where there are `max`: it was accepted once. What the application has said about the same name meanwhile
 * counts instead. False: no memory, or no such name.
 */
bool wsm__revocations_load(struct wsm__revocations *revocations, wsm_slice name, uint64_t before_ms, uint64_t until_ms);
/* All that was kept is loaded. */
void wsm__revocations_loaded(struct wsm__revocations *revocations);

#endif
