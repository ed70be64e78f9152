/* address.h - IP addresses and networks. No I/O; it resolves no names. */
#ifndef WSM_POLICY_ADDRESS_H
#define WSM_POLICY_ADDRESS_H

#include "ws_manager.h"

#define WSM__ADDRESS_TEXT 46 /* bytes of the longest text, NUL included */

/* An address of either family: IPv4 is stored as IPv6 (RFC 4291 section 2.5.5.2), so that 1.2.3.4 equals ::ffff:1.2.3.4. */
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

/* Takes the address from a sockaddr; the unknown address for families other than AF_INET and AF_INET6. */
void wsm__address_of(struct wsm__address *address, const struct sockaddr *from);
/* Parses "192.0.2.7" or "2001:db8::1": no zone, brackets, port or white space. Returns false, and sets ::, for anything else. */
bool wsm__address_parse(struct wsm__address *address, wsm_slice text);
/* Returns `out`, NUL-terminated; "" for the unknown address. */
const char *wsm__address_format(const struct wsm__address *address, char out[WSM__ADDRESS_TEXT]);
bool wsm__address_equal(const struct wsm__address *a, const struct wsm__address *b);
/* :: stands for a peer without an address: one on a Unix socket. */
bool wsm__address_is_unknown(const struct wsm__address *address);
bool wsm__address_is_loopback(const struct wsm__address *address);
/* Cuts an IPv6 address to its /64 network (one household or machine): limits count it as one client. Leaves IPv4 as it is. */
void wsm__address_group(struct wsm__address *address);

/*
 * Parses a list of addresses, networks ("10.0.0.0/8"; no bit may be set after the prefix), and the word `loopback` for both
 * loopback networks, with commas; `none` alone is the empty list. Returns NULL for any other entry, or when out of memory.
 */
struct wsm__networks *wsm__networks_parse(wsm_slice list);
/* Returns whether an address is in the list. A peer without an address is on this machine: it counts as loopback. */
bool wsm__networks_have(const struct wsm__networks *networks, const struct wsm__address *address);

#endif
