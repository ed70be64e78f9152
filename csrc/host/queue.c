#include "host/queue.h"

#include "host/handle.h"
#include "host/route.h"

static void count_drop(wsm_runtime *runtime, unsigned rank)
{
	atomic_fetch_add_explicit(&runtime->overloaded[rank], 1, memory_order_relaxed);
}

/* Frees dropped nodes. All are publications: the queue never drops rank 0. */
static void drop(wsm_runtime *runtime, struct wsm__node *node)
{
	static const wsm_delivery overloaded = { .status = WSM_EOVERLOADED };

	while (node) {
		struct wsm__node *next = node->next;

		count_drop(runtime, node->rank);
		wsm__publish_free((struct wsm__publish *)(void *)node, &overloaded);
		node = next;
	}
}

int wsm__post(wsm_runtime *runtime, struct wsm__command_node *command, bool force)
{
	struct wsm__node *dropped = NULL;
	enum wsm__queue_result result;

	if (force)
		result = wsm__queue_add(&runtime->commands, &command->node, command->bytes, true);
	else
		result = wsm__queue_offer(&runtime->commands, &command->node, command->bytes, command->rank, &dropped);
	if (result == WSM__QUEUED_FIRST) {
		pthread_mutex_lock(&runtime->wake_lock);
		if (runtime->bell)
			uv_async_send(runtime->bell);
		pthread_mutex_unlock(&runtime->wake_lock);
	}
	if (dropped)
		drop(runtime, dropped);
	if (result == WSM__QUEUE_FULL)
		count_drop(runtime, command->rank);
	return result == WSM__QUEUE_FULL ? WSM_EOVERLOADED : result == WSM__QUEUE_CLOSED ? WSM_ENOTRUNNING : WSM_OK;
}

uint64_t wsm__post_dropped(const wsm_runtime *runtime, unsigned rank)
{
	return atomic_load_explicit(&runtime->overloaded[rank], memory_order_relaxed);
}

uint64_t wsm__post_dropped_all(const wsm_runtime *runtime)
{
	uint64_t sum = 0;

	for (unsigned rank = 0; rank < WSM__RANKS; rank++)
		sum += wsm__post_dropped(runtime, rank);
	return sum;
}
