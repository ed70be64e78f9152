/*
 * Rooms that the host has subscribed a user to: joined by each of the user's connections, those to come included. And those that it
 * has put one connection into.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/siphash.h"
#include "net/access.h"
#include "net/commands.h"
#include "net/limits.h"

struct sticky_room {
	struct sticky_room *next;
	size_t len;
	char name[];
};

struct wsm__sticky {
	UT_hash_handle hh;
	struct sticky_room *rooms;
	char user_id[];
};

static struct wsm__sticky *find(struct wsm__core *core, wsm_slice user_id, unsigned *hash)
{
	struct wsm__sticky *sticky = NULL;

	*hash = (unsigned)wsm__siphash(user_id.data, user_id.len, core->registry.key);
	HASH_FIND_BYHASHVALUE(hh, core->sticky, user_id.data, (unsigned)user_id.len, *hash, sticky);
	return sticky;
}

static struct sticky_room **find_room(struct wsm__sticky *sticky, wsm_slice room)
{
	struct sticky_room **place = &sticky->rooms;

	while (*place && !wsm__slice_equal(wsm__slice((*place)->name, (*place)->len), room))
		place = &(*place)->next;
	return place;
}

static void remember(struct wsm__core *core, wsm_slice user_id, wsm_slice room)
{
	unsigned hash;
	struct wsm__sticky *sticky = find(core, user_id, &hash);
	struct sticky_room **place;

	if (!sticky) {
		sticky = calloc(1, sizeof(*sticky) + user_id.len + 1);
		if (!sticky)
			return;
		memcpy(sticky->user_id, user_id.data, user_id.len);
		HASH_ADD_KEYPTR_BYHASHVALUE(hh, core->sticky, sticky->user_id, (unsigned)user_id.len, hash, sticky);
	}
	place = find_room(sticky, room);
	if (*place || !(*place = calloc(1, sizeof(**place) + room.len + 1)))
		return;
	memcpy((*place)->name, room.data, room.len);
	(*place)->len = room.len;
}

static void forget(struct wsm__core *core, wsm_slice user_id, wsm_slice room)
{
	unsigned hash;
	struct wsm__sticky *sticky = find(core, user_id, &hash);
	struct sticky_room **place = sticky ? find_room(sticky, room) : NULL;
	struct sticky_room *gone = place ? *place : NULL;

	if (!gone)
		return;
	*place = gone->next;
	free(gone);
	if (sticky->rooms)
		return;
	HASH_DEL(core->sticky, sticky);
	free(sticky);
}

/* On a live connection. The client is told where it stands, so that it can recover there. */
static void join_now(struct wsm__conn *conn, struct wsm__room *room)
{
	struct wsm__registry *registry = &conn->core->registry;
	struct wsm__member *member = wsm__member_find(registry, room->id, &conn->sub);
	struct wsm__joined joined;

	if (!member) {
		if (wsm__join(registry, &conn->sub, room, WSM_LEVEL_NONE, NULL, conn->core->now_ms, &joined))
			return;
		wsm__client_subscription(conn, "subscribed", wsm__room_name(room), wsm__str(NULL), room, &joined);
		member = wsm__member_find(registry, room->id, &conn->sub);
	}
	member->by_host = true;
}

/* What the client asked for itself, and what came with its connection, goes on; unless this was the grant for it. */
static void leave_now(struct wsm__conn *conn, struct wsm__room *room)
{
	struct wsm__registry *registry = &conn->core->registry;
	struct wsm__member *member = wsm__member_find(registry, room->id, &conn->sub);

	if (!member || !member->by_host)
		return;
	member->by_host = false;
	if ((member->asked || member->by_entry) && wsm__access_keeps(conn, member))
		return;
	wsm__leave(registry, &conn->sub, room);
	wsm__client_subscription(conn, "unsubscribed", wsm__room_name(room), wsm__str(NULL), NULL, NULL);
}

/* ---- one connection --------------------------------------------------------------------------------------------- */

static struct wsm__conn *open_one(struct wsm__core *core, uint64_t number)
{
	struct wsm__conn *conn = wsm__conn_by_number(core, number);

	return conn && conn->state == WSM__CONN_OPEN && !conn->echo ? conn : NULL;
}

