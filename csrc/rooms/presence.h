/*
 * presence.h - who is in a room, kept up to date as connections join and leave: distinct users are counted without a walk
 * through the members, listed by pages, and the room's members are told who came and went.
 *
 * A room has this from the first question about it on, or from its beginning where its members are told (presence_events);
 * other rooms pay nothing. No I/O, no clock: wsm__presence_due() is called now and then with the time.
 *
 * Telling. A user has come with its first connection, and has gone when its last one left and none came back within the grace
 * time; a connection without a user counts for itself. What happens between two messages to a room is told together: at
 * most one turn every 200 ms, and in large rooms so much less often that a storm of joins costs no more than 5,000
 * deliveries a second and room.
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
	bool told;                        /* the members think that it is there */
	bool leaving;                     /* on the registry's list: its leave waits for the grace time */
	bool changed;                     /* on of->changes */
	uint64_t leave_ms;                /* when it is told; 0: not looked at yet */
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

/* Of a room, made if need be; NULL when out of memory. Borrowed, until the room changes. */
struct wsm__presence *wsm__presence_of(struct wsm__registry *registry, struct wsm__room *room);
void wsm__presence_free(struct wsm__registry *registry, struct wsm__room *room);
/* Takes over whether the members are told, after the room's settings have changed. */
void wsm__presence_refresh(struct wsm__registry *registry, struct wsm__room *room);
/* A connection has joined, or is about to leave. */
void wsm__presence_join(struct wsm__registry *registry, struct wsm__room *room, const struct wsm__sub *sub);
void wsm__presence_leave(struct wsm__registry *registry, struct wsm__room *room, const struct wsm__sub *sub);
/* A room whose changes are to be told now, or NULL. The caller tells them, then calls wsm__presence_told(). */
struct wsm__presence *wsm__presence_due(struct wsm__registry *registry, uint64_t now_ms);
void wsm__presence_told(struct wsm__registry *registry, struct wsm__presence *presence, uint64_t now_ms);

#endif
