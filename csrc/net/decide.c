/*
 * Questions to the host: may this client come in, may it do that. The runtime goes on meanwhile; a question that is not
 * answered within auth_timeout is answered with no.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/access.h"
#include "net/session.h"

#define WAITING_MAX 32 /* questions of one connection */

struct wsm__ticket {
	UT_hash_handle hh;
	uint64_t number;
	uint64_t deadline_ms;
	struct wsm__conn *conn;        /* NULL: a REST call waits */
	struct wsm__session *session;  /* which makes that call */
	bool authenticate, token;      /* token: a client's, not a question to the host */
	bool enter;                    /* authorize: about a room of its endpoint */
	wsm_slice message, action, id; /* authorize: the client's message, to be run again */
};

static struct wsm__ticket *ticket_make(struct wsm__core *core, wsm_slice message, wsm_slice action, wsm_slice id)
{
	struct wsm__ticket *ticket = malloc(sizeof(*ticket) + message.len + action.len + id.len + 3);
	struct wsm__arena arena;

	if (!ticket)
		return NULL;
	memset(ticket, 0, sizeof(*ticket));
	arena.at = (char *)(ticket + 1);
	ticket->message = wsm__arena_copy(&arena, message);
	ticket->action = wsm__arena_copy(&arena, action);
	ticket->id = wsm__arena_copy(&arena, id);
	ticket->number = ++core->next_ticket;
	ticket->deadline_ms = core->now_ms + (uint64_t)(core->config->auth_timeout * 1000);
	HASH_ADD(hh, core->tickets, number, sizeof(ticket->number), ticket);
	return ticket;
}

static struct wsm__ticket *ticket_new(struct wsm__conn *conn, wsm_slice message, wsm_slice action, wsm_slice id)
{
	struct wsm__ticket *ticket = ticket_make(conn->core, message, action, id);

	if (!ticket)
		return NULL;
	ticket->conn = conn;
	conn->pending_decisions++;
	return ticket;
}

static void ticket_free(struct wsm__core *core, struct wsm__ticket *ticket)
{
	if (ticket->conn)
		ticket->conn->pending_decisions--;
	else
		ticket->session->asked = NULL;
	HASH_DEL(core->tickets, ticket);
	free(ticket);
}

static bool post(struct wsm__core *core, struct wsm__ticket *ticket, wsm_event_kind kind, wsm_slice text,
                 wsm_slice data)
{
	struct wsm__event *event = wsm__event_new(kind, text, data, wsm__str(NULL));

	if (!event)
		return false;
	event->event.ticket = ticket->number;
	if (ticket->conn) {
		event->event.conn = ticket->conn->number;
		event->event.info = wsm_conn_info_ref(ticket->conn->info);
	}
	return wsm__event_post(core->runtime, event, false);
}

void wsm__decide_authenticate(struct wsm__conn *conn)
{
	struct wsm__buffer *described = &conn->opening->described;
	struct wsm__ticket *ticket = ticket_new(conn, wsm__str(NULL), wsm__str(NULL), wsm__str(NULL));

	conn->state = WSM__CONN_DECIDING;
	if (ticket) {
		ticket->authenticate = true;
		if (post(conn->core, ticket, WSM_EVENT_AUTHENTICATE, wsm__str(NULL),
		         wsm__slice(described->data, described->len)))
			return;
		ticket_free(conn->core, ticket);
	}
	wsm__conn_refuse(conn, 1013, "the application is overloaded");
}

bool wsm__decide_identify(struct wsm__session *session, wsm_slice question)
{
	struct wsm__core *core = session->core;
	struct wsm__ticket *ticket = ticket_make(core, wsm__str(NULL), wsm__str(NULL), wsm__str(NULL));

	if (!ticket)
		return false;
	ticket->authenticate = true;
	ticket->session = session;
	if (!post(core, ticket, WSM_EVENT_AUTHENTICATE, wsm__str(NULL), question)) {
		ticket_free(core, ticket);
		return false;
	}
	wsm__session_asking(session);
	session->asked = ticket;
	return true;
}

void wsm__decide_await_token(struct wsm__conn *conn)
{
	struct wsm__ticket *ticket = ticket_new(conn, wsm__str(NULL), wsm__str(NULL), wsm__str(NULL));

	conn->state = WSM__CONN_DECIDING;
	if (!ticket) {
		wsm__conn_refuse(conn, 1013, "the server is out of memory");
		return;
	}
	ticket->token = conn->awaits_token = true;
}

bool wsm__decide_enter(struct wsm__conn *conn, const char *room)
{
	struct wsm__ticket *ticket = ticket_new(conn, wsm__str(NULL), wsm__str(NULL), wsm__str(NULL));

	conn->state = WSM__CONN_DECIDING;
	if (!ticket)
		return false;
	ticket->enter = true;
	if (post(conn->core, ticket, WSM_EVENT_AUTHORIZE, wsm__str("subscribe"), wsm__str(room)))
		return true;
	ticket_free(conn->core, ticket);
	return false;
}

bool wsm__decide_authorize(struct wsm__conn *conn, wsm_slice action, wsm_slice room, wsm_slice message, wsm_slice id)
{
	struct wsm__ticket *ticket;

	if (conn->pending_decisions >= WAITING_MAX)
		return false;
	ticket = ticket_new(conn, message, action, id);
	if (!ticket)
		return false;
	if (post(conn->core, ticket, WSM_EVENT_AUTHORIZE, action, room))
		return true;
	ticket_free(conn->core, ticket);
	return false;
}

