/* Answers who is in a room, and tells the room's members of changes. */
#include "clients/presence.h"

#include <string.h>

#include "core/core.h"
#include "core/publish.h"
#include "host/route.h"
#include "rooms/presence.h"
#include "rooms/room.h"
#include "wire/name.h"

#define LARGE 1000u    /* members, from which on they are told numbers only */
#define SINGLES_MAX 4u /* changes that get a message each */
#define LIST_MAX 100u  /* changes that are listed in one message */

/* ---- the answer ------------------------------------------------------------------------------------------------- */

bool wsm__presence_cursor(wsm_slice text, struct wsm__presence_page *page)
{
	uint32_t *numbers[] = { &page->clients_before, &page->users_before };
	size_t at = 0;

	page->clients_before = page->users_before = UINT32_MAX;
	if (!text.len)
		return true;
	for (int i = 0; i < 2; i++) {
		uint64_t number = 0;
		size_t start = at;

		for (; at < text.len && text.data[at] >= '0' && text.data[at] <= '9' && at - start < 10; at++)
			number = number * 10 + (uint64_t)(text.data[at] - '0');
		if (at == start || number > UINT32_MAX || (i == 0 && (at == text.len || text.data[at++] != '.')))
			return false;
		*numbers[i] = (uint32_t)number;
	}
	return at == text.len;
}

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static void add_id(struct wsm__buffer *out, wsm_slice id, bool first)
{
	wsm__buffer_add_str(out, first ? "" : ",");
	wsm__buffer_add_json(out, id);
}

/*
 * Goes from the end of the arrays to their beginning: when one leaves, the last one, already listed, takes its place. So everyone who
 * stays is on a page; one that moved may be on two.
 */
void wsm__answer_presence(struct wsm__core *core, const struct wsm__presence_page *page, struct wsm__buffer *out)
{
	struct wsm__room *room = wsm__room_find(&core->registry, page->room);
	struct wsm__presence *presence = room ? wsm__presence_of(&core->registry, room) : NULL;
	uint32_t n_clients = presence ? room->n_members : 0, n_users = presence ? presence->n_users : 0;
	uint32_t client = least(page->clients_before, n_clients), user = least(page->users_before, n_users);
	uint32_t limit = least(page->limit, WSM__PRESENCE_LIMIT_MAX), i;

	wsm__buffer_add_str(out, "{\"room\":");
	wsm__buffer_add_json(out, page->room);
	wsm__buffer_addf(out, ",\"clients_total\":%u,\"users_total\":%u,\"clients\":[", n_clients, n_users);
	for (i = 0; i < limit && client; i++)
		add_id(out, room->members[--client]->sub->client_id, !i);
	wsm__buffer_add_str(out, "],\"users\":[");
	for (i = 0; i < limit && user; i++)
		add_id(out, wsm__present_id(presence->users[--user]), !i);
	if (client || user)
		wsm__buffer_addf(out, "],\"next\":\"%u.%u\"}", client, user);
	else
		wsm__buffer_add_str(out, "],\"next\":null}");
}

/* ---- telling the members ---------------------------------------------------------------------------------------- */

/* A message to a room, made before the presence that it tells of changes. */
struct telling {
	const char *type;
	bool conflate;
	struct wsm__buffer data;
};

static void add_present(struct wsm__buffer *out, const struct wsm__present *present)
{
	bool user = wsm__present_is_user(present);

	wsm__buffer_add_str(out, user ? "\"user_id\":" : "\"user_id\":null,\"client_id\":");
	wsm__buffer_add_json(out, wsm__present_id(present));
	wsm__buffer_add_str(out, user ? ",\"client_id\":null" : "");
}

static void add_totals(struct wsm__buffer *out, const struct wsm__presence *presence)
{
	wsm__buffer_addf(out, ",\"clients_total\":%u,\"users_total\":%u}", presence->room->n_members,
	                 presence->n_users);
}

