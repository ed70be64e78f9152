/* Joins the rooms of a connection that opens, greets it, and tells it of gaps. */
#include "clients/greeting.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clients/access.h"
#include "clients/answers.h"
#include "clients/conn.h"
#include "clients/grant.h"
#include "clients/opening.h"
#include "clients/sticky.h"
#include "core/control.h"
#include "core/publish.h"
#include "host/route.h"
#include "policy/config.h"
#include "rooms/catchup.h"
#include "rooms/membership.h"
#include "rooms/room.h"
#include "wire/name.h"
#include "wire/target.h"

static const struct wsm__position *named(const struct wsm__opening *opening, wsm_slice room)
{
	for (int i = 0; i < opening->n_resume; i++)
		if (wsm__slice_is(room, opening->resume[i].room))
			return &opening->resume[i];
	return NULL;
}

/* One row of the greeting's `rooms`. */
static void greet_room(struct wsm__buffer *out, const struct wsm__room *room, uint64_t offset, bool recovered)
{
	if (out->failed)
		return;
	wsm__buffer_add(out, ",", out->data[out->len - 1] == '{' ? 0 : 1);
	wsm__buffer_add_json(out, wsm__room_name(room));
	wsm__buffer_addf(out, ":{\"epoch\":\"%s\",\"offset\":%llu,\"recovered\":%s}", room->epoch,
	                 (unsigned long long)offset, recovered ? "true" : "false");
}

/* Joins one room, from the position that the client named if it did, and adds its row to the greeting. */
static void enter_room(struct wsm__conn *conn, wsm_slice name, bool by_entry, struct wsm__buffer *out)
{
	struct wsm__core *core = conn->core;
	const struct wsm__position *position = named(conn->opening, name);
	struct wsm__since since;
	struct wsm__joined joined;
	struct wsm__room *room = wsm__room_get(&core->registry, name, core->now_ms);

	if (!room) {
		out->failed = true; /* better no connection than one that lacks a room without knowing it */
		return;
	}
	if (conn->sub.firehose && room->visible) /* that has resumed already */
		position = NULL;
	if (position && room->kind == WSM__ROOM_PUBLIC && !wsm__access_replays(conn, name))
		position = NULL;
	if (position) {
		since.epoch = wsm__str(position->epoch);
		since.offset = position->offset;
	}
	if (wsm__member_find(&core->registry, room->id, &conn->sub)) /* named twice: joined once */
		return;
	if (wsm__join(&core->registry, &conn->sub, room, conn->opening->level, position ? &since : NULL, core->now_ms,
	              &joined)) {
		out->failed = true;
		return;
	}
	wsm__member_find(&core->registry, room->id, &conn->sub)->by_entry = by_entry;
	if (room->settings.history.size && !(conn->sub.firehose && room->visible))
		greet_room(out, room, joined.offset, joined.recovered);
}

#define GREETING_ROOMS_MAX 1000 /* of the firehose: a greeting stays a message of reasonable size */

static void enter_firehose(struct wsm__conn *conn, struct wsm__buffer *out)
{
	struct wsm__core *core = conn->core;
	struct wsm__opening *opening = conn->opening;
	size_t n = (size_t)opening->n_resume, shown = 0;
	struct wsm__named *positions = calloc(n + 1, sizeof(*positions));
	struct wsm__room *room;

	wsm__room_get(&core->registry, wsm__str("@all"), core->now_ms); /* so that there is a position to resume from */
	if (!positions || wsm__firehose_join(&core->registry, &conn->sub, opening->level)) {
		free(positions);
		out->failed = true;
		return;
	}
	for (size_t i = 0; i < n; i++) {
		positions[i].room = wsm__room_find(&core->registry, wsm__str(opening->resume[i].room));
		if (positions[i].room &&
		    (!positions[i].room->visible || !wsm__access_replays(conn, wsm__room_name(positions[i].room))))
			positions[i].room = NULL;
		positions[i].since.epoch = wsm__str(opening->resume[i].epoch);
		positions[i].since.offset = opening->resume[i].offset;
	}
	if (n)
		wsm__firehose_resume(&core->registry, &conn->sub, positions, n, core->now_ms);
	for (room = core->registry.rooms; room && shown < GREETING_ROOMS_MAX; room = room->hh.next) {
		bool recovered = false;

		if (!room->visible || (room->log && room->log->phase != WSM__LOG_OPEN))
			continue;
		for (size_t i = 0; i < n; i++)
			recovered |= positions[i].room == room && positions[i].recovered;
		/* A room that was not named goes on from the newest position that was: ahead of its end. */
		greet_room(out, room, recovered ? room->history.last : wsm__firehose_position(&conn->sub, room),
		           recovered);
		shown++;
	}
	free(positions);
}

