/* Connections that the host hands over: with their socket (adopt), or one message at a time (bridge). */
#include <libwebsockets.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "net/commands.h"
#include "net/connection.h"
#include "net/server.h"
#include "net/token.h"
#include "rooms/name.h"
#include "wire/target.h"

static const wsm_slice nothing = { NULL, 0 };

static int check_admission(const wsm_admission *admission, wsm_error *error)
{
	const wsm_slice ids[] = { admission->client_id, admission->user_id, admission->session_id };
	static const char *const names[] = { "client_id", "user_id", "session_id" };

	for (size_t i = 0; i < 3; i++)
		if (ids[i].len && !wsm__id_valid(ids[i]))
			return wsm__fail(error, WSM_EINVAL,
			                 "%s must be 1 to %d bytes of UTF-8 without control characters", names[i],
			                 WSM__ID_MAX);
	for (size_t i = 0; i < admission->n_rooms; i++)
		if (!wsm__room_name_valid(admission->rooms[i]))
			return wsm__fail(error, WSM_EROOM, "room \"%.*s\" is no valid name of a public room",
			                 (int)(admission->rooms[i].len > 60 ? 60 : admission->rooms[i].len),
			                 admission->rooms[i].data ? admission->rooms[i].data : "");
	return WSM_OK;
}

static size_t admission_bytes(const wsm_admission *admission)
{
	size_t bytes = admission->client_id.len + admission->user_id.len + admission->session_id.len +
	               admission->greeting.len + admission->heartbeat.len + 5;

	for (size_t i = 0; i < admission->n_rooms; i++)
		bytes += admission->rooms[i].len + 1;
	return bytes;
}

static void copy_admission(struct wsm__adopt *adopt, const wsm_admission *admission, wsm_slice *rooms,
                           struct wsm__arena *arena)
{
	adopt->has_admission = true;
	adopt->admission = *admission;
	adopt->admission.client_id = wsm__arena_copy(arena, admission->client_id);
	adopt->admission.user_id = wsm__arena_copy(arena, admission->user_id);
	adopt->admission.session_id = wsm__arena_copy(arena, admission->session_id);
	adopt->admission.greeting = wsm__arena_copy(arena, admission->greeting);
	adopt->admission.heartbeat = wsm__arena_copy(arena, admission->heartbeat);
	adopt->admission.rooms = rooms;
	for (size_t i = 0; i < admission->n_rooms; i++)
		rooms[i] = wsm__arena_copy(arena, admission->rooms[i]);
}

/* `texts`: request, path, query, ip, origin, host, user agent, headers, token. */
#define TEXTS 9
static struct wsm__adopt *adopt_new(wsm_runtime *runtime, enum wsm__command_kind kind, const wsm_slice texts[TEXTS],
                                    const wsm_admission *admission)
{
	size_t n_rooms = admission ? admission->n_rooms : 0,
	       bytes = TEXTS + (admission ? admission_bytes(admission) : 0);
	struct wsm__adopt *adopt;
	struct wsm__arena arena;
	wsm_slice *rooms;

	for (size_t i = 0; i < TEXTS; i++)
		bytes += texts[i].len;
	adopt = malloc(sizeof(*adopt) + n_rooms * sizeof(wsm_slice) + bytes);
	if (!adopt)
		return NULL;
	memset(adopt, 0, sizeof(*adopt));
	rooms = (wsm_slice *)(void *)(adopt + 1);
	arena.at = (char *)(rooms + n_rooms);
	adopt->head.kind = kind;
	adopt->head.bytes = sizeof(*adopt) + bytes;
	adopt->runtime = runtime;
	adopt->fd = -1;
	adopt->number = atomic_fetch_add(&runtime->next_conn, 1);
	adopt->request = wsm__arena_copy(&arena, texts[0]);
	adopt->path = wsm__arena_copy(&arena, texts[1]);
	adopt->query = wsm__arena_copy(&arena, texts[2]);
	adopt->ip = wsm__arena_copy(&arena, texts[3]);
	adopt->origin = wsm__arena_copy(&arena, texts[4]);
	adopt->host = wsm__arena_copy(&arena, texts[5]);
	adopt->user_agent = wsm__arena_copy(&arena, texts[6]);
	adopt->headers = wsm__arena_copy(&arena, texts[7]);
	adopt->token = wsm__arena_copy(&arena, texts[8]);
	if (admission)
		copy_admission(adopt, admission, rooms, &arena);
	return adopt;
}

void wsm__adopt_free(struct wsm__adopt *adopt)
{
	free(adopt);
}

void wsm__adopt_failed(wsm_runtime *runtime, uint64_t number, unsigned code, const char *reason)
{
	struct wsm__event *event = wsm__event_new(WSM_EVENT_CLOSED, wsm__str(reason), nothing, nothing);

	if (!event)
		return;
	event->event.conn = number;
	event->event.code = code;
	wsm__event_post(runtime, event, true);
}

