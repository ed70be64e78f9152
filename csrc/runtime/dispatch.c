#include "runtime/dispatch.h"

#include <stdlib.h>
#include <unistd.h>

#include "clients/access.h"
#include "clients/ban.h"
#include "clients/bridge.h"
#include "clients/conn.h"
#include "clients/drain.h"
#include "clients/flush.h"
#include "clients/kept.h"
#include "clients/revoke.h"
#include "clients/subscription.h"
#include "core/overload.h"
#include "core/publish.h"
#include "host/adopt.h"
#include "host/keys.h"
#include "host/order.h"
#include "host/query.h"
#include "host/route.h"
#include "policy/address.h"
#include "rest/questions.h"
#include "sockets/adopt.h"

static void disconnect(struct wsm__core *core, const struct wsm__order *order)
{
	struct wsm__conn *conn = wsm__conn_by_client(core, order->disconnection.id);

	if (conn)
		wsm__conn_close(conn, order->disconnection.code, order->disconnection.reason.data);
}

static void disconnect_user(struct wsm__core *core, const struct wsm__order *order)
{
	struct wsm__conn *conn, *next;

	for (conn = core->by_number; conn; conn = next) {
		next = conn->by_number.next;
		if (wsm__slice_equal(conn->sub.user_id, order->disconnection.id))
			wsm__conn_close(conn, order->disconnection.code, order->disconnection.reason.data);
	}
}

#define HANDLERS_BUSY "too many messages of this connection wait for the application's handlers (max_handler_queue)"

static void reply(struct wsm__core *core, const struct wsm__order *order)
{
	wsm_slice action = order->reply.action, id = order->reply.id, json = order->reply.json;
	const char *error_code = order->reply.error_code.data;
	struct wsm__conn *conn = wsm__conn_by_number(core, order->reply.conn);

	if (!conn || conn->state != WSM__CONN_OPEN)
		return;
	if (wsm__slice_is(order->reply.error_code, "rate_limited")) {
		wsm__limit_broken(core, WSM__LIMIT_max_handler_queue);
		wsm__conn_error(conn, error_code, HANDLERS_BUSY, action, id);
	} else if (order->reply.error_code.len)
		wsm__conn_error(conn, error_code, json.data, action, id);
	else
		wsm__conn_answer(conn, "reply", json.len ? json : wsm__str("null"), id);
}

static void ban(struct wsm__core *core, const struct wsm__order *order)
{
	struct wsm__address address;

	wsm__address_parse(&address, order->ban.ip);
	wsm__ban(core, &address, (double)order->ban.ms / 1000, order->ban.reason);
	wsm__kept_write(core);
}

static void drain(struct wsm__core *core, uint64_t number)
{
	struct wsm__conn *conn = wsm__conn_by_number(core, number);

	if (conn)
		wsm__drain_add(conn);
}

static void adopt(struct wsm__core *core, struct wsm__adopt *adopt)
{
	wsm__socket_take(core, adopt->fd, adopt);
}

static void stop(struct wsm__core *core, struct wsm__stop *stop)
{
	unsigned deadline_ms = stop->deadline_ms;

	free(stop);
	core->stop(core, deadline_ms);
}

