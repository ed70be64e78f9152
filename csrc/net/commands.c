#include "net/commands.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "net/checks.h"
#include "net/connection.h"
#include "net/lists.h"
#include "net/overload.h"
#include "net/publish.h"
#include "net/token.h"
#include "rooms/name.h"
#include "wire/command.h"
#include "wire/frame.h"

/* ---- the queue -------------------------------------------------------------------------------------------------- */

/* Only publications have a rank of those that are dropped. */
static void drop(wsm_runtime *runtime, struct wsm__node *node)
{
	static const wsm_delivery overloaded = { .status = WSM_EOVERLOADED };

	while (node) {
		struct wsm__node *next = node->next;

		wsm__overload_count(runtime, node->rank);
		wsm__publish_free((struct wsm__publish *)(void *)node, &overloaded);
		node = next;
	}
}

int wsm__post(wsm_runtime *runtime, struct wsm__command_node *command, bool force)
{
	struct wsm__node *dropped = NULL;
	enum wsm__queue_result result;

	if (force)
		result = wsm__queue_add(&runtime->commands, &command->node, command->bytes, true);
	else
		result = wsm__queue_offer(&runtime->commands, &command->node, command->bytes, command->rank, &dropped);
	if (result == WSM__QUEUED_FIRST) {
		pthread_mutex_lock(&runtime->wake_lock);
		if (runtime->core)
			uv_async_send(&runtime->core->wake);
		pthread_mutex_unlock(&runtime->wake_lock);
	}
	if (dropped)
		drop(runtime, dropped);
	if (result == WSM__QUEUE_FULL)
		wsm__overload_count(runtime, command->rank);
	return result == WSM__QUEUE_FULL ? WSM_EOVERLOADED : result == WSM__QUEUE_CLOSED ? WSM_ENOTRUNNING : WSM_OK;
}

struct wsm__simple *wsm__simple_new(enum wsm__command_kind kind, uint64_t number, wsm_slice a, wsm_slice b, wsm_slice c,
                                    wsm_slice d, const wsm_slice *rooms, size_t n_rooms)
{
	size_t bytes = a.len + b.len + c.len + d.len + 4;
	struct wsm__simple *command;
	struct wsm__arena arena;

	for (size_t i = 0; i < n_rooms; i++)
		bytes += rooms[i].len + 1;
	command = malloc(sizeof(*command) + n_rooms * sizeof(wsm_slice) + bytes);
	if (!command)
		return NULL;
	memset(command, 0, sizeof(*command));
	command->rooms = (wsm_slice *)(void *)(command + 1);
	command->n_rooms = n_rooms;
	arena.at = (char *)(command->rooms + n_rooms);
	command->head.kind = kind;
	command->head.bytes = sizeof(*command) + bytes;
	command->number = number;
	command->a = wsm__arena_copy(&arena, a);
	command->b = wsm__arena_copy(&arena, b);
	command->c = wsm__arena_copy(&arena, c);
	command->d = wsm__arena_copy(&arena, d);
	for (size_t i = 0; i < n_rooms; i++)
		command->rooms[i] = wsm__arena_copy(&arena, rooms[i]);
	return command;
}

int wsm__simple_post(wsm_runtime *runtime, struct wsm__simple *command, bool force, wsm_error *error)
{
	int status = command ? wsm__post(runtime, &command->head, force) : WSM_ENOMEM;

	if (!status)
		return WSM_OK;
	free(command);
	return wsm__fail(error, status, "%s", wsm_status_text(status));
}

static const wsm_slice nothing = { NULL, 0 };

/* ---- rooms and connections -------------------------------------------------------------------------------------- */

static int check_id(wsm_slice id, const char *what, wsm_error *error)
{
	if (wsm__id_valid(id))
		return WSM_OK;
	return wsm__fail(error, WSM_EINVAL, "%s must be 1 to %d bytes of UTF-8 without control characters", what,
	                 WSM__ID_MAX);
}