/* ---- with the socket -------------------------------------------------------------------------------------------- */

/* Anything else libuv could not watch, or libwebsockets not read from. */
static bool is_stream(int fd)
{
	int type = 0, listens = 0;
	socklen_t len = sizeof(type);

	if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) || type != SOCK_STREAM)
		return false;
	len = sizeof(listens);
	return !getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) && !listens;
}

int wsm_adopt(wsm_runtime *runtime, int fd, const void *request, size_t len, const wsm_admission *admission,
              uint64_t *conn, wsm_error *error)
{
	wsm_slice texts[TEXTS] = { wsm__slice(request, len) };
	struct wsm__adopt *adopt;
	int status = wsm__runtime_check(runtime, error);

	if (!status && (!len || !is_stream(fd)))
		status = wsm__fail(error, WSM_EINVAL,
		                   "a hand-over needs a connected stream socket and the request that was read from it");
	if (!status && admission)
		status = check_admission(admission, error);
	if (status)
		return status;
	adopt = adopt_new(runtime, WSM__CMD_ADOPT, texts, admission);
	if (!adopt)
		return wsm__fail(error, WSM_ENOMEM, "out of memory");
	adopt->fd = fd;
	*conn = adopt->number;
	status = wsm__post(runtime, &adopt->head, true);
	if (!status)
		return WSM_OK;
	wsm__adopt_free(adopt);
	return wsm__fail(error, status, "%s", wsm_status_text(status));
}

void wsm__adopt_run(struct wsm__core *core, struct wsm__adopt *adopt)
{
	wsm__server_take(core, adopt->fd, adopt);
}

/* ---- the bridge ------------------------------------------------------------------------------------------------- */

static wsm_slice header(const wsm_request *request, const char *name)
{
	for (size_t i = 0; i < request->n_headers; i++)
		if (wsm__slice_equal_nocase(request->headers[i].name, wsm__str(name)))
			return request->headers[i].json;
	return nothing;
}

static void headers_json(const wsm_request *request, struct wsm__buffer *out)
{
	wsm__buffer_add_str(out, "{");
	for (size_t i = 0; i < request->n_headers; i++) {
		wsm__buffer_add_str(out, i ? "," : "");
		wsm__buffer_add_json(out, request->headers[i].name);
		wsm__buffer_add_str(out, ":");
		wsm__buffer_add_json(out, request->headers[i].json);
	}
	wsm__buffer_add_str(out, "}");
}

static void to_request(const struct wsm__adopt *adopt, struct wsm__request *request)
{
	memset(request, 0, sizeof(*request));
	request->path = adopt->path;
	request->query = adopt->query;
	request->ip = adopt->ip;
	request->origin = adopt->origin;
	request->host = adopt->host;
	request->user_agent = adopt->user_agent;
	request->token = adopt->token;
}

/* Origin, endpoint and token of a bridge's request. Returns 0, or the HTTP status to refuse with; `token` is appended to. */
static unsigned check_bridge(wsm_runtime *runtime, const wsm_request *from, struct wsm__request *request,
                             const wsm_admission *admission, struct wsm__buffer *token)
{
	const struct wsm__token_headers headers = {
		.authorization = header(from, "authorization"),
		.protocols = header(from, "sec-websocket-protocol"),
		.cookie = header(from, "cookie"),
	};
	struct wsm__endpoint *endpoint;
	struct wsm__path_params params;
	unsigned status = wsm__request_check(runtime, request, admission, &endpoint, &params);

	if (!status && !(admission && admission->admitted) &&
	    !wsm__token_find(runtime, request, &params, &headers, token))
		status = 403;
	wsm__endpoint_unref(endpoint);
	return status;
}

