/* Messages from clients: put together, limited, and carried out (docs/protocol.md, "What a client may send"). */
#include "clients/client.h"

#include <stdlib.h>
#include <string.h>

#include "clients/access.h"
#include "clients/answers.h"
#include "clients/carrier.h"
#include "clients/echo.h"
#include "clients/entry.h"
#include "clients/limits.h"
#include "clients/opening.h"
#include "clients/presence.h"
#include "clients/say.h"
#include "clients/subscription.h"
#include "clients/token.h"
#include "host/events.h"
#include "host/refusals.h"
#include "policy/config.h"
#include "rooms/catchup.h"
#include "rooms/membership.h"
#include "rooms/room.h"
#include "wire/command.h"

#define HISTORY_LIMIT_MAX 1000u
#define EARLY_MAX 32u         /* messages before the host has decided */
#define EARLY_ROOMS_MAX 1024u /* messages while its rooms open, a wait that the client cannot see */
#define WAITING_MAX 32        /* questions to the host about one connection */
#define BYTES_PER_VALUE 16u   /* further bytes in byte_rate for each JSON value */

/* ---- the core's actions ----------------------------------------------------------------------------------------- */

static void fail(struct wsm__conn *conn, const struct wsm__command *command, const char *code, const char *message)
{
	wsm__conn_error(conn, code, message, command->name, command->id);
}

/* One attempt to carry out a message; the second one follows when the host or the room's log has answered. */
struct attempt {
	struct wsm__conn *conn;
	const struct wsm__command *command;
	wsm_slice message;
	bool vouched;                     /* the authorize handler has allowed it */
	const struct wsm__log_read *page; /* from the log of its room, after a wait */
};

static void log_answered(struct wsm__ticket *ticket, const struct wsm__outcome *outcome);

/* The message is run again when the log of its room has done what is needed. */
static void wait_for_log(const struct attempt *attempt, const struct wsm__need *need)
{
	const struct wsm__command *command = attempt->command;
	const wsm_slice texts[3] = { attempt->message, command->name, command->id };
	struct wsm__conn *conn = attempt->conn;
	struct wsm__ticket *ticket;

	if (conn->waits.count >= WAITING_MAX + conn->core->config->max_rooms) {
		fail(conn, command, "rate_limited", "too many requests of this connection wait for their rooms");
		return;
	}
	ticket = wsm__ticket_new(conn->core, WSM__AWAITS_LOG, &conn->waits, conn, log_answered, texts);
	if (ticket)
		ticket->vouched = attempt->vouched;
	if (!ticket || !wsm__ticket_await(ticket, need))
		fail(conn, command, "internal", "the server is out of memory");
}

static void subscribe(const struct attempt *attempt)
{
	struct wsm__conn *conn = attempt->conn;
	const struct wsm__command *command = attempt->command;
	struct wsm__registry *registry = &conn->core->registry;
	struct wsm__room *room = wsm__room_find(registry, command->room);
	struct wsm__since since = { command->epoch, command->since };
	struct wsm__member *member = room ? wsm__member_find(registry, room->id, &conn->sub) : NULL;
	bool replays = command->has_since && wsm__access_replays(conn, command->room);
	struct wsm__joined joined;
	struct wsm__need need;

	if (!(member && (member->asked || member->by_entry)) &&
	    !wsm__limits_subscribe(conn, command->name, command->id))
		return;
	if (wsm__room_needs(conn->core, command->room, &need)) {
		wait_for_log(attempt, &need);
		return;
	}
	room = wsm__room_get(registry, command->room, conn->core->now_ms);
	if (!room || wsm__join(registry, &conn->sub, room, command->level, replays ? &since : NULL, conn->core->now_ms,
	                       &joined)) {
		fail(conn, command, "internal", "the server is out of memory");
		return;
	}
	member = wsm__member_find(registry, room->id, &conn->sub);
	member->vouched |= attempt->vouched;
	if (!member->asked && !member->by_entry) {
		member->asked = true;
		conn->sub.n_asked++;
	}
	wsm__subscription_tell(conn, "subscribed", command->room, command->id, room, &joined);
	wsm__limits_answered(conn, joined.replayed, 0);
	wsm__refill(registry, &conn->sub, conn->core->now_ms);
}

