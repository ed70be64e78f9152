/* Takes connections from the host: with their socket (adopt), or one message at a time (bridge). */
#include "host/adopt.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/slice.h"
#include "host/events.h"
#include "host/handle.h"
#include "host/lists.h"
#include "host/queue.h"
#include "host/request.h"
#include "host/route.h"
#include "host/order.h"
#include "wire/name.h"
#include "wire/target.h"

static const wsm_slice nothing = { NULL, 0 };

static int check_admission(const wsm_runtime *runtime, const wsm_admission *admission, wsm_error *error)
{
	const wsm_slice ids[] = { admission->client_id, admission->user_id, admission->session_id };
	static const char *const names[] = { "client_id", "user_id", "session_id" };
	struct wsm__address address;
	int status;

	for (size_t i = 0; i < 3; i++)
		if (ids[i].len && !wsm__id_valid(ids[i]))
			return wsm__fail(error, WSM_EINVAL,
			                 "%s must be 1 to %d bytes of UTF-8 without control characters", names[i],
			                 WSM__ID_MAX);
	if (admission->ip.len && !wsm__address_parse(&address, admission->ip))
		return wsm__fail(error, WSM_EINVAL, "ip must be an IPv4 or IPv6 address");
	status = wsm__lists_check(&WSM__LISTS_OF(admission), error);
	return status ? status : wsm__welcome_check(runtime, admission->welcome, admission->n_welcome, error);
}

static size_t admission_bytes(const wsm_admission *admission)
{
	return admission->client_id.len + admission->user_id.len + admission->session_id.len + admission->greeting.len +
	       admission->heartbeat.len + admission->ip.len + 6 + wsm__lists_bytes(&WSM__LISTS_OF(admission));
}

static void copy_admission(struct wsm__adopt *adopt, const wsm_admission *admission, wsm_slice *rooms,
                           struct wsm__arena *arena)
{
	struct wsm__lists lists;

	adopt->has_admission = true;
	adopt->admission = *admission;
	adopt->admission.client_id = wsm__arena_copy(arena, admission->client_id);
	adopt->admission.user_id = wsm__arena_copy(arena, admission->user_id);
	adopt->admission.session_id = wsm__arena_copy(arena, admission->session_id);
	adopt->admission.greeting = wsm__arena_copy(arena, admission->greeting);
	adopt->admission.heartbeat = wsm__arena_copy(arena, admission->heartbeat);
	adopt->admission.ip = wsm__arena_copy(arena, admission->ip);
	lists = wsm__lists_copy(&WSM__LISTS_OF(admission), rooms, arena);
	adopt->admission.rooms = lists.rooms;
	adopt->admission.subscribe = lists.subscribe;
	adopt->admission.publish = lists.publish;
	adopt->admission.welcome = lists.welcome;
}

static size_t header_bytes(const wsm_request *request)
{
	size_t bytes = 0;

	for (size_t i = 0; i < request->n_headers; i++)
		bytes += sizeof(wsm_member) + request->headers[i].name.len + request->headers[i].json.len + 2;
	return bytes;
}

static void copy_request(struct wsm__adopt *adopt, const wsm_request *request, wsm_member *headers,
                         struct wsm__arena *arena)
{
	adopt->path = wsm__arena_copy(arena, request->path);
	adopt->query = wsm__arena_copy(arena, request->query);
	adopt->ip = wsm__arena_copy(arena, request->ip);
	adopt->headers = headers;
	adopt->n_headers = request->n_headers;
	adopt->tls = request->tls;
	adopt->via = wsm__arena_copy(arena, request->via);
	for (size_t i = 0; i < request->n_headers; i++) {
		headers[i].name = wsm__arena_copy(arena, request->headers[i].name);
		headers[i].json = wsm__arena_copy(arena, request->headers[i].json);
	}
}

