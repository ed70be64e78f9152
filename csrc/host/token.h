/*
 * token.h - finds the token of a request.
 *
 * With a key set, every connection needs a token unless the host has admitted it. The core checks one in the request before the
 * greeting. Without one, the host's authenticate handler decides, if there is one; else the client has auth_timeout for its first
 * message, {"action":"auth","token":…}.
 */
#ifndef WSM_HOST_TOKEN_H
#define WSM_HOST_TOKEN_H

#include "ws_manager.h"

struct wsm__buffer;
struct wsm__path_params;

/* The headers that may carry a token; empty if absent. */
struct wsm__token_headers {
	wsm_slice authorization, protocols, cookie;
	bool by_page; /* the request comes from a page that may ask */
};

/*
 * Sets *token, in `storage`, which must not change afterwards. Looks at the path, the Authorization header, the subprotocol, the cookie
 * and the query, in this order. Returns false, without a token, if it is in the cookie and the request is not `by_page`: pages of
 * other sites send cookies, too. May run on a host thread.
 */
bool wsm__token_find(const wsm_runtime *runtime, wsm_slice query, const struct wsm__path_params *params,
                     const struct wsm__token_headers *headers, struct wsm__buffer *storage, wsm_slice *token);
/* Returns the token in the value of an Authorization header (RFC 6750 section 2.1); empty for other schemes. */
wsm_slice wsm__token_bearer(wsm_slice authorization);
/* Copies a query without the parameter for the token: handlers see and log it. */
void wsm__token_redact(const wsm_runtime *runtime, wsm_slice query, struct wsm__buffer *out);

#endif
