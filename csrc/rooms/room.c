/* Finds, makes and frees rooms. */
#include "rooms/room.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/siphash.h"
#include "rooms/presence.h"
#include "rooms/registry.h"

void wsm__registry_init(struct wsm__registry *registry, const uint8_t key[16], const char *epoch_base)
{
	memset(registry, 0, sizeof(*registry));
	memcpy(registry->key, key, sizeof(registry->key));
	snprintf(registry->epoch_base, sizeof(registry->epoch_base), "%.8s", epoch_base);
	registry->next_room_id = 1;
}

/* ---- what holds for a room -------------------------------------------------------------------------------------- */

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

void wsm__room_settle(struct wsm__registry *registry, wsm_slice name, struct wsm__room_settings *settings)
{
	settings->history = settings->kept = registry->history;
	settings->backlog = WSM__RECOVER;
	settings->presence_events = settings->stored = false;
	if (registry->settle)
		registry->settle(registry->settle_context, name, kind_of(name), settings);
}

static unsigned present_version(const struct wsm__registry *registry)
{
	return registry->settings_version ? atomic_load_explicit(registry->settings_version, memory_order_acquire) : 0;
}

/* ---- by age: those that keep messages equally long are looked at in the order in which they were touched ---------- */

static struct wsm__room_age *age_of(struct wsm__registry *registry, uint64_t ttl_ms)
{
	struct wsm__room_age *age;

	for (age = registry->ages; age && age->ttl_ms != ttl_ms; age = age->next)
		;
	if (age || !(age = calloc(1, sizeof(*age))))
		return age;
	age->ttl_ms = ttl_ms;
	LL_PREPEND(registry->ages, age);
	return age;
}

void wsm__room_touch(struct wsm__room *room, uint64_t now_ms)
{
	room->touched_ms = now_ms;
	DL_DELETE(room->age->oldest, room);
	DL_APPEND(room->age->oldest, room);
}

/* Takes over changed settings for rooms of its name. */
static void refresh(struct wsm__registry *registry, struct wsm__room *room)
{
	unsigned version = present_version(registry);
	struct wsm__room_age *age;

	if (room->settings_version == version)
		return;
	wsm__room_settle(registry, wsm__room_name(room), &room->settings);
	wsm__presence_refresh(registry, room);
	age = age_of(registry, room->settings.history.ttl_ms);
	if (!age) /* out of memory: as before, until the next time */
		return;
	room->settings_version = version;
	DL_DELETE(room->age->oldest, room);
	room->age = age;
	DL_APPEND(age->oldest, room); /* looked at a little later than it might be */
}

/* ---- memory ----------------------------------------------------------------------------------------------------- */

/* Returns the memory of a room that exists only for its history: struct, name, place in the table. */
static size_t room_cost(const struct wsm__room *room)
{
	return sizeof(*room) + room->name_len + 64;
}

static void unkeep(struct wsm__registry *registry, struct wsm__room *room)
{
	if (!room->kept)
		return;
	DL_DELETE2(registry->kept, room, kept_prev, kept_next);
	room->kept = false;
	registry->history_bytes -= room_cost(room);
}

void wsm__room_kept(struct wsm__registry *registry, struct wsm__room *room)
{
	struct wsm__room *least;

	wsm__room_entered(registry, room);
	if (!room->kept)
		registry->history_bytes += room_cost(room);
	else
		DL_DELETE2(registry->kept, room, kept_prev, kept_next);
	room->kept = true;
	DL_APPEND2(registry->kept, room, kept_prev, kept_next);
	while (registry->max_history_bytes && registry->history_bytes > registry->max_history_bytes &&
	       (least = registry->kept) != room) {
		registry->stats.evicted += least->history.count;
		wsm__history_clear(&least->history);
		unkeep(registry, least);
	}
}

/* ---- life ------------------------------------------------------------------------------------------------------- */

static void room_free(struct wsm__registry *registry, struct wsm__room *room)
{
	if (room->visible && room->history.last_seq > registry->freed_seq)
		registry->freed_seq = room->history.last_seq;
	HASH_DEL(registry->rooms, room);
	DL_DELETE(room->age->oldest, room);
	unkeep(registry, room);
	wsm__room_entered(registry, room);
	if (room->in_recent)
		DL_DELETE2(registry->recent, room, recent_prev, recent_next);
	if (room->log && registry->forgotten)
		registry->forgotten(registry->log_context, room);
	wsm__presence_free(registry, room);
	wsm__history_fini(&room->history);
	free(room->members);
	free(room);
}

/* A client makes up names for free: one that goes from room to room must not leave all of them behind for a whole TTL. */
void wsm__room_left(struct wsm__registry *registry, struct wsm__room *room)
{
	if (room->n_members || room->vacant || room->kept || room->history.last || room->busy)
		return;
	room->vacant = true;
	DL_APPEND2(registry->vacant, room, kept_prev, kept_next);
	if (++registry->n_vacant > WSM__VACANT_MAX)
		room_free(registry, registry->vacant);
}

