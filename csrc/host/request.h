/*
 * request.h - a request that asks for a connection or makes a REST call, whichever way it came, and what is checked before the
 * upgrade.
 */
#ifndef WSM_HOST_REQUEST_H
#define WSM_HOST_REQUEST_H

#include "policy/proxy.h"

struct wsm__buffer;
struct wsm__endpoint;
struct wsm__path_params;

/*
 * What a request asks for, whichever way it came: own port, hand-over, bridge. Valid during the call it is passed to. The path is
 * decoded, the query is not.
 */
struct wsm__request {
	wsm_slice path, query, ip;
	const wsm_member *headers; /* all of them, in order; `json` is the value, plain text */
	size_t n_headers;
	bool tls;                  /* it came over TLS that ends here, or in the host's server */
	wsm_slice via;             /* see wsm_request */
	wsm_slice host;            /* that the client believes to speak to */
	wsm_slice called;          /* the same as the request itself has it, whatever a proxy says */
	struct wsm__client client; /* by wsm__request_client(); `ip` and `host` are its then */
	bool loopback;             /* its socket, or its client, is on this machine */
	bool local;                /* it is, knows it by a name of loopback, and nothing is in between */
	char client_ip[WSM__ADDRESS_TEXT], client_host[256];
	wsm_slice token; /* a JWT, not checked yet; empty: none */
};

/*
 * Origin and endpoint. Returns 0, or the HTTP status to refuse with (403, which is logged, or 404), and one static sentence. On 0,
 * *endpoint holds a reference unless `admission` says admitted. May run on a host thread: uses nothing of the core.
 */
unsigned wsm__request_check(wsm_runtime *runtime, const struct wsm__request *request, const wsm_admission *admission,
                            struct wsm__endpoint **endpoint, struct wsm__path_params *params, const char **why);
/*
 * Who asks, from where, by which scheme and host: for sockets and REST alike, whichever way they came. Given the peer's address in
 * request->ip, finds out who is behind a trusted proxy. False (400) if its headers contradict each other, or one of them came several
 * times, which the host's server may have let pass; `*why` is then one sentence, static. Done by wsm__request_admit().
 */
bool wsm__request_client(const wsm_runtime *runtime, struct wsm__request *request, const char **why);
/* wsm__token_find() with all header fields of a request. */
bool wsm__request_token(const wsm_runtime *runtime, struct wsm__request *request, const struct wsm__path_params *params,
                        bool by_page, struct wsm__buffer *token);
/*
 * Whether a browser says that a page asks which may: by an allowed Origin or, as a GET to the page's own host has none, by
 * Sec-Fetch-Site, which no page can write. After wsm__request_client().
 */
bool wsm__request_by_page(const wsm_runtime *runtime, const struct wsm__request *request);
/* The entries of allowed_origins, at most WSM__ORIGINS_MAX; how many. */
#define WSM__ORIGINS_MAX 64
size_t wsm__request_origins(const wsm_runtime *runtime, wsm_slice allowed[WSM__ORIGINS_MAX]);
/*
 * The same as wsm__request_check() for whoever is behind a proxy, and looks for a token: request->token, in `token`, which must not change as long as the request is used. `*why` is one
 * sentence if the request is refused; static.
 */
unsigned wsm__request_admit(wsm_runtime *runtime, struct wsm__request *request, const wsm_admission *admission,
                            struct wsm__endpoint **endpoint, struct wsm__path_params *params, struct wsm__buffer *token,
                            const char **why);
/* The value of a request header by its name, any case; of several the first; a slice with NULL if there is none. */
wsm_slice wsm__request_header(const struct wsm__request *request, const char *name);
/* Appends the JSON for the authenticate handler. */
void wsm__request_describe(struct wsm__buffer *out, const struct wsm__request *request,
                           const struct wsm__path_params *params);

/* What the host says of a request; `path` is decoded. */
void wsm__request_of(struct wsm__request *request, const wsm_request *from, wsm_slice path);

#endif
