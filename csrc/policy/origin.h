/* origin.h - the Origin check (RFC 6455 section 10.2, RFC 6454). */
#ifndef WSM_POLICY_ORIGIN_H
#define WSM_POLICY_ORIGIN_H

#include "ws_manager.h"

/*
 * Whether a request with this Origin may open a WebSocket. No Origin: yes (not a browser). Same host and port as `host`
 * (default ports of the scheme filled in; with `tls`, the request came over TLS and so must the page have), a loopback origin towards a loopback host (any ports), or an entry of
 * `allowed`: yes. An entry is "https://app.example.com", with any port if it ends in ":*", with subdomains (of any depth,
 * but not the domain itself) if its host begins with "*.", or "*" for all, which is the only one that lets "null" through.
 * "null", unparsable and look-alike origins: no. Hosts compare without case, IPv6 addresses by value. Origins of other
 * schemes than http and https are allowed by an entry only.
 */
bool wsm__origin_allowed(wsm_slice origin, wsm_slice host, bool tls, const wsm_slice *allowed, size_t n_allowed);
/* Whether a text can be an entry of `allowed`; others match nothing. */
bool wsm__origin_entry_valid(wsm_slice entry);
/* Whether an IP text is a loopback address (127.0.0.0/8, ::1, ::ffff:127.0.0.0/104). */
bool wsm__ip_is_loopback(wsm_slice ip);

/* Whether a Host field names this machine: localhost, 127.0.0.0/8 or ::1, with any port. */
bool wsm__host_is_loopback(wsm_slice host);
/*
 * Whether a Host field names what is served here: loopback, or a host of an entry of `allowed`, whatever the ports. A page of any
 * site can have its name resolve to 127.0.0.1 and so speak to what listens there, from the browser of whoever looks at it (DNS
 * rebinding); but it cannot choose the name. An empty field is no browser's: yes.
 */
bool wsm__host_allowed(wsm_slice host, const wsm_slice *allowed, size_t n_allowed);
/*
 * Whether a page of that origin came from just this host and port; by https if `tls`, and if not `exact` (a proxy may have ended
 * TLS without a word) also by https. No Origin: yes.
 */
bool wsm__origin_same(wsm_slice origin, wsm_slice host, bool tls, bool exact);

#endif
