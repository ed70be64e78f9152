#include "policy/throttle.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/siphash.h"

#define FORGET_AFTER_US 10000000u
#define INTERVAL_MAX_US 1e15 /* 31 years: what a rate next to 0 comes to */

struct wsm__throttle_entry {
	UT_hash_handle hh;
	struct wsm__throttle_entry *prev, *next; /* in `waiting` while item is set */
	uint64_t next_us;                        /* from when on the next may go */
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
	throttle->waiting = NULL;
}

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

	entry->item = NULL;
	DL_DELETE(throttle->waiting, entry);
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
	entry->item = item;
	if (!throttle->waiting || entry->next_us < throttle->next_us)
		throttle->next_us = entry->next_us;
	DL_APPEND(throttle->waiting, entry);
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
	struct wsm__throttle_entry *entry;
	uint64_t next = UINT64_MAX;

	if (!throttle->waiting || now_us < throttle->next_us)
		return NULL;
	DL_FOREACH(throttle->waiting, entry) {
		if (now_us >= entry->next_us) {
			entry->next_us = now_us + entry->interval_us;
			return take(throttle, entry);
		}
		if (entry->next_us < next)
			next = entry->next_us;
	}
	throttle->next_us = next;
	return NULL;
}

uint64_t wsm__throttle_next(const struct wsm__throttle *throttle)
{
	return throttle->waiting ? throttle->next_us : 0;
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