static int subscription(wsm_runtime *runtime, enum wsm__command_kind kind, wsm_slice user_id, wsm_slice room,
                        wsm_error *error)
{
	int status = wsm__runtime_check(runtime, error);

	if (!status)
		status = check_id(user_id, "the user id", error);
	if (!status && !wsm__room_name_valid(room))
		status = wsm__fail(error, WSM_EROOM, "room \"%.*s\" is no valid name of a public room",
		                   (int)(room.len > 60 ? 60 : room.len), room.data ? room.data : "");
	if (status)
		return status;
	return wsm__simple_post(runtime, wsm__simple_new(kind, 0, user_id, room, nothing, nothing, NULL, 0), false,
	                        error);
}

int wsm_subscribe(wsm_runtime *runtime, wsm_slice user_id, wsm_slice room, wsm_error *error)
{
	return subscription(runtime, WSM__CMD_SUBSCRIBE, user_id, room, error);
}

int wsm_unsubscribe(wsm_runtime *runtime, wsm_slice user_id, wsm_slice room, wsm_error *error)
{
	return subscription(runtime, WSM__CMD_UNSUBSCRIBE, user_id, room, error);
}

int wsm_conn_drain(wsm_runtime *runtime, uint64_t conn)
{
	int status = wsm__runtime_check(runtime, NULL);

	if (status)
		return status;
	return wsm__simple_post(runtime,
	                        wsm__simple_new(WSM__CMD_CONN_DRAIN, conn, nothing, nothing, nothing, nothing, NULL, 0),
	                        true, NULL);
}

static int disconnection(wsm_runtime *runtime, enum wsm__command_kind kind, wsm_slice id, unsigned code,
                         wsm_slice reason, wsm_error *error)
{
	struct wsm__simple *command;
	int status = wsm__runtime_check(runtime, error);

	if (!status)
		status = check_id(id, kind == WSM__CMD_DISCONNECT ? "the client id" : "the user id", error);
	if (!status && code && !wsm__close_code_valid(code))
		status = wsm__fail(
			error, WSM_EINVAL,
			"close code %u may not be sent: use 1000-1003, 1007-1013 or 3000-4999 (RFC 6455, 7.4)", code);
	if (!status && !wsm__utf8_valid(reason))
		status = wsm__fail(error, WSM_EINVAL, "the reason must be UTF-8");
	if (status)
		return status;
	command = wsm__simple_new(kind, 0, id, reason.len ? reason : wsm__str("removed by the application"), nothing,
	                          nothing, NULL, 0);
	if (command)
		command->code = code ? code : 4409;
	return wsm__simple_post(runtime, command, true, error);
}

int wsm_disconnect(wsm_runtime *runtime, wsm_slice client_id, unsigned code, wsm_slice reason, wsm_error *error)
{
	return disconnection(runtime, WSM__CMD_DISCONNECT, client_id, code, reason, error);
}

int wsm_disconnect_user(wsm_runtime *runtime, wsm_slice user_id, unsigned code, wsm_slice reason, wsm_error *error)
{
	return disconnection(runtime, WSM__CMD_DISCONNECT_USER, user_id, code, reason, error);
}

static void disconnect_user(struct wsm__core *core, const struct wsm__simple *command)
{
	struct wsm__conn *conn, *next;

	for (conn = core->by_number; conn; conn = next) {
		next = conn->by_number.next;
		if (wsm__slice_equal(conn->sub.user_id, command->a))
			wsm__conn_close(conn, command->code, command->b.data);
	}
}

/* ---- answers of the host ---------------------------------------------------------------------------------------- */

static int check_decision(const wsm_runtime *runtime, const wsm_decision *decision, wsm_error *error)
{
	int status = WSM_OK;

	if (decision->user_id.len)
		status = check_id(decision->user_id, "the user id", error);
	if (!status && decision->session_id.len)
		status = check_id(decision->session_id, "the session id", error);
	if (!status && decision->code && !wsm__close_code_valid(decision->code))
		status = wsm__fail(error, WSM_EINVAL, "close code %u may not be sent", decision->code);
	if (!status && !wsm__utf8_valid(decision->reason))
		status = wsm__fail(error, WSM_EINVAL, "the reason must be UTF-8");
	if (!status)
		status = wsm__lists_check(&WSM__LISTS_OF(decision), error);
	return status ? status : wsm__welcome_check(runtime, decision->welcome, decision->n_welcome, error);
}

