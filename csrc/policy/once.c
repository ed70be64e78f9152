#include "policy/once.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/siphash.h"
#include "wire/name.h"

#define KEY_SIZE (WSM__ROOM_SIZE + WSM__ONCE_MAX) /* with the 0 between them */

struct wsm__once_entry {
	UT_hash_handle hh;
	struct wsm__once_entry *prev, *next; /* by age */
	uint64_t until_ms;
	struct wsm__once_place place;
	char key[];
};

/* No name of a room has a 0 in it, so no other pair has the same key. */
struct key {
	char bytes[KEY_SIZE];
	unsigned len, hash;
};

void wsm__once_init(struct wsm__once *once, const uint8_t key[16], uint64_t max)
{
	memset(once, 0, sizeof(*once));
	memcpy(once->key, key, sizeof(once->key));
	once->max = max;
}

static void forget(struct wsm__once *once, struct wsm__once_entry *entry)
{
	HASH_DEL(once->entries, entry);
	DL_DELETE(once->oldest, entry);
	free(entry);
}

void wsm__once_fini(struct wsm__once *once)
{
	while (once->oldest)
		forget(once, once->oldest);
}

/* False: too long for any that was put. */
static bool make_key(const struct wsm__once *once, wsm_slice room, wsm_slice id, struct key *key)
{
	if (room.len + 1 + id.len > KEY_SIZE)
		return false;
	memcpy(key->bytes, room.data, room.len);
	key->bytes[room.len] = '\0';
	memcpy(key->bytes + room.len + 1, id.data, id.len);
	key->len = (unsigned)(room.len + 1 + id.len);
	key->hash = (unsigned)wsm__siphash(key->bytes, key->len, once->key);
	return true;
}

static struct wsm__once_entry *find(const struct wsm__once *once, const struct key *key)
{
	struct wsm__once_entry *entry = NULL;

	HASH_FIND_BYHASHVALUE(hh, once->entries, key->bytes, key->len, key->hash, entry);
	return entry;
}

const struct wsm__once_place *wsm__once_find(struct wsm__once *once, wsm_slice room, wsm_slice id, uint64_t now_ms)
{
	struct key key;
	const struct wsm__once_entry *entry = make_key(once, room, id, &key) ? find(once, &key) : NULL;

	return entry && now_ms < entry->until_ms ? &entry->place : NULL;
}

void wsm__once_put(struct wsm__once *once, wsm_slice room, wsm_slice id, const struct wsm__once_place *place,
                   uint64_t now_ms)
{
	struct wsm__once_entry *entry;
	struct key key;

	wsm__once_sweep(once, now_ms);
	if (!make_key(once, room, id, &key))
		return;
	entry = find(once, &key);
	if (entry)
		forget(once, entry);
	while (once->oldest && HASH_COUNT(once->entries) >= once->max) {
		once->forgotten += !once->oldest->place.stored;
		forget(once, once->oldest);
	}
	entry = calloc(1, sizeof(*entry) + key.len);
	if (!entry)
		return;
	memcpy(entry->key, key.bytes, key.len);
	entry->place = *place;
	entry->until_ms = now_ms + WSM__ONCE_MS;
	HASH_ADD_KEYPTR_BYHASHVALUE(hh, once->entries, entry->key, key.len, key.hash, entry);
	DL_APPEND(once->oldest, entry);
}

void wsm__once_drop(struct wsm__once *once, wsm_slice room, wsm_slice id)
{
	struct key key;
	struct wsm__once_entry *entry = make_key(once, room, id, &key) ? find(once, &key) : NULL;

	if (entry)
		forget(once, entry);
}

unsigned wsm__once_count(const struct wsm__once *once)
{
	return HASH_COUNT(once->entries);
}

void wsm__once_sweep(struct wsm__once *once, uint64_t now_ms)
{
	while (once->oldest && now_ms >= once->oldest->until_ms)
		forget(once, once->oldest);
}
