/* The checks before the core accepts a WebSocket: client, Origin, endpoint, token. */
#include "host/request.h"

#include <stdio.h>
#include <string.h>

#include "base/slice.h"
#include "host/refusals.h"
#include "host/token.h"
#include "policy/config.h"
#include "policy/origin.h"
#include "wire/head.h"

static bool has_auth(const wsm_runtime *runtime)
{
	return runtime->jwt || (atomic_load(&runtime->want) & WSM_WANT_AUTHENTICATE) != 0;
}

size_t wsm__request_origins(const wsm_runtime *runtime, wsm_slice allowed[WSM__ORIGINS_MAX])
{
	const struct wsm_config *config = runtime->config;
	size_t n = 0;

	for (; n < config->n_allowed_origins && n < WSM__ORIGINS_MAX; n++)
		allowed[n] = wsm__str(config->allowed_origins[n]);
	return n;
}

/*
 * A page from the requested host is normally ours. But any site can let its name resolve to 127.0.0.1 (wsm__host_allowed()): on
 * this machine, without authentication, a name proves nothing. A page over https had a certificate for its name, which proves it.
 */
static bool origin_allowed(const wsm_runtime *runtime, const struct wsm__request *request,
                           const wsm_admission *admission, const char **told)
{
	wsm_slice allowed[WSM__ORIGINS_MAX], host = request->host, origin = wsm__request_header(request, "origin");
	bool https = origin.len > 8 && wsm__slice_equal_nocase(wsm__slice(origin.data, 8), wsm__str("https://"));
	size_t n = wsm__request_origins(runtime, allowed);
	bool authenticated = has_auth(runtime) || (admission && admission->user_id.len);

	if (!authenticated && !https && wsm__address_is_loopback(&request->client.address) &&
	    !wsm__host_allowed(host, allowed, n)) {
		host = wsm__str(NULL);
		*told = "nothing authenticates clients, and on this machine any site can have its name: neither "
			"loopback";
	}
	return wsm__origin_allowed(origin, host, request->tls || request->client.https, allowed, n);
}

/*
 * Logs a refused Origin: browsers show no reason, so the log is the only place to find it. Names the endpoint by its pattern, since
 * the path may hold a token.
 */
static void tell(wsm_runtime *runtime, const struct wsm__request *request, const char *place, const char *why)
{
	char origin[120], host[120];
	wsm_slice page = wsm__request_header(request, "origin");
	/* RFC 6454 section 6.1: an origin without a name. */
	bool nameless = wsm__slice_is(page, "null");

	wsm__refusal_tell(
		runtime, WSM__REFUSED_ORIGIN,
		"a WebSocket of a page of Origin %s to host %s, %s: %s, nor in option allowed_origins "
		"(WEBSOCKET_ALLOWED_ORIGINS). %s",
		wsm__log_text(origin, sizeof(origin), page), wsm__log_text(host, sizeof(host), request->host), place,
		why,
		nameless ? "Origin null is that of a page opened from a file or in a sandboxed frame, and of any "
			   "site that wants it: serve the page over HTTP"
		         : "Add it there if the page is yours; behind a proxy that changes Host, add the proxy to "
		           "trusted_proxies");
}

/* Names the target of the request, for the log. */
static const char *place_of(const struct wsm__endpoint *endpoint, const wsm_admission *admission)
{
	if (endpoint)
		return endpoint->path;
	return admission && admission->admitted ? "an endpoint of the application" : "no endpoint of ours";
}

unsigned wsm__request_check(wsm_runtime *runtime, const struct wsm__request *request, const wsm_admission *admission,
                            struct wsm__endpoint **endpoint, struct wsm__path_params *params, const char **why)
{
	const char *told = "neither the same host nor loopback";

