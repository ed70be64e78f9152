/* simple.h - commands of the host that are a few texts and numbers. Texts lie behind each in the same allocation. */
#ifndef WSM_HOST_SIMPLE_H
#define WSM_HOST_SIMPLE_H

#include "host/command.h"

/* subscribe, unsubscribe, disconnect, bridge traffic, replies, decisions */
struct wsm__simple {
	struct wsm__command_node head;
	uint64_t number; /* connection, or ticket */
	unsigned code;
	size_t bytes;
	bool flag; /* binary; allow */
	wsm_slice a, b, c, d;
	wsm_slice *rooms; /* decision: its lists, see lists.h */
	size_t n_rooms, n_subscribe, n_publish, n_welcome;
};

/* NULL when out of memory. `rooms` may be NULL. */
struct wsm__simple *wsm__simple_new(enum wsm__command_kind kind, uint64_t number, wsm_slice a, wsm_slice b, wsm_slice c,
                                    wsm_slice d, const wsm_slice *rooms, size_t n_rooms);
/* Posts, or frees and fails. */
int wsm__simple_post(wsm_runtime *runtime, struct wsm__simple *command, bool force, wsm_error *error);

#endif
