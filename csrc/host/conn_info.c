/* The facts of a connection, shared with the host: its threads may hold them after the connection has gone. */
#include "host/conn_info.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/arena.h"

struct shared_info {
	wsm_conn_info info; /* first */
	atomic_uint refs;
};

const wsm_conn_info *wsm_conn_info_ref(const wsm_conn_info *info)
{
	atomic_fetch_add_explicit(&((struct shared_info *)(void *)(uintptr_t)info)->refs, 1, memory_order_relaxed);
	return info;
}

void wsm_conn_info_unref(const wsm_conn_info *info)
{
	struct shared_info *shared = (struct shared_info *)(void *)(uintptr_t)info;

	if (shared && atomic_fetch_sub_explicit(&shared->refs, 1, memory_order_acq_rel) == 1)
		free(shared);
}

const wsm_conn_info *wsm__info_new(uint64_t number, int64_t connected_at, const wsm_slice texts[7])
{
	size_t bytes = 0;
	struct shared_info *shared;
	struct wsm__arena arena;

	for (size_t i = 0; i < 7; i++)
		bytes += texts[i].len + 1;
	shared = malloc(sizeof(*shared) + bytes);
	if (!shared)
		return NULL;
	atomic_init(&shared->refs, 1);
	arena.at = (char *)(shared + 1);
	shared->info.conn = number;
	shared->info.connected_at = connected_at;
	shared->info.client_id = wsm__arena_copy(&arena, texts[0]).data;
	shared->info.user_id = wsm__arena_copy(&arena, texts[1]).data;
	shared->info.session_id = wsm__arena_copy(&arena, texts[2]).data;
	shared->info.path = wsm__arena_copy(&arena, texts[3]).data;
	shared->info.query = wsm__arena_copy(&arena, texts[4]).data;
	shared->info.ip = wsm__arena_copy(&arena, texts[5]).data;
	shared->info.user_agent = wsm__arena_copy(&arena, texts[6]).data;
	return &shared->info;
}
