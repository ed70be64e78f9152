/* Rooms themselves: finding, making and letting them go. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/siphash.h"
#include "rooms/registry.h"

void wsm__registry_init(struct wsm__registry *registry, const uint8_t key[16], const char *epoch_base)
{
	memset(registry, 0, sizeof(*registry));
	memcpy(registry->key, key, sizeof(registry->key));
	snprintf(registry->epoch_base, sizeof(registry->epoch_base), "%.8s", epoch_base);
	registry->next_room_id = 1;
}

static void room_free(struct wsm__registry *registry, struct wsm__room *room)
{
	if (room->visible && room->history.last_seq > registry->freed_seq)
		registry->freed_seq = room->history.last_seq;
	HASH_DEL(registry->rooms, room);
	DL_DELETE(registry->oldest, room);
	wsm__history_fini(&room->history);
	free(room->members);
	free(room);
}

void wsm__registry_fini(struct wsm__registry *registry)
{
	struct wsm__room *room, *next;

	HASH_ITER(hh, registry->rooms, room, next) {
		room_free(registry, room);
	}
	free(registry->firehose);
	registry->firehose = NULL;
}

static unsigned hash_of(const struct wsm__registry *registry, wsm_slice name)
{
	return (unsigned)wsm__siphash(name.data, name.len, registry->key);
}

struct wsm__room *wsm__room_find(struct wsm__registry *registry, wsm_slice name)
{
	struct wsm__room *room = NULL;

	HASH_FIND_BYHASHVALUE(hh, registry->rooms, name.data, (unsigned)name.len, hash_of(registry, name), room);
	return room;
}

static enum wsm__room_kind kind_of(wsm_slice name)
{
	if (wsm__slice_is(name, "@all"))
		return WSM__ROOM_ALL;
	if (wsm__slice_starts(name, "@user:"))
		return WSM__ROOM_USER;
	if (wsm__slice_starts(name, "@session:"))
		return WSM__ROOM_SESSION;
	return WSM__ROOM_PUBLIC;
}

static void touch(struct wsm__registry *registry, struct wsm__room *room, uint64_t now_ms)
{
	room->touched_ms = now_ms;
	DL_DELETE(registry->oldest, room);
	DL_APPEND(registry->oldest, room);
}

struct wsm__room *wsm__room_get(struct wsm__registry *registry, wsm_slice name, uint64_t now_ms)
{
	unsigned hash = hash_of(registry, name);
	struct wsm__room *room = NULL;

	HASH_FIND_BYHASHVALUE(hh, registry->rooms, name.data, (unsigned)name.len, hash, room);
	if (room) {
		touch(registry, room, now_ms);
		return room;
	}
	room = calloc(1, sizeof(*room) + name.len + 1);
	if (!room)
		return NULL;
	memcpy(room->name, name.data, name.len);
	room->name_len = (uint16_t)name.len;
	room->id = registry->next_room_id++;
	room->kind = kind_of(name);
	room->visible = room->kind == WSM__ROOM_ALL || (room->kind == WSM__ROOM_PUBLIC && !wsm__slice_is(name, "logs"));
	room->touched_ms = now_ms;
	/* Random per runtime, counted per room: unlike for two histories of the same name, and cheap. */
	snprintf(room->epoch, sizeof(room->epoch), "%s%llx", registry->epoch_base, (unsigned long long)room->id);
	wsm__history_init(&room->history);
	HASH_ADD_KEYPTR_BYHASHVALUE(hh, registry->rooms, room->name, room->name_len, hash, room);
	DL_APPEND(registry->oldest, room);
	return room;
}

/* The oldest seq that a lagging firehose goes on from; UINT64_MAX if none lags. */
static uint64_t oldest_firehose_seq(const struct wsm__registry *registry)
{
	uint64_t oldest = UINT64_MAX;

	for (uint32_t i = 0; i < registry->n_firehose; i++)
		if (registry->firehose[i]->firehose_lagging && registry->firehose[i]->firehose_seq < oldest)
			oldest = registry->firehose[i]->firehose_seq;
	return oldest;
}

void wsm__registry_expire(struct wsm__registry *registry, uint64_t now_ms)
{
	uint64_t wanted = oldest_firehose_seq(registry);
	struct wsm__room *room, *next;

	DL_FOREACH_SAFE(registry->oldest, room, next) {
		/* The list is in order of the last touch: from the first young one on, all are young. */
		if (room->touched_ms == now_ms || now_ms - room->touched_ms < registry->history.ttl_ms)
			break;
		wsm__history_expire(&room->history, now_ms, registry->history.ttl_ms);
		if (!room->history.count)
			wsm__history_clear(&room->history);
		if (!room->n_members && !room->history.count && !(room->visible && room->history.last_seq > wanted))
			room_free(registry, room);
		else
			touch(registry, room, now_ms); /* looked at again after another TTL */
	}
}
