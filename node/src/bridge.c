/* bridge.c - connections whose sockets stay with Node: TLS that ends in its https server. */
#include "addon.h"

struct request {
	struct text path, query, ip;
	struct texts headers; /* name, value, name, value, … */
	wsm_member *members;
};

static bool parse(napi_env env, const napi_value *args, struct request *request, wsm_request *out)
{
	if (!addon_text(env, args[0], "path", &request->path) ||
	    !addon_text_or_none(env, args[1], "query", &request->query) ||
	    !addon_text_or_none(env, args[2], "ip", &request->ip) ||
	    !addon_texts(env, args[3], "headers", &request->headers))
		return false;
	out->path = request->path.slice;
	out->query = request->query.slice;
	out->ip = request->ip.slice;
	out->n_headers = request->headers.n / 2;
	request->members = calloc(out->n_headers ? out->n_headers : 1, sizeof(*request->members));
	if (!request->members) {
		addon_raise(env, WSM_ENOMEM, NULL);
		return false;
	}
	for (size_t i = 0; i < out->n_headers; i++)
		request->members[i] = (wsm_member){ request->headers.at[2 * i], request->headers.at[2 * i + 1] };
	out->headers = request->members;
	return true;
}

static napi_value open_it(napi_env env, struct seat *seat, const wsm_request *request, const wsm_admission *admission)
{
	uint64_t conn = 0;
	unsigned http_status = 0;
	wsm_error error = { 0 };
	int status = addon_hub_bridge_open(seat, request, admission, &conn, &http_status, &error);

	if (status == WSM_OK)
		return addon_number(env, (double)conn);
	return status == WSM_EREFUSED ? addon_raise_refused(env, &error, http_status)
	                              : addon_raise(env, status, &error);
}

/* bridgeOpen(path, query, ip, headers, admission): the number of the connection. */
METHOD(bridge_open)
{
	napi_value args[5], result = NULL;
	struct seat *seat = addon_seat(env, info, 5, args);
	struct admission admission;
	struct request texts = { .members = NULL };
	wsm_request request = { .n_headers = 0 };

	if (!seat)
		return NULL;
	if (addon_admission(env, args[4], &admission) && parse(env, args, &texts, &request))
		result = open_it(env, seat, &request, &admission.admission);
	addon_admission_fini(&admission);
	addon_text_fini(&texts.path);
	addon_text_fini(&texts.query);
	addon_text_fini(&texts.ip);
	addon_texts_fini(&texts.headers);
	free(texts.members);
	return result;
}

/* bridgeReceive(conn, data, binary): false where the command queue is full; the caller tries again later. */
METHOD(bridge_receive)
{
	napi_value args[3], result;
	struct seat *seat = addon_seat(env, info, 3, args);
	uint64_t conn;
	wsm_slice data;
	bool binary;
	int status;

	if (!seat || !addon_uint64(env, args[0], "conn", &conn) || !addon_bool(env, args[2], &binary))
		return NULL;
	if (!addon_bytes(env, args[1], &data)) {
		napi_throw_type_error(env, NULL, "data must be a Uint8Array");
		return NULL;
	}
	status = wsm_bridge_receive(addon_seat_runtime(seat), conn, binary, data.data, data.len);
	if (status != WSM_OK && status != WSM_EOVERLOADED)
		return addon_raise(env, status, NULL);
	return addon_ok(env, napi_get_boolean(env, status == WSM_OK, &result)) ? result : NULL;
}

METHOD(bridge_written)
{
	napi_value args[2];
	struct seat *seat = addon_seat(env, info, 2, args);
	uint64_t conn, bytes;

	if (!seat || !addon_uint64(env, args[0], "conn", &conn) || !addon_uint64(env, args[1], "bytes", &bytes))
		return NULL;
	return addon_result(env, wsm_bridge_written(addon_seat_runtime(seat), conn, (size_t)bytes), NULL);
}

METHOD(bridge_closed)
{
	napi_value args[3], result = NULL;
	struct seat *seat = addon_seat(env, info, 3, args);
	struct text reason = { .heap = NULL };
	uint64_t conn;
	unsigned code;

	if (!seat || !addon_uint64(env, args[0], "conn", &conn) || !addon_uint(env, args[1], "code", &code))
		return NULL;
	if (addon_text_or_none(env, args[2], "reason", &reason))
		result = addon_result(env, wsm_bridge_closed(addon_seat_runtime(seat), conn, code, reason.slice), NULL);
	addon_text_fini(&reason);
	return result;
}