static void unsubscribe(const struct attempt *attempt)
{
	struct wsm__conn *conn = attempt->conn;
	const struct wsm__command *command = attempt->command;
	struct wsm__room *room = wsm__room_find(&conn->core->registry, command->room);
	struct wsm__need need = { .room = room };

	if (room && room->log && room->log->waits) { /* behind what it asked for before */
		wait_for_log(attempt, &need);
		return;
	}
	if (room)
		wsm__leave(&conn->core->registry, &conn->sub, room);
	wsm__subscription_tell(conn, "unsubscribed", command->room, command->id, NULL, NULL);
}

static void history(const struct attempt *attempt)
{
	struct wsm__conn *conn = attempt->conn;
	const struct wsm__command *command = attempt->command;
	struct wsm__need need;
	struct wsm__history_request request = {
		.room = command->room,
		.has_since = command->has_since,
		.since = { command->epoch, command->since },
		.limit = command->limit > HISTORY_LIMIT_MAX ? HISTORY_LIMIT_MAX : command->limit,
		.max_bytes = conn->core->config->max_queue / 2,
		.level = command->level,
		.page = attempt->page,
	};
	struct wsm__buffer data;

	if (wsm__history_needs(conn->core, &request, &need)) {
		wait_for_log(attempt, &need);
		return;
	}
	wsm__buffer_init(&data);
	wsm__answer_history(conn->core, &request, &data);
	wsm__conn_answer_from(conn, "history", &data, command->id);
	wsm__limits_answered(conn, 0, data.len);
	wsm__buffer_fini(&data);
}

static void presence(struct wsm__conn *conn, const struct wsm__command *command)
{
	struct wsm__presence_page page = {
		.room = command->room,
		.limit = command->has_limit ? command->limit : WSM__PRESENCE_LIMIT,
	};
	struct wsm__buffer data;

	if (!wsm__presence_cursor(command->after, &page)) {
		fail(conn, command, "bad_request", "\"after\" must be the \"next\" of an earlier answer");
		return;
	}
	wsm__buffer_init(&data);
	wsm__answer_presence(conn->core, &page, &data);
	wsm__conn_answer_from(conn, "presence", &data, command->id);
	wsm__limits_answered(conn, 0, data.len);
	wsm__buffer_fini(&data);
}

static void stats(struct wsm__conn *conn, const struct wsm__command *command)
{
	struct wsm__buffer data;

	wsm__buffer_init(&data);
	wsm__answer_stats_sparingly(conn->core, &data);
	wsm__conn_answer_from(conn, "stats", &data, command->id);
	wsm__limits_answered(conn, 0, data.len);
	wsm__buffer_fini(&data);
}

/* ---- the host's actions ----------------------------------------------------------------------------------------- */

static bool host_has(wsm_runtime *runtime, wsm_slice action)
{
	const struct wsm__name *name;

	pthread_mutex_lock(&runtime->actions_lock);
	for (name = runtime->actions; name && !wsm__slice_is(action, name->text); name = name->next)
		;
	pthread_mutex_unlock(&runtime->actions_lock);
	return name != NULL;
}

static void hand_to_host(struct wsm__conn *conn, wsm_event_kind kind, const struct wsm__command *command,
                         wsm_slice data, bool binary)
{
	struct wsm__event *event = wsm__event_new(kind, command->name, data, command->id);

	if (event) {
		event->event.conn = conn->number;
		event->event.info = wsm_conn_info_ref(conn->info);
		event->event.binary = binary;
		if (wsm__event_post(conn->core->runtime, event, false))
			return;
	}
	fail(conn, command, "internal", "the application does not keep up; try again later");
}