static void run_order(struct wsm__core *core, struct wsm__order *order)
{
	switch (order->head.kind) {
	case WSM__CMD_SUBSCRIBE:
		wsm__subscription_set(core, order->subscription.user_id, order->subscription.room, true);
		break;
	case WSM__CMD_UNSUBSCRIBE:
		wsm__subscription_set(core, order->subscription.user_id, order->subscription.room, false);
		break;
	case WSM__CMD_DISCONNECT:
		disconnect(core, order);
		break;
	case WSM__CMD_DISCONNECT_USER:
		disconnect_user(core, order);
		break;
	case WSM__CMD_CONN_DRAIN:
		drain(core, order->drain.conn);
		break;
	case WSM__CMD_BAN:
		ban(core, order);
		break;
	case WSM__CMD_AUTHENTICATED:
		wsm__ticket_authenticated(core, order->authenticated.ticket, &order->authenticated.decision);
		break;
	case WSM__CMD_AUTHORIZED:
		wsm__ticket_authorized(core, order->authorized.ticket, order->authorized.allow);
		break;
	case WSM__CMD_REPLY:
		reply(core, order);
		break;
	case WSM__CMD_CHECKED:
		wsm__access_guard(core, order->checked.checks);
		break;
	case WSM__CMD_REVOKED:
		wsm__revoke_run(core, order->revoked.user_id, order->revoked.before_ms);
		wsm__kept_write(core);
		break;
	case WSM__CMD_UNREVOKED:
		wsm__kept_write(core);
		break;
	case WSM__CMD_BRIDGE_RECEIVE:
		wsm__bridge_received(core, order->received.conn, order->received.data, order->received.binary);
		break;
	case WSM__CMD_BRIDGE_WRITTEN:
		wsm__bridge_written(core, order->written.conn, order->written.bytes);
		break;
	case WSM__CMD_BRIDGE_CLOSED:
		wsm__bridge_closed(core, order->closed.conn, order->closed.code, order->closed.reason);
		break;
	default: /* the others have structs of their own */
		break;
	}
	free(order);
}

/* ---- behind what was published before ------------------------------------------------------------------------------ */

#define PARKED_MS 1000u

/*
 * A call that waits until all publications up to `serial` have been applied, and what waited for a log then has its answer: it is of
 * whoever has made them. A log that is away must not hold up an operator's questions: it waits for a second at most.
 */
struct wsm__parked {
	struct wsm__parked *next;
	struct wsm__command_node *command;
	uint64_t serial, ticket;
	uint64_t deadline_ms;
};

/* Who hears a publication, and what is asked afterwards, must not depend on how long a log takes. */
static bool comes_after(const struct wsm__command_node *command)
{
	switch (command->kind) {
	case WSM__CMD_SUBSCRIBE:
	case WSM__CMD_UNSUBSCRIBE:
	case WSM__CMD_DISCONNECT:
	case WSM__CMD_DISCONNECT_USER:
	case WSM__CMD_CONN_DRAIN:
	case WSM__CMD_REVOKED:
		return true;
	case WSM__CMD_QUERY: /* a REST call waits for what it needs itself: whether the server lives is told at any time */
		return ((const struct wsm__asked *)(const void *)command)->act != WSM__ACT_REST;
	default:
		return false;
	}
}

static bool park(struct wsm__core *core, struct wsm__command_node *command)
{
	struct wsm__parked *parked;

	if (!comes_after(command) || (!core->log.under_way && !core->parked && !wsm__ticket_of_log(core)))
		return false;
	parked = malloc(sizeof(*parked));
	if (!parked) /* better early than never */
		return false;
	parked->command = command;
	parked->serial = core->log.serial;
	parked->ticket = core->next_ticket;
	parked->deadline_ms = core->now_ms + PARKED_MS;
	parked->next = NULL;
	LL_APPEND(core->parked, parked);
	return true;
}

static void run(struct wsm__core *core, struct wsm__command_node *command);

/* Whether nothing older is under way. */
static bool has_its_turn(const struct wsm__core *core, const struct wsm__parked *parked)
{
	const struct wsm__submission *submission = core->log.under_way;
	uint64_t ticket = wsm__ticket_of_log(core);

	if (core->now_ms >= parked->deadline_ms)
		return true;
	return (!submission || submission->serial > parked->serial) && (!ticket || ticket > parked->ticket);
}

/* core->settled: those before `serial`. */
static void unpark(struct wsm__core *core, uint64_t serial)
{
	struct wsm__parked *parked;

	while ((parked = core->parked) != NULL && parked->serial < serial && has_its_turn(core, parked)) {
		core->parked = parked->next;
		run(core, parked->command);
		free(parked);
	}
}

void wsm__commands_unpark(struct wsm__core *core)
{
	unpark(core, UINT64_MAX);
}

/*
 * How much is published before it is written out. Otherwise a burst of the host fills the outboxes of clients that read as
 * fast as they can, before a single write was tried, and they are taken for slow ones.
 */
