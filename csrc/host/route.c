/* Where a publication goes and under which rules: the catalogue, the host's options, and the routing members of its data. */
#include "host/route.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/slice.h"
#include "events/catalogue.h"
#include "host/handle.h"
#include "host/report.h"
#include "policy/config.h"
#include "rooms/publication.h"
#include "wire/envelope.h"
#include "wire/json.h"
#include "wire/name.h"

#define WANTED_MAX 16
#define NAME_SIZE 192 /* a room name or key with its prefix */

/* Members of the data that matter for routing, found in one pass. */
struct found {
	const char *name;
	size_t name_len;
	wsm_slice value; /* JSON; empty: absent */
};

struct route {
	const wsm_publication *from;
	const struct wsm__event_type *event; /* NULL: not in the catalogue */
	struct found found[WANTED_MAX];
	size_t n_found;
	bool is_object;
	wsm_member members[WANTED_MAX * 2];
	size_t n_members;
	char project[2 * WSM__ROOM_NAME_MAX + 4]; /* JSON of the added member project_id */
};

static void want(struct route *route, const char *name, size_t len)
{
	for (size_t i = 0; i < route->n_found; i++)
		if (route->found[i].name_len == len && !memcmp(route->found[i].name, name, len))
			return;
	if (route->n_found == WANTED_MAX)
		return;
	route->found[route->n_found].name = name;
	route->found[route->n_found].name_len = len;
	route->found[route->n_found++].value = wsm__slice(NULL, 0);
}

static void want_template(struct route *route, const char *template)
{
	const char *open, *close;

	while (template && (open = strchr(template, '{')) && (close = strchr(open, '}'))) {
		want(route, open + 1, (size_t)(close - open - 1));
		template = close + 1;
	}
}

static int scan(struct route *route, wsm_slice payload, wsm_error *error)
{
	wsm_slice object = wsm__json_trim(payload), name, value;
	size_t at = 0;
	int more;

	route->is_object = object.len && object.data[0] == '{';
	if (!route->is_object)
		return WSM_OK;
	while ((more = wsm__json_next(object, &at, &name, &value)) == 1) {
		for (size_t i = 0; i < route->n_found; i++) {
			struct found *found = &route->found[i];

			if (!found->value.len && name.len == found->name_len &&
			    !memcmp(name.data, found->name, name.len))
				found->value = value;
		}
	}
	if (more < 0)
		return wsm__fail(error, WSM_EJSON, "event \"%.*s\": the data is not valid JSON",
		                 (int)route->from->type.len, route->from->type.data);
	return WSM_OK;
}

static wsm_slice value_of(const struct route *route, const char *name, size_t len)
{
	for (size_t i = 0; i < route->from->n_members; i++) {
		const wsm_member *member = &route->from->members[i];

		if (member->name.len == len && !memcmp(member->name.data, name, len))
			return member->json;
	}
	for (size_t i = 0; i < route->n_found; i++)
		if (route->found[i].name_len == len && !memcmp(route->found[i].name, name, len))
			return route->found[i].value;
	return wsm__slice(NULL, 0);
}

/* A JSON string or number as plain text; -1 if it is absent or null, -2 if it is neither, empty or too long. */
static int plain(wsm_slice json, char *out, size_t size)
{
	int len;

	if (!json.len || json.data[0] == 'n')
		return -1;
	if (json.data[0] == '"') {
		len = wsm__json_string(json, out, size - 1);
		return len > 0 ? len : -2;
	}
	if (!strchr("-0123456789", json.data[0]) || json.len >= size)
		return -2;
	memcpy(out, json.data, json.len);
	return (int)json.len;
}

/* Fills "{name}" from the data; -1 if one is absent, -2 if one is unusable or the result is too long. Length otherwise. */
static int fill(const struct route *route, const char *template, char out[NAME_SIZE])
{
	size_t len = 0;

	while (*template) {
		const char *close = *template == '{' ? strchr(template, '}') : NULL;

		if (len + 1 >= NAME_SIZE)
			return -2;
		if (!close) {
			out[len++] = *template ++;
			continue;
		}
		int n = plain(value_of(route, template + 1, (size_t)(close - template - 1)), out + len,
		              NAME_SIZE - len);

		if (n < 0)
			return n;
		len += (size_t)n;
		template = close + 1;
	}
	out[len] = '\0';
	return (int)len;
}