/* Rooms that the host has subscribed its user to. */
static void enter_sticky(struct wsm__conn *conn, struct wsm__buffer *out)
{
	const void *at = NULL;
	wsm_slice name;

	while (wsm__sticky_next(conn->core, conn->sub.user_id, &at, &name)) {
		struct wsm__room *room;
		struct wsm__member *member;

		enter_room(conn, name, false, out);
		room = wsm__room_find(&conn->core->registry, name);
		member = room ? wsm__member_find(&conn->core->registry, room->id, &conn->sub) : NULL;
		if (member)
			member->by_host = true;
	}
}

static void add_optional(struct wsm__buffer *out, const char *name, const char *value)
{
	wsm__buffer_addf(out, ",\"%s\":", name);
	if (*value)
		wsm__buffer_add_json(out, wsm__str(value));
	else
		wsm__buffer_add_str(out, "null");
}

static void welcome(struct wsm__conn *conn)
{
	const wsm_publication publication = { .target = WSM_TO_CLIENT, .ids = &conn->sub.client_id, .n_ids = 1 };
	const struct wsm__early *message;
	struct wsm__publish *publish;
	wsm_delivery delivery;

	LL_FOREACH(conn->opening->welcome, message) {
		if (wsm__publish_new(&publication, wsm__slice(message->data, message->len), &publish, NULL)) {
			wsm__conn_close(conn, 1013, "the server is out of memory"); /* all else was looked at before */
			return;
		}
		wsm__publish_start(conn->core, publish, &delivery);
	}
}

/* ---- rooms that have to open first --------------------------------------------------------------------------------- */

struct unready {
	struct wsm__core *core;
	struct wsm__need first; /* room NULL: all are ready */
};

static void look_at(struct unready *unready, wsm_slice name)
{
	struct wsm__need need;

	if (wsm__room_needs(unready->core, name, &need) && !unready->first.room)
		unready->first = need;
}

bool wsm__conn_needs(struct wsm__conn *conn, struct wsm__need *need)
{
	const struct wsm__opening *opening = conn->opening;
	struct unready unready = { .core = conn->core };
	char reserved[WSM__ROOM_SIZE];
	const void *at = NULL;
	wsm_slice name;

	memset(need, 0, sizeof(*need));
	if (!conn->core->log.driver)
		return false;
	for (size_t i = 0; i < opening->n_rooms; i++)
		look_at(&unready, wsm__str(opening->rooms[i]));
	for (int i = 0; opening->firehose && i < opening->n_resume; i++)
		look_at(&unready, wsm__str(opening->resume[i].room));
	if (opening->firehose)
		look_at(&unready, wsm__str("@all"));
	if (*conn->info->user_id) {
		snprintf(reserved, sizeof(reserved), "@user:%s", conn->info->user_id);
		look_at(&unready, wsm__str(reserved));
	}
	if (*conn->info->session_id) {
		snprintf(reserved, sizeof(reserved), "@session:%s", conn->info->session_id);
		look_at(&unready, wsm__str(reserved));
	}
	while (wsm__sticky_next(conn->core, conn->sub.user_id, &at, &name))
		look_at(&unready, name);
	*need = unready.first;
	return need->room != NULL;
}

/* ---- the greeting -------------------------------------------------------------------------------------------------- */