int wsm_authenticated(wsm_runtime *runtime, uint64_t ticket, const wsm_decision *decision, wsm_error *error)
{
	const struct wsm__lists lists = WSM__LISTS_OF(decision);
	struct wsm__simple *command;
	size_t n = wsm__lists_count(&lists);
	wsm_slice *all;
	int status = wsm__runtime_check(runtime, error);

	if (!status)
		status = check_decision(runtime, decision, error);
	if (status)
		return status;
	all = calloc(n + 1, sizeof(*all));
	if (!all)
		return wsm__fail(error, WSM_ENOMEM, "out of memory");
	for (size_t i = 0; i < n; i++)
		all[i] = wsm__lists_at(&lists, i);
	command = wsm__simple_new(WSM__CMD_AUTHENTICATED, ticket, decision->user_id, decision->session_id,
	                          decision->reason, nothing, all, n);
	free(all);
	if (command) {
		command->n_rooms = lists.n_rooms;
		command->n_subscribe = lists.n_subscribe;
		command->n_publish = lists.n_publish;
		command->n_welcome = lists.n_welcome;
		command->flag = decision->allow;
		command->code = decision->code;
	}
	return wsm__simple_post(runtime, command, true, error);
}

int wsm_authorized(wsm_runtime *runtime, uint64_t ticket, bool allow)
{
	struct wsm__simple *command;
	int status = wsm__runtime_check(runtime, NULL);

	if (status)
		return status;
	command = wsm__simple_new(WSM__CMD_AUTHORIZED, ticket, nothing, nothing, nothing, nothing, NULL, 0);
	if (command)
		command->flag = allow;
	return wsm__simple_post(runtime, command, true, NULL);
}

int wsm_reply(wsm_runtime *runtime, uint64_t conn, wsm_slice action, wsm_slice id, wsm_slice json,
              const char *error_code)
{
	int status = wsm__runtime_check(runtime, NULL);

	if (status)
		return status;
	return wsm__simple_post(runtime,
	                        wsm__simple_new(WSM__CMD_REPLY, conn, action, id, json, wsm__str(error_code), NULL, 0),
	                        true, NULL);
}

#define HANDLERS_BUSY "too many messages of this connection wait for the application's handlers (max_handler_queue)"

static void reply(struct wsm__core *core, const struct wsm__simple *command)
{
	struct wsm__conn *conn = wsm__conn_by_number(core, command->number);

	if (!conn || conn->state != WSM__CONN_OPEN)
		return;
	if (wsm__slice_is(command->d, "rate_limited")) {
		wsm__limit_broken(core, WSM__LIMIT_max_handler_queue);
		wsm__conn_error(conn, command->d.data, HANDLERS_BUSY, command->a, command->b);
	} else if (command->d.len)
		wsm__conn_error(conn, command->d.data, command->c.data, command->a, command->b);
	else
		wsm__conn_answer(conn, "reply", command->c.len ? command->c : wsm__str("null"), command->b);
}

static void authenticated(struct wsm__core *core, const struct wsm__simple *command)
{
	wsm_decision decision = {
		.allow = command->flag,
		.user_id = command->a,
		.session_id = command->b,
		.rooms = command->rooms,
		.n_rooms = command->n_rooms,
		.subscribe = command->rooms + command->n_rooms,
		.n_subscribe = command->n_subscribe,
		.publish = command->rooms + command->n_rooms + command->n_subscribe,
		.n_publish = command->n_publish,
		.welcome = command->rooms + command->n_rooms + command->n_subscribe + command->n_publish,
		.n_welcome = command->n_welcome,
		.code = command->code,
		.reason = command->c,
	};

	wsm__decide_authenticated(core, command->number, &decision);
}

/* ---- the host's own actions ------------------------------------------------------------------------------------- */