static int fail_fill(const struct route *route, int status, const char *template, wsm_error *error)
{
	return wsm__fail(
		error, status,
		"event \"%.*s\": the data does not fit \"%s\"; what stands there must be a number or a text of 1 "
		"to %d bytes",
		(int)route->from->type.len, route->from->type.data, template, WSM__ID_MAX);
}

static bool is_scalar(wsm_slice json)
{
	return json.len && json.data[0] != '{' && json.data[0] != '[' && json.data[0] != 'n';
}

static void add_member(struct route *route, wsm_slice name, wsm_slice json)
{
	for (size_t i = 0; i < route->n_members; i++)
		if (wsm__slice_equal(route->members[i].name, name))
			return;
	if (route->n_members == WANTED_MAX * 2)
		return;
	route->members[route->n_members].name = name;
	route->members[route->n_members++].json = json;
}

/* Host's members first, then the routing members of the data, unless the data stands at the top level anyway. */
static int gather_members(struct route *route, bool flat, wsm_error *error)
{
	const char *const *routing = route->event ? route->event->routing : wsm__routing_default;

	if (route->from->n_members > WANTED_MAX)
		return wsm__fail(error, WSM_EINVAL, "at most %d members can be added to an event", WANTED_MAX);
	for (size_t i = 0; i < route->from->n_members; i++)
		add_member(route, route->from->members[i].name, route->from->members[i].json);
	for (; !flat && routing && *routing; routing++) {
		wsm_slice value = value_of(route, *routing, strlen(*routing));

		if (is_scalar(value))
			add_member(route, wsm__str(*routing), value);
	}
	return WSM_OK;
}

static int level_of(const struct route *route, wsm_error *error)
{
	char word[32];
	wsm_slice value;
	int level, len;

	if (route->from->level || !route->event)
		return (int)route->from->level;
	if (route->event->level)
		return (int)route->event->level;
	value = value_of(route, "level", 5);
	if (!value.len || !route->event->room || strcmp(route->event->room, "logs") != 0)
		return WSM_LEVEL_NONE;
	len = plain(value, word, sizeof(word));
	level = len < 0 ? -1 : wsm_level_parse(wsm__slice(word, (size_t)len));
	if (level < 0)
		return wsm__fail(error, WSM_EINVAL,
		                 "level %.*s is none: use debug, info, success, warning, error or critical",
		                 (int)(value.len > 40 ? 40 : value.len), value.data);
	return level;
}

/* ---- target ----------------------------------------------------------------------------------------------------- */

static const char *prefix_of(wsm_target target)
{
	switch (target) {
	case WSM_TO_PROJECT:
		return WSM__PROJECT;
	case WSM_TO_USER:
		return "@user:";
	case WSM_TO_SESSION:
		return "@session:";
	default:
		return "";
	}
}

static int check_name(wsm_target target, wsm_slice id, wsm_slice name, wsm_error *error)
{
	int shown = (int)(id.len > 60 ? 60 : id.len);

	if (target == WSM_TO_USER || target == WSM_TO_SESSION || target == WSM_TO_CLIENT) {
		if (wsm__id_valid(id))
			return WSM_OK;
		return wsm__fail(error, WSM_EINVAL,
		                 "id \"%.*s\": must be 1 to %d bytes of UTF-8 without control characters", shown,
		                 id.data ? id.data : "", WSM__ID_MAX);
	}
	if (wsm__room_name_valid(name) && (id.len || target != WSM_TO_PROJECT))
		return WSM_OK;
	return wsm__fail(
		error, WSM_EROOM,
		"room \"%.*s\": must be 1 to %d bytes of UTF-8 without spaces, control characters or '*', and must "
		"not begin with '@'",
		shown, id.data ? id.data : "", WSM__ROOM_NAME_MAX);
}

/* Of those that templates of the catalogue make. */
static bool is_room(wsm_slice room)
{
	const size_t prefix = sizeof("@user:") - 1;

	if (wsm__slice_starts(room, "@user:"))
		return wsm__id_valid(wsm__slice(room.data + prefix, room.len - prefix));
	return wsm__slice_is(room, "@all") || wsm__room_name_valid(room);
}

/* The room of an event that was given none: the first alternative of its template ("a|b") whose members are there. */
static int automatic(const struct route *route, char out[NAME_SIZE], wsm_error *error)
{
	const char *rest = route->event ? route->event->room : WSM__PROJECT "{project_id}";
	char template[NAME_SIZE];
	int len = -1;

	while (*rest && len == -1) {
		size_t n = strcspn(rest, "|");

		snprintf(template, sizeof(template), "%.*s", (int)n, rest);
		len = fill(route, template, out);
		rest += n + (rest[n] == '|');
	}
	if (len == -1) {
		memcpy(out, "@all", 5);
		return 4;
	}
	if (len < 0)
		return fail_fill(route, WSM_EROOM, template, error);
	if (!is_room(wsm__slice(out, (size_t)len)))
		return wsm__fail(error, WSM_EROOM, "event \"%.*s\": \"%.60s\" is no room name",
		                 (int)route->from->type.len, route->from->type.data, out);
	return len;
}

