/* What is checked before a WebSocket is accepted: Origin and endpoint. */
#include "base/slice.h"
#include "net/connection.h"
#include "policy/origin.h"

static bool has_auth(const wsm_runtime *runtime)
{
	return runtime->jwt || (atomic_load(&runtime->want) & WSM_WANT_AUTHENTICATE) != 0;
}

unsigned wsm__request_check(wsm_runtime *runtime, const struct wsm__request *request, const wsm_admission *admission,
                            struct wsm__endpoint **endpoint, struct wsm__path_params *params)
{
	const struct wsm_config *config = runtime->config;
	wsm_slice allowed[64];
	size_t n = 0;

	*endpoint = NULL;
	params->count = 0;
	for (; n < config->n_allowed_origins && n < 64; n++)
		allowed[n] = wsm__str(config->allowed_origins[n]);
	if (!(admission && admission->admitted))
		*endpoint = wsm__endpoints_find(&runtime->endpoints, request->path, has_auth(runtime), params);
	if (*endpoint && ((*endpoint)->flags & WSM__ENDPOINT_ECHO))
		return 0;
	if (!(admission && admission->skip_origin) &&
	    !wsm__origin_allowed(request->origin, request->host, allowed, n)) {
		wsm__endpoint_unref(*endpoint);
		*endpoint = NULL;
		return 403;
	}
	return *endpoint || (admission && admission->admitted) ? 0 : 404;
}

bool wsm_endpoint_match(wsm_runtime *runtime, wsm_slice path)
{
	struct wsm__path_params params;
	struct wsm__endpoint *endpoint;

	if (wsm__runtime_check_fork(runtime, NULL))
		return false;
	endpoint = wsm__endpoints_find(&runtime->endpoints, path, has_auth(runtime), &params);
	wsm__endpoint_unref(endpoint);
	return endpoint != NULL;
}

int wsm_endpoint_set(wsm_runtime *runtime, const wsm_endpoint *endpoint, wsm_error *error)
{
	int status = wsm__runtime_check_fork(runtime, error);

	return status ? status : wsm__endpoints_set(&runtime->endpoints, endpoint, error);
}

int wsm_endpoint_remove(wsm_runtime *runtime, wsm_slice path)
{
	int status = wsm__runtime_check_fork(runtime, NULL);

	return status ? status : wsm__endpoints_remove(&runtime->endpoints, path);
}

static void add_pair(struct wsm__buffer *out, const char *name, wsm_slice value)
{
	wsm__buffer_addf(out, "\"%s\":", name);
	wsm__buffer_add_json(out, value);
	wsm__buffer_add_str(out, ",");
}

void wsm__request_describe(struct wsm__buffer *out, const struct wsm__request *request,
                           const struct wsm__path_params *params, wsm_slice headers)
{
	wsm__buffer_add_str(out, "{");
	add_pair(out, "path", request->path);
	add_pair(out, "query", request->query);
	add_pair(out, "ip", request->ip);
	wsm__buffer_add_str(out, "\"path_params\":{");
	for (size_t i = 0; i < params->count; i++) {
		wsm__buffer_add_str(out, i ? "," : "");
		wsm__buffer_add_json(out, params->at[i].name);
		wsm__buffer_add_str(out, ":");
		wsm__buffer_add_json(out, params->at[i].value);
	}
	wsm__buffer_add_str(out, "},\"headers\":");
	wsm__buffer_add_slice(out, headers.len ? headers : wsm__str("{}"));
	wsm__buffer_add_str(out, "}");
}
