/* address.h - IP addresses and networks. No I/O; names are not resolved. */
#ifndef WSM_POLICY_ADDRESS_H
#define WSM_POLICY_ADDRESS_H

#include "ws_manager.h"

#define WSM__ADDRESS_TEXT 46 /* bytes of the longest text, NUL included */

/* Of either family: IPv4 is kept as IPv6 (RFC 4291 section 2.5.5.2), so that 1.2.3.4 and ::ffff:1.2.3.4 are the same. */
struct wsm__address {
	uint8_t bytes[16];
};

struct wsm__network {
	struct wsm__address base;
	unsigned bits; /* of 128 */
};

struct wsm__networks {
	size_t count;
	struct wsm__network at[];
};

struct sockaddr;

/* The unknown address for families other than AF_INET and AF_INET6. */
void wsm__address_of(struct wsm__address *address, const struct sockaddr *from);
/* "192.0.2.7" or "2001:db8::1": no zone, brackets, port or white space. False (and ::) for anything else. */
bool wsm__address_parse(struct wsm__address *address, wsm_slice text);
/* Returns `out`, NUL-terminated; "" for the unknown address. */
const char *wsm__address_format(const struct wsm__address *address, char out[WSM__ADDRESS_TEXT]);
bool wsm__address_equal(const struct wsm__address *a, const struct wsm__address *b);
/* :: stands for a peer without an address: one on a Unix socket. */
bool wsm__address_is_unknown(const struct wsm__address *address);
bool wsm__address_is_loopback(const struct wsm__address *address);
/* Whom limits take for one client: an IPv4 address, or the /64 network of an IPv6 address (one household or machine). */
void wsm__address_group(struct wsm__address *address);

/*
 * A list with commas of addresses, networks ("10.0.0.0/8"; no bit may be set behind the prefix), and the word `loopback` for
 * both loopback networks; the word `none` alone is an empty list. NULL if an entry is none of these, or out of memory.
 */
struct wsm__networks *wsm__networks_parse(wsm_slice list);
/* A peer without an address is on this machine: it counts as loopback. */
bool wsm__networks_have(const struct wsm__networks *networks, const struct wsm__address *address);

#endif
