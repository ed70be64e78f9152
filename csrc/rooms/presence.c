#include "rooms/presence.h"

#include <stdlib.h>
#include <string.h>

#include "base/siphash.h"
#include "rooms/registry.h"
#include "wire/name.h"

/* ---- names ------------------------------------------------------------------------------------------------------ */

struct name {
	size_t len;
	char text[WSM__ID_MAX + 1];
};

/* Finds the name to count. Returns false for a connection without a user in a room that tells nothing. */
static bool name_of(const struct wsm__presence *presence, const struct wsm__sub *sub, struct name *name)
{
	wsm_slice id = sub->user_id.len ? sub->user_id : sub->client_id;

	if (id.len > WSM__ID_MAX || (!sub->user_id.len && !presence->tells))
		return false;
	name->text[0] = sub->user_id.len ? WSM__PRESENCE_USER : WSM__PRESENCE_CLIENT;
	memcpy(name->text + 1, id.data, id.len);
	name->len = id.len + 1;
	return true;
}

static unsigned hash_of(const struct wsm__registry *registry, const struct name *name)
{
	return (unsigned)wsm__siphash(name->text, name->len, registry->key);
}

static struct wsm__present *find(const struct wsm__registry *registry, const struct wsm__presence *presence,
                                 const struct name *name)
{
	struct wsm__present *present = NULL;

	HASH_FIND_BYHASHVALUE(hh, presence->all, name->text, (unsigned)name->len, hash_of(registry, name), present);
	return present;
}

/* ---- lists of changes ------------------------------------------------------------------------------------------- */

static void await_turn(struct wsm__registry *registry, struct wsm__presence *presence)
{
	if (presence->waits)
		return;
	presence->waits = true;
	DL_APPEND(registry->presence_changed, presence);
}

static void change(struct wsm__registry *registry, struct wsm__present *present)
{
	present->changed = true;
	DL_APPEND(present->of->changes, present);
	present->of->n_changes++;
	await_turn(registry, present->of);
}

/* Takes it off the list that it is on. */
static void unlist(struct wsm__registry *registry, struct wsm__present *present)
{
	if (present->leaving)
		DL_DELETE(registry->presence_leaving, present);
	if (present->changed) {
		DL_DELETE(present->of->changes, present);
		present->of->n_changes--;
	}
	present->leaving = present->changed = false;
	present->leave_ms = 0;
}

static void forget(struct wsm__registry *registry, struct wsm__present *present)
{
	unlist(registry, present);
	HASH_DEL(present->of->all, present);
	free(present);
}

/* ---- users ------------------------------------------------------------------------------------------------------ */

static int list_user(struct wsm__presence *presence, struct wsm__present *present)
{
	if (!wsm__present_is_user(present))
		return WSM_OK;
	if (presence->n_users == presence->capacity) {
		uint32_t capacity = presence->capacity ? presence->capacity * 2 : 8;
		struct wsm__present **grown = realloc(presence->users, capacity * sizeof(*grown));

		if (!grown)
			return WSM_ENOMEM;
		presence->users = grown;
		presence->capacity = capacity;
	}
	present->index = presence->n_users;
	presence->users[presence->n_users++] = present;
	return WSM_OK;
}

static void unlist_user(struct wsm__presence *presence, const struct wsm__present *present)
{
	struct wsm__present *last;

	if (!wsm__present_is_user(present))
		return;
	last = presence->users[--presence->n_users];
	presence->users[present->index] = last;
	last->index = present->index;
}

/* ---- coming and going ------------------------------------------------------------------------------------------- */

static struct wsm__present *add(struct wsm__registry *registry, struct wsm__presence *presence, const struct name *name)
{
	struct wsm__present *present = calloc(1, sizeof(*present) + name->len);

	if (!present)
		return NULL;
	present->of = presence;
	present->len = (uint16_t)name->len;
	memcpy(present->name, name->text, name->len);
	HASH_ADD_KEYPTR_BYHASHVALUE(hh, presence->all, present->name, present->len, hash_of(registry, name), present);
	return present;
}

/* WSM_ENOMEM. */
static int come(struct wsm__registry *registry, struct wsm__presence *presence, const struct wsm__sub *sub)
{
	struct wsm__present *present;
	struct name name;

	if (!name_of(presence, sub, &name))
		return WSM_OK;
	present = find(registry, presence, &name);
	if (!present)
		present = add(registry, presence, &name);
	if (!present || (!present->connections && list_user(presence, present)))
		return WSM_ENOMEM;
	if (present->connections++)
		return WSM_OK;
	unlist(registry, present); /* back within the grace time, or before its leave was told: nothing has happened */
	if (presence->tells && !present->told)
		change(registry, present);
	return WSM_OK;
}

