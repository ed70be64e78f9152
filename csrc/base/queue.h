/*
 * queue.h - the crossing point between threads: an intrusive list under a mutex, taken whole.
 *
 * Producers append; the consumer takes everything at once and walks it without the lock. An append says whether the queue was
 * empty, so that the producer wakes the consumer only then. Bounded by bytes.
 *
 * A node may have a rank: a full queue drops nodes of the highest rank first, the oldest first, and each rank only for a newcomer
 * of the same or a lower rank. The others keep their order. O(1) per node.
 */
#ifndef WSM_BASE_QUEUE_H
#define WSM_BASE_QUEUE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#define WSM__RANKS 4u   /* the queue never drops rank 0 */
#define WSM__RESERVE 8u /* ranks 0 and 1 may exceed max_bytes by this part of it, an eighth */

struct wsm__node {
	struct wsm__node *next;
	/* Used by the queue while the node is in it: */
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
	bool closed;         /* refuses appends */
};

enum wsm__queue_result { WSM__QUEUED, WSM__QUEUED_FIRST, WSM__QUEUE_FULL, WSM__QUEUE_CLOSED };

int wsm__queue_init(struct wsm__queue *queue, size_t max_bytes);
void wsm__queue_fini(struct wsm__queue *queue);
/* `bytes` counts against max_bytes until the queue is taken; `force` ignores the bound (but not `closed`). */
enum wsm__queue_result wsm__queue_add(struct wsm__queue *queue, struct wsm__node *node, size_t bytes, bool force);
/*
 * Appends a node of that rank, and drops others for it if it must: `*dropped`, linked by `next`, or NULL. Ranks 0 and 1 may exceed
 * max_bytes by an eighth. Drops nothing when it returns WSM__QUEUE_FULL.
 */
enum wsm__queue_result wsm__queue_offer(struct wsm__queue *queue, struct wsm__node *node, size_t bytes, unsigned rank,
                                        struct wsm__node **dropped);
/* Takes all nodes. Returns them oldest first, or NULL if there are none. */
struct wsm__node *wsm__queue_take(struct wsm__queue *queue);
/* Refuses (true) or accepts (false) further appends. */
void wsm__queue_close(struct wsm__queue *queue, bool closed);
size_t wsm__queue_bytes(struct wsm__queue *queue);

#endif