static struct wsm__ticket *find(struct wsm__core *core, uint64_t number)
{
	struct wsm__ticket *ticket = NULL;

	HASH_FIND(hh, core->tickets, &number, sizeof(number), ticket);
	return ticket;
}

bool wsm__decision_offends(const wsm_decision *decision)
{
	return !decision->allow && (!decision->code || decision->code == 4401);
}

/* Of a REST call. */
static void identified(struct wsm__core *core, struct wsm__ticket *ticket, const wsm_decision *decision)
{
	struct wsm__session *session = ticket->session;

	ticket_free(core, ticket);
	wsm__entry_identified(session, decision);
}

/* Nobody has answered. */
static void refuse_call(struct wsm__core *core, struct wsm__ticket *ticket, unsigned code, const char *why)
{
	const wsm_decision no = { .allow = false, .code = code, .reason = wsm__str(why) };

	identified(core, ticket, &no);
}

/* The answer to an authenticate question; late answers find nothing. */
void wsm__decide_authenticated(struct wsm__core *core, uint64_t number, const wsm_decision *decision)
{
	struct wsm__ticket *ticket = find(core, number);
	struct wsm__conn *conn;
	char reason[124];

	if (!ticket || !ticket->authenticate)
		return;
	conn = ticket->conn;
	if (!conn) {
		const struct wsm__address client = ticket->session->peer->address;

		identified(core, ticket, decision);
		if (wsm__decision_offends(decision)) /* afterwards: the ban that may follow is no answer to this call */
			wsm__peer_offence(core, wsm__peer_get(core, &client), WSM__OFFENCE_token);
		return;
	}
	ticket_free(core, ticket);
	if (decision->allow) {
		wsm__conn_open(conn, decision);
		return;
	}
	if (wsm__decision_offends(decision))
		wsm__peer_offence(core, conn->peer, WSM__OFFENCE_token);
	if (decision->reason.len)
		snprintf(reason, sizeof(reason), "%.*s", (int)decision->reason.len, decision->reason.data);
	else
		snprintf(reason, sizeof(reason), "the application did not accept the connection");
	wsm__conn_refuse(conn, decision->code ? decision->code : 4401, reason);
}

static void refuse(struct wsm__core *core, struct wsm__ticket *ticket, const char *why)
{
	struct wsm__conn *conn = ticket->conn;

	if (!conn) {
		refuse_call(core, ticket, 4401, why);
		return;
	}
	if (ticket->authenticate || ticket->token) {
		ticket_free(core, ticket);
		wsm__conn_refuse(conn, 4401, why);
		return;
	}
	if (ticket->enter) {
		ticket_free(core, ticket);
		wsm__access_entered(conn, false, why);
		return;
	}
	core->counters.forbidden++;
	wsm__conn_error(conn, "forbidden", why, ticket->action, ticket->id);
	ticket_free(core, ticket);
}

void wsm__decide_authorized(struct wsm__core *core, uint64_t number, bool allow)
{
	struct wsm__ticket *ticket = find(core, number);

	if (!ticket || ticket->authenticate || ticket->token)
		return;
	if (allow && ticket->enter) {
		struct wsm__conn *conn = ticket->conn;

		ticket_free(core, ticket);
		wsm__access_entered(conn, true, NULL);
		return;
	}
	if (allow) {
		wsm__client_resume(ticket->conn, ticket->message);
		ticket = find(core, number); /* the connection may have closed, and forgotten it */
		if (ticket)
			ticket_free(core, ticket);
		return;
	}
	refuse(core, ticket, "the application does not allow this");
}

void wsm__decide_forget(struct wsm__conn *conn)
{
	struct wsm__ticket *ticket, *next;

	if (!conn->pending_decisions)
		return;
	HASH_ITER(hh, conn->core->tickets, ticket, next) {
		if (ticket->conn == conn)
			ticket_free(conn->core, ticket);
	}
}

void wsm__decide_forget_call(struct wsm__session *session)
{
	ticket_free(session->core, session->asked);
}

void wsm__decide_stop(struct wsm__core *core)
{
	while (core->asking)
		refuse_call(core, core->asking->asked, 1001, "the server is shutting down; try again in a moment");
}

void wsm__decide_expire(struct wsm__core *core)
{
	struct wsm__ticket *ticket;

	/* In the order of their making, so of their deadlines. */
	while ((ticket = core->tickets) && ticket->deadline_ms <= core->now_ms) {
		if (ticket->token) {
			refuse(core, ticket, "no token came in time: send {\"action\":\"auth\",\"token\":...} first");
			continue;
		}
		wsm__log(core->runtime, WSM_WARNING,
		         "the %s handler did not answer within auth_timeout (%g s); refused",
		         ticket->authenticate ? "authenticate" : "authorize", core->config->auth_timeout);
		refuse(core, ticket, "the application did not answer in time");
	}
}

void wsm__decide_fini(struct wsm__core *core)
{
	struct wsm__ticket *ticket, *next;

	HASH_ITER(hh, core->tickets, ticket, next) {
		ticket_free(core, ticket);
	}
}