static int check_targets(const wsm_publication *from, wsm_error *error)
{
	bool needs_ids = from->target != WSM_TO_AUTO && from->target != WSM_TO_ALL;

	if ((unsigned)from->target > WSM_TO_CLIENT || (unsigned)from->priority > WSM_LOW ||
	    (unsigned)from->level > WSM_LEVEL_CRITICAL)
		return wsm__fail(error, WSM_EINVAL, "target %d, priority %d or level %d is none", (int)from->target,
		                 (int)from->priority, (int)from->level);
	if (needs_ids && !from->n_ids)
		return wsm__fail(error, WSM_EINVAL, "no room or id was given to send to");
	if (from->n_ids > 1 && from->max_rate > 0)
		return wsm__fail(error, WSM_EINVAL, "max_rate goes with one room at a time");
	if (!(from->max_rate >= 0) || from->max_rate > 1e6)
		return wsm__fail(error, WSM_EINVAL, "max_rate must be between 0 and 1000000 per second");
	if (from->once.len && !wsm__once_valid(from->once))
		return wsm__fail(error, WSM_EINVAL,
		                 "once \"%.*s\": must be 1 to %d bytes of UTF-8 without control characters",
		                 (int)(from->once.len > 60 ? 60 : from->once.len), from->once.data, WSM__ONCE_MAX);
	for (size_t i = 0; needs_ids && i < from->n_ids; i++) {
		wsm_slice id = from->ids[i];
		char name[NAME_SIZE];
		size_t prefix = strlen(prefix_of(from->target));
		int status;

		if (prefix + id.len >= sizeof(name))
			return check_name(from->target, id, wsm__slice(NULL, 0), error);
		memcpy(name, prefix_of(from->target), prefix);
		if (id.len)
			memcpy(name + prefix, id.data, id.len);
		status = check_name(from->target, id, wsm__slice(name, prefix + id.len), error);
		if (status)
			return status;
	}
	return WSM_OK;
}

/* ---- what the author may not say -------------------------------------------------------------------------------- */

static int refuse_name(wsm_slice name, wsm_error *error)
{
	return wsm__fail(error, WSM_EINVAL,
	                 "the member \"%.*s\" cannot be sent: names that begin with '@' are the server's; put it under "
	                 "another name, or inside of another member",
	                 (int)(name.len > 60 ? 60 : name.len), name.data);
}

/* What clients take for the server's word, such as where a message stands, is said by the server alone. */
static int check_names(const struct route *route, bool flat, wsm_slice payload, wsm_error *error)
{
	const wsm_publication *from = route->from;
	wsm_slice name;

	for (size_t i = 0; i < from->n_members; i++)
		if (wsm__slice_starts(from->members[i].name, "@"))
			return refuse_name(from->members[i].name, error);
	if (from->flags & WSM_PUBLISH_BINARY)
		return WSM_OK;
	if (from->flags & WSM_PUBLISH_TEXT)
		return !wsm__envelope_imitated(payload) ? WSM_OK
		                                        : wsm__fail(error, WSM_EINVAL,
		                                                    "this text could be taken for the server's own, by "
		                                                    "its type or by a member (room, "
		                                                    "offset, epoch, or one that begins with '@'); send "
		                                                    "it without WSM_PUBLISH_TEXT");
	if (flat && !route->is_object)
		return wsm__fail(
			error, WSM_EINVAL,
			"event \"%.*s\": its fields stand at the top level of the message, so the data must be an "
			"object",
			(int)from->type.len, from->type.data);
	if ((flat || !from->type.len) && wsm__envelope_kept_name(payload, &name))
		return refuse_name(name, error);
	return WSM_OK;
}

/* ---- the command ------------------------------------------------------------------------------------------------ */

