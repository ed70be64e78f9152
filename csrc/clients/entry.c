/* Lets a connection in: finds out its user and its rooms, and opens it. */
#include "clients/entry.h"

#include <stdio.h>

#include "base/siphash.h"
#include "clients/access.h"
#include "clients/carrier.h"
#include "clients/conn.h"
#include "clients/drain.h"
#include "clients/grant.h"
#include "clients/greeting.h"
#include "clients/opening.h"
#include "clients/peers.h"
#include "clients/token.h"
#include "clients/users.h"
#include "host/conn_info.h"
#include "host/events.h"
#include "host/lists.h"
#include "policy/config.h"
#include "rooms/room.h"
#include "wire/command.h"

/* ---- open ------------------------------------------------------------------------------------------------------- */

/* Replaces the facts by the same ones with the user and the session of the decision. */
static int info_identify(struct wsm__conn *conn, wsm_slice user_id, wsm_slice session_id)
{
	const wsm_conn_info *old = conn->info;
	wsm_slice texts[7] = {
		wsm__str(old->client_id),
		user_id.len ? user_id : wsm__str(old->user_id),
		session_id.len ? session_id : wsm__str(old->session_id),
		wsm__str(old->path),
		wsm__str(old->query),
		wsm__str(old->ip),
		wsm__str(old->user_agent),
	};
	const wsm_conn_info *info = wsm__info_new(old->conn, old->connected_at, texts);
	struct wsm__core *core = conn->core;

	if (!info)
		return WSM_ENOMEM;
	HASH_DELETE(by_client, core->by_client, conn); /* its key is in the old one */
	conn->info = info;
	conn->sub.client_id = wsm__str(info->client_id);
	conn->sub.user_id = wsm__str(info->user_id);
	HASH_ADD_KEYPTR_BYHASHVALUE(
		by_client, core->by_client, info->client_id, (unsigned)conn->sub.client_id.len,
		(unsigned)wsm__siphash(info->client_id, conn->sub.client_id.len, core->registry.key), conn);
	wsm_conn_info_unref(old);
	return WSM_OK;
}

/* Counts the connection for its user. Returns false, and closes it, if the user has too many. */
static bool count_user(struct wsm__conn *conn)
{
	if (conn->user || !conn->sub.user_id.len)
		return true;
	if (!wsm__user_enter(conn->core, conn->sub.user_id, &conn->user))
		wsm__conn_close(conn, 1013, "the server is out of memory");
	else if (!conn->user)
		wsm__conn_refuse(conn, 1013, "there are too many connections of this user (max_connections_per_user)");
	return conn->user != NULL;
}

static void announce(struct wsm__conn *conn)
{
	struct wsm__event *event;

	if (!wsm__wants(conn->core, WSM_WANT_CONNECT | WSM_WANT_DISCONNECT))
		return;
	event = wsm__event_new(WSM_EVENT_CONNECT, wsm__str(NULL), wsm__str(NULL), wsm__str(NULL));
	if (!event)
		return;
	event->event.conn = conn->number;
	event->event.info = wsm_conn_info_ref(conn->info);
	conn->announced = wsm__event_post(conn->core->runtime, event, false);
}

static void vouch(struct wsm__conn *conn)
{
	const struct wsm__opening *opening = conn->opening;
	struct wsm__registry *registry = &conn->core->registry;

	for (size_t i = 0; i < opening->n_endpoint_rooms && i < 64; i++) {
		struct wsm__room *room = wsm__room_find(registry, wsm__str(opening->rooms[i]));
		struct wsm__member *member = room ? wsm__member_find(registry, room->id, &conn->sub) : NULL;

		if (member && opening->vouched >> i & 1)
			member->vouched = true;
	}
}

static void opened(struct wsm__conn *conn)
{
	const struct wsm__core *core = conn->core;
	struct wsm__opening *opening = conn->opening;
	struct wsm__early *early = opening->early;

	conn->state = WSM__CONN_OPEN;
	if (conn->carrier->admit)
		conn->carrier->admit(conn);
	if (!conn->echo)
		wsm__conn_enter(conn);
	vouch(conn);
	if (opening->by_message && conn->state == WSM__CONN_OPEN)
		wsm__token_answer(conn, wsm__str(opening->answer_id));
	opening->early = NULL;
	conn->opening = NULL;
	wsm__opening_free(opening);
	if (!conn->echo)
		announce(conn);
	core->take_early(conn, early);
}

/* ---- rooms whose log has to open first ----------------------------------------------------------------------------- */

static bool await_rooms(struct wsm__conn *conn, uint64_t since);

static void room_opened(struct wsm__ticket *ticket, const struct wsm__outcome *outcome)
{
	struct wsm__conn *conn = ticket->who;

	if (conn->state != WSM__CONN_DECIDING)
		return;
	if (outcome->status)
		wsm__conn_refuse(conn, 1013, "a room of this connection is not available now; try again");
	else if (!await_rooms(conn, ticket->since))
		opened(conn);
}

