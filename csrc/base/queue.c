#include "base/queue.h"

#include <string.h>

#include "ws_manager.h"

/* Leaves lock, bound and `closed` as they are. */
static void clear(struct wsm__queue *queue)
{
	queue->head = queue->last = NULL;
	queue->bytes = queue->count = 0;
	memset(queue->oldest, 0, sizeof(queue->oldest));
	memset(queue->youngest, 0, sizeof(queue->youngest));
	memset(queue->rank_bytes, 0, sizeof(queue->rank_bytes));
}

int wsm__queue_init(struct wsm__queue *queue, size_t max_bytes)
{
	if (pthread_mutex_init(&queue->lock, NULL) != 0)
		return WSM_ESYSTEM;
	clear(queue);
	queue->max_bytes = max_bytes;
	queue->closed = false;
	return WSM_OK;
}

void wsm__queue_fini(struct wsm__queue *queue)
{
	pthread_mutex_destroy(&queue->lock);
}

static enum wsm__queue_result append(struct wsm__queue *queue, struct wsm__node *node, size_t bytes, unsigned rank)
{
	enum wsm__queue_result result = queue->head ? WSM__QUEUED : WSM__QUEUED_FIRST;

	node->next = node->younger = NULL;
	node->prev = queue->last;
	node->bytes = bytes;
	node->rank = rank;
	if (queue->last)
		queue->last->next = node;
	else
		queue->head = node;
	queue->last = node;
	if (rank) {
		if (queue->youngest[rank])
			queue->youngest[rank]->younger = node;
		else
			queue->oldest[rank] = node;
		queue->youngest[rank] = node;
	}
	queue->rank_bytes[rank] += bytes;
	queue->bytes += bytes;
	queue->count++;
	return result;
}

/* `bytes` may stand above the bound after a forced append. */
static bool fits(const struct wsm__queue *queue, size_t bytes, size_t bound)
{
	return queue->bytes <= bound && bytes <= bound - queue->bytes;
}

enum wsm__queue_result wsm__queue_add(struct wsm__queue *queue, struct wsm__node *node, size_t bytes, bool force)
{
	enum wsm__queue_result result;

	pthread_mutex_lock(&queue->lock);
	if (queue->closed)
		result = WSM__QUEUE_CLOSED;
	else if (queue->max_bytes > 0 && !force && !fits(queue, bytes, queue->max_bytes))
		result = WSM__QUEUE_FULL;
	else
		result = append(queue, node, bytes, 0);
	pthread_mutex_unlock(&queue->lock);
	return result;
}

static struct wsm__node *drop_oldest(struct wsm__queue *queue, unsigned rank)
{
	struct wsm__node *node = queue->oldest[rank];

	queue->oldest[rank] = node->younger;
	if (!node->younger)
		queue->youngest[rank] = NULL;
	if (node->prev)
		node->prev->next = node->next;
	else
		queue->head = node->next;
	if (node->next)
		node->next->prev = node->prev;
	else
		queue->last = node->prev;
	queue->rank_bytes[rank] -= node->bytes;
	queue->bytes -= node->bytes;
	queue->count--;
	return node;
}

/* Drops nodes for a newcomer of that rank. Returns false, and drops nothing, if it would not fit even then. */
static bool make_room(struct wsm__queue *queue, size_t bytes, unsigned rank, struct wsm__node **dropped)
{
	size_t bound = queue->max_bytes, reserve = bound + bound / WSM__RESERVE, kept = queue->bytes;
	unsigned lowest = rank ? rank : 2; /* lowest rank to drop; rank 1 drops only for rank 1 */

	for (unsigned i = lowest; i < WSM__RANKS; i++)
		kept -= queue->rank_bytes[i];
	if (kept > (rank < 2 ? reserve : bound) || bytes > (rank < 2 ? reserve : bound) - kept)
		return false;
	for (unsigned i = WSM__RANKS - 1; i >= lowest; i--) {
		/* Ranks 0 and 1 drop others down to the bound; rank 1 drops its own only beyond the reserve. */
		while (queue->oldest[i] && !fits(queue, bytes, i == 1 ? reserve : bound)) {
			struct wsm__node *node = drop_oldest(queue, i);

			node->next = *dropped;
			*dropped = node;
		}
	}
	return true;
}

enum wsm__queue_result wsm__queue_offer(struct wsm__queue *queue, struct wsm__node *node, size_t bytes, unsigned rank,
                                        struct wsm__node **dropped)
{
	enum wsm__queue_result result;

	*dropped = NULL;
	pthread_mutex_lock(&queue->lock);
	if (queue->closed)
		result = WSM__QUEUE_CLOSED;
	else if (!fits(queue, bytes, queue->max_bytes) && !make_room(queue, bytes, rank, dropped))
		result = WSM__QUEUE_FULL;
	else
		result = append(queue, node, bytes, rank);
	pthread_mutex_unlock(&queue->lock);
	return result;
}

struct wsm__node *wsm__queue_take(struct wsm__queue *queue)
{
	struct wsm__node *head;

	pthread_mutex_lock(&queue->lock);
	head = queue->head;
	clear(queue);
	pthread_mutex_unlock(&queue->lock);
	return head;
}

void wsm__queue_close(struct wsm__queue *queue, bool closed)
{
	pthread_mutex_lock(&queue->lock);
	queue->closed = closed;
	pthread_mutex_unlock(&queue->lock);
}

size_t wsm__queue_bytes(struct wsm__queue *queue)
{
	size_t bytes;

	pthread_mutex_lock(&queue->lock);
	bytes = queue->bytes;
	pthread_mutex_unlock(&queue->lock);
	return bytes;
}