int wsm_command_add(wsm_runtime *runtime, wsm_slice action, wsm_error *error)
{
	struct wsm__name *name, *there;
	int status = wsm__runtime_check_fork(runtime, error);

	if (status)
		return status;
	if (!action.len || action.len > 64 || !wsm__utf8_valid(action) || memchr(action.data, 0, action.len))
		return wsm__fail(error, WSM_EINVAL, "a command's name has 1 to 64 bytes of UTF-8");
	if (wsm__command_is_core(action))
		return wsm__fail(error, WSM_EINVAL, "\"%.*s\" is an action of the server itself; choose another name",
		                 (int)action.len, action.data);
	name = malloc(sizeof(*name));
	if (!name || !(name->text = wsm__slice_dup(action))) {
		free(name);
		return wsm__fail(error, WSM_ENOMEM, "out of memory");
	}
	pthread_mutex_lock(&runtime->actions_lock);
	for (there = runtime->actions; there && !wsm__slice_is(action, there->text); there = there->next)
		;
	if (!there)
		LL_PREPEND(runtime->actions, name);
	pthread_mutex_unlock(&runtime->actions_lock);
	if (there) {
		free(name->text);
		free(name);
	}
	return WSM_OK;
}

int wsm_command_remove(wsm_runtime *runtime, wsm_slice action)
{
	struct wsm__name *name;

	if (wsm__runtime_check_fork(runtime, NULL))
		return WSM_EFORKED;
	pthread_mutex_lock(&runtime->actions_lock);
	LL_FOREACH(runtime->actions, name) {
		if (wsm__slice_is(action, name->text))
			break;
	}
	if (name)
		LL_DELETE(runtime->actions, name);
	pthread_mutex_unlock(&runtime->actions_lock);
	if (!name)
		return WSM_ENOTFOUND;
	free(name->text);
	free(name);
	return WSM_OK;
}

/* ---- running them ----------------------------------------------------------------------------------------------- */

static void run_simple(struct wsm__core *core, struct wsm__simple *command)
{
	struct wsm__conn *conn;

	switch (command->head.kind) {
	case WSM__CMD_SUBSCRIBE:
		wsm__sticky_set(core, command->a, command->b, true);
		break;
	case WSM__CMD_UNSUBSCRIBE:
		wsm__sticky_set(core, command->a, command->b, false);
		break;
	case WSM__CMD_DISCONNECT:
		conn = wsm__conn_by_client(core, command->a);
		if (conn)
			wsm__conn_close(conn, command->code, command->b.data);
		break;
	case WSM__CMD_DISCONNECT_USER:
		disconnect_user(core, command);
		break;
	case WSM__CMD_CONN_DRAIN:
		conn = wsm__conn_by_number(core, command->number);
		if (conn)
			wsm__drain_add(conn);
		break;
	case WSM__CMD_BAN:
		wsm__ban_run(core, command);
		break;
	case WSM__CMD_AUTHENTICATED:
		authenticated(core, command);
		break;
	case WSM__CMD_AUTHORIZED:
		wsm__decide_authorized(core, command->number, command->flag);
		break;
	case WSM__CMD_REPLY:
		reply(core, command);
		break;
	case WSM__CMD_CHECKED:
		wsm__checks_found(core, command->code);
		break;
	case WSM__CMD_REVOKED:
		wsm__revoke_run(core, command);
		break;
	default:
		wsm__bridge_run(core, command);
		break;
	}
	free(command);
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

bool wsm__commands_run(struct wsm__core *core)
{
	struct wsm__node *node;

	wsm__overload_look(core);
	while ((node = next_command(core)) != NULL && !must_wait(core)) {
		struct wsm__command_node *command = (struct wsm__command_node *)(void *)node;

		core->commands = node->next;
		core->burst += command->bytes + sizeof(*command);
		switch (command->kind) {
		case WSM__CMD_PUBLISH:
			wsm__publish_run(core, (struct wsm__publish *)(void *)command);
			break;
		case WSM__CMD_ADOPT:
			wsm__adopt_run(core, (struct wsm__adopt *)(void *)command);
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
			wsm__stop_run(core, (struct wsm__stop *)(void *)command);
			break;
		default:
			run_simple(core, (struct wsm__simple *)(void *)command);
			break;
		}
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
		wsm__query_discard((struct wsm__asked *)(void *)command);
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

void wsm__commands_discard(wsm_runtime *runtime, struct wsm__node *taken)
{
	discard_all(runtime, taken);
	discard_all(runtime, wsm__queue_take(&runtime->commands));
}
