/* Rooms that the host has subscribed a user to: joined by each of the user's connections, those to come included. */
#include "clients/sticky.h"

#include <stdlib.h>
#include <string.h>

#include "base/siphash.h"
#include "core/core.h"

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

void wsm__sticky_remember(struct wsm__core *core, wsm_slice user_id, wsm_slice room)
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

void wsm__sticky_forget(struct wsm__core *core, wsm_slice user_id, wsm_slice room)
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

bool wsm__sticky_next(struct wsm__core *core, wsm_slice user_id, const void **at, wsm_slice *room)
{
	const struct sticky_room *row = *at;
	unsigned hash;
	struct wsm__sticky *sticky;

	if (row) {
		row = row->next;
	} else if (core->sticky && user_id.len) {
		sticky = find(core, user_id, &hash);
		row = sticky ? sticky->rooms : NULL;
	}
	if (!row)
		return false;
	*at = row;
	*room = wsm__slice(row->name, row->len);
	return true;
}
