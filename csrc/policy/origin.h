/* origin.h - the Origin check (RFC 6455 section 10.2, RFC 6454). */
#ifndef WSM_POLICY_ORIGIN_H
#define WSM_POLICY_ORIGIN_H

#include "ws_manager.h"

/*
 * Whether a request with this Origin may open a WebSocket. No Origin: yes (not a browser). Same host and port as `host`
 * (default ports of the scheme filled in), a loopback origin towards a loopback host (any ports), or an entry of
 * `allowed`: yes. An entry is "https://app.example.com", with any port if it ends in ":*", with subdomains as
 * "https://*.example.com", or "*" for all. "null", unparsable and look-alike origins: no. Hosts compare without case.
 */
bool wsm__origin_allowed(wsm_slice origin, wsm_slice host, const wsm_slice *allowed, size_t n_allowed);
/* Whether an IP text is a loopback address (127.0.0.0/8, ::1, ::ffff:127.0.0.0/104). */
bool wsm__ip_is_loopback(wsm_slice ip);

#endif