void wsm__conn_enter(struct wsm__conn *conn)
{
	struct wsm__core *core = conn->core;
	struct wsm__opening *opening = conn->opening;
	struct wsm__buffer out;
	struct wsm__pub *pub;
	char reserved[WSM__ROOM_SIZE], expires_at[WSM__TIMESTAMP_LEN + 1];

	wsm__buffer_init(&out);
	wsm__buffer_add_str(&out, "{\"client_id\":");
	wsm__buffer_add_json(&out, conn->sub.client_id);
	add_optional(&out, "user_id", conn->info->user_id);
	add_optional(&out, "session_id", conn->info->session_id);
	if (conn->grant) {
		wsm__timestamp(conn->grant->claims.expires_ms, expires_at);
		wsm__buffer_addf(&out, ",\"expires_at\":\"%s\"", expires_at);
	}
	wsm__buffer_addf(&out, ",\"protocol\":%d,\"heartbeat_interval\":%g,\"rooms\":{", WSM_PROTOCOL_VERSION,
	                 core->config->heartbeat_interval);
	if (opening->firehose)
		enter_firehose(conn, &out);
	for (size_t i = 0; i < opening->n_rooms; i++)
		enter_room(conn, wsm__str(opening->rooms[i]), true, &out);
	if (*conn->info->user_id) {
		snprintf(reserved, sizeof(reserved), "@user:%s", conn->info->user_id);
		enter_room(conn, wsm__str(reserved), true, &out);
	}
	if (*conn->info->session_id) {
		snprintf(reserved, sizeof(reserved), "@session:%s", conn->info->session_id);
		enter_room(conn, wsm__str(reserved), true, &out);
	}
	enter_sticky(conn, &out);
	wsm__buffer_add_str(&out, "}}");
	pub = out.failed ? NULL
	                 : wsm__control_pub(core, wsm__str(conn->greeting), wsm__slice(out.data, out.len),
	                                    wsm__str(NULL), false);
	wsm__buffer_fini(&out);
	if (!pub) {
		wsm__conn_close(conn, 1013, "the server is out of memory");
		return;
	}
	wsm__sub_push(&core->registry, &conn->sub, pub);
	wsm__pub_unref(pub);
	opening->greeted = true;
	for (size_t i = 0; i < opening->n_gaps; i++)
		wsm__sub_push(&core->registry, &conn->sub, opening->gaps[i]);
	welcome(conn);
	wsm__refill(&core->registry, &conn->sub, core->now_ms);
}

/* ---- gaps -------------------------------------------------------------------------------------------------------- */

/* Keeps a gap that is found before the greeting for after it. Takes the reference over. */
static int opening_add_gap(struct wsm__opening *opening, struct wsm__pub *pub)
{
	struct wsm__pub **grown = realloc(opening->gaps, (opening->n_gaps + 1) * sizeof(*grown));

	if (!grown) {
		wsm__pub_unref(pub);
		return WSM_ENOMEM;
	}
	opening->gaps = grown;
	opening->gaps[opening->n_gaps++] = pub;
	return WSM_OK;
}

/*
 * A raw client cannot hear of a gap: closes it as one that fell behind, unless the room allows losses. Not while it comes in: it would
 * find the same gap at each return.
 */
static void raw_gap(struct wsm__conn *conn, const struct wsm__room *room)
{
	bool may_lose = room->settings.backlog == WSM__DROP_OLDEST || room->settings.backlog == WSM__LATEST;

	if (!conn->opening && !may_lose)
		wsm__sub_overflowed(&conn->core->registry, &conn->sub);
}

void wsm__conn_gap(void *context, struct wsm__sub *sub, const struct wsm__room *room, uint64_t offset, uint64_t missed)
{
	struct wsm__core *core = context;
	struct wsm__conn *conn = wsm__conn_of(sub);
	struct wsm__pub *pub = NULL;
	struct wsm__buffer data;

	if (sub->raw) {
		raw_gap(conn, room);
		return;
	}
	wsm__buffer_init(&data);
	wsm__buffer_add_str(&data, "{\"room\":");
	wsm__buffer_add_json(&data, wsm__room_name(room));
	wsm__buffer_addf(&data, ",\"epoch\":\"%s\",\"offset\":%llu", room->epoch, (unsigned long long)offset);
	if (missed)
		wsm__buffer_addf(&data, ",\"missed\":%llu", (unsigned long long)missed);
	wsm__buffer_add_str(&data, "}");
	if (!data.failed)
		pub = wsm__control_pub(core, wsm__str("gap"), wsm__slice(data.data, data.len), wsm__str(NULL), false);
	wsm__buffer_fini(&data);
	if (!pub) { /* out of memory: the client must not miss messages in silence */
		wsm__sub_overflowed(&core->registry, sub);
	} else if (conn->opening && !conn->opening->greeted) {
		if (opening_add_gap(conn->opening, pub))
			wsm__sub_overflowed(&core->registry, sub);
	} else {
		/* A member hears of it in a refill, when there is space; the firehose may hear of thousands of rooms. */
		if (sub->firehose && room->visible)
			wsm__sub_push(&core->registry, sub, pub);
		else
			wsm__sub_put(&core->registry, sub, pub);
		wsm__pub_unref(pub);
	}
}