static void other(struct wsm__conn *conn, const struct wsm__command *command, wsm_slice message)
{
	if (command->name.len && host_has(conn->core->runtime, command->name))
		hand_to_host(conn, WSM_EVENT_COMMAND, command, message, false);
	else if (wsm__wants(conn->core, WSM_WANT_MESSAGE))
		hand_to_host(conn, WSM_EVENT_MESSAGE, command, message, false);
	else if (command->action == WSM__ACTION_TEXT)
		fail(conn, command, "bad_json", "a message must be a JSON object, or the text ping");
	else if (command->name.len)
		fail(conn, command, "unknown_action", "neither the server nor the application knows this action");
	else
		fail(conn, command, "bad_request", "the message has no \"action\"");
}

/* ---- one message ------------------------------------------------------------------------------------------------ */

static void carry_out(const struct attempt *attempt)
{
	struct wsm__conn *conn = attempt->conn;
	const struct wsm__command *command = attempt->command;

	switch (command->action) {
	case WSM__ACTION_PING:
		wsm__conn_answer(conn, "pong", wsm__str(NULL), command->id);
		break;
	case WSM__ACTION_SUBSCRIBE:
		subscribe(attempt);
		break;
	case WSM__ACTION_UNSUBSCRIBE:
		unsubscribe(attempt);
		break;
	case WSM__ACTION_STATS:
		stats(conn, command);
		break;
	case WSM__ACTION_AUTH:
		wsm__token_renew(conn, command);
		break;
	case WSM__ACTION_HISTORY:
		history(attempt);
		break;
	case WSM__ACTION_PRESENCE:
		presence(conn, command);
		break;
	case WSM__ACTION_PUBLISH:
		wsm__client_publish(conn, command);
		break;
	case WSM__ACTION_TEXT:
	case WSM__ACTION_OTHER:
		other(conn, command, attempt->message);
		break;
	}
}

/* Checks whether the action is allowed. Statistics name rooms, so they need the right to all rooms. */
static enum wsm__verdict check(struct wsm__conn *conn, const struct wsm__command *command, const char **why)
{
	switch (command->action) {
	case WSM__ACTION_SUBSCRIBE:
		return wsm__access_check(conn, WSM__RIGHT_SUBSCRIBE, command->room, why);
	case WSM__ACTION_HISTORY:
		return wsm__access_check(conn, WSM__RIGHT_HISTORY, command->room, why);
	case WSM__ACTION_PRESENCE:
		return wsm__access_check(conn, WSM__RIGHT_PRESENCE, command->room, why);
	case WSM__ACTION_PUBLISH:
		return wsm__access_check(conn, WSM__RIGHT_PUBLISH, command->room, why);
	case WSM__ACTION_STATS:
		return wsm__access_check_all(conn, why);
	case WSM__ACTION_PING: /* about the connection itself, or checked elsewhere */
	case WSM__ACTION_UNSUBSCRIBE:
	case WSM__ACTION_AUTH:
	case WSM__ACTION_TEXT:
	case WSM__ACTION_OTHER:
		return WSM__ALLOWED;
	}
	return WSM__FORBIDDEN;
}

static void forbid(struct wsm__conn *conn, const struct wsm__command *command, const char *why)
{
	char action[32];

	conn->core->counters.forbidden++;
	wsm__access_tell(conn, wsm__log_text(action, sizeof(action), command->name), command->room, why);
	fail(conn, command, "forbidden", why);
}

/* Takes the cost of a request; wsm__limits_answered() adds that of the answer. */
static bool within_cost(struct wsm__conn *conn, const struct wsm__command *command)
{
	switch (command->action) {
	case WSM__ACTION_SUBSCRIBE:
	case WSM__ACTION_UNSUBSCRIBE:
		return wsm__limits_request(conn, 1, command->name, command->id);
	case WSM__ACTION_HISTORY:
	case WSM__ACTION_PRESENCE:
	case WSM__ACTION_STATS:
		return wsm__limits_request(conn, 2, command->name, command->id);
	case WSM__ACTION_PING: /* these count as messages only */
	case WSM__ACTION_AUTH:
	case WSM__ACTION_PUBLISH:
	case WSM__ACTION_TEXT:
	case WSM__ACTION_OTHER:
		return true;
	}
	return true;
}

