/* origin.h - the Origin check (RFC 6455 section 10.2, RFC 6454). */
#ifndef WSM_POLICY_ORIGIN_H
#define WSM_POLICY_ORIGIN_H

#include "ws_manager.h"

/*
 * Returns whether a request with this Origin may open a WebSocket. Yes without an Origin (no browser); for the host and port of
 * `host` (it fills in default ports; with `tls`, only for https); for a loopback origin to a loopback host (any ports); and for an
 * entry of `allowed`. An entry is "https://app.example.com", with any port if it ends in ":*", with subdomains of any depth (not
 * the domain itself) if its host begins with "*.", or "*" for all. Only "*" allows "null". No for anything else. Compares hosts
 * without case, IPv6 addresses by value. Only an entry allows schemes other than http and https.
 */
bool wsm__origin_allowed(wsm_slice origin, wsm_slice host, bool tls, const wsm_slice *allowed, size_t n_allowed);
/* Returns whether a text can be an entry of `allowed`; others match nothing. */
bool wsm__origin_entry_valid(wsm_slice entry);
/* Returns whether an IP text is a loopback address (127.0.0.0/8, ::1, ::ffff:127.0.0.0/104). */
bool wsm__ip_is_loopback(wsm_slice ip);

/* Returns whether a Host field names this machine: localhost, 127.0.0.0/8 or ::1, with any port. */
bool wsm__host_is_loopback(wsm_slice host);
/*
 * Returns whether a Host field names a host of ours: loopback, or the host of an entry of `allowed` ("*": any), with any port. Any
 * site can let its name resolve to 127.0.0.1, and its page then reaches servers on the visitor's machine (DNS rebinding); but the
 * Host field still has the site's name. Yes for an empty field: no browser sends that.
 */
bool wsm__host_allowed(wsm_slice host, const wsm_slice *allowed, size_t n_allowed);
/*
 * Returns whether a page of that origin came from this host and port: by https if `tls`, else by http, and unless `exact` also by
 * https (a proxy may have ended TLS without saying so). Yes without an Origin.
 */
bool wsm__origin_same(wsm_slice origin, wsm_slice host, bool tls, bool exact);

#endif