static void begin(struct telling *telling, const char *type, const struct wsm__presence *presence)
{
	telling->type = type;
	telling->conflate = false;
	wsm__buffer_init(&telling->data);
	wsm__buffer_add_str(&telling->data, "{\"room\":");
	wsm__buffer_add_json(&telling->data, wsm__room_name(presence->room));
	wsm__buffer_add_str(&telling->data, ",");
}

static void tell_one(struct telling *telling, const struct wsm__presence *presence, const struct wsm__present *present)
{
	begin(telling, present->connections ? "presence_join" : "presence_leave", presence);
	add_present(&telling->data, present);
	add_totals(&telling->data, presence);
}

/* Adds those that came, or those that went. Returns how many. */
static unsigned add_list(struct wsm__buffer *out, const struct wsm__presence *presence, bool came, bool listed)
{
	const struct wsm__present *present;
	unsigned n = 0;

	wsm__buffer_addf(out, "\"%s\":%s", came ? "joined" : "left", listed ? "[" : "null");
	DL_FOREACH(presence->changes, present) {
		if ((present->connections > 0) != came)
			continue;
		if (listed) {
			wsm__buffer_add_str(out, n ? ",{" : "{");
			add_present(out, present);
			wsm__buffer_add_str(out, "}");
		}
		n++;
	}
	wsm__buffer_add_str(out, listed ? "]," : ",");
	return n;
}

static void tell_all(struct telling *telling, const struct wsm__presence *presence)
{
	bool listed = presence->n_changes <= LIST_MAX && presence->room->n_members <= LARGE;
	unsigned joined, left;

	begin(telling, "presence_changed", presence);
	joined = add_list(&telling->data, presence, true, listed);
	left = add_list(&telling->data, presence, false, listed);
	wsm__buffer_addf(&telling->data, "\"joined_total\":%u,\"left_total\":%u", joined, left);
	add_totals(&telling->data, presence);
	telling->conflate = !listed; /* of numbers, the newest are worth having */
}

static unsigned prepare(struct telling tellings[SINGLES_MAX], const struct wsm__presence *presence)
{
	const struct wsm__present *present;
	unsigned n = 0;

	if (!presence->room->n_members)
		return 0;
	if (presence->n_changes > SINGLES_MAX || presence->room->n_members > LARGE) {
		tell_all(&tellings[0], presence);
		return 1;
	}
	DL_FOREACH(presence->changes, present) {
		tell_one(&tellings[n++], presence, present);
	}
	return n;
}

static void publish(struct wsm__core *core, wsm_slice room, struct telling *telling)
{
	wsm_publication publication = {
		.target = room.data[0] == '@' ? WSM_TO_ALL : WSM_TO_ROOM,
		.ids = &room,
		.n_ids = room.data[0] == '@' ? 0 : 1,
		.type = wsm__str(telling->type),
		.key = wsm__str(telling->conflate ? "presence_changed" : NULL),
		.priority = WSM_LOW,
		.flags = WSM_PUBLISH_NO_HISTORY,
	};
	struct wsm__publish *made;
	wsm_delivery delivery;

	if (!telling->data.failed &&
	    !wsm__publish_new(&publication, wsm__slice(telling->data.data, telling->data.len), &made, NULL)) {
		made->by_core = true;
		wsm__publish_start(core, made, &delivery);
		core->counters.presence_messages++;
	}
	wsm__buffer_fini(&telling->data);
}

void wsm__presence_turn(struct wsm__core *core)
{
	struct telling tellings[SINGLES_MAX];
	struct wsm__presence *presence;

	while ((presence = wsm__presence_due(&core->registry, core->now_ms)) != NULL) {
		unsigned n = prepare(tellings, presence);
		char name[WSM__ROOM_NAME_MAX + 1];
		wsm_slice room = wsm__slice(name, presence->room->name_len);

		memcpy(name, presence->room->name, presence->room->name_len);
		wsm__presence_told(&core->registry, presence, core->now_ms);
		for (unsigned i = 0; i < n; i++) /* may change what is said about the room, and with it the presence */
			publish(core, room, &tellings[i]);
	}
}
