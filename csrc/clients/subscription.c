#include "clients/subscription.h"

#include <stdio.h>

#include "clients/access.h"
#include "clients/answers.h"
#include "clients/conn.h"
#include "clients/limits.h"
#include "clients/sticky.h"
#include "rooms/membership.h"
#include "rooms/room.h"
#include "wire/name.h"

void wsm__subscription_tell(struct wsm__conn *conn, const char *type, wsm_slice name, wsm_slice id,
                            const struct wsm__room *room, const struct wsm__joined *joined)
{
	struct wsm__buffer data;

	wsm__buffer_init(&data);
	wsm__buffer_add_str(&data, "{\"room\":");
	wsm__buffer_add_json(&data, name);
	if (wsm__slice_starts(name, "project:")) {
		wsm__buffer_add_str(&data, ",\"project_id\":");
		wsm__buffer_add_json(&data, wsm__slice(name.data + 8, name.len - 8));
	}
	if (joined)
		wsm__buffer_addf(&data, ",\"epoch\":\"%s\",\"offset\":%llu,\"recovered\":%s,\"replayed\":%llu",
		                 room->epoch, (unsigned long long)joined->offset, joined->recovered ? "true" : "false",
		                 (unsigned long long)joined->replayed);
	wsm__buffer_add_str(&data, "}");
	wsm__conn_answer_from(conn, type, &data, id);
	wsm__buffer_fini(&data);
}

/* Joins an open connection, and tells the client its position, so that it can recover there. */
static void join_now(struct wsm__conn *conn, struct wsm__room *room)
{
	struct wsm__registry *registry = &conn->core->registry;
	struct wsm__member *member = wsm__member_find(registry, room->id, &conn->sub);
	struct wsm__joined joined;

	if (!member) {
		if (wsm__join(registry, &conn->sub, room, WSM_LEVEL_NONE, NULL, conn->core->now_ms, &joined))
			return;
		wsm__subscription_tell(conn, "subscribed", wsm__room_name(room), wsm__str(NULL), room, &joined);
		member = wsm__member_find(registry, room->id, &conn->sub);
	}
	member->by_host = true;
}

/* Takes back the host's subscription. The client stays if it subscribed itself, or by entry, unless this was its grant. */
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
	wsm__subscription_tell(conn, "unsubscribed", wsm__room_name(room), wsm__str(NULL), NULL, NULL);
}

/* ---- one connection --------------------------------------------------------------------------------------------- */

static struct wsm__conn *open_one(struct wsm__core *core, uint64_t number)
{
	struct wsm__conn *conn = wsm__conn_by_number(core, number);

	return conn && conn->state == WSM__CONN_OPEN && !conn->echo ? conn : NULL;
}

/* Counts as the client's own: the host may join it at the client's command, as often as the client likes. */
int wsm__subscription_join(struct wsm__core *core, uint64_t number, wsm_slice name)
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
		wsm__subscription_tell(conn, "subscribed", name, wsm__str(NULL), room, &joined);
	}
	member->joined = true;
	return WSM_OK;
}

int wsm__subscription_leave(struct wsm__core *core, uint64_t number, wsm_slice name)
{
	struct wsm__conn *conn = open_one(core, number);
	struct wsm__room *room = conn ? wsm__room_find(&core->registry, name) : NULL;

	if (!conn)
		return WSM_ENOTFOUND;
	if (room && wsm__leave(&core->registry, &conn->sub, room))
		wsm__subscription_tell(conn, "unsubscribed", name, wsm__str(NULL), NULL, NULL);
	return WSM_OK;
}

/* ---- all connections of a user ---------------------------------------------------------------------------------- */

static void set_now(struct wsm__core *core, wsm_slice user_id, wsm_slice room_name, bool subscribed)
{
	struct wsm__room *users, *room;
	char name[WSM__ROOM_SIZE];

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

static void room_opened(struct wsm__ticket *ticket, const struct wsm__outcome *outcome)
{
	struct wsm__core *core = ticket->core;

	if (outcome->status) /* told by the log; connections to come wait for the room themselves */
		return;
	if (wsm__sticky_has(core, ticket->message, ticket->action))
		set_now(core, ticket->message, ticket->action, true);
}

void wsm__subscription_set(struct wsm__core *core, wsm_slice user_id, wsm_slice room_name, bool subscribed)
{
	const wsm_slice texts[3] = { user_id, room_name, wsm__str(NULL) };
	struct wsm__ticket *ticket;
	struct wsm__need need;

	if (subscribed)
		wsm__sticky_remember(core, user_id, room_name);
	else
		wsm__sticky_forget(core, user_id, room_name);
	if (!subscribed || !wsm__room_needs(core, room_name, &need)) {
		set_now(core, user_id, room_name, subscribed);
		return;
	}
	ticket = wsm__ticket_new(core, WSM__AWAITS_LOG, &core->waits, NULL, room_opened, texts);
	if (ticket)
		wsm__ticket_await(ticket, &need);
}
