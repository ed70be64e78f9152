/*
 * Forwarding headers. Five lines: the peer, Forwarded, X-Forwarded-For, -Proto, -Host. Nothing that a client writes before
 * what its proxy appends changes who the client is: at worst the request is refused.
 */
#include "check.h"

#include "policy/proxy.h"

static wsm_slice take_line(wsm_slice *text)
{
	const char *end = text->len ? memchr(text->data, '\n', text->len) : NULL;
	size_t len = end ? (size_t)(end - text->data) : text->len, skip = end ? len + 1 : len;
	wsm_slice line = exact(text->data, len);

	*text = wsm__slice(text->data + skip, text->len - skip);
	return line;
}

static wsm_slice append(wsm_slice line, const char *more)
{
	size_t n = strlen(more);
	char *text = malloc(line.len + n);

	if (line.len)
		memcpy(text, line.data, line.len);
	memcpy(text + line.len, more, n);
	return wsm__slice(text, line.len + n);
}

static bool within(wsm_slice part, wsm_slice whole)
{
	return !part.len || (part.data >= whole.data && part.data + part.len <= whole.data + whole.len);
}

/* Through a proxy that appends the true address to both headers. */
static void check_lies(const struct wsm__networks *trusted, const struct wsm__forwarding *said)
{
	struct wsm__forwarding headers = *said;
	struct wsm__address proxy, truth;
	struct wsm__client client;

	wsm__address_parse(&proxy, wsm__str("127.0.0.1"));
	wsm__address_parse(&truth, wsm__str("2001:db8::9"));
	headers.x_forwarded_for = append(said->x_forwarded_for, ",2001:db8::9");
	if (wsm__proxy_client(trusted, &proxy, &headers, &client))
		CHECK(wsm__address_equal(&client.address, &truth));
	headers.forwarded = append(said->forwarded, ", for=\"[2001:db8::9]\"");
	if (wsm__proxy_client(trusted, &proxy, &headers, &client))
		CHECK(wsm__address_equal(&client.address, &truth));
	drop(headers.x_forwarded_for);
	headers.x_forwarded_for = wsm__str(NULL);
	if (wsm__proxy_client(trusted, &proxy, &headers, &client))
		CHECK(wsm__address_equal(&client.address, &truth));
	drop(headers.forwarded);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	wsm_slice text = wsm__slice((const char *)data, size), lines[5];
	struct wsm__networks *trusted = wsm__networks_parse(wsm__str("loopback,10.0.0.0/8"));
	struct wsm__networks *list;
	struct wsm__forwarding headers;
	struct wsm__address peer;
	struct wsm__client client;

	for (size_t i = 0; i < 5; i++)
		lines[i] = take_line(&text);
	headers = (struct wsm__forwarding){ lines[1], lines[2], lines[3], lines[4], true };
	wsm__address_parse(&peer, lines[0]);
	if (wsm__proxy_client(trusted, &peer, &headers, &client)) {
		CHECK(within(client.host, lines[1]) || within(client.host, lines[4]));
		CHECK(wsm__networks_have(trusted, &peer) || wsm__address_equal(&client.address, &peer));
	} else {
		CHECK(wsm__networks_have(trusted, &peer));
	}
	check_lies(trusted, &headers);
	list = wsm__networks_parse(lines[0]);
	free(list);
	free(trusted);
	for (size_t i = 0; i < 5; i++)
		drop(lines[i]);
	return 0;
}
