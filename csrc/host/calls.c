/* Public calls about clients: subscriptions, disconnections, decisions, replies, the host's own actions. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/slice.h"
#include "host/handle.h"
#include "host/lists.h"
#include "host/route.h"
#include "host/order.h"
#include "wire/command.h"
#include "wire/frame.h"
#include "wire/name.h"

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
	return wsm__order_post(runtime, &(struct wsm__order){ .head.kind = kind, .subscription = { user_id, room } },
	                       false, error);
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
	return wsm__order_post(runtime, &(struct wsm__order){ .head.kind = WSM__CMD_CONN_DRAIN, .drain = { conn } },
	                       true, NULL);
}

static int disconnection(wsm_runtime *runtime, enum wsm__command_kind kind, wsm_slice id, unsigned code,
                         wsm_slice reason, wsm_error *error)
{
	struct wsm__order order = { .head.kind = kind };
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
	order.disconnection.id = id;
	order.disconnection.reason = reason.len ? reason : wsm__str("removed by the application");
	order.disconnection.code = code ? code : 4409;
	return wsm__order_post(runtime, &order, true, error);
}

int wsm_disconnect(wsm_runtime *runtime, wsm_slice client_id, unsigned code, wsm_slice reason, wsm_error *error)
{
	return disconnection(runtime, WSM__CMD_DISCONNECT, client_id, code, reason, error);
}

int wsm_disconnect_user(wsm_runtime *runtime, wsm_slice user_id, unsigned code, wsm_slice reason, wsm_error *error)
{
	return disconnection(runtime, WSM__CMD_DISCONNECT_USER, user_id, code, reason, error);
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
	int status = wsm__runtime_check(runtime, error);

	if (!status)
		status = check_decision(runtime, decision, error);
	if (status)
		return status;
	return wsm__order_post(
		runtime,
		&(struct wsm__order){ .head.kind = WSM__CMD_AUTHENTICATED, .authenticated = { ticket, *decision } },
		true, error);
}

int wsm_authorized(wsm_runtime *runtime, uint64_t ticket, bool allow)
{
	int status = wsm__runtime_check(runtime, NULL);

	if (status)
		return status;
	return wsm__order_post(
		runtime, &(struct wsm__order){ .head.kind = WSM__CMD_AUTHORIZED, .authorized = { ticket, allow } },
		true, NULL);
}

int wsm_reply(wsm_runtime *runtime, uint64_t conn, wsm_slice action, wsm_slice id, wsm_slice json,
              const char *error_code)
{
	int status = wsm__runtime_check(runtime, NULL);

	if (status)
		return status;
	return wsm__order_post(runtime,
	                       &(struct wsm__order){ .head.kind = WSM__CMD_REPLY,
	                                             .reply = { conn, action, id, json, wsm__str(error_code) } },
	                       true, NULL);
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
