#include "clients/access.h"

#include "clients/conn.h"
#include "clients/grant.h"
#include "clients/opening.h"
#include "clients/sticky.h"
#include "host/checks.h"
#include "host/log.h"
#include "host/refusals.h"
#include "rooms/membership.h"
#include "rooms/room.h"

static const char *const no_grant =
	"this room is not granted: by the token's rooms claim, the application (connect(), authenticate, "
	"subscribe()), an authorize handler or a room rule";
static const char *const no_publish_grant =
	"publishing here is not granted: by the token's publish claim, an authorize handler or a room rule";
static const char *const nobody = "a room rule allows this to nobody";
static const char *const no_user = "a room rule allows this to users only: authenticate first";
static const char *const no_caller =
	"history over REST needs the API key, or an authenticate handler or a route of the "
	"application that says who calls: rest(request, user_id)";
static const char *const no_caller_or_token =
	"history over REST needs the API key, a token that grants the room, or an authenticate handler or a route of "
	"the application that says who calls: rest(request, user_id)";
static const char *const not_all = "this needs the grant of all rooms (\"*\")";
/* A close reason has 123 bytes. */
static const char *const no_endpoint =
	"the room of this endpoint is not granted: by the rooms claim, subscribe(), authorize or a room rule";
static const char *const no_firehose =
	"this endpoint needs the grant of all rooms: \"*\" among the token's rooms, or the "
	"application's";

bool wsm__access_authenticates(const struct wsm__core *core)
{
	return (atomic_load(&core->runtime->checks) & (WSM__CHECK_KEY | WSM__CHECK_AUTHENTICATE)) != 0;
}

bool wsm__access_guarded(const struct wsm__core *core)
{
	return wsm__checks_guard(core->runtime);
}

/* Returns who has a right. `let_in`: the caller was let in or is known, so @all is open to it without a rule. */
static enum wsm__who who_may(struct wsm__core *core, enum wsm__right right, wsm_slice room, bool let_in)
{
	struct wsm__room_rule rule;

	wsm__rules_get(&core->runtime->rules, room, &rule);
	if (let_in && wsm__slice_is(room, "@all") && !rule.subscribe)
		rule.subscribe = WSM__WHO_ANYONE;
	return wsm__access_who(&rule, right, wsm__access_guarded(core));
}

/* Returns whether wsm_conn_join() has put this connection there. */
static bool joined(const struct wsm__conn *conn, wsm_slice name)
{
	struct wsm__room *room = wsm__room_find(&conn->core->registry, name);
	const struct wsm__member *member = room ? wsm__member_find(&conn->core->registry, room->id, &conn->sub) : NULL;

	return member && member->joined;
}

static bool granted(const struct wsm__conn *conn, enum wsm__right right, wsm_slice room)
{
	if (right == WSM__RIGHT_PUBLISH)
		return (conn->grant && wsm__patterns_grant(&conn->grant->claims.publish, room)) ||
		       wsm__patterns_grant(&conn->may_publish, room);
	return (conn->grant && wsm__patterns_grant(&conn->grant->claims.rooms, room)) ||
	       wsm__patterns_grant(&conn->granted, room) || wsm__sticky_has(conn->core, conn->sub.user_id, room) ||
	       joined(conn, room);
}

static enum wsm__verdict ask_or(const struct wsm__conn *conn, const char *sentence, const char **why)
{
	*why = sentence;
	return wsm__wants(conn->core, WSM_WANT_AUTHORIZE) ? WSM__ASK : WSM__FORBIDDEN;
}

enum wsm__verdict wsm__access_check(const struct wsm__conn *conn, enum wsm__right right, wsm_slice room,
                                    const char **why)
{
	switch (who_may(conn->core, right, room, true)) {
	case WSM__WHO_ANYONE:
		return WSM__ALLOWED;
	case WSM__WHO_AUTHENTICATED:
		*why = no_user;
		return conn->sub.user_id.len ? WSM__ALLOWED : WSM__FORBIDDEN;
	case WSM__WHO_NOBODY:
		*why = nobody;
		return WSM__FORBIDDEN;
	default:
		if (granted(conn, right, room))
			return WSM__ALLOWED;
		return ask_or(conn, right == WSM__RIGHT_PUBLISH ? no_publish_grant : no_grant, why);
	}
}

enum wsm__verdict wsm__access_check_all(const struct wsm__conn *conn, const char **why)
{
	if (!wsm__access_guarded(conn->core) || wsm__patterns_grant_all(&conn->granted) ||
	    (conn->grant && wsm__patterns_grant_all(&conn->grant->claims.rooms)))
		return WSM__ALLOWED;
	return ask_or(conn, not_all, why);
}

bool wsm__access_hides(const struct wsm__core *core, const struct wsm__room_rule *rule)
{
	/* With a check of clients, the firehose needs the grant of all rooms; without, anyone has it. */
	return rule->subscribe == WSM__WHO_NOBODY || (rule->subscribe > WSM__WHO_ANYONE && !wsm__access_guarded(core));
}

bool wsm__access_replays(const struct wsm__conn *conn, wsm_slice room)
{
	struct wsm__room_rule rule;

	wsm__rules_get(&conn->core->runtime->rules, room, &rule);
	switch (rule.history) {
	case WSM__WHO_AUTHENTICATED:
		return conn->sub.user_id.len > 0;
	case WSM__WHO_GRANTED:
		return granted(conn, WSM__RIGHT_HISTORY, room);
	case WSM__WHO_NOBODY:
		return false;
	default: /* anyone; or no rule: history is open to subscribers */
		return true;
	}
}

