#include "wire/handshake.h"

#include <openssl/evp.h>
#include <string.h>

#include "base/slice.h"

#define GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11" /* RFC 6455 section 1.3 */
#define SHA1_SIZE 20

bool wsm__handshake_wanted(const struct wsm__head *head)
{
	return wsm__head_get(head, "upgrade").data != NULL;
}

static bool upgrade_is_websocket(const struct wsm__head *head)
{
	return wsm__fields_count(head->fields, head->n_fields, "upgrade") == 1 &&
	       wsm__slice_equal_nocase(wsm__head_get(head, "upgrade"), wsm__str("websocket"));
}

/* 16 bytes in base64: 22 digits and two signs of padding. */
static bool key_is_valid(wsm_slice key)
{
	if (key.len != 24 || key.data[22] != '=' || key.data[23] != '=')
		return false;
	for (size_t i = 0; i < 22; i++) {
		char c = key.data[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' ||
		      c == '/'))
			return false;
	}
	return true;
}

/* Returns whether the client offers our subprotocol, or none besides a token. */
static bool choose(const struct wsm__head *head, bool *chosen)
{
	size_t others = 0;

	*chosen = false;
	for (size_t i = 0; i < head->n_fields; i++) {
		wsm_slice rest = head->fields[i].json, offered;

		if (!wsm__slice_equal_nocase(head->fields[i].name, wsm__str("sec-websocket-protocol")))
			continue;
		while (wsm__list_next(&rest, &offered)) {
			*chosen |= wsm__slice_is(offered, WSM__SUBPROTOCOL);
			others += !wsm__slice_starts(offered, WSM__BEARER);
		}
	}
	return *chosen || !others;
}

unsigned wsm__handshake_check(const struct wsm__head *head, bool *chosen, const char **why, const char **extra)
{
	*extra = "";
	*why = "only Upgrade: websocket is served here";
	if (!upgrade_is_websocket(head))
		return 400;
	*why = "a WebSocket is opened by GET";
	*extra = "Allow: GET\r\n";
	if (!wsm__slice_is(head->method, "GET"))
		return 405;
	*extra = "";
	*why = "a WebSocket is opened over HTTP/1.1, with Connection: Upgrade and without a body";
	if (head->minor != 1 || !head->upgrade || head->chunked || head->length)
		return 400;
	*why = "only WebSocket version 13 is served";
	*extra = "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n";
	if (!wsm__slice_is(wsm__head_get(head, "sec-websocket-version"), "13"))
		return 426;
	*extra = "";
	*why = "Sec-WebSocket-Key must be 16 bytes in base64";
	if (!key_is_valid(wsm__head_get(head, "sec-websocket-key")))
		return 400;
	*why = "none of the subprotocols is served; " WSM__SUBPROTOCOL " is";
	return choose(head, chosen) ? 0 : 400;
}

void wsm__handshake_accept(struct wsm__buffer *out, const struct wsm__head *head, bool chosen)
{
	wsm_slice key = wsm__head_get(head, "sec-websocket-key");
	unsigned char digest[SHA1_SIZE], text[(SHA1_SIZE + 2) / 3 * 4 + 1];
	char salted[24 + sizeof(GUID)];

	memcpy(salted, key.data, 24);
	memcpy(salted + 24, GUID, sizeof(GUID) - 1);
	if (EVP_Digest(salted, 24 + sizeof(GUID) - 1, digest, NULL, EVP_sha1(), NULL) != 1) {
		out->failed = true;
		return;
	}
	EVP_EncodeBlock(text, digest, SHA1_SIZE);
	wsm__buffer_addf(out,
	                 "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
	                 "Sec-WebSocket-Accept: %s\r\n%s\r\n",
	                 (const char *)text, chosen ? "Sec-WebSocket-Protocol: " WSM__SUBPROTOCOL "\r\n" : "");
}

unsigned wsm__handshake_status(unsigned close_code)
{
	switch (close_code) {
	case 4401:
		return 401;
	case 4429:
		return 429;
	case 1001:
	case 1011:
	case 1013:
		return 503;
	case 1002:
	case 4400:
		return 400;
	default: /* 4403, and the application's own */
		return 403;
	}
}
