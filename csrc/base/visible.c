#include "base/visible.h"

#include "base/slice.h"

/*
 * Ranges in order: Unicode's Default_Ignorable_Code_Point, Bidi_Control, White_Space but for U+0020, C0, C1, what stands for nothing,
 * private use and noncharacters of the first plane.
 */
static const struct {
	uint32_t first, last;
} hidden[] = {
	{ 0x0000, 0x001f }, { 0x007f, 0x00a0 }, { 0x00ad, 0x00ad },   { 0x034f, 0x034f },   { 0x061c, 0x061c },
	{ 0x115f, 0x1160 }, { 0x1680, 0x1680 }, { 0x17b4, 0x17b5 },   { 0x180b, 0x180f },   { 0x2000, 0x200f },
	{ 0x2028, 0x202f }, { 0x205f, 0x206f }, { 0x2800, 0x2800 },   { 0x3000, 0x3000 },   { 0x3164, 0x3164 },
	{ 0xe000, 0xf8ff }, { 0xfdd0, 0xfdef }, { 0xfe00, 0xfe0f },   { 0xfeff, 0xfeff },   { 0xffa0, 0xffa0 },
	{ 0xfff0, 0xfffb }, { 0xfffe, 0xffff }, { 0x1bca0, 0x1bca3 }, { 0x1d173, 0x1d17a }, { 0xe0000, 0x10ffff },
};

bool wsm__hidden(uint32_t code_point)
{
	for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]) && hidden[i].first <= code_point; i++)
		if (code_point <= hidden[i].last)
			return true;
	return false;
}

void wsm__buffer_add_visible(struct wsm__buffer *out, wsm_slice text)
{
	size_t at = 0, start = 0;

	while (at < text.len) {
		uint32_t code_point = 0;
		size_t n = wsm__utf8_decode(text, at, &code_point);

		if (n && !wsm__hidden(code_point)) {
			at += n;
			continue;
		}
		wsm__buffer_add(out, text.data + start, at - start);
		if (!n || code_point < 0x80)
			wsm__buffer_addf(out, "\\x%02x", (unsigned)(unsigned char)text.data[at]);
		else
			wsm__buffer_addf(out, "\\u{%x}", (unsigned)code_point);
		at += n ? n : 1;
		start = at;
	}
	if (at > start) /* text without a byte may have no address */
		wsm__buffer_add(out, text.data + start, at - start);
}
