/* unsaved.h - names of what has changed and is not in the store yet. No I/O; the lock is the owner's. */
#ifndef WSM_POLICY_UNSAVED_H
#define WSM_POLICY_UNSAVED_H

#include <stdbool.h>

#include "base/hash.h"
#include "ws_manager.h"

struct wsm__unsaved_name {
	UT_hash_handle hh;
	size_t len;
	char text[];
};

struct wsm__unsaved {
	struct wsm__unsaved_name *names;
	uint8_t key[16];
};

/* Zero-initialised but for `key`, which is random: names are chosen by others. */
void wsm__unsaved_fini(struct wsm__unsaved *unsaved);
/* Notes a name; once, however often. WSM_ENOMEM. */
int wsm__unsaved_add(struct wsm__unsaved *unsaved, wsm_slice name);
bool wsm__unsaved_has(const struct wsm__unsaved *unsaved, wsm_slice name);
size_t wsm__unsaved_count(const struct wsm__unsaved *unsaved);
/* Takes one out, for the caller to free or to put back; NULL: there is none. */
struct wsm__unsaved_name *wsm__unsaved_take(struct wsm__unsaved *unsaved);
/* It could not be written. The name is not the caller's any more. */
void wsm__unsaved_put_back(struct wsm__unsaved *unsaved, struct wsm__unsaved_name *name);

#endif
