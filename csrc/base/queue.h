/*
 * queue.h - the crossing point between threads: an intrusive list under a mutex, taken whole.
 *
 * Producers append; the consumer takes everything at once and walks it without the lock. An append reports whether the
 * queue was empty, so that the producer wakes the consumer once per empty-to-non-empty change. Bounded by bytes.
 *
 * A node may have a rank: when the queue is full, nodes of the highest rank are dropped first, the oldest of them first, and
 * each rank only for a newcomer of its own or a lower one. The order of the rest stays as it is. O(1) per node.
 */
#ifndef WSM_BASE_QUEUE_H
#define WSM_BASE_QUEUE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#define WSM__RANKS 4u   /* 0: never dropped; 1 has a reserve of its own */
#define WSM__RESERVE 8u /* that is so small a part of max_bytes */

struct wsm__node {
	struct wsm__node *next;
	/* The queue's, while it is in one: */
	struct wsm__node *prev, *younger; /* `younger` is the next of the same rank */
	size_t bytes;
	unsigned rank;
};

struct wsm__queue {
	pthread_mutex_t lock;
	struct wsm__node *head, *last;
	struct wsm__node *oldest[WSM__RANKS], *youngest[WSM__RANKS];
	size_t rank_bytes[WSM__RANKS];
	size_t bytes, count; /* what is queued now */
	size_t max_bytes;    /* 0: unbounded */
	bool closed;         /* appends are refused */
};

enum wsm__queue_result { WSM__QUEUED, WSM__QUEUED_FIRST, WSM__QUEUE_FULL, WSM__QUEUE_CLOSED };

int wsm__queue_init(struct wsm__queue *queue, size_t max_bytes);
void wsm__queue_fini(struct wsm__queue *queue);
/* `bytes` counts against max_bytes until the queue is taken; `force` ignores the bound (but not `closed`). */
enum wsm__queue_result wsm__queue_add(struct wsm__queue *queue, struct wsm__node *node, size_t bytes, bool force);
/*
 * Appends a node of that rank, at the cost of others if it must. *dropped are those, linked by `next`; NULL: none. Of rank 0 and 1
 * an eighth more than max_bytes fits. WSM__QUEUE_FULL drops nothing.
 */
enum wsm__queue_result wsm__queue_offer(struct wsm__queue *queue, struct wsm__node *node, size_t bytes, unsigned rank,
                                        struct wsm__node **dropped);
/* All nodes, oldest first; the queue is empty afterwards. NULL if there are none. */
struct wsm__node *wsm__queue_take(struct wsm__queue *queue);
/* Refuses (true) or accepts (false) further appends. */
void wsm__queue_close(struct wsm__queue *queue, bool closed);
size_t wsm__queue_bytes(struct wsm__queue *queue);

#endif
