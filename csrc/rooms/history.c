#include "rooms/history.h"

#include <stdlib.h>
#include <string.h>

void wsm__history_init(struct wsm__history *history, struct wsm__deliveries *deliveries)
{
	memset(history, 0, sizeof(*history));
	history->deliveries = deliveries;
}

/* Returns the memory of a kept publication: its frame, its struct, and its place in the ring. */
static size_t cost(const struct wsm__pub *pub)
{
	return pub->frame_len + sizeof(*pub) + 2 * sizeof(struct wsm__pub *);
}

static void evict(struct wsm__history *history)
{
	struct wsm__pub *pub = history->ring[history->head];

	history->head = (history->head + 1) & (history->capacity - 1);
	history->count--;
	history->bytes -= pub->frame_len;
	if (history->total)
		*history->total -= cost(pub);
	history->evicted_seq = pub->seq;
	pub->kept = false;
	if (pub->lagging && history->owed)
		history->owed(history->room, pub);
	while (pub->lagging)
		wsm__fate(history->deliveries, pub, WSM__LAGGING, WSM__DROPPED_GAP);
	wsm__pub_unref(pub);
}

void wsm__history_clear(struct wsm__history *history)
{
	while (history->count)
		evict(history);
	free(history->ring);
	history->ring = NULL;
	history->head = history->capacity = 0;
}

void wsm__history_fini(struct wsm__history *history)
{
	wsm__history_clear(history);
}

static int grow(struct wsm__history *history)
{
	uint32_t capacity = history->capacity ? history->capacity * 2 : 4;
	struct wsm__pub **ring;

	if (history->count < history->capacity)
		return WSM_OK;
	ring = malloc(capacity * sizeof(*ring));
	if (!ring)
		return WSM_ENOMEM;
	for (uint32_t i = 0; i < history->count; i++)
		ring[i] = history->ring[(history->head + i) & (history->capacity - 1)];
	free(history->ring);
	history->ring = ring;
	history->head = 0;
	history->capacity = capacity;
	return WSM_OK;
}

int wsm__history_add(struct wsm__history *history, struct wsm__pub *pub, const struct wsm__history_limits *limits)
{
	while (history->count && (history->count >= limits->size || history->bytes + pub->frame_len > limits->bytes))
		evict(history);
	if (!limits->size) {
		history->last = pub->offset;
		history->last_seq = history->evicted_seq = pub->seq;
		return WSM_OK;
	}
	if (grow(history))
		return WSM_ENOMEM;
	history->ring[(history->head + history->count) & (history->capacity - 1)] = wsm__pub_ref(pub);
	history->count++;
	history->bytes += pub->frame_len;
	if (history->total)
		*history->total += cost(pub);
	history->last = pub->offset;
	history->last_seq = pub->seq;
	pub->kept = true;
	wsm__history_expire(history, pub->at_ms, limits->ttl_ms);
	return WSM_OK;
}

void wsm__history_expire(struct wsm__history *history, uint64_t now_ms, uint64_t ttl_ms)
{
	while (history->count && now_ms - history->ring[history->head]->at_ms >= ttl_ms)
		evict(history);
}
