#include "policy/endpoint.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/slice.h"

/* ---- patterns --------------------------------------------------------------------------------------------------- */

static wsm_slice segment(wsm_slice *rest)
{
	const char *slash = rest->len ? memchr(rest->data, '/', rest->len) : NULL;
	wsm_slice head = wsm__slice(rest->data, slash ? (size_t)(slash - rest->data) : rest->len);
	size_t used = head.len + (slash ? 1 : 0);

	*rest = slash ? wsm__slice(rest->data + used, rest->len - used) : wsm__slice(NULL, 0);
	return head;
}

static bool is_param(wsm_slice part)
{
	return part.len > 2 && part.data[0] == '{' && part.data[part.len - 1] == '}';
}

static bool match(const char *pattern, wsm_slice path, struct wsm__path_params *params)
{
	wsm_slice pattern_rest = wsm__str(pattern);

	params->count = 0;
	while (pattern_rest.data && path.data) {
		wsm_slice part = segment(&pattern_rest), actual = segment(&path);

		if (!is_param(part)) {
			if (!wsm__slice_equal(part, actual))
				return false;
			continue;
		}
		/* A value that is too long still matches: the client then gets 4400 with a reason instead of 404. */
		if (!actual.len)
			return false;
		params->at[params->count].name = wsm__slice(part.data + 1, part.len - 2);
		params->at[params->count].value = actual;
		params->count++;
	}
	return !pattern_rest.data && !path.data;
}

static size_t count_params(const char *path)
{
	size_t n = 0;

	for (; *path; path++)
		n += *path == '{';
	return n;
}

static int check_path(wsm_slice path, wsm_error *error)
{
	wsm_slice rest = path;
	size_t params = 0;

	if (!path.len || path.data[0] != '/' || path.len > WSM__PATH_MAX || memchr(path.data, '\0', path.len))
		return wsm__fail(error, WSM_ECONFIG,
		                 "endpoint path \"%.*s\": must begin with '/' and have at most %d bytes", (int)path.len,
		                 path.data ? path.data : "", WSM__PATH_MAX);
	while (rest.data) {
		wsm_slice part = segment(&rest);

		params += is_param(part);
		if (!is_param(part) && part.len &&
		    (memchr(part.data, '{', part.len) || memchr(part.data, '}', part.len)))
			return wsm__fail(error, WSM_ECONFIG, "endpoint path \"%.*s\": {name} must be a whole segment",
			                 (int)path.len, path.data);
	}
	if (params > WSM__PATH_PARAMS_MAX)
		return wsm__fail(error, WSM_ECONFIG, "endpoint path \"%.*s\": at most %d parameters", (int)path.len,
		                 path.data, WSM__PATH_PARAMS_MAX);
	return WSM_OK;
}

int wsm__room_from_template(const char *room, const struct wsm__path_params *params, char out[WSM__ROOM_SIZE])
{
	size_t len = 0;

	for (const char *p = room; *p;) {
		wsm_slice piece = wsm__slice(p, 1);
		const char *end = *p == '{' ? strchr(p, '}') : NULL;

		p++;
		if (end) {
			wsm_slice name = wsm__slice(p, (size_t)(end - p));

			piece = wsm__slice(NULL, 0);
			for (size_t i = 0; i < params->count; i++)
				if (wsm__slice_equal(params->at[i].name, name))
					piece = params->at[i].value;
			if (!piece.data) /* the path has no such parameter */
				return -1;
			p = end + 1;
		}
		if (len + piece.len > WSM__ROOM_NAME_MAX)
			return -1;
		if (piece.len)
			memcpy(out + len, piece.data, piece.len);
		len += piece.len;
	}
	out[len] = '\0';
	/* Only the template itself may be "@all": a client could write it into the path. */
	if (strcmp(room, "@all") != 0 && !wsm__room_name_valid(wsm__slice(out, len)))
		return -1;
	return (int)len;
}

/* ---- the table -------------------------------------------------------------------------------------------------- */

