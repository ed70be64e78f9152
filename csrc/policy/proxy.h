/*
 * proxy.h - finds the client behind a reverse proxy: by Forwarded (RFC 7239), or X-Forwarded-For, -Proto, -Host, and only from
 * trusted proxies. No I/O.
 */
#ifndef WSM_POLICY_PROXY_H
#define WSM_POLICY_PROXY_H

#include "policy/address.h"

/* Values of the headers; several lines of a header are joined by commas, in order. Empty: absent. */
struct wsm__forwarding {
	wsm_slice forwarded, x_forwarded_for, x_forwarded_proto, x_forwarded_host;
	bool any; /* one of them is there, perhaps with an empty value */
};

struct wsm__client {
	struct wsm__address address;
	bool via_proxy; /* a trusted proxy sent the request */
	bool forwarded; /* and named its client: `address` */
	bool https;     /* by the proxy's word: the client speaks TLS */
	wsm_slice host; /* by the proxy's word: the host that the client asked for; empty: none. Part of the headers. */
};

/*
 * Finds the client of a request that came from `peer`. Reads headers only if the peer is `trusted`. Each proxy adds the address
 * of its caller: the last one that is no trusted proxy is the client, since the client may have invented those before. If a
 * proxy does not name its client ("unknown", or only a scheme), the address is unknown.
 *
 * Returns false, for an answer of 400, if Forwarded is malformed, or Forwarded and X-Forwarded-For name different clients: a proxy
 * that sets one of them may pass on the other as the client has sent it.
 */
bool wsm__proxy_client(const struct wsm__networks *trusted, const struct wsm__address *peer,
                       const struct wsm__forwarding *headers, struct wsm__client *client);
/*
 * The same if the host's server has read X-Forwarded-For itself, by its own list: `address` is its result. Takes scheme and host from
 * the same proxy. Ignores Forwarded, which that server does not know.
 */
void wsm__proxy_believed(const struct wsm__address *address, const struct wsm__forwarding *headers,
                         struct wsm__client *client);
/*
 * Returns whether a request has a header that only a proxy or the like has a reason to add: a name with "forward", "client-ip",
 * "clientip", "real-ip", "connecting-ip" or "original-" in it, or Via, CDN-Loop, X-Envoy-External-Address. Then the caller must not
 * count as one on this machine.
 */
bool wsm__proxy_hinted(const wsm_member *fields, size_t n);

#endif
