#include "policy/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "base/slice.h"

#define IPV4_BITS 96u /* bits of prefix before an IPv4 address */
#define GROUP_BYTES 8 /* bytes of an IPv6 address that name its network */

static const uint8_t ipv4_prefix[12] = { [10] = 0xff, [11] = 0xff };

static bool is_ipv4(const struct wsm__address *address)
{
	return memcmp(address->bytes, ipv4_prefix, sizeof(ipv4_prefix)) == 0;
}

bool wsm__address_parse(struct wsm__address *address, wsm_slice slice)
{
	char text[WSM__ADDRESS_TEXT];

	memset(address, 0, sizeof(*address));
	if (slice.len == 0 || slice.len >= sizeof(text) || memchr(slice.data, '\0', slice.len))
		return false;
	memcpy(text, slice.data, slice.len);
	text[slice.len] = '\0';
	if (inet_pton(AF_INET, text, &address->bytes[12]) == 1) {
		memcpy(address->bytes, ipv4_prefix, sizeof(ipv4_prefix));
		return true;
	}
	if (inet_pton(AF_INET6, text, address->bytes) == 1)
		return true;
	memset(address, 0, sizeof(*address));
	return false;
}

void wsm__address_of(struct wsm__address *address, const struct sockaddr *from)
{
	memset(address, 0, sizeof(*address));
	if (from->sa_family == AF_INET) {
		memcpy(address->bytes, ipv4_prefix, sizeof(ipv4_prefix));
		memcpy(&address->bytes[12], &((const struct sockaddr_in *)(const void *)from)->sin_addr, 4);
	} else if (from->sa_family == AF_INET6) {
		memcpy(address->bytes, &((const struct sockaddr_in6 *)(const void *)from)->sin6_addr, 16);
	}
}

const char *wsm__address_format(const struct wsm__address *address, char out[WSM__ADDRESS_TEXT])
{
	out[0] = '\0';
	if (wsm__address_is_unknown(address))
		return out;
	if (is_ipv4(address))
		inet_ntop(AF_INET, &address->bytes[12], out, WSM__ADDRESS_TEXT);
	else
		inet_ntop(AF_INET6, address->bytes, out, WSM__ADDRESS_TEXT);
	return out;
}

bool wsm__address_equal(const struct wsm__address *a, const struct wsm__address *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

bool wsm__address_is_unknown(const struct wsm__address *address)
{
	static const struct wsm__address unknown;

	return wsm__address_equal(address, &unknown);
}

bool wsm__address_is_loopback(const struct wsm__address *address)
{
	static const struct wsm__address loopback = { { [15] = 1 } };

	return (is_ipv4(address) && address->bytes[12] == 127) || wsm__address_equal(address, &loopback);
}

void wsm__address_group(struct wsm__address *address)
{
	if (!is_ipv4(address))
		memset(address->bytes + GROUP_BYTES, 0, sizeof(address->bytes) - GROUP_BYTES);
}

/* ---- networks --------------------------------------------------------------------------------------------------- */

static bool in_network(const struct wsm__network *network, const struct wsm__address *address)
{
	unsigned whole = network->bits / 8, rest = network->bits % 8;

	if (memcmp(network->base.bytes, address->bytes, whole) != 0)
		return false;
	return rest == 0 || (network->base.bytes[whole] ^ address->bytes[whole]) >> (8 - rest) == 0;
}

/* Digits only, no leading zero, at most `most`. */
static bool parse_bits(wsm_slice text, unsigned most, unsigned *bits)
{
	*bits = 0;
	if (text.len == 0 || text.len > 3 || (text.len > 1 && text.data[0] == '0'))
		return false;
	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] < '0' || text.data[i] > '9')
			return false;
		*bits = *bits * 10 + (unsigned)(text.data[i] - '0');
	}
	return *bits <= most;
}

/* Returns whether no bit is set after the prefix: else either address or prefix is a mistake. */
static bool is_whole(const struct wsm__network *network)
{
	for (unsigned bit = network->bits; bit < 128; bit++)
		if (network->base.bytes[bit / 8] & 0x80u >> bit % 8)
			return false;
	return true;
}

static bool parse_network(wsm_slice text, struct wsm__network *network)
{
	const char *slash = memchr(text.data, '/', text.len);
	wsm_slice address = slash ? wsm__slice(text.data, (size_t)(slash - text.data)) : text;
	unsigned before;

	if (!wsm__address_parse(&network->base, address))
		return false;
	network->bits = 128;
	if (!slash)
		return true;
	before = memchr(address.data, ':', address.len) ? 0 : IPV4_BITS;
	if (!parse_bits(wsm__slice(slash + 1, text.len - address.len - 1), 128 - before, &network->bits))
		return false;
	network->bits += before;
	return is_whole(network);
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static wsm_slice trim(wsm_slice text)
{
	while (text.len && is_space(text.data[0]))
		text = wsm__slice(text.data + 1, text.len - 1);
	while (text.len && is_space(text.data[text.len - 1]))
		text.len--;
	return text;
}

/* Appends one entry of the list, which may stand for two networks. */
static bool add_entry(struct wsm__networks *networks, wsm_slice entry)
{
	if (memchr(entry.data, '\0', entry.len))
		return false;
	if (!wsm__slice_is(entry, "loopback"))
		return parse_network(entry, &networks->at[networks->count++]);
	return parse_network(wsm__str("127.0.0.0/8"), &networks->at[networks->count++]) &&
	       parse_network(wsm__str("::1"), &networks->at[networks->count++]);
}

struct wsm__networks *wsm__networks_parse(wsm_slice list)
{
	struct wsm__networks *networks;
	size_t most = 2;

	for (size_t i = 0; i < list.len; i++)
		most += list.data[i] == ',' ? 2 : 0;
	networks = calloc(1, sizeof(*networks) + most * sizeof(networks->at[0]));
	if (!networks || wsm__slice_is(trim(list), "none"))
		return networks;
	while (list.data) {
		const char *comma = list.len ? memchr(list.data, ',', list.len) : NULL;
		wsm_slice entry = trim(wsm__slice(list.data, comma ? (size_t)(comma - list.data) : list.len));

		list = comma ? wsm__slice(comma + 1, list.len - (size_t)(comma - list.data) - 1) : wsm__str(NULL);
		if (entry.len && !add_entry(networks, entry)) {
			free(networks);
			return NULL;
		}
	}
	return networks;
}

bool wsm__networks_have(const struct wsm__networks *networks, const struct wsm__address *address)
{
	static const struct wsm__address here = { { [15] = 1 } };
	const struct wsm__address *sought = wsm__address_is_unknown(address) ? &here : address;

	for (size_t i = 0; i < networks->count; i++)
		if (in_network(&networks->at[i], sought))
			return true;
	return false;
}