void wsm__endpoint_unref(struct wsm__endpoint *endpoint)
{
	if (!endpoint || atomic_fetch_sub(&endpoint->refs, 1) != 1)
		return;
	for (size_t i = 0; i < endpoint->n_rooms; i++)
		free(endpoint->rooms[i]);
	free(endpoint->rooms);
	free(endpoint->path);
	free(endpoint->greeting);
	free(endpoint->heartbeat);
	free(endpoint);
}

static struct wsm__endpoint *endpoint_new(const wsm_endpoint *from)
{
	struct wsm__endpoint *endpoint = calloc(1, sizeof(*endpoint));

	if (!endpoint)
		return NULL;
	atomic_init(&endpoint->refs, 1);
	endpoint->flags = from->flags;
	endpoint->path = wsm__slice_dup(from->path);
	endpoint->greeting = wsm__slice_dup(from->greeting.len ? from->greeting : wsm__str("connected"));
	endpoint->heartbeat = wsm__slice_dup(from->heartbeat.len ? from->heartbeat : wsm__str("heartbeat"));
	endpoint->rooms = calloc(from->n_rooms + 1, sizeof(char *));
	if (!endpoint->path || !endpoint->greeting || !endpoint->heartbeat || !endpoint->rooms)
		goto fail;
	for (; endpoint->n_rooms < from->n_rooms; endpoint->n_rooms++) {
		endpoint->rooms[endpoint->n_rooms] = wsm__slice_dup(from->rooms[endpoint->n_rooms]);
		if (!endpoint->rooms[endpoint->n_rooms])
			goto fail;
	}
	return endpoint;
fail:
	wsm__endpoint_unref(endpoint);
	return NULL;
}

static int check_rooms(const wsm_endpoint *endpoint, wsm_error *error)
{
	struct wsm__path_params params = { 0 };
	wsm_slice rest = endpoint->path;

	while (rest.data) {
		wsm_slice part = segment(&rest);

		if (!is_param(part))
			continue;
		params.at[params.count].name = wsm__slice(part.data + 1, part.len - 2);
		params.at[params.count++].value = wsm__str("x");
	}
	for (size_t i = 0; i < endpoint->n_rooms; i++) {
		char *room = wsm__slice_dup(endpoint->rooms[i]), out[WSM__ROOM_SIZE];
		int len = room ? wsm__room_from_template(room, &params, out) : 0;

		free(room);
		if (len < 0)
			return wsm__fail(error, WSM_EROOM, "endpoint \"%.*s\": \"%.*s\" is no room name",
			                 (int)endpoint->path.len, endpoint->path.data, (int)endpoint->rooms[i].len,
			                 endpoint->rooms[i].data);
	}
	return WSM_OK;
}

/* Takes the endpoint of that pattern out of the list. Returns it, or NULL. The caller has the lock. */
static struct wsm__endpoint *take_out(struct wsm__endpoints *endpoints, wsm_slice path)
{
	struct wsm__endpoint *endpoint;

	DL_FOREACH(endpoints->list, endpoint) {
		if (wsm__slice_is(path, endpoint->path))
			break;
	}
	if (endpoint)
		DL_DELETE(endpoints->list, endpoint);
	return endpoint;
}

int wsm__endpoints_set(struct wsm__endpoints *endpoints, const wsm_endpoint *from, wsm_error *error)
{
	struct wsm__endpoint *endpoint, *old, *after;
	int status = check_path(from->path, error);

	if (!status)
		status = check_rooms(from, error);
	if (status)
		return status;
	endpoint = endpoint_new(from);
	if (!endpoint)
		return wsm__fail(error, WSM_ENOMEM, "out of memory");
	/* Both under one lock: a request in between would find no endpoint. */
	pthread_mutex_lock(&endpoints->lock);
	old = take_out(endpoints, from->path);
	DL_FOREACH(endpoints->list, after) {
		if (count_params(after->path) > count_params(endpoint->path))
			break;
	}
	if (after)
		DL_PREPEND_ELEM(endpoints->list, after, endpoint);
	else
		DL_APPEND(endpoints->list, endpoint);
	pthread_mutex_unlock(&endpoints->lock);
	wsm__endpoint_unref(old);
	return WSM_OK;
}