/* Leaves it DECIDING until its rooms are open. Returns false if they are. `since`: a ticket of the same wait, or 0. */
static bool await_rooms(struct wsm__conn *conn, uint64_t since)
{
	struct wsm__ticket *ticket;
	struct wsm__need need;

	if (!wsm__conn_needs(conn, &need))
		return false;
	conn->state = WSM__CONN_DECIDING;
	conn->opening->awaits_rooms = true;
	ticket = wsm__ticket_new(conn->core, WSM__AWAITS_LOG, &conn->waits, conn, room_opened, NULL);
	if (ticket && since)
		ticket->since = since;
	if (!ticket || !wsm__ticket_await(ticket, &need))
		wsm__conn_refuse(conn, 1013, "the server is out of memory");
	return true;
}

/* ---- what its endpoint joins ------------------------------------------------------------------------------------- */

static void enter(struct wsm__conn *conn);

static void forbid(struct wsm__conn *conn, const char *why)
{
	const struct wsm__opening *opening = conn->opening;
	bool all = opening->n_checked == opening->n_endpoint_rooms;

	conn->core->counters.forbidden++;
	wsm__access_tell(conn, all ? "the firehose, all rooms" : "an endpoint that joins",
	                 wsm__str(all ? "*" : opening->rooms[opening->n_checked]), why);
	conn->core->counters.refused++;
	wsm__conn_close(conn, 4403, why);
}

static void entered(struct wsm__ticket *ticket, const struct wsm__outcome *outcome)
{
	struct wsm__conn *conn = ticket->who;
	struct wsm__opening *opening = conn->opening;

	if (!outcome->decision->allow) {
		forbid(conn, outcome->decision->reason.data);
		return;
	}
	if (opening->n_checked == opening->n_endpoint_rooms)
		conn->firehose_vouched = true;
	else if (opening->n_checked < 64)
		opening->vouched |= (uint64_t)1 << opening->n_checked;
	opening->n_checked++;
	enter(conn);
}

/* Asks the host whether it may join a room of its endpoint ("*": all); leaves it DECIDING. Returns false when out of memory. */
static bool ask_whether(struct wsm__conn *conn, const char *room)
{
	struct wsm__ticket *ticket =
		wsm__ticket_new(conn->core, WSM__AWAITS_AUTHORIZE, &conn->waits, conn, entered, NULL);

	conn->state = WSM__CONN_DECIDING;
	return ticket && wsm__ticket_ask(ticket, wsm__str("subscribe"), wsm__str(room), conn->info);
}

/*
 * Checks the endpoint's rooms, and the firehose: opens the connection, closes it with 4403, or leaves it DECIDING while it asks the
 * authorize handler. Runs again after each yes.
 */
static void enter(struct wsm__conn *conn)
{
	struct wsm__opening *opening = conn->opening;
	size_t n = conn->admitted ? 0 : opening->n_endpoint_rooms + opening->firehose;
	const char *why = NULL;

	for (; opening->n_checked < n; opening->n_checked++) {
		bool all = opening->n_checked == opening->n_endpoint_rooms;
		enum wsm__verdict verdict = wsm__access_check_next(conn, &why);

		if (verdict == WSM__ALLOWED)
			continue;
		if (verdict == WSM__ASK && ask_whether(conn, all ? "*" : opening->rooms[opening->n_checked]))
			return;
		if (verdict == WSM__ASK)
			wsm__conn_refuse(conn, 1013, "the application is overloaded");
		else
			forbid(conn, why);
		return;
	}
	if (!await_rooms(conn, 0))
		opened(conn);
}

/* Takes the decision about its user (NULL: nobody decides), and goes on to its rooms. */
static void open_as(struct wsm__conn *conn, const wsm_decision *decision)
{
	int status = WSM_OK;

	if (conn->state != WSM__CONN_HANDSHAKE && conn->state != WSM__CONN_DECIDING)
		return;
	if (decision && (decision->user_id.len || decision->session_id.len))
		status = info_identify(conn, decision->user_id, decision->session_id);
	if (decision && !status)
		status = wsm__conn_take_grants(conn, &WSM__LISTS_OF(decision));
	if (status)
		wsm__conn_refuse(conn, 1013, "the server is out of memory");
	else if (conn->echo)
		opened(conn);
	else if (count_user(conn))
		enter(conn);
}

/* ---- questions to the host -------------------------------------------------------------------------------------- */

static void authenticated(struct wsm__ticket *ticket, const struct wsm__outcome *outcome)
{
	struct wsm__conn *conn = ticket->who;
	const wsm_decision *decision = outcome->decision;
	char reason[124];

	if (decision->allow) {
		open_as(conn, decision);
		return;
	}
	if (wsm__outcome_offends(outcome))
		wsm__peer_offence(conn->core, conn->peer, WSM__OFFENCE_token);
	if (decision->reason.len)
		snprintf(reason, sizeof(reason), "%.*s", (int)decision->reason.len, decision->reason.data);
	else
		snprintf(reason, sizeof(reason), "the application did not accept the connection");
	wsm__conn_refuse(conn, decision->code ? decision->code : 4401, reason);
}

