/* What is checked before a WebSocket is accepted, whichever way its request came: Origin, endpoint, where a token stands. */
#include "base/slice.h"
#include "net/refusals.h"
#include "net/token.h"
#include "policy/origin.h"
#include "policy/proxy.h"
#include "wire/head.h"

static bool has_auth(const wsm_runtime *runtime)
{
	return runtime->jwt || (atomic_load(&runtime->want) & WSM_WANT_AUTHENTICATE) != 0;
}

unsigned wsm__request_check(wsm_runtime *runtime, const struct wsm__request *request, const wsm_admission *admission,
                            struct wsm__endpoint **endpoint, struct wsm__path_params *params)
{
	const struct wsm_config *config = runtime->config;
	wsm_slice allowed[64], origin = wsm__request_header(request, "origin");
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
	    !wsm__origin_allowed(origin, request->host, request->tls || request->client.https, allowed, n)) {
		wsm__endpoint_unref(*endpoint);
		*endpoint = NULL;
		return 403;
	}
	return *endpoint || (admission && admission->admitted) ? 0 : 404;
}

wsm_slice wsm__request_header(const struct wsm__request *request, const char *name)
{
	return wsm__fields_get(request->headers, request->n_headers, name);
}

static wsm_slice joined(const struct wsm__request *request, const char *name, char separator,
                        struct wsm__buffer *storage)
{
	return wsm__fields_join(request->headers, request->n_headers, name, separator, storage);
}

bool wsm__request_client(const wsm_runtime *runtime, struct wsm__request *request)
{
	struct wsm__buffer lists[2];
	struct wsm__forwarding headers;
	struct wsm__address peer;
	struct wsm__client *client = &request->client;
	bool good;

	wsm__address_parse(&peer, request->ip);
	wsm__buffer_init(&lists[0]);
	wsm__buffer_init(&lists[1]);
	headers.forwarded = joined(request, "forwarded", ',', &lists[0]);
	headers.x_forwarded_for = joined(request, "x-forwarded-for", ',', &lists[1]);
	headers.x_forwarded_proto = wsm__request_header(request, "x-forwarded-proto");
	headers.x_forwarded_host = wsm__request_header(request, "x-forwarded-host");
	good = !lists[0].failed && !lists[1].failed &&
	       wsm__proxy_client(runtime->config->trusted_proxies, &peer, &headers, client);
	if (good && client->forwarded)
		request->ip = wsm__str(wsm__address_format(&client->address, request->client_ip));
	if (good && client->host.len && client->host.len <= sizeof(request->client_host)) {
		memcpy(request->client_host, client->host.data, client->host.len);
		request->host = wsm__slice(request->client_host, client->host.len);
	}
	client->host = wsm__str(NULL); /* was a part of what goes now */
	wsm__buffer_fini(&lists[0]);
	wsm__buffer_fini(&lists[1]);
	return good;
}

/* Browsers show their users no reason, so that the log is the only place to find it. */
static void tell_origin(wsm_runtime *runtime, const struct wsm__request *request)
{
	char origin[120], host[120];

	wsm__log_text(origin, sizeof(origin), wsm__request_header(request, "origin"));
	wsm__log_text(host, sizeof(host), request->host);
	wsm__refusal_tell(runtime, WSM__REFUSED_ORIGIN,
	                  "a WebSocket of a page of Origin %s to host %s: neither the same host nor loopback, nor in option "
	                  "allowed_origins (WEBSOCKET_ALLOWED_ORIGINS). Add it there if the page is yours; behind a proxy that "
	                  "changes Host, add the proxy to trusted_proxies",
	                  origin, host);
}

unsigned wsm__request_admit(wsm_runtime *runtime, struct wsm__request *request, const wsm_admission *admission,
                            struct wsm__endpoint **endpoint, struct wsm__path_params *params, struct wsm__buffer *token,
                            const char **why)
{
	struct wsm__buffer protocols, cookies;
	unsigned status;

	*endpoint = NULL;
	params->count = 0;
	if (atomic_load(&runtime->draining)) {
		*why = "the server is shutting down; try again in a moment";
		return 503;
	}
	if (!wsm__request_client(runtime, request)) {
		*why = "Forwarded is malformed, or Forwarded and X-Forwarded-For name different clients";
		return 400;
	}
	status = wsm__request_check(runtime, request, admission, endpoint, params);
	*why = status == 403 ? "this Origin may not connect (allowed_origins)" : "there is no endpoint of this path";
	if (status == 403)
		tell_origin(runtime, request);
	if (status || !runtime->jwt || (admission && admission->admitted))
		return status;
	wsm__buffer_init(&protocols);
	wsm__buffer_init(&cookies);
	if (!wsm__token_find(runtime, request, params,
	                     &(struct wsm__token_headers){
				     .authorization = wsm__request_header(request, "authorization"),
				     .protocols = joined(request, "sec-websocket-protocol", ',', &protocols),
				     .cookie = joined(request, "cookie", ';', &cookies) },
	                     token)) {
		*why = "a token in a cookie needs an Origin";
		status = 403;
	}
	wsm__buffer_fini(&protocols);
	wsm__buffer_fini(&cookies);
	return status;
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

/* {"name":"value",…}; names in lower case. */
static void add_headers(struct wsm__buffer *out, const struct wsm__request *request)
{
	char lower[128];

	wsm__buffer_add_str(out, "{");
	for (size_t i = 0; i < request->n_headers; i++) {
		wsm_slice name = request->headers[i].name;
		size_t len = name.len < sizeof(lower) ? name.len : sizeof(lower);

		for (size_t k = 0; k < len; k++)
			lower[k] =
				(char)(name.data[k] >= 'A' && name.data[k] <= 'Z' ? name.data[k] | 0x20 : name.data[k]);
		wsm__buffer_add_str(out, i ? "," : "");
		wsm__buffer_add_json(out, wsm__slice(lower, len));
		wsm__buffer_add_str(out, ":");
		wsm__buffer_add_json(out, request->headers[i].json);
	}
	wsm__buffer_add_str(out, "}");
}

void wsm__request_describe(struct wsm__buffer *out, const struct wsm__request *request,
                           const struct wsm__path_params *params)
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
	add_headers(out, request);
	wsm__buffer_add_str(out, "}");
}
