/* users.h - what the connections of one user share. */
#ifndef WSM_CLIENTS_USERS_H
#define WSM_CLIENTS_USERS_H

#include "base/hash.h"
#include "policy/bucket.h"
#include "ws_manager.h"

struct wsm__core;

/* What the connections of one user share. */
struct wsm__user {
	UT_hash_handle hh;
	uint64_t connections;
	struct wsm__bucket messages;
	char id[];
};

/*
 * One more connection of that user. False when out of memory. `*user`: NULL if it has as many as it may, which is counted.
 */
bool wsm__user_enter(struct wsm__core *core, wsm_slice id, struct wsm__user **user);
/* One fewer. `user` may be NULL. */
void wsm__user_leave(struct wsm__core *core, struct wsm__user *user);
void wsm__users_fini(struct wsm__core *core);

#endif
