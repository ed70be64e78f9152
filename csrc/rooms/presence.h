/*
 * presence.h - the users in a room, kept up to date as connections join and leave: counts distinct users without a walk through
 * the members, lists them by pages, and tells the room's members who came and went.
 *
 * A room has this from the first question about it, or from its beginning with presence_events; other rooms pay nothing. No I/O,
 * no clock: the caller passes the time to wsm__presence_due() now and then.
 *
 * Telling. A user comes with its first connection, and goes when its last one has left and none came back within the grace time; a
 * connection without a user counts for itself. One message tells all changes since the last: at most one every 200 ms, and in
 * large rooms less often, so that a storm of joins costs at most about 5,000 deliveries a second and room.
 */
#ifndef WSM_ROOMS_PRESENCE_H
#define WSM_ROOMS_PRESENCE_H

#include "base/hash.h"
#include "base/slice.h"

struct wsm__presence;
struct wsm__registry;
struct wsm__room;
struct wsm__sub;

#define WSM__PRESENCE_USER 'u'
#define WSM__PRESENCE_CLIENT 'c'
#define WSM__PRESENCE_INTERVAL_MS 200u /* between two turns of a room, at least */
#define WSM__PRESENCE_PER_SECOND 5000u /* deliveries to one room, about */

/* A user in a room, or a connection without one. */
struct wsm__present {
	UT_hash_handle hh;
	struct wsm__presence *of;
	uint32_t connections;
	uint32_t index;                   /* in of->users, while it is a user with connections */
	bool told;                        /* the members know that it is there */
	bool leaving;                     /* on the registry's list: its leave waits for the grace time */
	bool changed;                     /* on of->changes */
	uint64_t leave_ms;                /* time to tell that it left; 0: not set yet */
	struct wsm__present *prev, *next; /* of either list */
	uint16_t len;
	char name[]; /* kind, id */
};

struct wsm__presence {
	struct wsm__room *room;
	struct wsm__present *all;
	struct wsm__present **users; /* those with connections, in no order */
	uint32_t n_users, capacity;
	bool tells;                   /* presence_events */
	struct wsm__present *changes; /* not told yet, in order */
	uint32_t n_changes;
	bool waits;       /* on the registry's list of rooms with changes */
	uint64_t told_ms; /* the last turn */
	struct wsm__presence *prev, *next;
};

static inline wsm_slice wsm__present_id(const struct wsm__present *present)
{
	return wsm__slice(present->name + 1, present->len - 1u);
}
static inline bool wsm__present_is_user(const struct wsm__present *present)
{
	return present->name[0] == WSM__PRESENCE_USER;
}

/* Returns the presence of a room, and makes it if needed; NULL when out of memory. Borrowed, until the room changes. */
struct wsm__presence *wsm__presence_of(struct wsm__registry *registry, struct wsm__room *room);
void wsm__presence_free(struct wsm__registry *registry, struct wsm__room *room);
/* Takes over presence_events after the room's settings have changed. */
void wsm__presence_refresh(struct wsm__registry *registry, struct wsm__room *room);
/* Notes that a connection has joined, or is about to leave. */
void wsm__presence_join(struct wsm__registry *registry, struct wsm__room *room, const struct wsm__sub *sub);
void wsm__presence_leave(struct wsm__registry *registry, struct wsm__room *room, const struct wsm__sub *sub);
/* Returns a room whose changes must be told now, or NULL. The caller tells them, then calls wsm__presence_told(). */
struct wsm__presence *wsm__presence_due(struct wsm__registry *registry, uint64_t now_ms);
void wsm__presence_told(struct wsm__registry *registry, struct wsm__presence *presence, uint64_t now_ms);

#endif
