/* Joining and leaving. */
#include "rooms/membership.h"

#include <stdlib.h>
#include <string.h>

#include "rooms/catchup.h"
#include "rooms/fanout.h"
#include "rooms/lag.h"
#include "rooms/presence.h"
#include "rooms/room.h"
#include "wire/name.h"

void wsm__sub_init(struct wsm__sub *sub)
{
	memset(sub, 0, sizeof(*sub));
	wsm__outbox_init(&sub->outbox);
}

static struct wsm__member *member_new(struct wsm__registry *registry, struct wsm__sub *sub, struct wsm__room *room)
{
	struct wsm__member *member;

	if (room->n_members == room->members_capacity) {
		uint32_t capacity = room->members_capacity ? room->members_capacity * 2 : 2;
		struct wsm__member **grown = realloc(room->members, capacity * sizeof(struct wsm__member *));

		if (!grown)
			return NULL;
		room->members = grown;
		room->members_capacity = capacity;
	}
	member = calloc(1, sizeof(*member));
	if (!member)
		return NULL;
	member->key.room_id = room->id;
	member->key.sub = sub;
	member->room = room;
	member->sub = sub;
	member->from = room->history.last;
	member->index = room->n_members;
	room->members[room->n_members++] = member;
	wsm__room_entered(registry, room);
	HASH_ADD(hh, registry->members, key, sizeof(member->key), member);
	DL_APPEND(sub->members, member);
	sub->n_members++;
	registry->n_members++;
	if (room->presence)
		wsm__presence_join(registry, room, sub);
	return member;
}

/* ---- what was sent to whoever is in a user's or a session's room -------------------------------------------------- */

static uint64_t first_unsent(const struct wsm__outbox *outbox, uint64_t room_id)
{
	for (uint32_t i = 0; i < outbox->count; i++)
		if (wsm__outbox_at(outbox, i)->room_id == room_id && wsm__outbox_at(outbox, i)->offset)
			return wsm__outbox_at(outbox, i)->offset;
	return 0;
}

/* Notes how far a leaving member has got. Its outbox may still be written, or not: wsm__sub_fini() knows. */
static void note_sent(struct wsm__registry *registry, const struct wsm__member *member)
{
	struct wsm__room *room = member->room;
	uint64_t upto = member->lagging ? member->position : room->history.last;
	uint64_t unsent = first_unsent(&member->sub->outbox, room->id);

	if (unsent && room->kind == WSM__ROOM_USER) {
		member->sub->parting_room = room->id;
		member->sub->parting_offset = upto;
	}
	wsm__room_was_sent(registry, room, unsent && unsent <= upto ? unsent - 1 : upto);
}

static void note_parting(struct wsm__registry *registry, struct wsm__sub *sub)
{
	char name[WSM__ROOM_NAME_MAX + 8] = "@user:";
	struct wsm__room *room;
	uint64_t unsent;

	if (!sub->parting_room || sub->user_id.len > WSM__ID_MAX)
		return;
	memcpy(name + 6, sub->user_id.data, sub->user_id.len);
	room = wsm__room_find(registry, wsm__slice(name, 6 + sub->user_id.len));
	if (!room || room->id != sub->parting_room)
		return;
	unsent = first_unsent(&sub->outbox, room->id);
	wsm__room_was_sent(registry, room, unsent && unsent <= sub->parting_offset ? unsent - 1 : sub->parting_offset);
}

/* ---- leaving ---------------------------------------------------------------------------------------------------- */

/* `fate`: of publications that it did not get from history. */
static void member_free(struct wsm__registry *registry, struct wsm__member *member, enum wsm__fate fate)
{
	struct wsm__room *room = member->room;
	struct wsm__member *last = room->members[room->n_members - 1];

	if (wsm__room_waits(room))
		note_sent(registry, member);
	wsm__lag_forget(registry, member, fate);
	if (room->presence)
		wsm__presence_leave(registry, room, member->sub);
	room->members[member->index] = last;
	last->index = member->index;
	if (--room->n_members == 0) {
		free(room->members);
		room->members = NULL;
		room->members_capacity = 0;
		wsm__room_left(registry, room);
	}
	if (member->asked)
		member->sub->n_asked--;
	HASH_DEL(registry->members, member);
	DL_DELETE(member->sub->members, member);
	member->sub->n_members--;
	registry->n_members--;
	free(member);
}

