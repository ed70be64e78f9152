#include "policy/proxy.h"

#include "base/slice.h"

#define ELEMENTS_MAX 64 /* proxies in a row; cuts a longer list at its left, which clients may have written */

static wsm_slice trim(wsm_slice text)
{
	while (text.len && (text.data[0] == ' ' || text.data[0] == '\t'))
		text = wsm__slice(text.data + 1, text.len - 1);
	while (text.len && (text.data[text.len - 1] == ' ' || text.data[text.len - 1] == '\t'))
		text.len--;
	return text;
}

static wsm_slice unquote(wsm_slice text)
{
	if (text.len >= 2 && text.data[0] == '"' && text.data[text.len - 1] == '"')
		return wsm__slice(text.data + 1, text.len - 2);
	return text;
}

/* Returns whether it is ":" and 1 to 5 digits, or an obfuscated port (RFC 7239 section 6). */
static bool is_port(wsm_slice text)
{
	if (text.len < 2 || text.len > 64 || text.data[0] != ':')
		return false;
	if (text.data[1] == '_')
		return true;
	for (size_t i = 1; i < text.len; i++)
		if (text.data[i] < '0' || text.data[i] > '9')
			return false;
	return text.len <= 6;
}

/* Parses a node of RFC 7239 section 6, also without the quotes and brackets that it demands: "1.2.3.4:80", "[::1]:80", "::1". */
static bool parse_node(wsm_slice node, struct wsm__address *address)
{
	const char *end;

	node = unquote(trim(node));
	if (node.len == 0)
		return false;
	if (node.data[0] == '[') {
		end = memchr(node.data, ']', node.len);
		if (!end)
			return false;
		if ((size_t)(end - node.data) + 1 < node.len &&
		    !is_port(wsm__slice(end + 1, node.len - (size_t)(end - node.data) - 1)))
			return false;
		return wsm__address_parse(address, wsm__slice(node.data + 1, (size_t)(end - node.data) - 1));
	}
	end = memchr(node.data, ':', node.len);
	if (end && memchr(node.data, '.', (size_t)(end - node.data)) &&
	    is_port(wsm__slice(end, node.len - (size_t)(end - node.data))))
		node.len = (size_t)(end - node.data);
	return wsm__address_parse(address, node);
}

/* ---- Forwarded -------------------------------------------------------------------------------------------------- */

struct element {
	wsm_slice node, proto, host; /* values without their quotes; empty: absent */
};

static bool is_token_char(char c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
	       (c && strchr("!#$%&'*+-.^_`|~", c));
}

static wsm_slice skip_space(wsm_slice text)
{
	while (text.len && (text.data[0] == ' ' || text.data[0] == '\t'))
		text = wsm__slice(text.data + 1, text.len - 1);
	return text;
}

static wsm_slice behind(wsm_slice text, size_t n)
{
	return wsm__slice(text.data + n, text.len - n);
}

/*
 * Takes a token or a quoted string; its content goes to `value`. Refuses escapes in quoted strings: no address, scheme or host needs
 * one, and values stay slices. Lets unquoted addresses with ports and brackets pass.
 */
static bool take_value(wsm_slice *text, wsm_slice *value)
{
	size_t n = 0;

	if (text->len && text->data[0] == '"') {
		for (n = 1; n < text->len && text->data[n] != '"'; n++)
			if (text->data[n] == '\\')
				return false;
		if (n == text->len)
			return false;
		*value = wsm__slice(text->data + 1, n - 1);
		*text = behind(*text, n + 1);
		return true;
	}
	while (n < text->len && (is_token_char(text->data[n]) || strchr(":[]", text->data[n])) && text->data[n])
		n++;
	*value = wsm__slice(text->data, n);
	*text = behind(*text, n);
	return n > 0;
}

/* Takes one `name=value`. A name that comes twice is malformed. */
static bool take_pair(wsm_slice *text, struct element *element)
{
	wsm_slice name, value, *place = NULL;
	size_t n = 0;

	while (n < text->len && is_token_char(text->data[n]))
		n++;
	name = wsm__slice(text->data, n);
	*text = behind(*text, n);
	if (!n || !text->len || text->data[0] != '=')
		return false;
	*text = behind(*text, 1);
	if (!take_value(text, &value))
		return false;
	if (wsm__slice_equal_nocase(name, wsm__str("for")))
		place = &element->node;
	else if (wsm__slice_equal_nocase(name, wsm__str("proto")))
		place = &element->proto;
	else if (wsm__slice_equal_nocase(name, wsm__str("host")))
		place = &element->host;
	if (!place)
		return true;
	if (place->data)
		return false;
	*place = value;
	return true;
}

/*
 * RFC 7239 section 4: reads from left to right, to tell opening quotes from closing ones. Keeps the last ELEMENTS_MAX elements, in a
 * ring. Returns how many there were, or -1.
 */
static int parse_forwarded(wsm_slice text, struct element ring[ELEMENTS_MAX])
{
	int n = 0;

	for (;;) {
		struct element element = { .node = { NULL, 0 } };
		bool empty = true;

		for (;;) { /* pairs */
			text = skip_space(text);
			if (text.len && text.data[0] != ',' && text.data[0] != ';') {
				if (!take_pair(&text, &element))
					return -1;
				empty = false;
				text = skip_space(text);
			}
			if (!text.len || text.data[0] == ',')
				break;
			if (text.data[0] != ';')
				return -1;
			text = behind(text, 1);
		}
		if (!empty) /* RFC 9110 section 5.6.1: those do not count */
			ring[n++ % ELEMENTS_MAX] = element;
		if (!text.len)
			return n;
		text = behind(text, 1);
	}
}

