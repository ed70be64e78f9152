/*
 * proxy.h - who is behind a reverse proxy: Forwarded (RFC 7239) and X-Forwarded-For, -Proto, -Host, believed only from
 * proxies that are named in the configuration. No I/O.
 */
#ifndef WSM_POLICY_PROXY_H
#define WSM_POLICY_PROXY_H

#include "policy/address.h"

/* Values of the headers; where a header came in several lines, joined by commas in their order. Empty: absent. */
struct wsm__forwarding {
	wsm_slice forwarded, x_forwarded_for, x_forwarded_proto, x_forwarded_host;
	bool any; /* one of them is there, if only with an empty value */
};

struct wsm__client {
	struct wsm__address address;
	bool via_proxy; /* a trusted proxy sent the request */
	bool forwarded; /* and said something about its client: `address` is what it said */
	bool https;     /* the client's side is TLS, says the proxy */
	wsm_slice host; /* what the client asked for, says the proxy; empty: nothing. Part of the headers. */
};

/*
 * Finds the client of a request that came from `peer`. Of a peer that is not `trusted`, no header is looked at. Else each address
 * was added by the one before it: the last one that is not a trusted proxy is the client, since what stands before that one is
 * the client's own word. Where a proxy does not name its client ("unknown", or only a scheme), the address is unknown.
 *
 * False, for an answer of 400: Forwarded is malformed, or Forwarded and X-Forwarded-For name different clients. A proxy
 * that sets one of them lets the other one through as the client has sent it.
 */
bool wsm__proxy_client(const struct wsm__networks *trusted, const struct wsm__address *peer,
                       const struct wsm__forwarding *headers, struct wsm__client *client);
/*
 * The same where the host's server has looked at X-Forwarded-For itself, by a list of its own: `address` is what it found, and the
 * scheme and the host of the same proxy are believed with it. Forwarded is not looked at: that server does not know it.
 */
void wsm__proxy_believed(const struct wsm__address *address, const struct wsm__forwarding *headers,
                         struct wsm__client *client);
/*
 * Whether a header is there that only something between the client and us has a reason to add, of whatever kind and whoever wrote
 * it: a name with "forward", "client-ip", "clientip", "real-ip", "connecting-ip" or "original-" in it, or Via, CDN-Loop,
 * X-Envoy-External-Address. Who sends such a request is not to be taken for somebody on this machine.
 */
bool wsm__proxy_hinted(const wsm_member *fields, size_t n);

#endif