	*endpoint = NULL;
	params->count = 0;
	*why = "this Origin may not connect (allowed_origins)";
	if (!(admission && admission->admitted))
		*endpoint = wsm__endpoints_find(&runtime->endpoints, request->path, has_auth(runtime), params);
	if (*endpoint && ((*endpoint)->flags & WSM__ENDPOINT_ECHO))
		return 0;
	if (!(admission && admission->skip_origin) && !origin_allowed(runtime, request, admission, &told)) {
		tell(runtime, request, place_of(*endpoint, admission), told);
		wsm__endpoint_unref(*endpoint);
		*endpoint = NULL;
		return 403;
	}
	*why = "there is no endpoint of this path";
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

/* Returns whether a proxy header is there. An empty one counts: a proxy has written it, and names nobody. */
static bool says_any(const struct wsm__request *request)
{
	static const char *const names[] = { "forwarded", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (wsm__fields_count(request->headers, request->n_headers, names[i]))
			return true;
	return false;
}

/* Returns whether a field is repeated, Host included: the core's own parser refuses that with another sentence. */
static bool is_repeated(const struct wsm__request *request)
{
	return wsm__fields_repeated(request->headers, request->n_headers) ||
	       wsm__fields_count(request->headers, request->n_headers, "host") > 1;
}

bool wsm__request_client(const wsm_runtime *runtime, struct wsm__request *request, const char **why)
{
	struct wsm__buffer lists[2];
	struct wsm__forwarding headers;
	struct wsm__address peer, called;
	struct wsm__client *client = &request->client;
	bool known = wsm__address_parse(&peer, request->ip), good;

	*why = "a header field that may come once came several times";
	if (is_repeated(request))
		return false;
	*why = "Forwarded is malformed, or it and X-Forwarded-For name different clients";
	request->called = request->host;
	wsm__buffer_init(&lists[0]);
	wsm__buffer_init(&lists[1]);
	headers.forwarded = joined(request, "forwarded", ',', &lists[0]);
	headers.x_forwarded_for = joined(request, "x-forwarded-for", ',', &lists[1]);
	headers.x_forwarded_proto = wsm__request_header(request, "x-forwarded-proto");
	headers.x_forwarded_host = wsm__request_header(request, "x-forwarded-host");
	headers.any = says_any(request);
	good = !lists[0].failed && !lists[1].failed;
	if (good && request->via.len)
		wsm__proxy_believed(&peer, &headers, client);
	else if (good)
		good = wsm__proxy_client(runtime->config->trusted_proxies, &peer, &headers, client);
	if (good && client->forwarded)
		request->ip = wsm__str(wsm__address_format(&client->address, request->client_ip));
	if (good && client->host.len && client->host.len <= sizeof(request->client_host)) {
		memcpy(request->client_host, client->host.data, client->host.len);
		request->host = wsm__slice(request->client_host, client->host.len);
	}
	client->host = wsm__str(NULL); /* it points into `lists` */
	wsm__address_parse(&called, request->via);
	request->loopback = wsm__address_is_loopback(&peer) || wsm__address_is_loopback(&called) ||
	                    wsm__address_is_loopback(&client->address);
	request->local = good && known && wsm__address_is_loopback(&peer) &&
	                 wsm__host_is_loopback(request->called) && /* HTTP/1.0 may have no Host: then not local */
	                 !wsm__proxy_hinted(request->headers, request->n_headers);
	wsm__buffer_fini(&lists[0]);
	wsm__buffer_fini(&lists[1]);
	return good;
}

bool wsm__request_token(const wsm_runtime *runtime, struct wsm__request *request, const struct wsm__path_params *params,
                        bool by_page, struct wsm__buffer *token)
{
	struct wsm__buffer protocols, cookies;
	struct wsm__token_headers headers = { .authorization = wsm__request_header(request, "authorization"),
	                                      .by_page = by_page };
	bool good;

	wsm__buffer_init(&protocols);
	wsm__buffer_init(&cookies);
	headers.protocols = joined(request, "sec-websocket-protocol", ',', &protocols);
	headers.cookie = joined(request, "cookie", ';', &cookies);
	good = wsm__token_find(runtime, request->query, params, &headers, token, &request->token);
	wsm__buffer_fini(&protocols);
	wsm__buffer_fini(&cookies);
	return good;
}

bool wsm__request_by_page(const wsm_runtime *runtime, const struct wsm__request *request)
{
	const char *told;

	if (wsm__request_header(request, "origin").len)
		return origin_allowed(runtime, request, NULL, &told);
	return wsm__slice_is(wsm__request_header(request, "sec-fetch-site"), "same-origin");
}

unsigned wsm__request_admit(wsm_runtime *runtime, struct wsm__request *request, const wsm_admission *admission,
                            struct wsm__endpoint **endpoint, struct wsm__path_params *params, struct wsm__buffer *token,
                            const char **why)
{
	unsigned status;

	*endpoint = NULL;
	params->count = 0;
	if (atomic_load(&runtime->draining)) {
		*why = "the server is shutting down; try again in a moment";
		return 503;
	}
	if (!wsm__request_client(runtime, request, why))
		return 400;
	status = wsm__request_check(runtime, request, admission, endpoint, params, why);
	if (status || !runtime->jwt || (admission && admission->admitted))
		return status;
	/* The Origin, if there is one, is checked by now. */
	if (wsm__request_token(runtime, request, params, wsm__request_header(request, "origin").len > 0, token))
		return 0;
	*why = "a token in a cookie needs an Origin";
	return 403;
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

/* Returns whether a value looks like a plain id, which may stand in a log. */
static bool is_plain(wsm_slice value)
{
	for (size_t i = 0; i < value.len; i++) {
		char c = value.data[i];

		if (!((c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || (c && strchr("._-", c))))
			return false;
	}
	return value.len > 0 && value.len <= 16;
}

/* Returns whether a parameter has a name that applications give to secrets. */
static bool names_secret(wsm_slice name)
{
	static const char *const words[] = { "token", "ticket", "secret", "key", "password", "code" };
	char lower[64];
	size_t len = name.len < sizeof(lower) - 1 ? name.len : sizeof(lower) - 1;

	for (size_t i = 0; i < len; i++)
		lower[i] = (char)(name.data[i] >= 'A' && name.data[i] <= 'Z' ? name.data[i] | 0x20 : name.data[i]);
	lower[len] = '\0';
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strstr(lower, words[i]))
			return true;
	return false;
}

static void add_label(struct wsm__buffer *out, const struct wsm__endpoint *endpoint,
                      const struct wsm__path_params *params, bool secret)
{
	const char *at = endpoint->path;

	for (size_t i = 0; i < params->count; i++)
		secret |= names_secret(params->at[i].name);
	for (size_t i = 0; i < params->count; i++) { /* in the order of the pattern */
		const char *name = params->at[i].name.data;

		if (secret || !is_plain(params->at[i].value))
			continue;
		wsm__buffer_add(out, at, (size_t)(name - 1 - at)); /* up to the brace */
		wsm__buffer_add_slice(out, params->at[i].value);
		at = name + params->at[i].name.len + 1;
	}
	wsm__buffer_add_str(out, at);
}

void wsm_endpoint_label(wsm_runtime *runtime, wsm_slice path, char *out, size_t size)
{
	struct wsm__path_params params;
	struct wsm__endpoint *endpoint;
	struct wsm__buffer label;

	out[0] = '\0';
	if (wsm__runtime_check_fork(runtime, NULL))
		return;
	endpoint = wsm__endpoints_find(&runtime->endpoints, path, has_auth(runtime), &params);
	if (!endpoint)
		return;
	wsm__buffer_init(&label);
	add_label(&label, endpoint, &params, has_auth(runtime));
	snprintf(out, size, "%s", label.data ? label.data : endpoint->path);
	wsm__buffer_fini(&label);
	wsm__endpoint_unref(endpoint);
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

/* Appends {"name":"value",…}, with names in lower case. */
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

void wsm__request_of(struct wsm__request *request, const wsm_request *from, wsm_slice path)
{
	memset(request, 0, sizeof(*request));
	request->path = path;
	request->query = from->query;
	request->ip = from->ip;
	request->headers = from->headers;
	request->n_headers = from->n_headers;
	request->tls = from->tls;
	request->via = from->via;
	request->host = wsm__request_header(request, "host");
}
