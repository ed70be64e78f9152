/*
 * request.h - a request for a connection, or a REST call: from the own port, a hand-over, or a bridge; and the checks before an
 * upgrade.
 */
#ifndef WSM_HOST_REQUEST_H
#define WSM_HOST_REQUEST_H

#include "policy/proxy.h"

struct wsm__buffer;
struct wsm__endpoint;
struct wsm__path_params;

/*
 * A request. Valid during the call that gets it. The path is decoded, the query is not.
 */
struct wsm__request {
	wsm_slice path, query, ip;
	const wsm_member *headers; /* all of them, in order; `json` is the value, plain text */
	size_t n_headers;
	bool tls;                  /* it came over TLS that ends here, or in the host's server */
	wsm_slice via;             /* see wsm_request */
	wsm_slice host;            /* the host that the client has asked for */
	wsm_slice called;          /* the Host of the request itself, whatever a proxy says */
	struct wsm__client client; /* set by wsm__request_client(), as `ip` and `host` then are */
	bool loopback;             /* its socket, or its client, is on this machine */
	bool local;                /* its socket is, it asks for a loopback name, and no header hints at a proxy */
	char client_ip[WSM__ADDRESS_TEXT], client_host[256];
	wsm_slice token; /* a JWT, not checked yet; empty: none */
};

/*
 * Checks Origin and endpoint. Returns 0, or the HTTP status of a refusal (403, which it logs, or 404) with a static sentence in `*why`.
 * On 0, *endpoint holds a reference unless `admission` says admitted. May run on a host thread: uses nothing of the core.
 */
unsigned wsm__request_check(wsm_runtime *runtime, const struct wsm__request *request, const wsm_admission *admission,
                            struct wsm__endpoint **endpoint, struct wsm__path_params *params, const char **why);
/*
 * Finds the client, its scheme and its host, for sockets and REST alike: request->ip has the peer's address, perhaps of a trusted
 * proxy. Returns false (400) if headers contradict each other, or one that may come once came several times; `*why` is then a
 * static sentence. wsm__request_admit() calls it.
 */
bool wsm__request_client(const wsm_runtime *runtime, struct wsm__request *request, const char **why);
/* Calls wsm__token_find() with the header fields of a request. */
bool wsm__request_token(const wsm_runtime *runtime, struct wsm__request *request, const struct wsm__path_params *params,
                        bool by_page, struct wsm__buffer *token);
/*
 * Returns whether the request comes from a page that may ask: by an allowed Origin or, since a GET to the page's own host has none, by
 * Sec-Fetch-Site, which no page can write. Call wsm__request_client() before.
 */
bool wsm__request_by_page(const wsm_runtime *runtime, const struct wsm__request *request);
/* Copies the entries of allowed_origins, at most WSM__ORIGINS_MAX. Returns how many. */
#define WSM__ORIGINS_MAX 64
size_t wsm__request_origins(const wsm_runtime *runtime, wsm_slice allowed[WSM__ORIGINS_MAX]);
/*
 * Makes all checks before an upgrade: drain, client, wsm__request_check(), and the token: request->token points into `token`, which
 * must not change while the request is used. Returns 0, or the HTTP status (400, 403, 404, 503) with a static sentence in `*why`.
 */
unsigned wsm__request_admit(wsm_runtime *runtime, struct wsm__request *request, const wsm_admission *admission,
                            struct wsm__endpoint **endpoint, struct wsm__path_params *params, struct wsm__buffer *token,
                            const char **why);
/* Returns the value of the first header of that name (any case); a slice with NULL if there is none. */
wsm_slice wsm__request_header(const struct wsm__request *request, const char *name);
/* Appends the JSON for the authenticate handler. */
void wsm__request_describe(struct wsm__buffer *out, const struct wsm__request *request,
                           const struct wsm__path_params *params);

/* Makes a request of the host's description; `path` is decoded. */
void wsm__request_of(struct wsm__request *request, const wsm_request *from, wsm_slice path);

#endif