int wsm__endpoints_remove(struct wsm__endpoints *endpoints, wsm_slice path)
{
	struct wsm__endpoint *endpoint;

	pthread_mutex_lock(&endpoints->lock);
	endpoint = take_out(endpoints, path);
	pthread_mutex_unlock(&endpoints->lock);
	wsm__endpoint_unref(endpoint);
	return endpoint ? WSM_OK : WSM_ENOTFOUND;
}

struct wsm__endpoint *wsm__endpoints_find(struct wsm__endpoints *endpoints, wsm_slice path, bool auth,
                                          struct wsm__path_params *params)
{
	struct wsm__endpoint *endpoint;

	if (!path.len)
		return NULL;
	pthread_mutex_lock(&endpoints->lock);
	DL_FOREACH(endpoints->list, endpoint) {
		if ((endpoint->flags & WSM_ENDPOINT_AUTH) && !auth)
			continue;
		if (match(endpoint->path, path, params)) {
			atomic_fetch_add(&endpoint->refs, 1);
			break;
		}
	}
	pthread_mutex_unlock(&endpoints->lock);
	return endpoint;
}

bool wsm__endpoints_say(struct wsm__endpoints *endpoints, wsm_slice type)
{
	const struct wsm__endpoint *endpoint;

	pthread_mutex_lock(&endpoints->lock);
	DL_FOREACH(endpoints->list, endpoint) {
		if (wsm__slice_is(type, endpoint->greeting) || wsm__slice_is(type, endpoint->heartbeat))
			break;
	}
	pthread_mutex_unlock(&endpoints->lock);
	return endpoint != NULL;
}

/* ---- defaults --------------------------------------------------------------------------------------------------- */

static const struct {
	const char *path, *room, *greeting, *heartbeat;
	unsigned flags;
} defaults[] = {
	{ "/ws", "@all", "connected", "heartbeat", 0 },
	{ "/ws/updates", "@all", "connected", "ping", 0 },
	{ "/ws/notifications", NULL, "connection", "heartbeat", WSM_ENDPOINT_FIREHOSE },
	{ "/ws/project/{project_id}", "project:{project_id}", "connection", "heartbeat", 0 },
	{ "/ws/logs", "logs", "connection", "heartbeat", 0 },
	{ "/ws/{token}", "@all", "connected", "heartbeat", WSM_ENDPOINT_AUTH },
};

const char *wsm_endpoint_default(size_t index, unsigned *flags)
{
	if (index >= sizeof(defaults) / sizeof(defaults[0]))
		return NULL;
	*flags = defaults[index].flags;
	return defaults[index].path;
}

int wsm__endpoints_init(struct wsm__endpoints *endpoints)
{
	int status = WSM_OK;

	memset(endpoints, 0, sizeof(*endpoints));
	pthread_mutex_init(&endpoints->lock, NULL);
	for (size_t i = 0; i < sizeof(defaults) / sizeof(defaults[0]) && !status; i++) {
		wsm_slice room = wsm__str(defaults[i].room);
		wsm_endpoint endpoint = {
			.path = wsm__str(defaults[i].path),
			.rooms = &room,
			.n_rooms = room.len ? 1 : 0,
			.greeting = wsm__str(defaults[i].greeting),
			.heartbeat = wsm__str(defaults[i].heartbeat),
			.flags = defaults[i].flags,
		};

		status = wsm__endpoints_set(endpoints, &endpoint, NULL);
	}
	return status;
}

void wsm__endpoints_fini(struct wsm__endpoints *endpoints)
{
	struct wsm__endpoint *endpoint, *next;

	DL_FOREACH_SAFE(endpoints->list, endpoint, next) {
		DL_DELETE(endpoints->list, endpoint);
		wsm__endpoint_unref(endpoint);
	}
	pthread_mutex_destroy(&endpoints->lock);
}
