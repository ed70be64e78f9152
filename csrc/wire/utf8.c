#include "wire/utf8.h"

#include <string.h>

/* Returns the length of the ASCII that `data` begins with. Takes eight bytes at a time. */
static size_t ascii(const uint8_t *data, size_t len)
{
	size_t at = 0;

	while (len - at >= 8) {
		uint64_t word;

		memcpy(&word, data + at, 8);
		if (word & 0x8080808080808080u)
			break;
		at += 8;
	}
	while (at < len && data[at] < 0x80)
		at++;
	return at;
}

/* The first byte of a code point of several; RFC 3629 section 4: no overlong forms, surrogates, nothing over U+10FFFF. */
static bool begin(struct wsm__utf8 *utf8, uint8_t first)
{
	utf8->least = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
	utf8->most = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
	utf8->need = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
	return first >= 0xc2 && first <= 0xf4;
}

bool wsm__utf8_feed(struct wsm__utf8 *utf8, const uint8_t *data, size_t len)
{
	size_t at = 0;

	while (at < len) {
		if (!utf8->need) {
			at += ascii(data + at, len - at);
			if (at < len && !begin(utf8, data[at++]))
				return false;
			continue;
		}
		if (data[at] < utf8->least || data[at] > utf8->most)
			return false;
		utf8->least = 0x80;
		utf8->most = 0xbf;
		utf8->need--;
		at++;
	}
	return true;
}
