/* The request target. The first byte says what the rest is: percent-encoded, a query, base64url, or positions. */
#include "check.h"

#include "wire/target.h"

static void percent(wsm_slice text, bool plus)
{
	char out[64];
	int len = wsm__percent_decode(text, plus, out, sizeof(out));

	CHECK(len >= -1 && len < (int)sizeof(out));
	if (len < 0)
		return;
	CHECK((size_t)len <= text.len && strlen(out) == (size_t)len);
	CHECK(wsm__utf8_valid(wsm__slice(out, (size_t)len)));
}

static void query(wsm_slice text)
{
	static const char *const names[] = { "resume", "session_id", "level", "" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char out[64];
		int len = wsm__query_get(text, names[i], out, sizeof(out));

		CHECK(len >= -2 && len < (int)sizeof(out));
		if (len >= 0)
			CHECK(strlen(out) == (size_t)len && wsm__utf8_valid(wsm__slice(out, (size_t)len)));
	}
}

static wsm_slice encode(wsm_slice text)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	char *out = malloc(text.len * 2 + 4);
	unsigned bits = 0, n_bits = 0;
	size_t len = 0;

	for (size_t i = 0; i < text.len; i++) {
		bits = (bits << 8 | (unsigned char)text.data[i]) & 0xffff;
		for (n_bits += 8; n_bits >= 6; n_bits -= 6)
			out[len++] = alphabet[bits >> (n_bits - 6) & 63];
	}
	if (n_bits > 0)
		out[len++] = alphabet[bits << (6 - n_bits) & 63];
	return wsm__slice(out, len);
}

/* One text for one value: what decodes is what an encoder makes of the result, but for padding. */
static void base64url(wsm_slice text)
{
	char *out = malloc(text.len + 1);
	int len = wsm__base64url_decode(text, out, text.len);

	CHECK(len >= -1 && len <= (int)text.len);
	if (len >= 0) {
		wsm_slice again = encode(wsm__slice(out, (size_t)len));

		CHECK(again.len <= text.len && text.len - again.len <= 2);
		CHECK(memcmp(again.data, text.data, again.len) == 0);
		drop(again);
	}
	free(out);
}

static void resume(wsm_slice text)
{
	struct wsm__position *positions;
	int count = wsm__resume_parse(text, &positions);

	CHECK(count >= -1 && count <= WSM__RESUME_MAX && (count > 0) == (positions != NULL));
	for (int i = 0; i < count; i++) {
		CHECK(memchr(positions[i].epoch, '\0', sizeof(positions[i].epoch)));
		CHECK(memchr(positions[i].room, '\0', sizeof(positions[i].room)));
		CHECK(positions[i].room[0] != '\0' && strlen(positions[i].room) <= 128);
		CHECK(wsm__utf8_valid(wsm__str(positions[i].room)));
	}
	free(positions);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	wsm_slice text, encoded;

	if (size == 0)
		return 0;
	text = exact(data + 1, size - 1);
	switch (data[0] % 5) {
	case 0:
		percent(text, (data[0] & 64) != 0);
		break;
	case 1:
		query(text);
		break;
	case 2:
		base64url(text);
		break;
	case 3:
		resume(text);
		break;
	default: /* the JSON inside */
		encoded = encode(text);
		resume(encoded);
		drop(encoded);
		break;
	}
	drop(text);
	return 0;
}