void wsm__room_entered(struct wsm__registry *registry, struct wsm__room *room)
{
	if (!room->vacant)
		return;
	room->vacant = false;
	registry->n_vacant--;
	DL_DELETE2(registry->vacant, room, kept_prev, kept_next);
}

void wsm__registry_fini(struct wsm__registry *registry)
{
	struct wsm__room *room, *next;

	HASH_ITER(hh, registry->rooms, room, next) {
		room_free(registry, room);
	}
	while (registry->ages) {
		struct wsm__room_age *age = registry->ages;

		registry->ages = age->next;
		free(age);
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
	if (room)
		refresh(registry, room);
	return room;
}

/* Random per runtime, counted per room: differs for two histories of the same name, and is cheap. */
static void name_epoch(const struct wsm__registry *registry, struct wsm__room *room, uint64_t number)
{
	snprintf(room->epoch, sizeof(room->epoch), "%s%llx", registry->epoch_base, (unsigned long long)number);
}

void wsm__room_renew(struct wsm__registry *registry, struct wsm__room *room)
{
	wsm__history_clear(&room->history);
	name_epoch(registry, room, registry->next_room_id++);
	room->epoch_untold = true;
}

struct wsm__room *wsm__room_get(struct wsm__registry *registry, wsm_slice name, uint64_t now_ms)
{
	unsigned hash = hash_of(registry, name);
	struct wsm__room *room = NULL;

	HASH_FIND_BYHASHVALUE(hh, registry->rooms, name.data, (unsigned)name.len, hash, room);
	if (room) {
		refresh(registry, room);
		wsm__room_touch(room, now_ms);
		return room;
	}
	room = calloc(1, sizeof(*room) + name.len + 1);
	if (!room)
		return NULL;
	room->settings_version = present_version(registry);
	wsm__room_settle(registry, name, &room->settings);
	room->age = age_of(registry, room->settings.history.ttl_ms);
	if (!room->age) {
		free(room);
		return NULL;
	}
	memcpy(room->name, name.data, name.len);
	room->name_len = (uint16_t)name.len;
	room->id = registry->next_room_id++;
	room->kind = kind_of(name);
	room->visible = room->kind == WSM__ROOM_ALL ||
	                (room->kind == WSM__ROOM_PUBLIC && !room->settings.hidden && !wsm__slice_is(name, "logs"));
	wsm__meter_init(&room->published, now_ms);
	room->touched_ms = now_ms;
	name_epoch(registry, room, room->id);
	wsm__history_init(&room->history, &registry->deliveries);
	room->history.total = &registry->history_bytes;
	HASH_ADD_KEYPTR_BYHASHVALUE(hh, registry->rooms, room->name, room->name_len, hash, room);
	DL_APPEND(room->age->oldest, room);
	wsm__presence_refresh(registry, room);
	return room;
}

/* Returns the oldest seq from which a lagging firehose goes on; UINT64_MAX if none lags. */
static uint64_t oldest_firehose_seq(const struct wsm__registry *registry)
{
	uint64_t oldest = UINT64_MAX;

	for (uint32_t i = 0; i < registry->n_firehose; i++)
		if (registry->firehose[i]->firehose_lagging && registry->firehose[i]->firehose_seq < oldest)
			oldest = registry->firehose[i]->firehose_seq;
	return oldest;
}

static void expire_age(struct wsm__registry *registry, struct wsm__room_age *age, uint64_t wanted, uint64_t now_ms)
{
	struct wsm__room *room, *next;

	DL_FOREACH_SAFE(age->oldest, room, next) {
		/* The list is in order of the last touch: from the first young one on, all are young. */
		if (room->touched_ms == now_ms || now_ms - room->touched_ms < age->ttl_ms)
			break;
		wsm__history_expire(&room->history, now_ms, age->ttl_ms);
		if (!room->history.count) {
			wsm__history_clear(&room->history);
			unkeep(registry, room);
		}
		if (!room->n_members && !room->history.count && !room->busy &&
		    !(room->visible && room->history.last_seq > wanted))
			room_free(registry, room);
		else
			wsm__room_touch(room, now_ms); /* looked at again after another TTL */
	}
}

void wsm__registry_expire(struct wsm__registry *registry, uint64_t now_ms)
{
	uint64_t wanted = oldest_firehose_seq(registry);

	for (struct wsm__room_age *age = registry->ages; age; age = age->next)
		expire_age(registry, age, wanted, now_ms);
}

bool wsm__room_waits(const struct wsm__room *room)
{
	return room->kind == WSM__ROOM_USER || room->kind == WSM__ROOM_SESSION;
}

void wsm__room_was_sent(struct wsm__registry *registry, struct wsm__room *room, uint64_t offset)
{
	if (offset <= room->sent)
		return;
	room->sent = offset;
	if (room->log && registry->sent)
		registry->sent(registry->log_context, room);
}

struct wsm__member *wsm__member_find(struct wsm__registry *registry, uint64_t room_id, const struct wsm__sub *sub)
{
	struct wsm__member_key key;
	struct wsm__member *member = NULL;

	memset(&key, 0, sizeof(key));
	key.room_id = room_id;
	key.sub = sub;
	HASH_FIND(hh, registry->members, &key, sizeof(key), member);
	return member;
}