static struct wsm__publish *allocate(const struct route *route, wsm_slice key, size_t room_bytes, size_t n_rooms,
                                     wsm_slice payload, struct wsm__arena *arena)
{
	size_t bytes = room_bytes + n_rooms + route->from->type.len + route->from->once.len + key.len + payload.len + 4;
	struct wsm__publish *publish;
	wsm_member *members;
	wsm_slice *rooms;

	for (size_t i = 0; i < route->n_members; i++)
		bytes += route->members[i].name.len + route->members[i].json.len + 2;
	publish = malloc(sizeof(*publish) + n_rooms * sizeof(*rooms) + route->n_members * sizeof(*members) + bytes);
	if (!publish)
		return NULL;
	memset(publish, 0, sizeof(*publish));
	rooms = (wsm_slice *)(void *)(publish + 1);
	members = (wsm_member *)(void *)(rooms + n_rooms);
	arena->at = (char *)(members + route->n_members);
	publish->head.kind = WSM__CMD_PUBLISH;
	publish->head.bytes = sizeof(*publish) + bytes;
	publish->rooms = rooms;
	publish->n_rooms = n_rooms;
	publish->members = members;
	publish->n_members = route->n_members;
	for (size_t i = 0; i < route->n_members; i++) {
		members[i].name = wsm__arena_copy(arena, route->members[i].name);
		members[i].json = wsm__arena_copy(arena, route->members[i].json);
	}
	publish->type = wsm__arena_copy(arena, route->from->type);
	publish->key = wsm__arena_copy(arena, key);
	publish->once = wsm__arena_copy(arena, route->from->once);
	publish->payload = wsm__arena_copy(arena, payload);
	return publish;
}

static void copy_rooms(struct wsm__publish *publish, const wsm_publication *from, wsm_slice automatic_room,
                       struct wsm__arena *arena)
{
	wsm_slice *rooms = (wsm_slice *)(void *)(publish + 1);
	size_t prefix = strlen(prefix_of(from->target));

	if (automatic_room.len) {
		rooms[0] = wsm__arena_copy(arena, automatic_room);
		return;
	}
	for (size_t i = 0; i < publish->n_rooms; i++) {
		char *start = arena->at;

		memcpy(start, prefix_of(from->target), prefix);
		arena->at += prefix;
		wsm__arena_copy(arena, from->ids[i]);
		rooms[i] = wsm__slice(start, prefix + from->ids[i].len);
	}
}

static void apply_rules(struct wsm__publish *publish, const struct route *route, int level)
{
	const struct wsm__event_type *event = route->event;
	const wsm_publication *from = route->from;

	publish->to_client = from->target == WSM_TO_CLIENT;
	publish->flags = from->flags;
	publish->flat = from->type.len && ((from->flags & WSM_PUBLISH_FLAT) || (event && event->flat));
	publish->conflate = from->key.len ? true : event && event->conflate;
	publish->max_rate = from->max_rate > 0 ? from->max_rate : event ? event->max_rate : 0;
	publish->priority = (uint8_t)(from->priority ? from->priority : event ? event->priority : WSM_NORMAL);
	if (publish->priority == WSM_PRIORITY_DEFAULT)
		publish->priority = WSM_NORMAL;
	publish->level = (uint8_t)level;
	/* What a newer one replaces must not leave a hole in the offsets, so it has none. */
	publish->keep = !(from->flags & WSM_PUBLISH_NO_HISTORY) && !publish->conflate && (!event || event->history);
}

static void prepare(struct route *route, const wsm_publication *from)
{
	const char *const *routing;

	route->from = from;
	route->event = from->type.len ? wsm__event_type_find(from->type) : NULL;
	if (!from->type.len)
		return;
	routing = route->event ? route->event->routing : wsm__routing_default;
	for (; routing && *routing; routing++)
		want(route, *routing, strlen(*routing));
	if (route->event) {
		want_template(route, route->event->room);
		want_template(route, route->event->key);
		if (!route->event->level)
			want(route, "level", 5);
	} else {
		want(route, "project_id", 10);
	}
}

/* WSM_TO_PROJECT: the id as a member of the envelope. */
static void add_project(struct route *route, const wsm_publication *from)
{
	struct wsm__buffer json;

	if (from->target != WSM_TO_PROJECT || from->n_ids != 1 || from->ids[0].len > WSM__ID_MAX)
		return;
	wsm__buffer_init(&json);
	wsm__buffer_add_json(&json, from->ids[0]);
	if (!json.failed && json.len < sizeof(route->project)) {
		memcpy(route->project, json.data, json.len);
		add_member(route, wsm__str("project_id"), wsm__slice(route->project, json.len));
	}
	wsm__buffer_fini(&json);
}

