/* Rooms that the host has subscribed a user to: joined by each of the user's connections, those to come included. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/siphash.h"
#include "net/connection.h"

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

void wsm__sticky_set(struct wsm__core *core, wsm_slice user_id, wsm_slice room_name, bool subscribed)
{
	struct wsm__room *users, *room;
	struct wsm__joined joined;
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
		if (subscribed && !wsm__member_find(&core->registry, room->id, users->members[i]->sub))
			wsm__join(&core->registry, users->members[i]->sub, room, WSM_LEVEL_NONE, NULL, core->now_ms,
			          &joined);
		else if (!subscribed)
			wsm__leave(&core->registry, users->members[i]->sub, room);
	}
}

void wsm__sticky_join(struct wsm__conn *conn, struct wsm__buffer *out)
{
	unsigned hash;
	struct wsm__sticky *sticky;

	if (!conn->core->sticky || !conn->sub.user_id.len)
		return;
	sticky = find(conn->core, conn->sub.user_id, &hash);
	for (struct sticky_room *row = sticky ? sticky->rooms : NULL; row; row = row->next)
		wsm__conn_enter_room(conn, wsm__slice(row->name, row->len), out);
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