static void ask_who(struct wsm__conn *conn)
{
	struct wsm__buffer *described = &conn->opening->described;
	struct wsm__ticket *ticket =
		wsm__ticket_new(conn->core, WSM__AWAITS_AUTHENTICATE, &conn->waits, conn, authenticated, NULL);

	conn->state = WSM__CONN_DECIDING;
	if (!ticket ||
	    !wsm__ticket_ask(ticket, wsm__str(NULL), wsm__slice(described->data, described->len), conn->info))
		wsm__conn_refuse(conn, 1013, "the application is overloaded");
}

/* ---- tokens ----------------------------------------------------------------------------------------------------- */

/* Checks the token; opens the connection, or closes it with 4401 or 4403. */
static void let_in(struct wsm__conn *conn, wsm_slice token)
{
	enum wsm__jwt_result result;
	struct wsm__grant *grant = wsm__grant_new(conn->core, token, &result);
	wsm_decision decision = { .allow = true };

	if (!grant) {
		wsm__grant_bad(conn->core, conn->peer, result);
		wsm__conn_refuse(conn, wsm__jwt_later(result) ? 1013 : 4401, wsm__jwt_text(result));
		return;
	}
	conn->grant = grant;
	decision.user_id = wsm__str(grant->claims.user_id);
	decision.session_id = wsm__str(grant->claims.session_id);
	open_as(conn, &decision);
}

static void no_token_came(struct wsm__ticket *ticket, const struct wsm__outcome *outcome)
{
	wsm__conn_refuse(ticket->who, outcome->decision->code, outcome->decision->reason.data);
}

/* Leaves it DECIDING until it shows a token, for auth_timeout at most. */
static void await_token(struct wsm__conn *conn)
{
	conn->state = WSM__CONN_DECIDING;
	if (wsm__ticket_new(conn->core, WSM__AWAITS_TOKEN, &conn->waits, conn, no_token_came, NULL))
		conn->awaits_token = true;
	else
		wsm__conn_refuse(conn, 1013, "the server is out of memory");
}

static void admit(struct wsm__conn *conn)
{
	if (conn->opening->token)
		let_in(conn, wsm__str(conn->opening->token));
	else if (wsm__wants(conn->core, WSM_WANT_AUTHENTICATE))
		ask_who(conn);
	else if (conn->by_http) /* it cannot send a message before it is let in */
		wsm__conn_refuse(conn, 4401, "a token is needed: Authorization: Bearer, the path, or a subprotocol");
	else
		await_token(conn);
}

bool wsm__conn_first(struct wsm__conn *conn, wsm_slice message)
{
	struct wsm__command command;
	bool is_auth;

	wsm__command_parse(&command, message);
	is_auth = command.action == WSM__ACTION_AUTH;
	if (is_auth && command.error_code) {
		wsm__conn_refuse(conn, 4401, command.error);
	} else if (is_auth) {
		/* Earlier messages wait on; their answers come after this one. */
		conn->awaits_token = false;
		conn->opening->by_message = true;
		conn->opening->answer_id = command.id.len ? wsm__slice_dup(command.id) : NULL;
		wsm__tickets_forget(&conn->waits);
		let_in(conn, command.token);
	}
	wsm__command_fini(&command);
	return is_auth;
}

/* ---- at the door ------------------------------------------------------------------------------------------------- */

static bool arrives(struct wsm__conn *conn)
{
	switch (wsm__peer_arrives(conn->core, conn->peer)) {
	case WSM__ARRIVAL_WELCOME:
		return true;
	case WSM__ARRIVAL_BANNED:
		wsm__conn_refuse(conn, 4429, "this address is banned for a while");
		return false;
	default:
		wsm__conn_refuse(conn, 1013,
		                 "there are too many new connections from this address (connection_rate_per_ip)");
		return false;
	}
}

static void too_many(struct wsm__conn *conn, enum wsm__limit limit, const char *reason)
{
	wsm__limit_broken(conn->core, limit);
	wsm__conn_refuse(conn, 1013, reason);
}

void wsm__conn_established(struct wsm__conn *conn)
{
	struct wsm__core *core = conn->core;
	const struct wsm__opening *opening = conn->opening;

	if (conn->state != WSM__CONN_HANDSHAKE)
		return;
	if (core->stopping)
		wsm__drain_close(conn);
	else if (!conn->arrived && !arrives(conn))
		; /* closed */
	else if (conn->echo)
		open_as(conn, NULL);
	else if (core->n_active > core->config->max_connections)
		too_many(conn, WSM__LIMIT_max_connections,
		         "the server has as many connections as it may (max_connections)");
	else if (conn->peer->connections > core->config->max_connections_per_ip)
		too_many(conn, WSM__LIMIT_max_connections_per_ip,
		         "there are too many connections from this address (max_connections_per_ip)");
	else if (opening->refuse_code)
		wsm__conn_refuse(conn, opening->refuse_code, opening->refuse_reason);
	else if (conn->ask)
		ask_who(conn);
	else if (core->runtime->jwt && !conn->admitted)
		admit(conn);
	else if (wsm__wants(core, WSM_WANT_AUTHENTICATE) && !conn->admitted)
		ask_who(conn);
	else
		open_as(conn, NULL);
}