/* It counts as the client's own: a command of the client's may be what has it join, as often as the client likes. */
int wsm__host_join(struct wsm__core *core, uint64_t number, wsm_slice name)
{
	struct wsm__registry *registry = &core->registry;
	struct wsm__conn *conn = open_one(core, number);
	struct wsm__room *room = conn ? wsm__room_find(registry, name) : NULL;
	struct wsm__member *member = room ? wsm__member_find(registry, room->id, &conn->sub) : NULL;
	struct wsm__joined joined;

	if (!conn)
		return WSM_ENOTFOUND;
	if (!member) {
		if (wsm__limits_rooms(conn))
			return WSM_EREFUSED;
		room = wsm__room_get(registry, name, core->now_ms);
		if (!room || wsm__join(registry, &conn->sub, room, WSM_LEVEL_NONE, NULL, core->now_ms, &joined))
			return WSM_ENOMEM;
		member = wsm__member_find(registry, room->id, &conn->sub);
		member->asked = true;
		conn->sub.n_asked++;
		wsm__client_subscription(conn, "subscribed", name, wsm__str(NULL), room, &joined);
	}
	member->joined = true;
	return WSM_OK;
}

int wsm__host_leave(struct wsm__core *core, uint64_t number, wsm_slice name)
{
	struct wsm__conn *conn = open_one(core, number);
	struct wsm__room *room = conn ? wsm__room_find(&core->registry, name) : NULL;

	if (!conn)
		return WSM_ENOTFOUND;
	if (room && wsm__leave(&core->registry, &conn->sub, room))
		wsm__client_subscription(conn, "unsubscribed", name, wsm__str(NULL), NULL, NULL);
	return WSM_OK;
}

/* ---- all connections of a user ---------------------------------------------------------------------------------- */

void wsm__sticky_set(struct wsm__core *core, wsm_slice user_id, wsm_slice room_name, bool subscribed)
{
	struct wsm__room *users, *room;
	char name[136];

	if (subscribed)
		remember(core, user_id, room_name);
	else
		forget(core, user_id, room_name);
	snprintf(name, sizeof(name), "@user:%.*s", (int)user_id.len, user_id.data);
	users = wsm__room_find(&core->registry, wsm__str(name));
	if (!users || !users->n_members)
		return;
	room = subscribed ? wsm__room_get(&core->registry, room_name, core->now_ms)
	                  : wsm__room_find(&core->registry, room_name);
	for (uint32_t i = 0; room && i < users->n_members; i++) {
		struct wsm__conn *conn = wsm__conn_of(users->members[i]->sub);

		if (conn->state != WSM__CONN_OPEN) /* at a stop they are still members */
			continue;
		if (subscribed)
			join_now(conn, room);
		else
			leave_now(conn, room);
	}
}

void wsm__sticky_join(struct wsm__conn *conn, struct wsm__buffer *out)
{
	unsigned hash;
	struct wsm__sticky *sticky;

	if (!conn->core->sticky || !conn->sub.user_id.len)
		return;
	sticky = find(conn->core, conn->sub.user_id, &hash);
	for (struct sticky_room *row = sticky ? sticky->rooms : NULL; row; row = row->next) {
		wsm_slice name = wsm__slice(row->name, row->len);
		struct wsm__room *room;
		struct wsm__member *member;

		wsm__conn_enter_room(conn, name, false, out);
		room = wsm__room_find(&conn->core->registry, name);
		member = room ? wsm__member_find(&conn->core->registry, room->id, &conn->sub) : NULL;
		if (member)
			member->by_host = true;
	}
}

bool wsm__sticky_has(struct wsm__core *core, wsm_slice user_id, wsm_slice room)
{
	unsigned hash;
	struct wsm__sticky *sticky;

	if (!core->sticky || !user_id.len)
		return false;
	sticky = find(core, user_id, &hash);
	return sticky && *find_room(sticky, room);
}

void wsm__sticky_fini(struct wsm__core *core)
{
	struct wsm__sticky *sticky, *next;

	HASH_ITER(hh, core->sticky, sticky, next) {
		while (sticky->rooms) {
			struct sticky_room *room = sticky->rooms;

			sticky->rooms = room->next;
			free(room);
		}
		HASH_DEL(core->sticky, sticky);
		free(sticky);
	}
}
