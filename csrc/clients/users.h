/* users.h - the shared state of a user's connections. */
#ifndef WSM_CLIENTS_USERS_H
#define WSM_CLIENTS_USERS_H

#include "base/hash.h"
#include "policy/bucket.h"
#include "ws_manager.h"

struct wsm__core;

/* The shared state of a user's connections. */
struct wsm__user {
	UT_hash_handle hh;
	uint64_t connections;
	struct wsm__bucket messages;
	char id[];
};

/*
 * Counts one more connection of a user. Returns false when out of memory. `*user`: NULL, and counts that, if the user has too many.
 */
bool wsm__user_enter(struct wsm__core *core, wsm_slice id, struct wsm__user **user);
/* Counts one connection less. `user` may be NULL. */
void wsm__user_leave(struct wsm__core *core, struct wsm__user *user);
void wsm__users_fini(struct wsm__core *core);

#endif