/* Runs a message again, after the host's yes or the wait for a log. */
static void run_again(struct wsm__ticket *ticket, bool vouched, const struct wsm__log_read *page)
{
	struct wsm__conn *conn = ticket->who;
	struct wsm__command command;
	struct attempt attempt = { conn, &command, ticket->message, vouched, page };
	const char *why;

	if (conn->state != WSM__CONN_OPEN)
		return;
	wsm__command_parse(&command, attempt.message);
	if (check(conn, &command, &why) == WSM__FORBIDDEN) /* a rule has come meanwhile */
		forbid(conn, &command, why);
	else
		carry_out(&attempt);
	wsm__command_fini(&command);
}

static void log_answered(struct wsm__ticket *ticket, const struct wsm__outcome *outcome)
{
	struct wsm__conn *conn = ticket->who;

	if (!outcome->status)
		run_again(ticket, ticket->vouched, outcome->read);
	else if (conn->state == WSM__CONN_OPEN)
		wsm__conn_error(conn, wsm_status_code(outcome->status), wsm_status_text(outcome->status),
		                ticket->action, ticket->id);
}

static void authorized(struct wsm__ticket *ticket, const struct wsm__outcome *outcome)
{
	struct wsm__conn *conn = ticket->who;

	if (outcome->decision->allow) {
		run_again(ticket, true, NULL);
		return;
	}
	conn->core->counters.forbidden++;
	wsm__conn_error(conn, "forbidden", outcome->decision->reason.data, ticket->action, ticket->id);
}

/* Asks the host whether the action is allowed, and then runs the message again. Returns false if too many wait. */
static bool ask_host(struct wsm__conn *conn, const struct wsm__command *command, wsm_slice message)
{
	const wsm_slice texts[3] = { message, command->name, command->id };
	struct wsm__ticket *ticket;

	if (conn->waits.count >= WAITING_MAX)
		return false;
	ticket = wsm__ticket_new(conn->core, WSM__AWAITS_AUTHORIZE, &conn->waits, conn, authorized, texts);
	return ticket &&
	       wsm__ticket_ask(ticket, command->name,
	                       command->action == WSM__ACTION_STATS ? wsm__str("*") : command->room, conn->info);
}

static void understand(struct wsm__conn *conn, wsm_slice message)
{
	struct wsm__command command;
	enum wsm__verdict verdict;
	const char *why;

	wsm__command_parse(&command, message);
	if (command.error_code) {
		fail(conn, &command, command.error_code, command.error);
		wsm__command_fini(&command);
		return;
	}
	if (!within_cost(conn, &command)) { /* it was told */
		wsm__command_fini(&command);
		return;
	}
	verdict = check(conn, &command, &why);
	if (verdict == WSM__ALLOWED)
		carry_out(&(struct attempt){ conn, &command, message, false, NULL });
	else if (verdict == WSM__FORBIDDEN)
		forbid(conn, &command, why);
	else if (!ask_host(conn, &command, message))
		fail(conn, &command, "rate_limited", "too many requests of this connection wait for the application");
	wsm__command_fini(&command);
}

/*
 * Returns the bytes that a message counts for: more for each JSON value, which costs time. 64 KiB of "{}," take several milliseconds
 * from everybody, 64 KiB of text a few hundredths of one.
 */
static size_t cost_of(const struct wsm__conn *conn, wsm_slice message)
{
	size_t values = 0;

	if (conn->binary)
		return message.len;
	for (size_t i = 0; i < message.len; i++)
		values += message.data[i] == ',' || message.data[i] == '{' || message.data[i] == '[';
	return message.len + values * BYTES_PER_VALUE;
}