/* Returns whether one of the host's patterns matches the room. */
static bool given(const wsm_slice *patterns, size_t n, wsm_slice room)
{
	for (size_t i = 0; i < n; i++)
		if (wsm__pattern_grants(patterns[i], room))
			return true;
	return false;
}

unsigned wsm__access_read(struct wsm__core *core, const struct wsm__reader *reader, wsm_slice room, const char **why)
{
	const struct wsm__claims *claims = reader->claims;
	const wsm_rest_request *host = reader->host;
	enum wsm__who who = who_may(core, WSM__RIGHT_HISTORY, room, claims || host);
	wsm_slice user_id = host ? host->user_id : wsm__str(claims ? claims->user_id : NULL);

	if (who == WSM__WHO_ANYONE)
		return 0;
	*why = nobody;
	if (who == WSM__WHO_NOBODY)
		return 403;
	*why = core->runtime->jwt ? no_caller_or_token : no_caller;
	if (!claims && !host)
		return 401;
	*why = no_user;
	if (who == WSM__WHO_AUTHENTICATED)
		return user_id.len ? 0 : 403;
	*why = no_grant;
	if ((claims && wsm__patterns_grant(&claims->rooms, room)) || wsm__sticky_has(core, user_id, room) ||
	    (host && (given(host->rooms, host->n_rooms, room) || given(host->subscribe, host->n_subscribe, room))))
		return 0;
	return 403;
}

/* ---- endpoints -------------------------------------------------------------------------------------------------- */

enum wsm__verdict wsm__access_check_next(const struct wsm__conn *conn, const char **why)
{
	const struct wsm__opening *opening = conn->opening;
	enum wsm__verdict verdict;

	if (opening->n_checked == opening->n_endpoint_rooms) {
		verdict = wsm__access_check_all(conn, why);
		*why = no_firehose;
		return verdict;
	}
	verdict = wsm__access_check(conn, WSM__RIGHT_SUBSCRIBE, wsm__str(opening->rooms[opening->n_checked]), why);
	if (*why == no_grant)
		*why = no_endpoint;
	return verdict;
}

void wsm__access_tell(const struct wsm__conn *conn, const char *action, wsm_slice room, const char *why)
{
	char name[80], user[80];

	wsm__refusal_tell(conn->core->runtime, WSM__REFUSED_ROOM, "%s of \"%s\" to %s%s (%s): %s (docs/access.md)",
	                  action, wsm__log_text(name, sizeof(name), room),
	                  conn->sub.user_id.len ? "user " : "somebody unknown",
	                  wsm__log_text(user, sizeof(user), conn->sub.user_id), conn->info->ip, why);
}

/* ---- another token ---------------------------------------------------------------------------------------------- */

bool wsm__access_keeps(const struct wsm__conn *conn, const struct wsm__member *member)
{
	const char *why;

	return member->vouched || member->room->kind != WSM__ROOM_PUBLIC ||
	       wsm__access_check(conn, WSM__RIGHT_SUBSCRIBE, wsm__room_name(member->room), &why) == WSM__ALLOWED;
}

static void tell_unsubscribed(struct wsm__conn *conn, wsm_slice room, const char *reason)
{
	struct wsm__buffer data;

	wsm__buffer_init(&data);
	wsm__buffer_add_str(&data, "{\"room\":");
	wsm__buffer_add_json(&data, room);
	wsm__buffer_add_str(&data, ",\"reason\":");
	wsm__buffer_add_json(&data, wsm__str(reason));
	wsm__buffer_add_str(&data, "}");
	wsm__conn_answer_from(conn, "unsubscribed", &data, wsm__str(NULL));
	wsm__buffer_fini(&data);
}

bool wsm__access_again(struct wsm__conn *conn, const struct wsm__regrant *regrant)
{
	struct wsm__member *member, *next;
	const char *why;
	bool covered =
		!conn->sub.firehose || conn->firehose_vouched || wsm__access_check_all(conn, &why) == WSM__ALLOWED;

	DL_FOREACH(conn->sub.members, member) {
		covered &= !member->by_entry || wsm__access_keeps(conn, member);
	}
	if (!covered) {
		wsm__conn_close(conn, 4403, regrant->no_endpoint);
		return false;
	}
	for (member = conn->sub.members; member; member = next) {
		next = member->next;
		if (wsm__access_keeps(conn, member))
			continue;
		tell_unsubscribed(conn, wsm__room_name(member->room), regrant->no_room);
		wsm__leave(&conn->core->registry, &conn->sub, member->room);
	}
	return true;
}

void wsm__access_guard(struct wsm__core *core, unsigned checks)
{
	static const struct wsm__regrant late = {
		"clients are checked now, and this room is not granted",
		"clients are checked now, and the rooms of this endpoint are not granted"
	};
	unsigned long long ended = 0;

	for (uint64_t i = 0; i < core->n_conns; i++)
		if (core->conns[i]->state == WSM__CONN_OPEN)
			ended += !wsm__access_again(core->conns[i], &late);
	wsm__log(core->runtime, WSM_WARNING,
	         "access: granted from now on, because of %s, which was not known at the start: public rooms need a "
	         "grant "
	         "(option access=auto), and %llu connection%s to rooms without one %s been closed. Let it be known "
	         "before "
	         "the start, or set access=granted",
	         wsm__checks_by(core->runtime, checks), ended, ended == 1 ? "" : "s", ended == 1 ? "has" : "have");
}
