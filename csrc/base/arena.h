/* arena.h - copies texts one after the other into memory that the caller has allocated for all of them. */
#ifndef WSM_BASE_ARENA_H
#define WSM_BASE_ARENA_H

#include <string.h>

#include "ws_manager.h"

struct wsm__arena {
	char *at;
};

static inline wsm_slice wsm__arena_copy(struct wsm__arena *arena, wsm_slice slice)
{
	wsm_slice copy = { arena->at, slice.len };

	if (slice.len)
		memcpy(arena->at, slice.data, slice.len);
	arena->at[slice.len] = '\0';
	arena->at += slice.len + 1;
	return copy;
}

#endif
