#include "policy/origin.h"

#include <arpa/inet.h>

#include "base/slice.h"

#define ORIGIN_MAX 512u /* bytes; a DNS name has 253 at most */

/* The parts of an origin, a Host header or an entry of the list. */
struct authority {
	wsm_slice scheme; /* empty in a Host header */
	wsm_slice host;   /* without brackets */
	unsigned port;    /* 0: none written */
	bool bracketed;   /* IPv6 */
	bool subdomains;  /* entry: "*." stood before the host */
	bool any_port;    /* entry: ":*" stood behind it */
	unsigned char ipv6[16];
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_alpha(char c)
{
	return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

static bool is_host_char(char c)
{
	return is_alpha(c) || is_digit(c) || c == '-' || c == '.' || c == '_';
}

static bool copy_ip(wsm_slice ip, char out[INET6_ADDRSTRLEN])
{
	if (ip.len == 0 || ip.len >= INET6_ADDRSTRLEN || memchr(ip.data, '\0', ip.len))
		return false;
	memcpy(out, ip.data, ip.len);
	out[ip.len] = '\0';
	return true;
}

static bool ipv6_is_loopback(const unsigned char address[16])
{
	static const unsigned char loopback[16] = { [15] = 1 };
	static const unsigned char mapped[13] = { [10] = 0xff, [11] = 0xff, [12] = 127 };

	return memcmp(address, loopback, sizeof(loopback)) == 0 || memcmp(address, mapped, sizeof(mapped)) == 0;
}

bool wsm__ip_is_loopback(wsm_slice ip)
{
	char text[INET6_ADDRSTRLEN];
	unsigned char address[16];

	if (!copy_ip(ip, text))
		return false;
	if (inet_pton(AF_INET, text, address) == 1)
		return address[0] == 127;
	return inet_pton(AF_INET6, text, address) == 1 && ipv6_is_loopback(address);
}

/* RFC 3986 section 3.1, then "://". Moves `text` behind it. */
static bool take_scheme(wsm_slice *text, wsm_slice *scheme)
{
	size_t n = 0;

	while (n < text->len &&
	       (is_alpha(text->data[n]) || (n > 0 && (is_digit(text->data[n]) || text->data[n] == '+' ||
	                                              text->data[n] == '-' || text->data[n] == '.'))))
		n++;
	*scheme = wsm__slice(text->data, n);
	*text = wsm__slice(text->data + n, text->len - n);
	if (n == 0 || !wsm__slice_starts(*text, "://"))
		return false;
	*text = wsm__slice(text->data + 3, text->len - 3);
	return true;
}

/*
 * Accepts only a list of good characters: user information, paths, backslashes, percent signs, white space and non-ASCII
 * look-alikes all fail here.
 */
static bool take_host(wsm_slice *text, struct authority *authority)
{
	size_t n = 0, skip = 0;

	if (text->len > 0 && text->data[0] == '[') {
		char ip[INET6_ADDRSTRLEN];
		const char *end = memchr(text->data, ']', text->len);

		if (!end)
			return false;
		n = (size_t)(end - text->data) - 1;
		skip = 1;
		authority->bracketed = true;
		if (!copy_ip(wsm__slice(text->data + 1, n), ip) || inet_pton(AF_INET6, ip, authority->ipv6) != 1)
			return false;
	} else {
		while (n < text->len && is_host_char(text->data[n]))
			n++;
		if (n == 0 || text->data[0] == '.')
			return false;
	}
	authority->host = wsm__slice(text->data + skip, n);
	*text = wsm__slice(text->data + n + 2 * skip, text->len - n - 2 * skip);
	return true;
}

/* Takes the rest: nothing, or ":" and 1 to 65535 without leading zeros, or ":*" in an entry. */
static bool take_port(wsm_slice text, bool entry, struct authority *authority)
{
	unsigned port = 0;

	if (text.len == 0)
		return true;
	if (text.data[0] != ':' || text.len < 2 || text.len > 6)
		return false;
	if (entry && wsm__slice_is(text, ":*")) {
		authority->any_port = true;
		return true;
	}
	for (size_t i = 1; i < text.len; i++) {
		if (!is_digit(text.data[i]))
			return false;
		port = port * 10 + (unsigned)(text.data[i] - '0');
	}
	authority->port = port;
	return text.data[1] != '0' && port <= 65535;
}

static unsigned default_port(wsm_slice scheme)
{
	if (wsm__slice_equal_nocase(scheme, wsm__str("http")))
		return 80;
	return wsm__slice_equal_nocase(scheme, wsm__str("https")) ? 443 : 0;
}

static bool parse_origin(wsm_slice text, bool entry, struct authority *origin)
{
	memset(origin, 0, sizeof(*origin));
	if (text.len > ORIGIN_MAX || !take_scheme(&text, &origin->scheme))
		return false;
	if (entry && wsm__slice_starts(text, "*.")) {
		origin->subdomains = true;
		text = wsm__slice(text.data + 2, text.len - 2);
	}
	if (!take_host(&text, origin) || !take_port(text, entry, origin))
		return false;
	if (origin->port == 0)
		origin->port = default_port(origin->scheme);
	return !(origin->subdomains && origin->bracketed);
}

static bool parse_host(wsm_slice text, wsm_slice scheme, struct authority *host)
{
	memset(host, 0, sizeof(*host));
	if (text.len > ORIGIN_MAX || !take_host(&text, host) || !take_port(text, false, host))
		return false;
	if (host->port == 0)
		host->port = default_port(scheme);
	return true;
}

static bool same_host(const struct authority *a, const struct authority *b)
{
	if (a->bracketed != b->bracketed)
		return false;
	if (a->bracketed)
		return memcmp(a->ipv6, b->ipv6, sizeof(a->ipv6)) == 0;
	return wsm__slice_equal_nocase(a->host, b->host);
}

static bool host_is_loopback(const struct authority *authority)
{
	return wsm__slice_equal_nocase(authority->host, wsm__str("localhost")) || wsm__ip_is_loopback(authority->host);
}

/* Returns whether `host` is a name, a dot, and `parent`. */
static bool is_subdomain(wsm_slice host, wsm_slice parent)
{
	size_t rest;

	if (host.len < parent.len + 2)
		return false;
	rest = host.len - parent.len;
	return host.data[rest - 1] == '.' && wsm__slice_equal_nocase(wsm__slice(host.data + rest, parent.len), parent);
}

static bool entry_allows(wsm_slice text, const struct authority *origin)
{
	struct authority entry;

	if (!parse_origin(text, true, &entry) || !wsm__slice_equal_nocase(entry.scheme, origin->scheme))
		return false;
	if (!entry.any_port && entry.port != origin->port)
		return false;
	if (entry.subdomains)
		return !origin->bracketed && is_subdomain(origin->host, entry.host);
	return same_host(&entry, origin);
}

bool wsm__origin_entry_valid(wsm_slice entry)
{
	struct authority parsed;

	return wsm__slice_is(entry, "*") || parse_origin(entry, true, &parsed);
}

bool wsm__host_is_loopback(wsm_slice host)
{
	struct authority parsed;

	return parse_host(host, wsm__str("http"), &parsed) && host_is_loopback(&parsed);
}

bool wsm__origin_allowed(wsm_slice origin, wsm_slice host, bool tls, const wsm_slice *allowed, size_t n_allowed)
{
	struct authority from, to;
	bool web;

	if (origin.len == 0)
		return true;
	for (size_t i = 0; i < n_allowed; i++)
		if (wsm__slice_is(allowed[i], "*"))
			return true;
	if (!parse_origin(origin, false, &from))
		return false;
	/* Compares ports, and trusts loopback, only for pages that came from a web server. */
	web = default_port(from.scheme) != 0;
	if (web && parse_host(host, from.scheme, &to)) {
		/* Without TLS, anybody on the way could have written the page. */
		bool as_safe = !tls || wsm__slice_equal_nocase(from.scheme, wsm__str("https"));

		if (as_safe && same_host(&from, &to) && from.port == to.port)
			return true;
		if (host_is_loopback(&from) && host_is_loopback(&to))
			return true;
	}
	for (size_t i = 0; i < n_allowed; i++)
		if (entry_allows(allowed[i], &from))
			return true;
	return false;
}

bool wsm__host_allowed(wsm_slice host, const wsm_slice *allowed, size_t n_allowed)
{
	struct authority asked, entry;

	if (host.len == 0)
		return true;
	if (!parse_host(host, wsm__str("http"), &asked))
		return false;
	if (host_is_loopback(&asked))
		return true;
	for (size_t i = 0; i < n_allowed; i++) {
		if (wsm__slice_is(allowed[i], "*"))
			return true;
		if (!parse_origin(allowed[i], true, &entry))
			continue;
		if (entry.subdomains ? !asked.bracketed && is_subdomain(asked.host, entry.host)
		                     : same_host(&entry, &asked))
			return true;
	}
	return false;
}

bool wsm__origin_same(wsm_slice origin, wsm_slice host, bool tls, bool exact)
{
	struct authority from, to;
	bool https;

	if (origin.len == 0)
		return true;
	if (!parse_origin(origin, false, &from) || default_port(from.scheme) == 0 ||
	    !parse_host(host, from.scheme, &to))
		return false;
	https = wsm__slice_equal_nocase(from.scheme, wsm__str("https"));
	return same_host(&from, &to) && from.port == to.port && (https == tls || (https && !exact));
}