/* Makes a hand-over, with the `bytes` of a request, or for a bridge with its parsed `request`. */
static struct wsm__adopt *adopt_new(wsm_runtime *runtime, enum wsm__command_kind kind, wsm_slice bytes,
                                    const wsm_request *request, const wsm_admission *admission)
{
	size_t n_rooms = admission ? wsm__lists_count(&WSM__LISTS_OF(admission)) : 0, n_headers = request->n_headers;
	size_t size = bytes.len + request->path.len + request->query.len + request->ip.len + request->via.len + 5 +
	              header_bytes(request) + n_rooms * sizeof(wsm_slice) +
	              (admission ? admission_bytes(admission) : 0);
	struct wsm__adopt *adopt = malloc(sizeof(*adopt) + size);
	struct wsm__arena arena;
	wsm_member *headers;
	wsm_slice *rooms;

	if (!adopt)
		return NULL;
	memset(adopt, 0, sizeof(*adopt));
	headers = (wsm_member *)(void *)(adopt + 1);
	rooms = (wsm_slice *)(void *)(headers + n_headers);
	arena.at = (char *)(rooms + n_rooms);
	adopt->head.kind = kind;
	adopt->head.bytes = sizeof(*adopt) + size;
	adopt->runtime = runtime;
	adopt->fd = -1;
	adopt->number = atomic_fetch_add(&runtime->next_conn, 1);
	adopt->request = wsm__arena_copy(&arena, bytes);
	copy_request(adopt, request, headers, &arena);
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

/* libuv and libwebsockets can work with connected stream sockets only. */
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
	const wsm_request none = { 0 };
	struct wsm__adopt *adopt;
	int status = wsm__runtime_check(runtime, error);

	if (!status && (!len || !is_stream(fd)))
		status = wsm__fail(error, WSM_EINVAL,
		                   "a hand-over needs a connected stream socket and the request that was read from it");
	if (!status && admission)
		status = check_admission(runtime, admission, error);
	if (status)
		return status;
	adopt = adopt_new(runtime, WSM__CMD_ADOPT, wsm__slice(request, len), &none, admission);
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

/* ---- the bridge ------------------------------------------------------------------------------------------------- */

/* Makes the checks of the runtime thread now, for an answer at once. Returns 0, or the HTTP status of a refusal. */
static unsigned check_bridge(wsm_runtime *runtime, const wsm_request *from, wsm_slice path,
                             const wsm_admission *admission, const char **why)
{
	struct wsm__endpoint *endpoint;
	struct wsm__path_params params;
	struct wsm__request request;
	struct wsm__buffer token;
	unsigned status;

	wsm__request_of(&request, from, path);
	wsm__buffer_init(&token);
	status = wsm__request_admit(runtime, &request, admission, &endpoint, &params, &token, why);
	wsm__endpoint_unref(endpoint);
	wsm__buffer_fini(&token);
	return status;
}

int wsm_bridge_open(wsm_runtime *runtime, const wsm_request *from, const wsm_admission *admission, uint64_t *conn,
                    unsigned *http_status, wsm_error *error)
{
	char path[WSM__PATH_MAX + 1];
	int path_len = wsm__percent_decode(from->path, false, path, sizeof(path));
	int status = wsm__runtime_check(runtime, error);
	wsm_request decoded = *from;
	struct wsm__adopt *adopt;
	const char *why;

	*http_status = 0;
	if (!status && admission)
		status = check_admission(runtime, admission, error);
	if (status)
		return status;
	if (path_len < 0) {
		*http_status = 404;
		return wsm__fail(error, WSM_EREFUSED, "the path is longer than %d bytes or not valid", WSM__PATH_MAX);
	}
	decoded.path = wsm__slice(path, (size_t)path_len);
	*http_status = check_bridge(runtime, from, decoded.path, admission, &why);
	if (*http_status)
		return wsm__fail(error, WSM_EREFUSED, "%s", why);
	adopt = adopt_new(runtime, WSM__CMD_BRIDGE_OPEN, wsm__slice(NULL, 0), &decoded, admission);
	if (!adopt)
		return wsm__fail(error, WSM_ENOMEM, "out of memory");
	*conn = adopt->number;
	status = wsm__post(runtime, &adopt->head, true);
	if (!status)
		return WSM_OK;
	wsm__adopt_free(adopt);
	return wsm__fail(error, status, "%s", wsm_status_text(status));
}

/* Posts an order about an open bridge. */
static int tell(wsm_runtime *runtime, const struct wsm__order *order)
{
	int status = wsm__runtime_check(runtime, NULL);

	return status ? status : wsm__order_post(runtime, order, true, NULL);
}

int wsm_bridge_receive(wsm_runtime *runtime, uint64_t conn, bool binary, const void *data, size_t len)
{
	return tell(runtime, &(struct wsm__order){ .head.kind = WSM__CMD_BRIDGE_RECEIVE,
	                                           .received = { conn, wsm__slice(data, len), binary } });
}

int wsm_bridge_written(wsm_runtime *runtime, uint64_t conn, size_t bytes)
{
	return tell(runtime, &(struct wsm__order){ .head.kind = WSM__CMD_BRIDGE_WRITTEN, .written = { conn, bytes } });
}

int wsm_bridge_closed(wsm_runtime *runtime, uint64_t conn, unsigned code, wsm_slice reason)
{
	return tell(runtime,
	            &(struct wsm__order){ .head.kind = WSM__CMD_BRIDGE_CLOSED, .closed = { conn, code, reason } });
}