static void complete(struct wsm__conn *conn, wsm_slice message)
{
	struct wsm__command none = { .action = WSM__ACTION_OTHER };

	conn->core->counters.messages_received++;
	conn->received_messages.count++;
	if (conn->carrier->hosted && !conn->binary &&
	    !wsm__utf8_valid(message)) { /* wire/inbound.c has looked at the others */
		wsm__conn_close(conn, 1007, "the message is not UTF-8");
		return;
	}
	if (conn->echo) {
		wsm__echo(conn, message);
		return;
	}
	if (!wsm__limits_message(conn, cost_of(conn, message)))
		return;
	if (!conn->binary && !conn->sub.raw)
		understand(conn, message);
	else if (wsm__wants(conn->core, WSM_WANT_MESSAGE))
		hand_to_host(conn, WSM_EVENT_MESSAGE, &none, message, conn->binary);
	else if (!conn->binary)
		wsm__refusal_tell(conn->core->runtime, WSM__REFUSED_PUBLICATION,
		                  "a message to the raw endpoint %s: the application has no on_message handler",
		                  conn->info->path);
	else
		wsm__conn_close(conn, 1003, "binary messages are not understood here");
}

/* Keeps a message for later: clients speak as soon as they are connected, while the host still decides about them. */
static void hold(struct wsm__conn *conn, wsm_slice message)
{
	struct wsm__opening *opening = conn->opening;
	struct wsm__early *early;

	if (!opening || opening->n_early == (opening->awaits_rooms ? EARLY_ROOMS_MAX : EARLY_MAX) ||
	    opening->early_bytes + message.len > conn->core->config->max_message_size) {
		wsm__conn_close(conn, 1013, "too much was sent before the connection was accepted");
		return;
	}
	early = malloc(sizeof(*early) + message.len);
	if (!early) {
		wsm__conn_close(conn, 1013, "the server is out of memory");
		return;
	}
	early->next = NULL;
	early->binary = conn->binary;
	early->len = message.len;
	if (early->len)
		memcpy(early->data, message.data, early->len);
	LL_APPEND(opening->early, early);
	opening->n_early++;
	opening->early_bytes += early->len;
}

void wsm__client_early(struct wsm__conn *conn, struct wsm__early *early)
{
	while (early) {
		struct wsm__early *next = early->next;

		if (conn->state == WSM__CONN_OPEN)
			wsm__client_receive(conn, early->data, early->len, true, true, early->binary);
		free(early);
		early = next;
	}
}

static void take(struct wsm__conn *conn, wsm_slice message)
{
	if (conn->state == WSM__CONN_OPEN)
		complete(conn, message);
	else if (!conn->awaits_token || conn->binary || !wsm__conn_first(conn, message)) /* what is no `auth` waits */
		hold(conn, message);
}

void wsm__client_receive(struct wsm__conn *conn, const void *data, size_t len, bool first, bool last, bool binary)
{
	struct wsm__buffer message;

	wsm__conn_heard(conn);
	if (conn->state == WSM__CONN_CLOSING || conn->sub.overflow) /* no answers to a connection that will be closed */
		return;
	conn->core->counters.bytes_received += len;
	conn->bytes_received += len;
	if (first)
		conn->binary = binary;
	if (conn->received.len + len > wsm__conn_max_message(conn)) {
		wsm__limits_too_large(conn);
		return;
	}
	if (first && last) { /* most messages: no copy */
		take(conn, wsm__slice(data, len));
		return;
	}
	wsm__buffer_add(&conn->received, data, len);
	if (conn->received.failed) {
		wsm__conn_close(conn, 1013, "the server is out of memory");
		return;
	}
	if (!last)
		return;
	/* A connection holds no buffer between messages. take() may receive early messages meanwhile. */
	message = conn->received;
	wsm__buffer_init(&conn->received);
	take(conn, wsm__slice(message.data, message.len));
	wsm__buffer_fini(&message);
}
