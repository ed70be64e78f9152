#include "policy/throttle.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/siphash.h"

#define FORGET_AFTER_US 10000000u
#define INTERVAL_MAX_US 1e15 /* 31 years, for a rate close to 0 */

struct wsm__throttle_entry {
	UT_hash_handle hh;
	size_t place;     /* in `waiting`, while item is set */
	uint64_t number;  /* at equal turns, the one that has waited longer comes first */
	uint64_t next_us; /* earliest time of the next item */
	uint64_t interval_us;
	void *item;
	size_t key_len;
	char key[];
};

void wsm__throttle_init(struct wsm__throttle *throttle, const uint8_t key[16])
{
	memset(throttle, 0, sizeof(*throttle));
	memcpy(throttle->key, key, sizeof(throttle->key));
}

void wsm__throttle_fini(struct wsm__throttle *throttle, void (*drop)(void *context, void *item), void *context)
{
	struct wsm__throttle_entry *entry, *next;

	HASH_ITER(hh, throttle->entries, entry, next) {
		HASH_DEL(throttle->entries, entry);
		if (entry->item && drop)
			drop(context, entry->item);
		free(entry);
	}
	free((void *)throttle->waiting);
	throttle->waiting = NULL;
	throttle->n_waiting = throttle->capacity = 0;
}

/* ---- the heap of those that wait: the earliest turn is on top -------------------------------------------------- */

static bool earlier(const struct wsm__throttle_entry *a, const struct wsm__throttle_entry *b)
{
	return a->next_us != b->next_us ? a->next_us < b->next_us : a->number < b->number;
}

static void put(struct wsm__throttle *throttle, size_t place, struct wsm__throttle_entry *entry)
{
	throttle->waiting[place] = entry;
	entry->place = place;
}

/* Puts `entry` at `place` or above. */
static void rise(struct wsm__throttle *throttle, size_t place, struct wsm__throttle_entry *entry)
{
	for (; place && earlier(entry, throttle->waiting[(place - 1) / 2]); place = (place - 1) / 2)
		put(throttle, place, throttle->waiting[(place - 1) / 2]);
	put(throttle, place, entry);
}

/* Puts `entry` at `place` or below. */
static void sink(struct wsm__throttle *throttle, size_t place, struct wsm__throttle_entry *entry)
{
	size_t child;

	while ((child = 2 * place + 1) < throttle->n_waiting) {
		if (child + 1 < throttle->n_waiting && earlier(throttle->waiting[child + 1], throttle->waiting[child]))
			child++;
		if (!earlier(throttle->waiting[child], entry))
			break;
		put(throttle, place, throttle->waiting[child]);
		place = child;
	}
	put(throttle, place, entry);
}

static int heap_add(struct wsm__throttle *throttle, struct wsm__throttle_entry *entry)
{
	if (throttle->n_waiting == throttle->capacity) {
		size_t capacity = throttle->capacity ? throttle->capacity * 2 : 16;
		struct wsm__throttle_entry **grown =
			realloc((void *)throttle->waiting, capacity * sizeof(struct wsm__throttle_entry *));

		if (!grown)
			return WSM_ENOMEM;
		throttle->waiting = grown;
		throttle->capacity = capacity;
	}
	entry->number = throttle->held++;
	rise(throttle, throttle->n_waiting++, entry);
	return WSM_OK;
}

static void heap_remove(struct wsm__throttle *throttle, const struct wsm__throttle_entry *entry)
{
	struct wsm__throttle_entry *last = throttle->waiting[--throttle->n_waiting];
	size_t place = entry->place;

	if (last == entry)
		return;
	if (place && earlier(last, throttle->waiting[(place - 1) / 2]))
		rise(throttle, place, last);
	else
		sink(throttle, place, last);
}

/* ---- keys ------------------------------------------------------------------------------------------------------- */

static struct wsm__throttle_entry *find(const struct wsm__throttle *throttle, wsm_slice key, unsigned *hash)
{
	struct wsm__throttle_entry *entry = NULL;

	*hash = (unsigned)wsm__siphash(key.data, key.len, throttle->key);
	HASH_FIND_BYHASHVALUE(hh, throttle->entries, key.data, (unsigned)key.len, *hash, entry);
	return entry;
}

static struct wsm__throttle_entry *entry_new(struct wsm__throttle *throttle, wsm_slice key, unsigned hash)
{
	struct wsm__throttle_entry *entry = calloc(1, sizeof(*entry) + key.len + 1);

	if (!entry)
		return NULL;
	memcpy(entry->key, key.data, key.len);
	entry->key_len = key.len;
	HASH_ADD_KEYPTR_BYHASHVALUE(hh, throttle->entries, entry->key, (unsigned)key.len, hash, entry);
	return entry;
}

static void *take(struct wsm__throttle *throttle, struct wsm__throttle_entry *entry)
{
	void *item = entry->item;

	heap_remove(throttle, entry);
	entry->item = NULL;
	return item;
}

enum wsm__throttle_verdict wsm__throttle_offer(struct wsm__throttle *throttle, wsm_slice key, double rate,
                                               uint64_t now_us, void *item, void **superseded)
{
	unsigned hash;
	struct wsm__throttle_entry *entry = find(throttle, key, &hash);

	*superseded = NULL;
	if (!entry)
		entry = entry_new(throttle, key, hash);
	if (!entry)
		return WSM__THROTTLE_SEND;
	entry->interval_us = rate > 1e6 / INTERVAL_MAX_US ? (uint64_t)(1e6 / rate) : (uint64_t)INTERVAL_MAX_US;
	if (entry->item) {
		*superseded = entry->item;
		entry->item = item;
		return WSM__THROTTLE_HELD;
	}
	if (now_us >= entry->next_us) {
		entry->next_us = now_us + entry->interval_us;
		return WSM__THROTTLE_SEND;
	}
	if (heap_add(throttle, entry))
		return WSM__THROTTLE_SEND;
	entry->item = item;
	return WSM__THROTTLE_HELD;
}

void *wsm__throttle_flush(struct wsm__throttle *throttle, wsm_slice key)
{
	unsigned hash;
	struct wsm__throttle_entry *entry = throttle->entries ? find(throttle, key, &hash) : NULL;

	return entry && entry->item ? take(throttle, entry) : NULL;
}

void *wsm__throttle_due(struct wsm__throttle *throttle, uint64_t now_us)
{
	struct wsm__throttle_entry *entry = throttle->n_waiting ? throttle->waiting[0] : NULL;
	void *item;

	if (!entry || now_us < entry->next_us)
		return NULL;
	item = take(throttle, entry);
	entry->next_us = now_us + entry->interval_us;
	return item;
}

uint64_t wsm__throttle_next(const struct wsm__throttle *throttle)
{
	return throttle->n_waiting ? throttle->waiting[0]->next_us : 0;
}

void wsm__throttle_sweep(struct wsm__throttle *throttle, uint64_t now_us)
{
	struct wsm__throttle_entry *entry, *next;

	if (now_us - throttle->swept_us < FORGET_AFTER_US)
		return;
	throttle->swept_us = now_us;
	HASH_ITER(hh, throttle->entries, entry, next) {
		if (entry->item || now_us < entry->next_us + FORGET_AFTER_US)
			continue;
		HASH_DEL(throttle->entries, entry);
		free(entry);
	}
}
