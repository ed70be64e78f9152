#include "base/queue.h"

#include "ws_manager.h"

int wsm__queue_init(struct wsm__queue *queue, size_t max_bytes)
{
	if (pthread_mutex_init(&queue->lock, NULL) != 0)
		return WSM_ESYSTEM;
	queue->head = NULL;
	queue->tail = &queue->head;
	queue->bytes = queue->count = 0;
	queue->max_bytes = max_bytes;
	queue->closed = false;
	return WSM_OK;
}

void wsm__queue_fini(struct wsm__queue *queue)
{
	pthread_mutex_destroy(&queue->lock);
}

enum wsm__queue_result wsm__queue_add(struct wsm__queue *queue, struct wsm__node *node, size_t bytes, bool force)
{
	enum wsm__queue_result result;

	node->next = NULL;
	pthread_mutex_lock(&queue->lock);
	if (queue->closed) {
		result = WSM__QUEUE_CLOSED;
	} else if (queue->max_bytes > 0 && !force &&
	           (queue->bytes > queue->max_bytes || bytes > queue->max_bytes - queue->bytes)) {
		result = WSM__QUEUE_FULL; /* `bytes` may stand above the bound after a forced append */
	} else {
		result = queue->head ? WSM__QUEUED : WSM__QUEUED_FIRST;
		*queue->tail = node;
		queue->tail = &node->next;
		queue->bytes += bytes;
		queue->count++;
	}
	pthread_mutex_unlock(&queue->lock);
	return result;
}

struct wsm__node *wsm__queue_take(struct wsm__queue *queue)
{
	struct wsm__node *head;

	pthread_mutex_lock(&queue->lock);
	head = queue->head;
	queue->head = NULL;
	queue->tail = &queue->head;
	queue->bytes = queue->count = 0;
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