int wsm__publish_new(const wsm_publication *from, wsm_slice payload, struct wsm__publish **out, wsm_error *error)
{
	struct route route = { 0 };
	char room[NAME_SIZE], key[NAME_SIZE];
	wsm_slice automatic_room = { NULL, 0 }, key_slice = from->key;
	struct wsm__arena arena;
	size_t room_bytes = 0, n_rooms = from->n_ids;
	int status, level, len;
	bool flat;

	prepare(&route, from);
	flat = from->type.len && ((from->flags & WSM_PUBLISH_FLAT) || (route.event && route.event->flat));
	status = check_targets(from, error);
	/* Every browser that got such a text message would close its connection (RFC 6455 section 8.1). */
	if (!status && !(from->flags & WSM_PUBLISH_BINARY) && !wsm__utf8_valid(payload))
		status = wsm__fail(error, WSM_EINVAL, "the message is not UTF-8; send it as a binary message");
	if (!status && from->type.len)
		status = scan(&route, payload, error);
	if (!status)
		status = check_names(&route, flat, payload, error);
	add_project(&route, from);
	if (!status)
		status = gather_members(&route, flat, error);
	level = status ? status : level_of(&route, error);
	if (level < 0)
		return level;
	if (!key_slice.len && route.event && route.event->key) {
		len = fill(&route, route.event->key, key);
		if (len == -2) /* without its key it would take the place of others */
			return fail_fill(&route, WSM_EINVAL, route.event->key, error);
		key_slice = wsm__slice(key, len > 0 ? (size_t)len : 0);
	}
	if (key_slice.len > WSM__ROOM_NAME_MAX * 2)
		return wsm__fail(error, WSM_EINVAL, "a conflation key has at most %d bytes", WSM__ROOM_NAME_MAX * 2);
	if (from->target == WSM_TO_ALL || from->target == WSM_TO_AUTO) {
		len = from->target == WSM_TO_ALL ? 4 : automatic(&route, room, error);
		if (len < 0)
			return len;
		automatic_room = from->target == WSM_TO_ALL ? wsm__str("@all") : wsm__slice(room, (size_t)len);
		n_rooms = 1;
		room_bytes = automatic_room.len;
	} else {
		for (size_t i = 0; i < n_rooms; i++)
			room_bytes += from->ids[i].len + strlen(prefix_of(from->target));
	}
	*out = allocate(&route, key_slice, room_bytes, n_rooms, payload, &arena);
	if (!*out)
		return wsm__fail(error, WSM_ENOMEM, "out of memory");
	copy_rooms(*out, from, automatic_room, &arena);
	apply_rules(*out, &route, level);
	if (from->n_exclude && !((*out)->exclude = wsm__exclude_new(from->exclude, from->n_exclude))) {
		wsm__publish_free(*out, NULL);
		return wsm__fail(error, WSM_ENOMEM, "out of memory");
	}
	return WSM_OK;
}

void wsm__publish_free(struct wsm__publish *publish, const wsm_delivery *delivery)
{
	if (!publish)
		return;
	if (delivery)
		wsm__receipt_finish(publish->receipt, delivery);
	else
		wsm_receipt_unref(publish->receipt);
	wsm__exclude_unref(publish->exclude);
	free(publish);
}

wsm_slice wsm__publish_own_type(wsm_slice payload)
{
	wsm_slice object = wsm__json_trim(payload), name, value, found = { NULL, 0 };
	size_t at = 0;

	if (!object.len || object.data[0] != '{')
		return found;
	while (wsm__json_next(object, &at, &name, &value) == 1) {
		if (wsm__json_name_is(name, wsm__str("type")))
			return value;
		if (wsm__json_name_is(name, wsm__str("event_type")))
			found = value;
	}
	return found;
}

int wsm__publish_check_size(const wsm_runtime *runtime, size_t len, wsm_error *error)
{
	if (len <= runtime->config->max_publish_size)
		return WSM_OK;
	return wsm__fail(error, WSM_ETOOLARGE, "the message has %zu bytes; max_publish_size is %llu", len,
	                 (unsigned long long)runtime->config->max_publish_size);
}

int wsm__welcome_check(const wsm_runtime *runtime, const wsm_slice *welcome, size_t n, wsm_error *error)
{
	const wsm_publication publication = { .target = WSM_TO_ALL };
	struct wsm__publish *publish = NULL;
	int status = WSM_OK;

	for (size_t i = 0; i < n && !status; i++) {
		status = wsm__publish_check_size(runtime, welcome[i].len, error);
		if (!status)
			status = wsm__publish_new(&publication, welcome[i], &publish, error);
		if (!status)
			wsm__publish_free(publish, NULL);
	}
	return status;
}