/* ---- the walk --------------------------------------------------------------------------------------------------- */

/* The result of one of the two headers. */
struct walk {
	struct wsm__address address;
	bool named; /* it speaks of an address, or says that it is not known */
};

/* Goes one step towards the client. Returns true at the client. */
static bool step(const struct wsm__networks *trusted, wsm_slice node, struct walk *walk)
{
	struct wsm__address address = { { 0 } };
	bool known = parse_node(node, &address) && !wsm__address_is_unknown(&address);

	walk->named = true;
	walk->address = address; /* unknown if it is none: the proxy does not name who came to it */
	return !known || !wsm__networks_have(trusted, &address);
}

static bool is_https(wsm_slice scheme)
{
	return wsm__slice_equal_nocase(scheme, wsm__str("https")) || wsm__slice_equal_nocase(scheme, wsm__str("wss"));
}

static bool by_forwarded(const struct wsm__networks *trusted, wsm_slice text, struct walk *walk,
                         struct wsm__client *client)
{
	struct element ring[ELEMENTS_MAX];
	int n = parse_forwarded(text, ring);
	bool found = false;

	for (int i = n - 1; i >= 0 && i >= n - ELEMENTS_MAX && !found; i--) {
		const struct element *element = &ring[i % ELEMENTS_MAX];

		/* Stop at an element without an address: the ones before it need not come from that proxy. */
		found = !element->node.data || step(trusted, element->node, walk);
		client->https = is_https(element->proto);
		client->host = element->host;
	}
	return n >= 0;
}

static void by_x_forwarded_for(const struct wsm__networks *trusted, wsm_slice text, struct walk *walk)
{
	bool found = false;

	for (int i = 0; i < ELEMENTS_MAX && text.len && !found; i++) {
		const char *comma = memrchr(text.data, ',', text.len);
		size_t start = comma ? (size_t)(comma - text.data) + 1 : 0;
		wsm_slice node = trim(behind(text, start));

		text.len = comma ? start - 1 : 0;
		if (node.len)
			found = step(trusted, node, walk);
	}
}

/* Returns the first of a list: the client's own word, which gives no rights. */
static wsm_slice first_of(wsm_slice list)
{
	const char *comma = list.len ? memchr(list.data, ',', list.len) : NULL;

	return trim(comma ? wsm__slice(list.data, (size_t)(comma - list.data)) : list);
}

bool wsm__proxy_client(const struct wsm__networks *trusted, const struct wsm__address *peer,
                       const struct wsm__forwarding *headers, struct wsm__client *client)
{
	struct walk standard = { *peer, false }, usual = { *peer, false };
	wsm_slice proto = first_of(headers->x_forwarded_proto), host = first_of(headers->x_forwarded_host);

	memset(client, 0, sizeof(*client));
	client->address = *peer;
	if (!wsm__networks_have(trusted, peer))
		return true;
	if (headers->forwarded.len && !by_forwarded(trusted, headers->forwarded, &standard, client))
		return false;
	by_x_forwarded_for(trusted, headers->x_forwarded_for, &usual);
	if (standard.named && usual.named && !wsm__address_equal(&standard.address, &usual.address))
		return false;
	client->address = standard.named ? standard.address : usual.address;
	client->via_proxy = true;
	client->forwarded = headers->any;
	if (client->forwarded && !standard.named && !usual.named)
		memset(&client->address, 0,
		       sizeof(client->address)); /* it speaks for somebody, without saying for whom */
	client->https = client->https || is_https(proto);
	if (host.len && !client->host.len)
		client->host = host;
	return true;
}

void wsm__proxy_believed(const struct wsm__address *address, const struct wsm__forwarding *headers,
                         struct wsm__client *client)
{
	memset(client, 0, sizeof(*client));
	client->address = *address;
	client->via_proxy = client->forwarded = true;
	client->https = is_https(first_of(headers->x_forwarded_proto));
	client->host = first_of(headers->x_forwarded_host);
}

static bool contains(wsm_slice name, const char *word)
{
	size_t len = strlen(word);

	for (size_t i = 0; i + len <= name.len; i++)
		if (wsm__slice_equal_nocase(behind(wsm__slice(name.data, i + len), i), wsm__str(word)))
			return true;
	return false;
}

bool wsm__proxy_hinted(const wsm_member *fields, size_t n)
{
	static const char *const parts[] = {
		"forward", "client-ip", "clientip", "real-ip", "connecting-ip", "original-"
	};
	static const char *const names[] = { "via", "cdn-loop", "x-envoy-external-address" };

	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < sizeof(parts) / sizeof(parts[0]); k++)
			if (contains(fields[i].name, parts[k]))
				return true;
		for (size_t k = 0; k < sizeof(names) / sizeof(names[0]); k++)
			if (wsm__slice_equal_nocase(fields[i].name, wsm__str(names[k])))
				return true;
	}
	return false;
}
