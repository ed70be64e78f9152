#include "base/slice.h"

#include <stdlib.h>

static unsigned char lower(char c)
{
	unsigned char u = (unsigned char)c;

	return u >= 'A' && u <= 'Z' ? (unsigned char)(u + ('a' - 'A')) : u;
}

bool wsm__slice_equal_nocase(wsm_slice a, wsm_slice b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		if (lower(a.data[i]) != lower(b.data[i]))
			return false;
	return true;
}

char *wsm__slice_dup(wsm_slice slice)
{
	char *copy;

	if (slice.len == SIZE_MAX)
		return NULL;
	copy = malloc(slice.len + 1);
	if (!copy)
		return NULL;
	if (slice.len > 0)
		memcpy(copy, slice.data, slice.len);
	copy[slice.len] = '\0';
	return copy;
}

/* RFC 3629 section 4: the second byte's range is what excludes overlong forms, surrogates and U+110000 and above. */
size_t wsm__utf8_decode(wsm_slice text, size_t at, uint32_t *code_point)
{
	const unsigned char *p = (const unsigned char *)text.data + at;
	size_t left = text.len - at, n;
	unsigned char low = 0x80, high = 0xbf;
	uint32_t value;

	if (p[0] < 0x80) {
		*code_point = p[0];
		return 1;
	}
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	if (p[0] < 0xe0) {
		n = 2;
		value = p[0] & 0x1fu;
	} else if (p[0] < 0xf0) {
		n = 3;
		value = p[0] & 0x0fu;
		low = p[0] == 0xe0 ? 0xa0 : low;
		high = p[0] == 0xed ? 0x9f : high;
	} else {
		n = 4;
		value = p[0] & 0x07u;
		low = p[0] == 0xf0 ? 0x90 : low;
		high = p[0] == 0xf4 ? 0x8f : high;
	}
	if (left < n || p[1] < low || p[1] > high)
		return 0;
	value = value << 6 | (p[1] & 0x3fu);
	for (size_t i = 2; i < n; i++) {
		if ((p[i] & 0xc0u) != 0x80)
			return 0;
		value = value << 6 | (p[i] & 0x3fu);
	}
	*code_point = value;
	return n;
}

bool wsm__utf8_valid(wsm_slice slice)
{
	size_t at = 0;

	while (at < slice.len) {
		uint32_t code_point;
		uint64_t eight;
		size_t n;

		/* Most text is ASCII: eight bytes at a time. */
		if (slice.len - at >= sizeof(eight)) {
			memcpy(&eight, slice.data + at, sizeof(eight));
			if (!(eight & UINT64_C(0x8080808080808080))) {
				at += sizeof(eight);
				continue;
			}
		}
		n = wsm__utf8_decode(slice, at, &code_point);
		if (n == 0)
			return false;
		at += n;
	}
	return true;
}