void wsm__presence_join(struct wsm__registry *registry, struct wsm__room *room, const struct wsm__sub *sub)
{
	if (!room->presence || !come(registry, room->presence, sub))
		return;
	/* Wrong counts would be worse than none: the next question makes it anew. */
	wsm__presence_free(registry, room);
}

void wsm__presence_leave(struct wsm__registry *registry, struct wsm__room *room, const struct wsm__sub *sub)
{
	struct wsm__presence *presence = room->presence;
	struct wsm__present *present;
	struct name name;

	if (!presence || !name_of(presence, sub, &name))
		return;
	present = find(registry, presence, &name);
	if (!present || --present->connections)
		return;
	unlist_user(presence, present);
	unlist(registry, present);
	if (!present->told) { /* nobody was told that it came */
		forget(registry, present);
		return;
	}
	present->leaving = true;
	DL_APPEND(registry->presence_leaving, present);
}

/* ---- telling ---------------------------------------------------------------------------------------------------- */

/* Turns leaves whose grace time is over into changes. New ones get their time: it is the same for all, so they stay in order. */
static void look_at_leaving(struct wsm__registry *registry, uint64_t now_ms)
{
	struct wsm__present *present = registry->presence_leaving, *next;

	for (struct wsm__present *last = present ? present->prev : NULL; last && !last->leave_ms;
	     last = last == present ? NULL : last->prev)
		last->leave_ms = now_ms + registry->presence_grace_ms;
	for (; present && present->leave_ms <= now_ms; present = next) {
		next = present->next;
		unlist(registry, present);
		change(registry, present);
	}
}

static uint64_t interval_ms(const struct wsm__presence *presence)
{
	uint64_t interval = presence->room->n_members * (uint64_t)1000 / WSM__PRESENCE_PER_SECOND;

	return interval > WSM__PRESENCE_INTERVAL_MS ? interval : WSM__PRESENCE_INTERVAL_MS;
}

struct wsm__presence *wsm__presence_due(struct wsm__registry *registry, uint64_t now_ms)
{
	struct wsm__presence *presence, *next;

	look_at_leaving(registry, now_ms);
	DL_FOREACH_SAFE(registry->presence_changed, presence, next) {
		if (now_ms - presence->told_ms < interval_ms(presence))
			continue;
		if (presence->n_changes)
			return presence;
		DL_DELETE(registry->presence_changed, presence);
		presence->waits = false;
	}
	return NULL;
}

void wsm__presence_told(struct wsm__registry *registry, struct wsm__presence *presence, uint64_t now_ms)
{
	struct wsm__present *present, *next;

	DL_FOREACH_SAFE(presence->changes, present, next) {
		unlist(registry, present);
		present->told = present->connections > 0;
		if (!present->connections)
			forget(registry, present);
	}
	presence->told_ms = now_ms;
	if (presence->waits)
		DL_DELETE(registry->presence_changed, presence);
	presence->waits = false;
}

/* ---- of a room -------------------------------------------------------------------------------------------------- */

struct wsm__presence *wsm__presence_of(struct wsm__registry *registry, struct wsm__room *room)
{
	struct wsm__presence *presence = room->presence;
	struct wsm__present *present, *next;

	if (presence || !(presence = calloc(1, sizeof(*presence))))
		return presence;
	presence->room = room;
	room->presence = presence;
	presence->tells = room->settings.presence_events;
	for (uint32_t i = 0; i < room->n_members; i++) {
		if (come(registry, presence, room->members[i]->sub)) {
			wsm__presence_free(registry, room);
			return NULL;
		}
	}
	/* Those who were there before have not just come. */
	DL_FOREACH_SAFE(presence->changes, present, next) {
		unlist(registry, present);
		present->told = true;
	}
	return presence;
}

void wsm__presence_free(struct wsm__registry *registry, struct wsm__room *room)
{
	struct wsm__presence *presence = room->presence;
	struct wsm__present *present, *next;

	if (!presence)
		return;
	HASH_ITER(hh, presence->all, present, next) {
		forget(registry, present);
	}
	if (presence->waits)
		DL_DELETE(registry->presence_changed, presence);
	free(presence->users);
	free(presence);
	room->presence = NULL;
}

void wsm__presence_refresh(struct wsm__registry *registry, struct wsm__room *room)
{
	bool tells = room->settings.presence_events;

	if (room->presence ? room->presence->tells == tells : !tells)
		return;
	wsm__presence_free(registry, room);
	if (tells)
		wsm__presence_of(registry, room);
}