int wsm_bridge_open(wsm_runtime *runtime, const wsm_request *from, const wsm_admission *admission, uint64_t *conn,
                    unsigned *http_status, wsm_error *error)
{
	wsm_slice texts[TEXTS] = { nothing,
	                           from->path,
	                           from->query,
	                           from->ip,
	                           header(from, "origin"),
	                           header(from, "host"),
	                           header(from, "user-agent") };
	struct wsm__request request = {
		.query = from->query, .ip = from->ip, .origin = texts[4], .host = texts[5], .user_agent = texts[6]
	};
	struct wsm__buffer headers, token;
	struct wsm__adopt *adopt;
	char path[WSM__PATH_MAX + 1];
	int path_len = wsm__percent_decode(from->path, false, path, sizeof(path));
	int status = wsm__runtime_check(runtime, error);

	*http_status = 0;
	if (!status && admission)
		status = check_admission(admission, error);
	if (status)
		return status;
	if (path_len < 0) {
		*http_status = 404;
		return wsm__fail(error, WSM_EREFUSED, "the path is longer than %d bytes or not valid", WSM__PATH_MAX);
	}
	texts[1] = wsm__slice(path, (size_t)path_len); /* as libwebsockets gives it for a connection of ours */
	request.path = texts[1];
	wsm__buffer_init(&token);
	*http_status = check_bridge(runtime, from, &request, admission, &token);
	if (*http_status) {
		wsm__buffer_fini(&token);
		return wsm__fail(error, WSM_EREFUSED, "%s",
		                 *http_status == 403 ? "this Origin may not connect (allowed_origins)"
		                                     : "there is no endpoint of this path");
	}
	texts[8] = request.token;
	wsm__buffer_init(&headers);
	if (atomic_load(&runtime->want) & WSM_WANT_AUTHENTICATE)
		headers_json(from, &headers);
	texts[7] = wsm__slice(headers.data, headers.len);
	adopt = headers.failed || token.failed ? NULL : adopt_new(runtime, WSM__CMD_BRIDGE_OPEN, texts, admission);
	wsm__buffer_fini(&headers);
	wsm__buffer_fini(&token);
	if (!adopt)
		return wsm__fail(error, WSM_ENOMEM, "out of memory");
	*conn = adopt->number;
	status = wsm__post(runtime, &adopt->head, true);
	if (!status)
		return WSM_OK;
	wsm__adopt_free(adopt);
	return wsm__fail(error, status, "%s", wsm_status_text(status));
}

void wsm__bridge_open_run(struct wsm__core *core, struct wsm__adopt *adopt)
{
	const wsm_admission *admission = adopt->has_admission ? &adopt->admission : NULL;
	struct wsm__endpoint *endpoint;
	struct wsm__path_params params;
	struct wsm__request request;
	struct wsm__buffer described;
	struct wsm__conn *conn = NULL;

	to_request(adopt, &request);
	wsm__buffer_init(&described);
	if (!wsm__request_check(core->runtime, &request, admission, &endpoint, &params)) {
		wsm__request_describe(&described, &request, &params, adopt->headers);
		request.described = wsm__slice(described.data, described.len);
		conn = wsm__conn_new(core, adopt->number, &request, endpoint, &params, admission);
	}
	if (conn) {
		conn->bridge = conn->tell_closed = true;
		wsm__conn_established(conn);
	} else {
		wsm__adopt_failed(core->runtime, adopt->number, 1013, "the connection could not be made");
	}
	wsm__endpoint_unref(endpoint);
	wsm__buffer_fini(&described);
	wsm__adopt_free(adopt);
}

static int traffic(wsm_runtime *runtime, enum wsm__command_kind kind, uint64_t conn, wsm_slice data, unsigned code,
                   size_t bytes, bool binary)
{
	struct wsm__simple *command;
	int status = wsm__runtime_check(runtime, NULL);

	if (status)
		return status;
	command = wsm__simple_new(kind, conn, data, nothing, nothing, nothing, NULL, 0);
	if (command) {
		command->code = code;
		command->bytes = bytes;
		command->flag = binary;
	}
	return wsm__simple_post(runtime, command, true, NULL);
}

int wsm_bridge_receive(wsm_runtime *runtime, uint64_t conn, bool binary, const void *data, size_t len)
{
	return traffic(runtime, WSM__CMD_BRIDGE_RECEIVE, conn, wsm__slice(data, len), 0, 0, binary);
}

int wsm_bridge_written(wsm_runtime *runtime, uint64_t conn, size_t bytes)
{
	return traffic(runtime, WSM__CMD_BRIDGE_WRITTEN, conn, nothing, 0, bytes, false);
}

int wsm_bridge_closed(wsm_runtime *runtime, uint64_t conn, unsigned code, wsm_slice reason)
{
	return traffic(runtime, WSM__CMD_BRIDGE_CLOSED, conn, reason, code, 0, false);
}

void wsm__bridge_run(struct wsm__core *core, struct wsm__simple *command)
{
	struct wsm__conn *conn = wsm__conn_by_number(core, command->number);

	if (!conn || !conn->bridge)
		return;
	switch (command->head.kind) {
	case WSM__CMD_BRIDGE_RECEIVE:
		wsm__client_receive(conn, command->a.data, command->a.len, true, true, command->flag);
		break;
	case WSM__CMD_BRIDGE_WRITTEN:
		conn->in_flight -= command->bytes < conn->in_flight ? command->bytes : conn->in_flight;
		conn->choked = false;
		wsm__flush_soon(conn);
		break;
	default:
		if (!conn->close_code) {
			conn->close_code = (uint16_t)command->code;
			free(conn->close_reason);
			conn->close_reason = wsm__slice_dup(command->a);
		}
		wsm__conn_gone(conn);
		break;
	}
}
