/*
 * token.h - where a token stands in a request.
 *
 * With a key configured every connection needs a token, but for those that the host has admitted itself. One in the request
 * is decided upon before the greeting. Without one the host's authenticate handler decides, where there is one; else the client
 * has auth_timeout for its first message, {"action":"auth","token":…}.
 */
#ifndef WSM_HOST_TOKEN_H
#define WSM_HOST_TOKEN_H

#include "ws_manager.h"

struct wsm__buffer;
struct wsm__path_params;

/* The headers that may carry one; empty where there is none. */
struct wsm__token_headers {
	wsm_slice authorization, protocols, cookie;
	bool by_page; /* a browser says which page asks, and that page may */
};

/*
 * Sets *token (in `storage`, which must not change afterwards) and where it comes from: the path, the Authorization
 * header, the subprotocol, the cookie, the query, in this order. False, and none is taken, if it is a cookie's and the request is
 * not `by_page`: other sites' pages send cookies too. May run on a host thread.
 */
bool wsm__token_find(const wsm_runtime *runtime, wsm_slice query, const struct wsm__path_params *params,
                     const struct wsm__token_headers *headers, struct wsm__buffer *storage, wsm_slice *token);
/* The token in the value of an Authorization header (RFC 6750 section 2.1); empty for other schemes. */
wsm_slice wsm__token_bearer(wsm_slice authorization);
/* A query without the parameter that carries the token: what handlers see and log. */
void wsm__token_redact(const wsm_runtime *runtime, wsm_slice query, struct wsm__buffer *out);

#endif