/* ---- joining ---------------------------------------------------------------------------------------------------- */

int wsm__join(struct wsm__registry *registry, struct wsm__sub *sub, struct wsm__room *room, int level,
              const struct wsm__since *since, uint64_t now_ms, struct wsm__joined *joined)
{
	struct wsm__member *member = wsm__member_find(registry, room->id, sub);
	bool firehose = sub->firehose && room->visible, first = !room->n_members && wsm__room_waits(room);
	int status = WSM_OK;

	memset(joined, 0, sizeof(*joined));
	joined->already = member != NULL;
	if (!member)
		member = member_new(registry, sub, room);
	if (!member)
		return WSM_ENOMEM;
	wsm__lag_relevel(registry, member, level);
	if (!since || !wsm__room_reaches_back(room, since, now_ms)) {
		joined->recovered = false;
		if (first && room->sent < room->history.last && room->settings.history.size)
			wsm__lag_restart(registry, member, room->sent, level);
	} else if (firehose && !wsm__history_reaches_back(room, since, now_ms)) {
		joined->recovered = false;
	} else if (firehose) {
		status = wsm__firehose_rewind(registry, sub, room, since->offset, joined);
	} else {
		joined->recovered = true;
		joined->replayed = wsm__count_missed(sub, room, since->offset, level);
		wsm__lag_restart(registry, member, since->offset, level);
	}
	joined->offset = room->history.last;
	if (!joined->recovered && firehose)
		joined->offset = wsm__firehose_position(sub, room);
	else if (!joined->recovered && member->lagging)
		joined->offset = member->position;
	/* The answer names this position, so what waits ahead of it must stay there. */
	if (firehose)
		sub->firehose_from = wsm__firehose_until(registry, sub);
	else if (!joined->recovered)
		member->from = joined->offset;
	return status;
}

bool wsm__leave(struct wsm__registry *registry, struct wsm__sub *sub, struct wsm__room *room)
{
	struct wsm__member *member = wsm__member_find(registry, room->id, sub);

	if (!member)
		return false;
	/*
	 * What was queued before the client asked to leave still goes out: it was published before. What was to come from history, or
	 * waits for that, does not.
	 */
	member_free(registry, member, WSM__DROPPED_LEFT);
	return true;
}

int wsm__firehose_join(struct wsm__registry *registry, struct wsm__sub *sub, int level)
{
	if (sub->firehose)
		return WSM_OK;
	if (registry->n_firehose == registry->firehose_capacity) {
		uint32_t capacity = registry->firehose_capacity ? registry->firehose_capacity * 2 : 8;
		struct wsm__sub **grown = realloc(registry->firehose, capacity * sizeof(struct wsm__sub *));

		if (!grown)
			return WSM_ENOMEM;
		registry->firehose = grown;
		registry->firehose_capacity = capacity;
	}
	sub->firehose = true;
	sub->firehose_level = (uint8_t)level;
	sub->firehose_index = registry->n_firehose;
	registry->firehose[registry->n_firehose++] = sub;
	return WSM_OK;
}

void wsm__sub_leave(struct wsm__registry *registry, struct wsm__sub *sub)
{
	while (sub->members)
		member_free(registry, sub->members, WSM__DROPPED_CLOSED);
	if (sub->firehose) {
		struct wsm__sub *last = registry->firehose[--registry->n_firehose];

		registry->firehose[sub->firehose_index] = last;
		last->firehose_index = sub->firehose_index;
		sub->firehose = false;
	}
	wsm__firehose_lag_forget(registry, sub, WSM__DROPPED_CLOSED);
}

void wsm__sub_fini(struct wsm__registry *registry, struct wsm__sub *sub)
{
	wsm__sub_leave(registry, sub);
	note_parting(registry, sub);
	wsm__unmark_dirty(registry, sub);
	wsm__outbox_forget(registry, &sub->outbox, WSM__DROPPED_CLOSED);
}