#define BURST_BYTES 262144u

/* Whether the loop has its turn first: to write, to read, to look at the time. A stopping runtime has none to lose. */
static bool must_wait(struct wsm__core *core)
{
	if (core->burst < BURST_BYTES || atomic_load(&core->runtime->stop_asked))
		return false;
	if (!wsm__flush(core))
		core->burst = 0;
	return true;
}

/* A wake may have come while commands were waiting, so the queue is looked at until it is empty. */
static struct wsm__node *next_command(struct wsm__core *core)
{
	if (!core->commands)
		core->commands = wsm__queue_take(&core->runtime->commands);
	return core->commands;
}

static void run(struct wsm__core *core, struct wsm__command_node *command)
{
	switch (command->kind) {
	case WSM__CMD_PUBLISH:
		wsm__publish_run(core, (struct wsm__publish *)(void *)command);
		break;
	case WSM__CMD_ADOPT:
		adopt(core, (struct wsm__adopt *)(void *)command);
		break;
	case WSM__CMD_BRIDGE_OPEN:
		wsm__bridge_open_run(core, (struct wsm__adopt *)(void *)command);
		break;
	case WSM__CMD_QUERY:
		wsm__query_run(core, (struct wsm__asked *)(void *)command);
		break;
	case WSM__CMD_KEYS:
		wsm__keys_run(core->runtime, (struct wsm__keys *)(void *)command);
		break;
	case WSM__CMD_STOP:
		stop(core, (struct wsm__stop *)(void *)command);
		break;
	default:
		run_order(core, (struct wsm__order *)(void *)command);
		break;
	}
}

void wsm__commands_init(struct wsm__core *core)
{
	core->settled = unpark;
}

bool wsm__commands_run(struct wsm__core *core)
{
	struct wsm__node *node;

	wsm__overload_look(core);
	while ((node = next_command(core)) != NULL && !must_wait(core)) {
		struct wsm__command_node *command = (struct wsm__command_node *)(void *)node;

		core->commands = node->next;
		core->burst += command->bytes + sizeof(*command);
		if (!park(core, command))
			run(core, command);
	}
	return core->commands != NULL;
}

static void discard(wsm_runtime *runtime, struct wsm__command_node *command)
{
	static const wsm_delivery stopped = { .status = WSM_ENOTRUNNING };
	struct wsm__adopt *adopt;

	switch (command->kind) {
	case WSM__CMD_PUBLISH:
		wsm__publish_free((struct wsm__publish *)(void *)command, &stopped);
		break;
	case WSM__CMD_ADOPT:
	case WSM__CMD_BRIDGE_OPEN:
		adopt = (struct wsm__adopt *)(void *)command;
		if (adopt->fd >= 0)
			close(adopt->fd);
		wsm__adopt_failed(runtime, adopt->number, 1001, "the server is shutting down");
		wsm__adopt_free(adopt);
		break;
	case WSM__CMD_KEYS: /* for the next start; nobody checks tokens any more */
		wsm__keys_run(runtime, (struct wsm__keys *)(void *)command);
		break;
	case WSM__CMD_QUERY:
		wsm__query_finish(runtime, (struct wsm__asked *)(void *)command, WSM_ENOTRUNNING);
		break;
	default:
		free(command);
		break;
	}
}

static void discard_all(wsm_runtime *runtime, struct wsm__node *node)
{
	struct wsm__node *next;

	for (; node; node = next) {
		next = node->next;
		discard(runtime, (struct wsm__command_node *)(void *)node);
	}
}

void wsm__commands_end(struct wsm__core *core)
{
	struct wsm__parked *parked, *next;

	wsm__questions_end(core);
	for (parked = core->parked; parked; parked = next) {
		next = parked->next;
		discard(core->runtime, parked->command);
		free(parked);
	}
	core->parked = NULL;
	wsm__commands_discard(core->runtime, core->commands);
}

void wsm__commands_discard(wsm_runtime *runtime, struct wsm__node *taken)
{
	discard_all(runtime, taken);
	discard_all(runtime, wsm__queue_take(&runtime->commands));
}
